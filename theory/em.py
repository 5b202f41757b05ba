"""Population EM for two Gaussians of one covariance: the map, its slope, its rate, and G."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cho_solve, cholesky

from ._stein import Law, combine, pair, products, residual_coefficients
from ._trapezoid import exp_half_square
from ._twofold import dot, two_product, two_sum
from ._validate import FloatArray, Work, broadcast, finish, reals, require, vectors

__all__ = ["em_contraction", "em_map", "em_residual", "em_residual_slope", "em_slope"]

_BLOCK = 1 << 18  # entries of products held at once


def _cholesky(cov: ArrayLike, d: int) -> tuple[Work, Work, np.dtype[np.generic]]:
    """Check a covariance matrix and return its symmetric part and its lower Cholesky factor."""
    (matrix,), dtype = reals(cov=cov)
    if matrix.shape != (d, d):
        raise ValueError(f"cov must have shape (d, d) = {(d, d)}, got {matrix.shape}")
    gap = np.abs(matrix - matrix.T).max()
    if gap > 1e-10 * np.abs(matrix).max():
        raise ValueError(f"cov must be symmetric, got entries that differ by {float(gap):.3g}")
    matrix = 0.5 * matrix + 0.5 * matrix.T
    try:
        return matrix, cholesky(matrix, lower=True, check_finite=False), dtype
    except LinAlgError as error:
        raise ValueError(f"cov must be positive definite: {error}") from error


def _times(matrix: Work, rows: Work) -> tuple[Work, Work]:
    """Return ``rows @ matrix`` for a symmetric matrix, to twice the working precision."""
    size = max(1, _BLOCK // matrix.size)
    blocks = [
        dot(matrix, rows[start : start + size, None, :]) for start in range(0, len(rows), size)
    ]
    return np.concatenate([b[0] for b in blocks]), np.concatenate([b[1] for b in blocks])


def _solve(matrix: Work, factor: Work, right: Work) -> tuple[Work, Work]:
    """Return the rows cov^-1 b to more than the working precision, as a sum of two."""

    def rough(rows: Work) -> Work:
        return np.asarray(cho_solve((factor, True), rows.T, check_finite=False).T)

    high = rough(right)
    low = np.zeros_like(high)
    for _ in range(2):
        image, image_low = _times(matrix, high)
        rest = ((right - image) - image_low) - low @ matrix
        high, low = two_sum(high, low + rough(rest))
    return high, low


def _law(
    estimate: Work, mean: Work, cov: ArrayLike | None, dtype: np.dtype[np.generic]
) -> tuple[Law, np.dtype[np.generic]]:
    """Return the law of s = lam' cov^-1 x under N(mu, cov), and the dtype of the result."""
    if cov is None:
        return products(estimate, mean, "lam", "mu"), dtype
    matrix, factor, cov_dtype = _cholesky(cov, estimate.shape[-1])
    with np.errstate(all="ignore"):
        solved = _solve(matrix, factor, estimate.reshape(-1, estimate.shape[-1]))
        high, low = (part.reshape(estimate.shape) for part in solved)
        law = []
        for other in (mean, estimate):
            total, rest = dot(other, high)
            law.append(two_sum(total, rest + np.sum(other * low, axis=-1)))
        m, m_low, v, v_low = np.broadcast_arrays(*law[0], *law[1])
    if not (np.isfinite(m) & np.isfinite(v)).all():
        raise ValueError("lam and mu must be small enough: their product by cov^-1 overflows")
    return Law(m, np.maximum(v, 0.0), m_low, v_low), np.result_type(dtype, cov_dtype)


def _quotient(a: Work, b: Work, c: Work) -> tuple[Work, Work]:
    """Return a b / c and what its rounding left out."""
    product, product_low = two_product(a, b)
    ratio = product / c
    back, back_low = two_product(ratio, c)
    low = (((product - back) - back_low) + product_low) / c
    return ratio, np.where(np.isfinite(low), low, 0.0)


