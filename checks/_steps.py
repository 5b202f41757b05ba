"""One step of a chain of projections, and short chains: dense, reduced, and in the limit."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._chain import decays, sizes_at, strong_chains
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.sampling import MeanTest

__all__ = [
    "ANY_GAP",
    "DENSE",
    "NARROW",
    "REDUCED",
    "WIDE",
    "Draw",
    "dense",
    "inside",
    "limit_test",
    "overlaps_at",
    "short_chains",
]

Array = NDArray[np.float64]
Draw = Callable[[Point, np.random.Generator, int], Array]

DENSE = "impl: n samples a step, their eigenvectors, the product of projections"
REDUCED = "impl: the exact reduction of the overlaps"

#: Ratios of neighbouring eigenvalues: apart by two or more, by a thousandth or more, or equal too.
WIDE = log_uniform(1e-2, 0.5)
NARROW = st.one_of(
    log_uniform(1e-3, 0.5).map(lambda gap: 1 - gap), st.sampled_from([0.5, 0.9, 0.99, 0.999])
)
ANY_GAP = st.sampled_from([0.5, 1.0, 0.999, 0.1, 0.9])

#: The least eigenvalue, of the largest: below that its direction is lost in rounding.
_FLOOR = 2e-5
#: A draw costs the cube of p: few have the largest ranks.
_RANKS = st.sampled_from([2, 3, 2, 4, 2, 3, 2, 3, 2, 4, 2, 3, 2, 8, 2, 3, 16])
_MORE = st.integers(0, 6)
#: From this rank on one step is drawn, since each costs as much as all others.
_LONE = 16
#: Most of them where a direction is partly lost: that is where a wrong step shows.
_LEVELS = st.one_of(log_uniform(0.3, 10.0), log_uniform(1.0, 30.0), log_uniform(1e-2, 1e6))
_NOISES = st.one_of(st.just(1.0), log_uniform(0.25, 4.0))
_LENGTHS = st.integers(1, 3)


@st.composite
def short_chains(
    draw: st.DrawFn,
    *,
    ratios: SearchStrategy[float],
    steps: SearchStrategy[int] = _LENGTHS,
    margin: int = 0,
) -> dict[str, Any]:
    """Points {n, p, eigenvalues, noise}: 2 to 16 directions, a noise variance a step.

    Up to three steps, one for 16 directions. `ratios` are those of neighbouring eigenvalues,
    `margin` the least p less r.
    """
    rank = draw(_RANKS)
    values = [draw(_LEVELS)]
    least = _FLOOR ** (1 / (rank - 1))
    for _ in range(rank - 1):
        values.append(values[-1] * max(draw(ratios), least))
    return {
        "n": rank + draw(_MORE),
        "p": rank + margin + draw(_MORE),
        "eigenvalues": values,
        "noise": [draw(_NOISES) for _ in range(draw(steps) if rank < _LONE else 1)],
    }


def inside(overlaps: Array) -> Array:
    """U^T P U of draws of C."""
    return np.asarray(overlaps @ overlaps.transpose(0, 2, 1))


def overlaps_at(point: Point, noise: float, rng: np.random.Generator, size: int) -> Array:
    """Draws of C at one noise variance, by the reduction."""
    spikes = np.asarray(point["eigenvalues"]) / noise
    return impl.reduced_overlaps(point["n"], point["p"], spikes, size=size, rng=rng).overlaps


def dense(
    point: Point, rng: np.random.Generator, size: int, data: Literal["fresh", "fixed", "frozen"]
) -> Array:
    """The product of the projections of a point's chain."""
    return impl.dense_chain(
        point["n"], point["p"], point["eigenvalues"], point["noise"], data=data, size=size, rng=rng
    )


# --- The limit ------------------------------------------------------------------------------------

#: Sizes at which a limit is reached to about a thousandth.
_LARGE = 10**7
#: A draw that is further than this from the limit misses it.
_MISS = 0.02


def _misses(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Indicator that a draw of the diagonal of U^T P_1 ... P_T U misses the limit of its mean."""
    n, p = sizes_at(point["gamma"], _LARGE)
    products, logs = impl.chain_products(
        n, p, point["eigenvalues"], point["noise"], size=size, rng=rng
    )
    spikes = np.asarray(point["eigenvalues"]) / np.asarray(point["noise"])[:, None]
    decay = decays(spikes, point["gamma"])
    # In units of the leading weight, which a long chain makes small.
    found = np.diagonal(products, axis1=1, axis2=2) * np.exp(logs + decay[0])[:, None]
    off = np.abs(found - np.exp(decay[0] - decay)).max(axis=1)
    return np.asarray(off > _MISS, dtype=np.float64)


def limit_test(longest: int) -> MeanTest:
    """Whether chains of up to so many steps at large sizes are where theory's limit puts them."""
    return MeanTest(
        domain=strong_chains(longest=longest),
        draw=_misses,
        allowed=lambda _point: (0.0, 0.1),
        effect=0.35,
        bounds=(0.0, 1.0),
        routes=(
            "theory: the limit of the mean",
            f"impl: chains at min(n, p) = 10^{round(math.log10(_LARGE))}, nothing of size p built",
        ),
        first=128,
    )
