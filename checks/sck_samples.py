"""SCK-17: Lemma C.3 with n samples, what the empirical gradient adds and how it scales."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import bound_slack
from lemmata.checks._plane import LARGEST_DIMENSION, in_basis, plane_points, vectors
from lemmata.checks._samples import (
    ball_scales,
    ball_second_moment,
    describe_share,
    grid_noise,
    grid_second_moment,
    in_balls,
    low_dimensional_points,
    sampled_points,
    scales,
    squared_norm_moment,
    squared_norms,
    variance_bound,
)
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import MeanTest
from lemmata.harness.scaling import ExponentTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023, Lemma C.3"

#: The constant in n' = Theta(d^4 B^3 / eps^2) in the large-noise reading, and what "with high
#: probability" means there. By Chebyshev the share of both is the variance that is affordable.
_THETA = 30
_FAILURE = 0.01

#: Where beta_t is bounded below: t >= log 2 has beta_t^2 >= 3/4.
_FIRST_TIME = math.log(2)


def _population(mu: Array, mu_star: Array, t: float) -> Array:
    """Half the gradient of the loss in expectation; mu is at time t, mu* at time 0."""
    moved = theory.marginal_means(mu_star[None, :], t)[0]
    return np.asarray(-theory.ddpm_descent(mu, moved))


def _excess(
    mu: Array, mu_star: Array, t: float, n: int, rng: np.random.Generator, *, single: bool = False
) -> float:
    """What n fresh samples add: how far half the empirical gradient is from its expectation."""
    # Simulated in single precision, where n is large enough for the time to matter.
    given = np.float32 if single else np.float64
    mu, mu_star = mu.astype(given), mu_star.astype(given)
    gradient, _ = impl.empirical_gradient(mu, mu_star, t, n, rng=rng)
    expected = _population(mu.astype(np.float64), mu_star.astype(np.float64), t)
    return float(np.linalg.norm(0.5 * gradient - expected))


# --- How the error scales -------------------------------------------------------------------------

#: mu* leans away from mu, so that neither component of the gradient is zero.
_DIRECTIONS = np.array([[1.0, 0.0], [0.6, 0.8]])

_EXPONENT_ROUTES = (
    "impl: gradient of the loss (5) on n fresh samples, in a stream",
    "theory: the population gradient, by one-dimensional integrals",
)


def _error_in_samples(
    mu_norm: float, mu_star_norm: float, t: float, *, effect: float, decades: int
) -> ExponentTest:
    """The exponent in n, from 10^2 to 10^decades."""

    def draw(n: int, rng: np.random.Generator) -> float:
        mu, mu_star = np.array([[mu_norm], [mu_star_norm]]) * _DIRECTIONS
        return _excess(mu, mu_star, t, n, rng, single=True)

    return ExponentTest(
        sizes=tuple(10**k for k in range(2, decades + 1)),
        draw=draw,
        allowed=(-0.5, -0.5),
        effect=effect,
        routes=_EXPONENT_ROUTES,
        replicates=lambda n: max(1, min(96, 1_000_000 // n)),
        short=4,
    )


#: |mu|, |mu*| at time 0, and t: far from large noise.
_OUTSIDE = (3.0, 2.0, 0.05)


@functools.cache
def _outside_moment() -> float:
    """E |J^T r|^2 there."""
    a, b, t = _OUTSIDE
    cosine = float(_DIRECTIONS[0] @ _DIRECTIONS[1])
    point = {"mu_norm": a, "mu_star_norm": b, "cos_theta": cosine, "t": t}
    with precision(128):
        return float(ball_second_moment(*ball_scales(point), 2, unit=arb(1)).mid())


def _error_of_moment(n: int, rng: np.random.Generator) -> float:
    """How far the mean square that is streamed with the gradient is from its expectation."""
    mu_norm, mu_star_norm, t = _OUTSIDE
    mu, mu_star = (np.array([[mu_norm], [mu_star_norm]]) * _DIRECTIONS).astype(np.float32)
    _, mean_square = impl.empirical_gradient(mu, mu_star, t, n, rng=rng)
    return abs(float(mean_square) / 4 - _outside_moment())


_MOMENT_IN_SAMPLES = ExponentTest(
    sizes=(100, 1000, 10_000),
    draw=_error_of_moment,
    allowed=(-0.5, -0.5),
    effect=0.2,
    routes=(
        "impl: mean square of the gradients of n fresh samples, in a stream",
        "balls: exact second moment, a one-dimensional integral",
    ),
    replicates=lambda _n: 128,
)


def _error_in_dimension(d: int, rng: np.random.Generator) -> float:
    mu, mu_star = np.zeros(d), np.zeros(d)
    mu[0] = mu_star[0] = 1.0
    return _excess(mu, mu_star, _FIRST_TIME, 200, rng)


def _error_in_b(norm: float, rng: np.random.Generator) -> float:
    """At t = log d, d = 2, with mu of the norm of mu* and across it."""
    mu, mu_star = 0.5 * norm * np.eye(2)[1], norm * np.eye(2)[0]
    return _excess(mu, mu_star, math.log(2), 2048, rng)


def _error_in_t(t: float, rng: np.random.Generator) -> float:
    mu, mu_star = math.exp(-t) * np.eye(2)[0], np.eye(2)[0]
    return _excess(mu, mu_star, t, 256, rng)


# --- The bounds -----------------------------------------------------------------------------------


def _repaired_slack(point: Point) -> arb:
    a, b, cosine, rho = ball_scales(point)
    d = int(point["d"])
    unit = variance_bound(a, b, rho, d, root=arb.sqrt)
    return bound_slack(ball_second_moment(a, b, cosine, rho, d, unit=unit), arb(1))


def _large_noise_slack(point: Point) -> arb:
    """One minus the share of the affordable second moment that is used."""
    a, b, cosine, rho = ball_scales(point)
    d = int(point["d"])
    unit = arb(_THETA) * _FAILURE * arb(d) ** 4 * arb(point["B"]) ** 3
    return bound_slack(ball_second_moment(a, b, cosine, rho, d, unit=unit), arb(1))


_TIMES = log_uniform(1e-4, 20)
_PLANE = plane_points()


@st.composite
def _any_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta, t}: mu at time t, mu* at time 0."""
    return {**draw(_PLANE), "t": draw(_TIMES)}


