"""Lemma C.3's field F = 2 mu* mu*^T mu - k |mu|^2 mu, and how far the gradient is from it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb, ctx

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import ball_vectors, in_basis, vectors
from lemmata.harness.balls import norm, precision
from lemmata.harness.claim import Point

__all__ = [
    "BALLS",
    "PRINTED_K",
    "THEORY",
    "ZERO",
    "Bound",
    "ball_distance_to_field",
    "ball_time",
    "distance",
    "exact_distance",
    "printed_bound",
    "sharp_bound",
    "time_of",
]

#: Coefficient on |mu|^2 mu, as printed; SCK-15r has 2.
PRINTED_K = 3

THEORY = "theory: the gradient minus its field, without cancellation"
BALLS = "balls: Lemma C.2 minus the field"

#: The zero vector in place of the field.
ZERO = None

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


def distance(point: Point, t: float, k: int | None) -> tuple[float, float]:
    """Distance of minus half the gradient at mu_t from F (or from zero), and the terms' size."""
    mu, mu_star = theory.marginal_means(np.stack(vectors(point)), t)
    if k is ZERO:
        return (float(np.linalg.norm(theory.ddpm_descent(mu, mu_star))),) * 2
    # The field of theory has the coefficient 2; the printed one is written from it.
    right = theory.large_noise_error(mu, mu_star)
    more = (k - 2) * (mu @ mu) * mu
    return float(np.linalg.norm(right + more)), float(np.linalg.norm(right) + np.linalg.norm(more))


@functools.lru_cache(maxsize=1024)
def _ball_distance(items: tuple[tuple[str, Any], ...], k: int | None, bits: int) -> arb:
    with precision(bits):
        point: dict[str, Any] = dict(items)
        decay = (-ball_time(point)).exp()
        at_t: Point = {
            **point,
            "mu_norm": arb(point["mu_norm"]) * decay,
            "mu_star_norm": arb(point["mu_star_norm"]) * decay,
        }
        if k is not ZERO:
            return ball_distance_to_field(at_t, k)
        a, b, cosine, _ = ball_vectors(at_t)
        return norm(*in_basis(at_t, *descent_coefficients(a, b, cosine)))


def exact_distance(point: Point, k: int | None) -> arb:
    """The same in balls, with the bits that the difference loses at small norms."""
    a = float(point["mu_norm"]) * math.exp(-time_of(point))
    guard = 32 + max(0, math.ceil(-5 * math.log2(a)))
    return _ball_distance(tuple(point.items()), k, ctx.prec + guard)


def time_of(point: Point) -> float:
    """Time t, given or as kappa log d."""
    return float(point["t"] if "t" in point else point.get("kappa", 0) * math.log(point["d"]))


def ball_time(point: Point) -> arb:
    """The same in balls."""
    return arb(point["t"]) if "t" in point else arb(point.get("kappa", 0)) * arb(point["d"]).log()
