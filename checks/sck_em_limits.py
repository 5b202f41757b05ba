"""SCK-32: how far a step at small noise is one of gradient EM, across mu* and at every angle."""

from __future__ import annotations

import math
from typing import Any

from flint import arb

from lemmata import theory
from lemmata.checks._compare import bound_slack
from lemmata.checks._plane import in_basis, vectors
from lemmata.checks._regimes import (
    SOURCE,
    balance,
    ball_descent,
    cosine_of,
    descent_noise,
    em_sides,
    em_step,
    length,
)
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.search import Search

__all__ = ["CLAIMS", "exponential_decay"]

_ROUTES = (
    "theory: G, the EM step and the descent by one-dimensional integrals",
    "balls: the same Stein form (SCK-27:identity holds it against the definition)",
)

#: C and c of the exponential bound: a violation rules out smaller C and larger c as well.
_LARGEST_FACTOR = 1e12
_SMALLEST_RATE = 1e-3
#: The factor 10^12 is used up by the rate 10^-3 at |mu| = 2.8 * 10^4.
_along = points({"mu_norm": log_uniform(1.0, 1e5), "ratio": log_uniform(1e-2, 1e2)})
_everywhere = points(
    {
        "factor": log_uniform(1.0, 1e1),
        "ratio": log_uniform(1e-3, 1e6),
        "projection": log_uniform(1e-3, 10.0),
    }
)


def exponential_decay(theta: float) -> Search:
    """|G| <= 10^12 exp(-|mu| / 1000) |EM - mu| at an angle in degrees, |mu*| = ratio |mu|."""

    def full(point: Point) -> dict[str, Any]:
        a = float(point["mu_norm"])
        return {
            "d": 2,
            "mu_norm": a,
            "mu_star_norm": a * point["ratio"],
            "cos_theta": cosine_of(theta),
        }

    def slack(point: Point) -> float:
        mu, star = vectors(full(point))
        share = length(theory.em_residual(mu, star)) / length(em_step(mu, star))
        bound = _LARGEST_FACTOR * math.exp(-_SMALLEST_RATE * point["mu_norm"])
        return float(balance(share, bound))

    def exact(point: Point) -> arb:
        residual, step = em_sides(full(point))
        bound = arb(_LARGEST_FACTOR) * (-arb(_SMALLEST_RATE) * arb(point["mu_norm"])).exp()
        result: arb = balance(residual / step, bound)
        return result

    return Search(
        domain=_along,
        slack=slack,
        exact=exact,
        noise=lambda _point: 1e-9,
        clear=0.5,
        routes=_ROUTES,
    )


#: At most this relative error counts as being a step of gradient EM.
_CLOSE = 0.1
#: R: a violation beyond it rules out smaller ones as well.
_LARGEST_RADIUS = 1e3


def _uniform() -> Search:
    """For |mu| >= 10^3, |G| <= |descent| / 10 at every angle."""

    def full(point: Point) -> dict[str, Any]:
        a = _LARGEST_RADIUS * point["factor"]
        b = a * point["ratio"]
        cosine = min(point["projection"] / b, 1.0)
        return {"d": 2, "mu_norm": a, "mu_star_norm": b, "cos_theta": cosine}

    def slack(point: Point) -> float:
        mu, star = vectors(full(point))
        size = length(theory.ddpm_descent(mu, star))
        return bound_slack(length(theory.em_residual(mu, star)), _CLOSE * size)

    def exact(point: Point) -> arb:
        whole = full(point)
        residual, _ = em_sides(whole)
        descent = norm(*in_basis(whole, *ball_descent(whole)))
        if descent.contains(0) and enclosure(descent)[1] < 1e-30 * whole["mu_norm"]:
            return arb(1)
        return bound_slack(residual, arb(_CLOSE) * descent)

    def noise(point: Point) -> float:
        whole = full(point)
        return 100 * descent_noise(whole) + 1e-9

    return Search(
        domain=_everywhere,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=_ROUTES,
    )


def _law() -> Constants:
    """How |G| / |EM - mu| falls with |mu| across mu*: a power, and the factor before it."""

    def share(a: float) -> arb:
        residual, step = em_sides({"d": 2, "mu_norm": a, "mu_star_norm": a, "cos_theta": 0.0})
        return residual / step

    with precision(128):
        near, far = share(2.0**10), share(2.0**14)
        slope = (far / near).log() / arb(16).log()
        return {
            "slope of log(|G| / |EM - mu|) in log |mu| from |mu| = 2^10 to 2^14, theta = 90 deg"
            " (limit -1)": enclosure(slope),
            "|mu| |G| / |EM - mu| at |mu| = 2^14, theta = 90 deg (limit 1/sqrt(2 pi))": enclosure(
                far * arb(2) ** 14
            ),
        }


CLAIMS = (
    Claim(
        id="SCK-32:exponential",
        title="Small noise: what is not EM decays exponentially in |mu_t|, at theta = 90 degrees",
        source=SOURCE,
        statement=r"\exists C, c > 0:\ \|G(\mu_t, \mu_t^*)\| \le"
        r" C e^{-c\|\mu_t\|}\,\|\mathbb E[\tanh(\mu_t^\top x)x] - \mu_t\|",
        reading="at every angle, hence at 90 degrees; decided for C <= 10^12 and c >= 10^-3, all of"
        " which a violation with these two rules out",
        evidence=(exponential_decay(90),),
        constants=lambda _outcomes: _law(),
        needs=("SCK-27:identity",),
        note="Across mu*, s = mu.x ~ N(0, |mu|^2): G = (|mu|^2 / 2) E[tanh'''(s)] mu ="
        " E[tanh'(s) (s^2/|mu|^2 - 1)] mu / 2, and E tanh'(s) -> sqrt(2/pi) / |mu|, as tanh' is 2"
        " times a density that s rarely meets. Hence |G| / |EM - mu| ~ 1 / (sqrt(2 pi) |mu|): the"
        " derivatives decay exponentially in s, not in the norm of mu. With these C and c the"
        " bound fails from |mu| = 3.9 * 10^4 on; at 60 degrees it does not.",
    ),
    Claim(
        id="SCK-32:uniform",
        title="Small noise: the step is gradient EM within a tenth, at every angle",
        source=SOURCE,
        statement=r"\exists R \le 10^3\ \forall \|\mu_t\| \ge R:\ \|G(\mu_t, \mu_t^*)\| \le"
        r" \tfrac1{10}\|\nabla L\|",
        reading="uniformly in the angle and in mu*; decided at |mu_t| >= 10^3, where a violation"
        " rules out every R <= 10^3; -grad L is half the gradient",
        evidence=(_uniform(),),
        needs=("SCK-09r",),
        note="Where |mu*| cos theta is of order one, however large both norms are, G keeps a fixed"
        " share of the step: with p = |mu*| cos theta and |mu| -> inf, the coefficients on mu* of G"
        " and of the EM step tend to p phi(p) and 2 Phi(p) - 1, a ratio that tends to 1/2 as"
        " p -> 0. There cos theta is about"
        " 1/|mu*|, as it is for a random start where |mu*| is of the order of sqrt(d).",
    ),
)
