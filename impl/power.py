"""The matrix by which the text approximates a gradient step, dense and by its action."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._validate import FloatArray, as_array, as_points, as_real, common_dtype, finite_result

__all__ = ["apply_step_matrix", "step_matrix"]

# A dense matrix beyond this is no use: apply it instead.
_LARGEST_DENSE = 4096


def step_matrix(
    mu: npt.ArrayLike, mu_star: npt.ArrayLike, eta: float, *, coefficient: float = 2.0
) -> FloatArray:
    """
    Return the matrix that a gradient step at large noise is said to apply to mu.

    Parameters
    ----------
    mu : array_like, shape (d,)
        Student parameter, ``d <= 4096``.
    mu_star : array_like, shape (d,)
        True mean.
    eta : float
        Step size, >= 0.
    coefficient : float, default 2
        What multiplies ``eta |mu|^2`` on the diagonal, >= 0; printed as 3.

    Returns
    -------
    ndarray, shape (d, d)
        ``(1 - coefficient eta |mu|^2) Id + 2 eta mu_star mu_star'``; float32 if both vectors are,
        else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If a vector is empty, not finite, too long or of the wrong shape, if `eta` or `coefficient`
        is negative, or on overflow.

    Notes
    -----
    Shah, Chen & Klivans 2023, proof of Lemma C.5. Costs O(d^2).

    Verified by: SCK-18, SCK-18r.

    Examples
    --------
    >>> from lemmata.impl import step_matrix
    >>> step_matrix([0.0, 1.0], [2.0, 0.0], 0.125).tolist()
    [[1.75, 0.0], [0.0, 0.75]]
    """
    student, truth, step, factor = _arguments(mu, mu_star, eta, coefficient)
    if student.shape[0] > _LARGEST_DENSE:
        msg = f"mu must have at most {_LARGEST_DENSE} entries, got shape {student.shape}"
        raise ValueError(msg)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = truth.astype(np.float64)
        matrix = 2.0 * step * np.outer(wide, wide)
        square = np.square(student.astype(np.float64)).sum()
        matrix[np.diag_indices_from(matrix)] += 1.0 - factor * step * square
        result: FloatArray = matrix.astype(common_dtype(student, truth), copy=False)
    return finite_result(result, "step_matrix of mu, mu_star, eta and coefficient")


def apply_step_matrix(
    x: npt.ArrayLike,
    mu: npt.ArrayLike,
    mu_star: npt.ArrayLike,
    eta: float,
    *,
    coefficient: float = 2.0,
) -> FloatArray:
    """
    Return the matrix of `step_matrix` times vectors, without forming it.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Vectors.
    mu : array_like, shape (d,)
        Student parameter.
    mu_star : array_like, shape (d,)
        True mean.
    eta : float
        Step size, >= 0.
    coefficient : float, default 2
        What multiplies ``eta |mu|^2`` on the diagonal, >= 0; printed as 3.

    Returns
    -------
    ndarray, shape (..., d)
        ``x + eta (2 (mu_star.x) mu_star - coefficient |mu|^2 x)``; float32 if all arrays are, else
        float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if `eta` or `coefficient` is
        negative, or on overflow.

    Notes
    -----
    Shah, Chen & Klivans 2023, display after Lemma 8, with the eta that it lacks. Costs O(d) a
    vector.

    Verified by: SCK-18, SCK-18r, SCK-24r.

    Examples
    --------
    >>> from lemmata.impl import apply_step_matrix
    >>> apply_step_matrix([1.0, 1.0], [0.0, 1.0], [2.0, 0.0], 0.125).tolist()
    [1.75, 0.75]
    """
    student, truth, step, factor = _arguments(mu, mu_star, eta, coefficient)
    points = as_points(x, "x", student.shape[0])
    with np.errstate(over="ignore", invalid="ignore"):
        wide, target = points.astype(np.float64), truth.astype(np.float64)
        square = np.square(student.astype(np.float64)).sum()
        field = 2.0 * (wide @ target)[..., None] * target - factor * square * wide
        result: FloatArray = (wide + step * field).astype(
            common_dtype(points, student, truth), copy=False
        )
    return finite_result(result, "apply_step_matrix of x, mu, mu_star, eta and coefficient")


def _arguments(
    mu: npt.ArrayLike, mu_star: npt.ArrayLike, eta: float, coefficient: float
) -> tuple[FloatArray, FloatArray, float, float]:
    """Validate what both functions share."""
    student = as_array(mu, "mu", ndim=1)
    truth = as_points(mu_star, "mu_star", student.shape[0], ndim=1)
    step = as_real(eta, "eta", at_least=0.0)
    return student, truth, step, as_real(coefficient, "coefficient", at_least=0.0)
