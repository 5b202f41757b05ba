"""Intervals: they cover at their stated error, at all looks together, and are as sharp as that."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from lemmata.harness.intervals import (
    BoundedMean,
    clipping_bound,
    dkw_radius,
    empirical_bernstein_radius,
    spend,
)

REPETITIONS = 1000
ALPHA = 0.05
#: More failures than this have probability 1e-9 at the stated error.
ALLOWED = int(stats.binom.ppf(1 - 1e-9, REPETITIONS, ALPHA))


def test_spend_sums_to_alpha():
    shares = [spend(1e-6, look) for look in range(10_000)]
    assert all(late < early for early, late in itertools.pairwise(shares))
    # What remains after n looks is alpha / (n + 1).
    assert math.fsum(shares) + 1e-6 / 10_001 == pytest.approx(1e-6, rel=1e-12)
    assert shares[0] == 5e-7


@pytest.mark.parametrize(
    ("variance", "n", "width", "alpha"),
    [
        (0.25, 2048, 1.0, 1e-6),
        (0.0, 2, 3.0, 0.05),
        (1e-4, 10**6, 1.0, 1e-9),
        (90.0, 777, 20.0, 0.3),
    ],
)
def test_empirical_bernstein_is_maurer_and_pontil(variance, n, width, alpha):
    with mp.workdps(50):
        delta = mp.mpf(alpha) / 2  # a side
        # Theorem 4 for [0, 1], scaled by the width.
        unit = mp.mpf(variance) / mp.mpf(width) ** 2
        radius = mp.sqrt(2 * unit * mp.log(2 / delta) / n) + 7 * mp.log(2 / delta) / (3 * (n - 1))
        expected = float(width * radius)
    assert empirical_bernstein_radius(variance, n, width, alpha) == pytest.approx(
        expected, rel=1e-14
    )


@pytest.mark.parametrize(("n", "alpha"), [(1, 0.5), (2048, 1e-6), (10**7, 1e-12)])
def test_dkw_is_massart(n, alpha):
    # Error 2 exp(-2 n r^2).
    assert 2 * math.exp(-2 * n * dkw_radius(n, alpha) ** 2) == pytest.approx(alpha, rel=1e-10)


LAWS = {
    "fair coin": (0.5, lambda rng, n: rng.integers(0, 2, n)),
    "rare": (0.004, lambda rng, n: rng.uniform(size=n) < 0.004),
    "almost sure": (0.97, lambda rng, n: rng.uniform(size=n) < 0.97),
    "uniform": (0.5, lambda rng, n: rng.uniform(size=n)),
    "heavy beta": (0.1, lambda rng, n: rng.beta(0.05, 0.45, size=n)),
}


@pytest.mark.parametrize("name", LAWS)
def test_bounded_mean_covers_at_all_looks(name):
    mean, draw = LAWS[name]
    rng = np.random.default_rng([7, *name.encode()])
    misses = 0
    for _ in range(REPETITIONS):
        values = draw(rng, 64 * 2**4)
        tally = BoundedMean(0.0, 1.0)
        missed = False
        for look in range(5):
            tally.add(values[tally.n : 64 * 2**look])
            low, high = tally.interval(spend(ALPHA, look))
            missed |= not low <= mean <= high
        misses += missed
    assert misses <= ALLOWED


def test_bounded_mean_narrows_to_the_mean():
    rng = np.random.default_rng(11)
    tally = BoundedMean(0.0, 1.0)
    tally.add(rng.beta(2, 6, size=1_000_000))
    low, high = tally.interval(1e-6)
    assert low < 0.25 < high
    # A Gaussian interval at this error has half-width 4.9 sigma / sqrt(n).
    assert high - low < 2 * 8 * 0.1443 / 1000


def uniform_distances(rng, repetitions, n):
    """Kolmogorov distances of samples of n from the uniform law."""
    values = np.sort(rng.uniform(size=(repetitions, n)), axis=1)
    above = np.arange(1, n + 1) / n - values
    below = values - np.arange(n) / n
    return np.maximum(above.max(axis=1), below.max(axis=1))


def test_dkw_covers_and_is_sharp():
    distances = uniform_distances(np.random.default_rng(3), REPETITIONS, 512)
    misses = int((distances > dkw_radius(512, ALPHA)).sum())
    # Massart's constant cannot be improved: close to all of the error is used.
    assert stats.binom.ppf(1e-9, REPETITIONS, 0.8 * ALPHA) <= misses <= ALLOWED


@pytest.mark.parametrize("p", [0.5, 0.02])
def test_dkw_covers_laws_with_atoms_at_all_looks(p):
    rng = np.random.default_rng(5)
    looks = [64 * 2**k for k in range(5)]
    hits = np.cumsum(rng.uniform(size=(REPETITIONS, looks[-1])) < p, axis=1)
    missed = np.zeros(REPETITIONS, dtype=bool)
    for look, n in enumerate(looks):
        # The distribution functions of coins differ between zero and one only.
        missed |= np.abs(hits[:, n - 1] / n - p) > dkw_radius(n, spend(ALPHA, look))
    assert missed.sum() <= ALLOWED


def excess(density, bound):
    """E(|Y| - bound)_+ for a symmetric density."""
    return 2 * integrate.quad(lambda y: (y - bound) * density(y), bound, np.inf)[0]


@pytest.mark.parametrize(
    ("law", "order"), [(stats.norm(), 2), (stats.norm(), 8), (stats.t(5), 2), (stats.t(5), 4)]
)
@pytest.mark.parametrize("bias", [0.1, 1e-3])
def test_clipping_costs_at_most_its_bias(law, order, bias):
    moment = 2 * integrate.quad(lambda y: y**order * law.pdf(y), 0, np.inf)[0]
    bound = clipping_bound(order, moment ** (1 / order), bias)
    # What clipping moves the mean of |Y| by: the worst that it can do to a law of this size.
    assert excess(law.pdf, bound) <= bias
    # E|Y|^p / B^(p-1) is the bias, by definition.
    assert moment / bound ** (order - 1) == pytest.approx(bias, rel=1e-12)


def test_clipping_bound_of_a_two_point_law():
    # Y = y with probability q, else zero, at the worst y for this bound: y = B p / (p - 1).
    order, bias, size = 3.0, 0.01, 1.0
    bound = clipping_bound(order, size, bias)
    y = bound * order / (order - 1)
    q = (size / y) ** order
    lost = q * (y - bound)
    assert lost <= bias
    assert lost == pytest.approx(bias * (order - 1) ** (order - 1) / order**order, rel=1e-12)


blocks = st.lists(
    st.lists(st.floats(-3, 5), min_size=1, max_size=9).map(np.array), min_size=1, max_size=6
).filter(lambda some: sum(block.size for block in some) > 1)


@given(blocks, st.sampled_from([0.0, 1e6]))
def test_bounded_mean_is_the_mean_and_variance_of_all_blocks(some, offset):
    tally = BoundedMean(-3 + offset, 5 + offset)
    for block in some:
        tally.add(block + offset)
    whole = np.concatenate(some) + offset
    assert tally.n == whole.size
    assert tally.mean == pytest.approx(whole.mean(), rel=1e-14, abs=1e-14)
    # A sum of squares less the squared mean would lose ten digits at this offset.
    assert tally.variance == pytest.approx(whole.var(ddof=1), rel=1e-7, abs=1e-12)
    low, high = tally.interval(0.01)
    radius = empirical_bernstein_radius(tally.variance, whole.size, 8.0, 0.01)
    assert (low, high) == (tally.mean - radius, tally.mean + radius)


def test_bounded_mean_clips():
    tally = BoundedMean(-1.0, 2.0)
    tally.add(np.array([-5.0, 0.0, 7.0]))
    assert tally.mean == pytest.approx(1 / 3)
    assert tally.variance == pytest.approx(np.var([-1, 0, 2], ddof=1))


def test_bounded_mean_takes_integers_booleans_and_single_precision():
    for values in ([0, 1, 1], np.array([False, True, True]), np.array([0, 1, 1], dtype=np.float32)):
        tally = BoundedMean(0.0, 1.0)
        tally.add(np.asarray(values))
        assert tally.mean == 2 / 3


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_bounded_mean_refuses_what_is_not_a_number(bad):
    tally = BoundedMean(0.0, 1.0)
    tally.add(np.array([0.25, 0.75]))
    before = tally.n, tally.mean, tally.variance
    with pytest.raises(ValueError, match="values: an observation is not finite"):
        tally.add(np.array([0.5, bad]))
    assert (tally.n, tally.mean, tally.variance) == before
