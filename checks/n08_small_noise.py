"""N08-4 at fixed n and p: what the angle is at small noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import gammaln

from lemmata import impl, theory
from lemmata.checks._bars import mean_interval
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

_SAMPLES = sizes(1, 10**9)
_DIMENSIONS = sizes(2, 10**9)
_MANY_SAMPLES = sizes(10**5, 10**9)
_FAINT = log_uniform(1e5, 1e7)


@st.composite
def _faint(
    draw: st.DrawFn,
    samples: st.SearchStrategy[int] = _SAMPLES,
    dimensions: st.SearchStrategy[int] = _DIMENSIONS,
) -> dict[str, Any]:
    """Points {n, p, spike}: so far above the transition that one over that is not seen."""
    n, p = draw(samples), draw(dimensions)
    # Not beside the eigenvalue's fluctuations either, which are of the order of n^(-1/2).
    spike = draw(_FAINT) * max(1.0, p / n) * max(1.0, math.sqrt(n) / 1e3)
    # Squared sines of 10^-12, so that few are lost to the rounding of 1 - cos^2.
    return {"n": n, "p": p, "spike": min(spike, 1e12 * p / n)}


def _squared_sines(point: Point, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
    """Eigenvalue over 1 + s, and s sin^2; at least the smallest that a float can tell."""
    n, p, spike = point["n"], point["p"], point["spike"]
    eigenvalue, overlap = impl.reduced_draws(n, p, spike, size=size, rng=rng)
    return eigenvalue / (1 + spike), np.maximum(1 - overlap, 2**-53) * spike


def _far_from_printed(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether sin is off the printed one by a tenth."""
    _, squares = _squared_sines(point, rng, size)
    printed = (point["p"] - 1) / point["n"]
    return np.asarray(np.abs(np.sqrt(squares / printed) - 1) > 0.1, dtype=np.float64)


_HALF = 0.5


def _error_at(n: float, rng: np.random.Generator) -> float:
    """Mean of |sin / printed - 1| over a few draws, p = n / 2."""
    point = {"n": int(n), "p": round(_HALF * n), "spike": 1e6}
    squares = _squared_sines(point, rng, 64)[1] / ((point["p"] - 1) / point["n"])
    return float(np.abs(np.sqrt(squares) - 1).mean())


def _large_constants(outcomes: Sequence[Outcome]) -> Constants:
    low, high = outcomes[-1].figures["interval"]
    rng = np.random.default_rng(0)
    errors = [_error_at(10**8, rng) * 10**4 for _ in range(16)]
    return {
        "exponent in n of |sin / printed - 1|, p = n/2": (low, high),
        "|sin / printed - 1| times n^(1/2), p = n/2, 95 % interval": mean_interval(errors),
    }


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


# The first correction is what the squared sine, times s, keeps of 1 / s. The same random numbers at
# a spike next to infinity show what there is without it: the difference fluctuates by the size of
# the correction, not of the leading term.
_INFINITY = 1e8
_TENTHS = st.one_of(st.integers(1, 5), st.integers(20, 50))


@st.composite
def _corrected(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, spike}: p/n in [0.1, 0.5] or [2, 5], where the correction is not small."""
    n = draw(st.integers(1000, 4000))
    share = draw(_TENTHS) / 10
    return {"n": n, "p": 1 + round(n * share), "spike": draw(_CLEAR) * max(1.0, share)}


_CLEAR = log_uniform(1e3, 1e4)


def _remainder(point: Point, rng: np.random.Generator, size: int) -> Array:
    """s (s sin^2 less its limit) over the limit's mean, less what theory says; over max(1, p/n)."""
    n, p, spike = point["n"], point["p"], point["spike"]
    scale, seed = max(1.0, p / n), int(rng.integers(2**63))
    strong = _INFINITY * scale
    found, limit = (
        s * (1 - impl.reduced_draws(n, p, s, size=size, rng=seed)[1]) for s in (spike, strong)
    )
    leading, correction = theory.small_noise_sine(spike, n, p)
    difference = spike * (found - limit) / (spike * leading)
    return np.asarray((difference - spike * correction) / scale)


_ORDER = 16
_TAIL = 8


