"""Brute-force expectations over (X_0, Z) on a grid, for claims about the noising process itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._plane import vectors
from lemmata.harness.claim import Point
from lemmata.harness.domain import cosines, log_uniform

__all__ = ["grid_points", "noise_grid"]

#: Beyond this the grid that resolves tanh(mu.x) gets too fine to hold; sampling goes further.
_LARGEST_NORM = 8.0
#: In the plane the grid has four dimensions.
_LARGEST_NORM_2D = 0.5


@st.composite
def grid_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta, t} with d = 1, and d = 2 now and then."""
    d = draw(st.sampled_from([1] * 59 + [2]))
    largest = _LARGEST_NORM if d == 1 else _LARGEST_NORM_2D
    return {
        "d": d,
        "mu_norm": draw(log_uniform(1e-8, largest)),
        "mu_star_norm": draw(log_uniform(1e-8, largest)),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(log_uniform(1e-4, 20)),
    }


Vector = NDArray[np.float64]


def noise_grid(point: Point) -> tuple[Vector, Vector, Vector, Vector, float, Vector]:
    """The parameter mu and, on the grid: x_t, alpha_t x_0, z; beta_t; and the weights."""
    mu, mu_star = vectors(point)
    t = point["t"]
    # tanh(mu.x) has its poles w = pi / (2 |mu|) off the real axis, and the rule errs by
    # exp(-2 pi w / step): the step shrinks with |mu|.
    step = min(0.25, 0.24 / point["mu_norm"]) if point["d"] == 1 else 0.5
    half_width = 8.5 if point["d"] == 1 else 7.5
    x0, z, weights = impl.noise_grid(
        np.stack([mu_star, -mu_star]), t, step=step, half_width=half_width
    )
    alpha, beta = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
    return mu, alpha * x0 + beta * z, alpha * x0, z, beta, weights
