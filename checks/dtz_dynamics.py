"""DTZ-3, DTZ-4 and DTZ-5: where EM for two Gaussians goes from any start, and how fast."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st
from scipy import optimize

from lemmata import impl, theory
from lemmata.checks._compare import equality_search
from lemmata.checks._em import (
    across_factor,
    along_factor,
    em_map_ball,
    em_slope_ball,
    line_step,
    problem,
)
from lemmata.checks._grid import HALF_WIDTH, grid_step
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Daskalakis, Tzamos & Zampetakis 2017"

_LENGTHS = log_uniform(1e-8, 1e2)
_GRID_LENGTHS = log_uniform(1e-8, 8.0)
_DEVIATIONS = log_uniform(1e-8, 1e8)
_NEAR = log_uniform(1e-12, 0.5)
_PLACES = st.sampled_from(["anywhere", "above", "below", "anywhere"])


def _apart(draw: Any, mu: float, lengths: Any) -> float:
    """A number in (0, inf) other than mu: anywhere, or close to it on either side."""
    lam = {
        "anywhere": draw(lengths),
        "above": mu * (1 + draw(_NEAR)),
        "below": mu * (1 - draw(_NEAR)),
    }[draw(_PLACES)]
    return float(lam if lam != mu else np.nextafter(mu, 0.0))


@st.composite
def _pairs(draw: st.DrawFn, lengths: Any) -> dict[str, Any]:
    """Mean and estimate on the line, both positive and different, in units of the deviation."""
    mu = draw(lengths)
    return {"mu": mu, "lam": _apart(draw, mu, lengths), "deviation": draw(_DEVIATIONS)}


_ANYWHERE = _pairs(_LENGTHS)
_ON_A_GRID = _pairs(_GRID_LENGTHS)
#: Beyond these a contraction is lost in the rounding of M, and only balls see it.
_MODERATE_LENGTHS = log_uniform(1e-3, 5.0)


def _closed_step(lam: float, mu: float, deviation: float = 1.0) -> float:
    """One step of EM on the line, by (2.1) in closed form; its arguments have the deviation."""
    return float(theory.em_map(np.array([lam]), np.array([mu]), [[deviation**2]])[0])


_Step = Callable[[float, float, float], float]


def _scaled(point: Point) -> tuple[float, float, float]:
    deviation = float(point["deviation"])
    return deviation * point["lam"], deviation * point["mu"], deviation


# --- DTZ-3: all fixed points on the line ----------------------------------------------------------


def _progress_scale(lam: Any, mu: Any) -> Any:
    """Size of 1 - (M - mu) / (lam - mu): lam (lam + mu) near zero, at most one."""
    size = lam * (lam + mu)
    return size if size < 1 else 1


def _progress(step: _Step, point: Point) -> float:
    """(M - lam) / (mu - lam), over its size: the share of the way to mu that a step makes."""
    lam, mu, deviation = _scaled(point)
    share = (step(lam, mu, deviation) - lam) / (mu - lam)
    return share / float(_progress_scale(point["lam"], point["mu"]))


def _ball_progress(point: Point) -> arb:
    lam, mu = arb(point["lam"]), arb(point["mu"])
    return (1 - along_factor(lam, mu)) / arb(_progress_scale(lam, mu))


def _progress_noise(step: float, point: Point) -> float:
    lam, mu = float(point["lam"]), float(point["mu"])
    # What is rounded are terms of the size of lam and of M, which is at most lam (1 + mu^2); on a
    # grid, both sums over the mixture, of the size of mu and one.
    size = lam + min(lam * (1 + mu * mu), 1 + mu) + step * (1 + mu)
    return 1e-9 + 4e-15 * size / (abs(lam - mu) * float(_progress_scale(lam, mu)))


_SIGNS = st.sampled_from([1.0, -1.0])
_MULTIPLIER_PLACES = st.sampled_from(["at mu", "at 0", "at mu", "anywhere"])


@st.composite
def _multipliers(draw: st.DrawFn, lengths: Any) -> dict[str, Any]:
    """Where the derivative of the map is taken: at mu, at 0, or anywhere."""
    mu = draw(lengths)
    lam = {"at mu": mu, "at 0": 0.0, "anywhere": draw(lengths)}[draw(_MULTIPLIER_PLACES)]
    # The map is odd in lam, and the fixed point -mu is the mirror image of mu.
    return {"mu": mu, "lam": draw(_SIGNS) * lam + 0.0, "deviation": draw(_DEVIATIONS)}


def _slope(point: Point) -> float:
    lam, mu, deviation = _scaled(point)
    return float(theory.em_slope(lam, mu, deviation**2))


def _attraction(point: Point) -> float:
    """One minus the multiplier at mu, over its size; the multiplier is positive as an average."""
    return (1 - _slope(point)) / min(2 * float(point["mu"]) ** 2, 1.0)


def _ball_attraction(point: Point) -> arb:
    mu = arb(point["mu"])
    size = 2 * mu * mu
    return (1 - along_factor(mu, mu)) / (size if size < 1 else 1)


def _difference_error(point: Point) -> float:
    """The slope in closed form against a difference quotient of EM from densities on a grid."""
    lam, mu, deviation = _scaled(point)
    # Of fourth order, and small where M varies: over lam of the order of 1 / (1 + mu).
    h = 0.005 * deviation / (1 + float(point["mu"]))
    near, far = (
        line_step(lam + k * h, mu, deviation) - line_step(lam - k * h, mu, deviation)
        for k in (1, 2)
    )
    return abs((8 * near - far) / (12 * h) / _slope(point) - 1)


def _ball_slope_error(point: Point) -> arb:
    """E x^2 sech^2(lam x) against a difference quotient of (2.1), in balls."""
    lam, mu = arb(point["lam"]), arb(point["mu"])
    h = arb("1e-8")
    quotient = (em_map_ball(lam + h, mu) - em_map_ball(lam - h, mu)) / (2 * h)
    return abs(quotient / em_slope_ball(lam, mu) - 1)


def _difference_noise(point: Point) -> float:
    # Of the step in lam to the fourth, and of rounding over that step.
    mu = float(point["mu"])
    return 2e-8 + 2e-13 * (1 + mu) ** 2 / _slope(point)


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


def _diagonal_slack(point: Point) -> float:
    """The contraction at lam = mu, where its factor is the multiplier."""
    mu = float(point["mu"])
    return float(_rate_slack(-np.log(_slope(point)), mu * mu / 2))


def _ball_diagonal_slack(point: Point) -> arb:
    mu = arb(point["mu"])
    return arb(_rate_slack(-along_factor(mu, mu).log(), mu * mu / 2))


def _diagonal_noise(point: Point) -> float:
    mu = float(point["mu"])
    if mu > 36:  # the multiplier is no longer a normal number
        return math.inf
    factor = _slope(point)
    return _rate_noise(1e-13 * factor, factor, mu * mu / 2)


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


# --- DTZ-4: the contraction -----------------------------------------------------------------------


def _rate_slack(rate: Any, required: Any) -> Any:
    """Slack of `factor <= kappa` from minus the logarithms of both, in [-1, 1]."""
    return (rate - required) / (abs(rate) + abs(required))


def _rate_noise(error: float, factor: float, required: float) -> float:
    """What errors of the factor, and of kappa's last digit, do to `_rate_slack`."""
    if not error < 0.1 * factor:
        return math.inf
    relative = error / factor + 1e-15
    size = abs(math.log(factor)) + required
    return 1e-9 + 4 * relative / size if relative < 0.01 * size else math.inf


