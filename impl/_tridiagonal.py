"""Largest eigenpair of many symmetric tridiagonal matrices at once."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh_tridiagonal
from scipy.linalg.lapack import dpttrf, dpttrs

__all__ = ["top_pairs"]

_EPS = float(np.finfo(np.float64).eps)

# Keeps a pivot off zero, as LAPACK does; the matrices are scaled to size one.
_PIVOT = 1e-300

# Newton's, Laguerre's and the inverse iteration need three to ten steps; what takes more goes on to
# the next method, in the end to LAPACK.
_MOST_STEPS = 40

# A sweep over the batch costs Python some calls a row, forty by Newton's and a hundred or more by
# Laguerre's iteration; one by one, a matrix costs it fifty and the time of as many for 400 rows.
# So many matrices a row must the batch have to gain by the sweep. Long ones leave the cache.
_NEWTON_BATCH = 0.3
_LAGUERRE_BATCH = 2.0
_LAGUERRE_ROWS = 512

# Share of the start of the inverse iteration that is spread over all rows: whatever the last
# matrix was like, no eigenvector of the next is out of sight.
_SPREAD = 1e-3

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def top_pairs(
    diagonal: Array, off_diagonal: Array, guess: float | None = None
) -> tuple[Array, Array, Array]:
    """
    Return the largest eigenvalue and the squared ends of its unit eigenvector.

    `diagonal` has shape (k, N) and `off_diagonal` (k - 1, N), non-negative: one matrix per
    column. Returns (eigenvalue, first component squared, last component squared), each (N,).
    `guess` is about what the eigenvalues are, where the first row makes them larger than all
    eigenvalues of the other rows; a wrong one costs time only.
    """
    rows, count = diagonal.shape
    if rows == 1:
        return diagonal[0].copy(), np.ones(count), np.ones(count)
    value, first, last = np.empty(count), np.empty(count), np.empty(count)
    left = np.arange(count)
    if guess is not None and count >= _NEWTON_BATCH * rows:
        with np.errstate(all="ignore"):
            *found, good = _from_the_first_row(diagonal / guess, off_diagonal / guess)
        value[good], first[good], last[good] = (part[good] for part in found)
        value *= guess
        left = np.flatnonzero(~good)
        diagonal, off_diagonal = diagonal[:, left], off_diagonal[:, left]
    if left.size:
        value[left], first[left], last[left] = _from_above(diagonal, off_diagonal)
    return value, first, last


def _from_the_first_row(a: Array, b: Array) -> tuple[Array, Array, Array, Flags]:
    """
    Find (eigenvalue, first and last squared) by Newton's iteration from one, and whether it did.

    Elimination from below leaves f(x) = x - a_0 - b_0^2 / q_1(x), whose largest zero is the
    largest eigenvalue of T; where all pivots q_1, q_2, ... are positive x is above all
    eigenvalues of the other rows, and f has no other zero there. The eigenvector with v_0 = 1 has
    v_(i+1) / v_i = b_i / q_(i+1), and f' is the sum of its squares.
    """
    rows, count = a.shape
    b2 = np.square(b)
    x = np.ones(count)
    inverse, carry = np.empty(count), np.empty(count)
    for _ in range(_MOST_STEPS):
        slope, last = np.ones(count), np.ones(count)
        pivot = x - a[-1]
        least = pivot.copy()
        for i in range(rows - 2, -1, -1):
            if i < rows - 2:
                np.minimum(least, pivot, out=least)
            np.reciprocal(pivot, out=inverse)
            np.multiply(b2[i], inverse, out=carry)
            np.subtract(x, a[i], out=pivot)
            pivot -= carry
            carry *= inverse
            slope *= carry
            slope += 1.0
            last *= carry
        step = pivot / slope
        x -= step
        settled = (np.abs(step) <= 4.0 * _EPS * x) | ~(least > 0.0)
        if settled.all():
            break
    good = settled & (least > 0.0) & np.isfinite(x + last)
    return x, 1.0 / slope, last / slope, good


def _from_above(diagonal: Array, off_diagonal: Array) -> tuple[Array, Array, Array]:
    """Return what `top_pairs` does, without a guess."""
    rows, count = diagonal.shape
    # Scaled to size one: no square of an entry can overflow.
    scale = _upper_bound(diagonal, off_diagonal)
    a, b = diagonal / scale, off_diagonal / scale
    if rows > _LAGUERRE_ROWS or count < _LAGUERRE_BATCH * rows:
        value, first, last = _one_by_one(a, b)
        return value * scale, first, last
    with np.errstate(all="ignore"):
        value, settled = _largest_root(a, b)
        shift, first, last = _vector_ends(a, b, value)
    value = value - shift
    lost = np.flatnonzero(~(settled & np.isfinite(value) & np.isfinite(first + last)))
    if lost.size:
        value[lost], first[lost], last[lost] = _one_by_one(a[:, lost], b[:, lost])
    return value * scale, first, last


def _upper_bound(diagonal: Array, off_diagonal: Array) -> Array:
    """
    Return an upper bound of the eigenvalues: Gershgorin's, with the first row rescaled.

    A spike makes the first row unlike the others; the scale that balances it with the second
    gives both the bound of the 2 x 2 matrix [[a_0, b_0], [b_0, a_1 + b_1]].
    """
    sums = diagonal.copy()
    sums[:-1] += off_diagonal
    sums[2:] += off_diagonal[1:]
    half = 0.5 * (sums[1] - diagonal[0])
    pair = diagonal[0] + half + np.hypot(half, off_diagonal[0])
    bound: Array = np.maximum(pair, sums[2:].max(axis=0, initial=0.0))
    return bound


def _largest_root(a: Array, b: Array) -> tuple[Array, Flags]:
    """
    Find the largest eigenvalues by Laguerre's iteration from above.

    From above the iteration falls monotonically to the largest root of a polynomial whose
    roots are all real, at a cubic rate, so that it cannot end at another eigenvalue. The
    matrices are scaled so that one is an upper bound.
    """
    count = a.shape[1]
    root = np.ones(count)
    settled = np.zeros(count, dtype=np.bool_)
    active = np.arange(count)
    b2 = np.square(b)
    for _ in range(_MOST_STEPS):
        drop, positive = _laguerre_drop(a, b2, root[active])
        # Pivots turn negative only once rounding has carried the shift to the root or below.
        done = ~positive | ~(drop > 2.0 * _EPS * root[active])
        root[active[positive]] -= drop[positive]
        settled[active[done]] = True
        if done.all():
            break
        if done.any():
            keep = ~done
            active, a, b2 = active[keep], a[:, keep], b2[:, keep]
    return root, settled


def _laguerre_drop(a: Array, b2: Array, shift: Array) -> tuple[Array, Flags]:
    """Return Laguerre's step down from `shift`, and whether `shift` is above all eigenvalues."""
    rows = a.shape[0]
    # With q_i the pivots of (shift - T): S1 = sum q_i'/q_i = sum_j 1/(shift - lambda_j) and
    # S2 = -dS1/dshift = sum_j 1/(shift - lambda_j)^2, in recurrences without cancellation.
    inverse = 1.0 / (shift - a[0])
    slope = inverse.copy()
    bend = np.zeros_like(shift)
    s1 = slope.copy()
    s2 = np.square(slope)
    positive = inverse > 0.0
    for i in range(1, rows):
        carry = b2[i - 1] * inverse
        inverse = 1.0 / (shift - a[i] - carry)
        positive &= inverse > 0.0
        carry *= inverse
        bend += 2.0 * np.square(slope)
        bend *= carry
        slope *= carry
        slope += inverse
        s1 += slope
        s2 += np.square(slope)
        s2 += bend
    spread = np.maximum((rows - 1) * (rows * s2 - np.square(s1)), 0.0)
    drop: Array = rows / (s1 + np.sqrt(spread))
    return drop, positive & np.isfinite(drop)


