"""What every public function of the room owes its caller, whatever it computes."""

from __future__ import annotations

import inspect
import math
import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import lemmata.impl as room

X = [[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0]]
Z = [[1.0, 0.0], [-0.5, 0.75], [0.25, -2.0]]
MEANS = [[1.0, 0.5], [-1.0, -0.5]]
COV = [[2.0, 0.5], [0.5, 1.0]]
WEIGHTS = [0.25, 0.5, 0.25]

GOOD: dict[str, dict[str, Any]] = {
    "sample_mixture": {"means": MEANS, "n": 3, "cov": COV, "rng": 1},
    "forward": {"x0": X, "z": Z, "t": 0.5},
    "forward_noise": {"x0": X, "t": 0.5, "rng": 1},
    "log_density": {"x": X, "means": MEANS, "t": 0.5},
    "autograd_score": {"x": X, "means": MEANS, "t": 0.5},
    "ddpm_loss": {"mu": [0.5, 0.25], "x": X, "z": Z, "t": 0.5, "weights": WEIGHTS},
    "ddpm_gradient": {"mu": [0.5, 0.25], "x": X, "z": Z, "t": 0.5, "weights": WEIGHTS},
    "per_sample_gradients": {"mu": [0.5, 0.25], "x": X, "z": Z, "t": 0.5},
    "difference_gradient": {
        "mu": [0.5, 0.25],
        "x": X,
        "z": Z,
        "t": 0.5,
        "weights": WEIGHTS,
        "step": 1e-5,
    },
    "noise_grid": {"means": [[1.0], [-1.0]], "t": 0.5, "step": 0.25, "half_width": 8.0},
    "mixture_grid": {"means": MEANS, "cov": COV, "step": 0.5, "half_width": 8.0},
    "simulate_ou": {"x0": X, "t": 0.5, "steps": 4, "rng": 1},
    "autograd_em_step": {"x": X, "means": MEANS, "weights": WEIGHTS},
    "em_responsibilities": {"x": X, "means": MEANS, "cov": COV},
    "em_step": {"x": X, "means": MEANS, "cov": COV, "weights": WEIGHTS},
    "step_matrix": {"mu": [0.5, 0.25], "mu_star": [1.0, 0.5], "eta": 0.5, "coefficient": 3.0},
    "apply_step_matrix": {
        "x": X,
        "mu": [0.5, 0.25],
        "mu_star": [1.0, 0.5],
        "eta": 0.5,
        "coefficient": 3.0,
    },
    "empirical_gradient": {
        "mu": [0.5, 0.25],
        "mu_star": [1.0, -0.5],
        "t": 0.5,
        "n": 3,
        "rng": 1,
        "block": 4,
    },
    "dense_draws": {"n": 4, "p": 3, "spike": 1.0, "sigma2": 2.0, "size": 2, "rng": 1},
    "reduced_draws": {
        "n": 4,
        "p": 3,
        "spike": 1.0,
        "sigma2": 2.0,
        "size": 2,
        "rng": 1,
        "tol": 1e-10,
    },
    "dense_overlaps": {
        "n": 4,
        "p": 3,
        "spikes": [2.0, 1.0],
        "sigma2": 2.0,
        "size": 2,
        "rng": 1,
    },
    "chain_coordinates": {
        "n": 4,
        "p": 3,
        "eigenvalues": [2.0, 1.0],
        "noise_variances": [1.0, 0.5],
        "data": "fresh",
        "size": 2,
        "rng": 1,
        "overlaps_rng": 2,
    },
    "chain_products": {
        "n": 4,
        "p": 3,
        "eigenvalues": [2.0, 1.0],
        "noise_variances": [1.0, 0.5],
        "data": "fresh",
        "size": 2,
        "rng": 1,
    },
    "chain_samples": {
        "n": 4,
        "p": 3,
        "eigenvalues": [2.0, 1.0],
        "noise_variances": [1.0, 0.5],
        "data": "fresh",
        "size": 2,
        "rng": 1,
    },
    "dense_chain": {
        "n": 4,
        "p": 3,
        "eigenvalues": [2.0, 1.0],
        "noise_variances": [1.0, 0.5],
        "data": "fresh",
        "size": 2,
        "rng": 1,
    },
    "chain_moment_map": {
        "n": 4,
        "p": 3,
        "eigenvalues": [2.0, 1.0],
        "noise_variance": 1.0,
        "data": "fresh",
        "size": 2,
        "rng": 1,
    },
    "reduced_overlaps": {
        "n": 4,
        "p": 3,
        "spikes": [2.0, 1.0],
        "sigma2": 2.0,
        "size": 2,
        "rng": 1,
        "tol": 1e-10,
    },
    "dense_signal_overlaps": {
        "n": 4,
        "p": 3,
        "singular_values": [2.0, 1.0],
        "sigma": 0.5,
        "size": 2,
        "rng": 1,
    },
    "reduced_signal_overlaps": {
        "n": 4,
        "p": 3,
        "singular_values": [2.0, 1.0],
        "sigma": 0.5,
        "size": 2,
        "rng": 1,
        "tol": 1e-10,
    },
}
# Whatever they are given, these draw in float64.
DRAWS = {
    *("dense_overlaps", "reduced_overlaps", "dense_signal_overlaps", "reduced_signal_overlaps"),
    *("chain_coordinates", "chain_moment_map", "chain_products", "chain_samples", "dense_chain"),
}

