"""Top eigenpair of a spiked sample covariance: dense, and by an exact reduction."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._gram import check_gram, largest_pairs
from ._random import RNGLike, as_generator
from ._tridiagonal import top_pairs
from ._truncation import GROWTH, LOWEST_TOL, noise_edge, soft_rows
from ._validate import as_count, as_real

__all__ = ["dense_draws", "reduced_draws"]

Array = npt.NDArray[np.float64]

# Numbers in one block of random draws, 8 and 2 MiB; a few such blocks are held at a time.
_DENSE_BLOCK = 1 << 20
_REDUCED_BLOCK = 1 << 18

# Up to this order the whole matrix is drawn and nothing is truncated.
_SMALL = 32

# Largest 1 + spike, times sigma2 or not: p / n adds 16 decades at most, a chi-square three.
_LARGEST_SIGNAL = 1e280


class _Model(NamedTuple):
    """Number of samples, dimension and spike, at noise variance one."""

    n: int
    p: int
    spike: float

    @property
    def order(self) -> int:
        """Order of the whole tridiagonal matrix: the columns of B that are not zero."""
        return min(self.n + 1, self.p)


def dense_draws(
    n: int,
    p: int,
    spike: float,
    *,
    sigma2: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
) -> tuple[Array, Array]:
    """
    Draw the top eigenpair of a spiked sample covariance by building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least 1.
    p : int
        Dimension, at least 1. The smaller of `n` and `p` is at most 8192.
    spike : float
        Spike s >= 0: the population covariance is ``sigma2 (I + s u u^T)`` with a unit u.
    sigma2 : float, default 1
        Noise variance, > 0.
    size : int, default 1
        Number of independent draws, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    eigenvalue : ndarray, shape (size,)
        Largest eigenvalue of ``S = X^T X / n``; the mean is known to be zero, not estimated.
    overlap : ndarray, shape (size,)
        Squared inner product of its unit eigenvector with u.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalue overflows.

    Notes
    -----
    The model of Nadler 2008, Ann. Statist. 36(6), with u = e_1, which is no loss since the noise
    is isotropic. The eigenproblem is that of the smaller of X^T X and X X^T; memory is that of
    one Gram matrix and one block of rows. Cost O(n p min(n, p)) a draw.

    Verified by: N08-5, N08-8.

    Examples
    --------
    >>> from lemmata.impl import dense_draws
    >>> eigenvalue, overlap = dense_draws(200, 50, 4.0, size=10, rng=3)
    >>> eigenvalue.shape, bool((overlap <= 1.0).all())
    ((10,), True)
    """
    model, variance, draws, generator = _arguments(n, p, spike, sigma2=sigma2, size=size, rng=rng)
    short, long = sorted((model.n, model.p))
    check_gram(model.n, model.p, "reduced_draws takes any size")
    eigenvalue, overlap = np.empty(draws), np.empty(draws)
    batch = max(1, _DENSE_BLOCK // (short * (long + short)))
    for start in range(0, draws, batch):
        stop = min(start + batch, draws)
        eigenvalue[start:stop], overlap[start:stop] = _dense_batch(model, stop - start, generator)
    return eigenvalue * variance, overlap


def reduced_draws(
    n: int,
    p: int,
    spike: float,
    *,
    sigma2: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
    tol: float = 1e-12,
) -> tuple[Array, Array]:
    """
    Draw the top eigenpair of a spiked sample covariance without building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least 1.
    p : int
        Dimension, at least 1.
    spike : float
        Spike s >= 0: the population covariance is ``sigma2 (I + s u u^T)`` with a unit u.
    sigma2 : float, default 1
        Noise variance, > 0.
    size : int, default 1
        Number of independent draws, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.
    tol : float, default 1e-12
        Largest residual of the truncated eigenproblem, relative to the eigenvalue; at least
        1e-14, below 1.

    Returns
    -------
    eigenvalue : ndarray, shape (size,)
        Largest eigenvalue of ``S = X^T X / n``; the mean is known to be zero, not estimated.
    overlap : ndarray, shape (size,)
        Squared inner product of its unit eigenvector with u.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalue overflows.

    Notes
    -----
    Reflections turn Gaussian data into an upper bidiagonal B without touching u = e_1 (Dumitriu
    & Edelman 2002; Bloemendal & Virag 2013). Its entries are independent: on the diagonal
    ``sqrt(1 + s) chi_n, chi_(n-1), chi_(n-2), ...``, above it ``chi_(p-1), chi_(p-2), ...``,
    down to the first chi of no degrees of freedom. ``B^T B / n`` is tridiagonal, of order
    ``min(n + 1, p)``, similar to S, with the overlap in the first component.

    Up to order 32 the whole matrix is drawn. Beyond, only a leading block is, and it grows,
    entries already drawn being kept, until two things hold. The residual, the entry that leaves
    the block times the last component of the eigenvector, is at most `tol` times the
    eigenvalue: some eigenvalue of the whole matrix is that near. And the eigenvalue lies so far
    above ``(sqrt(n - k) + sqrt(p - k))^2 / n``, the edge of the part left out, that this part
    has a larger one with a probability of about 1e-12 only (the Tracy-Widom tail, a heuristic).
    The overlap's error is of the order of the residual, and of rounding, over the distance to
    the next eigenvalue, which at and below the transition is of order p^(-2/3).

    Cost per draw: O(log(1/tol) / log(s / sqrt(p/n))) above the transition, s > sqrt(p/n),
    whatever n and p are; O(min(n, p)^(1/3)) at and below it, from about
    ``18 (sqrt(n p) / (sqrt(n) + sqrt(p)))^(2/3)`` rows. Batches share the work: `size` large
    costs a small fraction of as many single calls.

    Verified by: N08-1, N08-2, N08-3, N08-4r, N08-5, N08-6, N08-8, WDMG-02, WDMG-03, WDMG-04.

    Examples
    --------
    >>> from lemmata.impl import reduced_draws
    >>> eigenvalue, overlap = reduced_draws(10**9, 10**9, 2.0, size=3, rng=5)
    >>> eigenvalue.round(2).tolist(), overlap.round(2).tolist()
    ([4.5, 4.5, 4.5], [0.5, 0.5, 0.5])
    """
    model, variance, draws, generator = _arguments(n, p, spike, sigma2=sigma2, size=size, rng=rng)
    accuracy = as_real(tol, "tol", at_least=LOWEST_TOL, below=1.0)
    rows = _first_rows(model, accuracy)
    eigenvalue, overlap = np.empty(draws), np.empty(draws)
    batch = max(1, _REDUCED_BLOCK // rows)
    for start in range(0, draws, batch):
        stop = min(start + batch, draws)
        eigenvalue[start:stop], overlap[start:stop] = _reduced_batch(
            model, stop - start, rows, accuracy, generator
        )
    return eigenvalue * variance, overlap


def _arguments(
    n: int, p: int, spike: float, *, sigma2: float, size: int, rng: RNGLike
) -> tuple[_Model, float, int, np.random.Generator]:
    """Validate the arguments that both functions share."""
    model = _Model(as_count(n, "n"), as_count(p, "p"), as_real(spike, "spike", at_least=0.0))
    variance = as_real(sigma2, "sigma2", above=0.0)
    if max(1.0, variance) * (1.0 + model.spike) > _LARGEST_SIGNAL:
        msg = (
            f"sigma2 * (1 + spike) and 1 + spike must be at most {_LARGEST_SIGNAL:g}, "
            f"got sigma2 = {sigma2} and spike = {spike}"
        )
        raise ValueError(msg)
    draws = as_count(size, "size")
    return model, variance, draws, as_generator(rng)


def _dense_batch(model: _Model, count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Draw `count` data sets and return (eigenvalue, overlap)."""
    n, p, spike = model
    stretch = math.sqrt(1.0 + spike)
    by_dimension = p <= n
    short, long = (p, n) if by_dimension else (n, p)
    gram = np.zeros((count, short, short))
    along_spike = np.empty((count, 0 if by_dimension else n))
    block = max(1, _DENSE_BLOCK // (count * short))
    for start in range(0, long, block):
        # Rows of `part` run along the longer side, columns along the shorter.
        part = generator.standard_normal((count, min(block, long - start), short))
        if by_dimension:
            part[:, :, 0] *= stretch
        elif start == 0:
            part[:, 0, :] *= stretch
            along_spike = part[:, 0, :].copy()
        gram += part.transpose(0, 2, 1) @ part
    values, vectors = largest_pairs(gram / n, 1)
    top = values[:, 0]
    if by_dimension:
        return top, np.minimum(np.square(vectors[:, 0, 0]), 1.0)
    # The eigenvector of S is X^T w / |X^T w|, with w that of X X^T / n and |X^T w|^2 = n top.
    inner = np.einsum("ij,ij->i", along_spike, vectors[:, :, 0])
    return top, np.minimum(np.square(inner) / (n * top), 1.0)


def _reduced_batch(
    model: _Model, count: int, rows: int, tol: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Draw `count` reduced matrices and return (eigenvalue, overlap)."""
    eigenvalue, overlap = np.empty(count), np.empty(count)
    active = np.arange(count)
    squares = _reduced_blocks(model, 0, rows, count, generator)
    while True:
        diagonal, off_diagonal = _tridiagonal(squares, model.n)
        value, first, last = top_pairs(diagonal, off_diagonal[:-1], _expected(model))
        rows = diagonal.shape[0]
        good = off_diagonal[-1] * np.sqrt(last) <= tol * value
        good &= value >= noise_edge(model.n, model.p, rows, 1)
        if rows >= model.order:
            good[:] = True
        eigenvalue[active[good]], overlap[active[good]] = value[good], np.minimum(first[good], 1.0)
        if good.all():
            return eigenvalue, overlap
        active, squares = active[~good], squares[:, :, ~good]
        longer = min(math.ceil(GROWTH * rows), model.order)
        more = _reduced_blocks(model, rows, longer, active.size, generator)
        squares = np.concatenate([squares, more], axis=1)


def _chi_degrees(model: _Model, start: int, stop: int) -> tuple[Array, Array]:
    """Return the degrees of freedom of B's diagonal and superdiagonal, rows start to stop."""
    row = np.arange(start, stop, dtype=np.float64)
    # Of what i pairs of reflections leave, the first column is n - i Gaussians long, and the
    # first row, beside that column, p - 1 - i. Past the last sample there is no row.
    diagonal = model.n - row
    return diagonal, np.where(diagonal > 0.0, model.p - 1.0 - row, 0.0)


def _reduced_blocks(
    model: _Model, start: int, stop: int, count: int, generator: np.random.Generator
) -> Array:
    """
    Draw rows start to stop of `count` bidiagonal matrices B, every entry squared.

    Shape (2, stop - start, count): the diagonal, then the superdiagonal.
    """
    degrees = np.stack(_chi_degrees(model, start, stop))[:, :, None]
    # A chi of no degrees of freedom is zero. Only the last row of the whole matrix has one.
    squares = generator.chisquare(np.maximum(degrees, 0.5), size=(2, stop - start, count))
    squares[np.broadcast_to(degrees <= 0.0, squares.shape)] = 0.0
    if start == 0:
        squares[0, 0] *= 1.0 + model.spike
    return squares


def _tridiagonal(squares: Array, n: int) -> tuple[Array, Array]:
    """Return diagonal and off-diagonal of B^T B / n; the last entry of the latter leaves it."""
    diagonal = squares[0].copy()
    diagonal[1:] += squares[1, :-1]
    # Roots first: the product of the squares could overflow.
    off_diagonal = np.sqrt(squares[0]) * np.sqrt(squares[1])
    return diagonal / n, off_diagonal / n


def _expected(model: _Model) -> float | None:
    """Return about where the eigenvalue is, if it is expected to stand out of the noise."""
    gamma = model.p / model.n
    if model.spike <= math.sqrt(gamma):
        return None
    expected = (1.0 + model.spike) * (1.0 + gamma / model.spike)
    return expected if expected > noise_edge(model.n, model.p, 1, 1) else None


def _first_rows(model: _Model, tol: float) -> int:
    """Return the length of the first block: enough for most draws."""
    if model.order <= _SMALL:
        return model.order
    rows = soft = soft_rows(model.n, model.p)
    # Above the transition the eigenvector falls by sqrt(p/n) / spike a row.
    if model.spike * math.sqrt(model.n) > math.sqrt(model.p):
        decay = math.log(model.spike) + 0.5 * math.log(model.n / model.p)
        # The tenth and the eight rows are for fluctuations; a block too short grows.
        rows = min(soft, 8.0 + 1.1 * math.log(1.0 / tol) / max(decay, 1e-9))
    return min(model.order, max(_SMALL // 2, math.ceil(rows)))
