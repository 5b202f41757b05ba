"""Expectation maximisation for spherical Gaussian mixtures, on samples that are read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._blocks import line_aligned, named_culprit, row_blocks, row_squares, times_rows
from ._responsible import check_responsible
from ._validate import FloatArray, as_array, as_points, as_weights, finite_result

__all__ = ["SphericalMixture", "spherical_em_step"]

Array = npt.NDArray[np.float64]

# |x - m|^2 is expanded while |m|^2 exceeds it by at most this factor, which costs as many digits.
_EXPANDED = 100.0

# The same for the new variances, which are differences of second moments.
_CANCELLED = 1e3

# exp of less than this, either way, is a normal number with room to sum many.
_SAFE = 600.0


class SphericalMixture(NamedTuple):
    """Parameters of K Gaussians, and how likely the samples were before the step.

    Attributes
    ----------
    weights : ndarray, shape (K,)
        They sum to one.
    means : ndarray, shape (K, d)
    variances : ndarray, shape (K,)
        Component k has the covariance ``variances[k] * I``.
    log_likelihood : float
        Mean over the samples of the log-density under the parameters that the step started from,
        in nats, with its normalising constant.
    """

    weights: Array
    means: Array
    variances: Array
    log_likelihood: float


def spherical_em_step(
    x: npt.ArrayLike,
    weights: npt.ArrayLike,
    means: npt.ArrayLike,
    variances: npt.ArrayLike,
) -> SphericalMixture:
    """
    Return a Gaussian mixture's weights, means and variances after one step of EM.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Samples.
    weights : array_like, shape (K,)
        Current weights of the components, non-negative; their sum cancels.
    means : array_like, shape (K, d)
        Current means.
    variances : array_like, shape (K,)
        Current variances, > 0: component k has the covariance ``variances[k] * I``.

    Returns
    -------
    SphericalMixture
        The new parameters, float64, and the log-likelihood of the old ones.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if a weight is negative, all are
        zero or a variance is not positive, if a component's responsibility for all samples
        together underflows to zero, or if the densities overflow.

    Notes
    -----
    Dempster, Laird & Rubin 1977, section 4.3, for covariances that are multiples of the identity.
    Without a floor under the variances: on a component whose samples are all equal it is zero,
    and the next step refuses that.

    Cost 4 n K d operations and n K exponentials; `x` is read from memory once. For small K that
    reading is what bounds it, for large K the two matrix products and the exponentials are. Where
    means are far from zero, in units of the spreads, distances are differences and not expanded,
    so that they keep their digits, and where components move far, second moments are taken again
    around the new means: a few times slower.

    Verified by: no claim.

    Examples
    --------
    >>> from lemmata.impl import spherical_em_step
    >>> x = [[9.0], [11.0], [-9.0], [-11.0]]
    >>> step = spherical_em_step(x, [0.5, 0.5], [[8.0], [-8.0]], [4.0, 4.0])
    >>> step.means.round(6).tolist(), step.variances.round(6).tolist()
    ([[10.0], [-10.0]], [1.0, 1.0])
    """
    centres = as_array(means, "means", ndim=2)
    count, dimension = centres.shape
    points = as_points(x, "x", dimension, ndim=2, finite=False)
    shares = as_weights(weights, "weights", count).astype(np.float64)
    spreads = as_array(variances, "variances", ndim=1).astype(np.float64)
    if spreads.shape != (count,):
        msg = f"variances must have shape ({count},), got {spreads.shape}"
        raise ValueError(msg)
    if not (spreads > 0).all():
        msg = f"variances must be positive, got {spreads.min()}"
        raise ValueError(msg)
    model = _Model(shares / shares.sum(), centres.astype(np.float64), spreads)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        lengths = np.square(model.means).sum(axis=1)
        apart = bool((lengths > _EXPANDED * dimension * spreads).any())
        result = _step(points, model, model.means if apart else None, apart)
        moves = np.square(result.means - (model.means if apart else 0.0)).sum(axis=1)
        if (moves > _CANCELLED * dimension * result.variances).any():
            result = _step(points, model, result.means, apart)
        if not all(np.isfinite(part).all() for part in result):
            named_culprit(x=points)
            finite_result(np.array([np.inf]), "spherical_em_step of x, means and variances")
    return result


@dataclass(frozen=True)
class _Model:
    """Weights that sum to one, means and variances; what every block needs is made once."""

    weights: Array
    means: Array
    variances: Array

    @cached_property
    def curvatures(self) -> Array:
        """What a squared distance from the mean is multiplied with in the log-density."""
        return np.asarray(-0.5 / self.variances)

    @cached_property
    def constants(self) -> Array:
        """Logarithm of weight times normalising constant."""
        constant = 0.5 * self.means.shape[1] * np.log(2 * np.pi * self.variances)
        return np.asarray(np.log(self.weights) - constant)

    @cached_property
    def slopes(self) -> Array:
        """What x is multiplied with where |x - m|^2 is expanded."""
        return self.means / self.variances[:, None]

    @cached_property
    def expanded(self) -> Array:
        """What |x|^2 and 1 are multiplied with there, shape (K, 2)."""
        intercepts = self.curvatures * np.square(self.means).sum(axis=1)
        return np.stack([self.curvatures, self.constants + intercepts], axis=1)

    @cached_property
    def dense(self) -> bool:
        """Whether no density can exceed the range of floats."""
        return bool(self.constants.max() < _SAFE)


def _step(
    points: FloatArray, model: _Model, anchors: Array | None, apart: bool
) -> SphericalMixture:
    """Return the step, by second moments around `anchors`, or around zero."""
    count, dimension = model.means.shape
    mass, first, second = np.zeros(count), np.zeros((count, dimension)), np.zeros(count)
    log_likelihood = 0.0
    blocks = row_blocks(points, beside=2 * count)
    room = line_aligned(count * blocks[0].stop, np.float64)
    for rows in blocks:
        block = np.asarray(points[rows], dtype=np.float64)
        out = room[: count * len(block)].reshape(count, len(block))
        squares = None if apart else np.asarray(row_squares(block), dtype=np.float64)
        beliefs, log_density = _beliefs(block, squares, model, out)
        log_likelihood += log_density
        mass += beliefs.sum(axis=1)
        if anchors is None and squares is not None:
            first += times_rows(beliefs, block)
            second += beliefs @ squares
        elif anchors is not None:
            for k, (belief, anchor) in enumerate(zip(beliefs, anchors, strict=True)):
                difference = block - anchor
                first[k] += belief @ difference
                second[k] += belief @ row_squares(difference)
    check_responsible(mass, model.means)
    moved = first / mass[:, None]
    # Never below zero by a rounding.
    spreads = np.maximum(second / mass - np.square(moved).sum(axis=1), 0.0) / dimension
    means = moved if anchors is None else anchors + moved
    number = points.shape[0]
    return SphericalMixture(mass / number, means, spreads, log_likelihood / number)


def _beliefs(
    block: FloatArray, squares: Array | None, model: _Model, out: FloatArray
) -> tuple[FloatArray, float]:
    """Write the responsibilities, shape (K, rows), to `out`; also return the sum of log-densities.

    With `squares`, the rows' squared lengths, |x - m|^2 is |x|^2 - 2 x.m + |m|^2.
    """
    if squares is None:
        for mean, row in zip(model.means, out, strict=True):
            row[:] = row_squares(block - mean)
        out *= model.curvatures[:, None]
        out += model.constants[:, None]
    else:
        # As a product this takes one walk over the result.
        np.matmul(model.expanded, np.stack([squares, np.ones_like(squares)]), out=out)
        out += times_rows(model.slopes, block.T)
    # Where no sample's density can leave the range of floats there is nothing to scale by.
    top = None if model.dense and out[0].min() > -_SAFE else out.max(axis=0)
    if top is not None:
        out -= top
    np.exp(out, out=out)
    total = np.ones(len(out)) @ out
    log_density = np.log(total).sum() + (0.0 if top is None else top.sum())
    out *= np.divide(1.0, total, out=total)
    return out, float(log_density)
