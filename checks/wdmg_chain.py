"""WDMG-08, WDMG-09: the mean of a chain of projections onto sample eigenvectors."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from flint import arb
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._bars import mean_interval
from lemmata.checks._chain import (
    ball_overlap,
    ball_spectrum,
    decays,
    far_chains,
    near_transition,
    spikes_at,
    step_decays,
    weight_bound,
)
from lemmata.checks._compare import bound_slack
from lemmata.checks._spectra import digits, digits_spectrum
from lemmata.checks._steps import (
    ANY_GAP,
    DENSE,
    NARROW,
    WIDE,
    Draw,
    dense,
    inside,
    limit_test,
    overlaps_at,
    short_chains,
)
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_THREAD = "Weitzner et al. 2024, review thread"

# --- WDMG-08: the chain ---------------------------------------------------------------------------


@st.composite
def _chain_entries(draw: st.DrawFn) -> dict[str, Any]:
    """A chain, and an entry of the mean of its product."""
    point = draw(_MARGIN_CHAINS)
    point["entry"] = draw(_CHAIN_ENTRY)
    return point


_MARGIN_CHAINS = short_chains(ratios=ANY_GAP, margin=2)
#: Those on the diagonal more often: they are not zero.
_CHAIN_ENTRY = st.sampled_from(
    ["first", "last", "rest", "inside", "first", "last", "rest", "across", "first", "outside"]
)


def _against_steps(data: Literal["fresh", "fixed"]) -> Draw:
    """An entry of the product, minus a product of independent draws with the mean of each step."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        product = dense(point, rng, size, data)
        rank, p = len(point["eigenvalues"]), point["p"]
        mixed = {"inside": (0, 1), "across": (0, rank), "outside": (rank, rank + 1)}
        if point["entry"] in mixed:
            row, column = mixed[point["entry"]]
            return np.asarray(product[:, row, column])
        expected = np.ones(size)
        for noise in point["noise"]:
            if data == "fresh":
                overlaps = overlaps_at(point, noise, rng, size)
            else:
                values = np.sqrt(point["n"] * np.asarray(point["eigenvalues"]))
                overlaps = impl.reduced_signal_overlaps(
                    point["n"], p, values, sigma=math.sqrt(noise), size=size, rng=rng
                ).overlaps
            kept = np.diagonal(inside(overlaps), axis1=1, axis2=2)
            expected = (
                expected
                * {
                    "first": kept[:, 0],
                    "last": kept[:, -1],
                    "rest": (rank - kept.sum(axis=1)) / (p - rank),
                }[point["entry"]]
            )
        found = {
            "first": product[:, 0, 0],
            "last": product[:, rank - 1, rank - 1],
            "rest": np.diagonal(product, axis1=1, axis2=2)[:, rank:].mean(axis=1),
        }[point["entry"]]
        return np.asarray(found - expected)

    return draw


def _product_test(data: Literal["fresh", "fixed"]) -> MeanTest:
    return MeanTest(
        domain=_chain_entries(),
        draw=_against_steps(data),
        allowed=lambda _point: (0.0, 0.0),
        effect=0.06,
        bounds=(-2.0, 1.0),
        routes=(DENSE, "impl: independent draws of every step, by the exact reduction"),
        first=1024,
    )


