"""WDMG-17: Jacobians of exact denoisers are posterior covariances; those of networks nearly."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import Any

import numpy as np
from flint import arb, arb_series, ctx
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._bars import mean_interval
from lemmata.checks._compare import equality_search
from lemmata.checks._images import held_out, training_images
from lemmata.checks._trained import (
    SOURCES,
    Cases,
    ShareTest,
    Study,
    reported,
    trained,
    untrained,
)
from lemmata.checks._turns import LEVELS
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024, Section 5"

_SEEDS = seeds()
_SCALES = log_uniform(1e-3, 1e3)
_SPREADS = st.one_of(st.just(0.0), log_uniform(1e-4, 1e2))
_KINDS = st.sampled_from(["drawn", "drawn", "drawn", "digits"])
_DIMENSIONS = st.integers(1, 6)
_COMPONENTS = st.integers(1, 6)


@st.composite
def _posteriors(draw: st.DrawFn) -> dict[str, Any]:
    """A mixture or a handful of digits, a noise level in units of their size, and a noisy point.

    The components' variance is in units of the noise's; zero is an empirical distribution.
    """
    kind = draw(_KINDS)
    return {
        "kind": kind,
        "d": 64 if kind == "digits" else draw(_DIMENSIONS),
        "components": draw(_COMPONENTS),
        "size": draw(_SCALES),
        "spread": draw(_SPREADS),
        "noise": draw(log_uniform(1e-2, 1e2)),
        "seed": draw(_SEEDS),
    }


@functools.lru_cache(maxsize=4)
def _mixture_of(*items: tuple[str, Any]) -> tuple[Array, Array, Array, float, float]:
    """Centres, weights, a noisy point, sigma and the components' variance."""
    point = dict(items)
    rng = np.random.default_rng(point["seed"])
    count, d = point["components"], point["d"]
    if point["kind"] == "digits":
        images = training_images("digits")
        centres = point["size"] * images[rng.integers(len(images), size=count)]
        sigma = point["size"] * point["noise"]
    else:
        centres = point["size"] * rng.standard_normal((count, d))
        sigma = point["size"] * point["noise"]
    weights = rng.uniform(0.1, 1.0, count)
    variance = point["spread"] * sigma**2
    x = centres[rng.integers(count)] + math.hypot(sigma, math.sqrt(variance)) * rng.standard_normal(
        d
    )
    return centres, weights, x, sigma, variance


def _mixture(point: Point) -> tuple[Array, Array, Array, float, float]:
    return _mixture_of(*sorted(point.items()))


def _covariance_over_noise(point: Point) -> Array:
    centres, weights, x, sigma, variance = _mixture(point)
    found = impl.posterior_jacobian(x[None], centres, sigma, variance=variance, weights=weights)
    return np.asarray(found[0], dtype=np.float64)


@functools.lru_cache(maxsize=4)
def _jacobian_of(*items: tuple[str, Any]) -> Array:
    """Torch's derivative of E[x_0 | x], written as a ratio of two sums over the components."""
    import torch

    centres, weights, x, sigma, variance = (
        torch.as_tensor(part, dtype=torch.float64) for part in _mixture_of(*items)
    )
    total = variance + sigma**2

    def mean(at: torch.Tensor) -> torch.Tensor:
        logs = weights.log() - 0.5 * (at - centres).square().sum(dim=1) / total
        each = (variance * at + sigma**2 * centres) / total
        share = (logs - logs.max()).exp()
        return (share @ each) / share.sum()

    return np.asarray(torch.func.jacrev(mean)(x).numpy())


def _jacobian(point: Point) -> Array:
    return _jacobian_of(*sorted(point.items()))


def _scale(jacobian: Array) -> float:
    """Entries are compared with this: the identity is what no data at all would give."""
    return max(1.0, float(np.linalg.norm(jacobian, 2)))


def _jacobian_error(point: Point) -> float:
    jacobian = _jacobian(point)
    off = np.abs(jacobian - _covariance_over_noise(point)).max()
    return float(off) / _scale(jacobian)


def _probes(point: Point) -> tuple[Array, Array]:
    """The eigenvector that is least in favour of the claim, and a direction by lot."""
    jacobian = _jacobian(point)
    least = np.linalg.eigh(0.5 * (jacobian + jacobian.T))[1][:, 0]
    other = np.random.default_rng([point["seed"], 1]).standard_normal(len(least))
    return least, other / np.linalg.norm(other)


