"""SCK-20: the angle to mu* after one exact step: where it falls, and where it does not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import vectors
from lemmata.checks._turn import (
    ball_fall,
    ball_parts,
    coordinates,
    describe_fall,
    relative_noise,
    turning_points,
)
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"


@st.composite
def _any_steps(draw: st.DrawFn) -> dict[str, Any]:
    """Points of the plane and any step; half of them overshoot, or nearly do."""
    point = draw(turning_points())
    if draw(_COINS):
        # At small norms a step overshoots from eta (2 |mu|^2 - |mu*|^2) = 1 on, at large |mu| from
        # eta = 1, in either case only if |mu*| is not the larger.
        a = point["mu_norm"]
        point["mu_star_norm"] = a * draw(_SMALLER)
        point["eta"] = draw(_LONG) / min(1.0, 2 * a * a)
    return dict(point)


_COINS = st.booleans()
_SMALLER = log_uniform(1e-2, 1.0)
_LONG = log_uniform(0.5, 50.0)


def _scale(point: Point) -> float:
    """What a fall is measured by: what power iteration would do, unless the step may overshoot."""
    a, b, eta = point["mu_norm"], point["mu_star_norm"], point["eta"]
    gain = eta * b * b
    return 1.0 if eta * min(a * a, 1.0) > 0.1 else float(gain / (1 + gain))


def _fall_noise(point: Point) -> float:
    fall = abs(float(theory.angle_fall(*coordinates(point))))
    return (fall * relative_noise(*coordinates(point)) + 1e-300) / _scale(point)


def _angle_falls(*, good: bool) -> Search:
    return Search(
        domain=turning_points(good=True, any_cosine=True) if good else _any_steps(),
        slack=lambda point: float(theory.angle_fall(*coordinates(point))) / _scale(point),
        exact=lambda point: ball_fall(*ball_parts(point)) / _scale(point),
        noise=_fall_noise,
        effort=0.4,
        clear=0.1,
        describe=describe_fall,
        routes=(
            "theory: A and B by one-dimensional integrals",
            "balls: Lemma C.2 by adaptive integration, tan before and after",
        ),
    )


def _angle_criterion() -> Search:
    """The angle falls exactly if eta (-B - A |mu*| / (2 |mu| cos)) < 1."""

    def slack(point: Point) -> float:
        along, across, star, eta = coordinates(point)
        on_star, on_mu = theory.ddpm_descent_coefficients(along * star, along**2 + across**2)
        criterion = 1 - eta * (-float(on_mu) - float(on_star) * star / (2 * along))
        fall = float(theory.angle_fall(along, across, star, eta))
        return (fall if criterion > 0 else -fall) / _scale(point)

    def exact(point: Point) -> arb:
        rest, pull = ball_parts(point)
        fall = ball_fall(rest, pull)
        criterion = rest + pull / 2
        if criterion.contains(0):
            return arb(0, math.inf)
        return (fall if criterion > 0 else -fall) / _scale(point)

    return Search(
        domain=turning_points(any_cosine=True),
        slack=slack,
        exact=exact,
        noise=_fall_noise,
        effort=0.4,
        describe=describe_fall,
        routes=(
            "theory: the criterion, and the fall of the angle",
            "balls: tan before and after a step, by Lemma C.2",
        ),
    )


_PLANE_STEP = 0.2
_GRID_NORMS = log_uniform(1e-2, 2.0)
_GRID_COSINES = cosines(0.25)
_GRID_SHARES = log_uniform(1e-2, 1.0)


@st.composite
def _grid_plane_points(draw: st.DrawFn) -> dict[str, Any]:
    cosine = draw(_GRID_COSINES)
    return {
        "d": 2,
        "mu_norm": draw(_GRID_NORMS),
        "mu_star_norm": draw(_GRID_NORMS),
        "cos_theta": cosine if abs(cosine) < 0.999 else math.copysign(0.5, cosine),
        "eta": draw(_GRID_SHARES),
    }


def _brute_fall(point: Point) -> float:
    """The fall by autograd of the loss on a plane grid.

    The distance to the score, (4), has the gradient of (5); it is (5) with -beta score for Z.
    """
    mu, mu_star = vectors(point)
    both = np.stack([mu_star, -mu_star])
    x, weights = impl.mixture_grid(both, step=_PLANE_STEP, half_width=8.0)
    time = 1.0
    beta = math.sqrt(-math.expm1(-2 * time))
    # Means at that time are the given ones.
    score = impl.autograd_score(x, both * math.exp(time), time)
    gradient = impl.ddpm_gradient(mu, x, -beta * score, time, weights=weights)
    new = mu - point["eta"] / 2 * gradient
    before, after = abs(mu[1] / mu[0]), abs(new[1] / new[0])
    return float((before - after) / (before + after))


def _brute_noise(point: Point) -> float:
    # Trapezoid rule with step h: exp(-pi^2 / (h |mu|)) times powers of 1 / h, for tanh has a pole
    # there and its powers come in; mu* in the score alike.
    size = max(point["mu_norm"], point["mu_star_norm"])
    return 1e-10 + 1e5 * math.exp(-(math.pi**2) / (_PLANE_STEP * size))


def _angle_by_brute_force() -> Search:
    return Search(
        domain=_grid_plane_points(),
        slack=_brute_fall,
        exact=lambda point: ball_fall(*ball_parts(point)),
        noise=_brute_noise,
        effort=0.05,
        describe=describe_fall,
        routes=(
            "impl: autograd of the distance to the score on a grid of the plane",
            "balls: Lemma C.2",
        ),
    )


#: SCK-20r proves that this step size is good at every norm.
_PROVED_ETA = 1.0


def _eta_border() -> Constants:
    """The largest eta that is good at every norm: 1 works (proved), and more does not.

    With |mu| large and |mu*| small a step eta > 1 overshoots; and the crude bound 1 / sup(-B).
    """
    with precision(256):
        a, b, cosine = arb(10) ** 6, arb(10) ** -12, arb(1) / 2
        on_star, on_mu = descent_coefficients(a, b, cosine)
        last = 1 / (-on_mu - on_star * b / (2 * a * cosine))
        eta = enclosure(last)[1] * (1 + 1e-9)
        if not ball_fall(1 + eta * on_mu, eta * on_star * b / (a * cosine)) < 0:
            raise ValueError(f"eta: the angle still falls at {eta}")
    # -B is largest as |mu| -> 0 at a fixed m: t^2 + 2 m t t' with t = tanh(m).
    low, high = _largest_pull()
    return {
        "largest eta good at every norm: from (proved), to (one that fails)": (_PROVED_ETA, eta),
        "sup(-B)": (low, high),
    }


def _largest_pull() -> tuple[float, float]:
    """Maximum over m of tanh^2 m + 2 m tanh m sech^2 m, by bisecting its derivative in balls."""
    with precision(128):

        def slope(m: arb) -> arb:
            t = m.tanh()
            q = 1 - t * t
            return 4 * t * q + 2 * m * q * q - 4 * m * t * t * q

        low, high = arb(1), arb(2)
        for _ in range(100):
            middle = ((low + high) / 2).mid()
            low, high = (middle, high) if slope(middle) > 0 else (low, middle)
        m = low.union(high)
        t = m.tanh()
        return enclosure(t * t + 2 * m * t * (1 - t * t))


_LEMMA_9 = f"{_SOURCE}, Lemma 9"

CLAIMS = (
    Claim(
        id="SCK-20:angle",
        title="Lemma 9: the angle between mu and mu* decreases",
        source=_LEMMA_9,
        statement=r"|\tan\theta'| < |\tan\theta|",
        reading="the angle to the line of mu*, an exact gradient step of any size eta > 0, and"
        " |cos theta| >= 1/(2d)",
        evidence=(_angle_falls(good=False),),
        needs=("SCK-09r",),
        note="A long step overshoots; SCK-20r says which. Nor does it follow from Lemma C.5 where"
        " tan theta < kappa_2: the bound max(kappa_1 tan theta, kappa_2) then exceeds tan theta.",
    ),
    Claim(
        id="SCK-20r",
        title="Lemma 9: the angle falls at every norm for eta <= 1, and exactly when",
        source=_LEMMA_9,
        statement=r"0 < \eta \le 1,\ \cos\theta \ne 0,\ \sin\theta \ne 0 \implies |\tan\theta'| <"
        r" |\tan\theta|;\quad |\tan\theta'| < |\tan\theta| \iff \eta\Bigl(-B -"
        r" \frac{A\|\mu_t^*\|}{2\|\mu_t\|\cos\theta}\Bigr) < 1",
        reading="an exact step along A mu* + B mu, half the negative gradient of (5); d >= 2, the"
        " angle to the line of mu*, and cos theta as small as one likes",
        repairs="SCK-20:angle",
        evidence=(_angle_falls(good=True), _angle_criterion(), _angle_by_brute_force()),
        needs=("SCK-09r",),
        constants=lambda _outcomes: _eta_border(),
        note="A step multiplies <mu, mu*> by q + eta u and what is across mu* by q, where"
        " q = 1 + eta B, u = A |mu*| / (|mu| cos theta) > 0; |q| < |q + eta u| exactly if"
        " 2 q + eta u > 0. For eta <= 1 it suffices that 1 + B + u/2 > 0. With s ~ N(m, v),"
        " g = tanh', m > 0, Stein's lemma gives v (1 + B) = E[(s^2 - m^2 + v) g(s)] / 2 and"
        " m A = m E tanh(s) + E[(m^2 + m s) g(s)] / 2; with u >= A m / v, v (1 + B + u/2) is at"
        " least E[(s^2 + v + m s / 2) g] / 2 - m^2 E g / 4 + m E tanh / 2. E[s g] > 0, and"
        " m E g <= E tanh since E tanh is concave in m > 0 and zero at m = 0: the sum is positive."
        " No larger eta does: -B - u/2 tends to one as |mu| grows with |mu*| -> 0. No floor"
        " kappa_2, no bound on norms, no dimension: those come from the error budget alone.",
    ),
)