def _literal(power: int) -> Draw:
    """The leading entry of the product, minus the product of (powers of) the cosines."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        product = dense(point, rng, size, "fresh")[:, 0, 0]
        expected = np.ones(size)
        for noise in point["noise"]:
            expected *= np.abs(overlaps_at(point, noise, rng, size)[:, 0, 0]) ** power
        return np.asarray(product - expected)

    return draw


def _literal_test(power: int, ratios: SearchStrategy[float], gaps: str) -> MeanTest:
    return MeanTest(
        domain=short_chains(ratios=ratios),
        draw=_literal(power),
        allowed=lambda _point: (0.0, 0.0),
        effect=0.06,
        bounds=(-2.0, 1.0),
        routes=(f"{DENSE}, {gaps}", "impl: the cosines of the angles, by the exact reduction"),
        first=512,
    )


def _literal_tests(power: int) -> tuple[MeanTest, ...]:
    return (
        _literal_test(power, WIDE, "neighbours apart by a factor of two"),
        _literal_test(power, NARROW, "neighbours apart by a thousandth"),
    )


#: Long chains at constant noise that fresh samples would drive to the first direction.
_PAIRS = st.fixed_dictionaries(
    {
        "n": st.integers(4, 12),
        "p": st.integers(4, 6),
        "eigenvalues": st.sampled_from([[8.0, 2.0], [4.0, 1.0], [3.0, 2.0]]),
    }
)
_LONG = 64


def _second_weight(point: Point, rng: np.random.Generator, size: int) -> Array:
    long = {**point, "noise": [1.0] * _LONG}
    return np.asarray(dense(long, rng, size, "frozen")[:, 1, 1])


# --- WDMG-09: rates -------------------------------------------------------------------------------


def _norm_slack(point: Point) -> float:
    """The norm of every component falls at least like (1 + gamma / s)^-T."""
    bound = np.log1p(point["gamma"] / spikes_at(point))
    return float((1 - bound / step_decays(point)).min())


def _ball_norm_slack(point: Point) -> arb:
    gamma = arb(point["gamma"])
    slacks = []
    for spike in ball_spectrum(point):
        kept = ball_overlap(spike, gamma)
        slacks.append(arb(1) if kept == 0 else 1 - (gamma / spike).log1p() / -kept.log())
    return _least(slacks)


def _least(slacks: list[arb]) -> arb:
    least = slacks[0]
    for slack in slacks[1:]:
        least = least.min(slack)
    return least


def _direction_slack(point: Point) -> float:
    """The weight of the second direction falls faster than that of the first, by a known rate."""
    decay, spikes = step_decays(point), spikes_at(point)
    bound = float(weight_bound(spikes[1], spikes[0], point["gamma"]))
    return bound_slack(bound, float(decay[1] - decay[0]))


def _ball_direction_slack(point: Point) -> arb:
    gamma = arb(point["gamma"])
    high, low = ball_spectrum(point)[:2]
    first, second = ball_overlap(high, gamma), ball_overlap(low, gamma)
    if second == 0:
        return arb(1)
    bound: arb = weight_bound(low, high, gamma, log=arb.log1p)
    return bound_slack(bound, (first / second).log())


def _rounding(point: Point) -> float:
    """Differences of close spikes lose digits, and the balls are asked near the transition."""
    if near_transition(point):
        return math.inf
    spikes = spikes_at(point)
    gap = 1 - spikes[1] / spikes[0]
    # Where gamma/s is tiny log1p keeps its digits; the difference of the two loses those of gap.
    return float(1e-13 / gap + 1e-11)


def _rate_search(slack: Callable[[Point], float], exact: Callable[[Point], arb]) -> Search:
    return Search(
        domain=far_chains(),
        slack=slack,
        exact=exact,
        noise=_rounding,
        routes=(
            "theory: rates of decay in the limit",
            "balls: the squared overlap as N08-2 prints it",
        ),
    )


# --- Rates, and Figure 5 on the digits ------------------------------------------------------------


def _log_intervals(first: Array, second: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intervals of -log E first and of log(E first / E second), drawn in pairs: delta method."""
    low, high = mean_interval(first)
    middle = math.log(first.mean() / second.mean())
    shift = first / first.mean() - second / second.mean()
    reach = 2 * float(shift.std(ddof=1)) / math.sqrt(shift.size)
    return (-math.log(high), -math.log(low)), (middle - reach, middle + reach)


#: Of the digits' total variance: the noise variance of the figure, and its stages.
_FIGURE_NOISE = 0.025
_STAGES = (1, 10, 40, 110)
_FIGURE_RANK = 8


@functools.cache
def _digits_chain() -> tuple[Array, dict[int, Array]]:
    """diag(U_0' P_t U_0) of each step, and U_0' P_1 ... P_T U_0 at the stages, on the images."""
    images = digits()
    images = images / math.sqrt(float(np.square(images).sum()) / len(images))
    basis = np.linalg.eigh(images.T @ images)[1][:, : -_FIGURE_RANK - 1 : -1]
    rng, carried = np.random.default_rng(0), basis
    kept, stages = [], {}
    for step in range(1, max(_STAGES) + 1):
        noisy = images + math.sqrt(_FIGURE_NOISE) * rng.standard_normal(images.shape)
        turned = np.linalg.eigh(noisy.T @ noisy)[1][:, : -_FIGURE_RANK - 1 : -1]
        kept.append(np.square(turned.T @ basis).sum(axis=0))
        carried = turned @ (turned.T @ carried)
        if step in _STAGES:
            stages[step] = basis.T @ carried
    return np.array(kept), stages


def _digits_decay() -> Array:
    """-log of what a step keeps of each direction of the digits, by theory."""
    values = digits_spectrum()[:_FIGURE_RANK]
    images = digits()
    return decays(values / np.full((1, _FIGURE_RANK), _FIGURE_NOISE), 64 / len(images))


