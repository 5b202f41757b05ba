"""The speed that the exact reduction promises, as ratios: ``python -m benchmarks.spiked``.

Both sides of a ratio are timed in turn in one process, and the least time of each counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

__all__ = ["ratios"]

_DRAWS = 20_000
_REPEATS = 7
_HUGE = 10**9


def _least_seconds(*calls: Callable[[], object], repeats: int = _REPEATS) -> list[float]:
    """Least time of each call, in turn, so that a busy machine slows all of them."""
    least = [float("inf")] * len(calls)
    for _ in range(repeats):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call()
            least[i] = min(least[i], time.perf_counter() - start)
    return least


def _reduced(n: int, rng: np.random.Generator) -> object:
    """Draws at n = p and twice the critical spike."""
    # Here and not above: asv imports this module on commits that lack the kernel.
    from lemmata import impl

    return impl.reduced_draws(n, n, 2.0, size=_DRAWS, rng=rng)


def _chi_squares(n: int, rng: np.random.Generator) -> None:
    """The chi-squares of as many draws and nothing else, as one asks NumPy for them."""
    from lemmata.impl import spiked

    rows = spiked._first_rows(spiked._Model(n, n, 2.0), 1e-12)
    row = np.arange(rows)
    degrees = np.stack([n - row, n - 1 - row]).astype(np.float64)[:, :, None]
    # As many at a time as stay in the cache.
    for _ in range(_DRAWS // 1000):
        rng.chisquare(degrees, size=(2, rows, 1000))


def ratios() -> dict[str, float]:
    """Measure the three ratios."""
    from lemmata import impl

    rng = np.random.default_rng(0)
    small, huge, chi_squares, middle = _least_seconds(
        lambda: _reduced(1000, rng),
        lambda: _reduced(_HUGE, rng),
        lambda: _chi_squares(_HUGE, rng),
        lambda: _reduced(2000, rng),
    )
    (dense,) = _least_seconds(lambda: impl.dense_draws(2000, 2000, 2.0, rng=rng), repeats=1)
    return {
        "dense over reduced, time a draw, n = p = 2000": dense / (middle / _DRAWS),
        "n = p = 10^9 over n = p = 1000, time a draw": huge / small,
        "draws over their chi-squares alone, n = p = 10^9": huge / chi_squares,
    }


if __name__ == "__main__":
    for name, ratio in ratios().items():
        sys.stdout.write(f"{name}: {ratio:.3g}\n")
