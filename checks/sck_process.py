"""SCK-01: the Ornstein-Uhlenbeck process and what it does to a mixture."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import equality_search
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023, Section 1.3"

#: At frequency 6 what is left of the characteristic function of a Gaussian is 1e-8.
_mixtures = points(
    {
        "d": sizes(1, 10_000),
        "k": sizes(1, 50),
        "distinct": sizes(1, 50),
        "spread": log_uniform(1e-8, 1e2),
        "frequency": log_uniform(1e-2, 6.0),
        "t": log_uniform(1e-4, 20),
        "seed": seeds(),
    }
)
#: Step of the grid: the sum over nodes sees frequencies up to 2 pi / step = 16.
_STEP = 0.4
#: An error is relative to what it is an error of, or to this, below which rounding hides it.
_FLOOR = 1e-7

_STEPS = 16
_simulated = points(
    {
        "d": sizes(1, 300),
        "k": sizes(1, 50),
        "distinct": sizes(1, 50),
        "spread": log_uniform(1e-2, 10),
        "frequency": log_uniform(0.1, 3.0),
        "t": log_uniform(1e-2, 5),
        "wave": st.sampled_from(["cos", "sin"]),
        "seed": seeds(),
    }
)


def _problem(point: Point) -> tuple[Array, Array]:
    """The means, shape (K, d), each about as long as `spread`, and the frequency u.

    No more than `distinct` of the means differ. A mean that is there m times is a component of
    weight m / K: the mixture is one of unequal weights.
    """
    return _problem_of(tuple(point.items()))


@functools.lru_cache(maxsize=2)
def _problem_of(items: tuple[tuple[str, Any], ...]) -> tuple[Array, Array]:
    point = dict(items)
    rng = np.random.default_rng(point["seed"])
    d = point["d"]
    means = point["spread"] / math.sqrt(d) * rng.standard_normal((point["k"], d))
    if point["distinct"] < point["k"]:
        means = means[rng.integers(point["distinct"], size=point["k"])]
    direction = rng.standard_normal(d)
    # With a share along the first mean: in high dimension a random direction is across all.
    direction *= math.copysign(1.0, direction @ means[0]) / np.linalg.norm(direction)
    direction += means[0] / np.linalg.norm(means[0])
    return means, point["frequency"] * direction / np.linalg.norm(direction)


def _phases(point: Point) -> Array:
    """u.mu_i: all of the mixture that u.X knows."""
    means, u = _problem(point)
    return means @ u


def _error(point: Point) -> float:
    """Prediction in R^d against a grid on the line along u, relative to either's size."""
    means, u = _problem(point)
    cosine, sine = theory.mixture_characteristic(u, theory.marginal_means(means, point["t"]))
    length = float(np.linalg.norm(u))
    x0, z, weights = impl.noise_grid((means @ u / length)[:, None], point["t"], step=_STEP)
    phase = length * impl.forward(x0, z, point["t"])[:, 0]
    gaps = float(weights @ np.cos(phase) - cosine), float(weights @ np.sin(phase) - sine)
    return max(abs(gap) / size for gap, size in zip(gaps, _sizes(point), strict=True))


def _sizes(point: Point) -> tuple[float, float]:
    """Of the cosine and the sine part: exp(-|u|^2/2), times the largest phase if that is small."""
    envelope = math.exp(-0.5 * float(point["frequency"]) ** 2)
    phase = math.exp(-float(point["t"])) * float(np.abs(_phases(point)).max())
    return max(envelope, _FLOOR), max(envelope * min(1.0, phase), _FLOOR)


def _noise(point: Point) -> float:
    # Rounding of the sums is absolute, that of a phase relative to its size, in the sine part too.
    phase = float(np.abs(_phases(point)).max())
    return (2e-15 + 2e-16 * phase) / min(_sizes(point)) + 1e-12


def _exact_error(point: Point) -> arb:
    """Product of the characteristic functions of exp(-t) X_0 and of the noise, against a mixture's.

    Each factor from its definition; that the variances add up to one is not put in.
    """
    phases = [arb(float(p)) for p in _phases(point)]
    u, t = arb(point["frequency"]), arb(point["t"])
    alpha = (-t).exp()
    beta2 = 1 - (-2 * t).exp()
    data = (-alpha * alpha * u * u / 2).exp()
    noise = (-beta2 * u * u / 2).exp()
    claimed = (-u * u / 2).exp()
    worst = arb(0)
    for k, size in enumerate(_sizes(point)):
        mean = sum(((alpha * p).sin() if k else (alpha * p).cos() for p in phases), arb(0))
        mean /= len(phases)
        worst = worst.max(abs(data * noise - claimed) * abs(mean) / size)
    return worst


