r"""
Gaussian expectations of tanh and its derivatives by the trapezoid rule.

For s ~ N(m, v), sigma = sqrt(v) and analytic f, the trapezoid rule of step h on the whole line errs
by about exp(-2 pi a / h) times the integrand on the line Im s = a (Trefethen & Weideman 2014,
SIAM Rev. 56(3), Theorem 5.1), for each a below the first pole. Here that pole is i pi/2, of order 4
at most, and the Gaussian grows by exp(a^2 / 2v) <= 3.5 if v >= 1. Step 3/16 leaves
exp(-pi^2 / h) = 1.4e-23 times (2 pi / h)^3 / 6 = 6e3: nothing in float64. If v < 1 the same step is
taken in z = (s - m) / sigma: the pole is at pi / (2 sigma) there, and the Gaussian alone costs
exp(-2 pi^2 / h^2). Gauss-Hermite rules, whose nodes spread with sigma, lose digits to that pole.

What remains is rounding, and underflow where the mass is in a tail. Hence four grids, all of which
sum terms of (nearly) one sign, after m has been made >= 0 by parity:

`_fold_gauss`
    v < 1, m <= 8 sigma. Nodes symmetric about 0; z and -z are added in closed form, so that odd
    expectations keep their relative accuracy as m -> 0.
`_centred`
    v < 1, m > 8 sigma, and v = 0. Nodes about m, with exp(-2m) taken out of sech^2.
`_fold_exp`
    v >= 1, m <= 2v. sech^2(s) decides where the mass is; nodes symmetric about 0, folded, with
    exp(-m^2 / 2v) taken out. E tanh is E erf(c s), in closed form, plus what is left.
`_tilted`
    v >= 1, m > 2v. sech^2(s) ~ 4 exp(-2s) moves the mass to m - 2v; exp(-2m + 2v) is taken out.

The exponents taken out reach -745, where one rounding of the exponent is worth 1e-13 of the result:
they are computed in twice the working precision. Where the result is below the smallest float
it is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit

from ._twofold import two_product, two_sum
from ._validate import Work

__all__ = ["FIELDS", "exp_half_square", "expectations"]

FIELDS = (
    *("tanh", "tanh_sq", "d1", "d2", "d3", "s_d1", "s_d2", "d1_zz"),
    *("s2_d1", "d4", "s_d3", "s2_d2"),
)
"""Rows of the result; d1_zz = E tanh'(s) (s - m)^2 / v, which is d1 + v d3 without cancellation."""

_TANH, _TANH_SQ, _D1, _D2, _D3, _S_D1, _S_D2, _D1_ZZ, _S2_D1, _D4, _S_D3, _S2_D2 = range(12)
_ODD = (_TANH, _D2, _S_D1, _D4, _S_D3, _S2_D2)

_Rule: TypeAlias = Callable[[Work, Work, Work, Work, int], Work]
_Count: TypeAlias = Callable[[Work, Work], Work]

_STEP = 3 / 16  # exact in binary, so are the nodes
_NEGLIGIBLE = 44.0  # exp(-44) = 8e-20
_REACH = 9.375  # in standard deviations: _REACH^2 / 2 = 44, a multiple of _STEP
_FAR = 8.0  # m / sigma from which on the reflected half is below rounding
_UNDERFLOW = 760.0  # exp(-760) < 2^-1074, with room for the polynomial factors
_BLOCK = 1 << 16  # nodes times points held at once: 0.5 MiB an array
_SLOPE = np.sqrt(np.pi) / 2  # erf(_SLOPE s) has the slope of tanh s at 0
_ROOT_TAU = np.sqrt(2 * np.pi)
_T0 = 1 / np.sqrt(3)  # the third derivative is zero at s0 = atanh(1 / sqrt(3)) = _S0 + _S0_TAIL
_S0, _S0_TAIL = 0.6584789484624084, -4.341125422426011e-17
_T1 = np.sqrt(2 / 3)  # and so is the fourth at s1 = atanh(sqrt(2 / 3)) = _S1 + _S1_TAIL
_S1, _S1_TAIL = 1.1462158347805889, -1.6397318361525947e-17

_Z_FOLD: Work = np.arange(0, _FAR + _REACH + _STEP, _STEP, dtype=np.float64)
_Z_CENTRED: Work = np.arange(-_REACH - 2, _REACH + _STEP, _STEP, dtype=np.float64)


def _third_over_first(t: Work, past_root: Work) -> Work:
    """Return tanh''' / tanh' = 6 t^2 - 2 for t = tanh s, to its own accuracy near s = s0."""
    # t - t0 = tanh(s - s0) (1 - t t0), and t0^2 = 1/3.
    ratio: Work = 6 * (t + _T0) * (1 - t * _T0) * np.tanh(past_root)
    return ratio


