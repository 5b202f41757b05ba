"""SCK-31: the derivatives of tanh decay exponentially, with sharp constants."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_series, ctx, fmpz_poly
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._compare import bound_slack
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.certified import Certified
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_ORDERS = (1, 2, 3, 4, 5)
#: Spacing of the least numbers that float64 can hold.
_TINIEST = 5e-324

_domain = points(
    {
        "order": st.sampled_from(_ORDERS),
        # exp(-2 s) underflows from s = 372 on.
        "s": st.builds(
            lambda size, sign: sign * size, log_uniform(1e-8, 700), st.sampled_from([1.0, -1.0])
        ),
    }
)


def _constant(order: int) -> int:
    """C_k."""
    return int(2 ** (order + 1))


def _slack(point: Point) -> float:
    order, s = point["order"], float(point["s"])
    value = abs(float(theory.tanh_derivative(order, s)))
    return bound_slack(value, _constant(order) * math.exp(-2 * abs(s)))


def _ball_derivative(s: arb, order: int) -> arb:
    """tanh^(k)(s), k >= 1, from the power series of tanh = 1 - 2 / (e^(2s) + 1) at s."""
    before, ctx.cap = ctx.cap, order + 1
    try:
        series = -2 / ((2 * arb_series([s, 1])).exp() + 1)
        return series[order] * math.factorial(order)
    finally:
        ctx.cap = before


def _exact(point: Point) -> arb:
    s = arb(point["s"])
    bound = _constant(point["order"]) * (-2 * abs(s)).exp()
    return bound_slack(abs(_ball_derivative(s, point["order"])), bound)


def _noise(point: Point) -> float:
    size = abs(float(point["s"]))
    with np.errstate(over="ignore"):
        # exp(-2 s) carries the relative error 2 s eps, and steps of its own where it is subnormal.
        return float(1e-15 * (50 + size) + 4 * _TINIEST * np.exp(2 * size))


@functools.cache
def _numerator(order: int) -> tuple[int, ...]:
    """Coefficients, ascending, of (1 + q)^(k+1) e^(2s) tanh^(k)(s) in q = e^(-2s), s >= 0."""
    q = sympy.Symbol("q")
    value = (1 - q) / (1 + q)
    for _ in range(order):
        value = sympy.cancel(-2 * q * sympy.diff(value, q))
    polynomial = sympy.Poly(sympy.cancel(value * (1 + q) ** (order + 1) / q), q)
    return tuple(int(c) for c in reversed(polynomial.all_coeffs()))


@functools.cache
def _inequalities() -> tuple[tuple[int, ...], ...]:
    """Polynomials in q that must be non-negative on [0, 1], ascending coefficients.

    C_k (1 + q)^(k+1) -+ numerator; one of the two is zero at q = 0, where the bound is reached, and
    that factor q is divided out.
    """
    found = []
    for order in _ORDERS:
        numerator = _numerator(order)
        padded = numerator + (0,) * (order + 2 - len(numerator))
        bound = [_constant(order) * math.comb(order + 1, i) for i in range(order + 2)]
        above = [one - other for one, other in zip(bound, padded, strict=True)]
        below = [one + other for one, other in zip(bound, padded, strict=True)]
        # A constant that is not the limit at q = 0 leaves a remainder; then nothing is divided.
        found += [tuple(p[1:] if p[0] == 0 else p) for p in (above, below)]
    return tuple(found)


def _certified_slack(ball: dict[str, arb]) -> arb:
    least = arb(math.inf)
    for coefficients in _inequalities():
        value = arb(0)
        for c in reversed(coefficients):
            value = value * ball["q"] + c
        least = least.min(value)
    return least


def _constants() -> Constants:
    """For each order: what tanh^(k) e^(2s) comes to far out, and its proven bound."""
    found: Constants = {}
    s = 12.0
    with precision(256):
        for order in _ORDERS:
            ratio = abs(_ball_derivative(arb(s), order)) * (2 * arb(s)).exp()
            found[f"C_{order}"] = (enclosure(ratio)[0], float(_constant(order)))
        found["C_6"] = enclosure(_supremum(6))
    return found


def _supremum(order: int) -> arb:
    """The largest e^(2s) abs(tanh^(k)(s)) over s >= 0: C_k, also where it is not the limit.

    Of N(q) / (1 + q)^(k+1) over q in [0, 1]: at an end, or where N' (1 + q) = (k + 1) N.
    """
    numerator = fmpz_poly(list(_numerator(order)))
    one_more = fmpz_poly([1, 1])
    stationary = numerator.derivative() * one_more - (order + 1) * numerator
    # python-flint's annotations forget that each root comes with its multiplicity.
    found: Any = stationary.complex_roots()
    inside = [root.real for root, _ in found if root.imag == 0]
    # A root beyond the ends is a value of the same function at some other q: it is left out.
    candidates = [arb(0), arb(1), *(q for q in inside if 0 < q < 1)]
    largest = arb(0)
    for q in candidates:
        value = arb(0)
        for c in reversed(_numerator(order)):
            value = value * q + c
        largest = largest.max(abs(value) / (1 + q) ** (order + 1))
    return largest


CLAIMS = (
    Claim(
        id="SCK-31",
        title="The derivatives of tanh decay exponentially: |tanh^(k)(s)| <= 2^(k+1) e^(-2|s|)",
        source="Shah, Chen & Klivans 2023, before and in Lemma C.8",
        statement=r"|\tanh^{(k)}(s)| \le 2^{k+1} e^{-2|s|} \text{ for all } s,\ k = 1, \dots, 5",
        reading="no rate and no constants are printed: the rate that cannot be beaten, with the"
        " least constants",
        evidence=(
            Search(
                domain=_domain,
                slack=_slack,
                exact=_exact,
                noise=_noise,
                routes=("theory: polynomials in tanh, decay factored out", "balls: power series"),
            ),
            Certified(
                box={"q": (Fraction(0), Fraction(1))},
                slack=lambda ball: _certified_slack(dict(ball)),
                argument="q = exp(-2 abs(s)) runs through (0, 1]; tanh = (1 - q) / (1 + q) and"
                " d/ds = -2 q d/dq make tanh^(k) a rational function of q, odd or even in s, and"
                " the inequality one between polynomials, zero at q = 0 in first order where"
                " 2^(k+1) is sharp: that factor q > 0 is divided out",
                routes=("SymPy: derivatives of (1 - q) / (1 + q)", "balls: branch and bound"),
            ),
        ),
        constants=lambda _outcomes: _constants(),
        note="e^(2s) tanh^(k)(s) tends to -(-2)^(k+1) as s grows, for every k, so no constant is"
        " smaller: with q = e^(-2s), tanh = 1 - 2q + 2q^2 - ..., and every derivative multiplies q"
        " by -2. Up to k = 5 that limit is also the supremum; at k = 6 it is not, as C_6 > 128."
        " Pointwise decay in s is not decay of expectations in the norm of mu: see"
        " SCK-32:exponential.",
    ),
)
