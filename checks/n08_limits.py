"""N08: the transition and the fluctuations above it, at sizes next to infinity."""

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
    """Exponents, and the two quantities themselves against n, with 95 % intervals."""
    found: Constants = {}
    rng = np.random.default_rng(0)
    for outcome, name, draw in zip(
        outcomes[1:],
        ("mean overlap at it", "width of the window"),
        (_mean_at_transition, _width),
        strict=True,
    ):
        low, high = outcome.figures["interval"]
        found[f"exponent in n of the {name}"] = (low, high)
        for n in (10**3, 10**5):
            values = [draw(n, rng) * n ** (1 / 3) for _ in range(8)]
            found[f"{name}, times n^(1/3), n = {n}"] = mean_interval(values)
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


def _cosines(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Cosines of the errors: their mean knows the variance, and they are bounded."""
    return np.cos(_errors(point, rng, size))


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


_OVERLAP = r"\langle\hat u, u\rangle^2"

CLAIMS = (
    Claim(
        id="N08-3",
        title="the phase transition is at s = sqrt(gamma)",
        source=_SOURCE,
        statement=rf"\lim {_OVERLAP} > 0 \text{{ for }} s > \sqrt\gamma,"
        rf"\quad {_OVERLAP} \to 0 \text{{ for }} s < \sqrt\gamma",
        reading="for gamma from 10^-3 to 10^3; exponents are measured at gamma = 1/2",
        evidence=(
            MeanTest(
                domain=_sides(),
                draw=_wrong_side,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: half the limit above", "impl: the exact reduction at 10^6"),
                first=160,
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
        reading="the limit is taken at gamma = p/n of the sample itself; s > sqrt(gamma) is fixed,"
        " from 1.5 to 10^4 times it: nearer, n = 10^7 is not yet large",
        evidence=(
            LawTest(
                domain=_above(),
                left=_error_pairs,
                right=_normal_pairs,
                effect=0.1,
                routes=("impl: the exact reduction at min(n, p) = 10^7", "theory: the normal law"),
            ),
            MeanTest(
                domain=_above(),
                draw=_cosines,
                allowed=lambda _point: (math.exp(-0.5), math.exp(-0.5)),
                effect=0.03,
                bounds=(-1.0, 1.0),
                routes=(
                    "impl: the exact reduction at min(n, p) = 10^7",
                    "theory: the variance; E cos z = exp(-1/2) of a standard normal z",
                ),
                first=16384,
            ),
        ),
        needs=("N08-8",),
        constants=_fluctuation_constants,
        note="Two independent errors in one pair; and the mean of the error's cosine, which a"
        " variance off by a tenth moves by 0.03. With a gamma that is off by x the centre moves by"
        " sigma^2 (1 + 1/s) x: p/n must be within o(n^(-1/2)) of its limit if that is used.",
    ),
)
