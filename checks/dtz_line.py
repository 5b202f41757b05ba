"""DTZ-3: the fixed points of EM for two Gaussians on the line, and which of them attract."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sympy
from flint import arb

from lemmata import theory
from lemmata.checks._compare import equality_search
from lemmata.checks._dtz_line import (
    GRID_LENGTHS,
    LENGTHS,
    Step,
    closed_step,
    multipliers,
    pairs,
    scaled,
    slope,
)
from lemmata.checks._em import (
    FROM_DEFINITION,
    along_factor,
    em_map_ball,
    em_slope_ball,
    line_step,
)
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_ANYWHERE = pairs(LENGTHS)
_ON_A_GRID = pairs(GRID_LENGTHS)


_SOURCE = "Daskalakis, Tzamos & Zampetakis 2017"


def _progress_scale(lam: Any, mu: Any) -> Any:
    """Size of 1 - (M - mu) / (lam - mu), for lam > 0: lam (lam + mu) near zero, at most one."""
    size = lam * (lam + mu)
    return size if size < 1 else 1


def _progress(step: Step, point: Point) -> float:
    """The share of the way to mu that a step makes, over its size; to -mu for negative lam."""
    lam, mu, deviation = scaled(point)
    share = (step(lam, mu, deviation) - lam) / (math.copysign(mu, lam) - lam)
    return share / float(_progress_scale(abs(point["lam"]), point["mu"]))


def _ball_progress(point: Point) -> arb:
    lam, mu = arb(point["lam"]), arb(point["mu"])
    size, scale = abs(lam), arb(_progress_scale(abs(lam), mu))
    if lam > 0 or min(size, mu) >= FROM_DEFINITION:
        # Far out the map is odd, as SymPy shows.
        return (1 - along_factor(size, mu)) / scale
    return (em_map_ball(lam, mu) - lam) / (-mu - lam) / scale


def _progress_noise(step: float, point: Point) -> float:
    lam, mu = abs(float(point["lam"])), float(point["mu"])
    # What is rounded are terms of the size of lam and of M, which is at most lam (1 + mu^2); on a
    # grid, both sums over the mixture, of the size of mu and one.
    size = lam + min(lam * (1 + mu * mu), 1 + mu) + step * (1 + mu)
    return 1e-9 + 4e-15 * size / (abs(lam - mu) * float(_progress_scale(lam, mu)))


def _attraction(point: Point) -> float:
    """One minus the multiplier at +-mu, over its size; it is positive as an average."""
    return (1 - slope(point)) / min(2 * float(point["mu"]) ** 2, 1.0)


def _ball_attraction(point: Point) -> arb:
    lam, mu = arb(point["lam"]), arb(point["mu"])
    size = 2 * mu * mu
    # Far out the slope is even, as the map is odd.
    value = em_slope_ball(lam, mu) if mu < FROM_DEFINITION else along_factor(mu, mu)
    return (1 - value) / (size if size < 1 else 1)


def _difference_error(point: Point) -> float:
    """The slope in closed form against a difference quotient of EM from densities on a grid."""
    lam, mu, deviation = scaled(point)
    # Of fourth order, and small where M varies: over lam of the order of 1 / (1 + mu).
    h = 0.005 * deviation / (1 + float(point["mu"]))
    near, far = (
        line_step(lam + k * h, mu, deviation) - line_step(lam - k * h, mu, deviation)
        for k in (1, 2)
    )
    return abs((8 * near - far) / (12 * h) / slope(point) - 1)


def _ball_slope_error(point: Point) -> arb:
    """E x^2 sech^2(lam x) against a difference quotient of (2.1), in balls."""
    lam, mu = arb(point["lam"]), arb(point["mu"])
    h = arb("1e-8")
    quotient = (em_map_ball(lam + h, mu) - em_map_ball(lam - h, mu)) / (2 * h)
    return abs(quotient / em_slope_ball(lam, mu) - 1)


def _difference_noise(point: Point) -> float:
    # Of the step in lam to the fourth, and of rounding over that step.
    mu = float(point["mu"])
    return 2e-8 + 2e-13 * (1 + mu) ** 2 / slope(point)


def _curvature() -> Mapping[str, sympy.Expr]:
    """What the hand proof rests on: concavity for lam > 0, and the slope at zero."""
    x, z, mu = sympy.symbols("x z mu", real=True)
    lam = sympy.Symbol("lambda", positive=True)
    sigma = sympy.Symbol("sigma", positive=True)
    term = sympy.tanh(lam * x / sigma**2) * x
    # x tanh(lam x) >= 0, so that the right side is at most zero for each x.
    curvature = -2 * x**2 / sigma**4 * term / sympy.cosh(lam * x / sigma**2) ** 2
    density = sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)
    at_zero = sympy.diff(term, lam).subs(lam, 0).subs(x, mu + sigma * z)
    slope = sympy.integrate(sympy.expand(at_zero) * density, (z, -sympy.oo, sympy.oo))
    return {
        "second derivative of tanh(lam x / sigma^2) x": sympy.diff(term, lam, 2).rewrite(sympy.exp)
        - curvature.rewrite(sympy.exp),
        "multiplier at 0": slope - (1 + mu**2 / sigma**2),
        "M(0, mu)": term.subs(lam, 0),
        "M(-lam, mu) = -M(lam, mu)": term.subs(lam, -lam) + term,
    }


_RATIOS = (0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)


def _multiplier_constants() -> Constants:
    with precision(128):
        at_zero = em_slope_ball(arb(0), arb(1))
        values = {r: along_factor(arb(r), arb(r)) for r in (0.1, 1.0, 3.0, 10.0)}
        tiny = arb(2) ** -20
        leading = (1 - along_factor(tiny, tiny)) / tiny**2
    constants: Constants = {"multiplier at 0 for mu/sigma = 1": enclosure(at_zero)}
    for ratio, value in values.items():
        constants[f"multiplier at +-mu for mu/sigma = {ratio:g}"] = enclosure(value)
    constants["(1 - multiplier) / (mu/sigma)^2 at +-mu, mu/sigma = 2^-20; 2 in the limit"] = (
        enclosure(leading)
    )
    return constants


def _multiplier_table() -> dict[str, Any]:
    """The multipliers over mu/sigma, in closed form."""
    return {
        "mu/sigma": list(_RATIOS),
        "multiplier at 0": [float(theory.em_slope(0.0, r)) for r in _RATIOS],
        "multiplier at +-mu": [float(theory.em_slope(r, r)) for r in _RATIOS],
    }


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DTZ-3",
        title="-mu, 0 and mu are all fixed points in one dimension; 0 repels, the others attract",
        source=f"{_SOURCE}, Section 2",
        statement=r"d = 1,\ \mu > 0:\ M(\lambda,\mu) = \lambda \iff \lambda\in\{-\mu, 0, \mu\};"
        r"\quad \partial_\lambda M(0,\mu) > 1,\quad 0 < \partial_\lambda M(\pm\mu,\mu) < 1",
        needs=("DTZ-1", "DTZ-2"),
        evidence=(
            Search(
                domain=_ANYWHERE,
                slack=lambda point: _progress(closed_step, point),
                exact=_ball_progress,
                noise=lambda point: _progress_noise(0.0, point),
                effort=0.5,
                routes=(
                    "theory: (2.1), one-dimensional integrals",
                    "balls: (2.1), or where it is too close to mu after an addition theorem",
                ),
            ),
            Search(
                domain=_ON_A_GRID,
                slack=lambda point: _progress(line_step, point),
                exact=_ball_progress,
                noise=lambda point: _progress_noise(1.0, point),
                effort=0.5,
                routes=(
                    "impl: (1.2) from densities on a grid",
                    "balls: (2.1), or where it is too close to mu after an addition theorem",
                ),
            ),
            Search(
                domain=multipliers(LENGTHS, fixed=True),
                slack=_attraction,
                exact=_ball_attraction,
                noise=lambda point: 1e-9 + 1e-13 / min(2 * float(point["mu"]) ** 2, 1.0),
                effort=0.2,
                routes=(
                    "theory: the multiplier at mu and -mu in closed form",
                    "balls: E x^2 sech^2(mu x), the derivative under the integral",
                ),
            ),
            replace(
                equality_search(
                    multipliers(log_uniform(1e-8, 3.0)),
                    error=_difference_error,
                    exact_error=_ball_slope_error,
                    noise=_difference_noise,
                    routes=(
                        "theory: the multiplier in closed form",
                        "impl: difference quotient of (1.2), from densities on a grid",
                        "balls: E x^2 sech^2(lam x), and a difference quotient of (2.1)",
                    ),
                ),
                effort=0.2,
            ),
            Symbolic(residuals=_curvature, routes=("SymPy, from (2.1)",)),
        ),
        constants=lambda _outcomes: _multiplier_constants(),
        data=_multiplier_table,
        note="M is odd in lambda, and starts of both signs are tested. For lambda > 0 it is"
        " concave: d^2/dlambda^2 tanh(lambda x) x = -2 x^2 [x tanh(lambda x)] sech^2(lambda x) <= 0"
        " for every x. M(0) = 0, M'(0) = 1 + mu^2/sigma^2 > 1 and M(mu) = mu, so that M > lambda"
        " below mu and M < lambda above, and M'(mu) < 1; M' = E x^2 sech^2 > 0. M increases, and"
        " every start lambda > 0 goes to mu monotonically, every start below zero to -mu. The"
        " multiplier at +-mu is 1 - 2 (mu/sigma)^2 for small mu/sigma.",
    ),
)
