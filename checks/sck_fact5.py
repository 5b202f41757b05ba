"""SCK-25 and SCK-26: Fact 5, the population EM update for K components and for two."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import sympy
from flint import acb, arb, arb_series, ctx
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import mean_1d
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._grid import ORDER, gaussian_norm, projection, sample_points
from lemmata.checks._plane import vectors
from lemmata.checks._population import (
    ball_plane,
    embedded_points,
    in_plane,
    off_plane,
    plane_grid,
    plane_means,
)
from lemmata.harness.balls import norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023, Fact 5"

_LENGTHS = log_uniform(1e-8, 1e2)
_weighted_data = points(
    {
        "d": sizes(1, 64),
        "k": sizes(1, 50),
        "spread": _LENGTHS,
        "start": _LENGTHS,
        "n": sizes(1, 5),
        "seed": seeds(),
    }
)
_small_data = points(
    {
        "d": sizes(1, 8),
        "k": sizes(2, 6),
        "spread": log_uniform(1e-3, 1e2),
        "start": log_uniform(1e-3, 1e2),
        "n": sizes(2, 8),
        "seed": seeds(),
    }
)
_POINTS = embedded_points()
_SAMPLED = sample_points()


# --- SCK-25: K components -------------------------------------------------------------------------


def _data(point: Point) -> tuple[Array, Array, Array]:
    """Samples of a mixture, their weights, and means to start from: one law of X among many.

    The update is the same functional of whatever law X has, so one that sits on a few points is no
    less of a test than the mixture itself.
    """
    return _data_of(tuple(point.items()))


@functools.lru_cache(maxsize=2)
def _data_of(items: tuple[tuple[str, Any], ...]) -> tuple[Array, Array, Array]:
    point = dict(items)
    rng = np.random.default_rng(point["seed"])
    k, d = point["k"], point["d"]
    true_means = point["spread"] / math.sqrt(d) * rng.standard_normal((k, d))
    start = point["start"] / math.sqrt(d) * rng.standard_normal((k, d))
    x = np.asarray(impl.sample_mixture(true_means, point["n"], rng=rng), dtype=np.float64)
    weights = rng.uniform(0.5, 1.5, size=point["n"])
    return x, weights / weights.sum(), start


def _scale(x: Array, means: Array) -> float:
    return max(1.0, float(np.abs(x).max()), float(np.abs(means).max()))


def _gaps(x: Array, means: Array) -> Array:
    """|x - mu_i|^2 / 2, shape (n, K)."""
    return np.asarray(((x[:, None, :] - means) ** 2).sum(axis=-1) / 2)


def _error_25(point: Point) -> float:
    """The printed ratio against the M step by gradients, relative to the largest entry."""
    x, weights, means = _data(point)
    belief = theory.responsibilities(x, means) * weights[:, None]
    printed = (belief.T @ x) / belief.sum(axis=0)[:, None]
    found = impl.autograd_em_step(x, means, weights=weights)
    return float(np.abs(printed - found).max()) / _scale(x, means)


def _noise_25(point: Point) -> float:
    x, _, means = _data(point)
    gaps = _gaps(x, means)
    if float((gaps - gaps.min(axis=1, keepdims=True)).min(axis=0).max()) > 600:
        # A mean for which no sample is likely: its responsibilities underflow, balls do not.
        return math.inf
    # A responsibility has the absolute error of its exponent.
    return 1e-14 * (10 + float(gaps.max()))


def _ball_data(point: Point) -> tuple[list[list[arb]], list[arb], list[list[arb]], list[list[arb]]]:
    """Samples, weights, means, and the exponents -|x - mu_i|^2 / 2 in balls."""
    x, weights, means = (rows.tolist() for rows in _data(point))
    samples = [[arb(v) for v in row] for row in x]
    centres = [[arb(v) for v in row] for row in means]
    exponents = [
        [
            sum(((a - b) ** 2 for a, b in zip(row, centre, strict=True)), arb(0)) / -2
            for centre in centres
        ]
        for row in samples
    ]
    return samples, [arb(w) for w in weights], centres, exponents


def _exact_error_25(point: Point) -> arb:
    """The same by slopes of log sum_j pi_j exp(-|x - mu_j|^2 / 2) by power series."""
    samples, weights, centres, exponents = _ball_data(point)
    x, _, means = _data(point)
    densities = [[e.exp() for e in row] for row in exponents]
    totals = [sum(row, arb(0)) for row in densities]
    worst = arb(0)
    for i, centre in enumerate(centres):
        shares = [
            w * row[i] / total for w, row, total in zip(weights, densities, totals, strict=True)
        ]
        mass = sum(shares, arb(0))
        rates = [
            _log_slopes(exponents[n][i], totals[n] - densities[n][i], samples[n], centre)
            for n in range(len(samples))
        ]
        by_weight = sum((w * rate[0] for w, rate in zip(weights, rates, strict=True)), arb(0))
        for j, m in enumerate(centre):
            printed = (
                sum((s * row[j] for s, row in zip(shares, samples, strict=True)), arb(0)) / mass
            )
            by_mean = sum((w * r[j + 1] for w, r in zip(weights, rates, strict=True)), arb(0))
            worst = worst.max(abs(printed - m - by_mean / by_weight))
    return worst / _scale(x, means)


def _log_slopes(exponent: arb, others: arb, sample: list[arb], centre: list[arb]) -> list[arb]:
    """Slopes of log(others + pi exp(exponent)) in log pi and in each coordinate of the mean."""
    before, ctx.cap = ctx.cap, 2
    try:
        directions = [arb(1), *(v - m for v, m in zip(sample, centre, strict=True))]
        return [
            (arb_series([others]) + arb_series([exponent, slope]).exp()).log()[1]
            for slope in directions
        ]
    finally:
        ctx.cap = before


def _gain(point: Point) -> tuple[float, float]:
    """What a step gains in mean log-likelihood, and what the M step's parabola promises of it."""
    x, weights, means = _data(point)
    moved = impl.em_step(x, means, weights=weights)
    gain = float(weights @ (impl.log_density(x, moved) - impl.log_density(x, means)))
    mass = weights @ theory.responsibilities(x, means)
    return gain, 0.5 * float(mass @ ((moved - means) ** 2).sum(axis=1))


