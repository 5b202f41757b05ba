"""The gradient of the empirical DDPM loss from fresh samples, streamed in bounded memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ._random import RNGLike, as_generator
from ._validate import (
    FloatArray,
    as_array,
    as_count,
    as_points,
    as_real,
    common_dtype,
    finite_result,
)

__all__ = ["empirical_gradient"]


def empirical_gradient(
    mu: npt.ArrayLike,
    mu_star: npt.ArrayLike,
    t: float,
    n: int,
    *,
    rng: RNGLike = None,
    block: int = 1 << 16,
) -> tuple[FloatArray, np.floating[Any]]:
    """
    Return the gradient of the empirical DDPM loss on n fresh samples of two Gaussians.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    mu_star : array_like, shape (d,)
        The mean of one component at time 0; the other is its negative.
    t : float
        Time of the Ornstein-Uhlenbeck process, > 0.
    n : int
        Number of samples, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.
    block : int, default 65536
        Numbers per array that are held at a time: a block has ``max(1, block // d)`` samples. It
        decides the order in which random numbers are spent, so another block gives other samples.

    Returns
    -------
    gradient : ndarray, shape (d,)
        Mean over the samples of the gradient in mu of ``|s_mu(x) + z / sqrt(1 - exp(-2 t))|^2``:
        the factor 2 of the square is in it. float32 if both arrays are float32 (simulated in
        float32, summed over blocks in float64), else float64.
    mean_square : floating
        Mean over the samples of the squared norm of their own gradients, of the same dtype.

    Raises
    ------
    TypeError
        If an array or `t` is not real, `n` or `block` is no integer, or `rng` is of another type.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t <= 0``, ``n < 1`` or
        ``block < 1``, or if a gradient overflows.

    Notes
    -----
    Left-hand side of Shah, Chen & Klivans 2023, Lemma C.3, by eq. (5): with the student
    s_mu(x) = tanh(mu.x) mu - x, J its derivative in mu, and r = s_mu(x) + z / beta_t, a sample's
    gradient is 2 J^T r = 2 tanh(mu.x) r + 2 tanh'(mu.x) (mu.r) x. Cost O(n d), in O(block + d)
    memory whatever n is.

    Verified by: SCK-17:large-noise, SCK-17r.

    Examples
    --------
    Where mu is exp(-t) mu_star the population gradient is zero, and what is left is noise:

    >>> import math
    >>> from lemmata.impl import empirical_gradient
    >>> mu = [0.5 * math.exp(-1.0)]
    >>> gradient, mean_square = empirical_gradient(mu, [0.5], 1.0, 100_000, rng=1)
    >>> bool(abs(gradient[0]) < 5 * math.sqrt(mean_square / 100_000))
    True
    """
    parameter = as_array(mu, "mu", ndim=1)
    centre = as_points(mu_star, "mu_star", parameter.shape[0], ndim=1)
    time = as_real(t, "t", above=0.0)
    count = as_count(n, "n")
    rows = max(1, as_count(block, "block") // parameter.shape[0])
    generator = as_generator(rng)
    dtype = common_dtype(parameter, centre)
    parameter, centre = parameter.astype(dtype), centre.astype(dtype)
    beta = math.sqrt(-math.expm1(-2.0 * time))
    total, squares = np.zeros(parameter.shape[0]), 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, count, rows):
            size = min(rows, count - start)
            x, z = _draw(generator, centre, math.exp(-time), beta, size)
            block_total, block_squares = _sums(parameter, x, z, beta)
            total += block_total
            squares += block_squares
        means = (np.append(total, squares) / count).astype(dtype)
        result: FloatArray = finite_result(means, "empirical_gradient of mu, mu_star and t")
    return result[:-1], result[-1]


def _draw(
    generator: np.random.Generator, centre: FloatArray, alpha: float, beta: float, size: int
) -> tuple[FloatArray, FloatArray]:
    """Return x_t and the noise in it, each (d, size): long rows make short loops fast."""
    dtype: np.dtype[Any] = centre.dtype
    shape = (centre.shape[0], size)
    single = dtype == np.float32
    x, z = (
        generator.standard_normal(shape, dtype=np.float32)
        if single
        else generator.standard_normal(shape)
        for _ in range(2)
    )
    sign = 2 * generator.integers(2, size=size, dtype=np.int8) - 1
    x += np.multiply.outer(centre, sign.astype(dtype))
    x *= alpha
    x += beta * z
    return x, z


def _sums(
    mu: FloatArray, x: FloatArray, z: FloatArray, beta: float
) -> tuple[npt.NDArray[np.float64], float]:
    """Return the sums of the samples' gradients and of their squared norms; x, z are (d, size)."""
    student = np.tanh(mu @ x)
    residual = np.multiply.outer(mu, student)
    residual -= x
    residual += z / beta
    slope = (1 - student) * (1 + student) * (mu @ residual)
    # J^T r, in place of r.
    residual *= student
    residual += slope * x
    flat = residual.ravel()
    return 2.0 * residual.sum(axis=1), 4.0 * float(flat @ flat)
