"""Responsibilities and scores against the density."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from lemmata.theory import (
    marginal_means,
    mixture_score,
    responsibilities,
    two_component_score,
)

deterministic = settings(derandomize=True, deadline=None, max_examples=100)
MEANS = [[1.0, 0.5], [-2.0, 0.3], [0.1, -1.5]]


def log_density(x, means):
    """Return the log of the equal-weight mixture of unit Gaussians, but for constants."""
    return mp.log(
        sum(mp.exp(-sum((a - b) ** 2 for a, b in zip(x, mu, strict=True)) / 2) for mu in means)
    )


@pytest.mark.parametrize("x", [(0.0, 0.0), (1.3, -0.7), (-4.0, 6.0), (20.0, 1.0)])
def test_mixture_score_is_the_gradient_of_the_log_density(x):
    with mp.workdps(50):
        exact = [mp.diff(lambda *y: log_density(y, MEANS), x, order) for order in ((1, 0), (0, 1))]
    assert mixture_score(x, MEANS) == pytest.approx([float(e) for e in exact], rel=1e-14)


@pytest.mark.parametrize("x", [(0.0, 0.0), (0.3, -0.7), (-4.0, 6.0), (200.0, 1.0)])
def test_responsibilities_are_posterior_weights(x):
    with mp.workdps(50):
        terms = [
            mp.exp(-sum((mp.mpf(a) - b) ** 2 for a, b in zip(x, mu, strict=True)) / 2)
            for mu in MEANS
        ]
        exact = [float(term / sum(terms)) for term in terms]
    # The tiny ones as well: an exponent of 600 costs 600 roundings.
    assert responsibilities(x, MEANS) == pytest.approx(exact, rel=3e-13, abs=1e-300)


coordinates = st.lists(st.floats(-30, 30), min_size=3, max_size=3)


@deterministic
@given(x=coordinates, mu=coordinates)
def test_two_components(x, mu):
    x, mu = np.array(x), np.array(mu)
    pair = np.stack([mu, -mu])
    w = responsibilities(x, pair)
    assert w[0] == pytest.approx(expit(2 * mu @ x), rel=1e-12, abs=1e-300)  # (A.2)
    assert w.sum() == pytest.approx(1, rel=1e-15)
    size = np.abs(mu).max() + np.abs(x).max()
    score = two_component_score(x, mu)
    assert score == pytest.approx(mixture_score(x, pair), abs=1e-14 * size)
    assert score == pytest.approx(np.tanh(mu @ x) * mu - x, abs=1e-14 * size)
    assert two_component_score(-x, mu) == pytest.approx(-score, abs=0)


@deterministic
@given(
    x=coordinates, means=st.lists(coordinates, min_size=1, max_size=5), shift=st.floats(-1e3, 1e3)
)
def test_shifting_everything_changes_no_responsibility(x, means, shift):
    x, means = np.array(x), np.array(means)
    moved = responsibilities(x + shift, means + shift)
    assert responsibilities(x, means) == pytest.approx(moved, abs=1e-9)
    assert mixture_score(x, means) == pytest.approx(
        mixture_score(x + shift, means + shift), abs=1e-7
    )


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1.0, 1e8, 1e150])
def test_any_scale(scale):
    means = scale * np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    w = responsibilities(2 * means[0], means)
    assert w.sum() == pytest.approx(1, rel=1e-15)
    if scale > 1:
        assert w == pytest.approx([1, 0, 0])
    if scale < 1e-7:
        assert w == pytest.approx([1 / 3] * 3)


def test_far_from_the_origin_the_common_part_cancels():
    # Two close means at a distance 1e8: naive |x - mu|^2 terms of 1e16 would leave nothing.
    far = np.array([1e8, 1e8])
    means = far + np.array([[0.5, 0.0], [-0.5, 0.0]])
    assert responsibilities(far + np.array([0.25, 0]), means)[0] == pytest.approx(
        expit(0.25), rel=1e-14
    )


def test_two_component_score_broadcasts():
    rng = np.random.default_rng(1)
    x, mu = rng.normal(size=(6, 1, 3)), rng.normal(size=(4, 3))
    assert two_component_score(x, mu).shape == (6, 4, 3)
    assert two_component_score(x[:, 0], mu[0]).shape == (6, 3)
    assert mixture_score(x, mu).shape == (6, 1, 3)
    assert responsibilities(x, mu).shape == (6, 1, 4)


def test_one_component_is_a_gaussian():
    x = np.array([[3.0], [-1.0]])
    assert mixture_score(x, [[2.0]]) == pytest.approx(2.0 - x)
    assert (responsibilities(x, [[2.0]]) == 1).all()


def test_marginal_means_follow_the_drift():
    means = np.array(MEANS)
    t = np.array([0.0, 0.5, 1e3])
    out = marginal_means(means, t)
    assert out.shape == (3, 3, 2)
    assert (out[0] == means).all()
    assert out[1] == pytest.approx(means * 0.60653065971263342)
    assert (out[2] == 0).all()
    # The drift of dX = -X dt + ...: half a step twice is a step.
    assert marginal_means(marginal_means(means, 0.2), 0.3) == pytest.approx(out[1], rel=1e-15)
    assert marginal_means(means[0], 0.5).shape == (2,)
