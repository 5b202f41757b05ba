"""WDMG-06: Assumption 4.2, the order in which small angles fail, and what stays diagonal.

The noise is added to one data set, as in the text; see `_angles`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._angles import (
    BAND,
    RANKS,
    TOL,
    any_spectrum,
    at_last,
    at_noise,
    draw_overlaps,
    gap_needed,
    large_sizes,
    ordered_spectrum,
    own,
)
from lemmata.checks._bars import jackknife_reach, mean_interval
from lemmata.checks._spectra import digits
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

# --- In the limit ---------------------------------------------------------------------------------

_GAMMAS = log_uniform(1e-3, 1e3)

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
    steps = [draw(_CLEAR_STEPS) for _ in range(draw(RANKS) - 1)]
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
    n, p = large_sizes(point["gamma"])
    first, *rest = point["steps"]
    # In units of the noise at which the second one fails.
    spike = _failing_spike(p / n)
    values = spike * np.array([first, 1.0, *(1 / np.cumprod(rest))])
    noise = math.exp(point["share"] * math.log(first))
    critical = 1.05 * noise * math.sqrt(p / n)
    values = values[values > critical]
    one, other = (
        draw_overlaps(n, p, values, math.sqrt(noise), size, rng, tol=TOL) for _ in range(2)
    )
    wrong = own(one)[:, 0] < _FAILED
    if len(values) > 1:
        wrong |= (own(one)[:, 1] >= _FAILED) | (
            _off_diagonal(one.transpose(0, 2, 1) @ other) > 0.01
        )
    return np.asarray(wrong, dtype=np.float64)


# --- At finite n and p ----------------------------------------------------------------------------


def _angle_kept(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine of one direction, where the last has not failed."""
    return np.asarray(own(at_last(point, rng, size))[:, point["index"]])


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


#: What is off the diagonal is cut off at so many times the size.
_CUT = 10.0