def _figure_5() -> dict[str, Any]:
    """The total product in the basis U_0 at several stages, and theory's mean of its diagonal."""
    _, stages = _digits_chain()
    decay = _digits_decay()
    return {
        "figure": "5: U_0^T P_1 ... P_T U_0 at several T",
        "data": "scikit-learn's digits, n = 1797, p = 64, the mean taken off, in units of their"
        " total variance; they stand in for MNIST. New noise of variance"
        f" {_FIGURE_NOISE:g} on all images at each step, r = {_FIGURE_RANK}. The theory takes the"
        " data to have no other directions.",
        "stages": {
            str(steps): {
                "simulated": product.round(6).tolist(),
                "theory, diagonal of the mean": np.exp(-steps * decay).round(6).tolist(),
            }
            for steps, product in stages.items()
        },
    }


def _both_rates(_outcomes: object) -> Constants:
    """What a step takes from the first direction, and from the second beside the first."""
    kept, _ = _digits_chain()
    decay = _digits_decay()
    norm_rate, angle_rate = _log_intervals(kept[:, 0], kept[:, 1])
    found: Constants = {
        "digits' images: norm rate -log c_0 a step, measured": norm_rate,
        "digits' images: norm rate -log c_0 a step, theory": float(decay[0]),
        "digits' images: direction rate log(c_0/c_1) a step, measured": angle_rate,
        "digits' images: direction rate log(c_0/c_1) a step, theory": float(decay[1] - decay[0]),
    }
    n, p, values = 2 * 10**7, 10**7, np.array([2.0, 1.0])
    overlaps = impl.reduced_overlaps(n, p, values, size=64, rng=0).overlaps
    drawn = np.diagonal(inside(overlaps), axis1=1, axis2=2)
    limit = decays(values[None, :], p / n)
    norm_rate, angle_rate = _log_intervals(drawn[:, 0], drawn[:, 1])
    name = "spikes 2 and 1, p/n = 1/2"
    found[f"{name}: norm rate, measured at p = 10^7"] = norm_rate
    found[f"{name}: norm rate, theory"] = float(limit[0])
    found[f"{name}: direction rate, measured at p = 10^7"] = angle_rate
    found[f"{name}: direction rate, theory"] = float(limit[1] - limit[0])
    return found


def _rate_constants(_outcomes: object) -> Constants:
    """Rates of the mean's direction, one where Assumptions 4.1 and 4.2 fail."""
    n, p, rng = 200, 50, np.random.default_rng(0)
    values, noise = np.array([10.0, 9.5, 1.0]), 0.5
    singular = np.sqrt(n * values)
    sigma = math.sqrt(noise)
    own = np.diagonal(
        impl.reduced_signal_overlaps(n, p, singular, sigma=sigma, size=512, rng=rng).overlaps,
        axis1=1,
        axis2=2,
    )
    sines = 1 - own**2
    kept = np.diagonal(
        inside(impl.reduced_overlaps(n, p, values / noise, size=2048, rng=rng).overlaps),
        axis1=1,
        axis2=2,
    )
    name = "(10, 9.5, 1), n = 200, p = 50, noise 0.5"
    limit = decays(values[None, :] / noise, p / n)
    steps = 10
    products, logs = impl.chain_products(
        10**7, 10**7, [4.0, 2.0], np.full(steps, 1.0), size=64, rng=rng
    )
    weights = np.diagonal(products, axis1=1, axis2=2) * np.exp(logs)[:, None]
    low, high = _log_intervals(weights[:, 0], weights[:, 1])[1]
    pair = decays(np.array([[4.0, 2.0]]), 1.0)
    return {
        f"{name}: sin^2 of the first direction less that of the last (Assumption 4.1: < 0)": (
            mean_interval(sines[:, 0] - sines[:, 2])
        ),
        f"{name}: log(c_0/c_1) a step, measured": _log_intervals(kept[:, 0], kept[:, 1])[1],
        f"{name}: log(c_0/c_1) a step, limit": float(limit[1] - limit[0]),
        f"spikes 4 and 2, p = n: log(c_0/c_1) a step, chains of {steps}, measured": (
            low / steps,
            high / steps,
        ),
        "spikes 4 and 2, p = n: log(c_0/c_1) a step, limit": float(pair[1] - pair[0]),
    }


def _literal_constants(_outcomes: object) -> Constants:
    """What the projection keeps of the first direction beyond the squared cosine."""
    found: Constants = {}
    for ratio in (0.1, 0.5, 0.9, 0.999):
        overlaps = impl.reduced_overlaps(100, 10, [10.0, 10 * ratio], size=512, rng=0).overlaps
        excess = inside(overlaps)[:, 0, 0] - overlaps[:, 0, 0] ** 2
        key = f"c_0 less E cos^2, lambda_1 / lambda_0 = {ratio:g}, n = 100, p = 10, spike 10"
        found[key] = mean_interval(excess)
    return found


