"""The angle to mu* over a gradient step: points, coordinates in the plane, and its fall."""

from __future__ import annotations

import math
from typing import Any

from flint import arb
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import ball_vectors, plane_points
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform

__all__ = [
    "ETAS",
    "ball_fall",
    "ball_parts",
    "coordinates",
    "describe_fall",
    "relative_noise",
    "turning_points",
]

#: Largest step size of the repaired statements: up to it the angle falls at every norm.
_LARGEST_ETA = 1.0
ETAS = log_uniform(1e-6, 1e8)
_GOOD_ETAS = log_uniform(1e-6, _LARGEST_ETA)
_ETA_PLACES = st.sampled_from(["good", "anywhere", "border"])
_NEAR = log_uniform(0.1, 10.0)
_INNER_COSINES = st.sampled_from([0.5, 0.25, 0.999, 1 - 1e-12])
#: Below 1 / (2 d) in every dimension that is drawn.
_TINY_COSINES = log_uniform(1e-12, 1e-4)
_ONE_IN_FOUR = st.sampled_from([False, False, False, True])


@st.composite
def turning_points(
    draw: st.DrawFn, *, good: bool = False, any_cosine: bool = False
) -> dict[str, Any]:
    """d >= 2, cos theta neither 0 nor +-1, and a step size; `good` ones are at most one.

    With `any_cosine`, cos theta may be below 1 / (2 d).
    """
    point = draw(plane_points(smallest_cosine=True))
    point["d"] = max(point["d"], 2)
    cosine = point["cos_theta"]
    if abs(cosine) == 1:
        cosine = math.copysign(draw(_INNER_COSINES), cosine)
    if any_cosine and draw(_ONE_IN_FOUR):
        cosine = math.copysign(draw(_TINY_COSINES), cosine)
    point["cos_theta"] = cosine
    point["eta"] = draw(_GOOD_ETAS) if good else _some_eta(draw, point)
    return point


def _some_eta(draw: st.DrawFn, point: Point) -> float:
    place = draw(_ETA_PLACES)
    if place == "good":
        return draw(_GOOD_ETAS)
    if place == "anywhere":
        return draw(ETAS)
    # About where a step starts to overshoot: eta |mu|^2 or eta of order one.
    return float(min(max(draw(_NEAR) / min(1.0, 2 * point["mu_norm"] ** 2), 1e-6), 1e8))


def coordinates(point: Point) -> tuple[float, float, float, float]:
    """Of mu along mu* and across it, |mu*|, and eta."""
    a, cosine = point["mu_norm"], point["cos_theta"]
    across = a * math.sqrt((1 - cosine) * (1 + cosine))
    return a * cosine, across, point["mu_star_norm"], point["eta"]


def ball_parts(point: Point) -> tuple[arb, arb]:
    """1 + eta B and eta A |mu*| / (|mu| cos theta): what a step makes of either coordinate."""
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    eta = arb(point["eta"])
    return 1 + eta * on_mu, eta * on_star * b / (a * cosine)


def ball_fall(rest: arb, pull: arb) -> arb:
    """(T - T') / (T + T') from T' / T = |rest| / |rest + pull|."""
    if rest > 0 and pull > 0:  # the same, without cancellation
        return pull / (2 * rest + pull)
    across, along = abs(rest), abs(rest + pull)
    return (along - across) / (along + across)


def relative_noise(along: float, across: float, star: float, eta: float) -> float:
    """Rounding of `theory.angle_fall`: it is relative to the fall as long as no sign changes."""
    v = along * along + across * across
    on_star, on_mu = theory.ddpm_descent_coefficients(along * star, v)
    rest = 1 + eta * float(on_mu)
    pull = eta * float(on_star) * star / along
    # B is relative to its terms, min(v, 1) + m^2 among them.
    rounding = 1e-13 * (1 + eta * (min(v, 1.0) + min((along * star) ** 2, 1.0)) + pull)
    return 1e-9 + 10 * rounding / max(abs(2 * rest + pull), 1e-300)


def describe_fall(fall: float) -> str:
    """A slack in the words of a table."""
    return f"fall of tan theta {fall:.3g} times what scales it"
