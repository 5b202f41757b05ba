"""SCK-20, SCK-23 and SCK-24: the angle to mu* falls; how fast; and the proof that says so."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import NORMS, ball_vectors, plane_points, vectors
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"

#: Largest step size of the repaired statements: up to it the angle falls at every norm.
_LARGEST_ETA = 1.0
_ETAS = log_uniform(1e-6, 1e8)
_GOOD_ETAS = log_uniform(1e-6, _LARGEST_ETA)
_SHARES = log_uniform(1e-6, 1e6)
_ETA_PLACES = st.sampled_from(["good", "anywhere", "border"])


# --- SCK-20: kappa_1 < 1 --------------------------------------------------------------------------


@st.composite
def _kappa_points(draw: st.DrawFn, *, small_step: bool) -> dict[str, Any]:
    """A point and a step size; with `small_step`, 3 eta |mu|^2 < 1, and |mu| near the border too.

    kappa_1 depends on d, |mu|, |mu*| and eta alone.
    """
    point = draw(plane_points(smallest_cosine=True))
    point["eta"] = draw(_ETAS)
    if small_step:
        if draw(_COINS):
            # The border is about where the terms of |mu*|^2 balance.
            d, b = point["d"], point["mu_star_norm"]
            near = min((b * b / (500 * d**1.5)) ** 0.25, (20 * d) ** -0.5)
            point["mu_norm"] = near * draw(_NEAR)
        # Three digits below the limit 1 / (3 |mu|^2).
        limit = 1 / (3.01 * point["mu_norm"] ** 2)
        point["eta"] = min(point["eta"], limit * draw(_UP_TO_ONE))
    return point


_COINS = st.booleans()
_NEAR = log_uniform(0.1, 10.0)
_UP_TO_ONE = log_uniform(1e-3, 1.0)


def _ball_kappa_parts(point: Point) -> tuple[arb, arb]:
    """Numerator of the printed kappa_1 (no empirical error), and denominator minus numerator."""
    a, b, _, _ = ball_vectors(point)
    d, eta = arb(point["d"]), arb(point["eta"])
    return 1 - 3 * eta * a**2, eta * (b**2 - 500 * (d**3).sqrt() * a**4 - 20 * d * a**2 * b**2)


def _float_kappa_parts(point: Point) -> tuple[float, float]:
    d, a, b, eta = (float(point[n]) for n in ("d", "mu_norm", "mu_star_norm", "eta"))
    return 1 - 3 * eta * a**2, eta * (b**2 - 500 * d**1.5 * a**4 - 20 * d * a**2 * b**2)


def _one_minus_kappa(top: Any, change: Any) -> Any:
    """1 - kappa_1 over 1 + |kappa_1|."""
    return change / (top + change) / (1 + abs(top / (top + change)))


def _kappa_below_one() -> Search:
    def exact(point: Point) -> arb:
        top, change = _ball_kappa_parts(point)
        return arb(_one_minus_kappa(top, change))

    def noise(point: Point) -> float:
        top, change = _float_kappa_parts(point)
        size = 1 + 3 * point["eta"] * point["mu_norm"] ** 2 + abs(change)
        parts = _float_kappa_parts({**point, "mu_norm": point["mu_norm"] * (1 + 1e-15)})
        moved = abs(parts[1] - change) + 1e-15 * size
        return float(1e-9 + 1e3 * moved / (abs(top + change) + 1e-300))

    return Search(
        domain=_kappa_points(small_step=False),
        slack=lambda point: _one_minus_kappa(*_float_kappa_parts(point)),
        exact=exact,
        noise=noise,
        clear=0.1,
        routes=("kappa_1 as printed, in floating point", "balls: kappa_1 as printed"),
    )


def _ball_radius(d: arb, b: arb) -> arb:
    """The root |mu| of 500 d^(3/2) |mu|^4 + 20 d b^2 |mu|^2 = b^2."""
    p, q = 500 * (d**3).sqrt(), 20 * d * b**2
    return ((-q + (q**2 + 4 * p * b**2).sqrt()) / (2 * p)).sqrt()


def _kappa_domain() -> Search:
    """|mu| < contraction_radius exactly if 0 < kappa_1 < 1."""

    def side(top: Any, change: Any) -> int:
        return 1 if change > 0 and top > 0 else -1

    def slack(point: Point) -> float:
        radius = float(theory.contraction_radius(point["mu_star_norm"], point["d"]))
        top, change = _float_kappa_parts(point)
        a = point["mu_norm"]
        return float(side(top, change) * (radius - a) / (radius + a))

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        top, change = _ball_kappa_parts(point)
        kappa = top / (top + change)
        radius = _ball_radius(arb(point["d"]), b)
        share = (radius - a) / (radius + a)
        if kappa > 0 and kappa < 1:
            return share
        if kappa > 1 or kappa < 0:
            return -share
        return arb(0, math.inf)

    def noise(point: Point) -> float:
        _, change = _float_kappa_parts(point)
        d, a, b, eta = (float(point[n]) for n in ("d", "mu_norm", "mu_star_norm", "eta"))
        terms = eta * (b**2 + 500 * d**1.5 * a**4 + 20 * d * a**2 * b**2)
        return 1e-12 if abs(change) > 1e-12 * terms else math.inf

    return Search(
        domain=_kappa_points(small_step=True),
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(
            "theory: the radius below which kappa_1 < 1, in closed form",
            "the sign of the printed denominator minus numerator",
            "balls: kappa_1 as printed, with its eta, and the quadratic formula",
        ),
    )


_RADIUS_DIMENSIONS = (1, 10, 100, 10_000)


def _radii() -> Constants:
    """Norms of mu below which kappa_1 < 1: at most, and at |mu*| = 1/100."""
    found: Constants = {}
    with precision(256):
        for d in _RADIUS_DIMENSIONS:
            name = f"|mu| below which kappa_1 < 1, d = {d}"
            # The radius grows with |mu*|, to this.
            found[f"{name}, |mu*| -> inf"] = enclosure(1 / (20 * arb(d)).sqrt())
            found[f"{name}, |mu*| = 0.01"] = enclosure(_ball_radius(arb(d), arb(1) / 100))
    return found


def _radius_table() -> Mapping[str, Any]:
    norms = [10.0**k for k in range(-4, 3)]
    return {
        "x": "|mu*|",
        "y": "largest |mu| with kappa_1 < 1, by dimension",
        "mu_star_norm": norms,
        "radius": {
            str(d): [float(r) for r in theory.contraction_radius(norms, float(d))]
            for d in _RADIUS_DIMENSIONS
        },
    }


# --- SCK-20: the angle after one exact step -------------------------------------------------------


def _coordinates(point: Point) -> tuple[float, float, float, float]:
    a, cosine = point["mu_norm"], point["cos_theta"]
    across = a * math.sqrt((1 - cosine) * (1 + cosine))
    return a * cosine, across, point["mu_star_norm"], point["eta"]


def _ball_parts(point: Point) -> tuple[arb, arb]:
    """1 + eta B and eta A |mu*| / (|mu| cos theta): what a step makes of either coordinate."""
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    eta = arb(point["eta"])
    return 1 + eta * on_mu, eta * on_star * b / (a * cosine)


def _ball_fall(rest: arb, pull: arb) -> arb:
    """(T - T') / (T + T') from T' / T = |rest| / |rest + pull|."""
    if rest > 0 and pull > 0:  # the same, without cancellation
        return pull / (2 * rest + pull)
    across, along = abs(rest), abs(rest + pull)
    return (along - across) / (along + across)


