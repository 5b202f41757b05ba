"""SCK-15 and SCK-21: the power-iteration form of a step at large noise, and its angle."""

from __future__ import annotations

import functools
import math
from typing import Any

import flint
import numpy as np
from flint import arb
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import CLEAR_ERROR, bound_slack, equality_slack
from lemmata.checks._field import (
    PRINTED_K,
    Bound,
    ball_distance_to_field,
    printed_bound,
    sharp_bound,
)
from lemmata.checks._plane import (
    LARGEST_DIMENSION,
    NORMS,
    ball_vectors,
    in_basis,
    plane_points,
    vectors,
)
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, sizes
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"
_ROUTES = (
    "theory: the gradient by one-dimensional integrals, which SCK-09r checks against autograd",
    "balls: the same integrals, rigorously",
)

# --- Lemma C.3: how well F = 2 mu* mu*^T mu - k |mu|^2 mu stands for the gradient ----------------


def _distance_to_field(point: Point, k: int, factor: int) -> float:
    mu, mu_star = vectors(point)
    descent = factor * theory.ddpm_descent(mu, mu_star)
    # The field of theory has the coefficient 2; the printed one is written from it.
    field = theory.large_noise_field(mu, mu_star) - (k - 2) * (mu @ mu) * mu
    return float(np.linalg.norm(descent - field))


def _lemma_c3(bound: Bound, k: int, factor: int = 1) -> Search:
    def slack(point: Point) -> float:
        right = float(bound(point["d"], point["mu_norm"], point["mu_star_norm"]))
        return bound_slack(_distance_to_field(point, k, factor), right)

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        right: arb = bound(arb(point["d"]), a, b)
        return bound_slack(ball_distance_to_field(point, k, factor), right)

    def noise(point: Point) -> float:
        a, b = point["mu_norm"], point["mu_star_norm"]
        # Rounding of the coefficients is relative to their leading terms, a b^2 and a^3 here.
        terms = a * min(b * b, b / a + b) + a * min(a * a, 1.0)
        return float(1e-13 * terms / bound(point["d"], a, b)) + 1e-9

    return Search(domain=plane_points(), slack=slack, exact=exact, noise=noise, routes=_ROUTES)


def _leading_coefficients() -> Constants:
    """Leading coefficients of the descent direction, from balls at tiny norms."""
    with precision(256):
        a, b, cosine = arb(2) ** -40, arb(2) ** -40, arb(1) / 2
        on_star, _ = descent_coefficients(a, b, cosine)
        # on_mu = -2 a^2 - 3 (a b c)^2 + ..., so b far below a isolates the first.
        _, alone = descent_coefficients(a, a * a, cosine)
        return {
            "coefficient of mu* mu*^T mu": enclosure(on_star / (a * b * cosine)),
            "coefficient of |mu|^2 mu": enclosure(alone / (a * a)),
        }


def _sharpness() -> Constants:
    """Ratios that the repaired bound's constants must reach, each in its own corner."""

    def ratio(a: arb, b: arb, power_a: int, power_b: int) -> float:
        point = {
            "d": 1,
            "mu_norm": float(a),
            "mu_star_norm": float(b),
            "cos_theta": 1.0,
        }
        value = ball_distance_to_field(point, 2, 1) / (a**power_a * b**power_b)
        return enclosure(value)[0]

    with precision(512):
        tiny = arb(2) ** -30
        small = arb(2) ** -10
        cubic = ratio(tiny * tiny, tiny, 3, 2)
        # a^3 b^4 rules where b is large but a b small: what is left after 6 a^3 b^2.
        big = arb(2) ** 10
        quartic = ratio(tiny * small, big, 3, 4)
        return {
            "sharp constant of |mu|^5": (ratio(tiny, tiny * tiny, 5, 0), 6.0),
            "sharp constant of |mu|^3 |mu*|^2": (cubic, 6.0),
            "sharp constant of |mu|^3 |mu*|^4": (quartic - 6 / float(big) ** 2, 4 / 3),
        }


# --- Lemma C.5: the angle after one step ----------------------------------------------------------


