"""SCK-27: a step at small noise is part of an EM step, and what it has besides."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import (
    descent_coefficients,
    mean_1d,
    means_1d,
    residual_coefficients,
    tanh_jet,
)
from lemmata.checks._compare import equality_search, equality_slack
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
from lemmata.checks._line import (
    ball_em_coefficients,
    ball_em_map,
    ball_half_gradient,
    ball_residual,
)
from lemmata.checks._plane import ball_vectors, in_basis, plane_points, vectors
from lemmata.checks._population import ball_plane, in_plane, line_grid, line_points, plane_means
from lemmata.checks._small_noise import EFFECT, EFFORT, length, light_equality, with_step_size
from lemmata.harness.balls import enclosure, norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"

#: What a step moves counts as no less than this share of mu and the step size.
_FLOOR = 1e-30

_on_the_line = with_step_size(grid_points())
_sampled = with_step_size(sample_points())
_in_the_plane = with_step_size(plane_points())
_with_small_steps = with_step_size(plane_points(), 1.0)
#: Anywhere, and as often where the printed 1 - eta is negative and G is small.
_anywhere_and_beyond = st.one_of(
    _in_the_plane,
    st.builds(
        lambda point, a, b, eta: {**point, "mu_norm": a, "mu_star_norm": b, "eta": eta},
        plane_points(),
        log_uniform(3.0, 1e2),
        log_uniform(3.0, 1e2),
        log_uniform(1.0, 1e2),
    ),
)
_along_mu = with_step_size(line_points())


def _moved(point: Point) -> tuple[Array, Array]:
    """mu_t, which is free, and mu*_t = exp(-t) mu*."""
    mu, mu_star = vectors(point)
    return mu, theory.marginal_means(mu_star[None, :], point["t"])[0]


def _identity_gap(mu: Array, star: Array, eta: float, move: Any) -> float:
    """Distance of the sides of the identity for a step that takes `move` from mu, over its size."""
    left = mu - move - star
    right = (
        (1 - eta) * (mu - star)
        + eta * (theory.em_map(mu, star) - star)
        + eta * theory.em_residual(mu, star)
    )
    return length(left - right) / (length(move) + eta * length(theory.ddpm_descent(mu, star)))


def _identity_error(point: Point, factor: float) -> float:
    """Distance of the sides of the identity, over what one step moves."""
    mu, x, _, z, _, weights = noise_grid(point)
    _, star = _moved(point)
    eta = float(point["eta"])
    move = eta * factor * impl.ddpm_gradient(mu, x, z, point["t"], weights=weights)
    return _identity_gap(mu, star, eta, move)


def _ball_identity_error(point: Point, factor: float) -> arb:
    """The same on the line, every term from its definition."""
    a, eta = arb(point["mu_norm"]), arb(point["eta"])
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"]) * arb(point["cos_theta"])
    half = ball_half_gradient(a, c)
    left = a - eta * 2 * factor * half - c
    right = (1 - eta) * (a - c) + eta * (ball_em_map(a, c) - c) + eta * ball_residual(a, c)
    return abs(left - right) / (eta * abs(half) * (2 * factor + 1))


def _identity_noise(point: Point) -> float:
    mu, star = _moved(point)
    a, c, eta = length(mu), length(star), float(point["eta"])
    size = eta * length(theory.ddpm_descent(mu, star))
    # The grid's rounding: relative to the gradient's terms, with Z / beta_t among them.
    grid = 1e-12 * eta * (a + c) / -math.expm1(-2 * point["t"])
    rounding = grid + 1e-14 * (1 + eta) * (a + c)
    return rounding / size if size > 0 else math.inf


def _plane_identity_error(point: Point, factor: float) -> float:
    """The same in any dimension, the gradient by quadrature along mu.

    It is E J^T r with r = s_mu(X) + Z / beta. Given X and its component c, Z / beta is X - c and
    noise of its own, so that r is tanh(s) mu - c; J^T r = tanh(s) r + tanh'(s) (mu.r) X.
    """
    mu, star, frame = in_plane(point)
    a, eta, half = float(point["mu_norm"]), float(point["eta"]), np.zeros(2)
    for sign in (1, -1):
        y, weights, across = line_grid(point, sign)
        gate, decay = np.tanh(a * y), np.exp(-2 * a * np.abs(y))
        slope = 4 * decay / (1 + decay) ** 2
        along = gate * a - sign * plane_means(point)[1][0]  # of r
        half[0] += weights @ (gate * along + slope * a * along * y) / 2
        half[1] += across * (weights @ (slope * a * along - gate)) / 2
    move = eta * 2 * factor * (frame @ half[: frame.shape[1]])
    return _identity_gap(mu, star, eta, move)


def _ball_plane_identity_error(point: Point, factor: float) -> arb:
    """The same, along mu and across it; every term from its definition."""
    a, along, across = ball_plane(point)
    eta = arb(point["eta"])
    size = 2 + float(a.upper()) + float(abs(along).upper())

    def means(f: Callable[[acb], tuple[acb, acb]]) -> tuple[arb, arb]:
        first, second = means_1d(f, along, scale=2 * size**2, degree=1)
        return first, across * second

    def gradient(y: acb) -> tuple[acb, acb]:
        t, d1, _, _ = tanh_jet(a * y)
        return (t + d1 * a * y) * (t * a - along), d1 * a * (t * a - along) - t

    def em_step(y: acb) -> tuple[acb, acb]:
        tanh = (a * y).tanh()
        return tanh * y, tanh

    def crosswise(y: acb) -> acb:
        _, d1, d2, _ = tanh_jet(a * y)
        return d1 * a * y - d2 * a * a / 2

    half, em = means(gradient), means(em_step)
    residual = (
        ball_residual(a, along),
        across * mean_1d(crosswise, along, scale=2 * size**2, degree=0),
    )
    gaps = []
    for k, (mu, star) in enumerate(((a, along), (arb(0), across))):
        left = mu - eta * 2 * factor * half[k] - star
        right = (1 - eta) * (mu - star) + eta * (em[k] - star) + eta * residual[k]
        gaps.append(left - right)
    # At the fixed points nothing moves, and the floor is what the gaps are relative to.
    return norm(*gaps) / (eta * (norm(*half) * (2 * factor + 1) + arb(_FLOOR) * a))


def _plane_identity_noise(point: Point) -> float:
    mu, star, _ = in_plane(point)
    eta = float(point["eta"])
    size = eta * length(theory.ddpm_descent(mu, star))
    rounding = 1e-14 * (1 + eta) * (length(mu) + length(star))
    return 1e-10 + rounding / size if size > 0 else math.inf


def _identity(factor: float) -> tuple[Search, Search, MeanTest]:
    """The identity with -grad L read as `factor` times minus the gradient of (5)."""

    def allowed(point: Point) -> tuple[float, float]:
        mu, star = _moved(point)
        # -grad L solved for: it is the same for every eta.
        rest = theory.em_map(mu, star) - mu + theory.em_residual(mu, star)
        value = -float(rest @ projection(point)) / factor / gradient_norm(point)
        return value, value

    return (
        light_equality(
            _on_the_line,
            error=lambda point: _identity_error(point, factor),
            exact_error=lambda point: _ball_identity_error(point, factor),
            noise=_identity_noise,
            routes=(
                "impl: autograd of the loss on a grid",
                "theory: EM map and G by one-dimensional integrals",
                "balls: the gradient through the score, EM and G by their definitions",
            ),
        ),
        dataclasses.replace(
            equality_search(
                _along_mu,
                error=lambda point: _plane_identity_error(point, factor),
                exact_error=lambda point: _ball_plane_identity_error(point, factor),
                noise=_plane_identity_noise,
                routes=(
                    "NumPy: the gradient by quadrature along mu, Z given X and its component",
                    "theory: EM map and G by one-dimensional integrals, in R^d",
                    "balls: gradient, EM and G by their definitions, along mu and across it",
                ),
            ),
            effort=0.3,
        ),
        MeanTest(
            domain=_sampled,
            draw=functools.partial(projected_samples, scaled_gradients),
            allowed=allowed,
            effect=EFFECT,
            moment=lambda _point: (float(ORDER), 1.0),
            routes=(
                "impl: autograd of the loss at samples",
                "theory: EM map and G by one-dimensional integrals",
            ),
        ),
    )


def _norm_bound(first: Callable[[Any], Any], domain: Any = _in_the_plane) -> Search:
    """The norm bound, with `first(eta)` in place of 1 - eta."""

    def parts(point: Point) -> tuple[float, float, float]:
        """Left side, right side, and the size of the right side's terms."""
        mu, star = vectors(point)
        eta = float(point["eta"])
        left = length(mu + eta * theory.ddpm_descent(mu, star) - star)
        terms = (
            first(eta) * length(mu - star),
            eta * length(theory.em_map(mu, star) - star),
            eta * length(theory.em_residual(mu, star)),
        )
        return left, sum(terms), sum(map(abs, terms))

    def slack(point: Point) -> float:
        left, right, size = parts(point)
        return equality_slack((left - right) / size)

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        eta = arb(point["eta"])
        on_star, on_mu = descent_coefficients(a, b, cosine)
        left = norm(*in_basis(point, eta * on_star - 1, eta * on_mu + 1))
        em_star, em_mu = ball_em_coefficients(a, b, cosine)
        terms = (
            first(eta) * norm(*in_basis(point, arb(-1), arb(1))),
            eta * norm(*in_basis(point, em_star - 1, em_mu)),
            eta * norm(*in_basis(point, *residual_coefficients(a, b, cosine))),
        )
        size = abs(terms[0]) + abs(terms[1]) + abs(terms[2])
        if size.contains(0) and enclosure(size)[1] < 1e-30 * (point["mu_norm"]):
            return arb(1)  # mu = mu*: both sides are zero
        result: arb = equality_slack((left - sum(terms, arb(0))) / size)
        return result

    def noise(point: Point) -> float:
        size = parts(point)[2]
        rounding = 1e-14 * (1 + point["eta"]) * (point["mu_norm"] + point["mu_star_norm"])
        return float(rounding / size) + 1e-9 if size > 0 else math.inf

    return Search(
        domain=domain,
        slack=slack,
        exact=exact,
        noise=noise,
        clear=0.5,
        describe=lambda slack: f"excess {max(-slack, 0.0):.2g} of the terms",
        routes=(
            "theory: the step by one integral",
            "theory: the EM map and G by others",
            "balls: all three by Stein's identity",
        ),
    )


