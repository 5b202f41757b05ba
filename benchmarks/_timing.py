"""Times for a busy machine: sides in turn, medians, and ratios taken round by round."""

from __future__ import annotations

import contextlib
import gc
import os
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

__all__ = [
    "available_bytes",
    "in_turn",
    "least_seconds",
    "machine",
    "peak_bytes",
    "quartiles",
    "single_thread",
]

# A shorter call is repeated until it takes this long, in seconds.
_SHORTEST = 2e-3


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Hold the BLAS libraries and torch to one thread, where they are installed."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError):
            from threadpoolctl import threadpool_limits

            stack.enter_context(threadpool_limits(1))
        with contextlib.suppress(ImportError):
            import torch

            stack.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield


def _number(call: Callable[[], object]) -> int:
    """Calls that are timed as one; the first one warms up."""
    if _seconds(call, 1) > 100 * _SHORTEST:
        return 1
    return max(1, round(_SHORTEST / max(_seconds(call, 1), 1e-9)))


def _seconds(call: Callable[[], object], number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


def in_turn(
    calls: Sequence[Callable[[], object]], *, budget: float, rounds: tuple[int, int] = (3, 40)
) -> np.ndarray[Any, Any]:
    """Return the seconds of each call, shape (rounds, calls), with every call once a round."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        numbers = [_number(call) for call in calls]
        table: list[list[float]] = []
        start = time.perf_counter()
        least, most = rounds
        while len(table) < least or (len(table) < most and time.perf_counter() - start < budget):
            # Forwards and backwards, so that nobody always comes after the same neighbour.
            order = range(len(calls))[:: 1 if len(table) % 2 == 0 else -1]
            row = [0.0] * len(calls)
            for i in order:
                row[i] = _seconds(calls[i], numbers[i])
            table.append(row)
    finally:
        if collecting:
            gc.enable()
    return np.array(table)


def least_seconds(call: Callable[[], object], *, budget: float = 0.1, rounds: int = 3) -> float:
    """Return the least time of a call."""
    return float(in_turn([call], budget=budget, rounds=(rounds, 1000)).min())


def peak_bytes(call: Callable[[], object]) -> int:
    """Return the most bytes that a call holds beyond what there was; NumPy tells tracemalloc."""
    gc.collect()
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def quartiles(values: np.ndarray[Any, Any]) -> list[float]:
    """Return the lower quartile, the median and the upper quartile."""
    return [float(q) for q in np.quantile(values, [0.25, 0.5, 0.75])]


def available_bytes() -> float:
    """Return the memory that there is for a new array."""
    try:
        return float(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")


def machine() -> dict[str, str]:
    """Return what the figures depend on: processor, Python, and the libraries' versions."""
    found = {"machine": platform.machine(), "python": platform.python_version()}
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as lines:  # noqa: PTH123
        models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        found["processor"] = next(models, sys.platform)
    for name in ("numpy", "scipy", "scikit-learn", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
