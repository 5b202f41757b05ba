"""SCK-16: Lemma 8, the field at large times."""

from __future__ import annotations

import math
from typing import Any

from flint import arb
from hypothesis import strategies as st

from lemmata.checks._compare import bound_slack
from lemmata.checks._field import (
    BALLS,
    PRINTED_K,
    THEORY,
    ZERO,
    Bound,
    ball_time,
    distance,
    exact_distance,
    sharp_bound,
    time_of,
)
from lemmata.checks._plane import NORMS, ball_vectors, plane_points
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Emptiness, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search

__all__ = ["CLAIMS", "at_any_time"]

_SOURCE = "Shah, Chen & Klivans 2023"

_ZERO_THEORY = "theory: the gradient, one-dimensional integrals"

#: The weakest of the bounds C d^(-k) that the search refutes: C = 10^12 and k = 1/1000.
_CONSTANT, _PER_DECADE = 12, 1000

_DECADES_OF_D = log_uniform(1.0, 1e4)
_MANY_DECADES = log_uniform(1e3, 1e4)
_LONG = log_uniform(1.0, NORMS[1])
#: At most log d, as d is 10 or more.
_BOUNDED_TIMES = log_uniform(1e-4, 1.0)
_KAPPAS = log_uniform(0.1, 5.0)
_PLANE = plane_points()


@st.composite
def _any_times(draw: st.DrawFn) -> dict[str, Any]:
    """A pair at a time, and the dimension 10^log10_d; every other point where bounds fail first."""
    # The plane stands for the dimension, which no array could have.
    point = {**draw(_PLANE), "d": 2, "t": draw(_BOUNDED_TIMES)}
    if draw(st.booleans()):
        return {**point, "log10_d": draw(_DECADES_OF_D)}
    long = {"mu_norm": draw(_LONG), "mu_star_norm": draw(_LONG), "log10_d": draw(_MANY_DECADES)}
    return {**point, **long}


@st.composite
def _log_times(draw: st.DrawFn) -> dict[str, Any]:
    """A pair at time 0, and kappa for t = kappa log d."""
    return {**draw(_PLANE), "kappa": draw(_KAPPAS)}


_ANY_TIMES = _any_times()
_LOG_TIMES = _log_times()


def at_any_time(falls: int = 0) -> Search:
    """Log of 10^12 d^(-1/1000), minus log of the error times d^(-falls).

    For d >= 1 a smaller constant or a larger power of 1/d makes a smaller right side, so that what
    refutes this pair refutes all of them. With `falls` the search has to find nothing.
    """

    def slack(point: Point) -> float:
        error, _ = distance(point, point["t"], PRINTED_K)
        if error == 0:
            return math.inf
        decades = _CONSTANT - point["log10_d"] / _PER_DECADE + falls * point["log10_d"]
        return float(decades * math.log(10) - math.log(error))

    def exact(point: Point) -> arb:
        error = exact_distance(point, PRINTED_K)
        if error.contains(0):
            return arb(0, math.inf)  # its logarithm is not known
        decades = _CONSTANT + arb(point["log10_d"]) * (falls - arb(1) / _PER_DECADE)
        return decades * arb(10).log() - error.log()

    def noise(point: Point) -> float:
        error, terms = distance(point, point["t"], PRINTED_K)
        rounding = 1e-14 * (1 + falls) * point["log10_d"]
        return 1e-12 * terms / error + rounding + 1e-11 if error > 0 else math.inf

    return Search(
        domain=_ANY_TIMES,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(THEORY, BALLS),
    )


def _with_field(d: Any, a: Any, b: Any) -> Any:
    """The repaired bound and the two terms of the field, whatever their coefficients up to these.

    Above the error with the coefficient -3, which adds |mu|^3, and above the gradient itself.
    """
    return 2 * a * b * b + 2 * a**3 + sharp_bound(d, a, b)


def _at_log_times(k: int | None, exponent: int, bound: Bound, *, effort: float) -> Search:
    """The distance at t = kappa log d is at most d^(-exponent kappa) times the bound at time 0."""

    def slack(point: Point) -> float:
        t = time_of(point)
        left, _ = distance(point, t, k)
        # d^(-exponent kappa) = exp(-exponent t)
        right = float(bound(point["d"], point["mu_norm"], point["mu_star_norm"]))
        return bound_slack(left * math.exp(exponent * t), right)

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        right: arb = bound(arb(point["d"]), a, b) * (-exponent * ball_time(point)).exp()
        return bound_slack(exact_distance(point, k), right)

    def noise(point: Point) -> float:
        _, terms = distance(point, time_of(point), k)
        right = bound(point["d"], point["mu_norm"], point["mu_star_norm"])
        return float(1e-12 * (1 + terms * math.exp(exponent * time_of(point)) / right))

    return Search(
        domain=_LOG_TIMES,
        slack=slack,
        exact=exact,
        noise=noise,
        # Most of the time goes into the audits.
        effort=effort,
        routes=(
            _ZERO_THEORY if k is ZERO else THEORY,
            "balls: Lemma C.2" if k is ZERO else BALLS,
        ),
    )


