"""Trained denoisers, chains and the reverse process: definitions, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lemmata.impl as room

X = np.array([[0.5, -1.0], [2.0, 0.25], [-1.5, 1.0]])
COV = np.array([[2.0, 0.5], [0.5, 1.0]])

GOOD: dict[str, dict[str, Any]] = {
    "linear_denoiser": {"data": X, "sigma": 0.5, "alpha": 0.8, "rank": 1},
    "denoiser_error": {"matrix": COV, "covariance": COV, "sigma": 0.5},
    "sequential_denoiser": {"covariance": COV, "retain": [0.9, 0.8], "noise": [0.5, 0.25]},
    "injected_covariance": {"matrix": COV / 4, "tau": 0.5},
    "injected_chain": {"x0": X, "matrix": COV / 4, "tau": 0.5, "steps": 3, "rng": 1},
    "forward_signal_and_noise": {"retain": [0.9, 0.8], "noise": [0.5, 0.25]},
    "reverse_covariance": {"data": X, "times": [1.0, 0.5, 0.0], "stochastic": True},
    "reverse_samples": {
        "data": X,
        "times": [1.0, 0.5, 0.0],
        "stochastic": True,
        "size": 2,
        "rng": 1,
    },
}
ARRAYS = {"data", "matrix", "covariance", "retain", "noise", "x0", "times"}
PAIRS = [(f, name) for f, kwargs in GOOD.items() for name in kwargs if name in ARRAYS]


def call(function: str, **changes: Any) -> Any:
    return getattr(room, function)(**GOOD[function] | changes)


def test_training_finds_the_minimum_of_the_loss() -> None:
    weights = room.linear_denoiser(X, 0.5, alpha=0.8)

    def loss(w: np.ndarray) -> float:
        missed = 0.8 * X @ w.T - X
        return float((missed**2).sum() / len(X) + 0.25 * (w**2).sum())

    rng = np.random.default_rng(0)
    for _ in range(50):
        assert loss(weights) < loss(weights + 1e-3 * rng.standard_normal((2, 2)))


def test_low_rank_beats_other_maps_of_that_rank() -> None:
    second = X.T @ X / len(X)
    best = room.denoiser_error(room.linear_denoiser(X, 0.5, rank=1), second, 0.5)
    rng = np.random.default_rng(0)
    for _ in range(200):
        u, v = rng.standard_normal((2, 2))
        assert room.denoiser_error(np.outer(u, v), second, 0.5) > best
    assert np.linalg.matrix_rank(room.linear_denoiser(X, 0.5, rank=1)) == 1


def test_error_is_that_of_samples() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200_000, 2)) @ np.linalg.cholesky(COV).T
    noisy = x + 0.5 * rng.standard_normal(x.shape)
    found = ((noisy @ COV.T - x) ** 2).sum(axis=1).mean()
    assert call("denoiser_error") == pytest.approx(found, rel=0.02)


def test_sequential_denoiser_regresses_on_the_last_of_the_process() -> None:
    rng = np.random.default_rng(2)
    x0 = rng.standard_normal((300_000, 2)) @ np.linalg.cholesky(COV).T
    x = x0
    for scale, level in zip([0.9, 0.8], [0.5, 0.25], strict=True):
        x = scale * x + level * rng.standard_normal(x.shape)
    regression = np.linalg.lstsq(x, x0, rcond=None)[0].T
    np.testing.assert_allclose(call("sequential_denoiser"), regression, atol=0.02)


def test_chain_settles_where_lyapunov_says() -> None:
    x = room.injected_chain(np.zeros((100_000, 2)), COV / 4, 0.5, 60, rng=3)
    np.testing.assert_allclose(np.cov(x.T), call("injected_covariance"), atol=0.02)


def test_samples_have_the_covariance_of_the_steps() -> None:
    for stochastic in (False, True):
        times = np.linspace(3.0, 0.0, 40)
        x = room.reverse_samples(X, times, stochastic=stochastic, size=100_000, rng=4)
        steps = room.reverse_covariance(X, times, stochastic=stochastic)
        np.testing.assert_allclose(x.T @ x / len(x), steps, rtol=0.05, atol=0.03)


def test_same_seed_same_numbers() -> None:
    for function in ("injected_chain", "reverse_samples"):
        assert (call(function, rng=7) == call(function, rng=7)).all()
        assert (call(function, rng=7) != call(function, rng=8)).any()
        with pytest.raises(TypeError, match="rng"):
            call(function, rng="seven")


@pytest.mark.parametrize("function", sorted(GOOD))
def test_arguments_are_left_alone(function: str) -> None:
    arrays = {n: np.array(v, dtype=float) for n, v in GOOD[function].items() if n in ARRAYS}
    for array in arrays.values():
        array.flags.writeable = False
    result = call(function, **arrays)
    assert np.isfinite(np.asarray(result)).all()


@pytest.mark.parametrize(("function", "name"), PAIRS)
def test_arrays_are_checked(function: str, name: str) -> None:
    good = np.array(GOOD[function][name], dtype=float)
    for bad in (math.nan, math.inf):
        array = good.copy()
        array.flat[-1] = bad
        with pytest.raises(ValueError, match=rf"^{name} must be finite, got {bad}"):
            call(function, **{name: array})
    for dtype in (complex, bool, object, str):
        with pytest.raises(TypeError, match=rf"^{name} must hold"):
            call(function, **{name: good.astype(dtype)})
    for bad_shape in (good[:0], good[None], good.ravel()[0], [[1.0, 2.0], [3.0]]):
        with pytest.raises(ValueError, match=rf"^{name} must"):
            call(function, **{name: bad_shape})


@pytest.mark.parametrize(
    ("function", "name", "bad", "error"),
    [
        ("linear_denoiser", "sigma", 0.0, ValueError),
        ("linear_denoiser", "sigma", -1.0, ValueError),
        ("linear_denoiser", "sigma", "one", TypeError),
        ("linear_denoiser", "alpha", 0.0, ValueError),
        ("linear_denoiser", "rank", 0, ValueError),
        ("linear_denoiser", "rank", 3, ValueError),
        ("linear_denoiser", "rank", 1.5, TypeError),
        ("linear_denoiser", "rank", True, TypeError),
        ("denoiser_error", "sigma", -0.1, ValueError),
        ("denoiser_error", "matrix", np.ones((2, 3)), ValueError),
        ("denoiser_error", "covariance", np.eye(3), ValueError),
        ("sequential_denoiser", "covariance", np.ones((2, 3)), ValueError),
        ("sequential_denoiser", "retain", [0.9, 0.0], ValueError),
        ("sequential_denoiser", "retain", [0.9, 1.1], ValueError),
        ("sequential_denoiser", "noise", [0.5, 0.0], ValueError),
        ("sequential_denoiser", "noise", [0.5], ValueError),
        ("injected_covariance", "matrix", np.eye(2), ValueError),
        ("injected_covariance", "tau", 0.0, ValueError),
        ("injected_chain", "x0", np.ones((2, 3)), ValueError),
        ("injected_chain", "tau", -1.0, ValueError),
        ("injected_chain", "steps", 0, ValueError),
        ("injected_chain", "steps", 2.0, TypeError),
        ("forward_signal_and_noise", "retain", [0.9, 1.1], ValueError),
        ("forward_signal_and_noise", "retain", [0.9, -0.1], ValueError),
        ("forward_signal_and_noise", "noise", [0.5, -0.5], ValueError),
        ("forward_signal_and_noise", "noise", [0.5], ValueError),
        ("reverse_covariance", "times", [0.0, 1.0], ValueError),
        ("reverse_covariance", "times", [1.0], ValueError),
        ("reverse_covariance", "times", [1.0, -1.0], ValueError),
        ("reverse_covariance", "times", [301.0, 0.0], ValueError),
        ("reverse_covariance", "stochastic", 1, TypeError),
        ("reverse_samples", "stochastic", None, TypeError),
        ("reverse_samples", "size", 0, ValueError),
    ],
)
def test_ranges(function: str, name: str, bad: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=rf"^{name} must"):
        call(function, **{name: bad})


def test_overflow_is_an_error() -> None:
    with pytest.raises(ValueError, match="overflows"):
        room.injected_chain([[1e300]], [[10.0]], 0.0, 20)
