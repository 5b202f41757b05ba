"""Overlaps of several population and sample eigenvectors: dense, and by an exact reduction."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._banded import EPS, Pairs, gram_band, pairs_by_lanczos, pairs_by_lapack, pairs_by_newton
from ._gram import check_gram, largest_pairs
from ._random import RNGLike, as_generator
from ._truncation import GROWTH, LOWEST_TOL, noise_edge, soft_rows
from ._validate import as_array, as_count, as_real

__all__ = [
    "SampleEigenpairs",
    "dense_overlaps",
    "dense_signal_overlaps",
    "reduced_overlaps",
    "reduced_signal_overlaps",
]

Array = npt.NDArray[np.float64]

# Numbers in one block of random draws or matrices, 32 MiB; a few such blocks are held at a time.
_BLOCK = 1 << 22

# More spikes than this are refused: a draw costs their cube.
_MOST_SPIKES = 64

# Up to this order the whole matrix is drawn and nothing is truncated.
_SMALL = 40

# Beyond this order a leading block goes to Lanczos' method rather than to a dense matrix.
_LARGEST_DENSE = 256

# Largest 1 + spike, and largest singular value and noise: squares of products stay finite.
_LARGEST_SIGNAL = 1e100


class SampleEigenpairs(NamedTuple):
    """
    Leading eigenpairs of sample covariances, with bounds of what the computation left out.

    Attributes
    ----------
    eigenvalues : ndarray, shape (size, r)
        The r largest eigenvalues, in falling order.
    overlaps : ndarray, shape (size, r, r)
        ``C[i, j] = <u_i, v_j>``, population direction i with sample eigenvector j; the entry of
        largest size in each column is positive. ``U^T P U = C C^T`` for the projector P on the
        span of the sample eigenvectors.
    residuals : ndarray, shape (size, r)
        Bound of the residual of each pair in the whole problem, truncation and rounding: some
        eigenvalue of the whole problem is at most that far off.
    angles : ndarray, shape (size, r)
        Bound of the sine of the angle to the exact eigenvector, residual over gap; at most 1.
    """

    eigenvalues: Array
    overlaps: Array
    residuals: Array
    angles: Array


class _Model(NamedTuple):
    """
    Data X = A + noise * G sqrt(I + diag(spikes, 0)), in the basis of the population directions.

    A carries `signal` on its diagonal. `lower` of the leading rows are to be kept, as `rank` of
    the columns are: as many as there are signals, or none when A is zero.
    """

    n: int
    p: int
    rank: int
    lower: int
    noise: float
    spikes: Array
    signal: Array

    @property
    def order(self) -> int:
        """Order of the whole band matrix: the columns of B that are not zero."""
        return min(self.n + self.rank, self.p)

    @property
    def width(self) -> int:
        """Half the bandwidth of B^T B."""
        return self.lower + self.rank

    def strengths(self) -> Array:
        """Return the spikes, or what acts as such: signal^2 / (n noise^2)."""
        with np.errstate(over="ignore"):
            ratio = self.signal / self.noise / math.sqrt(self.n)
            strengths: Array = self.spikes + np.square(ratio)
        return strengths


def dense_overlaps(
    n: int,
    p: int,
    spikes: npt.ArrayLike,
    *,
    sigma2: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
) -> SampleEigenpairs:
    """
    Draw the leading eigenpairs of a spiked sample covariance by building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least the number of spikes.
    p : int
        Dimension, at least the number of spikes. The smaller of `n` and `p` is at most 8192.
    spikes : array_like, shape (r,)
        Spikes ``s_1 >= ... >= s_r >= 0``, at most 64: the population covariance is
        ``sigma2 (I + sum_i s_i u_i u_i^T)`` with orthonormal u_i.
    sigma2 : float, default 1
        Noise variance, > 0.
    size : int, default 1
        Number of independent draws, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    SampleEigenpairs
        ``eigenvalues`` (size, r) of ``S = X^T X / n``, ``overlaps`` (size, r, r) with the u_i,
        ``residuals`` and ``angles`` (size, r), of rounding alone.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the spikes rise.

    Notes
    -----
    The model of Paul 2007, Statist. Sinica 17, with u_i = e_i, which is no loss since the noise
    is isotropic; the mean is known to be zero, not estimated. The eigenproblem is that of the
    smaller of X^T X and X X^T; memory is that of one Gram matrix and one block of rows. Cost
    O(n p min(n, p)) a draw.

    Verified by: N08-8, N08-8:rank-r.

    Examples
    --------
    >>> from lemmata.impl import dense_overlaps
    >>> draws = dense_overlaps(200, 50, [6.0, 3.0], size=10, rng=3)
    >>> draws.eigenvalues.shape, draws.overlaps.shape
    ((10, 2), (10, 2, 2))
    """
    model, variance = _spiked_model(n, p, spikes, sigma2)
    return _scaled(_dense(model, as_count(size, "size"), as_generator(rng)), variance)


def reduced_overlaps(
    n: int,
    p: int,
    spikes: npt.ArrayLike,
    *,
    sigma2: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
    tol: float = 1e-12,
) -> SampleEigenpairs:
    """
    Draw the leading eigenpairs of a spiked sample covariance without building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least the number of spikes.
    p : int
        Dimension, at least the number of spikes.
    spikes : array_like, shape (r,)
        Spikes ``s_1 >= ... >= s_r >= 0``, at most 64: the population covariance is
        ``sigma2 (I + sum_i s_i u_i u_i^T)`` with orthonormal u_i.
    sigma2 : float, default 1
        Noise variance, > 0.
    size : int, default 1
        Number of independent draws, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.
    tol : float, default 1e-12
        Largest residual of a truncated pair, relative to its eigenvalue; at least 1e-14, below 1.

    Returns
    -------
    SampleEigenpairs
        ``eigenvalues`` (size, r) of ``S = X^T X / n``, ``overlaps`` (size, r, r) with the u_i,
        ``residuals`` and ``angles`` (size, r), the bounds of truncation and rounding.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the spikes rise.

    Notes
    -----
    Reflections that leave the u_i alone turn Gaussian data into an upper triangular band matrix
    B with r superdiagonals (Dumitriu & Edelman 2002, J. Math. Phys. 43; Bloemendal & Virag 2016,
    Ann. Probab. 44, for blocks). Its entries are independent. Row i has ``chi_(n-i)`` on the
    diagonal, r - 1 standard normals, and ``chi_(p-r-i)``; the first r columns are multiplied by
    ``sqrt(1 + s_j)``; rows end with the samples and columns with the dimension. ``B^T B / n``,
    of order ``min(n + r, p)``, is similar to S, with the overlaps in its first r components.

    Only a leading block is drawn, and it grows, entries already drawn being kept, until two
    things hold. The residual of each pair, the norm of what leaves the block times the last r
    components of the eigenvector, is at most `tol` times the eigenvalue, or at the level of
    rounding of the largest one. And the r-th eigenvalue lies so far above
    ``(sqrt(n - k + r) + sqrt(p - k))^2 / n``, the edge of the part left out, that this part has
    a larger one with a probability of about 1e-12 only (the Tracy-Widom tail, a heuristic).
    Rounding is relative to the largest eigenvalue: where spikes differ by many decades it shows
    in `residuals` and `angles` of the smaller ones.

    Cost per draw, above the transition (all s_i > sqrt(p/n)): O(r^3 log(1/tol) sum_i 1 /
    log(s_i / sqrt(p/n))), whatever n and p are. Where a spike is at or below it, the block has
    about ``18 r^(2/3) (sqrt(n p) / (sqrt(n) + sqrt(p)))^(2/3)`` columns. Batches share the work.
    For one spike `reduced_draws` has the same law and is faster.

    Verified by: N08-7, N08-8, WDMG-04, WDMG-07, WDMG-08r, WDMG-09.

    Examples
    --------
    >>> from lemmata.impl import reduced_overlaps
    >>> draws = reduced_overlaps(10**9, 10**9, [4.0, 2.0], size=3, rng=5)
    >>> draws.eigenvalues[0].round(2).tolist()
    [6.25, 4.5]
    >>> abs(draws.overlaps[0]).round(2).tolist()
    [[0.87, 0.0], [0.0, 0.71]]
    """
    model, variance = _spiked_model(n, p, spikes, sigma2)
    return _scaled(_reduced(model, size, rng, tol), variance)


def dense_signal_overlaps(
    n: int,
    p: int,
    singular_values: npt.ArrayLike,
    *,
    sigma: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
) -> SampleEigenpairs:
    """
    Draw the leading eigenpairs of fixed low-rank data plus noise by building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least the number of singular values.
    p : int
        Dimension, at least the number of singular values. The smaller of `n` and `p` is at most
        8192.
    singular_values : array_like, shape (r,)
        Singular values ``d_1 >= ... >= d_r >= 0`` of the fixed (n, p) matrix A, at most 64; the
        population directions u_i are its right singular vectors.
    sigma : float, default 1
        Standard deviation of the noise, >= 0.
    size : int, default 1
        Number of independent draws of the noise, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    SampleEigenpairs
        ``eigenvalues`` (size, r) of ``X^T X / n`` with ``X = A + sigma G``, ``overlaps``
        (size, r, r) with the u_i, ``residuals`` and ``angles`` (size, r), of rounding alone.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the singular values rise.

    Notes
    -----
    The model of Benaych-Georges & Nadakuditi 2012, J. Multivariate Anal. 111. A is diagonal
    here, which is no loss since the noise is isotropic on both sides. Without noise the sample
    eigenvectors are the u_i, those of equal singular values too. Cost O(n p min(n, p)) a draw.

    Verified by: N08-8, N08-8:signal.

    Examples
    --------
    >>> from lemmata.impl import dense_signal_overlaps
    >>> draws = dense_signal_overlaps(200, 50, [60.0, 40.0], size=10, rng=3)
    >>> draws.eigenvalues.shape, draws.overlaps.shape
    ((10, 2), (10, 2, 2))
    """
    model, variance = _signal_model(n, p, singular_values, sigma)
    return _scaled(_dense(model, as_count(size, "size"), as_generator(rng)), variance)


def reduced_signal_overlaps(
    n: int,
    p: int,
    singular_values: npt.ArrayLike,
    *,
    sigma: float = 1.0,
    size: int = 1,
    rng: RNGLike = None,
    tol: float = 1e-12,
) -> SampleEigenpairs:
    """
    Draw the leading eigenpairs of fixed low-rank data plus noise without building the data.

    Parameters
    ----------
    n : int
        Number of samples, at least the number of singular values.
    p : int
        Dimension, at least the number of singular values.
    singular_values : array_like, shape (r,)
        Singular values ``d_1 >= ... >= d_r >= 0`` of the fixed (n, p) matrix A, at most 64; the
        population directions u_i are its right singular vectors.
    sigma : float, default 1
        Standard deviation of the noise, >= 0.
    size : int, default 1
        Number of independent draws of the noise, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.
    tol : float, default 1e-12
        Largest residual of a truncated pair, relative to its eigenvalue; at least 1e-14, below 1.

    Returns
    -------
    SampleEigenpairs
        ``eigenvalues`` (size, r) of ``X^T X / n`` with ``X = A + sigma G``, ``overlaps``
        (size, r, r) with the u_i, ``residuals`` and ``angles`` (size, r), the bounds of
        truncation and rounding.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the singular values rise.

    Notes
    -----
    As in `reduced_overlaps`, but the left singular vectors of A must be left alone too. B has r
    superdiagonals and r subdiagonals, with independent entries: ``sigma chi_(p-r-i)`` at
    (i, i + r), ``sigma chi_(n-r-i)`` at (i + r, i), sigma times standard normals between them,
    and the singular values added to the first r diagonal entries. ``B^T B / n`` has the
    bandwidth 2 r and the order ``min(n + r, p)``. It is truncated in the same way. A singular
    value acts as the spike ``d^2 / (n sigma^2)``; the transition is at ``sqrt(p/n)``.

    Cost as that of `reduced_overlaps` with 2 r spikes.

    Verified by: N08-8, WDMG-05r, WDMG-06r, WDMG-07, WDMG-08r.

    Examples
    --------
    >>> from lemmata.impl import reduced_signal_overlaps
    >>> n = 10**8
    >>> draws = reduced_signal_overlaps(n, n, [2.0 * n**0.5, 1.5 * n**0.5], rng=5)
    >>> draws.eigenvalues.round(2).tolist()
    [[6.25, 4.69]]
    """
    model, variance = _signal_model(n, p, singular_values, sigma)
    return _scaled(_reduced(model, size, rng, tol), variance)


# ------------------------------------------------------------------ the two models


def _falling(value: npt.ArrayLike, name: str, n: int, p: int) -> Array:
    """Return at most min(n, p) falling non-negative numbers."""
    array = as_array(value, name, ndim=1).astype(np.float64)
    most = min(n, p, _MOST_SPIKES)
    if array.size > most:
        msg = (
            f"{name} must hold at most {most} value(s), min(n, p, {_MOST_SPIKES}), got {array.size}"
        )
        raise ValueError(msg)
    if (array < 0.0).any() or (np.diff(array) > 0.0).any():
        msg = f"{name} must be non-negative and must not rise, got {array.tolist()}"
        raise ValueError(msg)
    if array[0] > _LARGEST_SIGNAL:
        msg = f"{name} must be at most {_LARGEST_SIGNAL:g}, got {array.tolist()}"
        raise ValueError(msg)
    return array


def _spiked_model(n: int, p: int, spikes: npt.ArrayLike, sigma2: float) -> tuple[_Model, float]:
    """Validate the spiked model; return it at variance one, and the variance."""
    samples, dimension = as_count(n, "n"), as_count(p, "p")
    array = _falling(spikes, "spikes", samples, dimension)
    variance = as_real(sigma2, "sigma2", above=0.0)
    if variance > _LARGEST_SIGNAL:
        msg = f"sigma2 must be at most {_LARGEST_SIGNAL:g}, got {sigma2}"
        raise ValueError(msg)
    rank = array.size
    return _Model(samples, dimension, rank, 0, 1.0, array, np.zeros(rank)), variance


def _signal_model(
    n: int, p: int, singular_values: npt.ArrayLike, sigma: float
) -> tuple[_Model, float]:
    """Validate the model of signal plus noise; return it at scale one, and the scale squared."""
    samples, dimension = as_count(n, "n"), as_count(p, "p")
    array = _falling(singular_values, "singular_values", samples, dimension)
    noise = as_real(sigma, "sigma", at_least=0.0)
    if noise > _LARGEST_SIGNAL:
        msg = f"sigma must be at most {_LARGEST_SIGNAL:g}, got {sigma}"
        raise ValueError(msg)
    rank = array.size
    scale = max(float(array[0]), noise)
    if scale > 0.0:
        array, noise = array / scale, noise / scale
    return _Model(samples, dimension, rank, rank, noise, np.zeros(rank), array), scale**2


def _scaled(pairs: SampleEigenpairs, variance: float) -> SampleEigenpairs:
    return pairs._replace(
        eigenvalues=pairs.eigenvalues * variance, residuals=pairs.residuals * variance
    )


def _noiseless(model: _Model, draws: int) -> SampleEigenpairs:
    """Return the eigenpairs of the signal alone."""
    values = np.tile(np.square(model.signal) / model.n, (draws, 1))
    overlaps = np.tile(np.eye(model.rank), (draws, 1, 1))
    return SampleEigenpairs(values, overlaps, np.zeros_like(values), np.zeros_like(values))


# ------------------------------------------------------------------ the data, dense


def _dense(model: _Model, draws: int, generator: np.random.Generator) -> SampleEigenpairs:
    """Draw by building the data."""
    short, long = sorted((model.n, model.p))
    check_gram(model.n, model.p, "the reduced functions take any size")
    if model.noise == 0.0:
        return _noiseless(model, draws)
    batch = max(1, _BLOCK // (short * (long + short)))
    return _in_batches(draws, batch, lambda count: _dense_batch(model, count, generator))


def _in_batches(
    draws: int, batch: int, draw: Callable[[int], SampleEigenpairs]
) -> SampleEigenpairs:
    parts = [draw(min(batch, draws - start)) for start in range(0, draws, batch)]
    return SampleEigenpairs(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _dense_batch(model: _Model, count: int, generator: np.random.Generator) -> SampleEigenpairs:
    """Draw `count` data sets."""
    n, p, rank = model.n, model.p, model.rank
    by_dimension = p <= n
    short, long = (p, n) if by_dimension else (n, p)
    stretch = np.sqrt(1.0 + model.spikes)
    gram = np.zeros((count, short, short))
    along = np.empty((count, 0 if by_dimension else rank, n))
    block = max(1, _BLOCK // (count * short))
    for start in range(0, long, block):
        # Rows of `part` run along the longer side, columns along the shorter.
        part = model.noise * generator.standard_normal((count, min(block, long - start), short))
        stop = start + part.shape[1]
        if by_dimension:
            part[:, :, :rank] *= stretch
        for i in range(start, min(stop, rank)):
            if not by_dimension:
                part[:, i - start] *= stretch[i]
            part[:, i - start, i] += model.signal[i]
            if not by_dimension:
                along[:, i] = part[:, i - start]
        gram += part.transpose(0, 2, 1) @ part
    values, vectors = largest_pairs(gram / n, rank + 1)
    top = values[:, :rank].copy()
    if by_dimension:
        heads = vectors[:, :rank, :rank].copy()
    else:
        # The eigenvectors of S are X^T w / |X^T w|, with w those of X X^T / n, and
        # |X^T w|^2 = n times the eigenvalue; where that is lost to rounding, `angles` says so.
        lengths = np.sqrt(n * np.maximum(top, EPS * top[:, :1]))
        heads = along @ vectors[:, :, :rank] / lengths[:, None, :]
    below = values[:, rank] if short > rank else np.full(count, -np.inf)
    good = np.ones(count, dtype=np.bool_)
    return _bounded(
        model, Pairs(top, heads, np.zeros_like(top), below, np.zeros_like(top), good), long
    )


# ------------------------------------------------------------------ the reduction


def _reduced(model: _Model, size: int, rng: RNGLike, tol: float) -> SampleEigenpairs:
    """Draw by the reduction."""
    draws = as_count(size, "size")
    generator = as_generator(rng)
    accuracy = as_real(tol, "tol", at_least=LOWEST_TOL, below=1.0)
    if model.noise == 0.0:
        return _noiseless(model, draws)
    orders = _first_orders(model, accuracy)
    batch = max(1, _BLOCK // (max(orders) * (model.width + 1)))
    return _in_batches(
        draws, batch, lambda count: _reduced_batch(model, count, orders, accuracy, generator)
    )


def _reduced_batch(
    model: _Model, count: int, orders: list[int], tol: float, generator: np.random.Generator
) -> SampleEigenpairs:
    """Draw `count` reduced matrices, the j-th pair from a first block of order ``orders[j]``."""
    rank = model.rank
    found = Pairs(
        np.empty((count, rank)),
        np.empty((count, rank, rank)),
        np.empty((count, rank)),
        np.empty(count),
        np.empty((count, rank)),
        np.ones(count, dtype=np.bool_),
    )
    active = np.arange(count)
    rows = _band_rows(model, 0, max(orders) + model.lower, count, generator)
    while True:
        order = max(orders)
        pairs = _leading_pairs(model, gram_band(rows, model.lower) / model.n, orders)
        rounding = _rounding(model, pairs.values, order)
        good = (pairs.leaks <= np.maximum(tol * pairs.values, rounding)).all(axis=1)
        good &= pairs.values[:, -1] + rounding[:, 0] >= _threshold(model, order)
        if min(orders) >= model.order:
            good[:] = True
        for whole, part in zip(found, pairs, strict=True):
            whole[active[good]] = part[good]
        if good.all():
            return _bounded(model, found, order)
        active, rows = active[~good], rows[:, :, ~good]
        orders = [min(math.ceil(GROWTH * old), model.order) for old in orders]
        more = _band_rows(
            model, order + model.lower, max(orders) + model.lower, active.size, generator
        )
        rows = np.concatenate([rows, more])


def _leading_pairs(model: _Model, band: Array, orders: list[int]) -> Pairs:
    """Return the pairs of the leading blocks by the fastest method that is sure of them."""
    rank, order = model.rank, max(orders)
    pairs: Pairs | None = None
    left = np.arange(band.shape[2])
    if order > _SMALL and _is_separated(model):
        starts = np.maximum(_expected(model), _threshold(model, rank))
        pairs = pairs_by_newton(band, rank, orders, starts)
        # Interlacing: the eigenvalues not wanted are below those of the later columns.
        pairs.below[:] = _threshold(model, rank)
        # Nearer to the edge than that, only the block's own next eigenvalue bounds the angle.
        pairs.good[:] &= pairs.values[:, -1] > pairs.below
        left = np.flatnonzero(~pairs.good)
        if not left.size:
            return pairs
    batch = max(1, _BLOCK // order**2)
    parts = []
    for start in range(0, left.size, batch):
        part = band[:, :, left[start : start + batch]]
        if order <= _LARGEST_DENSE:
            parts.append(pairs_by_lapack(part, rank, order))
        else:
            parts.append(pairs_by_lanczos(part, rank, order, _threshold(model, rank)))
    rest = Pairs(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    if pairs is None:
        return rest
    for whole, some in zip(pairs, rest, strict=True):
        whole[left] = some
    return pairs


def _rounding(model: _Model, values: Array, order: int) -> Array:
    """Return a bound of the residuals that rounding leaves, shape (N, 1)."""
    # Products, sums of `width` of them, and an eigensolver that is backward stable.
    terms = 8.0 * (model.width + 1) + 2.0 * math.sqrt(order)
    bound: Array = terms * EPS * np.abs(values[:, :1])
    return bound


def _bounded(model: _Model, pairs: Pairs, order: int) -> SampleEigenpairs:
    """Fix the signs and bound the errors."""
    values, heads = np.maximum(pairs.values, 0.0), pairs.heads
    largest = np.abs(heads).argmax(axis=1)[:, None, :]
    signs = np.where(np.take_along_axis(heads, largest, axis=1) < 0.0, -1.0, 1.0)
    overlaps = np.clip(heads * signs, -1.0, 1.0)
    residuals = pairs.leaks + pairs.errors + _rounding(model, values, order)
    gaps = np.abs(values[:, :, None] - values[:, None, :]) - residuals[:, None, :]
    own = np.arange(model.rank)
    gaps[:, own, own] = values - pairs.below[:, None]
    gap = gaps.min(axis=2)
    angles = np.ones_like(residuals)
    np.divide(residuals, gap, out=angles, where=gap > residuals)
    return SampleEigenpairs(values, overlaps, residuals, angles)


def _band_rows(
    model: _Model, start: int, stop: int, count: int, generator: np.random.Generator
) -> Array:
    """
    Draw rows start to stop of `count` band matrices B.

    Shape (stop - start, width + 1, count): entry c of row i is B[i, i - lower + c].
    """
    rank, lower, width = model.rank, model.lower, model.width
    left, right = _chi_degrees(model, start, stop)
    rows = np.empty((stop - start, width + 1, count))
    # A chi of no degrees of freedom is zero.
    for place, degrees in ((0, left), (width, right)):
        squares = generator.chisquare(np.maximum(degrees, 0.5)[:, None], (stop - start, count))
        rows[:, place] = np.where(degrees[:, None] > 0.0, np.sqrt(squares), 0.0)
    if width > 1:
        rows[:, 1:width] = generator.standard_normal((stop - start, width - 1, count))
    row = np.arange(start, stop)[:, None]
    column = row - lower + np.arange(width + 1)
    inside = (row < model.n) & (column >= 0) & (column < model.p)
    rows[~inside] = 0.0
    rows *= model.noise
    for i, c in zip(*np.nonzero(inside & (column < rank)), strict=True):
        rows[i, c] *= math.sqrt(1.0 + model.spikes[column[i, c]])
    for i in range(start, min(stop, rank)):
        rows[i - start, lower] += model.signal[i]
    return rows


def _chi_degrees(model: _Model, start: int, stop: int) -> tuple[Array, Array]:
    """Return the degrees of freedom of the first and the last entry of rows start to stop."""
    row = np.arange(start, stop, dtype=np.float64)
    # The first entry of row i is what is left of column i - lower: rows i to n, which the
    # earlier reflections of rows have not shortened. The last is what is left of row i once
    # the first `rank` columns, never mixed, and i more are done with.
    return model.n - row, np.where(row < model.n, model.p - model.rank - row, 0.0)


def _threshold(model: _Model, order: int) -> float:
    """Return what the largest eigenvalue of the part left out will not exceed."""
    return noise_edge(model.n, model.p, order, model.rank) * model.noise**2


def _expected(model: _Model) -> Array:
    """Return about where the eigenvalues are that lie above the edge: Newton starts there."""
    gamma, noise2 = model.p / model.n, model.noise**2
    strengths = model.strengths()
    spiked = (1.0 + model.spikes) * noise2 + np.square(model.signal) / model.n
    with np.errstate(divide="ignore"):
        expected: Array = spiked + noise2 * gamma * (1.0 + 1.0 / strengths)
    return expected


def _is_separated(model: _Model) -> bool:
    """Whether all signals are expected to stand out of the noise."""
    weakest = float(model.strengths()[-1])
    if weakest <= math.sqrt(model.p / model.n):
        return False
    return bool(_expected(model)[-1] > _threshold(model, model.rank))


def _first_orders(model: _Model, tol: float) -> list[int]:
    """Return the orders of the first blocks, one a pair: enough for most draws."""
    if model.order <= _SMALL:
        return [model.order] * model.rank
    # Hopping is by `width` columns, as in as many separate chains, and at column k the edge is
    # lower by as much as in one: the length is `width`^(2/3) times that of one chain.
    soft = math.cbrt(model.width) ** 2 * soft_rows(model.n, model.p)
    separated = _is_separated(model)
    loudest = model.noise**2 * (1.0 + model.spikes[0]) + model.signal[0] ** 2 / model.n
    if _threshold(model, model.rank) < EPS * loudest:
        # The edge is lost to rounding beside the largest eigenvalue.
        soft = min(soft, _LARGEST_DENSE)
    orders = []
    for strength in model.strengths():
        columns = soft
        if separated:
            # The eigenvector falls by sqrt(p/n) / strength every `width` columns. The tenth and
            # the eight hops are for fluctuations; a block too short grows.
            decay = math.log(min(strength, 1e300)) + 0.5 * math.log(model.n / model.p)
            hops = 8.0 + 1.1 * math.log(1.0 / tol) / max(decay, 1e-9)
            columns = min(soft, model.width * hops)
        orders.append(min(model.order, max(_SMALL, 2 * model.width, math.ceil(columns))))
    if not separated:
        orders = [max(orders)] * model.rank
    return orders
