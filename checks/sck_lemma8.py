"""SCK-16 and SCK-22: Lemma 8, the field at large times, and its use in the proof of Lemma C.5."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb, ctx
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import bound_slack
from lemmata.checks._field import (
    PRINTED_K,
    Bound,
    ball_distance_to_field,
    printed_bound,
    sharp_bound,
)
from lemmata.checks._plane import ball_vectors, in_basis, plane_points, vectors
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Emptiness, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"

_THEORY = "theory: the gradient minus its field, without cancellation"
_ZERO_THEORY = "theory: the gradient, one-dimensional integrals"
_BALLS = "balls: Lemma C.2 minus the field"

#: The zero vector in place of the field.
_ZERO = None


# --- Distances at a time --------------------------------------------------------------------------


def _distance(point: Point, t: float, k: int | None) -> tuple[float, float]:
    """Distance of minus half the gradient at mu_t from F (or from zero), and the terms' size."""
    mu, mu_star = theory.marginal_means(np.stack(vectors(point)), t)
    if k is _ZERO:
        return (float(np.linalg.norm(theory.ddpm_descent(mu, mu_star))),) * 2
    # The field of theory has the coefficient 2; the printed one is written from it.
    right = theory.large_noise_error(mu, mu_star)
    more = (k - 2) * (mu @ mu) * mu
    return float(np.linalg.norm(right + more)), float(np.linalg.norm(right) + np.linalg.norm(more))


@functools.lru_cache(maxsize=1024)
def _ball_distance(items: tuple[tuple[str, Any], ...], k: int | None, bits: int) -> arb:
    with precision(bits):
        point: dict[str, Any] = dict(items)
        decay = (-_ball_time(point)).exp()
        at_t: Point = {
            **point,
            "mu_norm": arb(point["mu_norm"]) * decay,
            "mu_star_norm": arb(point["mu_star_norm"]) * decay,
        }
        if k is not _ZERO:
            return ball_distance_to_field(at_t, k)
        a, b, cosine, _ = ball_vectors(at_t)
        return norm(*in_basis(at_t, *descent_coefficients(a, b, cosine)))


def _exact_distance(point: Point, k: int | None) -> arb:
    """The same in balls, with the bits that the difference loses at small norms."""
    a = float(point["mu_norm"]) * math.exp(-_time(point))
    guard = 32 + max(0, math.ceil(-5 * math.log2(a)))
    return _ball_distance(tuple(point.items()), k, ctx.prec + guard)


def _time(point: Point) -> float:
    """t, given or as kappa log d."""
    return float(point["t"] if "t" in point else point.get("kappa", 0) * math.log(point["d"]))


def _ball_time(point: Point) -> arb:
    return arb(point["t"]) if "t" in point else arb(point.get("kappa", 0)) * arb(point["d"]).log()


# --- SCK-16: Lemma 8 ------------------------------------------------------------------------------

_DECADES_OF_D = log_uniform(1.0, 1e4)
_EXPONENTS = log_uniform(1e-3, 10.0)
_PROPOSED = log_uniform(1.0, 1e12)
_BOUNDED_TIMES = log_uniform(1e-4, 20.0)
_KAPPAS = log_uniform(0.1, 5.0)
_PLANE = plane_points()


@st.composite
def _any_times(draw: st.DrawFn) -> dict[str, Any]:
    """A pair at a time, the dimension 10^log10_d, and a bound constant d^(-exponent) to refute."""
    # The plane stands for the dimension, which no array could have.
    return {
        **draw(_PLANE),
        "d": 2,
        "log10_d": draw(_DECADES_OF_D),
        "exponent": draw(_EXPONENTS),
        "constant": draw(_PROPOSED),
        "t": draw(_BOUNDED_TIMES),
    }


@st.composite
def _log_times(draw: st.DrawFn) -> dict[str, Any]:
    """A pair at time 0, and kappa for t = kappa log d."""
    return {**draw(_PLANE), "kappa": draw(_KAPPAS)}


_ANY_TIMES = _any_times()
_LOG_TIMES = _log_times()