def _gain_slack(point: Point) -> float:
    gain, promised = _gain(point)
    return bound_slack(promised, gain)


def _gain_noise(point: Point) -> float:
    if not _noise_25(point) < 1:
        return math.inf
    x, _, means = _data(point)
    gain, promised = _gain(point)
    if not min(gain, promised) > 0:
        return math.inf
    size = 10 + float(_gaps(x, means).max()) + float(np.abs(x).max()) ** 2
    return 1e-14 * size * (1 + 1 / gain)


def _exact_gain_slack(point: Point) -> arb:
    samples, weights, centres, exponents = _ball_data(point)
    before = after = promised = arb(0)
    densities = [[e.exp() for e in row] for row in exponents]
    totals = [sum(row, arb(0)) for row in densities]
    moved = []
    for i, centre in enumerate(centres):
        shares = [w * row[i] / t for w, row, t in zip(weights, densities, totals, strict=True)]
        mass = sum(shares, arb(0))
        top = [
            sum((s * row[j] for s, row in zip(shares, samples, strict=True)), arb(0)) / mass
            for j in range(len(centre))
        ]
        promised += mass * sum(((a - b) ** 2 for a, b in zip(top, centre, strict=True)), arb(0)) / 2
        moved.append(top)
    for row, weight, total in zip(samples, weights, totals, strict=True):
        before += weight * total.log()
        new = arb(0)
        for centre in moved:
            square = sum(((a - b) ** 2 for a, b in zip(row, centre, strict=True)), arb(0))
            new += (square / -2).exp()
        after += weight * new.log()
    return bound_slack(promised, after - before)


