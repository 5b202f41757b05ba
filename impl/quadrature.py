"""Expectations under a mixture by brute force: tensor trapezoid grids in low dimension."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from ._validate import FloatArray, as_array, as_covariance_factor, as_real

__all__ = ["mixture_grid", "noise_grid"]

# Dimensions served: noise_grid has 2 d axes, and a tensor grid over more than four is no use.
_LARGEST_DIMENSION = 2

# No axis is coarser than this, whatever the time: at 1/2 the trapezoid rule integrates a
# Gaussian times a polynomial to exp(-2 pi^2 / h^2) = 5e-35.
_COARSEST = 0.5

# One axis must carry the standard Gaussian's mass this well before it is normalised.
_MASS_TOLERANCE = 1e-12

# Nodes of one grid: at d = 2 the arrays of noise_grid take 40 bytes a node, 640 MiB in all.
_MOST_NODES = 1 << 24

# (step, half_width) by dimension.
_NOISE_DEFAULTS = {1: (0.125, 8.5), 2: (0.4, 7.2)}
_MIXTURE_DEFAULTS = {1: (0.125, 8.5), 2: (0.125, 8.5)}


def noise_grid(
    means: npt.ArrayLike,
    t: float,
    *,
    step: float | None = None,
    half_width: float | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """
    Return nodes and weights for expectations over data and noise, in one or two dimensions.

    Parameters
    ----------
    means : array_like, shape (K, d)
        Component means at time 0, ``d <= 2``; every component has identity covariance.
    t : float
        Time of the Ornstein-Uhlenbeck process at which the nodes will be used, > 0.
    step : float, optional
        Spacing of the nodes along ``x_t``, which moves by ``exp(-t)`` with the data and by
        ``sqrt(1 - exp(-2 t))`` with the noise: each axis is as much coarser as its influence
        is smaller, but never coarser than 1/2 of a standard deviation (nor than `step`, where
        that is larger). Default 0.125 for d = 1 and 0.4 for d = 2.
    half_width : float, optional
        Reach of every axis in standard deviations. Default 8.5 for d = 1 and 7.2 for d = 2.

    Returns
    -------
    x0 : ndarray, shape (N, d)
        Data nodes, ``mean_i + w``.
    z : ndarray, shape (N, d)
        Noise nodes.
    weights : ndarray, shape (N,)
        Weights, summing to one.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If `means` is empty, not finite or has more than two columns, if ``t <= 0``, if `step`
        or `half_width` is not positive or leaves more than 1e-12 of an axis' mass out, or if
        the grid would exceed 2^24 nodes.

    Notes
    -----
    Expectation over X_0 and Z_t as it is written in Shah, Chen & Klivans 2023, eq. (5): for
    each component a tensor grid over w and z, both standard Gaussian in R^d. The trapezoid
    rule's error for g(x_t, z) falls as exp(-2 pi a / step), where a is the distance from the
    real axis to the nearest pole of g along x_t: a = pi / (2 |mu|) for tanh(mu.x_t). The
    default in one dimension keeps 1e-12 up to |mu| = 2.8, that in two 1e-10 up to |mu| = 1. A
    pole of g along the data alone is not seen by `t` and asks for a smaller `step`.

    N is at most K (137)^2 for d = 1 and K (37)^4, about 2 million K, for d = 2, at
    (2 d + 1) 8 bytes a node. Cost O(N).

    Verified by: SCK-01, SCK-02, SCK-06, SCK-07, SCK-08r, SCK-09r, SCK-14r, SCK-17r, SCK-30.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import forward, noise_grid
    >>> x0, z, weights = noise_grid([[1.5], [-1.5]], 0.4)
    >>> x_t = forward(x0, z, 0.4)
    >>> bool(np.isclose(weights @ x_t[:, 0]**2, 1.0 + 1.5**2 * np.exp(-0.8), rtol=1e-13))
    True
    """
    centres = _low_dimensional(means)
    time = as_real(t, "t", above=0.0)
    count, dimension = centres.shape
    along_data, reach = _settings(step, half_width, _NOISE_DEFAULTS[dimension])
    coarsest = max(along_data, _COARSEST)
    scales = math.exp(-time), math.sqrt(-math.expm1(-2.0 * time))
    # Compared as products: the scale of the data underflows to zero at very large t.
    data_axis, noise_axis = (
        _axis(along_data / scale if along_data < coarsest * scale else coarsest, reach)
        for scale in scales
    )
    axes = [data_axis] * dimension + [noise_axis] * dimension
    nodes, weights = _tensor(axes, count)
    x0 = (centres[:, None, :] + nodes[None, :, :dimension]).reshape(-1, dimension)
    z = np.tile(nodes[:, dimension:], (count, 1))
    return x0, z, np.tile(weights / count, count)


def mixture_grid(
    means: npt.ArrayLike,
    *,
    cov: npt.ArrayLike | None = None,
    step: float | None = None,
    half_width: float | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """
    Return nodes and weights for expectations over a mixture, in one or two dimensions.

    Parameters
    ----------
    means : array_like, shape (K, d)
        Component means, ``d <= 2``.
    cov : array_like, shape (d, d), optional
        Covariance of every component; the identity when left out.
    step : float, default 0.125
        Spacing of the nodes, in standard deviations (along the whitened axes).
    half_width : float, default 8.5
        Reach of every axis, in standard deviations.

    Returns
    -------
    x : ndarray, shape (N, d)
        Nodes.
    weights : ndarray, shape (N,)
        Weights, summing to one.

    Raises
    ------
    TypeError
        If an argument is not real.
    ValueError
        If `means` is empty, not finite or has more than two columns, if `cov` is not symmetric
        positive definite, if `step` or `half_width` is not positive or leaves more than 1e-12
        of an axis' mass out, or if the grid would exceed 2^24 nodes.

    Notes
    -----
    Expectation over X as it is written in Shah, Chen & Klivans 2023, Fact 5, and in
    Daskalakis, Tzamos & Zampetakis 2017, eq. (1.2). The trapezoid rule's error for tanh(m.x)
    falls as exp(-pi^2 / (step s)), where s is the standard deviation of m.x in a component.
    N is at most K (137)^d at the default. Cost O(N d).

    Verified by: SCK-02, SCK-10, SCK-11, SCK-13ar, SCK-13br, SCK-13cr, SCK-20r, SCK-25, SCK-26,
    SCK-29r, SCK-30, SCK-32r, DTZ-1, DTZ-2, DTZ-3, DTZ-4, DTZ-5r.

    Examples
    --------
    >>> from lemmata.impl import mixture_grid
    >>> x, weights = mixture_grid([[0.0, 1.0], [0.0, -1.0]], cov=[[2.0, 0.5], [0.5, 1.0]])
    >>> ((weights[:, None] * x).T @ x).round(12).tolist()
    [[2.0, 0.5], [0.5, 2.0]]
    """
    centres = _low_dimensional(means)
    count, dimension = centres.shape
    spacing, reach = _settings(step, half_width, _MIXTURE_DEFAULTS[dimension])
    nodes, weights = _tensor([_axis(spacing, reach)] * dimension, count)
    if cov is not None:
        nodes = nodes @ as_covariance_factor(cov, "cov", dimension).astype(np.float64).T
    x = (centres[:, None, :] + nodes[None, :, :]).reshape(-1, dimension)
    return x, np.tile(weights / count, count)


def _low_dimensional(means: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Validate means of shape (K, d), d <= 2."""
    centres: FloatArray = as_array(means, "means", ndim=2)
    if centres.shape[1] > _LARGEST_DIMENSION:
        msg = f"means must have at most {_LARGEST_DIMENSION} columns, got shape {centres.shape}"
        raise ValueError(msg)
    return centres.astype(np.float64)


