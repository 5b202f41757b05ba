"""Linear denoisers by least squares, and chains of them, as dense matrices."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.linalg import lstsq

from ._random import RNGLike, as_generator
from ._validate import FloatArray, as_array, as_count, as_points, as_real, finite_result

__all__ = [
    "denoiser_error",
    "injected_chain",
    "injected_covariance",
    "linear_denoiser",
    "sequential_denoiser",
]


def linear_denoiser(
    data: npt.ArrayLike, sigma: float, *, alpha: float = 1.0, rank: int | None = None
) -> FloatArray:
    """
    Train a linear denoiser on data: least squares of W (alpha x + sigma z) against x.

    Parameters
    ----------
    data : array_like, shape (n, d)
        Samples of x_0; no mean is taken off.
    sigma : float
        Noise level, > 0.
    alpha : float, default 1
        Scale of the signal, > 0.
    rank : int, optional
        Largest rank of the denoiser, 1 to d; any when left out.

    Returns
    -------
    ndarray, shape (d, d)
        The matrix W, float32 if `data` is float32, else float64.

    Raises
    ------
    TypeError
        If an argument is not real, or `rank` is not an integer.
    ValueError
        If `data` is empty or not finite, or an argument is out of range.

    Notes
    -----
    The standard denoising loss, mean over the data of E_z |W (alpha x + sigma z) - x|^2, is the
    sum of squares of one linear system: the samples, and below them sigma times the identity with
    nothing on the right. Lower rank: the fitted values are projected on their leading right
    singular vectors, which is the reduced-rank regression (Izenman 1975). Costs
    O((n + d) d^2).

    Verified by: WDMG-01r, WDMG-15, WDMG-15r, REV-1, REV-3.

    Examples
    --------
    >>> from lemmata.impl import linear_denoiser
    >>> linear_denoiser([[2.0, 0.0], [0.0, 1.0]], 1.0).round(6).tolist()
    [[0.666667, 0.0], [0.0, 0.333333]]
    """
    samples = as_array(data, "data", ndim=2)
    level = as_real(sigma, "sigma", above=0.0)
    scale = as_real(alpha, "alpha", above=0.0)
    n, d = samples.shape
    kept = d if rank is None else as_count(rank, "rank", largest=d)
    scaled = samples / math.sqrt(n)
    inputs = np.vstack([scale * scaled, level * np.eye(d, dtype=samples.dtype)])
    targets = np.vstack([scaled, np.zeros((d, d), dtype=samples.dtype)])
    # By an orthogonal factor, with pivots: a third of the time of one by singular values.
    weights = lstsq(inputs, targets, lapack_driver="gelsy", check_finite=False)[0]
    if kept < d:
        leading = np.linalg.svd(inputs @ weights, full_matrices=False)[2][:kept]
        weights = weights @ leading.T @ leading
    return finite_result(np.asarray(weights.T), "linear_denoiser of data, sigma and alpha")


def denoiser_error(matrix: npt.ArrayLike, covariance: npt.ArrayLike, sigma: float) -> float:
    """
    Return the mean squared error of a linear denoiser, by traces.

    Parameters
    ----------
    matrix : array_like, shape (d, d)
        The denoiser W.
    covariance : array_like, shape (d, d)
        Covariance of x_0.
    sigma : float
        Noise level, >= 0.

    Returns
    -------
    float
        E |W (x_0 + sigma z) - x_0|^2.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an argument is empty, not finite, out of range or of the wrong shape.

    Notes
    -----
    tr (W - I) C (W - I)^T + sigma^2 tr W W^T. Costs O(d^3).

    Verified by: WDMG-01:projection, WDMG-01r.

    Examples
    --------
    >>> from lemmata.impl import denoiser_error
    >>> denoiser_error([[1.0, 0.0], [0.0, 0.0]], [[3.0, 0.0], [0.0, 1.0]], 1.0)
    2.0
    """
    weights, spread = _square(matrix, "matrix"), as_array(covariance, "covariance", ndim=2)
    _same_order(weights, spread, "covariance")
    level = as_real(sigma, "sigma", at_least=0.0)
    missed = weights - np.eye(len(weights))
    return float(((missed @ spread) * missed).sum() + level**2 * (weights * weights).sum())


def sequential_denoiser(
    covariance: npt.ArrayLike, retain: npt.ArrayLike, noise: npt.ArrayLike
) -> FloatArray:
    """
    Compose the best linear maps x_t -> x_{t-1} of a forward process over all its steps.

    Parameters
    ----------
    covariance : array_like, shape (d, d)
        Covariance of x_0.
    retain : array_like, shape (T,)
        Scale a_t of the signal in x_t = a_t x_{t-1} + b_t z, each in (0, 1].
    noise : array_like, shape (T,)
        Noise level b_t of the same, each > 0.

    Returns
    -------
    ndarray, shape (d, d)
        W_1 ... W_T, what takes x_T to x_0.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an argument is empty, not finite, out of range or of the wrong shape.

    Notes
    -----
    With C_t the covariance of x_t, by Gaussian conditioning W_t = a_t C_{t-1} C_t^{-1}: T linear
    systems, and T products. Costs O(T d^3).

    Verified by: WDMG-12r.

    Examples
    --------
    >>> from lemmata.impl import sequential_denoiser
    >>> sequential_denoiser([[2.0]], [1.0, 1.0], [1.0, 1.0]).tolist()
    [[0.5]]
    """
    spread = _square(covariance, "covariance")
    scales, levels = _schedule(retain, noise)
    current = spread.astype(np.float64)
    identity = np.eye(len(spread))
    product = identity
    for scale, level in zip(scales, levels, strict=True):
        after = scale**2 * current + level**2 * identity
        # Transposed, since the unknown stands on the left.
        product = product @ np.linalg.solve(after, scale * current).T
        current = after
    return finite_result(product, "sequential_denoiser of covariance, retain and noise")


def injected_covariance(matrix: npt.ArrayLike, tau: float) -> FloatArray:
    """
    Return the stationary covariance of x <- W x + tau z, by the discrete Lyapunov equation.

    Parameters
    ----------
    matrix : array_like, shape (d, d)
        The map W, of spectral radius below one.
    tau : float
        Level of the injected noise, > 0.

    Returns
    -------
    ndarray, shape (d, d)

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an argument is empty, not finite, out of range or of the wrong shape, or if W does not
        contract: then no stationary law exists.

    Notes
    -----
    Solved by SciPy's bilinear transformation. Costs O(d^3).

    Verified by: WDMG-15, WDMG-15:law, WDMG-15r.

    Examples
    --------
    >>> from lemmata.impl import injected_covariance
    >>> injected_covariance([[0.5]], 3.0).round(12).tolist()
    [[12.0]]
    """
    from scipy.linalg import solve_discrete_lyapunov

    weights = _square(matrix, "matrix")
    level = as_real(tau, "tau", above=0.0)
    radius = float(np.abs(np.linalg.eigvals(weights)).max())
    if radius >= 1:
        msg = f"matrix must have a spectral radius < 1, got {radius}"
        raise ValueError(msg)
    found = solve_discrete_lyapunov(weights, level**2 * np.eye(len(weights)))
    return finite_result(np.asarray(found), "injected_covariance of matrix and tau")


def injected_chain(
    x0: npt.ArrayLike,
    matrix: npt.ArrayLike,
    tau: float,
    steps: int,
    *,
    rng: RNGLike = None,
) -> FloatArray:
    """
    Apply a linear map again and again, with noise injected after each time.

    Parameters
    ----------
    x0 : array_like, shape (n, d)
        Where the chains start.
    matrix : array_like, shape (d, d)
        The map W.
    tau : float
        Level of the injected noise, >= 0.
    steps : int
        Number of steps, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    ndarray, shape (n, d)
        After the last step.

    Raises
    ------
    TypeError
        If an argument is not real, `steps` is not an integer or `rng` is of another type.
    ValueError
        If an argument is empty, not finite, out of range or of the wrong shape, or if the chains
        overflow.

    Notes
    -----
    x <- W x + tau z with fresh standard normal z. Costs O(steps n d^2).

    Verified by: WDMG-15.

    Examples
    --------
    >>> from lemmata.impl import injected_chain
    >>> injected_chain([[8.0]], [[0.5]], 0.0, 3).tolist()
    [[1.0]]
    """
    weights = _square(matrix, "matrix")
    x = as_points(x0, "x0", len(weights), ndim=2)
    level = as_real(tau, "tau", at_least=0.0)
    count = as_count(steps, "steps")
    generator = as_generator(rng)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(count):
            x = x @ weights.T + level * generator.standard_normal(x.shape)
    return finite_result(x, "injected_chain of x0, matrix and tau")


def _square(value: npt.ArrayLike, name: str) -> FloatArray:
    array = as_array(value, name, ndim=2)
    if array.shape[0] != array.shape[1]:
        msg = f"{name} must be square, got shape {array.shape}"
        raise ValueError(msg)
    return array


def _same_order(first: FloatArray, second: FloatArray, name: str) -> None:
    if first.shape != second.shape:
        msg = f"{name} must have shape {first.shape}, got {second.shape}"
        raise ValueError(msg)


def _schedule(retain: npt.ArrayLike, noise: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    scales, levels = as_array(retain, "retain", ndim=1), as_array(noise, "noise", ndim=1)
    _same_order(scales, levels, "noise")
    if not ((scales > 0) & (scales <= 1)).all():
        msg = f"retain must lie in (0, 1], got {scales[~((scales > 0) & (scales <= 1))][0]}"
        raise ValueError(msg)
    if not (levels > 0).all():
        msg = f"noise must be > 0, got {levels.min()}"
        raise ValueError(msg)
    return scales, levels