def _ball_slope(point: Point, direction: Array) -> list[arb]:
    """Derivative of E[x_0 | x] along a direction, as a power series in balls."""
    centres, weights, x, sigma, variance = _mixture(point)
    noise, spread = arb(sigma) ** 2, arb(variance)
    total = noise + spread
    places = [arb_series([arb(float(a)), arb(float(u))]) for a, u in zip(x, direction, strict=True)]
    logs = []
    for centre, weight in zip(centres, weights, strict=True):
        square = arb_series([arb(0)])
        for place, c in zip(places, centre, strict=True):
            gap = place - arb(float(c))
            square = square + gap * gap
        logs.append(square * (-1 / (2 * total)) + arb(float(weight)).log())
    top = max(float(log[0].mid()) for log in logs)
    shares = [(log - arb(top)).exp() for log in logs]
    whole = sum(shares[1:], shares[0])
    found = []
    for i, place in enumerate(places):
        mean = arb_series([arb(0)])
        for share, centre in zip(shares, centres, strict=True):
            mean = mean + share * (place * spread + noise * arb(float(centre[i])))
        found.append((mean / (whole * total))[1])
    return found


def _ball_covariance(point: Point, direction: Array) -> list[arb]:
    """Cov(x_0 | x) u / sigma^2 from raw moments in balls."""
    centres, weights, x, sigma, variance = _mixture(point)
    noise, spread = arb(sigma) ** 2, arb(variance)
    total = noise + spread
    logs, middles = [], []
    for centre, weight in zip(centres, weights, strict=True):
        gaps = [arb(float(a)) - arb(float(c)) for a, c in zip(x, centre, strict=True)]
        logs.append(arb(float(weight)).log() - sum((g * g for g in gaps), arb(0)) / (2 * total))
        middles.append(
            [
                (spread * arb(float(a)) + noise * arb(float(c))) / total
                for a, c in zip(x, centre, strict=True)
            ]
        )
    top = max(float(log.mid()) for log in logs)
    shares = [(log - arb(top)).exp() for log in logs]
    whole = sum(shares, arb(0))
    along = [
        sum((m * arb(float(u)) for m, u in zip(middle, direction, strict=True)), arb(0))
        for middle in middles
    ]
    mean_along = sum((s * a for s, a in zip(shares, along, strict=True)), arb(0)) / whole
    within = spread * noise / total
    found = []
    for i, u in enumerate(direction):
        mean = sum((s * m[i] for s, m in zip(shares, middles, strict=True)), arb(0)) / whole
        both = sum((s * m[i] * a for s, m, a in zip(shares, middles, along, strict=True)), arb(0))
        found.append((both / whole - mean * mean_along + within * arb(float(u))) / noise)
    return found


def _in_series(measure: Any) -> Any:
    """Power series to first order: what a derivative needs."""

    def measured(point: Point) -> arb:
        cap = ctx.cap
        ctx.cap = 2
        try:
            found: arb = measure(point)
            return found
        finally:
            ctx.cap = cap

    return measured


@_in_series
def _ball_jacobian_error(point: Point) -> arb:
    scale, worst = arb(_scale(_jacobian(point))), arb(0)
    for direction in _probes(point):
        pairs = zip(_ball_slope(point, direction), _ball_covariance(point, direction), strict=True)
        for slope, share in pairs:
            worst = worst.max(abs(slope - share))
    return worst / scale


def _shape_error(point: Point) -> float:
    """By how much the derivative is not symmetric, and negative along its least eigenvector."""
    jacobian, (least, other) = _jacobian(point), _probes(point)
    skew = abs(float(other @ jacobian @ least - least @ jacobian @ other))
    return (skew + max(-float(least @ jacobian @ least), 0.0)) / _scale(jacobian)


@_in_series
def _ball_shape_error(point: Point) -> arb:
    least, other = _probes(point)
    on_least, on_other = _ball_slope(point, least), _ball_slope(point, other)

    def dot(vector: Array, slope: list[arb]) -> arb:
        return sum((arb(float(v)) * s for v, s in zip(vector, slope, strict=True)), arb(0))

    skew = abs(dot(other, on_least) - dot(least, on_other))
    return (skew + (-dot(least, on_least)).max(arb(0))) / arb(_scale(_jacobian(point)))


def _rounding(point: Point) -> float:
    """Of sums whose terms are as large as the centres' squared distances over sigma^2."""
    return 1e-12 * (1.0 + float(point["d"]) / float(point["noise"]) ** 2)


_MATRICES = st.fixed_dictionaries({"d": st.integers(1, 12), "size": _SCALES, "seed": _SEEDS})


def _linear_error(point: Point) -> float:
    """A matrix against torch's Jacobian of the network that multiplies by it."""
    rng, d = np.random.default_rng(point["seed"]), point["d"]
    weight = (point["size"] * rng.standard_normal((d, d))).astype(np.float32)
    shape = impl.Architecture(kind="linear", dimension=d)
    network = impl.Network(shape, {"weight 0": weight}, np.empty(0))
    found = impl.network_jacobians(network, rng.standard_normal((1, d)), 1.0)[0]
    return float(np.abs(found - weight).max() / np.abs(weight).max())


# --- trained networks -----------------------------------------------------------------------------