@st.composite
def _turning_points(draw: st.DrawFn, *, good: bool = False) -> dict[str, Any]:
    """d >= 2, cos theta neither 0 nor +-1, and a step size; `good` ones are at most one."""
    point = draw(plane_points(smallest_cosine=True))
    point["d"] = max(point["d"], 2)
    cosine = point["cos_theta"]
    if abs(cosine) == 1:
        cosine = math.copysign(draw(_INNER_COSINES), cosine)
    point["cos_theta"] = cosine
    point["eta"] = draw(_GOOD_ETAS) if good else _some_eta(draw, point)
    return point


_INNER_COSINES = st.sampled_from([0.5, 0.25, 0.999, 1 - 1e-12])


def _some_eta(draw: st.DrawFn, point: Point) -> float:
    place = draw(_ETA_PLACES)
    if place == "good":
        return draw(_GOOD_ETAS)
    if place == "anywhere":
        return draw(_ETAS)
    # About where a step starts to overshoot: eta |mu|^2 or eta of order one.
    return float(min(max(draw(_NEAR) / min(1.0, 2 * point["mu_norm"] ** 2), 1e-6), 1e8))


def _scale(point: Point) -> float:
    """What a fall is measured by: what power iteration would do, unless the step may overshoot."""
    a, b, eta = point["mu_norm"], point["mu_star_norm"], point["eta"]
    gain = eta * b * b
    return 1.0 if eta * min(a * a, 1.0) > 0.1 else float(gain / (1 + gain))


def _fall_noise(point: Point) -> float:
    """Rounding of `angle_fall`: it is relative to the fall as long as no sign changes."""
    along, across, star, eta = _coordinates(point)
    fall = abs(float(theory.angle_fall(along, across, star, eta)))
    v = along * along + across * across
    on_star, on_mu = theory.ddpm_descent_coefficients(along * star, v)
    rest = 1 + eta * float(on_mu)
    pull = eta * float(on_star) * star / along
    # B is relative to its terms, min(v, 1) + m^2 among them.
    rounding = 1e-13 * (1 + eta * (min(v, 1.0) + min((along * star) ** 2, 1.0)) + pull)
    noise = 1e-9 * fall + 10 * fall * rounding / max(abs(2 * rest + pull), 1e-300) + 1e-300
    return noise / _scale(point)


def _angle_falls(*, good: bool) -> Search:
    return Search(
        domain=_turning_points(good=good),
        slack=lambda point: float(theory.angle_fall(*_coordinates(point))) / _scale(point),
        exact=lambda point: _ball_fall(*_ball_parts(point)) / _scale(point),
        noise=_fall_noise,
        effort=0.6,
        clear=0.1,
        describe=_describe_fall,
        routes=(
            "theory: A and B by one-dimensional integrals",
            "balls: Lemma C.2 by adaptive integration, tan before and after",
        ),
    )


