"""Points of the claims about chains of projections, and the limit of one step in balls."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._spectra import digits_spectrum
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform

__all__ = [
    "ball_excess",
    "ball_overlap",
    "ball_spectrum",
    "decays",
    "eigenvalues_at",
    "far_chains",
    "near_transition",
    "noise_at",
    "sizes_at",
    "spikes_at",
    "step_decays",
    "strong_chains",
    "weight_bound",
]

Array = NDArray[np.float64]

_RANKS = st.sampled_from([2, 3, 2, 4, 8, 16])
_FALLS = st.one_of(
    log_uniform(1.0, 1e4).map(lambda x: 1 + x),
    st.integers(1, 100).map(lambda k: 1 + k / 100),
    st.integers(2, 6).map(lambda k: 1 + 10.0**-k),
)
_REAL = st.booleans()


@functools.cache
def _digits() -> Array:
    return np.asarray([float(f"{x:.6g}") for x in digits_spectrum()[:8]])


@st.composite
def _spectra(draw: st.DrawFn) -> list[float] | str:
    """Strictly falling eigenvalues: drawn, or by name the eight largest of the digits."""
    if draw(_REAL):
        return "digits"
    values = [1.0]
    for _ in range(draw(_RANKS) - 1):
        values.append(values[-1] / draw(_FALLS))
    return values


@st.composite
def far_chains(draw: st.DrawFn) -> dict[str, Any]:
    """Points {spectrum, gamma, share} of the limit.

    The share is that of the noise variance at which the leading direction is lost.
    """
    return {"spectrum": draw(_SPECTRA), "gamma": draw(_GAMMAS), "share": draw(_SHARES)}


_SPECTRA = _spectra()
_GAMMAS = log_uniform(1e-3, 1e3)
_SHARES = st.one_of(
    log_uniform(1e-6, 0.99), st.integers(1, 99).map(lambda k: k / 100), st.just(0.99)
)


def eigenvalues_at(point: Point) -> Array:
    """The eigenvalues of a point of `far_chains`."""
    if point["spectrum"] == "digits":
        return _digits()
    return np.asarray(point["spectrum"], dtype=np.float64)


def noise_at(point: Point) -> float:
    """The noise variance of a point of `far_chains`."""
    return float(point["share"] * eigenvalues_at(point)[0] / math.sqrt(point["gamma"]))


def spikes_at(point: Point) -> Array:
    """Eigenvalues over the noise variance."""
    return eigenvalues_at(point) / noise_at(point)


def decays(spikes: Array, gamma: float) -> Array:
    """-log of what the mean of the product keeps of each direction; spikes (T, r)."""
    return np.asarray(theory.chain_decay(spikes, gamma), dtype=np.float64)


def step_decays(point: Point) -> Array:
    """The same of one step at the noise of the point."""
    return decays(spikes_at(point)[None, :], point["gamma"])


def near_transition(point: Point) -> bool:
    """Whether some direction is so close to being lost that the ratio's rounding shows."""
    excess = spikes_at(point) / math.sqrt(point["gamma"]) - 1
    return bool((np.abs(excess) < 1e-3).any())


def ball_spectrum(point: Point) -> list[arb]:
    """Eigenvalues over the noise variance."""
    return [arb(x) / arb(noise_at(point)) for x in eigenvalues_at(point).tolist()]


def ball_excess(spike: arb, gamma: arb) -> arb:
    """s^2 - gamma, zero where it is negative; no number where its sign is open."""
    excess = spike * spike - gamma
    if excess > 0:
        return excess
    return arb(0) if excess <= 0 else arb("nan")


def ball_overlap(spike: arb, gamma: arb) -> arb:
    """The limit of the squared overlap, as it is printed."""
    excess = ball_excess(spike, gamma)
    if excess == 0:
        return arb(0)
    return (1 - gamma / spike**2) / (1 + gamma / spike)


def weight_bound(low: Any, high: Any, gamma: Any, *, log: Any = math.log1p) -> Any:
    """log((1 + gamma/s_low) / (1 + gamma/s_high)): at most log(c_high / c_low), s_low < s_high.

    The other factor of the ratio, (1 - gamma/s_high^2) / (1 - gamma/s_low^2), is at least one.
    """
    return log(gamma / low) - log(gamma / high)


# --- Chains that are drawn ------------------------------------------------------------------------


@functools.cache
def _small(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)


@st.composite
def strong_chains(draw: st.DrawFn, *, longest: int = 8) -> dict[str, Any]:
    """Points {gamma, eigenvalues, noise} whose directions all stand out at every step.

    Drawn at sizes at which a limit is reached; noise 1 is the critical one of the last direction
    over 1.5 or more. What is lost is in the claims about the limit, and in the small chains.
    """
    gamma = draw(_GAMMAS)
    ratios = [draw(_STRONG)]
    for _ in range(draw(_small(1, 3)) - 1):
        ratios.append(ratios[-1] * draw(_GROWTH))
    steps = draw(_small(1, longest))
    root = math.sqrt(gamma)
    return {
        "gamma": gamma,
        "eigenvalues": [float(f"{x * root:.6g}") for x in reversed(ratios)],
        "noise": [draw(_LOWER) for _ in range(steps)],
    }


_STRONG = log_uniform(1.0, 1e3).map(lambda x: 1.5 * x)
_GROWTH = st.one_of(log_uniform(1.0, 10.0), st.just(1.01), st.just(1.0))
_LOWER = st.sampled_from([1.0, 0.5, 0.1, 0.9, 0.01])


def sizes_at(gamma: float, smaller: int) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them as given."""
    if gamma <= 1:
        return round(smaller / gamma), smaller
    return smaller, round(smaller * gamma)
