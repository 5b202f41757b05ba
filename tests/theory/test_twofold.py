"""Inner products in twice the working precision, against exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from lemmata.theory import _twofold


def exact(a: np.ndarray, b: np.ndarray) -> Fraction:
    return sum((Fraction(x) * Fraction(y) for x, y in zip(a, b, strict=True)), Fraction(0))


@pytest.mark.parametrize("d", [1, 2, 7, 8, 9, 16, 17, 40, 101])
def test_dot_loses_nothing_where_vectors_are_nearly_orthogonal(d, monkeypatch):
    """Also where the products are more than the lanes that they are summed in."""
    monkeypatch.setattr(_twofold, "_LANES", 8)
    rng = np.random.default_rng(d)
    a = rng.standard_normal((3, d)) * 10.0 ** rng.integers(-5, 6, (3, d))
    b = rng.standard_normal(d)
    # What is left of the sum is of the order of the products' roundings.
    b[-1] = float(-exact(a[0][:-1], b[:-1]) / Fraction(a[0][-1]))
    high, low = _twofold.dot(a, b)
    assert high.shape == low.shape == (3,)
    for row, total, rest in zip(a, high, low, strict=True):
        wanted = exact(row, b)
        scale = exact(np.abs(row), np.abs(b))
        assert abs(Fraction(total) + Fraction(rest) - wanted) <= scale * Fraction(2) ** -98
        assert abs(Fraction(total) - wanted) <= abs(wanted) * Fraction(2) ** -52 + scale / 2**98


@pytest.mark.parametrize("d", [3, 20])
def test_dot_that_overflows_is_infinite(d, monkeypatch):
    monkeypatch.setattr(_twofold, "_LANES", 8)
    high, low = _twofold.dot(np.full(d, 1e200), np.full(d, -1e200))
    assert (high, low) == (-np.inf, 0.0)
    # The splitting overflows and the product does not.
    high, low = _twofold.dot(np.full(d, 1e305), np.full(d, 1e-300))
    assert high == pytest.approx(d * 1e5, rel=1e-15)
    assert low == pytest.approx(0.0, abs=1e-9 * d)