def _describe_fall(fall: float) -> str:
    return f"fall of tan theta {fall:.3g} times what scales it"


def _angle_criterion() -> Search:
    """The angle falls exactly if eta (-B - A |mu*| / (2 |mu| cos)) < 1."""

    def slack(point: Point) -> float:
        along, across, star, eta = _coordinates(point)
        on_star, on_mu = theory.ddpm_descent_coefficients(along * star, along**2 + across**2)
        criterion = 1 - eta * (-float(on_mu) - float(on_star) * star / (2 * along))
        fall = float(theory.angle_fall(along, across, star, eta))
        return (fall if criterion > 0 else -fall) / _scale(point)

    def exact(point: Point) -> arb:
        rest, pull = _ball_parts(point)
        fall = _ball_fall(rest, pull)
        criterion = rest + pull / 2
        if criterion.contains(0):
            return arb(0, math.inf)
        return (fall if criterion > 0 else -fall) / _scale(point)

    return Search(
        domain=_turning_points(),
        slack=slack,
        exact=exact,
        noise=_fall_noise,
        effort=0.6,
        describe=_describe_fall,
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
        exact=lambda point: _ball_fall(*_ball_parts(point)),
        noise=_brute_noise,
        effort=0.05,
        describe=_describe_fall,
        routes=(
            "impl: autograd of the distance to the score on a grid of the plane",
            "balls: Lemma C.2",
        ),
    )


# --- SCK-23: iterating ----------------------------------------------------------------------------

_FEW_STEPS = st.integers(1, 3)
_PATH = 32


@st.composite
def _iterations(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_turning_points(good=True))
    point["steps"] = draw(_FEW_STEPS)
    return dict(point)


def _after(point: Point, steps: int) -> tuple[float, float, float, float]:
    along, across, star, eta = _coordinates(point)
    for _ in range(steps):
        along, across = (float(x) for x in theory.plane_step(along, across, star, eta))
    return along, across, star, eta


def _ball_after(point: Point, steps: int) -> tuple[arb, arb]:
    """Coordinates along and across mu* after so many steps of Lemma C.2."""
    a, b, cosine, sine = ball_vectors(point)
    along, across, eta = a * cosine, a * sine, arb(point["eta"])
    for _ in range(steps):
        length = (along**2 + across**2).sqrt()
        on_star, on_mu = descent_coefficients(length, b, along / length)
        along += eta * (on_star * b + on_mu * along)
        across += eta * on_mu * across
    return along, across


def _last_fall() -> Search:
    """The fall of the angle in the last of a few steps."""

    def exact(point: Point) -> arb:
        along, across = _ball_after(point, point["steps"] - 1)
        length, b, eta = (along**2 + across**2).sqrt(), arb(point["mu_star_norm"]), point["eta"]
        on_star, on_mu = descent_coefficients(length, b, along / length)
        return _ball_fall(1 + eta * on_mu, eta * on_star * b / along) / _scale(point)

    def noise(point: Point) -> float:
        along, across, star, eta = _after(point, point["steps"] - 1)
        fall = abs(float(theory.angle_fall(along, across, star, eta)))
        return 1e-7 * fall / _scale(point) + 1e-12

    return Search(
        domain=_iterations(),
        slack=lambda point: (
            float(theory.angle_fall(*_after(point, point["steps"] - 1))) / _scale(point)
        ),
        exact=exact,
        noise=noise,
        effort=0.3,
        describe=_describe_fall,
        routes=(
            "theory: steps in the plane by one-dimensional integrals",
            "balls: the same steps by Lemma C.2 and adaptive integration",
        ),
    )


def _least_fall() -> Search:
    """The least fall on a path of many steps; the balls look at the state where it is least."""

    def path(point: Point) -> tuple[float, float, float, float]:
        along, across, star, eta = _coordinates(point)
        least, state = math.inf, (along, across)
        for _ in range(_PATH):
            fall = float(theory.angle_fall(along, across, star, eta))
            if fall < least:
                least, state = fall, (along, across)
            along, across = (float(x) for x in theory.plane_step(along, across, star, eta))
        return least, *state, eta

    @functools.lru_cache(maxsize=2)
    def worst(items: tuple[tuple[str, Any], ...]) -> tuple[float, float, float, float]:
        return path(dict(items))

    def exact(point: Point) -> arb:
        _, along, across, eta = worst(tuple(point.items()))
        x, y, b = arb(along), arb(across), arb(point["mu_star_norm"])
        length = (x * x + y * y).sqrt()
        on_star, on_mu = descent_coefficients(length, b, x / length)
        return _ball_fall(1 + eta * on_mu, eta * on_star * b / x) / _scale(point)

    return Search(
        domain=_turning_points(good=True),
        slack=lambda point: worst(tuple(point.items()))[0] / _scale(point),
        exact=exact,
        noise=lambda point: 1e-7 * abs(worst(tuple(point.items()))[0]) / _scale(point) + 1e-12,
        effort=0.2,
        describe=_describe_fall,
        routes=(
            f"theory: the least fall of {_PATH} steps in the plane",
            "balls: Lemma C.2 at the state where the fall is least",
        ),
    )


