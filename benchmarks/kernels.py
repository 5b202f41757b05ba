"""The kernels whose speed is part of what they promise.

Each suite imports what it times in ``setup``, and says "not implemented" on a commit that lacks
it, so that the whole history can be run.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Theory:
    """The population gradient costs O(d) and one fixed quadrature."""

    params = [1, 1_000, 100_000]
    param_names = ["d"]

    def setup(self, d: int) -> None:
        try:
            from lemmata.theory import ddpm_descent
        except ImportError as error:
            raise NotImplementedError from error
        self.ddpm_descent = ddpm_descent
        # Norms of order one at any dimension: the regime where no term can be dropped.
        rng = np.random.default_rng(0)
        self.mu, self.mu_star = rng.standard_normal((2, d)) / np.sqrt(d)

    def time_ddpm_descent(self, d: int) -> None:
        self.ddpm_descent(self.mu, self.mu_star)


class Impl:
    """The exact law of the top eigenpair costs the same at any size above the transition."""

    params = [[1_000, 1_000_000_000], [2.0, 1.0]]
    param_names = ["n = p", "spike"]
    # At the transition the block has about p^(1/3) rows.
    timeout = 120
    draws = 100

    def setup(self, size: int, spike: float) -> None:
        try:
            from lemmata.impl import reduced_draws
        except ImportError as error:
            raise NotImplementedError from error
        self.reduced_draws = reduced_draws

    def time_reduced_draws(self, size: int, spike: float) -> Any:
        return self.reduced_draws(size, size, spike, size=self.draws, rng=0)
