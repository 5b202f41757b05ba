"""Limits of the top sample eigenvalue and eigenvector of a spiked covariance matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._twofold import two_product
from ._validate import FloatArray, Work, broadcast, finish, reals, require

__all__ = ["critical_spike", "spiked_eigenvalue", "spiked_overlap"]


def _scaled(spike: Work, gamma: Work) -> tuple[Work, Work, Work]:
    """Return s, s^2 - gamma and gamma over 2^k, 4^k and 2^k, where s / 2^k is in [1/2, 1)."""
    # Scaling by powers of two is exact, and the square then neither over- nor underflows.
    power = -np.frexp(spike)[1]
    s: Work = np.asarray(np.ldexp(spike, power), dtype=np.float64)
    square, error = two_product(s, s)
    # Near the transition the first difference is exact: no digit is lost, nor the sign.
    excess: Work = (square - np.ldexp(gamma, 2 * power)) + error
    return s, excess, np.asarray(np.ldexp(gamma, power), dtype=np.float64)


def critical_spike(gamma: ArrayLike) -> FloatArray:
    """
    Return the spike above which the top eigenvalue leaves the bulk.

    Parameters
    ----------
    gamma
        Aspect ratio p / n, ``gamma > 0``, an array or a number.

    Returns
    -------
    array
        sqrt(gamma), of the shape of `gamma`; float32 if `gamma` is, else float64.

    Raises
    ------
    TypeError
        If `gamma` is not real.
    ValueError
        If `gamma` is not finite, empty or not positive.

    Notes
    -----
    Baik, Ben Arous & Peche 2005; Nadler 2008. The spike is the signal variance over the noise
    variance: the population covariance is sigma2 (I + s u u').

    Costs O(1) an entry. Verified by: N08-1, N08-2, N08-6, N08-7.

    Examples
    --------
    >>> from lemmata.theory import critical_spike
    >>> critical_spike([0.25, 4.0])
    array([0.5, 2. ])
    """
    (aspect,), dtype = reals(gamma=gamma)
    require(aspect > 0, "gamma", aspect, "> 0")
    return finish(np.sqrt(aspect), dtype, "gamma")


def spiked_eigenvalue(spike: ArrayLike, gamma: ArrayLike, sigma2: ArrayLike = 1.0) -> FloatArray:
    """
    Return the limit of the top eigenvalue of the sample covariance matrix.

    Parameters
    ----------
    spike
        Signal variance over noise variance s, ``spike >= 0``.
    gamma
        Limit of the aspect ratio p / n, ``gamma > 0``.
    sigma2
        Noise variance, ``sigma2 > 0``. All three broadcast.

    Returns
    -------
    array
        Of the broadcast shape; float32 if all inputs are (Python numbers follow the others), else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or if the result
        overflows.

    Notes
    -----
    sigma2 (1 + s) (1 + gamma / s) if s > sqrt(gamma), else sigma2 (1 + sqrt(gamma))^2, as n and p
    grow with p / n -> gamma: Baik & Silverstein 2006; Nadler 2008. The covariance is X'X / n, of
    mean-zero rows with covariance sigma2 (I + s u u').

    Costs O(1) an entry. Verified by: N08-1, N08-2, N08-6, N08-7.

    Examples
    --------
    >>> from lemmata.theory import spiked_eigenvalue
    >>> spiked_eigenvalue([0.0, 1.0, 4.0], 1.0)
    array([4.  , 4.  , 6.25])
    """
    (s, aspect, noise), dtype = reals(spike=spike, gamma=gamma, sigma2=sigma2)
    require(s >= 0, "spike", s, ">= 0")
    require(aspect > 0, "gamma", aspect, "> 0")
    require(noise > 0, "sigma2", noise, "> 0")
    broadcast(spike=s, gamma=aspect, sigma2=noise)
    with np.errstate(all="ignore"):
        above = _scaled(s, aspect)[1] > 0
        outlier = (1 + s) * (1 + aspect / np.where(above, s, 1.0))
        limit = noise * np.where(above, outlier, (1 + np.sqrt(aspect)) ** 2)
    return finish(limit, dtype, "spike", "gamma", "sigma2")


def spiked_overlap(spike: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """
    Return the limit of the squared overlap of the top sample eigenvector and the spike's direction.

    Parameters
    ----------
    spike
        Signal variance over noise variance s, ``spike >= 0``.
    gamma
        Limit of the aspect ratio p / n, ``gamma > 0``; broadcasts against `spike`.

    Returns
    -------
    array
        In [0, 1], of the broadcast shape; float32 if both inputs are (Python numbers follow the
        other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast.

    Notes
    -----
    (1 - gamma / s^2) / (1 + gamma / s) if s > sqrt(gamma), else 0, as n and p grow with
    p / n -> gamma: Paul 2007; Nadler 2008. It is computed as (s^2 - gamma) / (s (s + gamma)) with
    an exact difference, so that it is relatively accurate however close to the transition.

    Costs O(1) an entry. Verified by: N08-1, N08-2, N08-3, N08-7, WDMG-02, WDMG-03, WDMG-04,
    WDMG-10r.

    Examples
    --------
    >>> from lemmata.theory import spiked_overlap
    >>> spiked_overlap([0.5, 1.0, 2.0], 1.0)
    array([0. , 0. , 0.5])
    """
    (s, aspect), dtype = reals(spike=spike, gamma=gamma)
    require(s >= 0, "spike", s, ">= 0")
    require(aspect > 0, "gamma", aspect, "> 0")
    broadcast(spike=s, gamma=aspect)
    with np.errstate(all="ignore"):
        scaled, excess, scaled_gamma = _scaled(s, aspect)
        above = excess > 0
        overlap = np.where(above, excess / (scaled * (scaled + scaled_gamma)), 0.0)
    return finish(np.minimum(overlap, 1.0), dtype, "spike", "gamma")
