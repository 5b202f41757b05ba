"""SCK-02: the two objectives, and the number by which they differ."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from flint import acb, arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import mean_1d
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import (
    HALF_WIDTH,
    ORDER,
    gaussian_norm,
    grid_points,
    grid_step,
    sample_points,
    schedule,
)
from lemmata.checks._plane import LARGEST_DIMENSION, NORMS, vectors
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import cosines, log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

#: Students: the text's, and two outside its family, as the claim is about any.
_STUDENTS = st.sampled_from(["tanh", "wave", "prior"])
_COMPONENTS = sizes(1, 6)
_SAMPLED = sample_points()
_ANYWHERE = points(
    {
        "d": sizes(1, LARGEST_DIMENSION),
        "mu_norm": log_uniform(*NORMS),
        "mu_star_norm": log_uniform(*NORMS),
        "cos_theta": cosines(1.0),
        "t": log_uniform(1e-4, 20),
        "student": _STUDENTS,
        "seed": seeds(),
    }
)


@st.composite
def _with_student(draw: st.DrawFn, base: Any) -> dict[str, Any]:
    """A point of the base, and which student."""
    point: dict[str, Any] = dict(draw(base))
    point["student"] = draw(_STUDENTS)
    return point


@st.composite
def _with_components(draw: st.DrawFn, base: Any) -> dict[str, Any]:
    """The same with data of so many components; their score costs more, hence fewer dimensions."""
    point: dict[str, Any] = dict(draw(base))
    return {**point, "d": min(point["d"], 50), "components": draw(_COMPONENTS)}


_ON_A_GRID = _with_student(grid_points())
_PAIRS = _with_student(_SAMPLED)
_MIXTURES = _with_components(_PAIRS)


def _student(point: Point, x: Array) -> Array:
    """s(x), shape (n, d)."""
    mu, _ = vectors(point)
    name = point["student"]
    if name == "tanh":
        return np.asarray(np.tanh(x @ mu)[:, None] * mu - x)
    if name == "wave":
        return np.asarray(np.cos(x + 1) * np.linalg.norm(mu))
    return -x


# --- the gap ------------------------------------------------------------------------------------


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


def _gap_noise(point: Point) -> float:
    # Both losses are at least about one and at most about the gap plus the students' size squared;
    # the gap itself falls like exp(-2 t).
    a, b = float(point["mu_norm"]), float(point["mu_star_norm"])
    alpha, beta = schedule(point)
    gap, size = (alpha / beta) ** 2, (1 + a + alpha * b) ** 2
    # Where tanh has its poles nearest, the grid errs by exp(-2 pi (pi / 2) / 0.32) = 4e-14.
    quadrature = 1e-12 * size if _steepest(point) > 0.8 else 0.0
    return (1e-14 * (1 + gap + size) + quadrature) / gap


def _least_loss_error(point: Point) -> float:
    """The loss (5) of the score itself, whose loss (4) is zero, against the closed form, in R^d.

    Given X and its component c = +-mu*_t, Z / beta = X - c + (alpha / beta) N with N standard
    normal. Across mu* the score is -X, and what is left is (alpha / beta) N.
    """
    alpha, beta = schedule(point)
    length, d = float(point["mu_star_norm"]), int(point["d"])
    direction = np.random.default_rng(point["seed"]).standard_normal(d)
    mu_star = length * direction / np.linalg.norm(direction)
    both, loss = np.array([[length], [-length]]), d * (alpha / beta) ** 2
    for centre in (alpha * length, -alpha * length):
        x, weights = impl.mixture_grid(
            np.array([[centre]]), step=grid_step(alpha * length), half_width=HALF_WIDTH
        )
        rest = impl.autograd_score(x, both, point["t"]) + x - centre
        loss += float(weights @ np.square(rest[:, 0])) / 2
    return abs(loss / float(theory.score_gap(mu_star, point["t"])) - 1)


def _least_loss_noise(point: Point) -> float:
    # The score is rounded relative to X, and what is left of it with Z / beta is squared: at least
    # alpha / beta in each coordinate.
    alpha, beta = schedule(point)
    rounding = 1e-15 * (9 + 2 * alpha * float(point["mu_star_norm"])) * beta / alpha
    return float(1e-12 + rounding / math.sqrt(point["d"]) + rounding**2 / point["d"])


def _ball_student(point: Point, x: acb, *, across: bool) -> acb:
    """A coordinate of s(x): along mu*, where mu is too, or across it."""
    a = arb(point["mu_norm"])
    name = point["student"]
    if name == "tanh" and not across:
        return (a * x).tanh() * a - x
    if name == "wave":
        return (x + 1).cos() * a
    return -x


def _exact_gap_error(point: Point) -> arb:
    """(5) minus (4) against d / beta^2 - E|score|^2, with the score from the density.

    With x = alpha x_0 + beta z and x_0 from the component at c / alpha: E[z | x] = beta (x - c) and
    Var[z | x] = alpha^2. Coordinates across mu* have c = 0.
    """
    d = int(point["d"])
    c = (-arb(point["t"])).exp() * arb(point["mu_star_norm"])
    beta2 = -(-2 * arb(point["t"])).expm1()
    total, information = _gap_pieces(point, c, beta2, across=False)
    if d > 1:
        other_total, other_information = _gap_pieces(point, arb(0), beta2, across=True)
        total += (d - 1) * other_total
        information += (d - 1) * other_information
    gap = d / beta2 - information
    return abs(total - gap) / gap


def _gap_pieces(point: Point, c: arb, beta2: arb, *, across: bool) -> tuple[arb, arb]:
    """What one coordinate adds to (5) minus (4), and to E|score|^2."""
    size = 2 + float(point["mu_norm"]) + float(c.upper())
    # The squares of s cancel, but a bound need not know: |s|, |score|, |x - c| <= size (1 + |x|).
    scale = 8 * size**2 + float(((1 - beta2) / beta2).upper())
    # For an odd student the components contribute alike.
    centres = (c, -c) if point["student"] == "wave" and not across else (c,)
    total = arb(0)
    for centre in centres:

        def integrand(x: acb, centre: arb = centre) -> acb:
            s = _ball_student(point, x, across=across)
            noisy = s * s + 2 * s * (x - centre) + (x - centre) ** 2 + (1 - beta2) / beta2
            return noisy - (s - _ball_score(x, c)) ** 2

        total += mean_1d(integrand, centre, scale=scale, degree=2) / len(centres)
    information = mean_1d(lambda x: _ball_score(x, c) ** 2, c, scale=size**2, degree=2)
    return total, information


def _ball_score(x: acb, c: arb) -> acb:
    """The slope of the log-density of two components at +-c."""
    # By the larger density: over a wide ball a large quotient of the two is known too badly.
    sign = -1 if x.real.mid() < 0 else 1
    odds = (-2 * sign * c * x).exp()  # of the farther component over the nearer
    return ((sign * c - x) + odds * (-sign * c - x)) / (1 + odds)


# --- samples ------------------------------------------------------------------------------------


def _orthogonality(point: Point, rng: np.random.Generator, n: int) -> Array:
    """s(X).(Z/beta + score(X)) over a bound of its L_8 norm: twice its mean is the losses' rest."""
    means, size = _means(point), _student_norm(point)
    moved = theory.marginal_means(means, point["t"])
    two = "components" not in point
    _, beta = schedule(point)
    parts = []
    for count in _blocks(point, n, copies=len(means)):
        x, z = _noised(point, means, count, rng)
        score = theory.two_component_score(x, moved[0]) if two else theory.mixture_score(x, moved)
        parts.append((_student(point, x) * (z / beta + score)).sum(axis=1) / size)
    return np.concatenate(parts)


