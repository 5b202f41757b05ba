"""N08 at fixed n and p: small noise, and what becomes of the transition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest
from lemmata.harness.scaling import ExponentTest
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Nadler 2008, Ann. Statist. 36(6)"

# --- N08-4: small noise ---------------------------------------------------------------------------

_SAMPLES = sizes(1, 10**6)
_DIMENSIONS = sizes(2, 10**6)
_FAINT = log_uniform(1e5, 1e7)


@st.composite
def _faint(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, spike}: so far above the transition that one over that is not seen."""
    n, p = draw(_SAMPLES), draw(_DIMENSIONS)
    return {"n": n, "p": p, "spike": draw(_FAINT) * max(1.0, p / n)}


def _squared_sines(point: Point, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Eigenvalue over the spike, and s sin^2; at least the smallest that a float can tell."""
    n, p, spike = point["n"], point["p"], point["spike"]
    eigenvalue, overlap = impl.reduced_draws(n, p, spike, size=size, rng=rng)
    return eigenvalue / spike, np.maximum(1 - overlap, 2**-53) * spike


def _far_from_printed(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether sin is off the printed one by a tenth."""
    _, squares = _squared_sines(point, rng, size)
    printed = (point["p"] - 1) / point["n"]
    return np.asarray(np.abs(np.sqrt(squares / printed) - 1) > 0.1, dtype=np.float64)


def _sampled_law(point: Point, rng: np.random.Generator, size: int) -> Array:
    values, squares = _squared_sines(point, rng, size)
    return np.column_stack([np.log(squares), np.log(values)])


def _limiting_law(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The chi^2 of the noise across u over that of the signal, which the eigenvalue shows too."""
    n, p = point["n"], point["p"]
    signal, noise = rng.chisquare(n, size), rng.chisquare(p - 1, size)
    squares = np.maximum(noise / signal, point["spike"] * 2**-53)
    return np.column_stack([np.log(squares), np.log(signal / n)])


_FEW_SAMPLES = st.integers(12, 40)
_SHAPES = st.integers(50, 200)
_STRENGTHS = log_uniform(30.0, 60.0)


@st.composite
def _strong(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, spike}: p/n from 1/2 to 2, the spike 30 to 60 times max(1, p/n)."""
    n = draw(_FEW_SAMPLES)
    p = 1 + n * draw(_SHAPES) // 100
    return {"n": n, "p": p, "spike": draw(_STRENGTHS) * max(1.0, p / n)}


#: sin^2 is at most 1: at those points, so much in units of its mean.
_MOST = 130.0
#: The third order, which is of the order of (1 + p/n)^2 / spike^2.
_THIRD_ORDER = 0.01


def _mean_ratio(point: Point, rng: np.random.Generator, size: int) -> Array:
    """sin^2 over its mean to second order."""
    leading, correction = theory.small_noise_sine(point["spike"], point["n"], point["p"])
    _, overlap = impl.reduced_draws(point["n"], point["p"], point["spike"], size=size, rng=rng)
    return np.asarray((1 - overlap) / (leading * (1 + correction)))


def _second_order() -> dict[str, sympy.Expr]:
    """The squared sine by perturbation theory, and its mean by the moments of chi squares.

    In the basis of u and of what the data have across it, n S is [[a, b'], [b, C]]. Its top
    eigenvector is (1, v), (a + b'v) v = b + C v. Beside a, b'b and C are of order e. To the order
    in question b'b and b'C b are all that matters, and two coordinates across u, b along the first,
    leave these free.
    """
    e, a, b, c, f, g = sympy.symbols("e a b c f g", positive=True)
    # v in units of sqrt(e).
    v1, v2 = b / a + e * (c * b / a**2 - b**3 / a**3), e * f * b / a**2
    first = (a + e * b * v1) * v1 - b - e * (c * v1 + f * v2)
    second = (a + e * b * v1) * v2 - e * (f * v1 + g * v2)
    tangent = e * (v1**2 + v2**2)
    # tan^2 - tan^4 is sin^2 to the same order.
    sine = e * b**2 / a**2 + e**2 * (2 * c * b**2 / a**3 - 3 * b**4 / a**4)

    def up_to(expression: sympy.Expr, order: int) -> sympy.Expr:
        expanded = sympy.expand(expression)
        return sum((expanded.coeff(e, k) * e**k for k in range(order + 1)), sympy.Integer(0))

    # b'b = (1 + s) N y, b'C b = (1 + s) N (y^2 + y w), a = (1 + s) N with independent chi squares:
    # N of n degrees of freedom, y of p - 1, w of n - 1.
    n, p, s, k = sympy.symbols("n p s k", positive=True)
    inverse, inverse_square = 1 / (n - 2), 1 / ((n - 2) * (n - 4))
    y, y2, w = p - 1, (p - 1) * (p + 1), n - 1
    mean = y * inverse / (1 + s) + (2 * (y2 + y * w) - 3 * y2) * inverse_square / (1 + s) ** 2
    claimed = (p - 1) / (s * (n - 2)) * (1 + (n - p + 1) / (s * (n - 4)))
    off = sympy.together((mean - claimed).subs(s, 1 / k))
    moment = sympy.gamma(n / 2 - k) / sympy.gamma(n / 2) / 2**k
    return {
        "top eigenvector, first coordinate": up_to(first, 1),
        "top eigenvector, second coordinate": up_to(second, 1),
        "squared sine": up_to(tangent - tangent**2 - sine, 2),
        "mean of 1 / chi^2": sympy.gammasimp(moment.subs(k, 1)) - inverse,
        "mean of 1 / chi^4": sympy.gammasimp(moment.subs(k, 2)) - inverse_square,
        **{f"mean, order {j}": sympy.diff(off, k, j).subs(k, 0) for j in (0, 1, 2)},
    }


def _small_noise_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """The correction, times s: measured on the same random numbers at two spikes, with 95 %."""
    found: Constants = {}
    for n, p in ((12, 24), (40, 10)):
        weak, strong = 1e3, 1e7

        def scaled(spike: float, n: int = n, p: int = p) -> Array:
            _, overlap = impl.reduced_draws(n, p, spike, size=40_000, rng=1)
            return np.asarray((1 - overlap) * spike * (n - 2) / (p - 1))

        shift = (scaled(weak) - scaled(strong)) * weak
        reach = 1.96 * float(shift.std()) / math.sqrt(shift.size)
        mean = float(shift.mean())
        found[f"first correction times s, n = {n}, p = {p}, measured"] = (
            mean - reach,
            mean + reach,
        )
        predicted = float(theory.small_noise_sine(1.0, n, p)[1])
        found[f"first correction times s, n = {n}, p = {p}, (n - p + 1) / (n - 4)"] = predicted
    return found


# --- N08-5: no transition at finite n and p -------------------------------------------------------

_HANDFUL = sizes(2, 300)
_NEAR = st.integers(50, 200).map(lambda k: k / 100)
_APART = log_uniform(1e-3, 0.3)


@st.composite
def _near(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, ratio, apart}: a spike about the critical one, and a slightly larger one."""
    return {
        "n": draw(_HANDFUL),
        "p": draw(_HANDFUL),
        "ratio": draw(_NEAR),
        "apart": draw(_APART),
    }


def _spike(point: Point) -> float:
    return float(point["ratio"] * math.sqrt(point["p"] / point["n"]))


def _overlaps(point: Point, rng: np.random.Generator, size: int) -> Array:
    return impl.reduced_draws(point["n"], point["p"], _spike(point), size=size, rng=rng)[1]


def _rises(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much the overlap is larger at the larger spike, on the same random numbers."""
    seed = int(rng.integers(2**63))
    n, p, spike = point["n"], point["p"], _spike(point)
    low, high = (
        impl.reduced_draws(n, p, s, size=size, rng=seed)[1]
        for s in (spike, spike * (1 + point["apart"]))
    )
    return np.asarray(high - low)


def _largest_rise(point: Point) -> float:
    """Pinsker's bound of how far the two laws of the data are apart in total variation.

    They are those of n normal variables of variances 1 + s and 1 + s', and of the same rest.
    """
    spike = _spike(point)
    excess = spike * point["apart"] / (1 + spike)
    divergence = 0.5 * point["n"] * (excess - math.log1p(excess))
    return min(1.0, math.sqrt(0.5 * divergence))


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


def _slope_constants(outcomes: Sequence[Outcome]) -> Constants:
    low, high = outcomes[-1].figures["interval"]
    means = outcomes[-1].figures["geometric_means"]
    return {
        "exponent of the slope in n": (low, high),
        "slope in log s at the largest n": means[-1],
        "slope of the limit, just above the transition": 2 / (1 + math.sqrt(_GAMMA)),
    }


_SINE = r"\sin\theta = \frac{\sigma}{\kappa}\sqrt{\frac{p-1}{n}}\,(1 + o(1)),\quad \sigma \to 0"

CLAIMS = (
    Claim(
        id="N08-4",
        title="small noise at fixed n, p: the sine of the angle is (sigma/kappa) sqrt((p-1)/n)",
        source=f"{_SOURCE}, Theorem 2.2",
        statement=_SINE,
        reading="as printed: the sine of a sample, at any fixed n and p, s = kappa^2/sigma^2",
        evidence=(
            MeanTest(
                domain=_faint(),
                draw=_far_from_printed,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.05,
                bounds=(0.0, 1.0),
                routes=("the printed sine", "impl: the exact reduction, s from 10^5"),
                first=256,
            ),
        ),
        needs=("N08-8",),
        note="At fixed n and p the ratio of the two sides stays random however small the noise is:"
        " its square tends to a quotient of two independent mean squares (N08-4r). A draw counts if"
        " it is off by a tenth.",
    ),
    Claim(
        id="N08-4r",
        title="small noise at fixed n, p: the squared sine is a quotient of chi squares",
        source=f"{_SOURCE}, Theorem 2.2",
        statement=r"s \sin^2\theta \to \chi^2_{p-1}/\chi^2_n,\quad"
        r" E\sin^2\theta = \frac{p-1}{s(n-2)}\Big(1 + \frac{n-p+1}{s(n-4)} + O(s^{-2})\Big)",
        reading="s = kappa^2/sigma^2 to infinity at fixed n and p; the mean for n > 4",
        evidence=(
            LawTest(
                domain=_faint(),
                left=_sampled_law,
                right=_limiting_law,
                effect=0.08,
                routes=("impl: the exact reduction, s from 10^5", "independent chi squares"),
            ),
            MeanTest(
                domain=_strong(),
                draw=_mean_ratio,
                allowed=lambda _point: (1 - _THIRD_ORDER, 1 + _THIRD_ORDER),
                effect=0.06,
                bounds=(0.0, _MOST),
                routes=("theory: two orders of the mean", "impl: the exact reduction, s from 30"),
                first=16384,
            ),
            Symbolic(
                residuals=_second_order,
                routes=("SymPy: perturbation theory", "SymPy: moments of chi squares"),
            ),
        ),
        repairs="N08-4",
        needs=("N08-8",),
        constants=_small_noise_constants,
        note="To first order u-hat is u + sum z_i eps_i / (kappa sum z_i^2), z_i the n coefficients"
        " and eps_i the noise across u: given z normal of variance sigma^2/(kappa^2 sum z_i^2) in"
        " p - 1 directions. The printed sine is the root mean square for n to infinity, and what"
        " every sample has for n and p to infinity. The joint law with the eigenvalue is tested,"
        " which is s sum z_i^2 / n.",
    ),
    Claim(
        id="N08-5",
        title="at finite n and p no sharp transition, but a sudden loss of tracking",
        source=_SOURCE,
        statement=r"|E\langle\hat u,u\rangle^2_{s'} - E\langle\hat u,u\rangle^2_s| \le"
        r" d_{TV} = O(\sqrt n\,|s'-s|),\quad E\langle\hat u,u\rangle^2 > 1/p,\quad"
        r" \partial_{\log s}\log E\langle\hat u,u\rangle^2|_{s=\sqrt\gamma} \sim n^{1/3}",
        reading="no sharp transition: the mean overlap is continuous in s, more than a random"
        " vector's 1/p below the transition, and rises. Sudden: at the transition the overlap falls"
        " by any given factor within a window of s that shrinks like n^(-1/3)",
        evidence=(
            MeanTest(
                domain=_near(),
                draw=_rises,
                allowed=lambda point: (0.0, _largest_rise(point)),
                effect=0.03,
                bounds=(-1.0, 1.0),
                routes=("Pinsker's inequality", "impl: the exact reduction at two spikes"),
            ),
            MeanTest(
                domain=_near(),
                draw=_overlaps,
                allowed=lambda point: (1 / point["p"], 1.0),
                effect=0.02,
                bounds=(0.0, 1.0),
                routes=("isotropy: 1/p at s = 0", "impl: the exact reduction"),
            ),
            _slope_test(relative=True, sizes_=(10**4, 10**5, 10**6, 10**7), effect=0.08),
        ),
        needs=("N08-8",),
        constants=lambda outcomes: {
            "exponent of the relative slope in n": tuple(outcomes[-1].figures["interval"])
        },
        note="What is computed from the data and at most one has a mean that moves by no more"
        " than the law of the data does: at finite n there is no jump.",
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
