"""Linear denoisers in closed form: definitions, limits, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lemmata import theory

SPECTRUM = [3.0, 1.0, 0.25, 0.0]


def test_gain_minimises_the_error():
    gains = theory.wiener_gain(SPECTRUM, 0.5, 0.8)
    for x, w in zip(SPECTRUM, gains, strict=True):

        def error(g, x=x):
            return (0.8 * g - 1) ** 2 * x + 0.5 * g**2

        assert error(w) <= min(error(w + 1e-4), error(w - 1e-4))


@pytest.mark.parametrize("rank", range(5))
def test_excess_is_the_difference_of_the_errors(rank):
    projection = 0.5 * rank + sum(SPECTRUM[rank:])
    excess = projection - theory.wiener_error(SPECTRUM, 0.5)
    assert theory.projection_excess(SPECTRUM, 0.5, rank) == pytest.approx(excess, rel=1e-13)
    gains = theory.wiener_gain(SPECTRUM[:rank], 0.5) if rank else np.zeros(0)
    ranked = 0.5 * gains.sum() + sum(SPECTRUM[rank:])
    assert theory.wiener_error(SPECTRUM, 0.5, rank) == pytest.approx(ranked, rel=1e-13)


def test_leading_axes_broadcast():
    spectra = np.array([SPECTRUM, [1.0, 1.0, 1.0, 1.0]])
    for noise in (0.5, np.array([0.5, 2.0]), np.array([[0.5], [1.0], [2.0]])):
        out = theory.wiener_error(spectra, noise)
        assert out.shape == np.broadcast_shapes((2,), np.shape(noise))
        assert out.flat[0] == theory.wiener_error(SPECTRUM, 0.5)
        assert theory.projection_excess(spectra, noise, 2).shape == out.shape


def test_single_precision_stays():
    values = np.array(SPECTRUM, dtype=np.float32)
    assert theory.wiener_error(values, 1.0).dtype == np.float32
    assert theory.projection_excess(values, np.float32(1), 1).dtype == np.float32
    assert theory.projection_excess(values, np.float64(1), 1).dtype == np.float64
    times = np.array([1.0, 0.5, 0.0], dtype=np.float32)
    assert theory.euler_variance(values, times).dtype == np.float32
    assert theory.euler_variance(values, times.astype(float)).dtype == np.float64


def test_chain_gain_is_a_power():
    gain = theory.wiener_gain(2.0, 0.5) ** 7
    assert math.exp(theory.clean_chain_log_gain(2.0, 0.5, 7)) == pytest.approx(gain)


@pytest.mark.parametrize(
    ("power", "preserving", "limit"),
    [
        (0.5, True, 0.0),
        (0.5, False, 0.0),
        (1.0, True, 1 / math.expm1(2.0)),
        (1.0, False, 0.5),
        (2.0, True, math.inf),
        (2.0, False, math.inf),
    ],
)
def test_terminal_ratio_has_its_limits(power, preserving, limit):
    snr = float(theory.terminal_snr(1e12, 2.0, power, preserving=preserving))
    if math.isinf(limit):
        assert snr > 1e11
    else:
        assert snr == pytest.approx(limit, abs=1e-5)


def test_a_step_of_variance_one_leaves_no_signal():
    assert theory.terminal_snr(1, 1.0, 1.0) == 0.0


def test_injected_variance_is_a_fixed_point():
    w = theory.wiener_gain(SPECTRUM, 0.5)
    v = theory.injected_variance(SPECTRUM, 0.5, 0.3)
    np.testing.assert_allclose(v, w**2 * v + 0.3, rtol=1e-13)


@pytest.mark.parametrize("stochastic", [False, True])
def test_short_steps_reach_the_exact_process(stochastic):
    exact = theory.reverse_variance(SPECTRUM[:3], 3.0, stochastic=stochastic)
    off = [
        np.abs(
            theory.euler_variance(SPECTRUM[:3], np.linspace(3.0, 0.0, n + 1), stochastic=stochastic)
            - exact
        )
        for n in (1000, 2000)
    ]
    np.testing.assert_allclose(off[1][[0, 2]], off[0][[0, 2]] / 2, rtol=0.05)
    long = theory.reverse_variance(SPECTRUM, 30.0, stochastic=stochastic)
    np.testing.assert_allclose(long, SPECTRUM, rtol=1e-12, atol=1e-12)


def test_very_long_times_do_not_overflow():
    assert theory.euler_variance(2.0, [1000.0, 999.0, 0.0]) == 1.0
    assert theory.reverse_variance(2.0, 1000.0) == 2.0


@pytest.mark.parametrize("function", [theory.wiener_error, theory.projection_excess])
@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"eigenvalues": [1.0, 2.0]}, ValueError, "eigenvalues must be in falling order, got 2.0"),
        ({"eigenvalues": [1.0, -0.5]}, ValueError, "eigenvalues must be >= 0, got -0.5"),
        ({"eigenvalues": 1.0}, ValueError, r"eigenvalues must have shape \(..., d\)"),
        ({"eigenvalues": []}, ValueError, "eigenvalues must not be empty"),
        ({"eigenvalues": [1.0, math.nan]}, ValueError, "eigenvalues must be finite, got nan"),
        ({"eigenvalues": [1j]}, TypeError, "eigenvalues must hold real numbers"),
        ({"eigenvalues": [True]}, TypeError, "eigenvalues must hold real numbers"),
        ({"eigenvalues": "one"}, TypeError, "eigenvalues must hold real numbers"),
        ({"sigma2": 0.0}, ValueError, "sigma2 must be > 0, got 0.0"),
        ({"sigma2": -1.0}, ValueError, "sigma2 must be > 0, got -1.0"),
        ({"sigma2": math.inf}, ValueError, "sigma2 must be finite"),
        ({"sigma2": None}, TypeError, "sigma2 must hold real numbers"),
        ({"eigenvalues": np.ones((2, 3)), "sigma2": np.ones(3)}, ValueError, "must broadcast"),
        ({"rank": 3}, ValueError, "rank must be an integer from 0 to 2, got 3"),
        ({"rank": -1}, ValueError, "rank must be an integer from 0 to 2, got -1"),
        ({"rank": 1.0}, TypeError, "rank must be an integer from 0 to 2, got 1.0"),
        ({"rank": True}, TypeError, "rank must be an integer from 0 to 2, got True"),
    ],
)
def test_errors_refuse(function, changes, error, message):
    with pytest.raises(error, match=message):
        function(**{"eigenvalues": [2.0, 1.0], "sigma2": 1.0, "rank": 1} | changes)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"times": [0.0, 1.0]}, ValueError, "times must be falling, got 1.0"),
        ({"times": [1.0, 1.0]}, ValueError, "times must be falling, got 1.0"),
        ({"times": [1.0]}, ValueError, r"times must have shape \(N \+ 1,\)"),
        ({"times": [[1.0, 0.0]]}, ValueError, r"times must have shape \(N \+ 1,\)"),
        ({"times": [1.0, -1.0]}, ValueError, "times must be >= 0, got -1.0"),
        ({"times": []}, ValueError, "times must not be empty"),
        ({"times": [1.0, math.nan]}, ValueError, "times must be finite"),
        ({"times": "now"}, TypeError, "times must hold real numbers"),
        ({"eigenvalues": -1.0}, ValueError, "eigenvalues must be >= 0, got -1.0"),
        ({"eigenvalues": 1j}, TypeError, "eigenvalues must hold real numbers"),
        ({"stochastic": 1}, TypeError, "stochastic must be True or False, got 1"),
        ({"times": [1e200, 0.0], "stochastic": True}, ValueError, "overflows"),
    ],
)
def test_steps_refuse(changes, error, message):
    with pytest.raises(error, match=message):
        theory.euler_variance(**{"eigenvalues": [2.0], "times": [1.0, 0.0]} | changes)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("wiener_gain", {"eigenvalues": -1.0}, "eigenvalues must be >= 0, got -1.0"),
        ("wiener_gain", {"sigma2": 0.0}, "sigma2 must be > 0, got 0.0"),
        ("wiener_gain", {"alpha": 0.0}, r"alpha must be in \(0, 1\], got 0.0"),
        ("wiener_gain", {"alpha": 1.5}, r"alpha must be in \(0, 1\], got 1.5"),
        ("clean_chain_log_gain", {"eigenvalues": 0.0}, "eigenvalues must be > 0, got 0.0"),
        ("clean_chain_log_gain", {"sigma2": -1.0}, "sigma2 must be > 0, got -1.0"),
        ("clean_chain_log_gain", {"repeats": 0.0}, "repeats must be > 0, got 0.0"),
        ("terminal_snr", {"steps": 0.0}, "steps must be >= 1, got 0.0"),
        ("terminal_snr", {"scale": 0.0}, "scale must be > 0, got 0.0"),
        ("terminal_snr", {"scale": 4.0}, r"scale / steps\^power must be in \(0, 1\], got 2.0"),
        ("terminal_snr", {"power": -1.0}, r"scale / steps\^power must be in \(0, 1\], got 2.0"),
        ("injected_variance", {"eigenvalues": -1.0}, "eigenvalues must be >= 0, got -1.0"),
        ("injected_variance", {"sigma2": 0.0}, "sigma2 must be > 0, got 0.0"),
        ("injected_variance", {"tau2": 0.0}, "tau2 must be > 0, got 0.0"),
        ("reverse_variance", {"eigenvalues": -1.0}, "eigenvalues must be >= 0, got -1.0"),
        ("reverse_variance", {"t_end": 0.0}, "t_end must be > 0, got 0.0"),
    ],
)
def test_ranges(name, changes, message):
    good = {
        "wiener_gain": {"eigenvalues": 1.0, "sigma2": 1.0},
        "clean_chain_log_gain": {"eigenvalues": 1.0, "sigma2": 1.0},
        "terminal_snr": {"steps": 2.0, "scale": 1.0, "power": 1.0},
        "injected_variance": {"eigenvalues": 1.0, "sigma2": 1.0, "tau2": 1.0},
        "reverse_variance": {"eigenvalues": 1.0, "t_end": 1.0},
    }
    with pytest.raises(ValueError, match=f"^{message}$"):
        getattr(theory, name)(**good[name] | changes)


def test_flags_are_bools():
    with pytest.raises(TypeError, match="preserving must be True or False, got 1"):
        theory.terminal_snr(2, 1.0, 1.0, preserving=1)
    with pytest.raises(TypeError, match="stochastic must be True or False, got None"):
        theory.reverse_variance(1.0, 1.0, stochastic=None)