def _means(point: Point) -> Array:
    """+-mu*, or as many means of its length as the point says, in random directions."""
    if "components" not in point:
        _, mu_star = vectors(point)
        return np.stack([mu_star, -mu_star])
    rng = np.random.default_rng([point["seed"], 1])
    directions = rng.standard_normal((int(point["components"]), int(point["d"])))
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.asarray(float(point["mu_star_norm"]) * directions / lengths)


def _blocks(point: Point, n: int, *, copies: int) -> list[int]:
    """Sizes of blocks that add up to n."""
    block = max(256, 200_000 // (int(point["d"]) * copies))
    return [min(block, n - start) for start in range(0, n, block)]


def _noised(point: Point, means: Array, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    x0 = impl.sample_mixture(means, n, rng=rng)
    x, z = impl.forward_noise(x0, point["t"], rng=rng)
    return np.asarray(x, dtype=np.float64), np.asarray(z, dtype=np.float64)


def _student_norm(point: Point) -> float:
    """A bound of the L_8 norm of s(X).(Z/beta + score(X)).

    Given X and its component c_i, Z/beta = X - c_i + (alpha/beta) N, so the second factor is
    sum_j w_j c_j - c_i + (alpha/beta) N with N standard normal, independent of X. Given X, s.N is
    Gaussian of deviation |s|. The rest, v, is shorter than 2c, and |X.v| <= 2 max_j |X.c_j|, whose
    L_8 norm is at most K^(1/8) times the largest of theirs. Minkowski.
    """
    d, a = int(point["d"]), float(point["mu_norm"])
    alpha, beta = schedule(point)
    c, one = alpha * float(point["mu_star_norm"]), gaussian_norm(ORDER)
    # |X| <= |mu*_t| + chi_d.
    length = c + _chi_norm(d, ORDER)
    reach = float(point.get("components", 2)) ** (1 / ORDER) * (c + one)
    whole, along = {
        "tanh": (a + length, a + reach),
        "wave": (a * math.sqrt(d), a * math.sqrt(d)),
        "prior": (length, reach),
    }[str(point["student"])]
    return float(alpha / beta * one * whole + 2 * c * along)


def _chi_norm(d: int, order: int) -> float:
    """The L_p norm of a standard Gaussian's length: E chi_d^p = d (d + 2) ... (d + p - 2)."""
    return float(math.prod(range(d, d + order, 2)) ** (1 / order))


def _least_losses(point: Point, rng: np.random.Generator, n: int) -> Array:
    """|score(X) + Z / beta|^2 over a bound of its L_8 norm.

    Its mean is the loss (5) of the score, whose loss (4) is zero.
    """
    _, mu_star = vectors(point)
    both = np.stack([mu_star, -mu_star])
    size = _least_loss_norm(point)
    _, beta = schedule(point)
    parts = []
    for count in _blocks(point, n, copies=2):
        x, z = _noised(point, both, count, rng)
        score = np.asarray(impl.autograd_score(x, both, point["t"]), dtype=np.float64)
        parts.append(np.square(score + z / beta).sum(axis=1) / size)
    return np.concatenate(parts)


def _least_loss_norm(point: Point) -> float:
    """The square of a bound of the L_16 norm of (tanh -+ 1) mu*_t + (alpha / beta) N.

    0 <= 1 - tanh <= 2 and E[1 - tanh(c y)] <= exp(-c^2 / 2) for y ~ N(c, 1), as folding shows:
    it is exp(-c^2 / 2) E_0[1 / cosh(c y)].
    """
    order = 2 * ORDER
    alpha, beta = schedule(point)
    c = alpha * float(point["mu_star_norm"])
    along = c * 2 ** (1 - 1 / order) * math.exp(-c * c / (2 * order))
    return float((along + alpha / beta * _chi_norm(int(point["d"]), order)) ** 2)


def _least_loss(point: Point) -> tuple[float, float]:
    """The gap, in the same units."""
    _, mu_star = vectors(point)
    value = float(theory.score_gap(mu_star, point["t"])) / _least_loss_norm(point)
    return value, value


# --- the report -----------------------------------------------------------------------------------


def _gap_balls(d: int, length: float, t: float) -> arb:
    """The gap in balls, from d / beta^2 - E|score|^2."""
    mu = (-arb(t)).exp() * arb(length)
    beta2 = -(-2 * arb(t)).expm1()
    # E|score|^2 on the line along mu; each coordinate across adds E x^2, which is one.
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


def _gap_table() -> dict[str, Any]:
    times = [1e-4, 1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0]
    dimensions = [1, 10, 100, 1000, 10_000]
    with precision(128):
        rows = [[float(_gap_balls(d, 1.0, t).mid()) for t in times] for d in dimensions]
    return {
        "gap": "loss (5) minus loss (4) at |mu*| = 1, two components, a row for each d; from balls",
        "d": dimensions,
        "t": times,
        "values": rows,
    }


def _orthogonal(domain: Any, data: str) -> MeanTest:
    return MeanTest(
        domain=domain,
        draw=_orthogonality,
        allowed=lambda _point: (0.0, 0.0),
        effect=0.02,
        moment=lambda _point: (float(ORDER), 1.0),
        routes=(
            f"impl: samples of X_t and Z_t, from {data}",
            "theory: the score, which misses -Z/beta by what no student correlates with",
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-02",
        title="score matching (4) and noise prediction (5) are equivalent objectives",
        source="Shah, Chen & Klivans 2023, Section 1.3, (4) and (5)",
        statement=r"\mathbb E\|s(X_t) + Z_t/\beta_t\|^2 -"
        r" \mathbb E\|s(X_t) - \nabla\ln q_t(X_t)\|^2 \text{ is the same for every } s",
        reading="equivalent: the two differ by a number that no student changes, so they have the"
        " same minimisers and gradients; they are not equal. The number is computed for the two"
        " components of (1); that it is the same for every student is tested for up to six",
        evidence=(
            dataclasses.replace(
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
                ),
                effort=0.15,
            ),
            dataclasses.replace(
                equality_search(
                    _ANYWHERE,
                    error=_least_loss_error,
                    exact_error=_exact_gap_error,
                    noise=_least_loss_noise,
                    routes=(
                        "theory: the gap in closed form, in R^d",
                        "impl: the loss (5) of the score by autograd, on a grid along mu*",
                        "balls: d / beta^2 - E|score|^2 and both losses, coordinate by coordinate",
                    ),
                ),
                effort=0.5,
            ),
            _orthogonal(_PAIRS, "two components"),
            _orthogonal(_MIXTURES, "up to six components"),
            MeanTest(
                domain=_SAMPLED,
                draw=_least_losses,
                allowed=_least_loss,
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=(
                    "impl: samples of the loss (5) of the score by autograd, in R^d",
                    "theory: the gap in closed form",
                ),
            ),
        ),
        constants=lambda _outcomes: _gap_constants(),
        data=_gap_table,
        note="E[Z/beta | X] = -score(X), so E s.(Z/beta + score) = 0 for every s and any data, and"
        " the gap is d/beta^2 - E|score|^2. For two components E|score|^2 = d - |mu*_t|^2 E"
        " sech^2(y), y ~ N(v, v), v = |mu*_t|^2, hence the gap is d alpha^2/beta^2 + |mu*_t|^2 E"
        " sech^2(y): about d/(2t) for small t, and exp(-2t)(d + |mu*|^2) for large. At small t"
        " nearly all of the loss (5) is gap: noise that no student can predict.",
    ),
)
