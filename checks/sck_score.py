"""SCK-03 to SCK-05: the score of a Gaussian mixture and what its tanh stands for."""

from __future__ import annotations

import numpy as np
import sympy
from flint import arb, arb_series, ctx
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import equality_search
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"
_SLIDES = "Zhang 2024, The Large and Small Noise Regimes in Diffusion Models (slides), 'Derivation'"

_mixtures = points(
    {
        "d": sizes(1, 64),
        "k": sizes(1, 50),
        "spread": log_uniform(1e-8, 1e2),
        "reach": log_uniform(1e-8, 1e2),
        "t": log_uniform(1e-4, 20),
        "seed": seeds(),
    }
)
_pairs = points(
    {
        "d": sizes(1, 64),
        "mu_norm": log_uniform(1e-8, 1e2),
        "reach": log_uniform(1e-8, 1e2),
        "t": log_uniform(1e-4, 20),
        "seed": seeds(),
    }
)


def _mixture(point: Point) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(point["seed"])
    means = point["spread"] * rng.standard_normal((point["k"], point["d"]))
    return means, point["reach"] * rng.standard_normal(point["d"])


def _pair(point: Point) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """mu* and x."""
    rng = np.random.default_rng(point["seed"])
    direction = rng.standard_normal(point["d"])
    mu = point["mu_norm"] * direction / np.linalg.norm(direction)
    return mu, point["reach"] * rng.standard_normal(point["d"])


