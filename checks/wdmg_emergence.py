"""WDMG-04: when the directions of the data emerge from the noise, and in which order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._bars import jackknife_reach
from lemmata.checks._digits_figure import RANK, crossing, digits_curves, digits_squares
from lemmata.checks._noise_points import EIGENVALUES, near_sizes, noise_points
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

_STEPS = log_uniform(1.5, 30.0)
_RANKS = st.integers(2, 3)
_SHARES = st.integers(30, 70).map(lambda k: k / 100)
_MODERATE = st.integers(250, 600)


@st.composite
def _emerging(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, share}: noise between two critical levels."""
    values = [draw(EIGENVALUES)]
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
    n, p = near_sizes(point["gamma"], 10**5)
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


#: A direction has emerged where the sine is below this.
_SEEN = 0.9


def _emergence_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Noise at which each digit direction's sine is 0.9: measured, by the jackknife, and theory."""
    squares = 1 - digits_squares()
    expected = np.square(np.array(digits_curves()["sine, theory"]))
    count, found = len(squares), Constants()
    total = squares.sum(axis=0)
    for i in range(RANK):
        middle = crossing(total[:, i] / count, _SEEN)
        without = [crossing((total - each)[:, i] / (count - 1), _SEEN) for each in squares]
        reach = float(jackknife_reach(without))
        name = f"digits: sigma at which sine {i + 1} is {_SEEN:g}"
        found[f"{name}, measured"] = (middle - reach, middle + reach)
        found[f"{name}, theory"] = crossing(expected[:, i], _SEEN)
    return found


CLAIMS = (
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
                domain=noise_points(),
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
        data=lambda: {"figure 3, digits": digits_curves()},
        note="The ledger has Figure 3 on the digits: sines of several eigenvectors against noise."
        " Times of emergence are those of n clean directions: with more samples all come earlier.",
    ),
)