def _required(point: Point) -> float:
    """Minus the logarithm of kappa."""
    lam, mu, cosine = point["lam_norm"], point["mu_norm"], point["cos_theta"]
    return float(min(lam, mu * cosine) ** 2 / 2)


def _contraction(point: Point) -> tuple[float, float]:
    """Factor by which a step contracts the Mahalanobis distance, and kappa."""
    lam, mu, covariance, root = problem(point)
    update = theory.em_map(lam, mu, covariance)
    kappa = float(theory.em_contraction(lam, mu, covariance))
    return _shrinkage(update, lam, mu, None if covariance is None else root), kappa


def _shrinkage(update: Any, lam: Any, mu: Any, root: Any) -> float:
    after, before = update - mu, lam - mu
    if root is not None:
        after, before = np.linalg.solve(root, after), np.linalg.solve(root, before)
    return float(np.linalg.norm(after) / np.linalg.norm(before))


def _contraction_slack(point: Point) -> float:
    factor, kappa = _contraction(point)
    return float(_rate_slack(-np.log(factor), -np.log(kappa)))


def _contraction_noise(point: Point) -> float:
    required = _required(point)
    if required > 300:  # kappa is no longer a normal number
        return math.inf
    # Rounding of M is relative to mu and to lam E tanh', which is at most one.
    size = point["mu_norm"] + min(point["lam_norm"], 1.0)
    error = 4e-15 * size * point.get("condition", 1.0) ** 0.5 / _gap(point)
    if error > 0.01:  # lam and mu may be one, once rounded
        return math.inf
    factor = _contraction(point)[0]
    return _rate_noise(error, factor, required)