#: Straight across mu*, where an error turns mu most, as often as all other directions together.
_TURNS = st.one_of(st.just(0.25), st.integers(0, 15).map(lambda k: k / 16))
_TURNS_ON_THE_LINE = st.sampled_from([0.0, 0.5])
_EPSILON_PLACES = st.sampled_from(["none", "balanced", "anywhere", "balanced"])
_ETA_PLACES = st.sampled_from(["small", "anywhere", "small", "overshooting"])
_BALANCED = log_uniform(1e-2, 1e4)
_ANY_EPSILON = log_uniform(1e-30, 1e2)
_SMALL_ETA = log_uniform(1e-6, 1.0)
_ANY_ETA = log_uniform(1e-6, 1e8)


@st.composite
def _steps(draw: st.DrawFn, *, repaired: bool = False) -> dict[str, Any]:
    """A point of the plane, a step size, and an error of the gradient of norm epsilon.

    The error lies in the plane of mu and mu*, the worst place for the angle, `error_turn` of a full
    turn away from mu*.
    """
    point = draw(plane_points(smallest_cosine=True))
    a, b = point["mu_norm"], point["mu_star_norm"]
    # Anywhere in the domain, or where the terms that compete are of one size.
    place = draw(_EPSILON_PLACES)
    point["epsilon"] = {
        "none": 0.0,
        "balanced": min(draw(_BALANCED) * a * b * b, 1e2),
        "anywhere": draw(_ANY_EPSILON),
    }[place]
    place = draw(_ETA_PLACES)
    point["eta"] = {
        "small": draw(_SMALL_ETA),
        "anywhere": draw(_ANY_ETA),
        "overshooting": min(max(draw(_BALANCED) / (a * a), 1e-6), 1e8),
    }[place]
    point["error_turn"] = draw(_TURNS if point["d"] > 1 else _TURNS_ON_THE_LINE)
    if repaired:
        # The hypotheses of the repaired lemma: cos_theta > 0 and a positive denominator of kappa_1.
        point["cos_theta"] = abs(point["cos_theta"])
        room = draw(log_uniform(1e-9, 0.9))
        slope = 2 * a * a + _relative_error(point["d"], a, b, point["epsilon"]) - b * b
        if slope > 0:
            point["eta"] = min(point["eta"], (1 - room) / slope)
    return point


@st.composite
def _intended_steps(draw: st.DrawFn, *, exact: bool = False) -> dict[str, Any]:
    """The regime that the lemma is for: kappa_1 in (0, 1), norms and eta at most one, cos > 0.

    |mu| is small enough for both error terms of kappa_1 to stay under a quarter of |mu*|^2, and
    eta^2 times the gradient's relative error under another quarter. With `exact` there is none.
    """
    d = draw(sizes(2, LARGEST_DIMENSION))
    b = draw(log_uniform(NORMS[0], 1.0))
    a = min((b * b / (2000 * d**1.5)) ** 0.25, (1 / (80 * d)) ** 0.5) * draw(log_uniform(1e-3, 1.0))
    epsilon = 0.0 if exact else a * b * b * draw(_BALANCED)
    eta = draw(log_uniform(1e-6, 1.0))
    if epsilon > 0:
        eta = min(eta, a * b * b / (8 * d * epsilon))
    return {
        "d": d,
        "mu_norm": a,
        "mu_star_norm": b,
        "cos_theta": abs(draw(cosines(1 / (2 * d)))),
        "epsilon": epsilon,
        "eta": eta,
        "error_turn": draw(_TURNS),
    }


def _relative_error(d: Any, a: Any, b: Any, epsilon: Any) -> Any:
    """What SCK-15r and the gradient's error can come to, relative to <mu, mu*/|mu*|>."""
    return 2 * d * (sharp_bound(d, a, b) + epsilon) / a


def _printed_kappas(d: arb, a: arb, b: arb, eta: arb, epsilon: arb) -> tuple[arb, arb, arb]:
    """Numerator and denominator of kappa_1, and kappa_2, with every eta where it is printed."""
    tilde = 2 * d * epsilon / a
    top = 1 - 3 * eta * a**2
    bottom = top + eta * (b**2 - 500 * (d**3).sqrt() * a**4 - 20 * d * a**2 * b**2 - eta * tilde)
    second = 500 * eta * (d**3).sqrt() * a**4 + 20 * eta * d * a**2 * b**2 + eta * tilde
    return top, bottom, second / b**2


def _repaired_kappas(d: arb, a: arb, b: arb, eta: arb, epsilon: arb) -> tuple[arb, arb, arb]:
    error = _relative_error(d, a, b, epsilon)
    top = 1 - 2 * eta * a**2
    return top, top + eta * (b**2 - error), error / b**2