def _vector_ends(a: Array, b: Array, value: Array) -> tuple[Array, Array, Array]:
    """
    Return Rayleigh's correction to `value` and the squared end components of the unit vector.

    The vector solves all equations of (value - T) v = 0 but the one at the twist, the row where
    the two factorisations, from the top and from the bottom, leave the smallest residual
    (Parlett & Dhillon 1997). Ratios of neighbours are products of b/q alone: components far
    below rounding keep their relative accuracy.
    """
    rows, count = a.shape
    pivots = np.empty((rows, count))
    above = np.zeros((rows, count))  # sum of v_j^2 / v_i^2 over j < i
    to_first = np.ones((rows, count))  # v_0^2 / v_i^2
    pivots[0] = _off_zero(value - a[0])
    for i in range(1, rows):
        quotient = b[i - 1] / pivots[i - 1]
        pivots[i] = _off_zero(value - a[i] - b[i - 1] * quotient)
        ratio = np.square(quotient)
        above[i] = (1.0 + above[i - 1]) * ratio
        to_first[i] = to_first[i - 1] * ratio
    below = np.zeros(count)
    to_last = np.ones(count)
    pivot = _off_zero(value - a[-1])
    residual = pivots[-1].copy()
    first, last, norm = to_first[-1].copy(), to_last.copy(), 1.0 + above[-1]
    for i in range(rows - 2, -1, -1):
        quotient = b[i] / pivot
        carry = b[i] * quotient
        pivot = _off_zero(value - a[i] - carry)
        ratio = np.square(quotient)
        below = (1.0 + below) * ratio
        to_last = to_last * ratio
        gamma = pivots[i] - carry
        better = np.abs(gamma) < np.abs(residual)
        residual = np.where(better, gamma, residual)
        first = np.where(better, to_first[i], first)
        last = np.where(better, to_last, last)
        norm = np.where(better, 1.0 + above[i] + below, norm)
    return residual / norm, first / norm, last / norm


