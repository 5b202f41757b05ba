"""Constants of SCK-13: sharp ones, and where the printed ones begin and cease to do."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from flint import arb
from scipy.optimize import brentq

from lemmata import theory
from lemmata.checks._plane import ball_vectors
from lemmata.checks._remainders import (
    FIRST,
    SECOND,
    SHARP,
    TANH,
    at_tiny,
    ball_norm,
    in_u,
    norm_of_remainder,
    printed_tanh,
)
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Constants

__all__ = ["first_constants", "printed_tanh_constants", "second_constants", "tanh_constants"]


def _share(step: int, b: float) -> tuple[float, float]:
    """The share of the sharp bound that is reached at a tiny |mu|, along mu*."""
    point = at_tiny(b)
    with precision(640):
        a, radius, _, _ = ball_vectors(point)
        return enclosure(ball_norm(step, point) / (in_u(SHARP[step], radius) * a**5))


def _largest_star(step: int, constant: Callable[[Any, Any], Any], d: int) -> tuple[float, float]:
    """The largest |mu*| for which `constant(d, |mu*|)` does for every mu.

    Lower end: the sharp bound is still below it; upper end: a tiny mu along mu* confirms that it
    fails.
    """

    def gap(b: float) -> float:
        return float(in_u(SHARP[step], b) - constant(d, b))

    root = brentq(gap, 1e-2, 1e2, xtol=1e-13)
    low, high = root * (1 - 1e-11), root * (1 + 1e-11)
    with precision(640):
        if not in_u(SHARP[step], arb(low)) <= constant(arb(d), arb(low)):
            raise ValueError(f"low: the sharp bound exceeds the printed one at {low}")
        point = at_tiny(high)
        a, b, _, _ = ball_vectors(point)
        if not ball_norm(step, point) > constant(arb(d), b) * a**5:
            raise ValueError(f"high: no violation at {high}")
    return low, high


def _sharp_at_one(step: int) -> tuple[float, float]:
    """The least c with c |mu|^5 above the remainder for all |mu*| <= 1.

    Lower end: a tiny mu along mu* takes as much; upper end: the sharp bound, which grows with |mu*|
    (that of the last step also after division by |mu*|).
    """
    point = at_tiny(1.0)
    with precision(640):
        a, b, _, _ = ball_vectors(point)
        taken = enclosure(ball_norm(step, point) / a**5)
        return taken[0], enclosure(in_u(SHARP[step], b))[1]


def _smallest_mu(b: float, d: int) -> tuple[float, float]:
    """From which |mu| on the printed 200 sqrt(d) |mu|^5 does, with -2/3 and |mu*| <= b.

    Lower end: a mu of that norm along mu* confirms that it fails there. Upper end: the difference
    is at most |mu|^3 (1 + 2 u + u^2/3), a third of the norm of E[s^3 X] at the most, and the sharp
    bound with -1/3; so it does for every longer mu, and every shorter mu*.
    """
    two_thirds = Fraction(-2, 3)

    def at(a: float) -> dict[str, Any]:
        return {"d": d, "mu_norm": a, "mu_star_norm": b, "cos_theta": 1.0}

    def gap(a: float) -> float:
        return norm_of_remainder(TANH, at(a), -1 / 3) / float(printed_tanh(d, a, b)) - 1

    with precision(128):
        u = arb(b) ** 2
        room = 200 * arb(d).sqrt() - in_u(SHARP[TANH], arb(b))
        if not room > 0:
            raise ValueError(f"b: got {b}; the bound with -1/3 leaves no room at d = {d}")
        high = enclosure(((1 + 2 * u + u * u / 3) / room).sqrt())[1]
        low = brentq(gap, high / 2, high * 2, xtol=1e-14) * (1 - 1e-9)
        point = at(low)
        if not ball_norm(TANH, point, two_thirds) > printed_tanh(arb(d), arb(low), arb(b)):
            raise ValueError(f"low: no violation at {low}")
    return low, high


def printed_tanh_constants() -> Constants:
    """From which |mu| on SCK-13a is true as printed."""
    return {
        f"|mu| from which 200 sqrt(d) does, {which}, d = {d}": _smallest_mu(b, d)
        for d in (1, 100, 10_000)
        for which, b in (("|mu*| = 0", 0.0), ("|mu*| <= 1", 1.0))
    }


def tanh_constants() -> Constants:
    """SCK-13ar: what is sharp, and up to which |mu*| 200 sqrt(d) does."""

    def printed(d: Any, _b: Any) -> Any:
        return 200 * d**0.5

    return {
        "share of the bound reached at |mu*| = 1": _share(TANH, 1.0),
        "sharp constant for |mu*| <= 1": _sharp_at_one(TANH),
        "largest |mu*| for 200 sqrt(d), d = 1": _largest_star(TANH, printed, 1),
        "largest |mu*| for 200 sqrt(d), d = 10^4": _largest_star(TANH, printed, 10_000),
    }


def second_constants() -> Constants:
    """SCK-13br: what is sharp, the chain of the text, and up to which |mu*| 10 and 6 do."""

    def printed(d: Any, _b: Any) -> Any:
        return 10 * d**0.5 + 6

    # The chain at mu* = 0, where s ~ N(0, |mu|^2): E s^6 = 15 |mu|^6, E s^4 = 3 |mu|^4. The
    # constant of the O is 4 5 = 20 times the fifth coefficient of tanh.
    of_o = float(20 * theory.tanh_taylor(3)[2])
    at_zero = _share(SECOND, 2.0**-60)
    sixth, fourth = math.prod(range(1, 6, 2)), math.prod(range(1, 4, 2))
    return {
        "share of the bound reached at |mu*| = 1": _share(SECOND, 1.0),
        "sharp constant for |mu*| <= 1": _sharp_at_one(SECOND),
        "sharp constant at mu* = 0": (4 * at_zero[0], 4 * at_zero[1]),
        "largest |mu*| for 10 sqrt(d) + 6, d = 1": _largest_star(SECOND, printed, 1),
        "largest |mu*| for 10 sqrt(d) + 6, d = 10^4": _largest_star(SECOND, printed, 10_000),
        "chain at mu* = 0: on sqrt(d)": of_o * math.sqrt(sixth) / 2,
        "chain at mu* = 0: the other constant": of_o * fourth,
        "chain without the O's constant: on sqrt(d)": math.sqrt(sixth) / 2,
        "chain without the O's constant: the other": float(fourth),
    }


def first_constants() -> Constants:
    """SCK-13cr: what is sharp, and up to which |mu*| 20 does."""
    return {
        "share of the bound reached at |mu*| = 1": _share(FIRST, 1.0),
        "sharp constant on |mu*| for |mu*| <= 1": _sharp_at_one(FIRST),
        "largest |mu*| for 20 |mu*|": _largest_star(FIRST, lambda _d, b: 20 * b, 1),
    }
