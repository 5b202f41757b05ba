"""Spiked-covariance limits against 50 digits and against the deterministic equation."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemmata.theory import critical_spike, spiked_eigenvalue, spiked_overlap

deterministic = settings(derandomize=True, deadline=None, max_examples=300)
gammas = st.floats(-6, 6).map(lambda x: 10.0**x)
ratios = st.one_of(
    st.floats(-6, 6).map(lambda x: 10.0**x), st.floats(-15, -3).map(lambda x: 1 + 10.0**x)
)


def reference(spike, gamma):
    with mp.workdps(50):
        s, g = mp.mpf(spike), mp.mpf(gamma)
        if s**2 > g:
            return (1 + s) * (1 + g / s), (1 - g / s**2) / (1 + g / s)
        return (1 + mp.sqrt(g)) ** 2, mp.mpf(0)


@deterministic
@given(gamma=gammas, ratio=ratios, sigma2=st.floats(-6, 6).map(lambda x: 10.0**x))
@example(gamma=1.0, ratio=1.0, sigma2=1.0)
@example(gamma=2.0, ratio=1.0, sigma2=1.0)  # sqrt(2) rounded: which side decides exactly
@example(gamma=3.0, ratio=1 + 2.0**-52, sigma2=1.0)
def test_against_fifty_digits(gamma, ratio, sigma2):
    spike = float(np.sqrt(gamma) * ratio)
    eigenvalue, overlap = reference(spike, gamma)
    got = mp.mpf(float(spiked_overlap(spike, gamma)))
    # Relatively accurate however close to the transition.
    assert abs(got - overlap) <= mp.mpf("1e-15") * overlap
    assert spiked_eigenvalue(spike, gamma) == pytest.approx(float(eigenvalue), rel=2e-15)
    assert spiked_eigenvalue(spike, gamma, sigma2) == pytest.approx(
        sigma2 * float(eigenvalue), rel=2e-15
    )
    assert critical_spike(gamma) == pytest.approx(float(mp.sqrt(gamma)), rel=3e-16)


@deterministic
@given(gamma=gammas, ratio=st.floats(1.01, 100))
def test_the_eigenvalue_solves_the_deterministic_equation(gamma, ratio):
    # lambda = (1 + s)(1 + gamma / s) iff 1 + s = -1 / m, m the Stieltjes transform of the companion
    # law outside the bulk, which solves lambda = -1/m + gamma / (1 + m).
    spike = float(np.sqrt(gamma) * ratio)
    m = -1 / (1 + mp.mpf(spike))
    assert float(-1 / m + gamma / (1 + m)) == pytest.approx(spiked_eigenvalue(spike, gamma))
    # And the squared overlap is the derivative of log lambda in log(1 + s).
    with mp.workdps(30):
        slope = mp.diff(lambda x: mp.log(x * (1 + gamma / (x - 1))), 1 + mp.mpf(spike))
        assert float(slope * (1 + spike)) == pytest.approx(spiked_overlap(spike, gamma), rel=1e-12)


def test_continuous_and_dead_below_the_transition():
    gamma = np.geomspace(1e-6, 1e6, 25)
    at = critical_spike(gamma)
    edge = (1 + at) ** 2
    assert spiked_eigenvalue(0.0, gamma) == pytest.approx(edge)
    assert spiked_eigenvalue(at, gamma) == pytest.approx(edge)
    assert spiked_eigenvalue(at * (1 + 1e-9), gamma) == pytest.approx(edge)
    assert (spiked_overlap(at * (1 - 1e-15), gamma) == 0).all()
    assert (spiked_overlap(at * (1 + 1e-15), gamma) > 0).all()
    assert (spiked_overlap(0.0, gamma) == 0).all()


def test_known_values():
    # gamma = 1/2, s = 2: lambda = 3 * 1.25, overlap (1 - 1/8) / (1 + 1/4).
    assert spiked_eigenvalue(2.0, 0.5, 3.0) == pytest.approx(11.25)
    assert spiked_overlap(2.0, 0.5) == pytest.approx(0.7)
    assert critical_spike(4.0) == 2.0


@deterministic
@given(spike=st.floats(0, allow_infinity=False), gamma=st.floats(1e-300, 1e300))
@example(spike=5e-324, gamma=1e300)
@example(spike=1e308, gamma=1e-300)
@example(spike=1e-160, gamma=1e-323)
def test_any_float_gives_an_overlap_in_the_unit_interval(spike, gamma):
    assert 0 <= spiked_overlap(spike, gamma) <= 1
    assert np.isfinite(critical_spike(gamma))


def test_broadcasts():
    assert spiked_eigenvalue(np.ones((3, 1)), np.ones(4), 2).shape == (3, 4)
    assert spiked_overlap(np.ones((3, 1)), np.ones(4)).shape == (3, 4)
    assert critical_spike(np.ones((2, 2))).shape == (2, 2)
    assert spiked_overlap(1.0, 0.5).shape == ()
