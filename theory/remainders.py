r"""
What the Taylor steps in the proof of Lemma C.3 leave out, without cancellation.

The remainders of tanh and its derivatives, with t = tanh s and D = s - t,

- R0 = tanh s - s + s^3/3, which has a series of its own near 0,
- R1 = tanh' s - 1 + s^2 = D (s + t) = R0',
- R2 = tanh'' s + 2 s = 2 D + 2 t^3 = R1',
- R3 = tanh''' s + 2 = t^2 (8 - 6 t^2) = R2',

all have the sign of s or are even and non-negative, so that over N(m, v), m >= 0, their
expectations are sums of terms of one sign: the trapezoid rule of `tanh_moments` where v < 1, and
the moments of tanh plus a polynomial that does not cancel them where v >= 1.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ._stein import Law, combine, descent_coefficients, pair
from ._validate import FloatArray, Work
from .taylor import tanh_taylor

__all__ = ["large_noise_error", "taylor_remainders"]

_Rows: TypeAlias = tuple[Work, Work, Work, Work, Work]

#: Below, R0 is summed from its series: beyond, the difference loses less than two digits.
_SERIES_BELOW = 0.7
#: (s / (pi/2))^2 <= 0.2, to the power of so many terms, is below rounding.
_TAIL = tuple(float(c) for c in tanh_taylor(28)[2:])

_STEP = 3 / 16  # with the pole of tanh at pi / (2 sigma) > pi/2, see `_trapezoid`
_REACH = 9.375
_FAR = 8.0  # m / sigma from which on the reflected half is below rounding
_Z_FOLD: Work = np.arange(0, _FAR + _REACH + _STEP, _STEP, dtype=np.float64)
_Z_CENTRED: Work = np.arange(-_REACH, _REACH + _STEP, _STEP, dtype=np.float64)
_ROOT_TAU = np.sqrt(2 * np.pi)
_BLOCK = 512  # points at once


def _pointwise(s: Work) -> _Rows:
    """Return R0, R1, R2, R3 and s R1 at s."""
    t = np.tanh(s)
    small = np.abs(s) < _SERIES_BELOW
    near = np.where(small, s, 0.0)
    square = near * near
    tail = np.zeros_like(s)
    for coefficient in reversed(_TAIL):
        tail = tail * square + coefficient
    tail *= square * square * near
    cube = s * s * s / 3
    gap = np.where(small, cube - tail, s - t)
    r1 = gap * (s + t)
    r0 = np.where(small, tail, cube - gap)
    return r0, r1, 2 * (gap + t * t * t), t * t * (8 - 6 * t * t), s * r1


def _fold(m: Work, v: Work) -> _Rows:
    """Return the expectations for v < 1, m <= 8 sigma: z and -z added in closed form."""
    sigma = np.sqrt(v)[:, None]
    delta = m[:, None] / sigma
    weight = np.exp(-0.5 * (_Z_FOLD - delta) ** 2) * (_STEP / _ROOT_TAU)
    weight[:, 0] *= 0.5  # z = 0 is its own reflection
    log_ratio = -2 * delta * _Z_FOLD  # log of phi(-z - delta) / phi(z - delta)
    even, odd = weight * (1 + np.exp(log_ratio)), weight * -np.expm1(log_ratio)
    r0, r1, r2, r3, s_r1 = _pointwise(sigma * _Z_FOLD)
    return (
        (odd * r0).sum(-1),
        (even * r1).sum(-1),
        (odd * r2).sum(-1),
        (even * r3).sum(-1),
        (odd * s_r1).sum(-1),
    )


def _centred(m: Work, v: Work) -> _Rows:
    """Return the expectations for v < 1, m > 8 sigma, and for v = 0."""
    weight = np.exp(-0.5 * _Z_CENTRED**2) * (_STEP / _ROOT_TAU)
    rows = _pointwise(m[:, None] + np.sqrt(v)[:, None] * _Z_CENTRED)
    r0, r1, r2, r3, s_r1 = ((weight * row).sum(-1) for row in rows)
    return r0, r1, r2, r3, s_r1


def _from_moments(m: Work, v: Work) -> _Rows:
    """Return the expectations for v >= 1, where polynomials and moments do not cancel."""
    e = Law(m, v).moments()
    return (
        e["tanh"] + m * m * m / 3 + m * (v - 1),
        m * m + (v - 1) + e["d1"],
        2 * m + e["d2"],
        2 + e["d3"],
        e["s_d1"] + m * (m * m + (3 * v - 1)),
    )


def _means(m: Work, v: Work) -> _Rows:
    """Return E R0, E R1, E R2, E R3 and E s R1 over N(m, v)."""
    mean, variance = np.abs(m).ravel(), v.ravel()
    out = np.empty((5, mean.size))
    with np.errstate(all="ignore"):
        narrow = variance < 1
        fold = narrow & (variance > 0) & (mean <= _FAR * np.sqrt(variance))
        for mask, rule in (
            (fold, _fold),
            (narrow & ~fold, _centred),
            (~narrow, _from_moments),
        ):
            where = np.flatnonzero(mask)
            for start in range(0, where.size, _BLOCK):
                members = where[start : start + _BLOCK]
                out[:, members] = rule(mean[members], variance[members])
    for row in (0, 2, 4):  # odd in m
        out[row] = np.where(m.ravel() < 0, -out[row], out[row]) + 0.0
    r0, r1, r2, r3, s_r1 = out.reshape(5, *m.shape)
    return r0, r1, r2, r3, s_r1


def taylor_remainders(
    mu: ArrayLike, mu_star: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """
    Return what each Taylor step in the proof of Lemma C.3 leaves out, as a vector.

    Parameters
    ----------
    mu
        Student parameter, shape ``(..., d)``.
    mu_star
        True mean, shape ``(..., d)``; leading axes broadcast against those of `mu`.

    Returns
    -------
    of_tanh, of_second, of_first : array
        Shape ``(..., d)`` each; float32 if both inputs are, else float64. With s = mu.X and
        X ~ N(mu_star, I):

        - E[(tanh s - s + s^3/3) X],
        - E[(tanh'' s + 2s) (s mu - |mu|^2 X / 2)],
        - E[(tanh' s - 1 + s^2) s] mu_star.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if a product overflows.

    Notes
    -----
    The three displays after "Using Taylor's theorem" in the proof of Shah, Chen & Klivans 2023,
    Lemma C.3, with the right coefficient -1/3 of s^3 (-2/3 is printed). Their sum is `ddpm_descent`
    minus its polynomial of fourth degree. All are of fifth order in mu: nothing is subtracted that
    nearly cancels, and each expectation is within 1e-14 of its value, relatively.

    Costs O(d) and one fixed quadrature. Verified by: SCK-13ar, SCK-13br, SCK-13cr, SCK-14r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import taylor_remainders
    >>> of_tanh, of_second, of_first = taylor_remainders([1e-6, 0.0], [0.0, 0.0])
    >>> print(f"{of_tanh[0]:.9e} {of_second[0]:.9e} {of_first[0]:.0f}")
    2.000000000e-30 4.000000000e-30 0
    """
    mean, star, law, dtype = pair(mu, mu_star)
    m, v = law.m, law.v
    r0, r1, r2, r3, s_r1 = _means(m, v)
    with np.errstate(all="ignore"):
        second = -0.5 * v * r2, m * r2 + 0.5 * v * r3
    return (
        combine(r0, star, r1, mean, dtype),
        combine(second[0], star, second[1], mean, dtype),
        combine(s_r1, star, np.zeros_like(s_r1), mean, dtype),
    )


def large_noise_error(mu: ArrayLike, mu_star: ArrayLike) -> FloatArray:
    """
    Return `ddpm_descent` minus `large_noise_field`, at any norms without cancellation.

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
        If an input is not finite, empty or of another shape, or if a product overflows.

    Notes
    -----
    The left side of Shah, Chen & Klivans 2023, Lemma C.3, with the coefficient 2 on abs(mu)^2 mu:
    mu_star (A - 2m) + mu (B + 2v) in the notation of `ddpm_descent_coefficients`. Where m and v are
    small,

    - A - 2m = -3vm - 4m^3/3 + E[R0 - v R2 / 2 + s R1],
    - B + 2v = -3m^2 + E[R1 + v R3 / 2] + m E R2,

    with the remainders of `taylor_remainders`. The two terms are accurate to rounding of their own
    terms; of the difference of the two public functions nothing may be left at small norms.

    Costs O(d) and two fixed quadratures. Verified by: SCK-16r, SCK-22r, SCK-32r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import ddpm_descent, large_noise_error, large_noise_field
    >>> mu, mu_star = np.array([0.3, 0.4]), np.array([1.0, 0.0])
    >>> gap = ddpm_descent(mu, mu_star) - large_noise_field(mu, mu_star)
    >>> np.allclose(large_noise_error(mu, mu_star), gap, rtol=1e-12)
    True
    """
    mean, star, law, dtype = pair(mu, mu_star)
    m, v = law.m, law.v
    r0, r1, r2, r3, s_r1 = _means(m, v)
    with np.errstate(all="ignore"):
        near = (np.abs(m) < 1) & (v < 1)
        # Beyond, the polynomials cancel against the remainders, and A is below 2m.
        far_a, far_b = descent_coefficients(law)
        near_a = -3 * v * m - 4 * m * m * m / 3 + (r0 - 0.5 * v * r2 + s_r1)
        near_b = -3 * m * m + (r1 + 0.5 * v * r3 + m * r2)
        a = np.where(near, near_a, far_a - 2 * m)
        b = np.where(near, near_b, far_b + 2 * v)
    return combine(a, star, b, mean, dtype)