#: SCK-23:rate: relative error of the rate, over |mu|^2 + (mu.mu*)^2.
_RATE_CONSTANT = 3
_RATE_REACH = 1 / 6


@st.composite
def _rate_points(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_turning_points(good=True))
    a, b, cosine = point["mu_norm"], point["mu_star_norm"], point["cos_theta"]
    size = a * math.hypot(1.0, b * cosine)
    point["mu_norm"] = a * min(1.0, math.sqrt(_RATE_REACH) / size * draw(_UP_TO_ONE))
    return dict(point)


def _rate() -> Search:
    def slack(point: Point) -> float:
        along, across, star, eta = _coordinates(point)
        v, m = along**2 + across**2, along * star
        measured = 2 * math.atanh(float(theory.angle_fall(along, across, star, eta)))
        # log(sigma_1 / sigma_2), whose digits would be lost in sigma_1 / sigma_2.
        _, second = theory.step_eigenvalues(v, star**2, eta, 3)
        predicted = math.log1p(2 * eta * star**2 / float(second))
        return 1 - abs(measured / predicted - 1) / (_RATE_CONSTANT * (v + m**2))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        eta = arb(point["eta"])
        rest, pull = _ball_parts(point)
        measured = (abs(rest + pull) / abs(rest)).log()
        second = 1 - 3 * eta * a**2
        predicted = ((second + 2 * eta * b**2) / second).log()
        return 1 - abs(measured / predicted - 1) / (_RATE_CONSTANT * a**2 * (1 + (b * cosine) ** 2))

    def noise(point: Point) -> float:
        along, across, star, _ = _coordinates(point)
        return 1e-9 + 1e-12 / (along**2 * (1 + star**2) + across**2)

    return Search(
        domain=_rate_points(),
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(
            "theory: log(tan theta / tan theta') of a step",
            "theory: sigma_1 and sigma_2 as printed",
            "balls: Lemma C.2, and the printed eigenvalues",
        ),
    )


_START_DIMENSION = 10_000
_DEGREE = math.tan(math.radians(1.0))
_TABLE = tuple((b, eta) for b in (0.2, 0.5, 1.0, 3.0) for eta in (0.3, 1.0))
_MOST_STEPS = 5000


def _steps_to_a_degree() -> list[dict[str, Any]]:
    """Steps from cos theta = 1 / (2 d), |mu| = |mu*|, to one degree: taken, and predicted.

    Predicted by power iteration with the printed eigenvalues at the start, or None where
    sigma_2 <= 0, and with tan theta falling by sigma_2 / sigma_1 a step.
    """
    star, eta = (np.array(column) for column in zip(*_TABLE, strict=True))
    cosine = 1 / (2 * _START_DIMENSION)
    along, across = star * cosine, star * math.sqrt(1 - cosine**2)
    first, second = theory.step_eigenvalues(star**2, star**2, eta, 3.0)
    taken = np.zeros(star.size, dtype=int)
    for _ in range(_MOST_STEPS):
        far = np.abs(across) > _DEGREE * np.abs(along)
        if not far.any():
            break
        taken += far
        new = theory.plane_step(along, across, star, eta)
        along, across = (new[0].astype(np.float64), new[1].astype(np.float64))
    log_ratio = math.log(math.sqrt(1 - cosine**2) / cosine / _DEGREE)
    rows: list[dict[str, Any]] = []
    for j, (b, step) in enumerate(_TABLE):
        good = second[j] > 0
        predicted = math.ceil(log_ratio / math.log(first[j] / second[j])) if good else None
        rows.append(
            {"mu_star_norm": b, "eta": step, "steps": int(taken[j]), "power_iteration": predicted}
        )
    return rows


def _steps_table() -> Mapping[str, Any]:
    return {
        "start": f"|mu| = |mu*|, cos theta = 1 / (2 d), d = {_START_DIMENSION}; to 1 degree",
        "rows": _steps_to_a_degree(),
    }


def _step_constants() -> Constants:
    found: Constants = {}
    for row in _steps_to_a_degree():
        name = f"|mu*| = {row['mu_star_norm']:g}, eta = {row['eta']:g}"
        found[f"steps to 1 degree, d = {_START_DIMENSION}, {name}"] = float(row["steps"])
        if row["power_iteration"] is not None:
            found[f"the same as power iteration predicts, {name}"] = float(row["power_iteration"])
    return found


