"""REV-1: what the standard reverse process samples, with linear denoisers."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._reverse import geometric_steps
from lemmata.checks._spectra import data_with, rotation, spectra, spectrum
from lemmata.harness.balls import enclosure
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_REVIEW = "review of Weitzner et al. 2024"

_LAMBDAS = log_uniform(1e-6, 1e8)
_ALL_TIMES = log_uniform(1e-4, 20.0)
_STARTING_TIMES = log_uniform(0.5, 10.0)
_GRIDS = sizes(1, 400)
_SMALL = spectra(least=1, most=12, range_=(1e-2, 1e2), fall=1e-2, zeros=False)
_SHORT = sizes(2, 24)
_SAMPLED = spectra(least=1, most=8, range_=(1e-1, 1e1), fall=1e-1)
_SAMPLED_GRIDS = sizes(24, 48)
_COUNTS = st.integers(2, 12)
_SEEDS = seeds()


@st.composite
def _ladders(draw: st.DrawFn) -> dict[str, Any]:
    """One eigenvalue, a starting time, equal steps of length one at most, the kind of process."""
    point = draw(_STARTS)
    point["steps"] = draw(_GRIDS)
    point["t_end"] = min(point["t_end"], float(point["steps"]))
    return point


_STARTS = st.fixed_dictionaries(
    {"eigenvalue": _LAMBDAS, "t_end": _ALL_TIMES, "stochastic": st.booleans()}
)


@st.composite
def _reversed(draw: st.DrawFn, *, sampled: bool = False, finite: bool = False) -> dict[str, Any]:
    """A spectrum, or the size of a sample of it, a grid, and the kind of process."""
    point = draw(_SAMPLED if sampled else _SMALL)
    point["t_end"] = draw(_STARTING_TIMES)
    point["steps"] = draw(_SAMPLED_GRIDS if sampled else _SHORT)
    point["stochastic"] = draw(st.booleans())
    if sampled:
        point["direction_seed"] = draw(_SEEDS)
    if finite:
        point["n"] = draw(_COUNTS)
    return point


def _equal_steps(point: Point) -> Array:
    return np.asarray(np.linspace(point["t_end"], 0.0, point["steps"] + 1))


def _allowed_error(value: Any, step: Any, *, log: Any = math.log) -> Any:
    """First order in the step: what the variance may be off, as a share."""
    return step * (3 / value + 1 + log(1 + value))


def _order_slack(point: Point) -> float:
    value, flag = point["eigenvalue"], point["stochastic"]
    reached = float(theory.euler_variance(value, _equal_steps(point), stochastic=flag))
    limit = float(theory.reverse_variance(value, point["t_end"], stochastic=flag))
    step = point["t_end"] / point["steps"]
    return bound_slack(abs(reached / limit - 1), float(_allowed_error(value, step)))


def _ball_order(point: Point) -> arb:
    """From the score of N(0, v_t) and the maps of the continuous process."""
    value, end, steps = arb(point["eigenvalue"]), arb(point["t_end"]), point["steps"]
    step = end / steps
    doubled = 2 if point["stochastic"] else 1
    variance = arb(1)
    for k in range(steps):
        kept = (-2 * end * (steps - k) / steps).exp()
        score = -1 / (kept * value + 1 - kept)
        variance *= (1 + step * (1 + doubled * score)) ** 2
        if point["stochastic"]:
            variance += 2 * step
    error = abs(variance / _ball_limit(value, end, stochastic=point["stochastic"]) - 1)
    slack: arb = 1 - error / _allowed_error(value, step, log=arb.log)
    return slack


def _ball_limit(value: arb, end: arb, *, stochastic: bool) -> arb:
    """Variance at time zero of the continuous process that starts at N(0, 1)."""
    first = (-2 * end).exp() * value + 1 - (-2 * end).exp()
    if not stochastic:
        # The flow takes N(0, v_T) to N(0, lambda), and is linear.
        return value / first
    # The law of x_0 given x_T, over a standard normal x_T.
    gain = (-end).exp() * value / first
    return value - gain * gain * first + gain * gain


def _rate(value: Any, shrunk: Any, *, stochastic: bool) -> Any:
    """Var_inf / lambda - 1, for exp(-2 t_end)."""
    first = 1 + (value - 1) * shrunk
    if stochastic:
        return value * (1 - value) * (shrunk / first) ** 2
    return (1 - value) * shrunk / first


def _limit_error(point: Point) -> float:
    value, end, flag = point["eigenvalue"], point["t_end"], point["stochastic"]
    if value == 1:
        return abs(float(theory.reverse_variance(value, end, stochastic=flag)) - 1)
    rate = float(_rate(value, math.exp(-2 * end), stochastic=flag))
    found = float(theory.reverse_variance(value, end, stochastic=flag)) / value - 1
    return float(abs(found / rate - 1))


def _ball_limit_error(point: Point) -> arb:
    value, end, flag = arb(point["eigenvalue"]), arb(point["t_end"]), point["stochastic"]
    found = _ball_limit(value, end, stochastic=flag) / value - 1
    if value == 1:
        return abs(found)
    rate: arb = _rate(value, (-2 * end).exp(), stochastic=flag)
    return abs(found / rate - 1)


def _limit_noise(point: Point) -> float:
    """Rounding of the variance, and of 1 + (lambda - 1) exp(-2 t_end), as shares of the rate."""
    value, end = point["eigenvalue"], point["t_end"]
    if value == 1:
        return 1e-15
    rate = float(_rate(value, math.exp(-2 * end), stochastic=point["stochastic"]))
    return 1e-14 + 1e-14 * max(1 / abs(rate), 1 / (1 - math.exp(-2 * end)))


def _first_failure(_outcomes: object) -> Constants:
    """Orders in N, and the least step at which the bound fails."""
    found = _orders()
    least, point = math.inf, {"eigenvalue": float(f"{_LEAST:g}"), "stochastic": True}
    for flag in (False, True):
        for steps in (*range(1, 13), 24, 48):
            trial = {"eigenvalue": _LEAST, "stochastic": flag, "steps": steps}
            step = _failing(trial, least)
            if step < least:
                least, point = step, trial
    low, high = (point | {"t_end": least * point["steps"] * (1 + k * 1e-9)} for k in (-1, 1))
    # Balls say on which side of it the bound holds.
    held, failed = enclosure(_ball_order(low)), enclosure(_ball_order(high))
    if not (held[0] > 0 > failed[1]):
        raise ArithmeticError(f"no change of sign at the step {least}: {held}, {failed}")
    name = "SDE" if point["stochastic"] else "ODE"
    key = f"least step h at which the bound fails ({name}, lambda = {_LEAST:g}, N = "
    found[f"{key}{point['steps']})"] = (
        low["t_end"] / point["steps"],
        high["t_end"] / point["steps"],
    )
    return found


#: The bound fails first for the least eigenvalues.
_LEAST = 1e-6


def _failing(point: Point, most: float) -> float:
    """The least step in [1, most] at which the slack falls below zero; infinite if none does."""
    steps = point["steps"]

    def holds(step: float) -> bool:
        return _order_slack({**point, "t_end": step * steps}) > 0

    grid = np.arange(1.0, min(most, 3.0), 0.01)
    fails = next((step for step in grid.tolist() if not holds(step)), None)
    if fails is None:
        return math.inf
    low, high = float(fails) - 0.01, float(fails)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def _trained_error(point: Point) -> float:
    """Covariance by trained denoisers against the recursion for each eigenvalue."""
    vectors, values, flag = rotation(point), spectrum(point), point["stochastic"]
    times = geometric_steps(point)
    half = data_with(values, vectors)
    # More samples than dimensions, as data have.
    found = impl.reverse_covariance(np.concatenate([half, -half]), times, stochastic=flag)
    closed = (vectors * theory.euler_variance(values, times, stochastic=flag)) @ vectors.T
    return float(np.linalg.norm(found - closed, 2) / np.linalg.norm(closed, 2))


def _ball_trained_error(point: Point) -> arb:
    """The recursion with the trained denoiser's gain, and with the score of the density."""
    times = [arb(float(t)) for t in geometric_steps(point)]
    doubled = 2 if point["stochastic"] else 1
    worst, largest = arb(0), arb(0)
    for x in point["eigenvalues"]:
        value = arb(x)
        trained = exact = arb(1)
        for t, end in itertools.pairwise(times):
            alpha, noise = (-t).exp(), -(-2 * t).expm1()
            gain = alpha * value / (alpha * alpha * value + noise)
            score = -1 / (alpha * alpha * value + noise)
            h = t - end
            trained *= (1 + h * (1 + doubled * (alpha * gain - 1) / noise)) ** 2
            exact *= (1 + h * (1 + doubled * score)) ** 2
            if point["stochastic"]:
                trained, exact = trained + 2 * h, exact + 2 * h
        worst, largest = worst.max(abs(trained - exact)), largest.max(exact)
    return worst / largest


