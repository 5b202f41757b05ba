"""SCK-27 and SCK-30: a step at small noise is part of an EM step, and what it has besides."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients, residual_coefficients, tanh_jet
from lemmata.checks._compare import equality_search, equality_slack
from lemmata.checks._grid import (
    HALF_WIDTH,
    ORDER,
    gradient_norm,
    grid_points,
    grid_step,
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
from lemmata.harness.balls import enclosure, gaussian_mean, norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"

#: Step sizes: the displays name no largest one.
_STEP_SIZES = log_uniform(1e-6, 1e2)


#: Of a share of the gradients' moments; SCK-09r has tested the gradients more finely.
_EFFECT = 0.03

#: Share of the profile's points: balls are asked at many, where mu cancels down to |mu|^3.
_EFFORT = 0.25


def _equality(domain: Any, **rest: Any) -> Search:
    return dataclasses.replace(equality_search(domain, **rest), effort=_EFFORT)


def _with_step_size(strategy: Any) -> Any:
    return st.builds(lambda point, eta: {**point, "eta": eta}, strategy, _STEP_SIZES)


_on_the_line = _with_step_size(grid_points())
_sampled = _with_step_size(sample_points())
_in_the_plane = _with_step_size(plane_points())


def _norm(vector: Any) -> float:
    return float(np.linalg.norm(vector))


# --- SCK-27: the step as a step of EM and a rest -------------------------------------------------


def _moved(point: Point) -> tuple[Array, Array]:
    """mu_t, which is free, and mu*_t = exp(-t) mu*."""
    mu, mu_star = vectors(point)
    return mu, theory.marginal_means(mu_star[None, :], point["t"])[0]


def _identity_error(point: Point, factor: float) -> float:
    """Distance of the sides of the identity, over what one step moves."""
    mu, x, _, z, _, weights = noise_grid(point)
    _, star = _moved(point)
    eta = float(point["eta"])
    move = eta * factor * impl.ddpm_gradient(mu, x, z, point["t"], weights=weights)
    left = mu - move - star
    right = (
        (1 - eta) * (mu - star)
        + eta * (theory.em_map(mu, star) - star)
        + eta * theory.em_residual(mu, star)
    )
    return _norm(left - right) / (_norm(move) + eta * _norm(theory.ddpm_descent(mu, star)))


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
    a, c, eta = _norm(mu), _norm(star), float(point["eta"])
    size = eta * _norm(theory.ddpm_descent(mu, star))
    # The grid's rounding: relative to the gradient's terms, with Z / beta_t among them.
    grid = 1e-12 * eta * (a + c) / -math.expm1(-2 * point["t"])
    rounding = grid + 1e-14 * (1 + eta) * (a + c)
    return rounding / size if size > 0 else math.inf


def _identity(factor: float) -> tuple[Search, MeanTest]:
    """The identity with -grad L read as `factor` times minus the gradient of (5)."""

    def allowed(point: Point) -> tuple[float, float]:
        mu, star = _moved(point)
        # -grad L solved for: it is the same for every eta.
        rest = theory.em_map(mu, star) - mu + theory.em_residual(mu, star)
        value = -float(rest @ projection(point)) / factor / gradient_norm(point)
        return value, value

    return (
        _equality(
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
        MeanTest(
            domain=_sampled,
            draw=functools.partial(projected_samples, scaled_gradients),
            allowed=allowed,
            effect=_EFFECT,
            moment=lambda _point: (float(ORDER), 1.0),
            routes=(
                "impl: autograd of the loss at samples",
                "theory: EM map and G by one-dimensional integrals",
            ),
        ),
    )


def _norm_bound(first: Callable[[Any], Any]) -> Search:
    """The norm bound, with `first(eta)` in place of 1 - eta."""

    def parts(point: Point) -> tuple[float, float, float]:
        """Left side, right side, and the size of the right side's terms."""
        mu, star = vectors(point)
        eta = float(point["eta"])
        left = _norm(mu + eta * theory.ddpm_descent(mu, star) - star)
        terms = (
            first(eta) * _norm(mu - star),
            eta * _norm(theory.em_map(mu, star) - star),
            eta * _norm(theory.em_residual(mu, star)),
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
        domain=_in_the_plane,
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


# --- SCK-30: nothing moves at mu = mu* -----------------------------------------------------------

_at_the_target = _with_step_size(
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
    a, eta = _norm(mu), float(point["eta"])
    residual = theory.em_residual(mu, mu)
    descent = theory.ddpm_descent(mu, mu)
    em = theory.em_map(mu, mu)
    slope = float(theory.tanh_moments(a * a, a * a).d1)
    f1 = descent - (residual + eta * em - eta * mu)
    errors = (
        _norm(residual) / (_cubic(a) * (slope + _FLOOR)),
        _norm(descent) / _cubic(a),
        _norm(em - mu) / a,
        _norm(f1) / (_cubic(a) + eta * a),
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
    return _norm(gradient) / float(_cubic(full["mu_norm"]))


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
    return _norm(mean) / float(_cubic(_norm(mu)))


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
    return _norm(left - right) / (_norm(left) + _norm(residual) + eta * _norm(em - mu))


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
    size = _norm(theory.ddpm_descent(mu, star))
    rounding = 1e-14 * (1 + point["eta"]) * (_norm(mu) + _norm(star))
    return rounding / size if size > 0 else math.inf


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
        evidence=(_norm_bound(lambda eta: 1 - eta),),
        needs=("SCK-09r",),
        note="The triangle inequality gives abs(1 - eta); for eta > 1 the printed 1 - eta makes the"
        " right side negative. At large norms with mu* = 2 mu the right side is about"
        " (1 - eta) |mu| and the left (eta - 1) |mu|.",
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
        evidence=(dataclasses.replace(_norm_bound(lambda eta: abs(1 - eta)), effort=2 * _EFFORT),),
        needs=("SCK-09r", "SCK-27:identity"),
        note="The printed form is this one for eta <= 1. On a line all terms can point one way,"
        " and the bound is then an equality, hence a tolerance of 10^-6 of the terms. It proves no"
        " contraction before |G| is bounded (SCK-28); SCK-32:length measures the left side itself.",
    ),
    Claim(
        id="SCK-30",
        title="At mu = mu*: G = 0, the gradient is 0, and (F.1)",
        source=f"{_SOURCE}, proof of Lemma C.8, (F.1)",
        statement=r"G(\mu_t^*, \mu_t^*) = 0,\quad \nabla L_t(s_{\mu_t^*}) = 0,\quad"
        r" -\nabla L_t(s_{\mu_t^*}) = G(\mu_t^*, \mu_t^*)"
        r" + \eta\,\mathbb E[\tanh(\mu_t^{*\top} x)x] - \eta\mu_t^*",
        reading="(F.1) where it is printed, at mu_t = mu*_t, for every eta",
        evidence=(
            _equality(
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
            _equality(
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
            _equality(
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
                effect=_EFFECT,
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
        note="True for eta = 1 only.",
    ),
)