def _fourth_over_first(t: Work, past_root: Work) -> Work:
    """Return tanh'''' / tanh' = 8 t (2 - 3 t^2) for t = tanh s, likewise near s = s1."""
    ratio: Work = -24 * t * (t + _T1) * (1 - t * _T1) * np.tanh(past_root)
    return ratio


def _exp_difference(a: Work, b: Work, low: Work) -> Work:
    """Return exp(2 (a - b + low)), low being small, with the rounding of a - b put back."""
    total, error = two_sum(a, -b)
    corrected: Work = np.exp(2 * total) * (1 + 2 * (error + low))
    return corrected


def exp_half_square(m: Work, v: Work, m_low: Work, v_low: Work) -> Work:
    """Return exp(-(m + m_low)^2 / 2(v + v_low)), the low parts being roundings."""
    # Scale v into [1/2, 2) by an even power of two: exact, and nothing overflows.
    half = np.frexp(v)[1] // 2
    mean: Work = np.asarray(np.ldexp(m, -half), dtype=np.float64)
    variance: Work = np.asarray(np.ldexp(v, -2 * half), dtype=np.float64)
    square, square_lo = two_product(mean, mean)
    quotient = square / variance
    back, back_lo = two_product(quotient, variance)
    error = (((square - back) - back_lo) + square_lo) / variance
    error += 2 * (m / v) * m_low - (m / v) ** 2 * v_low
    corrected: Work = np.exp(-0.5 * quotient) * (1 - 0.5 * error)
    return corrected


def _fold_gauss(m: Work, v: Work, _m_low: Work, _v_low: Work, nodes: int) -> Work:
    """Return the expectations for v < 1, m <= 8 sigma: no exponent is large."""
    z = _Z_FOLD[:nodes]  # all of them
    sigma = np.sqrt(v)[:, None]
    delta = m[:, None] / sigma
    s = sigma * z
    near = np.exp(-0.5 * (z - delta) ** 2) * (_STEP / _ROOT_TAU)
    near[:, 0] *= 0.5  # z = 0 is its own reflection
    log_ratio = -2 * delta * z  # log of phi(-z - delta) / phi(z - delta)
    ratio = np.exp(log_ratio)
    even = near * (1 + ratio)
    odd = near * -np.expm1(log_ratio)
    t = np.tanh(s)
    decay = np.exp(-2 * s)
    slope = 4 * decay / (1 + decay) ** 2  # sech^2
    out = np.empty((len(FIELDS), m.size))
    out[_TANH] = (odd * t).sum(-1)
    out[_TANH_SQ] = (even * (t * t)).sum(-1)
    even *= slope
    odd *= slope
    out[_D1] = even.sum(-1)
    out[_D2] = -2 * (odd * t).sum(-1)
    third = _third_over_first(t, (s - _S0) - _S0_TAIL)
    out[_D3] = (even * third).sum(-1)
    out[_S_D1] = (odd * s).sum(-1)
    out[_S_D2] = -2 * (even * (s * t)).sum(-1)
    out[_S2_D1] = (even * (s * s)).sum(-1)
    out[_D4] = (odd * _fourth_over_first(t, (s - _S1) - _S1_TAIL)).sum(-1)
    out[_S_D3] = (odd * s * third).sum(-1)
    out[_S2_D2] = -2 * (odd * (s * s * t)).sum(-1)
    out[_D1_ZZ] = (near * slope * ((z - delta) ** 2 + ratio * (z + delta) ** 2)).sum(-1)
    return out


def _centred(m: Work, v: Work, m_low: Work, _v_low: Work, nodes: int) -> Work:
    """Return the expectations for v < 1, m > 8 sigma, and for v = 0."""
    z = _Z_CENTRED[:nodes]  # all of them
    u = np.sqrt(v)[:, None] * z
    s = m[:, None] + u
    weight = np.exp(-0.5 * z * z) * (_STEP / _ROOT_TAU)
    t = np.tanh(s)
    out = np.empty((len(FIELDS), m.size))
    out[_TANH] = (weight * t).sum(-1)
    out[_TANH_SQ] = (weight * (t * t)).sum(-1)
    weight = weight * np.exp(-2 * u) * expit(2 * s) ** 2  # sech^2 but for the 4 exp(-2m)
    weighted_t = weight * t
    out[_D1] = weight.sum(-1)
    out[_D2] = -2 * weighted_t.sum(-1)
    third = _third_over_first(t, (((m - _S0) - _S0_TAIL) + m_low)[:, None] + u)
    fourth = _fourth_over_first(t, (((m - _S1) - _S1_TAIL) + m_low)[:, None] + u)
    out[_D3] = (weight * third).sum(-1)
    out[_D4] = (weight * fourth).sum(-1)
    out[_S_D1] = (weight * s).sum(-1)
    out[_S_D2] = -2 * (weighted_t * s).sum(-1)
    out[_S2_D1] = (weight * (s * s)).sum(-1)
    out[_S_D3] = (weight * s * third).sum(-1)
    out[_S2_D2] = -2 * (weighted_t * (s * s)).sum(-1)
    out[_D1_ZZ] = (weight * (z * z)).sum(-1)
    out[_D1:] *= 4 * np.exp(-2 * m) * (1 - 2 * m_low)
    return out


