"""Lemma C.3's field F = 2 mu* mu*^T mu - k |mu|^2 mu: how far the gradient is from it, in balls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import arb

from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import ball_vectors, in_basis
from lemmata.harness.balls import norm
from lemmata.harness.claim import Point

__all__ = ["PRINTED_K", "Bound", "ball_distance_to_field", "printed_bound", "sharp_bound"]

#: Coefficient on |mu|^2 mu, as printed; SCK-15r has 2.
PRINTED_K = 3

#: (d, |mu|, |mu*|) to the right-hand side, for floats and balls alike.
Bound = Callable[[Any, Any, Any], Any]


def printed_bound(d: Any, a: Any, b: Any) -> Any:
    """The right-hand side of Lemma C.3, for floats and balls alike."""
    return 250 * d**0.5 * a**5 + 10 * a**3 * b**2


def sharp_bound(_d: Any, a: Any, b: Any) -> Any:
    """The right-hand side of the repaired lemma."""
    return 6 * a**5 + 6 * a**3 * b**2 + 4 * a**3 * b**4 / 3


def ball_distance_to_field(point: Point, k: int, factor: int = 1) -> arb:
    """Norm of factor times the descent direction minus F."""
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    return norm(*in_basis(point, factor * on_star - 2 * a * b * cosine, factor * on_mu + k * a * a))
