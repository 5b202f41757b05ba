"""Expectation maximisation by hand, by mpmath, and by its invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import matrix, mp, mpf

from lemmata.impl import em_responsibilities, em_step, mixture_grid

seeds = st.integers(0, 2**32 - 1)
COV = [[2.0, 0.75], [0.75, 1.0]]


def mp_beliefs(x: np.ndarray, means: np.ndarray, cov: list[list[float]]) -> list[list[mpf]]:
    """N(x; m_i, cov) / sum_j N(x; m_j, cov), with the normalising constants and all."""
    c = matrix(cov)
    inverse, det, d = c**-1, mp.det(c), len(cov)

    def density(point: np.ndarray, mean: np.ndarray) -> mpf:
        gap = matrix([mpf(a) - mpf(b) for a, b in zip(point, mean, strict=True)])
        return mp.exp(-(gap.T * inverse * gap)[0] / 2) / mp.sqrt((2 * mp.pi) ** d * det)

    rows = [[density(point, mean) for mean in means] for point in x]
    return [[value / sum(row) for value in row] for row in rows]


@given(seed=seeds, k=st.integers(1, 4), plain=st.booleans())
@settings(deadline=None)
def test_both_steps_match_mpmath(seed: int, k: int, plain: bool) -> None:
    rng = np.random.default_rng(seed)
    x, means = 2 * rng.standard_normal((5, 2)), rng.standard_normal((k, 2))
    weights = rng.random(5) + 0.1
    cov = None if plain else COV
    with mp.workdps(50):
        belief = mp_beliefs(x, means, [[1.0, 0.0], [0.0, 1.0]] if plain else COV)
        new = [
            [
                float(
                    sum(
                        mpf(w) * row[i] * mpf(y[j])
                        for w, row, y in zip(weights, belief, x, strict=True)
                    )
                    / sum(mpf(w) * row[i] for w, row in zip(weights, belief, strict=True))
                )
                for j in range(2)
            ]
            for i in range(k)
        ]
        expected = np.array([[float(value) for value in row] for row in belief])
    np.testing.assert_allclose(em_responsibilities(x, means, cov=cov), expected, rtol=1e-12)
    np.testing.assert_allclose(
        em_step(x, means, cov=cov, weights=weights), new, rtol=1e-12, atol=1e-13
    )


def test_by_hand() -> None:
    # The beliefs of -1, 0 and 1 in the mean log(3)/2 are 1/4, 1/2 and 3/4: odds exp(2 m x).
    m = np.log(3.0) / 2
    x, means = [[-1.0], [0.0], [1.0]], [[m], [-m]]
    belief = em_responsibilities(x, means)
    np.testing.assert_allclose(belief, [[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]], rtol=1e-15)
    # (-1/4 + 3/4) / (1/4 + 1/2 + 3/4) = 1/3
    np.testing.assert_allclose(em_step(x, means), [[1 / 3], [-1 / 3]], rtol=1e-15)
    # (-2/4 + 3/4) / (2/4 + 1/2 + 3/4) = 1/7 and (-6/4 + 1/4) / (6/4 + 1/2 + 1/4) = -5/9
    np.testing.assert_allclose(
        em_step(x, means, weights=[2.0, 1.0, 1.0]), [[1 / 7], [-5 / 9]], rtol=1e-15
    )


@given(seed=seeds)
@settings(deadline=None)
def test_a_covariance_is_a_change_of_basis(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, means = rng.standard_normal((6, 2)), rng.standard_normal((3, 2))
    factor = np.linalg.cholesky(COV)
    np.testing.assert_allclose(
        em_step(x @ factor.T, means @ factor.T, cov=COV),
        em_step(x, means) @ factor.T,
        rtol=1e-10,
        atol=1e-12,
    )


@given(seed=seeds)
@settings(deadline=None)
def test_weights_count_samples_and_their_sum_cancels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, means = rng.standard_normal((3, 2)), rng.standard_normal((2, 2))
    once = em_step(x[[0, 1, 1, 2, 2, 2]], means)
    for scale in (1.0, 1e-300, 1e300):
        np.testing.assert_allclose(
            em_step(x, means, weights=scale * np.array([1.0, 2.0, 3.0])),
            once,
            rtol=1e-11,
            atol=1e-12,
        )


@pytest.mark.parametrize("cov", [None, COV])
def test_the_truth_is_a_fixed_point_of_the_population_step(cov: list[list[float]] | None) -> None:
    means = np.array([[1.0, -0.5], [-0.75, 0.25], [0.0, 2.0]])
    x, weights = mixture_grid(means, cov=cov)
    np.testing.assert_allclose(em_step(x, means, cov=cov, weights=weights), means, atol=1e-12)
    moved = em_step(x, 1.1 * means, cov=cov, weights=weights)
    assert np.abs(moved - means).max() > 1e-3


def test_far_samples_do_not_underflow() -> None:
    belief = em_responsibilities([[1e6], [-1e6], [0.0]], [[1.0], [-1.0]])
    np.testing.assert_array_equal(belief, [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    np.testing.assert_array_equal(em_step([[1e6], [-1e6]], [[1.0], [-1.0]]), [[1e6], [-1e6]])


def test_one_component_takes_the_mean() -> None:
    np.testing.assert_allclose(em_step([[1.0], [2.0], [6.0]], [[0.0]]), [[3.0]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_component_without_samples_is_refused(dtype: type) -> None:
    x, means = np.array([[50.0], [51.0]], dtype), np.array([[50.0], [-50.0]], dtype)
    with pytest.raises(ValueError, match=r"means must each .* row 1, \[-50.0\], .* underflows"):
        em_step(x, means)
