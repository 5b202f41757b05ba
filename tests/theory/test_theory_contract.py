"""What every public function of the room promises: shapes, precision, and clear errors."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lemmata.theory as room

MU, STAR = [0.3, -0.4, 0.5], [1.0, 0.5, 0.0]
MEANS = [[1.0, 0.5, 0.0], [-1.0, 0.0, 2.0]]
COV = [[2.0, 0.5, 0.0], [0.5, 1.0, 0.1], [0.0, 0.1, 1.0]]

# A good call of every function, by parameter name.
CALLS = {
    "angle_fall": {"along": [0.5], "across": [0.3], "star": [1.0], "eta": [0.1]},
    "clean_chain_log_gain": {"eigenvalues": [2.0], "sigma2": [0.5], "repeats": [3.0]},
    "chain_decay": {"spikes": [[4.0, 2.0], [3.0, 2.0]], "gamma": [0.5]},
    "chain_energy": {"spikes": [[4.0, 2.0], [3.0, 2.0]], "gamma": [0.5]},
    "contraction_radius": {"star": [0.5], "d": [3.0]},
    "critical_noise": {"eigenvalue": [2.0], "gamma": [0.5]},
    "critical_spike": {"gamma": [0.5]},
    "ddpm_descent": {"mu": MU, "mu_star": STAR},
    "ddpm_descent_coefficients": {"m": [0.5], "v": [2.0]},
    "em_contraction": {"lam": STAR, "mu": MEANS[0], "cov": COV},
    "em_map": {"lam": MU, "mu": STAR, "cov": COV},
    "em_residual": {"mu": MU, "mu_star": STAR},
    "em_residual_slope": {"mu": [0.5], "mu_star": [2.0]},
    "em_slope": {"lam": [0.5], "mu": [2.0], "var": [1.5]},
    "emergence_time": {"eigenvalue": [2.0], "gamma": [0.5]},
    "injected_variance": {"eigenvalues": [2.0], "sigma2": [0.5], "tau2": [1.0]},
    "large_noise_error": {"mu": MU, "mu_star": STAR},
    "large_noise_field": {"mu": MU, "mu_star": STAR},
    "marginal_means": {"means": MEANS, "t": [0.5]},
    "mixture_characteristic": {"u": MU, "means": MEANS},
    "mixture_score": {"x": MU, "means": MEANS},
    "noisy_spike": {"eigenvalue": [2.0], "t": [0.5]},
    "plane_step": {"along": [0.5], "across": [0.3], "star": [1.0], "eta": [0.1]},
    "responsibilities": {"x": MU, "means": MEANS},
    "reverse_variance": {"eigenvalues": [2.0], "t_end": [0.5]},
    "score_gap": {"mu_star": STAR, "t": [0.5]},
    "spiked_eigenvalue": {"spike": [2.0], "gamma": [0.5], "sigma2": [1.0]},
    "spiked_fluctuation": {"spike": [2.0], "gamma": [0.5], "sigma2": [1.0]},
    "spiked_overlap": {"spike": [2.0], "gamma": [0.5]},
    "stein_second_moment": {"mu": MU, "mu_star": STAR},
    "step_eigenvalues": {"mu_sq": [0.5], "mu_star_sq": [2.0], "eta": [0.1], "coefficient": [2.0]},
    "tanh_derivative": {"s": [0.5]},
    "tanh_moments": {"m": [0.5], "v": [2.0]},
    "taylor_remainders": {"mu": MU, "mu_star": STAR},
    "terminal_snr": {"steps": [3.0], "scale": [0.5], "power": [1.0]},
    "two_component_score": {"x": MU, "mu": STAR},
    "wiener_gain": {"eigenvalues": [2.0], "sigma2": [0.5], "alpha": [0.5]},
}
SCALARS = (
    "angle_fall",
    "clean_chain_log_gain",
    "contraction_radius",
    "critical_noise",
    "ddpm_descent_coefficients",
    "em_residual_slope",
    "em_slope",
    "emergence_time",
    "injected_variance",
    "noisy_spike",
    "plane_step",
    "reverse_variance",
    "spiked_eigenvalue",
    "spiked_fluctuation",
    "spiked_overlap",
    "step_eigenvalues",
    "tanh_moments",
    "terminal_snr",
    "wiener_gain",
)
# Of arguments that must fall or hang together: in files of their own.
ELSEWHERE = {
    "angle_growth",
    "euler_variance",
    "power_contraction",
    "power_tangent",
    "projection_excess",
    "small_noise_sine",
    "wiener_error",
}
ARRAYS = [(name, parameter) for name, call in CALLS.items() for parameter in call]


def call(name, **changes):
    function = getattr(room, name)
    arguments = CALLS[name] | changes
    if name == "tanh_derivative":
        return function(3, **arguments)
    return function(**arguments)


def arrays(result):
    """Return the arrays that a function returned."""
    if isinstance(result, room.TanhMoments):
        return [getattr(result, name) for name in room.TanhMoments.__slots__]
    return list(result) if isinstance(result, tuple) else [result]


def test_every_function_has_a_good_call():
    functions = set(room.__all__) - {"TanhMoments", "tanh_taylor"} - ELSEWHERE
    assert functions == set(CALLS)
    for name in CALLS:
        assert all(np.isfinite(a).all() for a in arrays(call(name)))


def test_imports_only_numpy_and_scipy():
    code = (
        "import sys, lemmata.theory; "
        "print(*{m.split('.')[0] for m in sys.modules} & "
        "{'torch', 'mpmath', 'sympy', 'flint', 'hypothesis', 'pytest'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize(("name", "parameter"), ARRAYS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite(name, parameter, bad):
    value = np.array(CALLS[name][parameter], dtype=float)
    value.flat[-1] = bad
    with pytest.raises(ValueError, match=rf"^{parameter} must be finite, got {bad!r}"):
        call(name, **{parameter: value})


@pytest.mark.parametrize(("name", "parameter"), ARRAYS)
@pytest.mark.parametrize("dtype", [complex, bool, object, str, "M8[s]", np.longdouble])
def test_not_real(name, parameter, dtype):
    value = np.zeros(np.shape(CALLS[name][parameter]), dtype=dtype)
    if value.dtype == np.float64:  # a platform without longdouble
        return
    with pytest.raises(TypeError, match=rf"^{parameter} must hold real numbers"):
        call(name, **{parameter: value})


@pytest.mark.parametrize(("name", "parameter"), ARRAYS)
def test_empty_ragged_and_masked(name, parameter):
    with pytest.raises(ValueError, match=rf"^{parameter} must not be empty, got shape \(0,\)"):
        call(name, **{parameter: []})
    with pytest.raises(ValueError, match=rf"^{parameter} must be a regular array"):
        call(name, **{parameter: [[1.0], [1.0, 2.0]]})
    with pytest.raises(TypeError, match=rf"^{parameter} must not be a masked array"):
        call(name, **{parameter: np.ma.masked_array(CALLS[name][parameter])})


@pytest.mark.parametrize(("name", "parameter"), ARRAYS)
def test_none_and_text(name, parameter):
    if name in ("em_map", "em_contraction") and parameter == "cov":
        return  # None is the identity
    for bad in (None, "one"):
        with pytest.raises(TypeError, match=rf"^{parameter} must hold real numbers.*{bad}"):
            call(name, **{parameter: bad})


@pytest.mark.parametrize(
    ("name", "parameter", "bad"),
    [
        ("critical_spike", "gamma", 0.0),
        ("critical_spike", "gamma", -1.0),
        ("ddpm_descent_coefficients", "v", -1e-300),
        ("em_slope", "var", 0.0),
        ("em_slope", "var", -1.0),
        ("marginal_means", "t", -1e-9),
        ("spiked_eigenvalue", "gamma", 0.0),
        ("spiked_eigenvalue", "sigma2", 0.0),
        ("spiked_eigenvalue", "sigma2", -1.0),
        ("spiked_eigenvalue", "spike", -0.1),
        ("critical_noise", "eigenvalue", -1.0),
        ("critical_noise", "gamma", 0.0),
        ("emergence_time", "eigenvalue", -1.0),
        ("emergence_time", "gamma", 0.0),
        ("noisy_spike", "eigenvalue", -1.0),
        ("noisy_spike", "t", 0.0),
        ("spiked_fluctuation", "gamma", 0.0),
        ("spiked_fluctuation", "sigma2", 0.0),
        ("spiked_fluctuation", "spike", -0.1),
        ("spiked_overlap", "gamma", -2.0),
        ("spiked_overlap", "spike", -0.1),
        ("tanh_moments", "v", -0.5),
    ],
)
def test_out_of_range(name, parameter, bad):
    with pytest.raises(ValueError, match=rf"^{parameter} must be >=? 0, got {bad!r}$"):
        call(name, **{parameter: bad})
    with pytest.raises(ValueError, match=rf"^{parameter} must be >=? 0, got {bad!r}$"):
        call(name, **{parameter: [1.0, bad, 1.0]})


@pytest.mark.parametrize(("name", "parameter"), ARRAYS)
def test_wrong_shape(name, parameter):
    scalar_maps = ("critical_spike", "tanh_derivative")
    if name in scalar_maps or (name, parameter) == ("marginal_means", "t"):
        return  # any shape will do
    value = np.full((2, 7), 1.5)
    others = {p: np.ones((3, 5)) for p in CALLS[name] if p != parameter}
    if name in ("chain_decay", "chain_energy"):
        return  # see test_chain.py
    if name in SCALARS:
        with pytest.raises(ValueError, match=rf"broadcast.*{parameter} \(2, 7\)"):
            call(name, **others, **{parameter: value})
        return
    if name == "score_gap":
        with pytest.raises(ValueError, match=r"^t must broadcast .* mu_star"):
            room.score_gap(np.ones((2, 7, 3)), np.ones((3, 5)))
        with pytest.raises(ValueError, match=r"^mu_star must have shape \(\.\.\., d\)"):
            room.score_gap(1.0, 1.0)
        return
    if name == "marginal_means":
        value = np.float64(1.0)
    with pytest.raises(ValueError, match=rf"\b{parameter}\b"):
        call(name, **{parameter: value})
    with pytest.raises(ValueError, match=rf"\b{parameter}\b"):
        call(name, **{parameter: 1.0})


def test_vectors_of_length_one_do_not_stretch():
    for name in ("ddpm_descent", "em_residual", "large_noise_field", "stein_second_moment"):
        with pytest.raises(ValueError, match=r"same length d, got mu \(3,\), mu_star \(1,\)"):
            call(name, mu_star=[1.0])
    with pytest.raises(ValueError, match=r"broadcast, got mu \(2, 3\), mu_star \(4, 3\)"):
        room.ddpm_descent(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="d = 3"):
        room.mixture_score([[1.0]], MEANS)


@pytest.mark.parametrize(
    ("cov", "message"),
    [
        (np.eye(2), r"shape \(d, d\) = \(3, 3\), got \(2, 2\)"),
        (np.triu(np.ones((3, 3))), "symmetric"),
        (-np.eye(3), "positive definite"),
        (np.ones((3, 3)), "positive definite"),
    ],
)
def test_em_checks_its_covariance(cov, message):
    with pytest.raises(ValueError, match=f"^cov must .*{message}"):
        room.em_map(MU, STAR, cov)
    with pytest.raises(ValueError, match=f"^cov must .*{message}"):
        room.em_contraction(MU, STAR, cov)


@pytest.mark.parametrize("lam", [[-1.0, 0.0], [0.0, 0.0], [0.0, 5.0]])
def test_em_contraction_needs_an_acute_angle(lam):
    with pytest.raises(ValueError, match=r"^<lam, mu> must be > 0 for lam and mu, got -?\d"):
        room.em_contraction(lam, [1.0, 0.0])
    with pytest.raises(ValueError, match=r"^<lam, mu> must be > 0"):
        room.em_contraction([[1.0, 0.0], lam], [1.0, 0.0], np.eye(2))


@pytest.mark.parametrize("name", CALLS)
def test_lists_integers_and_arrays_agree(name):
    if name in ("em_map", "em_contraction"):
        integers = {"lam": [1, 2, 0], "mu": [2, 1, 1], "cov": [[2, 1, 0], [1, 2, 0], [0, 0, 1]]}
    else:
        integers = {p: np.ones(np.shape(v), dtype=int).tolist() for p, v in CALLS[name].items()}
    expected = arrays(call(name, **{p: np.array(v, dtype=float) for p, v in integers.items()}))
    for dtype in (np.int64, np.uint8, np.float16):
        got = arrays(call(name, **{p: np.array(v, dtype=dtype) for p, v in integers.items()}))
        for g, e in zip(got, expected, strict=True):
            assert g.dtype == np.float64
            assert (g == e).all()
    for g, e in zip(arrays(call(name, **integers)), expected, strict=True):
        assert g.dtype == np.float64
        assert (g == e).all()


@pytest.mark.parametrize("name", CALLS)
def test_float32_stays_and_is_the_rounded_float64(name):
    single = {p: np.array(v, dtype=np.float32) for p, v in CALLS[name].items()}
    double = {p: v.astype(np.float64) for p, v in single.items()}
    for g, e in zip(arrays(call(name, **single)), arrays(call(name, **double)), strict=True):
        assert g.dtype == np.float32
        assert (g == e.astype(np.float32)).all()
    if len(single) > 1:  # one float64 makes all float64
        first = next(iter(single))
        for g in arrays(call(name, **(single | {first: double[first]}))):
            assert g.dtype == np.float64


def test_python_numbers_have_no_precision():
    assert room.tanh_moments(np.float32(0.5), 2).d1.dtype == np.float32
    assert room.tanh_moments(np.float64(0.5), 2).d1.dtype == np.float64
    assert room.tanh_moments(0.5, 2).d1.dtype == np.float64
    assert room.marginal_means(np.ones((2, 2), dtype=np.float32), 1).dtype == np.float32
    assert room.spiked_eigenvalue(np.float32(2), 0.5).dtype == np.float32


def test_inputs_are_not_written_to():
    for name, arguments in CALLS.items():
        frozen = {p: np.array(v, dtype=float) for p, v in arguments.items()}
        for value in frozen.values():
            value.flags.writeable = False
        call(name, **frozen)


@pytest.mark.parametrize(
    ("bad", "error"), [(True, TypeError), (2.0, TypeError), ("2", TypeError), (None, TypeError)]
)
def test_integer_parameters(bad, error):
    with pytest.raises(error, match=r"^terms must be an integer >= 1, got"):
        room.tanh_taylor(bad)
    with pytest.raises(error, match=r"^k must be an integer from 0 to 5, got"):
        room.tanh_derivative(bad, 1.0)


def test_integer_ranges():
    for bad in (0, -3):
        with pytest.raises(ValueError, match=rf"^terms must be an integer >= 1, got {bad}$"):
            room.tanh_taylor(bad)
    for bad in (-1, 6):
        with pytest.raises(ValueError, match=rf"^k must be an integer from 0 to 5, got {bad}$"):
            room.tanh_derivative(bad, 1.0)


def test_overflow_is_an_error_and_not_an_infinity():
    huge = [1e200, 1e200]
    for name in ("ddpm_descent", "em_residual", "large_noise_field", "stein_second_moment"):
        with pytest.raises(ValueError, match=r"mu.*overflows"):
            getattr(room, name)(huge, [1.0, 1.0])
    with pytest.raises(ValueError, match=r"lam.*overflows"):
        room.em_map(huge, huge)
    with pytest.raises(ValueError, match=r"lam.*overflows"):
        room.em_contraction(huge, huge)
    with pytest.raises(ValueError, match=r"lam.*overflows"):
        room.em_contraction(huge, huge, np.eye(2))
    with pytest.raises(ValueError, match=r"lam.*overflows"):
        room.em_slope(1e200, 1e200)
    with pytest.raises(ValueError, match=r"mu.*overflows"):
        room.em_residual_slope(1e200, 1.0)
    with pytest.raises(ValueError, match=r"x and mu .*overflows"):
        room.two_component_score(huge, [1e200, -1e200])
    with pytest.raises(ValueError, match=r"x and means .*overflows"):
        room.mixture_score(huge, [huge, [1.0, 1.0]])
    with pytest.raises(ValueError, match=r"spike and gamma and sigma2 .*overflows"):
        room.spiked_eigenvalue(1e200, 1.0, 1e200)
    with pytest.raises(ValueError, match="overflows"):
        room.spiked_eigenvalue(np.float32(1e30), np.float32(1), np.float32(1e30))


any_float = st.floats(allow_nan=False, allow_infinity=False)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(a=st.tuples(any_float, any_float), b=st.tuples(any_float, any_float))
def test_any_vectors_give_finite_numbers_or_an_error(a, b):
    for name in (
        "ddpm_descent",
        "em_map",
        "em_residual",
        "large_noise_field",
        "stein_second_moment",
        "two_component_score",
    ):
        try:
            out = getattr(room, name)(a, b)
        except ValueError as error:
            assert "overflows" in str(error)  # noqa: PT017 - an error is one of two good outcomes
        else:
            assert np.isfinite(out).all()
    try:
        weights = room.responsibilities(a, [a, b])
    except ValueError as error:
        assert "overflows" in str(error)  # noqa: PT017 - as above
    else:
        assert weights.sum() == pytest.approx(1)
