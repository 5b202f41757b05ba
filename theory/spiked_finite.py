"""Spiked covariance matrices beyond the limits: fluctuations, small noise, close eigenvalues."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, broadcast, finish, index, reals, require
from .spiked import _scaled

__all__ = ["angle_growth", "small_noise_sine", "spiked_fluctuation"]


def spiked_fluctuation(spike: ArrayLike, gamma: ArrayLike, sigma2: ArrayLike = 1.0) -> FloatArray:
    """
    Return the limiting variance of sqrt(n) times the error of the top sample eigenvalue.

    Parameters
    ----------
    spike
        Signal variance over noise variance s, ``spike >= 0``.
    gamma
        Aspect ratio p / n, ``gamma > 0``.
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
    2 sigma2^2 (1 + s)^2 (1 - gamma / s^2) if s > sqrt(gamma), Paul 2007, Theorem 3, for real data;
    else 0: there the eigenvalue fluctuates on the smaller scale n^(-2/3). The limit from which the
    error is counted is that at p / n itself: the one at a limit of p / n may be further away than
    the fluctuations.

    Costs O(1) an entry. Verified by: N08-6.

    Examples
    --------
    >>> from lemmata.theory import spiked_fluctuation
    >>> spiked_fluctuation([0.5, 1.0, 2.0], 1.0)
    array([ 0. ,  0. , 13.5])
    """
    (s, aspect, noise), dtype = reals(spike=spike, gamma=gamma, sigma2=sigma2)
    require(s >= 0, "spike", s, ">= 0")
    require(aspect > 0, "gamma", aspect, "> 0")
    require(noise > 0, "sigma2", noise, "> 0")
    broadcast(spike=s, gamma=aspect, sigma2=noise)
    with np.errstate(all="ignore"):
        scaled, excess, _ = _scaled(s, aspect)
        share = np.where(excess > 0, excess / np.where(scaled > 0, scaled * scaled, 1.0), 0.0)
        variance = 2 * (noise * (1 + s)) ** 2 * share
    return finish(variance, dtype, "spike", "gamma", "sigma2")


def small_noise_sine(spike: ArrayLike, n: ArrayLike, p: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """
    Return the mean squared sine of the angle between sample and true eigenvector at small noise.

    Parameters
    ----------
    spike
        Signal variance over noise variance s, ``spike > 0``.
    n
        Number of samples, ``n > 4``.
    p
        Dimension, ``p >= 1``. All three broadcast.

    Returns
    -------
    leading, correction : array
        E sin^2 is ``leading (1 + correction + O(1 / s^2))`` for large s at fixed n and p. Of the
        broadcast shape; float32 if all inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or if the result
        overflows.

    Notes
    -----
    ``leading = (p - 1) / (s (n - 2))`` and ``correction = (n - p + 1) / (s (n - 4))``. Nadler 2008
    has the square root of (p - 1) / (s n), which is its limit for large n. The squared sine itself
    has the law of a chi^2_(p-1) over an independent s chi^2_n in the limit of large s.

    Costs O(1) an entry. Verified by: N08-4r.

    Examples
    --------
    >>> from lemmata.theory import small_noise_sine
    >>> [float(x) for x in small_noise_sine(100.0, 12, 11)]
    [0.01, 0.0025]
    """
    (s, samples, dimension), dtype = reals(spike=spike, n=n, p=p)
    require(s > 0, "spike", s, "> 0")
    require(samples > 4, "n", samples, "> 4")
    require(dimension >= 1, "p", dimension, ">= 1")
    shape = broadcast(spike=s, n=samples, p=dimension)
    with np.errstate(all="ignore"):
        leading = (dimension - 1) / (samples - 2) / s
        correction = (samples - dimension + 1) / (samples - 4) / s
    names = ("spike", "n", "p")
    return (
        finish(np.broadcast_to(leading, shape), dtype, *names),
        finish(np.broadcast_to(correction, shape), dtype, *names),
    )


def angle_growth(eigenvalues: ArrayLike, p: int) -> FloatArray:
    """
    Return how fast each sample eigenvector of noisy data turns away as the noise sets in.

    Parameters
    ----------
    eigenvalues
        The r positive eigenvalues of A'A / n in strictly falling order, shape (r,), of the clean
        data A.
    p
        Dimension, ``p >= r``.

    Returns
    -------
    array, shape (r,)
        a_i, where E sin^2 of the angle of the i-th eigenvector to the clean one is
        ``sigma^2 a_i / n (1 + o(1))`` as the noise variance sigma^2 falls; float32 if
        `eigenvalues` is, else float64.

    Raises
    ------
    TypeError
        If `eigenvalues` is not real or `p` not an integer.
    ValueError
        If `eigenvalues` is not finite, not a vector, not positive or not strictly falling, if
        `p` is less than r, or if the result overflows.

    Notes
    -----
    ``a_i = (p - r) / lambda_i + sum over j != i of (lambda_i + lambda_j) / (lambda_i -
    lambda_j)^2``: to first order u_j'E u_i / (lambda_i - lambda_j) with E = (A'G + G'A) sigma / n,
    of variance sigma^2 (lambda_i + lambda_j) / n. The first term is what the noise outside of the
    signal does and rises with i; the others are large wherever eigenvalues are close, and need not
    rise. Hence the angles are ordered by index at small noise exactly if the a_i are.

    Costs O(r^2). Verified by: WDMG-05r, WDMG-06r.

    Examples
    --------
    >>> from lemmata.theory import angle_growth
    >>> angle_growth([4.0, 2.0, 1.0], 12)
    array([ 4.30555556, 9.        , 12.55555556])
    """
    (values,), dtype = reals(eigenvalues=eigenvalues)
    if values.ndim != 1:
        raise ValueError(f"eigenvalues must have shape (r,), got shape {values.shape}")
    require(values > 0, "eigenvalues", values, "> 0")
    require(np.diff(values, prepend=np.inf) < 0, "eigenvalues", values, "strictly falling")
    dimension = index("p", p, values.size)
    gaps = values[:, None] - values
    np.fill_diagonal(gaps, np.inf)
    with np.errstate(all="ignore"):
        mixing = ((values[:, None] + values) / gaps / gaps).sum(axis=1)
        growth = (dimension - values.size) / values + mixing
    return finish(growth, dtype, "1 / eigenvalues", "the inverse of their gaps", "p")
