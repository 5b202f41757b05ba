"""The characteristic function and the gap between the losses, from their definitions."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemmata.theory import marginal_means, mixture_characteristic, score_gap

deterministic = settings(derandomize=True, deadline=None, max_examples=30)
log_norms = st.floats(-12, 3).map(lambda e: 10.0**e)


@deterministic
@given(
    frequency=st.floats(-12, 1.3).map(lambda e: 10.0**e),
    spread=log_norms,
    k=st.integers(1, 5),
    d=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_characteristic_function(frequency, spread, k, d, seed):
    rng = np.random.default_rng(seed)
    u, means = frequency * rng.standard_normal(d), spread * rng.standard_normal((k, d))
    cosine, sine = mixture_characteristic(u, means)
    with mp.workdps(50):
        phases = [mp.fdot(zip(map(mp.mpf, u), map(mp.mpf, row), strict=True)) for row in means]
        envelope = mp.exp(-mp.fsum(mp.mpf(v) ** 2 for v in u) / 2)
        for got, wave in ((cosine, mp.cos), (sine, mp.sin)):
            waves = [wave(phase) for phase in phases]
            exact = envelope * mp.fsum(waves) / k
            size = envelope * mp.fsum(map(abs, waves)) / k
            assert abs(mp.mpf(float(got)) - exact) <= mp.mpf("1e-13") * size + mp.mpf("1e-320")


def test_characteristic_function_by_integration():
    means, u = [[0.7], [-2.0]], 1.3

    def density(x):
        return sum(mp.npdf(x, m[0], 1) for m in means) / 2

    with mp.workdps(30):
        for got, wave in zip(mixture_characteristic([u], means), (mp.cos, mp.sin), strict=True):
            exact = mp.quad(lambda x, w=wave: w(u * x) * density(x), [-16, -8, -2, 1, 8, 16])
            assert float(got) == pytest.approx(float(exact), rel=1e-14)


def test_shapes_and_symmetries():
    rng = np.random.default_rng(1)
    u, means = rng.standard_normal((4, 2, 3)), rng.standard_normal((5, 3))
    cosine, sine = mixture_characteristic(u, means)
    assert cosine.shape == sine.shape == (4, 2)
    mirrored = mixture_characteristic(-u, means)
    np.testing.assert_array_equal(mirrored[0], cosine)
    np.testing.assert_array_equal(mirrored[1], -sine)
    both = mixture_characteristic(u, np.concatenate([means, -means]))
    np.testing.assert_allclose(both[1], 0, atol=1e-16)


def test_far_frequencies_vanish_and_overflow_is_refused():
    assert [float(part) for part in mixture_characteristic([1e200], [[1.0]])] == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"u and means .*overflows"):
        mixture_characteristic([1e200], [[1e200]])
    with pytest.raises(ValueError, match="d = 2 as in means"):
        mixture_characteristic([1.0], [[1.0, 2.0]])


def gap_by_definition(length, d, t):
    """d / beta^2 - E|score|^2, the score tanh(mu x) mu - x on the line along mu."""
    t = mp.mpf(t)
    mu = mp.exp(-t) * mp.mpf(length)

    def square(z):
        x = mu + z
        return (mp.tanh(mu * x) * mu - x) ** 2 * mp.npdf(z)

    ends = sorted({-15, -8, -3, -1, 0, 1, 3, 8, 15} | {-mu + s for s in (-1, 0, 1) if mu < 14})
    along = mp.quad(square, ends, maxdegree=9)
    return d / (1 - mp.exp(-2 * t)) - along - (d - 1)


@pytest.mark.parametrize("t", [1e-4, 0.01, 0.5, 3.0, 20.0])
@pytest.mark.parametrize(("length", "d"), [(1e-6, 1), (0.3, 2), (1.0, 7), (2.5, 1), (20.0, 3)])
def test_gap_is_what_the_definition_says(length, d, t):
    mu_star = np.zeros(d)
    mu_star[-1] = length
    with mp.workdps(50):
        exact = gap_by_definition(length, d, t)
    assert float(score_gap(mu_star, t)) == pytest.approx(float(exact), rel=1e-13)


def test_gap_at_both_ends():
    assert float(score_gap([0.6, 0.8], 1e-9)) == pytest.approx(1e9, rel=1e-8)  # d / 2t
    late = float(score_gap([0.6, 0.8], 15.0))
    assert late == pytest.approx(3 * np.exp(-30.0), rel=1e-12)  # exp(-2t) (d + |mu*|^2)
    assert float(score_gap([1e3], 400.0)) >= 0.0


def test_gap_broadcasts():
    star = np.arange(12.0).reshape(2, 2, 3) / 10
    times = np.array([0.3, 2.0])
    table = score_gap(star, times)
    assert table.shape == (2, 2)
    assert table[1, 0] == score_gap(star[1, 0], 0.3)
    assert score_gap(star[0, 0], np.ones(5)).shape == (5,)
    # The law at time t knows mu* through exp(-t) mu* only.
    moved = marginal_means(star[1], 0.7)
    assert score_gap(moved, 1.0).shape == (2,)


def test_gap_bad_input():
    for bad in (0.0, -1.0):
        with pytest.raises(ValueError, match=rf"^t must be > 0, got {bad!r}"):
            score_gap([1.0], bad)
    with pytest.raises(ValueError, match=r"^t must broadcast"):
        score_gap(np.ones((2, 3)), np.ones(4))
    with pytest.raises(ValueError, match=r"^mu_star must have shape"):
        score_gap(1.0, 1.0)
    with pytest.raises(ValueError, match=r"^mu_star .*overflows"):
        score_gap([1e200], 1.0)
    with pytest.raises(ValueError, match=r"mu_star and t .*overflows"):
        score_gap([1.0], 1e-310)
