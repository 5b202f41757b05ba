"""Grids of the standard reverse process."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from lemmata.harness.claim import Point

__all__ = ["geometric_steps"]

#: Where the geometric grid turns linear; its last step.
_KNEE = 1e-2


def geometric_steps(point: Point) -> NDArray[np.float64]:
    """Times from the point's `t_end` to zero, `steps` steps that grow with t."""
    shares = np.linspace(1.0, 0.0, point["steps"] + 1)
    return np.asarray(_KNEE * np.expm1(math.log1p(point["t_end"] / _KNEE) * shares))
