"""Angles of the eigenvectors of noisy data to those of the data: draws, and spectra.

The noise is added to one data set A, as in the text: the population is A'A / n, and u_i^0 its
eigenvectors, n lambda_i the squares of A's singular values.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform, sizes

__all__ = [
    "BAND",
    "RANKS",
    "TOL",
    "any_spectrum",
    "at_last",
    "at_noise",
    "at_worst",
    "draw_overlaps",
    "gap_needed",
    "large_sizes",
    "mild_spectrum",
    "ordered_spectrum",
    "own",
]

Array = NDArray[np.float64]

BAND = "impl: the band model of fixed data plus noise"

RANKS = st.sampled_from([2, 3, 2, 2, 3, 2, 4])


def draw_overlaps(
    n: int,
    p: int,
    values: Array,
    sigma: float,
    size: int,
    rng: np.random.Generator,
    *,
    tol: float = 1e-12,
) -> Array:
    """C = U_0' U_t, shape (size, r, r), for data of eigenvalues `values` plus noise."""
    singular = np.sqrt(n * values)
    draws = impl.reduced_signal_overlaps(n, p, singular, sigma=sigma, size=size, rng=rng, tol=tol)
    return np.asarray(draws.overlaps)


def own(overlaps: Array) -> Array:
    """Squared cosines of the angles of u_i^t to u_i^0, shape (size, r)."""
    return np.square(np.diagonal(overlaps, axis1=1, axis2=2))


_LARGE = 10**8
#: Residual of a pair at those sizes, far below the 10^-4 by which overlaps fluctuate there.
TOL = 1e-7


def large_sizes(gamma: float) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them 10^8."""
    if gamma <= 1:
        return round(_LARGE / gamma), _LARGE
    return _LARGE, round(_LARGE * gamma)


# --- Spectra at finite n and p --------------------------------------------------------------------

#: The smaller of n and p: a draw costs its cube. The other may be large; n less so, since the
#: noise's own covariance, of second order, must stay small: sigma^2 against the eigenvalues.
_FEW = st.integers(0, 12)
_MANY = {"n": sizes(12, 10**4), "p": sizes(12, 10**6)}
_SIDES = st.sampled_from(["n", "p"])
#: A draw at rank 16 costs ten times as much as one at rank 2.
_SMALL_RANKS = st.sampled_from([*[2, 3, 2, 4] * 7, 8, 16])

_CLOSE = st.one_of(log_uniform(1e-6, 1.0), log_uniform(1e-3, 3.0))
_APART = log_uniform(0.1, 10.0)
_PAIRS = st.integers(1, 2)
_SIZES = log_uniform(1e-3, 0.03)
_MODERATE = st.integers(12, 40)


@st.composite
def any_spectrum(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, size}: the last apart, the others may be close.

    `size` is about what the squared sine of the last direction is at that noise.
    """
    values = [1.0, 1 + draw(_APART)]
    for _ in range(draw(_PAIRS)):
        values.append(values[-1] * (1 + draw(_CLOSE)))
    return {
        "n": draw(_MODERATE),
        "p": draw(_MODERATE),
        "eigenvalues": values[::-1],
        "index": draw(st.integers(0, len(values) - 2)),
        "size": draw(_SIZES),
    }


_MILD = log_uniform(3e-3, 30.0)
#: Small enough for first-order perturbation theory.
_FIRST_ORDER = 1e-6


@st.composite
def mild_spectrum(draw: st.DrawFn) -> dict[str, Any]:
    """Points {n, p, eigenvalues, index, size}, `size` of the largest squared sine.

    The index is that of a direction that turns by a thousandth of the fastest or more: beside it
    the others are lost in rounding.
    """
    rank = draw(_SMALL_RANKS)
    values = [1.0]
    for _ in range(rank - 1):
        values.append(values[-1] * (1 + draw(_MILD)))
    side, few = draw(_SIDES), rank + draw(_FEW)
    many = max(draw(_MANY[side]), rank)
    n, p = (many, few) if side == "n" else (few, many)
    growth = np.asarray(theory.angle_growth(values[::-1], p))
    index = draw(_INDICES) % rank
    if growth[index] < 1e-3 * growth.max():
        index = int(growth.argmax())
    return {"n": n, "p": p, "eigenvalues": values[::-1], "index": index, "size": _FIRST_ORDER}


_INDICES = st.integers(0, 15)
_WIDE_P = st.integers(24, 32)
_ORDERED_STEPS = log_uniform(0.5, 5.0)


@st.composite
def ordered_spectrum(
    draw: st.DrawFn, *, rise: float = 1.2, dense: bool = False, many_samples: bool = False
) -> dict[str, Any]:
    """Points at which a_i rises by so much or more from one index to the next.

    With few samples p is up to a million, or both are moderate, n at most p; with `dense` too.
    With `many_samples` n may be the large one.
    """
    rank = draw(_DENSE_RANKS if dense else _SMALL_RANKS)
    if dense:
        n, p = draw(_MODERATE), draw(_WIDE_P)
    else:
        n, p, side = rank + draw(_FEW), rank + draw(_WIDE_P), draw(_SIDES)
        if side == "p":
            p += draw(_MANY["p"])
        elif many_samples:
            n += draw(_MANY["n"])
    values = [1.0]
    for _ in range(rank - 1):
        step = draw(_ORDERED_STEPS)
        while True:
            longer = np.array([values[-1] * (1 + step), *values[::-1]])
            growth = theory.angle_growth(longer, p)
            if (growth[1:] >= rise * growth[:-1]).all():
                break
            step *= 1.3
            if step > 1e6:
                return {**_SURE, "p": p, "n": n}
        values.append(float(longer[0]))
    return {
        "n": n,
        "p": p,
        "eigenvalues": values[::-1],
        "index": draw(_INDICES) % (rank - 1),
        "size": draw(_SIZES),
    }


_DENSE_RANKS = st.integers(2, 4)
_SURE = {"eigenvalues": [8.0, 1.0], "index": 0, "size": 0.01}


def at_noise(point: Point, sigma: float, rng: np.random.Generator, size: int) -> Array:
    """Overlaps at one noise level."""
    values = np.asarray(point["eigenvalues"])
    return draw_overlaps(point["n"], point["p"], values, sigma, size, rng)


def at_last(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Overlaps at the noise at which the last squared sine is of the size that the point says."""
    growth = theory.angle_growth(point["eigenvalues"], point["p"])
    sigma = math.sqrt(point["size"] * point["n"] / float(growth[-1]))
    return at_noise(point, sigma, rng, size)


def at_worst(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Overlaps at the noise at which the largest squared sine is of that size."""
    growth = theory.angle_growth(point["eigenvalues"], point["p"])
    sigma = math.sqrt(point["size"] * point["n"] / float(growth.max()))
    return at_noise(point, sigma, rng, size)


def gap_needed(p: int) -> float:
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
