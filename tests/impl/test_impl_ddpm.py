"""The DDPM loss and its gradients by three routes, and against mpmath."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from lemmata.impl import (
    ddpm_gradient,
    ddpm_loss,
    difference_gradient,
    forward,
    noise_grid,
    per_sample_gradients,
)

seeds = st.integers(0, 2**32 - 1)
times = st.floats(1e-3, 5.0)


def case(seed: int, n: int = 6, d: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(d), 2 * rng.standard_normal((n, d)), rng.standard_normal((n, d))


def mp_loss(mu: list[mpf], x: list[float], z: list[float], t: float) -> mpf:
    """One sample's summand of eq. (5)."""
    s = mp.tanh(sum(m * mpf(y) for m, y in zip(mu, x, strict=True)))
    beta = mp.sqrt(1 - mp.exp(-2 * mpf(t)))
    return sum((s * m - mpf(y) + mpf(w) / beta) ** 2 for m, y, w in zip(mu, x, z, strict=True))


@given(seed=seeds, t=times)
@settings(deadline=None, max_examples=20)
def test_loss_and_gradients_match_mpmath(seed: int, t: float) -> None:
    mu, x, z = case(seed, n=3, d=2)
    with mp.workdps(50):
        losses = [float(mp_loss([mpf(m) for m in mu], a, b, t)) for a, b in zip(x, z, strict=True)]
        gradients = np.array(
            [
                [
                    float(mp.diff(lambda *m, a=a, b=b: mp_loss(m, a, b, t), tuple(mu), order))
                    for order in ((1, 0), (0, 1))
                ]
                for a, b in zip(x, z, strict=True)
            ]
        )
    scale = max(losses)
    np.testing.assert_allclose(ddpm_loss(mu, x, z, t), np.mean(losses), rtol=1e-14)
    np.testing.assert_allclose(per_sample_gradients(mu, x, z, t), gradients, atol=1e-14 * scale)
    np.testing.assert_allclose(
        ddpm_gradient(mu, x, z, t), gradients.mean(axis=0), atol=1e-14 * scale
    )
    weights = np.array([0.5, 0.125, 0.375])
    np.testing.assert_allclose(
        ddpm_loss(mu, x, z, t, weights=weights), weights @ losses, rtol=1e-14
    )
    np.testing.assert_allclose(
        ddpm_gradient(mu, x, z, t, weights=weights), weights @ gradients, atol=1e-14 * scale
    )


@given(seed=seeds, t=times, d=st.integers(1, 5), n=st.integers(1, 7))
@settings(deadline=None)
def test_three_routes_to_one_gradient(seed: int, t: float, d: int, n: int) -> None:
    mu, x, z = case(seed, n, d)
    gradient = ddpm_gradient(mu, x, z, t)
    scale = ddpm_loss(mu, x, z, t)
    rows = per_sample_gradients(mu, x, z, t)
    assert gradient.shape == (d,)
    assert rows.shape == (n, d)
    np.testing.assert_allclose(rows.mean(axis=0), gradient, atol=1e-14 * scale)
    np.testing.assert_allclose(difference_gradient(mu, x, z, t), gradient, atol=1e-8 * scale)


@given(seed=seeds, t=times)
@settings(deadline=None)
def test_weights_count_samples(seed: int, t: float) -> None:
    mu, x, z = case(seed, n=3)
    twice = [0, 1, 1, 2]
    weights = [0.25, 0.5, 0.25]
    for function in (ddpm_loss, ddpm_gradient, difference_gradient):
        np.testing.assert_allclose(
            function(mu, x, z, t, weights=weights),
            function(mu, x[twice], z[twice], t),
            rtol=1e-6 if function is difference_gradient else 1e-12,
            atol=(1e-8 if function is difference_gradient else 1e-13) * ddpm_loss(mu, x, z, t),
        )


@pytest.mark.parametrize("function", [ddpm_loss, ddpm_gradient, difference_gradient])
def test_weights_must_sum_to_one(function: type[ddpm_loss]) -> None:
    mu, x, z = case(1, n=3)
    with pytest.raises(ValueError, match=r"weights must sum to one, got a sum of 3\.0"):
        function(mu, x, z, 0.5, weights=np.ones(3))
    with pytest.raises(ValueError, match="weights"):
        function(mu, x, z, 0.5, weights=[0.5, 0.25, 0.25 + 1e-8])
    function(mu, x, z, 0.5, weights=np.array([0.1, 0.3, 0.6], dtype=np.float32))


def test_blocks_do_not_change_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    mu, x, z = case(2, n=11)
    weights = np.linspace(0.0, 1.0, 11) / 5.5
    whole = (
        ddpm_loss(mu, x, z, 0.3, weights=weights),
        ddpm_gradient(mu, x, z, 0.3, weights=weights),
        per_sample_gradients(mu, x, z, 0.3),
    )
    monkeypatch.setattr("lemmata.impl.ddpm._BLOCK_SIZE", 6)
    cut = (
        ddpm_loss(mu, x, z, 0.3, weights=weights),
        ddpm_gradient(mu, x, z, 0.3, weights=weights),
        per_sample_gradients(mu, x, z, 0.3),
    )
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-13)


@pytest.mark.parametrize("t", [0.1, 0.8])
def test_population_gradient_vanishes_at_the_truth_only(t: float) -> None:
    mean = 1.25
    x0, z, weights = noise_grid([[mean], [-mean]], t)
    x = forward(x0, z, t)
    truth = mean * np.exp(-t)
    assert abs(ddpm_gradient([truth], x, z, t, weights=weights)[0]) < 1e-12
    assert ddpm_gradient([1.1 * truth], x, z, t, weights=weights)[0] > 1e-3
    assert ddpm_gradient([0.9 * truth], x, z, t, weights=weights)[0] < -1e-3


def test_bad_step_is_refused() -> None:
    mu, x, z = case(1)
    for bad in (0.0, 1.0, -1e-6):
        with pytest.raises(ValueError, match="step"):
            difference_gradient(mu, x, z, 0.5, step=bad)
