"""Taylor coefficients and derivatives of tanh."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import mpmath as mp
import numpy as np
import pytest

from lemmata.theory import tanh_derivative, tanh_taylor


def test_taylor_coefficients_by_bernoulli_numbers():
    # c_k = 2^2n (2^2n - 1) B_2n / (2n)!, n = k + 1: another road than the recurrence.
    for k, c in enumerate(tanh_taylor(30)):
        n = k + 1
        p, q = mp.bernfrac(2 * n)
        exact = Fraction(4**n * (4**n - 1)) * Fraction(int(p), int(q)) / factorial(2 * n)
        assert c == exact


def test_taylor_prefix():
    assert tanh_taylor(1) == (1,)
    assert tanh_taylor(3) == (1, Fraction(-1, 3), Fraction(2, 15))
    assert all(isinstance(c, Fraction) for c in tanh_taylor(4))
    assert len(tanh_taylor(np.int64(7))) == 7


POINTS = np.array([0.0, 1e-200, 1e-9, 0.1, 0.66, 1.0, 5.0, 19.0, 50.0, 340.0])


@pytest.mark.parametrize("k", range(6))
def test_derivatives_against_differentiation(k):
    got = tanh_derivative(k, np.concatenate([POINTS, -POINTS]))
    for i, s in enumerate(POINTS):
        with mp.workdps(50):
            # exp(-2s) carries the decay, so the digits must outlast it.
            mp.mp.dps = 60 + int(2 * s)
            exact = mp.diff(mp.tanh, mp.mpf(s), k, h=mp.mpf(10) ** -(mp.mp.dps // 8))
            u = mp.tanh(s)
            by_hand = [
                u,
                1 - u**2,
                -2 * u * (1 - u**2),
                (1 - u**2) * (6 * u**2 - 2),
                (1 - u**2) * (16 * u - 24 * u**3),
                (1 - u**2) * (16 - 120 * u**2 + 120 * u**4),
            ][k]
            if 1e-3 < s < 20:  # the difference quotient says the same as the formula
                assert abs(exact - by_hand) <= mp.mpf("1e-6") * abs(by_hand) + mp.mpf("1e-9")
            # Relative, but next to a zero of the polynomial (0.66 for k = 3).
            error = abs(mp.mpf(float(got[i])) - by_hand)
            assert error <= 4e-15 * abs(by_hand) + 4e-15 * (k > 2) * (1 - u**2)
        assert got[len(POINTS) + i] == (-1) ** (k + 1) * got[i]


def test_decay_has_the_exact_constant():
    # tanh^(k)(s) exp(2s) -> (-1)^(k+1) 2^(k+1), and it underflows to 0 without a warning.
    for k in range(1, 6):
        value = tanh_derivative(k, 300.0)
        assert value / np.exp(-600.0) == pytest.approx((-1) ** (k + 1) * 2.0 ** (k + 1), rel=1e-14)
        assert tanh_derivative(k, 1e300) == 0
