"""N08-5 at fixed n and p: what becomes of the transition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from lemmata import impl, theory
from lemmata.checks._bars import mean_interval
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest
from lemmata.harness.scaling import ExponentTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Nadler 2008, Ann. Statist. 36(6)"

# --- N08-5: no transition at finite n and p -------------------------------------------------------

_HANDFUL = sizes(1, 300)
_SOME = sizes(2, 300)
_FEW = st.integers(2, 16)
_NEAR = st.integers(50, 200).map(lambda k: k / 100)
_APART = log_uniform(1e-3, 3.0)


@st.composite
def _near(
    draw: st.DrawFn,
    samples: st.SearchStrategy[int] = _HANDFUL,
    dimensions: st.SearchStrategy[int] = _SOME,
) -> dict[str, Any]:
    """Points {n, p, ratio, apart}: a spike about the critical one, and a larger one."""
    return {
        "n": draw(samples),
        "p": draw(dimensions),
        "ratio": draw(_NEAR),
        "apart": draw(_APART),
    }


def _spike(point: Point) -> float:
    return float(point["ratio"] * math.sqrt(point["p"] / point["n"]))


def _risen(overlap: Array, spike: float, larger: float) -> Array:
    """What the overlap rises to if its odds rise as 1 + s does."""
    factor = (1 + larger) / (1 + spike)
    return np.asarray(factor * overlap / (1 - overlap + factor * overlap))


def _rises(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The overlap at the larger spike, less what it rises to by its odds alone."""
    seed = int(rng.integers(2**63))
    n, p, spike = point["n"], point["p"], _spike(point)
    larger = spike * (1 + point["apart"])
    low, high = (impl.reduced_draws(n, p, s, size=size, rng=seed)[1] for s in (spike, larger))
    return np.asarray(high - _risen(low, spike, larger))


