"""The population gradient and the EM map against brute force from their definitions."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.theory import (
    ddpm_descent,
    ddpm_descent_coefficients,
    em_map,
    em_residual,
    large_noise_field,
    stein_second_moment,
)

deterministic = settings(derandomize=True, deadline=None, max_examples=60)


def gaussian_grid(dim, step, half_width):
    """Return nodes (n, dim) and weights (n,) of the trapezoid rule for N(0, I)."""
    z = np.arange(-half_width, half_width + step / 2, step)
    w = np.exp(-(z**2) / 2)
    w /= w.sum()
    nodes = np.stack([g.ravel() for g in np.meshgrid(*[z] * dim, indexing="ij")], axis=-1)
    return nodes, reduce(np.multiply.outer, [w] * dim).ravel()


def loss(mu, mu_star, t, grid):
    """Return E|s_mu(X_t) + Z / beta_t|^2 over component, within-component noise and Z."""
    alpha, beta = np.exp(-t), np.sqrt(1 - np.exp(-2 * t))
    nodes, weights = grid
    d = mu.size
    w, z = nodes[:, :d], nodes[:, d:]
    total = 0.0
    for sign in (1, -1):
        x = alpha * (sign * mu_star / alpha + w) + beta * z  # mu_star is the mean at time t
        student = np.tanh(x @ mu)[:, None] * mu - x
        total += 0.5 * weights @ ((student + z / beta) ** 2).sum(axis=1)
    return total


def loss_gradient(mu, mu_star, t, grid):
    """Return the gradient of the loss by the complex step, exact to rounding."""
    h = 1e-30
    return np.array(
        [loss(mu + 1j * h * axis, mu_star, t, grid).imag / h for axis in np.eye(mu.size)]
    )


@pytest.mark.parametrize("t", [0.05, 0.7, 3.0])
@pytest.mark.parametrize(("mu", "mu_star"), [(0.3, 0.5), (1.2, 0.8), (-0.7, 1.5), (2.0, 0.1)])
def test_descent_is_minus_half_the_gradient_of_the_loss(mu, mu_star, t):
    grid = gaussian_grid(2, 0.125, 9.0)
    gradient = loss_gradient(np.array([mu]), np.array([mu_star]), t, grid)
    assert ddpm_descent([mu], [mu_star]) == pytest.approx(-gradient / 2, rel=1e-11, abs=1e-12)


def test_descent_is_minus_half_the_gradient_of_the_loss_in_the_plane():
    grid = gaussian_grid(4, 0.6, 7.2)
    mu, mu_star = np.array([0.4, -0.5]), np.array([0.9, 0.3])
    gradient = loss_gradient(mu, mu_star, 0.4, grid)
    assert ddpm_descent(mu, mu_star) == pytest.approx(-gradient / 2, rel=1e-8)


PLANE = gaussian_grid(2, 0.15, 9.0)
PAIRS = [((0.4, -0.5), (0.9, 0.3)), ((1.5, 0.2), (0.3, 1.0)), ((1.0, 1.0), (1.0, 1.0))]


@pytest.mark.parametrize(("mu", "mu_star"), PAIRS)
def test_expectations_of_the_displays(mu, mu_star):
    mu, mu_star = np.array(mu), np.array(mu_star)
    nodes, w = PLANE
    x = nodes + mu_star
    s, v = x @ mu, mu @ mu
    t = np.tanh(s)
    d1, d2 = 1 - t**2, -2 * t * (1 - t**2)
    descent = w @ ((t - 0.5 * d2 * v + d1 * s)[:, None] * x) - mu - (w @ d1) * mu
    assert ddpm_descent(mu, mu_star) == pytest.approx(descent, rel=1e-12, abs=1e-13)
    residual = w @ ((-0.5 * d2 * v + d1 * s)[:, None] * x) - (w @ d1) * mu
    assert em_residual(mu, mu_star) == pytest.approx(residual, rel=1e-12, abs=1e-13)
    update = w @ (t[:, None] * x)
    assert em_map(mu, mu_star) == pytest.approx(update, rel=1e-12)


@pytest.mark.parametrize("t", [0.1, 1.0])
def test_second_identity_of_lemma_f1(t):
    # Its left side, E tanh'(s) (mu.Z / beta) X_t over the mixture, in one dimension.
    alpha, beta = np.exp(-t), np.sqrt(1 - np.exp(-2 * t))
    nodes, w = gaussian_grid(2, 0.125, 9.0)
    for mu, mu_star in [(0.5, 0.8), (1.3, -0.4)]:
        left = 0.0
        for sign in (1, -1):
            x = sign * mu_star + alpha * nodes[:, 0] + beta * nodes[:, 1]
            left += 0.5 * w @ ((1 - np.tanh(mu * x) ** 2) * mu * nodes[:, 1] / beta * x)
        assert stein_second_moment([mu], [mu_star]) == pytest.approx([left], rel=1e-12)


def test_em_map_with_a_covariance():
    nodes, w = PLANE
    lam, mu = np.array([0.8, -0.3]), np.array([0.5, 0.9])
    cov = np.array([[1.5, 0.6], [0.6, 0.9]])
    x = nodes @ np.linalg.cholesky(cov).T + mu

    def density(mean):
        y = x - mean
        return np.exp(-0.5 * np.einsum("ni,ij,nj->n", y, np.linalg.inv(cov), y))

    # Daskalakis et al. 2017, Section 2: the ratio before it is written as a tanh.
    ratio = (density(lam) - density(-lam)) / (density(lam) + density(-lam))
    assert em_map(lam, mu, cov) == pytest.approx(w @ (ratio[:, None] * x), rel=1e-11)
    assert em_map(lam, mu, np.eye(2)) == pytest.approx(em_map(lam, mu), rel=1e-15)
    batch = em_map(np.stack([lam, mu]), mu, cov)
    assert batch[0] == pytest.approx(em_map(lam, mu, cov), rel=1e-14)
    assert batch[1] == pytest.approx(mu, rel=1e-14)


log_norm = st.floats(-12.0, 3.0)
direction = st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(
    lambda x: np.linalg.norm(x) > 0.1
)


def vector(exponent, x):
    return 10.0**exponent * np.array(x) / np.linalg.norm(x)


@deterministic
@given(a=log_norm, b=log_norm, x=direction, y=direction)
def test_descent_is_em_plus_residual_at_any_scale(a, b, x, y):
    mu, mu_star = vector(a, x), vector(b, y)
    em, rest = em_map(mu, mu_star), em_residual(mu, mu_star)
    total = ddpm_descent(mu, mu_star)
    size = np.linalg.norm(mu) + np.linalg.norm(mu_star)
    assert np.abs(em - mu + rest - total).max() <= 4e-15 * size
    # The coefficients, whose digits do not depend on how the vectors are put together.
    m, v = mu @ mu_star, mu @ mu
    plus, minus = (np.array(ddpm_descent_coefficients(s * m, v)) for s in (1, -1))
    assert (plus == minus * [-1, 1]).all()  # A is odd in m and B even
    assert total == pytest.approx(plus[0] * mu_star + plus[1] * mu, rel=1e-12, abs=4e-14 * size)


@deterministic
@given(a=log_norm, x=direction)
def test_the_truth_is_stationary(a, x):
    mu = vector(a, x)
    size = np.linalg.norm(mu)
    assert np.abs(ddpm_descent(mu, mu)).max() <= 1e-14 * size
    assert np.abs(em_residual(mu, mu)).max() <= 1e-14 * size
    assert np.abs(em_map(mu, mu) - mu).max() <= 1e-14 * size
    assert em_map(-mu, mu) == pytest.approx(-em_map(mu, mu), rel=1e-15)


def test_large_noise_field_is_the_leading_order():
    mu, mu_star = np.array([0.6, -0.8, 0.0]), np.array([0.3, 0.2, 0.9])
    # What is left out is of fifth order: it falls by 2^-5 when both norms are halved.
    rest = [
        np.linalg.norm(ddpm_descent(h * mu, h * mu_star) - large_noise_field(h * mu, h * mu_star))
        for h in (0.02, 0.01)
    ]
    assert rest[0] / rest[1] == pytest.approx(32, rel=0.01)
    # At 1e-12 nothing else is left, and every digit is right: 2, not 3.
    tiny = ddpm_descent(1e-12 * mu, 1e-12 * mu_star)
    exact = 1e-36 * (2 * (mu @ mu_star) * mu_star - 2 * (mu @ mu) * mu)
    assert tiny == pytest.approx(exact, rel=1e-14, abs=0)


def test_orthogonal_and_zero_vectors():
    zero = np.zeros(4)
    mu, star = np.array([1.0, 0, 0, 0]), np.array([0, 2.0, 0, 0])
    assert not ddpm_descent(zero, star).any()
    assert not em_map(zero, star).any()
    assert not large_noise_field(zero, star).any()
    # No part along mu_star when mu.mu_star = 0.
    for f in (ddpm_descent, em_map, em_residual, stein_second_moment, large_noise_field):
        assert f(mu, star)[1] == 0
        assert f(mu, star)[0] != 0


def test_large_norms_are_em_of_hard_labels():
    # |mu| = 1e3: tanh is a sign, and M = mu_star E sign(s) + the rest of order 1/|mu|.
    mu, mu_star = np.array([1e3, 0.0]), np.array([0.0, 5.0])
    # mu.mu_star = 0: M is along mu, E|X_1| = sqrt(2 / pi) to order 1/|mu|^2.
    assert em_map(mu, mu_star) == pytest.approx([np.sqrt(2 / np.pi), 0], rel=1e-5)


def test_leading_axes_broadcast():
    rng = np.random.default_rng(0)
    mu, star = rng.normal(size=(5, 1, 3)), rng.normal(size=(4, 3))
    for f in (ddpm_descent, em_map, em_residual, stein_second_moment, large_noise_field):
        out = f(mu, star)
        assert out.shape == (5, 4, 3)
        assert out[2, 3] == pytest.approx(f(mu[2, 0], star[3]), rel=1e-15)


def test_a_million_dimensions():
    d = 10**6
    mu = np.full(d, 1e-3)
    out = ddpm_descent(mu, 2 * mu)
    small = ddpm_descent([1.0], [2.0])
    assert out.shape == (d,)
    assert np.abs(out / (1e-3 * small[0]) - 1).max() < 1e-12
