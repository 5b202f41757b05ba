r"""
Population gradients of the DDPM loss and population EM, for two Gaussians, at any dimension.

Everything is E[f(s) X] with X ~ N(mu_star, I) and s = mu.X, which Stein's lemma turns into
mu_star E f(s) + mu E f'(s) with s ~ N(m, v), m = mu.mu_star, v = |mu|^2: one quadrature in one
dimension and two vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from ._trapezoid import FIELDS, expectations
from ._validate import FloatArray, Work, broadcast, finish, reals, require, vectors

__all__ = [
    "ddpm_descent",
    "ddpm_descent_coefficients",
    "em_map",
    "em_residual",
    "large_noise_field",
    "stein_second_moment",
]


def _pair(mu: ArrayLike, mu_star: ArrayLike) -> tuple[Work, Work, Work, Work, np.dtype[np.generic]]:
    """Check two arrays of vectors and return them with m = mu.mu_star and v = |mu|^2."""
    (mean, star), dtype = vectors(mu=mu, mu_star=mu_star)
    m, v = _products(mean, star, "mu", "mu_star")
    return mean, star, m, v, dtype


def _products(a: Work, b: Work, name: str, other: str) -> tuple[Work, Work]:
    """Return a.b and a.a, of the broadcast shape of both."""
    with np.errstate(all="ignore"):
        m, v = np.broadcast_arrays(np.sum(a * b, axis=-1), np.sum(a * a, axis=-1))
    if not np.isfinite(v).all():
        raise ValueError(f"{name} must be small enough for float64: |{name}|^2 overflows")
    if not np.isfinite(m).all():
        raise ValueError(f"{name} and {other} must be small enough: their product overflows")
    return m, v


def _moments(m: Work, v: Work) -> dict[str, Work]:
    """Return the expectations over N(m, v) by name."""
    return dict(zip(FIELDS, expectations(m, v), strict=True))


def _v_d3(e: dict[str, Work], v: Work) -> Work:
    """Return v E tanh''' without cancellation where v is large."""
    return np.where(v < 1, v * e["d3"], e["d1_zz"] - e["d1"])


def _residual_coefficients(e: dict[str, Work], v: Work) -> tuple[Work, Work]:
    """Return E f and E f' - E tanh' for f(s) = s tanh'(s) - v/2 tanh''(s)."""
    return e["s_d1"] - 0.5 * v * e["d2"], e["s_d2"] - 0.5 * _v_d3(e, v)


def _descent_coefficients(m: Work, v: Work) -> tuple[Work, Work]:
    """Return A and B of `ddpm_descent_coefficients`."""
    e = _moments(m, v)
    a, b = _residual_coefficients(e, v)
    return e["tanh"] + a, b - e["tanh_sq"]


def _combine(a: Work, star: Work, b: Work, mean: Work, dtype: np.dtype[np.generic]) -> FloatArray:
    """Return a mu_star + b mu."""
    with np.errstate(all="ignore"):
        return finish(a[..., None] * star + b[..., None] * mean, dtype, "mu", "mu_star")


def ddpm_descent_coefficients(m: ArrayLike, v: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """
    Return A and B such that `ddpm_descent` is A mu_star + B mu.

    Parameters
    ----------
    m
        mu.mu_star, an array or a number.
    v
        |mu|^2, ``v >= 0``; broadcasts against `m`.

    Returns
    -------
    A, B : array
        Of the broadcast shape; float32 if both inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, or does not broadcast, or if ``v < 0``.

    Notes
    -----
    With s ~ N(m, v),

    - A = E[tanh s + s tanh' s - v/2 tanh'' s],
    - B = E[-tanh^2 s + s tanh'' s - v/2 tanh''' s],

    from Shah, Chen & Klivans 2023, Lemma C.2, and E[f(s) X] = mu_star E f + mu E f'. For m > 0 all
    terms of A are positive.

    Costs O(1) a point. Verified by: SCK-09r, SCK-21r.

    Examples
    --------
    At mu = mu_star the gradient is zero, hence A + B = 0 if m = v:

    >>> from lemmata.theory import ddpm_descent_coefficients
    >>> a, b = ddpm_descent_coefficients(2.0, 2.0)
    >>> abs(float(a + b)) < 1e-15
    True
    """
    (product, square), dtype = reals(m=m, v=v)
    require(square >= 0, "v", square, ">= 0")
    broadcast(m=product, v=square)
    a, b = _descent_coefficients(*np.broadcast_arrays(product, square))
    return finish(a, dtype, "m", "v"), finish(b, dtype, "m", "v")


def ddpm_descent(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return the population descent direction of the DDPM loss for two Gaussians.

    Parameters
    ----------
    mu
        Student parameter at the time in question, shape ``(..., d)``.
    mu_star
        True mean at the same time, shape ``(..., d)``; leading axes broadcast against those of
        `mu`.

    Returns
    -------
    array
        Shape ``(..., d)``; float32 if both inputs are, else float64. It is **minus one half** of
        the gradient in mu of the loss E|s_mu(X_t) + Z / beta_t|^2.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if its square overflows.

    Notes
    -----
    The right-hand side of Shah, Chen & Klivans 2023, Lemma C.2, with s = mu.X, X ~ N(mu_star, I):

    E[(tanh s - 1/2 tanh''(s) |mu|^2 + tanh'(s) s) X] - mu - E[tanh'(s)] mu.

    The loss is eq. (5) with the student s_mu(x) = tanh(mu.x) mu - x and X_t from the mixture of
    N(mu_star, I) and N(-mu_star, I). The paper writes minus the gradient, without the factor 1/2.

    The two terms A mu_star and B mu (see `ddpm_descent_coefficients`) are each accurate to
    rounding; they cancel at mu = mu_star, where the error is a rounding of either.

    Costs O(d) and one fixed quadrature. Verified by: SCK-09r, SCK-15r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import ddpm_descent, large_noise_field
    >>> mu, mu_star = np.array([1e-4, 2e-4]), np.array([3e-4, 0.0])
    >>> np.allclose(ddpm_descent(mu, mu_star), large_noise_field(mu, mu_star), rtol=1e-6, atol=0)
    True
    >>> bool(np.abs(ddpm_descent([3.0, 4.0], [3.0, 4.0])).max() < 1e-14)
    True
    """
    mean, star, m, v, dtype = _pair(mu, mu_star)
    a, b = _descent_coefficients(m, v)
    return _combine(a, star, b, mean, dtype)


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

    Costs O(d) and one fixed quadrature. Verified by: SCK-28.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import ddpm_descent, em_map, em_residual
    >>> mu, mu_star = np.array([1.0, 0.5]), np.array([2.0, 0.0])
    >>> step = em_map(mu, mu_star) - mu + em_residual(mu, mu_star)
    >>> np.allclose(step, ddpm_descent(mu, mu_star), rtol=1e-14)
    True
    """
    mean, star, m, v, dtype = _pair(mu, mu_star)
    a, b = _residual_coefficients(_moments(m, v), v)
    return _combine(a, star, b, mean, dtype)


def stein_second_moment(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return the right-hand side of the second identity of Lemma F.1.

    Parameters
    ----------
    mu
        Student parameter, shape ``(..., d)``.
    mu_star
        True mean, shape ``(..., d)``; leading axes broadcast against those of `mu`.

    Returns
    -------
    array
        E[tanh''(s) |mu|^2 X + tanh'(s) mu], shape ``(..., d)``; float32 if both inputs are, else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if its square overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, Lemma F.1: it equals E[tanh'(s) (mu.Z / beta_t) X_t], s = mu.X_t. X
    is drawn from the mixture of N(mu_star, I) and N(-mu_star, I); the integrand is even in X, so
    that N(mu_star, I) alone gives the same.

    Costs O(d) and one fixed quadrature. Verified by: SCK-07.

    Examples
    --------
    >>> from lemmata.theory import stein_second_moment
    >>> stein_second_moment([0.0, 1e-8], [0.0, 0.0])
    array([0.e+00, 1.e-08])
    """
    mean, star, m, v, dtype = _pair(mu, mu_star)
    e = _moments(m, v)
    # v (mu_star E tanh'' + mu E tanh''') + mu E tanh', where d1_zz = E tanh' + v E tanh'''.
    return _combine(v * e["d2"], star, e["d1_zz"], mean, dtype)


