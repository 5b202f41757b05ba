"""Expectation maximisation for the means of a Gaussian mixture: by densities, by gradients."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from ._responsible import check_responsible
from ._validate import (
    FloatArray,
    as_array,
    as_covariance_factor,
    as_points,
    as_weights,
    common_dtype,
    finite_result,
)

__all__ = ["autograd_em_step", "em_responsibilities", "em_step"]

# Numbers per block of samples on the autograd tape.
_BLOCK_SIZE = 1 << 20


def em_responsibilities(
    x: npt.ArrayLike, means: npt.ArrayLike, *, cov: npt.ArrayLike | None = None
) -> FloatArray:
    """
    Return the belief that each sample came from each component (the E step).

    Parameters
    ----------
    x : array_like, shape (n, d)
        Samples.
    means : array_like, shape (K, d)
        Current estimates of the component means; the components weigh the same.
    cov : array_like, shape (d, d), optional
        Covariance of every component; the identity when left out.

    Returns
    -------
    ndarray, shape (n, K)
        Responsibilities: non-negative, each row sums to one. float32 if every array argument
        is float32, else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `cov` is not symmetric
        positive definite, or if a sample is so far out that every density overflows.

    Notes
    -----
    w_i(x) = N(x; mu_i, cov) / sum_j N(x; mu_j, cov): Shah, Chen & Klivans 2023, Fact 5, and the
    belief in Daskalakis, Tzamos & Zampetakis 2017, eq. (1.2). The densities share their
    normalising constant, which cancels; their ratio is taken by logarithms, so that far
    samples do not underflow. Cost O(n K d^2), O(n K d) without `cov`.

    Verified by: SCK-26, DTZ-1, DTZ-2.

    Examples
    --------
    >>> from lemmata.impl import em_responsibilities
    >>> em_responsibilities([[0.0], [50.0]], [[1.0], [-1.0]]).round(6).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    centres = as_array(means, "means", ndim=2)
    points = as_points(x, "x", centres.shape[1], ndim=2)
    factor = None if cov is None else as_covariance_factor(cov, "cov", centres.shape[1])
    return _responsibilities(points, centres, factor)


def em_step(
    x: npt.ArrayLike,
    means: npt.ArrayLike,
    *,
    cov: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
) -> FloatArray:
    """
    Return the component means after one step of expectation maximisation.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Samples, or the nodes of a quadrature of the population.
    means : array_like, shape (K, d)
        Current estimates of the component means; the components weigh the same.
    cov : array_like, shape (d, d), optional
        Covariance of every component; the identity when left out.
    weights : array_like, shape (n,), optional
        Non-negative weights of the samples, the same for all when left out. Their sum cancels.

    Returns
    -------
    ndarray, shape (K, d)
        New means. float32 if every array argument is float32, else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `cov` is not symmetric
        positive definite, if a weight is negative or all are zero, or if the responsibility of
        a component for all samples together underflows to zero.

    Notes
    -----
    mu_i' = E[w_i(X) X] / E[w_i(X)]: Shah, Chen & Klivans 2023, Fact 5; for two symmetric means
    the first row is Daskalakis, Tzamos & Zampetakis 2017, eq. (1.2). Neither the symmetry nor
    the value of the denominator is used. Cost O(n K d^2), O(n K d) without `cov`.

    Verified by: SCK-25, SCK-26, DTZ-1, DTZ-2, DTZ-3, DTZ-4, DTZ-5r.

    Examples
    --------
    >>> from lemmata.impl import em_step
    >>> em_step([[9.0], [11.0], [-10.0]], [[1.0], [-1.0]]).round(6).tolist()
    [[10.0], [-10.0]]
    """
    centres = as_array(means, "means", ndim=2)
    points = as_points(x, "x", centres.shape[1], ndim=2)
    factor = None if cov is None else as_covariance_factor(cov, "cov", centres.shape[1])
    belief = _responsibilities(points, centres, factor)
    if weights is not None:
        share = as_weights(weights, "weights", points.shape[0])
        # Scaled to a largest weight of one: tiny or huge weights must not leave the range.
        belief = belief * (share / share.max())[:, None]
    total = belief.sum(axis=0)
    check_responsible(total, centres)
    # Responsibilities are divided first: the quotient is an average, which cannot overflow.
    return finite_result((belief / total).T @ points, "em_step of x, means and weights")


