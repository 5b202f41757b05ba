"""Blocks of rows that stay in the cache between their uses, and products with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._validate import FloatArray, as_array

__all__ = [
    "line_aligned",
    "named_culprit",
    "row_blocks",
    "row_squares",
    "rows_times",
    "times_rows",
]

# Bytes of a block: it is read from memory once and from the cache after that.
_BLOCK_BYTES = 1 << 20

# Bytes of a line of the cache. A vector that starts within one makes every load of it touch two,
# which costs a product with rows from memory a quarter of its speed.
_LINE_BYTES = 64

# Row lengths for which one dot product a row reads memory at twice the speed of BLAS's matrix times
# vector, which walks four rows at once; shorter rows are calls, longer ones leave the first cache.
_DOTTED = range(32, 2049)

# Up to this number of vectors, one at a time is faster than as a matrix.
_FEW = 3


def row_blocks(x: FloatArray, *, beside: int = 0) -> list[slice]:
    """Slices over the rows of `x`, of about a cache's size, as are `beside` numbers for each."""
    width = max(x.shape[1], beside)
    rows = min(max(1, _BLOCK_BYTES // (x.itemsize * width)), x.shape[0])
    return [slice(start, start + rows) for start in range(0, x.shape[0], rows)]


def line_aligned(count: int, dtype: npt.DTypeLike) -> FloatArray:
    """Return an empty vector of `count` numbers that starts at a line of the cache."""
    size = np.dtype(dtype).itemsize
    room = np.empty(count + _LINE_BYTES // size, dtype=dtype)
    start = -room.ctypes.data % _LINE_BYTES // size
    return room[start : start + count]


def rows_times(block: FloatArray, vector: FloatArray, *, out: FloatArray) -> FloatArray:
    """Write the product of each row with `vector` to `out`, for a block that comes from memory."""
    if block.shape[1] in _DOTTED and block.flags.c_contiguous:
        np.vecdot(block, vector, out=out)
    else:
        np.matmul(block, vector, out=out)
    return out


def row_squares(block: FloatArray) -> FloatArray:
    """Return the squared length of each row, for a block that comes from memory."""
    if block.shape[1] in _DOTTED and block.flags.c_contiguous:
        return np.asarray(np.vecdot(block, block))
    return np.asarray(np.square(block) @ np.ones(block.shape[1], dtype=block.dtype))


def times_rows(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the matrix product of a few long rows with a block, or with its transpose."""
    if left.shape[0] > _FEW:
        return np.asarray(left @ right)
    product = np.empty((left.shape[0], right.shape[1]))
    for row, out in zip(left, product, strict=True):
        np.dot(row, right, out=out)
    return product


def named_culprit(**arrays: npt.ArrayLike) -> None:
    """Refuse, by name, the first array that is not finite.

    Kernels that read their data once cannot look for NaN first: it would be another pass. What is
    not finite comes out as not finite, and only then does somebody look.
    """
    for name, array in arrays.items():
        as_array(array, name)
