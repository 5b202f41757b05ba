"""Error bars of means that are reported."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

__all__ = ["jackknife_reach", "mean_interval"]


def mean_interval(
    values: Sequence[float] | NDArray[np.float64], level: float = 0.95
) -> tuple[float, float]:
    """Student's interval of a mean, from independent observations of it."""
    observed = np.asarray(values, dtype=np.float64)
    mean, size = float(observed.mean()), observed.size
    quantile = -float(stdtrit(size - 1, (1 - level) / 2))
    reach = quantile * float(observed.std(ddof=1)) / math.sqrt(size)
    return mean - reach, mean + reach


def jackknife_reach(without: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Two standard errors of a figure, from what it is without each of the observations."""
    found = np.asarray(without, dtype=np.float64)
    return np.asarray(2 * math.sqrt(len(found) - 1) * found.std(axis=0))
