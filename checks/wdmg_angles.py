"""WDMG: Assumptions 4.1 and 4.2, how the sample eigenvectors turn away as the noise grows.

The noise is added to one data set A, as in the text: the population is A'A / n, and u_i^0 its
eigenvectors, n lambda_i the squares of A's singular values.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._spectra import digits
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

_BAND = "impl: the band model of fixed data plus noise"


def _draw(
    n: int, p: int, values: Array, sigma: float, size: int, rng: np.random.Generator
) -> Array:
    """C = U_0' U_t, shape (size, r, r), for data of eigenvalues `values` plus noise."""
    singular = np.sqrt(n * values)
    draws = impl.reduced_signal_overlaps(n, p, singular, sigma=sigma, size=size, rng=rng)
    return np.asarray(draws.overlaps)


def _own(overlaps: Array) -> Array:
    """Squared cosines of the angles of u_i^t to u_i^0, shape (size, r)."""
    return np.square(np.diagonal(overlaps, axis1=1, axis2=2))


# --- In the limit ---------------------------------------------------------------------------------

_GAMMAS = log_uniform(1e-3, 1e3)
_LARGE = 10**8
_STEPS = log_uniform(0.05, 30.0).map(lambda x: 1 + x)
_LOWEST = log_uniform(0.1, 100.0).map(lambda x: 1 + x)
_RANKS = st.sampled_from([2, 3, 2, 4])


@st.composite
def _separated(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, ratios, growth}: spikes over the critical one at the larger of two noises."""
    ratios = [draw(_LOWEST)]
    for _ in range(draw(_RANKS) - 1):
        ratios.append(ratios[-1] * draw(_STEPS))
    return {"gamma": draw(_GAMMAS), "ratios": ratios[::-1], "growth": draw(_STEPS)}


def _large_sizes(gamma: float) -> tuple[int, int]:
    if gamma <= 1:
        return round(_LARGE / gamma), _LARGE
    return _LARGE, round(_LARGE * gamma)


def _disorder(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether an angle fails to grow with the noise, or with the index."""
    n, p = _large_sizes(point["gamma"])
    values = np.asarray(point["ratios"]) * math.sqrt(p / n)
    more, less = (
        1 - _own(_draw(n, p, values, sigma, size, rng))
        for sigma in (1.0, 1 / math.sqrt(point["growth"]))
    )
    unordered = (np.diff(more, axis=1) <= 0).any(axis=1) | (np.diff(less, axis=1) <= 0).any(axis=1)
    return np.asarray(unordered | (more <= less).any(axis=1), dtype=np.float64)


#: The small-angle form has failed where the squared cosine is less.
_FAILED = 0.9
_BETWEEN = st.integers(30, 70).map(lambda k: k / 100)
_CLEAR_STEPS = log_uniform(0.1, 30.0).map(lambda x: 1 + x)


def _failing_spike(gamma: float) -> float:
    """The spike at which the limit of the squared overlap is 0.9: a root of a quadratic."""
    half = 0.5 * _FAILED * gamma
    return (half + math.sqrt(half * half + (1 - _FAILED) * gamma)) / (1 - _FAILED)


@st.composite
def _failing(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, steps, share}: noise between the failures of the first and the second."""
    steps = [draw(_CLEAR_STEPS) for _ in range(draw(_RANKS) - 1)]
    return {"gamma": draw(_GAMMAS), "steps": steps, "share": draw(_BETWEEN)}


def _off_diagonal(product: Array) -> Array:
    """Share of the squares of U_s' U_t that is off the diagonal."""
    squares = np.square(product)
    own = np.trace(squares, axis1=1, axis2=2)
    return np.asarray(1 - own / squares.sum(axis=(1, 2)))


