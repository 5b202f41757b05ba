"""WDMG-15, REV-1, REV-2: what chains with injected noise and the standard process sample."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._grid import gaussian_norm
from lemmata.checks._spectra import (
    data_with,
    digits_spectrum,
    normalised,
    rotation,
    spectra,
    spectrum,
    total_variation,
)
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024, eq. (25)"
_REVIEW = "review of Weitzner et al. 2024"

#: Order of the moments that bound a coordinate.
_ORDER = 8

# --- WDMG-15: noise injected between the steps ----------------------------------------------------

_SPECTRA = spectra(most=4, range_=(1e-3, 1e3), fall=1e-3)
_TWO = spectra(most=2, range_=(1e-3, 1e3), distinct=True, zeros=False, fall=1e-2)
_RATIOS = log_uniform(1e-4, 1e4)
_MODEST = log_uniform(1e-1, 1e1)
_STEPS = sizes(1, 40)
_SHARES = st.integers(0, 1000)
_SEEDS = seeds()


@st.composite
def _injected(draw: st.DrawFn, *, two: bool = False, tau: bool = True) -> dict[str, Any]:
    """A spectrum, the noise of the denoiser, and that injected."""
    point = draw(_TWO if two else _SPECTRA)
    point["sigma2"] = point["eigenvalues"][0] * draw(_MODEST if two else _RATIOS)
    if tau:
        point["tau2"] = point["sigma2"] * draw(_RATIOS)
    return point


@st.composite
def _chains(draw: st.DrawFn) -> dict[str, Any]:
    """And the number of steps, the kind of denoiser, its rank, and where the chain starts."""
    point = draw(_injected())
    point["steps"] = draw(_STEPS)
    point["kind"] = draw(_KINDS)
    point["rank"] = 1 + draw(_SHARES) % len(point["eigenvalues"])
    point["start"] = draw(_STARTS)
    return point


_KINDS = st.sampled_from(["wiener", "projection", "fresh"])
_STARTS = log_uniform(1e-2, 1e2)


def _trained(point: Point) -> Array:
    data = data_with(spectrum(point), rotation(point))
    return np.asarray(impl.linear_denoiser(data, math.sqrt(point["sigma2"])))


def _start(point: Point) -> Array:
    """Where the chain starts: as much along every eigenvector."""
    vectors = rotation(point)
    scale = point["start"] * math.sqrt(point["tau2"])
    return np.asarray(scale * vectors.sum(axis=1) / math.sqrt(len(vectors)))


def _chain_end(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Coordinate along the leading eigenvector, in units of `_reach`."""
    vectors, tau = rotation(point), math.sqrt(point["tau2"])
    steps, rank, d = point["steps"], point["rank"], len(vectors)
    x = np.tile(_start(point), (size, 1))
    if point["kind"] == "fresh":
        # Anew for each sample and step, uniformly: of data without a signal.
        for _ in range(steps):
            frames = np.linalg.qr(rng.standard_normal((size, d, rank)))[0]
            inner = np.einsum("sir,si->sr", frames, x)
            projected = np.asarray(np.einsum("sir,sr->si", frames, inner), dtype=np.float64)
            x = projected + tau * rng.standard_normal(x.shape)
    else:
        kept = vectors[:, :rank]
        matrix = _trained(point) if point["kind"] == "wiener" else kept @ kept.T
        x = np.asarray(impl.injected_chain(x, matrix, tau, steps, rng=rng), dtype=np.float64)
    return np.asarray(x @ vectors[:, 0] / _reach(point))


def _reach(point: Point) -> float:
    """Length of the start, plus the largest deviation that all injected noise can come to."""
    return math.sqrt(point["tau2"]) * float(point["start"] + math.sqrt(point["steps"]))


def _noiseless(point: Point) -> float:
    """Where the chain without injected noise ends in the mean, in units of `_reach`."""
    steps, rank, d = point["steps"], point["rank"], len(point["eigenvalues"])
    gain = {
        "wiener": float(theory.wiener_gain(point["eigenvalues"][0], point["sigma2"])),
        "projection": 1.0,
        "fresh": rank / d,
    }[point["kind"]]
    start = point["start"] * math.sqrt(point["tau2"] / d)
    return float(gain**steps * start / _reach(point))


def _end_moment(point: Point) -> tuple[float, float]:
    """Start and noise are carried by contractions, and share the unit between them."""
    start = point["start"] / (point["start"] + math.sqrt(point["steps"]))
    return _ORDER, start + (1 - start) * gaussian_norm(_ORDER)


