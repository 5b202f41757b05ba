"""N08: the transition, the fluctuations above it, and several spikes, at sizes next to infinity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest
from lemmata.harness.scaling import ExponentTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Baik, Ben Arous & Peche 2005; Nadler 2008; Paul 2007"

_GAMMAS = log_uniform(1e-3, 1e3)


def _sizes(gamma: float, smaller: int) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them as given."""
    if gamma <= 1:
        return round(smaller / gamma), smaller
    return smaller, round(smaller * gamma)


# --- N08-3: where the transition is ---------------------------------------------------------------

#: The smaller of n and p where draws at and below the transition, which cost more, are needed.
_MANY = 10**6
_AWAY = log_uniform(0.1, 0.9)
_SIDES = st.sampled_from(["above", "below"])


@st.composite
def _sides(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, away, side}: so far, relatively, above or below sqrt(gamma)."""
    return {"gamma": draw(_GAMMAS), "away": draw(_AWAY), "side": draw(_SIDES)}


def _wrong_side(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether a draw is on the wrong side of half the limit that belongs to 1 + away."""
    n, p = _sizes(point["gamma"], _MANY)
    critical = math.sqrt(p / n)
    half = 0.5 * float(theory.spiked_overlap(critical * (1 + point["away"]), p / n))
    above = point["side"] == "above"
    spike = critical * (1 + point["away"] if above else 1 - point["away"])
    _, overlap = impl.reduced_draws(n, p, spike, size=size, rng=rng)
    return np.asarray((overlap < half) if above else (overlap > half), dtype=np.float64)


_AT_GAMMA = 0.5
_ROUTE = "impl: the exact reduction at gamma = 1/2"


def _mean_at_transition(n: float, rng: np.random.Generator) -> float:
    p = round(_AT_GAMMA * n)
    spike = math.sqrt(p / n)
    return float(impl.reduced_draws(int(n), p, spike, size=16, rng=rng)[1].mean())


_HALVINGS = 7


def _width(n: float, rng: np.random.Generator) -> float:
    """How far above sqrt(gamma), relatively, the mean overlap is twice that at sqrt(gamma).

    The same random numbers at every spike: the mean of these draws is a smooth function of it.
    """
    p = round(_AT_GAMMA * n)
    critical, seed = math.sqrt(p / n), int(rng.integers(2**32))

    def mean(away: float) -> float:
        spike = critical * (1 + away)
        return float(impl.reduced_draws(int(n), p, spike, size=24, rng=seed)[1].mean())

    level = 2 * mean(0.0)
    low, high = 1e-4, 1.0
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if mean(middle) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)


def _transition_constants(outcomes: Sequence[Outcome]) -> Constants:
    found: Constants = {}
    for outcome, name in zip(
        outcomes[1:], ("mean overlap at it", "width of the window"), strict=True
    ):
        low, high = outcome.figures["interval"]
        found[f"exponent in n of the {name}"] = (low, high)
        sizes, means = outcome.figures["sizes"], outcome.figures["geometric_means"]
        found[f"{name}, times n^(1/3)"] = means[-1] * sizes[-1] ** (1 / 3)
    return found


# --- N08-6: fluctuations --------------------------------------------------------------------------

#: Above the critical window, which n = 10^7 makes 200 times narrower.
_RATIOS = log_uniform(0.5, 1e4).map(lambda x: 1 + x)
_VARIANCES = log_uniform(1e-3, 1e3)


@st.composite
def _above(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, ratio, sigma2}: the spike over its critical value, above one."""
    return {"gamma": draw(_GAMMAS), "ratio": draw(_RATIOS), "sigma2": draw(_VARIANCES)}


def _errors(point: Point, rng: np.random.Generator, size: int) -> Array:
    """sqrt(n) (eigenvalue - limit) over the predicted deviation."""
    n, p = _sizes(point["gamma"], 10**7)
    gamma, noise = p / n, point["sigma2"]
    spike = point["ratio"] * float(theory.critical_spike(gamma))
    eigenvalue, _ = impl.reduced_draws(n, p, spike, sigma2=noise, size=size, rng=rng)
    limit = float(theory.spiked_eigenvalue(spike, gamma, noise))
    deviation = math.sqrt(float(theory.spiked_fluctuation(spike, gamma, noise)) / n)
    return np.asarray((eigenvalue - limit) / deviation)


def _error_pairs(point: Point, rng: np.random.Generator, size: int) -> Array:
    return _errors(point, rng, 2 * size).reshape(size, 2)


def _normal_pairs(_point: Point, rng: np.random.Generator, size: int) -> Array:
    return rng.standard_normal((size, 2))


def _fluctuation_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Variance over its prediction, with 95 % intervals, and what a rough gamma would do."""
    rng, count = np.random.default_rng(0), 20_000
    found: Constants = {}
    for ratio in (1.5, 10.0):
        values = _errors({"gamma": 0.5, "ratio": ratio, "sigma2": 1.0}, rng, count)
        variance, reach = float(values.var(ddof=1)), 1.96 * math.sqrt(2 / count)
        found[f"variance over its limit at s = {ratio:g} sqrt(gamma)"] = (
            variance * (1 - reach),
            variance * (1 + reach),
        )
    return found