def _relative_coupling(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The same in units of the squared sine of the last direction."""
    return np.asarray(np.minimum(_coupling(point, rng, size) / point["size"], _CUT))


@st.composite
def _one_failed(draw: st.DrawFn) -> dict[str, Any]:
    """Spectra with a_i rising by two or more, and which of the two directions is looked at."""
    return {**draw(_TWOFOLD), "side": draw(_SIDES)}


_TWOFOLD = ordered_spectrum(rise=2.0)
_SIDES = st.sampled_from(["first", "second"])


def _failure(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much the first of two directions has failed, or the second has not, as a share.

    At the noise that theory puts in the middle between the two failures.
    """
    growth, i = np.asarray(theory.angle_growth(point["eigenvalues"], point["p"])), point["index"]
    limit = 1 - _FAILED
    sigma = math.sqrt(limit * point["n"] / math.sqrt(growth[i] * growth[i + 1]))
    squares = (1 - own(at_noise(point, sigma, rng, size))[:, i : i + 2]) / limit - 1
    return np.asarray(squares[:, 0] if point["side"] == "first" else -squares[:, 1])


# --- Spectra on which it fails --------------------------------------------------------------------

_DIGITS_RANK = 20
_DIGITS_LEVELS = np.geomspace(0.05, 5.0, 24)


@functools.cache
def _digits_failures() -> dict[str, Any]:
    """The noise at which each of the digits' directions fails, and what is off the diagonal."""
    images = digits()
    n, p = images.shape
    unit = math.sqrt(float(np.square(images).sum()) / images.size)
    values, vectors = np.linalg.eigh(images.T @ images / n)
    values, vectors = values[::-1], vectors[:, ::-1][:, :_DIGITS_RANK]
    rng, count = np.random.default_rng(0), 24
    clean, levels = images.T @ images, _DIGITS_LEVELS * unit
    kept = np.zeros((count, levels.size, _DIGITS_RANK))
    coupled = np.zeros((count, levels.size))
    for k in range(count):
        turned = []
        for _ in range(2 if k % 4 == 0 else 1):
            noise = rng.standard_normal(images.shape)
            cross, square = images.T @ noise, noise.T @ noise
            # One draw of the noise at all levels.
            noisy = (
                clean
                + levels[:, None, None] * (cross + cross.T)
                + np.square(levels)[:, None, None] * square
            )
            turned.append(np.linalg.eigh(noisy)[1][:, :, : -_DIGITS_RANK - 1 : -1])
        kept[k] = np.square((turned[0] * vectors).sum(axis=1))
        if len(turned) == 2:
            coupled[k] = _off_diagonal(turned[0].transpose(0, 2, 1) @ turned[1])
    total = kept.sum(axis=0)
    middle = _failure_levels(total / count, levels)
    without = np.array([_failure_levels((total - each) / (count - 1), levels) for each in kept])
    reach = jackknife_reach(without)
    behind, far = np.diff(middle), jackknife_reach(np.diff(without, axis=1))
    return {
        "data": f"scikit-learn's digits, n = {n}, p = {p}, the mean taken off; {count} draws of"
        " the noise",
        "eigenvalues": values[:_DIGITS_RANK].tolist(),
        "sigma at which the mean squared cosine falls below 0.9": middle.round(6).tolist(),
        "its two standard errors, by the jackknife": reach.round(6).tolist(),
        "misordered neighbours": [[i + 1, i + 2] for i in np.flatnonzero(behind > 0).tolist()],
        "misordered neighbours, beyond two standard errors": [
            [i + 1, i + 2] for i in np.flatnonzero(behind > far).tolist()
        ],
        "sigma": levels.tolist(),
        "share off the diagonal of U_s^T U_t": coupled[::4].mean(axis=0).round(6).tolist(),
    }


def _failure_levels(kept: Array, levels: Array) -> Array:
    """The first level at which each direction's squared cosine is below 0.9, interpolated."""
    found = []
    for curve in kept.T:
        k = max(int(np.flatnonzero(curve < _FAILED)[0]), 1)
        share = (curve[k - 1] - _FAILED) / (curve[k - 1] - curve[k])
        found.append(float(levels[k - 1] * (levels[k] / levels[k - 1]) ** share))
    return np.array(found)


def _failure_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Where the last fails, what is left of the first: inside and outside of the gap needed."""
    rng, n, p = np.random.default_rng(0), 200, 50
    gap = gap_needed(p)
    found: Constants = {}
    for factor in (0.5, 2.0):
        values = np.array([10.0, 10.0 - factor * gap, 1.0])
        growth = theory.angle_growth(values, p)
        sigma = math.sqrt((1 - _FAILED) * n / float(growth[2]))
        kept = own(draw_overlaps(n, p, values, sigma, 512, rng))
        name = f"(10, {values[1]:.3g}, 1), n = {n}, p = {p}, noise at which the last fails"
        found[f"{name}: squared cosine of the first"] = mean_interval(kept[:, 0])
        found[f"{name}: squared cosine of the last"] = mean_interval(kept[:, 2])
    failures = _digits_failures()
    for kind in ("misordered neighbours", "misordered neighbours, beyond two standard errors"):
        found[f"{kind}, among the digits' first {_DIGITS_RANK}"] = float(len(failures[kind]))
    return found


def _many_samples(_outcomes: Sequence[Outcome]) -> Constants:
    """Just outside: n = 400 p, where the first fails at noise at which it should not have."""
    rng, values, p = np.random.default_rng(0), np.array([4.0, 1.0]), 24
    growth, n = theory.angle_growth(values, p), 400 * p
    sigma = math.sqrt((1 - _FAILED) * n / math.sqrt(growth[0] * growth[1]))
    squares = 1 - own(draw_overlaps(n, p, values, sigma, 512, rng))
    name = f"(4, 1), n = {n}, p = {p}, a_2 / a_1 = {growth[1] / growth[0]:.2f}: squared sine"
    return {
        f"{name} of the first (of first order {0.1 * math.sqrt(growth[0] / growth[1]):.3f})": (
            mean_interval(squares[:, 0])
        ),
        f"{name} of the second": mean_interval(squares[:, 1]),
    }


CLAIMS = (
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
                domain=any_spectrum(),
                draw=_angle_kept,
                allowed=lambda _point: (_FAILED, 1.0),
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=(BAND, "the order of the index"),
                first=512,
            ),
            MeanTest(
                domain=any_spectrum(),
                draw=_coupling,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=("dense data, two data sets", "diagonal"),
                first=256,
            ),
        ),
        needs=("N08-8:signal",),
        constants=_failure_constants,
        data=lambda: {"digits": _digits_failures()},
        note="With close eigenvalues two directions rotate into one another from the start. The"
        " ledger names the neighbours among the digits' eigenvectors that fail in the wrong order.",
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
                routes=(BAND, "theory: the noise at which each direction fails"),
                first=128,
            ),
        ),
        needs=("N08-8:signal", "WDMG-02"),
        note="Between the failures of the first and the second direction, at min(n, p) = 10^8, the"
        " first has not failed, the second has, and the product is diagonal up to a hundredth.",
    ),
    Claim(
        id="WDMG-06r",
        title="for n <= p small angles fail in the order of the index where a_i is in order",
        source=f"{_SOURCE}, Assumption 4.2",
        statement=r"n \le p,\ a_{i+1} \ge 2 a_i \Rightarrow E\sin^2\angle(u_i^t, u_i^0) < 0.1 <"
        r" E\sin^2\angle(u_{i+1}^t, u_{i+1}^0) \text{ at } \sigma_t^2 = 0.1\,n /"
        r" \sqrt{a_i a_{i+1}},\quad \tfrac{\sigma_t^2}{n} a_r \le 0.03 \Rightarrow"
        r" U_\tau^T U_{\tau+1} \text{ has at most } 2 \tfrac{\sigma_t^2}{n} a_r"
        r" \text{ of its squares off the diagonal}",
        reading="a_i as in WDMG-05r, rising by a factor of two (by a fifth in the second piece);"
        " between the two failures the first has not failed and the second has. Ranks 2 to 16, n up"
        " to 28 and p to 10^6; the second piece by dense data, n and p up to 40",
        evidence=(
            MeanTest(
                domain=_one_failed(),
                draw=_failure,
                allowed=lambda _point: (-9.0, 0.0),
                effect=0.2,
                bounds=(-9.0, 9.0),
                routes=(f"{BAND}, over 0.1", "theory: spectra with a_i rising"),
                first=1024,
            ),
            MeanTest(
                domain=ordered_spectrum(dense=True),
                draw=_relative_coupling,
                allowed=lambda _point: (0.0, 2.0),
                effect=0.4,
                bounds=(0.0, _CUT),
                routes=("dense data, two data sets, over theory's size", "twice the size"),
                first=512,
            ),
        ),
        repairs="WDMG-06",
        needs=("N08-8:signal",),
        constants=_many_samples,
        note="With n far above p, which is left out, the noise at which angles fail is above the"
        " eigenvalues, and its own covariance fails them before: it adds sigma_t^2 to lambda_i +"
        " lambda_j in a_i. The constants show one such case."
        " The squared sine of a direction is sigma_t^2 a_i/n to first order. An entry of"
        " U_s'U_t off the diagonal is the difference of two independent mixings, of variance"
        " 2 sigma_t^2 (lambda_i + lambda_j)/(n (lambda_i - lambda_j)^2); in the mean over the"
        " columns that is at most twice the largest sigma_t^2 a_i/n.",
    ),
)
