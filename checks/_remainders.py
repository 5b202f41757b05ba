"""What the Taylor steps of Lemma C.3 leave out: from the kernels, in balls, and its bounds."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from flint import acb, arb, ctx
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._balls import tanh_jet
from lemmata.checks._plane import ball_vectors, in_basis, vectors
from lemmata.harness.balls import enclosure, gaussian_mean, gaussian_means, norm, precision
from lemmata.harness.claim import Point

__all__ = [
    "FIRST",
    "SECOND",
    "SHARP",
    "SHARP_SUM",
    "TANH",
    "THEORY",
    "Bound",
    "at_tiny",
    "ball_norm",
    "ball_remainder",
    "conditional",
    "cubic",
    "guard",
    "in_u",
    "norm_of_remainder",
    "printed_first",
    "printed_second",
    "printed_sum",
    "printed_tanh",
    "sharp",
    "stein_remainder",
]

Vector = NDArray[np.float64]

THEORY = "theory: remainders summed without cancellation, one-dimensional integrals"

#: Which of the three Taylor steps; the order of `theory.taylor_remainders`.
TANH, SECOND, FIRST = range(3)

# --- The remainders, from the kernels and in balls ------------------------------------------------


def cubic(mu: Vector, mu_star: Vector) -> Vector:
    """E[(mu.X)^3 X] for X ~ N(mu*, I)."""
    m, v = mu @ mu_star, mu @ mu
    return np.asarray((m * m + 3 * v) * m * mu_star + 3 * (m * m + v) * mu)


def norm_of_remainder(step: int, point: Point, excess: float = 0.0) -> float:
    """Norm of what a step leaves out; `excess` is added to the cubic coefficient of tanh."""
    mu, mu_star = vectors(point)
    left = theory.taylor_remainders(mu, mu_star)[step]
    return float(np.linalg.norm(left - excess * cubic(mu, mu_star)))


def _reach(mean: arb, deviation: arb) -> float:
    """A number g with abs(m + sigma z) <= g abs(z), and abs(m) <= g abs(z), for abs(z) >= 9."""
    return enclosure(abs(mean) / 9 + deviation)[1]


def guard(point: Point) -> int:
    """Bits that are lost from s to a remainder of fifth order, at most."""
    a, b = float(point["mu_norm"]), float(point["mu_star_norm"])
    return 16 + max(0, math.ceil(-5 * math.log2(a * max(1.0, b * abs(point["cos_theta"])))))


@functools.lru_cache(maxsize=1024)
def _cached(
    step: int, items: tuple[tuple[str, Any], ...], third: Fraction, bits: int
) -> tuple[arb, arb]:
    with precision(bits):
        return conditional(step, dict(items), third)


def ball_remainder(step: int, point: Point, third: Fraction = Fraction(-1, 3)) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of a step's remainder, from the printed expectation.

    A search comes back to its most interesting points; they are evaluated once.
    """
    return _cached(step, tuple(point.items()), third, ctx.prec + guard(point))


def conditional(step: int, point: Point, third: Fraction) -> tuple[arb, arb]:
    """The printed expectation by the law of X given s = mu.X: E[X | s] = mu* + mu (s - m) / v."""
    a, b, cosine, _ = ball_vectors(point)
    mean, variance = a * b * cosine, a * a
    g = _reach(mean, a)
    cubic = arb(third.numerator) / third.denominator

    def of_tanh(s: acb) -> acb:
        return s.tanh() - s - cubic * s * s * s

    def of_second(s: acb) -> acb:
        return tanh_jet(s)[2] + 2 * s

    def of_first(s: acb) -> acb:
        return (tanh_jet(s)[1] - 1 + s * s) * s

    def expected(f: Callable[[acb], acb], bound: float, degree: int) -> arb:
        return gaussian_mean(f, mean, variance, bound=bound, degree=degree)

    if step == TANH:
        # abs(tanh s - s) <= abs(s), and g abs(z) <= g abs(z)^3 / 81.
        bound = g / 81 + float(abs(third)) * g**3

        def weighted(s: acb) -> tuple[acb, acb]:
            value = of_tanh(s)
            return value, value * (s - mean) / a

        first, second = gaussian_means(weighted, mean, variance, bound=bound, degree=4)
        return first, second / a
    if step == SECOND:
        # tanh'' has the other sign than 2s and is smaller. s mu - v X / 2 has (s + m) / 2 on mu.
        return (
            -variance / 2 * expected(of_second, 2 * g, 1),
            expected(lambda s: of_second(s) * (s + mean) / 2, 2 * g * g, 2),
        )
    return expected(of_first, g**3, 3), arb(0)


