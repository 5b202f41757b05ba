"""SCK-32: what contracts at every noise level, the angle and the length, and up to which step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import flint
import numpy as np
from flint import arb
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import in_basis, plane_points, vectors
from lemmata.checks._regimes import SOURCE, ball_descent, descent_noise, length
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_ROUTES = (
    "theory: descent by one-dimensional integrals",
    "balls: the same Stein form (SCK-09r holds it against the loss)",
)
#: Of the constants: what is known of either end.
_ENDS = "largest step size (lower end: no failure found; at the upper end it fails)"
_PLANE = plane_points()


@st.composite
def _steps(draw: st.DrawFn, *, largest: float) -> dict[str, Any]:
    """Points with cos theta >= 0 and a step size up to `largest`."""
    point = draw(_PLANE)
    point["cos_theta"] = abs(point["cos_theta"])
    point["eta"] = largest * draw(_SHARES)
    return point


_SHARES = st.one_of(st.just(1.0), log_uniform(1e-6, 1.0))


def _strict(slack: arb) -> arb:
    """A slack that must not vanish: where it may, its sign stays open."""
    return slack if slack > 0 or slack < 0 else slack + arb(0, 1)


def _angle() -> Search:
    """The angle falls.

    With A, B the coefficients of the descent on mu* and mu, mu' = (1 + eta B) mu + eta A mu*, so
    tan theta' < tan theta if eta A b > 0 and, past 1 + eta B = 0 where mu' lies on the other side
    of mu*, eta A b > 2 (-1 - eta B) a cos theta. At 0 and 90 degrees the angle stays.
    """

    def sides(point: Point, on_star: Any, on_mu: Any, number: Callable[[Any], Any]) -> Any:
        a, b, cosine, eta = (
            number(point[n]) for n in ("mu_norm", "mu_star_norm", "cos_theta", "eta")
        )
        forward = eta * on_star * b
        overshoot = 2 * (-1 - eta * on_mu) * a * cosine
        size = forward + 2 * (1 + eta * abs(on_mu)) * a * cosine
        return forward, overshoot, size

    def slack(point: Point) -> float:
        if point["cos_theta"] == 0:
            return 1.0  # nothing is claimed: mu' stays across mu*
        mu, star = vectors(point)
        on_star, on_mu = map(float, theory.ddpm_descent_coefficients(mu @ star, mu @ mu))
        forward, overshoot, size = sides(point, on_star, on_mu, float)
        return (forward - max(overshoot, 0.0)) / size if size > 0 else 0.0

    def exact(point: Point) -> arb:
        if point["cos_theta"] == 0:
            return arb(1)
        on_star, on_mu = ball_descent(point)
        forward, overshoot, size = sides(point, on_star, on_mu, arb)
        result: arb = (forward - overshoot.max(arb(0))) / size
        return result if point["cos_theta"] == 1 else _strict(result)

    return Search(
        domain=_steps(largest=1.0),
        slack=slack,
        exact=exact,
        noise=lambda _point: 1e-12,
        routes=_ROUTES,
    )


#: A round number below the step size at which the length stops contracting.
_LARGEST_STEP = 5 / 3


def _length() -> Search:
    """<descent, mu* - mu> >= eta |descent|^2 / 2, over |descent| |mu* - mu|."""

    def slack(point: Point) -> float:
        mu, star = vectors(point)
        descent = theory.ddpm_descent(mu, star)
        size, gap = length(descent), length(star - mu)
        if size == 0 or gap == 0:
            return 0.0
        along = float(descent @ (star - mu)) / (size * gap)
        return along - float(point["eta"]) * size / (2 * gap)

    def exact(point: Point) -> arb:
        on_star, on_mu = ball_descent(point)
        along, across = in_basis(point, on_star, on_mu)
        to_along, to_across = in_basis(point, arb(1), arb(-1))
        size, gap = norm(along, across), norm(to_along, to_across)
        if size.contains(0) or gap.contains(0):
            tiny = arb(2) ** (-flint.ctx.prec // 4) * arb(point["mu_norm"]) ** 3
            return arb(1) if size < tiny and gap < tiny else arb(0, math.inf)
        product = (along * to_along + across * to_across) / (size * gap)
        return _strict(product - arb(point["eta"]) * size / (2 * gap))

    def noise(point: Point) -> float:
        mu, star = vectors(point)
        gap = length(star - mu)
        if gap == 0:
            return math.inf
        rounding = 1e-14 * (point["mu_norm"] + point["mu_star_norm"]) / gap
        return float(4 * descent_noise(point) + rounding)

    return Search(
        domain=_steps(largest=_LARGEST_STEP),
        slack=slack,
        exact=exact,
        noise=noise,
        routes=_ROUTES,
    )


def _largest_angle_step() -> Constants:
    """A step size past one at which the angle grows: |mu| large, mu* small."""
    a, b, cosine = 2.0**14, 2.0**-10, 0.5
    with precision(256):
        on_star, on_mu = descent_coefficients(arb(a), arb(b), arb(cosine))
        limit = 2 * a * cosine / (-2 * on_mu * a * cosine - on_star * b)
        return {_ENDS: (1.0, enclosure(limit)[1])}


def _largest_length_step() -> Constants:
    """A step size at which the length grows: |mu| tiny, |mu.mu*| about one."""
    a = 2.0**-20
    products = np.linspace(0.9, 1.5, 601)
    on_star, _ = theory.ddpm_descent_coefficients(products, a * a)
    b = float(products[int(np.argmax(on_star))]) / a
    point = {"d": 1, "mu_norm": a, "mu_star_norm": b, "cos_theta": 1.0}
    with precision(256):
        along, _ = in_basis(point, *descent_coefficients(arb(a), arb(b), arb(1)))
        limit = 2 * (arb(b) - arb(a)) / along
        return {_ENDS: (_LARGEST_STEP, enclosure(limit)[1])}


CLAIMS = (
    Claim(
        id="SCK-32:angle",
        title="The angle contracts: at every noise level, for every step size up to one",
        source=SOURCE,
        statement=r"0 < \theta < 90^\circ,\ 0 < \eta \le 1 \implies"
        r" \tan\theta' < \tan\theta",
        reading="population gradient; -grad L is half the gradient of (5) (SCK-09r); not confined"
        " to large noise",
        evidence=(_angle(),),
        constants=lambda _outcomes: _largest_angle_step(),
        needs=("SCK-09r",),
        note="mu' = (1 + eta B) mu + eta A mu* with A > 0: both coefficients positive turn mu"
        " towards mu*. B goes down to -1.32, so a step may overshoot; up to eta = 1 it then"
        " lands nearer on the other side. So the angle's contraction does not tell the regimes"
        " apart. No step up to one was found that does not contract.",
    ),
    Claim(
        id="SCK-32:length",
        title="The length contracts: at every noise level, for every step size up to 5/3",
        source=SOURCE,
        statement=r"\cos\theta \ge 0,\ \mu_t \ne \mu_t^*,\ 0 < \eta \le \tfrac53 \implies"
        r" \|\mu_t' - \mu_t^*\| < \|\mu_t - \mu_t^*\|",
        reading="population gradient; -grad L is half the gradient of (5) (SCK-09r); not confined"
        " to small noise",
        evidence=(_length(),),
        constants=lambda _outcomes: _largest_length_step(),
        needs=("SCK-09r",),
        note="The step dies at eta = 2 / max_m(tanh m + m tanh' m) = 1.6671 for |mu| -> 0 with m ="
        " mu.mu* fixed, where it overshoots mu* along the line; nothing that fails up to 5/3 was"
        " found. The contraction does not need G to be small, which the bound of SCK-27 would.",
    ),
)