def _ball_contraction(point: Point) -> arb:
    lam, mu, cosine = (arb(point[name]) for name in ("lam_norm", "mu_norm", "cos_theta"))
    along = mu * cosine
    least = lam if lam < along else along
    if cosine == 1:
        factor = abs(along_factor(lam, mu))
    else:
        gap, across = lam - along, mu * ((1 - cosine) * (1 + cosine)).sqrt()
        after = norm(along_factor(lam, along) * gap, across_factor(lam, along) * across)
        factor = after / norm(gap, across)
    return arb(_rate_slack(-factor.log(), least * least / 2))


def _grid_contraction(point: Point) -> tuple[float, float]:
    """The same from densities on a grid of the space."""
    lam, mu, covariance, root = problem(point)
    step = min(0.25, 1.6 * grid_step(point["lam_norm"])) if point["d"] > 1 else None
    x, weights = impl.mixture_grid(
        np.stack([mu, -mu]),
        cov=covariance,
        step=step or grid_step(point["lam_norm"]),
        half_width=HALF_WIDTH,
    )
    update = impl.em_step(x, np.stack([lam, -lam]), cov=covariance, weights=weights)[0]
    return _shrinkage(update, lam, mu, root), math.exp(-_required(point))


def _grid_slack(point: Point) -> float:
    factor, kappa = _grid_contraction(point)
    return float(_rate_slack(-np.log(factor), -np.log(kappa)))


def _grid_noise(point: Point) -> float:
    quadrature = 1e-10 if point["d"] > 1 else 4e-15
    rounding = 2e-14 * point["condition"] ** 0.5
    error = (quadrature + rounding) * (1 + point["mu_norm"]) / _gap(point)
    if error > 0.01:
        return math.inf
    return _rate_noise(error, _grid_contraction(point)[0], _required(point))


def _gap(point: Point) -> float:
    """Mahalanobis distance of lam and mu."""
    lam, mu, cosine = point["lam_norm"], point["mu_norm"], point["cos_theta"]
    return math.hypot(lam - mu * cosine, mu * math.sqrt((1 - cosine) * (1 + cosine)))


_SIZES = sizes(2, 30)
_LARGE_SIZES = sizes(31, 10_000)
_COSINES = cosines()
_CONDITIONS = log_uniform(1.0, 1e4)
_SMALL_DEVIATIONS = log_uniform(1e-4, 1e4)
_SEEDS = seeds()
_SMALLEST_COSINES = log_uniform(1e-8, 1.0)
_COVARIANCES = st.booleans()


@st.composite
def _right_side(
    draw: st.DrawFn, lengths: Any, *, line: bool = False, grid: bool = False
) -> dict[str, Any]:
    """Points of `_em.problem` with <lam, mu> > 0 and lam != mu."""
    general = grid or (not line and draw(_COVARIANCES))
    d = 1 if line else 2 if grid else draw(_SIZES if general else _LARGE_SIZES)
    mu = draw(lengths)
    cosine = 1.0 if line else abs(draw(_COSINES)) or draw(_SMALLEST_COSINES)
    point = {"d": d, "mu_norm": mu, "lam_norm": _apart(draw, mu, lengths), "cos_theta": cosine}
    if general or line:
        point |= {
            "condition": draw(_CONDITIONS) if d > 1 else 1.0,
            "deviation": draw(_SMALL_DEVIATIONS),
            "seed": draw(_SEEDS) if d > 1 else 0,
        }
    return point