def _largest(x: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    return max(1.0, float(np.abs(x).max()), float(np.abs(means).max()))


def _score_noise(x: NDArray[np.float64], means: NDArray[np.float64]) -> float:
    # A responsibility carries the absolute error of its exponent, |x - mu|^2 / 2 times rounding.
    exponent = float(((x - means) ** 2).sum(axis=-1).max())
    return 1e-14 * (10 + exponent)


def _pair_noise(point: Point) -> float:
    mu, x = _pair(point)
    return _score_noise(x, _both_means(mu))


def _ball_score(x: NDArray[np.float64], means: list[list[arb]]) -> list[arb]:
    """Gradient of the log-density, by automatic differentiation in ball arithmetic.

    Starts from the density of N(mu_i, I) summed over i, as the text defines it, and knows nothing
    of responsibilities.
    """
    before, ctx.cap = ctx.cap, 2
    try:
        gradient = []
        exponents = [
            sum(((arb(xi) - m) ** 2 for xi, m in zip(x, mean, strict=True)), arb(0)) / -2
            for mean in means
        ]
        for j, xj in enumerate(x):
            density = arb_series([0])
            for mean, exponent in zip(means, exponents, strict=True):
                # exponent(x + h e_j) = exponent(x) - h (x_j - mu_j) + O(h^2)
                density = density + arb_series([exponent, mean[j] - arb(xj)]).exp()
            gradient.append(density.log()[1])
        return gradient
    finally:
        ctx.cap = before


def _ball_means(means: NDArray[np.float64], t: float) -> list[list[arb]]:
    shrink = (-arb(t)).exp()
    return [[shrink * arb(float(m)) for m in mean] for mean in means]


def _distance(left: list[arb], right: list[arb]) -> arb:
    largest = arb(0)
    for one, other in zip(left, right, strict=True):
        largest = largest.max(abs(one - other))
    return largest


def _lemma_4(x: NDArray[np.float64], means: list[list[arb]]) -> list[arb]:
    """Lemma 4 as printed, in balls."""
    weights = [
        (sum(((arb(xi) - m) ** 2 for xi, m in zip(x, mean, strict=True)), arb(0)) / -2).exp()
        for mean in means
    ]
    total = sum(weights, arb(0))
    return [
        sum((w * mean[j] for w, mean in zip(weights, means, strict=True)), arb(0)) / total - arb(xj)
        for j, xj in enumerate(map(float, x))
    ]


def _error_03(point: Point) -> float:
    means, x = _mixture(point)
    predicted = theory.mixture_score(x, theory.marginal_means(means, point["t"]))
    measured = impl.autograd_score(x, means, point["t"])
    return float(np.abs(predicted - measured).max()) / _largest(x, means)


def _exact_error_03(point: Point) -> arb:
    means, x = _mixture(point)
    moved = _ball_means(means, point["t"])
    return _distance(_lemma_4(x, moved), _ball_score(x, moved)) / _largest(x, means)


def _both_means(mu: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([mu, -mu])


def _error_04(point: Point) -> float:
    mu, x = _pair(point)
    moved = theory.marginal_means(mu[None, :], point["t"])[0]
    predicted = theory.two_component_score(x, moved)
    measured = impl.autograd_score(x, _both_means(mu), point["t"])
    return float(np.abs(predicted - measured).max()) / _largest(x, mu)


def _exact_error_04(point: Point) -> arb:
    mu, x = _pair(point)
    moved = _ball_means(_both_means(mu), point["t"])
    gate = sum((m * arb(xi) for m, xi in zip(moved[0], x, strict=True)), arb(0)).tanh()
    printed = [gate * m - arb(float(xi)) for m, xi in zip(moved[0], x, strict=True)]
    return _distance(printed, _ball_score(x, moved)) / _largest(x, mu)


def _residuals_04() -> dict[str, sympy.Expr]:
    """(A.1) and (A.2) for the number y = mu*.x; |x - mu|^2 - |x + mu|^2 = -4 y."""
    y = sympy.Symbol("y", real=True)
    ours, other = sympy.exp(y), sympy.exp(-y)
    belief = ours / (ours + other)
    sigmoid = 1 / (1 + sympy.exp(-2 * y))
    return {
        "(A.2): w_1 = sigmoid(2 mu*.x)": belief - sigmoid,
        "(A.1): w_1 mu* + w_2 (-mu*) = (2 w_1 - 1) mu*": belief
        - other / (ours + other)
        - (2 * belief - 1),
        "2 sigmoid(2y) - 1 = tanh y": (2 * sigmoid - 1 - sympy.tanh(y)).rewrite(sympy.exp),
    }


def _gate_error(point: Point, sign: int) -> float:
    mu, x = _pair(point)
    first, second = theory.responsibilities(x, _both_means(mu))
    gate = float(np.tanh(x @ mu))
    return abs(gate - float(first + sign * second))


def _ball_gate_error(point: Point, sign: int) -> arb:
    mu, x = _pair(point)
    means = _ball_means(_both_means(mu), 0.0)
    exponents = [
        sum(((arb(xi) - m) ** 2 for xi, m in zip(x, mean, strict=True)), arb(0)) / -2
        for mean in means
    ]
    first, second = exponents[0].exp(), exponents[1].exp()
    gate = sum((m * arb(xi) for m, xi in zip(means[0], x, strict=True)), arb(0)).tanh()
    return abs(gate - (first + sign * second) / (first + second))


def _gate_search(sign: int) -> Search:
    return equality_search(
        _pairs,
        error=lambda point: _gate_error(point, sign),
        exact_error=lambda point: _ball_gate_error(point, sign),
        noise=_pair_noise,
        routes=("NumPy's tanh", "theory: responsibilities", "balls: ratio of the densities"),
    )


def _gate_residuals(sign: int) -> dict[str, sympy.Expr]:
    y = sympy.Symbol("y", real=True)
    ours, other = sympy.exp(y), sympy.exp(-y)
    gate = (ours - other) / (ours + other)
    name = "w_1 + w_2" if sign > 0 else "w_1 - w_2"
    return {f"tanh(mu*.x) = {name}": gate - (ours + sign * other) / (ours + other)}


def _gate_proof(sign: int) -> Symbolic:
    return Symbolic(residuals=lambda: _gate_residuals(sign), routes=("SymPy, from the densities",))


CLAIMS = (
    Claim(
        id="SCK-03",
        title="score of the K-component mixture",
        source=f"{_SOURCE}, Lemma 4",
        statement=r"\nabla_x \ln q_t(x) = \sum_{i=1}^K w^*_{i,t}(x) \mu^*_{i,t} - x,\quad "
        r"w^*_{i,t}(x) = \frac{\exp(-\|x-\mu^*_{i,t}\|^2/2)}{\sum_j \exp(-\|x-\mu^*_{j,t}\|^2/2)}",
        reading="q is the equal-weight mixture of N(mu_i*, I), as in Eq. (6)",
        evidence=(
            equality_search(
                _mixtures,
                error=_error_03,
                exact_error=_exact_error_03,
                noise=lambda point: _score_noise(*reversed(_mixture(point))),
                routes=(
                    "theory: Lemma 4",
                    "impl: autograd of the log-density",
                    "balls: power series of the log-density",
                ),
            ),
        ),
        note="Lemma 4 against the gradient of the log-density, by autograd and, in ball arithmetic,"
        " by power series.",
    ),
    Claim(
        id="SCK-04",
        title="two components: the score is tanh(mu*.x) mu* - x",
        source=f"{_SOURCE}, Lemma 4, (A.1), (A.2)",
        statement=r"\nabla_x \log q_t(x) = \tanh(\mu_t^{*\top} x) \mu_t^* - x,\quad "
        r"w^*_{1,t}(x) = \sigma(2 \mu_t^{*\top} x)",
        reading="mu* in (A.1) and (A.2) stands for mu*_t",
        evidence=(
            Symbolic(residuals=_residuals_04, routes=("SymPy, from the densities",)),
            equality_search(
                _pairs,
                error=_error_04,
                exact_error=_exact_error_04,
                noise=_pair_noise,
                routes=(
                    "theory: tanh(mu*.x) mu* - x",
                    "impl: autograd of the log-density",
                    "balls: power series of the log-density",
                ),
            ),
        ),
        needs=("SCK-03",),
    ),
    Claim(
        id="SCK-05",
        title="tanh(mu*.x) is the sum of the two responsibilities",
        source=_SLIDES,
        statement=r"\tanh(\mu^{*\top} x) = w^*_{1,t}(x) + w^*_{2,t}(x)",
        evidence=(_gate_search(+1), _gate_proof(+1)),
        note="The two responsibilities sum to one at every x; tanh never reaches one.",
    ),
    Claim(
        id="SCK-05r",
        title="tanh(mu*.x) is the difference of the two responsibilities",
        source=_SLIDES,
        statement=r"\tanh(\mu^{*\top} x) = w^*_{1,t}(x) - w^*_{2,t}(x)",
        repairs="SCK-05",
        evidence=(_gate_search(-1), _gate_proof(-1)),
        note="It is the sum of the responsibilities weighted by the signs of the means.",
    ),
)
