"""SCK-25: Fact 5, the population EM update for K components."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import sympy
from flint import acb, acb_series, arb, arb_mat, arb_series, ctx
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import means_1d
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._grid import HALF_WIDTH, grid_step
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
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
#: Far up in dimension balls cost the product of all sizes.
_high_dimensional_data = points(
    {
        "d": sizes(65, 10_000),
        "k": sizes(1, 8),
        "spread": _LENGTHS,
        "start": _LENGTHS,
        "n": sizes(1, 5),
        "seed": seeds(),
    }
)
#: Mixtures on the line. The grid's step shrinks with the means that the update starts from.
_mixtures = points(
    {
        "d": st.just(1),
        "k": sizes(2, 4),
        "spread": _LENGTHS,
        "start": log_uniform(1e-8, 8.0),
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
#: Coordinates in which balls compare where there are many: all are alike.
_SHOWN = 8


def _data(point: Point) -> tuple[Array, Array, Array]:
    """Samples of a mixture, their weights, and means to start from: one law of X among many.

    The update is the same functional of whatever law X has, so one that sits on a few points is no
    less of a test than the mixture itself. Where the point names no number of samples they are the
    nodes of a quadrature of the mixture.
    """
    return _data_of(tuple(point.items()))


@functools.lru_cache(maxsize=2)
def _data_of(items: tuple[tuple[str, Any], ...]) -> tuple[Array, Array, Array]:
    point = dict(items)
    true_means = _true_means(point)
    rng = np.random.default_rng([point["seed"], 1])
    k, d = point["k"], point["d"]
    start = point["start"] / math.sqrt(d) * rng.standard_normal((k, d))
    if "n" not in point:
        # A responsibility has its poles pi / (largest difference of means) off the real axis.
        step = grid_step(max(float(np.ptp(start)) / 2, 1e-300))
        x, weights = impl.mixture_grid(true_means, step=step, half_width=HALF_WIDTH)
        return x, weights, start
    x = np.asarray(impl.sample_mixture(true_means, point["n"], rng=rng), dtype=np.float64)
    weights = rng.uniform(0.5, 1.5, size=point["n"])
    return x, weights / weights.sum(), start


def _true_means(point: Point) -> Array:
    """Means of the mixture, shape (K, d), each about as long as `spread`."""
    rng = np.random.default_rng(point["seed"])
    k, d = point["k"], point["d"]
    return np.asarray(point["spread"] / math.sqrt(d) * rng.standard_normal((k, d)))


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
    exponents = [[-_square(row, centre) / 2 for centre in centres] for row in samples]
    return samples, [arb(w) for w in weights], centres, exponents


def _square(left: list[arb], right: list[arb]) -> arb:
    """Squared distance."""
    gap = arb_mat([[a - b for a, b in zip(left, right, strict=True)]])
    square: arb = (gap * gap.transpose())[0, 0]
    return square


def _exact_error_25(point: Point) -> arb:
    """The same by slopes of log sum_j pi_j exp(-|x - mu_j|^2 / 2) by power series."""
    samples, weights, centres, exponents = _ball_data(point)
    x, _, means = _data(point)
    densities = [[e.exp() for e in row] for row in exponents]
    totals = [sum(row, arb(0)) for row in densities]
    chosen = np.random.default_rng(point["seed"]).permutation(int(point["d"]))[:_SHOWN]
    shown = chosen.tolist() if point["d"] > 64 else range(int(point["d"]))
    samples, centres = ([[row[j] for j in shown] for row in rows] for rows in (samples, centres))
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


def _exact_error_of_mixture(point: Point) -> arb:
    """E[w_i (X - mu_i) - d/dmu_i log sum_j N(X; mu_j, 1)] / E[w_i] over the mixture itself.

    The slope is by power series, for the first component: all are alike.
    """
    _, _, means = _data(point)
    own, *others = (arb(float(m)) for m in means[:, 0])

    def total(x: acb) -> acb:
        """Sum of all densities over the first: of wide balls, only their quotients are narrow."""
        return sum((((m - own) * (x - (m + own) / 2)).exp() for m in others), acb(1))

    def rest(x: acb) -> tuple[acb, acb]:
        before, ctx.cap = ctx.cap, 2
        try:
            moved = acb_series([x - own, -1])
            exponent = -moved * moved / 2
            slope = (exponent - exponent[0]).exp()[1]
        finally:
            ctx.cap = before
        weight = 1 / total(x)
        return ((x - own) - slope) * weight, weight

    gap = mass = arb(0)
    scale = 2 + 2 * float(abs(own).upper())
    for row in _true_means(point):
        centre = arb(float(row[0]))
        error, weight = means_1d(rest, centre, scale=scale, degree=1)
        gap, mass = gap + error, mass + weight
    x, _, means = _data(point)
    return abs(gap / mass) / _scale(x, means)


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
        promised += mass * _square(top, centre) / 2
        moved.append(top)
    for row, weight, total in zip(samples, weights, totals, strict=True):
        before += weight * total.log()
        new = arb(0)
        for centre in moved:
            new += (_square(row, centre) / -2).exp()
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


def _searches() -> tuple[Search, ...]:
    routes = (
        "theory: responsibilities, in the printed ratio",
        "impl: a Newton step by autograd of the log-likelihood",
    )
    by_points = "balls: power series of the log-likelihood"
    searches = (
        (_weighted_data, _exact_error_25, by_points, 0.4),
        (_high_dimensional_data, _exact_error_25, f"{by_points}, in {_SHOWN} coordinates", 0.4),
        (
            _mixtures,
            _exact_error_of_mixture,
            "balls: means over the mixture of the density's slope by power series",
            0.3,
        ),
    )
    return tuple(
        dataclasses.replace(
            equality_search(
                domain,
                error=_error_25,
                exact_error=exact,
                noise=_noise_25,
                routes=(*routes, balls),
            ),
            effort=effort,
        )
        for domain, exact, balls, effort in searches
    )


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
            *_searches(),
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
        " the first searches test, and the third has X from a mixture itself, on the line. The"
        " last search has a step raise the log-likelihood, and by no less than"
        " the M step's own gain, sum_i E[w_i] |mu_i' - mu_i|^2 / 2. A component for which no"
        " sample is likely has a denominator that underflows in floating point, not in fact.",
    ),
)
