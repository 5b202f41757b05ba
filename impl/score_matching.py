"""The gradient of score matching on samples, read once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._blocks import line_aligned, named_culprit, row_blocks, rows_times
from ._validate import FloatArray, as_array, as_points, common_dtype, finite_result

__all__ = ["score_matching_gradient"]


def score_matching_gradient(mu: npt.ArrayLike, x: npt.ArrayLike) -> FloatArray:
    """
    Return the gradient of the score matching loss of the student s(x) = tanh(mu.x) mu - x.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    x : array_like, shape (n, d)
        Noised samples x_t.

    Returns
    -------
    ndarray, shape (d,)
        The gradient in mu of the mean over the samples of ``|s(x)|^2 + 2 div s(x)``. float32 if
        both arrays are float32 (block by block in float32, summed in float64), else float64.

    Raises
    ------
    TypeError
        If an array is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, or if the gradient overflows.

    Notes
    -----
    Hyvarinen 2005, eq. (4), whose expectation differs from the DDPM loss, Shah, Chen & Klivans
    2023, eq. (5), by a number without mu: the noise is integrated out, and neither it nor the time
    is needed. With v = abs(mu)^2, s = mu.x, t = tanh s and q = 1 - t^2 the gradient is
    2 mean[1 + q] mu - 2 mean[(t + q (s + v t)) x]; its mean is minus twice Lemma C.2.

    Cost 4 n d operations; `x` is read from memory once, which is what bounds it: its two products
    are taken of blocks that stay in the cache.

    Verified by: no claim.

    Examples
    --------
    >>> from lemmata.impl import score_matching_gradient
    >>> score_matching_gradient([0.0, 0.0], [[1.0, 2.0], [3.0, 4.0]]).tolist()
    [0.0, 0.0]
    >>> score_matching_gradient([1.0], [[1.0], [-1.0]]).round(6).tolist()
    [-0.162888]
    """
    parameter = as_array(mu, "mu", ndim=1)
    points = as_points(x, "x", parameter.shape[0], ndim=2, finite=False)
    dtype = common_dtype(parameter, points)
    count, dimension = points.shape
    aligned = line_aligned(dimension, dtype)
    aligned[:] = parameter
    weighted, part, total = np.zeros(dimension), np.empty(dimension, dtype), 0.0
    blocks = row_blocks(points)
    s, t, weight = (line_aligned(blocks[0].stop, dtype) for _ in range(3))
    with np.errstate(over="ignore", invalid="ignore"):
        square = aligned @ aligned
        for rows in blocks:
            block = np.asarray(points[rows], dtype=dtype)
            if len(block) < len(s):
                s, t, weight = (numbers[: len(block)] for numbers in (s, t, weight))
            rows_times(block, aligned, out=s)
            np.tanh(s, out=t)
            total += float(t @ t)
            # weight = s + v t, then q weight + t with q = 1 - t^2, all within the cache.
            np.multiply(t, square, out=weight)
            weight += s
            np.multiply(t, t, out=s)
            s *= weight
            weight -= s
            weight += t
            weighted += np.dot(weight, block, out=part)
        # 1 + mean q = 2 - mean t^2
        result: FloatArray = 2 * ((2 - total / count) * aligned - weighted / count)
    if not np.isfinite(result).all():
        named_culprit(x=points)
    return finite_result(result, "score_matching_gradient of mu and x").astype(dtype, copy=False)
