"""How long a leading block must be: what the two reductions, of one spike and of many, share."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["GROWTH", "LOWEST_TOL", "noise_edge", "soft_rows"]

#: A block that turns out too short grows by this factor.
GROWTH: Final = 1.5

#: The least residual that may be asked for.
LOWEST_TOL: Final = 1e-14

# Length of the first block at and below the transition, in units of the decay length at the
# edge: Airy's exp(-(2/3) x^1.5) is 1e-12 at x = 12, and the fluctuations shift it by a few.
_SOFT_LENGTHS = 18.0

# How far, in units of the edge's fluctuations, the eigenvalues of the block must lie above the
# edge of what is left out: the largest eigenvalue there exceeds its edge by s of these with a
# probability of about exp(-(2/3) s^1.5), 1e-12 at s = 12.
_EDGE_MARGIN = 12.0


def noise_edge(n: int, p: int, order: int, rank: int) -> float:
    """Return what the largest eigenvalue of the part left out will not exceed, unit noise.

    After `order` rows and columns an (n - order + rank) x (p - order) Gaussian matrix is left.
    """
    if order >= min(n + rank, p):
        return 0.0
    root_n, root_p = math.sqrt(n - order + rank), math.sqrt(p - order)
    edge = (root_n + root_p) ** 2
    # Johnstone 2001, Ann. Statist. 29(2), Theorem 1.1: the scale of the Tracy-Widom law.
    width = (root_n + root_p) * math.cbrt(1.0 / root_n + 1.0 / root_p)
    return (edge + _EDGE_MARGIN * width) / n


def soft_rows(n: int, p: int) -> float:
    """Return the rows that a vector at the edge needs.

    Below the edge by x (root_n + root_p)^2 / (n root_n root_p) at row x, with hopping
    root_n root_p / n: the length at which both balance, as in Airy's equation.
    """
    root_n, root_p = math.sqrt(n), math.sqrt(p)
    return _SOFT_LENGTHS * math.cbrt(root_n * root_p / (root_n + root_p)) ** 2
