"""Population gradients of the DDPM loss for two Gaussians, at any dimension."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._stein import Law, combine, descent_coefficients, pair
from ._validate import FloatArray, broadcast, finish, reals, require

__all__ = [
    "ddpm_descent",
    "ddpm_descent_coefficients",
    "large_noise_field",
    "stein_second_moment",
]


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

    Costs O(1) a point. Verified by: SCK-09r, SCK-20r, SCK-21r, SCK-24r.

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
    a, b = descent_coefficients(Law(*np.broadcast_arrays(product, square)))
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

    Costs O(d) and one fixed quadrature. Verified by: SCK-09r, SCK-10, SCK-15r, SCK-17r, SCK-18r,
    SCK-27r, SCK-30, SCK-32r.

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
    mean, star, law, dtype = pair(mu, mu_star)
    a, b = descent_coefficients(law)
    return combine(a, star, b, mean, dtype)


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
    mean, star, law, dtype = pair(mu, mu_star)
    e = law.moments()
    # v (mu_star E tanh'' + mu E tanh''') + mu E tanh', where d1_zz = E tanh' + v E tanh'''.
    return combine(law.v * e["d2"], star, e["d1_zz"], mean, dtype)


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

    Costs O(d). Verified by: SCK-15r, SCK-32r.

    Examples
    --------
    >>> from lemmata.theory import large_noise_field
    >>> large_noise_field([1.0, 0.0], [1.0, 1.0])
    array([0., 2.])
    """
    mean, star, law, dtype = pair(mu, mu_star)
    with np.errstate(over="ignore"):
        return combine(2 * law.m, star, -2 * law.v, mean, dtype)