# Under contracts of their own: an operator that may be a function (test_impl_iteration.py), flags
# and ranks (test_impl_denoising.py), networks and their denoisers (test_impl_networks.py,
# test_impl_training.py, test_impl_denoisers.py, test_impl_alignment.py), kernels that read their
# data once (test_one_pass.py).
ELSEWHERE = {
    *("score_matching_gradient", "spherical_em_step"),
    *("denoise", "initial_network", "network_jacobians", "train_denoiser", "denoiser_samples"),
    *("posterior_jacobian", "posterior_mean"),
    *("block_overlaps", "eigenvector_overlaps", "symmetric_eigenpairs"),
    *("block_iteration", "deflated_iteration", "power_iteration"),
    *("denoiser_error", "injected_chain", "injected_covariance", "linear_denoiser"),
    *("sequential_denoiser", "forward_signal_and_noise", "reverse_covariance", "reverse_samples"),
}

ARRAYS = {
    *("x", "z", "x0", "means", "cov", "weights", "mu", "mu_star"),
    *("spikes", "singular_values", "eigenvalues", "noise_variances"),
}
COUNTS = {"n", "p", "size", "steps", "block"}
# What is refused beyond "not finite"; the bound itself is in the list.
BAD_REALS: dict[str, list[float]] = {
    "t": [-1.0, -1e-300],
    "spike": [-1e-9],
    "sigma2": [0.0, -1.0],
    "sigma": [-1.0, -1e-300],
    "step": [0.0, -0.1],
    "half_width": [0.0, -8.0],
    "tol": [0.0, 1e-15, 1.0],
    "eta": [-1.0],
    "coefficient": [-1.0],
    "noise_variance": [-1.0, -1e-300],
}
PAIRS = [(function, name) for function, kwargs in GOOD.items() for name in kwargs]
ARRAY_PAIRS = [pair for pair in PAIRS if pair[1] in ARRAYS]
COUNT_PAIRS = [pair for pair in PAIRS if pair[1] in COUNTS]
REAL_PAIRS = [pair for pair in PAIRS if pair[1] in BAD_REALS]
MODULES = sorted(info.name for info in pkgutil.iter_modules(room.__path__))


def call(function: str, **changes: Any) -> Any:
    return getattr(room, function)(**{**GOOD[function], **changes})


