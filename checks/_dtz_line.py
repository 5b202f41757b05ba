"""EM for two Gaussians on the line: points of it, and its step and slope in closed form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from lemmata import theory
from lemmata.harness.claim import Point
from lemmata.harness.domain import log_uniform

__all__ = [
    "GRID_LENGTHS",
    "LENGTHS",
    "Step",
    "apart",
    "closed_step",
    "multipliers",
    "pairs",
    "scaled",
    "slope",
]

Step = Callable[[float, float, float], float]

LENGTHS = log_uniform(1e-8, 1e2)
GRID_LENGTHS = log_uniform(1e-8, 8.0)
_DEVIATIONS = log_uniform(1e-8, 1e8)
_NEAR = log_uniform(1e-12, 0.5)
_PLACES = st.sampled_from(["anywhere", "above", "below", "anywhere"])
_SIGNS = st.sampled_from([1.0, -1.0])
_MULTIPLIER_PLACES = st.sampled_from(["at mu", "at 0", "at mu", "anywhere"])


def apart(draw: Any, mu: float, lengths: Any) -> float:
    """A number in (0, inf) other than mu: anywhere, or close to it on either side."""
    lam = {
        "anywhere": draw(lengths),
        "above": mu * (1 + draw(_NEAR)),
        "below": mu * (1 - draw(_NEAR)),
    }[draw(_PLACES)]
    return float(lam if lam != mu else np.nextafter(mu, 0.0))


@st.composite
def pairs(draw: st.DrawFn, lengths: Any) -> dict[str, Any]:
    """Mean and estimate on the line, in units of the deviation.

    The estimate has either sign, and is neither the mean nor minus it.
    """
    mu = draw(lengths)
    lam = draw(_SIGNS) * apart(draw, mu, lengths)
    return {"mu": mu, "lam": lam, "deviation": draw(_DEVIATIONS)}


@st.composite
def multipliers(draw: st.DrawFn, lengths: Any, *, fixed: bool = False) -> dict[str, Any]:
    """Where the derivative of the map is taken: at +-mu and, unless `fixed`, at 0 or anywhere."""
    mu = draw(lengths)
    place = "at mu" if fixed else draw(_MULTIPLIER_PLACES)
    lam = {"at mu": mu, "at 0": 0.0, "anywhere": draw(lengths)}[place]
    # The map is odd in lam, and the fixed point -mu is the mirror image of mu.
    return {"mu": mu, "lam": draw(_SIGNS) * lam + 0.0, "deviation": draw(_DEVIATIONS)}


def closed_step(lam: float, mu: float, deviation: float = 1.0) -> float:
    """One step of EM on the line, by (2.1) in closed form; its arguments have the deviation."""
    return float(theory.em_map(np.array([lam]), np.array([mu]), [[deviation**2]])[0])


def slope(point: Point) -> float:
    """The slope of the map, in closed form."""
    lam, mu, deviation = scaled(point)
    return float(theory.em_slope(lam, mu, deviation**2))


def scaled(point: Point) -> tuple[float, float, float]:
    """Estimate, mean and deviation."""
    deviation = float(point["deviation"])
    return deviation * point["lam"], deviation * point["mu"], deviation
