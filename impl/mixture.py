"""Equal-weight Gaussian mixtures: samples, forward noising, density and score by definition."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp

from ._random import RNGLike, as_generator
from ._validate import (
    FloatArray,
    as_array,
    as_count,
    as_covariance_factor,
    as_points,
    as_real,
    common_dtype,
    finite_result,
)

if TYPE_CHECKING:
    import torch

__all__ = ["autograd_score", "forward", "forward_noise", "log_density", "sample_mixture"]

# Points per block of the autograd tape, so that its memory does not grow with the data.
_BLOCK = 1 << 16


def sample_mixture(
    means: npt.ArrayLike,
    n: int,
    *,
    cov: npt.ArrayLike | None = None,
    rng: RNGLike = None,
) -> FloatArray:
    """
    Draw samples from an equal-weight mixture of Gaussians with one shared covariance.

    Parameters
    ----------
    means : array_like, shape (K, d)
        Component means. ``[mu, -mu]`` is the symmetric two-component mixture.
    n : int
        Number of samples, at least 1.
    cov : array_like, shape (d, d), optional
        Covariance of every component; the identity when left out.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    ndarray, shape (n, d)
        Independent samples, float32 if every array argument is float32, else float64.

    Raises
    ------
    TypeError
        If an array is not real, `n` is not an integer or `rng` is of another type.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `cov` is not symmetric
        positive definite, or if ``n < 1``.

    Notes
    -----
    Shah, Chen & Klivans 2023, eq. (6), and eq. (1) for two symmetric means; with `cov` the
    model of Daskalakis, Tzamos & Zampetakis 2017, eq. (1.1). The labels are drawn first, then
    the noise. Cost O(n d), or O(n d^2) with `cov`.

    Verified by: SCK-01, SCK-02, SCK-06, SCK-07, SCK-09r, SCK-10, SCK-11, SCK-17r, SCK-19, SCK-25,
    SCK-26, SCK-30, DTZ-1, DTZ-2.

    Examples
    --------
    >>> from lemmata.impl import sample_mixture
    >>> x = sample_mixture([[3.0, 0.0], [-3.0, 0.0]], 1000, rng=7)
    >>> x.shape
    (1000, 2)
    >>> bool(abs(abs(x[:, 0]).mean() - 3.0) < 0.2)
    True
    """
    centres = as_array(means, "means", ndim=2)
    count = as_count(n, "n")
    dtype = centres.dtype
    factor = None
    if cov is not None:
        factor = as_covariance_factor(cov, "cov", centres.shape[1])
        dtype = common_dtype(centres, factor)
    generator = as_generator(rng)
    label = generator.integers(centres.shape[0], size=count)
    noise = _standard_normal(generator, (count, centres.shape[1]), dtype)
    if factor is not None:
        noise = noise @ factor.T
    return centres[label] + noise


def forward(x0: npt.ArrayLike, z: npt.ArrayLike, t: float) -> FloatArray:
    """
    Carry samples along the Ornstein-Uhlenbeck process with the noise that is given.

    Parameters
    ----------
    x0 : array_like, shape (...)
        Samples at time 0.
    z : array_like, shape (...)
        Standard normal noise, of a shape that broadcasts with `x0`.
    t : float
        Time, > 0.

    Returns
    -------
    ndarray, shape (...)
        ``exp(-t) x0 + sqrt(1 - exp(-2 t)) z``.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty or not finite, if the shapes do not broadcast, or if ``t <= 0``.

    Notes
    -----
    Shah, Chen & Klivans 2023, the display after the OU process: X_t = exp(-t) X_0 +
    sqrt(1 - exp(-2t)) Z_t. Cost O(size).

    Verified by: SCK-01, SCK-02, SCK-08r.

    Examples
    --------
    >>> import math
    >>> from lemmata.impl import forward
    >>> forward([1.0, 0.0], [0.0, 1.0], math.log(2.0)).round(12).tolist()
    [0.5, 0.866025403784]
    """
    start = as_array(x0, "x0")
    noise = as_array(z, "z")
    time = as_real(t, "t", above=0.0)
    try:
        np.broadcast_shapes(start.shape, noise.shape)
    except ValueError as error:
        msg = f"z must broadcast with x0, got shapes {noise.shape} and {start.shape}"
        raise ValueError(msg) from error
    # -expm1(-2t) keeps the digits of 1 - exp(-2t) at small t.
    return math.exp(-time) * start + math.sqrt(-math.expm1(-2.0 * time)) * noise


def forward_noise(
    x0: npt.ArrayLike, t: float, *, rng: RNGLike = None
) -> tuple[FloatArray, FloatArray]:
    """
    Draw noise and carry samples along the Ornstein-Uhlenbeck process.

    Parameters
    ----------
    x0 : array_like, shape (...)
        Samples at time 0.
    t : float
        Time, > 0.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    x_t : ndarray, shape (...)
        ``exp(-t) x0 + sqrt(1 - exp(-2 t)) z``.
    z : ndarray, shape (...)
        The standard normal noise that was used.

    Raises
    ------
    TypeError
        If `x0` or `t` is not real or `rng` is of another type.
    ValueError
        If `x0` is empty or not finite, or if ``t <= 0``.

    Notes
    -----
    Shah, Chen & Klivans 2023, the marginal of the OU process dX = -X dt + sqrt(2) dW.
    Cost O(size).

    Verified by: SCK-02, SCK-06, SCK-07, SCK-09r, SCK-17r, SCK-19, SCK-30, WDMG-02.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import forward, forward_noise
    >>> x_t, z = forward_noise(np.ones((4, 2)), 0.3, rng=1)
    >>> bool(np.array_equal(x_t, forward(np.ones((4, 2)), z, 0.3)))
    True
    """
    start = as_array(x0, "x0")
    time = as_real(t, "t", above=0.0)
    noise = _standard_normal(as_generator(rng), start.shape, start.dtype)
    return forward(start, noise, time), noise


def log_density(x: npt.ArrayLike, means: npt.ArrayLike, t: float = 0.0) -> FloatArray:
    """
    Return the log density of a noised Gaussian mixture, from its definition.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points.
    means : array_like, shape (K, d)
        Component means at time 0; every component has identity covariance.
    t : float, default 0
        Time of the Ornstein-Uhlenbeck process, >= 0.

    Returns
    -------
    ndarray, shape (...)
        Natural logarithm of the normalised density q_t at each point.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t < 0``, or if a point is
        so far out that its log density overflows.

    Notes
    -----
    Component i at time t is N(exp(-t) mu_i, (exp(-2t) + 1 - exp(-2t)) I), as the sum of
    exp(-t) X_0 and independent noise (Shah, Chen & Klivans 2023, the OU marginal and eq. (6)).
    Cost O(size(x) K).

    Verified by: SCK-03, SCK-04, SCK-25.

    Examples
    --------
    >>> from lemmata.impl import log_density
    >>> round(float(log_density([0.0], [[0.0]])), 12)
    -0.918938533205
    >>> log_density([[1.0, 0.0], [0.0, 2.0]], [[1, 0], [-1, 0]], t=0.5).shape
    (2,)
    """
    centres = as_array(means, "means", ndim=2)
    points = as_points(x, "x", centres.shape[1])
    time = as_real(t, "t", at_least=0.0)
    dtype = common_dtype(points, centres)
    count, dimension = centres.shape
    variance = _variance(time)
    parts = np.empty((*points.shape[:-1], count), dtype=np.float64)
    with np.errstate(over="ignore"):
        for i, centre in enumerate(centres.astype(np.float64)):
            gap = points - math.exp(-time) * centre
            parts[..., i] = np.square(gap).sum(axis=-1) / (-2.0 * variance)
    finite_result(parts, "log_density of x and means")
    norm = math.log(count) + 0.5 * dimension * math.log(2.0 * math.pi * variance)
    result: FloatArray = np.asarray(logsumexp(parts, axis=-1) - norm, dtype=dtype)
    return result


def autograd_score(x: npt.ArrayLike, means: npt.ArrayLike, t: float = 0.0) -> FloatArray:
    """
    Return the score of a noised Gaussian mixture by automatic differentiation.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points.
    means : array_like, shape (K, d)
        Component means at time 0; every component has identity covariance.
    t : float, default 0
        Time of the Ornstein-Uhlenbeck process, >= 0.

    Returns
    -------
    ndarray, shape (..., d)
        Gradient of `log_density` with respect to `x`; float32 if every array argument is
        float32 (computed in float64 all the same), else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t < 0``, or if a point is
        so far out that its log density overflows.

    Notes
    -----
    Nothing is simplified: torch differentiates the definition of q_t, so that the closed form
    of Shah, Chen & Klivans 2023, Lemma 4, can be held against it. Needs torch.
    Cost O(size(x) K), in blocks of bounded memory.

    Verified by: SCK-02, SCK-03, SCK-04, SCK-20r.

    Examples
    --------
    >>> from lemmata.impl import autograd_score
    >>> autograd_score([[0.5, -1.0]], [[0.0, 0.0]]).tolist()
    [[-0.5, 1.0]]
    """
    import torch

    centres = as_array(means, "means", ndim=2)
    points = as_points(x, "x", centres.shape[1])
    time = as_real(t, "t", at_least=0.0)
    flat = points.reshape(-1, centres.shape[1]).astype(np.float64)
    fixed = torch.tensor(centres, dtype=torch.float64)
    score = np.empty_like(flat)
    for start in range(0, flat.shape[0], _BLOCK):
        block = torch.tensor(flat[start : start + _BLOCK], requires_grad=True)
        # The samples are independent, so the gradient of the sum is the stack of gradients.
        total = _torch_log_density(block, fixed, time).sum()
        score[start : start + _BLOCK] = torch.autograd.grad(total, block)[0].numpy()
    finite_result(score, "autograd_score of x and means")
    return score.reshape(points.shape).astype(common_dtype(points, centres), copy=False)


def _variance(t: float) -> float:
    """Return the variance of a component at time t: scaled data plus independent noise."""
    return math.exp(-2.0 * t) - math.expm1(-2.0 * t)


def _torch_log_density(x: torch.Tensor, means: torch.Tensor, t: float) -> torch.Tensor:
    """Return the log density of points (n, d) under the mixture at time t, on torch's tape."""
    import torch

    variance = _variance(t)
    gap = x[:, None, :] - math.exp(-t) * means
    parts = -gap.square().sum(dim=-1) / (2.0 * variance)
    norm = math.log(means.shape[0]) + 0.5 * means.shape[1] * math.log(2.0 * math.pi * variance)
    return torch.logsumexp(parts, dim=-1) - norm


def _standard_normal(
    generator: np.random.Generator,
    shape: tuple[int, ...],
    dtype: np.dtype[np.floating[Any]],
) -> FloatArray:
    """Draw standard normals of either supported dtype."""
    if dtype == np.float32:
        return generator.standard_normal(shape, dtype=np.float32)
    return generator.standard_normal(shape)
