"""How cost grows: ``python -m benchmarks.growth [NAME ...] [--json FILE] [--write FILE]``.

Time and peak memory of the kernels against one size at a time, over four decades or more. The
exponents are slopes of least squares in logarithms over the upper two decades, where the cost of
a call itself has been left behind, with their standard errors.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import _page, _timing

__all__ = ["GROWTHS", "Growth", "exponent", "main", "measure", "run"]

Call = Callable[[], Any]

# Points to a decade, and decades from the upper end that an exponent is fitted to.
_POINTS = 3
_FITTED = 2.0


@dataclass(frozen=True)
class Growth:
    """A kernel's cost against one size, from 10^low to 10^high."""

    kernel: str
    against: str
    rest: str
    build: Callable[[int], Call]
    low: float
    high: float
    #: The exponent of time that the docstring promises; None where it promises none.
    expected: float | None

    @property
    def name(self) -> str:
        return self.kernel

    def sizes(self, *, decades: float | None = None) -> list[int]:
        """Sizes at equal ratios, of all decades or of the upper ones."""
        low = self.low if decades is None else max(self.low, self.high - decades)
        points = np.logspace(low, self.high, round((self.high - low) * _POINTS) + 1)
        return sorted({round(point) for point in points})


def _kernel(room: str, name: str) -> Any:
    """Return a kernel, imported when it is asked for."""
    from importlib import import_module

    return getattr(import_module(f"lemmata.{room}"), name)


def _gradient(n: int, d: int) -> Call:
    kernel, rng = _kernel("impl", "score_matching_gradient"), np.random.default_rng(0)
    x, mu = rng.standard_normal((n, d)), rng.standard_normal(d) / math.sqrt(d)
    return lambda: kernel(mu, x)


def _em(n: int, d: int, components: int) -> Call:
    kernel, rng = _kernel("impl", "spherical_em_step"), np.random.default_rng(0)
    x = rng.standard_normal((n, d))
    means = rng.standard_normal((components, d)) / math.sqrt(d)
    ones = np.ones(components)
    return lambda: kernel(x, ones, means, ones)


def _empirical(n: int, d: int) -> Call:
    kernel, rng = _kernel("impl", "empirical_gradient"), np.random.default_rng(0)
    mu, star = rng.standard_normal((2, d)) / math.sqrt(d)
    return lambda: kernel(mu, star, 0.5, n, rng=rng)


def _population(name: str) -> Callable[[int], Call]:
    def build(d: int) -> Call:
        kernel, rng = _kernel("theory", name), np.random.default_rng(0)
        mu, star = rng.standard_normal((2, d)) / math.sqrt(d)
        return lambda: kernel(mu, star)

    return build


def _draws(n: int, spike: float, size: int) -> Call:
    kernel, rng = _kernel("impl", "reduced_draws"), np.random.default_rng(0)
    return lambda: kernel(n, n, spike, size=size, rng=rng)


def _chain(name: str, n: int, steps: int, size: int) -> Call:
    kernel, rng = _kernel("impl", name), np.random.default_rng(0)
    noise = np.full(steps, 0.5)
    return lambda: kernel(n, n, [4.0, 2.0], noise, size=size, rng=rng)


def _reverse(n: int, d: int, steps: int) -> Call:
    kernel, rng = _kernel("impl", "reverse_covariance"), np.random.default_rng(0)
    x, times = rng.standard_normal((n, d)), np.linspace(4.0, 0.05, steps + 1)
    return lambda: kernel(x, times, stochastic=True)


def _network(n: int) -> Call:
    from importlib import import_module

    kernel, rng = _kernel("impl", "network_jacobians"), np.random.default_rng(0)
    # Which the kernel asks for only when it is called: an environment without it says so here.
    import_module("torch")
    shape = _kernel("impl", "Architecture")(kind="mlp", dimension=4, width=16, depth=2)
    network, x = _kernel("impl", "initial_network")(shape, rng=rng), rng.standard_normal((n, 4))
    return lambda: kernel(network, x, 0.5)


def _posterior(n: int, components: int, d: int) -> Call:
    kernel, rng = _kernel("impl", "posterior_jacobian"), np.random.default_rng(0)
    # Short enough that no responsibility underflows.
    centres = rng.standard_normal((components, d)) / math.sqrt(d)
    x = rng.standard_normal((n, d)) / math.sqrt(d)
    return lambda: kernel(x, centres, 1.0)