def _at_any_time() -> Search:
    """log of constant d^(-exponent), minus log of the error."""

    def slack(point: Point) -> float:
        error, _ = _distance(point, point["t"], PRINTED_K)
        if error == 0:
            return math.inf
        right = math.log(point["constant"]) - point["exponent"] * point["log10_d"] * math.log(10)
        return float(right - math.log(error))

    def exact(point: Point) -> arb:
        error = _exact_distance(point, PRINTED_K)
        if error.contains(0):
            return arb(0, math.inf)  # its logarithm is not known
        right = arb(point["constant"]).log()
        right -= arb(point["exponent"]) * arb(point["log10_d"]) * arb(10).log()
        return right - error.log()

    def noise(point: Point) -> float:
        error, terms = _distance(point, point["t"], PRINTED_K)
        return 1e-12 * terms / error + 1e-11 if error > 0 else math.inf

    return Search(
        domain=_ANY_TIMES,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(_THEORY, _BALLS),
    )


def _with_cube(d: Any, a: Any, b: Any) -> Any:
    """What the wrong coefficient adds to the repaired bound."""
    return a**3 + sharp_bound(d, a, b)


def _with_field(d: Any, a: Any, b: Any) -> Any:
    """The repaired bound and the norm of the field."""
    return 2 * a * b * b + 2 * a**3 + sharp_bound(d, a, b)


def _at_log_times(k: int | None, exponent: int, bound: Bound) -> Search:
    """The distance at t = kappa log d is at most d^(-exponent kappa) times the bound at time 0."""

    def slack(point: Point) -> float:
        t = _time(point)
        left, _ = _distance(point, t, k)
        # d^(-exponent kappa) = exp(-exponent t)
        right = float(bound(point["d"], point["mu_norm"], point["mu_star_norm"]))
        return bound_slack(left * math.exp(exponent * t), right)

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        right: arb = bound(arb(point["d"]), a, b) * (-exponent * _ball_time(point)).exp()
        return bound_slack(_exact_distance(point, k), right)

    def noise(point: Point) -> float:
        _, terms = _distance(point, _time(point), k)
        right = bound(point["d"], point["mu_norm"], point["mu_star_norm"])
        return float(1e-12 * (1 + terms * math.exp(exponent * _time(point)) / right))

    return Search(
        domain=_LOG_TIMES,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(
            _ZERO_THEORY if k is _ZERO else _THEORY,
            "balls: Lemma C.2" if k is _ZERO else _BALLS,
        ),
    )


def _exponents(**of: int | None) -> Constants:
    """Slope of minus the logarithm of each distance in t: its exponent over t / log d."""

    def logarithm(t: float, k: int | None) -> arb:
        point = {"d": 2, "mu_norm": 1.0, "mu_star_norm": 1.0, "cos_theta": 0.5, "t": t}
        return _exact_distance(point, k).log()

    early, late = 40.0, 48.0  # where the next terms are below 1e-30
    with precision(256):
        return {
            f"exponent over t / log d: {name.replace('_', ' ')}": enclosure(
                (logarithm(early, k) - logarithm(late, k)) / (late - early)
            )
            for name, k in of.items()
        }


# --- SCK-22: the display in the proof of Lemma C.5 ------------------------------------------------

_WIDE = plane_points(smallest_cosine=True)
_ETAS = log_uniform(1e-6, 1e2)


@st.composite
def _steps(draw: st.DrawFn) -> dict[str, Any]:
    """A pair with cos theta >= 1/(2d), exactly, and a step size."""
    point = draw(_WIDE)
    cosine = abs(point["cos_theta"])
    while Fraction(cosine) * 2 * point["d"] < 1:  # 1/(2d) was rounded down
        cosine = math.nextafter(cosine, 1.0)
    return {**point, "cos_theta": cosine, "eta": draw(_ETAS)}


_STEPS = _steps()


def _first_inequality(bound: Bound, k: int, *, eta_on_the_left: bool) -> Search:
    """|-grad L - F| / <mu, mu*/|mu*|> <= eta (bound / |mu|) / cos theta."""

    def sides(eta: Any, a: Any, cosine: Any, distance: Any, right: Any) -> tuple[Any, Any]:
        left = distance / (a * cosine)
        return eta * left if eta_on_the_left else left, eta * right / a / cosine

    def slack(point: Point) -> float:
        a, cosine = point["mu_norm"], point["cos_theta"]
        right = bound(point["d"], a, point["mu_star_norm"])
        distance, _ = _distance(point, 0.0, k)
        return float(bound_slack(*sides(point["eta"], a, cosine, distance, right)))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        right = bound(arb(point["d"]), a, b)
        distance = _exact_distance({**point, "t": 0.0}, k)
        ratio: arb = bound_slack(*sides(arb(point["eta"]), a, cosine, distance, right))
        return ratio

    def noise(point: Point) -> float:
        a, cosine = point["mu_norm"], point["cos_theta"]
        _, terms = _distance(point, 0.0, k)
        right = bound(point["d"], a, point["mu_star_norm"])
        left, right = sides(point["eta"], a, cosine, terms, right)
        return float(1e-12 * (1 + left / right))

    return Search(domain=_STEPS, slack=slack, exact=exact, noise=noise, routes=(_THEORY, _BALLS))


