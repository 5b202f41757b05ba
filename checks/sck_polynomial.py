"""SCK-14: the polynomial that the Taylor steps of Lemma C.3 keep."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from flint import arb, ctx
from hypothesis import strategies as st

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._grid import noise_grid
from lemmata.checks._plane import ball_vectors, in_basis, plane_points, vectors
from lemmata.checks._remainders import (
    FIRST,
    SECOND,
    SHARP_SUM,
    TANH,
    THEORY,
    Bound,
    at_tiny,
    conditional,
    cubic,
    guard,
    in_u,
    printed_sum,
)
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, points
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023, proof of Lemma C.3"

_PLANE = plane_points()

#: The same on the line, at times at which Z / beta_t leaves digits to the gradient, and where
#: neither the polynomial nor the remainders are all of it.
_MIDDLE_NORMS = log_uniform(0.05, 3.0)
_GRID_TIMES = points(
    {
        "d": st.just(1),
        "mu_norm": _MIDDLE_NORMS,
        "mu_star_norm": _MIDDLE_NORMS,
        "cos_theta": cosines(1.0),
        "t": log_uniform(1e-3, 20),
    }
)


def _gaussian_mean(polynomial: sympy.Expr, z: Sequence[sympy.Symbol]) -> sympy.Expr:
    """Expectation over independent standard Gaussians z, monomial by monomial."""
    total = sympy.Integer(0)
    for powers, coefficient in sympy.Poly(sympy.expand(polynomial), *z).terms():
        if all(power % 2 == 0 for power in powers):
            total += coefficient * math.prod(math.prod(range(1, power, 2)) for power in powers)
    return sympy.expand(total)


def _lines(d: int) -> list[sympy.Matrix]:
    """The four lines of the display in R^d, every expectation taken coordinate by coordinate."""
    mu, star, z = (sympy.Matrix(sympy.symbols(f"{name}1:{d + 1}")) for name in "pqz")
    x = star + z
    s, v, m = mu.dot(x), mu.dot(mu), mu.dot(star)
    two_thirds, five_thirds = sympy.Rational(2, 3), sympy.Rational(5, 3)

    def mean(matrix: sympy.Matrix) -> sympy.Matrix:
        return matrix.applyfunc(lambda entry: _gaussian_mean(entry, list(z)))

    outer = sympy.eye(d) + star * star.T
    return [
        mean(x * s * (1 + v) - two_thirds * s**3 * x - 2 * mu * s**2 + s * star - s**3 * star),
        outer * mu * (1 + v) - five_thirds * mean(s**3 * star) + star * m - 4 * mean(mu * s**2),
        outer * mu * (1 + v)
        - five_thirds * star * (m**3 + 3 * m * v)
        + star * m
        - 4 * mu * (v + m**2),
        star * m * (2 - 4 * v) + mu * (1 - 3 * v) - five_thirds * star * m**3 - 4 * mu * m**2,
    ]


def _display() -> dict[str, sympy.Expr]:
    return {
        f"line {k + 1} = line {k + 2}, d = {d}, coordinate {i + 1}": sympy.expand(left - right)
        for d in (1, 2, 3)
        for k, (one, other) in enumerate(itertools.pairwise(_lines(d)))
        for i, (left, right) in enumerate(zip(one, other, strict=True))
    }


def _printed_polynomial(m: Any, v: Any) -> tuple[Any, Any]:
    """Coefficients on mu* and mu of the last line minus mu."""
    return 2 * m - 4 * m * v - 5 * m**3 / 3, -3 * v - 4 * m**2


def _right_polynomial(m: Any, v: Any) -> tuple[Any, Any]:
    """The same with the coefficient -1/3 of s^3."""
    return 2 * m - 3 * m * v - 4 * m**3 / 3, -2 * v - 3 * m**2


_Polynomial = Callable[[Any, Any], tuple[Any, Any]]


def _gradient_within(bound: Bound, polynomial: _Polynomial) -> Search:
    """-grad L is the polynomial up to the bound."""

    def slack(point: Point) -> float:
        mu, mu_star = vectors(point)
        gap = sum(theory.taylor_remainders(mu, mu_star), np.zeros_like(mu))
        if polynomial is _printed_polynomial:
            # The sum of the remainders is the distance to the right polynomial, from which the
            # printed one differs by a third of E[s^3 X].
            gap = gap + cubic(mu, mu_star) / 3
        right = float(bound(point["d"], point["mu_norm"], point["mu_star_norm"]))
        return bound_slack(float(np.linalg.norm(gap)), right)

    @functools.lru_cache(maxsize=1024)
    def distance(items: tuple[tuple[str, Any], ...], bits: int) -> arb:
        point: Point = dict(items)
        with precision(bits):
            a, b, cosine, _ = ball_vectors(point)
            on_star, on_mu = descent_coefficients(a, b, cosine)
            for_star, for_mu = polynomial(a * b * cosine, a * a)
            return norm(*in_basis(point, on_star - for_star, on_mu - for_mu))

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        gap = distance(tuple(point.items()), ctx.prec + guard(point))
        right: arb = bound(arb(point["d"]), a, b)
        return bound_slack(gap, right)

    return Search(
        domain=_PLANE,
        slack=slack,
        exact=exact,
        noise=lambda _point: 1e-13,
        routes=(
            THEORY,
            "balls: Lemma C.2 minus the polynomial",
        ),
    )


def _polynomial_meets_gradient() -> Search:
    """The polynomial plus the remainders is minus half the gradient of (5)."""

    def error(point: Point) -> float:
        mu, x, _, z, _, weights = noise_grid(point)
        gradient = impl.ddpm_gradient(mu, x, z, point["t"], weights=weights)
        _, star = vectors(point)
        moved = theory.marginal_means(star[None, :], point["t"])[0]
        on_star, on_mu = _right_polynomial(mu @ moved, mu @ mu)
        rest = sum(theory.taylor_remainders(mu, moved), np.zeros_like(mu))
        predicted = on_star * moved + on_mu * mu + rest
        size = np.linalg.norm(gradient) / 2 + np.linalg.norm(predicted)
        return float(np.linalg.norm(-gradient / 2 - predicted) / size)

    def exact_error(point: Point) -> arb:
        a, cosine = arb(point["mu_norm"]), arb(point["cos_theta"])
        b = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])
        # Balls do not hash: the remainders are asked past the cache.
        moved = {**point, "mu_star_norm": b}
        on_star, on_mu = _right_polynomial(a * b * cosine, a * a)
        for step in (TANH, SECOND, FIRST):
            for_star, for_mu = conditional(step, moved, Fraction(-1, 3))
            on_star, on_mu = on_star + for_star, on_mu + for_mu
        left, right = descent_coefficients(a, b, cosine)
        gap = norm(*in_basis(moved, left - on_star, right - on_mu))
        return gap / (norm(*in_basis(moved, left, right)) + norm(*in_basis(moved, on_star, on_mu)))

    def noise(point: Point) -> float:
        # As for SCK-09r; where the norms are large, the polynomial cancels the remainders.
        a, b = point["mu_norm"], math.exp(-point["t"]) * point["mu_star_norm"]
        left = min(1.0, (a * a + b * b) / (1 + a * a + b * b))
        return float(1e-11 * (1 + (a * b) ** 3) / (left * -math.expm1(-2 * point["t"])))

    search = equality_search(
        _GRID_TIMES,
        error=error,
        exact_error=exact_error,
        noise=noise,
        routes=(
            "impl: autograd of the loss on a grid of (5)",
            "theory: the polynomial plus its remainders",
            "balls: Lemma C.2, against the polynomial plus the printed expectations",
        ),
    )
    # All points are audited, by five integrals each.
    return dataclasses.replace(search, effort=1 / 15)


def _polynomial_constants() -> Constants:
    """The coefficients of the polynomial, each from balls where it leads; and the bound's reach."""

    def pair(a: int, b: int) -> tuple[arb, arb, arb, arb]:
        radius, star = arb(2) ** a, arb(2) ** b
        m, v = radius * star / 2, radius * radius
        return (*descent_coefficients(radius, star, arb(1) / 2), m, v)

    with precision(1024):
        # m^2 is far below v for a tiny mu*, and far above for a huge one.
        on_star, on_mu, m, v = pair(-60, -60)
        wide_star, wide_mu, wide_m, wide_v = pair(-160, 60)
        point = at_tiny(1.0)
        a, b, cosine, _ = ball_vectors(point)
        left, right = descent_coefficients(a, b, cosine)
        for_star, for_mu = _right_polynomial(a * b * cosine, a * a)
        gap = norm(*in_basis(point, left - for_star, right - for_mu))
        return {
            "coefficient of mu* m": enclosure(on_star / m),
            "coefficient of mu* m v": enclosure((on_star - 2 * m) / (m * v)),
            "coefficient of mu* m^3": enclosure((wide_star - 2 * wide_m) / wide_m**3),
            "coefficient of mu v": enclosure(on_mu / v),
            "coefficient of mu m^2": enclosure((wide_mu + 2 * wide_v) / wide_m**2),
            "share of the bound reached at |mu*| = 1": enclosure(gap / (in_u(SHARP_SUM, b) * a**5)),
        }


