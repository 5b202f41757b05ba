"""The second moment of a sample's gradient: in balls, on a grid and on samples; and its bound."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._balls import tanh_jet
from lemmata.checks._grid import HALF_WIDTH, gaussian_norm, grid_step, schedule
from lemmata.checks._plane import ball_vectors, vectors
from lemmata.harness.balls import enclosure, gaussian_mean
from lemmata.harness.claim import Point
from lemmata.harness.domain import cosines, log_uniform, sizes
from lemmata.harness.search import Search

__all__ = [
    "ball_scales",
    "ball_second_moment",
    "describe_share",
    "grid_noise",
    "grid_second_moment",
    "in_balls",
    "low_dimensional_points",
    "sampled_points",
    "scales",
    "squared_norm_moment",
    "squared_norms",
    "variance_bound",
]

Array = NDArray[np.float64]


def variance_bound(a: Any, b: Any, rho: Any, d: Any, *, root: Any = math.sqrt) -> Any:
    """The variance that SCK-17r pays for, for floats and balls alike."""
    k, length = root(root(a * 0 + 3)), root(root(a * 0 + d * d + 2 * d))
    first = (b + k) * (a + b + rho * length)
    second = (a + b + k * rho) * (b + length)
    return 2 * a**2 * (first**2 + second**2)


def ball_second_moment(a: arb, b: arb, cosine: arb, rho: arb, d: int, *, unit: arb) -> arb:
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


def ball_scales(point: Point) -> tuple[arb, arb, arb, arb]:
    """a, b, cos and rho = alpha_t / beta_t at a point; b is moved to the time t."""
    a, b, cosine, _ = ball_vectors(point)
    alpha = (-arb(point["t"])).exp()
    return a, alpha * b, cosine, alpha / (-(-2 * arb(point["t"])).expm1()).sqrt()


def in_balls(domain: Any, slack: Any, *routes: str, effort: float) -> Search:
    """Search for a negative slack in balls alone."""

    def never(_point: Point) -> float:
        raise AssertionError("the noise sends every point to the balls")

    return Search(
        domain=domain,
        slack=never,
        exact=slack,
        noise=lambda _point: math.inf,
        routes=routes,
        effort=effort,
        describe=describe_share,
    )


def describe_share(slack: float) -> str:
    """A slack as the share of the bound that is used."""
    return f"{1 - slack:.3g} of the bound used"


# --- On a grid ------------------------------------------------------------------------------------

#: Nodes and weights that are exact for polynomials of fifth degree under a standard Gaussian.
_NODES = math.sqrt(3) * np.array([-1.0, 0.0, 1.0])
_WEIGHTS = np.array([1.0, 4.0, 1.0]) / 6

_LOW_DIMENSIONS = st.sampled_from([1, 2, 2, 3])
_GRID_NORMS = log_uniform(1e-8, 8.0)
_TIMES = log_uniform(1e-4, 20)
#: Where no term of the moment is small beside the others.
_MIDDLE_NORMS = log_uniform(0.3, 2.0)
_MIDDLE_TIMES = log_uniform(0.03, 1.0)


@st.composite
def low_dimensional_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta, t} where a grid is affordable."""
    d, middle = draw(_LOW_DIMENSIONS), draw(st.booleans())
    norms = _MIDDLE_NORMS if middle else _GRID_NORMS
    return {
        "d": d,
        "mu_norm": min(draw(norms), 2.0 if d == 3 else 8.0),
        "mu_star_norm": draw(norms),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(_MIDDLE_TIMES if middle else _TIMES),
    }