def _contraction_search(*, line: bool) -> tuple[Search, ...]:
    routes = (
        "theory: (2.1), one-dimensional integrals, and kappa",
        "balls: (2.1), or where it is too close to mu an integral after an addition theorem",
    )
    grid_routes = ("impl: (1.2) from densities on a grid, and kappa as printed", routes[1])
    by_kernels = (
        Search(
            domain=_right_side(lengths, line=line),
            slack=_contraction_slack,
            exact=_ball_contraction,
            noise=_contraction_noise,
            routes=routes,
            effort=0.2,
        )
        for lengths in (_LENGTHS, _MODERATE_LENGTHS)
    )
    return (
        *by_kernels,
        Search(
            domain=_right_side(_GRID_LENGTHS, line=line, grid=True),
            slack=_grid_slack,
            exact=_ball_contraction,
            noise=_grid_noise,
            routes=grid_routes,
            effort=0.15,
        ),
    )


def _identities() -> Mapping[str, sympy.Expr]:
    """What the hand proof rests on."""
    x, lam, mu = sympy.symbols("x lambda mu", real=True)
    gap = sympy.Symbol("epsilon", positive=True)
    difference = sympy.sinh((lam - mu) * x) / (sympy.cosh(lam * x) * sympy.cosh(mu * x))
    density = sympy.exp(-(x**2) / 2) / sympy.sqrt(2 * sympy.pi)
    folded = (density.subs(x, x - mu) + density.subs(x, x + mu)) / 2
    grown = sympy.integrate(
        x * (sympy.exp(gap * x) - sympy.exp(-gap * x)) / 2 * density, (x, -sympy.oo, sympy.oo)
    )
    return {
        "tanh(lam x) - tanh(mu x)": (sympy.tanh(lam * x) - sympy.tanh(mu * x) - difference).rewrite(
            sympy.exp
        ),
        "the density of N(mu, 1), folded": (
            folded - sympy.exp(-(mu**2) / 2) * sympy.cosh(mu * x) * density
        ).rewrite(sympy.exp),
        "E x sinh(epsilon x)": grown - gap * sympy.exp(gap**2 / 2),
    }


def _rate(lam: arb, mu: arb) -> arb:
    """The rho for which the factor is exp(-rho min(lam, mu)^2), on the line."""
    least = lam if lam < mu else mu
    return -along_factor(lam, mu).log() / (least * least)


def _rates() -> Constants:
    with precision(128):
        constants: Constants = {}
        for ratio in (0.01, 1.0, 3.0, 10.0):
            value = enclosure(_rate(arb(ratio), arb(ratio)))
            constants[f"rho at lam = mu, mu/sigma = {ratio:g}"] = value
        # At lam = mu it falls to the proved 1/2, like log(r^3) / r^2.
        far = arb(10**6)
        constants["sharp rho, over all lam and mu"] = (0.5, enclosure(_rate(far, far))[1])
    return constants


def _across_rates() -> Constants:
    """The rate of an error across lam = mu."""
    with precision(128):
        return {
            f"rho across at lam = mu, mu/sigma = {ratio:g}": enclosure(
                -across_factor(arb(ratio), arb(ratio)).log() / arb(ratio) ** 2
            )
            for ratio in (0.01, 1.0, 3.0, 10.0)
        }


def _rate_table() -> dict[str, Any]:
    """The rate at lam = mu over mu/sigma, and the least over starts from mu/8 to 8 mu."""
    rows: dict[str, list[float]] = {"mu/sigma": [], "rho at lam = mu": [], "least rho": []}
    rows["lam/mu of the least"] = []
    with precision(64):
        for ratio in (0.03, 0.3, 1.0, 3.0, 10.0, 30.0):
            mu = arb(ratio)
            values = {k: float(_rate(mu * arb(2) ** (k / 2), mu).mid()) for k in range(-6, 7)}
            best = min(values, key=values.__getitem__)
            row = (ratio, values[0], values[best], 2 ** (best / 2))
            for column, value in zip(rows.values(), row, strict=True):
                column.append(value)
    return dict(rows)


# --- DTZ-5: ten steps -----------------------------------------------------------------------------

_STEPS = 10
_ERROR = 0.01


def _from_infinity(mu: float) -> float:
    """M(inf, mu) = E abs(x)."""
    return mu * math.erf(mu / math.sqrt(2)) + math.sqrt(2 / math.pi) * math.exp(-mu * mu / 2)


def _error_after(mu: float, ratio: float, steps: int = _STEPS) -> float:
    """Relative error after so many steps from ratio * mu, or from infinity."""
    lam = ratio * mu
    for index in range(steps):
        lam = _from_infinity(mu) if index == 0 and math.isinf(lam) else _closed_step(lam, mu)
    return abs(lam - mu) / mu


