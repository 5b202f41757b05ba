"""What bounds each kernel, and how far it is from that: ``python -m benchmarks.bounds``.

A kernel cannot take less time than the work that it cannot do without: reading its data once,
drawing its random numbers, its matrix products. That work alone is timed in turn with the kernel.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _page, _timing

__all__ = ["BOUNDS", "Bound", "main", "run"]

Call = Callable[[], Any]

# Seconds for a kernel and its bound.
_BUDGET = 2.0


@dataclass(frozen=True)
class Bound:
    """A kernel, the order of its cost, the work that bounds it, and both as calls."""

    kernel: str
    cost: str
    at: str
    what: str
    build: Callable[[bool], tuple[Call, Call]]

    @property
    def name(self) -> str:
        return self.kernel


def _gradient(n: int, d: int) -> Callable[[bool], tuple[Call, Call]]:
    def build(small: bool) -> tuple[Call, Call]:
        from lemmata.impl import score_matching_gradient

        rng = np.random.default_rng(0)
        x = rng.standard_normal((100 if small else n, d))
        mu, flat = rng.standard_normal(d) / math.sqrt(d), x.ravel()
        return lambda: score_matching_gradient(mu, x), lambda: flat @ flat

    return build


def _gradient_in_cache(small: bool) -> tuple[Call, Call]:
    from lemmata.impl import score_matching_gradient

    rng = np.random.default_rng(0)
    x, mu = rng.standard_normal((100 if small else 400_000, 64)), rng.standard_normal(64) / 8

    def work() -> None:
        for start in range(0, len(x), 2048):
            block = x[start : start + 2048]
            # Row by row, which here comes from memory faster than BLAS's product.
            np.tanh(np.vecdot(block, mu)) @ block

    return lambda: score_matching_gradient(mu, x), work


def _em(components: int, *, work: bool) -> Callable[[bool], tuple[Call, Call]]:
    def build(small: bool) -> tuple[Call, Call]:
        from lemmata.impl import spherical_em_step

        rng = np.random.default_rng(0)
        x = rng.standard_normal((100 if small else 400_000, 64))
        means, ones = rng.standard_normal((components, 64)) / 8, np.ones(components)
        flat = x.ravel()

        def in_cache() -> None:
            for start in range(0, len(x), 2048):
                block = x[start : start + 2048]
                np.vecdot(block, block)
                np.exp(means @ block.T) @ block

        bound = in_cache if work else lambda: flat @ flat
        return lambda: spherical_em_step(x, ones, means, ones), bound

    return build


def _empirical(small: bool) -> tuple[Call, Call]:
    from lemmata.impl import empirical_gradient

    rng, n = np.random.default_rng(0), 1000 if small else 200_000
    mu, star = rng.standard_normal((2, 64)) / 8
    return (
        lambda: empirical_gradient(mu, star, 0.5, n, rng=rng),
        lambda: [rng.standard_normal((1000, 64)) for _ in range(n // 500)],
    )


def _population(name: str) -> Callable[[bool], tuple[Call, Call]]:
    def build(small: bool) -> tuple[Call, Call]:
        from lemmata import theory

        kernel = getattr(theory, name)
        mu, star = np.random.default_rng(0).standard_normal((2, 100 if small else 10**6)) / 1e3
        return lambda: kernel(mu, star), lambda: mu + star

    return build


def _draws(small: bool) -> tuple[Call, Call]:
    from . import spiked

    rng, n = np.random.default_rng(0), 1000 if small else spiked._HUGE
    return lambda: spiked._reduced(n, rng), lambda: spiked._chi_squares(n, rng)


def _chain(small: bool) -> tuple[Call, Call]:
    from lemmata.impl import chain_products, reduced_overlaps

    rng, steps, size = np.random.default_rng(0), 5 if small else 100, 20
    return (
        lambda: chain_products(10**6, 10**6, [4.0, 2.0], np.full(steps, 0.5), size=size, rng=rng),
        lambda: reduced_overlaps(10**6, 10**6, [8.0, 4.0], size=size * steps, rng=rng),
    )


def _chain_samples(small: bool) -> tuple[Call, Call]:
    from lemmata.impl import chain_samples

    rng, p, steps = np.random.default_rng(0), 1000 if small else 300_000, 5
    return (
        lambda: chain_samples(p, p, [4.0, 2.0], np.full(steps, 0.5), size=4, rng=rng),
        lambda: [rng.standard_normal((2, p)) for _ in range(steps)] + [rng.standard_normal((4, p))],
    )


def _reverse(small: bool) -> tuple[Call, Call]:
    from scipy.linalg import lstsq

    from lemmata.impl import reverse_covariance

    rng, n, d, steps = np.random.default_rng(0), 100 if small else 500, 64, 5 if small else 50
    x, times = rng.standard_normal((n, d)), np.linspace(4.0, 0.05, steps + 1)
    inputs, targets = np.vstack([x[:d], np.eye(d)]), np.vstack([x[:d], np.zeros((d, d))])
    return (
        lambda: reverse_covariance(x, times, stochastic=True),
        lambda: [lstsq(inputs, targets, lapack_driver="gelsy") for _ in range(steps)],
    )


# Images that go through a network at a time: what they hold stays in the cache.
_IMAGES = 4


def _network_jacobians(kind: str, width: int, depth: int) -> Callable[[bool], tuple[Call, Call]]:
    def build(small: bool) -> tuple[Call, Call]:
        import torch
        from torch.nn import functional

        from lemmata.impl import Architecture, initial_network, network_jacobians

        rng, n, d = np.random.default_rng(0), 2 if small else 64, 64
        shape = Architecture(kind=kind, dimension=d, width=width, depth=depth)
        network, x = initial_network(shape, rng=rng), rng.standard_normal((n, d))
        images = min(n, _IMAGES)

        def numbers(*sizes: int) -> Any:
            return torch.from_numpy(rng.standard_normal(sizes, dtype=np.float32))

        # Each layer with what it is given on the way forward, one row an image, and on the way
        # back, one row an image and output.
        layers = []
        for name, value in network.parameters.items():
            if name.startswith("weight"):
                side = (8, 8) if kind == "conv" else ()
                ahead = numbers(images, value.shape[1], *side)
                back = numbers(images * d, value.shape[0], *side)
                layers.append((torch.from_numpy(value), ahead, back))

        def work() -> None:
            with torch.no_grad():
                for _ in range(n // images):
                    for weight, ahead, back in layers:
                        if kind == "conv":
                            functional.conv2d(ahead, weight, padding=1)
                            functional.conv_transpose2d(back, weight, padding=1)
                        else:
                            torch.mm(ahead, weight.T)
                            torch.mm(back, weight)

        return lambda: network_jacobians(network, x, 0.5), work

    return build


def _posterior(name: str) -> Callable[[bool], tuple[Call, Call]]:
    def build(small: bool) -> tuple[Call, Call]:
        from lemmata import impl

        rng, n, components, d = np.random.default_rng(0), 2 if small else 64, 1000, 64
        centres = rng.standard_normal((components, d)) / math.sqrt(d)
        x = rng.standard_normal((n, d)) / math.sqrt(d)
        kernel = getattr(impl, name)
        logs = -rng.exponential(1.0, size=(n, components))

        def products() -> None:
            for _ in range(n):
                centres.T @ centres

        def mean() -> None:
            x @ centres.T
            np.exp(logs) @ centres

        bound = mean if name == "posterior_mean" else products
        return lambda: kernel(x, centres, 1.0), bound

    return build


BOUNDS = [
    Bound(
        "score_matching_gradient",
        "O(n d)",
        "n = 4e5, d = 64",
        "one read of X: bytes moved",
        _gradient(400_000, 64),
    ),
    Bound(
        "score_matching_gradient",
        "O(n d)",
        "n = 1e5, d = 256",
        "one read of X: bytes moved",
        _gradient(100_000, 256),
    ),
    Bound(
        "score_matching_gradient",
        "O(n d)",
        "n = 4e5, d = 64",
        "that read, two products in the cache, n tanh: bytes moved, arithmetic",
        _gradient_in_cache,
    ),
    Bound(
        "spherical_em_step",
        "O(n K d)",
        "n = 4e5, d = 64, K = 2",
        "one read of X: bytes moved",
        _em(2, work=False),
    ),
    Bound(
        "spherical_em_step",
        "O(n K d)",
        "n = 4e5, d = 64, K = 2",
        "that read, two products in the cache, n K exponentials: BLAS, arithmetic",
        _em(2, work=True),
    ),
    Bound(
        "spherical_em_step",
        "O(n K d)",
        "n = 4e5, d = 64, K = 16",
        "that read, two products in the cache, n K exponentials: BLAS, arithmetic",
        _em(16, work=True),
    ),
    Bound(
        "empirical_gradient",
        "O(n d)",
        "n = 2e5, d = 64",
        "2 n d normals: random numbers",
        _empirical,
    ),
    *(
        Bound(name, "O(d)", "d = 1e6", "one sum of two vectors: bytes moved", _population(name))
        for name in ("ddpm_descent", "em_map", "em_residual")
    ),
    Bound(
        "reduced_draws",
        "O(log(1/tol)) a draw",
        "n = p = 1e9, spike 2, 2e4 draws",
        "two chi-squares a row: random numbers",
        _draws,
    ),
    Bound(
        "chain_products",
        "O(T r^3) a chain, and the overlaps",
        "n = p = 1e6, T = 100, r = 2",
        "the T draws of overlaps: random numbers",
        _chain,
    ),
    Bound(
        "chain_samples",
        "O(T p r (r + size))",
        "n = p = 3e5, T = 5, r = 2, 4 vectors",
        "p r normals a step: random numbers",
        _chain_samples,
    ),
    Bound(
        "reverse_covariance",
        "O(n d^2 + N d^3)",
        "n = 500, d = 64, N = 50",
        "N least squares of 2 d rows: LAPACK",
        _reverse,
    ),
    Bound(
        "network_jacobians",
        "O(n d) passes",
        "perceptron of 3 layers of 256, n = 64, d = 64",
        "the products of n passes forward and n d back: BLAS",
        _network_jacobians("mlp", 256, 3),
    ),
    Bound(
        "network_jacobians",
        "O(n d) passes",
        "4 convolutions to 16 channels, n = 64, d = 64",
        "the convolutions of n passes forward and n d back: oneDNN",
        _network_jacobians("conv", 16, 4),
    ),
    Bound(
        "posterior_jacobian",
        "O(n K d^2)",
        "n = 64, K = 1000, d = 64",
        "a point's K outer products as one product: BLAS",
        _posterior("posterior_jacobian"),
    ),
    Bound(
        "posterior_mean",
        "O(n K d)",
        "n = 64, K = 1000, d = 64",
        "two products and n K exponentials: BLAS, arithmetic",
        _posterior("posterior_mean"),
    ),
]


def run(names: Sequence[str] = (), *, small: bool = False) -> dict[str, Any]:
    """Time every kernel in turn with what bounds it."""
    results = []
    with _timing.single_thread():
        for bound in _page.chosen(BOUNDS, names):
            times = _timing.in_turn(bound.build(small), budget=0.02 if small else _BUDGET)
            results.append(
                {
                    "kernel": bound.kernel,
                    "cost": bound.cost,
                    "at": bound.at,
                    "bound": bound.what,
                    "seconds": _timing.quartiles(times[:, 0])[1],
                    "bound_seconds": _timing.quartiles(times[:, 1])[1],
                    "ratio": _timing.quartiles(times[:, 0] / times[:, 1]),
                }
            )
            sys.stderr.write(f"{bound.kernel}, {bound.at}\n")
    return {"schema": 1, "machine": _timing.machine(), "bounds": results}


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    rows = [
        [
            f"`{row['kernel']}`",
            row["cost"],
            row["at"],
            row["bound"],
            _page.seconds(row["seconds"]),
            f"{row['ratio'][1]:.2f}",
            f"{row['ratio'][0]:.2f} to {row['ratio'][2]:.2f}",
        ]
        for row in result["bounds"]
    ]
    head = ["kernel", "cost", "at", "bound by", "time", "over its bound", "quartiles"]
    return f"{_page.conditions(result)}\n\n{_page.table(head, rows)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    return _page.report("bounds", __doc__, run, markdown, arguments)


if __name__ == "__main__":
    sys.exit(main())