GROWTHS = [
    Growth("score_matching_gradient", "n", "d = 16", lambda n: _gradient(n, 16), 2, 6, 1.0),
    Growth("score_matching_gradient", "d", "n = 100", lambda d: _gradient(100, d), 1, 5, 1.0),
    Growth("spherical_em_step", "n", "d = 16, K = 4", lambda n: _em(n, 16, 4), 2, 6, 1.0),
    Growth("spherical_em_step", "d", "n = 100, K = 4", lambda d: _em(100, d, 4), 1, 5, 1.0),
    Growth("spherical_em_step", "K", "n = 100, d = 16", lambda k: _em(100, 16, k), 0, 4.5, 1.0),
    Growth("empirical_gradient", "n", "d = 16", lambda n: _empirical(n, 16), 1, 5.5, 1.0),
    Growth("empirical_gradient", "d", "n = 10", lambda d: _empirical(10, d), 1, 5.5, 1.0),
    Growth("ddpm_descent", "d", "", _population("ddpm_descent"), 2, 7, 1.0),
    Growth("em_map", "d", "", _population("em_map"), 2, 7, 1.0),
    Growth("em_residual", "d", "", _population("em_residual"), 2, 7, 1.0),
    Growth(
        "reduced_draws", "n = p", "spike 2, 100 draws", lambda n: _draws(n, 2.0, 100), 3, 12, 0.0
    ),
    Growth(
        "reduced_draws", "n = p", "spike 1, 10 draws", lambda n: _draws(n, 1.0, 10), 4, 9, 1 / 3
    ),
    Growth(
        "reduced_draws",
        "draws",
        "n = p = 10^6, spike 2",
        lambda k: _draws(10**6, 2.0, k),
        0,
        4.5,
        1.0,
    ),
    Growth(
        "chain_products",
        "T",
        "n = p = 10^6, r = 2, 10 draws",
        lambda t: _chain("chain_products", 10**6, t, 10),
        0,
        4,
        1.0,
    ),
    Growth(
        "chain_products",
        "n = p",
        "T = 10, r = 2, 10 draws",
        lambda n: _chain("chain_products", n, 10, 10),
        3,
        12,
        0.0,
    ),
    Growth(
        "chain_samples",
        "p",
        "n = p, T = 5, r = 2, 1 vector",
        lambda p: _chain("chain_samples", p, 5, 1),
        2,
        6,
        1.0,
    ),
    Growth("reverse_covariance", "N", "n = 50, d = 8", lambda t: _reverse(50, 8, t), 0, 4, 1.0),
    Growth("reverse_covariance", "n", "d = 8, N = 5", lambda n: _reverse(n, 8, 5), 1, 5, 1.0),
    Growth("network_jacobians", "n", "2 layers of 16, d = 4", _network, 2, 6, 1.0),
    Growth("posterior_jacobian", "n", "K = 4, d = 4", lambda n: _posterior(n, 4, 4), 0, 4.5, 1.0),
    Growth("posterior_jacobian", "K", "n = 2, d = 4", lambda k: _posterior(2, k, 4), 2, 6, 1.0),
    Growth("posterior_jacobian", "d", "n = 1, K = 16", lambda d: _posterior(1, 16, d), 0, 4, 2.0),
]


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> tuple[float, float]:
    """Return the slope of log cost against log size, and its standard error."""
    x, y = np.log(sizes), np.log(costs)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    variance = float(rest @ rest) / max(1, len(x) - 2)
    return slope, math.sqrt(variance / float(x @ x))


def measure(growth: Growth, *, decades: float | None = None, memory: bool = True) -> dict[str, Any]:
    """Time a kernel at each size, and fit the exponents over the upper decades."""
    sizes = growth.sizes(decades=decades)
    times, bytes_ = [], []
    with _timing.single_thread():
        for size in sizes:
            call = growth.build(size)
            times.append(_timing.least_seconds(call))
            if memory:
                bytes_.append(max(1, _timing.peak_bytes(call)))
    upper = [i for i, size in enumerate(sizes) if size >= 0.99 * sizes[-1] / 10**_FITTED]
    found: dict[str, Any] = {
        "kernel": growth.kernel,
        "against": growth.against,
        "rest": growth.rest,
        "sizes": sizes,
        "seconds": times,
        "bytes": bytes_,
        "expected": growth.expected,
        "fitted": [sizes[upper[0]], sizes[upper[-1]]],
    }
    for name, costs in (("time", times), ("memory", bytes_)):
        if costs:
            found[f"{name}_exponent"] = exponent(
                [sizes[i] for i in upper], [costs[i] for i in upper]
            )
    return found


def run(names: Sequence[str] = (), *, small: bool = False) -> dict[str, Any]:
    """Measure the kernels whose names are given, or all; small, over the lowest decade only."""
    results = []
    for growth in _page.chosen(GROWTHS, names):
        results.append(measure(replace(growth, high=growth.low + 1) if small else growth))
        sys.stderr.write(f"{growth.name} against {growth.against}\n")
    return {"schema": 1, "machine": _timing.machine(), "growth": results}


def _size(value: float) -> str:
    return str(value) if value < 1e4 else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")


def markdown(result: dict[str, Any]) -> str:
    """Return the table."""
    rows = []
    for row in result["growth"]:
        fits = [
            f"{slope:.2f} ± {error:.2f}"
            for slope, error in (row["time_exponent"], row["memory_exponent"])
        ]
        rows.append(
            [
                f"`{row['kernel']}`",
                row["against"],
                row["rest"],
                f"{_size(row['sizes'][0])} to {_size(row['sizes'][-1])}",
                f"{_page.seconds(row['seconds'][0])} to {_page.seconds(row['seconds'][-1])}",
                "" if row["expected"] is None else f"{row['expected']:.3g}",
                *fits,
                f"{row['bytes'][-1] / 1e6:.3g} MB",
            ]
        )
    head = [
        "kernel",
        "against",
        "at",
        "from, to",
        "time",
        "promised",
        "time's exponent",
        "memory's exponent",
        "most memory",
    ]
    return f"{_page.conditions(result)}\n\n{_page.table(head, rows)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    return _page.report("growth", __doc__, run, markdown, arguments)


if __name__ == "__main__":
    sys.exit(main())
