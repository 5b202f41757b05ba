"""WDMG-07 to 09, REV-3, REV-4: the mean of a chain of projections onto sample eigenvectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._chain import (
    ball_overlap,
    ball_spectrum,
    chains,
    decays,
    far_chains,
    near_transition,
    sizes_at,
    spikes_at,
    step_decays,
    strong_chains,
    weight_bound,
)
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.harness.balls import norm
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.sampling import MeanTest
from lemmata.harness.scaling import ExponentTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]
Draw = Callable[[Point, np.random.Generator, int], Array]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_THREAD = "Weitzner et al. 2024, review thread"

#: Sizes at which a limit is reached to about a thousandth.
_LARGE = 10**7
#: A draw that is further than this from the limit misses it.
_MISS = 0.02

_DENSE = "impl: n samples a step, their eigenvectors, the product of projections"
_REDUCED = "impl: the exact reduction of the overlaps"


def _inside(overlaps: Array) -> Array:
    """U^T P U of draws of C."""
    return np.asarray(overlaps @ overlaps.transpose(0, 2, 1))


def _overlaps(point: Point, noise: float, rng: np.random.Generator, size: int) -> Array:
    """Draws of C at one noise variance, by the reduction."""
    spikes = np.asarray(point["eigenvalues"]) / noise
    return impl.reduced_overlaps(point["n"], point["p"], spikes, size=size, rng=rng).overlaps


def _dense(
    point: Point, rng: np.random.Generator, size: int, data: Literal["fresh", "fixed", "frozen"]
) -> Array:
    return impl.dense_chain(
        point["n"], point["p"], point["eigenvalues"], point["noise"], data=data, size=size, rng=rng
    )


# --- WDMG-07: one step ----------------------------------------------------------------------------


def _has_mixed(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Indicator of an entry off the diagonal that is not small against the angles."""
    inside = _dense(point, rng, size, "fresh")
    lost = np.sqrt((1 - inside[:, 0, 0]) * (1 - inside[:, 1, 1]))
    return np.asarray(np.abs(inside[:, 0, 1]) > 1e-3 * lost, dtype=np.float64)


def _cosine_error(point: Point, rng: np.random.Generator, size: int) -> Array:
    """((C C^T)_11 - |cos|) / sin^2: minus a half where the cosine is right at first order only."""
    overlaps = _overlaps(point, point["noise"][0], rng, size)
    cosine = np.abs(overlaps[:, 0, 0])
    sine = np.maximum(1 - cosine**2, np.finfo(float).tiny)
    error = (_inside(overlaps)[:, 0, 0] - cosine) / sine
    # Where the angle is rounding, so is the ratio.
    return np.where(sine > 1e-6, np.clip(error, -0.5, 1.0), 0.0)


def _square_error(point: Point, rng: np.random.Generator, size: int) -> Array:
    """(C C^T)_11 - cos^2: what the other sample eigenvectors hold of the first direction."""
    overlaps = _overlaps(point, point["noise"][0], rng, size)
    return np.asarray(_inside(overlaps)[:, 0, 0] - overlaps[:, 0, 0] ** 2)


@st.composite
def _entries(draw: st.DrawFn) -> dict[str, Any]:
    """A step, and an entry off the diagonal of its projection, inside the block or outside."""
    point = draw(_ONE_STEP_WIDE)
    point["entry"] = draw(_ENTRY)
    return point


_ONE_STEP = chains(least=2, longest=1, margin=1)
_ONE_STEP_WIDE = chains(least=2, longest=1, margin=2)
_ENTRY = st.sampled_from(["inside", "outside", "across"])


def _entry(point: Point, rng: np.random.Generator, size: int) -> Array:
    product = _dense(point, rng, size, "fresh")
    rank = len(point["eigenvalues"])
    row, column = {"inside": (0, 1), "outside": (rank, rank + 1), "across": (0, rank)}[
        point["entry"]
    ]
    return np.asarray(product[:, row, column])


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


def _limit_test(longest: int) -> MeanTest:
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


_ANGLES = (0.003, 0.01, 0.03, 0.1, 0.3)
_ANGLE_N, _ANGLE_P = 4000, 1000