_SHARES = log_uniform(1e-6, 1.0)
_LENGTHS = log_uniform(1.0, 1e4)
_LATER = st.one_of(st.just(0.0), log_uniform(1e-6, 18.0))
_FEW = sizes(1, 30)
_MANY = sizes(1, LARGEST_DIMENSION)
_SAMPLES = sizes(100, 3000)


@st.composite
def _large_noise_points(draw: st.DrawFn, *, sampled: bool) -> dict[str, Any]:
    """Points with |mu|, |mu*| <= B at time 0, B >= 1, exp(-t) B <= 1 and t >= log 2."""
    d = draw(_FEW if sampled else _MANY)
    length = draw(_LENGTHS)
    t = max(_FIRST_TIME, math.log(length)) + draw(_LATER)
    point = {
        "d": d,
        "B": length,
        "t": t,
        "mu_norm": math.exp(-t) * length * draw(_SHARES),
        "mu_star_norm": length * draw(_SHARES),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
    }
    return {**point, "n": min(draw(_SAMPLES), max(100, 2000 // d))} if sampled else point


def _successes(point: Point, rng: np.random.Generator, count: int) -> Array:
    """Whether n = C d^4 B^3 / eps^2 samples add at most eps, in `count` independent trials."""
    mu, mu_star = vectors(point)
    epsilon = math.sqrt(_THETA * point["d"] ** 4 * point["B"] ** 3 / point["n"])
    expected = _population(mu, mu_star, point["t"])
    gradients = [
        impl.empirical_gradient(mu, mu_star, point["t"], point["n"], rng=rng)[0]
        for _ in range(count)
    ]
    errors = np.linalg.norm(0.5 * np.array(gradients) - expected, axis=1)
    return np.asarray(errors <= epsilon, dtype=np.float64)


def _grid_slack(point: Point) -> float:
    """The same share on a grid, differentiated by torch."""
    a, b, rho = scales(point)
    return float(bound_slack(grid_second_moment(point), variance_bound(a, b, rho, point["d"])))


def _exact_mean(point: Point) -> tuple[float, float]:
    with precision(128):
        share = 1 - _repaired_slack(point)
    return float(share.mid()), float(share.mid())


# --- What is reported -----------------------------------------------------------------------------


def _interval(outcome: Outcome, factor: float = 1.0) -> tuple[float, float]:
    low, high = (factor * end for end in outcome.figures["interval"])
    return min(low, high), max(low, high)


def _literal_constants(outcomes: Sequence[Outcome]) -> Constants:
    return {
        "exponent of the error in B, large": _interval(outcomes[0]),
        "exponent of the error in B, small": _interval(outcomes[1]),
        "exponent of the error in t, small": _interval(outcomes[2]),
        "power of B in n' that large B takes": _interval(outcomes[0], 2.0),
    }


def _large_noise_constants(outcomes: Sequence[Outcome]) -> Constants:
    """Exponents as measured, and the constant that n' needs at one point in one dimension.

    The point is B = 1, t = log 2 and mu = -mu* exp(-t); Chebyshev's constant is the variance over
    the failure probability, a normal law's is smaller.
    """
    with precision(128):
        half, opposite = arb(1) / 2, arb(-1)
        point = {"mu_norm": half, "mu_star_norm": half, "cos_theta": opposite}
        square = ball_second_moment(half, half, opposite, 1 / arb(3).sqrt(), 1, unit=arb(1))
        mean, _ = in_basis(point, *descent_coefficients(half, half, opposite))
        variance = square - mean * mean
        quantile = arb(float(ndtri(1 - _FAILURE / 2)), 1e-13)
        return {
            "exponent of the error in n": _interval(outcomes[2]),
            "exponent of the error in d, from 10 on": _interval(outcomes[3]),
            "power of d that n' takes, from 10 on": _interval(outcomes[3], 2.0),
            "C at d = 1, B = 1, mu = -mu*_t, by Chebyshev": enclosure(variance / arb(_FAILURE)),
            "C at d = 1, B = 1, mu = -mu*_t, if the error is normal": enclosure(
                quantile * quantile * variance
            ),
        }


def _repaired_constants(outcomes: Sequence[Outcome]) -> Constants:
    """The exponent, how far the streamed errors stay below their bound, and how sharp V is."""
    climbed = outcomes[3].figures
    a, mu_star_norm, t = _OUTSIDE
    rho = math.exp(-t) / math.sqrt(-math.expm1(-2 * t))
    bound = variance_bound(a, math.exp(-t) * mu_star_norm, rho, 2)
    with precision(256):
        tiny = arb(2) ** -60

        def share(d: int) -> tuple[float, float]:
            unit = variance_bound(tiny, tiny, arb(1), d, root=arb.sqrt)
            return enclosure(ball_second_moment(tiny, tiny, arb(1), arb(1), d, unit=unit))

        return {
            "exponent of the error in n": _interval(outcomes[3]),
            "largest geometric mean of the error over sqrt(V/n), n to 10^6": max(
                mean * math.sqrt(n / bound)
                for n, mean in zip(climbed["sizes"], climbed["geometric_means"], strict=True)
            ),
            "largest share of V found in use": 1 - outcomes[0].figures["min_slack"],
            "share of V used at small norms, d = 1": share(1),
            "share of V used at small norms, d = 10^4": share(LARGEST_DIMENSION),
        }


_ADDS = (
    r"\Big\|\tfrac12\nabla\tfrac1n\sum_i L_t(s_{\mu_t}(x_{i,t}, z_{i,t}))"
    r" - \tfrac12\nabla L_t(s_{\mu_t})\Big\| \le \varepsilon"
)
_PRINTED = (
    rf"n > n' = \Theta(d^4 B^3/\varepsilon^2),\ t > t' \lesssim \log d \Rightarrow {_ADDS}"
    r"\text{ with high probability}"
)

CLAIMS = (
    Claim(
        id="SCK-17",
        title="Lemma C.3 with n samples: d^4 B^3 / eps^2 of them add at most eps",
        source=_SOURCE,
        statement=_PRINTED,
        reading="what the samples add to the population statement is the distance of the two"
        " gradients; the constant in Theta is free but fixed, so that at fixed n the typical error"
        " may grow no faster than d^2 B^1.5; |mu|, |mu*| = B at time 0; any t' that is at most"
        " log d, any B",
        evidence=(
            ExponentTest(
                sizes=(8, 16, 32, 64, 128),
                draw=_error_in_b,
                allowed=(-math.inf, 1.5),
                effect=0.1,
                routes=_EXPONENT_ROUTES,
            ),
            ExponentTest(
                sizes=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2),
                draw=_error_in_b,
                allowed=(1.5, math.inf),
                effect=0.1,
                routes=_EXPONENT_ROUTES,
            ),
            ExponentTest(
                sizes=(1e-4, 1e-3, 1e-2, 1e-1),
                draw=_error_in_t,
                allowed=(0.0, math.inf),
                effect=0.1,
                routes=_EXPONENT_ROUTES,
            ),
        ),
        needs=("SCK-09r",),
        constants=_literal_constants,
        note="Three conditions are left out. Large B at fixed t, mu across mu*: abs(mu.x) < 1 has"
        " probability of order 1/B, and there (mu.r)^2 |x|^2 is of order B^6, so the variance is"
        " of order B^5, not B^3. Small B: the error is linear in |mu|, so its square over B^3"
        " grows like 1/B. Small t: r holds rho W with rho = exp(-t) / sqrt(1 - exp(-2 t)), so the"
        " variance grows like 1/t. At large B the display of the lemma survives only because its"
        " other terms grow like B^5. SCK-17:large-noise adds the conditions.",
    ),
    Claim(
        id="SCK-17:large-noise",
        title="Lemma C.3 with n samples where exp(-t) B <= 1 <= B and t >= log 2",
        source=_SOURCE,
        statement=_PRINTED,
        reading=f"n' = {_THETA} d^4 B^3 / eps^2; high probability is 0.99; the noise is large:"
        " exp(-t) B <= 1 and t >= log 2; B >= 1",
        evidence=(
            MeanTest(
                domain=_large_noise_points(sampled=True),
                draw=_successes,
                allowed=lambda _point: (1 - _FAILURE, 1.0),
                effect=0.1,
                bounds=(0.0, 1.0),
                routes=_EXPONENT_ROUTES,
                first=512,
            ),
            in_balls(
                _large_noise_points(sampled=False),
                _large_noise_slack,
                "Chebyshev's inequality",
                "balls: exact second moment of a sample's gradient, a one-dimensional integral",
                effort=0.3,
            ),
            _error_in_samples(1.0, 2.0, _FIRST_TIME, effect=0.2, decades=7),
            ExponentTest(
                # Not from one on: the spread of the logarithm falls with d.
                sizes=(10, 30, 100, 300, 1000),
                draw=_error_in_dimension,
                allowed=(-math.inf, 2.0),
                effect=0.1,
                routes=_EXPONENT_ROUTES,
                replicates=lambda d: 32 if d < 100 else 8,
            ),
        ),
        needs=("SCK-09r", "SCK-17r"),
        constants=_large_noise_constants,
        note="The variance of a sample's half-gradient is at most 0.3 d^4 B^3 there, so Chebyshev"
        " gives 0.99. The error grows like sqrt(d) and not d^2: a power of d near one is enough"
        " for n', not four.",
    ),
    Claim(
        id="SCK-17r",
        title="Lemma C.3 with n samples: V / (delta eps^2) of them suffice, whatever the norms",
        source=_SOURCE,
        statement=r"n \ge V/(\delta\varepsilon^2) \Rightarrow "
        + _ADDS
        + r"\text{ with probability at least }1-\delta,\quad V = 2a^2[(b+\kappa)^2(a+b+\rho D)^2"
        r" + (a+b+\kappa\rho)^2(b+D)^2],\ a = \|\mu_t\|,\ b = \|\mu_t^*\|,\ \kappa = 3^{1/4},"
        r"\ D = (d^2+2d)^{1/4},\ \rho = e^{-t}/\sqrt{1-e^{-2t}}",
        repairs="SCK-17",
        reading="with SCK-15r this is Lemma C.3 with its epsilon, the coefficient 2 and the sharp"
        " constants",
        evidence=(
            in_balls(
                _any_points(),
                _repaired_slack,
                "the bound V, by Cauchy-Schwarz",
                "balls: exact second moment of a sample's gradient, a one-dimensional integral",
                effort=0.4,
            ),
            Search(
                domain=low_dimensional_points(),
                slack=_grid_slack,
                exact=_repaired_slack,
                noise=grid_noise,
                routes=(
                    "the bound V, by Cauchy-Schwarz",
                    "impl: automatic differentiation of each point's loss on a grid, d up to 3",
                    "balls: exact second moment, a one-dimensional integral",
                ),
                effort=0.08,
                describe=describe_share,
            ),
            MeanTest(
                domain=sampled_points(),
                draw=squared_norms,
                allowed=_exact_mean,
                effect=0.3,
                moment=squared_norm_moment,
                routes=(
                    "impl: automatic differentiation of each sample's loss",
                    "balls: exact second moment, a one-dimensional integral",
                ),
            ),
            _error_in_samples(*_OUTSIDE, effect=0.2, decades=6),
            _MOMENT_IN_SAMPLES,
        ),
        needs=("SCK-09r", "SCK-15r"),
        constants=_repaired_constants,
        note="Half a sample's gradient is J^T r = tanh(s) r + tanh'(s) (mu.r) X with"
        " r = tanh(s) mu - alpha X_0 + (alpha^2/beta) Z. The Gaussian part of r has variance"
        " alpha^2 + alpha^4/beta^2 = rho^2 and is independent of X. The mean of n has the variance"
        " Var(J^T r)/n <= E|J^T r|^2/n, and |J^T r|^2 <= 2 s^2 |r|^2 + 2 (mu.r)^2 |X|^2; V is"
        " Cauchy-Schwarz with L_4 norms: |s| <= a (b + kappa), |r| <= a + b + rho D, mu.r <="
        " a (a + b + kappa rho), |X| <= b + D. Chebyshev does the rest. Far below rho, V is"
        " between 3 and 2 sqrt 3 times the second moment.",
    ),
)