def _direction(point: Point) -> Array:
    rng = np.random.default_rng(point["direction_seed"])
    direction = rng.standard_normal(len(point["eigenvalues"]))
    return np.asarray(direction / np.linalg.norm(direction))


def _training_data(point: Point) -> Array:
    exact = data_with(spectrum(point), rotation(point))
    if "n" not in point:
        return exact
    rng = np.random.default_rng([point["seed"], point["n"]])
    mixing = rng.standard_normal((point["n"], len(exact)))
    return np.asarray(mixing @ exact / math.sqrt(len(exact)))


def _cosines(point: Point, rng: np.random.Generator, size: int) -> Array:
    """cos(u.x) of samples of the reverse process, in units of the largest eigenvalue or one."""
    x = impl.reverse_samples(
        _training_data(point),
        geometric_steps(point),
        stochastic=point["stochastic"],
        size=size,
        rng=rng,
    )
    return np.asarray(np.cos(x @ _direction(point) / _unit(point)))


def _unit(point: Point) -> float:
    return math.sqrt(max(1.0, point["eigenvalues"][0]))


def _predicted(point: Point) -> tuple[float, float]:
    """Mean of the cosine for the Gaussian with the variances of the recursion."""
    data = _training_data(point)
    values, vectors = np.linalg.eigh(data.T @ data / len(data))
    reached = theory.euler_variance(
        np.maximum(values, 0.0), geometric_steps(point), stochastic=point["stochastic"]
    )
    exponent = float(reached @ (vectors.T @ _direction(point)) ** 2) / _unit(point) ** 2
    mean = math.exp(-0.5 * exponent)
    return mean, mean