def _lyapunov(point: Point, tau2: float) -> Array:
    """Stationary variances along the eigenvectors."""
    vectors = rotation(point)
    found = impl.injected_covariance(_trained(point), math.sqrt(tau2))
    return np.asarray(np.diag(vectors.T @ found @ vectors))


def _law_error(point: Point) -> float:
    found = _lyapunov(point, point["tau2"])
    closed = theory.injected_variance(spectrum(point), point["sigma2"], point["tau2"])
    return float(np.abs(found - closed).max() / closed.max())


def _ball_variances(point: Point, tau2: arb) -> list[arb]:
    """Sums of the geometric series of what each injection leaves."""
    noise = arb(point["sigma2"])
    gains = [arb(x) / (arb(x) + noise) for x in point["eigenvalues"]]
    return [tau2 / ((1 - gain) * (1 + gain)) for gain in gains]


def _ball_law_error(point: Point) -> arb:
    noise, tau2 = arb(point["sigma2"]), arb(point["tau2"])
    found = _ball_variances(point, tau2)
    worst = arb(0)
    for x, variance in zip(point["eigenvalues"], found, strict=True):
        closed = tau2 * (arb(x) + noise) ** 2 / (noise * (2 * arb(x) + noise))
        worst = worst.max(abs(closed - variance))
    return worst / found[0]


def _spread_error(point: Point) -> float:
    """Total variation between the normalised spectra of the chain and of the data."""
    return total_variation(normalised(_lyapunov(point, 1.0)), normalised(spectrum(point)))


def _ball_spread_error(point: Point) -> arb:
    found, data = _ball_variances(point, arb(1)), [arb(x) for x in point["eigenvalues"]]
    whole, total = sum(found, arb(0)), sum(data, arb(0))
    return sum((abs(f / whole - x / total) for f, x in zip(found, data, strict=True)), arb(0)) / 2


def _langevin_slack(point: Point) -> float:
    """1.5 sigma^2 <= variance - lambda <= 2 sigma^2 at tau^2 = 2 sigma^2, as shares."""
    noise = point["sigma2"]
    extra = (_lyapunov(point, 2 * noise) - spectrum(point)) / noise
    return min(float((extra / 1.5 - 1).min()), float((1 - extra / 2).min()))


def _ball_langevin(point: Point) -> arb:
    noise = arb(point["sigma2"])
    least = arb(1)
    found = _ball_variances(point, 2 * noise)
    for x, variance in zip(point["eigenvalues"], found, strict=True):
        extra = (variance - arb(x)) / noise
        least = least.min(extra / arb("1.5") - 1).min(1 - extra / 2)
    return least


def _diverse_slack(point: Point) -> float:
    return bound_slack(float(point["tau2"]), float(_lyapunov(point, point["tau2"]).min()))


def _ball_diverse(point: Point) -> arb:
    least = _ball_variances(point, arb(point["tau2"]))[-1]
    return 1 - arb(point["tau2"]) / least


def _stiff(point: Point) -> float:
    """Rounding of the least squares, and of 1 - w, which is sigma^2 / (lambda + sigma^2)."""
    ratio = 1 + point["eigenvalues"][0] / point["sigma2"]
    return 1e-12 + 1e-14 * float(ratio**2)


def _walk(times: int) -> Any:
    """The chain with one fixed projection of rank one, along and across it."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        x = impl.injected_chain(
            np.zeros((size, 2)), [[1.0, 0.0], [0.0, 0.0]], 1.0, times * point["steps"], rng=rng
        )
        return np.asarray(x / math.sqrt(point["steps"]))

    return draw


def _injected_figures() -> Constants:
    """On the digits: how far the chain's normalised spectrum is from theirs, whatever tau."""
    values = digits_spectrum()
    found: Constants = {}
    for sigma2 in (1e-4, 1e-2, 1.0):
        spread = theory.injected_variance(values, sigma2, 1.0)
        distance = total_variation(normalised(np.asarray(spread)), values)
        found[f"digits: total variation, sigma^2 {sigma2:g}"] = distance
    return found


# --- REV-1: the standard reverse process ----------------------------------------------------------