# --- N08-7: several spikes ------------------------------------------------------------------------

_LARGE = 10**8
_MISS = {"eigenvalue": 1e-3, "overlap": 1e-2}
_COUNTS = st.sampled_from([1, 2, 3, 2, 4, 3, 2, 6])
_FIRST = log_uniform(0.05, 1e3).map(lambda x: 1 + x)
_STEPS = log_uniform(0.05, 1e2).map(lambda x: 1 + x)


@st.composite
def _several(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, ratios}: falling spikes over sqrt(gamma), neighbours apart by 5 % or more."""
    ratios = [draw(_FIRST)]
    for _ in range(draw(_COUNTS) - 1):
        ratios.append(min(ratios[-1] * draw(_STEPS), 1e8 + len(ratios) * 1e7))
    return {"gamma": draw(_GAMMAS), "ratios": ratios[::-1]}


def _pairs_that_miss(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether any of the pairs misses its limits."""
    n, p = _sizes(point["gamma"], _LARGE)
    gamma = p / n
    spikes = np.asarray(point["ratios"]) * float(theory.critical_spike(gamma))
    draws = impl.reduced_overlaps(n, p, spikes, size=size, rng=rng)
    eigenvalues = draws.eigenvalues / theory.spiked_eigenvalue(spikes, gamma) - 1
    own = np.square(np.diagonal(draws.overlaps, axis1=1, axis2=2))
    overlaps = own - theory.spiked_overlap(spikes, gamma)
    miss = (np.abs(eigenvalues) > _MISS["eigenvalue"]) | (np.abs(overlaps) > _MISS["overlap"])
    return np.asarray(miss.any(axis=1), dtype=np.float64)


#: Spikes that merge: s and s (1 + c / sqrt(n)).
_MERGING = {"gamma": 0.5, "spike": 3.0}
_CLOSENESS = st.fixed_dictionaries(
    {"n": st.sampled_from([10**4, 10**6, 10**8]), "c": log_uniform(0.1, 10.0)}
)


def _two_spikes(n: int, gap: float, size: int, rng: np.random.Generator) -> Array:
    """Squared overlaps of the two, shape (size, 2, 2)."""
    p = round(_MERGING["gamma"] * n)
    spikes = [_MERGING["spike"] * (1 + gap), _MERGING["spike"]]
    return np.square(impl.reduced_overlaps(n, p, spikes, size=size, rng=rng).overlaps)


def _merging_misses(point: Point, rng: np.random.Generator, size: int) -> Array:
    n = point["n"]
    squares = _two_spikes(n, point["c"] / math.sqrt(n), size, rng)
    off = squares[:, 0, 0] - theory.spiked_overlap(_MERGING["spike"], _MERGING["gamma"])
    return np.asarray(np.abs(off) > 0.05, dtype=np.float64)


def _mixing(n: float, rng: np.random.Generator) -> float:
    """Mean squared overlap of the first sample vector with the second spike, a tenth apart."""
    return float(_two_spikes(int(n), 0.1, 32, rng)[:, 1, 0].mean())


def _several_constants(outcomes: Sequence[Outcome]) -> Constants:
    rng = np.random.default_rng(0)
    low, high = outcomes[-1].figures["interval"]
    found: Constants = {"exponent in n of the mixing of two spikes a tenth apart": (low, high)}
    n = 10**6
    for c in (1.0, 10.0, 100.0):
        gap = c / math.sqrt(n)
        limit = float(theory.spiked_overlap(_MERGING["spike"] * (1 + gap), _MERGING["gamma"]))
        kept = _two_spikes(n, gap, 512, rng)[:, 0, 0].mean() / limit
        found[f"overlap over its limit, spikes apart by {c:g} n^(-1/2)"] = float(kept)
    gamma, spikes = 0.5, 1.5 ** np.arange(16, 0, -1)
    draws = impl.reduced_overlaps(2 * _LARGE, _LARGE, spikes, size=16, rng=rng)
    own = np.square(np.diagonal(draws.overlaps, axis1=1, axis2=2))
    found["largest error of an overlap, 16 spikes"] = float(
        np.abs(own - theory.spiked_overlap(spikes, gamma)).max()
    )
    return found


_OVERLAP = r"\langle\hat u, u\rangle^2"

