"""SCK-08: the gradient of the noise-prediction loss, as the text displays it first."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from flint import acb, arb, arb_series, ctx
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import means_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import grid_points, noise_grid, schedule
from lemmata.checks._plane import LARGEST_DIMENSION, NORMS, vectors
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, seeds, sizes
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"

_GRID_POINTS = grid_points()
_NORMS = log_uniform(*NORMS)
_DIMENSIONS = sizes(1, LARGEST_DIMENSION)
_TIMES = log_uniform(1e-4, 20)
_SEEDS = seeds()


@st.composite
def _paths(draw: st.DrawFn) -> dict[str, Any]:
    """One pair (X_0, Z), anywhere in the regime of the text and beyond."""
    d = draw(_DIMENSIONS)
    return {
        "d": d,
        "mu_norm": draw(_NORMS),
        "mu_star_norm": draw(_NORMS),
        "cos_theta": draw(cosines(1.0 if d == 1 else 0.0)),
        "t": draw(_TIMES),
        "seed": draw(_SEEDS),
    }


def _path(point: Point) -> tuple[Array, Array, Array]:
    """mu, x_t and z, in R^d: mu* along the first axis."""
    mu, mu_star = vectors(point)
    rng = np.random.default_rng(point["seed"])
    x0 = rng.choice([-1.0, 1.0]) * mu_star + rng.standard_normal(mu.size)
    z = rng.standard_normal(mu.size)
    return mu, np.asarray(impl.forward(x0, z, point["t"])), z


def _displayed_lines(mu: Array, x: Array, z: Array, beta: float) -> tuple[list[Array], Array]:
    """The three lines inside their expectation, a row a sample, and how large their terms are."""
    gate = np.tanh(x @ mu)[:, None]
    slope = 1 - gate**2

    def applied(residual: Array) -> Array:
        return -(gate * residual + slope * x * (residual @ mu)[:, None])

    noise = z / beta
    along, across, square = (x @ mu)[:, None], (noise @ mu)[:, None], mu @ mu
    terms = [
        -(gate**2) * mu,
        -gate * slope * x * square,
        gate * x,
        slope * along * x,
        -gate * noise,
        -slope * x * across,
    ]
    lines = [
        applied(np.asarray(theory.two_component_score(x, mu), dtype=np.float64) + noise),
        applied(gate * mu - x + noise),
        np.sum(terms, axis=0),
    ]
    # A product with mu may have cancelled: its factors count, not what is left.
    rough = np.linalg.norm(slope * x, axis=1) * np.linalg.norm(mu)
    size = sum(np.linalg.norm(term, axis=1) for term in terms)
    size = size + rough * (np.linalg.norm(x, axis=1) + np.linalg.norm(noise, axis=1))
    return lines, np.asarray(size)


def _share(found: Array, line: Array) -> float:
    size = np.linalg.norm(found) + np.linalg.norm(line)
    return float(np.linalg.norm(found - line) / size)


def _path_error(point: Point, factor: float) -> float:
    """The worst line's distance from minus factor times the sample's gradient, over both."""
    mu, x, z = _path(point)
    _, beta = schedule(point)
    gradient = np.asarray(
        impl.per_sample_gradients(mu, x[None, :], z[None, :], point["t"]), dtype=np.float64
    )
    lines, _ = _displayed_lines(mu, x[None, :], z[None, :], beta)
    return max(_share(-factor * gradient, line) for line in lines)


def _path_noise(point: Point) -> float:
    mu, x, z = _path(point)
    _, beta = schedule(point)
    lines, size = _displayed_lines(mu, x[None, :], z[None, :], beta)
    # tanh' = 1 - tanh^2 has the rounding of one, and s = mu.x has one of its own.
    reach = float(np.abs(mu) @ np.abs(x)) + 1
    slope = float(np.linalg.norm(x) * np.linalg.norm(mu) * np.linalg.norm(z / beta - x))
    rounding = 1e-15 * (reach * float(size[0]) + slope)
    return 1e-13 + 2 * rounding / float(np.linalg.norm(lines[0]))


def _path_pieces(point: Point) -> tuple[list[arb], list[list[arb]]]:
    """The gradient of one sample's loss, and the displayed lines, in balls.

    The loss is |T mu + k|^2 = T^2 |mu|^2 + 2 T mu.k + |k|^2 with T = tanh(mu.x), k = z / beta - x.
    Adding h to the j-th entry of mu adds h x_j to mu.x, 2 h mu_j to |mu|^2 and h k_j to mu.k; the
    coefficient of h comes from the power series of tanh.
    """
    floats = _path(point)
    mu, x, z = ([arb(v) for v in vector.tolist()] for vector in floats)
    beta = (-(-2 * arb(point["t"])).expm1()).sqrt()
    noise = [v / beta for v in z]
    rest = [n - v for n, v in zip(noise, x, strict=True)]
    s, square, across = _dot(mu, x), _dot(mu, mu), _dot(mu, rest)
    before, ctx.cap = ctx.cap, 2
    try:
        series = 1 - 2 / (arb_series([2 * s, 2]).exp() + 1)  # tanh(s + h)
        gate, rise = series[0], series[1]
    finally:
        ctx.cap = before
    by_product = 2 * gate * rise * square + 2 * rise * across
    gradient = [
        by_product * v + 2 * gate * (gate * m + k) for m, k, v in zip(mu, rest, x, strict=True)
    ]
    t = s.tanh()
    slope = 1 - t * t
    # The first two lines are the same once s_mu is put in; the third is multiplied out.
    residual = [t * m + k for m, k in zip(mu, rest, strict=True)]
    steep = slope * _dot(mu, residual)
    first = [-(t * r + steep * v) for r, v in zip(residual, x, strict=True)]
    on_x = -t * slope * square + t + slope * s - slope * _dot(mu, noise)
    third = [-t * t * m + on_x * v - t * n for m, v, n in zip(mu, x, noise, strict=True)]
    return gradient, [first, third]


def _dot(left: list[arb], right: list[arb]) -> arb:
    return sum((a * b for a, b in zip(left, right, strict=True)), arb(0))


def _exact_path_error(point: Point, factor: float) -> arb:
    gradient, lines = _path_pieces(point)
    worst = arb(0)
    size = factor * norm(*gradient)
    for line in lines:
        gap = norm(*(-factor * g - v for g, v in zip(gradient, line, strict=True)))
        worst = worst.max(gap / (size + norm(*line)))
    return worst


def _mean_error(point: Point, factor: float) -> float:
    """The same for the expectations themselves, on a grid in one dimension."""
    mu, x, _, z, beta, weights = noise_grid(point)
    gradient = np.asarray(
        impl.ddpm_gradient(mu, x, z, point["t"], weights=weights), dtype=np.float64
    )
    lines, _ = _displayed_lines(mu, x, z, beta)
    return max(_share(-factor * gradient, weights @ line) for line in lines)


def _mean_noise(point: Point) -> float:
    # Both sides cancel down from |mu| to about |mu|^3 + |mu| |mu*_t|^2; Z / beta_t adds its size.
    a, c = point["mu_norm"], math.exp(-point["t"]) * point["mu_star_norm"]
    left = min(1.0, (a * a + c * c) / (1 + a * a + c * c))
    return float(1e-11 / (left * -math.expm1(-2 * point["t"])))


def _exact_mean_error(point: Point, factor: float) -> arb:
    """The loss' gradient by way of (4), whose difference to (5) does not depend on mu.

    The display with E[Z/beta | x] = x - c given the component at c.
    """
    a = arb(point["mu_norm"])
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])

    def slopes(x: acb) -> tuple[acb, acb]:
        t, d1, _, _ = tanh_jet(a * x)
        residual = t * a - (c * x).tanh() * c
        return 2 * (t + d1 * a * x) * residual, -(t + d1 * x * a) * (t * a - x + (x - c))

    scale = 4 * (1 + float(a.upper()) + float(c.upper())) ** 2
    # The integrands are even once both components are averaged.
    gradient, line = means_1d(slopes, c, scale=scale, degree=1)
    return abs(-factor * gradient - line) / (factor * abs(gradient) + abs(line))


def _display_searches(factor: float) -> tuple[Search, ...]:
    searches = (
        equality_search(
            _paths(),
            error=lambda point: _path_error(point, factor),
            exact_error=lambda point: _exact_path_error(point, factor),
            noise=_path_noise,
            routes=(
                "NumPy: the three displayed lines at one (X_0, Z)",
                "impl: autograd of that sample's loss (5)",
                "balls: power series of the loss, coordinate by coordinate",
            ),
        ),
        equality_search(
            _GRID_POINTS,
            error=lambda point: _mean_error(point, factor),
            exact_error=lambda point: _exact_mean_error(point, factor),
            noise=_mean_noise,
            routes=(
                "NumPy: expectations of the three displayed lines on a grid",
                "impl: autograd of the loss on the grid",
                "balls: gradient of (4), through the score",
            ),
        ),
    )
    # Two searches that say the same share the points of one.
    return tuple(_with_fewer_points(search) for search in searches)


def _with_fewer_points(search: Search) -> Search:
    return dataclasses.replace(search, effort=0.4)


def _factor() -> Constants:
    """The displayed line over minus the gradient of (5), along the longest entry, at some paths."""
    low, high = math.inf, -math.inf
    with precision(256):
        for d, length, t in ((1, 1.0, 1.0), (3, 0.1, 0.01), (50, 5.0, 3.0)):
            point = {
                "d": d,
                "mu_norm": length,
                "mu_star_norm": 1.0,
                "cos_theta": 1.0,
                "t": t,
                "seed": 0,
            }
            gradient, lines = _path_pieces(point)
            j = max(range(d), key=lambda i: float(abs(gradient[i]).mid()))
            for line in lines:
                below, above = enclosure(-line[j] / gradient[j])
                low, high = min(low, below), max(high, above)
    return {"displayed line / minus the gradient of (5)": (low, high)}


_DISPLAY = (
    r"-\mathbb E_{X_0, Z_t}[(\tanh(\mu_t^\top X_t) I + \tanh'(\mu_t^\top X_t) X_t\mu_t^\top)"
    r"(s_{\mu_t}(X_t) + \tfrac{Z_t}{\beta_t})]"
)
_READING = (
    "L_t is the loss (5), which has no factor one half; the display's three lines, each inside its"
    " expectation sample by sample, and as expectations; in the third, tanh'(s) mu.X X is"
    " tanh'(s) (mu.X) X"
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-08",
        title="the first display for the gradient: the negative gradient of the loss (5)",
        source=f"{_SOURCE}, proof of Lemma C.2, first display",
        statement=r"-\nabla_{\mu_t} L_t(s_{\mu_t}) = " + _DISPLAY,
        reading=_READING,
        evidence=_display_searches(1.0),
        constants=lambda _outcomes: _factor(),
        note="The derivative of |r|^2 is 2 J^T r; the display has J^T r. Its three lines agree with"
        " each other.",
    ),
    Claim(
        id="SCK-08r",
        title="the first display for the gradient, with its factor",
        source=f"{_SOURCE}, proof of Lemma C.2, first display",
        statement=r"-\tfrac12\nabla_{\mu_t} L_t(s_{\mu_t}) = " + _DISPLAY,
        reading=_READING,
        repairs="SCK-08",
        evidence=_display_searches(0.5),
        constants=lambda _outcomes: _factor(),
        note="It holds for every single (X_0, Z), so no law of the data is needed. The factor only"
        " rescales the step size.",
    ),
)