def _residuals_25() -> dict[str, sympy.Expr]:
    """The E and the M step for two components and two samples on a line.

    Coordinates do not mix in |x - m|^2, and neither samples nor components in Q: more of them add
    more terms of the same form.
    """
    x1, x2, a, b = sympy.symbols("x1 x2 a b", real=True)
    new_a, new_b, log_pi = sympy.symbols("A B l", real=True)

    def densities(x: sympy.Symbol, one: sympy.Symbol, other: sympy.Symbol) -> list[sympy.Expr]:
        return [sympy.exp(-((x - m) ** 2) / 2) for m in (one, other)]

    belief = []
    for x in (x1, x2):
        parts = densities(x, a, b)
        belief.append([part / sum(parts) for part in parts])
    q = sum(
        w * -((x - m) ** 2) / 2
        for x, row in zip((x1, x2), belief, strict=True)
        for w, m in zip(row, (new_a, new_b), strict=True)
    )
    mass = belief[0][0] + belief[1][0]
    update = (belief[0][0] * x1 + belief[1][0] * x2) / mass
    likelihood = sum(
        sympy.log(sympy.exp(log_pi) * densities(x, a, b)[0] + densities(x, a, b)[1])
        for x in (x1, x2)
    )
    return {
        "dQ/dmu' = 0 at the update": sympy.diff(q, new_a).subs(new_a, update),
        "d2Q/dmu'2 = -E w < 0": sympy.diff(q, new_a, 2) + mass,
        "dl/dmu = dQ/dmu' at mu' = mu": (
            sympy.diff(likelihood, a).subs(log_pi, 0) - sympy.diff(q, new_a).subs(new_a, a)
        ),
        "dl/dlog pi = E w": sympy.diff(likelihood, log_pi).subs(log_pi, 0) - mass,
    }


# --- SCK-26: two components -----------------------------------------------------------------------


def _error_26(point: Point) -> float:
    mu, mu_star, frame = in_plane(point)
    flat, _ = plane_means(point)
    x, weights = plane_grid(point)
    found, mirrored = np.asarray(
        impl.em_step(x, np.stack([flat, -flat]), weights=weights), dtype=np.float64
    )
    predicted = np.asarray(theory.em_map(mu, mu_star), dtype=np.float64)
    size = float(np.linalg.norm(predicted))
    # One parameter serves for both means because the second moves as the mirror image.
    asymmetry = float(np.linalg.norm(found + mirrored))
    return max(off_plane(predicted, frame, found), asymmetry) / size


def _noise_26(point: Point) -> float:
    # The ratio cancels down from the size of X to that of the update, and a responsibility carries
    # the rounding of its exponent.
    mu, mu_star, _ = in_plane(point)
    size = float(np.linalg.norm(theory.em_map(mu, mu_star)))
    return 1e-10 + 1e-15 * (1 + float(point["mu_star_norm"])) ** 2 / size


def _exact_error_26(point: Point) -> arb:
    """The ratio of Fact 5, with w_1 from the densities, against the printed mean over one."""
    a, along, across = ball_plane(point)

    def belief(y: acb) -> acb:
        return 1 / (1 + (-2 * a * y).exp())

    reach = 1 + float(abs(along).upper())
    top = sideways = bottom = arb(0)
    for sign in (1, -1):
        share = mean_1d(belief, sign * along, scale=1, degree=0)
        top += mean_1d(lambda y: belief(y) * y, sign * along, scale=reach, degree=1)
        sideways += sign * across * share
        bottom += share
    printed = (
        mean_1d(lambda y: (a * y).tanh() * y, along, scale=reach, degree=1),
        across * mean_1d(lambda y: (a * y).tanh(), along, scale=1, degree=0),
    )
    gap = norm(top / bottom - printed[0], sideways / bottom - printed[1])
    return gap / norm(*printed)


