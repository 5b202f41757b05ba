"""A step of power iteration and the plane it lives in, against 50-digit definitions."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.theory import (
    angle_fall,
    contraction_radius,
    ddpm_descent,
    plane_step,
    step_eigenvalues,
)

DIGITS = 50
few = settings(derandomize=True, deadline=None, max_examples=60)
logs = st.floats(-12.0, 3.0)


@few
@given(a=logs, b=logs, eta=st.floats(-6.0, 3.0), k=st.sampled_from([0.0, 2.0, 3.0]))
def test_eigenvalues(a, b, eta, k):
    v, w, step = 10.0 ** (2 * a), 10.0 ** (2 * b), 10.0**eta
    with mp.workdps(DIGITS):
        second = 1 - mp.mpf(k) * step * v
        first = second + 2 * mp.mpf(step) * w
        size = 1 + k * mp.mpf(step) * v + 2 * mp.mpf(step) * w
        got = step_eigenvalues(v, w, step, k)
        assert abs(first - float(got[0])) <= 1e-15 * size * 4
        assert abs(second - float(got[1])) <= 1e-15 * size * 4


@few
@given(b=st.floats(-150.0, 150.0), d=st.integers(1, 10**6))
def test_radius_is_the_root(b, d):
    star = 10.0**b
    with mp.workdps(DIGITS + 350):
        p, q = 500 * mp.mpf(d) ** mp.mpf(1.5), 20 * d * mp.mpf(star) ** 2
        root = mp.sqrt((-q + mp.sqrt(q**2 + 4 * p * mp.mpf(star) ** 2)) / (2 * p))
        assert abs(contraction_radius(star, float(d)) / root - 1) <= 1e-14


def test_radius_at_the_ends():
    assert contraction_radius(0.0, 3.0) == 0
    assert contraction_radius(1e308, 1.0) == pytest.approx(1 / np.sqrt(20), rel=1e-15)
    assert contraction_radius(1e-300, 1.0) == pytest.approx((1e-300 / 500**0.5) ** 0.5, rel=1e-14)
    with pytest.raises(ValueError, match=r"^d must be from 1 to 1e300, got 0\.5"):
        contraction_radius(1.0, 0.5)
    with pytest.raises(ValueError, match=r"^star must be >= 0, got -1\.0"):
        contraction_radius(-1.0, 2.0)


POINTS = [
    (1e-8, 1e-8, 1e-6, 0.5),
    (1e-4, 1e-9, 1e-3, 1e-4),
    (1e-3, 2e-5, 3.0, 1.0),
    (0.5, 1.5, 0.8, 0.3),
    (-0.5, 1.5, 0.8, 3.0),
    (2.0, -0.3, 2.5, 1.0),
    (0.1, 30.0, 0.01, 1.2),
    (10.0, 20.0, 5.0, 0.7),
]


def coefficients(along, across, star, e):
    """A and B from the expectations of their definition."""
    m, v = mp.mpf(abs(along)) * mp.mpf(star), mp.mpf(along) ** 2 + mp.mpf(across) ** 2
    on_star = e["tanh"] + e["s_d1"] - v / 2 * e["d2"]
    on_mu = -e["tanh_sq"] + e["s_d2"] - v / 2 * e["d3"]
    return mp.sign(along) * on_star, on_mu, m, v


@pytest.mark.parametrize(("along", "across", "star", "eta"), POINTS)
def test_step_and_fall(along, across, star, eta, expectations_50):
    with mp.workdps(DIGITS):
        m, v = mp.mpf(abs(along)) * mp.mpf(star), mp.mpf(along) ** 2 + mp.mpf(across) ** 2
        on_star, on_mu, _, _ = coefficients(along, across, star, expectations_50(m, v))
        new = (
            along + mp.mpf(eta) * (on_star * star + on_mu * along),
            across + mp.mpf(eta) * on_mu * across,
        )
        before, after = abs(mp.mpf(across) / along), abs(new[1] / new[0])
        fall = (before - after) / (before + after)
        got = plane_step(along, across, star, eta)
        size = abs(along) + abs(eta * on_star * star) + abs(eta * on_mu * along)
        assert abs(new[0] - float(got[0])) <= 1e-13 * size
        assert abs(new[1] - float(got[1])) <= 1e-13 * abs(across) * (1 + abs(eta * on_mu))
        # To its own digits, however small it is.
        assert abs(angle_fall(along, across, star, eta) / fall - 1) <= 1e-12


def test_step_is_the_descent_in_any_dimension():
    rng = np.random.default_rng(3)
    mu, mu_star = rng.normal(size=7), rng.normal(size=7)
    star = np.linalg.norm(mu_star)
    unit = mu_star / star
    along = mu @ unit
    rest = mu - along * unit
    across = np.linalg.norm(rest)
    new = mu + 0.3 * ddpm_descent(mu, mu_star)
    x, y = plane_step(along, across, star, 0.3)
    assert new == pytest.approx(x * unit + y * rest / across, rel=1e-13)


def test_limits():
    # Nothing pulls, no angle falls; and no angle at all is no fall.
    assert angle_fall(1.0, 1.0, 0.0, 0.5) == 0
    assert angle_fall(1.0, 1.0, 1.0, 0.0) == 0
    assert angle_fall(0.0, 0.0, 0.0, 1.0) == 0
    # At right angles: the limit.
    assert angle_fall(0.0, 0.5, 0.7, 0.4) == pytest.approx(angle_fall(1e-9, 0.5, 0.7, 0.4))
    assert angle_fall(1e-300, 1e-3, 1e-3, 0.4) == pytest.approx(4e-7, rel=1e-5)
    assert plane_step(0.0, 0.5, 0.7, 0.4)[0] == 0
    for name, arguments in {"star": (1.0, 1.0, -1.0, 1.0), "eta": (1.0, 1.0, 1.0, -1.0)}.items():
        for function in (angle_fall, plane_step):
            with pytest.raises(ValueError, match=rf"^{name} must be >= 0, got -1.0"):
                function(*arguments)
    with pytest.raises(ValueError, match="overflows"):
        plane_step(1e200, 0.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=r"^coefficient must be >= 0, got -2\.0"):
        step_eigenvalues(1.0, 1.0, 1.0, -2.0)


@few
@given(
    x=logs, y=logs, b=st.floats(-12.0, 2.0), eta=st.floats(-6.0, 0.0), sign=st.sampled_from([-1, 1])
)
def test_the_angle_falls_for_every_step_up_to_one(x, y, b, eta, sign):
    assert angle_fall(sign * 10.0**x, 10.0**y, 10.0**b, 10.0**eta) >= 0
