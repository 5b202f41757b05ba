"""Spectra of covariances: drawn ones, near-degenerate ones, and that of the digits."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform, seeds

__all__ = [
    "data_with",
    "digits",
    "digits_spectrum",
    "normalised",
    "rotation",
    "spectra",
    "spectrum",
    "total_variation",
]

Array = NDArray[np.float64]

_SEEDS = seeds()
_PLACES = st.sampled_from(["apart", "near", "apart", "equal", "zero"])
_DIGITS_OFF = st.integers(1, 12)


@functools.cache
def _sizes(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


@st.composite
def spectra(
    draw: st.DrawFn,
    *,
    least: int = 2,
    most: int = 6,
    range_: tuple[float, float] = (1e-6, 1e6),
    fall: float = 1e-4,
    distinct: bool = False,
    zeros: bool = True,
) -> dict[str, Any]:
    """Points {eigenvalues, seed}: a falling spectrum, and the seed of its eigenvectors.

    Neighbours are apart by a factor down to `fall`, closer than twelve digits, equal, or zero;
    with `distinct` the two largest are told apart by a tenth, and without `zeros` none is zero.
    """
    values = [draw(log_uniform(*range_))]
    for position in range(1, draw(_sizes(least, most))):
        place = draw(_PLACES)
        if distinct and position == 1:
            place = "clear"
        factor = {
            "clear": min(draw(log_uniform(fall, 1.0)), 0.9),
            "apart": draw(log_uniform(fall, 1.0)),
            "near": 1 - 10.0 ** -draw(_DIGITS_OFF),
            "equal": 1.0,
            "zero": 0.0 if zeros else 1.0,
        }[place]
        values.append(values[-1] * factor)
    return {"eigenvalues": values, "seed": draw(_SEEDS)}


def spectrum(point: Point) -> Array:
    """The eigenvalues of a point."""
    return np.asarray(point["eigenvalues"], dtype=np.float64)


def rotation(point: Point) -> Array:
    """Eigenvectors, in columns, from the seed of a point."""
    d = len(point["eigenvalues"])
    rng = np.random.default_rng(point["seed"])
    return np.asarray(np.linalg.qr(rng.standard_normal((d, d)))[0])


def data_with(eigenvalues: Array, vectors: Array) -> Array:
    """As many samples as dimensions, whose second moment is exactly that of the spectrum."""
    scale = np.sqrt(len(eigenvalues) * eigenvalues)
    return np.asarray(scale[:, None] * vectors.T)


@functools.cache
def digits() -> Array:
    """The handwritten digits of scikit-learn, 8 x 8 pixels, without their mean."""
    from sklearn.datasets import load_digits

    images = np.asarray(load_digits().data, dtype=np.float64)
    return np.asarray(images - images.mean(axis=0))


@functools.cache
def digits_spectrum() -> Array:
    """Eigenvalues of the digits' covariance, falling, in units of their sum."""
    images = digits()
    values = np.linalg.eigvalsh(images.T @ images / len(images))[::-1]
    return np.asarray(np.maximum(values, 0.0) / values.sum())


def normalised(spread: Array) -> Array:
    """A spectrum in units of its sum."""
    return np.asarray(spread / spread.sum())


def total_variation(left: Array, right: Array) -> float:
    """Half the sum of the absolute differences of two normalised spectra."""
    return 0.5 * float(np.abs(left - right).sum())
