"""Power iteration against LAPACK, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.impl import block_iteration, deflated_iteration, power_iteration

RNG = np.random.default_rng(4)
BASIS = np.linalg.qr(RNG.standard_normal((7, 7)))[0]
VALUES = np.array([9.0, 4.0, 2.0, 0.5, 0.25, 0.1, 0.0])
MATRIX = (BASIS * VALUES) @ BASIS.T
START = RNG.standard_normal((7, 3))
ALL = (power_iteration, block_iteration, deflated_iteration)


def first(function, start=START):
    return np.asarray(start)[..., 0] if function is power_iteration else start


def test_finds_the_leading_vector():
    value, vector = power_iteration(MATRIX, START[:, 0], 60)
    assert value == pytest.approx(9.0, rel=1e-12)
    assert abs(vector @ BASIS[:, 0]) == pytest.approx(1.0, rel=1e-12)
    assert isinstance(value, float)


@pytest.mark.parametrize("function", [block_iteration, deflated_iteration])
def test_finds_the_leading_vectors(function):
    values, vectors = function(lambda x: MATRIX @ x, START, 120)
    np.testing.assert_allclose(values, VALUES[:3], rtol=1e-10)
    np.testing.assert_allclose(np.abs(BASIS[:, :3].T @ vectors), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-14)


def test_one_step_is_one_product():
    _, vector = power_iteration(MATRIX, START[:, 0], 1)
    image = MATRIX @ START[:, 0]
    np.testing.assert_allclose(vector, image / np.linalg.norm(image), rtol=1e-13)
    _, basis = block_iteration(MATRIX, START, 1)
    image = MATRIX @ START
    np.testing.assert_allclose(basis @ (basis.T @ image), image, atol=1e-12)


def test_small_entries_keep_their_digits():
    _, vector = power_iteration(np.diag([1.0, 0.5]), [1.0, 1e-200], 3)
    assert vector[1] == pytest.approx(1.25e-201, rel=1e-14)
    _, vector = power_iteration(np.diag([1.0, 0.5]), [1e-200, 1.0], 3)
    assert vector[0] == pytest.approx(8e-200, rel=1e-14)


@pytest.mark.parametrize("function", ALL)
def test_single_precision_stays(function):
    single = MATRIX.astype(np.float32)
    start = first(function).astype(np.float32)
    assert function(single, start, 2)[1].dtype == np.float32
    assert function(MATRIX, start, 2)[1].dtype == np.float64
    assert function(lambda x: x, start, 2)[1].dtype == np.float32
    integers = np.diag([3, 2, 1])
    begin = first(function, np.tri(3, dtype=int).T[::-1].T)
    assert function(integers, begin.tolist(), 2)[1].dtype == np.float64


@pytest.mark.parametrize("function", ALL)
def test_leaves_arguments_alone(function):
    start, matrix = first(function).copy(), MATRIX.copy()
    start.flags.writeable = matrix.flags.writeable = False
    function(matrix, start, 2)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("bad", [complex, bool, object, str])
def test_refuses_other_types(function, bad):
    with pytest.raises(TypeError, match="start"):
        function(MATRIX, first(function).astype(bad), 1)
    with pytest.raises(TypeError, match="operator"):
        function(MATRIX.astype(bad), first(function), 1)
    with pytest.raises(TypeError, match="operator times columns"):
        function(lambda x: x.astype(bad), first(function), 1)


@pytest.mark.parametrize("function", ALL)
def test_refuses_bad_values(function):
    start = first(function)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="start must be finite"):
            function(MATRIX, np.where(start == start.flat[0], bad, start), 1)
        with pytest.raises(ValueError, match="operator must be finite"):
            function(np.where(np.eye(7) > 0, bad, MATRIX), start, 1)
    with pytest.raises(ValueError, match="start"):
        function(MATRIX, start[:0], 1)
    with pytest.raises(ValueError, match=r"start must be finite and not zero"):
        function(MATRIX, 0 * start, 1)
    with pytest.raises(ValueError, match="operator times the iterates"):
        function(0 * MATRIX, start, 1)
    with pytest.raises(ValueError, match=r"operator must have shape \(7, 7\), got \(6, 7\)"):
        function(MATRIX[:6], start, 1)
    with pytest.raises(ValueError, match="operator must have a last axis"):
        function(MATRIX[:, :6], start, 1)
    with pytest.raises(ValueError, match="operator must take shape"):
        function(lambda x: x[:3], start, 1)
    for steps in (0, -1):
        with pytest.raises(ValueError, match=rf"steps must be .* got {steps}"):
            function(MATRIX, start, steps)
    for steps in (1.0, True, "1", None):
        with pytest.raises(TypeError, match="steps"):
            function(MATRIX, start, steps)


def test_refuses_bad_shapes():
    with pytest.raises(ValueError, match="start must have 1 dim"):
        power_iteration(MATRIX, START, 1)
    for function in (block_iteration, deflated_iteration):
        with pytest.raises(ValueError, match="start must have 2 dim"):
            function(MATRIX, START[:, 0], 1)
        with pytest.raises(ValueError, match="not have more columns"):
            function(np.eye(2), np.ones((2, 3)), 1)


def test_refuses_dependent_columns():
    with pytest.raises(ValueError, match="start"):
        block_iteration(np.eye(2), [[1.0, 1.0], [0.0, 0.0]], 1)
    with pytest.raises(ValueError, match="start"):
        deflated_iteration(np.eye(2), [[1.0, 1.0], [0.0, 0.0]], 1)
