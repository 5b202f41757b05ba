"""WDMG: what noise and the number of samples do to the directions of the denoiser."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._spectra import digits
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest
from lemmata.harness.scaling import ExponentTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

_GAMMAS = log_uniform(1e-3, 1e3)


def _sizes(gamma: float, smaller: int) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them as given."""
    if gamma <= 1:
        return round(smaller / gamma), smaller
    return smaller, round(smaller * gamma)


# --- WDMG-02: the denoiser against the noise level ------------------------------------------------

_SPIKES = st.one_of(
    log_uniform(1e-3, 1e6).map(lambda x: 1 + x), st.integers(10, 80).map(lambda k: k / 100)
)
_EIGENVALUES = log_uniform(1e-3, 1e6)


@st.composite
def _in_time(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, eigenvalue, t}: before and after the time of emergence."""
    gamma, value = draw(_GAMMAS), draw(_EIGENVALUES)
    # The critical noise, exp(2 t) - 1 at the time of emergence, over so much.
    noise = value / math.sqrt(gamma) / draw(_SPIKES)
    return {"gamma": gamma, "eigenvalue": value, "t": max(0.5 * math.log1p(noise), 1e-4)}


def _diffused(
    point: Point, smaller: int, size: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Squared overlaps of the data exp(-t) x_0 + sqrt(1 - exp(-2 t)) eps, and their limit.

    The covariance there is sigma2 (I + s u u') with sigma2 the variance of the noise.
    """
    n, p = _sizes(point["gamma"], smaller)
    t, value = point["t"], point["eigenvalue"]
    noise = -math.expm1(-2 * t)
    spike = math.exp(-2 * t) * value / noise
    _, overlap = impl.reduced_draws(n, p, spike, sigma2=noise, size=size, rng=rng)
    limit = theory.spiked_overlap(theory.noisy_spike(value, t), p / n)
    return overlap, float(limit)


def _limit_missed(point: Point, rng: np.random.Generator, size: int) -> Array:
    # Below the transition a draw costs more, and the overlap is next to zero sooner.
    below = theory.noisy_spike(point["eigenvalue"], point["t"]) < math.sqrt(point["gamma"])
    overlap, limit = _diffused(point, 10**5 if below else 10**8, size, rng)
    return np.asarray(np.abs(overlap - limit) > 1e-2, dtype=np.float64)


_DENSE = st.fixed_dictionaries(
    {
        "n": st.integers(40, 80),
        "p": st.integers(20, 60),
        "eigenvalue": log_uniform(0.1, 100.0),
        "share": st.integers(2, 20).map(lambda k: k / 100),
    }
)


def _dense_time(point: Point) -> float:
    """Time at which the noise is so large a share of the critical one."""
    critical = point["eigenvalue"] * math.sqrt(point["n"] / point["p"])
    return 0.5 * math.log1p(point["share"] * critical)


def _dense_limit(point: Point) -> tuple[float, float]:
    """The limit, and what finite n may add to the mean: of the order of 1/n."""
    spike = theory.noisy_spike(point["eigenvalue"], _dense_time(point))
    limit = float(theory.spiked_overlap(spike, point["p"] / point["n"]))
    return limit - 4 / point["n"], limit + 4 / point["n"]


