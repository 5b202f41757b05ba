"""Mixtures against SciPy, against mpmath and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy import stats

from lemmata.impl import autograd_score, forward, forward_noise, log_density, sample_mixture

MEANS = np.array([[1.0, -0.5], [-2.0, 0.75], [0.25, 3.0]])
seeds = st.integers(0, 2**32 - 1)
times = st.floats(1e-6, 5.0)


def mp_density(x: float, means: list[float], t: float) -> mpf:
    """Density of exp(-t) X_0 + noise in one dimension: an integral over X_0, nothing combined."""
    a, b = mp.exp(-mpf(t)), mp.sqrt(1 - mp.exp(-2 * mpf(t)))

    def normal(y: mpf, m: mpf, s: mpf) -> mpf:
        return mp.exp(-(((y - m) / s) ** 2) / 2) / (s * mp.sqrt(2 * mp.pi))

    def joint(x0: mpf) -> mpf:
        start = sum(normal(x0, mpf(m), mpf(1)) for m in means) / len(means)
        return start * normal(mpf(x), a * x0, b)

    return mp.quad(joint, range(-16, 17, 2), method="gauss-legendre")


@pytest.mark.parametrize("t", [0.05, 0.7, 3.0])
def test_log_density_is_that_of_the_noised_variable(t: float) -> None:
    means = [1.5, -0.5, -2.0]
    with mp.workdps(50):
        for x in (-3.25, 0.5, 2.0):
            expected = float(mp.log(mp_density(x, means, t)))
            got = log_density([x], [[m] for m in means], t)
            np.testing.assert_allclose(got, expected, rtol=0, atol=2e-15)


@given(seed=seeds, t=st.one_of(st.just(0.0), times), d=st.integers(1, 5), k=st.integers(1, 4))
@settings(deadline=None)
def test_log_density_matches_scipy(seed: int, t: float, d: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    means, x = 2 * rng.standard_normal((k, d)), 3 * rng.standard_normal((2, 3, d))
    density = sum(
        stats.multivariate_normal(np.exp(-t) * mean, np.eye(d)).pdf(x) / k for mean in means
    )
    got = log_density(x, means, t)
    assert got.shape == (2, 3)
    np.testing.assert_allclose(np.exp(got), density, rtol=1e-12)


@pytest.mark.parametrize("t", [0.0, 0.4, 30.0])
def test_density_integrates_to_one(t: float) -> None:
    axis = np.linspace(-14.0, 14.0, 113)
    x = np.stack(np.meshgrid(axis, axis), axis=-1)
    mass = np.exp(log_density(x, MEANS, t)).sum() * 0.25**2
    assert abs(mass - 1.0) < 1e-13


def test_log_density_far_out_does_not_underflow() -> None:
    assert log_density([1e100], [[0.0]]) == pytest.approx(-5e199)
    got = log_density([60.0, 0.0], [[1.0, 0.0], [-1.0, 0.0]])
    # The near component alone, at half the weight.
    assert got == pytest.approx(-(59.0**2) / 2 - np.log(2 * np.pi) - np.log(2.0), rel=1e-15)


@given(seed=seeds, t=times)
@settings(deadline=None)
def test_score_is_the_slope_of_the_log_density(seed: int, t: float) -> None:
    x = 2 * np.random.default_rng(seed).standard_normal((4, 2))
    step = 1e-5
    slope = np.stack(
        [
            (log_density(x + e, MEANS, t) - log_density(x - e, MEANS, t)) / (2 * step)
            for e in step * np.eye(2)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(autograd_score(x, MEANS, t), slope, rtol=1e-7, atol=1e-7)


def test_score_matches_mpmath() -> None:
    x, t = (0.75, -1.25), 0.375

    def log_q(*point: mpf) -> mpf:
        a = mp.exp(-mpf(t))
        terms = [
            mp.exp(-sum((y - a * mpf(m)) ** 2 for y, m in zip(point, mean, strict=True)) / 2)
            for mean in MEANS.tolist()
        ]
        return mp.log(sum(terms))

    with mp.workdps(50):
        expected = [float(mp.diff(log_q, x, order)) for order in ((1, 0), (0, 1))]
    np.testing.assert_allclose(autograd_score([x], MEANS, t)[0], expected, rtol=4e-15)
    assert autograd_score(x, MEANS, t).shape == (2,)
    assert autograd_score([[x]], MEANS, t).shape == (1, 1, 2)


def test_score_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(3).standard_normal((10, 2))
    whole = autograd_score(x, MEANS, 0.5)
    monkeypatch.setattr("lemmata.impl.mixture._BLOCK", 3)
    np.testing.assert_array_equal(autograd_score(x, MEANS, 0.5), whole)


@given(seed=seeds, t=st.floats(1e-300, 700.0))
@settings(deadline=None)
def test_forward_matches_mpmath(seed: int, t: float) -> None:
    x0, z = np.random.default_rng(seed).standard_normal((2, 3))
    with mp.workdps(50):
        # 1 - exp(-2t) at small t asks for the digits of t on top.
        beta = mp.sqrt(-mp.expm1(-2 * mpf(t)))
        kept, noise = (float(mp.exp(-mpf(t))), float(beta))
    np.testing.assert_allclose(forward(np.zeros(3), z, t), noise * z, rtol=1e-15)
    np.testing.assert_allclose(forward(x0, np.zeros(3), t), kept * x0, rtol=1e-15)
    np.testing.assert_allclose(forward(x0, z, t), kept * x0 + noise * z, rtol=0, atol=2e-15)


@given(seed=seeds, t=times)
@settings(deadline=None)
def test_forward_noise_returns_the_noise_it_used(seed: int, t: float) -> None:
    x0 = np.random.default_rng(seed).standard_normal((5, 2))
    x_t, z = forward_noise(x0, t, rng=seed)
    np.testing.assert_array_equal(x_t, forward(x0, z, t))
    assert z.shape == (5, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_noise_is_standard_normal(dtype: type) -> None:
    _, z = forward_noise(np.zeros((20_000, 2), dtype=dtype), 0.5, rng=11)
    assert stats.kstest(z.ravel(), stats.norm.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 4 / np.sqrt(20_000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_have_the_law_of_the_mixture(dtype: type) -> None:
    cov = np.array([[2.0, 1.2], [1.2, 1.0]], dtype=dtype)
    x = sample_mixture(MEANS.astype(dtype), 40_000, cov=cov, rng=5)
    assert x.shape == (40_000, 2)
    # Along every direction the sample is a mixture in one dimension; a factor of cov on the
    # wrong side would change the variance along them.
    for direction in np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0], [2.0, 1.0]]):
        spread = np.sqrt(direction @ cov @ direction)
        parts = [stats.norm(mean @ direction, spread) for mean in MEANS]

        def cdf(y: np.ndarray, parts: list = parts) -> np.ndarray:
            return sum(part.cdf(y) for part in parts) / len(parts)

        assert stats.kstest(x @ direction, cdf).pvalue > 1e-3
    # And a mixture with one component missing or doubled is told apart.
    assert stats.kstest(x[:, 1], lambda y: stats.norm(MEANS[0, 1], 1.0).cdf(y)).pvalue < 1e-9


def test_samples_of_the_default_covariance() -> None:
    x = sample_mixture([[3.0], [-3.0]], 20_000, rng=8)
    assert (
        stats.kstest(x[:, 0], lambda y: (stats.norm.cdf(y - 3) + stats.norm.cdf(y + 3)) / 2).pvalue
        > 1e-3
    )