def _gap(point: Point, kappas: Any, on_star: arb, on_mu: arb, *, equality: bool = False) -> arb:
    """Bound minus tan theta', over the distances of both from tan theta, the change in one step.

    mu' = mu + eta (on_star mu* + on_mu mu + error). For an equality, minus the absolute difference
    over the larger side.
    """
    a, b, cosine, sine = ball_vectors(point)
    eta, epsilon, turn = (arb(point[name]) for name in ("eta", "epsilon", "error_turn"))
    top, bottom, second = kappas(arb(point["d"]), a, b, eta, epsilon)
    along, across = in_basis(point, eta * on_star, 1 + eta * on_mu)
    along += eta * epsilon * (2 * turn).cos_pi()
    across += eta * epsilon * (2 * turn).sin_pi()
    if along.contains(0) and across.contains(0):
        # mu' = 0 has no angle, so the inequality says nothing there. That is concluded only once
        # the balls are far smaller than the step itself; until then the slack is unknown.
        tiny = (a + eta * b) * arb(2) ** (-flint.ctx.prec // 2)
        return arb(1) if along.rad() < tiny and across.rad() < tiny else arb(0, math.inf)
    before = sine / cosine
    left, right = across / along, (top / bottom * before).max(second)
    if equality:
        size = abs(left).max(abs(right))
        return arb(0) if size == 0 else -abs(right - left) / size
    change = abs(left - before) + abs(right - before)
    return arb(0) if change == 0 else (right - left) / change


def _lemma_c5(
    kappas: Any,
    domain: Any,
    *,
    repaired: bool = False,
    equality: bool = False,
    effort: float = 2.0,
) -> Search:
    def scaled(gap: arb) -> arb:
        return equality_slack(-gap) if equality else gap

    @functools.lru_cache(maxsize=4)
    def from_kernels(items: tuple[tuple[str, Any], ...]) -> arb:
        """The gap with the kernels' coefficients, as balls of the size of their rounding."""
        point: Point = dict(items)
        mu, mu_star = vectors(point)
        on_star, on_mu = theory.ddpm_descent_coefficients(mu @ mu_star, mu @ mu)
        rounding = 1e-12 * (abs(float(on_mu)) + min(1.0, float(mu @ mu)))
        with precision(256):
            balls = (
                arb(float(on_star), 1e-12 * abs(float(on_star))),
                arb(float(on_mu), rounding),
            )
            return scaled(_gap(point, kappas, *balls, equality=equality))

    def exact(point: Point) -> arb:
        if repaired:
            d, a, b, eta, epsilon = (
                arb(point[n]) for n in ("d", "mu_norm", "mu_star_norm", "eta", "epsilon")
            )
            if not kappas(d, a, b, eta, epsilon)[1] > 0:
                return arb(1)  # outside the hypotheses
        a, b, cosine, _ = ball_vectors(point)
        coefficients = descent_coefficients(a, b, cosine)
        return scaled(_gap(point, kappas, *coefficients, equality=equality))

    def from_theory(point: Point) -> arb:
        return from_kernels(tuple(point.items()))

    def noise(point: Point) -> float:
        ball = from_theory(point)
        return float(ball.rad()) + 1e-9 if ball.is_finite() else math.inf

    return Search(
        domain=domain,
        routes=_ROUTES,
        slack=lambda point: float(from_theory(point).mid()),
        exact=exact,
        noise=noise,
        effort=effort,
        # The gap is a share of two changes, in [-1, 1].
        clear=CLEAR_ERROR if equality else 0.5,
    )


def _overshoot() -> Constants:
    """The step size beyond which the printed inequality dies even for an exact gradient.

    At small norms with |mu*| = |mu| / 32 a step of that size takes <mu', mu*> through zero while
    mu' points across mu*: tan theta' has a pole there, and no kappa_2 bounds it. Lower end: at the
    pole; upper end: where the violation is confirmed.
    """
    point: dict[str, Any] = {
        "d": 2,
        "mu_norm": 2.0**-20,
        "mu_star_norm": 2.0**-25,
        "cos_theta": 0.5,
        "epsilon": 0.0,
        "error_turn": 0.0,
    }
    with precision(256):
        a, b, cosine, _ = ball_vectors(point)
        on_star, on_mu = descent_coefficients(a, b, cosine)
        # (1 + eta on_mu) a cos + eta on_star b = 0
        pole = -1 / (on_mu + on_star * b / (a * cosine))
        eta = float(pole.upper()) * (1 + 1e-12)
        if not _gap({**point, "eta": eta}, _printed_kappas, on_star, on_mu) < 0:
            raise ValueError(f"eta: no violation at {eta}, past the pole")
        low = enclosure(pole * a * a)[0]
        return {"eta |mu|^2 at which an exact small-norm step dies": (low, eta * float(a) ** 2)}


_F = r"2\mu_t^*\mu_t^{*\top}\mu_t - 3\|\mu_t\|^2\mu_t"
_PRINTED_C3 = (
    rf"\|-\nabla L_t(s_{{\mu_t}}) - ({_F})\| \le"
    r" 250\sqrt d\|\mu_t\|^5 + 10\|\mu_t\|^3\|\mu_t^*\|^2"
)

CLAIMS = (
    Claim(
        id="SCK-15",
        title="Lemma C.3: the gradient is 2 mu* mu*^T mu - 3 |mu|^2 mu up to higher order",
        source=f"{_SOURCE}, Lemma C.3",
        statement=_PRINTED_C3,
        reading="population gradient; -grad L is the right-hand side of Lemma C.2, half the"
        " gradient of (5)",
        evidence=(_lemma_c3(printed_bound, PRINTED_K),),
        needs=("SCK-09r",),
        constants=lambda _outcomes: _leading_coefficients(),
        note="The coefficient on |mu|^2 mu is -2, not -3; the 3 comes from the wrong third-order"
        " coefficient of tanh (SCK-12a). The error |mu|^3 beats the bound wherever"
        " 250 sqrt(d) |mu|^2 + 10 |mu*|^2 < 1, which is the regime that the lemma is for.",
    ),
    Claim(
        id="SCK-15:loss5",
        title="Lemma C.3 with -grad L the gradient of (5) itself",
        source=f"{_SOURCE}, Lemma C.3",
        statement=_PRINTED_C3,
        reading="population gradient; -grad L is the gradient of (5), twice Lemma C.2",
        evidence=(_lemma_c3(printed_bound, PRINTED_K, factor=2),),
        needs=("SCK-09r",),
        note="With the factor 2 the leading terms no longer cancel at all.",
    ),
    Claim(
        id="SCK-15r",
        title="Lemma C.3 with the right coefficient and sharp constants, in every dimension",
        source=f"{_SOURCE}, Lemma C.3",
        statement=r"\|-\tfrac12\nabla L_t(s_{\mu_t}) - (2\mu_t^*\mu_t^{*\top}\mu_t"
        r" - 2\|\mu_t\|^2\mu_t)\| \le 6\|\mu_t\|^5 + 6\|\mu_t\|^3\|\mu_t^*\|^2"
        r" + \tfrac43\|\mu_t\|^3\|\mu_t^*\|^4",
        repairs="SCK-15",
        evidence=(_lemma_c3(sharp_bound, 2),),
        needs=("SCK-09r",),
        constants=lambda _outcomes: _sharpness(),
        note="No condition on the norms or on d: mu and mu* span the gradient, so no sqrt(d) is"
        " needed. With m = mu.mu*, v = |mu|^2 the gradient is A mu* + B mu, where"
        " A = 2m - 3vm - (4/3)m^3 + ..., B = -2v - 3m^2 + 6v^2 + ...; each constant is reached in a"
        " corner of the domain. The term in |mu*|^4 can be dropped, at the price of a larger"
        " constant, only where |mu*| is bounded.",
    ),
    Claim(
        id="SCK-21",
        title="Lemma C.5: tan theta' <= max(kappa_1 tan theta, kappa_2)",
        source=f"{_SOURCE}, Lemma C.5",
        statement=r"\tan\theta' \le \max(\kappa_1\tan\theta, \kappa_2)",
        reading="an inequality, as the proof has it, though an equality is printed; epsilon-tilde ="
        " 2 d epsilon / |mu|, which the proof's step from (C.1) gives; every eta as printed, so"
        " kappa_2 has one in its numerator and kappa_1 has eta epsilon-tilde inside eta (...)",
        # Anywhere, and as often where the lemma is meant.
        evidence=(_lemma_c5(_printed_kappas, st.one_of(_steps(), _intended_steps())),),
        needs=("SCK-09r",),
        constants=lambda _outcomes: _overshoot(),
        note="Three things break it. (1) The last step of the proof divides by eta |mu*|^2, but an"
        " eta stays in the numerator of kappa_2: it falls to zero with eta, while the floor that an"
        " error of the gradient puts under the angle does not, nor does kappa_1 < 1 where the"
        " lemma's own error terms exceed |mu*|^2. (2) Without a bound on"
        " eta |mu|^2 a step overshoots zero across mu*. (3) Without a bound on |mu.mu*| the gain"
        " saturates (tanh) and falls behind kappa_1.",
    ),
    Claim(
        id="SCK-21:intended",
        title="Lemma C.5 inside the regime that it is for",
        source=f"{_SOURCE}, Lemma C.5",
        statement=r"\tan\theta' \le \max(\kappa_1\tan\theta, \kappa_2)",
        reading="as SCK-21, with the conditions that the text leaves out: norms and eta at most"
        " one, cos theta > 0, and kappa_1 in (0, 1)",
        evidence=(_lemma_c5(_printed_kappas, _intended_steps()),),
        needs=("SCK-09r",),
        note="Only the lost eta is left to break it: once eta epsilon-tilde < |mu*|^2 tan theta, an"
        " error of the gradient across mu* turns mu by more than both numbers allow.",
    ),
    Claim(
        id="SCK-21:exact",
        title="Lemma C.5 inside its regime, for the exact gradient",
        source=f"{_SOURCE}, Lemma C.5",
        statement=r"\tan\theta' \le \max(\kappa_1\tan\theta, \kappa_2)",
        reading="as SCK-21:intended, with epsilon = 0: population gradient descent",
        evidence=(_lemma_c5(_printed_kappas, _intended_steps(exact=True), effort=4.0),),
        needs=("SCK-09r",),
        note="A step's true gain in angle is 2 eta |mu*|^2; the lemma claims half of it, which"
        " leaves room for all its slips as long as no error of the gradient is added.",
    ),
    Claim(
        id="SCK-21:equality",
        title="Lemma C.5 as an equality",
        source=f"{_SOURCE}, Lemma C.5",
        statement=r"\tan\theta' = \max(\kappa_1\tan\theta, \kappa_2)",
        reading="an equality, to the letter",
        evidence=(_lemma_c5(_printed_kappas, _steps(), equality=True),),
        needs=("SCK-09r",),
    ),
    Claim(
        id="SCK-21r",
        title="Lemma C.5 with its constants in place and its condition on eta",
        source=f"{_SOURCE}, Lemma C.5",
        statement=r"\cos\theta \ge \tfrac1{2d},\ D := 1 - 2\eta\|\mu_t\|^2 +"
        r" \eta(\|\mu_t^*\|^2 - \Delta) > 0 \implies \tan\theta' \le \max\left("
        r"\frac{1 - 2\eta\|\mu_t\|^2}{D}\tan\theta, \frac{\Delta}{\|\mu_t^*\|^2}\right),\ "
        r"\Delta = \tfrac{2d}{\|\mu_t\|}(6\|\mu_t\|^5 + 6\|\mu_t\|^3\|\mu_t^*\|^2 +"
        r" \tfrac43\|\mu_t\|^3\|\mu_t^*\|^4 + \varepsilon)",
        repairs="SCK-21",
        evidence=(_lemma_c5(_repaired_kappas, _steps(repaired=True), repaired=True),),
        needs=("SCK-09r", "SCK-15r"),
        note="By the proof's own steps from SCK-15r: with e = Delta, tan theta' <="
        " (sigma_2 tan theta + eta e) / (sigma_1 - eta e), and the right side is a convex"
        " combination of the two numbers in the maximum with weights D / (D + eta |mu*|^2) and"
        " eta |mu*|^2 / (D + eta |mu*|^2). D > 0 is the condition on eta; it holds for every eta if"
        " |mu*|^2 >= 2 |mu|^2 + Delta. At small norms, with r = |mu*|^2 / |mu|^2, it says"
        " eta |mu|^2 < 1 / (2 - r), while a step overshoots, and no bound holds, from 1 / (2 - 2r)"
        " on (SCK-21 reports where): no condition on eta can be much weaker.",
    ),
)
