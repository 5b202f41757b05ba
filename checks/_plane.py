"""The plane of mu and mu*: every population quantity here lives in it, whatever the dimension.

A point names the norms a = |mu|, b = |mu*|, the cosine c of their angle, and the dimension d.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata.harness.claim import Point
from lemmata.harness.domain import cosines, log_uniform, sizes

__all__ = ["LARGEST_DIMENSION", "NORMS", "ball_vectors", "in_basis", "plane_points", "vectors"]

#: The regime of the text is small norms; the domain goes far beyond it on both sides.
NORMS = (1e-8, 1e2)
LARGEST_DIMENSION = 10_000
_DIMENSIONS = sizes(1, LARGEST_DIMENSION)
_LENGTHS = log_uniform(*NORMS)


@st.composite
def plane_points(draw: st.DrawFn, /, *, smallest_cosine: bool = False) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta}.

    With `smallest_cosine`, abs(cos_theta) is at least 1/(2 d).
    """
    d = draw(_DIMENSIONS)
    smallest = 1.0 if d == 1 else 1 / (2 * d) if smallest_cosine else 0.0
    return {
        "d": d,
        "mu_norm": draw(_LENGTHS),
        "mu_star_norm": draw(_LENGTHS),
        "cos_theta": draw(cosines(smallest)),
    }


def vectors(point: Point) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """mu and mu* in R^d: mu* along the first axis, mu in the plane of the first two."""
    mu, mu_star = np.zeros(point["d"]), np.zeros(point["d"])
    mu_star[0] = point["mu_star_norm"]
    mu[0] = point["mu_norm"] * point["cos_theta"]
    if point["d"] > 1:
        mu[1] = point["mu_norm"] * _sine(point["cos_theta"])
    return mu, mu_star


def _sine(cosine: float) -> float:
    return float(np.sqrt((1 - cosine) * (1 + cosine)))


def ball_vectors(point: Point) -> tuple[arb, arb, arb, arb]:
    """Balls a, b, cos and sin of the angle."""
    cosine = arb(point["cos_theta"])
    sine = ((1 - cosine) * (1 + cosine)).sqrt()
    return arb(point["mu_norm"]), arb(point["mu_star_norm"]), cosine, sine


def in_basis(point: Point, along_star: arb, along_mu: arb) -> tuple[arb, arb]:
    """Coordinates of `along_star mu* + along_mu mu` on the unit vectors along mu* and across it."""
    a, b, cosine, sine = ball_vectors(point)
    return along_star * b + along_mu * a * cosine, along_mu * a * sine