def _draw(point: Point, rng: np.random.Generator, n: int) -> Array:
    """Cosine or sine of u.X_t, with X_t from the equation itself, a block at a time."""
    means, u = _problem(point)
    wave = np.cos if point["wave"] == "cos" else np.sin
    block = max(256, 1_000_000 // point["d"])
    parts = []
    for start in range(0, n, block):
        x0 = impl.sample_mixture(means, min(block, n - start), rng=rng)
        parts.append(wave(impl.simulate_ou(x0, point["t"], _STEPS, rng=rng) @ u))
    return np.concatenate(parts)


def _allowed(point: Point) -> tuple[float, float]:
    """The predicted mean, give or take what finite steps can do to it.

    The steps' mean factor falls short of exp(-t) by a share of at most t h^2 / 10, their variance
    exceeds 1 - exp(-2t) by at most exp(-2t) times twice that; |cos x - cos y| <= |x - y|, and
    1 - exp(-w) <= w for the excess w = |u|^2 / 2 times that of the variance.
    """
    means, u = _problem(point)
    t = float(point["t"])
    cosine, sine = theory.mixture_characteristic(u, theory.marginal_means(means, t))
    value = float(cosine if point["wave"] == "cos" else sine)
    share, length = t * (t / _STEPS) ** 2 / 10, float(point["frequency"])
    alpha = math.exp(-t)
    # E |u.X_0| <= |u| + largest |u.mu_i|.
    shift = share * alpha * (length + float(np.abs(_phases(point)).max()))
    shift += share * alpha**2 * length**2
    return value - shift, value + shift


def _residuals() -> dict[str, sympy.Expr]:
    """The linear equations of the first two moments, and the Fokker-Planck equation in R^d.

    dX = -X dt + sqrt(2) dW is linear, so X_t given X_0 is Gaussian; m' = -m and v' = 2 - 2v for its
    mean and variance (Ito), and a Gaussian is fixed by both.
    """
    t, y = sympy.symbols("t y", positive=True)
    mean, variance = sympy.exp(-t) * y, 1 - sympy.exp(-2 * t)
    residuals = {
        "mean: m' = -m": sympy.diff(mean, t) + mean,
        "mean: m(0) = x_0": mean.subs(t, 0) - y,
        "variance: v' = 2 - 2 v": sympy.diff(variance, t) - 2 + 2 * variance,
        "variance: v(0) = 0": variance.subs(t, 0),
        "a unit variance stays one: alpha^2 + beta^2 = 1": sympy.exp(-t) ** 2 + variance - 1,
    }
    for d in (1, 2):
        x = sympy.symbols(f"x1:{d + 1}", real=True)
        start = sympy.symbols(f"y1:{d + 1}", real=True)
        square = sum((a - sympy.exp(-t) * b) ** 2 for a, b in zip(x, start, strict=True))
        log_density = -square / (2 * variance) - sympy.Rational(d, 2) * sympy.log(variance)
        # d_t q = sum_i d_i (x_i q) + d_i^2 q, over q.
        drift = sum(1 + a * sympy.diff(log_density, a) for a in x)
        spread = sum(sympy.diff(log_density, a, 2) + sympy.diff(log_density, a) ** 2 for a in x)
        residuals[f"Fokker-Planck equation of the transition density, d={d}"] = (
            sympy.diff(log_density, t) - drift - spread
        )
    return residuals


def _simulation() -> MeanTest:
    return MeanTest(
        domain=_simulated,
        draw=_draw,
        allowed=_allowed,
        bounds=(-1.0, 1.0),
        effect=0.05,
        routes=(
            "theory: characteristic function of the mixture with means exp(-t) mu_i",
            "impl: the equation in steps, by the stochastic trapezoidal rule",
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-01",
        title="the OU process: its marginal, and that a mixture of unit Gaussians stays one",
        source=_SOURCE,
        statement=r"dX_t = -X_t dt + \sqrt2 dW_t \implies X_t = e^{-t} X_0 + \sqrt{1-e^{-2t}} Z_t;"
        r"\quad X_0 \sim \sum_i w_i \mathcal N(\mu_i^*, I) \implies"
        r" X_t \sim \sum_i w_i \mathcal N(e^{-t}\mu_i^*, I)",
        reading="the equality for X_t is one in law, at each t by itself; the weights are any"
        " multiples of 1/K, as means may repeat",
        evidence=(
            Symbolic(
                residuals=_residuals,
                routes=("SymPy: the printed mean and variance", "SymPy: the equation's moments"),
            ),
            dataclasses.replace(
                equality_search(
                    _mixtures,
                    error=_error,
                    exact_error=_exact_error,
                    noise=_noise,
                    routes=(
                        "theory: characteristic function of the mixture with means exp(-t) mu_i",
                        "impl: grid over data and noise",
                        "balls: product of the characteristic functions of data and noise",
                    ),
                ),
                effort=0.5,
            ),
            _simulation(),
        ),
        note="The law of u.X_t for all u fixes that of X_t (Cramer & Wold 1936). The law of X_t is"
        " linear in that of X_0, so that weights pass through; the text's own mixtures have equal"
        " ones. The unit variance is what makes it so simple: alpha^2 sigma^2 + beta^2 = 1 for all"
        " t only if sigma = 1.",
    ),
)
