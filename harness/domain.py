"""Strategies for the domains of claims: sizes, norms over many decades, angles, seeds.

Every value is a short decimal where it can be, so that a shrunk witness can be read aloud; the
strategies shrink towards one (norms), the smallest size (dimensions) and alignment (cosines).
Strategies are built once and reused: Hypothesis examines each new one before it draws from it.
"""

from __future__ import annotations

import functools
import math

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

__all__ = ["cosines", "log_uniform", "points", "seeds", "sizes"]

points = st.fixed_dictionaries

#: Mantissas have three digits.
_FIRST, _LAST = 100, 999
#: Mantissas beyond the last, which stand for an end of the range: claims break at the ends.
_EXTRA = 100
#: Every other size is one of so many at the low end, or the high end.
_FEW = 8


@functools.cache
def log_uniform(low: float, high: float) -> SearchStrategy[float]:
    """Positive floats spread evenly over the decades of [low, high], both ends included.

    Parameters
    ----------
    low, high : float
        0 < low <= high.
    """
    if not 0 < low <= high < math.inf:
        raise ValueError(f"low, high: got {low!r}, {high!r}; need 0 < low <= high < inf")
    low, high = float(low), float(high)
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    # Decades in order of their distance from one: Hypothesis shrinks towards the first.
    decades = sorted(range(first, last + 1), key=lambda k: (abs(k), k))

    def build(decade: int, mantissa: int) -> float:
        if mantissa > _LAST:  # stands for the end, on whose side the decade lies
            at_end = {last: high, first: low if last > first or mantissa % 2 else high}
            return at_end.get(decade, float(f"{_LAST}e{decade - 2}"))
        return min(max(float(f"{mantissa}e{decade - 2}"), low), high)

    return st.builds(build, st.sampled_from(decades), st.integers(_FIRST, _LAST + _EXTRA))


@functools.cache
def sizes(low: int, high: int) -> SearchStrategy[int]:
    """Integers spread evenly over the decades of [low, high]; shrinks to `low`."""
    if not 1 <= low <= high:
        raise ValueError(f"low, high: got {low!r}, {high!r}; need 1 <= low <= high")

    few = st.integers(0, _FEW).map(lambda k: high if k == _FEW else min(low + k, high))
    return st.one_of(few, log_uniform(low, high).map(round))


@st.composite
def cosines(draw: st.DrawFn, smallest: float = 0.0) -> float:
    """Cosines of absolute value in [smallest, 1]: inside, at the ends, and close to them."""
    if not 0 <= smallest <= 1:
        raise ValueError(f"smallest: got {smallest!r}; need a number in [0, 1]")
    place, step = draw(_PLACES), draw(_STEPS)
    share = {
        "one": 1.0,
        "inside": step / 1000,
        "near one": 1 - 10.0 ** -(1 + step % 15),
        "smallest": 0.0,
        "near smallest": 10.0 ** -(1 + step % 15),
    }[place]
    magnitude = min(max(smallest + (1 - smallest) * share, smallest), 1.0)
    # Adding zero turns -0.0 into 0.0.
    return draw(_SIGNS) * magnitude + 0.0


_PLACES = st.sampled_from(
    ["one", "inside", "inside", "near one", "inside", "smallest", "near smallest"]
)
_STEPS = st.integers(0, 1000)
_SIGNS = st.sampled_from([1.0, -1.0])


def seeds() -> SearchStrategy[int]:
    """Seeds for whatever a point holds too much of to list: directions, spectra, data."""
    return st.integers(0, 2**32 - 1)