def large_noise_field(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return the terms that lead `ddpm_descent` when both norms are small.

    Parameters
    ----------
    mu
        Student parameter, shape ``(..., d)``.
    mu_star
        True mean, shape ``(..., d)``; leading axes broadcast against those of `mu`.

    Returns
    -------
    array
        2 (mu_star.mu) mu_star - 2 |mu|^2 mu, shape ``(..., d)``; float32 if both inputs are, else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if the result overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, Lemma 8 and Lemma C.3, print 3 |mu|^2 mu. The coefficient is 2:
    E tanh^2(s) + 2 E s^2 gives 3, and -v/2 E tanh'''(s) = +v takes one back. What is left out is of
    fifth order in the norms.

    Costs O(d). Verified by: SCK-15r.

    Examples
    --------
    >>> from lemmata.theory import large_noise_field
    >>> large_noise_field([1.0, 0.0], [1.0, 1.0])
    array([0., 2.])
    """
    mean, star, m, v, dtype = _pair(mu, mu_star)
    with np.errstate(over="ignore"):
        return _combine(2 * m, star, -2 * v, mean, dtype)


def _cholesky(cov: ArrayLike, d: int) -> tuple[Work, np.dtype[np.generic]]:
    """Check a covariance matrix and return its lower Cholesky factor."""
    (matrix,), dtype = reals(cov=cov)
    if matrix.shape != (d, d):
        raise ValueError(f"cov must have shape (d, d) = {(d, d)}, got {matrix.shape}")
    gap = np.abs(matrix - matrix.T).max()
    if gap > 1e-10 * np.abs(matrix).max():
        raise ValueError(f"cov must be symmetric, got entries that differ by {float(gap):.3g}")
    try:
        return cholesky(matrix, lower=True, check_finite=False), dtype
    except LinAlgError as error:
        raise ValueError(f"cov must be positive definite: {error}") from error


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
    Verified by: DTZ-2.

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
    white, white_mean = estimate, mean
    if cov is not None:
        d = estimate.shape[-1]
        factor, cov_dtype = _cholesky(cov, d)
        dtype = np.result_type(dtype, cov_dtype)

        def whiten(rows: Work) -> Work:
            solved = solve_triangular(factor, rows.reshape(-1, d).T, lower=True, check_finite=False)
            return np.asarray(solved.T.reshape(rows.shape))

        white, white_mean = whiten(estimate), whiten(mean)
    e = _moments(*_products(white, white_mean, "lam", "mu"))
    with np.errstate(all="ignore"):
        update = e["tanh"][..., None] * mean + e["d1"][..., None] * estimate
        return finish(update, dtype, "lam", "mu")
