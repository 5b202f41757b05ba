"""N08: the spiked covariance model, at sizes that no matrix can hold and against the matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from lemmata import impl, theory
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Nadler 2008; Paul 2007; Baik, Ben Arous & Peche 2005"

Array = NDArray[np.float64]
Draws = Callable[..., tuple[Array, Array]]

#: The smaller of n and p in the checks of the limits.
_LARGE = 10**8
#: The limit is missed by a draw that is further away than this: relatively for the eigenvalue,
#: absolutely for the squared overlap. Draws may miss a right limit too, by the law's own width
#: at this size: the tests allow a share of them.
_MISS = {"eigenvalue": 1e-3, "overlap": 1e-2}


@st.composite
def _limits(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, ratio, sigma2}: p/n, the spike over its critical value, the noise variance."""
    below = st.integers(0, 100).map(lambda k: k / 100)
    near = log_uniform(1e-3, 1.0).map(lambda x: 1 + x)
    above = log_uniform(1.0, 1e6)
    return {
        "gamma": draw(log_uniform(1e-3, 1e3)),
        "ratio": draw(st.one_of(above, near, below)),
        "sigma2": draw(_VARIANCES),
    }


@st.composite
def _between(draw: st.DrawFn) -> dict[str, Any]:
    """The same where no limit is next to those of weak or of strong spikes."""
    return {
        "gamma": draw(log_uniform(1e-2, 1e2)),
        "ratio": draw(log_uniform(0.2, 20.0).map(lambda x: 1 + x)),
        "sigma2": draw(_VARIANCES),
    }


_VARIANCES = log_uniform(1e-3, 1e3)


def _sizes(gamma: float, smaller: int) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them as given."""
    if gamma <= 1:
        return round(smaller / gamma), smaller
    return smaller, round(smaller * gamma)


def _misses(quantity: str) -> Callable[[Point, np.random.Generator, int], Array]:
    """Indicator that a draw misses the limit."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        n, p = _sizes(point["gamma"], _LARGE)
        gamma = p / n
        spike = point["ratio"] * float(theory.critical_spike(gamma))
        noise = point["sigma2"]
        eigenvalue, overlap = impl.reduced_draws(n, p, spike, sigma2=noise, size=size, rng=rng)
        if quantity == "eigenvalue":
            off = eigenvalue / theory.spiked_eigenvalue(spike, gamma, noise) - 1
        else:
            off = overlap - theory.spiked_overlap(spike, gamma)
        return (np.abs(off) > _MISS[quantity]).astype(np.float64)

    return draw


def _limit_test(quantity: str, domain: st.SearchStrategy[Point]) -> MeanTest:
    return MeanTest(
        domain=domain,
        draw=_misses(quantity),
        allowed=lambda _point: (0.0, 0.1),
        effect=0.35,
        bounds=(0.0, 1.0),
        routes=("theory: the limit", "impl: the exact reduction at min(n, p) = 10^8"),
        first=160,
    )


def _as_nadler_prints_them() -> dict[str, sympy.Expr]:
    """Differences of the forms in kappa, sigma and n/p from those in s and gamma, and of where."""
    kappa, sigma, n, p = sympy.symbols("kappa sigma n p", positive=True)
    gamma, s = p / n, kappa**2 / sigma**2
    strength = (n / p) * kappa**4 / sigma**4
    return {
        "squared overlap": (strength - 1) / (strength + kappa**2 / sigma**2)
        - (1 - gamma / s**2) / (1 + gamma / s),
        "eigenvalue": (kappa**2 + sigma**2) * (1 + (p / n) * sigma**2 / kappa**2)
        - sigma**2 * (1 + s) * (1 + gamma / s),
        "transition, n/p = sigma^4/kappa^4": strength - (s / sympy.sqrt(gamma)) ** 2,
    }


_NADLER = Symbolic(
    residuals=_as_nadler_prints_them,
    routes=("Nadler's form, in kappa, sigma and n/p", "the form in s = kappa^2/sigma^2 and gamma"),
)

_LADDER = tuple(10**k for k in range(3, 8))
_LADDER_GAMMA = 0.5
_LADDER_DRAWS = 200


def _exponents(quantity: str) -> Constants:
    """Slopes of log mean abs(error) in log n at gamma = 1/2, with 95 % intervals of the fit."""
    rng = np.random.default_rng(0)
    found: Constants = {}
    for place, ratio in (("above", 2.0), ("at", 1.0), ("below", 0.5)):
        spike = ratio * float(theory.critical_spike(_LADDER_GAMMA))
        limit = {
            "eigenvalue": theory.spiked_eigenvalue(spike, _LADDER_GAMMA),
            "overlap": theory.spiked_overlap(spike, _LADDER_GAMMA),
        }[quantity]
        errors = []
        for n in _LADDER:
            draws = impl.reduced_draws(
                n, round(_LADDER_GAMMA * n), spike, size=_LADDER_DRAWS, rng=rng
            )
            values = draws[0] if quantity == "eigenvalue" else draws[1]
            errors.append(float(np.abs(values - limit).mean()))
        fit = stats.linregress(np.log(_LADDER), np.log(errors))
        reach = float(stats.t.ppf(0.975, len(_LADDER) - 2)) * float(fit.stderr)
        name = f"exponent of the error in n, {place} the transition"
        found[name] = (float(fit.slope) - reach, float(fit.slope) + reach)
    return found


