"""The streamed empirical gradient: against automatic differentiation, and in bounded memory."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest

from lemmata.impl import ddpm_gradient, empirical, empirical_gradient, per_sample_gradients

CASES = [
    ([0.5], [1.0], 0.7),
    ([0.3, -0.4, 1.0], [2.0, 0.0, -1.0], 0.2),
    ([3.0, 4.0], [-3.0, 4.0], 1e-3),
    ([1e-8, 2e-8], [1e-8, 0.0], 5.0),
    ([30.0, 40.0], [60.0, 0.0], 1.0),
]


@pytest.mark.parametrize(("mu", "mu_star", "t"), CASES)
def test_the_sums_are_those_of_automatic_differentiation(mu, mu_star, t):
    alpha, beta = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
    x, z = empirical._draw(np.random.default_rng(3), np.array(mu_star), alpha, beta, 500)
    gradient, squares = empirical._sums(np.array(mu), x, z, beta)
    each = per_sample_gradients(mu, x.T, z.T, t)
    size = np.abs(each).sum(axis=0).max()
    np.testing.assert_allclose(gradient, each.sum(axis=0), rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(gradient / 500, ddpm_gradient(mu, x.T, z.T, t), atol=1e-12 * size)
    assert squares == pytest.approx(float(np.square(each).sum()), rel=1e-11)


@pytest.mark.parametrize("block", [1, 7, 100, 1 << 16])
def test_blocks_add_up(block):
    # The same stream of blocks, gone through by hand.
    mu, mu_star, t, n = np.array([0.5, -1.0]), np.array([1.0, 2.0]), 0.7, 53
    alpha, beta = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
    rows = max(1, block // 2)
    rng, pieces = np.random.default_rng(9), []
    for start in range(0, n, rows):
        pieces.append(empirical._draw(rng, mu_star, alpha, beta, min(rows, n - start)))
    x, z = (np.concatenate(part, axis=1).T for part in zip(*pieces, strict=True))
    assert x.shape == (n, 2)
    gradient, mean_square = empirical_gradient(mu, mu_star, t, n, rng=9, block=block)
    np.testing.assert_allclose(gradient, ddpm_gradient(mu, x, z, t), rtol=1e-12)
    each = per_sample_gradients(mu, x, z, t)
    assert mean_square == pytest.approx(float(np.square(each).sum(axis=1).mean()), rel=1e-12)


def test_the_samples_are_of_the_mixture_and_carry_their_noise():
    mu_star, t, n = np.array([3.0, -1.0]), 0.4, 200_000
    alpha, beta = math.exp(-t), math.sqrt(-math.expm1(-2 * t))
    x, z = empirical._draw(np.random.default_rng(5), mu_star, alpha, beta, n)
    close = {"rtol": 0, "atol": 0.03}
    np.testing.assert_allclose(x.mean(axis=1), 0, **close)
    np.testing.assert_allclose(
        np.cov(x), np.eye(2) + alpha**2 * np.outer(mu_star, mu_star), **close
    )
    np.testing.assert_allclose(np.cov(z), np.eye(2), **close)
    np.testing.assert_allclose(x @ z.T / n, beta * np.eye(2), **close)
    # Two clusters of unit variance along mu*, not one broad one.
    along = mu_star @ x / np.linalg.norm(mu_star)
    np.testing.assert_allclose(np.abs(along).mean(), alpha * np.linalg.norm(mu_star), atol=0.03)


def test_single_precision_simulates_the_same_law():
    case = (0.7, 400_000)
    wide, wide_square = empirical_gradient([0.5, 0.2], [1.0, 1.0], *case, rng=1)
    single, square = empirical_gradient(np.float32([0.5, 0.2]), np.float32([1, 1]), *case, rng=2)
    assert single.dtype == square.dtype == np.float32
    # Both means have a standard error of about 0.002.
    np.testing.assert_allclose(single, wide, rtol=0, atol=0.02)
    assert square == pytest.approx(float(wide_square), rel=0.02)


@pytest.mark.parametrize("d", [1, 3, 1000])
def test_memory_does_not_grow_with_the_samples(d):
    n = 1_000_000 if d < 10 else 2_000
    mu = np.full(d, 0.1)
    empirical_gradient(mu, mu, 0.5, 10, rng=1)  # whatever is allocated once
    tracemalloc.start()
    try:
        empirical_gradient(mu, mu, 0.5, n, rng=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A dozen arrays of one block; all samples at once would take 16 n d bytes and more.
    assert peak < 12 * 8 * (1 << 16) + 100 * d
    assert peak < 16 * n * d


def test_what_overflows_is_refused():
    for mu, mu_star in (([1e200], [1.0]), ([1.0], [1e200])):
        with pytest.raises(ValueError, match=r"mu.*smaller"):
            empirical_gradient(mu, mu_star, 0.5, 10, rng=1)


@pytest.mark.parametrize(("mu", "mu_star"), [([1.0, 2.0], [1.0]), ([[1.0]], [1.0]), ([1.0], 1.0)])
def test_shapes(mu, mu_star):
    with pytest.raises(ValueError, match=r"\bmu(_star)? must have"):
        empirical_gradient(mu, mu_star, 0.5, 10, rng=1)