def _ball_error_after(mu: arb, ratio: float, steps: int = _STEPS) -> arb:
    lam = arb(ratio) * mu
    for index in range(steps):
        if index == 0 and math.isinf(ratio):
            half = (mu / arb(2).sqrt()).erf() * mu
            lam = half + (2 / arb.pi()).sqrt() * (-mu * mu / 2).exp()
        else:
            lam = em_map_ball(lam, mu)
    return abs(lam - mu) / mu


def _ten_steps(domain: Any, effort: float = 0.25) -> Search:
    return Search(
        domain=domain,
        slack=lambda point: 1 - _error_after(point["separation"], _ratio(point)) / _ERROR,
        exact=lambda point: (
            1 - _ball_error_after(arb(point["separation"]), _ratio(point)) / arb("0.01")
        ),
        noise=lambda _point: 1e-10,
        routes=("theory: (2.1) in closed form, ten times", "balls: (2.1) as integrals, ten times"),
        describe=_describe_error,
        effort=effort,
    )


def _ratio(point: Point) -> float:
    """lam/mu at the start; infinity is not JSON, so that its inverse is what a point names."""
    inverse = float(point["mu_over_start"])
    return math.inf if inverse == 0 else 1 / inverse


def _describe_error(slack: float) -> str:
    return f"error {100 * _ERROR * (1 - slack):.3g}%"


def _grid_error(point: Point) -> float:
    lam = _ratio(point) * point["separation"]
    for _ in range(_STEPS):
        lam = line_step(lam, point["separation"])
    return float(1 - abs(lam / point["separation"] - 1) / _ERROR)


@functools.cache
def _smallest(ratio: float) -> tuple[float, float]:
    """The smallest mu/sigma for which ten steps suffice: fails at the first, holds at the second.

    Both are confirmed in balls; that ten steps suffice above, the search tests.
    """

    def excess(mu: float) -> float:
        return math.log(max(_error_after(mu, ratio), 1e-12) / _ERROR)

    root = float(optimize.brentq(excess, 0.3, 1.5, xtol=1e-12))
    low, high = root * (1 - 1e-8), root * (1 + 1e-8)
    with precision(64):
        fails = _ball_error_after(arb(low), ratio) > arb("0.01")
        holds = _ball_error_after(arb(high), ratio) < arb("0.01")
    if not (fails and holds):
        raise ValueError(f"mu/sigma: the threshold near {low} is not confirmed")
    return low, high


def _steps_needed(mu: float, ratio: float) -> int:
    """Steps until the error is, and stays, below one percent."""
    lam, steps = ratio * mu, 0
    while math.isinf(lam) or abs(lam - mu) >= _ERROR * mu:
        lam = _from_infinity(mu) if math.isinf(lam) else _closed_step(lam, mu)
        steps += 1
    return steps


_TABLED = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)


def _steps_table() -> dict[str, Any]:
    return {
        "mu/sigma": list(_TABLED),
        "steps from infinity": [_steps_needed(r, math.inf) for r in _TABLED],
        "steps from mu/2": [_steps_needed(r, 0.5) for r in _TABLED],
        "steps from mu/100": [_steps_needed(r, 0.01) for r in _TABLED],
    }


def _thresholds() -> Constants:
    with precision(64):
        lam = (2 / arb.pi()).sqrt()  # from infinity at mu = 0, where M(inf) = E abs(x)
        for _ in range(_STEPS - 1):
            lam = em_map_ball(lam, arb(0))
        small = enclosure(lam)
        at_one = enclosure(100 * _ball_error_after(arb(1), math.inf))
    return {
        "smallest mu/sigma from infinity": _smallest(math.inf),
        "smallest mu/sigma from mu/2": _smallest(0.5),
        "smallest mu/sigma from mu/100": _smallest(0.01),
        "percent of error from infinity at mu/sigma = 1": at_one,
        "error from infinity in units of sigma, mu/sigma -> 0": small,
    }


_ANY_START = points({"separation": _LENGTHS, "mu_over_start": log_uniform(1e-8, 1e8)})
_AT_INFINITY = points({"separation": _LENGTHS, "mu_over_start": st.just(0.0)})
_STARTS_ABOVE = st.one_of(st.just(0.0), st.just(0.0), log_uniform(1e-8, 1.0))
_FACTORS = log_uniform(1.0, 1e2)
_GRID_STARTS = log_uniform(1.0, 64.0)