def ball_norm(step: int, point: Point, third: Fraction = Fraction(-1, 3)) -> arb:
    """Norm of a step's remainder, of the coefficients above."""
    return norm(*in_basis(point, *ball_remainder(step, point, third)))


def stein_remainder(step: int, point: Point) -> tuple[arb, arb]:
    """The same coefficients by Stein's lemma, E[f(s) X] = mu* E f + mu E f', as theory has them."""
    with precision(ctx.prec + guard(point)):
        return _by_stein(step, point)


def _by_stein(step: int, point: Point) -> tuple[arb, arb]:
    a, b, cosine, _ = ball_vectors(point)
    mean, variance = a * b * cosine, a * a
    g = _reach(mean, a)

    def r0(s: acb) -> acb:
        return s.tanh() - s + s * s * s / 3

    def r1(s: acb) -> acb:
        return s * s - s.tanh() ** 2

    def r2(s: acb) -> acb:
        return tanh_jet(s)[2] + 2 * s

    def r3(s: acb) -> acb:
        return tanh_jet(s)[3] + 2

    def expected(f: Callable[[acb], acb], bound: float, degree: int) -> arb:
        return gaussian_mean(f, mean, variance, bound=bound, degree=degree)

    first, second = expected(r1, g * g, 2), expected(r2, 2 * g, 1)
    if step == TANH:
        return expected(r0, g / 81 + g**3 / 3, 3), first
    if step == SECOND:
        # abs(tanh''' + 2) <= 4.
        return -variance / 2 * second, mean * second + variance / 2 * expected(r3, 4.0, 0)
    return mean * first + variance * second, arb(0)


# --- Bounds: polynomials in u = |mu*|^2, times |mu|^5 ---------------------------------------------

#: Coefficients of 1, u, u^2, u^3 in the sharp bounds.
SHARP: dict[int, tuple[Fraction, ...]] = {
    TANH: (Fraction(2), Fraction(6), Fraction(2), Fraction(2, 15)),
    SECOND: (Fraction(4), Fraction(8), Fraction(4, 3)),
    FIRST: (Fraction(0), Fraction(10), Fraction(20, 3), Fraction(2, 3)),
}
SHARP_SUM = tuple(
    sum(terms, Fraction(0))
    for terms in itertools.zip_longest(*SHARP.values(), fillvalue=Fraction(0))
)

#: (d, |mu|, |mu*|) to the right-hand side, for floats and balls alike.
Bound = Callable[[Any, Any, Any], Any]


def in_u(coefficients: Sequence[Fraction], b: Any) -> Any:
    """The polynomial at u = b^2, for floats and balls alike."""
    value = b * 0
    for c in reversed(coefficients):
        value = value * b * b + b**0 * c.numerator / c.denominator
    return value


def sharp(step: int) -> Bound:
    """The sharp bound of a step."""
    return lambda _d, a, b: in_u(SHARP[step], b) * a**5


def printed_tanh(d: Any, a: Any, _b: Any) -> Any:
    """The printed bound of SCK-13a."""
    return 200 * d**0.5 * a**5


def printed_second(d: Any, a: Any, _b: Any) -> Any:
    """The printed bound of SCK-13b."""
    return (10 * d**0.5 + 6) * a**5


def printed_first(_d: Any, a: Any, b: Any) -> Any:
    """The printed bound of SCK-13c."""
    return 20 * b * a**5


def printed_sum(d: Any, a: Any, b: Any) -> Any:
    """The three printed bounds together, as the proof adds them."""
    return printed_tanh(d, a, b) + printed_second(d, a, b) + printed_first(d, a, b)


# --- Constants ------------------------------------------------------------------------------------

#: So short a mu that the remainder is its leading term to 2^-80.
_TINY = -40


def at_tiny(b: float) -> dict[str, Any]:
    """Evaluate at a tiny |mu|, where the leading powers are all that is left."""
    return {"d": 1, "mu_norm": 2.0**_TINY, "mu_star_norm": b, "cos_theta": 1.0}
