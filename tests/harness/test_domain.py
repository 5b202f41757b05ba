"""Strategies: in range, reaching both ends, over all decades, shrinking to what is simple."""

from __future__ import annotations

import math
import random
from collections import Counter

import hypothesis
import pytest

from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes
from lemmata.harness.search import explore


def drawn(strategy, count=150):
    """Values that a search over the strategy meets."""
    values = []

    def visit(point):
        values.append(point["x"])
        return 0.0

    explore(points({"x": strategy}), visit, seed=0, examples=count)
    return values


def simplest(strategy, condition=lambda _value: True):
    settings = hypothesis.settings(database=None, deadline=None, max_examples=2000)
    return hypothesis.find(strategy, condition, settings=settings, random=random.Random(0))


@pytest.mark.parametrize(
    ("low", "high"),
    [(1e-8, 1e2), (0.75, 0.97), (0.0123, 12.34), (1e-12, 0.25), (3.0, 3.0), (1, 10)],
)
def test_log_uniform_stays_in_range_and_reaches_both_ends(low, high):
    values = drawn(log_uniform(low, high), 300)
    assert min(values) == low
    assert max(values) == high
    assert {type(value) for value in values} == {float}


@pytest.mark.parametrize(("low", "high"), [(1.0, 9.995), (1e-3, 0.99999), (999.6, 1000.0)])
def test_log_uniform_reaches_ends_of_many_digits(low, high):
    values = drawn(log_uniform(low, high))
    assert min(values) == low
    assert max(values) == high


def test_log_uniform_spreads_over_the_decades():
    values = drawn(log_uniform(1e-6, 1e6))
    decades = Counter(math.floor(math.log10(value)) for value in values)
    assert set(decades) == set(range(-6, 7))
    # A share each would be a thirteenth; a uniform draw would leave all but two empty.
    assert min(decades.values()) > len(values) / 13 / 4


def test_log_uniform_draws_short_decimals():
    values = drawn(log_uniform(1e-6, 1e6))
    assert all(float(f"{value:.2e}") == value for value in values)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1e-8, 1e2, 1.0), (1.0, 1e12, 1.0), (1e-3, 1.0, 1.0), (2.0, 500.0, 2.0)],
)
def test_log_uniform_shrinks_towards_one(low, high, expected):
    assert simplest(log_uniform(low, high)) == expected


def test_log_uniform_shrinks_to_the_border_of_a_condition():
    assert simplest(log_uniform(1e-8, 1e8), lambda x: x >= 1.23) == 1.23
    assert simplest(log_uniform(1e-8, 1e8), lambda x: x >= 1000) == 1000
    assert simplest(log_uniform(1e-8, 1e8), lambda x: x < 0.5) == 0.1


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 1), (-1, 1), (2, 1), (1, math.inf), (math.nan, 1), (1, math.nan), (0.0, 0.0)],
)
def test_log_uniform_refuses(low, high):
    with pytest.raises(ValueError, match=r"low, high: got .*need 0 < low <= high < inf"):
        log_uniform(low, high)


@pytest.mark.parametrize(("low", "high"), [(1, 10_000), (1, 1), (2, 3), (50, 10**9)])
def test_sizes_stay_in_range_and_reach_both_ends(low, high):
    values = drawn(sizes(low, high))
    assert min(values) == low
    assert max(values) == high
    assert {type(value) for value in values} == {int}
    assert simplest(sizes(low, high)) == low


def test_sizes_reach_an_end_of_many_digits():
    assert max(drawn(sizes(1, 9999), 200)) == 9999


def test_sizes_spread_over_the_decades():
    values = drawn(sizes(1, 10**6))
    decades = Counter(len(str(value)) for value in values)
    assert set(decades) == set(range(1, 8))
    assert min(decades.values()) > len(values) / 60


@pytest.mark.parametrize(("low", "high"), [(0, 3), (-2, 3), (3, 2), (1, math.nan), (1, math.inf)])
def test_sizes_refuse(low, high):
    with pytest.raises(ValueError, match="low, high: got"):
        sizes(low, high)


@pytest.mark.parametrize("smallest", [0.0, 0.05, 1 / 6, 0.9, 1.0])
def test_cosines_stay_in_range_and_reach_both_ends(smallest):
    values = drawn(cosines(smallest))
    assert all(smallest <= abs(value) <= 1 for value in values)
    assert {1.0, -1.0, smallest, -smallest} <= set(values)
    assert all(math.copysign(1, value) == 1 for value in values if value == 0)


def test_cosines_come_close_to_their_ends_without_touching():
    values = drawn(cosines(0.25))
    assert any(0 < 1 - value < 1e-9 for value in values)
    assert any(0 < 1 + value < 1e-9 for value in values)
    assert any(0 < abs(value) - 0.25 < 1e-9 for value in values)
    inside = [value for value in values if 0.3 < abs(value) < 0.95]
    assert len(inside) > len(values) / 10


def test_cosines_shrink_to_alignment():
    assert simplest(cosines()) == 1.0
    assert simplest(cosines(0.25)) == 1.0
    assert simplest(cosines(), lambda c: c < 0) == -1.0


@pytest.mark.parametrize("smallest", [1.5, -0.1, math.nan])
def test_cosines_refuse(smallest):
    with pytest.raises(ValueError, match="smallest: got"):
        simplest(cosines(smallest))


def test_seeds_are_legal_seeds():
    values = drawn(seeds())
    assert all(0 <= value < 2**32 for value in values)
    assert len(set(values)) > 75
    assert simplest(seeds()) == 0


def test_strategies_are_built_once():
    # Hypothesis examines each new strategy, which costs more than drawing from it.
    assert log_uniform(1.0, 2.0) is log_uniform(1.0, 2.0)
    assert sizes(1, 9) is sizes(1, 9)