@st.composite
def _separated(draw: st.DrawFn, *, grid: bool = False) -> dict[str, Any]:
    """mu/sigma from the threshold on, and a start from mu on."""
    separation = min(_smallest(math.inf)[1] * draw(_FACTORS), 8.0 if grid else 1e2)
    start = 1 / draw(_GRID_STARTS) if grid else draw(_STARTS_ABOVE)
    return {"separation": separation, "mu_over_start": start}


_at_mu = _multipliers(_LENGTHS).map(lambda point: {**point, "lam": point["mu"]})

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
                slack=lambda point: _progress(_closed_step, point),
                exact=_ball_progress,
                noise=lambda point: _progress_noise(0.0, point),
                effort=0.3,
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
                effort=0.2,
                routes=(
                    "impl: (1.2) from densities on a grid",
                    "balls: (2.1), or where it is too close to mu after an addition theorem",
                ),
            ),
            Search(
                domain=_at_mu,
                slack=_attraction,
                exact=_ball_attraction,
                noise=lambda point: 1e-9 + 1e-13 / min(2 * float(point["mu"]) ** 2, 1.0),
                effort=0.2,
                routes=(
                    "theory: the multiplier at mu in closed form",
                    "balls: E x^2 sech^2(mu x), the derivative under the integral",
                ),
            ),
            replace(
                equality_search(
                    _multipliers(log_uniform(1e-8, 3.0)),
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
        note="M is odd in lambda. For lambda > 0 it is concave: d^2/dlambda^2 tanh(lambda x) x ="
        " -2 x^2 [x tanh(lambda x)] sech^2(lambda x) <= 0 for every x. M(0) = 0, M'(0) = 1 +"
        " mu^2/sigma^2 > 1 and M(mu) = mu, so that M > lambda below mu and M < lambda above, and"
        " M'(mu) < 1; M' = E x^2 sech^2 > 0. M increases, so that every start lambda > 0 goes to mu"
        " monotonically. The multiplier at mu is 1 - 2 (mu/sigma)^2 for small mu/sigma.",
    ),
    Claim(
        id="DTZ-4",
        title="A step contracts in one dimension by exp(-min(lam, mu)^2 / (2 sigma^2))",
        source=f"{_SOURCE}, the theorem on one dimension",
        statement=r"\lambda,\mu > 0:\ |M(\lambda,\mu) - \mu| \le \kappa\,|\lambda - \mu|,\quad"
        r"\kappa = \exp(-\min(\lambda,\mu)^2/2\sigma^2)",
        reading="from memory of the paper; the slides do not print it",
        needs=("DTZ-1", "DTZ-2"),
        evidence=(
            *_contraction_search(line=True),
            Search(
                domain=_at_mu,
                slack=_diagonal_slack,
                exact=_ball_diagonal_slack,
                noise=_diagonal_noise,
                effort=0.2,
                routes=(
                    "theory: the multiplier at mu in closed form, for lam -> mu",
                    "balls: E x^2 sech^2(mu x), the derivative under the integral",
                ),
            ),
            Symbolic(residuals=_identities, routes=("SymPy, from the definitions",)),
        ),
        constants=lambda _outcomes: _rates(),
        data=_rate_table,
        note="Proof, sigma = 1. M(mu, mu) = mu and the addition theorem give M - mu = E x sinh((lam"
        " - mu) x) / (cosh(lam x) cosh(mu x)) under N(mu, 1); folding the density leaves M - mu ="
        " exp(-mu^2/2) E_0 x sinh((lam - mu) x) / cosh(lam x). For lam >= mu, sinh(g x) / cosh(lam"
        " x) <= tanh(g x) <= g x for x, g = lam - mu >= 0, and the factor is at most exp(-mu^2/2)."
        " For lam < mu drop the cosh: E_0 x sinh(e x) = e exp(e^2/2), e = mu - lam, and the factor"
        " is at most exp(-lam mu + lam^2/2) <= exp(-lam^2/2). The rate 1/2 cannot be improved for"
        " all mu, as the factor at lam = mu, E x^2 sech^2(mu x), falls like exp(-mu^2/2) / mu^3;"
        " where mu/sigma is small the rate is 2, four times as fast.",
    ),
    Claim(
        id="DTZ-4:mahalanobis",
        title="A step contracts the Mahalanobis distance in any dimension",
        source=f"{_SOURCE}, the theorem on many dimensions",
        statement=r"\langle\lambda,\mu\rangle > 0:\ \|M(\lambda,\mu) - \mu\|_\Sigma \le"
        r"\kappa\,\|\lambda - \mu\|_\Sigma,\quad \kappa = \exp\Bigl(-\frac{\min(\langle\lambda,"
        r"\lambda\rangle, \langle\mu,\lambda\rangle)^2}{2\langle\lambda,\lambda\rangle}\Bigr),"
        r"\quad \langle a, b\rangle = a^T\Sigma^{-1}b",
        reading="from memory of the paper; the slides do not print it",
        needs=("DTZ-1", "DTZ-2", "DTZ-4"),
        evidence=_contraction_search(line=False),
        constants=lambda _outcomes: _across_rates(),
        note="Whitened, with l = |lambda| and m = <mu, lambda> / l > 0. Along lambda it is DTZ-4"
        " with l and m. Across it, the error mu_across shrinks by 1 - E tanh(l y), y ~ N(m, 1),"
        " which folded is exp(-m^2/2) E_0 cosh((l - m) y) / cosh(l y): at most exp(-m^2/2) for l >="
        " m, and exp(-l m + l^2/2) <= exp(-l^2/2) for l < m. Both factors are at most kappa. At lam"
        " = mu the error across shrinks more slowly than that along: its rate is 1 for small"
        " norms, not 2.",
    ),
    Claim(
        id="DTZ-5",
        title="Ten steps suffice: under 1% error from any start on the right side",
        source=f"{_SOURCE}, abstract",
        statement=r"\lambda^{(0)},\mu > 0:\ |\lambda^{(10)} - \mu| < 0.01\,\mu",
        reading="one dimension, any start on the side of mu, any separation; error relative to mu",
        needs=("DTZ-1",),
        evidence=(_ten_steps(_ANY_START),),
        data=_steps_table,
        note="A step multiplies lambda by at most 1 + mu^2/sigma^2, so that no number of steps does"
        " for all starts; and at mu the multiplier is 1 - 2 (mu/sigma)^2, so that none does for all"
        " separations either. In d dimensions the line through mu is a special case.",
    ),
    Claim(
        id="DTZ-5:infinity",
        title="Ten steps from infinity give under 1% error",
        source=f"{_SOURCE}, abstract",
        statement=r"\mu > 0,\ \lambda^{(0)} = \infty:\ |\lambda^{(10)} - \mu| < 0.01\,\mu",
        reading="the start is at infinity, where the first step gives E|x|; any separation",
        needs=("DTZ-1",),
        evidence=(_ten_steps(_AT_INFINITY),),
        note="For small separation a step is lambda + lambda (mu^2 - lambda^2) to leading order,"
        " whose solution from infinity is lambda^2 = mu^2 / (1 - exp(-2 mu^2 t)): one percent takes"
        " about 1.96 (sigma/mu)^2 steps.",
    ),
    Claim(
        id="DTZ-5r",
        title="Ten steps from any start beyond mu suffice if mu/sigma >= r0",
        source=f"{_SOURCE}, abstract",
        statement=r"\mu \ge r_0\sigma,\ \lambda^{(0)} \in [\mu, \infty]:"
        r"\ |\lambda^{(10)} - \mu| < 0.01\,\mu",
        repairs="DTZ-5",
        needs=("DTZ-1", "DTZ-3"),
        evidence=(
            _ten_steps(_separated()),
            Search(
                domain=_separated(grid=True),
                slack=_grid_error,
                exact=lambda point: (
                    1 - _ball_error_after(arb(point["separation"]), _ratio(point)) / arb("0.01")
                ),
                noise=lambda _point: 1e-9,
                routes=(
                    "impl: (1.2) from densities on a grid, ten times",
                    "balls: (2.1) as integrals, ten times",
                ),
                describe=_describe_error,
                effort=0.1,
            ),
        ),
        constants=lambda _outcomes: _thresholds(),
        note="M increases in lambda and preserves [mu, inf), so that infinity is the worst start"
        " there. The bound r0 is where ten steps from infinity leave exactly one percent. From"
        " below mu the same holds with other bounds, from a start that is a fixed share of mu.",
    ),
)
