"""SCK-22: the use of Lemma 8's bound in the proof of Lemma C.5."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import sympy
from flint import arb
from hypothesis import strategies as st

from lemmata.checks._compare import bound_slack
from lemmata.checks._field import (
    BALLS,
    PRINTED_K,
    THEORY,
    Bound,
    distance,
    exact_distance,
    printed_bound,
    sharp_bound,
)
from lemmata.checks._plane import ball_vectors, plane_points
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"

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

    def sides(eta: Any, a: Any, cosine: Any, gap: Any, right: Any) -> tuple[Any, Any]:
        left = gap / (a * cosine)
        return eta * left if eta_on_the_left else left, eta * right / a / cosine

    def slack(point: Point) -> float:
        a, cosine = point["mu_norm"], point["cos_theta"]
        right = bound(point["d"], a, point["mu_star_norm"])
        gap, _ = distance(point, 0.0, k)
        return float(bound_slack(*sides(point["eta"], a, cosine, gap, right)))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        right = bound(arb(point["d"]), a, b)
        gap = exact_distance({**point, "t": 0.0}, k)
        ratio: arb = bound_slack(*sides(arb(point["eta"]), a, cosine, gap, right))
        return ratio

    def noise(point: Point) -> float:
        a, cosine = point["mu_norm"], point["cos_theta"]
        _, terms = distance(point, 0.0, k)
        right = bound(point["d"], a, point["mu_star_norm"])
        left, right = sides(point["eta"], a, cosine, terms, right)
        return float(1e-12 * (1 + left / right))

    return Search(domain=_STEPS, slack=slack, exact=exact, noise=noise, routes=(THEORY, BALLS))


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
