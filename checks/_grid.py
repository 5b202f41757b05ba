"""The noising process by brute force: expectations on a grid, samples in any dimension."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._plane import vectors
from lemmata.harness.claim import Point
from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes

__all__ = [
    "HALF_WIDTH",
    "ORDER",
    "gaussian_norm",
    "gradient_norm",
    "grid_points",
    "grid_step",
    "noise_grid",
    "projected_samples",
    "projection",
    "sample_points",
    "scaled_gradients",
    "schedule",
]

Vector = NDArray[np.float64]

#: How far a grid reaches, in deviations: what lies beyond is below rounding.
HALF_WIDTH = 8.5

#: Order of the moments that bound sampled quantities.
ORDER = 8

#: On a grid; beyond this the grid that resolves tanh(mu.x) gets too fine, and sampling goes on.
_grid_norms = log_uniform(1e-8, 8.0)
_sampled_dimensions = sizes(1, 300)
_sampled_norms = log_uniform(0.1, 10)
_sampled_times = log_uniform(0.01, 3)
_seeds = seeds()


def grid_points() -> Any:
    """Points {d = 1, mu_norm, mu_star_norm, cos_theta = -1 or 1, t}."""
    return points(
        {
            "d": st.just(1),
            "mu_norm": _grid_norms,
            "mu_star_norm": _grid_norms,
            "cos_theta": cosines(1.0),
            "t": log_uniform(1e-4, 20),
        }
    )


@st.composite
def sample_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta, t, seed}, where samples can tell one percent."""
    d = draw(_sampled_dimensions)
    return {
        "d": d,
        "mu_norm": draw(_sampled_norms),
        "mu_star_norm": draw(_sampled_norms),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(_sampled_times),
        "seed": draw(_seeds),
    }


def schedule(point: Point) -> tuple[float, float]:
    """alpha_t and beta_t."""
    t = float(point["t"])
    return math.exp(-t), math.sqrt(-math.expm1(-2 * t))


def grid_step(norm: float) -> float:
    """Step of a grid that resolves tanh(norm x) for x of unit variance.

    tanh has its poles w = pi / (2 norm) off the real axis, and the rule errs by
    exp(-2 pi w / step): the step shrinks with the norm.
    """
    return min(0.25, 0.24 / norm)


def noise_grid(point: Point) -> tuple[Vector, Vector, Vector, Vector, float, Vector]:
    """The parameter mu and, on the grid: x_t, alpha_t x_0, z; beta_t; and the weights."""
    mu, mu_star = vectors(point)
    alpha, beta = schedule(point)
    both = np.stack([mu_star, -mu_star])
    step = grid_step(point["mu_norm"])
    x0, z, weights = impl.noise_grid(both, point["t"], step=step, half_width=HALF_WIDTH)
    return mu, alpha * x0 + beta * z, alpha * x0, z, beta, weights


@functools.cache
def gaussian_norm(order: int) -> float:
    """(E |z|^p)^(1/p) for a standard Gaussian and even p: the p-th root of (p - 1)!!."""
    return float(math.prod(range(1, order, 2)) ** (1 / order))


def projection(point: Point) -> Vector:
    """A unit vector to project on, with a share in the plane of mu and mu* and one anywhere."""
    rng = np.random.default_rng(point["seed"])
    mu, mu_star = vectors(point)
    anywhere = rng.standard_normal(int(point["d"]))
    direction = (
        rng.standard_normal() * mu / np.linalg.norm(mu)
        + rng.standard_normal() * mu_star / np.linalg.norm(mu_star)
        + anywhere / np.linalg.norm(anywhere)
    )
    return np.asarray(direction / np.linalg.norm(direction))


def projected_samples(
    statistic: Callable[[Point, Vector, Vector], Vector],
    point: Point,
    rng: np.random.Generator,
    n: int,
) -> Vector:
    """`statistic(point, x_t, z)` of n samples, shape (n, d), along `projection`.

    A block of samples at a time: n may be a million and d hundreds.
    """
    _, mu_star = vectors(point)
    both, direction = np.stack([mu_star, -mu_star]), projection(point)
    block = max(256, 2_000_000 // point["d"])
    parts = []
    for start in range(0, n, block):
        x0 = impl.sample_mixture(both, min(block, n - start), rng=rng)
        x, z = impl.forward_noise(x0, point["t"], rng=rng)
        parts.append(statistic(point, np.asarray(x), np.asarray(z)) @ direction)
    return np.concatenate(parts)


def gradient_norm(point: Point) -> float:
    """Upper bound of the L_8 norm of a sample's gradient along a unit vector.

    Half of it is tanh(s) r + tanh'(s) (mu.r) X with r = tanh(s) mu - alpha X_0 + (alpha^2/beta) Z,
    whose Gaussian part has deviation alpha / beta along any unit vector; Minkowski and
    Cauchy-Schwarz do the rest, with abs(tanh s) <= min(1, abs(s)).
    """
    a, (alpha, beta) = float(point["mu_norm"]), schedule(point)
    c = alpha * float(point["mu_star_norm"])
    one, two = gaussian_norm(ORDER), gaussian_norm(2 * ORDER)
    first = min(
        a + c + alpha / beta * one,
        a * (c + two) * (a + c + alpha / beta * two),
    )
    second = a * (a + c + alpha / beta * two) * (c + two)
    return 2 * (first + second)


def scaled_gradients(point: Point, x: Vector, z: Vector) -> Vector:
    """Gradients of the loss at samples, over the bound of their L_8 norm."""
    mu, _ = vectors(point)
    return np.asarray(impl.per_sample_gradients(mu, x, z, point["t"]) / gradient_norm(point))
