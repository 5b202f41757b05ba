"""Suites for asv: the kernels whose speed, memory or accuracy is part of what they promise.

Each suite imports what it measures in ``setup``, and says "not implemented" on a commit that lacks
it, so that the whole history can be run.
"""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
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


def _need_torch() -> None:
    """Tell asv where there is no torch: the kernels import it when they are called."""
    try:
        import_module("torch")
    except ImportError as error:
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


class GradientAccuracy:
    """Relative error of the gradient, against sums that round once."""

    params = [100, 10_000]
    param_names = ["n"]
    unit = "relative"
    dimension = 8

    def setup(self, n: int) -> None:
        self.kernel = _kernel("impl", "score_matching_gradient")
        rng = np.random.default_rng(0)
        self.x = rng.standard_normal((n, self.dimension))
        self.mu = rng.standard_normal(self.dimension) / math.sqrt(self.dimension)

    def track_error(self, n: int) -> float:
        mu, square = self.mu.tolist(), math.fsum(self.mu**2)
        weights, slopes = [], []
        for row in self.x.tolist():
            s = math.fsum(a * b for a, b in zip(mu, row, strict=True))
            t = math.tanh(s)
            q = (1 - t) * (1 + t)
            weights.append(t + q * (s + square * t))
            slopes.append(q)
        weighted = [
            math.fsum(w * a for w, a in zip(weights, column, strict=True))
            for column in self.x.T.tolist()
        ]
        exact = 2 * ((1 + math.fsum(slopes) / n) * self.mu - np.array(weighted) / n)
        return math.dist(self.kernel(self.mu, self.x), exact) / math.hypot(*exact)


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
    """Relative error in one dimension, against 45 digits."""

    # Over x ~ N(b, 1), with s = a x:
    #   em_map         E tanh(s) x
    #   ddpm_descent   E (tanh s - tanh''(s) a^2 / 2 + tanh'(s) s) x - a - a E tanh'(s)
    #   em_residual    E (tanh'(s) s - tanh''(s) a^2 / 2) x - a E tanh'(s)
    # by mpmath.quad of the integrand times the density at 70 digits, cut at the multiples of 1/20
    # in [-2, 2] and at b - 20, ..., b + 20; at 90 digits all that is printed here is the same. a
    # and b are the floats nearest to what is written, exactly.
    exact = {
        "em_map": {
            "1e-6, 1": "1.99999999999666657616290045222503621173497605e-6",
            "1, 2": "1.91802667330001500680671038434473813134185031",
            "0.5, 3": "2.70370058013111171387028887659925340772919507",
            "30, 0.01": "0.797560247890837197955659029719568955262054728",
        },
        "ddpm_descent": {
            "1e-6, 1": "1.99999999999066657616293111970623669175097362e-6",
            "1, 2": "1.10657696831623919558331198373726043553978889",
            "0.5, 3": "2.89937678176295472237843739809324109455806804",
            "30, 0.01": "-29.6008161062732506209610310090712692499347604",
        },
        "em_residual": {
            "1e-6, 1": "9.99999999993999954748142493367459165629936298e-7",
            "1, 2": "0.188550295016224188776601599392522304197938583",
            "0.5, 3": "0.695676201631843008508148521493987686828872974",
            "30, 0.01": "-0.398376354164087818916690038790838205196815125",
        },
    }
    params = [list(exact), ["1e-6, 1", "1, 2", "0.5, 3", "30, 0.01"]]
    param_names = ["kernel", "a, b"]
    unit = "relative"

    def setup(self, kernel: str, point: str) -> None:
        self.kernel = _kernel("theory", kernel)

    def track_error(self, kernel: str, point: str) -> float:
        a, b = (float(part) for part in point.split(", "))
        # Without a rounding, which would be as large as the error.
        found = Fraction(float(self.kernel([a], [b])[0]))
        return float(abs(found / Fraction(self.exact[kernel][point]) - 1))


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


class NetworkJacobians:
    """Bound by the products of n passes forward and n d back, in bounded memory."""

    params = [["mlp", "conv"], [1, 64]]
    param_names = ["network", "n"]
    # Width and depth of the networks that the claims train.
    sizes = {"mlp": (256, 3), "conv": (16, 4)}

    def setup(self, kind: str, n: int) -> None:
        self.kernel = _kernel("impl", "network_jacobians")
        _need_torch()
        width, depth = self.sizes[kind]
        shape = _kernel("impl", "Architecture")(kind=kind, dimension=64, width=width, depth=depth)
        self.network = _kernel("impl", "initial_network")(shape, rng=0)
        self.x = np.random.default_rng(0).standard_normal((n, 64))
        # torch imports most of itself at its first Jacobian, which `--quick` would count.
        self.kernel(self.network, self.x[:1], 0.5)

    def time_jacobians(self, kind: str, n: int) -> None:
        self.kernel(self.network, self.x, 0.5)

    def peakmem_jacobians(self, kind: str, n: int) -> None:
        self.kernel(self.network, self.x, 0.5)


class PosteriorJacobian:
    """K outer products a point, as one product of matrices."""

    params = [[10, 1_000], [8, 64]]
    param_names = ["K", "d"]
    points = 64

    def setup(self, components: int, d: int) -> None:
        self.kernel = _kernel("impl", "posterior_jacobian")
        self.mean = _kernel("impl", "posterior_mean")
        rng = np.random.default_rng(0)
        self.centres = rng.standard_normal((components, d)) / math.sqrt(d)
        self.x = rng.standard_normal((self.points, d)) / math.sqrt(d)

    def time_jacobian(self, components: int, d: int) -> None:
        self.kernel(self.x, self.centres, 1.0)

    def time_mean(self, components: int, d: int) -> None:
        self.mean(self.x, self.centres, 1.0)

    def peakmem_jacobian(self, components: int, d: int) -> None:
        self.kernel(self.x, self.centres, 1.0)


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