_LAMBDAS = log_uniform(1e-4, 1e6)
_STARTING_TIMES = log_uniform(0.5, 10.0)
_GRIDS = sizes(100, 400)
_SMALL = spectra(least=1, most=3, range_=(1e-2, 1e2), fall=1e-2, zeros=False)
_SHORT = sizes(2, 24)
_SAMPLED = spectra(least=1, most=3, range_=(1e-1, 1e1), fall=1e-1)
_SAMPLED_GRIDS = sizes(24, 48)
_COUNTS = st.integers(2, 12)
#: Where the geometric grid turns linear; its last step.
_KNEE = 1e-2


@st.composite
def _ladders(draw: st.DrawFn) -> dict[str, Any]:
    """One eigenvalue, a starting time, a number of equal steps, and the kind of process."""
    return {
        "eigenvalue": draw(_LAMBDAS),
        "t_end": draw(_STARTING_TIMES),
        "steps": draw(_GRIDS),
        "stochastic": draw(st.booleans()),
    }


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


def _geometric_steps(point: Point) -> Array:
    """Steps that grow with t."""
    shares = np.linspace(1.0, 0.0, point["steps"] + 1)
    return np.asarray(_KNEE * np.expm1(math.log1p(point["t_end"] / _KNEE) * shares))


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
    kept = (-2 * end).exp()
    first = kept * value + 1 - kept
    limit = value / first
    if point["stochastic"]:
        # The law of x_0 given x_T, over a standard normal x_T.
        gain = (-end).exp() * value / first
        limit = value - gain * gain * first + gain * gain
    error = abs(variance / limit - 1)
    slack: arb = 1 - error / _allowed_error(value, step, log=arb.log)
    return slack


def _trained_error(point: Point) -> float:
    """Covariance by trained denoisers against the recursion for each eigenvalue."""
    vectors, values, flag = rotation(point), spectrum(point), point["stochastic"]
    times = _geometric_steps(point)
    found = impl.reverse_covariance(data_with(values, vectors), times, stochastic=flag)
    closed = (vectors * theory.euler_variance(values, times, stochastic=flag)) @ vectors.T
    return float(np.linalg.norm(found - closed, 2) / np.linalg.norm(closed, 2))


def _ball_trained_error(point: Point) -> arb:
    """The recursion with the trained denoiser's gain, and with the score of the density."""
    times = [arb(float(t)) for t in _geometric_steps(point)]
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
        _geometric_steps(point),
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
        np.maximum(values, 0.0), _geometric_steps(point), stochastic=point["stochastic"]
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
        for grid, label in ((_equal_steps, "equal"), (_geometric_steps, "geometric")):
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


# --- REV-2: side by side --------------------------------------------------------------------------

_N, _P, _KEPT, _LENGTH = 24, 6, 3, 64
_NOISE = 0.1
_SIDE_GRID = {"t_end": 6.0, "steps": 200}
_SIDES = st.sampled_from(["digits", "drawn"])


@functools.cache
def _side(name: str) -> Array:
    """Three eigenvalues in units of their sum."""
    drawn = np.array([4.0, 2.0, 1.0])
    return normalised(digits_spectrum()[:_KEPT] if name == "digits" else drawn)


@st.composite
def _sides(draw: st.DrawFn) -> dict[str, Any]:
    return {"data": draw(_SIDES)}


def _shares(x: Array) -> Array:
    """Energy along the two leading eigenvectors, as shares of each sample's own."""
    return np.asarray(x[:, :2] ** 2 / (x**2).sum(axis=1, keepdims=True))


