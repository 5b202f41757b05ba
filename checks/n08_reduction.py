"""N08-8: the exact reduction with several spikes, and with fixed data plus noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
Overlaps = Callable[..., impl.SampleEigenpairs]

_FEW = st.one_of(st.integers(1, 4), st.integers(1, 9))
_MANY = st.integers(44, 56)
_SPIKES = st.one_of(st.just(0.0), log_uniform(1e-2, 1e2))
_SINGULAR = st.one_of(st.just(0.0), log_uniform(1e-1, 3e1))
#: Where the block is short at those sizes, or cut short at the edge.
_TRUNCATING = {
    "spiked": st.one_of(log_uniform(3.0, 1e3), _SPIKES),
    "signal": st.one_of(log_uniform(2e1, 1e3), _SINGULAR),
}
_NOISE = log_uniform(1e-2, 1e2)
_RANKS = {most: st.integers(1, most) for most in (1, 2, 3)}
_LOOKS = st.sampled_from(["first", "last", "cross"])
_TIES = st.booleans()


@st.composite
def _signals(
    draw: st.DrawFn, sizes: st.SearchStrategy[int], values: st.SearchStrategy[float], noisy: bool
) -> dict[str, Any]:
    """Points {n, p, signals, look}: falling spikes or singular values, ties among them too."""
    n, p = draw(sizes), draw(sizes)
    rank = draw(_RANKS[min(n, p, 3)])
    signals = [draw(values)]
    for _ in range(rank - 1):
        signals.append(signals[-1] if draw(_TIES) else draw(values))
    point: dict[str, Any] = {
        "n": n,
        "p": p,
        "signals": sorted(signals, reverse=True),
        "look": draw(_LOOKS),
    }
    if noisy:
        point["sigma"] = draw(_NOISE)
        # The signal in units of the noise.
        point["signals"] = [signal * point["sigma"] for signal in point["signals"]]
    return point


def _looks(function: str) -> Callable[[Point, np.random.Generator, int], Array]:
    """Two numbers of the eigenpairs: (log eigenvalue, overlap) of one, or two that mix them."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        noise: dict[str, Any] = {"sigma": point["sigma"]} if "sigma" in point else {}
        pairs = getattr(impl, function)(
            point["n"], point["p"], point["signals"], size=size, rng=rng, **noise
        )
        squares = np.square(pairs.overlaps)
        if point["look"] == "cross":
            # A cross overlap, and how much of u_1 the sample subspace has.
            return np.column_stack([squares[:, 0, -1], squares[:, 0].sum(axis=1)])
        which = 0 if point["look"] == "first" else -1
        scale = point.get("sigma", 1.0) ** 2
        values = np.log(pairs.eigenvalues[:, which] / scale)
        return np.column_stack([values, squares[:, which, which]])

    return draw


def _law_test(
    model: str,
    sizes: st.SearchStrategy[int],
    values: st.SearchStrategy[float],
    *,
    effect: float,
    first: int,
) -> LawTest:
    infix = "signal_" if model == "signal" else ""
    return LawTest(
        domain=_signals(sizes, values, noisy=model == "signal"),
        left=_looks(f"dense_{infix}overlaps"),
        right=_looks(f"reduced_{infix}overlaps"),
        effect=effect,
        routes=("impl: the n x p matrix, dense", "impl: the band model"),
        first=first,
    )


def _evidence(model: str, values: st.SearchStrategy[float]) -> tuple[LawTest, ...]:
    return (
        _law_test(model, _FEW, values, effect=0.08, first=2048),
        _law_test(model, _MANY, _TRUNCATING[model], effect=0.3, first=512),
    )


def _two_sample_figures(outcomes: Sequence[Outcome]) -> Constants:
    """What the two-sample tests spent and found."""
    measured = [outcome.figures for outcome in outcomes if "error" in outcome.figures]
    return {
        "error level of the two-sample tests": float(sum(f["error"] for f in measured)),
        "Kolmogorov distance, small sizes": (0.0, float(measured[0]["largest_gap"])),
        "Kolmogorov distance, truncated": (0.0, float(measured[-1]["largest_gap"])),
    }


_NOTE = (
    "Kolmogorov distance on eight projections of (log eigenvalue, squared overlap) of the first or"
    " the last pair, or of (a squared cross overlap, the share of u_1 in the sample subspace), for"
    " one to three signals, ties and zeros among them."
)

CLAIMS = (
    Claim(
        id="N08-8:rank-r",
        title="the exact reduction has the law of the dense computation, several spikes",
        source="Dumitriu & Edelman 2002; Bloemendal & Virag 2016",
        statement=r"(\hat\lambda_j, \langle u_i, \hat u_j\rangle)_{i,j\le r}"
        r" \text{ of the band model} \stackrel{d}{=} \text{ of the } n \times p \text{ matrix}",
        evidence=_evidence("spiked", _SPIKES),
        constants=_two_sample_figures,
        note=_NOTE,
    ),
    Claim(
        id="N08-8:signal",
        title="the exact reduction of fixed low-rank data plus noise has the law of the dense one",
        source="Dumitriu & Edelman 2002; Benaych-Georges & Nadakuditi 2012",
        statement=r"(\hat\lambda_j, \langle u_i, \hat u_j\rangle)_{i,j\le r}"
        r" \text{ of the band model} \stackrel{d}{=} \text{ of } A + \sigma G",
        evidence=_evidence("signal", _SINGULAR),
        constants=_two_sample_figures,
        note=_NOTE,
    ),
)