def _off_zero(pivot: Array) -> Array:
    """Return the pivots with zeros moved to a tiny positive number."""
    result: Array = np.where(np.abs(pivot) < _PIVOT, _PIVOT, pivot)
    return result


def _one_by_one(diagonal: Array, off_diagonal: Array) -> tuple[Array, Array, Array]:
    """Solve the matrices, of size one, in turn; each starts from the one before."""
    rows, count = diagonal.shape
    value, first, last = np.empty(count), np.empty(count), np.empty(count)
    a, minus_b = np.ascontiguousarray(diagonal.T), np.ascontiguousarray(-off_diagonal.T)
    flat = 1.0 / math.sqrt(rows)
    vector = np.full(rows, flat)
    low, high = math.inf, -math.inf
    for j in range(count):
        shift = high + 0.25 * (high - low)
        found = _inverse_iteration(a[j], minus_b[j], vector, shift if low < high else math.inf)
        value[j], vector = _by_lapack(a[j], minus_b[j]) if found is None else found
        first[j], last[j] = vector[0] ** 2, vector[-1] ** 2
        low, high = min(low, value[j]), max(high, value[j])
        vector = vector + _SPREAD * flat
    return value, first, last


def _inverse_iteration(
    a: Array, minus_b: Array, vector: Array, shift: float
) -> tuple[float, Array] | None:
    """
    Return the largest eigenvalue, at most one, and its unit eigenvector; or None.

    The shifts fall towards the eigenvalue from above, as fast as Rayleigh's quotients rise: that
    shift - T is positive definite, which its factorisation finds out, says that each is above.
    The start must be positive: it then cannot lack the eigenvector, which is positive too.
    """
    top = 1.0 + 8.0 * _EPS
    shift = min(shift, top)
    quotient: float | None = None
    for _ in range(_MOST_STEPS):
        pivots, ratios, failed = dpttrf(shift - a, minus_b, overwrite_d=True)
        if failed:
            if shift >= top:
                return None
            # Below the eigenvalue: further up, and ever faster.
            shift = top if quotient is None else min(top, quotient + 8.0 * (shift - quotient))
            continue
        solution, _ = dpttrs(pivots, ratios, vector)
        square = float(solution @ solution)
        drop = float(vector @ solution) / square
        # Of the quotient of the new vector, and how that does against the one before.
        gain = math.inf if quotient is None else shift - drop - quotient
        quotient = shift - drop
        # |(T - quotient) solution| = |(shift - quotient) solution - vector|.
        residual = math.sqrt(max(float(vector @ vector) / square - drop * drop, 0.0))
        vector = solution / math.sqrt(square)
        if residual <= 4.0 * _EPS:
            return quotient, vector
        shift = min(shift, quotient + max(min(2.0 * residual, gain), 4.0 * _EPS))
    return None


def _by_lapack(a: Array, b: Array) -> tuple[float, Array]:
    """Return the largest eigenvalue and its unit eigenvector."""
    last = a.size - 1
    values, vectors = eigh_tridiagonal(a, b, select="i", select_range=(last, last))
    return float(values[0]), np.abs(vectors[:, 0])
