"""Largest eigenpairs of many symmetric band matrices at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import dsbmv
from scipy.linalg.lapack import dpbtrf, dpbtrs
from scipy.sparse.linalg import LinearOperator, eigsh

from ._gram import largest_pairs

__all__ = ["EPS", "Pairs", "gram_band", "pairs_by_lanczos", "pairs_by_lapack", "pairs_by_newton"]

EPS = float(np.finfo(np.float64).eps)

# Newton's iteration needs three to six steps; matrices that take more go to LAPACK.
_MOST_STEPS = 12

# Steps of the inverse iteration that brings a shift near to the eigenvalues below it.
_DESCENTS = 4

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
    return _collect(band, rank, *largest_pairs(matrices, rank + 1))


def pairs_by_lanczos(band: Array, rank: int, order: int, shift: float) -> Pairs:
    """
    Find the `rank` largest eigenpairs of leading blocks too long for a dense matrix.

    Newton's iteration finds those above all eigenvalues of the rows after the first `rank`, near
    which the shift, which is to be above them, is moved first; Lanczos' method, run on the inverse
    of (S - shift), the largest below. The inverse would lose the former: they are far from the
    shift, the latter near.
    """
    count = band.shape[2]
    values, vectors = np.empty((count, rank + 1)), np.empty((count, order, rank + 1))
    errors = np.empty((count, rank))
    # Any fixed vector that is positive and not small anywhere.
    start = 1.0 + np.random.default_rng(0).random(order)
    for i in range(count):
        block = _Block(band[:order, :, i], rank)
        split = block.near_the_rest(max(shift, EPS * float(band[:order, 0, i].max())), start)
        above = min(rank, int((np.linalg.eigvalsh(split.head) > 0.0).sum()))
        for j in range(above):
            values[i, j], vectors[i, :, j] = block.newton(j, split)
        below = rank + 1 - above
        whole, inverse = (
            LinearOperator((order, order), matvec=function, dtype=np.float64)
            for function in (block.times, split.solve)
        )
        part, parts = eigsh(whole, k=below, sigma=split.shift, which="SA", v0=start, OPinv=inverse)
        falling = np.argsort(-part)
        values[i, above:] = part[falling]
        vectors[i, :, above:] = parts[:, falling]
        for j in range(rank):
            residual = block.times(vectors[i, :, j]) - values[i, j] * vectors[i, :, j]
            errors[i, j] = np.linalg.norm(residual)
    return _collect(band, rank, values, vectors)._replace(errors=errors)


class _Split(NamedTuple):
    """
    S - shift, with all rows but the first `rank` eliminated.

    The others, the rest, have the factor of (shift - S_rest), positive definite; `carried` is that
    matrix' inverse times their coupling to the first ones, and `head` is what is left of these.
    """

    shift: float
    factor: Array
    coupling: Array
    carried: Array
    head: Array

    def solve(self, right: Array) -> Array:
        """Return (S - shift)^(-1) times a vector."""
        rank = self.head.shape[0]
        rest, _ = dpbtrs(self.factor, right[rank:])
        first = np.linalg.solve(self.head, right[:rank] + self.coupling.T @ rest)
        return np.concatenate([first, self.carried @ first - rest])


class _Block:
    """One leading block, in the band storage of LAPACK."""

    def __init__(self, band: Array, rank: int) -> None:
        order, width = band.shape
        self.rank = rank
        # Column j of the matrix is column j here, the diagonal last.
        self.stored = np.asfortranarray(band[:, ::-1].T)
        self.first, self.coupling = np.zeros((rank, rank)), np.zeros((order - rank, rank))
        for i in range(rank):
            for m in range(min(width, order - i)):
                if i + m < rank:
                    self.first[i, i + m] = self.first[i + m, i] = band[i + m, m]
                else:
                    self.coupling[i + m - rank, i] = band[i + m, m]

    def times(self, vector: Array) -> Array:
        """Return S times a vector."""
        product: Array = dsbmv(self.stored.shape[0] - 1, 1.0, self.stored, np.ravel(vector))
        return product

    def split(self, shift: float) -> _Split | None:
        """Eliminate; None if the shift is not above all eigenvalues of the rest."""
        matrix = -self.stored[:, self.rank :]
        matrix[-1] += shift
        factor, failed = dpbtrf(matrix, overwrite_ab=True)
        if failed:
            return None
        carried, _ = dpbtrs(factor, self.coupling)
        head = self.first - shift * np.eye(self.rank) + self.coupling.T @ carried
        return _Split(shift, factor, self.coupling, carried, head)

    def near_the_rest(self, shift: float, start: Array) -> _Split:
        """Return the split at a shift little above the eigenvalues of the rest."""
        while (best := self.split(shift)) is None:
            shift *= 1.0 + 1e-3
        vector = start[self.rank :] / np.linalg.norm(start[self.rank :])
        for _ in range(_DESCENTS):
            solution, _ = dpbtrs(best.factor, vector)
            square = float(solution @ solution)
            drop = float(vector @ solution) / square
            residual = math.sqrt(max(1.0 / square - drop * drop, 0.0))
            closer = self.split(best.shift - drop + 2.0 * residual)
            if closer is None or closer.shift >= best.shift:
                break
            vector, best = solution / math.sqrt(square), closer
        return best

    def newton(self, index: int, split: _Split) -> tuple[float, Array]:
        """Return an eigenvalue above those of the rest, by its place, and its eigenvector."""
        for _ in range(_MOST_STEPS):
            remainders, directions = np.linalg.eigh(split.head)
            first = directions[:, self.rank - 1 - index]
            vector = np.concatenate([first, split.carried @ first])
            square = float(vector @ vector)
            step = float(remainders[self.rank - 1 - index]) / square
            value = split.shift + step
            if abs(step) <= 4.0 * EPS * (abs(value) + float(np.abs(remainders).max())):
                break
            following = self.split(value)
            if following is None:
                break
            split = following
        return value, vector / math.sqrt(square)


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
