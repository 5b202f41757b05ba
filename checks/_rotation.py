"""A rotated space, so that no vector lies along an axis."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lemmata.harness.claim import Point

__all__ = ["reflection"]

Vector = NDArray[np.float64]


def reflection(point: Point) -> Callable[[Vector], Vector]:
    """A reflection of R^d in a random direction, by the point's d and seed."""
    direction = np.random.default_rng(point["seed"]).standard_normal(point["d"])
    direction = direction / float(np.linalg.norm(direction))
    return lambda x: np.asarray(x - 2 * (x @ direction)[..., None] * direction)