def _exponents(**of: int | None) -> Constants:
    """Slope of minus the logarithm of each distance in t: its exponent over t / log d."""

    def logarithm(t: float, k: int | None) -> arb:
        point = {"d": 2, "mu_norm": 1.0, "mu_star_norm": 1.0, "cos_theta": 0.5, "t": t}
        return exact_distance(point, k).log()

    early, late = 40.0, 48.0  # where the next terms are below 1e-30
    with precision(256):
        return {
            f"exponent over t / log d: {name.replace('_', ' ')}": enclosure(
                (logarithm(early, k) - logarithm(late, k)) / (late - early)
            )
            for name, k in of.items()
        }


_F = r"(2\mu_t^*\mu_t^{*\top}\mu_t - %d\|\mu_t\|^2\mu_t)"
_LEMMA_8 = r"t = O(\log d) \implies \|(-\nabla L_t(s_t)) - " + _F % 3 + r"\| \le \mathrm{poly}(1/d)"
_HALF = "population gradient; -grad L is the right-hand side of Lemma C.2, half the gradient of (5)"

CLAIMS = (
    Claim(
        id="SCK-16",
        title="Lemma 8: for t = O(log d), the gradient is F up to poly(1/d)",
        source=f"{_SOURCE}, Lemma 8",
        statement=_LEMMA_8,
        reading=f"{_HALF}; t = O(log d) is an upper bound on t, to the letter, and poly(1/d) is"
        " C d^(-k) for some C <= 10^12 and k >= 10^-3: the search tries C = 10^12 and k = 10^-3,"
        " which for d >= 1 have the largest right side, so that one witness refutes every pair; d"
        " is up to 10^10000",
        evidence=(at_any_time(),),
        needs=("SCK-09r",),
        note="At a bounded time d does not enter at all: the error is the same in every dimension,"
        " and no poly(1/d) stays above it.",
    ),
    Claim(
        id="SCK-16:log",
        title="Lemma 8 at t = kappa log d",
        source=f"{_SOURCE}, Lemma 8",
        statement=r"t = \kappa\log d \implies \|-\tfrac12\nabla L_t(s_t) - "
        + _F % 3
        + r"\| \le d^{-3\kappa}\left(2\|\mu\|\|\mu^*\|^2 + 2\|\mu\|^3"
        r" + 6\|\mu\|^5 + 6\|\mu\|^3\|\mu^*\|^2 + \tfrac43\|\mu\|^3\|\mu^*\|^4\right)",
        reading="t is of the order log d, the norms at time 0 do not grow with d, and poly(1/d) is"
        " what the proof can give then; mu_t = exp(-t) mu, mu*_t = exp(-t) mu*",
        evidence=(_at_log_times(PRINTED_K, 3, _with_field, effort=0.4),),
        needs=("SCK-15r",),
        constants=lambda _outcomes: _exponents(F_as_printed=PRINTED_K, the_zero_vector=ZERO),
        empty=Emptiness(
            why="The zero vector in place of F satisfies it too, with the same right side: at such"
            " times the gradient itself is of third order in exp(-t), and so is the error that the"
            " wrong coefficient of |mu|^2 mu leaves.",
            evidence=(_at_log_times(ZERO, 3, _with_field, effort=0.2),),
        ),
        note="From SCK-15r at mu_t: the coefficient -3 for -2 adds |mu_t|^3, and every term has at"
        " least three factors exp(-t) = d^(-kappa). The term 2 |mu| |mu*|^2 and the other |mu|^3"
        " are room that the statement leaves, as the lemma names no constant: with them it bounds"
        " the gradient too.",
    ),
    Claim(
        id="SCK-16r",
        title="Lemma 8 with the right coefficient, at an exponent that zero does not have",
        source=f"{_SOURCE}, Lemma 8",
        statement=r"t = \kappa\log d \implies \|-\tfrac12\nabla L_t(s_t) - "
        + _F % 2
        + r"\| \le d^{-5\kappa}\left(6\|\mu\|^5 + 6\|\mu\|^3\|\mu^*\|^2"
        r" + \tfrac43\|\mu\|^3\|\mu^*\|^4\right)",
        reading="mu_t = exp(-t) mu, mu*_t = exp(-t) mu*",
        repairs="SCK-16",
        evidence=(_at_log_times(2, 5, sharp_bound, effort=0.6),),
        needs=("SCK-15r",),
        constants=lambda _outcomes: _exponents(F_with_the_coefficient_2=2, the_zero_vector=ZERO),
        note="From SCK-15r at mu_t: every term has at least five factors exp(-t) = d^(-kappa). The"
        " gradient has three wherever F is not zero, so this separates F from zero by"
        " d^(-2 kappa): unless mu = 0 or mu = +-mu*, where the gradient is zero as well.",
    ),
)
