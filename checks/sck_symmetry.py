"""SCK-10 and SCK-11: two steps of the proofs, by symmetry and by Stein's lemma."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import sympy
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import mean_1d, means_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import ORDER, gaussian_norm, projection, sample_points
from lemmata.checks._plane import vectors
from lemmata.checks._population import (
    ball_plane,
    embedded_points,
    in_plane,
    line_grid,
    line_points,
    off_plane,
    plane_grid,
    plane_means,
)
from lemmata.harness.balls import norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.sampling import MeanTest
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"
_POINTS = embedded_points()
_ON_THE_LINE = line_points()
_SAMPLED = sample_points()


def _tanh_jet(s: Array) -> tuple[Array, Array, Array]:
    """Tanh and its first two derivatives."""
    gate = np.tanh(s)
    decay = np.exp(-2 * np.abs(s))
    slope = 4 * decay / (1 + decay) ** 2  # 1 - tanh^2 has no digits far out
    return gate, slope, -2 * gate * slope


# --- SCK-10 ---------------------------------------------------------------------------------------


def _gate(s: Array, square: float) -> Array:
    """The factor on x in the first of the functions named."""
    t, d1, d2 = _tanh_jet(s)
    return t - 0.5 * d2 * square + d1 * s


def _symmetry_error(point: Point) -> float:
    """Expectations over both components, on a grid in the plane, against one's, predicted."""
    flat, _ = plane_means(point)
    x, weights = plane_grid(point)
    s, square = x @ flat, float(flat @ flat)
    first = (weights * _gate(s, square)) @ x
    return _against_one(point, first, float(weights @ _tanh_jet(s)[1]))


def _symmetry_error_on_the_line(point: Point) -> float:
    """The same on a grid along mu, on which both components in turn are one-dimensional."""
    a = float(point["mu_norm"])
    first, second = np.zeros(2), 0.0
    for sign in (1, -1):
        y, weights, across = line_grid(point, sign)
        gate = weights * _gate(a * y, a * a)
        first += np.array([gate @ y, gate.sum() * across]) / 2
        second += float(weights @ _tanh_jet(a * y)[1]) / 2
    return _against_one(point, first[: min(2, int(point["d"]))], second)


def _against_one(point: Point, first: Array, second: float) -> float:
    """How far means over both components, in the frame's coordinates, are from those predicted."""
    mu, mu_star, frame = in_plane(point)
    slope = float(theory.tanh_moments(mu @ mu_star, mu @ mu).d1)
    # Lemma C.2 is the first function's mean over N(mu*, I), less mu and the second's times mu.
    predicted = np.asarray(theory.ddpm_descent(mu, mu_star), dtype=np.float64) + mu + slope * mu
    size = float(np.linalg.norm(mu) + np.linalg.norm(first))
    return max(off_plane(predicted, frame, first) / size, abs(second - slope))


def _exact_symmetry_error(point: Point) -> arb:
    """Over both components less over one, on the line along mu; across it only the mean counts."""
    a, along, across = ball_plane(point)

    def gated(y: acb) -> tuple[acb, acb]:
        t, d1, d2, _ = tanh_jet(a * y)
        gate = t - d2 * a * a / 2 + d1 * a * y
        return gate * y, gate

    def slope(y: acb) -> acb:
        return tanh_jet(a * y)[1]

    # abs(tanh), abs(s tanh'), abs(tanh'') <= 1.
    bound = 2 + float((a * a).upper())
    sides = []
    for sign, centre in ((1, along), (-1, -along)):
        moment, mass = means_1d(gated, centre, scale=bound, degree=1)
        sides.append((moment, sign * across * mass, mean_1d(slope, centre, scale=1, degree=0)))
    ours, other = sides
    first = norm(*((u - v) / 2 for u, v in zip(ours[:2], other[:2], strict=True)))
    size = a + norm(*ours[:2])
    return (first / size).max(abs(ours[2] - other[2]) / 2)


def _symmetry_noise(point: Point) -> float:
    # Sums over the nodes cancel down from their size to that of the mean, about |mu|; tanh'' grows
    # with its factor |mu|^2.
    a = float(point["mu_norm"])
    return 1e-10 + 1e-15 * (1 + a * a) * (1 + float(point["mu_star_norm"])) / a


def _draw_both(point: Point, rng: np.random.Generator, n: int) -> Array:
    """The first function along a direction, X from both components, over a bound of its norm."""
    mu, mu_star = vectors(point)
    square, direction = float(mu @ mu), projection(point)
    parts = []
    for x in _blocks(point, rng, n, np.stack([mu_star, -mu_star])):
        parts.append(_gate(x @ mu, square) * (x @ direction))
    return np.concatenate(parts) / _gate_norm(point)