def _draw_26(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w_1(X) (X - M) along a direction: of mean zero exactly if M is E[w_1 X] / E[w_1]."""
    mu, mu_star = vectors(point)
    moved = np.asarray(theory.em_map(mu, mu_star), dtype=np.float64)
    direction = projection(point)
    # 0 <= w_1 <= 1, and X is Gaussian about +-mu*.
    size = abs(float(moved @ direction)) + abs(float(mu_star @ direction)) + gaussian_norm(ORDER)
    block = max(256, 2_000_000 // int(point["d"]))
    parts = []
    for start in range(0, n, block):
        both, count = np.stack([mu_star, -mu_star]), min(block, n - start)
        x = np.asarray(impl.sample_mixture(both, count, rng=rng), dtype=np.float64)
        belief = impl.em_responsibilities(x, np.stack([mu, -mu]))[:, 0]
        parts.append(np.asarray(belief * ((x - moved) @ direction) / size, dtype=np.float64))
    return np.concatenate(parts)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-25",
        title="the population EM update for K components",
        source=_SOURCE,
        statement=r"\mu_i' = \frac{\mathbb E_X[w_i(X) X]}{\mathbb E_X[w_i(X)]},\quad w_i(X) ="
        r" \frac{\exp(-\|X-\mu_i\|^2/2)}{\sum_j\exp(-\|X-\mu_j\|^2/2)}",
        reading="the E step's posterior weights, then the M step's maximum of the expected complete"
        " log-likelihood over the means, at equal weights and identity covariance",
        evidence=(
            Symbolic(
                residuals=_residuals_25,
                routes=("SymPy: E and M step from the densities",),
            ),
            dataclasses.replace(
                equality_search(
                    _weighted_data,
                    error=_error_25,
                    exact_error=_exact_error_25,
                    noise=_noise_25,
                    routes=(
                        "theory: responsibilities, in the printed ratio",
                        "impl: a Newton step by autograd of the log-likelihood",
                        "balls: power series of the log-likelihood",
                    ),
                ),
                effort=0.5,
            ),
            Search(
                domain=_small_data,
                slack=_gain_slack,
                exact=_exact_gain_slack,
                noise=_gain_noise,
                effort=0.5,
                routes=(
                    "impl: log-likelihood before and after a step",
                    "theory: the gain that the M step promises",
                    "balls: both, from the densities",
                ),
            ),
        ),
        note="It holds for any law of X, one that sits on a few weighted points too: that is what"
        " is tested. The last search has a step raise the log-likelihood, and by no less than"
        " the M step's own gain, sum_i E[w_i] |mu_i' - mu_i|^2 / 2. A component for which no"
        " sample is likely has a denominator that underflows in floating point, not in fact.",
    ),
    Claim(
        id="SCK-26",
        title="the population EM update for two components",
        source=_SOURCE,
        statement=r"\mu' = \mathbb E_{X\sim\mathcal N(\mu^*, I)}[\tanh(\mu^\top X) X]",
        evidence=(
            dataclasses.replace(
                equality_search(
                    _POINTS,
                    error=_error_26,
                    exact_error=_exact_error_26,
                    noise=_noise_26,
                    routes=(
                        "theory: one-dimensional means, in R^d",
                        "impl: Fact 5's ratio on a grid over both components, in the plane",
                        "balls: Fact 5's ratio, on the line along mu",
                    ),
                ),
                effort=0.5,
            ),
            MeanTest(
                domain=_SAMPLED,
                draw=_draw_26,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=(
                    "impl: samples of both components, responsibilities from the densities",
                    "theory: the update",
                ),
            ),
        ),
        needs=("SCK-25",),
        note="E[w_1] = 1/2 and w_1 - w_2 = tanh(mu.X); X and -X have one law.",
    ),
)
