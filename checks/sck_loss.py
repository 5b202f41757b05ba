"""SCK-02 and SCK-08: the two objectives, and the gradient that the text displays for the second."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from flint import acb, arb, arb_series, ctx
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import mean_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import (
    HALF_WIDTH,
    ORDER,
    gaussian_norm,
    grid_points,
    noise_grid,
    sample_points,
    schedule,
)
from lemmata.checks._plane import LARGEST_DIMENSION, NORMS, vectors
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"


# --- SCK-02: score matching and noise prediction --------------------------------------------------

#: Students: the text's, and two outside its family, as the claim is about any.
_STUDENTS = st.sampled_from(["tanh", "wave", "prior"])
_GRID_POINTS = grid_points()
_SAMPLE_POINTS = sample_points()


@st.composite
def _with_student(draw: st.DrawFn, base: Any) -> dict[str, Any]:
    """A point of the base, and which student."""
    point: dict[str, Any] = dict(draw(base))
    point["student"] = draw(_STUDENTS)
    return point


_ON_A_GRID = _with_student(_GRID_POINTS)
_SAMPLED = _with_student(_SAMPLE_POINTS)


def _student(point: Point, x: Array) -> Array:
    """s(x), shape (n, d)."""
    mu, _ = vectors(point)
    name = point["student"]
    if name == "tanh":
        return np.asarray(np.tanh(x @ mu)[:, None] * mu - x)
    if name == "wave":
        return np.asarray(np.cos(x + 1) * np.linalg.norm(mu))
    return -x


def _ball_student(point: Point, x: acb) -> acb:
    a = arb(point["mu_norm"])
    name = point["student"]
    if name == "tanh":
        return (a * x).tanh() * a - x
    if name == "wave":
        return (x + 1).cos() * a
    return -x


def _gap_error(point: Point) -> float:
    """(5) minus (4) by quadrature of both, against the closed form, relative to the latter."""
    mu, mu_star = vectors(point)
    _, beta = schedule(point)
    both = np.stack([mu_star, -mu_star])
    x0, z, weights = impl.noise_grid(
        both, point["t"], step=min(0.25, 0.32 / _steepest(point)), half_width=HALF_WIDTH
    )
    x = np.asarray(impl.forward(x0, z, point["t"]), dtype=np.float64)
    s = _student(point, x)
    if point["student"] == "tanh":
        noise_prediction = impl.ddpm_loss(mu, x, z, point["t"], weights=weights)
    else:
        noise_prediction = float(weights @ np.square(s + z / beta).sum(axis=1))
    score = impl.autograd_score(x, both, point["t"])
    score_matching = float(weights @ np.square(s - score).sum(axis=1))
    gap = float(theory.score_gap(mu_star, point["t"]))
    return abs(noise_prediction - score_matching - gap) / gap


def _steepest(point: Point) -> float:
    """The larger of |mu| and |mu*_t|: how steep the student's and the score's tanh are."""
    return max(float(point["mu_norm"]), math.exp(-point["t"]) * float(point["mu_star_norm"]))


def _exact_gap_error(point: Point) -> arb:
    """(5) minus (4) against d / beta^2 - E|score|^2, with the score from the density.

    With x = alpha x_0 + beta z and x_0 from the component at c / alpha: E[z | x] = beta (x - c) and
    Var[z | x] = alpha^2. For an odd student the components contribute alike.
    """
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])
    beta2 = -(-2 * arb(point["t"])).expm1()

    def score(x: acb) -> acb:
        plus = (c * x).exp()  # the densities, but for what they share
        minus = 1 / plus
        return (plus * (c - x) + minus * (-c - x)) / (plus + minus)

    size = 2 + float(point["mu_norm"]) + float(c.upper())
    total = arb(0)
    centres = (c, -c) if point["student"] == "wave" else (c,)
    for centre in centres:

        def integrand(x: acb, centre: arb = centre) -> acb:
            s = _ball_student(point, x)
            noisy = s * s + 2 * s * (x - centre) + (x - centre) ** 2 + (1 - beta2) / beta2
            return noisy - (s - score(x)) ** 2

        # The squares of s cancel, but a bound need not know: |s|, |score|, |x - c| <= size (1+|x|).
        scale = 8 * size**2 + _odds(beta2)
        total += mean_1d(integrand, centre, scale=scale, degree=2) / len(centres)
    information = mean_1d(lambda x: score(x) ** 2, c, scale=size**2, degree=2)
    gap = 1 / beta2 - information
    return abs(total - gap) / gap


def _odds(beta2: arb) -> float:
    return float(((1 - beta2) / beta2).upper())


def _gap_noise(point: Point) -> float:
    # Both losses are at least about one and at most about the gap plus the students' size squared;
    # the gap itself falls like exp(-2 t).
    a, b = float(point["mu_norm"]), float(point["mu_star_norm"])
    alpha, beta = schedule(point)
    gap, size = (alpha / beta) ** 2, (1 + a + alpha * b) ** 2
    # Where tanh has its poles nearest, the grid errs by exp(-2 pi (pi / 2) / 0.32) = 4e-14.
    quadrature = 1e-12 * size if _steepest(point) > 0.8 else 0.0
    return (1e-14 * (1 + gap + size) + quadrature) / gap


def _orthogonality(point: Point, rng: np.random.Generator, n: int) -> Array:
    """s(X).(Z/beta + score(X)) over a bound of its L_8 norm: twice its mean is the losses' rest."""
    _, mu_star = vectors(point)
    both = np.stack([mu_star, -mu_star])
    moved, size = theory.marginal_means(mu_star[None, :], point["t"])[0], _student_norm(point)
    _, beta = schedule(point)
    block = max(256, 2_000_000 // int(point["d"]))
    parts = []
    for start in range(0, n, block):
        x0 = impl.sample_mixture(both, min(block, n - start), rng=rng)
        x, z = (
            np.asarray(part, dtype=np.float64)
            for part in impl.forward_noise(x0, point["t"], rng=rng)
        )
        rest = z / beta + theory.two_component_score(x, moved)
        parts.append((_student(point, x) * rest).sum(axis=1) / size)
    return np.concatenate(parts)


def _student_norm(point: Point) -> float:
    """A bound of the L_8 norm of s(X).(Z/beta + score(X)).

    Given X and its component c = +-mu*_t, Z/beta = X - c + (alpha/beta) N, so the second factor is
    (tanh -+ 1) mu*_t + (alpha/beta) N with N standard normal, independent of X. Given X, s.N is
    Gaussian of deviation |s|; |tanh -+ 1| <= 2. Minkowski.
    """
    d, a = int(point["d"]), float(point["mu_norm"])
    alpha, beta = schedule(point)
    c, one = alpha * float(point["mu_star_norm"]), gaussian_norm(ORDER)
    # |X| <= |mu*_t| + chi_d, and E chi_d^8 = d (d + 2) (d + 4) (d + 6).
    length = c + math.prod(range(d, d + ORDER, 2)) ** (1 / ORDER)
    whole, along = {
        "tanh": (a + length, a + c + one),
        "wave": (a * math.sqrt(d), a * math.sqrt(d)),
        "prior": (length, c + one),
    }[str(point["student"])]
    return float(alpha / beta * one * whole + 2 * c * along)


def _gap_balls(d: int, length: float, t: float) -> arb:
    """The gap in balls, from d / beta^2 - E|score|^2."""
    mu = (-arb(t)).exp() * arb(length)
    beta2 = -(-2 * arb(t)).expm1()
    # E|score|^2 on the line along mu; each coordinate across adds one.
    size = 1 + float(mu.upper())
    along = mean_1d(lambda x: ((mu * x).tanh() * mu - x) ** 2, mu, scale=size**2, degree=2)
    return d / beta2 - along - (d - 1)


def _gap_constants() -> Constants:
    found: Constants = {}
    with precision(256):
        for d in (1, 10_000):
            early, late = _gap_balls(d, 1.0, 1e-6), _gap_balls(d, 1.0, 20.0)
            found[f"2 t gap / d at t = 1e-6, d = {d}, |mu*| = 1"] = enclosure(2e-6 * early / d)
            found[f"exp(2t) gap / (d + |mu*|^2) at t = 20, d = {d}, |mu*| = 1"] = enclosure(
                (2 * arb(20)).exp() * late / (d + 1)
            )
    return found


_IN_ANY_DIMENSION = points(
    {
        "d": sizes(1, LARGEST_DIMENSION),
        "mu_star_norm": log_uniform(*NORMS),
        "t": log_uniform(1e-4, 20),
    }
)


def _closed_gap_error(point: Point) -> float:
    """The closed form against d / beta^2 - E|score|^2, in any dimension."""
    mu_star = np.zeros(point["d"])
    mu_star[-1] = point["mu_star_norm"]
    with precision(256):
        gap = float(_gap_balls(point["d"], point["mu_star_norm"], point["t"]).mid())
    return abs(float(theory.score_gap(mu_star, point["t"])) / gap - 1)


def _exact_closed_gap_error(point: Point) -> arb:
    """The same with d alpha^2 / beta^2 + |mu*_t|^2 E sech^2(y), y = mu*_t.x, in balls."""
    d, t = point["d"], arb(point["t"])
    mu = (-t).exp() * arb(point["mu_star_norm"])
    slope = mean_1d(lambda x: (mu * x).sech() ** 2, mu, scale=1, degree=0)
    closed = d / (2 * t).expm1() + mu**2 * slope
    return abs(_gap_balls(d, point["mu_star_norm"], point["t"]) / closed - 1)


def _gap_table() -> dict[str, Any]:
    times = [1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0]
    dimensions = [1, 10, 100, 1000, 10_000]
    with precision(256):
        rows = [[float(_gap_balls(d, 1.0, t).mid()) for t in times] for d in dimensions]
    return {
        "gap": "loss (5) minus loss (4) at |mu*| = 1, a row for each d",
        "d": dimensions,
        "t": times,
        "values": rows,
    }


# --- SCK-08: the displayed gradient ---------------------------------------------------------------

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

    def loss_slope(x: acb) -> acb:
        t, d1, _, _ = tanh_jet(a * x)
        residual = t * a - (c * x).tanh() * c
        return 2 * (t + d1 * a * x) * residual

    def displayed(x: acb) -> acb:
        t, d1, _, _ = tanh_jet(a * x)
        return -(t + d1 * x * a) * (t * a - x + (x - c))

    scale = 4 * (1 + float(a.upper()) + float(c.upper())) ** 2
    # The integrands are even once both components are averaged.
    gradient = mean_1d(loss_slope, c, scale=scale, degree=1)
    line = mean_1d(displayed, c, scale=scale, degree=1)
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
        id="SCK-02",
        title="score matching (4) and noise prediction (5) are equivalent objectives",
        source=f"{_SOURCE}, Section 1.3, (4) and (5)",
        statement=r"\mathbb E\|s(X_t) + Z_t/\beta_t\|^2 -"
        r" \mathbb E\|s(X_t) - \nabla\ln q_t(X_t)\|^2 \text{ is the same for every } s",
        reading="equivalent: the two differ by a number that no student changes, so they have the"
        " same minimisers and gradients; they are not equal. Measured for two components, symmetric",
        evidence=(
            _with_fewer_points(
                equality_search(
                    _ON_A_GRID,
                    error=_gap_error,
                    exact_error=_exact_gap_error,
                    noise=_gap_noise,
                    routes=(
                        "theory: the gap in closed form",
                        "impl: both losses on a grid, the score by autograd of the log-density",
                        "balls: both losses given X_t, the score from the densities",
                    ),
                )
            ),
            _with_fewer_points(
                equality_search(
                    _IN_ANY_DIMENSION,
                    error=_closed_gap_error,
                    exact_error=_exact_closed_gap_error,
                    noise=lambda _point: 1e-12,
                    routes=(
                        "theory: the gap in closed form, d to 10^4",
                        "balls: d / beta^2 - E|score|^2, an integral along mu*",
                        "balls: against the closed form",
                    ),
                )
            ),
            MeanTest(
                domain=_SAMPLED,
                draw=_orthogonality,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=(
                    "impl: samples of X_t and Z_t",
                    "theory: the score, which misses -Z/beta by what no student correlates with",
                ),
            ),
        ),
        constants=lambda _outcomes: _gap_constants(),
        data=_gap_table,
        note="E[Z/beta | X] = -score(X), so E s.(Z/beta + score) = 0 for every s, and the gap is"
        " d/beta^2 - E|score|^2. For two components E|score|^2 = d - |mu*_t|^2 E sech^2(y),"
        " y ~ N(v, v), v = |mu*_t|^2, hence the gap is d alpha^2/beta^2 + |mu*_t|^2 E sech^2(y):"
        " about d/(2t) for small t, and exp(-2t)(d + |mu*|^2) for large. At small t nearly all of"
        " the loss (5) is gap: noise that no student can predict.",
    ),
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