def _fold_exp(m: Work, v: Work, m_low: Work, v_low: Work, nodes: int) -> Work:
    """Return the expectations for v >= 1, m <= 2v."""
    s = _STEP * np.arange(nodes)
    sigma = np.sqrt(v)
    scale = _STEP / (sigma * _ROOT_TAU)
    taken_out = 4 * scale * exp_half_square(m, v, m_low, v_low)
    rate, m_, v_, sigma = (m / v)[:, None], m[:, None], v[:, None], sigma[:, None]
    z, z_reflected = (s - m_) / sigma, (s + m_) / sigma
    log_ratio = -2 * rate * s  # log of phi(-s - m) / phi(s - m)
    ratio = np.exp(log_ratio)
    antisymmetric = -np.expm1(log_ratio)
    decay = np.exp(-2 * s)
    tilt = 2 * ((0.5 * m_ - v_) / v_)  # rate - 2, its difference exact where it is small
    weight = np.exp(tilt * s - s * (s / (2 * v_))) / (1 + decay) ** 2
    weight[:, 0] *= 0.5  # s = 0 is its own reflection
    t = np.tanh(s)
    even = weight * (1 + ratio)
    odd = weight * antisymmetric
    out = np.empty((len(FIELDS), m.size))
    out[_D1] = even.sum(-1)
    out[_D2] = -2 * (odd * t).sum(-1)
    out[_S_D1] = (odd * s).sum(-1)
    out[_S_D2] = -2 * (even * (s * t)).sum(-1)
    out[_D1_ZZ] = (weight * (z**2 + ratio * z_reflected**2)).sum(-1)
    out[_S2_D1] = (even * (s * s)).sum(-1)
    out[_S2_D2] = -2 * (odd * (s * s * t)).sum(-1)
    # Stein twice: E tanh''' = E tanh' ((s - m)^2 / v - 1) / v, which does not cancel for large v.
    out[_D3] = (out[_D1_ZZ] - out[_D1]) / v
    # So do E (s - m) s tanh'' = v E (tanh'' + s tanh''') and E (s - m) tanh''' = v E tanh''''.
    out[_S_D3] = (out[_S2_D2] - m * out[_S_D2]) / v - out[_D2]
    out[_D4] = (out[_S_D3] - m * out[_D3]) / v
    out[_D1:] *= taken_out
    out[_TANH_SQ] = 1 - out[_D1]  # d1 < 0.61 here
    # The summand is 0 at s = 0.
    rest = (np.exp(-0.5 * z**2) * antisymmetric * (t - erf(_SLOPE * s))).sum(-1) * scale
    # E erf(c s) = erf(c m / sqrt(1 + 2 c^2 v)).
    out[_TANH] = erf(_SLOPE * m / np.sqrt(1 + 2 * _SLOPE**2 * v)) + rest
    return out


def _tilted(m: Work, v: Work, m_low: Work, v_low: Work, nodes: int) -> Work:
    """Return the expectations for v >= 1, m > 2v."""
    sigma = np.sqrt(v)[:, None]
    z = np.linspace(-_REACH, _REACH, nodes)
    u = sigma * z
    s = ((m - 2 * v) + (m_low - 2 * v_low))[:, None] + u
    gauss = np.exp(-0.5 * z * z) * (2 * _REACH / (nodes - 1) / _ROOT_TAU)
    half = expit(2 * s)
    t = np.tanh(s)
    weight = gauss * half**2
    weighted_t = weight * t
    out = np.empty((len(FIELDS), m.size))
    out[_D1] = weight.sum(-1)
    out[_D2] = -2 * weighted_t.sum(-1)
    third = 6 * t * t - 2
    out[_D3] = (weight * third).sum(-1)
    out[_S_D1] = (weight * s).sum(-1)
    out[_S_D2] = -2 * (weighted_t * s).sum(-1)
    out[_D1_ZZ] = (weight * (z - 2 * sigma) ** 2).sum(-1)
    out[_S2_D1] = (weight * (s * s)).sum(-1)
    out[_D4] = 8 * (weighted_t * (2 - 3 * t * t)).sum(-1)
    out[_S_D3] = (weight * s * third).sum(-1)
    out[_S2_D2] = -2 * (weighted_t * (s * s)).sum(-1)
    taken_out = _exp_difference(v, m, v_low - m_low)
    out[_D1:] *= 4 * taken_out
    out[_TANH_SQ] = 1 - out[_D1]
    out[_TANH] = 1 - 2 * taken_out * (gauss * half).sum(-1)  # 1 - tanh s = 2 expit(-2s)
    return out