_WITH_S = "s = mu.x, x ~ N(mu*, I)"
_LAST_LINE = (
    r"\mu_t^*\mu_t^{*\top}\mu_t(2 - 4\|\mu_t\|^2) + \mu_t(1 - 3\|\mu_t\|^2)"
    r" - \tfrac53\mu_t^*(\mu_t^\top\mu_t^*)^3 - 4\mu_t(\mu_t^\top\mu_t^*)^2"
)

CLAIMS = (
    Claim(
        id="SCK-14",
        title="the sum of the Taylor approximations: three displayed equalities",
        source=_SOURCE,
        statement=r"\mathbb E[xx^\top\mu_t(1 + \|\mu_t\|^2) - \tfrac23 s^3 x - 2\mu_t s^2"
        r" + s\mu_t^* - s^3\mu_t^*] = \dots = " + _LAST_LINE,
        reading=f"as algebra of the printed polynomial, {_WITH_S}",
        evidence=(
            Symbolic(
                residuals=_display,
                routes=(
                    "SymPy: Gaussian moments, coordinate by coordinate",
                    "SymPy: the printed lines",
                ),
            ),
        ),
        note="All three hold. d = 1, 2, 3 stand for every d: both sides lie in the plane of mu and"
        " mu*, and what x does across it has mean zero.",
    ),
    Claim(
        id="SCK-14:gradient",
        title="-grad L is the displayed polynomial up to the displayed remainders",
        source=_SOURCE,
        statement=rf"\|-\nabla L_t(s_{{\mu_t}}) - ({_LAST_LINE} - \mu_t)\| \le"
        r" 200\sqrt d\|\mu_t\|^5 + 10\|\mu_t\|^5\sqrt d + 6\|\mu_t\|^5"
        r" + 20\|\mu_t^*\|\|\mu_t\|^5",
        reading="population gradient; -grad L is the right-hand side of Lemma C.2, half the"
        " gradient of (5)",
        evidence=(_gradient_within(printed_sum, _printed_polynomial),),
        needs=("SCK-09r",),
        note="The -2/3 leaves E[s^3 x] / 3 over, of norm |mu|^3 at mu* = 0.",
    ),
    Claim(
        id="SCK-14r",
        title="the right polynomial of fourth degree, with its sharp remainder at all norms",
        source=_SOURCE,
        statement=r"\|-\tfrac12\nabla L_t(s_{\mu_t}) - (\mu_t^*(2m - 3vm - \tfrac43 m^3)"
        r" - \mu_t(2v + 3m^2))\| \le \|\mu_t\|^5\left(6 + 24\|\mu_t^*\|^2 + 10\|\mu_t^*\|^4"
        r" + \tfrac45\|\mu_t^*\|^6\right),\quad m = \mu_t^\top\mu_t^*,\ v = \|\mu_t\|^2",
        repairs="SCK-14:gradient",
        evidence=(
            # SCK-13ar, br and cr have searched the same domain for the three parts.
            dataclasses.replace(
                _gradient_within(lambda _d, a, b: in_u(SHARP_SUM, b) * a**5, _right_polynomial),
                effort=0.1,
            ),
            _polynomial_meets_gradient(),
        ),
        needs=("SCK-09r", "SCK-13ar", "SCK-13br", "SCK-13cr"),
        constants=lambda _outcomes: _polynomial_constants(),
        note="The display with -1/3 for -2/3. The difference is the sum of the three remainders of"
        " SCK-13ar, br, cr, and so is the bound; as |mu| -> 0 along mu* all three are reached in"
        " one direction, so that their sum is.",
    ),
)
