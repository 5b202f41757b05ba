"""Largest eigenpairs of many symmetric band matrices at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.sparse import diags_array
from scipy.sparse.linalg import eigsh

__all__ = ["EPS", "Pairs", "gram_band", "pairs_by_lanczos", "pairs_by_lapack", "pairs_by_newton"]

EPS = float(np.finfo(np.float64).eps)

# Newton's iteration needs three to six steps; matrices that take more go to LAPACK.
_MOST_STEPS = 12

# Up to this order LAPACK takes a stack of whole matrices; beyond, the wanted pairs one by one.
_SMALL_ORDER = 40

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


class Pairs(NamedTuple):
    """The largest eigenpairs of N leading blocks, and how well they solve the whole problem."""

    values: Array  # (N, r), falling
    heads: Array  # (N, r, r): the first r components of the unit eigenvectors, by columns
    leaks: Array  # (N, r): norm of the coupling to what follows the block, times the vector
    below: Array  # (N,): the next eigenvalue of the block, or -inf where it is not known
    errors: Array  # (N, r): residuals in the block beyond those of a backward stable solver
    good: Flags  # (N,): whether the pairs were found


def gram_band(rows: Array, lower: int) -> Array:
    """
    Return the band of B^T B, where entry c of row i of `rows` is B[i, i - lower + c].

    `rows` has shape (k + lower, w + 1, N); the band has shape (k + w, w + 1, N), with
    ``(B^T B)[j - m, j]`` at [j, m]. It is whole where ``j - m < k``: no later row of B reaches.
    """
    length, width, count = rows.shape
    band = np.zeros((length - lower + width - 1, width, count))
    for c in range(width):
        first = max(lower - c, 0)
        part = rows[first:]
        place = first - lower + c
        band[place : place + length - first, : c + 1] += part[:, c::-1] * part[:, c : c + 1]
    return band


def pairs_by_newton(band: Array, rank: int, orders: list[int], starts: Array) -> Pairs:
    """
    Find the `rank` largest eigenpairs, the j-th in the leading block of order ``orders[j]``.

    Elimination of all but the first `rank` rows of (S - x) leaves a matrix F(x) of that size. While
    x is above all eigenvalues of the rows eliminated, all pivots are negative, the elimination
    is stable, and the j-th largest eigenvalue of S is where the j-th largest of F(x) crosses zero.
    Newton's step is Rayleigh's correction for the vector that the elimination gives. Matrices
    where x falls below that range are given up.
    """
    count = band.shape[2]
    values, leaks = np.empty((count, rank)), np.empty((count, rank))
    heads = np.empty((count, rank, rank))
    good = np.ones(count, dtype=np.bool_)
    for j, order in enumerate(orders):
        value, vector, found = _newton(band[:order], rank, j, starts[j])
        good &= found
        values[:, j], heads[:, :, j] = value, vector[:rank].T
        leaks[:, j] = _leak(band, vector)
    with np.errstate(invalid="ignore"):
        good &= (np.diff(values, axis=1) <= 0.0).all(axis=1)
    return Pairs(values, heads, leaks, np.full(count, -np.inf), np.zeros_like(values), good)


def pairs_by_lapack(band: Array, rank: int, order: int) -> Pairs:
    """Find the `rank` largest eigenpairs of the leading blocks of one order."""
    count = band.shape[2]
    matrices = np.zeros((count, order, order))
    for m in range(min(band.shape[1], order)):
        j = np.arange(m, order)
        matrices[:, j, j - m] = matrices[:, j - m, j] = band[m:order, m].T
    wanted = min(rank + 1, order)
    values, vectors = np.empty((count, wanted)), np.empty((count, order, wanted))
    if order <= _SMALL_ORDER:
        all_values, all_vectors = np.linalg.eigh(matrices)
        values[:], vectors[:] = all_values[:, -wanted:], all_vectors[:, :, -wanted:]
    else:
        select = (order - wanted, order - 1)
        for i in range(count):
            values[i], vectors[i] = eigh(
                matrices[i], subset_by_index=select, overwrite_a=True, check_finite=False
            )
    return _collect(band, rank, values[:, ::-1], vectors[:, :, ::-1])


def pairs_by_lanczos(band: Array, rank: int, order: int, shift: float) -> Pairs:
    """
    Find the `rank` largest eigenpairs of leading blocks too long for a dense matrix.

    Newton's iteration finds those above the shift, which is to be above all eigenvalues of the
    rows after the first `rank`; Lanczos' method, run on the inverse of (S - shift), the largest
    below. The inverse would lose the former: they are far from the shift, the latter near.
    """
    count, width = band.shape[2], band.shape[1]
    values, vectors = np.empty((count, rank + 1)), np.empty((count, order, rank + 1))
    errors = np.empty((count, rank))
    # Any fixed vector that is not small anywhere.
    start = 1.0 + np.random.default_rng(0).random(order)
    for i in range(count):
        rest = max(shift, EPS * float(band[:order, 0, i].max()))
        while True:
            reduced, negative = _eliminate(band[:order, :, i : i + 1], rank, np.array([rest]))
            if negative[0]:
                break
            rest *= 1.0 + 1e-3
        above = int((np.linalg.eigvalsh(_head(reduced, rank))[0] > 0.0).sum())
        matrix = diags_array(band[:order, 0, i], format="csc")
        for m in range(1, width):
            side = diags_array(band[m:order, m, i], offsets=m, format="csc")
            matrix = matrix + side + side.T
        for j in range(min(above, rank)):
            value, vector, _ = _newton(band[:order, :, i : i + 1], rank, j, rest)
            values[i, j], vectors[i, :, j] = value[0], vector[:, 0]
        below = rank + 1 - above
        if below > 0:
            part, parts = eigsh(matrix.tocsc(), k=below, sigma=rest, which="SA", v0=start)
            falling = np.argsort(-part)
            values[i, above:] = part[falling]
            vectors[i, :, above:] = parts[:, falling]
        residual = matrix @ vectors[i] - vectors[i] * values[i]
        errors[i] = np.linalg.norm(residual, axis=0)[:rank]
    return _collect(band, rank, values, vectors)._replace(errors=errors)


def _collect(band: Array, rank: int, values: Array, vectors: Array) -> Pairs:
    """Return the pairs from the falling eigenvalues and the vectors of the leading blocks."""
    count, known = values.shape
    leaks = np.empty((count, rank))
    for j in range(rank):
        leaks[:, j] = _leak(band, vectors[:, :, j].T)
    below = values[:, rank].copy() if known > rank else np.full(count, -np.inf)
    good = np.ones(count, dtype=np.bool_)
    return Pairs(
        values[:, :rank].copy(),
        vectors[:, :rank, :rank].copy(),
        leaks,
        below,
        np.zeros_like(leaks),
        good,
    )


def _newton(band: Array, rank: int, index: int, start: float) -> tuple[Array, Array, Flags]:
    """Return (eigenvalue, unit eigenvector by columns, whether it was found)."""
    count = band.shape[2]
    value = np.full(count, start)
    with np.errstate(all="ignore"):
        for _ in range(_MOST_STEPS):
            factor, found = _eliminate(band, rank, value)
            head = _head(factor, rank)
            found &= np.isfinite(head).all(axis=(1, 2))
            head[~found] = 0.0
            remainders, directions = np.linalg.eigh(head)
            vector = _propagate(factor, directions[:, :, rank - 1 - index].T)
            norm2 = np.einsum("ij,ij->j", vector, vector)
            step = remainders[:, rank - 1 - index] / norm2
            value = value + step
            found &= np.isfinite(value)
            rounding = 4.0 * EPS * (np.abs(value) + np.abs(remainders).max(axis=1))
            settled = np.abs(step) <= rounding
            if (settled | ~found).all():
                break
        return value, vector / np.sqrt(norm2), found & settled


def _eliminate(band: Array, rank: int, shift: Array) -> tuple[Array, Flags]:
    """Eliminate the rows of (S - shift) after the first; also return if they are negative."""
    factor = band.copy()
    factor[:, 0] -= shift
    width = factor.shape[1]
    for j in range(factor.shape[0] - 1, rank - 1, -1):
        row = factor[j]
        ratios = row[1:] / row[0]
        for m in range(1, min(width, j + 1)):
            factor[j - m, : width - m] -= ratios[m - 1] * row[m:]
    return factor, factor[rank:, 0].max(axis=0, initial=-np.inf) < 0.0


def _head(factor: Array, rank: int) -> Array:
    """Return the matrices of the first rows, shape (N, rank, rank)."""
    head = np.zeros((factor.shape[2], rank, rank))
    for j in range(rank):
        for m in range(min(j + 1, factor.shape[1])):
            head[:, j, j - m] = head[:, j - m, j] = factor[j, m]
    return head


def _propagate(factor: Array, first: Array) -> Array:
    """Return the vectors with the given first components that solve all the later rows."""
    length, width, count = factor.shape
    rank = first.shape[0]
    vector = np.zeros((length, count))
    vector[:rank] = first
    for j in range(rank, length):
        reach = min(width - 1, j)
        known = vector[j - reach : j][::-1]
        vector[j] = -np.einsum("ij,ij->j", factor[j, 1 : reach + 1], known) / factor[j, 0]
    return vector


def _leak(band: Array, vector: Array) -> Array:
    """Return the norm of what S adds to the vector beyond the block, shape (N,)."""
    order, width = vector.shape[0], band.shape[1]
    total = np.zeros(band.shape[2])
    for j in range(order, min(order + width - 1, band.shape[0])):
        # Column j couples to the rows j - m < order.
        m = np.arange(j - order + 1, min(width - 1, j) + 1)
        total += np.square(np.einsum("ij,ij->j", band[j, m], vector[j - m]))
    result: Array = np.sqrt(total)
    return result