def _nodes_fixed(m: Work, _v: Work) -> Work:
    """Return the number of nodes of the longer of the fixed grids."""
    return np.full_like(m, max(_Z_FOLD.size, _Z_CENTRED.size))


def _nodes_fold_exp(m: Work, v: Work) -> Work:
    """Return how many nodes reach to where the summand is negligible."""
    rate = 2 - m / v
    # Solve rate S + S^2 / 2v = _NEGLIGIBLE.
    reach = 2 * _NEGLIGIBLE / (rate + np.sqrt(rate**2 + 2 * _NEGLIGIBLE / v))
    return np.asarray(reach / _STEP + 2)


def _nodes_tilted(m: Work, v: Work) -> Work:
    """Return how many nodes resolve the pole, so far as it is in reach of the Gaussian."""
    sigma = np.sqrt(v)
    exponent = 8 + _NEGLIGIBLE - 0.5 * ((m - 2 * v) / sigma) ** 2
    step = np.pi**2 / np.maximum(exponent, 1.0)
    return np.asarray(2 * _REACH * sigma / step)


def _blocks(needed: Work) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Yield sets of points that share a number of nodes (a power of two, plus 1) and fit memory."""
    # 64 nodes are a step of 0.3 sigma in `_tilted`, which resolves the Gaussian.
    exponent = np.ceil(np.log2(np.maximum(needed, 64))).astype(np.intp)
    for power in np.unique(exponent):
        members = np.flatnonzero(exponent == power)
        nodes = (1 << int(power)) + 1
        size = max(1, _BLOCK // nodes)
        for start in range(0, members.size, size):
            yield members[start : start + size], nodes


def expectations(m: Work, v: Work, m_low: Work | None = None, v_low: Work | None = None) -> Work:
    """
    Return the expectations named by `FIELDS`.

    Parameters
    ----------
    m, v
        Finite float64 arrays of one shape; v >= 0.
    m_low, v_low
        What their roundings left out, if known. Where an exponent of 700 is taken out, one rounding
        of m or v is worth 1e-13 of the result.

    Returns
    -------
    Work
        Array of shape ``(len(FIELDS), *m.shape)``.
    """
    shape = m.shape
    zero = np.zeros(m.size)
    mean, v = np.abs(m).ravel(), v.ravel()
    mean_low = zero if m_low is None else (np.where(m < 0, -1.0, 1.0) * m_low).ravel()
    v_low = zero if v_low is None else v_low.ravel()
    out = np.zeros((len(FIELDS), mean.size))
    out[_TANH] = out[_TANH_SQ] = 1.0  # what is left to underflow has all its mass far out
    with np.errstate(all="ignore"):
        sigma = np.sqrt(v)
        small, fold = v < 1, mean <= _FAR * sigma
        straight = mean <= 2 * v
        # Not "<": 0 / 0 at the point mass at 0 is visible.
        visible = ~(np.where(straight, 0.5 * (mean / sigma) ** 2, 2 * (mean - v)) >= _UNDERFLOW)
        fold &= v > 0
        regimes: tuple[tuple[NDArray[np.bool_], _Rule, _Count], ...] = (
            (small & fold, _fold_gauss, _nodes_fixed),
            (small & ~fold & visible, _centred, _nodes_fixed),
            (~small & straight & visible, _fold_exp, _nodes_fold_exp),
            (~small & ~straight & visible, _tilted, _nodes_tilted),
        )
        for mask, rule, count in regimes:
            where = np.flatnonzero(mask)
            if where.size == 0:
                continue
            for members, nodes in _blocks(count(mean[where], v[where])):
                chosen = where[members]
                low = mean_low[chosen], v_low[chosen]
                out[:, chosen] = rule(mean[chosen], v[chosen], *low, nodes)
    for row in _ODD:
        out[row] = np.where(m.ravel() < 0, -out[row], out[row]) + 0.0
    return out.reshape(len(FIELDS), *shape)
