"""N08-7: several spikes, at sizes next to infinity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._bars import mean_interval
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest
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


# --- N08-7: several spikes ------------------------------------------------------------------------

_LARGE = 10**8
_MISS = {"eigenvalue": 1e-3, "overlap": 1e-2}
#: Sixteen cost as much as all others together.
_COUNTS = st.sampled_from([1, 2, 3, 2, 4, 3, 2, 5] * 2 + [16])
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
    return float(_two_spikes(int(n), 0.1, 512, rng)[:, 1, 0].mean())


def _several_constants(outcomes: Sequence[Outcome]) -> Constants:
    rng = np.random.default_rng(0)
    low, high = outcomes[-1].figures["interval"]
    found: Constants = {"exponent in n of the mixing of two spikes a tenth apart": (low, high)}
    n = 10**6
    for c in (1.0, 10.0, 100.0):
        gap = c / math.sqrt(n)
        limit = float(theory.spiked_overlap(_MERGING["spike"] * (1 + gap), _MERGING["gamma"]))
        kept = _two_spikes(n, gap, 512, rng)[:, 0, 0] / limit
        found[f"overlap over its limit, spikes apart by {c:g} n^(-1/2)"] = mean_interval(kept)
    gamma, spikes = 0.5, 1.5 ** np.arange(16, 0, -1)
    draws = impl.reduced_overlaps(2 * _LARGE, _LARGE, spikes, size=16, rng=rng)
    own = np.square(np.diagonal(draws.overlaps, axis1=1, axis2=2))
    errors = np.abs(own - theory.spiked_overlap(spikes, gamma)).max(axis=1)
    found["largest error of 16 overlaps, mean"] = mean_interval(errors)
    return found


CLAIMS = (
    Claim(
        id="N08-7",
        title="rank r: each separated spike obeys the limits with its own strength",
        source="Paul 2007, Theorem 4; Baik & Silverstein 2006",
        statement=r"\hat\lambda_i \to \sigma^2(1+s_i)(1+\gamma/s_i),"
        r"\ \langle\hat u_i, u_i\rangle^2 \to \frac{1-\gamma/s_i^2}{1+\gamma/s_i}"
        r" \text{ for distinct } s_i > \sqrt\gamma",
        reading="the spikes are distinct and fixed as n and p grow; gamma from 10^-3 to 10^3, 1 to"
        " 16 spikes, the least from 1.05 times the critical one",
        evidence=(
            MeanTest(
                domain=_several(),
                draw=_pairs_that_miss,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the limits", "impl: the band model at min(n, p) = 10^8"),
                first=160,
            ),
            ExponentTest(
                sizes=(10**5, 10**6, 10**7, 10**8),
                draw=_mixing,
                allowed=(-1.0, -1.0),
                effect=0.05,
                routes=("impl: the band model", "first-order perturbation, 1 / (n gap^2)"),
                replicates=lambda _n: 6,
                short=3,
            ),
        ),
        needs=("N08-8:rank-r",),
        constants=_several_constants,
        note="Neighbours 5 % apart or more, up to sixteen spikes. Close ones"
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
                first=160,
            ),
        ),
        needs=("N08-8:rank-r",),
        note="The two sample vectors are a rotation of the two true ones that stays random as n"
        " grows. A draw misses if it is off by 0.05.",
    ),
)