def autograd_em_step(
    x: npt.ArrayLike, means: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> FloatArray:
    """
    Return the component means after one step of EM, from gradients of the log-likelihood alone.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Samples, or the nodes of a quadrature of the population.
    means : array_like, shape (K, d)
        Current estimates of the component means; the components weigh the same and have the
        identity covariance.
    weights : array_like, shape (n,), optional
        Non-negative weights of the samples, the same for all when left out. Their sum cancels.

    Returns
    -------
    ndarray, shape (K, d)
        New means. float32 if every array argument is float32 (computed in float64 all the
        same), else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if a weight is negative or all
        are zero, if the log-likelihood overflows, or if its derivative in a component's weight
        underflows to zero.

    Notes
    -----
    With l = mean log sum_j pi_j N(x; mu_j, I), the expected complete log-likelihood that the M
    step maximises has in mu_i, at the current means, the gradient dl/dmu_i (Fisher's identity) and
    the constant Hessian -dl/dlog pi_i: it is a parabola, and one Newton step,
    mu_i + (dl/dmu_i) / (dl/dlog pi_i), ends at its top. No responsibility is written down: the
    update of Shah, Chen & Klivans 2023, Fact 5, can be held against it. A mean far away from its
    samples costs digits. Needs torch. Cost O(n K d), in blocks of bounded memory.

    Verified by: SCK-25.

    Examples
    --------
    >>> from lemmata.impl import autograd_em_step
    >>> autograd_em_step([[9.0], [11.0], [-10.0]], [[1.0], [-1.0]]).round(6).tolist()
    [[10.0], [-10.0]]
    """
    import torch

    centres = as_array(means, "means", ndim=2)
    points = as_points(x, "x", centres.shape[1], ndim=2)
    dtype = common_dtype(points, centres)
    share = np.ones(points.shape[0])
    if weights is not None:
        given = as_weights(weights, "weights", points.shape[0])
        share, dtype = given.astype(np.float64), common_dtype(points, centres, given)
    share /= share.max()
    shift, mass = np.zeros(centres.shape), np.zeros(centres.shape[0])
    rows = max(1, _BLOCK_SIZE // centres.size)
    for start in range(0, points.shape[0], rows):
        block = slice(start, start + rows)
        location = torch.tensor(centres.astype(np.float64), requires_grad=True)
        log_weight = torch.zeros(centres.shape[0], dtype=torch.float64, requires_grad=True)
        gap = torch.tensor(points[block].astype(np.float64))[:, None, :] - location
        logs = torch.logsumexp(log_weight - 0.5 * gap.square().sum(dim=-1), dim=-1)
        total = (torch.tensor(share[block]) * logs).sum()
        finite_result(total.detach().numpy(), "log-likelihood of x and means")
        by_mean, by_weight = torch.autograd.grad(total, (location, log_weight))
        shift += by_mean.numpy()
        mass += by_weight.numpy()
    empty = np.flatnonzero(mass < np.finfo(np.float64).tiny)
    if empty.size:
        msg = (
            f"means must each matter to the likelihood: the weight of row {int(empty[0])}, "
            f"{centres[empty[0]].tolist()}, has a derivative that underflows to zero"
        )
        raise ValueError(msg)
    moved = centres + shift / mass[:, None]
    return finite_result(moved, "autograd_em_step of x and means").astype(dtype, copy=False)


def _responsibilities(
    points: FloatArray, centres: FloatArray, factor: FloatArray | None
) -> FloatArray:
    """Return normalised Gaussian densities, (n, K), given the Cholesky factor of cov."""
    dtype = common_dtype(points, centres, *([] if factor is None else [factor]))
    exponents = np.empty((points.shape[0], centres.shape[0]), dtype=dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for i, centre in enumerate(centres):
            gap = (points - centre).astype(dtype, copy=False)
            if factor is not None:
                # (x - m)^T cov^-1 (x - m) = |L^-1 (x - m)|^2
                gap = solve_triangular(factor, gap.T, lower=True, check_finite=False).T
            exponents[:, i] = -0.5 * np.square(gap).sum(axis=1)
    finite_result(exponents, "density of x under means and cov")
    log_total = logsumexp(exponents, axis=1, keepdims=True)
    result: FloatArray = np.exp(exponents - log_total)
    return result.astype(dtype, copy=False)