def _by_chain(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Each sample by a chain of its own: fresh noisy data, PCA and projection at every step."""
    products = impl.dense_chain(
        _N, _P, _side(point["data"]), [_NOISE] * _LENGTH, size=size, rng=rng
    )
    return np.asarray(np.einsum("sij,sj->si", products, rng.standard_normal((size, _P))))


def _by_standard(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By the probability-flow ODE, with denoisers trained on data of that covariance."""
    data = data_with(np.append(_side(point["data"]), np.zeros(_P - _KEPT)), np.eye(_P))
    times = _geometric_steps(_SIDE_GRID)
    return np.asarray(impl.reverse_samples(data, times, stochastic=False, size=size, rng=rng))


def _gaussian(point: Point, rng: np.random.Generator, size: int) -> Array:
    return np.asarray(rng.standard_normal((size, _KEPT)) * np.sqrt(_side(point["data"])))


def _share_gap(point: Point, rng: np.random.Generator, size: int) -> Array:
    chain, standard = _by_chain(point, rng, size), _by_standard(point, rng, size)
    return np.asarray(_shares(chain)[:, 0] - _shares(standard)[:, 0])


def _side_figures(_outcomes: Sequence[Outcome]) -> Constants:
    """Total variation between the data's normalised spectrum and that of each."""
    rng = np.random.default_rng(0)
    found: Constants = {}
    for name in ("digits", "drawn"):
        data = _side(name)
        data = np.append(data, np.zeros(_P - _KEPT))
        times = _geometric_steps(_SIDE_GRID)
        standard = normalised(np.asarray(theory.euler_variance(data, times, stochastic=False)))
        found[f"{name}: standard process, total variation"] = total_variation(standard, data)
        energy = (_by_chain({"data": name}, rng, 200) ** 2).mean(axis=0)
        found[f"{name}: chain, total variation (200 samples)"] = total_variation(
            normalised(energy), data
        )
    return found


def _side_data() -> dict[str, Any]:
    """Normalised spectra of the data and of 200 samples of each."""
    rng = np.random.default_rng(0)
    table: dict[str, Any] = {}
    for name in ("digits", "drawn"):
        table[f"{name}, data"] = [*_side(name).tolist(), *[0.0] * (_P - _KEPT)]
        for label, draw in (("chain", _by_chain), ("standard", _by_standard)):
            x = draw({"data": name}, rng, 200)
            table[f"{name}, {label}"] = normalised((x**2).mean(axis=0)).tolist()
    return table


CLAIMS = (
    Claim(
        id="WDMG-15",
        title="noise injected between the steps gives diverse samples about the same mean",
        source=_SOURCE,
        statement=r"x_{k+1} = W_k x_k + \tau\eta_k:\quad \mathbb{E}[x_K] = \mathbb{E}[W_{K-1}"
        r" \cdots W_0]\,x_0, \quad \mathrm{Cov}(x_K) \succeq \tau^2 I",
        reading="W the Wiener map, one fixed projection, or a fresh uniform one at each step; the"
        " covariance of the stationary law for the Wiener map",
        evidence=(
            MeanTest(
                domain=_chains(),
                draw=_chain_end,
                allowed=lambda point: (_noiseless(point), _noiseless(point)),
                effect=0.05,
                moment=_end_moment,
                routes=(
                    "impl: vectors through the chain, with noise",
                    "theory: the noiseless chain, by its gains",
                ),
                first=512,
            ),
            Search(
                domain=_injected(),
                slack=_diverse_slack,
                exact=_ball_diverse,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
                noise=_stiff,
            ),
        ),
        note="The mean is that of the chain without noise because the chain is linear; the last"
        " injection alone has covariance tau^2 I.",
    ),
    Claim(
        id="WDMG-15:law",
        title="the stationary law of the Wiener chain with injected noise",
        source=_SOURCE,
        statement=r"\mathrm{Cov} = U\,\mathrm{diag}\Big(\frac{\tau^2(\lambda_i + \sigma^2)^2}"
        r"{\sigma^2(2\lambda_i + \sigma^2)}\Big)U^\top",
        reading="the fixed point of C = W C W^T + tau^2 I",
        evidence=(
            equality_search(
                _injected(),
                error=_law_error,
                exact_error=_ball_law_error,
                noise=_stiff,
                routes=(
                    "theory: closed form",
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
            ),
        ),
    ),
    Claim(
        id="WDMG-15:spectrum",
        title="with injected noise the chain has the data's normalised spectrum",
        source=f"{_SOURCE}; reviewer: no guarantee for the entire spectrum",
        statement=r"\mathrm{Cov}/\mathrm{tr}\,\mathrm{Cov} = \Sigma/\mathrm{tr}\,\Sigma",
        reading="the Wiener map at one noise level; tau drops out",
        evidence=(
            equality_search(
                _injected(two=True, tau=False),
                error=_spread_error,
                exact_error=_ball_spread_error,
                noise=_stiff,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "the spectrum drawn",
                    "balls: geometric series",
                ),
            ),
        ),
        constants=lambda _outcomes: _injected_figures(),
        note="The reviewer is right, but the gap closes as sigma -> 0: the variances are"
        " (tau^2 / 2 sigma^2) (lambda + 1.5 sigma^2 + ...).",
    ),
    Claim(
        id="WDMG-15r",
        title="with tau^2 = 2 sigma^2 injected, the chain samples the data up to 2 sigma^2",
        source=_SOURCE,
        statement=r"\tau^2 = 2\sigma^2 \implies \Sigma + \tfrac32\sigma^2 I \preceq \mathrm{Cov}"
        r" \preceq \Sigma + 2\sigma^2 I",
        repairs="WDMG-15:spectrum",
        evidence=(
            Search(
                domain=_injected(tau=False),
                slack=_langevin_slack,
                exact=_ball_langevin,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
                noise=_stiff,
            ),
        ),
        needs=("WDMG-15:law",),
        note="W x - x is sigma^2 times the score of N(0, Sigma + sigma^2 I): the chain is"
        " Langevin's at step sigma^2. Its variances are lambda + 1.5 sigma^2 +"
        " (sigma^4 / 4) / (lambda + sigma^2 / 2).",
    ),
    Claim(
        id="WDMG-15:fixed-projection",
        title="with one fixed projection the chain with injected noise settles",
        source=_SOURCE,
        statement=r"x_{k+1} = P x_k + \tau\eta_k \text{ has the same law after } k \text{ and after"
        r" } 4k \text{ steps}",
        reading="P a fixed projection, k not small",
        evidence=(
            LawTest(
                domain=st.fixed_dictionaries({"steps": st.integers(8, 16)}),
                left=_walk(1),
                right=_walk(4),
                effect=0.05,
                routes=("impl: the chain after k steps", "impl: the chain after 4k steps"),
                first=512,
            ),
        ),
        note="On the range of P the chain is a random walk: its variance is k tau^2. The mean stays"
        " (WDMG-15), and with fresh projections of rank r in p dimensions, all directions alike,"
        " the variance settles at tau^2 / (1 - r / p).",
    ),
    Claim(
        id="REV-1",
        title="standard score matching and the standard reverse process sample N(0, Sigma)",
        source=_REVIEW,
        statement=r"\Big|\frac{\mathrm{Var}_N}{\mathrm{Var}_\infty} - 1\Big| \le h\Big("
        r"\frac3\lambda + 1 + \log(1 + \lambda)\Big),\quad \mathrm{Var}_\infty \to \lambda"
        r" \text{ as } t_{\mathrm{end}} \to \infty",
        reading="a linear denoiser trained at every step; dX = -X dt + sqrt(2) dW; Euler's steps of"
        " the probability-flow ODE and Euler-Maruyama's of the reverse SDE from N(0, I)",
        evidence=(
            Search(
                domain=_ladders(),
                slack=_order_slack,
                exact=_ball_order,
                routes=(
                    "theory: N steps, and the exact process, for one eigenvalue",
                    "balls: the same from the score and from the law of x_0 given x_T",
                ),
                noise=lambda point: 1e-9 + 1e-11 * point["steps"],
                effort=0.5,
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
        constants=lambda _outcomes: _orders(),
        note="It does not collapse: the reviewer is right. Both samplers are of first order. Equal"
        " steps must be short against the least eigenvalue; steps that grow with t need not. The"
        " start at N(0, I) instead of N(0, v_T) costs (1 - lambda) exp(-2 t_end) / v_T for the ODE,"
        " the square of the same order for the SDE.",
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
    Claim(
        id="REV-2",
        title="the chain of projections is not standard diffusion",
        source=_REVIEW,
        statement=r"\text{share of } u_1:\ \mathbb{E}\frac{(u_1 \cdot x)^2}{\|x\|^2}"
        r" \text{ is larger by at least } 0.1 \text{ for the chain, and as in } N(0, \Sigma)"
        r" \text{ for the standard process}",
        reading=f"side by side on one covariance, of the digits' {_KEPT} leading eigenvalues and a"
        f" drawn one; the chain: {_LENGTH} steps at noise variance {_NOISE:g} of the total, each"
        f" the PCA projection of {_N} fresh samples in {_P} dimensions",
        evidence=(
            MeanTest(
                domain=_sides(),
                draw=_share_gap,
                allowed=lambda _point: (0.1, 1.0),
                effect=0.1,
                bounds=(-1.0, 1.0),
                routes=("impl: the chain, data and PCA at every step", "impl: the reverse process"),
                first=128,
            ),
            LawTest(
                domain=_sides(),
                left=lambda point, rng, size: _shares(_by_standard(point, rng, size)),
                right=lambda point, rng, size: _shares(_gaussian(point, rng, size)),
                effect=0.1,
                routes=("impl: the reverse process", "samples of N(0, Sigma)"),
            ),
        ),
        needs=("REV-1",),
        constants=_side_figures,
        data=_side_data,
        note="A sample's shares, so that the chain's shrinking norm plays no part.",
    ),
)
