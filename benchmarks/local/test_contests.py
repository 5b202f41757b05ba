"""The local loop: ``python -m pytest benchmarks/local``, by pytest-benchmark.

A group holds ours, the rivals and the bounds of one contest at the size of the tests;
``-k 'EM'`` picks one out. `benchmarks.peers` has the real sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from benchmarks import _timing
from benchmarks.contests import CONTESTS, Contest

PARAMETERS = [
    pytest.param(contest, name, id=f"{contest.name}-{name}")
    for contest in CONTESTS
    for name in ("ours", *contest.names)
]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with _timing.single_thread():
        yield


@pytest.mark.parametrize(("contest", "name"), PARAMETERS)
def test_contest(benchmark: Callable[..., Any], contest: Contest, name: str) -> None:
    sides = contest.build(**contest.small)
    calls = {"ours": sides.ours} | {rival.name: rival.call for rival in sides.rivals}
    units = {"ours": sides.units} | {rival.name: rival.units for rival in sides.rivals}
    benchmark.group = f"{contest.name}: {contest.small}"
    benchmark.extra_info["units"] = units[name]
    benchmark(calls[name])
