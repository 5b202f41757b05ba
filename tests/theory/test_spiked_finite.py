"""Fluctuations, small noise, close eigenvalues and emergence: values, ranges and refusals."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from lemmata.theory import (
    angle_growth,
    critical_noise,
    critical_spike,
    emergence_time,
    noisy_spike,
    small_noise_sine,
    spiked_fluctuation,
    spiked_overlap,
)


def test_fluctuation_is_zero_at_and_below_the_transition():
    gamma = np.geomspace(1e-3, 1e3, 7)
    at = critical_spike(gamma)
    assert (spiked_fluctuation(at * (1 - 1e-15), gamma) == 0).all()
    assert (spiked_fluctuation(at * (1 + 1e-15), gamma) > 0).all()
    assert spiked_fluctuation(0.0, 0.5) == 0
    assert spiked_fluctuation(2.0, 1.0, 3.0) == pytest.approx(9 * 13.5)


def test_fluctuation_for_infinitely_many_samples_is_that_of_a_variance():
    # A chi square of n degrees of freedom over n, times 1 + s.
    assert spiked_fluctuation(3.0, 1e-12) == pytest.approx(2 * 16)


@pytest.mark.parametrize(("n", "p"), [(12, 30), (50, 20), (10**9, 10**8)])
def test_small_noise_tends_to_the_limit(n, p):
    gamma = p / n
    spike = 1e4 * max(1.0, gamma)
    leading, correction = small_noise_sine(spike, n, p)
    if n > 10**6:
        assert leading * (1 + correction) == pytest.approx(
            1 - spiked_overlap(spike, gamma), rel=1e-6
        )
    with mp.workdps(40):
        s, m, d = mp.mpf(spike), mp.mpf(n), mp.mpf(p)
        # The mean before it is expanded in 1 / s.
        mean = (d - 1) / (m - 2) / (1 + s) * (1 + (2 * m - d - 3) / ((m - 4) * (1 + s)))
        assert float(mean) == pytest.approx(leading * (1 + correction), rel=1e-6)


def test_growth_of_two_directions_by_hand():
    # (p - r) / lambda_i and the mixing 5 / 9 of both.
    np.testing.assert_allclose(angle_growth([4.0, 1.0], 10), [2 + 5 / 9, 8 + 5 / 9], rtol=1e-15)
    assert angle_growth([4.0], 1) == 0


def test_growth_is_what_a_perturbation_of_the_data_does():
    values, p, n, sigma = np.array([5.0, 3.0, 2.5]), 6, 9, 1e-3
    rng = np.random.default_rng(0)
    clean = np.zeros((n, p))
    clean[range(3), range(3)] = np.sqrt(n * values)
    noisy = clean + sigma * rng.standard_normal((20_000, n, p))
    vectors = np.linalg.eigh(noisy.transpose(0, 2, 1) @ noisy)[1][:, :, :-4:-1]
    sines = 1 - np.square(np.diagonal(vectors[:, :3], axis1=1, axis2=2))
    expected = sigma**2 / n * angle_growth(values, p)
    np.testing.assert_allclose(sines.mean(axis=0), expected, rtol=0.05)


def test_emergence_is_where_the_spike_is_critical():
    values, gamma = np.geomspace(1e-3, 1e3, 9), 0.3
    times = emergence_time(values, gamma)
    np.testing.assert_allclose(noisy_spike(values, times), critical_spike(gamma), rtol=1e-13)
    np.testing.assert_allclose(np.expm1(2 * times), critical_noise(values, gamma), rtol=1e-13)
    assert (np.diff(times) > 0).all()


def test_float32_stays():
    single = np.float32(2.0)
    assert small_noise_sine(single, 10, 3)[0].dtype == np.float32
    assert small_noise_sine(single, np.float64(10), 3)[0].dtype == np.float64
    assert angle_growth(np.array([2.0, 1.0], dtype=np.float32), 3).dtype == np.float32
    assert angle_growth([2, 1], 3).dtype == np.float64


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 10, 3), "spike must be > 0, got 0.0"),
        ((-1.0, 10, 3), "spike must be > 0, got -1.0"),
        ((1.0, 4, 3), "n must be > 4, got 4.0"),
        ((1.0, 10, 0.5), "p must be >= 1, got 0.5"),
        ((np.nan, 10, 3), "spike must be finite"),
        ((1.0, [], 3), "n must not be empty"),
        ((np.ones(2), np.full(3, 9.0), 3), "broadcast"),
        ((1e-320, 5, 1e300), "overflow"),
    ],
)
def test_small_noise_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        small_noise_sine(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, 2.0], 3), "eigenvalues must be strictly falling, got 2.0"),
        (([2.0, 2.0], 3), "eigenvalues must be strictly falling, got 2.0"),
        (([2.0, 0.0], 3), "eigenvalues must be > 0, got 0.0"),
        (([2.0, -1.0], 3), "eigenvalues must be > 0, got -1.0"),
        (([[2.0, 1.0]], 3), r"eigenvalues must have shape \(r,\), got shape \(1, 2\)"),
        (([], 3), "eigenvalues must not be empty"),
        (([np.inf, 1.0], 3), "eigenvalues must be finite"),
        (([2.0, 1.0], 1), "p must be an integer >= 2, got 1"),
        (([1.0, 1e-320], 3), "overflow"),
    ],
)
def test_growth_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        angle_growth(*arguments)


@pytest.mark.parametrize("bad", [1j, True, "1", None, object()])
def test_refuses_other_types(bad):
    for position, name in enumerate(("spike", "n", "p")):
        arguments = [10.0, 10.0, 10.0]
        arguments[position] = bad
        with pytest.raises(TypeError, match=f"^{name} "):
            small_noise_sine(*arguments)
    with pytest.raises(TypeError, match=r"^eigenvalues "):
        angle_growth([bad], 1)
    with pytest.raises(TypeError, match=r"^p must be an integer"):
        angle_growth([1.0], 1.0)
    if not isinstance(bad, int):
        with pytest.raises(TypeError, match=r"^p must be an integer"):
            angle_growth([1.0], bad)
