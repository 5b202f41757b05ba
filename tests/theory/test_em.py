"""The slope and the rate of EM: shapes, limits, symmetries (digits: `test_accuracy.py`)."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.theory import em_contraction, em_map, em_residual, em_residual_slope, em_slope


def test_em_slope_is_that_of_the_map():
    lam, mu, h = np.linspace(-3, 3, 13)[:, None], np.array([0.2, 1.0, 2.5]), 1e-5
    for var in (0.5, 1.0, 4.0):
        cov = [[var]]
        ahead, behind = (em_map(lam[..., None] + s * h, mu[:, None], cov) for s in (1, -1))
        slope = (ahead - behind)[..., 0] / (2 * h)
        assert em_slope(lam, mu, var) == pytest.approx(slope, rel=1e-8, abs=1e-9)


def test_em_slope_at_and_next_to_zero():
    assert em_slope(0.0, [0.0, 2.0, -2.0], [1.0, 2.0, 0.5]).tolist() == [1.0, 3.0, 9.0]
    # lam^2 / var is not a normal number; s is a number.
    assert em_slope([1e-160, -1e-200], [1.0, 3.0]) == pytest.approx([2.0, 10.0], rel=1e-15)


def test_em_slope_where_the_variance_of_s_underflows():
    # x is mu, and x^2 tanh'(s) / var at s = lam mu / var = 0.7.
    assert em_slope(0.7e-155, 1e145, 1e-10) == pytest.approx(
        1e150 * 1e150 / np.cosh(0.7) ** 2, rel=1e-14
    )


def test_em_slope_attracts_at_the_truth():
    mu = np.geomspace(1e-8, 30, 50)
    assert (em_slope(0.0, mu) >= 1).all()
    slope = em_slope(mu, mu)
    assert ((slope > 0) & (slope <= 1)).all()
    assert (em_slope(-mu, mu) == slope).all()


def test_em_residual_slope_is_that_of_the_residual():
    mu, star, h = np.array([[0.3], [1.0], [3.0]]), np.linspace(-2, 4, 13), 1e-4
    ahead, behind = (em_residual(mu[..., None], (star + s * h)[:, None]) for s in (1, -1))
    assert em_residual_slope(mu, star) == pytest.approx(
        (ahead - behind)[..., 0] / (2 * h), abs=1e-7
    )
    assert (em_residual_slope(-mu, -star) == em_residual_slope(mu, star)).all()


def test_em_contraction_takes_the_shorter():
    lam = np.array([2.0, 0.0])
    mu = np.array([[2.0, 1.0], [9.0, 0.0], [1.0, 5.0]])
    assert em_contraction(lam, mu) == pytest.approx(np.exp([-2, -2, -0.5]), rel=1e-15)
    assert em_contraction(lam, mu, np.eye(2)) == pytest.approx(em_contraction(lam, mu), rel=1e-15)
    assert em_contraction([1e-200, 0.0], [1e10, 0.0]) == 1.0


def test_covariances_of_bad_condition():
    # <lam, lam> = 1 + 4, whatever the scales of the axes.
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    for scale in (1e-3, 1.0, 1e5):
        cov = turn @ np.diag([scale**2, 1.0]) @ turn.T
        cov = (cov + cov.T) / 2
        lam = turn @ [scale, 2.0]
        # The roundings of the entries of cov are worth its condition.
        assert em_contraction(lam, lam, cov) == pytest.approx(np.exp(-2.5), rel=1e-5)
    # Two rows and a broadcast.
    both = em_contraction([lam, 2 * lam], lam, cov)
    assert both[0] == em_contraction(lam, lam, cov)
