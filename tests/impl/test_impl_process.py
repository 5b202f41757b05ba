"""The process in steps against its moments; EM by gradients against EM by densities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from lemmata.impl import autograd_em_step, em_step, mixture_grid, simulate_ou

seeds = st.integers(0, 2**32 - 1)


def test_one_step_by_hand() -> None:
    # X' = X - h (X + X') / 2 + sqrt(2 h) N with h = 1: X' = (X / 2 + sqrt(2) N) / (3 / 2).
    noise = np.random.default_rng(3).standard_normal(4)
    expected = (0.5 * np.arange(4.0) + math.sqrt(2.0) * noise) / 1.5
    np.testing.assert_allclose(simulate_ou(np.arange(4.0), 1.0, 1, rng=3), expected, rtol=1e-15)


@pytest.mark.parametrize(("t", "steps"), [(0.1, 1), (1.0, 8), (3.0, 16)])
def test_mean_and_variance(t: float, steps: int) -> None:
    n = 200_000
    x = simulate_ou(np.full(n, 4.0), t, steps, rng=7)
    slack = t * (t / steps) ** 2 / 10
    assert abs(x.mean() - 4 * math.exp(-t)) < 4 * math.exp(-t) * slack + 5 / math.sqrt(n)
    assert abs(x.var() + math.expm1(-2 * t)) < 2 * math.exp(-2 * t) * slack + 8 / math.sqrt(n)


@pytest.mark.parametrize("h", [1e-3, 0.05, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("steps", [1, 3, 40])
def test_the_documented_error_of_the_steps(h: float, steps: int) -> None:
    with mp.workdps(40):
        step = mpf(h)
        t = steps * step
        q = ((1 - step / 2) / (1 + step / 2)) ** steps
        share = t * step**2 / 10
        assert 0 <= 1 - q * mp.exp(t) <= share
        assert 0 <= 1 - q**2 * mp.exp(2 * t) <= 2 * share
        # The variance of a step on its own is what keeps a unit variance.
        assert abs(((1 - step / 2) ** 2 + 2 * step) / (1 + step / 2) ** 2 - 1) < mpf("1e-38")


def test_the_start_is_left_alone_and_keeps_its_shape() -> None:
    x0 = np.ones((2, 3), dtype=np.float32)
    moved = simulate_ou(x0, 0.5, 4, rng=1)
    assert moved.shape == (2, 3)
    assert moved.dtype == np.float32
    np.testing.assert_array_equal(x0, 1.0)


def test_overflow_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x0 and t overflows"):
        simulate_ou([1.7e308], 1e6, 1, rng=1)


@given(seed=seeds, k=st.integers(1, 5), d=st.integers(1, 4))
@settings(deadline=None)
def test_gradients_give_the_em_step(seed: int, k: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    x, means = 2 * rng.standard_normal((6, d)), rng.standard_normal((k, d))
    weights = rng.random(6) + 0.1
    expected = em_step(x, means, weights=weights)
    for scale in (1.0, 1e-300, 1e300):
        found = autograd_em_step(x, means, weights=scale * weights)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-11)


def test_by_hand() -> None:
    # As for em_step: the beliefs are 1/4, 1/2 and 3/4.
    m = np.log(3.0) / 2
    moved = autograd_em_step([[-1.0], [0.0], [1.0]], [[m], [-m]])
    np.testing.assert_allclose(moved, [[1 / 3], [-1 / 3]], rtol=1e-14)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, means = rng.standard_normal((50, 2)), rng.standard_normal((3, 2))
    whole = autograd_em_step(x, means)
    monkeypatch.setattr("lemmata.impl.em._BLOCK_SIZE", 42)
    np.testing.assert_allclose(autograd_em_step(x, means), whole, rtol=1e-12)


def test_a_component_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match=r"means must each .* row 1, \[-50.0\], .* underflows"):
        autograd_em_step([[50.0], [51.0]], [[50.0], [-50.0]])


def test_symmetry_is_for_even_functions_only() -> None:
    mean = np.array([[1.5]])
    both, weights_both = mixture_grid(np.concatenate([mean, -mean]))
    one, weights_one = mixture_grid(mean)
    even_both = weights_both @ (np.tanh(both[:, 0]) * both[:, 0])
    assert even_both == pytest.approx(weights_one @ (np.tanh(one[:, 0]) * one[:, 0]), rel=1e-13)
    # tanh is odd: nothing over both, and far from nothing over one.
    assert abs(weights_both @ np.tanh(both[:, 0])) < 1e-15
    assert weights_one @ np.tanh(one[:, 0]) > 0.7
