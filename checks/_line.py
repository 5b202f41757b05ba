"""The line: gradient, EM step and what lies between by their definitions, for mu and mu* in R.

In balls each is an integral over x ~ N(mu*, 1) as it is printed, without Stein's identity; in
floating point it is a weighted sum over nodes.
"""

from __future__ import annotations

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata.checks._balls import mean_1d, tanh_jet
from lemmata.harness.balls import gaussian_means

__all__ = [
    "ball_em_coefficients",
    "ball_em_map",
    "ball_half_gradient",
    "ball_residual",
    "ball_residual_by_score",
    "ball_residual_slope",
    "residual_integrand",
]

Array = NDArray[np.float64]


def _size(*numbers: arb) -> float:
    return 1 + sum(float(abs(number).upper()) for number in numbers)


def ball_half_gradient(a: arb, c: arb) -> arb:
    """Half the gradient of (5) at mu_t = a with mu*_t = c.

    The loss (5) differs from the distance to the score, (4), by a constant, so this is
    E[J^T (s_mu(x) - score(x))]: no Stein term comes in.
    """

    def slope(x: acb) -> acb:
        t, d1, _, _ = tanh_jet(a * x)
        gap = t * a - (c * x).tanh() * c
        return t * gap + d1 * a * gap * x

    return mean_1d(slope, c, scale=2 * _size(a, c) ** 2, degree=1)


def ball_em_map(a: arb, b: arb) -> arb:
    """E tanh(a x) x."""
    return mean_1d(lambda x: (a * x).tanh() * x, b, scale=1, degree=1)


def ball_em_coefficients(a: arb, b: arb, cosine: arb) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of the EM map E[tanh(s) X] in any dimension."""
    mean, variance = a * b * cosine, a * a
    return gaussian_means(lambda s: tanh_jet(s)[:2], mean, variance, bound=1)


def _residual(a: arb, x: acb) -> acb:
    """What (C.2) takes the mean of."""
    _, d1, d2, _ = tanh_jet(a * x)
    return -d2 * a**2 * x / 2 + d1 * a * x**2 - d1 * a


def ball_residual(a: arb, b: arb) -> arb:
    """G(a, b), (C.2)."""
    return mean_1d(lambda x: _residual(a, x), b, scale=2 * _size(a) ** 2, degree=2)


def ball_residual_slope(a: arb, xi: arb) -> arb:
    """dG(a, xi)/dxi as it is displayed, without its eta."""

    def displayed(x: acb) -> acb:
        _, d1, d2, d3 = tanh_jet(a * x)
        return 2 * d1 * a * x + d2 * (-3 * a**2 / 2 + a**2 * x**2) - a**3 * x * d3 / 2

    return mean_1d(displayed, xi, scale=4 * _size(a) ** 3, degree=2)


def ball_residual_by_score(a: arb, xi: arb) -> arb:
    """dG(a, xi)/dxi as E[g(x) (x - xi)]: the density is differentiated, g is not."""
    scale = 2 * _size(a) ** 2 * _size(xi)
    return mean_1d(lambda x: _residual(a, x) * (x - xi), xi, scale=scale, degree=3)


def residual_integrand(mu: Array, x: Array) -> Array:
    """What the definition of G takes the mean of, at points x of shape (n, d)."""
    s = x @ mu
    t = np.tanh(s)
    decay = np.exp(-2 * np.abs(s))
    d1 = 4 * decay / (1 + decay) ** 2
    on_x = t * d1 * (mu @ mu) + d1 * s
    return np.asarray(on_x[:, None] * x - d1[:, None] * mu)
