"""Kernels that read their samples once: against autograd, and against the definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logsumexp

from lemmata.impl import _blocks, mixture_em, score_matching_gradient, spherical_em_step

MANY = 40_000  # at two dimensions this is more than one block


def autograd_gradient(mu: np.ndarray[Any, Any], x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The loss as it is defined, with the divergence of s(x) = tanh(mu.x) mu - x by hand."""
    import torch

    parameter = torch.tensor(mu, dtype=torch.float64, requires_grad=True)
    points = torch.tensor(x, dtype=torch.float64)
    t = torch.tanh(points @ parameter)
    score = t[:, None] * parameter - points
    divergence = (1 - t * t) * (parameter @ parameter) - len(mu)
    loss = (score.square().sum(dim=1) + 2 * divergence).mean()
    (gradient,) = torch.autograd.grad(loss, parameter)
    return np.asarray(gradient.numpy())


def slow_em_step(x: Any, weights: Any, means: Any, variances: Any) -> tuple[Any, ...]:
    """One step of EM, by distances and not by products, in long double."""
    points, centres = np.asarray(x, dtype=np.longdouble), np.asarray(means, dtype=np.longdouble)
    shares, spreads = (np.asarray(a, dtype=np.longdouble) for a in (weights, variances))
    n, d = points.shape
    squares = np.square(points[:, None, :] - centres).sum(axis=2)
    logs = np.log(shares / shares.sum()) - squares / (2 * spreads)
    logs -= d * np.log(2 * np.longdouble(math.pi) * spreads) / 2
    density = logsumexp(logs, axis=1)
    belief = np.exp(logs - density[:, None])
    mass = belief.sum(axis=0)
    moved = belief.T @ points / mass[:, None]
    squares = np.square(points[:, None, :] - moved).sum(axis=2)
    return mass / n, moved, (belief * squares).sum(axis=0) / mass / d, density.mean()


def mixture(
    seed: int, n: int, d: int, components: int, *, shift: float = 0.0, gap: float = 1.0
) -> tuple[Any, Any, Any, Any]:
    rng = np.random.default_rng(seed)
    means = shift + gap * rng.standard_normal((components, d))
    x = means[rng.integers(components, size=n)] + rng.standard_normal((n, d))
    nearby = means + 0.3 * rng.standard_normal((components, d))
    return x, rng.uniform(0.5, 2.0, components), nearby, rng.uniform(0.5, 2.0, components)


def assert_same_step(arguments: tuple[Any, ...], rtol: float = 1e-10, scale: float = 1.0) -> None:
    step, slow = spherical_em_step(*arguments), slow_em_step(*arguments)
    for part, expected, unit in zip(step, slow, (1.0, scale, 1.0, 1.0), strict=True):
        assert np.asarray(part).dtype == np.float64
        np.testing.assert_allclose(part, expected.astype(float), rtol=rtol, atol=rtol * unit)


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 300),
    d=st.sampled_from([1, 2, 31, 32, 33, 64, 100]),
    norm=st.floats(1e-6, 30.0),
)
def test_gradient_is_that_of_the_loss(seed: int, n: int, d: int, norm: float) -> None:
    rng = np.random.default_rng(seed)
    mu, x = rng.standard_normal(d), rng.standard_normal((n, d))
    mu *= norm / np.linalg.norm(mu)
    np.testing.assert_allclose(
        score_matching_gradient(mu, x),
        autograd_gradient(mu, x),
        rtol=1e-9,
        atol=1e-12 * (1 + norm) ** 2,
    )


@pytest.mark.parametrize("d", [1, 2, 64, 2049])
def test_gradient_of_many_blocks(d: int) -> None:
    rng = np.random.default_rng(d)
    n = 3 * _blocks._BLOCK_BYTES // (8 * d) + 1
    mu, x = rng.standard_normal(d) / math.sqrt(d), rng.standard_normal((n, d))
    expected = autograd_gradient(mu, x)
    np.testing.assert_allclose(score_matching_gradient(mu, x), expected, rtol=1e-9, atol=1e-12)
    # However the samples lie in memory.
    for same in (np.asfortranarray(x), x[::-1], np.repeat(x, 2, axis=0)[::2]):
        np.testing.assert_allclose(
            score_matching_gradient(mu, same), expected, rtol=1e-9, atol=1e-12
        )


