"""WDMG-10 and 11: which noise schedules make the chain concentrate, in mean and in its samples."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._chain import (
    ball_excess,
    ball_overlap,
    ball_spectrum,
    chains,
    decays,
    eigenvalues_at,
    far_chains,
    near_transition,
    noise_at,
    sizes_at,
    spikes_at,
    step_decays,
    strong_chains,
    weight_bound,
)
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._spectra import digits, digits_spectrum
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_FIGURE = f"{_SOURCE}, Figure 6 with eqs. (17) and (26)"
_THREAD = "Weitzner et al. 2024, review thread"
_LINE = f"{_SOURCE}, line 354; review thread"

_THEORY = "theory: the limit as n and p grow"
_BALLS = "balls: the squared overlap as N08-2 prints it"

#: Share of the whole below which a spectrum has not concentrated on its first direction.
_CONCENTRATED = 0.95


# --- WDMG-10: samples -----------------------------------------------------------------------------


@st.composite
def _constant_noise(draw: st.DrawFn) -> dict[str, Any]:
    """Chains at constant noise, many steps, with a gap that the mean needs few of."""
    return {
        "gamma": draw(_GAMMAS),
        "ratio": draw(_RATIOS),
        "gap": draw(_GAPS),
        "smaller": draw(_SMALLER),
        "steps": draw(_STEPS),
    }


_GAMMAS = log_uniform(1e-2, 1e2)
_RATIOS = log_uniform(1.5, 1e3)
_GAPS = log_uniform(2.0, 1e2)
_SMALLER = st.sampled_from([100, 10**5, 10**7])
_STEPS = st.integers(20, 30)


def _pair(point: Point) -> list[float]:
    """Two eigenvalues, the second critical or more; the noise variance is one."""
    root = math.sqrt(point["gamma"])
    low = max(point["ratio"], 1.5)
    return [low * point["gap"] * root, low * root]


def _chain_shares(point: Point, rng: np.random.Generator, size: int) -> Array:
    """|<x, u_0>|^2 / |x|^2 of samples, each through a chain of its own."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    noise = np.ones(point["steps"])
    return np.square(
        impl.chain_coordinates(n, p, _pair(point), noise, size=size, rng=rng).along[:, 0]
    )


@st.composite
def _components(draw: st.DrawFn) -> dict[str, Any]:
    """A chain, and the component whose energy is looked at."""
    point = draw(_STRONG)
    point["component"] = draw(_COMPONENT)
    return point


_STRONG = strong_chains(longest=2)
_COMPONENT = st.integers(0, 2)
_LARGE = 10**7