def refuse(error: type[Exception], function: str, name: str, bad: object) -> str:
    with pytest.raises(error) as caught:
        call(function, **{name: bad})
    message = str(caught.value)
    assert re.search(rf"\b{name}\b", message), f"{message!r} does not name {name}"
    return message


def parts(result: Any) -> list[np.ndarray]:
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]


def test_every_public_function_is_under_contract() -> None:
    functions = {name for name in room.__all__ if inspect.isfunction(getattr(room, name))}
    assert set(GOOD) == functions - ELSEWHERE
    for function, kwargs in GOOD.items():
        parameters = inspect.signature(getattr(room, function)).parameters
        assert list(kwargs) == list(parameters), function
    others = {"rng", "data", "overlaps_rng"}
    assert {name for _, name in PAIRS} == ARRAYS | COUNTS | set(BAD_REALS) | others


def test_the_room_exports_its_public_modules() -> None:
    public = [import_module(f"lemmata.impl.{name}") for name in MODULES if name[0] != "_"]
    assert sorted(key for module in public for key in module.__all__) == list(room.__all__)


def test_importing_the_room_needs_neither_torch_nor_another_room() -> None:
    code = (
        "import sys, lemmata.impl\n"
        "bad = [m for m in sys.modules if m == 'torch' or m.startswith("
        "('lemmata.theory', 'lemmata.harness', 'lemmata.checks'))]\n"
        "assert not bad, bad"
    )
    env_path = [path for path in sys.path if path]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {env_path!r}\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", sorted(GOOD))
def test_good_arguments_give_finite_numbers(function: str) -> None:
    for part in parts(call(function)):
        assert part.size
        assert np.isfinite(part).all()


@pytest.mark.parametrize("function", sorted(GOOD))
def test_arguments_are_left_alone(function: str) -> None:
    arrays = {
        name: np.array(value, dtype=float)
        for name, value in GOOD[function].items()
        if name in ARRAYS
    }
    copies = {name: value.copy() for name, value in arrays.items()}
    call(function, **arrays)
    for name, value in arrays.items():
        np.testing.assert_array_equal(value, copies[name])