def em_map(lam: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None) -> FloatArray:
    """
    Return the population EM update M(lam, mu) for two Gaussians of one covariance.

    Parameters
    ----------
    lam
        Current estimate, shape ``(..., d)``.
    mu
        True mean, shape ``(..., d)``; leading axes broadcast against those of `lam`.
    cov
        Common covariance matrix, shape ``(d, d)``, symmetric positive definite. Default: identity.

    Returns
    -------
    array
        E tanh(lam' cov^-1 x) x over x ~ N(mu, cov), shape ``(..., d)``; float32 if all inputs are,
        else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, if its square overflows, or if `cov`
        is not symmetric positive definite.

    Notes
    -----
    Daskalakis, Tzamos & Zampetakis 2017, eq. (2.1); with the identity, Shah, Chen & Klivans 2023,
    Fact 5. By Stein's lemma it is mu E tanh(s) + lam E tanh'(s) with
    s ~ N(lam' cov^-1 mu, lam' cov^-1 lam).

    Costs O(d) and one fixed quadrature; with `cov`, O(d^3) once and O(d^2) a vector.
    Verified by: SCK-26, SCK-27r, SCK-30, DTZ-1, DTZ-2, DTZ-3, DTZ-4, DTZ-5r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import em_map
    >>> em_map([0.0, 0.0], [1.0, 2.0])
    array([0., 0.])
    >>> mu, cov = np.array([1.0, 2.0]), [[2.0, 0.5], [0.5, 1.0]]
    >>> np.allclose(em_map(mu, mu, cov), mu, rtol=1e-14)
    True
    """
    (estimate, mean), dtype = vectors(lam=lam, mu=mu)
    law, dtype = _law(estimate, mean, cov, dtype)
    e = law.moments()
    with np.errstate(all="ignore"):
        update = e["tanh"][..., None] * mean + e["d1"][..., None] * estimate
        return finish(update, dtype, "lam", "mu")


def em_slope(lam: ArrayLike, mu: ArrayLike, var: ArrayLike = 1.0) -> FloatArray:
    """
    Return the derivative in lam of the one-dimensional population EM map.

    Parameters
    ----------
    lam
        Current estimate, an array or a number.
    mu
        True mean.
    var
        Common variance, ``var > 0``. All three broadcast.

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
        If an input is not finite or empty, if they do not broadcast, if ``var <= 0``, or if
        lam mu / var, lam^2 / var or mu^2 / var overflows.

    Notes
    -----
    M(lam, mu) = E[tanh(lam x / var) x] over x ~ N(mu, var): Daskalakis, Tzamos & Zampetakis 2017,
    eq. (2.1), in one dimension. Its derivative is E[x^2 tanh'(lam x / var)] / var, which is
    E[s^2 tanh'(s)] / v with s ~ N(m, v), m = lam mu / var, v = lam^2 / var; at lam = 0 it is
    1 + mu^2 / var. Next to 0 Stein's lemma takes the division away:
    (1 + mu^2 / var) E tanh' + 2 m E tanh'' + v E tanh'''.

    Costs O(1) a point. Verified by: DTZ-3, DTZ-4.

    Examples
    --------
    It repels at 0 and attracts at mu:

    >>> from lemmata.theory import em_slope
    >>> em_slope([0.0, 2.0], 2.0).round(3)
    array([5.   , 0.022])
    """
    (estimate, mean, variance), dtype = reals(lam=lam, mu=mu, var=var)
    require(variance > 0, "var", variance, "> 0")
    broadcast(lam=estimate, mu=mean, var=variance)
    estimate, mean, variance = np.broadcast_arrays(estimate, mean, variance)
    with np.errstate(all="ignore"):
        m, m_low = _quotient(estimate, mean, variance)
        v, v_low = _quotient(estimate, estimate, variance)
        signal = mean * (mean / variance)
        if not (np.isfinite(m) & np.isfinite(v)).all():
            raise ValueError("lam, mu and 1 / var must be small enough: a product overflows")
        e = Law(m, v, m_low, v_low).moments()
        near = (1 + signal) * e["d1"] + 2 * m * e["d2"] + v * e["d3"]
        # Where v is not a normal number, s is m, and 1 / v = mu^2 / (var m^2).
        far = np.where(v > 1e-290, e["s2_d1"] / v, e["s2_d1"] / m / m * signal)
        slope = np.where((np.abs(m) < 0.1) & (v < 0.01), near, far)
    return finish(slope, dtype, "lam", "mu", "var")