def test_gradient_of_float32() -> None:
    rng = np.random.default_rng(1)
    mu, x = rng.standard_normal(64) / 8, rng.standard_normal((5000, 64))
    wide = score_matching_gradient(mu, x)
    narrow = score_matching_gradient(mu.astype(np.float32), x.astype(np.float32))
    assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(narrow, wide, rtol=1e-4, atol=1e-5)
    assert score_matching_gradient(mu.astype(np.float32), x).dtype == np.float64
    assert score_matching_gradient([1], [[1], [-1]]).dtype == np.float64


def test_gradient_leaves_its_arguments_alone() -> None:
    mu, x = np.array([0.5, 0.25]), np.arange(6.0).reshape(3, 2)
    score_matching_gradient(mu, x)
    np.testing.assert_array_equal(mu, [0.5, 0.25])
    np.testing.assert_array_equal(x, np.arange(6.0).reshape(3, 2))


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 200),
    d=st.sampled_from([1, 2, 5, 40]),
    components=st.sampled_from([1, 2, 3, 4, 16]),
)
def test_em_step_is_the_definition(seed: int, n: int, d: int, components: int) -> None:
    x, weights, means, variances = mixture(seed, n, d, components)
    # Nobody is left without samples.
    variances = variances + 3.0
    assert_same_step((x, weights, means, variances))


@pytest.mark.parametrize("components", [1, 2, 5])
@pytest.mark.parametrize("shift", [0.0, 1e3, 1e6])
@pytest.mark.parametrize("gap", [1.0, 30.0, 1e6])
def test_em_step_far_from_zero_and_far_apart(components: int, shift: float, gap: float) -> None:
    arguments = mixture(3, 500, 3, components, shift=shift, gap=gap)
    assert_same_step(arguments, rtol=1e-9, scale=shift + gap)


def test_em_step_that_moves_far() -> None:
    x, weights, means, variances = mixture(4, 500, 3, 1, shift=1e6)
    assert_same_step((x, weights, means - 1e6, variances * 1e10), scale=1e6)


def test_em_step_whose_densities_leave_the_floats() -> None:
    """Densities down to exp(-10^5): only their ratios count."""
    x, weights, means, variances = mixture(5, 300, 50, 3)
    assert_same_step((x, weights, means, variances * 1e-3), rtol=1e-8)
    assert_same_step((x * 1e-8, weights, means * 1e-8, variances * 1e-16))


@pytest.mark.parametrize(("d", "components"), [(1, 1), (2, 2), (64, 16)])
def test_em_step_of_many_blocks(d: int, components: int) -> None:
    assert_same_step(mixture(6, MANY if d < 3 else 5000, d, components))


def test_em_step_of_one_sample() -> None:
    step = spherical_em_step([[3.0, 4.0]], [2.0], [[0.0, 0.0]], [1.0])
    assert step.weights.tolist() == [1.0]
    assert step.means.tolist() == [[3.0, 4.0]]
    assert step.variances.tolist() == [0.0]
    assert step.log_likelihood == pytest.approx(-12.5 - math.log(2 * math.pi))


@pytest.mark.parametrize("value", [0.1, 1e-3, 1.7, 123.456])
def test_variance_of_equal_samples_is_not_negative(value: float) -> None:
    step = spherical_em_step(np.full((100, 3), value), [1.0], [[0.0] * 3], [1.0])
    assert 0.0 <= step.variances[0] <= 1e-14 * value**2


def test_em_step_of_float32_is_summed_in_float64() -> None:
    x, weights, means, variances = mixture(7, 1000, 40, 2)
    narrow = x.astype(np.float32)
    for part, expected in zip(
        spherical_em_step(narrow, weights, means, variances),
        spherical_em_step(narrow.astype(np.float64), weights, means, variances),
        strict=True,
    ):
        np.testing.assert_allclose(part, expected, rtol=1e-12)


def test_em_step_raises_the_likelihood() -> None:
    x, weights, means, variances = mixture(8, 400, 2, 3)
    before = -math.inf
    for _ in range(20):
        weights, means, variances, likelihood = spherical_em_step(x, weights, means, variances)
        assert likelihood >= before - 1e-12
        before = likelihood
    assert weights.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, MANY // 2, MANY - 1])
