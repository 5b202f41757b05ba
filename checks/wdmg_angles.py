"""WDMG-05: Assumption 4.1, the order in which sample eigenvectors turn away from the data's.

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
    at_worst,
    draw_overlaps,
    gap_needed,
    large_sizes,
    mild_spectrum,
    ordered_spectrum,
    own,
)
from lemmata.checks._bars import mean_interval
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
_STEPS = log_uniform(0.05, 30.0).map(lambda x: 1 + x)
#: Next to the transition a draw costs the most: fewer of them.
_LOWEST = st.one_of(log_uniform(0.3, 100.0), log_uniform(0.3, 100.0), log_uniform(0.1, 100.0)).map(
    lambda x: 1 + x
)


@st.composite
def _separated(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, ratios, growth}: spikes over the critical one at the larger of two noises."""
    ratios = [draw(_LOWEST)]
    for _ in range(draw(RANKS) - 1):
        ratios.append(ratios[-1] * draw(_STEPS))
    return {"gamma": draw(_GAMMAS), "ratios": ratios[::-1], "growth": draw(_STEPS)}


def _disorder(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether an angle fails to grow with the noise, or with the index."""
    n, p = large_sizes(point["gamma"])
    values = np.asarray(point["ratios"]) * math.sqrt(p / n)
    more, less = (
        1 - own(draw_overlaps(n, p, values, sigma, size, rng, tol=TOL))
        for sigma in (1.0, 1 / math.sqrt(point["growth"]))
    )
    unordered = (np.diff(more, axis=1) <= 0).any(axis=1) | (np.diff(less, axis=1) <= 0).any(axis=1)
    return np.asarray(unordered | (more <= less).any(axis=1), dtype=np.float64)


# --- At finite n and p ----------------------------------------------------------------------------


def _excess_angle(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much the squared sine of one direction exceeds that of the next."""
    squares = 1 - own(at_last(point, rng, size))
    i = point["index"]
    return np.asarray(squares[:, i] - squares[:, i + 1])


#: Squared sines are cut off at so many times their size: with their chi-square tails that takes
#: less than half a percent off the mean, and three percent.
_CUT, _ORDER_CUT = 10.0, 6.0
#: sigma_t^2 over the last eigenvalue, at most.
_SMALL_SHARE = 0.01


def _growth(point: Point, rng: np.random.Generator, size: int) -> Array:
    """A squared sine over its mean of first order."""
    growth, i = np.asarray(theory.angle_growth(point["eigenvalues"], point["p"])), point["index"]
    mean = point["size"] * growth[i] / growth.max()
    squares = 1 - own(at_worst(point, rng, size))[:, i]
    return np.asarray(np.clip(squares / mean, 0.0, _CUT))


def _relative_excess(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The excess over the next direction, in units of what that one's squared sine is."""
    growth, i = np.asarray(theory.angle_growth(point["eigenvalues"], point["p"])), point["index"]
    # Of first order: the last angle small, and the noise's own covariance beside the eigenvalues.
    variance = point["n"] * min(
        point["size"] / float(growth[-1]), _SMALL_SHARE * point["eigenvalues"][-1] / point["n"]
    )
    mean = variance / point["n"] * growth[i + 1]
    squares = 1 - own(at_noise(point, math.sqrt(variance), rng, size))[:, i : i + 2]
    shares = np.clip(squares / mean, 0.0, _ORDER_CUT)
    return np.asarray(shares[:, 0] - shares[:, 1])


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


def _gap_constants(_outcomes: Sequence[Outcome]) -> Constants:
    """Gaps that order needs, and what happens just inside and outside."""
    rng, p = np.random.default_rng(0), 50
    gap = gap_needed(p)
    found: Constants = {
        f"gap that (10, 10 - g, 1) needs, p = {size}": gap_needed(size) for size in (50, 10**4)
    }
    for factor in (0.7, 1.4):
        values = np.array([10.0, 10.0 - factor * gap, 1.0])
        growth = theory.angle_growth(values, p)
        sigma = math.sqrt(0.01 * 200 / float(growth[2]))
        squares = 1 - own(draw_overlaps(200, p, values, sigma, 2048, rng))
        excess = squares[:, 0] - squares[:, 2]
        name = f"sin^2 of the first less that of the last, {factor:g} of that gap, last 0.01"
        found[name] = mean_interval(excess)
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
                domain=any_spectrum(),
                draw=_excess_angle,
                allowed=lambda _point: (-1.0, 0.0),
                effect=0.02,
                bounds=(-1.0, 1.0),
                routes=(BAND, "the order of the index"),
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
                routes=(BAND, "the order of time and index"),
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
        reading="fixed data of rank 2 to 16, fresh noise, sigma_t to 0; all angles grow with t"
        " there. The least of n and p is at most 60, as a draw costs its cube; p goes to 10^6, n to"
        " 10^4; squared sines in units of their size, cut off at ten"
        " times it (six, for the order)",
        evidence=(
            MeanTest(
                domain=mild_spectrum(),
                draw=_growth,
                allowed=lambda _point: (0.99, 1.01),
                effect=0.2,
                bounds=(0.0, _CUT),
                routes=(f"{BAND}, over theory's a_i", "one"),
                first=1024,
            ),
            MeanTest(
                domain=ordered_spectrum(many_samples=True),
                draw=_relative_excess,
                allowed=lambda _point: (-_ORDER_CUT, 0.0),
                effect=0.2,
                bounds=(-_ORDER_CUT, _ORDER_CUT),
                routes=(f"{BAND}, over theory's a_i", "theory: spectra with a_i rising by a fifth"),
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
)
