"""The two forms of a step, power iteration and gradient EM: sizes, rounding, balls."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._plane import ball_vectors, in_basis, vectors
from lemmata.checks._strip import LARGEST, strip_means
from lemmata.harness.balls import enclosure, gaussian_means, norm
from lemmata.harness.claim import Point

__all__ = [
    "SOURCE",
    "Array",
    "balance",
    "ball_descent",
    "cosine_of",
    "descent_noise",
    "em_sides",
    "em_step",
    "field_sides",
    "length",
]

Array = NDArray[np.float64]

SOURCE = "Shah, Chen & Klivans 2023, Lemma 8, Lemma C.5, Lemma C.8; the conclusion"


def length(vector: Any) -> float:
    """Euclidean norm, of vectors whose squares are too small for floats as well."""
    size = float(np.max(np.abs(vector)))
    return size * float(np.linalg.norm(np.asarray(vector) / size)) if size > 0 else 0.0


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


def ball_descent(point: Point) -> tuple[arb, arb]:
    """Coefficients of the descent on mu* and mu."""
    a, b, cosine, _ = ball_vectors(point)
    if point["mu_norm"] > LARGEST:
        return descent_coefficients(a, b, cosine)
    tanh, tanh_sq, on_star, on_mu = strip_means(a * b * cosine, a)
    return on_star + tanh, on_mu - tanh_sq


def field_sides(point: Point, k: int) -> tuple[arb, arb, arb]:
    """Norms of descent - F, of F = 2 mu* mu*.mu - k |mu|^2 mu, and of the descent."""
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = ball_descent(point)
    field = (2 * a * b * cosine, -k * a * a)
    return (
        norm(*in_basis(point, on_star - field[0], on_mu - field[1])),
        norm(*in_basis(point, *field)),
        norm(*in_basis(point, on_star, on_mu)),
    )


def em_sides(point: Point) -> tuple[arb, arb]:
    """Norms of G and of the EM step EM(mu) - mu, to relative precision, however small G is."""
    a, b, cosine, _ = ball_vectors(point)
    mean = a * b * cosine
    if point["mu_norm"] <= LARGEST:
        tanh, tanh_sq, on_star, on_mu = strip_means(mean, a)
    else:
        on_star, on_mu = _tail_coefficients(a, b, cosine)
        tanh, tanh_sq = gaussian_means(_tanh_and_square, mean, a * a, bound=1)
    return norm(*in_basis(point, on_star, on_mu)), norm(*in_basis(point, tanh, -tanh_sq))


def _tanh_and_square(s: acb) -> tuple[acb, acb]:
    t = s.tanh()
    return t, t * t


def _tail_coefficients(a: arb, b: arb, cosine: arb) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of G, where |mu| is not small.

    Under N(m, v) the derivatives of tanh are as small as s is rarely near zero, and an integral
    knows its own size to 2^-prec only. With a weight exp(lam s), lam = min(m/v, 2), the mean moves
    to max(m - 2v, 0), where they are of order one, and their size comes out in front:
    E f(s) = exp(-lam m + lam^2 v / 2) E[f(s') exp(lam s')], s' ~ N(m - lam v, v).
    """
    variance, mean = a * a, a * b * abs(cosine)
    tilt = (b * abs(cosine) / a).min(arb(2))
    centre = (mean - 2 * variance).max(arb(0))
    weight = (-tilt * mean + tilt * tilt * variance / 2).exp()

    # tanh' exp(lam s), two forms of one function: neither cancels exponentials on its side. The
    # other derivatives are multiples of the first, so that they decay as it does.
    def decaying(s: acb) -> acb:
        if s.real.mid() < 0:
            return 4 * ((2 + tilt) * s).exp() / (1 + (2 * s).exp()) ** 2
        return 4 * ((tilt - 2) * s).exp() / (1 + (-2 * s).exp()) ** 2

    def coefficients(s: acb) -> tuple[acb, acb]:
        t, slope = s.tanh(), decaying(s)
        return (s + t * variance) * slope, (-2 * t * s - (3 * t * t - 1) * variance) * slope

    # tanh'(s) exp(lam s) <= 4.
    bound = 8 * (enclosure(centre)[1] + enclosure(a)[1] + enclosure(variance)[1])
    first, second = gaussian_means(coefficients, centre, variance, bound=bound, degree=1)
    # The first is odd in the mean, the second even.
    return (-first if cosine < 0 else first) * weight, second * weight
