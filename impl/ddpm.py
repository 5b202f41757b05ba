"""The DDPM objective of a two-component student, differentiated by torch and nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ._validate import (
    FloatArray,
    as_array,
    as_points,
    as_real,
    as_weights,
    common_dtype,
    finite_result,
)

if TYPE_CHECKING:
    import torch

__all__ = ["ddpm_gradient", "ddpm_loss", "difference_gradient", "per_sample_gradients"]

# Numbers per block of samples: the tape of one block is a few times this, whatever n is.
_BLOCK_SIZE = 1 << 20

# How far from one the sum of the weights may be.
_WEIGHT_SUM_TOLERANCE = 1e-9


class _Problem(NamedTuple):
    """Validated arguments, in float64, with the dtype that the caller gets back."""

    mu: npt.NDArray[np.float64]
    x: npt.NDArray[np.float64]
    z: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    beta: float
    dtype: np.dtype[np.floating[Any]]

    def blocks(self) -> list[slice]:
        """Return slices over the samples, each of bounded size."""
        rows = max(1, _BLOCK_SIZE // self.mu.shape[0])
        return [slice(i, i + rows) for i in range(0, self.x.shape[0], rows)]


def ddpm_loss(
    mu: npt.ArrayLike,
    x: npt.ArrayLike,
    z: npt.ArrayLike,
    t: float,
    *,
    weights: npt.ArrayLike | None = None,
) -> float:
    """
    Return the DDPM loss of the student s(x) = tanh(mu.x) mu - x.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    x : array_like, shape (n, d)
        Noised samples x_t.
    z : array_like, shape (n, d)
        The noise inside each sample.
    t : float
        Time of the Ornstein-Uhlenbeck process, > 0.
    weights : array_like, shape (n,), optional
        Non-negative weights that sum to one; 1/n each when left out.

    Returns
    -------
    float
        Weighted mean of ``|s(x) + z / sqrt(1 - exp(-2 t))|^2`` over the samples.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t <= 0``, if the weights
        are negative or do not sum to one, or if the loss overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, eq. (5), with no factor in front. Summed over coordinates, not
    averaged. Cost O(n d), in blocks of bounded memory.

    Verified by: SCK-02, SCK-09r.

    Examples
    --------
    >>> import math
    >>> from lemmata.impl import ddpm_loss
    >>> t = -0.5 * math.log(0.75)  # here beta_t = 1/2
    >>> round(ddpm_loss([0.0, 0.0], [[1.0, 2.0]], [[1.0, 0.0]], t), 12)
    5.0
    """
    problem = _problem(mu, x, z, t, weights)
    return _loss(problem, problem.mu)


def ddpm_gradient(
    mu: npt.ArrayLike,
    x: npt.ArrayLike,
    z: npt.ArrayLike,
    t: float,
    *,
    weights: npt.ArrayLike | None = None,
) -> FloatArray:
    """
    Return the gradient of the DDPM loss with respect to mu, by automatic differentiation.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    x : array_like, shape (n, d)
        Noised samples x_t.
    z : array_like, shape (n, d)
        The noise inside each sample.
    t : float
        Time of the Ornstein-Uhlenbeck process, > 0.
    weights : array_like, shape (n,), optional
        Non-negative weights that sum to one; 1/n each when left out.

    Returns
    -------
    ndarray, shape (d,)
        The full gradient of `ddpm_loss`: the factor 2 of the square is in it. float32 if every
        array argument is float32 (computed in float64 all the same), else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t <= 0``, if the weights
        are negative or do not sum to one, or if the gradient overflows.

    Notes
    -----
    Gradient of Shah, Chen & Klivans 2023, eq. (5), as torch sees it: no identity of Stein's
    and no symmetry of the mixture is used. Needs torch. Cost O(n d), in blocks of bounded
    memory.

    Verified by: SCK-08r, SCK-09r, SCK-14r, SCK-19, SCK-20r, SCK-30.

    Examples
    --------
    >>> import math
    >>> from lemmata.impl import ddpm_gradient
    >>> t = -0.5 * math.log(0.75)  # here beta_t = 1/2
    >>> ddpm_gradient([0.0, 0.0], [[1.0, 2.0]], [[0.0, 0.0]], t).tolist()
    [0.0, 0.0]
    """
    import torch

    problem = _problem(mu, x, z, t, weights)
    gradient = np.zeros_like(problem.mu)
    for block in problem.blocks():
        parameter = torch.tensor(problem.mu, requires_grad=True)
        losses = _sample_losses(
            parameter,
            torch.tensor(problem.x[block]),
            torch.tensor(problem.z[block]),
            problem.beta,
        )
        total = (torch.tensor(problem.weights[block]) * losses).sum()
        gradient += torch.autograd.grad(total, parameter)[0].numpy()
    finite_result(gradient, "ddpm_gradient of mu, x, z and t")
    return gradient.astype(problem.dtype, copy=False)


def per_sample_gradients(
    mu: npt.ArrayLike, x: npt.ArrayLike, z: npt.ArrayLike, t: float
) -> FloatArray:
    """
    Return the gradient of every sample's own DDPM loss with respect to mu.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    x : array_like, shape (n, d)
        Noised samples x_t.
    z : array_like, shape (n, d)
        The noise inside each sample.
    t : float
        Time of the Ornstein-Uhlenbeck process, > 0.

    Returns
    -------
    ndarray, shape (n, d)
        Row i is the gradient of ``|s(x_i) + z_i / sqrt(1 - exp(-2 t))|^2``; the mean of the
        rows is `ddpm_gradient`. float32 if every array argument is float32, else float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t <= 0``, or if a gradient
        overflows.

    Notes
    -----
    Summands of the empirical gradient in Shah, Chen & Klivans 2023, Lemma C.3, by
    ``torch.func.vmap`` over ``torch.func.grad``. Needs torch. Cost O(n d), in blocks of
    bounded memory.

    Verified by: SCK-08r, SCK-09r, SCK-17r, SCK-19, SCK-30.

    Examples
    --------
    >>> from lemmata.impl import per_sample_gradients
    >>> per_sample_gradients([0.5], [[1.0], [2.0]], [[0.0], [1.0]], 1.0).shape
    (2, 1)
    """
    import torch

    problem = _problem(mu, x, z, t, None)

    def one_loss(parameter: torch.Tensor, point: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        return _sample_losses(parameter, point[None, :], noise[None, :], problem.beta)[0]

    gradients = torch.func.vmap(torch.func.grad(one_loss), in_dims=(None, 0, 0))
    parameter = torch.tensor(problem.mu)
    result = np.empty_like(problem.x)
    for block in problem.blocks():
        result[block] = gradients(
            parameter, torch.tensor(problem.x[block]), torch.tensor(problem.z[block])
        ).numpy()
    finite_result(result, "per_sample_gradients of mu, x, z and t")
    return result.astype(problem.dtype, copy=False)


def difference_gradient(
    mu: npt.ArrayLike,
    x: npt.ArrayLike,
    z: npt.ArrayLike,
    t: float,
    *,
    weights: npt.ArrayLike | None = None,
    step: float = 6e-6,
) -> npt.NDArray[np.float64]:
    """
    Return the gradient of the DDPM loss with respect to mu, by central differences.

    Parameters
    ----------
    mu : array_like, shape (d,)
        The student's parameter at this noise level (already scaled: mu_t).
    x : array_like, shape (n, d)
        Noised samples x_t.
    z : array_like, shape (n, d)
        The noise inside each sample.
    t : float
        Time of the Ornstein-Uhlenbeck process, > 0.
    weights : array_like, shape (n,), optional
        Non-negative weights that sum to one; 1/n each when left out.
    step : float, default 6e-6
        Half-width of the difference, relative to ``max(1, abs(mu_j))``; the default is the
        cube root of the machine epsilon.

    Returns
    -------
    ndarray, shape (d,)
        Central differences of `ddpm_loss`, float64.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If an array is empty, not finite or of the wrong shape, if ``t <= 0``, ``step <= 0`` or
        ``step >= 1``, if the weights are negative or do not sum to one, or if the loss
        overflows.

    Notes
    -----
    A second route to the gradient of Shah, Chen & Klivans 2023, eq. (5), that does not trust
    automatic differentiation either. About ten digits at best. Cost O(n d^2).

    Verified by: no claim.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import ddpm_gradient, difference_gradient
    >>> case = [0.5, 0.2], [[1.0, 2.0]], [[0.3, -1.0]], 0.7
    >>> bool(np.allclose(difference_gradient(*case), ddpm_gradient(*case), rtol=1e-7))
    True
    """
    problem = _problem(mu, x, z, t, weights)
    width = as_real(step, "step", above=0.0, below=1.0)
    gradient = np.empty_like(problem.mu)
    for j in range(problem.mu.shape[0]):
        right, left = problem.mu.copy(), problem.mu.copy()
        right[j] += width * max(1.0, abs(problem.mu[j]))
        left[j] -= width * max(1.0, abs(problem.mu[j]))
        rise = _loss(problem, right) - _loss(problem, left)
        gradient[j] = rise / (right[j] - left[j])
    return gradient


def _problem(
    mu: npt.ArrayLike,
    x: npt.ArrayLike,
    z: npt.ArrayLike,
    t: float,
    weights: npt.ArrayLike | None,
) -> _Problem:
    """Validate the arguments that all functions of this module share."""
    parameter = as_array(mu, "mu", ndim=1)
    points = as_points(x, "x", parameter.shape[0], ndim=2)
    noise = as_points(z, "z", parameter.shape[0], ndim=2)
    if noise.shape != points.shape:
        msg = f"z must have the shape of x, {points.shape}, got {noise.shape}"
        raise ValueError(msg)
    time = as_real(t, "t", above=0.0)
    count = points.shape[0]
    dtype = common_dtype(parameter, points, noise)
    if weights is None:
        share = np.full(count, 1.0 / count)
    else:
        given = as_weights(weights, "weights", count)
        # float32 weights cannot sum to one any better than their own rounding.
        slack = max(_WEIGHT_SUM_TOLERANCE, 8.0 * float(np.finfo(given.dtype).eps))
        share = given.astype(np.float64)
        if abs(float(share.sum()) - 1.0) > slack:
            msg = f"weights must sum to one, got a sum of {float(share.sum())}"
            raise ValueError(msg)
        dtype = common_dtype(parameter, points, noise, given)
    return _Problem(
        parameter.astype(np.float64),
        points.astype(np.float64),
        noise.astype(np.float64),
        share,
        math.sqrt(-math.expm1(-2.0 * time)),
        dtype,
    )


def _loss(problem: _Problem, mu: npt.NDArray[np.float64]) -> float:
    """Return the loss at `mu`, without torch."""
    total = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        for block in problem.blocks():
            x, z = problem.x[block], problem.z[block]
            student = np.tanh(x @ mu)[:, None] * mu - x
            error = student + z / problem.beta  # eq. (5)
            total += float(problem.weights[block] @ np.square(error).sum(axis=1))
    finite_result(np.asarray(total), "loss of mu, x, z and t")
    return total


def _sample_losses(mu: torch.Tensor, x: torch.Tensor, z: torch.Tensor, beta: float) -> torch.Tensor:
    """Return each sample's summand of eq. (5), shape (n,), on torch's tape."""
    student = (x @ mu).tanh()[:, None] * mu - x
    return (student + z / beta).square().sum(dim=1)
