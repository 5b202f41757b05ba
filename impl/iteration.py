"""Power iteration, of one vector, of a block and deflated, by matrix-vector products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ._validate import FloatArray, as_array, as_count, as_points

__all__ = ["block_iteration", "deflated_iteration", "power_iteration"]

Array: TypeAlias = npt.NDArray[np.float64]

Dtype: TypeAlias = np.dtype[np.floating[Any]]

Operator: TypeAlias = npt.ArrayLike | Callable[[Array], npt.ArrayLike]


def power_iteration(
    operator: Operator, start: npt.ArrayLike, steps: int
) -> tuple[float, FloatArray]:
    """
    Apply a symmetric matrix to a vector again and again, normalising.

    Parameters
    ----------
    operator : array_like, shape (p, p), or callable
        The matrix, or a function that takes columns (p, k) to their images (p, k).
    start : array_like, shape (p,)
        First vector, not zero.
    steps : int
        Number of steps, at least 1.

    Returns
    -------
    value : float
        Rayleigh quotient of the last but one vector.
    vector : ndarray, shape (p,)
        The last vector, of length one; float32 if all arrays are, else float64.

    Raises
    ------
    TypeError
        If an array is not real, or `steps` not an integer.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `steps` is not positive, or if
        an iterate is zero.

    Notes
    -----
    Golub & Van Loan 2013, Section 8.2.1. Memory is that of p numbers. Costs O(p) and one product a
    step; no matrix is formed for a callable.

    Verified by: WDMG-02, WDMG-14, WDMG-14r.

    Examples
    --------
    >>> from lemmata.impl import power_iteration
    >>> value, vector = power_iteration([[2.0, 0.0], [0.0, 1.0]], [1.0, 1.0], 60)
    >>> round(value, 12), vector.round(12).tolist()
    (2.0, [1.0, 0.0])
    """
    first = as_array(start, "start", ndim=1)
    values, vectors = block_iteration(operator, first[:, None], steps)
    return float(values[0]), vectors[:, 0]


def block_iteration(
    operator: Operator, start: npt.ArrayLike, steps: int
) -> tuple[FloatArray, FloatArray]:
    """
    Apply a symmetric matrix to several vectors again and again, orthonormalising.

    Parameters
    ----------
    operator : array_like, shape (p, p), or callable
        The matrix, or a function that takes columns (p, r) to their images (p, r).
    start : array_like, shape (p, r)
        First vectors as columns, linearly independent.
    steps : int
        Number of steps, at least 1.

    Returns
    -------
    values : ndarray, shape (r,)
        Rayleigh quotients of the last but one basis, in its order.
    basis : ndarray, shape (p, r)
        Orthonormal columns: the first k of them span what the first k columns of `start` have
        become. Both float32 if all arrays are, else float64.

    Raises
    ------
    TypeError
        If an array is not real, or `steps` not an integer.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `steps` is not positive, or if
        the iterates are linearly dependent.

    Notes
    -----
    Orthogonal iteration, Golub & Van Loan 2013, Section 8.2.4. Cost O(p r^2) and r products a step.

    Verified by: WDMG-14:block, WDMG-14r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import block_iteration
    >>> values, _ = block_iteration(np.diag([4.0, 2.0, 1.0]), np.eye(3, 2) + 0.1, 60)
    >>> values.round(12).tolist()
    [4.0, 2.0]
    """
    columns, dtype = _columns(start)
    apply, dtype = _product(operator, columns.shape[0], dtype)
    basis = _orthonormal(columns, "start")
    values = np.empty(basis.shape[1])
    for _ in range(as_count(steps, "steps")):
        image = apply(basis)
        values = np.einsum("ij,ij->j", basis, image)
        basis = _orthonormal(image, "operator times the iterates")
    return values.astype(dtype, copy=False), basis.astype(dtype, copy=False)


def deflated_iteration(
    operator: Operator, start: npt.ArrayLike, steps: int
) -> tuple[FloatArray, FloatArray]:
    """
    Find leading eigenvectors one after the other, each orthogonal to those found before.

    Parameters
    ----------
    operator : array_like, shape (p, p), or callable
        The matrix, or a function that takes columns (p, k) to their images (p, k).
    start : array_like, shape (p, r)
        First vector of each search, as columns, linearly independent.
    steps : int
        Number of steps of each search, at least 1.

    Returns
    -------
    values : ndarray, shape (r,)
        Rayleigh quotients, in the order in which they were found.
    vectors : ndarray, shape (p, r)
        Orthonormal columns. Both float32 if all arrays are, else float64.

    Raises
    ------
    TypeError
        If an array is not real, or `steps` not an integer.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `steps` is not positive, or if
        an iterate is zero.

    Notes
    -----
    What was found is projected out at each step, twice, so that rounding does not bring it back.
    Cost O(p r) and one product a step.

    Verified by: WDMG-14:deflated.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import deflated_iteration
    >>> values, _ = deflated_iteration(np.diag([4.0, 2.0, 1.0]), np.eye(3, 2) + 0.1, 60)
    >>> values.round(12).tolist()
    [4.0, 2.0]
    """
    columns, dtype = _columns(start)
    size, rank = columns.shape
    apply, dtype = _product(operator, size, dtype)
    count = as_count(steps, "steps")
    found, values = np.empty((size, 0)), np.empty(rank)
    for k in range(rank):
        vector = _orthonormal(_without(found, columns[:, k : k + 1]), "start")
        for _ in range(count):
            image = apply(vector)
            values[k] = float((vector * image).sum())
            vector = _orthonormal(_without(found, image), "operator times the iterates")
        found = np.concatenate([found, vector], axis=1)
    return values.astype(dtype, copy=False), found.astype(dtype, copy=False)


def _columns(start: npt.ArrayLike) -> tuple[Array, Dtype]:
    """Return `start` as columns, no more of them than rows, and its precision."""
    array = as_array(start, "start", ndim=2)
    if array.shape[1] > array.shape[0]:
        msg = f"start must not have more columns than rows, got shape {array.shape}"
        raise ValueError(msg)
    return array.astype(np.float64), array.dtype


def _product(operator: Operator, size: int, dtype: Dtype) -> tuple[Callable[[Array], Array], Dtype]:
    """Return the operator as a checked function of columns, and the precision of the result."""
    if not callable(operator):
        given = as_points(operator, "operator", size, ndim=2)
        if given.shape != (size, size):
            msg = f"operator must have shape {(size, size)}, got {given.shape}"
            raise ValueError(msg)
        matrix = given.astype(np.float64)
        return lambda columns: matrix @ columns, np.result_type(given.dtype, dtype)

    def apply(columns: Array) -> Array:
        image = as_array(operator(columns), "operator times columns", ndim=2).astype(np.float64)
        if image.shape != columns.shape:
            msg = f"operator must take shape {columns.shape} to the same, got {image.shape}"
            raise ValueError(msg)
        return image

    return apply, dtype


def _without(found: Array, columns: Array) -> Array:
    """Project out what was found, twice."""
    for _ in range(2):
        columns = columns - found @ (found.T @ columns)
    return columns


def _orthonormal(columns: Array, what: str) -> Array:
    """Return an orthonormal basis of the same nested spans; refuse dependent columns."""
    scale = np.abs(columns).max(axis=0)
    if not scale.all() or not np.isfinite(columns).all():
        msg = f"{what} must be finite and not zero"
        raise ValueError(msg)
    if columns.shape[1] == 1:
        # Entry by entry: a reflection would drown small ones in the rounding of large ones.
        single: Array = columns / scale
        return single / np.linalg.norm(single)
    basis, triangle = np.linalg.qr(columns / scale)
    diagonal = np.diagonal(triangle)
    if not diagonal.all():
        msg = f"{what} must be linearly independent"
        raise ValueError(msg)
    oriented: Array = basis * np.sign(diagonal)
    return oriented
