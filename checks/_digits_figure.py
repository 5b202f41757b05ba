"""Figures 2 and 3 on the digits: sines of the angles of noisy data's eigenvectors."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._spectra import digits

__all__ = ["RANK", "crossing", "digits_curves", "digits_squares"]

Array = NDArray[np.float64]

RANK = 6
_DRAWS = 40
_LEVELS = np.geomspace(0.05, 12.0, 40)


def _digits_levels() -> Array:
    """Noise levels, in units of the root of the total variance over p: 3.3 grey levels of 16."""
    images = digits()
    return np.asarray(_LEVELS * math.sqrt(float(np.square(images).sum()) / images.size))


def _digits_pairs() -> tuple[Array, Array]:
    images = digits()
    values, vectors = np.linalg.eigh(images.T @ images / len(images))
    return values[::-1][:RANK], vectors[:, ::-1][:, :RANK]


@functools.cache
def digits_squares() -> Array:
    """Squared cosines of noisy digits' eigenvectors with the clean ones, (draws, levels, rank).

    The levels share each draw of the noise.
    """
    images, levels = digits(), _digits_levels()[:, None, None]
    _, vectors = _digits_pairs()
    clean, rng = images.T @ images, np.random.default_rng(0)
    found = np.empty((_DRAWS, levels.size, RANK))
    for draw in found:
        noise = rng.standard_normal(images.shape)
        cross = images.T @ noise
        noisy = clean + levels * (cross + cross.T) + levels**2 * (noise.T @ noise)
        turned = np.linalg.eigh(noisy)[1][:, :, : -RANK - 1 : -1]
        draw[:] = np.square((turned * vectors).sum(axis=1))
    return found


@functools.cache
def digits_curves() -> dict[str, Any]:
    """Sines of the angles against the noise, with two standard errors, and theory's."""
    images = digits()
    n, p = images.shape
    values, _ = _digits_pairs()
    squares, levels = 1 - digits_squares(), _digits_levels()
    means = squares.mean(axis=0)
    sines = np.sqrt(means)
    reach = 2 * squares.std(axis=0, ddof=1) / math.sqrt(_DRAWS)
    expected = np.sqrt(1 - theory.spiked_overlap(values / np.square(levels)[:, None], p / n))
    return {
        "data": f"scikit-learn's digits, n = {n}, p = {p}, the mean taken off; they stand in for"
        f" MNIST. {_DRAWS} draws of the noise, shared by the levels. The spectrum is not spiked:"
        " the theory takes each eigenvalue for itself.",
        "sigma": levels.tolist(),
        "eigenvalues": values.tolist(),
        "sine, simulated": sines.round(6).tolist(),
        "sine, simulated, two standard errors": (reach / (2 * sines)).round(6).tolist(),
        "sine, theory": np.asarray(expected).round(6).tolist(),
        "critical sigma, theory": np.sqrt(theory.critical_noise(values, p / n)).tolist(),
    }


def crossing(squares: Array, sine: float) -> float:
    """The noise at which the sine is last below so much; `squares` are squared sines a level."""
    levels, level = _digits_levels(), sine**2
    # The last crossing: the curve is noisy where it is flat.
    k = int(np.flatnonzero(squares < level)[-1])
    share = (level - squares[k]) / (squares[k + 1] - squares[k])
    return float(levels[k] * (levels[k + 1] / levels[k]) ** share)
