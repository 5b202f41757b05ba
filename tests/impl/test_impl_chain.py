"""Chains of projections: the fast routes against the dense one, and clear errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lemmata.impl import (
    chain_coordinates,
    chain_moment_map,
    chain_products,
    chain_samples,
    dense_chain,
)

DRAWS = 3000
CASES = [
    (8, 6, [4.0, 2.0], [1.0, 0.5, 2.0]),
    (5, 3, [4.0, 2.0], [1.0, 0.5]),  # less room across the signal than in it
    (5, 6, [3.0, 1.0, 0.5], [1.0, 2.0]),
    (4, 2, [2.0, 1.0], [1.0, 1.0]),  # none
]


def close(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether the means over the first axis agree within five standard errors."""
    error = np.sqrt(left.var(axis=0) / len(left) + right.var(axis=0) / len(right))
    gap = np.abs(left.mean(axis=0) - right.mean(axis=0))
    return bool((gap <= 5 * error + 1e-9).all())


@pytest.mark.parametrize("data", ["fresh", "fixed"])
@pytest.mark.parametrize(("n", "p", "values", "noise"), CASES)
def test_fast_routes_have_the_moments_of_the_dense_one(
    n: int, p: int, values: list[float], noise: list[float], data: Any
) -> None:
    rank = len(values)
    dense = dense_chain(n, p, values, noise, data=data, size=DRAWS, rng=1)
    head = dense[:, :rank, :rank]
    products, logs = chain_products(n, p, values, noise, data=data, size=DRAWS, rng=2)
    products *= np.exp(logs)[:, None, None]
    assert close(products, head)
    assert close(products**2, head**2)

    energies = np.square(dense).sum(axis=2)
    expected = np.column_stack([energies[:, :rank], energies[:, rank:].sum(axis=1)])
    draws = chain_coordinates(n, p, values, noise, data=data, size=DRAWS, rng=3)
    found = np.column_stack([draws.along**2, draws.across**2])
    assert close(found * np.exp(2 * draws.log_norms)[:, None], expected)

    moments = np.append(np.ones(rank), float(p - rank))
    for variance in reversed(noise):
        step = chain_moment_map(n, p, values, variance, data=data, size=4 * DRAWS, rng=4)
        moments = step @ moments
    assert moments == pytest.approx(expected.mean(axis=0), abs=0.04)


def test_vectors_that_share_their_overlaps_have_the_moments_of_the_dense_route() -> None:
    n, p, values, noise = CASES[0]
    parts = []
    for seed in range(600):
        draws = chain_coordinates(n, p, values, noise, size=4, rng=seed, overlaps_rng=seed + 1000)
        found = np.column_stack([draws.along**2, draws.across**2])
        parts.append((found * np.exp(2 * draws.log_norms)[:, None]).mean(axis=0))
    energies = np.square(dense_chain(n, p, values, noise, size=DRAWS, rng=1)).sum(axis=2)
    rank = len(values)
    expected = np.column_stack([energies[:, :rank], energies[:, rank:].sum(axis=1)])
    assert close(np.array(parts), expected)


def test_given_overlaps_are_those_of_their_seed_alone() -> None:
    big = {"n": 10**8, "p": 10**8, "eigenvalues": [4.0], "noise_variances": [1.0]}
    first, second = (chain_coordinates(**big, size=3, rng=k, overlaps_rng=5) for k in (1, 2))
    # A single direction: what is kept of any vector is the squared cosine.
    assert np.ptp(np.abs(first.along), axis=0) == pytest.approx(0.0, abs=1e-12)
    assert np.abs(first.along) == pytest.approx(np.abs(second.along), abs=1e-12)
    assert (first.log_norms != second.log_norms).all()
    other = chain_coordinates(**big, size=3, rng=1, overlaps_rng=6)
    assert (np.abs(other.along) != np.abs(first.along)).all()


def test_the_source_of_the_overlaps_is_named() -> None:
    with pytest.raises(TypeError, match="overlaps_rng"):
        chain_coordinates(5, 3, [2.0, 1.0], [1.0], overlaps_rng="5")  # type: ignore[arg-type]


def test_samples_have_the_energy_of_the_others() -> None:
    n, p, values, noise = CASES[0]
    parts = []
    for seed in range(600):
        samples, log_scale = chain_samples(n, p, values, noise, size=2, rng=seed)
        parts.append(np.square(samples).mean(axis=0) * np.exp(2 * log_scale))
    expected = np.square(dense_chain(n, p, values, noise, size=DRAWS, rng=1)).sum(axis=2)
    assert close(np.array(parts), expected)


def test_a_long_chain_does_not_underflow() -> None:
    noise = np.full(2000, 3.0)
    draws = chain_coordinates(20, 30, [4.0, 1.0], noise, size=2, rng=1)
    assert (draws.log_norms < -1000).all()
    assert np.hypot(np.linalg.norm(draws.along, axis=1), draws.across) == pytest.approx(1.0)
    products, logs = chain_products(20, 30, [4.0, 1.0], noise, size=2, rng=1)
    assert (logs < -1000).all()
    assert np.isfinite(products).all()


def test_the_same_samples_are_projected_onto_once() -> None:
    once = dense_chain(6, 4, [3.0, 1.0], [0.5], data="frozen", size=3, rng=5)
    often = dense_chain(6, 4, [3.0, 1.0], [0.5] * 40, data="frozen", size=3, rng=5)
    np.testing.assert_allclose(often, once, atol=1e-12)
    np.testing.assert_allclose(once @ once, once, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"eigenvalues": [1.0, 2.0]}, r"eigenvalues must not rise, got 1\.0 before 2\.0"),
        ({"eigenvalues": [1.0, 0.0]}, r"eigenvalues must be > 0, .*got 0\.0"),
        ({"eigenvalues": [1.0] * 4}, r"eigenvalues must be at most min\(n, p, 64\) = 3, got 4"),
        ({"noise_variances": [1.0, 0.0]}, r"noise_variances must be > 0, .*got 0\.0"),
        ({"noise_variances": []}, r"noise_variances must not be empty"),
        ({"data": "stale"}, r"data must be one of fresh, fixed.*, got 'stale'"),
        ({"size": 0}, r"size must be an integer from 1"),
    ],
)
@pytest.mark.parametrize(
    "function", [chain_coordinates, chain_products, chain_samples, dense_chain]
)
def test_bad_input(function: Any, changes: dict[str, Any], message: str) -> None:
    good = {"n": 5, "p": 3, "eigenvalues": [2.0, 1.0], "noise_variances": [1.0]}
    with pytest.raises(ValueError, match=message):
        function(**{**good, **changes})
