"""The two forms of a step, power iteration and gradient EM: sizes, rounding, balls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._balls import descent_coefficients, residual_coefficients
from lemmata.checks._plane import ball_vectors, in_basis, vectors
from lemmata.harness.balls import enclosure, gaussian_mean, norm
from lemmata.harness.claim import Point

__all__ = [
    "SOURCE",
    "Array",
    "balance",
    "cosine_of",
    "descent_noise",
    "em_sides",
    "em_step",
    "field_sides",
    "length",
    "tail_sides",
]

Array = NDArray[np.float64]

SOURCE = "Shah, Chen & Klivans 2023, Lemma 8, Lemma C.5, Lemma C.8; the conclusion"


def length(vector: Any) -> float:
    """Euclidean norm."""
    return float(np.linalg.norm(vector))


def cosine_of(degrees: float) -> float:
    """Cosine, exactly zero at the right angle."""
    return math.cos(math.radians(degrees)) if degrees != 90 else 0.0


def balance(left: Any, right: Any) -> Any:
    """Slack of `left <= right` for bounds that may vanish: in [-1, 1]."""
    return 1 - 2 * left / (left + right)


def em_step(mu: Array, star: Array) -> Array:
    """EM(mu) - mu = E tanh(s) mu* - E tanh^2(s) mu, without cancelling mu."""
    moments = theory.tanh_moments(mu @ star, mu @ mu)
    return np.asarray(float(moments.tanh) * star - float(moments.tanh_sq) * mu)


def descent_noise(point: Point) -> float:
    """Rounding of the descent direction's two terms, over its norm."""
    mu, star = vectors(point)
    on_star, on_mu = theory.ddpm_descent_coefficients(mu @ star, mu @ mu)
    size = length(theory.ddpm_descent(mu, star))
    terms = abs(float(on_star)) * point["mu_star_norm"] + abs(float(on_mu)) * point["mu_norm"]
    return float(1e-13 * terms / size) + 1e-9 if size > 0 else math.inf


def field_sides(point: Point, k: int) -> tuple[arb, arb, arb]:
    """Norms of descent - F, of F = 2 mu* mu*.mu - k |mu|^2 mu, and of the descent."""
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    field = (2 * a * b * cosine, -k * a * a)
    return (
        norm(*in_basis(point, on_star - field[0], on_mu - field[1])),
        norm(*in_basis(point, *field)),
        norm(*in_basis(point, on_star, on_mu)),
    )


def em_sides(point: Point) -> tuple[arb, arb]:
    """Norms of G and of the EM step EM(mu) - mu, which is descent minus G."""
    a, b, cosine, _ = ball_vectors(point)
    residual = residual_coefficients(a, b, cosine)
    descent = descent_coefficients(a, b, cosine)
    step = (descent[0] - residual[0], descent[1] - residual[1])
    return norm(*in_basis(point, *residual)), norm(*in_basis(point, *step))


def tail_sides(point: Point) -> tuple[arb, arb]:
    """The same norms to relative precision, however small G is.

    Under N(m, v) the derivatives of tanh are as small as s is rarely near zero, and an integral
    knows its own size to 2^-prec only. With a weight exp(lam s), lam = min(m/v, 2), the mean moves
    to max(m - 2v, 0), where they are of order one, and their size comes out in front:
    E f(s) = exp(-lam m + lam^2 v / 2) E[f(s') exp(lam s')], s' ~ N(m - lam v, v).
    """
    a, b, cosine, _ = ball_vectors(point)
    variance, mean = a * a, a * b * abs(cosine)
    tilt = (b * abs(cosine) / a).min(arb(2))
    centre = (mean - 2 * variance).max(arb(0))
    weight = (-tilt * mean + tilt * tilt * variance / 2).exp()

    def jet(s: acb) -> tuple[acb, acb, acb]:
        """Derivatives of tanh over tanh', and tanh' exp(lam s)."""
        t = s.tanh()
        return -2 * t, 6 * t * t - 2, s.sech() ** 2 * (tilt * s).exp()

    def on_star(s: acb) -> acb:
        second, _, size = jet(s)
        return (s - second * variance / 2) * size

    def on_mu(s: acb) -> acb:
        second, third, size = jet(s)
        return (second * s - third * variance / 2) * size

    # tanh' exp(lam s) <= 4, and tanh'' and tanh''' are at most 2 and 4 times tanh'.
    reach = enclosure(centre)[1] + enclosure(a)[1]
    bound = 8 * reach + 8 * enclosure(variance)[1]
    parts = [
        gaussian_mean(f, centre, variance, bound=bound, degree=1) * weight for f in (on_star, on_mu)
    ]
    # The first is odd in the mean, the second even; so are the two of the EM step.
    sign = -1 if cosine < 0 else 1
    step = [
        gaussian_mean(lambda s: s.tanh(), mean, variance, bound=1),
        -gaussian_mean(lambda s: s.tanh() ** 2, mean, variance, bound=1),
    ]
    return (
        norm(*in_basis(point, sign * parts[0], parts[1])),
        norm(*in_basis(point, sign * step[0], step[1])),
    )
