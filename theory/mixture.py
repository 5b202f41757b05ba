"""Responsibilities and score of a mixture of unit Gaussians, and its means under the OU process."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._twofold import dot, two_sum
from ._validate import FloatArray, Work, finish, reals, require, vectors

__all__ = ["marginal_means", "mixture_score", "responsibilities", "two_component_score"]

_LARGE = 8.0  # exponents from which on their roundings are taken care of
_BLOCK = 1 << 18  # entries of products held at once


def _points_and_means(x: ArrayLike, means: ArrayLike) -> tuple[Work, Work, np.dtype[np.generic]]:
    """Check ``x (..., d)`` and ``means (K, d)``."""
    (points, centres), dtype = reals(x=x, means=means)
    if centres.ndim != 2:
        raise ValueError(f"means must have shape (K, d), got {centres.shape}")
    if points.ndim < 1 or points.shape[-1] != centres.shape[-1]:
        raise ValueError(
            f"x must have shape (..., d) with d = {centres.shape[-1]} as in means, "
            f"got {points.shape}"
        )
    return points, centres, dtype


def _logits(points: Work, centres: Work) -> tuple[Work, Work]:
    """Return mu_i.x - |mu_i|^2 / 2 less the largest of them, as a float and its rounding."""
    squares, squares_low = dot(centres, centres)
    out = np.empty((2, len(points), len(centres)))
    size = max(1, _BLOCK // centres.size)
    for start in range(0, len(points), size):
        block = slice(start, start + size)
        product, low = dot(points[block, None, :], centres)
        high, rest = two_sum(product, -0.5 * squares)
        low = low - 0.5 * squares_low + rest
        best = high.argmax(axis=-1)[:, None]
        gap, rest = two_sum(high, -np.take_along_axis(high, best, axis=-1))
        rest += low - np.take_along_axis(low, best, axis=-1)
        out[:, block] = two_sum(gap, rest)
    return out[0], out[1]


def _weights(points: Work, centres: Work) -> Work:
    """Return the softmax of -|x - mu_i|^2 / 2."""
    with np.errstate(all="ignore"):
        # |x|^2 is common to all components. About the centroid of the means the rest is small as
        # well, and for +-mu it is 2 mu.x to full relative accuracy.
        centroid = centres.mean(axis=0)
        nu = centres - centroid
        squares = np.sum(nu * nu, axis=-1)
        rows = (points - centroid).reshape(-1, points.shape[-1])
        logits = rows @ nu.T - 0.5 * squares
        # A rounding of an exponent is a relative error of the weight: what is large is done again,
        # and so is what is not, but where mu_i less the centroid, rounded, is.
        reach = np.linalg.norm(rows, axis=-1) + np.sqrt(squares.max())
        wide = reach * np.linalg.norm(centres, axis=-1).max() > _LARGE
        low = np.zeros_like(logits)
        if wide.any():
            logits[wide], low[wide] = _logits(points.reshape(rows.shape)[wide], centres)
        if not np.isfinite(logits).all():
            raise ValueError("x and means must have products within float64: |x - mu|^2 overflows")
        weights: Work = np.exp(logits - logits.max(axis=-1, keepdims=True)) * (1 + low)
        weights /= weights.sum(axis=-1, keepdims=True)
        return weights.reshape(*points.shape[:-1], len(centres))


def responsibilities(x: ArrayLike, means: ArrayLike) -> FloatArray:
    """
    Return the posterior weight of each component of an equal-weight mixture of N(mu_i, I).

    Parameters
    ----------
    x
        Points, shape ``(..., d)``.
    means
        Component means mu_i, shape ``(K, d)``.

    Returns
    -------
    array
        w_i(x), shape ``(..., K)``, non-negative, summing to one over the last axis; float32 if both
        inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if |x - mu|^2 overflows.

    Notes
    -----
    w_i(x) = exp(-|x - mu_i|^2 / 2) / sum_j exp(-|x - mu_j|^2 / 2): Shah, Chen & Klivans 2023,
    Lemma 4 and Fact 5; for the means +-mu, w_1 = sigmoid(2 mu.x), eq. (A.2).

    Costs O(n K d) for n points. Verified by: SCK-05r, SCK-25.

    Examples
    --------
    >>> from lemmata.theory import responsibilities
    >>> responsibilities([0.0, 5.0], [[1.0, 0.0], [-1.0, 0.0]])
    array([0.5, 0.5])
    """
    points, centres, dtype = _points_and_means(x, means)
    return finish(_weights(points, centres), dtype, "x", "means")


def mixture_score(x: ArrayLike, means: ArrayLike) -> FloatArray:
    """
    Return the score of an equal-weight mixture of N(mu_i, I).

    Parameters
    ----------
    x
        Points, shape ``(..., d)``.
    means
        Component means mu_i, shape ``(K, d)``.

    Returns
    -------
    array
        The gradient in x of the log density, shape ``(..., d)``; float32 if both inputs are, else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if |x - mu|^2 overflows.

    Notes
    -----
    sum_i w_i(x) mu_i - x: Shah, Chen & Klivans 2023, Lemma 4. For the score at time t of the
    Ornstein-Uhlenbeck process pass the means of that time, `marginal_means`.

    Costs O(n K d) for n points. Verified by: SCK-02, SCK-03.

    Examples
    --------
    >>> from lemmata.theory import mixture_score
    >>> mixture_score([[0.0, 3.0], [2.0, 0.0]], [[0.0, 1.0]])
    array([[ 0., -2.],
           [-2.,  1.]])
    """
    points, centres, dtype = _points_and_means(x, means)
    return finish(_weights(points, centres) @ centres - points, dtype, "x", "means")


def two_component_score(x: ArrayLike, mu: ArrayLike) -> FloatArray:
    """
    Return the score of the mixture of N(mu, I) and N(-mu, I) with weights one half.

    Parameters
    ----------
    x
        Points, shape ``(..., d)``.
    mu
        Means, shape ``(..., d)``; leading axes broadcast against those of `x`.

    Returns
    -------
    array
        tanh(mu.x) mu - x, of the broadcast shape ``(..., d)``; float32 if both inputs are, else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if mu.x overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, Lemma 4 and eqs. (A.1), (A.2); also the student network whose
    parameter is mu.

    Costs O(n d) for n points. Verified by: SCK-02, SCK-04, SCK-08r.

    Examples
    --------
    >>> from lemmata.theory import mixture_score, two_component_score
    >>> two_component_score([0.0, 1.0], [3.0, 0.0])
    array([ 0., -1.])
    """
    (points, mean), dtype = vectors(x=x, mu=mu)
    with np.errstate(all="ignore"):
        s, _ = dot(points, mean)  # mu.x may cancel
        score = np.tanh(s)[..., None] * mean - points
    if not np.isfinite(s).all():
        raise ValueError("x and mu must be small enough for float64: mu.x overflows")
    return finish(score, dtype, "x", "mu")


def marginal_means(means: ArrayLike, t: ArrayLike) -> FloatArray:
    """
    Return the means at time t of a mixture of unit Gaussians under the OU process.

    Parameters
    ----------
    means
        Means at time 0, an array of vectors of any shape ``(..., d)``.
    t
        Times, ``t >= 0``, a number or an array.

    Returns
    -------
    array
        exp(-t) times `means`, of shape ``t.shape + means.shape``; float32 if both inputs are (a
        Python number follows the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite or empty, if `means` is a scalar or if ``t < 0``.

    Notes
    -----
    dX = -X dt + sqrt(2) dW, so X_t = exp(-t) X_0 + sqrt(1 - exp(-2t)) Z and a component N(mu, I)
    becomes N(exp(-t) mu, I): Shah, Chen & Klivans 2023, Section 1.3.

    Costs O(1) an entry. Verified by: SCK-01, SCK-02, SCK-03, SCK-04, SCK-07, SCK-09r, SCK-14r,
    SCK-16r, SCK-17r, SCK-22r.

    Examples
    --------
    >>> from lemmata.theory import marginal_means
    >>> marginal_means([[2.0, 0.0], [-2.0, 0.0]], 0.0)
    array([[ 2.,  0.],
           [-2.,  0.]])
    """
    (centres, times), dtype = reals(means=means, t=t)
    require(times >= 0, "t", times, ">= 0")
    if centres.ndim < 1:
        raise ValueError(f"means must have shape (..., d), got the scalar {float(centres)!r}")
    with np.errstate(under="ignore"):
        decay = np.exp(-times).reshape(times.shape + (1,) * centres.ndim)
        return finish(decay * centres, dtype, "means")