def em_contraction(lam: ArrayLike, mu: ArrayLike, cov: ArrayLike | None = None) -> FloatArray:
    """
    Return the factor by which one population EM step at least contracts towards the truth.

    Parameters
    ----------
    lam
        Current estimate, shape ``(..., d)``, with <lam, mu> > 0.
    mu
        True mean, shape ``(..., d)``; leading axes broadcast against those of `lam`.
    cov
        Common covariance matrix, shape ``(d, d)``, symmetric positive definite. Default: identity.

    Returns
    -------
    array
        kappa in [0, 1], of the broadcast shape ``(...)``; float32 if all inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, if its square overflows, if `cov`
        is not symmetric positive definite, or if <lam, mu> <= 0.

    Notes
    -----
    kappa = exp(-min(<lam, lam>, <mu, lam>)^2 / (2 <lam, lam>)) with <a, b> = a' cov^-1 b:
    Daskalakis, Tzamos & Zampetakis 2017, the theorem on the contraction of population EM. The
    distance is that of the same inner product.

    Costs O(d); with `cov`, O(d^3) once and O(d^2) a vector. Verified by: DTZ-4.

    Examples
    --------
    >>> from lemmata.theory import em_contraction
    >>> em_contraction([2.0, 0.0], [[2.0, 1.0], [1.0, 5.0]]).round(4)
    array([0.1353, 0.6065])
    """
    (estimate, mean), dtype = vectors(lam=lam, mu=mu)
    law, dtype = _law(estimate, mean, cov, dtype)
    m, m_low, v, v_low = (np.asarray(x) for x in (law.m, law.m_low, law.v, law.v_low))
    require(m > 0, "<lam, mu>", m, "> 0 for lam and mu")
    with np.errstate(all="ignore"):
        shorter = (m - v) + (m_low - v_low) < 0
        least, least_low = np.where(shorter, m, v), np.where(shorter, m_low, v_low)
        kappa = np.where(v > 0, exp_half_square(least, v, least_low, v_low), 1.0)
    return finish(kappa, dtype, "lam", "mu")


def em_residual(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return what `ddpm_descent` adds to a gradient-EM step: G(mu, mu_star).

    Parameters
    ----------
    mu
        Student parameter, shape ``(..., d)``.
    mu_star
        True mean, shape ``(..., d)``; leading axes broadcast against those of `mu`.

    Returns
    -------
    array
        Shape ``(..., d)``; float32 if both inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if its square overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, display before Lemma C.8 (eq. (C.2) in one dimension):

    G = E[-1/2 tanh''(s) |mu|^2 X + tanh'(s) s X - tanh'(s) mu], s = mu.X, X ~ N(mu_star, I),

    which is mu_star E[s tanh' - v/2 tanh''] + mu E[s tanh'' - v/2 tanh''']. Hence `ddpm_descent` is
    `em_map` - mu + G, and G(mu, mu) = 0.

    Costs O(d) and one fixed quadrature. Verified by: SCK-27r, SCK-28, SCK-30, SCK-32r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import ddpm_descent, em_map, em_residual
    >>> mu, mu_star = np.array([1.0, 0.5]), np.array([2.0, 0.0])
    >>> step = em_map(mu, mu_star) - mu + em_residual(mu, mu_star)
    >>> np.allclose(step, ddpm_descent(mu, mu_star), rtol=1e-14)
    True
    """
    mean, star, law, dtype = pair(mu, mu_star)
    a, b = residual_coefficients(law.moments(), law.v)
    return combine(a, star, b, mean, dtype)


def em_residual_slope(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return the derivative of the one-dimensional `em_residual` in its second argument.

    Parameters
    ----------
    mu
        Student parameter, an array or a number.
    mu_star
        True mean xi; broadcasts against `mu`.

    Returns
    -------
    array
        dG(mu, xi) / dxi at xi = `mu_star`, of the broadcast shape; float32 if both inputs are
        (Python numbers follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite or empty, if they do not broadcast, or if a product overflows.

    Notes
    -----
    With a = mu and s = a x, x ~ N(xi, 1), so that s ~ N(a xi, a^2),

    dG/dxi = E[2 s tanh'(s) + (s^2 - 3 a^2 / 2) tanh''(s) - a^2 / 2 s tanh'''(s)]:

    Shah, Chen & Klivans 2023, display after eq. (F.2), which prints a factor eta that the
    definition (C.2) does not have. It changes sign; the error is relative to its four terms.

    Costs O(1) a point. Verified by: SCK-29r.

    Examples
    --------
    >>> from lemmata.theory import em_residual, em_residual_slope
    >>> h = 1e-4
    >>> difference = (em_residual([1.0], [2.0 + h]) - em_residual([1.0], [2.0 - h])) / (2 * h)
    >>> bool(abs(difference[0] - em_residual_slope(1.0, 2.0)) < 1e-8)
    True
    """
    (student, star), dtype = reals(mu=mu, mu_star=mu_star)
    broadcast(mu=student, mu_star=star)
    student, star = np.broadcast_arrays(student, star)
    law = products(student[..., None], star[..., None], "mu", "mu_star")
    e, v = law.moments(), law.v
    slope = 2 * e["s_d1"] + (e["s2_d2"] - 1.5 * v * e["d2"]) - 0.5 * v * e["s_d3"]
    return finish(slope, dtype, "mu", "mu_star")
