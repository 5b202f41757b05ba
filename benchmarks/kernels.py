"""Suites for asv: the kernels whose speed, memory or accuracy is part of what they promise.

Each suite imports what it measures in ``setup``, and says "not implemented" on a commit that lacks
it, so that the whole history can be run.
"""

from __future__ import annotations

import math
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np

from . import growth


def _kernel(room: str, name: str) -> Any:
    """Return a kernel, or tell asv that this commit has none."""
    try:
        return getattr(import_module(f"lemmata.{room}"), name)
    except (ImportError, AttributeError) as error:
        raise NotImplementedError from error


class ScoreMatchingGradient:
    """One read of the samples."""

    params = [[10_000, 400_000], [8, 64]]
    param_names = ["n", "d"]

    def setup(self, n: int, d: int) -> None:
        self.kernel = _kernel("impl", "score_matching_gradient")
        rng = np.random.default_rng(0)
        self.x, self.mu = rng.standard_normal((n, d)), rng.standard_normal(d) / math.sqrt(d)

    def time_gradient(self, n: int, d: int) -> None:
        self.kernel(self.mu, self.x)

    def peakmem_gradient(self, n: int, d: int) -> None:
        self.kernel(self.mu, self.x)


class EMStep:
    """One read of the samples, two products and n K exponentials."""

    params = [[100_000], [8, 64], [2, 16]]
    param_names = ["n", "d", "K"]

    def setup(self, n: int, d: int, components: int) -> None:
        self.kernel = _kernel("impl", "spherical_em_step")
        rng = np.random.default_rng(0)
        self.means = rng.standard_normal((components, d)) * 2 / math.sqrt(d)
        self.x = rng.standard_normal((n, d))
        self.ones = np.ones(components)

    def time_step(self, n: int, d: int, components: int) -> None:
        self.kernel(self.x, self.ones, self.means, self.ones)

    def peakmem_step(self, n: int, d: int, components: int) -> None:
        self.kernel(self.x, self.ones, self.means, self.ones)


class Population:
    """Population gradients and maps cost O(d) and one fixed quadrature."""

    params = [["ddpm_descent", "em_map", "em_residual"], [1, 1_000, 100_000]]
    param_names = ["kernel", "d"]

    def setup(self, kernel: str, d: int) -> None:
        self.kernel = _kernel("theory", kernel)
        # Norms of order one at any dimension: the regime where no term can be dropped.
        rng = np.random.default_rng(0)
        self.mu, self.mu_star = rng.standard_normal((2, d)) / np.sqrt(d)

    def time_kernel(self, kernel: str, d: int) -> None:
        self.kernel(self.mu, self.mu_star)


class PopulationAccuracy:
    """Relative error of the EM map in one dimension, against 50 digits."""

    # E tanh(a x) x over x ~ N(b, 1) at (a, b), by mpmath.
    exact = {
        "1e-6, 1": 1.9999999999966665762e-06,
        "1, 1": 1.0,
        "0.5, 3": 2.7037005801311117139,
        "30, 0.01": 0.79756024789083719796,
    }
    params = list(exact)
    param_names = ["a, b"]
    unit = "relative"

    def setup(self, point: str) -> None:
        self.kernel = _kernel("theory", "em_map")

    def track_error(self, point: str) -> float:
        a, b = (float(part) for part in point.split(", "))
        return abs(float(self.kernel([a], [b])[0]) / self.exact[point] - 1.0)


class EmpiricalGradient:
    """Streamed: the memory does not grow with the number of samples."""

    params = [[1_000, 100_000], [4, 64]]
    param_names = ["n", "d"]

    def setup(self, n: int, d: int) -> None:
        self.kernel = _kernel("impl", "empirical_gradient")
        self.mu, self.mu_star = np.random.default_rng(0).standard_normal((2, d)) / math.sqrt(d)

    def time_gradient(self, n: int, d: int) -> None:
        self.kernel(self.mu, self.mu_star, 0.5, n, rng=0)

    def peakmem_gradient(self, n: int, d: int) -> None:
        self.kernel(self.mu, self.mu_star, 0.5, n, rng=0)


class ReducedDraws:
    """The exact law of the top eigenpair costs the same at any size above the transition."""

    params = [[1_000, 1_000_000_000], [2.0, 1.0]]
    param_names = ["n = p", "spike"]
    # At the transition the block has about p^(1/3) rows.
    timeout = 120
    draws = 100

    def setup(self, size: int, spike: float) -> None:
        self.kernel = _kernel("impl", "reduced_draws")

    def time_draws(self, size: int, spike: float) -> Any:
        return self.kernel(size, size, spike, size=self.draws, rng=0)


class Chain:
    """Chains act on r x r blocks, whatever n and p are."""

    params = [[1_000, 1_000_000], [1, 100]]
    param_names = ["n = p", "T"]

    def setup(self, size: int, steps: int) -> None:
        self.kernel = _kernel("impl", "chain_products")
        self.noise = np.full(steps, 0.5)

    def time_products(self, size: int, steps: int) -> None:
        self.kernel(size, size, [4.0, 2.0], self.noise, size=10, rng=0)


class Reverse:
    """One least squares a step."""

    params = [[16, 64], [10, 50]]
    param_names = ["d", "N"]

    def setup(self, d: int, steps: int) -> None:
        self.kernel = _kernel("impl", "reverse_covariance")
        self.x = np.random.default_rng(0).standard_normal((200, d))
        self.times = np.linspace(4.0, 0.05, steps + 1)

    def time_covariance(self, d: int, steps: int) -> None:
        self.kernel(self.x, self.times, stochastic=True)


class Growth:
    """Exponents of time over two decades, one below those of `benchmarks.growth`: faster."""

    params = [f"{g.kernel}, {g.against}, {g.rest}" for g in growth.GROWTHS]
    param_names = ["kernel, against, at"]
    unit = "exponent"
    timeout = 300

    def setup(self, name: str) -> None:
        self.growth = growth.GROWTHS[self.params.index(name)]
        try:
            self.growth.build(self.growth.sizes()[0])
        except (ImportError, AttributeError, TypeError) as error:
            raise NotImplementedError from error

    def track_exponent(self, name: str) -> float:
        lower = replace(self.growth, high=self.growth.high - 1)
        found = growth.measure(lower, decades=2.0, memory=False)
        return float(found["time_exponent"][0])
