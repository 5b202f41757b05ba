"""SCK-06 and SCK-07: Lemma F.1, both identities and every displayed line of the proof."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import sympy
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._balls import mean_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import (
    ORDER,
    gaussian_norm,
    grid_points,
    noise_grid,
    projected_samples,
    sample_points,
    schedule,
)
from lemmata.checks._plane import vectors
from lemmata.harness.claim import Claim, Point
from lemmata.harness.sampling import MeanTest
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023, Lemma F.1"

Vector = NDArray[np.float64]


def _noise(point: Point) -> float:
    # The grids are exact to about 1e-11; Z / beta_t grows as t falls, and cancels.
    return float(1e-10 / -np.expm1(-2 * point["t"]))


def _error_06(point: Point) -> float:
    mu, x, _, z, beta, weights = noise_grid(point)
    gate = np.tanh(x @ mu)
    left = weights @ (gate[:, None] * z / beta + gate[:, None] ** 2 * mu)
    return float(np.linalg.norm(left - mu) / np.linalg.norm(mu))


def _exact_error_06(point: Point) -> arb:
    # d = 1 stands for all d here: across mu, Z is independent of tanh and has mean zero. Given the
    # component, E[Z | X = x] = beta (x - c) with c the component's mean.
    a, c = _along(point)

    def integrand(x: acb) -> acb:
        gate = (a * x).tanh()
        return gate * (x - c) + gate * gate * a - a

    size = float(abs(c).upper()) + float(a.upper())
    return abs(mean_1d(integrand, c, scale=2 * (1 + size), degree=1)) / a


def _along(point: Point) -> tuple[arb, arb]:
    """Length of mu, and of mu*_t along mu: what Lemma F.1 comes to on the line through mu."""
    shrink = (-arb(point["t"])).exp()
    return arb(point["mu_norm"]), shrink * arb(point["mu_star_norm"]) * arb(point["cos_theta"])


def _tanh_jet(s: Vector) -> tuple[Vector, Vector, Vector]:
    """Tanh and its first two derivatives."""
    gate = np.tanh(s)
    slope = 1 - gate**2
    return gate, slope, -2 * gate * slope


def _lines(point: Point) -> list[Vector]:
    """Left side and every displayed line of the proof of the second identity, by quadrature."""
    mu, x, signal, z, beta, weights = noise_grid(point)
    gate, d1, d2 = _tanh_jet(x @ mu)
    d3 = d1 * (6 * gate**2 - 2)
    square = mu @ mu

    def mean(values: Vector) -> Vector:
        return weights @ values

    slope = mean(d1[:, None] * mu)
    along = z @ mu
    crossed = mean((d2 * along * beta)[:, None] * mu)
    third = beta**2 * square * mu * float(weights @ d3)
    left = mean((d1 * along / beta)[:, None] * x)
    return [
        left,
        mean((d1 * along / beta)[:, None] * signal) + mean((d1 * along)[:, None] * z),
        sum(mean((d1 * m * zi / beta)[:, None] * signal) for m, zi in zip(mu, z.T, strict=True))
        + slope
        + crossed,
        mean(d2[:, None] * signal) * square + slope + crossed,
        mean(d2[:, None] * signal) * square + slope + third,
        mean(d2[:, None] * x) * square - mean((beta * d2)[:, None] * z) * square + slope + third,
        mean(d2[:, None] * x) * square + slope,
        np.asarray(theory.stein_second_moment(mu, _moved_star(point)), dtype=np.float64),
    ]


def _moved_star(point: Point) -> Vector:
    _, mu_star = vectors(point)
    return np.asarray(theory.marginal_means(mu_star[None, :], point["t"])[0], dtype=np.float64)


def _error_07(point: Point) -> float:
    first, *others = _lines(point)
    worst = max(float(np.linalg.norm(line - first)) for line in others)
    return worst / _size_07(point)


def _size_07(point: Point) -> float:
    return float(point["mu_norm"]) * (1 + float(point["mu_norm"]) * float(point["mu_star_norm"]))


def _exact_error_07(point: Point) -> arb:
    """The lines on the line through mu, with E[Z | x] and E[Z^2 | x] put in for Z."""
    a, c = _along(point)
    beta2 = -(-2 * arb(point["t"])).expm1()

    def first(x: acb) -> acb:  # beta E[Z | x] / beta^2 = x - c
        return tanh_jet(a * x)[1] * a * (x - c) * x

    def z2(x: acb) -> acb:
        return beta2 * (x - c) ** 2 + (1 - beta2)

    def signal(x: acb) -> acb:
        return x - beta2 * (x - c)

    def line_1(x: acb) -> acb:
        _, d1, _, _ = tanh_jet(a * x)
        return d1 * a * (x * (x - c) - z2(x)) + d1 * a * z2(x)

    def line_2(x: acb) -> acb:
        _, d1, d2, _ = tanh_jet(a * x)
        return d1 * a * (x * (x - c) - z2(x)) + d1 * a + d2 * a * a * beta2 * (x - c)

    def line_3(x: acb) -> acb:
        _, d1, d2, _ = tanh_jet(a * x)
        return d2 * a * a * signal(x) + d1 * a + d2 * a * a * beta2 * (x - c)

    def line_4(x: acb) -> acb:
        _, d1, d2, d3 = tanh_jet(a * x)
        return d2 * a * a * signal(x) + d1 * a + beta2 * a**3 * d3

    def line_5(x: acb) -> acb:
        _, d1, d2, d3 = tanh_jet(a * x)
        return d2 * a * a * (x - beta2 * (x - c)) + d1 * a + beta2 * a**3 * d3

    def line_6(x: acb) -> acb:
        _, d1, d2, _ = tanh_jet(a * x)
        return d2 * a * a * x + d1 * a

    size = 1 + float(abs(c).upper()) + float(a.upper())
    worst = arb(0)
    for line in (line_1, line_2, line_3, line_4, line_5, line_6):
        gap = mean_1d(_difference(line, first), c, scale=20 * size**3, degree=2)
        worst = worst.max(abs(gap))
    return worst / _size_07(point)


def _difference(left: Callable[[acb], acb], right: Callable[[acb], acb]) -> Callable[[acb], acb]:
    return lambda x: left(x) - right(x)


def _first_residuals(point: Point, x: Vector, z: Vector) -> Vector:
    """Left minus right of the first identity at samples, over a bound of its L_8 norm."""
    mu, _ = vectors(point)
    _, beta = schedule(point)
    gate = np.tanh(x @ mu)
    # abs(tanh) <= 1, so each part is bounded by its Gaussian or constant factor.
    size = gaussian_norm(ORDER) / beta + 2 * point["mu_norm"]
    residual = gate[:, None] * z / beta + gate[:, None] ** 2 * mu - mu
    return np.asarray(residual / size)


def _second_residuals(point: Point, x: Vector, z: Vector) -> Vector:
    """Left minus right of the second identity at samples, over a bound of its L_8 norm."""
    mu, mu_star = vectors(point)
    alpha, beta = schedule(point)
    _, d1, d2 = _tanh_jet(x @ mu)
    a, c = float(mu @ mu) ** 0.5, alpha * float(mu_star @ mu_star) ** 0.5
    # abs(tanh'), abs(tanh'') <= 1; mu.Z and X along a unit vector are Gaussian; Cauchy-Schwarz.
    wide = c + gaussian_norm(2 * ORDER)
    size = a / beta * gaussian_norm(2 * ORDER) * wide + a * a * wide + a
    residual = ((d1 * (z @ mu) / beta - d2 * a * a)[:, None] * x) - d1[:, None] * mu
    return np.asarray(residual / size)


def _sampling(residuals: Callable[[Point, Vector, Vector], Vector]) -> MeanTest:
    return MeanTest(
        domain=sample_points(),
        draw=functools.partial(projected_samples, residuals),
        allowed=lambda _point: (0.0, 0.0),
        effect=0.03,
        moment=lambda _point: (float(ORDER), 1.0),
        routes=("both sides on samples of the noising process", "each other, sample by sample"),
    )


def _residuals(dimension: int, *, second: bool) -> dict[str, sympy.Expr]:
    r"""Each equality as a sum of Stein terms, for the density of Z in coordinates.

    E[z_j h - dh/dz_j] = 0 for Z ~ N(0, I) and any h of moderate growth; an equality of two
    expectations is proved by naming the h whose Stein terms make up the difference of integrands.
    For the second identity tanh' may be any function f': nothing of tanh is used.
    """
    z = sympy.symbols(f"z1:{dimension + 1}", real=True)
    x0 = sympy.symbols(f"y1:{dimension + 1}", real=True)
    mu = sympy.symbols(f"m1:{dimension + 1}", real=True)
    alpha, beta = sympy.symbols("alpha beta", positive=True)
    x = [alpha * y + beta * w for y, w in zip(x0, z, strict=True)]
    s = sum(m * v for m, v in zip(mu, x, strict=True))
    along = sum(m * w for m, w in zip(mu, z, strict=True))
    square = sum(m * m for m in mu)
    k = dimension - 1  # the coordinate that is checked; all are alike

    def stein(j: int, h: sympy.Expr) -> sympy.Expr:
        return z[j] * h - sympy.diff(h, z[j])

    def total(terms: Callable[[int], sympy.Expr]) -> sympy.Expr:
        return sum((stein(j, terms(j)) for j in range(dimension)), sympy.Integer(0))

    if not second:
        gate = sympy.tanh(s)
        left = gate * z[k] / beta + gate**2 * mu[k]
        return {f"first identity, d={dimension}": left - mu[k] - stein(k, gate / beta)}

    u = sympy.Symbol("u", real=True)
    f = sympy.Function("f")
    d1, d2, d3 = (sympy.diff(f(u), u, n).subs(u, s).doit() for n in (1, 2, 3))
    signal = alpha * x0[k]
    lines = [
        d1 * along / beta * x[k],
        d1 * along / beta * signal + d1 * along * z[k],
        sum(signal * d1 * mu[i] * z[i] / beta for i in range(dimension))
        + d1 * mu[k]
        + d2 * along * beta * mu[k],
        sum(signal * d2 * mu[i] ** 2 for i in range(dimension))
        + d1 * mu[k]
        + d2 * along * beta * mu[k],
        signal * d2 * square + d1 * mu[k] + beta**2 * mu[k] * d3 * square,
        (x[k] - beta * z[k]) * d2 * square + d1 * mu[k] + beta**2 * square * mu[k] * d3,
        x[k] * d2 * square + d1 * mu[k],
    ]
    steps = [
        sympy.Integer(0),
        stein(k, d1 * along),
        total(lambda j: signal * d1 * mu[j] / beta),
        total(lambda j: d2 * beta * mu[j] * mu[k]),
        sympy.Integer(0),
        stein(k, -beta * square * d2),
    ]
    return {
        f"line {i} = line {i + 1}, d={dimension}": (lines[i] - lines[i + 1] - step).doit()
        for i, step in enumerate(steps)
    }


def _all_residuals(*, second: bool) -> dict[str, sympy.Expr]:
    return {
        name: residual
        for dimension in (1, 2, 3)
        for name, residual in _residuals(dimension, second=second).items()
    }


_PROOF = ("SymPy: the integrands differ by Stein terms",)

CLAIMS = (
    Claim(
        id="SCK-06",
        title="Lemma F.1, first identity",
        source=_SOURCE,
        statement=r"\mathbb E[\tanh(\mu_t^\top X_t) Z_t/\beta_t + \tanh^2(\mu_t^\top X_t)\mu_t]"
        r" = \mu_t",
        evidence=(
            Symbolic(residuals=lambda: _all_residuals(second=False), routes=_PROOF),
            equality_search(
                grid_points(),
                error=_error_06,
                exact_error=_exact_error_06,
                noise=_noise,
                routes=(
                    "impl: quadrature of the noising process",
                    "mu_t itself",
                    "balls: one integral, with E[Z | X_t] for Z",
                ),
            ),
            _sampling(_first_residuals),
        ),
        note="Stein's identity in Z coordinate by coordinate; it holds whatever the law of X_0."
        " Proved for d = 1, 2, 3, on grids for d = 1, on samples up to d = 300.",
    ),
    Claim(
        id="SCK-07",
        title="Lemma F.1, second identity, with every displayed line of its proof",
        source=_SOURCE,
        statement=r"\mathbb E[\tanh'(\mu_t^\top X_t)\tfrac{\mu_t^\top Z_t}{\beta_t} X_t] ="
        r" \mathbb E[\tanh''(\mu_t^\top X_t)\|\mu_t\|^2 X_t + \tanh'(\mu_t^\top X_t)\mu_t]",
        evidence=(
            Symbolic(residuals=lambda: _all_residuals(second=True), routes=_PROOF),
            equality_search(
                grid_points(),
                error=_error_07,
                exact_error=_exact_error_07,
                noise=_noise,
                routes=(
                    "impl: every line by quadrature of the noising process",
                    "theory: one-dimensional integrals",
                    "balls: one integral a line, with E[Z | X_t] and E[Z^2 | X_t]",
                ),
            ),
            _sampling(_second_residuals),
        ),
        note="Why a summation: Stein's identity is applied to each coordinate Z_t(i) by itself, so"
        " mu.Z is written out as the sum over i of mu(i) Z(i), and closes again to |mu|^2. All six"
        " lines hold, for any smooth function in place of tanh. One slip is in the prose only:"
        " 'Stein's lemma on E[alpha X_0 tanh''(..) mu(i) Z(i)]' means tanh'.",
    ),
)