def _second_inequality(bound: Bound, loose: Bound, route: str) -> tuple[Symbolic, Search]:
    """Eta (bound / |mu|) / cos theta <= eta loose, for cos theta >= 1/(2d)."""

    def residuals() -> dict[str, sympy.Expr]:
        d, a, b, eta, cosine = sympy.symbols("d a b eta c", positive=True)
        left = eta * _sympify(bound(d, a, b)) / a / cosine
        right = eta * _sympify(loose(d, a, b))
        # So the right side exceeds the left by 2 d cos theta - 1 >= 0 times it.
        return {"right = 2 d cos theta left": right - left * (2 * d * cosine)}

    def slack(point: Point) -> float:
        d, a, b = point["d"], point["mu_norm"], point["mu_star_norm"]
        left = point["eta"] * bound(d, a, b) / a / point["cos_theta"]
        return float(bound_slack(left, point["eta"] * loose(d, a, b)))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        d, eta = arb(point["d"]), arb(point["eta"])
        left: arb = eta * bound(d, a, b) / a / cosine
        right: arb = eta * loose(d, a, b)
        return bound_slack(left, right)

    return (
        Symbolic(residuals=residuals, routes=(f"SymPy, from {route}",)),
        Search(
            domain=_STEPS,
            slack=slack,
            exact=exact,
            noise=lambda _point: 1e-14,
            routes=(f"floats: {route}", "balls: the same"),
        ),
    )


def _sympify(expression: Any) -> sympy.Expr:
    return sympy.nsimplify(expression, rational=True)


def _printed_loose(d: Any, a: Any, b: Any) -> Any:
    return 500 * (d**3) ** 0.5 * a**4 + 20 * d * a**2 * b**2


def _sharp_loose(d: Any, a: Any, b: Any) -> Any:
    return 2 * d * (6 * a**4 + 6 * a**2 * b**2 + 4 * a**2 * b**4 / 3)


_F = r"(2\mu_t^*\mu_t^{*\top}\mu_t - %d\|\mu_t\|^2\mu_t)"
_LEMMA_8 = r"t = O(\log d) \implies \|(-\nabla L_t(s_t)) - " + _F % 3 + r"\| \le \mathrm{poly}(1/d)"
_MIDDLE = (
    r"\frac{250\eta\sqrt d\|\mu_t\|^4 + 10\eta\|\mu_t\|^2\|\mu_t^*\|^2}"
    r"{\langle\hat\mu_t, \hat\mu_t^*\rangle}"
)
_LAST = r"500\eta\sqrt{d^3}\|\mu_t\|^4 + 20d\eta\|\mu_t\|^2\|\mu_t^*\|^2"
_FIRST = r"\frac{\|\nabla L_t(s_t) + F\|}{\langle\mu_t, \hat\mu_t^*\rangle} \le " + _MIDDLE
_HALF = "population gradient; -grad L is the right-hand side of Lemma C.2, half the gradient of (5)"
_COSINE = "cos theta >= 1/(2d), as the lemma assumes of its absolute value and the proof uses"
_DISPLAY = f"{_SOURCE}, proof of Lemma C.5"