def grid_second_moment(point: Point) -> float:
    """E |J^T r|^2, each node's loss differentiated by torch.

    Off its mean, x_t is u and the noise in it is beta u - alpha v with u, v ~ N(0, I) independent.
    The loss's gradient depends on the coordinate of u along mu through tanh, and on all others as a
    polynomial of at most second degree: these need three nodes each.
    """
    mu, mu_star = vectors(point)
    d = int(point["d"])
    alpha, beta = schedule(point)
    step = grid_step(point["mu_norm"])
    half = math.ceil(HALF_WIDTH / step)
    fine = step * np.arange(-half, half + 1)
    density = np.exp(-np.square(fine) / 2)
    axes = [(fine, density / density.sum())] + [(_NODES, _WEIGHTS)] * (2 * d - 1)
    nodes = np.stack(np.meshgrid(*(axis for axis, _ in axes), indexing="ij"), axis=-1)
    weights = np.ones(())
    for _, factor in axes:
        weights = np.multiply.outer(weights, factor)
    u, v = np.split(nodes.reshape(-1, 2 * d), 2, axis=1)
    # The first column is along mu.
    basis, _ = np.linalg.qr(np.column_stack([mu, np.eye(d)]))
    u, v = u @ basis.T, v @ basis.T
    moments = []
    for centre in (mu_star, -mu_star):
        half_gradients = 0.5 * impl.per_sample_gradients(
            mu, alpha * centre + u, beta * u - alpha * v, point["t"]
        )
        moments.append(weights.ravel() @ np.square(half_gradients).sum(axis=1))
    return float(np.mean(moments))


def grid_noise(point: Point) -> float:
    """What rounding may do to that, as a share of the bound: x - z / beta leaves alpha of it."""
    alpha, _ = schedule(point)
    return 1e-9 + 1e-15 / alpha


# --- On samples -----------------------------------------------------------------------------------

#: Order of the moments of |J^T r|^2 that bound the sampled quantity.
_ORDER = 4

_SAMPLED_DIMENSIONS = sizes(1, 40)
_SAMPLED_NORMS = log_uniform(1e-2, 10)
_SAMPLED_TIMES = log_uniform(1e-2, 10)


@st.composite
def sampled_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {d, mu_norm, mu_star_norm, cos_theta, t} where samples tell the moment."""
    d = draw(_SAMPLED_DIMENSIONS)
    return {
        "d": d,
        "mu_norm": draw(_SAMPLED_NORMS),
        "mu_star_norm": draw(_SAMPLED_NORMS),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(_SAMPLED_TIMES),
    }


def scales(point: Point) -> tuple[float, float, float]:
    """The same but cos, as floats."""
    alpha, beta = schedule(point)
    return point["mu_norm"], alpha * point["mu_star_norm"], alpha / beta


def _length_norm(d: int, order: int) -> float:
    """(E |W|^p)^(1/p) for W ~ N(0, I_d) and even p."""
    return float(math.prod(d + 2 * k for k in range(order // 2)) ** (1 / order))


def squared_norms(point: Point, rng: np.random.Generator, count: int) -> Array:
    """|J^T r|^2 / V at `count` samples, by automatic differentiation of each one's loss."""
    mu, mu_star = vectors(point)
    a, b, rho = scales(point)
    both = np.stack([mu_star, -mu_star])
    block = max(64, 500_000 // point["d"])
    parts = []
    for start in range(0, count, block):
        x0 = impl.sample_mixture(both, min(block, count - start), rng=rng)
        x, z = impl.forward_noise(x0, point["t"], rng=rng)
        half = 0.5 * impl.per_sample_gradients(mu, x, z, point["t"])
        parts.append(np.square(half).sum(axis=1))
    return np.asarray(np.concatenate(parts) / variance_bound(a, b, rho, point["d"]))


def squared_norm_moment(point: Point) -> tuple[float, float]:
    """Upper bound of the L_4 norm of |J^T r|^2 / V, as V itself is derived but two orders up."""
    a, b, rho = scales(point)
    one, length = gaussian_norm(4 * _ORDER), _length_norm(point["d"], 4 * _ORDER)
    norm = a * (b + one) * (a + b + rho * length) + a * (a + b + one * rho) * (b + length)
    return float(_ORDER), norm**2 / variance_bound(a, b, rho, point["d"])