@st.composite
def _small(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes at which every degree of freedom shows."""
    return {"n": draw(_FEW), "p": draw(_FEW), "spike": draw(_SPIKES)}


@st.composite
def _truncated(draw: st.DrawFn) -> dict[str, Any]:
    """Sizes at which only a leading block is drawn."""
    return {"n": draw(_MANY), "p": draw(_MANY), "spike": draw(_SPIKES)}


_FEW = st.one_of(st.integers(1, 4), st.integers(1, 12))
_MANY = st.integers(34, 42)
_SPIKES = st.one_of(st.just(0.0), log_uniform(1e-2, 1e2))


def _pairs(draws: Draws) -> Callable[[Point, np.random.Generator, int], Array]:
    """(log eigenvalue, overlap) as pairs of comparable size."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        eigenvalue, overlap = draws(point["n"], point["p"], point["spike"], size=size, rng=rng)
        return np.column_stack([np.log(eigenvalue), overlap])

    return draw


def _two_sample_figures(outcomes: Sequence[Outcome]) -> Constants:
    """What the two-sample tests spent and found."""
    measured = [outcome.figures for outcome in outcomes if "error" in outcome.figures]
    return {
        "error level of the two-sample tests": float(sum(f["error"] for f in measured)),
        "Kolmogorov distance, small sizes": (0.0, float(measured[0]["largest_gap"])),
        "Kolmogorov distance, truncated": (0.0, float(measured[-1]["largest_gap"])),
    }


_ROUTES = ("impl: the n x p matrix, dense", "impl: the tridiagonal model")

CLAIMS = (
    Claim(
        id="N08-1",
        title="limit of the top sample eigenvalue",
        source=_SOURCE,
        statement=r"\hat\lambda_1 \to \sigma^2(1+s)(1+\gamma/s) \text{ for } s > \sqrt\gamma,"
        r" \text{ else } \sigma^2(1+\sqrt\gamma)^2",
        reading="in probability, as n and p grow with p/n = gamma; gamma from 10^-3 to 10^3, s"
        " from 0 to 10^6 times the critical one, sigma^2 from 10^-3 to 10^3",
        evidence=(
            _limit_test("eigenvalue", _limits()),
            _limit_test("eigenvalue", _between()),
            _NADLER,
        ),
        needs=("N08-8",),
        constants=lambda _outcomes: _exponents("eigenvalue"),
        note="At min(n, p) = 10^8 at most 10 % of the draws may miss the limit by a thousandth; the"
        " test detects 45 %.",
    ),
    Claim(
        id="N08-2",
        title="limit of the squared overlap of sample and true eigenvector",
        source=_SOURCE,
        statement=r"\langle \hat u, u\rangle^2 \to \frac{1-\gamma/s^2}{1+\gamma/s}"
        r" = \frac{\frac np\frac{\kappa^4}{\sigma^4} - 1}"
        r"{\frac np\frac{\kappa^4}{\sigma^4} + \frac{\kappa^2}{\sigma^2}}"
        r" \text{ for } s > \sqrt\gamma, \text{ else } 0",
        reading="in probability, as n and p grow with p/n = gamma; the second form is Nadler's, in"
        " kappa, sigma and n/p, with s = kappa^2/sigma^2. Domain as in N08-1",
        evidence=(
            _limit_test("overlap", _limits()),
            _limit_test("overlap", _between()),
            _NADLER,
        ),
        needs=("N08-8",),
        constants=lambda _outcomes: _exponents("overlap"),
        note="At min(n, p) = 10^8 at most 10 % of the draws may miss the limit by a hundredth; the"
        " test detects 45 %.",
    ),
    Claim(
        id="N08-8",
        title="the exact reduction has the law of the dense computation",
        source="Dumitriu & Edelman 2002; Bloemendal & Virag 2013",
        statement=r"(\hat\lambda_1, \langle\hat u, u\rangle^2) \text{ of the tridiagonal model}"
        r" \stackrel{d}{=} \text{ of the } n \times p \text{ matrix}",
        reading="at sizes whose matrices can be drawn tens of thousands of times: n and p up to 12,"
        " where all of the tridiagonal matrix is drawn, and from 34 to 42, where a leading block"
        " is; no degree of freedom enters at larger sizes that does not at these",
        evidence=(
            LawTest(
                domain=_small(),
                left=_pairs(impl.dense_draws),
                right=_pairs(impl.reduced_draws),
                effect=0.05,
                routes=_ROUTES,
                first=2304,
            ),
            LawTest(
                domain=_truncated(),
                left=_pairs(impl.dense_draws),
                right=_pairs(impl.reduced_draws),
                effect=0.25,
                routes=_ROUTES,
                first=704,
            ),
        ),
        constants=_two_sample_figures,
        note="Kolmogorov distance on eight projections of (log eigenvalue, overlap). The smaller"
        " effect, at small sizes, is what one degree of freedom too many or too few exceeds; the"
        " larger is for sizes at which the reduction truncates and a dense draw is dear.",
    ),
)
