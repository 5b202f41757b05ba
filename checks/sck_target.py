"""SCK-30: nothing moves at mu = mu*, and (F.1), which says why, there and elsewhere."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients, residual_coefficients, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import (
    HALF_WIDTH,
    ORDER,
    grid_step,
    noise_grid,
    projected_samples,
    sample_points,
    scaled_gradients,
)
from lemmata.checks._line import (
    ball_em_coefficients,
    ball_em_map,
    ball_half_gradient,
    ball_residual,
    residual_integrand,
)
from lemmata.checks._plane import (
    LARGEST_DIMENSION,
    NORMS,
    ball_vectors,
    in_basis,
    plane_points,
    vectors,
)
from lemmata.checks._small_noise import EFFECT, length, light_equality, with_step_size
from lemmata.harness.balls import enclosure, gaussian_mean, norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"

_in_the_plane = with_step_size(plane_points())

_at_the_target = with_step_size(
    points({"d": sizes(1, LARGEST_DIMENSION), "mu_norm": log_uniform(*NORMS), "seed": seeds()})
)
_at_the_target_on_a_grid = points(
    {"d": st.just(1), "mu_star_norm": log_uniform(1e-8, 8.0), "t": log_uniform(1e-4, 20)}
)
_at_the_target_in_the_plane = points(
    {"d": st.integers(1, 2), "mu_norm": log_uniform(1e-8, 6.0), "turn": st.integers(0, 15)}
)


def _directed(point: Point) -> Array:
    """A vector of the given norm in a random direction."""
    direction = np.random.default_rng(point["seed"]).standard_normal(int(point["d"]))
    return np.asarray(point["mu_norm"] * direction / np.linalg.norm(direction))


def _cubic(a: Any) -> Any:
    """Size of the terms that cancel in the gradient: a^3 for small a, a for large a."""
    return a**3 / (1 + a**2)


#: G is measured against E tanh' a^3 / (1 + a^2), which has its exponential decay, down to this.
_FLOOR = 1e-30


def _target_errors(point: Point) -> float:
    """The largest of: G, the gradient, the EM step, and (F.1) left minus right; all relative."""
    mu = _directed(point)
    a, eta = length(mu), float(point["eta"])
    residual = theory.em_residual(mu, mu)
    descent = theory.ddpm_descent(mu, mu)
    em = theory.em_map(mu, mu)
    slope = float(theory.tanh_moments(a * a, a * a).d1)
    f1 = descent - (residual + eta * em - eta * mu)
    errors = (
        length(residual) / (_cubic(a) * (slope + _FLOOR)),
        length(descent) / _cubic(a),
        length(em - mu) / a,
        length(f1) / (_cubic(a) + eta * a),
    )
    return float(max(errors))


def _ball_target_errors(point: Point) -> arb:
    """The same by the definitions along mu: across it everything is zero by symmetry."""
    a, eta = arb(point["mu_norm"]), arb(point["eta"])
    residual, descent, em = ball_residual(a, a), -ball_half_gradient(a, a), ball_em_map(a, a)
    slope = gaussian_mean(lambda s: tanh_jet(s)[1], a * a, a * a, bound=1)
    cubic = _cubic(a)
    f1 = descent - (residual + eta * em - eta * a)
    errors = (
        abs(residual) / (cubic * (slope + arb(_FLOOR))),
        abs(descent) / cubic,
        abs(em - a) / a,
        abs(f1) / (cubic + eta * a),
    )
    result: arb = functools.reduce(arb.max, errors)
    return result


def _target_noise(point: Point) -> float:
    return float(1e-12 * (1 + point["mu_norm"] ** 2))


def _on_grid(point: Point) -> dict[str, Any]:
    """The point of `noise_grid` at which mu = mu*_t."""
    moved = math.exp(-point["t"]) * float(point["mu_star_norm"])
    return {**point, "mu_norm": moved, "cos_theta": 1.0}


def _gradient_at_the_target(point: Point) -> float:
    full = _on_grid(point)
    mu, x, _, z, _, weights = noise_grid(full)
    gradient = impl.ddpm_gradient(mu, x, z, point["t"], weights=weights)
    return length(gradient) / float(_cubic(full["mu_norm"]))


def _ball_gradient_at_the_target(point: Point) -> arb:
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])
    result: arb = abs(2 * ball_half_gradient(c, c)) / _cubic(c)
    return result


def _gradient_noise(point: Point) -> float:
    c = _on_grid(point)["mu_norm"]
    # Terms as large as mu cancel down to mu^3; Z / beta_t adds its size.
    return float(1e-12 * c / (_cubic(c) * -math.expm1(-2 * point["t"])))


def _quadrature_at_the_target(point: Point) -> float:
    """G by quadrature of its definition, in one or two dimensions."""
    angle = 2 * math.pi * point["turn"] / 16
    mu = float(point["mu_norm"]) * np.array([math.cos(angle), math.sin(angle)])[: point["d"]]
    x, weights = impl.mixture_grid(
        mu[None, :], step=grid_step(point["mu_norm"]), half_width=HALF_WIDTH
    )
    mean = weights @ residual_integrand(mu, x)
    return length(mean) / float(_cubic(length(mu)))


def _ball_quadrature_at_the_target(point: Point) -> arb:
    angle = arb(2 * point["turn"]) / 16
    share = abs(angle.cos_pi()) if point["d"] == 1 else arb(1)
    a = arb(point["mu_norm"]) * share
    if a.contains(0):
        return arb(0)
    result: arb = abs(ball_residual(a, a)) / _cubic(a)
    return result


def _quadrature_noise(point: Point) -> float:
    share = abs(math.cos(2 * math.pi * point["turn"] / 16)) if point["d"] == 1 else 1.0
    a = float(point["mu_norm"]) * share
    return float(1e-13 * a / _cubic(a))


def _targets(draw: Any) -> dict[str, Any]:
    point = dict(draw)
    point["mu_norm"] = math.exp(-point["t"]) * float(point["mu_star_norm"])
    point["cos_theta"] = 1.0
    return point


_sampled_targets = sample_points().map(_targets)


# --- (F.1) away from mu = mu* --------------------------------------------------------------------


def _f1_error(point: Point) -> float:
    mu, star = vectors(point)
    eta = float(point["eta"])
    left = theory.ddpm_descent(mu, star)
    residual, em = theory.em_residual(mu, star), theory.em_map(mu, star)
    right = residual + eta * em - eta * mu
    return length(left - right) / (length(left) + length(residual) + eta * length(em - mu))


def _ball_f1_error(point: Point) -> arb:
    a, b, cosine, _ = ball_vectors(point)
    eta = arb(point["eta"])
    descent = descent_coefficients(a, b, cosine)
    residual = residual_coefficients(a, b, cosine)
    em_star, em_mu = ball_em_coefficients(a, b, cosine)
    rest = (eta * em_star, eta * (em_mu - 1))
    gap = norm(
        *in_basis(
            point,
            descent[0] - residual[0] - rest[0],
            descent[1] - residual[1] - rest[1],
        )
    )
    size = norm(*in_basis(point, *descent)) + norm(*in_basis(point, *residual))
    size += norm(*in_basis(point, *rest))
    if size.contains(0) and enclosure(size)[1] < 1e-30 * point["mu_norm"]:
        return arb(0)
    return gap / size


def _f1_noise(point: Point) -> float:
    mu, star = vectors(point)
    size = length(theory.ddpm_descent(mu, star))
    rounding = 1e-14 * (1 + point["eta"]) * (length(mu) + length(star))
    return rounding / size if size > 0 else math.inf


CLAIMS = (
    Claim(
        id="SCK-30",
        title="At mu = mu*: G = 0, the gradient is 0, and (F.1)",
        source=f"{_SOURCE}, proof of Lemma C.8, (F.1)",
        statement=r"G(\mu_t^*, \mu_t^*) = 0,\quad \nabla L_t(s_{\mu_t^*}) = 0,\quad"
        r" -\nabla L_t(s_{\mu_t^*}) = G(\mu_t^*, \mu_t^*)"
        r" + \eta\,\mathbb E[\tanh(\mu_t^{*\top} x)x] - \eta\mu_t^*",
        reading="(F.1) where it is printed, at mu_t = mu*_t, for every eta",
        evidence=(
            light_equality(
                _at_the_target,
                error=_target_errors,
                exact_error=_ball_target_errors,
                noise=_target_noise,
                routes=(
                    "theory: G, gradient and EM map by one-dimensional integrals",
                    "zero",
                    "balls: the definitions along mu*",
                ),
            ),
            light_equality(
                _at_the_target_on_a_grid,
                error=_gradient_at_the_target,
                exact_error=_ball_gradient_at_the_target,
                noise=_gradient_noise,
                routes=(
                    "impl: autograd of the loss on a grid",
                    "zero",
                    "balls: the gradient through the score",
                ),
            ),
            light_equality(
                _at_the_target_in_the_plane,
                error=_quadrature_at_the_target,
                exact_error=_ball_quadrature_at_the_target,
                noise=_quadrature_noise,
                routes=(
                    "impl: quadrature of G's definition in one and two dimensions",
                    "zero",
                    "balls: (C.2)",
                ),
            ),
            MeanTest(
                domain=_sampled_targets,
                draw=functools.partial(projected_samples, scaled_gradients),
                allowed=lambda _point: (0.0, 0.0),
                effect=EFFECT,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=("impl: autograd of the loss at samples", "zero"),
            ),
        ),
        needs=("SCK-09r",),
        note="(F.1) has etas that no gradient has. At mu = mu* what they multiply, EM(mu*) - mu*,"
        " is zero, so the conclusion G = 0 stands and the etas cannot show: SCK-30:general.",
    ),
    Claim(
        id="SCK-30:general",
        title="(F.1) with its etas, away from mu = mu*",
        source=f"{_SOURCE}, proof of Lemma C.8, (F.1)",
        statement=r"-\nabla L_t(s_{\mu_t}) = G(\mu_t, \mu_t^*)"
        r" + \eta\,\mathbb E[\tanh(\mu_t^\top x)x] - \eta\mu_t",
        reading="as a formula for the gradient at any mu_t; half the gradient of (5) (SCK-09r)",
        evidence=(
            equality_search(
                _in_the_plane,
                error=_f1_error,
                exact_error=_ball_f1_error,
                noise=_f1_noise,
                routes=(
                    "theory: the gradient by one integral",
                    "theory: the EM map and G by others",
                    "balls: all three by Stein's identity",
                ),
            ),
        ),
        needs=("SCK-09r",),
        note="The sides differ by (eta - 1)(EM(mu) - mu): away from EM's fixed points, which are 0"
        " and +-mu*, the formula is true for eta = 1 only.",
    ),
)