CLAIMS = (
    Claim(
        id="WDMG-08",
        title="Theorem 4.3: the mean of the chain, with cosines",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E P_\tau = U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top,"
        r" \quad c_i = \cos\theta_i",
        reading="fresh data and noise at each step; the product of the cosines where they change"
        " from step to step; eigenvalues distinct, neighbours apart by a factor of two or more"
        " (first piece), by a thousandth or more (second)",
        evidence=_literal_tests(1),
    ),
    Claim(
        id="WDMG-08:squared",
        title="Theorem 4.3 with squared cosines",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E P_\tau = U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top,"
        r" \quad c_i = E \cos^2\theta_i",
        reading="fresh data and noise at each step; eigenvalues distinct, neighbours apart by a"
        " factor of two or more (first piece), by a thousandth or more (second)",
        evidence=_literal_tests(2),
        constants=_literal_constants,
        note="True as n and p grow and the eigenvalues are separated. With n samples the projection"
        " keeps E C_ij^2 more than the squared cosine, about lambda_i lambda_j /"
        " (n (lambda_i - lambda_j)^2) for each j; where two are close, sample eigenvectors mix and"
        " E cos^2 falls to a half of what the projection keeps.",
    ),
    Claim(
        id="WDMG-08r",
        title="the mean of the chain is diagonal, and the product of the steps'",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E[P_1 \cdots P_T] = U_0\,\mathrm{diag}\Big(\prod_t c_i(t)\Big) U_0^\top +"
        r" \prod_t \rho_t\,(I - U_0 U_0^\top), \quad c_i(t) = E\,u_i^\top P_t u_i,"
        r" \; \rho_t = \frac{r - \sum_i c_i(t)}{p - r}",
        reading="fresh data and noise at each step; any spectrum, close and equal eigenvalues too;"
        " dense data with r up to 16 and n, p up to r + 8, where all entries of the mean can be"
        " drawn; the limit at 10^7",
        repairs="WDMG-08",
        evidence=(_product_test("fresh"), limit_test(8)),
        needs=("WDMG-07r", "N08-8"),
        constants=_rate_constants,
        data=_figure_5,
        note="The mean of a product of independent factors is the product of their means, all"
        " diagonal in one basis. Hence the mean tends in direction to u_0 if and only if"
        " sum_t log(c_0(t) / c_1(t)) diverges (WDMG-11r); Assumptions 4.1 and 4.2 are not needed,"
        " c_0(t) > c_1(t) is what is left of them: the constants have the rate on a spectrum on"
        " which both fail. The ledger has Figure 5 on the digits.",
    ),
    Claim(
        id="WDMG-08:fixed-data",
        title="the mean of the chain for one data set and fresh noise",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E[P_1 \cdots P_T \mid x_0] = U_0\,\mathrm{diag}\Big(\prod_t c_i(t)\Big)"
        r" U_0^\top + \prod_t \rho_t\,(I - U_0 U_0^\top)",
        reading="one data set, fresh noise at each step; U_0 are the data's own eigenvectors",
        evidence=(_product_test("fixed"),),
        needs=("N08-8",),
        note="Flipping an eigenvector of the data together with its left one leaves the law of the"
        " noisy samples alone.",
    ),
    Claim(
        id="WDMG-08:fixed",
        title="the mean of the chain for the very same noisy samples",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"(E P_T)_{11} / (E P_T)_{00} \to 0 \text{ as } T \to \infty",
        reading="the same data and the same noise at each step, constant noise level",
        evidence=(
            MeanTest(
                domain=_PAIRS,
                draw=_second_weight,
                allowed=lambda _point: (0.0, 0.02),
                effect=0.05,
                bounds=(-1.0, 1.0),
                routes=(DENSE, "at most 0.02, 64 steps"),
                first=256,
            ),
        ),
        note="Then all P_t are one projection P, P^T = P, and nothing converges.",
    ),
    Claim(
        id="WDMG-09",
        title="norms go to zero (reviewer) and the direction converges (authors)",
        source=_THREAD,
        statement=r"\prod_t c_i(t) \le (1 + \gamma/s_i)^{-T} \to 0, \quad \prod_t"
        r" \frac{c_1(t)}{c_0(t)} \le \Big(\frac{1 + \gamma/s_0}{1 + \gamma/s_1}\Big)^T \to 0",
        reading="in mean, fresh data, constant noise, eigenvalues distinct; for single samples see"
        " WDMG-10",
        evidence=(
            _rate_search(_norm_slack, _ball_norm_slack),
            _rate_search(_direction_slack, _ball_direction_slack),
            limit_test(2),
        ),
        needs=("WDMG-08r",),
        constants=_both_rates,
        note="Both are right, about different things: the norm falls by c_0, the angle by c_1/c_0"
        " a step, c as in N08-2.",
    ),
)