CLAIMS = (
    Claim(
        id="N08-3",
        title="the phase transition is at s = sqrt(gamma)",
        source=_SOURCE,
        statement=rf"\lim {_OVERLAP} > 0 \text{{ for }} s > \sqrt\gamma,"
        rf"\quad {_OVERLAP} \to 0 \text{{ for }} s < \sqrt\gamma",
        evidence=(
            MeanTest(
                domain=_sides(),
                draw=_wrong_side,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: half the limit above", "impl: the exact reduction at 10^6"),
                first=128,
            ),
            ExponentTest(
                sizes=(10**4, 10**5, 10**6, 10**7, 10**8),
                draw=_mean_at_transition,
                allowed=(-1 / 3, -1 / 3),
                effect=0.06,
                routes=(_ROUTE, "the critical window of Baik, Ben Arous & Peche, n^(-1/3)"),
                replicates=lambda n: 6 if n > 10**7 else 20,
                short=3,
            ),
            ExponentTest(
                sizes=(10**3, 10**4, 10**5, 10**6),
                draw=_width,
                allowed=(-1 / 3, -1 / 3),
                effect=0.15,
                routes=(_ROUTE, "the critical window of Baik, Ben Arous & Peche, n^(-1/3)"),
                replicates=lambda n: 3 if n > 10**5 else 9,
                short=3,
            ),
        ),
        needs=("N08-8",),
        constants=_transition_constants,
        note="A tenth of the critical spike away from it, draws at min(n, p) = 10^6 are on the side"
        " of half the limit that belongs there. At the transition itself the overlap falls like"
        " n^(-1/3), and so does the window, in s, over which its mean doubles.",
    ),
    Claim(
        id="N08-6",
        title="normal fluctuations of the top sample eigenvalue above the transition",
        source="Paul 2007, Theorem 3",
        statement=r"\sqrt n(\hat\lambda - \sigma^2(1+s)(1+\gamma/s)) \to"
        r" N(0, 2\sigma^4(1+s)^2(1-\gamma/s^2))",
        reading="the limit is taken at gamma = p/n of the sample itself; s > sqrt(gamma) is fixed",
        evidence=(
            LawTest(
                domain=_above(),
                left=_error_pairs,
                right=_normal_pairs,
                effect=0.1,
                routes=("impl: the exact reduction at min(n, p) = 10^7", "theory: the normal law"),
            ),
        ),
        needs=("N08-8",),
        constants=_fluctuation_constants,
        note="Two independent errors in one pair. With a gamma that is off by x the centre moves by"
        " sigma^2 (1 + 1/s) x: p/n must be within o(n^(-1/2)) of its limit if that is used.",
    ),
    Claim(
        id="N08-7",
        title="rank r: each separated spike obeys the limits with its own strength",
        source="Paul 2007, Theorem 4; Baik & Silverstein 2006",
        statement=r"\hat\lambda_i \to \sigma^2(1+s_i)(1+\gamma/s_i),"
        r"\ \langle\hat u_i, u_i\rangle^2 \to \frac{1-\gamma/s_i^2}{1+\gamma/s_i}"
        r" \text{ for distinct } s_i > \sqrt\gamma",
        reading="the spikes are distinct and fixed as n and p grow",
        evidence=(
            MeanTest(
                domain=_several(),
                draw=_pairs_that_miss,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the limits", "impl: the band model at min(n, p) = 10^8"),
                first=128,
            ),
            ExponentTest(
                sizes=(10**5, 10**6, 10**7, 10**8),
                draw=_mixing,
                allowed=(-1.0, -1.0),
                effect=0.05,
                routes=("impl: the band model", "first-order perturbation, 1 / (n gap^2)"),
                replicates=lambda _n: 16,
                short=3,
            ),
        ),
        needs=("N08-8:rank-r",),
        constants=_several_constants,
        note="Neighbours 5 % apart or more, up to six spikes, sixteen in the constants. Close ones"
        " mix, with a weight of 1 / (n gap^2): well separated means a gap far above n^(-1/2).",
    ),
    Claim(
        id="N08-7:merging",
        title="spikes that differ, but by n^(-1/2) only, obey the limits",
        source="Paul 2007, Theorem 4",
        statement=r"\langle\hat u_1, u_1\rangle^2 \to \frac{1-\gamma/s^2}{1+\gamma/s}"
        r" \text{ for } s_1 = s(1 + c\,n^{-1/2}),\ s_2 = s",
        reading="'well-separated' as distinct at every n; at gamma = 1/2, s = 3",
        evidence=(
            MeanTest(
                domain=_CLOSENESS,
                draw=_merging_misses,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the limit", "impl: the band model"),
                first=128,
            ),
        ),
        needs=("N08-8:rank-r",),
        note="The two sample vectors are a rotation of the two true ones that stays random as n"
        " grows. A draw misses if it is off by 0.05.",
    ),
)