def _fresh_step(sigma: float, size: int, rng: np.random.Generator) -> Array:
    """Draws of C at eigenvalues 4 and 2 and the noise sigma^2, on fresh data."""
    spikes = np.array([4.0, 2.0]) / sigma**2
    return impl.reduced_overlaps(_ANGLE_N, _ANGLE_P, spikes, size=size, rng=rng).overlaps


def _given_step(sigma: float, size: int, rng: np.random.Generator) -> Array:
    """The same against the eigenvectors of the data themselves."""
    values = np.sqrt(_ANGLE_N * np.array([4.0, 2.0]))
    return impl.reduced_signal_overlaps(
        _ANGLE_N, _ANGLE_P, values, sigma=sigma, size=size, rng=rng
    ).overlaps


def _rms(values: Array) -> float:
    return float(np.sqrt(np.square(values).mean()))


def _mixing(sigma: float, rng: np.random.Generator) -> float:
    """An entry off the diagonal of U^T P U, over a few draws."""
    return _rms(_inside(_fresh_step(sigma, 16, rng))[:, 0, 1])


def _basis_mixing(sigma: float, rng: np.random.Generator) -> float:
    """The same of U_0^T U_t, before the rotation inside the signal space drops out."""
    return _rms(_given_step(sigma, 16, rng)[:, 0, 1])


def _angle_exponent(draw: Callable[[float, np.random.Generator], float], power: float) -> Any:
    return ExponentTest(
        sizes=_ANGLES,
        draw=draw,
        allowed=(power, power),
        effect=0.1,
        routes=(_REDUCED, "the noise, to which the angle is proportional"),
        replicates=lambda _sigma: 24,
    )


def _angle_constants(_outcomes: object) -> Constants:
    rng = np.random.default_rng(0)
    fresh, given = _fresh_step(0.01, 400, rng), _given_step(0.01, 400, rng)
    inside = _inside(fresh)
    sines = np.sqrt((1 - inside[:, 0, 0]) * (1 - inside[:, 1, 1]))
    ratio = _rms(inside[:, 0, 1] / sines)
    kept = _inside(given)[:, 0, 0]
    literal = (kept - np.abs(given[:, 0, 0])) / (1 - kept)
    return {
        "rms of the entry off the diagonal over sin(theta_1) sin(theta_2), p = 1000": ratio,
        "the same times sqrt(p - 2)": ratio * math.sqrt(_ANGLE_P - 2),
        "((C C^T)_11 - cos(theta_1)) / sin(theta_1)^2, one data set": float(literal.mean()),
        "off the diagonal of U_0^T U_t as the noise goes to zero, fresh data, n = 4000": _rms(
            fresh[:, 0, 1]
        ),
    }


# --- WDMG-08: the chain ---------------------------------------------------------------------------


@st.composite
def _chain_entries(draw: st.DrawFn) -> dict[str, Any]:
    """A chain, and an entry of the mean of its product."""
    point = draw(_CHAINS)
    point["entry"] = draw(_CHAIN_ENTRY)
    return point


_CHAINS = chains(least=2, longest=3, margin=2)
_CHAIN_ENTRY = st.sampled_from(["first", "last", "inside", "across", "rest", "outside"])


def _against_steps(data: Literal["fresh", "fixed"]) -> Draw:
    """An entry of the product, minus a product of independent draws with the mean of each step."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        product = _dense(point, rng, size, data)
        rank, p = len(point["eigenvalues"]), point["p"]
        mixed = {"inside": (0, 1), "across": (0, rank), "outside": (rank, rank + 1)}
        if point["entry"] in mixed:
            row, column = mixed[point["entry"]]
            return np.asarray(product[:, row, column])
        expected = np.ones(size)
        for noise in point["noise"]:
            if data == "fresh":
                overlaps = _overlaps(point, noise, rng, size)
            else:
                values = np.sqrt(point["n"] * np.asarray(point["eigenvalues"]))
                overlaps = impl.reduced_signal_overlaps(
                    point["n"], p, values, sigma=math.sqrt(noise), size=size, rng=rng
                ).overlaps
            kept = np.diagonal(_inside(overlaps), axis1=1, axis2=2)
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
        bounds=(-2.0, 2.0),
        routes=(_DENSE, "impl: independent draws of every step, by the exact reduction"),
        first=1024,
    )


def _literal(power: int) -> Draw:
    """The leading entry of the product, minus the product of (powers of) the cosines."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        product = _dense(point, rng, size, "fresh")[:, 0, 0]
        expected = np.ones(size)
        for noise in point["noise"]:
            expected *= np.abs(_overlaps(point, noise, rng, size)[:, 0, 0]) ** power
        return np.asarray(product - expected)

    return draw