def _blocks(point: Point, rng: np.random.Generator, n: int, means: Array) -> Iterator[Array]:
    """n samples of the mixture, a block at a time."""
    block = max(256, 2_000_000 // int(point["d"]))
    for start in range(0, n, block):
        yield np.asarray(
            impl.sample_mixture(means, min(block, n - start), rng=rng), dtype=np.float64
        )


def _gate_norm(point: Point) -> float:
    # abs(tanh'') <= 4 / 3^1.5 < 0.77, abs(s tanh') < 0.448.
    largest = 1.448 + 0.385 * float(point["mu_norm"]) ** 2
    return float(largest * (float(point["mu_star_norm"]) + gaussian_norm(ORDER)))


def _allowed_over_one(point: Point) -> tuple[float, float]:
    """What N(mu*, I) alone gives along the direction, in units of the bound."""
    mu, mu_star = vectors(point)
    slope = float(theory.tanh_moments(mu @ mu_star, mu @ mu).d1)
    one = np.asarray(theory.ddpm_descent(mu, mu_star), dtype=np.float64) + (1 + slope) * mu
    value = float(one @ projection(point)) / _gate_norm(point)
    return value, value


def _evenness() -> dict[str, sympy.Expr]:
    """f(-x) - f(x) for the functions named, and the reflection that swaps the components.

    Both functions depend on x through s = mu.x and, the first, a factor x_k, which all change sign
    with x: a number for each stands for any dimension. In the densities coordinates stand alone.
    """
    s, x, m, square = sympy.symbols("s x m v", real=True)
    u = sympy.Symbol("u", real=True)
    slope, curve = (sympy.diff(sympy.tanh(u), u, n).subs(u, s) for n in (1, 2))
    first = (sympy.tanh(s) - curve * square / 2 + slope * s) * x
    flip = {s: -s, x: -x}
    return {
        "(tanh s - tanh'' s |mu|^2 / 2 + s tanh' s) x is even": first.subs(flip, simultaneous=True)
        - first,
        "tanh' s is even": slope.subs(s, -s) - slope,
        "x -> -x takes N(mu*, I) to N(-mu*, I)": (-x - m) ** 2 - (x + m) ** 2,
    }


# --- SCK-11 ---------------------------------------------------------------------------------------


def _stein_error(point: Point) -> float:
    """E[tanh'(s) s x] on a grid in the plane against the right-hand side by one-dimensional means.

    Relative to the sizes of the terms on the right.
    """
    flat, _ = plane_means(point)
    x, weights = plane_grid(point, both=False)
    s = x @ flat
    return _against_stein(point, (weights * _tanh_jet(s)[1] * s) @ x)


def _stein_error_on_the_line(point: Point) -> float:
    """The same with the left side on a grid along mu."""
    y, weights, across = line_grid(point)
    s = float(point["mu_norm"]) * y
    gate = weights * _tanh_jet(s)[1] * s
    left = np.array([gate @ y, gate.sum() * across])
    return _against_stein(point, left[: min(2, int(point["d"]))])


def _against_stein(point: Point, left: Array) -> float:
    """How far the left side, in the frame's coordinates, is from the right."""
    mu, mu_star, frame = in_plane(point)
    moments = theory.tanh_moments(mu @ mu_star, mu @ mu)
    on_star, on_mu = float(moments.s_d1), float(moments.d1) + float(moments.s_d2)
    right = on_star * mu_star + on_mu * mu
    return off_plane(right, frame, left) / _stein_size(point)


def _stein_size(point: Point) -> float:
    """Of the terms on the right, but at least a millionth of |mu|: below, sums see rounding."""
    a, b = float(point["mu_norm"]), float(point["mu_star_norm"])
    moments = theory.tanh_moments(a * b * float(point["cos_theta"]), a * a)
    on_star, on_mu = abs(float(moments.s_d1)), float(moments.d1) + abs(float(moments.s_d2))
    return max(b * on_star + a * on_mu, 1e-6 * a)


def _exact_stein_error(point: Point) -> arb:
    """Both sides from x given s, whose mean is mu* + mu (s - mu.mu*) / |mu|^2: no Stein."""
    a, along, _ = ball_plane(point)

    def left(y: acb) -> acb:
        return tanh_jet(a * y)[1] * a * y

    def rest(y: acb) -> acb:
        _, d1, d2, _ = tanh_jet(a * y)
        return left(y) * (y - along) - (d1 + d2 * a * y) * a

    # abs(s tanh') <= 1 and abs(tanh' + s tanh'') <= 2; across mu both sides are mu* E[s tanh'].
    size = 1 + 2 * float(a.upper()) + float(abs(along).upper())
    gap = mean_1d(rest, along, scale=size, degree=1)
    return abs(gap) / arb(_stein_size(point))


def _stein_noise(point: Point) -> float:
    # Sums over the nodes cancel down from s x, at most of size one times x, to about |mu|.
    reach = 1 + float(point["mu_star_norm"])
    gate = min(1.0, float(point["mu_norm"]) * reach)
    return 1e-10 + 3e-15 * reach * gate / _stein_size(point)


def _draw_stein(point: Point, rng: np.random.Generator, n: int) -> Array:
    """Left minus right inside the expectation, along a direction, over a bound of its L_8 norm."""
    mu, mu_star = vectors(point)
    direction = projection(point)
    # abs(s tanh') < 0.448, abs(tanh' + s tanh'') <= 1.
    size = 0.448 * gaussian_norm(ORDER) + abs(float(mu @ direction))
    parts = []
    for x in _blocks(point, rng, n, mu_star[None, :]):
        s = x @ mu
        _, d1, d2 = _tanh_jet(s)
        parts.append(d1 * s * ((x - mu_star) @ direction) - (d1 + d2 * s) * (mu @ direction))
    return np.concatenate(parts) / size


def _stein_residuals() -> dict[str, sympy.Expr]:
    """Integration by parts of x_k - mu*_k against h = s tanh'(s), for any d: only dh/dx_k enters.

    E[(x_k - mu*_k) h] = E[dh/dx_k] for x ~ N(mu*, I); dh/dx_k = mu_k dh/ds.
    """
    s, m = sympy.symbols("s m", real=True)
    u = sympy.Symbol("u", real=True)
    slope, curve = (sympy.diff(sympy.tanh(u), u, n).subs(u, s) for n in (1, 2))
    return {
        "d/dx_k of s tanh'(s) is mu_k (tanh' + s tanh'')": m * sympy.diff(s * slope, s)
        - m * (slope + curve * s)
    }


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-10",
        title="the symmetry step: even functions do not tell q_t from N(mu*_t, I)",
        source=f"{_SOURCE}, end of the proof of Lemma C.2 (F.1)",
        statement=r"(\tanh s - \tfrac12\tanh''(s)\|\mu\|^2 + \tanh'(s) s) x,\ \tanh'(s)"
        r" \text{ are even},\ s = \mu^\top x,\text{ hence } \mathbb E_{q_t} f(X_t) ="
        r" \mathbb E_{\mathcal N(\mu_t^*, I)} f(X_t)",
        reading="the printed N(mu_t^T, I) is N(mu*_t, I); time enters through mu*_t alone",
        evidence=(
            Symbolic(residuals=_evenness, routes=("SymPy, from the functions and densities",)),
            dataclasses.replace(
                equality_search(
                    _POINTS,
                    error=_symmetry_error,
                    exact_error=_exact_symmetry_error,
                    noise=_symmetry_noise,
                    routes=(
                        "theory: Lemma C.2 over N(mu*, I), in R^d",
                        "impl: grid over both components, in the plane of mu and mu*",
                        "balls: both components, on the line along mu",
                    ),
                ),
                effort=0.3,
            ),
            dataclasses.replace(
                equality_search(
                    _ON_THE_LINE,
                    error=_symmetry_error_on_the_line,
                    exact_error=_exact_symmetry_error,
                    noise=_symmetry_noise,
                    routes=(
                        "theory: Lemma C.2 over N(mu*, I), in R^d",
                        "impl: grid along mu over both components; across it, their means",
                        "balls: both components, on the line along mu",
                    ),
                ),
                effort=0.6,
            ),
            MeanTest(
                domain=_SAMPLED,
                draw=_draw_both,
                allowed=_allowed_over_one,
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=(
                    "impl: samples of both components",
                    "theory: Lemma C.2 over N(mu*, I)",
                ),
            ),
        ),
        note="The functions are even because tanh' is, and tanh, tanh'' and x are odd. An odd"
        " function, tanh(s) say, has mean zero over q_t but not over N(mu*_t, I) unless"
        " mu.mu* = 0.",
    ),
    Claim(
        id="SCK-11",
        title="Lemma C.3's Stein step",
        source=f"{_SOURCE}, proof of Lemma C.3",
        statement=r"\mathbb E_{x\sim\mathcal N(\mu_t^*, I)}[\tanh'(s) s x] ="
        r" \mathbb E[\tanh'(s) s \mu_t^* + \tanh'(s)\mu_t + \tanh''(s) s \mu_t],"
        r"\quad s = \mu_t^\top x",
        evidence=(
            Symbolic(
                residuals=_stein_residuals,
                routes=("SymPy: the derivative that Stein's identity needs",),
            ),
            dataclasses.replace(
                equality_search(
                    _POINTS,
                    error=_stein_error,
                    exact_error=_exact_stein_error,
                    noise=_stein_noise,
                    routes=(
                        "theory: one-dimensional means, in R^d",
                        "impl: grid over N(mu*, I), in the plane of mu and mu*",
                        "balls: x given s",
                    ),
                ),
                effort=0.3,
            ),
            dataclasses.replace(
                equality_search(
                    _ON_THE_LINE,
                    error=_stein_error_on_the_line,
                    exact_error=_exact_stein_error,
                    noise=_stein_noise,
                    routes=(
                        "theory: one-dimensional means, in R^d",
                        "impl: grid along mu over N(mu*, I); across it, its mean",
                        "balls: x given s",
                    ),
                ),
                effort=0.6,
            ),
            MeanTest(
                domain=_SAMPLED,
                draw=_draw_stein,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=("impl: samples of N(mu*, I)", "NumPy: left minus right, no closed form"),
            ),
        ),
        note="Stein's identity for h = s tanh'(s), whose gradient is (tanh' + s tanh'') mu.",
    ),
)