def _dense_overlap(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared overlap of the leading direction of diffused data with the true one."""
    n, p, t = point["n"], point["p"], _dense_time(point)
    scale = math.sqrt(point["eigenvalue"])
    found = np.empty(size)
    for k in range(size):
        direction = rng.standard_normal(p)
        direction = direction / float(np.linalg.norm(direction))
        clean = scale * np.outer(rng.standard_normal(n), direction)
        noisy, _ = impl.forward_noise(clean, t, rng=rng)
        # At these points the gap is wide.
        _, vector = impl.power_iteration(noisy.T @ noisy, rng.standard_normal(p), 24)
        found[k] = min(float(vector @ direction) ** 2, 1.0)
    return found


def _limit_error(n: float, rng: np.random.Generator) -> float:
    point = {"gamma": 0.5, "eigenvalue": 1.0, "t": 0.25}
    overlap, limit = _diffused(point, round(0.5 * n), 16, rng)
    return float(np.abs(overlap - limit).mean())


_FIGURE_RANK = 6
_FIGURE_NOISE = np.geomspace(0.02, 20.0, 16)


@functools.cache
def _digits_curves() -> dict[str, Any]:
    """Sines of the angles of noisy digits' eigenvectors to those of the clean ones.

    Noise levels are in units of the root of the total variance over p, 3.3 grey levels of 16.
    """
    images = digits()
    n, p = images.shape
    values, vectors = np.linalg.eigh(images.T @ images / n)
    values, vectors = values[::-1][:_FIGURE_RANK], vectors[:, ::-1][:, :_FIGURE_RANK]
    unit = math.sqrt(float(np.square(images).sum()) / images.size)
    rng = np.random.default_rng(0)
    simulated = []
    for level in _FIGURE_NOISE:
        squares = np.zeros(_FIGURE_RANK)
        for _ in range(4):
            noisy = images + level * unit * rng.standard_normal(images.shape)
            turned = np.linalg.eigh(noisy.T @ noisy)[1][:, ::-1][:, :_FIGURE_RANK]
            squares += np.square((turned * vectors).sum(axis=0)) / 4
        simulated.append(np.sqrt(1 - squares).tolist())
    spikes = values / np.square(_FIGURE_NOISE * unit)[:, None]
    expected = np.sqrt(1 - theory.spiked_overlap(spikes, p / n))
    return {
        "data": f"scikit-learn's digits, n = {n}, p = {p}, the mean taken off; they stand in for"
        " MNIST. The spectrum is not spiked: the theory takes each eigenvalue for itself.",
        "sigma": (_FIGURE_NOISE * unit).tolist(),
        "eigenvalues": values.tolist(),
        "sine, simulated": simulated,
        "sine, theory": expected.tolist(),
        "critical sigma, theory": np.sqrt(theory.critical_noise(values, p / n)).tolist(),
    }


def _drawn_curve() -> dict[str, Any]:
    """The rank-one curve: n = 2000, p = 1000, one eigenvalue 1."""
    n, p, rng = 2000, 1000, np.random.default_rng(0)
    levels = np.geomspace(0.05, 5.0, 16)
    spikes = 1 / np.square(levels)
    means = [float(impl.reduced_draws(n, p, s, size=64, rng=rng)[1].mean()) for s in spikes]
    return {
        "data": f"rank one, eigenvalue 1, n = {n}, p = {p}",
        "sigma": levels.tolist(),
        "sine, simulated": np.sqrt(1 - np.array(means)).tolist(),
        "sine, theory": np.sqrt(1 - theory.spiked_overlap(spikes, p / n)).tolist(),
    }


# --- WDMG-03: more data, more noise ---------------------------------------------------------------

_AWAY = log_uniform(0.25, 0.8)
_SIDES = st.sampled_from(["less", "more"])


@st.composite
def _noise_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, eigenvalue, away, side}: noise so far below or above the critical one."""
    return {
        "gamma": draw(_GAMMAS),
        "eigenvalue": draw(_EIGENVALUES),
        "away": draw(_AWAY),
        "side": draw(_SIDES),
    }


def _wrongly_tracked(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether a draw is on the wrong side of half the limit at so much less noise."""
    n, p = _sizes(point["gamma"], 10**5)
    value = point["eigenvalue"]
    critical = float(theory.critical_noise(value, p / n))
    less = critical * (1 - point["away"])
    half = 0.5 * float(theory.spiked_overlap(value / less, p / n))
    tracked = point["side"] == "less"
    noise = less if tracked else critical * (1 + point["away"])
    _, overlap = impl.reduced_draws(n, p, value / noise, sigma2=noise, size=size, rng=rng)
    return np.asarray((overlap < half) if tracked else (overlap > half), dtype=np.float64)


_COUNTS = sizes(2, 10**4)
_NOISES = log_uniform(1e-2, 1e2)


def _gain_of_data(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much twice the samples raise the squared overlap, at the same noise."""
    few, many = (
        impl.reduced_draws(n, point["p"], 1 / point["noise"], size=size, rng=rng)[1]
        for n in (point["n"], 2 * point["n"])
    )
    return np.asarray(many - few)


_HALF_P = 1000


def _half_noise(n: float, rng: np.random.Generator) -> float:
    """The standard deviation of the noise at which the mean squared overlap is one half."""
    seed = int(rng.integers(2**32))
    low, high = 1.0, 1e3
    for _ in range(14):
        sigma = math.sqrt(low * high)
        _, overlap = impl.reduced_draws(int(n), _HALF_P, sigma**-2, size=16, rng=seed)
        if overlap.mean() > 0.5:
            low = sigma
        else:
            high = sigma
    return math.sqrt(low * high)


# --- WDMG-04: emergence ---------------------------------------------------------------------------

_STEPS = log_uniform(1.5, 30.0)
_RANKS = st.integers(2, 3)
_SHARES = st.integers(30, 70).map(lambda k: k / 100)
_MODERATE = st.integers(250, 600)


@st.composite
def _emerging(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, share}: noise between two critical levels."""
    values = [draw(_EIGENVALUES)]
    for _ in range(draw(_RANKS) - 1):
        values.append(values[-1] / (1 + draw(_STEPS)))
    return {
        "n": draw(_MODERATE),
        "p": draw(_MODERATE),
        "eigenvalues": values,
        "index": draw(st.integers(0, len(values) - 2)) if len(values) > 2 else 0,
        "share": draw(_SHARES),
    }


def _later_first(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether, between two times of emergence, the later direction is seen better."""
    n, p, i = point["n"], point["p"], point["index"]
    values = np.asarray(point["eigenvalues"])
    times = theory.emergence_time(values[i : i + 2], p / n)
    t = float(times[1] + point["share"] * (times[0] - times[1]))
    spikes = np.asarray(theory.noisy_spike(values, t))
    draws = impl.reduced_overlaps(n, p, spikes, size=size, rng=rng)
    own = np.square(np.diagonal(draws.overlaps, axis1=1, axis2=2))
    return np.asarray(own[:, i] < own[:, i + 1], dtype=np.float64)


def _off_schedule(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether a direction is on the wrong side of half its limit before, or after, it emerges."""
    n, p = _sizes(point["gamma"], 10**5)
    gamma, value = p / n, point["eigenvalue"]
    emerges = float(theory.emergence_time(value, gamma))
    noise = math.expm1(2 * emerges)
    after = 0.5 * math.log1p(noise * (1 - point["away"]))
    half = 0.5 * float(theory.spiked_overlap(value / math.expm1(2 * after), gamma))
    seen = point["side"] == "less"
    t = after if seen else 0.5 * math.log1p(noise * (1 + point["away"]))
    variance = -math.expm1(-2 * t)
    spike = math.exp(-2 * t) * value / variance
    _, overlap = impl.reduced_draws(n, p, spike, sigma2=variance, size=size, rng=rng)
    return np.asarray((overlap < half) if seen else (overlap > half), dtype=np.float64)


def _emergence_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Noise at which each digit direction's sine is 0.9: measured on the curve, and by theory."""
    curves = _digits_curves()
    sines = np.array(curves["sine, simulated"])
    expected = np.array(curves["sine, theory"])
    found: Constants = {}
    for i in range(_FIGURE_RANK):
        for name, curve in (("measured", sines[:, i]), ("theory", expected[:, i])):
            # The last crossing: the curve is noisy where it is flat.
            k = int(np.flatnonzero(curve < 0.9)[-1])
            weight = (0.9 - curve[k]) / (curve[k + 1] - curve[k])
            logs = np.log(curves["sigma"][k : k + 2])
            level = math.exp(logs[0] + weight * (logs[1] - logs[0]))
            found[f"digits: sigma at which sine {i + 1} is 0.9, {name}"] = level
    return found


_LIMIT_ROUTES = ("theory: the limit at s(t)", "impl: the exact reduction of diffused data")

CLAIMS = (
    Claim(
        id="WDMG-02",
        title="rank one: the denoiser depends on noise and samples by N08-2 at the spike of time t",
        source=f"{_SOURCE}, abstract and Section 3",
        statement=r"\langle u^t, u\rangle^2 \to \frac{1-\gamma/s_t^2}{1+\gamma/s_t}"
        r" \text{ for } s_t > \sqrt\gamma,\text{ else } 0,\quad s_t = \lambda/(e^{2t}-1)"
        r" \text{ or } \lambda/\sigma_t^2,\quad \gamma = p/n",
        reading="'can be expressed analytically' (abstract): in closed form, in the limit; as a"
        " function of t it is not analytic where s_t = sqrt(gamma)",
        evidence=(
            MeanTest(
                domain=_in_time(),
                draw=_limit_missed,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=_LIMIT_ROUTES,
                first=128,
            ),
            MeanTest(
                domain=_DENSE,
                draw=_dense_overlap,
                allowed=_dense_limit,
                effect=0.15,
                bounds=(0.0, 1.0),
                routes=("theory: the limit at s(t)", "impl: power iteration on diffused data"),
                first=128,
            ),
            ExponentTest(
                sizes=(10**3, 10**4, 10**5, 10**6, 10**7),
                draw=_limit_error,
                allowed=(-0.5, -0.5),
                effect=0.03,
                routes=_LIMIT_ROUTES,
                replicates=lambda _n: 32,
                short=3,
            ),
        ),
        needs=("N08-2",),
        constants=lambda outcomes: {
            "exponent of the error in n": tuple(outcomes[2].figures["interval"])
        },
        data=lambda: {"rank one": _drawn_curve(), "digits": _digits_curves()},
        note="The ledger has Figure 2: sines of angles against the noise, theory and simulation.",
    ),
    Claim(
        id="WDMG-03",
        title="more training data make the denoiser robust to more noise",
        source=f"{_SOURCE}, Section 3",
        statement=r"\sigma_c^2 = \lambda\sqrt{n/p},\quad E\langle u^t, u\rangle^2"
        r" \text{ rises with } n",
        evidence=(
            MeanTest(
                domain=_noise_points(),
                draw=_wrongly_tracked,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the critical noise", "impl: the exact reduction at 10^5"),
                first=128,
            ),
            MeanTest(
                domain=st.fixed_dictionaries({"n": _COUNTS, "p": _COUNTS, "noise": _NOISES}),
                draw=_gain_of_data,
                allowed=lambda _point: (0.0, 1.0),
                effect=0.06,
                bounds=(-1.0, 1.0),
                routes=("impl: the exact reduction with n samples", "and with 2 n samples"),
                first=1024,
            ),
            ExponentTest(
                sizes=(10**6, 10**7, 10**8, 10**9),
                draw=_half_noise,
                allowed=(0.25, 0.25),
                effect=0.01,
                routes=("impl: noise at which the overlap is 1/2, p = 1000", "theory: n^(1/4)"),
                replicates=lambda _n: 8,
                short=3,
            ),
        ),
        needs=("N08-3",),
        constants=lambda outcomes: {
            "exponent in n of the sigma at which the overlap is 1/2": tuple(
                outcomes[2].figures["interval"]
            )
        },
        note="At fixed p the tolerable standard deviation of the noise grows like n^(1/4).",
    ),
    Claim(
        id="WDMG-04",
        title="large eigenvalues emerge earlier in generation",
        source=f"{_SOURCE}, abstract and Section 3, Figure 3",
        statement=r"t_i = \tfrac12\log(1 + \lambda_i/\sqrt\gamma),\quad"
        r" \sigma_i^2 = \lambda_i\sqrt{n/p}:\quad \lambda_i > \lambda_j \Rightarrow t_i > t_j",
        reading="emerges: the overlap of the sample eigenvector stops to be zero in the limit;"
        " generation runs from large t to 0; distinct eigenvalues, any finite rank",
        evidence=(
            MeanTest(
                domain=_noise_points(),
                draw=_off_schedule,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the times of emergence", "impl: the reduction at 10^5"),
                first=128,
            ),
            MeanTest(
                domain=_emerging(),
                draw=_later_first,
                allowed=lambda _point: (0.0, 0.15),
                effect=0.3,
                bounds=(0.0, 1.0),
                routes=("theory: the times of emergence", "impl: the band model, rank 2 and 3"),
                first=192,
            ),
        ),
        needs=("N08-3", "N08-8:rank-r"),
        constants=_emergence_constants,
        data=lambda: {"digits": _digits_curves()},
        note="The ledger has Figure 3 on the digits: sines of several eigenvectors against noise."
        " Times of emergence are those of n clean directions: with more samples all come earlier.",
    ),
)