@pytest.mark.parametrize(("function", "name"), ARRAY_PAIRS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_arrays_must_be_finite(function: str, name: str, bad: float) -> None:
    array = np.array(GOOD[function][name], dtype=float)
    array.flat[-1] = bad
    assert str(bad) in refuse(ValueError, function, name, array)


@pytest.mark.parametrize(("function", "name"), ARRAY_PAIRS)
@pytest.mark.parametrize("dtype", [complex, bool, object, str, bytes, np.longdouble])
def test_arrays_must_be_real(function: str, name: str, dtype: type) -> None:
    refuse(TypeError, function, name, np.array(GOOD[function][name]).astype(dtype))


@pytest.mark.parametrize(("function", "name"), ARRAY_PAIRS)
def test_arrays_must_not_be_empty_or_ragged(function: str, name: str) -> None:
    array = np.array(GOOD[function][name])
    refuse(ValueError, function, name, array[:0])
    refuse(ValueError, function, name, array[..., :0])
    refuse(ValueError, function, name, [[1.0, 2.0], [3.0]])


SCORES = ("log_density", "autograd_score")
LOSSES = ("ddpm_loss", "ddpm_gradient", "per_sample_gradients", "difference_gradient")
GRIDS = ("noise_grid", "mixture_grid")
STEPS = ("em_responsibilities", "em_step", "autograd_em_step")
BAD_SHAPES: list[tuple[tuple[str, ...], str, list[tuple[int, ...]]]] = [
    ((*SCORES, *STEPS, *GRIDS, "sample_mixture"), "means", [(), (2,), (1, 2, 2)]),
    (SCORES, "x", [(), (3,), (2, 3), (2, 1)]),
    (STEPS, "x", [(), (2,), (3, 1), (3, 3), (1, 3, 2)]),
    (LOSSES, "mu", [(), (1, 2), (2, 1)]),
    (LOSSES, "x", [(), (2,), (3, 1), (3, 3), (1, 3, 2)]),
    (LOSSES, "z", [(), (2,), (3, 1), (2, 2), (1, 2), (1, 3, 2)]),
    (("ddpm_loss", "ddpm_gradient", "difference_gradient"), "weights", [(), (2,), (3, 1), (1, 3)]),
    (("em_step", "autograd_em_step"), "weights", [(), (2,), (3, 1), (1, 3)]),
    ((*STEPS[:2], "sample_mixture", "mixture_grid"), "cov", [(), (2,), (1, 1), (3, 3), (2, 3)]),
    (("forward",), "z", [(2, 2), (3,)]),
    (GRIDS, "means", [(2, 3)]),
    (("dense_overlaps", "reduced_overlaps"), "spikes", [(), (1, 2), (2, 1)]),
    (
        ("dense_signal_overlaps", "reduced_signal_overlaps"),
        "singular_values",
        [(), (1, 2), (2, 1)],
    ),
]


@pytest.mark.parametrize(
    ("function", "name", "shape"),
    [
        (f, name, shape)
        for functions, name, shapes in BAD_SHAPES
        for f in functions
        for shape in shapes
    ],
)
def test_arrays_must_have_their_shape(function: str, name: str, shape: tuple[int, ...]) -> None:
    assert str(shape) in refuse(ValueError, function, name, np.ones(shape))


@pytest.mark.parametrize(("function", "name"), COUNT_PAIRS)
def test_counts(function: str, name: str) -> None:
    for bad in (0, -1, 2**53 + 1):
        assert str(bad) in refuse(ValueError, function, name, bad)
    for wrong in (True, 3.0, "3", None, 3j, [3], math.nan):
        refuse(TypeError, function, name, wrong)
    call(function, **{name: np.int32(3)})


@pytest.mark.parametrize(("function", "name"), REAL_PAIRS)
def test_reals(function: str, name: str) -> None:
    for bad in (math.nan, math.inf, -math.inf, *BAD_REALS[name]):
        assert str(float(bad)) in refuse(ValueError, function, name, bad)
    wrong = [True, "1", 1j, [0.5], object()]
    if name not in {"step", "half_width"} or function == "difference_gradient":
        wrong.append(None)
    for value in wrong:
        refuse(TypeError, function, name, value)
    good = GOOD[function][name]
    np.testing.assert_array_equal(
        parts(call(function, **{name: np.float64(good)}))[0], parts(call(function))[0]
    )


@pytest.mark.parametrize(
    "function",
    sorted(f for f in GOOD if "t" in GOOD[f] and f not in {"log_density", "autograd_score"}),
)
def test_time_zero_is_refused_where_there_must_be_noise(function: str) -> None:
    refuse(ValueError, function, "t", 0.0)
    refuse(ValueError, function, "t", 0)


@pytest.mark.parametrize("function", sorted(f for f in GOOD if "rng" in GOOD[f]))
def test_randomness_has_one_door(function: str) -> None:
    def bits(rng: Any) -> bytes:
        return b"".join(part.tobytes() for part in parts(call(function, rng=rng)))

    seeded = bits(5)
    assert seeded == bits(np.int64(5)) == bits(np.random.SeedSequence(5))
    assert seeded == bits(np.random.default_rng(5)) == bits(np.random.PCG64(5))
    assert seeded != bits(6)
    assert bits(None) != bits(None)
    generator = np.random.default_rng(5)
    assert bits(generator) == seeded
    assert bits(generator) != seeded
    for wrong in (True, 1.0, "5", [5], np.random.RandomState(5)):
        refuse(TypeError, function, "rng", wrong)
    assert "-1" in refuse(ValueError, function, "rng", -1)
    assert inspect.signature(getattr(room, function)).parameters["rng"].kind.name == "KEYWORD_ONLY"


@pytest.mark.parametrize("function", sorted(f for f in GOOD if ARRAYS & set(GOOD[f])))
def test_dtypes(function: str) -> None:
    arrays = {name: np.array(GOOD[function][name]) for name in GOOD[function] if name in ARRAYS}
    wide = parts(call(function, **arrays))
    narrow = parts(
        call(function, **{name: value.astype(np.float32) for name, value in arrays.items()})
    )
    keeps = function not in DRAWS | {
        "ddpm_loss",
        "difference_gradient",
        "noise_grid",
        "mixture_grid",
    }
    for one, other in zip(wide, narrow, strict=True):
        assert one.dtype == np.float64
        assert other.dtype == (np.float32 if keeps else np.float64)
        assert one.shape == other.shape
        if function not in {"sample_mixture", "forward_noise", "empirical_gradient", "simulate_ou"}:
            # Every array above is exact in float32.
            np.testing.assert_allclose(other, one, rtol=2e-5, atol=2e-6)
    if len(arrays) > 1:
        # One wide argument is enough: nothing is cast down in silence.
        mixed = {name: value.astype(np.float32) for name, value in arrays.items()}
        last = list(arrays)[-1]
        mixed[last] = arrays[last]
        assert all(part.dtype == np.float64 for part in parts(call(function, **mixed)))


@pytest.mark.parametrize("dtype", [int, np.int8, np.uint64, np.float16])
def test_integers_and_lists_are_promoted(dtype: type) -> None:
    x = np.array([[1, 0], [0, 2], [3, 1]])
    mu = np.array([1, 0])
    for function, given in {
        "forward": {"x0": x, "z": x},
        "log_density": {"x": x, "means": x},
        "autograd_score": {"x": x, "means": x},
        "ddpm_gradient": {"mu": mu, "x": x, "z": x},
        "em_responsibilities": {"x": x, "means": x},
        "em_step": {"x": x, "means": x},
    }.items():
        expected = call(function, **{name: a.astype(float) for name, a in given.items()})
        narrow = call(function, **{name: a.astype(dtype) for name, a in given.items()})
        listed = call(function, **{name: a.tolist() for name, a in given.items()})
        assert narrow.dtype == listed.dtype == np.float64
        np.testing.assert_array_equal(narrow, expected)
        np.testing.assert_array_equal(listed, expected)


@pytest.mark.parametrize(
    ("function", "name"), [pair for pair in PAIRS if pair[1] in {"cov", "weights"}]
)
def test_matrices_and_weights_have_their_properties(function: str, name: str) -> None:
    if name == "cov":
        assert "symmetric" in refuse(ValueError, function, name, [[2.0, 0.5], [0.4, 1.0]])
        assert "positive definite" in refuse(ValueError, function, name, [[1.0, 2.0], [2.0, 1.0]])
        refuse(ValueError, function, name, [[0.0, 0.0], [0.0, 0.0]])
    else:
        assert "-0.5" in refuse(ValueError, function, name, [1.0, -0.5, 0.5])
        refuse(ValueError, function, name, [0.0, 0.0, 0.0])


@pytest.mark.parametrize(
    ("function", "name", "value"),
    [
        ("log_density", "x", 1e200),
        ("autograd_score", "x", 1e200),
        ("ddpm_loss", "x", 1e200),
        ("ddpm_gradient", "z", 1.7e308),
        ("per_sample_gradients", "z", 1.7e308),
        ("em_responsibilities", "x", 1e200),
        ("em_step", "x", 1e200),
        ("autograd_em_step", "x", 1e200),
        ("reduced_draws", "spike", 1e300),
        ("reduced_draws", "sigma2", 1e300),
        ("dense_draws", "spike", 1e300),
    ],
)
def test_what_overflows_is_refused(function: str, name: str, value: float) -> None:
    good = GOOD[function][name]
    refuse(ValueError, function, name, value if isinstance(good, float) else np.full((3, 2), value))
