"""The standard forward and reverse processes with trained linear denoisers, step by step."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ._random import RNGLike, as_generator
from ._validate import FloatArray, as_array, as_count, finite_result
from .denoising import linear_denoiser

__all__ = ["forward_signal_and_noise", "reverse_covariance", "reverse_samples"]


def forward_signal_and_noise(retain: npt.ArrayLike, noise: npt.ArrayLike) -> tuple[float, float]:
    """
    Follow signal and noise through a forward process, step by step.

    Parameters
    ----------
    retain : array_like, shape (T,)
        Scale a_t of the signal in x_t = a_t x_{t-1} + b_t z, each in [0, 1].
    noise : array_like, shape (T,)
        Noise level b_t of the same, each >= 0.

    Returns
    -------
    signal, noise : float
        Variances in x_T of what is left of an x_0 of unit variance, and of all the noise.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an argument is empty, not finite, out of range or of the wrong shape.

    Notes
    -----
    A loop over the steps. Costs O(T).

    Verified by: WDMG-16r.

    Examples
    --------
    >>> from lemmata.impl import forward_signal_and_noise
    >>> forward_signal_and_noise([0.5, 0.5], [1.0, 1.0])
    (0.0625, 1.25)
    """
    scales, levels = as_array(retain, "retain", ndim=1), as_array(noise, "noise", ndim=1)
    if scales.shape != levels.shape:
        msg = f"noise must have shape {scales.shape}, got {levels.shape}"
        raise ValueError(msg)
    if not ((scales >= 0) & (scales <= 1)).all():
        msg = f"retain must lie in [0, 1], got {scales[(scales < 0) | (scales > 1)][0]}"
        raise ValueError(msg)
    if not (levels >= 0).all():
        msg = f"noise must be >= 0, got {levels.min()}"
        raise ValueError(msg)
    signal, added = 1.0, 0.0
    for scale, level in zip(scales.tolist(), levels.tolist(), strict=True):
        signal *= scale * scale
        added = scale * scale * added + level * level
    return signal, added


def reverse_covariance(
    data: npt.ArrayLike, times: npt.ArrayLike, *, stochastic: bool
) -> FloatArray:
    """
    Return the covariance of what Euler's steps of the reverse process make of standard noise.

    Parameters
    ----------
    data : array_like, shape (n, d)
        What the denoisers are trained on; no mean is taken off.
    times : array_like, shape (N + 1,)
        The grid, falling from where the process starts to an end >= 0.
    stochastic : bool
        Whether the steps are those of the reverse SDE, or of the probability-flow ODE.

    Returns
    -------
    ndarray, shape (d, d)

    Raises
    ------
    TypeError
        If an argument is not real, or `stochastic` is no bool.
    ValueError
        If an argument is empty or not finite, or if `times` is no falling grid.

    Notes
    -----
    A linear denoiser W is trained at every time of the grid (`linear_denoiser`); the score is
    (exp(-t) W x - x) / (1 - exp(-2 t)) (Tweedie). Backwards in the time of
    dX = -X dt + sqrt(2) dW a step of length h is x <- x + h (x + s(x)) for the ODE, and
    x <- x + h (x + 2 s(x)) + sqrt(2 h) z for the SDE; the covariance follows as
    C <- A C A^T (+ 2 h I). Costs O(n d^2 + N d^3): the data are turned once into d rows.

    Verified by: REV-1.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import reverse_covariance
    >>> times = np.linspace(6.0, 0.0, 400)
    >>> reverse_covariance([[2.0, 0.0], [0.0, 2.0]], times, stochastic=False).round(1).tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    samples, grid = as_array(data, "data", ndim=2), _falling(times)
    _check_flag(stochastic)
    covariance: FloatArray = np.eye(samples.shape[1])
    for step, h in _steps(samples, grid, stochastic):
        covariance = step @ covariance @ step.T
        if stochastic:
            covariance = covariance + 2.0 * h * np.eye(len(step))
    return finite_result(covariance, "reverse_covariance of data and times")


def reverse_samples(
    data: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    stochastic: bool,
    size: int = 1,
    rng: RNGLike = None,
) -> FloatArray:
    """
    Sample by Euler's steps of the reverse process, with linear denoisers trained on data.

    Parameters
    ----------
    data : array_like, shape (n, d)
        What the denoisers are trained on; no mean is taken off.
    times : array_like, shape (N + 1,)
        The grid, falling from where the process starts to an end >= 0.
    stochastic : bool
        Whether the steps are those of the reverse SDE, or of the probability-flow ODE.
    size : int, default 1
        Number of samples.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    ndarray, shape (size, d)

    Raises
    ------
    TypeError
        If an argument is not real, `stochastic` is no bool, `size` is not an integer or `rng` is
        of another type.
    ValueError
        If an argument is empty, not finite or out of range, or if `times` is no falling grid.

    Notes
    -----
    Starts at standard normal noise; the steps are those of `reverse_covariance`. Costs
    O(n d^2 + N (d + size) d^2).

    Verified by: REV-1, REV-1:finite, REV-2.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import reverse_samples
    >>> x = reverse_samples([[2.0]], np.linspace(4, 0, 100), stochastic=True, size=4000, rng=1)
    >>> bool(abs(x.var() - 4.0) < 0.4)
    True
    """
    samples, grid = as_array(data, "data", ndim=2), _falling(times)
    _check_flag(stochastic)
    count = as_count(size, "size")
    generator = as_generator(rng)
    x: FloatArray = generator.standard_normal((count, samples.shape[1]))
    for step, h in _steps(samples, grid, stochastic):
        x = x @ step.T
        if stochastic:
            x += math.sqrt(2.0 * h) * generator.standard_normal(x.shape)
    return finite_result(x, "reverse_samples of data and times")


def _steps(
    samples: FloatArray, grid: FloatArray, stochastic: bool
) -> Iterator[tuple[FloatArray, float]]:
    """Yield the matrix and the length of each step."""
    identity = np.eye(samples.shape[1])
    samples = _turned(samples)
    for t, end in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
        alpha, variance = math.exp(-t), -math.expm1(-2.0 * t)
        denoiser = linear_denoiser(samples, math.sqrt(variance), alpha=alpha)
        score = (alpha * denoiser - identity) / variance
        h = t - end
        yield identity + h * (identity + (2.0 if stochastic else 1.0) * score), h


def _turned(samples: FloatArray) -> FloatArray:
    """Return at most d rows with the same mean square in every direction.

    An orthogonal matrix turns the n rows into d and zeros, of which least squares know nothing;
    unlike the matrix of second moments this squares no condition number.
    """
    n, d = samples.shape
    if n <= d:
        return samples
    turned: FloatArray = np.asarray(np.linalg.qr(samples, mode="r"))
    return math.sqrt(d / n) * turned


def _falling(times: npt.ArrayLike) -> FloatArray:
    grid = as_array(times, "times", ndim=1)
    if grid.size < 2 or not (np.diff(grid) < 0).all() or grid[-1] < 0:
        msg = f"times must be two or more, falling, the last >= 0, got {grid.tolist()[:4]}..."
        raise ValueError(msg)
    # Beyond this exp(-t) is lost, and with it the denoiser.
    if grid[0] > 300.0:
        msg = f"times must be at most 300, got {grid[0]}"
        raise ValueError(msg)
    return grid


def _check_flag(stochastic: object) -> None:
    if not isinstance(stochastic, bool):
        msg = f"stochastic must be True or False, got {stochastic!r}"
        raise TypeError(msg)