def _eta_border() -> Constants:
    """The largest eta that is good at every norm: 1 works (proved), and more does not.

    With |mu| large and |mu*| small a step eta > 1 overshoots; and the crude bound 1 / sup(-B).
    """
    with precision(256):
        a, b, cosine = arb(10) ** 6, arb(10) ** -12, arb(1) / 2
        on_star, on_mu = descent_coefficients(a, b, cosine)
        last = 1 / (-on_mu - on_star * b / (2 * a * cosine))
        eta = enclosure(last)[1] * (1 + 1e-9)
        if not _ball_fall(1 + eta * on_mu, eta * on_star * b / (a * cosine)) < 0:
            raise ValueError(f"eta: the angle still falls at {eta}")
    # -B is largest as |mu| -> 0 at a fixed m: t^2 + 2 m t t' with t = tanh(m).
    low, high = _largest_pull()
    return {
        "largest eta for which the angle falls at every norm": (1.0, eta),
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


# --- SCK-24: the chain in the proof of Lemma C.5 --------------------------------------------------

_ROOMS = log_uniform(1e-9, 0.9)
_TURNS = st.one_of(st.sampled_from([0.25, 0.5]), st.integers(0, 31).map(lambda k: k / 32))
_ERROR_SHARES = st.one_of(st.sampled_from([0.0, 1.0]), log_uniform(1e-6, 1.0))
_BALANCED = log_uniform(1e-4, 1e4)
_NO_ERROR = st.sampled_from([True, False, False, False])


class _Numbers:
    """The quantities of the proof at a point, in floating point or in balls.

    `deviation` is the bound of Lemma C.3 on |grad L + F|, of which `e` is a share.
    """

    def __init__(self, point: Point, number: Callable[[Any], Any]) -> None:
        d, self.a, self.b, self.c, self.eta, self.epsilon, share = (
            number(point[n])
            for n in ("d", "mu_norm", "mu_star_norm", "cos_theta", "eta", "epsilon", "share")
        )
        half = number(0.5)
        a, b, eta = self.a, self.b, self.eta
        self.s = ((1 - self.c) * (1 + self.c)) ** half
        self.tangent = self.s / self.c
        root = d**half
        self.deviation = 250 * root * a**5 + 10 * a**3 * b**2
        self.e = share * self.deviation
        self.first = 1 + eta * (2 * b**2 - 3 * a**2)
        self.second = 1 - 3 * eta * a**2
        self.tilde = 2 * d * self.epsilon / a
        # eta is in it, as it is in the numerator of kappa_2.
        self.x = eta * (500 * d * root * a**4 + 20 * d * a**2 * b**2 + self.tilde)
        self.tilde_first = self.first - self.x

    def c1(self) -> Any:
        """The right-hand side of (C.1)."""
        error = self.eta * (self.e + self.epsilon)
        return (self.second * self.s * self.a + error) / (self.first * self.c * self.a - error)

    def line_1(self) -> Any:
        error = self.eta * (self.e + self.epsilon)
        return (self.second * self.s * self.a + error) / (self.c * self.a * self.tilde_first)

    def line_2(self) -> Any:
        return self.second / self.tilde_first * self.tangent + self.x / self.tilde_first

    def line_3(self) -> Any:
        weight = self.eta * self.b**2 / self.tilde_first
        one, other = self.kappas(1)
        return (1 - weight) * one + weight * other

    def kappas(self, eta_power: int) -> tuple[Any, Any]:
        """What the maximum is taken of; the second over |mu*|^2, or over eta |mu*|^2."""
        one = self.second / (self.tilde_first - self.eta * self.b**2) * self.tangent
        return one, self.x / (self.eta**eta_power * self.b**2)


@st.composite
def _chain_points(draw: st.DrawFn, *, need: str) -> dict[str, Any]:
    """A point with cos theta > 0, a step, errors, and the conditions that `need` names.

    `c1`: the denominator of (C.1) is positive; `small`: sigma_2 >= 0 besides; `tilde`: sigma-tilde
    is positive; `kappa`: it exceeds eta |mu*|^2.
    """
    point = draw(_turning_points())
    # 1 / (2 d) may have been rounded down, out of the domain.
    point["cos_theta"] = max(abs(point["cos_theta"]), math.nextafter(1 / (2 * point["d"]), 1.0))
    a, b = point["mu_norm"], point["mu_star_norm"]
    point["epsilon"] = 0.0 if draw(_NO_ERROR) else min(draw(_BALANCED) * a * b * b, 1e2)
    point["share"] = draw(_ERROR_SHARES)
    point["error_turn"] = draw(_TURNS)
    numbers = _Numbers({**point, "eta": 1.0}, float)
    # The condition is 1 > eta slope. Not from sigma_1, in which small norms drown beside one.
    base = 3 * a * a - 2 * b * b
    slope = {
        "c1": base + (numbers.e + numbers.epsilon) / (a * numbers.c),
        "small": base + (numbers.e + numbers.epsilon) / (a * numbers.c),
        "tilde": base + numbers.x,
        "kappa": base + numbers.x + b * b,
    }[need]
    if need == "c1" and draw(_COINS):
        _large_step(draw, point)
        return dict(point)
    room = 1 - draw(_ROOMS)
    if slope > 0:
        point["eta"] = min(point["eta"], room / slope)
    if need == "small":
        point["eta"] = min(point["eta"], room / (3 * a * a))
    return dict(point)


def _large_step(draw: st.DrawFn, point: dict[str, Any]) -> None:
    """A step with sigma_2 < 0 < sigma_1, and an error that takes a share of the denominator."""
    point["mu_star_norm"] = max(point["mu_star_norm"], min(2 * point["mu_norm"], NORMS[1]))
    point["eta"] = draw(_NEAR) / point["mu_norm"] ** 2
    point["share"] = point["epsilon"] = 0.0
    numbers = _Numbers(point, float)
    if numbers.first > 0:
        room = 1 - draw(_ROOMS)
        point["epsilon"] = room * numbers.first * numbers.a * numbers.c / numbers.eta
    else:
        point["eta"] = 0.1 / point["mu_norm"] ** 2


def _share_of_both(left: Any, right: Any) -> Any:
    return (right - left) / (abs(left) + abs(right))


def _share_of_change(left: Any, right: Any, before: Any) -> Any:
    """Room under a bound, over the distances of both sides from what was before the step."""
    return (right - left) / (abs(left - before) + abs(right - before))


def _stepped_tangent(point: Point) -> float:
    """Tan theta' of mu + eta (F + error), from vectors."""
    mu, mu_star = vectors(point)
    numbers = _Numbers(point, float)
    new = impl.apply_step_matrix(mu, mu, mu_star, point["eta"], coefficient=3.0)
    error = point["eta"] * (numbers.e + numbers.epsilon)
    angle = 2 * math.pi * point["error_turn"]
    along = float(new[0]) + error * math.cos(angle)
    across = float(new[1]) + error * math.sin(angle)
    return float(across / along)


def _ball_stepped_tangent(point: Point) -> arb:
    n, turn = _Numbers(point, arb), 2 * arb(point["error_turn"])
    error = n.eta * (n.e + n.epsilon)
    # F = 2 (mu.mu*) mu* - 3 |mu|^2 mu along mu* and across it.
    along = n.a * n.c + n.eta * (2 * n.a * n.c * n.b**2 - 3 * n.a**3 * n.c)
    across = n.a * n.s - n.eta * 3 * n.a**3 * n.s
    return arb((across + error * turn.sin_pi()) / (along + error * turn.cos_pi()))


_Side = Callable[[_Numbers], Any]


def _chain_noise(point: Point, change: float) -> float:
    """Rounding of a slack whose denominator is `change`; balls are cheap, so it may be generous."""
    n = _Numbers(point, float)
    error = n.eta * (n.e + n.epsilon)
    terms = 1 + n.eta * (2 * n.b**2 + 3 * n.a**2) + n.x
    floor = min(
        abs(n.first - error / (n.a * n.c)), abs(n.tilde_first), abs(n.tilde_first - n.eta * n.b**2)
    )
    across = (1 + 3 * n.eta * n.a**2) * n.tangent + error / (n.a * n.c) + n.x
    if floor == 0 or change == 0:
        return math.inf
    return float(1e-14 * terms / floor * (1 + across / floor / change) * (1 + 1 / n.c))


def _chain(
    need: str,
    left: _Side | None,
    right: _Side,
    *,
    words: tuple[str, str],
    of_change: bool = False,
) -> Search:
    """`left <= right`; where left is None, it is tan theta' of the step itself."""

    def scaled(lower: Any, upper: Any, numbers: _Numbers) -> Any:
        if of_change:
            return _share_of_change(lower, upper, numbers.tangent)
        return _share_of_both(lower, upper)

    def sides(point: Point) -> tuple[float, float, _Numbers]:
        numbers = _Numbers(point, float)
        lower = _stepped_tangent(point) if left is None else left(numbers)
        return lower, right(numbers), numbers

    def exact(point: Point) -> arb:
        numbers = _Numbers(point, arb)
        lower = _ball_stepped_tangent(point) if left is None else left(numbers)
        return arb(scaled(lower, right(numbers), numbers))

    def noise(point: Point) -> float:
        try:
            lower, upper, numbers = sides(point)
        except ZeroDivisionError:
            return math.inf
        before = numbers.tangent
        change = abs(lower - before) + abs(upper - before) if of_change else abs(lower) + abs(upper)
        return _chain_noise(point, change)

    return Search(
        domain=_chain_points(need=need),
        slack=lambda point: float(scaled(*sides(point))),
        exact=exact,
        noise=noise,
        clear=0.1,
        routes=(*words, "balls: both sides as printed"),
    )


_STEP_IN_WORDS = "impl: the angle of the moved vector, with an error in the plane"


def _signed_step_below_c1(need: str) -> Search:
    return _chain(need, None, _Numbers.c1, words=(_STEP_IN_WORDS, "(C.1) as printed"))


def _split() -> Symbolic:
    def residuals() -> dict[str, sympy.Expr]:
        eta, b, second, tilde, x, tangent = sympy.symbols("eta b s2 s1 X T", positive=True)
        weight = eta * b**2 / tilde
        return {
            "first term": (1 - weight) * second / (tilde - eta * b**2) * tangent
            - second / tilde * tangent,
            "second term": weight * x / (eta * b**2) - x / tilde,
        }

    return Symbolic(residuals=residuals, routes=("SymPy: both lines as printed",))


def _last_kappas(eta_power: int) -> _Side:
    def largest(numbers: _Numbers) -> Any:
        one, other = numbers.kappas(eta_power)
        return one.max(other) if isinstance(one, arb) else max(one, other)

    return largest


_LINES = ("the third line of the chain, in floating point", "its last line, in floating point")
_SUM = (
    r"\frac{\sigma_2\langle\hat\mu_t^{*\perp},\mu_t\rangle + \eta\|\nabla L_t + F\| +"
    r" \eta\varepsilon}{\langle\hat\mu_t^*,\mu_t\rangle\tilde\sigma_1} \le"
    r" \frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1},\quad"
    r" X = 500\eta\sqrt{d^3}\|\mu_t\|^4 + 20d\eta\|\mu_t\|^2\|\mu_t^*\|^2 +"
    r" \eta\tilde\varepsilon"
)
_C1 = (
    r"\tan\theta' \le \frac{\sigma_2\langle\hat\mu_t^{*\perp},\mu_t\rangle + \eta\|\nabla L_t +"
    r" F\| + \eta\varepsilon}{\sigma_1\langle\hat\mu_t^*,\mu_t\rangle - \eta\|\nabla L_t + F\| -"
    r" \eta\varepsilon}"
)
_LEMMA_9 = f"{_SOURCE}, Lemma 9"
_PROOF = f"{_SOURCE}, proof of Lemma C.5"

CLAIMS = (
    Claim(
        id="SCK-20",
        title="Lemma 9: kappa_1 < 1",
        source=_LEMMA_9,
        statement=r"\kappa_1 < 1",
        reading="kappa_1 as in Lemma C.5 with an exact gradient (epsilon = 0); wherever that lemma"
        " is stated: any norms, any eta > 0",
        evidence=(_kappa_below_one(),),
        note="Also kappa_2 <= 1/poly(d) does not hold everywhere: kappa_2 grows with |mu|.",
    ),
    Claim(
        id="SCK-20:domain",
        title="Lemma 9: the domain on which kappa_1 < 1",
        source=_LEMMA_9,
        statement=r"3\eta\|\mu_t\|^2 < 1 \implies \bigl(0 < \kappa_1 < 1 \iff \|\mu_t^*\|^2 >"
        r" 500\sqrt{d^3}\|\mu_t\|^4 + 20d\|\mu_t\|^2\|\mu_t^*\|^2\bigr)",
        reading="kappa_1 with an exact gradient; it must be positive to bound an angle",
        evidence=(_kappa_domain(),),
        constants=lambda _outcomes: _radii(),
        data=_radius_table,
    ),
    Claim(
        id="SCK-20:angle",
        title="Lemma 9: the angle between mu and mu* decreases",
        source=_LEMMA_9,
        statement=r"|\tan\theta'| < |\tan\theta|",
        reading="the angle to the line of mu*, an exact gradient step of any size eta > 0, and"
        " |cos theta| >= 1/(2d)",
        evidence=(_angle_falls(good=False),),
        needs=("SCK-09r",),
        note="A long step overshoots; SCK-20r says which.",
    ),
    Claim(
        id="SCK-20r",
        title="Lemma 9: the angle falls at every norm for eta <= 1, and exactly when",
        source=_LEMMA_9,
        statement=r"0 < \eta \le 1,\ \cos\theta \ne 0,\ \sin\theta \ne 0 \implies |\tan\theta'| <"
        r" |\tan\theta|;\quad |\tan\theta'| < |\tan\theta| \iff \eta\Bigl(-B -"
        r" \frac{A\|\mu_t^*\|}{2\|\mu_t\|\cos\theta}\Bigr) < 1",
        reading="an exact step along A mu* + B mu, half the negative gradient of (5)",
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
    Claim(
        id="SCK-23",
        title="Iterating the step turns mu to mu* with no floor",
        source=f"{_LEMMA_9} and what follows it",
        statement=r"0 < \eta \le 1,\ \cos\theta_0 \ne 0 \implies \tan\theta_n"
        r" \text{ falls in every step, to } 0",
        reading="exact population steps; 'down to the floor kappa_2' is met if there is none",
        evidence=(_last_fall(), _least_fall()),
        needs=("SCK-20r",),
        constants=lambda _outcomes: _step_constants(),
        data=_steps_table,
        note="That it falls to zero follows: B -> -1 and A / |mu*| stays bounded as |mu| grows, so"
        " the path stays in a bounded set for eta <= 1; near mu = 0 the part along mu* grows by"
        " 1 + 2 eta (|mu*|^2 - |mu|^2) > 1, so it does not tend to 0; at every other limit point"
        " with tan theta > 0 a further step would lower the limit of tan theta.",
    ),
    Claim(
        id="SCK-23:rate",
        title="At small norms the rate is that of power iteration",
        source=f"{_LEMMA_9} and what follows it",
        statement=r"\Bigl|\frac{\log(\tan\theta/\tan\theta')}{\log(\sigma_1/\sigma_2)} - 1\Bigr|"
        rf" \le {_RATE_CONSTANT}(\|\mu_t\|^2 + (\mu_t^\top\mu_t^*)^2)"
        r" \text{ if that sum} \le \tfrac16,\ \eta \le 1",
        reading="'like power iteration': the rate of a step, with the printed eigenvalues; the"
        " bound is ours",
        evidence=(_rate(),),
        needs=("SCK-09r",),
        note="tan theta' / tan theta = (1 + eta B) / (1 + eta B + eta u) with u = 2 |mu*|^2 (1 -"
        " 3v/2 - 2m^2/3 + ...), B = -2v - 3m^2 + ..., v = |mu|^2, m = mu.mu*. The printed 3 for 2"
        " only changes what multiplies eta v: the rate forgives it.",
    ),
    Claim(
        id="SCK-24",
        title="Proof of Lemma C.5, last line: a convex combination is at most the maximum",
        source=_PROOF,
        statement=r"\Bigl(1 - \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}\Bigr)\frac{\sigma_2}"
        r"{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta + \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}"
        r"\frac X{\eta\|\mu_t^*\|^2} \le \max\Bigl(\frac{\sigma_2}{\tilde\sigma_1 -"
        r" \eta\|\mu_t^*\|^2}\tan\theta, \frac X{\|\mu_t^*\|^2}\Bigr)",
        reading="X = 500 eta sqrt(d^3) |mu|^4 + 20 d eta |mu|^2 |mu*|^2 + eta epsilon-tilde,"
        " epsilon-tilde = 2 d epsilon / |mu|; where the weights are in [0, 1], that is"
        " sigma-tilde_1 > eta |mu*|^2",
        evidence=(_chain("kappa", _Numbers.line_3, _last_kappas(0), words=_LINES, of_change=True),),
        note="The second of the two numbers is X / (eta |mu*|^2); the maximum has it without"
        " the 1 / eta, which is smaller for every eta < 1. The condition on the weights is not"
        " stated either.",
    ),
    Claim(
        id="SCK-24:c1",
        title="Proof of Lemma C.5, the step to (C.1)",
        source=_PROOF,
        statement=_C1,
        reading="tan theta' signed, cos theta > 0, the denominator positive, |grad L + F| a number"
        " and the errors in the plane",
        evidence=(_signed_step_below_c1("c1"),),
        note="To enlarge a denominator's error is to enlarge a fraction only if the numerator is"
        " not negative. Where sigma_2 < 0, eta |mu|^2 > 1/3, it can be.",
    ),
    Claim(
        id="SCK-24:c1-small-step",
        title="Proof of Lemma C.5, the step to (C.1) for 3 eta |mu|^2 <= 1",
        source=_PROOF,
        statement=_C1,
        reading="as SCK-24:c1, with sigma_2 >= 0, which the proof needs",
        evidence=(_signed_step_below_c1("small"),),
    ),
    Claim(
        id="SCK-24:sum",
        title="Proof of Lemma C.5, the second inequality after (C.1)",
        source=_PROOF,
        statement=_SUM,
        reading="sigma-tilde_1 > 0, |cos theta| >= 1/(2d), and |grad L + F| within Lemma C.3; each"
        " side of the display before it read with the eta that it lacks",
        evidence=(
            _chain(
                "tilde",
                _Numbers.line_1,
                _Numbers.line_2,
                words=("its left side, in floating point", "its right side, in floating point"),
            ),
        ),
        note="Equal at |cos theta| = 1/(2d) where the error is as large as Lemma C.3 allows. For"
        " sigma-tilde_1 < 0 the sign turns around.",
    ),
    Claim(
        id="SCK-24:split",
        title="Proof of Lemma C.5, the third inequality after (C.1) is an equality",
        source=_PROOF,
        statement=r"\frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1} ="
        r" \Bigl(1 - \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}\Bigr)\frac{\sigma_2}"
        r"{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta + \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}"
        r"\frac X{\eta\|\mu_t^*\|^2}",
        evidence=(_split(),),
    ),
    Claim(
        id="SCK-24r",
        title="Proof of Lemma C.5 with the lost 1 / eta, from the step to its end",
        source=_PROOF,
        statement=r"\tilde\sigma_1 > \eta\|\mu_t^*\|^2 \implies \tan\theta' \le \frac{\sigma_2}"
        r"{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1} \le"
        r" \max\Bigl(\frac{\sigma_2}{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta,"
        r" \frac X{\eta\|\mu_t^*\|^2}\Bigr)",
        repairs="SCK-24",
        evidence=(
            _chain("kappa", _Numbers.line_3, _last_kappas(1), words=_LINES, of_change=True),
            _chain(
                "kappa",
                None,
                _last_kappas(1),
                words=(_STEP_IN_WORDS, "the last line with its eta, in floating point"),
            ),
        ),
        note="The weights 1 - w, w = eta |mu*|^2 / sigma-tilde_1 lie in [0, 1] exactly if"
        " sigma-tilde_1 >= eta |mu*|^2 > 0. Where sigma_2 < 0 the step to (C.1) fails, but then"
        " its numerator is negative only if tan theta' is, and X is not.",
    ),
)
