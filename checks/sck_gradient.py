"""SCK-09: Lemma C.2, the gradient of the DDPM loss, from the loss itself."""

from __future__ import annotations

import functools
import math

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients, mean_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import (
    ORDER,
    gradient_norm,
    grid_points,
    noise_grid,
    projected_samples,
    projection,
    sample_points,
    scaled_gradients,
)
from lemmata.checks._plane import vectors
from lemmata.harness.claim import Claim, Point
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023, Lemma C.2"


def _moved(point: Point) -> tuple[Array, Array]:
    """mu_t, which is free, and mu*_t = exp(-t) mu*."""
    mu, mu_star = vectors(point)
    return mu, theory.marginal_means(mu_star[None, :], point["t"])[0]


def _error(point: Point, factor: float) -> float:
    """How far factor times the gradient of (5) is from minus the lemma, relative to both."""
    mu, x, _, z, _, weights = noise_grid(point)
    gradient = impl.ddpm_gradient(mu, x, z, point["t"], weights=weights)
    predicted = theory.ddpm_descent(*_moved(point))
    size = np.linalg.norm(gradient) + np.linalg.norm(predicted)
    return float(np.linalg.norm(-factor * gradient - predicted) / size)


def _exact_error(point: Point, factor: float) -> arb:
    """The same on the line through mu, with the gradient taken through the score.

    The loss (5) differs from the distance to the score, (4), by a constant, so its gradient is
    2 E[J^T (s_mu(x) - score(x))]: no Stein term, and nothing of Lemma F.1, comes in.
    """
    a = arb(point["mu_norm"])
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])

    def loss_slope(x: acb) -> acb:
        t, d1, _, _ = tanh_jet(a * x)
        residual = t * a - (c * x).tanh() * c
        return 2 * (t * residual + d1 * a * residual * x)

    size = 1 + float(a.upper()) + float(c.upper())
    gradient = mean_1d(loss_slope, c, scale=4 * size**2, degree=1)
    on_star, on_mu = descent_coefficients(a, c, arb(point["cos_theta"]))
    predicted = on_star * c * arb(point["cos_theta"]) + on_mu * a
    return abs(-factor * gradient - predicted) / (abs(gradient) + abs(predicted))


def _noise(point: Point) -> float:
    # Both sides cancel down from |mu| to about |mu|^3 + |mu| |mu*_t|^2; Z / beta_t adds its size.
    a, c = point["mu_norm"], math.exp(-point["t"]) * point["mu_star_norm"]
    left = min(1.0, (a * a + c * c) / (1 + a * a + c * c))
    return float(1e-11 / (left * -math.expm1(-2 * point["t"])))


def _search(factor: float) -> Search:
    return equality_search(
        grid_points(),
        error=lambda point: _error(point, factor),
        exact_error=lambda point: _exact_error(point, factor),
        noise=_noise,
        routes=(
            "theory: one-dimensional integrals",
            "impl: autograd of the loss on a grid of X_0 and Z",
            "balls: the gradient through the score, (4) instead of (5)",
        ),
    )


def _test(factor: float) -> MeanTest:
    def allowed(point: Point) -> tuple[float, float]:
        predicted = float(theory.ddpm_descent(*_moved(point)) @ projection(point))
        value = -predicted / factor / gradient_norm(point)
        return value, value

    return MeanTest(
        domain=sample_points(),
        draw=functools.partial(projected_samples, scaled_gradients),
        allowed=allowed,
        effect=0.01,
        moment=lambda _point: (float(ORDER), 1.0),
        routes=("theory: one-dimensional integrals", "impl: autograd of the loss at samples"),
    )


_STATEMENT = (
    r"\mathbb E_{\mathcal N(\mu_t^*, I)}[(\tanh s - \tfrac12 \tanh''(s)\|\mu_t\|^2"
    r" + \tanh'(s) s) X] - \mu_t - \mathbb E[\tanh'(s)]\mu_t,\quad s = \mu_t^\top X"
)

CLAIMS = (
    Claim(
        id="SCK-09",
        title="Lemma C.2: the negative gradient of the DDPM loss",
        source=_SOURCE,
        statement=r"-\nabla L_t(s_{\mu_t}) = " + _STATEMENT,
        reading="L_t is the loss (5), which has no factor one half",
        evidence=(_search(1.0), _test(1.0)),
        note="The gradient of (5) is twice what is printed: the derivative of the square is 2 r J,"
        " and the first display of the proof drops the 2.",
    ),
    Claim(
        id="SCK-09r",
        title="Lemma C.2 with its factor: minus half the gradient of the DDPM loss",
        source=_SOURCE,
        statement=r"-\tfrac12 \nabla L_t(s_{\mu_t}) = " + _STATEMENT,
        repairs="SCK-09",
        evidence=(_search(0.5), _test(0.5)),
        needs=("SCK-06", "SCK-07"),
        note="The factor only rescales the step size, so later statements read -grad L as this"
        " half; where they say otherwise the reading says so.",
    ),
)
