"""Exact denoisers: the definition, torch's derivative, and the refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lemmata.impl import posterior_jacobian, posterior_mean

X = np.array([[0.5, -1.0, 0.25], [2.0, 0.25, -0.5]])
CENTRES = np.array([[1.0, 0.5, 0.0], [-1.0, -0.5, 0.25], [0.0, 2.0, 1.0], [0.5, 0.5, 0.5]])
WEIGHTS = np.array([1.0, 2.0, 0.0, 0.5])


def definition(x, sigma, variance, weights):
    """Bayes' rule, image by image."""
    total = variance + sigma**2
    pairs = zip(weights, CENTRES, strict=True)
    shares = [w * math.exp(-((x - c) ** 2).sum() / 2 / total) for w, c in pairs]
    means = [c + variance / total * (x - c) for c in CENTRES]
    return sum(s * m for s, m in zip(shares, means, strict=True)) / sum(shares)


@pytest.mark.parametrize("variance", [0.0, 0.3, 7.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_mean_is_that_of_bayes_rule(variance, weights):
    found = posterior_mean(X, CENTRES, 0.8, variance=variance, weights=weights)
    given = np.ones(4) if weights is None else weights
    expected = [definition(x, 0.8, variance, given) for x in X]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("variance", [0.0, 0.3])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("sigma", [0.2, 0.8, 30.0])
def test_the_jacobian_is_torchs(variance, weights, sigma):
    centres = torch.tensor(CENTRES)
    logs = torch.zeros(4) if weights is None else torch.tensor(WEIGHTS).log()

    def mean(x):
        total = variance + sigma**2
        share = (logs - (x - centres).square().sum(dim=1) / (2 * total)).softmax(dim=0)
        return share @ (centres + variance / total * (x - centres))

    expected = torch.func.vmap(torch.func.jacrev(mean))(torch.tensor(X)).numpy()
    found = posterior_jacobian(X, CENTRES, sigma, variance=variance, weights=weights)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found, np.swapaxes(found, 1, 2))


def test_far_points_and_extremes():
    far = posterior_mean([[1e6, 0.0, 0.0]], CENTRES, 1e-3)
    np.testing.assert_array_equal(far, CENTRES[:1])
    assert posterior_jacobian(CENTRES[:1], CENTRES, 1e-4).max() == 0.0
    # One component: the linear denoiser of a normal law.
    np.testing.assert_allclose(
        posterior_jacobian(X, CENTRES[:1], 2.0, variance=4.0), np.stack([0.5 * np.eye(3)] * 2)
    )


def test_many_centres_go_in_blocks():
    rng = np.random.default_rng(1)
    x, centres = rng.standard_normal((300, 16)), rng.standard_normal((700, 16))
    whole = posterior_mean(x, centres, 1.0)
    alone = posterior_mean(x[123:124], centres, 1.0)[0]
    np.testing.assert_allclose(whole[123], alone, rtol=1e-12)


@pytest.mark.parametrize("function", [posterior_mean, posterior_jacobian])
def test_refusals(function):
    good = {"x": X, "centres": CENTRES, "sigma": 0.5}
    for name, bad, error in (
        ("x", [[1.0]], ValueError),
        ("x", X[0], ValueError),
        ("x", X * np.nan, ValueError),
        ("x", X.astype(complex), TypeError),
        ("x", X * 1e200, ValueError),
        ("centres", CENTRES[0], ValueError),
        ("centres", CENTRES[:0], ValueError),
        ("centres", CENTRES.astype(str), TypeError),
        ("sigma", 0.0, ValueError),
        ("sigma", -1.0, ValueError),
        ("sigma", math.nan, ValueError),
        ("sigma", 1e-200, ValueError),
        ("sigma", "1", TypeError),
        ("variance", -1e-9, ValueError),
        ("variance", math.inf, ValueError),
        ("weights", WEIGHTS[:3], ValueError),
        ("weights", -WEIGHTS, ValueError),
        ("weights", 0 * WEIGHTS, ValueError),
    ):
        with pytest.raises(error, match=name):
            function(**{**good, name: bad})
