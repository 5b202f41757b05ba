"""When the directions of data stand out of the noise of a diffusion, with n samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, broadcast, finish, reals, require

__all__ = ["critical_noise", "emergence_time", "noisy_spike"]


def noisy_spike(eigenvalue: ArrayLike, t: ArrayLike) -> FloatArray:
    """
    Return the spike that an eigenvalue of the data is at time t of the forward process.

    Parameters
    ----------
    eigenvalue
        Eigenvalue lambda of the clean data's covariance, ``eigenvalue >= 0``.
    t
        Time, ``t > 0``; broadcasts against `eigenvalue`.

    Returns
    -------
    array
        lambda / (exp(2 t) - 1), of the broadcast shape; float32 if both inputs are (Python numbers
        follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or on overflow.

    Notes
    -----
    The Ornstein-Uhlenbeck process, x_t = exp(-t) x_0 + sqrt(1 - exp(-2 t)) eps, whose noise to
    signal is that of x_0 + sigma eps with sigma^2 = exp(2 t) - 1. The denoiser's direction depends
    on t through this alone: `spiked_overlap` of it.

    Costs O(1) an entry. Verified by: WDMG-02, WDMG-04.

    Examples
    --------
    >>> import math
    >>> from lemmata.theory import noisy_spike
    >>> round(float(noisy_spike(3.0, math.log(2))), 12)
    1.0
    """
    (value, time), dtype = reals(eigenvalue=eigenvalue, t=t)
    require(value >= 0, "eigenvalue", value, ">= 0")
    require(time > 0, "t", time, "> 0")
    broadcast(eigenvalue=value, t=time)
    with np.errstate(all="ignore"):
        return finish(value / np.expm1(2 * time), dtype, "eigenvalue", "1 / t")


def critical_noise(eigenvalue: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """
    Return the noise variance up to which a direction of the data can be told from noise.

    Parameters
    ----------
    eigenvalue
        Eigenvalue lambda of the clean data's covariance, ``eigenvalue >= 0``.
    gamma
        Aspect ratio p / n, ``gamma > 0``; broadcasts against `eigenvalue`.

    Returns
    -------
    array
        lambda / sqrt(gamma), of the broadcast shape; float32 if both inputs are (Python numbers
        follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or on overflow.

    Notes
    -----
    Baik, Ben Arous & Peche 2005, with the spike lambda / sigma^2: the critical standard deviation
    grows like n^(1/4).

    Costs O(1) an entry. Verified by: WDMG-02, WDMG-03.

    Examples
    --------
    >>> from lemmata.theory import critical_noise
    >>> critical_noise([3.0, 1.0], 0.25)
    array([6., 2.])
    """
    (value, aspect), dtype = _eigenvalue_and_aspect(eigenvalue, gamma)
    with np.errstate(all="ignore"):
        return finish(value / np.sqrt(aspect), dtype, "eigenvalue", "1 / gamma")


def emergence_time(eigenvalue: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """
    Return the time of the forward process until which a direction can be told from noise.

    Parameters
    ----------
    eigenvalue
        Eigenvalue lambda of the clean data's covariance, ``eigenvalue >= 0``.
    gamma
        Aspect ratio p / n, ``gamma > 0``; broadcasts against `eigenvalue`.

    Returns
    -------
    array
        log(1 + lambda / sqrt(gamma)) / 2, of the broadcast shape; float32 if both inputs are
        (Python numbers follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or on overflow.

    Notes
    -----
    Where `noisy_spike` equals sqrt(gamma). Generation runs from large t to 0, so that the largest
    eigenvalue emerges first. The threshold s* > sqrt(gamma) of a larger overlap takes the place of
    sqrt(gamma) in the time at which that is reached.

    Costs O(1) an entry. Verified by: WDMG-04.

    Examples
    --------
    >>> from lemmata.theory import emergence_time
    >>> emergence_time([3.0, 0.0], 1.0).round(6)
    array([0.693147, 0.      ])
    """
    (value, aspect), dtype = _eigenvalue_and_aspect(eigenvalue, gamma)
    with np.errstate(all="ignore"):
        return finish(0.5 * np.log1p(value / np.sqrt(aspect)), dtype, "eigenvalue", "1 / gamma")


def _eigenvalue_and_aspect(
    eigenvalue: ArrayLike, gamma: ArrayLike
) -> tuple[list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]], np.dtype[np.generic]]:
    """Validate what two functions share."""
    (value, aspect), dtype = reals(eigenvalue=eigenvalue, gamma=gamma)
    require(value >= 0, "eigenvalue", value, ">= 0")
    require(aspect > 0, "gamma", aspect, "> 0")
    broadcast(eigenvalue=value, gamma=aspect)
    return [value, aspect], dtype
