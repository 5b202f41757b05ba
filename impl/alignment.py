"""How far the eigenvectors of one symmetric matrix have turned from those of another."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from ._validate import FloatArray, as_array, as_count

__all__ = ["block_overlaps", "eigenvector_overlaps", "symmetric_eigenpairs"]

#: How far the columns of a frame may be from orthonormal.
_FRAME_ERROR = 1e-6


def symmetric_eigenpairs(matrices: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """
    Return the eigenvalues and eigenvectors of the symmetric parts of matrices.

    Parameters
    ----------
    matrices : array_like, shape (..., d, d)
        Square matrices: Jacobians of a network, say, which are not quite symmetric.

    Returns
    -------
    values : ndarray, shape (..., d)
        Falling.
    vectors : ndarray, shape (..., d, d)
        Eigenvectors in columns, orthonormal; float64.

    Raises
    ------
    TypeError
        If `matrices` are not real.
    ValueError
        If `matrices` are empty, not finite or not square.

    Notes
    -----
    Costs O(d^3) a matrix, of LAPACK's.

    Verified by: WDMG-18:converges, WDMG-18:index-order, WDMG-18:overlap, WDMG-18:steeper,
    WDMG-18:whole-spectrum.

    Examples
    --------
    >>> from lemmata.impl import symmetric_eigenpairs
    >>> values, vectors = symmetric_eigenpairs([[1.0, 2.0], [0.0, 1.0]])
    >>> values.tolist()
    [2.0, 0.0]
    """
    array = as_array(matrices, "matrices")
    if array.ndim < 2 or array.shape[-1] != array.shape[-2]:
        msg = f"matrices must have shape (..., d, d), got {array.shape}"
        raise ValueError(msg)
    half = 0.5 * array.astype(np.float64)
    values, vectors = np.linalg.eigh(half + np.swapaxes(half, -1, -2))
    return np.ascontiguousarray(values[..., ::-1]), np.ascontiguousarray(vectors[..., ::-1])


def eigenvector_overlaps(
    reference: npt.ArrayLike, turned: npt.ArrayLike, *, count: int, match: str = "index"
) -> FloatArray:
    """
    Return squared cosines between leading eigenvectors and their partners.

    Parameters
    ----------
    reference : array_like, shape (..., d, d)
        Eigenvectors in columns, by falling eigenvalue: `symmetric_eigenpairs`.
    turned : array_like, shape (..., d, d)
        Those that they turned into.
    count : int
        How many leading eigenvectors of `reference`, at most d.
    match : {'index', 'best'}, default 'index'
        The partner: the eigenvector of `turned` of the same index, or the one that an assignment
        of the largest sum of squared cosines gives.

    Returns
    -------
    ndarray, shape (..., count)
        In [0, 1].

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If an array is empty, not finite, of the wrong shape or no orthonormal frame, if ``count``
        is not from 1 to d, or `match` is another word.

    Notes
    -----
    Partners by index mean nothing where eigenvalues are nearly equal; then `block_overlaps` does.
    Costs O(d^3) a matrix, of BLAS's.

    Verified by: WDMG-18:converges, WDMG-18:index-order, WDMG-18:overlap, WDMG-18:steeper,
    WDMG-18:whole-spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import eigenvector_overlaps
    >>> one, other = np.eye(3), np.eye(3)[[1, 0, 2]]
    >>> eigenvector_overlaps(one, other, count=2).tolist()
    [0.0, 0.0]
    >>> eigenvector_overlaps(one, other, count=2, match="best").tolist()
    [1.0, 1.0]
    """
    if match not in {"index", "best"}:
        msg = f"match must be 'index' or 'best', got {match!r}"
        raise ValueError(msg)
    first, second = _frames(reference, turned)
    d = first.shape[-1]
    leading = first[..., : as_count(count, "count", largest=d)]
    if match == "index":
        partner = second[..., : leading.shape[-1]]
        return _unit(np.square((leading * partner).sum(axis=-2)))
    squares = np.square(np.swapaxes(leading, -1, -2) @ second).reshape(-1, leading.shape[-1], d)
    found = [square[linear_sum_assignment(square, maximize=True)] for square in squares]
    return _unit(np.stack(found).reshape(*leading.shape[:-2], -1))


def block_overlaps(
    reference: npt.ArrayLike, turned: npt.ArrayLike, edges: npt.ArrayLike
) -> FloatArray:
    """
    Return how much of each block of eigenvectors is left in the block of the same indices.

    Parameters
    ----------
    reference : array_like, shape (..., d, d)
        Eigenvectors in columns, by falling eigenvalue: `symmetric_eigenpairs`.
    turned : array_like, shape (..., d, d)
        Those that they turned into.
    edges : array_like, shape (k + 1,)
        Where the blocks begin and the last one ends: integers that rise from 0 to at most d.

    Returns
    -------
    ndarray, shape (..., k)
        Mean squared cosine of the principal angles of the two spans, rescaled so that 1 is the same
        span and 0 what a span of that dimension has by chance.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, or if `edges` do not rise from 0 to
        at most d or make a block of all.

    Notes
    -----
    A block is as it was wherever its eigenvectors turn among themselves: near-degenerate
    eigenvalues inside a block do no harm. Costs O(d^3) a matrix, of BLAS's.

    Verified by: WDMG-18:converges, WDMG-18:index-order, WDMG-18:overlap, WDMG-18:steeper,
    WDMG-18:whole-spectrum.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import block_overlaps
    >>> one, other = np.eye(3), np.eye(3)[[1, 0, 2]]
    >>> block_overlaps(one, other, [0, 2]).tolist()
    [1.0]
    """
    first, second = _frames(reference, turned)
    d = first.shape[-1]
    ends = as_array(edges, "edges", ndim=1)
    whole = ends.astype(np.int64)
    rising = len(ends) > 1 and bool((np.diff(whole) > 0).all())
    if not (rising and (whole == ends).all() and whole[0] == 0 and whole[-1] <= d):
        msg = f"edges must rise from 0 to at most {d}, got {ends.tolist()}"
        raise ValueError(msg)
    if whole[1] == d:
        msg = f"edges must leave something out of each block, got {ends.tolist()}"
        raise ValueError(msg)
    squares = np.square(np.swapaxes(first, -1, -2) @ second)
    found = []
    for low, high in itertools.pairwise(whole):
        size = int(high - low)
        kept = squares[..., low:high, low:high].sum(axis=(-2, -1)) / size
        found.append((kept - size / d) / (1 - size / d))
    return np.stack(found, axis=-1)


def _frames(reference: npt.ArrayLike, turned: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Check two stacks of orthonormal columns."""
    first, second = as_array(reference, "reference"), as_array(turned, "turned")
    if first.ndim < 2 or first.shape[-1] != first.shape[-2]:
        msg = f"reference must have shape (..., d, d), got {first.shape}"
        raise ValueError(msg)
    if second.shape != first.shape:
        msg = f"turned must have shape {first.shape}, got {second.shape}"
        raise ValueError(msg)
    for name, frame in (("reference", first), ("turned", second)):
        gram = np.swapaxes(frame, -1, -2) @ frame
        if np.abs(gram - np.eye(frame.shape[-1])).max() > _FRAME_ERROR:
            msg = f"{name} must have orthonormal columns"
            raise ValueError(msg)
    return first, second


def _unit(squares: FloatArray) -> FloatArray:
    """Squared cosines, less what rounding adds to one."""
    return np.asarray(np.minimum(squares, 1.0))
