"""Power iteration in closed form: against the iteration itself, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.theory import power_contraction, power_tangent

VALUES = [8.0, 4.0, 4.0, 1.0, 0.0]


def test_contractions_by_hand():
    assert [float(power_contraction(VALUES, rank)) for rank in (1, 2, 3, 4)] == [0.5, 1.0, 0.25, 0]


def test_tangent_is_that_of_the_iterates():
    start = np.array([1.0, -2.0, 0.5, 3.0, 1.0])
    vector = start
    for steps in range(6):
        expected = np.linalg.norm(vector[1:]) / abs(vector[0])
        assert power_tangent(VALUES, start, steps) == pytest.approx(expected, rel=1e-14)
        vector = np.array(VALUES) * vector


def test_extremes_neither_overflow_nor_vanish():
    assert power_tangent([1.0, 0.5], [1e-200, 1e-200], 10) == pytest.approx(2.0**-10)
    assert power_tangent([1.0, 0.5], [1.0, 1e-200], 3) == pytest.approx(1.25e-201)
    assert power_tangent([1e300, 1e-300], [1.0, 1.0], 1) == 0
    assert power_tangent([3.0], [2.0], 5) == 0
    assert power_tangent([1.0, 0.0], [1.0, 7.0], 0) == 7


def test_float32_stays():
    values = np.array([2.0, 1.0], dtype=np.float32)
    assert power_contraction(values).dtype == np.float32
    assert power_tangent(values, values, 2).dtype == np.float32
    assert power_tangent(values, [1.0, 1.0], 2).dtype == np.float64
    assert power_contraction([2, 1]).dtype == np.float64


@pytest.mark.parametrize(
    ("eigenvalues", "message"),
    [
        ([1.0, 2.0], "eigenvalues must be in falling order, got 2.0"),
        ([1.0, -2.0], "eigenvalues must be >= 0, got -2.0"),
        ([0.0, 0.0], "eigenvalues must be > 0 in the first place"),
        ([[1.0, 0.5]], r"eigenvalues must have shape \(p,\)"),
        ([], "eigenvalues must not be empty"),
        ([np.nan, 1.0], "eigenvalues must be finite"),
    ],
)
def test_refuses_bad_eigenvalues(eigenvalues, message):
    with pytest.raises(ValueError, match=message):
        power_contraction(eigenvalues)
    with pytest.raises(ValueError, match=message):
        power_tangent(eigenvalues, [1.0, 1.0], 1)


def test_refuses_bad_ranks_starts_and_steps():
    for rank in (0, 5, -1):
        with pytest.raises(ValueError, match=rf"rank must be an integer from 1 to 4, got {rank}"):
            power_contraction(VALUES, rank)
    with pytest.raises(ValueError, match="at least two"):
        power_contraction([1.0])
    with pytest.raises(ValueError, match="first `rank` places"):
        power_contraction([1.0, 0.0, 0.0], 2)
    with pytest.raises(ValueError, match=r"start must be not zero in the first place, got 0\.0"):
        power_tangent([2.0, 1.0], [0.0, 1.0], 1)
    with pytest.raises(ValueError, match=r"start must have shape \(2,\), got \(3,\)"):
        power_tangent([2.0, 1.0], [1.0, 1.0, 1.0], 1)
    with pytest.raises(ValueError, match="overflow"):
        power_tangent([2.0, 1.0], [1e-300, 1e300], 1)
    for steps in (-1, 10**6 + 1):
        with pytest.raises(ValueError, match=rf"steps must be an integer from 0 .* got {steps}"):
            power_tangent([2.0, 1.0], [1.0, 1.0], steps)
    for bad in (1.0, True, "1", None):
        with pytest.raises(TypeError, match="steps"):
            power_tangent([2.0, 1.0], [1.0, 1.0], bad)
        with pytest.raises(TypeError, match="rank"):
            power_contraction([2.0, 1.0], bad)
    for bad in ([1j, 1], [True, False], ["1", "2"], [None, 1]):
        with pytest.raises(TypeError, match="eigenvalues"):
            power_contraction(bad)
        with pytest.raises(TypeError, match="start"):
            power_tangent([2.0, 1.0], bad, 1)