_NETWORKS: tuple[Point, ...] = ({"network": "mlp"}, {"network": "conv"})
#: Above this share of the norm a Jacobian is not called symmetric, or not semidefinite.
_SKEW, _NEGATIVE = 0.05, 0.01
_NOISE = LEVELS[1:]
#: Images of which an untrained network's Jacobians are measured, for comparison.
_FEW = 32


@functools.cache
def _asymmetry(name: str, study: Study, *, fresh: bool = False) -> tuple[Array, Array]:
    """Of each image's Jacobians, by levels: how antisymmetric, and how indefinite.

    The norm of the antisymmetric part over that of the whole; and what share of the sum of
    absolute eigenvalues of the symmetric part is of negative ones.
    """
    network = untrained(name, study.seed) if fresh else trained(name, study.seed, brief=study.brief)
    clean, noise = study.draw(held_out(SOURCES[name]), 2)
    skew, negative = [], []
    for level in _NOISE:
        jacobian = impl.network_jacobians(network, clean + level * noise, level)
        values, _ = impl.symmetric_eigenpairs(jacobian)
        off = np.linalg.norm(jacobian - np.swapaxes(jacobian, 1, 2), axis=(1, 2))
        skew.append(0.5 * off / np.linalg.norm(jacobian, axis=(1, 2)))
        negative.append(-np.minimum(values, 0).sum(axis=1) / np.abs(values).sum(axis=1))
    return np.stack(skew), np.stack(negative)


def _symmetric(study: Study, point: Point) -> Cases:
    """Whether the Jacobians of an image are symmetric and semidefinite, in the mean of levels."""
    skew, negative = (part.mean(axis=0) for part in _asymmetry(point["network"], study))
    return np.asarray((skew <= _SKEW) & (negative <= _NEGATIVE))


def _violations(study: Study) -> Constants:
    found: Constants = {}
    few = replace(study, images=_FEW)
    for name in ("mlp", "conv"):
        for fresh in (False, True):
            parts = _asymmetry(name, few if fresh else study, fresh=fresh)
            what = f"{name}{', untrained' if fresh else ''}"
            for level, skew, negative in zip(_NOISE, *parts, strict=True):
                at = f"sigma {level:.2g}"
                found[f"{what}: antisymmetric share of the norm, {at}"] = mean_interval(skew)
                found[f"{what}: negative share of the eigenvalues, {at}"] = mean_interval(negative)
    return found


CLAIMS = (
    Claim(
        id="WDMG-17",
        title="the Jacobian of the exact denoiser is the posterior covariance over the noise",
        source=_SOURCE,
        statement=r"D(x) = \mathbb E[x_0 \mid x_0 + \sigma z = x]:\quad"
        r" \partial D = \mathrm{Cov}(x_0 \mid x)/\sigma^2 = (\partial D)^\top \succeq 0;"
        r"\quad D(x) = W x:\ \partial D = W",
        reading="mixtures of Gaussians with one variance, and finite sets of images; the"
        " derivative is taken of the posterior mean, the covariance of the posterior",
        evidence=(
            equality_search(
                _posteriors(),
                error=_jacobian_error,
                exact_error=_ball_jacobian_error,
                noise=_rounding,
                routes=(
                    "torch: derivative of the posterior mean",
                    "impl: posterior covariance, by components",
                    "balls: power series of the mean, and raw second moments",
                ),
            ),
            equality_search(
                _posteriors(),
                error=_shape_error,
                exact_error=_ball_shape_error,
                noise=_rounding,
                routes=(
                    "torch: derivative of the posterior mean, along its least eigenvector",
                    "balls: power series of the mean along the same directions",
                ),
            ),
            equality_search(
                _MATRICES,
                error=_linear_error,
                exact_error=lambda _point: arb(0),
                noise=lambda _point: 1e-7,
                routes=("a matrix by lot, not symmetric", "torch: Jacobian of the network"),
            ),
        ),
        note="Differentiating the weights of the posterior gives Cov / sigma^2 at once: the score"
        " of the Gaussian noise is linear in x_0. A covariance is symmetric and semidefinite.",
    ),
    Claim(
        id="WDMG-17:network",
        title="the Jacobians of a trained network are symmetric and semidefinite",
        source=_SOURCE,
        statement=r"\|J - J^\top\|_F \le 0.1\,\|J\|_F,\quad"
        r" \textstyle\sum_i \lambda_i^- \le 0.01 \sum_i |\lambda_i|",
        reading="networks trained by denoising score matching: a perceptron on digits and a"
        " convolutional one without biases on patches; in at least half of the held-out images,"
        " in the mean over noise levels",
        evidence=(
            ShareTest(
                points=_NETWORKS,
                statistic=_symmetric,
                allowed=(0.5, 1.0),
                effect=0.1,
                routes=("impl: trained networks", "torch: their Jacobians on held-out images"),
                report=_violations,
            ),
        ),
        needs=("WDMG-17",),
        constants=reported,
        note="Nothing in the loss makes a network's Jacobian symmetric: the constants say how far"
        " it is from that, next to the same network before its training.",
    ),
)
