r"""Non-asymptotic intervals for bounded means and for laws, valid at every checkpoint.

Each test looks at its data at sample sizes :math:`n_k = n_0 2^k`, and spends
:math:`\alpha / ((k+1)(k+2))` of its error probability at the k-th look. These sum to
:math:`\alpha`, so that all intervals hold together with probability :math:`1 - \alpha`, and a test
may stop at any look for any reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BoundedMean", "clipping_bound", "dkw_radius", "empirical_bernstein_radius", "spend"]


def spend(alpha: float, look: int) -> float:
    """Error probability for the look number `look` = 0, 1, ...; sums to `alpha`."""
    return alpha / ((look + 1) * (look + 2))


def empirical_bernstein_radius(variance: float, n: int, width: float, alpha: float) -> float:
    """Half-width of a two-sided interval for a bounded mean.

    Parameters
    ----------
    variance : float
        Unbiased sample variance.
    n : int
        Sample size, at least 2.
    width : float
        Length of the interval that holds the observations.
    alpha : float
        Error probability.

    Notes
    -----
    Maurer & Pontil 2009, Theorem 4, for each side at half the error probability.
    """
    log_term = math.log(4 / alpha)
    return math.sqrt(2 * variance * log_term / n) + 7 * width * log_term / (3 * (n - 1))


def dkw_radius(n: int, alpha: float) -> float:
    """Uniform radius of the band around an empirical distribution function.

    Notes
    -----
    Dvoretzky, Kiefer & Wolfowitz 1956 with Massart's 1990 constant; holds for every law, atoms
    included.
    """
    return math.sqrt(math.log(2 / alpha) / (2 * n))


def clipping_bound(order: float, norm: float, bias: float) -> float:
    r"""Bound B such that clipping a variable to [-B, B] moves its mean by at most `bias`.

    Parameters
    ----------
    order : float
        :math:`p > 1`.
    norm : float
        An upper bound of :math:`(E|Y|^p)^{1/p}`.
    bias : float
        What the clipping may cost.

    Notes
    -----
    :math:`E(|Y| - B)_+ \le E|Y|^p / B^{p-1}`.
    """
    return float(norm * (norm / bias) ** (1 / (order - 1)))


@dataclass
class BoundedMean:
    """Running mean and variance of bounded observations.

    Parameters
    ----------
    low, high : float
        Bounds; observations beyond them are clipped.
    """

    low: float
    high: float
    n: int = 0
    mean: float = 0.0
    _squares: float = field(default=0.0, repr=False)

    def add(self, values: NDArray[np.floating]) -> None:
        """Take in a block of observations.

        Raises
        ------
        ValueError
            If one is not a number: clipping must not hide it.
        """
        if not np.isfinite(values).all():
            raise ValueError("values: an observation is not finite")
        block = np.clip(np.asarray(values, dtype=np.float64), self.low, self.high)
        size, mean = block.size, float(block.mean())
        total = self.n + size
        shift = mean - self.mean
        # Chan, Golub & LeVeque 1983: merge two blocks without cancellation.
        self._squares += float(((block - mean) ** 2).sum()) + shift**2 * self.n * size / total
        self.mean += shift * size / total
        self.n = total

    @property
    def variance(self) -> float:
        """Unbiased sample variance."""
        return self._squares / (self.n - 1)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Two-sided interval of the mean at error probability `alpha`."""
        radius = empirical_bernstein_radius(self.variance, self.n, self.high - self.low, alpha)
        return self.mean - radius, self.mean + radius