CLAIMS = (
    Claim(
        id="SCK-16",
        title="Lemma 8: for t = O(log d), the gradient is F up to poly(1/d)",
        source=f"{_SOURCE}, Lemma 8",
        statement=_LEMMA_8,
        reading=f"{_HALF}; t = O(log d) is an upper bound on t, to the letter, and poly(1/d) is"
        " C d^(-k) for some C, k > 0 (the search tries C up to 10^12, k from 10^-3, d up to"
        " 10^10000)",
        evidence=(_at_any_time(),),
        needs=("SCK-09r",),
        note="At a bounded time d does not enter at all: the error is the same in every dimension.",
    ),
    Claim(
        id="SCK-16:log",
        title="Lemma 8 at t = kappa log d",
        source=f"{_SOURCE}, Lemma 8",
        statement=r"t = \kappa\log d \implies \|-\tfrac12\nabla L_t(s_t) - "
        + _F % 3
        + r"\| \le d^{-3\kappa}\left(\|\mu\|^3 + 6\|\mu\|^5 + 6\|\mu\|^3\|\mu^*\|^2"
        r" + \tfrac43\|\mu\|^3\|\mu^*\|^4\right)",
        reading="t is of the order log d, the norms at time 0 do not grow with d, and poly(1/d) is"
        " what the proof can give then; mu_t = exp(-t) mu, mu*_t = exp(-t) mu*",
        evidence=(_at_log_times(PRINTED_K, 3, _with_cube),),
        needs=("SCK-15r",),
        constants=lambda _outcomes: _exponents(F_as_printed=PRINTED_K, the_zero_vector=_ZERO),
        empty=Emptiness(
            why="The zero vector in place of F satisfies it too, with the same exponent: at such"
            " times the gradient itself is of third order in exp(-t), and so is the error that the"
            " wrong coefficient of |mu|^2 mu leaves.",
            evidence=(_at_log_times(_ZERO, 3, _with_field),),
        ),
        note="From SCK-15r at mu_t: the coefficient -3 for -2 adds |mu_t|^3, and every term has at"
        " least three factors exp(-t) = d^(-kappa).",
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
        evidence=(_at_log_times(2, 5, sharp_bound),),
        needs=("SCK-15r",),
        constants=lambda _outcomes: _exponents(F_with_the_coefficient_2=2, the_zero_vector=_ZERO),
        note="From SCK-15r at mu_t: every term has at least five factors exp(-t) = d^(-kappa). The"
        " gradient has three, so this separates F from zero by d^(-2 kappa).",
    ),
    Claim(
        id="SCK-22",
        title="the display in the proof of Lemma C.5, as printed",
        source=_DISPLAY,
        statement=_FIRST + r" \le " + _LAST,
        reading=f"{_HALF}; {_COSINE}; no eta on the left, to the letter",
        evidence=(_first_inequality(printed_bound, PRINTED_K, eta_on_the_left=False),),
        needs=("SCK-09r",),
        note="The left side does not depend on eta, the other two vanish with it.",
    ),
    Claim(
        id="SCK-22:eta",
        title="the display in the proof of Lemma C.5, with the step size on both sides",
        source=_DISPLAY,
        statement=r"\eta" + _FIRST,
        reading=f"{_HALF}; {_COSINE}; eta also on the left, as (C.1) has it",
        evidence=(_first_inequality(printed_bound, PRINTED_K, eta_on_the_left=True),),
        needs=("SCK-09r",),
        note="This is Lemma C.3 over <mu, mu*/|mu*|>, and fails with it (SCK-15): -3 for -2.",
    ),
    Claim(
        id="SCK-22:second",
        title="the second inequality of the display in the proof of Lemma C.5",
        source=_DISPLAY,
        statement=_MIDDLE + r" \le " + _LAST,
        reading=_COSINE,
        evidence=_second_inequality(printed_bound, _printed_loose, "the printed expressions"),
        note="1 / cos theta <= 2d, and sqrt(d) d = sqrt(d^3). Equality at cos theta = 1/(2d).",
    ),
    Claim(
        id="SCK-22r",
        title="the display in the proof of Lemma C.5 with the right field and sharp constants",
        source=_DISPLAY,
        statement=r"\eta\frac{\|-\tfrac12\nabla L_t(s_t) - " + _F % 2 + r"\|}"
        r"{\langle\mu_t, \hat\mu_t^*\rangle} \le"
        r" \frac{\eta\left(6\|\mu_t\|^4 + 6\|\mu_t\|^2\|\mu_t^*\|^2"
        r" + \tfrac43\|\mu_t\|^2\|\mu_t^*\|^4\right)}{\langle\hat\mu_t, \hat\mu_t^*\rangle}"
        r" \le 2d\eta\left(6\|\mu_t\|^4 + 6\|\mu_t\|^2\|\mu_t^*\|^2"
        r" + \tfrac43\|\mu_t\|^2\|\mu_t^*\|^4\right)",
        reading=_COSINE,
        repairs="SCK-22",
        evidence=(
            _first_inequality(sharp_bound, 2, eta_on_the_left=True),
            *_second_inequality(sharp_bound, _sharp_loose, "the expressions of SCK-15r's bound"),
        ),
        needs=("SCK-15r",),
        note="SCK-15r over <mu, mu*/|mu*|> = |mu| cos theta, then 1 / cos theta <= 2d.",
    ),
)
