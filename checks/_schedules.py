"""Noise schedules of chains: totals over the steps, in floats and in balls, and their bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._chain import (
    ball_excess,
    ball_overlap,
    ball_spectrum,
    decays,
    eigenvalues_at,
    near_transition,
    noise_at,
    spikes_at,
    weight_bound,
)
from lemmata.checks._compare import bound_slack
from lemmata.harness.claim import Point
from lemmata.harness.search import Search

__all__ = [
    "LEFT",
    "ball_bound_at",
    "ball_ratio",
    "ball_share_of",
    "bound_at",
    "excess_bound",
    "gap_noise",
    "left_noise",
    "sample_excess",
    "schedule_search",
    "share_of",
    "total_decay",
]

Array = NDArray[np.float64]

#: What must be left of (w_1 / w_0)^2, at most, where a chain is said to concentrate.
LEFT = 0.05

_STEADY = "theory: rates of decay in the limit, as many steps as the schedule has"
_BALLS = "balls: the squared overlap as N08-2 prints it"

#: More than any finite total that is met.
_HUGE = arb(1e300)


def schedule_search(
    domain: SearchStrategy[Point],
    slack: Callable[[Point], float],
    exact: Callable[[Point], arb],
    noise: Callable[[Point], float],
    *,
    effort: float = 1.0,
    clear: float = 1.0,
) -> Search:
    """A search whose slack follows from the limit of every step."""
    return Search(
        domain=domain,
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(_STEADY, _BALLS),
        effort=effort,
        clear=clear,
    )


# --- The mean of the chain ------------------------------------------------------------------------


def total_decay(point: Point, levels: Array) -> Array:
    """-log of the weights after steps at these shares of the point's noise variance."""
    spikes = eigenvalues_at(point) / (noise_at(point) * levels[:, None])
    return decays(spikes, point["gamma"])


def ball_ratio(point: Point, level: arb) -> arb:
    """log(c_0 / c_1) at a share of the point's noise; 0 < c_0; infinite where c_1 is zero."""
    gamma = arb(point["gamma"])
    high, low = (
        arb(x) / (arb(noise_at(point)) * level) for x in eigenvalues_at(point)[:2].tolist()
    )
    if ball_excess(low, gamma) == 0:
        return arb("inf")
    return (ball_overlap(high, gamma) / ball_overlap(low, gamma)).log()


def bound_at(point: Point, level: float) -> float:
    """What log(c_0 / c_1) is at least, at a share of the point's noise."""
    low, high = spikes_at(point)[1] / level, spikes_at(point)[0] / level
    return float(weight_bound(low, high, point["gamma"]))


def ball_bound_at(point: Point, level: arb) -> arb:
    """The same in balls."""
    high, low = (x / level for x in ball_spectrum(point)[:2])
    bound: arb = weight_bound(low, high, arb(point["gamma"]), log=arb.log1p)
    return bound


def share_of(bound: Any, total: Any) -> Any:
    """Slack of bound <= total, where the total may be infinite."""
    return 1 - bound / total


def ball_share_of(bound: arb, total: arb) -> arb:
    """The same in balls."""
    return bound_slack(bound, total) if not total > _HUGE else arb(1)


def gap_noise(point: Point) -> float:
    """Rounding of a difference of two rates, as a share of it."""
    if near_transition(point):
        return math.inf
    spikes = spikes_at(point)
    return float(1e-13 / (1 - spikes[1] / spikes[0]) + 1e-10)


def left_noise(point: Point) -> float:
    """Of a T-fold sum of differences of rates that nearly agree."""
    spikes = spikes_at(point)
    if spikes[1] < 1.01 * math.sqrt(point["gamma"]):
        return math.inf
    # The sum is about gamma share / s whatever T is, but its terms' rounding is relative.
    return float(1e-12 * (1 + point["gamma"] / spikes[1]))


# --- Samples of the chain -------------------------------------------------------------------------


def sample_excess(point: Point, levels: Array) -> float:
    """E|x|^2 / E<x, u_0>^2 - 1 of samples, at these shares of the point's noise variance."""
    spikes = eigenvalues_at(point) / (noise_at(point) * levels[:, None])
    energies = np.asarray(theory.chain_energy(spikes, point["gamma"]))
    return float(np.exp(energies[0] - energies[1:]).sum())


def excess_bound(first: Any, others: Sequence[Any], gamma: Any) -> Any:
    """What that is at most: a spike u_0 at the last projection, what is left of the others.

    For c = (1 - gamma/s^2) / (1 + gamma/s), 1/c - 1 = gamma (1 + 1/s) / (s (1 - gamma/s^2)) is what
    the last projection puts off the signal space, relative to what it keeps.
    """
    lost = gamma * (1 + 1 / first) / (first * (1 - gamma / first**2))
    return lost + (1 + lost) * sum(others)
