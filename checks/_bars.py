"""Error bars of means that are reported."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

__all__ = ["mean_interval"]


def mean_interval(
    values: Sequence[float] | NDArray[np.float64], level: float = 0.95
) -> tuple[float, float]:
    """Student's interval of a mean, from independent observations of it."""
    observed = np.asarray(values, dtype=np.float64)
    mean, size = float(observed.mean()), observed.size
    quantile = -float(stdtrit(size - 1, (1 - level) / 2))
    reach = quantile * float(observed.std(ddof=1)) / math.sqrt(size)
    return mean - reach, mean + reach
