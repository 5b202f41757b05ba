"""Population quantities in any dimension by quadrature: in the plane of mu and mu*, along mu."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._grid import HALF_WIDTH, grid_step
from lemmata.checks._plane import LARGEST_DIMENSION, NORMS
from lemmata.harness.claim import Point
from lemmata.harness.domain import cosines, log_uniform, seeds, sizes

__all__ = [
    "ball_plane",
    "embedded_points",
    "in_plane",
    "line_grid",
    "line_points",
    "off_plane",
    "plane_grid",
    "plane_means",
]

Array = NDArray[np.float64]

_norms = log_uniform(*NORMS)
#: On a grid in the plane; beyond this the step that resolves tanh(mu.x) gets too fine, and a grid
#: along mu goes on. The mean mu* only moves a grid.
_plane_norms = log_uniform(1e-8, 8.0)
_dimensions = sizes(1, LARGEST_DIMENSION)
_seeds = seeds()


def embedded_points() -> Any:
    """Points of `line_points` with a mu short enough for a grid in the plane."""
    return _embedded(_plane_norms)


def line_points() -> Any:
    """Points {d, mu_norm, mu_star_norm, cos_theta, seed}: the seed turns the plane in R^d."""
    return _embedded(_norms)


@st.composite
def _embedded(draw: st.DrawFn, lengths: Any) -> dict[str, Any]:
    d = draw(_dimensions)
    return {
        "d": d,
        "mu_norm": draw(lengths),
        "mu_star_norm": draw(_norms),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "seed": draw(_seeds),
    }


def plane_means(point: Point) -> tuple[Array, Array]:
    """mu and mu* in coordinates along mu and across it: two of them, or one if d = 1."""
    cosine = float(point["cos_theta"])
    mu = np.array([float(point["mu_norm"]), 0.0])
    sine = math.sqrt((1 - cosine) * (1 + cosine))
    mu_star = float(point["mu_star_norm"]) * np.array([cosine, sine])
    k = min(2, int(point["d"]))
    return mu[:k], mu_star[:k]


def _frame(point: Point) -> Array:
    """Orthonormal columns, shape (d, 2) or (1, 1), in a random direction."""
    d = int(point["d"])
    rng = np.random.default_rng(point["seed"])
    frame: Array = np.linalg.qr(rng.standard_normal((d, min(2, d))))[0]
    return frame


def in_plane(point: Point) -> tuple[Array, Array, Array]:
    """mu and mu* in R^d, and the frame whose columns span their plane."""
    frame = _frame(point)
    mu, mu_star = plane_means(point)
    return frame @ mu, frame @ mu_star, frame


def off_plane(vector: Array, frame: Array, coordinates: Array) -> float:
    """Distance of a vector in R^d from the one with these coordinates in the frame."""
    return float(np.linalg.norm(vector - frame @ coordinates))


def plane_grid(point: Point, *, both: bool = True) -> tuple[Array, Array]:
    """Nodes and weights for N(mu*, I), or for the mixture with N(-mu*, I), in the plane."""
    _, mu_star = plane_means(point)
    means = np.stack([mu_star, -mu_star]) if both else mu_star[None, :]
    return impl.mixture_grid(means, step=grid_step(point["mu_norm"]), half_width=HALF_WIDTH)


def line_grid(point: Point, sign: int = 1) -> tuple[Array, Array, float]:
    """Nodes and weights along mu for N(sign mu*, I), and its mean across mu.

    The coordinates across mu do not depend on the one along it: for a function f of the latter,
    E f x is E f y along mu, y on the nodes, and E f times the mean across it.
    """
    _, mu_star = plane_means(point)
    across = sign * float(mu_star[1]) if mu_star.size > 1 else 0.0
    y, weights = impl.mixture_grid(
        np.array([[sign * mu_star[0]]]), step=grid_step(point["mu_norm"]), half_width=HALF_WIDTH
    )
    return y[:, 0], weights, across


def ball_plane(point: Point) -> tuple[arb, arb, arb]:
    """|mu|, and mu* along mu and across it, in balls."""
    b, cosine = arb(point["mu_star_norm"]), arb(point["cos_theta"])
    return arb(point["mu_norm"]), b * cosine, b * ((1 - cosine) * (1 + cosine)).sqrt()