def test_what_is_not_finite_deep_inside_is_found(bad: float, place: int) -> None:
    x = np.random.default_rng(0).standard_normal((MANY, 4))
    x[place, 2] = bad
    with pytest.raises(ValueError, match=rf"x must be finite, got {bad}"):
        score_matching_gradient(np.ones(4), x)
    # A zero does not hide it.
    with pytest.raises(ValueError, match=rf"x must be finite, got {bad}"):
        score_matching_gradient(np.zeros(4), x)
    for means in (np.zeros((2, 4)), np.full((2, 4), 1e3)):
        with pytest.raises(ValueError, match=rf"x must be finite, got {bad}"):
            spherical_em_step(x, [1.0, 1.0], means, [1.0, 2.0])


GRADIENT: dict[str, Any] = {"mu": [0.5, 0.25], "x": [[1.0, 2.0], [3.0, 4.0]]}
STEP: dict[str, Any] = {
    "x": [[1.0, 2.0], [3.0, 4.0], [-1.0, 0.0]],
    "weights": [0.5, 0.5],
    "means": [[1.0, 1.0], [-1.0, -1.0]],
    "variances": [1.0, 2.0],
}
PAIRS = [(score_matching_gradient, GRADIENT, name) for name in GRADIENT]
PAIRS += [(spherical_em_step, STEP, name) for name in STEP]


@pytest.mark.parametrize(("function", "good", "name"), PAIRS)
def test_bad_arguments_are_refused_by_name(function: Any, good: dict[str, Any], name: str) -> None:
    for bad in (math.nan, math.inf):
        array = np.array(good[name])
        array.flat[-1] = bad
        with pytest.raises(ValueError, match=rf"^{name} .*{bad}"):
            function(**{**good, name: array})
    for kind in (complex, bool, object, str, np.longdouble):
        with pytest.raises(TypeError, match=rf"^{name} "):
            function(**{**good, name: np.array(good[name]).astype(kind)})
    for empty in (np.array(good[name])[:0], np.array(good[name])[..., :0]):
        with pytest.raises(ValueError, match=rf"^({name}|x|weights) "):
            function(**{**good, name: empty})
    for shape in [(), (7,), (7, 7), (1, 2, 2)]:
        with pytest.raises(ValueError, match=r"^(x|mu|weights|means|variances) must have"):
            function(**{**good, name: np.ones(shape)})


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_variances_are_positive(bad: float) -> None:
    with pytest.raises(ValueError, match=rf"^variances must be positive, got {bad}"):
        spherical_em_step(**{**STEP, "variances": [1.0, bad]})


def test_weights_are_not_negative_and_not_all_zero() -> None:
    with pytest.raises(ValueError, match=r"^weights must be non-negative, got -1"):
        spherical_em_step(**{**STEP, "weights": [1.0, -1.0]})
    with pytest.raises(ValueError, match=r"^weights must have a positive sum"):
        spherical_em_step(**{**STEP, "weights": [0.0, 0.0]})


def test_a_component_without_samples_is_named() -> None:
    for lost in ({"means": [[1.0, 1.0], [1e4, 0.0]]}, {"weights": [1.0, 0.0]}):
        with pytest.raises(ValueError, match=r"^means must each be responsible .* row 1"):
            spherical_em_step(**{**STEP, **lost})


@pytest.mark.parametrize("name", ["x", "means"])
def test_what_overflows_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="overflows"):
        spherical_em_step(**{**STEP, name: np.full(np.shape(STEP[name]), 1e200)})
    with pytest.raises(ValueError, match="overflows"):
        score_matching_gradient([1e200, 1.0], GRADIENT["x"])


def test_both_ways_of_a_step_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = mixture(9, 2000, 33, 4)
    expanded = spherical_em_step(*arguments)
    monkeypatch.setattr(mixture_em, "_EXPANDED", 0.0)
    differences = spherical_em_step(*arguments)
    monkeypatch.setattr(mixture_em, "_CANCELLED", 0.0)
    twice = spherical_em_step(*arguments)
    for one, two, three in zip(expanded, differences, twice, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-11, atol=1e-12)
        np.testing.assert_allclose(three, one, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_room_starts_at_a_line_of_the_cache(dtype: type[Any]) -> None:
    for count in range(1, 40):
        room = _blocks.line_aligned(count, dtype)
        assert (len(room), room.dtype, room.ctypes.data % 64) == (count, dtype, 0)