def _failure_disorder(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether between the two failures the first has failed or the second has not.

    Or U_s' U_t for two draws at that noise is off diagonal by a hundredth. What the two have
    in common outside of the signal is of order 1 / p, below 10^-8.
    """
    n, p = _large_sizes(point["gamma"])
    first, *rest = point["steps"]
    # In units of the noise at which the second one fails.
    spike = _failing_spike(p / n)
    values = spike * np.array([first, 1.0, *(1 / np.cumprod(rest))])
    noise = math.exp(point["share"] * math.log(first))
    critical = 1.05 * noise * math.sqrt(p / n)
    values = values[values > critical]
    one, other = (_draw(n, p, values, math.sqrt(noise), size, rng) for _ in range(2))
    wrong = _own(one)[:, 0] < _FAILED
    if len(values) > 1:
        wrong |= (_own(one)[:, 1] >= _FAILED) | (
            _off_diagonal(one.transpose(0, 2, 1) @ other) > 0.01
        )
    return np.asarray(wrong, dtype=np.float64)


# --- At finite n and p ----------------------------------------------------------------------------

_FEW = st.integers(12, 40)
_CLOSE = st.one_of(log_uniform(1e-6, 1.0), log_uniform(1e-3, 3.0))
_SMALL_RANKS = st.integers(2, 4)


_APART = log_uniform(0.1, 10.0)
_PAIRS = st.integers(1, 2)


@st.composite
def _any_spectrum(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, size}: the last apart, the others may be close.

    `size` is about what the squared sine of the last direction is at that noise.
    """
    values = [1.0, 1 + draw(_APART)]
    for _ in range(draw(_PAIRS)):
        values.append(values[-1] * (1 + draw(_CLOSE)))
    return {
        "n": draw(_FEW),
        "p": draw(_FEW),
        "eigenvalues": values[::-1],
        "index": draw(st.integers(0, len(values) - 2)),
        "size": draw(_SIZES),
    }


_SIZES = log_uniform(1e-3, 0.03)


def _at_point(point: Point, rng: np.random.Generator, size: int, *, last: bool = True) -> Array:
    """Overlaps at the noise at which the last, or the worst, squared sine is as the point says."""
    values = np.asarray(point["eigenvalues"])
    growth = theory.angle_growth(values, point["p"])
    rate = growth[-1] if last else growth.max()
    sigma = math.sqrt(point["size"] * point["n"] / float(rate))
    return _draw(point["n"], point["p"], values, sigma, size, rng)


def _excess_angle(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much the squared sine of one direction exceeds that of the next."""
    squares = 1 - _own(_at_point(point, rng, size))
    i = point["index"]
    return np.asarray(squares[:, i] - squares[:, i + 1])


def _angle_kept(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine of one direction, where the last has not failed."""
    return np.asarray(_own(_at_point(point, rng, size))[:, point["index"]])


def _coupling(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Share off the diagonal of U_s' U_t, two data sets at one noise, by dense matrices."""
    n, p, values = point["n"], point["p"], np.asarray(point["eigenvalues"])
    r = len(values)
    growth = theory.angle_growth(values, p)
    sigma = math.sqrt(point["size"] * n / float(growth[-1]))
    clean = np.zeros((n, p))
    clean[range(r), range(r)] = np.sqrt(n * values)
    bases = []
    for _ in range(2):
        noisy = clean + sigma * rng.standard_normal((size, n, p))
        bases.append(np.linalg.eigh(noisy.transpose(0, 2, 1) @ noisy)[1][:, :, : -r - 1 : -1])
    return _off_diagonal(bases[0].transpose(0, 2, 1) @ bases[1])


#: Small enough for first-order perturbation theory.
_FIRST_ORDER = st.just(1e-3)
_MILD = log_uniform(0.02, 3.0)


@st.composite
def _mild_spectrum(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, size}, `size` of the largest squared sine."""
    values = [1.0]
    for _ in range(draw(_SMALL_RANKS) - 1):
        values.append(values[-1] * (1 + draw(_MILD)))
    return {
        "n": draw(_FEW),
        "p": draw(_FEW),
        "eigenvalues": values[::-1],
        "index": draw(st.integers(0, len(values) - 2)),
        "size": draw(_FIRST_ORDER),
    }


def _sampled_angles(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Logarithms of two squared sines over their means of first order."""
    values, i = np.asarray(point["eigenvalues"]), point["index"]
    growth = np.asarray(theory.angle_growth(values, point["p"]))
    squares = 1 - _own(_at_point(point, rng, size, last=False))
    means = point["size"] * growth / growth.max()
    return np.asarray(np.log(np.maximum(squares, 2**-52) / means)[:, i : i + 2])


def _perturbed_angles(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The same by first-order perturbation theory: u_j'E u_i / (d_i^2 - d_j^2), E = A'G + G'A."""
    values, i = np.asarray(point["eigenvalues"]), point["index"]
    r = len(values)
    d = np.sqrt(values)
    noise = rng.standard_normal((size, r, r))
    change = d[:, None] * noise + (d[:, None] * noise).transpose(0, 2, 1)
    gaps = values - values[:, None]
    np.fill_diagonal(gaps, np.inf)
    squares = np.square(change / gaps).sum(axis=1)
    means = ((values + values[:, None]) / np.square(gaps)).sum(axis=0) + (point["p"] - r) / values
    if point["p"] > r:
        squares += rng.chisquare(point["p"] - r, (size, r)) / values
    return np.asarray(np.log(squares / means)[:, i : i + 2])


_WIDE_P = st.integers(24, 40)
_ORDERED_STEPS = log_uniform(0.5, 5.0)


@st.composite
def _ordered_spectrum(draw: st.DrawFn) -> dict[str, Any]:
    """Points at which a_i rises by a fifth or more from one index to the next."""
    p = draw(_WIDE_P)
    values = [1.0]
    for _ in range(draw(_SMALL_RANKS) - 1):
        step = draw(_ORDERED_STEPS)
        while True:
            longer = np.array([values[-1] * (1 + step), *values[::-1]])
            growth = theory.angle_growth(longer, p)
            if (growth[1:] >= 1.2 * growth[:-1]).all():
                break
            step *= 1.3
            if step > 1e6:
                return {**_SURE, "p": p}
        values.append(float(longer[0]))
    return {
        "n": draw(_FEW),
        "p": p,
        "eigenvalues": values[::-1],
        "index": draw(st.integers(0, len(values) - 2)),
        "size": draw(_SIZES),
    }


_SURE = {"n": 20, "eigenvalues": [4.0, 1.0], "index": 0, "size": 0.01}


@functools.cache
def _digits_orders() -> dict[str, Any]:
    """Which neighbours among the digits' eigenvectors turn away in the wrong order."""
    rank = 20
    images = digits()
    n, p = images.shape
    values, vectors = np.linalg.eigh(images.T @ images / n)
    keep = values > 1e-9 * values[-1]
    values, vectors = values[keep][::-1], vectors[:, keep][:, ::-1]
    growth = np.asarray(theory.angle_growth(values, p))[:rank]
    # A noise at which the largest of these squared sines is about 0.02.
    sigma = math.sqrt(0.02 * n / growth.max())
    rng, squares, count = np.random.default_rng(0), np.zeros(rank), 50
    for _ in range(count):
        noisy = images + sigma * rng.standard_normal(images.shape)
        turned = np.linalg.eigh(noisy.T @ noisy)[1][:, ::-1][:, :rank]
        squares += (1 - np.square((turned * vectors[:, :rank]).sum(axis=0))) / count
    return {
        "data": f"scikit-learn's digits, n = {n}, p = {p}, {len(values)} of them not constant;"
        " the mean taken off",
        "sigma": sigma,
        "eigenvalues": values[:rank].tolist(),
        "squared sine, simulated": squares.tolist(),
        "squared sine, first order": (sigma**2 / n * growth).tolist(),
        "misordered neighbours, simulated": [
            [i + 1, i + 2] for i in np.flatnonzero(np.diff(squares) < 0).tolist()
        ],
        "misordered neighbours, first order": [
            [i + 1, i + 2] for i in np.flatnonzero(np.diff(growth) < 0).tolist()
        ],
    }


def _gap_needed(p: int) -> float:
    """The gap g at which for (10, 10 - g, 1) the first direction turns as fast as the last."""
    low, high = 1e-6, 8.0
    for _ in range(60):
        middle = math.sqrt(low * high)
        growth = theory.angle_growth([10.0, 10.0 - middle, 1.0], p)
        if growth[0] > growth[2]:
            low = middle
        else:
            high = middle
    return low


def _gap_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Gaps that order needs, and what happens just inside and outside."""
    rng, p = np.random.default_rng(0), 50
    gap = _gap_needed(p)
    found: Constants = {
        f"gap that (10, 10 - g, 1) needs, p = {size}": _gap_needed(size) for size in (50, 10**4)
    }
    for factor in (0.7, 1.4):
        values = np.array([10.0, 10.0 - factor * gap, 1.0])
        growth = theory.angle_growth(values, p)
        sigma = math.sqrt(0.01 * 200 / float(growth[2]))
        squares = 1 - _own(_draw(200, p, values, sigma, 2048, rng))
        excess = squares[:, 0] - squares[:, 2]
        mean, reach = float(excess.mean()), 1.96 * float(excess.std()) / math.sqrt(excess.size)
        name = f"sin^2 of the first less that of the last, {factor:g} of that gap, last 0.01"
        found[name] = (mean - reach, mean + reach)
    orders = _digits_orders()
    for kind in ("simulated", "first order"):
        pairs = orders[f"misordered neighbours, {kind}"]
        found[f"misordered neighbours among the digits' first 20, {kind}"] = float(len(pairs))
    return found


_ANGLES = r"\sin^2\angle(u_i^t, u_i^0)"

CLAIMS = (
    Claim(
        id="WDMG-05",
        title="Assumption 4.1: the angles to the clean eigenvectors grow in the order of the index",
        source=f"{_SOURCE}, Assumption 4.1",
        statement=rf"E{_ANGLES} \le E\sin^2\angle(u_{{i+1}}^t, u_{{i+1}}^0)",
        reading="as printed, for any distinct eigenvalues, in the mean over the noise, as long as"
        " the angle of the last direction is small",
        evidence=(
            MeanTest(
                domain=_any_spectrum(),
                draw=_excess_angle,
                allowed=lambda _point: (-1.0, 0.0),
                effect=0.02,
                bounds=(-1.0, 1.0),
                routes=(_BAND, "the order of the index"),
                first=512,
            ),
        ),
        needs=("N08-8:signal",),
        data=lambda: {"digits": _digits_orders()},
        note="Close eigenvalues mix at once: with (10, 9.99, 1) the first two directions are lost"
        " at noise that hardly moves the third. The ledger names the neighbours among the digits'"
        " eigenvectors for which the order is wrong.",
    ),
    Claim(
        id="WDMG-05:limit",
        title="Assumption 4.1 in the limit of many samples in many dimensions",
        source=f"{_SOURCE}, Assumption 4.1",
        statement=rf"s < t \Rightarrow {_ANGLES}|_s < {_ANGLES}|_t < "
        r"\sin^2\angle(u_{i+1}^t, u_{i+1}^0)",
        reading="n and p to infinity with p/n = gamma at fixed distinct eigenvalues, all above the"
        " transition at t",
        evidence=(
            MeanTest(
                domain=_separated(),
                draw=_disorder,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=(_BAND, "the order of time and index"),
                first=128,
            ),
        ),
        needs=("N08-8:signal",),
        note="The limit (1 - gamma/s^2)/(1 + gamma/s) rises with s = lambda_i/sigma_t^2; fixed data"
        " plus noise have the same one. Eigenvalues 5 % apart or more at min(n, p) = 10^8. Below"
        " the transition all angles are right.",
    ),
    Claim(
        id="WDMG-05r",
        title="at small noise the angles are ordered exactly if a_i is",
        source=f"{_SOURCE}, Assumption 4.1",
        statement=rf"E{_ANGLES} = \tfrac{{\sigma_t^2}}{{n}}\,a_i\,(1 + o(1)),\quad"
        r" a_i = \frac{p-r}{\lambda_i} + \sum_{j\ne i}\frac{\lambda_i+\lambda_j}"
        r"{(\lambda_i-\lambda_j)^2}",
        reading="fixed data of rank r, fresh noise, sigma_t to 0; all angles grow with t there",
        evidence=(
            LawTest(
                domain=_mild_spectrum(),
                left=_sampled_angles,
                right=_perturbed_angles,
                effect=0.1,
                routes=(f"{_BAND}, over theory's a_i", "first-order perturbation theory"),
            ),
            MeanTest(
                domain=_ordered_spectrum(),
                draw=_excess_angle,
                allowed=lambda _point: (-1.0, 0.0),
                effect=0.05,
                bounds=(-1.0, 1.0),
                routes=(_BAND, "theory: spectra with a_i rising by a fifth"),
                first=1024,
            ),
        ),
        repairs="WDMG-05",
        needs=("N08-8:signal",),
        constants=_gap_constants,
        note="To first order u_j'u_i^t = u_j'E u_i/(lambda_i - lambda_j), E = (A'G + G'A) sigma/n,"
        " of variance sigma^2 (lambda_i + lambda_j)/(n (lambda_i - lambda_j)^2). The condition does"
        " not depend on n. It holds once gaps are far above the root of lambda_i lambda_(i+1) / p.",
    ),
    Claim(
        id="WDMG-06",
        title="Assumption 4.2: small angles fail in the order of the index, U_s'U_t stays diagonal",
        source=f"{_SOURCE}, Assumption 4.2; the authors in the thread",
        statement=r"\tau_1 \ge \tau_2 \ge \dots,\quad \tau_i = \sup\{t:"
        r" E\langle u_i^t, u_i^0\rangle^2 \ge 0.9\},\quad U_\tau^T U_{\tau+1}"
        r"\text{ has at most 0.1 of its squares off the diagonal}",
        reading="as printed, for any distinct eigenvalues; at noise at which the last direction has"
        " not failed",
        evidence=(
            MeanTest(
                domain=_any_spectrum(),
                draw=_angle_kept,
                allowed=lambda _point: (_FAILED, 1.0),
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=(_BAND, "the order of the index"),
                first=512,
            ),
            MeanTest(
                domain=_any_spectrum(),
                draw=_coupling,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=("dense data, two data sets", "diagonal"),
                first=256,
            ),
        ),
        needs=("N08-8:signal",),
        note="With close eigenvalues two directions rotate into one another from the start.",
    ),
    Claim(
        id="WDMG-06:limit",
        title="Assumption 4.2 in the limit of many samples in many dimensions",
        source=f"{_SOURCE}, Assumption 4.2",
        statement=r"\tau_i = \tfrac12\log(1 + \lambda_i/s^*),\quad s^*:"
        r" \frac{1-\gamma/s^2}{1+\gamma/s} = 0.9,\quad U_\tau^T U_{\tau+1} \to"
        r" \mathrm{diag}",
        reading="n and p to infinity with p/n = gamma at fixed distinct eigenvalues; directions"
        " above the transition",
        evidence=(
            MeanTest(
                domain=_failing(),
                draw=_failure_disorder,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=(_BAND, "theory: the noise at which each direction fails"),
                first=128,
            ),
        ),
        needs=("N08-8:signal", "WDMG-02"),
        note="Between the failures of the first and the second direction, at min(n, p) = 10^8, the"
        " first has not failed, the second has, and the product is diagonal up to a hundredth.",
    ),
    Claim(
        id="WDMG-06r",
        title="small angles fail in the order of the index where a_i is in order",
        source=f"{_SOURCE}, Assumption 4.2",
        statement=r"a_1 < a_2 < \dots,\ \tfrac{\sigma_t^2}{n} a_r \le 0.03 \Rightarrow"
        r" E\langle u_i^t, u_i^0\rangle^2 \ge 0.9,\ U_\tau^T U_{\tau+1}"
        r"\text{ at most 0.1 off the diagonal}",
        reading="a_i as in WDMG-05r, rising by a fifth; no direction has failed before the last",
        evidence=(
            MeanTest(
                domain=_ordered_spectrum(),
                draw=_angle_kept,
                allowed=lambda _point: (_FAILED, 1.0),
                effect=0.08,
                bounds=(0.0, 1.0),
                routes=(_BAND, "theory: spectra with a_i rising"),
                first=512,
            ),
            MeanTest(
                domain=_ordered_spectrum(),
                draw=_coupling,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.08,
                bounds=(0.0, 1.0),
                routes=("dense data, two data sets", "theory: spectra with a_i rising"),
                first=128,
            ),
        ),
        repairs="WDMG-06",
        needs=("N08-8:signal",),
        note="The squared sine of the last direction is about sigma_t^2 a_r/n, and the others' are"
        " smaller; so is what is off the diagonal of U_s'U_t.",
    ),
)
