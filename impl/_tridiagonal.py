"""Largest eigenpair of many symmetric tridiagonal matrices at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh_tridiagonal

__all__ = ["top_pairs"]

_EPS = float(np.finfo(np.float64).eps)

# Keeps a pivot off zero, as LAPACK does; the matrices are scaled to size one.
_PIVOT = 1e-300

# Laguerre's iteration needs five to ten steps; matrices that take more go to LAPACK.
_MOST_STEPS = 40

# A sweep over the batch costs Python a few calls a row, one by one LAPACK a call a matrix: the
# batch must have this many matrices to gain by the sweep, plus a third of the number of rows.
_SMALLEST_BATCH = 64

Array = npt.NDArray[np.float64]


def top_pairs(diagonal: Array, off_diagonal: Array) -> tuple[Array, Array, Array]:
    """
    Return the largest eigenvalue and the squared ends of its unit eigenvector.

    `diagonal` has shape (k, N) and `off_diagonal` (k - 1, N), non-negative: one matrix per
    column. Returns (eigenvalue, first component squared, last component squared), each (N,).
    """
    rows, count = diagonal.shape
    if rows == 1:
        return diagonal[0].copy(), np.ones(count), np.ones(count)
    # Scaled to size one: no square of an entry can overflow.
    scale = _upper_bound(diagonal, off_diagonal)
    a, b = diagonal / scale, off_diagonal / scale
    if count < _SMALLEST_BATCH + rows // 3:
        value, first, last = _by_lapack(a, b)
        return value * scale, first, last
    with np.errstate(all="ignore"):
        value, settled = _largest_root(a, b)
        shift, first, last = _vector_ends(a, b, value)
    value = value - shift
    lost = np.flatnonzero(~(settled & np.isfinite(value) & np.isfinite(first + last)))
    if lost.size:
        value[lost], first[lost], last[lost] = _by_lapack(a[:, lost], b[:, lost])
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


def _largest_root(a: Array, b: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
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


def _laguerre_drop(a: Array, b2: Array, shift: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
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


def _by_lapack(diagonal: Array, off_diagonal: Array) -> tuple[Array, Array, Array]:
    """Solve the matrices one by one."""
    rows, count = diagonal.shape
    value, first, last = np.empty(count), np.empty(count), np.empty(count)
    for j in range(count):
        values, vectors = eigh_tridiagonal(
            diagonal[:, j], off_diagonal[:, j], select="i", select_range=(rows - 1, rows - 1)
        )
        value[j], first[j], last[j] = values[0], vectors[0, 0] ** 2, vectors[-1, 0] ** 2
    return value, first, last