def _literal_test(power: int) -> MeanTest:
    return MeanTest(
        domain=_CHAINS,
        draw=_literal(power),
        allowed=lambda _point: (0.0, 0.0),
        effect=0.06,
        bounds=(-2.0, 2.0),
        routes=(_DENSE, "impl: the cosines of the angles, by the exact reduction"),
        first=1024,
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
    return np.asarray(_dense(long, rng, size, "frozen")[:, 1, 1])


# --- WDMG-09 and REV-4: rates ---------------------------------------------------------------------


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


# --- REV-3: population and samples ----------------------------------------------------------------


def _reflection(point: Point) -> Array:
    """The axis of the reflection whose columns are the population eigenvectors."""
    rank, p = len(point["eigenvalues"]), point["p"]
    return np.arange(1, p + 1, dtype=np.float64) + rank


def _population_error(point: Point) -> float:
    """How far the projections at two noise levels are apart, from dense eigenvectors."""
    axis, p = _reflection(point), point["p"]
    basis = np.eye(p) - 2 * np.outer(axis, axis) / (axis @ axis)
    rank = len(point["eigenvalues"])
    clean = basis[:, :rank] * point["eigenvalues"] @ basis[:, :rank].T
    tops = [np.linalg.eigh(clean + noise * np.eye(p))[1][:, p - rank :] for noise in point["noise"]]
    first, last = tops[0] @ tops[0].T, tops[-1] @ tops[-1].T
    return float(np.abs(first - last).max())


def _ball_population_error(point: Point) -> arb:
    """|Sigma_t u_i - (lambda_i + sigma_t^2) u_i| at the largest, u_i at t = 0."""
    p = point["p"]
    axis = [arb(float(x)) for x in _reflection(point)]
    square = sum((x * x for x in axis), arb(0))
    columns = [
        [(arb(1) if i == j else arb(0)) - 2 * axis[i] * axis[j] / square for i in range(p)]
        for j in range(len(point["eigenvalues"]))
    ]
    values = [arb(x) for x in point["eigenvalues"]]
    noise = arb(point["noise"][-1])
    largest = arb(0)
    for value, column in zip(values, columns, strict=True):
        image = [noise * x for x in column]
        for other, direction in zip(values, columns, strict=True):
            along = sum((a * b for a, b in zip(direction, column, strict=True)), arb(0))
            image = [x + other * along * d for x, d in zip(image, direction, strict=True)]
        gaps = [x - (value + noise) * c for x, c in zip(image, column, strict=True)]
        largest = largest.max(norm(*gaps) / (value + noise))
    return largest


@st.composite
def _levels(draw: st.DrawFn) -> dict[str, Any]:
    """A covariance whose last eigenvalue is not lost in rounding, and two noise levels."""
    point = draw(_CHAINS)
    point["noise"] = [draw(_LEVEL), draw(_LEVEL)]
    return point


_LEVEL = log_uniform(1e-6, 1e3)


def _population_noise(point: Point) -> float:
    size = point["eigenvalues"][0] + max(point["noise"])
    return float(1e-14 * size / point["eigenvalues"][-1])


def _share_eigenvectors(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine between the leading sample eigenvectors at two noise levels, fresh noise."""
    single = {**point, "eigenvalues": point["eigenvalues"][:1]}
    # P_1 P_2 = u u^T v v^T has squared Frobenius norm <u, v>^2.
    products = _dense(single, rng, size, point["data"])
    return np.asarray(np.square(products).sum(axis=(1, 2)))


def _turned(point: Point, rng: np.random.Generator, size: int) -> Array:
    return np.asarray(1 - _share_eigenvectors(point, rng, size) > 1e-9, dtype=np.float64)


@st.composite
def _two_samples(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_ONE_STEP)
    point["noise"] = [draw(_NOISE), draw(_NOISE)]
    # Rank one: n and p at least two, or all directions are one.
    point["data"] = draw(_DATA)
    return point


_NOISE = log_uniform(1e-2, 1e2)
_DATA = st.sampled_from(["fixed", "fresh"])


CLAIMS = (
    Claim(
        id="WDMG-07",
        title="U_0^T P_t U_0 is diagonal",
        source=f"{_SOURCE}, eq. (20)",
        statement=r"U_0^\top P_t U_0 = \mathrm{diag}(c_0, \dots, c_{r-1})",
        reading="for one draw of the samples, at the angle it has; the reviewer: the form 'only"
        " holds for small t'",
        evidence=(
            MeanTest(
                domain=_ONE_STEP,
                draw=_has_mixed,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.05,
                bounds=(0.0, 1.0),
                routes=(_DENSE, "zero off the diagonal"),
                first=256,
            ),
        ),
        note="U^T P U = C C^T with C = U_0^T U_t. The test asks how often its (1, 2) entry exceeds"
        " a thousandth of sin(theta_1) sin(theta_2): nearly always.",
    ),
    Claim(
        id="WDMG-07:small-angle",
        title="U_0^T P_t U_0 is diagonal up to the square of the angle",
        source=f"{_SOURCE}, eq. (20)",
        statement=r"(U_0^\top P_t U_0)_{ij} = O(\theta^2), \; i \ne j",
        reading="small angles, of well-separated eigenvalues; the authors: 'the small angle"
        " approximation still holds'",
        evidence=(_angle_exponent(_mixing, 2.0), _angle_exponent(_basis_mixing, 1.0)),
        constants=_angle_constants,
        note="For one data set U_0^T U_t is off the diagonal by the first order in the noise (for"
        " fresh data by 1/sqrt(n) even without noise), but that rotates U_t inside the signal"
        " space, on which P_t does not depend: with u_i^t = u_i + delta_i across U to first order,"
        " (U^T P U)_ij = delta_ij - <delta_i, delta_j>, of second order, and by sqrt(p - r)"
        " smaller than sin(theta_i) sin(theta_j), as the delta_i are nearly orthogonal. So (20) is"
        " right to first order, where c_i = 1 too. At second order c_i = cos(theta_i) is wrong"
        " (half of what is lost), and cos^2(theta_i) is right up to what the other sample"
        " eigenvectors hold: for one data set a (p - r)-th of it, for fresh data not at all.",
    ),
    Claim(
        id="WDMG-07:cosine",
        title="the entries c_i are the cosines of the angles",
        source=f"{_SOURCE}, eq. (20)",
        statement=r"(U_0^\top P_t U_0)_{ii} = \cos\theta_i",
        reading="the reviewer: 'all the [c_i] are within the range [-1,1] (they are cosine"
        " angles)'",
        evidence=(
            MeanTest(
                domain=_ONE_STEP,
                draw=_cosine_error,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.05,
                bounds=(-0.5, 1.0),
                routes=(_REDUCED, "the cosine of the angle"),
                first=1024,
            ),
        ),
        note="Exactly (C C^T)_ii = cos^2(theta_i) + sum over k != i of C_ik^2.",
    ),
    Claim(
        id="WDMG-07r",
        title="E P_t is diagonal in the population basis, at every angle",
        source=f"{_SOURCE}, eq. (20)",
        statement=r"E P_t = U_0 \,\mathrm{diag}(c_i)\, U_0^\top + \frac{r - \sum_i c_i}{p - r}"
        r" (I - U_0 U_0^\top), \quad c_i = E (C C^\top)_{ii} \to \frac{1-\gamma/s_i^2}"
        r"{1+\gamma/s_i}",
        repairs="WDMG-07",
        evidence=(
            MeanTest(
                domain=_entries(),
                draw=_entry,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.04,
                bounds=(-0.5, 0.5),
                routes=(_DENSE, "zero off the diagonal"),
                first=1024,
            ),
            _limit_test(1),
        ),
        needs=("N08-8",),
        note="Reflections u_i -> -u_i and rotations across U_0 leave the law of the samples alone,"
        " hence E P_t commutes with all of them. No angle is small, no Assumption 4.1 or 4.2.",
    ),
    Claim(
        id="WDMG-08",
        title="Theorem 4.3: the mean of the chain, with cosines",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E P_\tau = U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top,"
        r" \quad c_i = \cos\theta_i",
        reading="fresh data and noise at each step; the product of the cosines where they change"
        " from step to step",
        evidence=(_literal_test(1),),
    ),
    Claim(
        id="WDMG-08:squared",
        title="Theorem 4.3 with squared cosines",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E P_\tau = U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top,"
        r" \quad c_i = E \cos^2\theta_i",
        reading="fresh data and noise at each step; any spectrum and sizes",
        evidence=(_literal_test(2),),
        note="True as n and p grow and the eigenvalues are separated; where two are close, sample"
        " eigenvectors mix and E cos^2 falls to a half of what the projection keeps.",
    ),
    Claim(
        id="WDMG-08r",
        title="the mean of the chain is diagonal, and the product of the steps'",
        source=f"{_SOURCE}, Theorem 4.3 with eq. (24)",
        statement=r"E[P_1 \cdots P_T] = U_0\,\mathrm{diag}\Big(\prod_t c_i(t)\Big) U_0^\top +"
        r" \prod_t \rho_t\,(I - U_0 U_0^\top), \quad c_i(t) = E\,u_i^\top P_t u_i,"
        r" \; \rho_t = \frac{r - \sum_i c_i(t)}{p - r}",
        reading="fresh data and noise at each step",
        repairs="WDMG-08",
        evidence=(_product_test("fresh"), _limit_test(8)),
        needs=("WDMG-07r", "N08-8"),
        note="The mean of a product of independent factors is the product of their means, all"
        " diagonal in one basis. Hence the mean tends in direction to u_0 if and only if"
        " sum_t log(c_0(t) / c_1(t)) diverges (WDMG-11r); Assumptions 4.1 and 4.2 are not needed,"
        " c_0(t) > c_1(t) is what is left of them.",
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
                routes=(_DENSE, "at most 0.02, 64 steps"),
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
            _limit_test(2),
        ),
        needs=("WDMG-08r",),
        note="Both are right, about different things: the norm falls by c_0, the angle by c_1/c_0"
        " a step, c as in N08-2.",
    ),
    Claim(
        id="REV-3",
        title="population denoisers share eigenvectors",
        source=_THREAD,
        statement=r"(\Sigma + \sigma_t^2 I) u_i = (\lambda_i + \sigma_t^2) u_i \text{ for all } t",
        reading="the reviewer: 'why [are they] not simultaneously diagonizable?'; the authors: 'In"
        " population, they are diagonizable under the same base'",
        evidence=(
            equality_search(
                _levels(),
                error=_population_error,
                exact_error=_ball_population_error,
                noise=_population_noise,
                routes=(
                    "impl: eigenvectors of the dense covariance at one noise level",
                    "the same at another",
                    "balls: the residual of the first ones at the other level",
                ),
            ),
        ),
    ),
    Claim(
        id="REV-3:finite",
        title="finite-sample denoisers do not share eigenvectors",
        source=_THREAD,
        statement=r"P\big(\langle \hat u_0^t, \hat u_0^s\rangle^2 < 1\big) = 1, \; s \ne t",
        reading="the authors: 'considering a finite sample, the noise changes the eigenvectors';"
        " fresh noise, on fresh data or on one data set; p > 1",
        evidence=(
            MeanTest(
                domain=_two_samples(),
                draw=_turned,
                allowed=lambda _point: (1.0, 1.0),
                effect=0.05,
                bounds=(0.0, 1.0),
                routes=(_DENSE, "not one"),
                first=256,
            ),
        ),
    ),
    Claim(
        id="REV-4",
        title="at fixed angles (24) tends to the zero matrix",
        source=_THREAD,
        statement=r"U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top \to 0, \quad"
        r" \text{over its norm} \to u_0 u_0^\top",
        reading="as tau -> infinity at constant noise; c_i = E u_i^T P u_i in the limit of large n"
        " and p, so that 0 < c_0 < 1 and c_1 < c_0",
        evidence=(
            _rate_search(_norm_slack, _ball_norm_slack),
            _rate_search(_direction_slack, _ball_direction_slack),
        ),
        note="-log c >= log(1 + gamma/s) > 0 for every noise > 0, hence the zero matrix; divided by"
        " its norm it tends to the projection onto u_0.",
    ),
)