def _cosine_test(*, finite: bool, effect: float) -> MeanTest:
    return MeanTest(
        domain=_reversed(sampled=True, finite=finite),
        draw=_cosines,
        allowed=_predicted,
        effect=effect,
        bounds=(-1.0, 1.0),
        routes=(
            "impl: vectors through the steps, with denoisers trained on data",
            "theory: variance of the recursion for each eigenvalue",
        ),
    )


def _orders() -> Constants:
    """Exponents of abs(Var_N - Var_inf) in N, from N = 500 to 4000, and errors at N = 100."""
    found: Constants = {}
    values = np.array([0.01, 3.0, 100.0])
    for stochastic, name in ((False, "ODE"), (True, "SDE")):
        limit = theory.reverse_variance(values, 5.0, stochastic=stochastic)
        for grid, label in ((_equal_steps, "equal"), (geometric_steps, "geometric")):
            brief, short, long = (
                theory.euler_variance(
                    values, grid({"t_end": 5.0, "steps": steps}), stochastic=stochastic
                )
                for steps in (100, 500, 4000)
            )
            slopes = np.log(np.abs((long - limit) / (short - limit))) / math.log(8)
            off = np.abs(brief / limit - 1)
            for value, slope, error in zip(values, slopes, off, strict=True):
                key = f"{name}, {label} steps, lambda = {value:g}"
                found[f"{key}: exponent in N"] = float(slope)
                found[f"{key}: relative error at N = 100"] = float(error)
        started = float(limit[-1]) / values[-1] - 1
        found[f"{name}, lambda = 100: error of starting at t = 5"] = float(started)
    return found