def _remainder_norm(point: Point) -> tuple[int, float]:
    """An upper bound of the remainder's L_q norm, q = 16.

    n S is [[a, b'], [b, C]] with a = (1 + s) N, |b|^2 = a y and C = Z'Z, where N is a chi^2_n
    independent of y, a chi^2_(p-1), and of the n x (p - 1) Gaussian matrix Z. Let c be the largest
    eigenvalue of C, x = c / a. The top eigenvalue lies in [a, a + c], so that tan^2 is at least
    |b|^2 / (a + c)^2 and, if x < 1, at most |b|^2 / (a - c)^2. With L = y / N, which s sin^2 tends
    to, s (s sin^2 - L) is at least - L (1 + 2 c / N + c^2 / ((1 + s) N^2) + y / N); and at most
    2.35 L c / N where x <= 1/10; and at most s^2 (10 x)^8 where not. The largest singular value
    of Z is a Lipschitz function of it, with a mean of at most sqrt(n) + sqrt(p - 1).
    """
    n, p, s = point["n"], point["p"], point["spike"]

    def chi_square(degrees: int, power: float, order: float) -> float:
        moment = gammaln(degrees / 2 + power * order) - gammaln(degrees / 2)
        return float(2**power * np.exp(moment / order))

    def largest(power: float, order: float) -> float:
        q = 2 * power * order
        deviation = math.exp((math.log(q) + q / 2 * math.log(2) + gammaln(q / 2)) / q)
        return float((math.sqrt(n) + math.sqrt(p - 1) + deviation) ** (2 * power))

    q = _ORDER
    y = chi_square(p - 1, 1, 2 * q)
    bound = (
        chi_square(p - 1, 1, q) * chi_square(n, -1, q)
        + 2.35 * y * largest(1, 2 * q) * chi_square(n, -2, q)
        + chi_square(p - 1, 2, q) * chi_square(n, -2, q)
        + y * largest(2, 2 * q) * chi_square(n, -3, q) / (1 + s)
        + s**2 * (10 / (1 + s)) ** _TAIL * largest(_TAIL, q) * chi_square(n, -_TAIL, q)
    )
    # The draws at the large spike are off by as much, times s over it; and less what theory says,
    # whose size is at most 1 + p/n.
    both = bound * (n - 2) / (p - 1) * (1 + s / _INFINITY)
    return q, both / max(1.0, p / n) + 2.0


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
        found[f"first correction times s, n = {n}, p = {p}, measured"] = mean_interval(shift)
        predicted = float(theory.small_noise_sine(1.0, n, p)[1])
        found[f"first correction times s, n = {n}, p = {p}, (n - p + 1) / (n - 4)"] = predicted
    return found


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
        id="N08-4:large",
        title="small noise at large n and p: the sine of the angle is (sigma/kappa) sqrt((p-1)/n)",
        source=f"{_SOURCE}, Theorem 2.2",
        statement=_SINE + r",\quad n, p \to \infty",
        reading="the sine of a sample, where n and p are large too: n and p from 10^5 to 10^9; the"
        " exponent at p = n/2",
        evidence=(
            MeanTest(
                domain=_faint(_MANY_SAMPLES, _MANY_SAMPLES),
                draw=_far_from_printed,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.05,
                bounds=(0.0, 1.0),
                routes=("the printed sine", "impl: the exact reduction, s from 10^5"),
                first=1400,
            ),
            ExponentTest(
                sizes=(10**4, 10**5, 10**6, 10**7, 10**8),
                draw=_error_at,
                allowed=(-0.5, -0.5),
                effect=0.05,
                routes=("the printed sine", "impl: the exact reduction, s = 10^6"),
            ),
        ),
        needs=("N08-8",),
        constants=_large_constants,
        note="The two mean squares of N08-4r tend to one. Of a sample the ratio to the printed sine"
        " is off by the order of min(n, p)^(-1/2); a draw counts if it is off by a tenth.",
    ),
    Claim(
        id="N08-4r",
        title="small noise at fixed n, p: the squared sine is a quotient of chi squares",
        source=f"{_SOURCE}, Theorem 2.2",
        statement=r"s \sin^2\theta \to \chi^2_{p-1}/\chi^2_n,\quad"
        r" E\sin^2\theta = \frac{p-1}{s(n-2)}\Big(1 + \frac{n-p+1}{s(n-4)} + O(s^{-2})\Big)",
        reading="s = kappa^2/sigma^2 to infinity at fixed n and p; the mean for n > 4. The law at n"
        " and p up to 10^9; the mean at n from 12 to 40, where n - 2 is not n; its correction at n"
        " from 1000 to 4000, where it has moments that can be bounded well",
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
            MeanTest(
                domain=_corrected(),
                draw=_remainder,
                allowed=lambda _point: (-0.01, 0.01),
                effect=0.2,
                moment=_remainder_norm,
                routes=(
                    "theory: the correction, at least 1/2 max(1, p/n)",
                    "impl: the exact reduction at two spikes, on the same random numbers",
                ),
                first=24576,
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
        " which is s sum z_i^2 / n. The correction is tested as what is left of the mean beside the"
        " leading term, on the same random numbers; the effect is two fifths of it or less.",
    ),
)