def _settings(
    step: float | None, half_width: float | None, default: tuple[float, float]
) -> tuple[float, float]:
    """Validate spacing and reach, or take the default."""
    return (
        default[0] if step is None else as_real(step, "step", above=0.0),
        default[1] if half_width is None else as_real(half_width, "half_width", above=0.0),
    )


def _axis(
    step: float, half_width: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return trapezoid nodes and weights of one standard Gaussian axis, weights summing to one."""
    ratio = half_width / step
    if 2.0 * ratio + 3.0 > _MOST_NODES:
        msg = (
            f"step must be larger or half_width smaller: {step} over {half_width} makes "
            f"more than {_MOST_NODES} nodes"
        )
        raise ValueError(msg)
    # The slack keeps 7.2 / 0.4 from being rounded up to 19 steps.
    half = math.ceil(ratio * (1.0 - 1e-12))
    nodes = step * np.arange(-half, half + 1, dtype=np.float64)
    weights = step * np.exp(-0.5 * np.square(nodes)) / math.sqrt(2.0 * math.pi)
    mass = math.fsum(weights)
    if abs(mass - 1.0) > _MASS_TOLERANCE:
        msg = (
            "step must be smaller or half_width larger: a Gaussian axis with spacing "
            f"{step:g} and half_width {half_width:g} has mass {mass:.15g}, not 1"
        )
        raise ValueError(msg)
    return nodes, weights / mass


def _tensor(
    axes: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the tensor product of axes, nodes (N, len(axes)) and weights (N,)."""
    size = math.prod(nodes.size for nodes, _ in axes)
    if size * count > _MOST_NODES:
        msg = (
            f"step must be larger or means fewer: the grid would have {size * count} nodes, "
            f"at most {_MOST_NODES} are allowed"
        )
        raise ValueError(msg)
    mesh = np.meshgrid(*(nodes for nodes, _ in axes), indexing="ij")
    weights = np.ones(())
    for _, factor in axes:
        weights = weights[..., None] * factor
    return np.stack([part.ravel() for part in mesh], axis=-1), weights.ravel()
