"""Spectra of covariances: drawn, near-degenerate, and of digits and patches of photographs."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Iterator
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
    "patches_spectrum",
    "photograph_blocks",
    "rotation",
    "spectra",
    "spectrum",
    "total_variation",
]

Array = NDArray[np.float64]

_SEEDS = seeds()
_PLACES = st.sampled_from(["apart", "near", "apart", "equal", "zero"])
_DIGITS_OFF = st.integers(1, 12)
_SOURCES = st.sampled_from(["drawn", "drawn", "drawn", "drawn", "digits", "patches"])
#: Where a slice of a real spectrum starts.
_SLICES = st.integers(0, 12)


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
    Some are slices of the spectra of the digits and of patches, scaled, unless `distinct` is asked.
    """
    values = [draw(log_uniform(*range_))]
    source = "drawn" if distinct else draw(_SOURCES)
    if source != "drawn":
        real = digits_spectrum() if source == "digits" else patches_spectrum()
        start = draw(_SLICES)
        slice_ = real[start : start + draw(_sizes(least, most))] / real[start]
        return {"eigenvalues": (values[0] * slice_).tolist(), "seed": draw(_SEEDS)}
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


@contextlib.contextmanager
def _same_randomness() -> Iterator[None]:
    """Give the global generator back as it was: importing scikit-learn draws from it.

    Hypothesis objects to that inside a strategy.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@functools.cache
def digits() -> Array:
    """The handwritten digits of scikit-learn, 8 x 8 pixels, without their mean."""
    with _same_randomness():
        from sklearn.datasets import load_digits

        images = np.asarray(load_digits().data, dtype=np.float64)
    return np.asarray(images - images.mean(axis=0))


@functools.cache
def digits_spectrum() -> Array:
    """Eigenvalues of the digits' covariance, falling, in units of their sum."""
    images = digits()
    values = np.linalg.eigvalsh(images.T @ images / len(images))[::-1]
    return np.asarray(np.maximum(values, 0.0) / values.sum())


@functools.cache
def photograph_blocks() -> tuple[Array, ...]:
    """Grey 8 x 8 patches of scikit-learn's two photographs, each (rows, columns, 64)."""
    with _same_randomness():
        from sklearn.datasets import load_sample_images

        images = load_sample_images().images
    found = []
    for image in images:
        grey = np.asarray(image, dtype=np.float64).mean(axis=2)
        rows, columns = (size // 8 for size in grey.shape)
        blocks = grey[: 8 * rows, : 8 * columns].reshape(rows, 8, columns, 8)
        found.append(blocks.swapaxes(1, 2).reshape(rows, columns, 64))
    return tuple(found)


@functools.cache
def patches_spectrum() -> Array:
    """Eigenvalues of 8 x 8 grey patches of two photographs, falling, in units of their sum."""
    patches = [blocks.reshape(-1, 64) for blocks in photograph_blocks()]
    values = np.linalg.eigvalsh(np.cov(np.concatenate(patches).T, bias=True))[::-1]
    return np.asarray(np.maximum(values, 0.0) / values.sum())


def normalised(spread: Array) -> Array:
    """A spectrum in units of its sum."""
    return np.asarray(spread / spread.sum())


def total_variation(left: Array, right: Array) -> float:
    """Half the sum of the absolute differences of two normalised spectra."""
    return 0.5 * float(np.abs(left - right).sum())