CLAIMS = (
    Claim(
        id="REV-1",
        title="standard score matching and the standard reverse process sample N(0, Sigma)",
        source=_REVIEW,
        statement=r"h \le 1: \; \Big|\frac{\mathrm{Var}_N}{\mathrm{Var}_\infty} - 1\Big| \le h\Big("
        r"\frac3\lambda + 1 + \log(1 + \lambda)\Big); \quad \frac{\mathrm{Var}_\infty}{\lambda} - 1"
        r" = \frac{1 - \lambda}{v} e^{-2 t_{\mathrm{end}}} \text{ (ODE)}, \;"
        r" \frac{\lambda(1 - \lambda)}{v^2} e^{-4 t_{\mathrm{end}}} \text{ (SDE)}",
        reading="a linear denoiser trained at every step; dX = -X dt + sqrt(2) dW; N Euler steps of"
        " length h of the probability-flow ODE and Euler-Maruyama's of the reverse SDE from N(0, I)"
        " at t_end; lambda > 0 an eigenvalue of Sigma, v = 1 + (lambda - 1) exp(-2 t_end)",
        evidence=(
            Search(
                domain=_ladders(),
                slack=_order_slack,
                exact=_ball_order,
                routes=(
                    "theory: N steps, and the exact process, for one eigenvalue",
                    "balls: the same from the score and from the law of x_0 given x_T",
                ),
                noise=lambda point: (
                    1e-9 + 1e-11 * point["steps"] + 1e-14 * point["steps"] / point["t_end"]
                ),
                effort=0.5,
            ),
            equality_search(
                _STARTS,
                error=_limit_error,
                exact_error=_ball_limit_error,
                noise=_limit_noise,
                routes=(
                    "theory: the exact process, for one eigenvalue",
                    "its rate of convergence in the starting time",
                    "balls: the law of x_0 given x_T, and the linear flow",
                ),
            ),
            equality_search(
                _reversed(),
                error=_trained_error,
                exact_error=_ball_trained_error,
                noise=lambda _point: 1e-10,
                routes=(
                    "theory: N steps for each eigenvalue",
                    "impl: covariance through N steps with denoisers trained by least squares",
                    "balls: the trained denoiser's gain, and the score of the density",
                ),
            ),
            _cosine_test(finite=False, effect=0.04),
        ),
        constants=_first_failure,
        note="It does not collapse: the reviewer is right. Both samplers are of first order. Equal"
        " steps must be short against the least eigenvalue; steps that grow with t need not. With"
        " steps longer than one the bound fails, first the SDE's as lambda -> 0 (constants). The"
        " start at N(0, I) instead of N(0, v_T): the flow scales by sqrt(lambda / v); the SDE has"
        " Var_inf = lambda (1 - e)/v + e lambda^2/v^2 with e = exp(-2 t_end), v = 1 - e + e lambda,"
        " so that Var_inf/lambda - 1 = e lambda (1 - v)/v^2. As v >= 1 - e the errors are at most"
        " |1 - lambda| / (1/e - 1) and lambda |1 - lambda| / (1/e - 1)^2.",
    ),
    Claim(
        id="REV-1:finite",
        title="trained on n samples, the standard process samples their covariance",
        source=_REVIEW,
        statement=r"\text{trained on } x^{(1)}, \ldots, x^{(n)}:\quad x \sim N(0, \hat\Sigma_n)"
        r" \text{ as } N, t_{\mathrm{end}} \to \infty",
        reading="the loss is a mean over the samples, and an expectation over the noise",
        evidence=(_cosine_test(finite=True, effect=0.02),),
        needs=("REV-1",),
        note="Fewer samples than dimensions included: then some eigenvalues are zero.",
    ),
)