def _wave(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Cosine of a coordinate over the root of its mean square: exp(-1/2) in mean if normal."""
    n, p = sizes_at(point["gamma"], _LARGE)
    draws = impl.chain_coordinates(n, p, point["eigenvalues"], point["noise"], size=size, rng=rng)
    spikes = np.asarray(point["eigenvalues"]) / np.asarray(point["noise"])[:, None]
    energies = np.asarray(theory.chain_energy(spikes, point["gamma"]))
    component = min(point["component"], draws.along.shape[1] - 1)
    scaled = draws.along[:, component] * np.exp(draws.log_norms + 0.5 * energies[component])
    return np.asarray(np.cos(scaled))


@st.composite
def _perron(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_SMALL)
    point["noise"] = point["noise"][:1]
    point["component"] = draw(_COMPONENT)
    return point


_SMALL = chains(least=2, longest=1, margin=1)


def _leading(point: Point, size: int) -> tuple[float, Array]:
    """Largest eigenvalue of the map of the mean squares, and its eigenvector, of sum one."""
    step = impl.chain_moment_map(
        point["n"], point["p"], point["eigenvalues"], point["noise"][0], size=size, rng=11
    )
    values, vectors = np.linalg.eig(step)
    best = int(values.real.argmax())
    shares = np.abs(vectors[:, best].real)
    return float(values[best].real), shares / shares.sum()


def _one_more_step(point: Point, rng: np.random.Generator, size: int) -> Array:
    """A component's mean square after a projection, given stationary ones, over all starts."""
    factor, shares = _leading(point, 2048)
    rank, p = len(point["eigenvalues"]), point["p"]
    before = np.append(shares[:-1], np.full(p - rank, shares[-1] / (p - rank)))
    steps = impl.dense_chain(
        point["n"], p, point["eigenvalues"], point["noise"], size=size, rng=rng
    )
    after = np.square(steps) @ before
    component = min(point["component"], rank)
    found = after[:, component] if component < rank else after[:, rank:].sum(axis=1)
    return np.asarray(found - factor * shares[component])


def _share_identity(point: Point) -> float:
    """Of u_0's share in the energy after `steps` steps, relative: kernel against the formula."""
    steps = point["steps"]
    spikes = np.tile(spikes_at(point), (steps, 1))
    energies = np.asarray(theory.chain_energy(spikes, point["gamma"]))
    found = 1 / np.exp(energies[0] - energies).sum()
    return float(abs(found / _share(point) - 1))


def _share(point: Point) -> float:
    kept = np.asarray(theory.spiked_overlap(spikes_at(point), point["gamma"]))
    return float(kept[0] / ((kept / kept[0]) ** (2 * point["steps"] - 2)).sum())


def _ball_share_error(point: Point) -> arb:
    """The same from the map of the mean squares, step by step, as n and p grow."""
    gamma = arb(point["gamma"])
    kept = [ball_overlap(spike, gamma) for spike in ball_spectrum(point)]
    # The first step makes c of white noise, and 1 - c a direction of what is off them.
    along, off = list(kept), sum((1 - c for c in kept), arb(0))
    for _ in range(point["steps"] - 1):
        off = sum(((c - c * c) * m for c, m in zip(kept, along, strict=True)), arb(0))
        along = [c * c * m for c, m in zip(kept, along, strict=True)]
    share = along[0] / (off + sum(along, arb(0)))
    powers = sum(((c / kept[0]) ** (2 * point["steps"] - 2) for c in kept), arb(0))
    return abs(share * powers / kept[0] - 1)


def _slow_terms(point: Point) -> tuple[float, float]:
    """1/share - 1 of u_0 at the share T^(-1/2) of the point's noise, and its bound."""
    steps, gamma = point["steps"], point["gamma"]
    spikes = spikes_at(point) * math.sqrt(steps)
    energies = np.asarray(theory.chain_energy(np.tile(spikes, (steps, 1)), gamma))
    found = float(np.exp(energies[0] - energies[1:]).sum())
    lost = gamma * (1 + 1 / spikes[0]) / spikes[0] / (1 - gamma / spikes[0] ** 2)
    rates = weight_bound(spikes[1:], spikes[0], gamma, log=np.log1p)
    others = float(np.exp(-(2 * steps - 2) * rates).sum())
    return found, float(lost + (1 + lost) * others)


def _slow_slack(point: Point) -> float:
    return bound_slack(*_slow_terms(point))


def _ball_slow_slack(point: Point) -> arb:
    steps, gamma = int(point["steps"]), arb(point["gamma"])
    spikes = [spike * arb(steps).sqrt() for spike in ball_spectrum(point)]
    kept = [ball_overlap(spike, gamma) for spike in spikes]
    high = spikes[0]
    powers = sum(((c / kept[0]) ** (2 * steps - 2) for c in kept[1:]), arb(0))
    found = (1 + powers) / kept[0] - 1
    lost = gamma * (1 + 1 / high) / high / (1 - gamma / high**2)
    others = arb(0)
    for low in spikes[1:]:
        rate: arb = weight_bound(low, high, gamma, log=arb.log1p)
        others += (-(2 * steps - 2) * rate).exp()
    return bound_slack(found, lost + (1 + lost) * others)


def _slow_noise(point: Point) -> float:
    spikes = spikes_at(point) * math.sqrt(point["steps"])
    near = np.abs(spikes / math.sqrt(point["gamma"]) - 1) < 1e-3
    return math.inf if near.any() else 1e-8


@st.composite
def _short(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_FAR)
    point["steps"] = draw(_FEW)
    return point


_FAR = far_chains()
_FEW = st.integers(2, 20)


def _share_noise(point: Point) -> float:
    if near_transition(point):
        return math.inf
    return 1e-9


def _digits_map(variance: float, size: int) -> Array:
    """The map of the mean squares on the digits, eight directions, noise in units of the sum."""
    values = digits_spectrum()[:8]
    return impl.chain_moment_map(len(digits()), 64, values, variance, size=size, rng=0)


#: Noise variance of the figures, of the digits' total variance.
_FIGURE_NOISE = 0.025
_FIGURE_STEPS = (1, 10, 50, 110, 200, 500, 1000)


def _normalised_powers(variance: Callable[[int], float]) -> dict[str, Any]:
    """Normalised energies against T: finite n and p, and the limit."""
    values = digits_spectrum()[:8]
    n, p = len(digits()), 64
    finite, limit = [], []
    for steps in _FIGURE_STEPS:
        step = _digits_map(variance(steps), 100)
        energies = np.append(np.ones(8), p - 8.0)
        for _ in range(steps):
            energies = step @ energies
            energies /= energies.sum()
        finite.append(energies.round(6).tolist())
        spikes = values / np.full((steps, 1), variance(steps))
        logs = np.asarray(theory.chain_energy(spikes, p / n))
        shares = np.exp(logs.min() - logs)
        limit.append((shares / shares.sum()).round(6).tolist())
    return {"steps": list(_FIGURE_STEPS), "moment map": finite, "theory": limit}


def _figures() -> Mapping[str, Any]:
    """Figures 5 and 6 on the digits, which stand in for MNIST."""
    values = digits_spectrum()[:8]
    n = len(digits())
    stages = {}
    for steps in (1, 10, 110):
        product, log_scale = impl.chain_products(
            n, 64, values, np.full(steps, _FIGURE_NOISE), rng=0
        )
        decay = decays(values / np.full((steps, 1), _FIGURE_NOISE), 64 / n)
        stages[str(steps)] = {
            "U_0^T P U_0": (product[0] * math.exp(log_scale[0])).round(6).tolist(),
            "theory, diagonal of the mean": np.exp(-decay).round(6).tolist(),
        }
    samples, _ = impl.chain_samples(n, 64, values, np.full(110, _FIGURE_NOISE), size=256, rng=0)
    energies = np.append(np.square(samples[:, :8]).sum(axis=0), np.square(samples[:, 8:]).sum())
    return {
        "data": "scikit-learn digits, eight directions, as a stand-in for MNIST",
        "figure 5, constant noise": stages,
        "figure 6, constant noise": _normalised_powers(lambda _steps: _FIGURE_NOISE),
        "figure 6, noise variance 0.25 / T": _normalised_powers(lambda steps: 0.25 / steps),
        "figure 6, one chain for all samples, T = 110": (energies / energies.sum())
        .round(6)
        .tolist(),
    }


def _digits_constants(_outcomes: object) -> Constants:
    step = _digits_map(_FIGURE_NOISE, 1000)
    values, vectors = np.linalg.eig(step)
    shares = np.abs(vectors[:, int(values.real.argmax())].real)
    shares /= shares.sum()
    found: Constants = {
        f"limit share of u_{i} on the digits, constant noise": float(shares[i]) for i in range(4)
    }
    found["limit share off the eight directions"] = float(shares[-1])
    return found


@st.composite
def _one_line(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "gamma": draw(_NEAR),
        "ratio": draw(_LOW),
        "gap": draw(_WIDE),
        "smaller": draw(_FEWER),
    }


#: The second direction is then down to the noise between the two, if it is ever.
_LINE_STEPS = 30
_NEAR = log_uniform(0.5, 2.0)
_LOW = log_uniform(1.0, 3.0)
_WIDE = log_uniform(4.0, 20.0)
_FEWER = st.integers(6, 12)


def _alike(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine between two samples that went through the same chain."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    products, _ = impl.chain_products(n, p, _pair(point), np.ones(_LINE_STEPS), size=size, rng=rng)
    # Of the product's two singular values, what the second is of the first.
    values = np.linalg.svd(products, compute_uv=False)
    return np.asarray((values[:, 1] / values[:, 0]) ** 2)


def _realised_shares(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Share of u_0 in the energy of three samples that go through one chain."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    shares = np.empty(size)
    for i in range(size):
        samples, _ = impl.chain_samples(n, p, _pair(point), np.ones(3), size=3, rng=rng)
        shares[i] = np.square(samples[:, 0]).sum() / np.square(samples).sum()
    return shares


# --- WDMG-11: schedules ---------------------------------------------------------------------------


@st.composite
def _scheduled(draw: st.DrawFn) -> dict[str, Any]:
    """A spectrum, the noise at the last step, and the number of steps."""
    point = draw(_FAR)
    point["steps"] = draw(_NUMBERS)
    return point


_NUMBERS = log_uniform(1e3, 1e9).map(round)


@st.composite
def _cumulative(draw: st.DrawFn) -> dict[str, Any]:
    """The same for schedules that are summed step by step."""
    point = draw(_FAR)
    point["steps"] = draw(_SUMMED)
    return point


_SUMMED = log_uniform(10.0, 150.0).map(round)


def _total(point: Point, levels: Array) -> Array:
    """-log of the weights after steps at these shares of the point's noise."""
    spikes = eigenvalues_at(point) / (noise_at(point) * levels[:, None])
    return decays(spikes, point["gamma"])


def _ball_ratio(point: Point, level: arb) -> arb:
    """log(c_0 / c_1) at a share of the point's noise; 0 < c_0; infinite where c_1 is zero."""
    gamma = arb(point["gamma"])
    high, low = (
        arb(x) / (arb(noise_at(point)) * level) for x in eigenvalues_at(point)[:2].tolist()
    )
    if ball_excess(low, gamma) == 0:
        return arb("inf")
    return (ball_overlap(high, gamma) / ball_overlap(low, gamma)).log()


def _bound_at(point: Point, level: float) -> float:
    low, high = spikes_at(point)[1] / level, spikes_at(point)[0] / level
    return float(weight_bound(low, high, point["gamma"]))


def _ball_bound_at(point: Point, level: arb) -> arb:
    high, low = (x / level for x in ball_spectrum(point)[:2])
    bound: arb = weight_bound(low, high, arb(point["gamma"]), log=arb.log1p)
    return bound


def _gap_noise(point: Point) -> float:
    if near_transition(point):
        return math.inf
    spikes = spikes_at(point)
    return float(1e-13 / (1 - spikes[1] / spikes[0]) + 1e-10)


#: More than any finite total that is met.
_HUGE = arb(1e300)


def _share_of(bound: Any, total: Any) -> Any:
    """Slack of bound <= total, where the total may be infinite."""
    return 1 - bound / total


def _ball_share_of(bound: arb, total: arb) -> arb:
    return bound_slack(bound, total) if not total > _HUGE else arb(1)


def _constant_slack(point: Point) -> float:
    decay = step_decays(point)
    return float(_share_of(_bound_at(point, 1.0), decay[1] - decay[0]))


def _ball_constant_slack(point: Point) -> arb:
    return _ball_share_of(_ball_bound_at(point, arb(1)), _ball_ratio(point, arb(1)))


def _cumulative_slack(point: Point) -> float:
    steps = point["steps"]
    decay = _total(point, np.arange(1, steps + 1) / steps)
    return float(_share_of(0.5 * steps * _bound_at(point, 0.5), decay[1] - decay[0]))


def _ball_cumulative_slack(point: Point) -> arb:
    steps = int(point["steps"])
    total = arb(0)
    for step in range(1, steps + 1):
        total += _ball_ratio(point, arb(step) / steps)
    return _ball_share_of(arb(steps) / 2 * _ball_bound_at(point, arb(1) / 2), total)


def _level_left(point: Point) -> float:
    """What is left of (w_1 / w_0)^2 at the level 1/T of the point's noise, T steps."""
    steps = point["steps"]
    decay = _total(point, np.array([1 / steps])) * steps
    return 0.05 - math.exp(-2 * float(decay[1] - decay[0]))


def _ball_level_left(point: Point) -> arb:
    steps = arb(int(point["steps"]))
    ratio = _ball_ratio(point, 1 / steps)
    return arb(0.05) - ((-2 * steps * ratio).exp() if ratio.is_finite() else arb(0))


def _summed_left(point: Point) -> float:
    """The same at the levels t/T^2 of the point's noise."""
    steps = point["steps"]
    decay = _total(point, np.arange(1, steps + 1) / steps**2)
    return 0.05 - math.exp(-2 * float(decay[1] - decay[0]))


def _ball_summed_left(point: Point) -> arb:
    steps = int(point["steps"])
    total = arb(0)
    for step in range(1, steps + 1):
        total += _ball_ratio(point, arb(step) / steps**2)
    return arb(0.05) - ((-2 * total).exp() if total.is_finite() else arb(0))


def _left_noise(point: Point) -> float:
    """Of a T-fold sum of differences of rates that nearly agree."""
    spikes = spikes_at(point)
    if spikes[1] < 1.01 * math.sqrt(point["gamma"]):
        return math.inf
    # The sum is about gamma share / s whatever T is, but its terms' rounding is relative.
    return float(1e-12 * (1 + point["gamma"] / spikes[1]))


_STEADY = "theory: rates of decay in the limit, as many steps as the schedule has"


def _settled(point: Point) -> tuple[Array, Array]:
    """Relative distance of T d(v/T) from gamma v / lambda, and what it is at most."""
    steps, gamma = point["steps"], point["gamma"]
    small = 1 / spikes_at(point) / steps
    error = np.abs(_total(point, np.array([1 / steps])) / (gamma * small) - 1)
    return error, 2 * small * (1 + gamma * small) + 2 * gamma * small * (1 + small) ** 2


def _settled_slack(point: Point) -> float:
    error, bound = _settled(point)
    return float((1 - error / bound).min())


def _ball_settled_slack(point: Point) -> arb:
    steps, gamma = arb(int(point["steps"])), arb(point["gamma"])
    least = arb(1)
    for spike in ball_spectrum(point):
        small = 1 / spike / steps
        decay = -ball_overlap(1 / small, gamma).log()
        bound = 2 * small * (1 + gamma * small) + 2 * gamma * small * (1 + small) ** 2
        least = least.min(1 - abs(decay / (gamma * small) - 1) / bound)
    return least


def _settled_noise(point: Point) -> float:
    """Rounding is relative to T d; the bound falls like 1/T."""
    _, bound = _settled(point)
    return float(1e-14 / bound.min())


@st.composite
def _settling(draw: st.DrawFn) -> dict[str, Any]:
    """Schedules with gamma (v / lambda)^2 at most a half at the level, of every direction."""
    point = draw(_SCHEDULED)
    last = eigenvalues_at(point)[-1] / eigenvalues_at(point)[0]
    most = point["share"] / last
    point["steps"] = max(point["steps"], math.ceil(1.5 * most))
    return point


_SCHEDULED = _scheduled()


@st.composite
def _any_schedule(draw: st.DrawFn) -> dict[str, Any]:
    """Noise below that at which the second direction has gamma / s^2 = 1/2, any schedule."""
    point = {"spectrum": draw(_DRAWN), "gamma": draw(_GAMMA), "share": draw(_SHARE)}
    values = eigenvalues_at(point)
    point["share"] = float(point["share"] * values[1] / values[0])
    point["levels"] = draw(_LEVELS)
    return point


_DRAWN = log_uniform(1.0, 1e4).map(lambda x: [1.0, 1 / (1 + x)])
_GAMMA = log_uniform(1e-3, 1e3)
_SHARE = log_uniform(1e-6, 0.7)
_LEVELS = st.lists(log_uniform(1e-9, 1.0), min_size=1, max_size=8)


def _sum_slack(point: Point) -> float:
    """Of sum bound <= sum log(c_0/c_1) <= C sum of the noise variances."""
    levels = np.asarray(point["levels"])
    decay = _total(point, levels)
    total = float(decay[1] - decay[0])
    low = sum(_bound_at(point, level) for level in levels.tolist())
    small = levels / spikes_at(point)[1]
    high = float((2 * point["gamma"] * small * (1 + small)).sum())
    return min(1 - low / total, 1 - total / high)


def _ball_sum_slack(point: Point) -> arb:
    gamma, spike = arb(point["gamma"]), ball_spectrum(point)[1]
    low, total, high = arb(0), arb(0), arb(0)
    for value in point["levels"]:
        level = arb(value)
        low += _ball_bound_at(point, level)
        total += _ball_ratio(point, level)
        high += 2 * gamma * level / spike * (1 + level / spike)
    return (1 - low / total).min(1 - total / high)


def _schedule_search(
    domain: Any,
    slack: Callable[[Point], float],
    exact: Callable[[Point], arb],
    noise: Callable[[Point], float],
    *,
    effort: float = 1.0,
    clear: float = 1.0,
) -> Search:
    return Search(
        domain=domain,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(_STEADY, _BALLS),
        effort=effort,
        clear=clear,
    )


CLAIMS = (
    Claim(
        id="WDMG-10",
        title="samples concentrate on the leading eigenvector as T grows",
        source=_FIGURE,
        statement=r"E\,\frac{\langle x, u_0\rangle^2}{|x|^2} \to 1 \text{ as } T \to \infty",
        reading="samples of the chain, constant noise, fresh data at each step; 20 to 30 steps with"
        " an eigenvalue gap of two or more",
        evidence=(
            MeanTest(
                domain=_constant_noise(),
                draw=_chain_shares,
                allowed=lambda _point: (_CONCENTRATED, 1.0),
                effect=0.02,
                bounds=(0.0, 1.0),
                routes=("impl: samples through chains of their own", "at least 0.95 on u_0"),
                first=32,
            ),
        ),
        data=_figures,
        note="The last projection turns whatever comes into the span of its own sample"
        " eigenvectors: for r = 1 the share is cos^2 of the last step's angle, however many steps"
        " came before. On the digits, noise a fortieth of the total variance, four"
        " directions carry the energy at T = 110, as the reviewer saw; that is no limit yet"
        " (WDMG-10:moment), the mean's eigenvalues are close.",
    ),
    Claim(
        id="WDMG-10r",
        title="energies of the samples' components",
        source=_FIGURE,
        statement=r"E\langle x, u_i\rangle^2 \to c_i(T) \prod_{t < T} c_i(t)^2, \quad"
        r" E|x - U U^\top x|^2 \to \sum_j (1 - c_j(1))\, c_j(1)\, c_j(T) \prod_{1 < t < T}"
        r" c_j(t)^2",
        reading="n, p -> infinity, fresh data; c_j(t) as in WDMG-07r, step 1 is applied last",
        repairs="WDMG-10",
        evidence=(
            MeanTest(
                domain=_components(),
                draw=_wave,
                allowed=lambda _point: (math.exp(-0.5) - 0.01, math.exp(-0.5) + 0.01),
                effect=0.2,
                bounds=(-1.0, 1.0),
                routes=(
                    "impl: samples through chains at min(n, p) = 10^7",
                    "theory: limit of the mean squares",
                ),
                first=256,
            ),
            equality_search(
                _short(),
                error=_share_identity,
                exact_error=_ball_share_error,
                noise=_share_noise,
                routes=(
                    "theory: limit of the mean squares",
                    "c_0 / sum_j (c_j / c_0)^(2T - 2)",
                    "balls: the map of the mean squares, step by step",
                ),
            ),
        ),
        needs=("WDMG-07r",),
        note="At constant noise the share of u_0 is c_0 / sum_j (c_j/c_0)^(2T-2). So samples"
        " concentrate on u_0 if and only if the mean does (WDMG-11r)"
        " and the noise of the last step goes to zero, too: schedules sigma_t^2"
        " = c T^-q do for 0 < q < 1, where the authors are right about"
        " samples also; constant noise leaves 1 - c_0 off the signal space; q >= 1 leaves energy"
        " on the other directions.",
    ),
    Claim(
        id="WDMG-10:moment",
        title="at finite n, p the normalised second moment settles at a limit",
        source=_THREAD,
        statement=r"E[P M P] = \rho M, \quad M = U\,\mathrm{diag}(m)\,U^\top + m_\perp (I - U"
        r" U^\top)/(p - r), \quad K m = \rho m",
        reading="constant noise, fresh data; the reviewer: 'final generation seem to be identical"
        " (become stable)', 'significant energy on the first 4 eigenvectors'",
        evidence=(
            MeanTest(
                domain=_perron(),
                draw=_one_more_step,
                allowed=lambda _point: (-0.01, 0.01),
                effect=0.03,
                bounds=(-1.0, 1.0),
                routes=(
                    "impl: n samples, the projection of the stationary mean squares",
                    "impl: leading eigenvector of the map of the mean squares, by the reduction",
                ),
                first=2048,
            ),
        ),
        constants=_digits_constants,
        needs=("N08-8",),
        note="K_ij = E (C C^T)_ij^2 > 0, so every direction keeps energy whatever T is (Perron and"
        " Frobenius), of order p sigma^4 / n^2 for i > 0 beside the 1 - c_0 off the signal space."
        " 0.01 is allowed for K itself, which is measured.",
    ),
    Claim(
        id="WDMG-10:mean",
        title="the spectrum of (E P)(E P)^T concentrates on the leading eigenvector",
        source=_FIGURE,
        statement=r"\prod_{t \le T} \frac{c_1(t)}{c_0(t)} \le \Big(\frac{1 + \gamma/s_0}"
        r"{1 + \gamma/s_1}\Big)^T \to 0",
        reading="the spectrum of (24), constant noise, fresh data, distinct eigenvalues",
        evidence=(_schedule_search(_FAR, _constant_slack, _ball_constant_slack, _gap_noise),),
        needs=("WDMG-08r",),
    ),
    Claim(
        id="WDMG-10:slow",
        title="at noise variance c/sqrt(T) the samples concentrate, too",
        source=_FIGURE,
        statement=r"\frac{E|x|^2}{E\langle x, u_0\rangle^2} - 1 \le \ell + (1 + \ell)"
        r" \sum_{j > 0} \Big(\frac{1 + \gamma/s_0}{1 + \gamma/s_j}\Big)^{2T - 2} \to 0,"
        r" \quad \ell = \frac{\gamma (1 + 1/s_0)}{s_0 (1 - \gamma/s_0^2)}",
        reading="sigma_t^2 = c T^(-1/2) at all T steps, s_i = lambda_i / sigma_t^2, fresh data,"
        " n and p large; the authors: 'it is possible to select many other schedules'",
        evidence=(_schedule_search(_cumulative(), _slow_slack, _ball_slow_slack, _slow_noise),),
        needs=("WDMG-10r",),
        note="l is what the last step puts off the signal space; it falls with its noise, T (1/s_j"
        " - 1/s_0) grows like sqrt(T). So it goes for every c T^-q with 0 < q < 1.",
    ),
    Claim(
        id="WDMG-10:one-over-t",
        title="at noise variance c/T the spectrum settles on several eigenvectors",
        source=_THREAD,
        statement=r"\prod_{t \le T} c_i(t) \to e^{-\gamma c/\lambda_i}",
        reading="sigma_t^2 = c/T at all T steps, fresh data; the reviewer: it is 'not changing"
        " anymore, achieving a stable solution'",
        evidence=(
            _schedule_search(_settling(), _settled_slack, _ball_settled_slack, _settled_noise),
        ),
        needs=("WDMG-08r", "WDMG-10r"),
        note="With u = c/(lambda T): -log c_i = log(1 + gamma u (1 + u)/(1 - gamma u^2)), which"
        " for gamma u^2 <= 1/2 is gamma u up to a share of 2u(1 + gamma u) + 2 gamma u (1 + u)^2."
        " The normalised spectrum of the mean's square and of the samples tends to"
        " exp(-2 gamma c / lambda_i), none of which is zero.",
    ),
    Claim(
        id="WDMG-10:realised",
        title="all samples of one chain of denoisers end up on one line, but not on u_0",
        source=_FIGURE,
        statement=r"\sigma_2(P_1 \cdots P_T)/\sigma_1(P_1 \cdots P_T) \to 0, \quad"
        r" E\langle x, u_0\rangle^2/|x|^2 < 1",
        reading="the same denoisers for all samples, as in a trained model; constant noise",
        evidence=(
            MeanTest(
                domain=_one_line(),
                draw=_alike,
                allowed=lambda _point: (0.0, 0.01),
                effect=0.3,
                bounds=(0.0, 1.0),
                routes=("impl: products of 30 projections", "at most 0.01"),
                first=64,
            ),
            MeanTest(
                domain=_one_line(),
                draw=_realised_shares,
                allowed=lambda _point: (0.0, _CONCENTRATED),
                effect=0.04,
                bounds=(0.0, 1.0),
                routes=("impl: samples through one chain of three", "at most 0.95 on u_0"),
                first=64,
            ),
        ),
        needs=("N08-8",),
        note="Figure 6 as drawn from one run: rank one, along a line of its own for each run.",
    ),
    Claim(
        id="WDMG-11",
        title="many other schedules suffice: noise variance c/T",
        source=_LINE,
        statement=r"\sigma_t^2 = c/T: \quad \prod_{t \le T} c_1(t)/c_0(t) \to 0",
        reading="the same level at all T steps; 'many other schedules suffices for the proof'",
        evidence=(
            _schedule_search(_scheduled(), _level_left, _ball_level_left, _left_noise, clear=0.5),
        ),
        needs=("WDMG-08r",),
        note="T log(c_0/c_1) tends to gamma c (1/lambda_1 - 1/lambda_0), which is finite: see"
        " WDMG-10:one-over-t. The slack is 0.05 minus (w_1/w_0)^2 after T steps.",
    ),
    Claim(
        id="WDMG-11:constant",
        title="constant noise makes the mean concentrate",
        source=_LINE,
        statement=r"\log(c_0/c_1) \ge \log\frac{1 + \gamma/s_1}{1 + \gamma/s_0} > 0",
        reading="the same sigma at all steps, T -> infinity, distinct eigenvalues",
        evidence=(_schedule_search(_FAR, _constant_slack, _ball_constant_slack, _gap_noise),),
        needs=("WDMG-08r",),
    ),
    Claim(
        id="WDMG-11:cumulative-variance",
        title="per-step variance c/T, summed up, makes the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t^2 = c\,t/T: \quad \sum_{t \le T} \log\frac{c_0(t)}{c_1(t)} \ge"
        r" \frac{T}{2} \log\frac{1 + \gamma c/2\lambda_1}{1 + \gamma c/2\lambda_0} \to \infty",
        reading="noise of variance c/T is added at each of T steps; distinct eigenvalues, c below"
        " the critical noise of u_0",
        evidence=(
            _schedule_search(
                _cumulative(), _cumulative_slack, _ball_cumulative_slack, _gap_noise, effort=0.5
            ),
        ),
        needs=("WDMG-08r",),
    ),
    Claim(
        id="WDMG-11:cumulative-deviation",
        title="per-step deviation c/T, summed up, makes the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t^2 = c^2 t/T^2: \quad \prod_{t \le T} c_1(t)/c_0(t) \to 0",
        reading="noise of deviation c/T is added at each of T steps, so that 'more sampling steps"
        " result in smaller amount of noise at the end' (reviewer)",
        evidence=(
            _schedule_search(
                _cumulative(),
                _summed_left,
                _ball_summed_left,
                _left_noise,
                effort=0.5,
                clear=0.5,
            ),
        ),
        needs=("WDMG-08r",),
        note="The sum of the levels is c^2 (T + 1)/(2T), bounded: the weights tend to"
        " exp(-gamma c^2 / 2 lambda_i), and the spectrum stays on several directions.",
    ),
    Claim(
        id="WDMG-11r",
        title="the mean concentrates if and only if the noise variances sum to infinity",
        source=_LINE,
        statement=r"\sum_t \log\frac{1 + \gamma\sigma_t^2/\lambda_1}{1 + \gamma\sigma_t^2/"
        r"\lambda_0} \le \sum_t \log\frac{c_0(t)}{c_1(t)} \le \sum_t \frac{2\gamma\sigma_t^2}"
        r"{\lambda_1}\Big(1 + \frac{\sigma_t^2}{\lambda_1}\Big)",
        reading="lambda_0 > lambda_1, gamma sigma_t^4 <= lambda_1^2 / 2; at a step with gamma"
        " sigma_t^4 >= lambda_1^2 the ratio is infinite at once",
        repairs="WDMG-11",
        evidence=(_schedule_search(_any_schedule(), _sum_slack, _ball_sum_slack, _gap_noise),),
        needs=("WDMG-08r",),
        note="c = (1 - gamma u^2)/(1 + gamma u), u = sigma^2/lambda, so log(c_0/c_1) is that of"
        " the second factor plus log((1 - gamma u_0^2)/(1 - gamma u_1^2)) >= 0, and at most -log"
        " c_1 <= gamma u_1 (1 + u_1)/(1 - gamma u_1^2). Of levels c T^-q at T steps those with"
        " q < 1 concentrate, of levels c t T^-q (noise added step by step) those with q < 2.",
    ),
)
