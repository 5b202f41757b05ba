"""One projection of a chain, and what it does to mean squares: small points, by the dense route."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform

__all__ = ["estimated_map", "mean_square_after", "moment_points"]

Array = NDArray[np.float64]

_RANKS = st.sampled_from([2, 3, 2, 3, 4, 6])
#: Most of them where a direction is partly lost: that is where a wrong step shows.
_LARGEST = st.one_of(log_uniform(0.3, 10.0), log_uniform(1.0, 30.0), log_uniform(1e-2, 1e6))
_FALLS = st.sampled_from([0.5, 1.0, 0.999, 0.1, 0.9])
_NOISES = st.one_of(st.just(1.0), log_uniform(0.25, 4.0))
_MORE = st.integers(0, 6)
_COMPONENT = st.integers(0, 6)
#: Draws of a map.
_DRAWS = 2048


@st.composite
def moment_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, noise, component}: sizes up to 13, the last component the rest."""
    rank = draw(_RANKS)
    values = [draw(_LARGEST)]
    for _ in range(rank - 1):
        values.append(values[-1] * draw(_FALLS))
    return {
        "n": rank + draw(_MORE),
        "p": rank + 1 + draw(_MORE),
        "eigenvalues": values,
        "noise": draw(_NOISES),
        "component": min(draw(_COMPONENT), rank),
    }


def estimated_map(point: Point) -> Array:
    """The map of the mean squares, from the reduction."""
    return impl.chain_moment_map(
        point["n"], point["p"], point["eigenvalues"], point["noise"], size=_DRAWS, rng=11
    )


def mean_square_after(point: Point, moments: Array, rng: np.random.Generator, size: int) -> Array:
    """The component's mean square after a projection, over vectors with these moments."""
    rank, p, component = len(point["eigenvalues"]), point["p"], point["component"]
    before = np.append(moments[:-1], np.full(p - rank, moments[-1] / (p - rank)))
    steps = impl.dense_chain(
        point["n"], p, point["eigenvalues"], [point["noise"]], size=size, rng=rng
    )
    after = np.square(steps) @ before
    return np.asarray(after[:, component] if component < rank else after[:, rank:].sum(axis=1))