def _rises_too_little(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether the odds of the overlap rise by less than 1 + s does, for the same data."""
    seed = int(rng.integers(2**63))
    n, p, spike = point["n"], point["p"], _spike(point)
    larger = spike * (1 + point["apart"])
    low, high = (impl.dense_draws(n, p, s, size=size, rng=seed)[1] for s in (spike, larger))
    # Rounding, over the gap of the eigenvalues.
    slack = 1e-9 + 1e-3 * (_risen(low, spike, larger) - low)
    return np.asarray(high + slack < _risen(low, spike, larger), dtype=np.float64)


def _distance(n: int, spike: float, larger: float) -> float:
    """Pinsker's bound of how far the two laws of the data are apart in total variation.

    They are those of n normal variables of variances 1 + s and 1 + s', and of the same rest.
    """
    excess = (larger - spike) / (1 + spike)
    forth, back = excess - math.log1p(excess), math.log1p(excess) - excess / (1 + excess)
    return min(1.0, math.sqrt(0.25 * n * min(forth, back)))


def _largest_rise(point: Point) -> float:
    return _distance(point["n"], _spike(point), _spike(point) * (1 + point["apart"]))


@st.composite
def _anywhere(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, spike}: none, about the critical one, or any."""
    n, p = draw(_HANDFUL), draw(_SOME)
    near = _NEAR.map(lambda ratio: ratio * math.sqrt(p / n))
    return {"n": n, "p": p, "spike": draw(st.one_of(near, st.just(0.0), _ANY))}


_ANY = log_uniform(1e-3, 1e6)


def _overlaps(point: Point, rng: np.random.Generator, size: int) -> Array:
    return impl.reduced_draws(point["n"], point["p"], point["spike"], size=size, rng=rng)[1]


def _mean_overlaps(point: Point) -> tuple[float, float]:
    """What the mean overlap can be, by what it is without a spike: the odds below, Pinsker above.

    Without one the eigenvector is uniform on the sphere, and the overlap has Beta's law with the
    parameters 1/2 and (p - 1)/2; the integral is over the logarithm of the odds.
    """
    n, p, spike = point["n"], point["p"], point["spike"]
    odds = np.linspace(-70.0, 70.0, 4001)
    weights = np.exp(0.5 * odds - 0.5 * p * np.logaddexp(0.0, odds))
    least = float(weights @ special.expit(odds + math.log1p(spike)) / weights.sum())
    return least, max(least, min(1.0, 1 / p + _distance(n, 0.0, spike)))


_GAMMA = 0.5
_STEP = 1e-3


def _slope(n: float, rng: np.random.Generator, *, relative: bool, draws: int = 48) -> float:
    """Slope of the mean overlap in log s at the transition, on the same random numbers."""
    p, seed = round(_GAMMA * n), int(rng.integers(2**63))
    critical = math.sqrt(p / n)
    low, high = (
        float(impl.reduced_draws(int(n), p, critical * f, size=draws, rng=seed)[1].mean())
        for f in (1 - _STEP, 1 + _STEP)
    )
    slope = (high - low) / math.log((1 + _STEP) / (1 - _STEP))
    return slope / (0.5 * (low + high)) if relative else slope


def _slope_test(*, relative: bool, sizes_: tuple[float, ...], effect: float) -> ExponentTest:
    third = 1 / 3
    return ExponentTest(
        sizes=sizes_,
        draw=lambda n, rng: _slope(n, rng, relative=relative),
        allowed=(third, third),
        effect=effect,
        routes=("impl: the exact reduction at gamma = 1/2, at two spikes", "the window n^(-1/3)"),
        replicates=lambda n: 8 if n > 10**5 else 16,
        short=3,
    )


def _limit_slope() -> float:
    """Slope in log s of the limit of the overlap, just above the transition."""
    critical = float(theory.critical_spike(_GAMMA))

    def quotient(step: float) -> float:
        return float(theory.spiked_overlap(critical * math.exp(step), _GAMMA)) / step

    # Richardson's extrapolation to a step of zero.
    return 2 * quotient(_STEP / 2) - quotient(_STEP)


def _slope_constants(outcomes: Sequence[Outcome]) -> Constants:
    low, high = outcomes[-1].figures["interval"]
    n, rng = outcomes[-1].figures["sizes"][-1], np.random.default_rng(0)
    slopes = [_slope(n, rng, relative=False) for _ in range(8)]
    return {
        "exponent of the slope in n": (low, high),
        f"slope in log s at n = {n}, 95 % interval": mean_interval(slopes),
        "slope of the limit, just above the transition": _limit_slope(),
    }


CLAIMS = (
    Claim(
        id="N08-5",
        title="at finite n and p no sharp transition, but a sudden loss of tracking",
        source=_SOURCE,
        statement=r"|E\langle\hat u,u\rangle^2_{s'} - E\langle\hat u,u\rangle^2_s| \le"
        r" d_{TV} = O(\sqrt n\,|s'-s|),\quad"
        r" \frac{d}{d\log(1+s)} \log\frac{R^2}{1-R^2} \ge 1 \text{ for } R^2 ="
        r" \langle\hat u,u\rangle^2,\quad E\langle\hat u,u\rangle^2 > 1/p,\quad"
        r" \partial_{\log s}\log E\langle\hat u,u\rangle^2|_{s=\sqrt\gamma} \sim n^{1/3}",
        reading="no sharp transition: the mean overlap is continuous in s, more than a random"
        " vector's 1/p below the transition, and rises, for every sample, with odds R^2 / (1 - R^2)"
        " that grow at least as 1 + s does; n and p up to 300, since at larger ones the bounds are"
        " ever further from what there is. Sudden: at the transition the overlap falls"
        " by any given factor within a window of s that shrinks like n^(-1/3)",
        evidence=(
            MeanTest(
                domain=_near(),
                draw=_rises,
                allowed=lambda point: (0.0, _largest_rise(point)),
                effect=0.03,
                bounds=(-1.0, 1.0),
                routes=(
                    "Pinsker's inequality above, the odds below",
                    "impl: the exact reduction at two spikes",
                ),
            ),
            MeanTest(
                domain=_near(_FEW, _FEW),
                draw=_rises_too_little,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=("perturbation theory: the odds", "impl: the same data at two spikes"),
                first=2560,
            ),
            MeanTest(
                domain=_anywhere(),
                draw=_overlaps,
                allowed=_mean_overlaps,
                effect=0.02,
                bounds=(0.0, 1.0),
                routes=(
                    "isotropy at s = 0, the odds below, Pinsker's inequality above",
                    "impl: the exact reduction",
                ),
            ),
            _slope_test(relative=True, sizes_=(10**4, 10**5, 10**6, 10**7), effect=0.08),
        ),
        needs=("N08-8",),
        constants=lambda outcomes: {
            "exponent of the relative slope in n": tuple(outcomes[-1].figures["interval"])
        },
        note="What is computed from the data and at most one has a mean that moves by no more"
        " than the law of the data does: at finite n there is no jump. The odds: log(1 + s) / 2 is"
        " the logarithm of the first coordinate's scale; perturbation theory gives d log u_1 ="
        " sum over j of u_(j,1)^2 (l + l_j) / (l - l_j), at least 1 - u_1^2 as all l_j >= 0. One"
        " sample, n = 1, attains it. Exponents are measured at gamma = 1/2.",
    ),
    Claim(
        id="N08-5:slope",
        title="sudden: the overlap itself falls ever more steeply at the transition as n grows",
        source=_SOURCE,
        statement=r"\partial_{\log s} E\langle\hat u,u\rangle^2|_{s=\sqrt\gamma}"
        r" \sim n^{1/3} \to \infty",
        reading="the loss in absolute terms: the slope of the mean overlap itself",
        evidence=(_slope_test(relative=False, sizes_=(10**3, 10**4, 10**5, 10**6), effect=0.08),),
        needs=("N08-8",),
        constants=_slope_constants,
        note="The limit of N08-2 is continuous, with the slope 2/(1 + sqrt(gamma)) in log s just"
        " above the transition and 0 below. The mean overlap of size n^(-1/3) changes by its own"
        " size in a window of n^(-1/3): the slope stays bounded.",
    ),
)