_STEP = (
    r"\mu_t - \eta\nabla L - \mu_t^* = (1-\eta)(\mu_t - \mu_t^*)"
    r" + \eta(\mathbb E[\tanh(\mu_t^\top x)x] - \mu_t^*) + \eta G(\mu_t, \mu_t^*)"
)


def _bound(first: str) -> str:
    return (
        rf"\|\mu_t' - \mu_t^*\| \le {first}\|\mu_t - \mu_t^*\|"
        r" + \eta\|\mathbb E[\tanh(\mu_t^\top x)x] - \mu_t^*\| + \eta\|G(\mu_t, \mu_t^*)\|"
    )


CLAIMS = (
    Claim(
        id="SCK-27",
        title="Small noise: the bound on |mu' - mu*| by a part of an EM step and G",
        source=f"{_SOURCE}, low noise regime",
        statement=_bound(r"(1-\eta)"),
        reading="for every step size, as none is excluded; -grad L is half the gradient of (5)"
        " (SCK-09r)",
        evidence=(_norm_bound(lambda eta: 1 - eta, _anywhere_and_beyond),),
        needs=("SCK-09r",),
        note="The triangle inequality gives abs(1 - eta), the printed 1 - eta for eta <= 1: there"
        " the bound holds (SCK-27:small-step), and only larger steps refute it. For them the"
        " printed term is negative: at large norms with mu* = 2 mu the right side is about"
        " (1 - eta) |mu| and the left (eta - 1) |mu|.",
    ),
    Claim(
        id="SCK-27:small-step",
        title="Small noise: the printed bound, for step sizes up to one",
        source=f"{_SOURCE}, low noise regime",
        statement=r"0 < \eta \le 1:\ " + _bound(r"(1-\eta)"),
        reading="the step sizes that a text on gradient descent has in mind; -grad L is half the"
        " gradient of (5) (SCK-09r)",
        evidence=(
            dataclasses.replace(_norm_bound(lambda eta: 1 - eta, _with_small_steps), effort=EFFORT),
        ),
        needs=("SCK-09r", "SCK-27:identity"),
        note="The triangle inequality, applied to SCK-27:identity.",
    ),
    Claim(
        id="SCK-27:identity",
        title="Small noise: the step is (1 - eta) of staying, eta of an EM step, and eta G",
        source=f"{_SOURCE}, low noise regime",
        statement=_STEP,
        reading="an equality for every step size, before norms are taken; -grad L is half the"
        " gradient of (5) (SCK-09r)",
        evidence=_identity(0.5),
        needs=("SCK-09r",),
        note="-grad L = EM(mu) - mu + G, so both sides are mu - mu* - eta grad L: mu cancels"
        " between (1 - eta)(mu - mu*) and eta EM. The middle line is the same sum with its"
        " brackets in place: all of the bracket times x, then - eta E[tanh'] mu - eta mu*.",
    ),
    Claim(
        id="SCK-27:loss5",
        title="Small noise: the same identity with the gradient of (5) itself",
        source=f"{_SOURCE}, low noise regime",
        statement=_STEP,
        reading="-grad L is minus the gradient of (5), twice Lemma C.2",
        evidence=_identity(1.0),
        needs=("SCK-09r",),
        note="The step is then twice as long, and the identity holds with 2 eta for eta.",
    ),
    Claim(
        id="SCK-27r",
        title="Small noise: the bound with |1 - eta|, for every step size",
        source=f"{_SOURCE}, low noise regime",
        statement=_bound(r"|1-\eta|"),
        repairs="SCK-27",
        evidence=(dataclasses.replace(_norm_bound(lambda eta: abs(1 - eta)), effort=2 * EFFORT),),
        needs=("SCK-09r", "SCK-27:identity"),
        note="The printed form is this one for eta <= 1. On a line all terms can point one way,"
        " and the bound is then an equality, hence a tolerance of 10^-6 of the terms. It proves no"
        " contraction before |G| is bounded (SCK-28); SCK-32:length measures the left side itself.",
    ),
)
