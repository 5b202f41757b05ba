"""The remainders of Lemma C.3 against 50 digits of their definitions, and their limits."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from lemmata.theory import (
    ddpm_descent,
    large_noise_error,
    large_noise_field,
    taylor_remainders,
)

# (|mu|, |mu*|, cos theta): each grid, on both sides of its borders, and out to the ends.
POINTS = [
    (1e-12, 1e-12, 0.5),
    (1e-12, 1e3, -0.7),
    (1e-8, 1.0, 1.0),
    (1e-3, 20.0, 0.3),  # m > 8 sigma
    (1e-3, 7.99, 1.0),  # m just below 8 sigma
    (1e-3, 8.01, -1.0),  # and just above
    (0.3, 0.4, 1e-12),
    (0.3, 2.0, 0.6),
    (0.7, 1e-9, 0.6),
    (0.9, 100.0, 0.01),
    (0.99999, 1.0, 0.25),  # v just below 1
    (1.0, 1.0, 0.25),
    (1.00001, 0.999, 1.0),  # m next to 1
    (3.0, 3.0, 1.0),
    (3.0, 1e-12, 0.5),
    (40.0, 0.01, 0.5),
    (100.0, 1e3, -0.2),
    (0.5, 1e3, 1.0),
]


def vectors(a, b, c):
    """Mu and mu* in the plane, as floats."""
    return np.array([a * c, a * np.sqrt((1 - c) * (1 + c))]), np.array([b, 0.0])


def exact(mu, star, digits):
    """Return the coefficients on mu* and mu of the three remainders, and of the error of F.

    E[f(s) X] = mu* E f + mu E f (s - m) / v, by the law of X given s, on one trapezoid grid: its
    step resolves the Gaussian and the poles of tanh to so many digits.
    """
    mu, star = ([mp.mpf(float(x)) for x in vector] for vector in (mu, star))
    m, v = (sum(x * y for x, y in zip(mu, other, strict=True)) for other in (star, mu))
    sigma = mp.sqrt(v)
    nats = digits * mp.log(10)
    step = min(mp.pi * mp.sqrt(2 / nats), mp.pi**2 / sigma / nats)
    count = int(mp.sqrt(2 * nats) / step) + 1
    r0, r2, r1, whole = ([mp.mpf(0), mp.mpf(0)] for _ in range(4))
    d1_mean = mp.mpf(0)
    for k in range(-count, count + 1):
        z = k * step
        weight = step * mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
        s = m + sigma * z
        t = mp.tanh(s)
        d1 = 1 - t * t
        d2 = -2 * t * d1
        for total, value in (
            (r0, t - s + s**3 / 3),
            (r2, d2 + 2 * s),
            (r1, (d1 - 1 + s * s) * s),
            (whole, t + d1 * s - v / 2 * d2),
        ):
            total[0] += weight * value
            total[1] += weight * value * z / sigma
        d1_mean += weight * d1
    return (
        r0,
        # (s mu - v X / 2), where s = m + (s - m).
        (-v / 2 * r2[0], m * r2[0] + v / 2 * r2[1]),
        (r1[0], mp.mpf(0)),
        (whole[0] - 2 * m, whole[1] - 1 - d1_mean + 2 * v),
    )


def error(got, coefficients, mu, star):
    """Distance from the reference over the size of its two terms."""
    on_star, on_mu = coefficients
    true = [
        on_star * mp.mpf(float(s)) + on_mu * mp.mpf(float(x)) for s, x in zip(star, mu, strict=True)
    ]
    terms = sum(
        abs(k) * mp.norm([mp.mpf(float(x)) for x in vector])
        for k, vector in ((on_star, star), (on_mu, mu))
    )
    gap = mp.norm([mp.mpf(float(x)) - y for x, y in zip(got, true, strict=True)])
    return gap / terms if terms else gap


@pytest.mark.parametrize(("a", "b", "c"), POINTS)
def test_against_the_definition(a, b, c):
    mu, star = vectors(a, b, c)
    digits = 22 if a >= 1 else int(40 - 5 * np.log10(a))  # what cancels, and more
    with mp.workdps(digits + 10):
        *remainders, field = exact(mu, star, digits)
        for got, coefficients in zip(taylor_remainders(mu, star), remainders, strict=True):
            assert error(got, coefficients, mu, star) < 1e-13
        assert error(large_noise_error(mu, star), field, mu, star) < 1e-13


def test_zero_has_no_remainder():
    for result in (*taylor_remainders([0.0, 0.0], [1.0, 2.0]), large_noise_error([0.0], [3.0])):
        assert not np.any(result)


def test_odd_in_mu_and_even_in_mu_star():
    mu, star = np.array([0.3, -0.4]), np.array([1.0, 0.5])
    for f in (taylor_remainders, lambda x, y: (large_noise_error(x, y),)):
        for ahead, back, flipped in zip(f(mu, star), f(-mu, star), f(mu, -star), strict=True):
            assert (back == -ahead).all()
            assert (flipped == ahead).all()


@pytest.mark.parametrize("scale", [0.1, 0.5, 0.999, 1.001, 3.0])
def test_the_error_of_the_field_is_a_difference(scale):
    rng = np.random.default_rng(5)
    mu, star = scale * rng.standard_normal((2, 50, 3))
    gap = ddpm_descent(mu, star) - large_noise_field(mu, star)
    assert np.allclose(large_noise_error(mu, star), gap, rtol=0, atol=1e-13 * (1 + scale) ** 3 * 30)


def test_the_remainders_and_the_polynomial_are_the_gradient():
    rng = np.random.default_rng(6)
    mu, star = 0.4 * rng.standard_normal((2, 50, 3))
    m, v = (mu * star).sum(-1, keepdims=True), (mu * mu).sum(-1, keepdims=True)
    polynomial = star * (2 * m - 3 * v * m - 4 / 3 * m**3) - mu * (2 * v + 3 * m**2)
    assert np.allclose(
        sum(taylor_remainders(mu, star)) + polynomial, ddpm_descent(mu, star), rtol=0, atol=1e-13
    )


def test_many_points_pass_through_in_blocks():
    mu = np.tile([[0.1, 0.0], [0.01, 0.01], [3.0, 4.0]], (700, 1))
    star = np.tile([[0.5, 0.2], [30.0, 0.0], [0.1, 0.2]], (700, 1))
    for whole, head in zip(
        taylor_remainders(mu, star), taylor_remainders(mu[:3], star[:3]), strict=True
    ):
        assert (whole.reshape(700, 3, 2) == head).all()


def test_broadcasts():
    mu, star = np.full((4, 1, 3), 0.2), np.full((5, 3), 0.1)
    assert all(part.shape == (4, 5, 3) for part in taylor_remainders(mu, star))
    assert large_noise_error(mu, star).shape == (4, 5, 3)


def test_overflow_is_an_error():
    with pytest.raises(ValueError, match="mu must be small enough"):
        taylor_remainders([1e200], [1.0])
    with pytest.raises(ValueError, match="mu must be small enough"):
        large_noise_error([1e160], [1e160])
