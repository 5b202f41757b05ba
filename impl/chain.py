"""Chains of projections onto the leading eigenvectors of noisy samples, small and large."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ._random import RNGLike, as_generator
from ._validate import FloatArray, as_array, as_count, as_real
from .low_rank import reduced_overlaps, reduced_signal_overlaps

__all__ = [
    "ChainDraws",
    "chain_coordinates",
    "chain_moment_map",
    "chain_products",
    "chain_samples",
    "dense_chain",
]

Array = npt.NDArray[np.float64]
Data = Literal["fresh", "fixed", "frozen"]

# More eigenvalues than this are refused: a step costs their cube.
_MOST_DIRECTIONS = 64

# The dense route diagonalises p x p matrices.
_LARGEST_DENSE = 1 << 11

# Numbers in one block of draws, 32 MiB.
_BLOCK = 1 << 22

# Largest eigenvalue and noise variance, and largest inverse of either.
_LARGEST = 1e100


class ChainDraws(NamedTuple):
    """
    Where chains of projections took their input.

    Attributes
    ----------
    along : ndarray, shape (size, r)
        Coordinates along the population directions, of the output scaled to length one.
    across : ndarray, shape (size,)
        Length of what is orthogonal to all of them, of the output scaled to length one.
    log_norms : ndarray, shape (size,)
        Logarithm of the length of the output.
    """

    along: Array
    across: Array
    log_norms: Array


class _Chain(NamedTuple):
    n: int
    p: int
    eigenvalues: Array
    noise: Array
    data: Data

    @property
    def rank(self) -> int:
        return self.eigenvalues.size

    @property
    def rest(self) -> int:
        """Dimension of what is orthogonal to the population directions."""
        return self.p - self.rank


def _check_variances(values: FloatArray, name: str) -> None:
    """Refuse variances whose quotients could leave the range of floats."""
    bad = values[(values <= 0.0) | (values > _LARGEST) | (values < 1.0 / _LARGEST)]
    if bad.size:
        msg = f"{name} must be > 0, from {1 / _LARGEST:g} to {_LARGEST:g}, got {bad[0]}"
        raise ValueError(msg)


def _checked(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variances: npt.ArrayLike,
    data: str,
    allowed: tuple[Data, ...],
) -> _Chain:
    samples, dimension = as_count(n, "n"), as_count(p, "p")
    levels = as_array(eigenvalues, "eigenvalues", ndim=1).astype(np.float64)
    noise = as_array(noise_variances, "noise_variances", ndim=1).astype(np.float64)
    rank = levels.size
    most = min(samples, dimension, _MOST_DIRECTIONS)
    if rank > most:
        msg = f"eigenvalues must be at most min(n, p, {_MOST_DIRECTIONS}) = {most}, got {rank}"
        raise ValueError(msg)
    _check_variances(levels, "eigenvalues")
    _check_variances(noise, "noise_variances")
    rises = np.flatnonzero(np.diff(levels) > 0.0)
    if rises.size:
        pair = levels[rises[0] : rises[0] + 2].tolist()
        raise ValueError(f"eigenvalues must not rise, got {pair[0]} before {pair[1]}")
    if data not in allowed:
        raise ValueError(f"data must be one of {', '.join(allowed)}, got {data!r}")
    kind: Data = next(name for name in allowed if name == data)
    return _Chain(samples, dimension, levels, noise, kind)


def _overlaps(chain: _Chain, variance: float, draws: int, rng: np.random.Generator) -> Array:
    """Return C[i, j] = <u_i, v_j>, shape (draws, r, r)."""
    if chain.data == "fixed":
        scale = math.sqrt(variance)
        # sigma G beside A is G beside A / sigma, in units in which neither overflows.
        values = np.sqrt(chain.n * chain.eigenvalues) / scale
        return reduced_signal_overlaps(chain.n, chain.p, values, size=draws, rng=rng).overlaps
    spikes = chain.eigenvalues / variance
    return reduced_overlaps(chain.n, chain.p, spikes, size=draws, rng=rng).overlaps


def _rests(chain: _Chain, overlaps: Array) -> Array:
    """
    Return S with S^T S = I - C^T C, shape (draws, k, r), k = min(p - r, r).

    V = U C + Q S, Q a frame of k orthonormal vectors across U. Which root is taken does not
    matter where Q is uniform.
    """
    gram = np.eye(chain.rank) - overlaps.transpose(0, 2, 1) @ overlaps
    values, vectors = np.linalg.eigh(gram)
    keep = min(chain.rest, chain.rank)
    roots = np.sqrt(np.clip(values, 0.0, 1.0))[:, :, None] * vectors.transpose(0, 2, 1)
    result: Array = roots[:, chain.rank - keep :]
    return result


def _steps(chain: _Chain, draws: int, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Yield C and S of the steps, the last of `noise` first; steps of one level share a batch."""
    count = chain.noise.size
    ahead = max(1, _BLOCK // (draws * chain.rank * 400))
    stop = count
    while stop:
        start = stop - 1
        while start and chain.noise[start - 1] == chain.noise[stop - 1] and stop - start < ahead:
            start -= 1
        number = stop - start
        overlaps = _overlaps(chain, float(chain.noise[start]), draws * number, rng)
        rests = _rests(chain, overlaps)
        for k in range(number):
            part = slice(k * draws, (k + 1) * draws)
            yield overlaps[part], rests[part]
        stop = start


def _sphere(dimension: int, keep: int, draws: int, rng: np.random.Generator) -> Array:
    """Return the first coordinates of uniform unit vectors, shape (draws, keep)."""
    first = rng.standard_normal((draws, keep))
    squares = np.square(first).sum(axis=1)
    if dimension > keep:
        squares = squares + rng.chisquare(dimension - keep, draws)
    result: Array = first / np.sqrt(squares)[:, None]
    return result


def _haar_block(dimension: int, keep: int, draws: int, rng: np.random.Generator) -> Array:
    """Return the leading blocks of uniform orthogonal matrices, shape (draws, keep, keep)."""
    first = rng.standard_normal((draws, keep, keep))
    below = min(dimension - keep, keep)
    # The other rows enter by their Gram matrix alone: its triangular factor (Bartlett 1933).
    rest = rng.standard_normal((draws, below, keep))
    if dimension - keep > keep:
        rest = np.triu(rest, 1)
        degrees = dimension - keep - np.arange(keep)
        place = np.arange(keep)
        rest[:, place, place] = np.sqrt(rng.chisquare(degrees, (draws, keep)))
    frame, triangle = np.linalg.qr(np.concatenate([first, rest], axis=1))
    # With a positive diagonal of the triangle the frame is uniform.
    signs = np.where(np.diagonal(triangle, axis1=1, axis2=2) < 0.0, -1.0, 1.0)
    result: Array = frame[:, :keep] * signs[:, None, :]
    return result


def chain_coordinates(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variances: npt.ArrayLike,
    *,
    data: Literal["fresh", "fixed"] = "fresh",
    size: int = 1,
    rng: RNGLike = None,
    overlaps_rng: RNGLike = None,
) -> ChainDraws:
    """
    Send white noise through chains of projections, each vector through a chain of its own.

    Parameters
    ----------
    n : int
        Number of samples, at least r.
    p : int
        Dimension, at least r.
    eigenvalues : array_like, shape (r,)
        Non-zero eigenvalues ``lambda_1 >= ... >= lambda_r > 0`` of the covariance of the data.
    noise_variances : array_like, shape (T,)
        Variances of the noise at the steps 1 to T, all > 0. Step T is applied first.
    data : {"fresh", "fixed"}, default "fresh"
        New data and new noise at every step, or one data set whose own second moment has the
        given eigenvalues, with new noise at every step.
    size : int, default 1
        Number of independent vectors, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.
    overlaps_rng : None, int, SeedSequence, BitGenerator or Generator, optional
        If given, the overlaps of each step are drawn from it, once for all vectors; what a step's
        eigenvectors have across the population directions is still each vector's own.

    Returns
    -------
    ChainDraws
        ``along`` (size, r), ``across`` (size,), ``log_norms`` (size,) of
        ``x = P_1 ... P_T z``, ``z ~ N(0, I)``.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalues rise.

    Notes
    -----
    P_t projects onto the r leading eigenvectors V_t = U C_t + Q_t S_t of the noisy samples; C_t
    comes from `reduced_overlaps` (`reduced_signal_overlaps`), and Q_t is a uniform frame across
    U, by symmetry, so that of what x has across U only its length w matters:
    ``V_t^T x = C_t^T a + w S_t^T z`` with z the first coordinates of a uniform unit vector. No
    vector of length p is built. As n and p grow the overlaps tend to constants; then sharing them
    changes no law, and saves their draws.

    Costs the T draws of overlaps (of a vector, or of all) and O(T r^3) a vector.
    Verified by: WDMG-10, WDMG-10r.

    Examples
    --------
    >>> from lemmata.impl import chain_coordinates
    >>> draws = chain_coordinates(10**8, 10**8, [4.0, 2.0], [1.0] * 20, size=3, rng=1)
    >>> abs(draws.along).round(2).tolist()
    [[0.87, 0.0], [0.87, 0.0], [0.87, 0.0]]
    """
    chain = _checked(n, p, eigenvalues, noise_variances, data, ("fresh", "fixed"))
    draws, generator = as_count(size, "size"), as_generator(rng)
    along = generator.standard_normal((draws, chain.rank))
    across = np.zeros(draws)
    if chain.rest:
        across = np.sqrt(generator.chisquare(chain.rest, draws))
    logs = np.zeros(draws)
    keep = min(chain.rest, chain.rank)
    if overlaps_rng is None:
        steps = _steps(chain, draws, generator)
    else:
        steps = _steps(chain, 1, as_generator(overlaps_rng, "overlaps_rng"))
    for overlaps, rests in steps:
        place = _sphere(chain.rest, keep, draws, generator) * across[:, None]
        # A single draw of the overlaps is broadcast.
        inner = _times(overlaps.transpose(0, 2, 1), along) + _times(rests.transpose(0, 2, 1), place)
        along = _times(overlaps, inner)
        across = np.linalg.norm(_times(rests, inner), axis=1)
        along, across, logs = _unit(along, across, logs)
    return ChainDraws(along, across, logs)


def _times(matrices: Array, vectors: Array) -> Array:
    """Return matrices times vectors; of either there may be a single one."""
    if len(matrices) == 1:
        return np.asarray(vectors @ matrices[0].T)
    return np.asarray(np.einsum("sij,sj->si", matrices, vectors))


def _unit(along: Array, across: Array, logs: Array) -> tuple[Array, Array, Array]:
    lengths = np.hypot(np.linalg.norm(along, axis=1), across)
    return along / lengths[:, None], across / lengths, logs + np.log(lengths)


def chain_products(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variances: npt.ArrayLike,
    *,
    data: Literal["fresh", "fixed"] = "fresh",
    size: int = 1,
    rng: RNGLike = None,
) -> tuple[Array, Array]:
    """
    Draw the products of chains of projections, in the basis of the population directions.

    Parameters
    ----------
    n : int
        Number of samples, at least r.
    p : int
        Dimension, at least r.
    eigenvalues : array_like, shape (r,)
        Non-zero eigenvalues ``lambda_1 >= ... >= lambda_r > 0`` of the covariance of the data.
    noise_variances : array_like, shape (T,)
        Variances of the noise at the steps 1 to T, all > 0.
    data : {"fresh", "fixed"}, default "fresh"
        New data and new noise at every step, or one data set whose own second moment has the
        given eigenvalues, with new noise at every step.
    size : int, default 1
        Number of independent chains, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    products : ndarray, shape (size, r, r)
        ``U^T P_1 ... P_T U``, divided by ``exp(log_scales)``.
    log_scales : ndarray, shape (size,)
        So chosen that long chains do not underflow.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalues rise.

    Notes
    -----
    The product is ``U^T V_1 (V_1^T V_2) ... (V_(T-1)^T V_T) V_T^T U``, and
    ``V_t^T V_s = C_t^T C_s + S_t^T H S_s``, where H is a block of a uniform orthogonal matrix of
    order p - r (see `chain_coordinates`). Nothing of size p is built.

    Costs the T draws of overlaps and O(T r^3) a chain. Verified by: WDMG-07r, WDMG-08r, WDMG-09.

    Examples
    --------
    >>> from lemmata.impl import chain_products
    >>> products, _ = chain_products(10**8, 10**8, [4.0, 2.0], [1.0, 1.0], rng=2)
    >>> (products[0] / products[0, 0, 0]).round(2) + 0.0
    array([[1.  , 0.  ],
           [0.  , 0.44]])
    """
    chain = _checked(n, p, eigenvalues, noise_variances, data, ("fresh", "fixed"))
    draws, generator = as_count(size, "size"), as_generator(rng)
    logs = np.zeros(draws)
    keep = min(chain.rest, chain.rank)
    product: Array | None = None
    before: tuple[Array, Array] | None = None
    for overlaps, rests in _steps(chain, draws, generator):
        if product is None or before is None:
            product = overlaps.transpose(0, 2, 1)
        else:
            block = overlaps.transpose(0, 2, 1) @ before[0]
            if keep:
                turn = _haar_block(chain.rest, keep, draws, generator)
                block = block + rests.transpose(0, 2, 1) @ turn @ before[1]
            product = block @ product
        before = overlaps, rests
        lengths = np.linalg.norm(product, axis=(1, 2))
        product, logs = product / lengths[:, None, None], logs + np.log(lengths)
    assert product is not None  # there is a step
    assert before is not None
    return before[0] @ product, logs


def chain_samples(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variances: npt.ArrayLike,
    *,
    data: Literal["fresh", "fixed"] = "fresh",
    size: int = 1,
    rng: RNGLike = None,
) -> tuple[Array, Array]:
    """
    Send white noise through one chain of projections, all vectors through the same one.

    Parameters
    ----------
    n : int
        Number of samples, at least r.
    p : int
        Dimension, at least r.
    eigenvalues : array_like, shape (r,)
        Non-zero eigenvalues ``lambda_1 >= ... >= lambda_r > 0`` of the covariance of the data,
        whose eigenvectors are the first r coordinate vectors.
    noise_variances : array_like, shape (T,)
        Variances of the noise at the steps 1 to T, all > 0. Step T is applied first.
    data : {"fresh", "fixed"}, default "fresh"
        New data and new noise at every step, or one data set whose own second moment has the
        given eigenvalues, with new noise at every step.
    size : int, default 1
        Number of vectors, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    samples : ndarray, shape (size, p)
        The vectors ``P_1 ... P_T z``, ``z ~ N(0, I)``, divided by ``exp(log_scale)``.
    log_scale : ndarray, shape ()
        So chosen that long chains do not underflow.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalues rise.

    Notes
    -----
    ``V_t = U C_t + Q_t S_t`` with C_t from `reduced_overlaps` and Q_t the frame of a Gaussian
    (p - r, r) matrix; projections are applied, never formed.

    Costs the T draws of overlaps and O(T p r (r + size)); memory O(p (r + size)).
    Verified by: WDMG-10:realised.

    Examples
    --------
    >>> from lemmata.impl import chain_samples
    >>> samples, _ = chain_samples(10**4, 10**3, [4.0, 2.0], [1.0] * 50, size=2, rng=3)
    >>> (abs(samples[:, 0]) / (samples**2).sum(axis=1) ** 0.5).round(1).tolist()
    [1.0, 1.0]
    """
    chain = _checked(n, p, eigenvalues, noise_variances, data, ("fresh", "fixed"))
    count, generator = as_count(size, "size"), as_generator(rng)
    samples = generator.standard_normal((count, chain.p))
    log_scale = np.zeros(())
    keep = min(chain.rest, chain.rank)
    for overlaps, rests in _steps(chain, 1, generator):
        basis = np.empty((chain.p, chain.rank))
        basis[: chain.rank] = overlaps[0]
        frame, triangle = np.linalg.qr(generator.standard_normal((chain.rest, keep)))
        # With a positive diagonal of the triangle the frame is uniform.
        frame *= np.where(np.diagonal(triangle) < 0.0, -1.0, 1.0)
        basis[chain.rank :] = frame @ rests[0]
        samples = (samples @ basis) @ basis.T
        length = np.linalg.norm(samples)
        samples /= length
        log_scale = log_scale + np.log(length)
    return samples, np.asarray(log_scale)


def chain_moment_map(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variance: float,
    *,
    data: Literal["fresh", "fixed"] = "fresh",
    size: int = 1,
    rng: RNGLike = None,
) -> Array:
    """
    Estimate how one step maps the mean squares of a vector's components.

    Parameters
    ----------
    n : int
        Number of samples, at least r.
    p : int
        Dimension, at least r.
    eigenvalues : array_like, shape (r,)
        Non-zero eigenvalues ``lambda_1 >= ... >= lambda_r > 0`` of the covariance of the data.
    noise_variance : float
        Variance of the noise, > 0.
    data : {"fresh", "fixed"}, default "fresh"
        New data and new noise, or given data with new noise.
    size : int, default 1
        Number of draws to average over, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    ndarray, shape (r + 1, r + 1)
        K, entrywise >= 0, with ``m' = K m`` for ``m = (E<x, u_1>^2, ..., E<x, u_r>^2, E|rest|^2)``
        before and after an independent projection.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalues rise.

    Notes
    -----
    With B = C C^T: K_ij = E B_ij^2, K_i,rest = E(B - B^2)_ii / (p - r),
    K_rest,j = E(B - B^2)_jj and K_rest,rest = E tr(I - B)^2 / (p - r), for vectors whose
    coordinates are uncorrelated and whose rest is isotropic; a step keeps them so, since the law of
    the projection has these symmetries. The leading eigenvector of K is the limit of the
    normalised second moments of a chain at constant noise, whatever it starts from.

    Costs `size` draws of overlaps. Verified by: WDMG-10:moment, WDMG-15:pca.

    Examples
    --------
    >>> from lemmata.impl import chain_moment_map
    >>> chain_moment_map(10**8, 10**8, [4.0, 2.0], 1.0, size=4, rng=4).round(3)
    array([[0.563, 0.   , 0.   ],
           [0.   , 0.25 , 0.   ],
           [0.188, 0.25 , 0.   ]])
    """
    level = as_real(noise_variance, "noise_variance", above=0.0)
    _check_variances(np.array([level]), "noise_variance")
    chain = _checked(n, p, eigenvalues, [noise_variance], data, ("fresh", "fixed"))
    draws, generator = as_count(size, "size"), as_generator(rng)
    overlaps = _overlaps(chain, float(chain.noise[0]), draws, generator)
    inside = overlaps @ overlaps.transpose(0, 2, 1)
    leak = np.maximum(np.diagonal(inside - inside @ inside, axis1=1, axis2=2), 0.0).mean(axis=0)
    lost = np.square(np.eye(chain.rank) - inside).sum(axis=(1, 2)).mean()
    result = np.zeros((chain.rank + 1, chain.rank + 1))
    result[:-1, :-1] = np.square(inside).mean(axis=0)
    if chain.rest:
        result[:-1, -1] = leak / chain.rest
        result[-1, :-1] = leak
        result[-1, -1] = lost / chain.rest
    return result


def dense_chain(
    n: int,
    p: int,
    eigenvalues: npt.ArrayLike,
    noise_variances: npt.ArrayLike,
    *,
    data: Data = "fresh",
    size: int = 1,
    rng: RNGLike = None,
) -> Array:
    """
    Draw the products of chains of projections by building the data of every step.

    Parameters
    ----------
    n : int
        Number of samples, at least r.
    p : int
        Dimension, at least r and at most 2048.
    eigenvalues : array_like, shape (r,)
        Non-zero eigenvalues ``lambda_1 >= ... >= lambda_r > 0`` of the covariance of the data,
        whose eigenvectors are the first r coordinate vectors.
    noise_variances : array_like, shape (T,)
        Variances of the noise at the steps 1 to T, all > 0.
    data : {"fresh", "fixed", "frozen"}, default "fresh"
        New data and new noise at every step; one data set whose own second moment has the given
        eigenvalues, with new noise at every step; or one draw of data and noise for all steps,
        the noise scaled to each step's variance.
    size : int, default 1
        Number of independent chains, at least 1.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    ndarray, shape (size, p, p)
        ``P_1 ... P_T``.

    Raises
    ------
    TypeError
        If an argument is of the wrong type.
    ValueError
        If an argument is out of range or not finite, or if the eigenvalues rise.

    Notes
    -----
    The definition: n samples x_0 + sigma_t eps a step, their second moment, its r leading
    eigenvectors, the projection. A reference for `chain_products` and the others.

    Costs O(T (n p^2 + p^3)) a chain. Verified by: WDMG-07r, WDMG-08r, REV-2.

    Examples
    --------
    >>> from lemmata.impl import dense_chain
    >>> dense_chain(500, 3, [9.0], [1.0, 1.0], rng=5).round(1) + 0.0
    array([[[1., 0., 0.],
            [0., 0., 0.],
            [0., 0., 0.]]])
    """
    chain = _checked(n, p, eigenvalues, noise_variances, data, ("fresh", "fixed", "frozen"))
    draws, generator = as_count(size, "size"), as_generator(rng)
    if chain.p > _LARGEST_DENSE:
        raise ValueError(f"p must be at most {_LARGEST_DENSE} here, got {chain.p}")
    batch = max(1, _BLOCK // (chain.p * (chain.n + chain.p)))
    parts = [
        _dense_batch(chain, min(batch, draws - start), generator)
        for start in range(0, draws, batch)
    ]
    return np.concatenate(parts)


def _dense_batch(chain: _Chain, draws: int, rng: np.random.Generator) -> Array:
    shape = (draws, chain.n, chain.p)
    product = np.broadcast_to(np.eye(chain.p), (draws, chain.p, chain.p))
    clean, noise = _clean(chain, draws, rng), rng.standard_normal(shape)
    top = np.empty((0, 0, 0))
    for step, variance in enumerate(chain.noise):
        if step and chain.data == "frozen" and variance == chain.noise[step - 1]:
            product = (product @ top) @ top.transpose(0, 2, 1)
            continue
        if step and chain.data == "fresh":
            clean = _clean(chain, draws, rng)
        if step and chain.data != "frozen":
            noise = rng.standard_normal(shape)
        # In units in which neither is large.
        unit = math.sqrt(max(float(chain.eigenvalues[0]), float(variance)))
        noisy = clean / unit + noise * (math.sqrt(variance) / unit)
        _, vectors = np.linalg.eigh(noisy.transpose(0, 2, 1) @ noisy)
        top = vectors[:, :, chain.p - chain.rank :]
        product = (product @ top) @ top.transpose(0, 2, 1)
    return np.asarray(product)


def _clean(chain: _Chain, draws: int, rng: np.random.Generator) -> Array:
    """Return data without noise."""
    clean = np.zeros((draws, chain.n, chain.p))
    if chain.data == "fixed":
        place = np.arange(chain.rank)
        clean[:, place, place] = np.sqrt(chain.n * chain.eigenvalues)
    else:
        normal = rng.standard_normal((draws, chain.n, chain.rank))
        clean[:, :, : chain.rank] = np.sqrt(chain.eigenvalues) * normal
    return clean
