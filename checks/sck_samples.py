"""SCK-17: Lemma C.3 with n samples, what the empirical gradient adds and how it scales."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import tanh_jet
from lemmata.checks._compare import bound_slack
from lemmata.checks._grid import gaussian_norm, grid_points, noise_grid, schedule
from lemmata.checks._plane import LARGEST_DIMENSION, ball_vectors, plane_points, vectors
from lemmata.harness.balls import enclosure, gaussian_mean, precision
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
    mu_norm: float, mu_star_norm: float, t: float, *, effect: float, last: int
) -> ExponentTest:
    """The exponent in n, from 10^2 to 10^7; `last` errors at the first look at 10^7."""

    def draw(n: int, rng: np.random.Generator) -> float:
        mu, mu_star = np.array([[mu_norm], [mu_star_norm]]) * _DIRECTIONS
        return _excess(mu, mu_star, t, n, rng, single=True)

    return ExponentTest(
        sizes=tuple(10**k for k in range(2, 8)),
        draw=draw,
        allowed=(-0.5, -0.5),
        effect=effect,
        routes=_EXPONENT_ROUTES,
        replicates=lambda n: max(last, min(96, 2_000_000 // n)),
        short=4,
    )


#: |mu|, |mu*| at time 0, and t: far from large noise.
_OUTSIDE = (3.0, 2.0, 0.05)


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


# --- The second moment of a sample's gradient -----------------------------------------------------


def _bound(a: Any, b: Any, rho: Any, d: Any, *, root: Any = math.sqrt) -> Any:
    """The variance that SCK-17r pays for, for floats and balls alike."""
    k, length = root(root(a * 0 + 3)), root(root(a * 0 + d * d + 2 * d))
    first = (b + k) * (a + b + rho * length)
    second = (a + b + k * rho) * (b + length)
    return 2 * a**2 * (first**2 + second**2)


def _ball_second_moment(a: arb, b: arb, cosine: arb, rho: arb, d: int, *, unit: arb) -> arb:
    """E |J^T r|^2 / unit, exactly, as an integral over the coordinate y of X along mu.

    The Gaussian parts of X_t and of r are uncorrelated, hence r = tanh(s) mu - mu*_t + rho W with
    W ~ N(0, I) independent of X ~ N(mu*_t, I); the mean over W and over X across mu is taken by
    hand, and s = a y, y ~ N(b cos, 1), is left.
    """
    across = b * b * (1 - cosine * cosine)

    def integrand(y: acb) -> acb:
        s = a * y
        h, q, _, _ = tanh_jet(s)
        length = (h * a) ** 2 - 2 * h * a * b * cosine + b * b
        along = h * a * a - a * b * cosine
        first = h * h * (length + rho * rho * d)
        mixed = 2 * h * q * (along * (h * s - y * b * cosine - across) + rho * rho * s)
        second = q * q * (along * along + (rho * a) ** 2) * (y * y + across + d - 1)
        return (first + mixed + second) / unit

    # abs(tanh), abs(tanh') <= 1 and abs(y) <= (1 + b) abs(z), where abs(z) >= 9.
    u, v, w = (enclosure(x)[1] for x in (a, b, rho))
    reach = 1 + v
    size = (
        (u + v) ** 2
        + w * w * d
        + 2 * (u * (u + v) * (u + v + v * v) * reach + w * w * u * reach)
        + u * u * ((u + v) ** 2 + w * w) * (reach**2 + v * v + d)
    )
    bound = size / enclosure(unit)[0]
    return gaussian_mean(integrand, b * cosine, arb(1), bound=bound, degree=2)


def _ball_scales(point: Point) -> tuple[arb, arb, arb, arb]:
    """a, b, cos and rho = alpha_t / beta_t at a point; b is moved to the time t."""
    a, b, cosine, _ = ball_vectors(point)
    alpha = (-arb(point["t"])).exp()
    return a, alpha * b, cosine, alpha / (-(-2 * arb(point["t"])).expm1()).sqrt()


def _repaired_slack(point: Point) -> arb:
    a, b, cosine, rho = _ball_scales(point)
    d = int(point["d"])
    unit = _bound(a, b, rho, d, root=arb.sqrt)
    return bound_slack(_ball_second_moment(a, b, cosine, rho, d, unit=unit), arb(1))


def _large_noise_slack(point: Point) -> arb:
    """One minus the share of the affordable second moment that is used."""
    a, b, cosine, rho = _ball_scales(point)
    d = int(point["d"])
    unit = arb(_THETA) * _FAILURE * arb(d) ** 4 * arb(point["B"]) ** 3
    return bound_slack(_ball_second_moment(a, b, cosine, rho, d, unit=unit), arb(1))


def _in_balls(domain: Any, slack: Any, *routes: str, effort: float) -> Search:
    def never(_point: Point) -> float:
        raise AssertionError("the noise sends every point to the balls")

    return Search(
        domain=domain,
        slack=never,
        exact=slack,
        noise=lambda _point: math.inf,
        routes=routes,
        effort=effort,
        describe=_describe_share,
    )


def _describe_share(slack: float) -> str:
    return f"{1 - slack:.3g} of the bound used"


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


# --- The same second moment, on samples -----------------------------------------------------------

#: Order of the moments of |J^T r|^2 that bound the sampled quantity.
_ORDER = 4

_SAMPLED_DIMENSIONS = sizes(1, 40)
_SAMPLED_NORMS = log_uniform(1e-2, 10)
_SAMPLED_TIMES = log_uniform(1e-2, 10)


@st.composite
def _sampled_points(draw: st.DrawFn) -> dict[str, Any]:
    d = draw(_SAMPLED_DIMENSIONS)
    return {
        "d": d,
        "mu_norm": draw(_SAMPLED_NORMS),
        "mu_star_norm": draw(_SAMPLED_NORMS),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(_SAMPLED_TIMES),
    }


def _scales(point: Point) -> tuple[float, float, float]:
    alpha, beta = schedule(point)
    return point["mu_norm"], alpha * point["mu_star_norm"], alpha / beta


def _length_norm(d: int, order: int) -> float:
    """(E |W|^p)^(1/p) for W ~ N(0, I_d) and even p."""
    return float(math.prod(d + 2 * k for k in range(order // 2)) ** (1 / order))


def _squared_norms(point: Point, rng: np.random.Generator, count: int) -> Array:
    """|J^T r|^2 / V at `count` samples, by automatic differentiation of each one's loss."""
    mu, mu_star = vectors(point)
    a, b, rho = _scales(point)
    both = np.stack([mu_star, -mu_star])
    block = max(64, 500_000 // point["d"])
    parts = []
    for start in range(0, count, block):
        x0 = impl.sample_mixture(both, min(block, count - start), rng=rng)
        x, z = impl.forward_noise(x0, point["t"], rng=rng)
        half = 0.5 * impl.per_sample_gradients(mu, x, z, point["t"])
        parts.append(np.square(half).sum(axis=1))
    return np.asarray(np.concatenate(parts) / _bound(a, b, rho, point["d"]))


def _squared_norm_moment(point: Point) -> tuple[float, float]:
    """Upper bound of the L_4 norm of |J^T r|^2 / V, as V itself is derived but two orders up."""
    a, b, rho = _scales(point)
    one, length = gaussian_norm(4 * _ORDER), _length_norm(point["d"], 4 * _ORDER)
    norm = a * (b + one) * (a + b + rho * length) + a * (a + b + one * rho) * (b + length)
    return float(_ORDER), norm**2 / _bound(a, b, rho, point["d"])


def _grid_slack(point: Point) -> float:
    """The same share in one dimension, on the grid of (5) and differentiated by torch."""
    mu, x, _, z, _, weights = noise_grid(point)
    half = 0.5 * impl.per_sample_gradients(mu, x, z, point["t"])
    a, b, rho = _scales(point)
    used = float(weights @ np.square(half).sum(axis=1)) / _bound(a, b, rho, 1)
    return float(bound_slack(used, 1.0))


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
    """Exponents as measured, and the constant that n' needs in one dimension.

    The variance there is largest at B = 1, t = log 2 and mu = -mu* exp(-t); Chebyshev's constant is
    that over the failure probability, a normal law's is smaller.
    """
    with precision(128):
        half = arb(1) / 2
        rho = 1 / arb(3).sqrt()
        share = _ball_second_moment(half, half, arb(-1), rho, 1, unit=arb(1))
    mean = theory.ddpm_descent(np.array([0.5]), np.array([-0.5]))
    variance = float(share.mid()) - float(mean @ mean)
    return {
        "exponent of the error in n": _interval(outcomes[2]),
        "exponent of the error in d": _interval(outcomes[3]),
        "power of d that n' takes": _interval(outcomes[3], 2.0),
        "C at d = 1, by Chebyshev": variance / _FAILURE,
        "C at d = 1, if the error is normal": 2.5758293035489004**2 * variance,
    }


def _repaired_constants(outcomes: Sequence[Outcome]) -> Constants:
    """The exponent, how far the streamed errors stay below their bound, and how sharp V is."""
    climbed = outcomes[3].figures
    a, mu_star_norm, t = _OUTSIDE
    rho = math.exp(-t) / math.sqrt(-math.expm1(-2 * t))
    bound = _bound(a, math.exp(-t) * mu_star_norm, rho, 2)
    with precision(256):
        tiny = arb(2) ** -60

        def share(d: int) -> tuple[float, float]:
            unit = _bound(tiny, tiny, arb(1), d, root=arb.sqrt)
            return enclosure(_ball_second_moment(tiny, tiny, arb(1), arb(1), d, unit=unit))

        return {
            "exponent of the error in n": _interval(outcomes[3]),
            "largest mean error over sqrt(V/n), n to 10^7": max(
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
            _in_balls(
                _large_noise_points(sampled=False),
                _large_noise_slack,
                "Chebyshev's inequality",
                "balls: exact second moment of a sample's gradient, a one-dimensional integral",
                effort=0.3,
            ),
            _error_in_samples(1.0, 2.0, _FIRST_TIME, effect=0.2, last=1),
            ExponentTest(
                sizes=(1, 3, 10, 30, 100, 300, 1000),
                draw=_error_in_dimension,
                allowed=(-math.inf, 2.0),
                effect=0.1,
                routes=_EXPONENT_ROUTES,
                replicates=lambda d: 32 if d < 100 else 8,
            ),
        ),
        needs=("SCK-09r",),
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
            _in_balls(
                _any_points(),
                _repaired_slack,
                "the bound V, by Cauchy-Schwarz",
                "balls: exact second moment of a sample's gradient, a one-dimensional integral",
                effort=0.4,
            ),
            Search(
                domain=grid_points(),
                slack=_grid_slack,
                exact=_repaired_slack,
                noise=lambda _point: 1e-8,
                routes=(
                    "the bound V, by Cauchy-Schwarz",
                    "impl: automatic differentiation of each point's loss on a grid of (5)",
                    "balls: exact second moment, a one-dimensional integral",
                ),
                effort=0.04,
                describe=_describe_share,
            ),
            MeanTest(
                domain=_sampled_points(),
                draw=_squared_norms,
                allowed=_exact_mean,
                effect=0.3,
                moment=_squared_norm_moment,
                routes=(
                    "impl: automatic differentiation of each sample's loss",
                    "balls: exact second moment, a one-dimensional integral",
                ),
            ),
            _error_in_samples(*_OUTSIDE, effect=0.2, last=1),
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
