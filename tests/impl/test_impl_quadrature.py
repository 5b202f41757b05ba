"""The grids against exact moments and against mpmath's integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf

from lemmata.impl import forward, mixture_grid, noise_grid

TIMES = [1e-8, 0.01, 0.1, 0.3466, 1.0, 3.0, 40.0, 800.0]


def mp_mean(f, means: list[float]) -> float:
    """Return the expectation of f over an equal mixture of unit Gaussians, 50 digits."""
    with mp.workdps(50):
        total = mpf(0)
        for m in means:
            total += mp.quad(
                lambda x, m=m: f(x) * mp.exp(-((x - m) ** 2) / 2),
                [m + k for k in range(-16, 17, 2)],
                method="gauss-legendre",
            )
        return float(total / (len(means) * mp.sqrt(2 * mp.pi)))


@pytest.mark.parametrize(("t", "d"), [*((t, 1) for t in TIMES), (1e-8, 2), (0.3466, 2), (800.0, 2)])
def test_noise_grid_has_the_moments_of_data_and_noise(t: float, d: int) -> None:
    means = np.array([[1.5, -0.5], [-0.75, 2.0]])[:, :d]
    x0, z, weights = noise_grid(means, t)
    assert x0.shape == z.shape == (weights.size, d)
    assert weights.min() >= 0.0
    atol = 1e-13 if d == 1 else 4e-11
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-13)
    second = means.T @ means / 2 + np.eye(d)
    np.testing.assert_allclose(weights @ x0, means.mean(axis=0), atol=atol)
    np.testing.assert_allclose((weights[:, None] * x0).T @ x0, second, atol=4 * atol)
    np.testing.assert_allclose((weights[:, None] * z).T @ z, np.eye(d), atol=4 * atol)
    np.testing.assert_allclose((weights[:, None] * x0).T @ z, np.zeros((d, d)), atol=atol)
    np.testing.assert_allclose(weights @ z**4, np.full(d, 3.0), atol=100 * atol)


@pytest.mark.parametrize(
    ("t", "mu"), [(1e-8, 2.0), (0.1, 2.0), (0.3466, 2.0), (0.3466, 0.5), (3.0, 2.0)]
)
def test_noise_grid_keeps_eleven_digits_of_tanh(t: float, mu: float) -> None:
    x0, z, weights = noise_grid([[2.0], [-2.0]], t)
    x = forward(x0, z, t)[:, 0]
    # All three functions are even: one component's integral is the mixture's.
    mean = [2.0 * float(np.exp(-t))]
    for ours, reference in (
        (np.tanh(mu * x) * x, lambda y: mp.tanh(mu * y) * y),
        (np.cosh(mu * x) ** -2.0, lambda y: mp.sech(mu * y) ** 2),
        (np.tanh(mu * x) ** 2 * x**2, lambda y: mp.tanh(mu * y) ** 2 * y**2),
    ):
        np.testing.assert_allclose(weights @ ours, mp_mean(reference, mean), atol=2e-11)


@given(t=st.floats(1e-3, 5.0), a=st.floats(-2.0, 2.0), m=st.floats(-2.0, 2.0))
@settings(deadline=None, max_examples=30)
def test_noise_grid_couples_the_noise_to_its_sample(t: float, a: float, m: float) -> None:
    x0, z, weights = noise_grid([[m]], t)
    x = forward(x0, z, t)
    alpha, beta = np.exp(-t), np.sqrt(-np.expm1(-2 * t))
    # E[Z exp(i a X_t)] = i a beta exp(i a alpha m - a^2/2), its imaginary part.
    expected = a * beta * np.cos(a * alpha * m) * np.exp(-a * a / 2)
    np.testing.assert_allclose(weights @ (z * np.sin(a * x))[:, 0], expected, atol=1e-13)


def test_noise_grid_in_two_dimensions_keeps_ten_digits() -> None:
    means, t = [[0.6, 0.8], [-0.6, -0.8]], 0.25
    x0, z, weights = noise_grid(means, t)
    x = forward(x0, z, t)
    direction = np.array([0.8, -0.6])
    along = x @ np.array(means[0])
    shrunk = float(np.exp(-t))
    # Along the unit mean X_t is the mixture of N(+-exp(-t), 1), across it N(0, 1).
    expected = mp_mean(lambda y: mp.tanh(y) * y, [shrunk])
    np.testing.assert_allclose(weights @ (np.tanh(along) * along), expected, atol=1e-10)
    np.testing.assert_allclose(
        weights @ (np.tanh(along) * along * (x @ direction) ** 2), expected, atol=2e-10
    )


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_mixture_grid_keeps_twelve_digits_of_tanh(scale: float) -> None:
    x, weights = mixture_grid([[1.0], [-2.0]])
    ours = weights @ (np.tanh(scale * x) * x)[:, 0]
    expected = mp_mean(lambda y: mp.tanh(scale * y) * y, [1.0, -2.0])
    np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_mixture_grid_has_the_moments_of_the_mixture() -> None:
    means = np.array([[1.5, -0.5], [-0.75, 2.0], [0.0, 0.25]])
    cov = np.array([[2.0, 1.2], [1.2, 1.0]])
    x, weights = mixture_grid(means, cov=cov)
    assert x.shape == (weights.size, 2)
    np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-13)
    np.testing.assert_allclose(weights @ x, means.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose((weights[:, None] * x).T @ x, means.T @ means / 3 + cov, atol=1e-12)


def test_settings_are_obeyed() -> None:
    x, weights = mixture_grid([[0.0]], step=0.5, half_width=8.0)
    np.testing.assert_array_equal(x[:, 0], 0.5 * np.arange(-16, 17))
    np.testing.assert_allclose(weights, weights[::-1])
    x0, z, weights = noise_grid([[0.0]], 0.5 * np.log(2.0), step=0.25, half_width=8.0)
    # Data and noise move x_t by 1/sqrt(2) each, so that both axes are sqrt(2) coarser.
    for axis in (x0, z):
        gaps = np.diff(np.unique(axis))
        np.testing.assert_allclose(gaps[gaps > 1e-9], 0.25 * np.sqrt(2.0))
    assert weights.size == 47**2


@pytest.mark.parametrize("grid", ["noise", "mixture"])
def test_coarse_short_and_vast_grids_are_refused(grid: str) -> None:
    def build(**settings: float) -> None:
        if grid == "noise":
            noise_grid([[1.0], [-1.0]], 0.5, **settings)
        else:
            mixture_grid([[1.0], [-1.0]], **settings)

    with pytest.raises(ValueError, match="step must be smaller or half_width larger"):
        build(step=1.5)
    with pytest.raises(ValueError, match="step must be smaller or half_width larger"):
        build(half_width=6.5)
    with pytest.raises(ValueError, match="step must be larger"):
        build(step=1e-7)
    with pytest.raises(ValueError, match="step must be larger"):
        build(step=1e-300)
    with pytest.raises(ValueError, match="means"):
        noise_grid(np.zeros((20, 2)), 1.0)
