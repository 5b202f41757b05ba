"""Means of tanh and its derivatives at small norms in balls: one rule of proven error for all."""

from __future__ import annotations

import math

import flint
from flint import arb

__all__ = ["LARGEST", "strip_means"]

#: Largest |mu| for which the rule is worth it: beyond, poles of tanh call for many nodes.
LARGEST = 0.5
#: |Im s| on the strip. There |tanh| <= 2.6, |tanh'| <= 7.7, as |tanh(x + iy)| <= max(1, tan y) and
#: |tanh'(x + iy)| <= 1 / cos(y)^2, and |tanh''| <= 41, |tanh'''| <= 330 by their polynomials.
_HEIGHT = 1.2
#: Every function summed is at most so many times 1 + |s| on the strip.
_BOUND = 400


def strip_means(mean: arb, deviation: arb) -> tuple[arb, arb, arb, arb]:
    """E f(s), s ~ N(m, v), for f = tanh, tanh^2, s tanh' - v tanh''/2, s tanh'' - v tanh'''/2.

    The trapezoidal rule with step h errs by at most 2 M / (exp(2 pi w / h) - 1) for an integrand
    that is analytic on the strip |Im z| < w, with integrals of its modulus along it at most M
    (Trefethen & Weideman 2014, Theorem 5.1); the integrand is f(m + sqrt(v) z) phi(z).

    Parameters
    ----------
    mean, deviation : arb
        m, and sqrt(v) > 0, at most `LARGEST`.
    """
    # The means may be as small as v^2: digits enough for them, at the current precision.
    a = float(deviation)
    digits = (flint.ctx.prec + 20) * math.log(2) - 4 * math.log(a)
    width = min(math.sqrt(2 * digits), _HEIGHT / a * (1 - 1e-12))
    step = arb(2 * math.pi * width / (digits + width * width / 2))
    reach = math.ceil(math.sqrt(2 * digits) / float(step))

    half_variance = deviation * deviation / 2
    sums = [arb(0)] * 4
    for k in range(-reach, reach + 1):
        z = k * step
        weight = (-z * z / 2).exp()
        s = mean + deviation * z
        t = s.tanh()
        square = t * t
        first = weight * (1 - square)
        third = 6 * square - 2
        sums[0] += weight * t
        sums[1] += weight * square
        sums[2] += first * (s + 2 * half_variance * t)
        sums[3] += first * (-2 * s * t - half_variance * third)

    root = (2 * arb.pi()).sqrt()
    w, end = arb(width), reach * step
    size = 1 + abs(mean)
    inside = _BOUND * (w * w / 2).exp() * (size + deviation * (1 + w))
    rule = 2 * inside / ((2 * arb.pi() * w / step).exp() - 1)
    # What the sum leaves out is at most the integral beyond its end, as z phi(z) falls from one on.
    tail = 2 * _BOUND * (size / end + deviation) * (-end * end / 2).exp() / root
    error = arb(0, 1) * (rule + tail)
    one, two, three, four = (step * total / root + error for total in sums)
    return one, two, three, four
