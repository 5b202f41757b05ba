"""Linear denoisers of Gaussian data and what they sample, eigenvalue by eigenvalue."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, Work, broadcast, finish, index, reals, require, vectors

__all__ = [
    "clean_chain_log_gain",
    "euler_variance",
    "injected_variance",
    "projection_excess",
    "reverse_variance",
    "terminal_snr",
    "wiener_error",
    "wiener_gain",
]


def _spectrum(
    eigenvalues: ArrayLike, sigma2: ArrayLike, rank: object
) -> tuple[Work, Work, int, np.dtype[Any]]:
    """Return a falling spectrum (..., d), the noise (..., 1), the rank and the dtype."""
    (values, noise), dtype = reals(eigenvalues=eigenvalues, sigma2=sigma2)
    vectors(eigenvalues=eigenvalues)  # refuses a scalar
    require(values >= 0, "eigenvalues", values, ">= 0")
    require(noise > 0, "sigma2", noise, "> 0")
    require(np.diff(values, axis=-1) <= 0, "eigenvalues", values[..., 1:], "in falling order")
    broadcast(eigenvalues=values[..., 0], sigma2=noise)
    kept = values.shape[-1] if rank is None else index("rank", rank, 0, values.shape[-1])
    return values, noise[..., None], kept, dtype


def _gain(eigenvalues: Work, sigma2: Work, alpha: Work) -> Work:
    # As a sum of ratios: neither a square nor a sum of large numbers can overflow.
    return np.asarray(1 / (alpha + (sigma2 / eigenvalues) / alpha))


def wiener_gain(eigenvalues: ArrayLike, sigma2: ArrayLike, alpha: ArrayLike = 1.0) -> FloatArray:
    """
    Return the gains of the best linear denoiser, along the eigenvectors of the data's covariance.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, ``eigenvalues >= 0``.
    sigma2
        Noise variance, ``sigma2 > 0``.
    alpha
        Scale of the signal, ``0 < alpha <= 1``. All three broadcast.

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
    alpha lambda / (alpha^2 lambda + sigma2): E[x_0 | x_t] for x_t = alpha x_0 + sigma z and
    Gaussian x_0, and the least squares over all linear maps whatever the law of x_0. A chain of
    the best linear maps x_t -> x_{t-1} composes to the same, however many its steps.

    Costs O(1) an entry. Verified by: WDMG-01r, WDMG-12r, WDMG-15.

    Examples
    --------
    >>> from lemmata.theory import wiener_gain
    >>> wiener_gain([3.0, 1.0, 0.0], 1.0)
    array([0.75, 0.5 , 0.  ])
    """
    (values, noise, scale), dtype = reals(eigenvalues=eigenvalues, sigma2=sigma2, alpha=alpha)
    broadcast(eigenvalues=values, sigma2=noise, alpha=scale)
    require(values >= 0, "eigenvalues", values, ">= 0")
    require(noise > 0, "sigma2", noise, "> 0")
    require((scale > 0) & (scale <= 1), "alpha", scale, "in (0, 1]")
    with np.errstate(all="ignore"):
        gain = _gain(values, noise, scale)
    return finish(gain, dtype, "eigenvalues", "sigma2", "alpha")


def wiener_error(eigenvalues: ArrayLike, sigma2: ArrayLike, rank: int | None = None) -> FloatArray:
    """
    Return the least mean squared error of a linear denoiser, of any rank or of a given one.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, shape (..., d), non-negative and in falling order.
    sigma2
        Noise variance, ``sigma2 > 0``; broadcasts against the leading axes of `eigenvalues`.
    rank
        Largest rank of the denoiser, 0 to d; d when left out.

    Returns
    -------
    array
        The leading shape; float32 if both inputs are (a Python number follows), else float64.

    Raises
    ------
    TypeError
        If an input is not real or `rank` is not an integer.
    ValueError
        If an input is not finite, empty, out of range, out of order or does not broadcast, or if
        the result overflows.

    Notes
    -----
    sum_{i <= r} lambda_i sigma2 / (lambda_i + sigma2) + sum_{i > r} lambda_i: the error of the
    Wiener map on the r leading eigenvectors, which is the reduced-rank regression.

    Costs O(d) an entry. Verified by: WDMG-01r.

    Examples
    --------
    >>> from lemmata.theory import wiener_error
    >>> float(wiener_error([3.0, 1.0], 1.0)), float(wiener_error([3.0, 1.0], 1.0, 1))
    (1.25, 1.75)
    """
    values, noise, kept, dtype = _spectrum(eigenvalues, sigma2, rank)
    with np.errstate(all="ignore"):
        head = noise * _gain(values[..., :kept], noise, np.ones(()))
        total = head.sum(axis=-1) + values[..., kept:].sum(axis=-1)
    return finish(total, dtype, "eigenvalues", "sigma2")


def projection_excess(eigenvalues: ArrayLike, sigma2: ArrayLike, rank: int) -> FloatArray:
    """
    Return by how much the PCA projection's mean squared error exceeds the best linear map's.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, shape (..., d), non-negative and in falling order.
    sigma2
        Noise variance, ``sigma2 > 0``; broadcasts against the leading axes of `eigenvalues`.
    rank
        Of the projection on the leading eigenvectors, 0 to d.

    Returns
    -------
    array
        The leading shape; float32 if both inputs are (a Python number follows), else float64.

    Raises
    ------
    TypeError
        If an input is not real or `rank` is not an integer.
    ValueError
        If an input is not finite, empty, out of range, out of order or does not broadcast, or if
        the result overflows.

    Notes
    -----
    sum_{i <= r} sigma^4 / (lambda_i + sigma2) + sum_{i > r} lambda_i^2 / (lambda_i + sigma2), the
    difference of r sigma2 + sum_{i > r} lambda_i and `wiener_error`, without its cancellation.

    Costs O(d) an entry. Verified by: WDMG-01r.

    Examples
    --------
    >>> from lemmata.theory import projection_excess
    >>> float(projection_excess([3.0, 1.0], 1.0, 1))
    0.75
    """
    values, noise, kept, dtype = _spectrum(eigenvalues, sigma2, rank)
    with np.errstate(all="ignore"):
        head = noise / (1 + values[..., :kept] / noise)
        tail = values[..., kept:] * _gain(values[..., kept:], noise, np.ones(()))
        total = head.sum(axis=-1) + tail.sum(axis=-1)
    return finish(total, dtype, "eigenvalues", "sigma2")


def clean_chain_log_gain(
    eigenvalues: ArrayLike, sigma2: ArrayLike, repeats: ArrayLike = 1.0
) -> FloatArray:
    """
    Return the logarithm of the gain of clean-image denoisers applied one after the other.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, ``eigenvalues > 0``.
    sigma2
        Noise variance that the denoiser is the best linear one for, ``sigma2 > 0``.
    repeats
        How often it is applied, ``repeats > 0``. All three broadcast.

    Returns
    -------
    array
        Of the broadcast shape; float32 if all inputs are (Python numbers follow the others), else
        float64. A chain with several noise levels has the sum over them.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or if the result
        overflows.

    Notes
    -----
    -repeats log(1 + sigma2 / lambda). The difference between two eigenvalues is the logarithm of
    the ratio of their components, and is what must diverge for the chain to concentrate.

    Costs O(1) an entry. Verified by: WDMG-13:constant, WDMG-13:cumulative, WDMG-13r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import clean_chain_log_gain
    >>> np.exp(clean_chain_log_gain([3.0, 1.0], 1.0, 2))
    array([0.5625, 0.25  ])
    """
    arrays, dtype = reals(eigenvalues=eigenvalues, sigma2=sigma2, repeats=repeats)
    values, noise, count = arrays
    require(values > 0, "eigenvalues", values, "> 0")
    require(noise > 0, "sigma2", noise, "> 0")
    require(count > 0, "repeats", count, "> 0")
    broadcast(eigenvalues=values, sigma2=noise, repeats=count)
    with np.errstate(all="ignore"):
        gain = -count * np.log1p(noise / values)
    return finish(gain, dtype, "eigenvalues", "sigma2", "repeats")


def terminal_snr(
    steps: ArrayLike, scale: ArrayLike, power: ArrayLike, *, preserving: bool = True
) -> FloatArray:
    """
    Return the signal-to-noise ratio at the end of a forward process with noise c / T^q a step.

    Parameters
    ----------
    steps
        Number of steps T, ``steps >= 1``.
    scale
        The c of the noise variance c / T^q that a step adds, ``scale > 0``.
    power
        The q of it. All three broadcast.
    preserving
        Whether a step also shrinks the signal so that unit variance is preserved; then
        c / T^q must lie in (0, 1].

    Returns
    -------
    array
        Of the broadcast shape; float32 if all inputs are (Python numbers follow the others), else
        float64.

    Raises
    ------
    TypeError
        If an input is not real, or `preserving` is no bool.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or if the result
        overflows.

    Notes
    -----
    For data of unit variance. With alpha_T^2 = (1 - c / T^q)^T it is alpha_T^2 / (1 - alpha_T^2)
    if variance is preserved, else T^(q-1) / c. As T grows it tends to infinity for q > 1 (no noise
    is left), to 1 / (e^c - 1) or 1 / c at q = 1, and to 0 for q < 1.

    Costs O(1) an entry. Verified by: WDMG-16, WDMG-16r.

    Examples
    --------
    >>> from lemmata.theory import terminal_snr
    >>> float(terminal_snr(2, 1.0, 1.0, preserving=True))  # 1/4 signal, 3/4 noise
    0.3333333333333333
    >>> float(terminal_snr(1000, 1.0, 2.0, preserving=False))
    1000.0
    """
    (count, size, exponent), dtype = reals(steps=steps, scale=scale, power=power)
    if not isinstance(preserving, bool):
        raise TypeError(f"preserving must be True or False, got {preserving!r}")
    require(count >= 1, "steps", count, ">= 1")
    require(size > 0, "scale", size, "> 0")
    broadcast(steps=count, scale=size, power=exponent)
    with np.errstate(all="ignore"):
        if not preserving:
            snr = np.power(count, exponent - 1) / size
        else:
            each = size / np.power(count, exponent)
            require((each > 0) & (each <= 1), "scale / steps^power", each, "in (0, 1]")
            # 1 / (alpha^-2 - 1); no signal is left at all where a step adds variance one.
            snr = 1 / np.expm1(-count * np.log1p(-each))
    return finish(np.asarray(snr), dtype, "steps", "scale", "power")


def injected_variance(eigenvalues: ArrayLike, sigma2: ArrayLike, tau2: ArrayLike) -> FloatArray:
    """
    Return the stationary variance of a chain of Wiener denoisers with noise injected in between.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, ``eigenvalues >= 0``.
    sigma2
        Noise variance that the denoiser is the best linear one for, ``sigma2 > 0``.
    tau2
        Variance of the injected noise, ``tau2 > 0``. All three broadcast.

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
    tau2 / (1 - w^2) with w = lambda / (lambda + sigma2), the fixed point of v = w^2 v + tau2. At
    tau2 = 2 sigma2 it lies between lambda + 1.5 sigma2 and lambda + 2 sigma2: the chain is then
    Langevin's, discretised.

    Costs O(1) an entry. Verified by: WDMG-15:law.

    Examples
    --------
    >>> from lemmata.theory import injected_variance
    >>> float(injected_variance(1.0, 1.0, 3.0))
    4.0
    """
    arrays, dtype = reals(eigenvalues=eigenvalues, sigma2=sigma2, tau2=tau2)
    values, noise, injected = arrays
    require(values >= 0, "eigenvalues", values, ">= 0")
    require(noise > 0, "sigma2", noise, "> 0")
    require(injected > 0, "tau2", injected, "> 0")
    broadcast(eigenvalues=values, sigma2=noise, tau2=injected)
    with np.errstate(all="ignore"):
        ratio = values / noise
        variance = injected * ((1 + ratio) * ((1 + ratio) / (1 + 2 * ratio)))
    return finish(variance, dtype, "eigenvalues", "sigma2", "tau2")


def reverse_variance(
    eigenvalues: ArrayLike, t_end: ArrayLike, *, stochastic: bool = False
) -> FloatArray:
    """
    Return the variance that the exact reverse process reaches from standard normal noise.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, ``eigenvalues >= 0``.
    t_end
        Time at which the reverse process starts, ``t_end > 0``. Both broadcast.
    stochastic
        Whether the reverse process is the SDE or the probability-flow ODE.

    Returns
    -------
    array
        Of the broadcast shape; float32 if both inputs are (Python numbers follow the other), else
        float64.

    Raises
    ------
    TypeError
        If an input is not real, or `stochastic` is no bool.
    ValueError
        If an input is not finite, empty, out of range or does not broadcast, or if the result
        overflows.

    Notes
    -----
    For dX = -X dt + sqrt(2) dW from N(0, lambda), with v = 1 + (lambda - 1) exp(-2 t_end): the ODE
    scales by sqrt(lambda / v) and reaches lambda / v; the SDE reaches
    lambda (1 - exp(-2 t_end)) / v + exp(-2 t_end) lambda^2 / v^2. Both tend to lambda, with
    errors of the order of exp(-2 t_end) and exp(-4 t_end).

    Costs O(1) an entry. Verified by: REV-1.

    Examples
    --------
    >>> import math
    >>> from lemmata.theory import reverse_variance
    >>> round(float(reverse_variance(3.0, math.log(2.0), stochastic=False)), 12)
    2.0
    """
    (values, time), dtype = reals(eigenvalues=eigenvalues, t_end=t_end)
    _check_flag(stochastic)
    require(values >= 0, "eigenvalues", values, ">= 0")
    require(time > 0, "t_end", time, "> 0")
    broadcast(eigenvalues=values, t_end=time)
    with np.errstate(all="ignore"):
        kept, lost = np.exp(-2 * time), -np.expm1(-2 * time)
        share = values / (values * kept + lost)
        reached = share * lost + kept * share**2 if stochastic else share
    return finish(reached, dtype, "eigenvalues", "t_end")


def euler_variance(
    eigenvalues: ArrayLike, times: ArrayLike, *, stochastic: bool = False
) -> FloatArray:
    """
    Return the variance that Euler's steps of the reverse process reach from standard normal noise.

    Parameters
    ----------
    eigenvalues
        Of the covariance of x_0, ``eigenvalues >= 0``, any shape.
    times
        The grid, shape (N + 1,), falling from where the process starts to an end >= 0.
    stochastic
        Whether the steps are Euler-Maruyama's of the reverse SDE, or Euler's of the
        probability-flow ODE.

    Returns
    -------
    array
        Of the shape of `eigenvalues`; float32 if both inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real, or `stochastic` is no bool.
    ValueError
        If an input is not finite, empty or out of range, if `times` is no falling grid of two or
        more times, or if the result overflows.

    Notes
    -----
    Eigenvalue by eigenvalue, with v = 1 + (lambda - 1) exp(-2 t) and the exact score -x / v at the
    start of a step of length h: the ODE scales by 1 + h (1 - 1 / v), the SDE by
    1 + h (1 - 2 / v) and adds variance 2 h.

    Costs O(N) an entry. Verified by: REV-1, REV-2.

    Examples
    --------
    >>> from lemmata.theory import euler_variance
    >>> float(euler_variance(1.0, [2.0, 1.5, 0.0], stochastic=False))
    1.0
    """
    (values, grid), dtype = reals(eigenvalues=eigenvalues, times=times)
    _check_flag(stochastic)
    require(values >= 0, "eigenvalues", values, ">= 0")
    if grid.ndim != 1 or grid.size < 2:
        raise ValueError(f"times must have shape (N + 1,) with N >= 1, got {grid.shape}")
    require(grid >= 0, "times", grid, ">= 0")
    require(np.diff(grid) < 0, "times", grid[1:], "falling")
    variance = np.ones(values.shape)
    with np.errstate(all="ignore"):
        for t, h in zip(grid[:-1], -np.diff(grid), strict=True):
            # 1 - 1 / v, without the difference: v tends to one.
            pull = (values - 1) / (values + np.expm1(2 * t))
            if stochastic:
                variance = (1 - h + 2 * h * pull) ** 2 * variance + 2 * h
            else:
                variance = (1 + h * pull) ** 2 * variance
    return finish(np.asarray(variance), dtype, "eigenvalues", "times")


def _check_flag(stochastic: object) -> None:
    if not isinstance(stochastic, bool):
        raise TypeError(f"stochastic must be True or False, got {stochastic!r}")
