"""SCK-26: Fact 5 for two components, the population EM update as one mean of tanh."""

from __future__ import annotations

import dataclasses

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import means_1d
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

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_POINTS = embedded_points()
_ON_THE_LINE = line_points()
_SAMPLED = sample_points()


def _error_26(point: Point) -> float:
    flat, _ = plane_means(point)
    x, weights = plane_grid(point)
    found = impl.em_step(x, np.stack([flat, -flat]), weights=weights)
    return _against(point, np.asarray(found, dtype=np.float64))


def _error_on_the_line(point: Point) -> float:
    """The same on a grid along mu, on which both components in turn are one-dimensional.

    The beliefs depend on the coordinate along mu alone.
    """
    a = float(point["mu_norm"])
    top, bottom = np.zeros((2, 2)), np.zeros((2, 1))
    for sign in (1, -1):
        y, weights, across = line_grid(point, sign)
        shares = weights[:, None] * impl.em_responsibilities(y[:, None], [[a], [-a]])
        mass = shares.sum(axis=0)
        top += np.stack([y @ shares, across * mass], axis=1)
        bottom += mass[:, None]
    return _against(point, (top / bottom)[:, : min(2, int(point["d"]))])


def _against(point: Point, found: Array) -> float:
    """How far the updates of both means, in the frame's coordinates, are from M and from -M."""
    mu, mu_star, frame = in_plane(point)
    predicted = np.asarray(theory.em_map(mu, mu_star), dtype=np.float64)
    errors = [
        off_plane(sign * predicted, frame, row) for sign, row in zip((1, -1), found, strict=True)
    ]
    return max(errors) / float(np.linalg.norm(predicted))


def _noise_26(point: Point) -> float:
    # The ratio cancels down from the size of X to that of the update, and a responsibility carries
    # the rounding of its exponent, |X -+ mu|^2 / 2, where it is not saturated.
    mu, mu_star, _ = in_plane(point)
    size = float(np.linalg.norm(theory.em_map(mu, mu_star)))
    return 1e-10 + 1e-15 * (1 + float(point["mu_star_norm"])) ** 3 / size


def _exact_error_26(point: Point) -> arb:
    """The ratios of Fact 5, with w_1 and w_2 from the densities, against the mean over one."""
    a, along, across = ball_plane(point)

    def with_tanh(y: acb) -> tuple[acb, acb]:
        tanh = (a * y).tanh()
        return tanh * y, tanh

    def with_belief(y: acb) -> tuple[acb, acb]:
        belief = 1 / (1 + (-2 * a * y).exp())
        return belief * y, belief

    lengthwise, crosswise = means_1d(with_tanh, along, scale=1, degree=1)
    printed = (lengthwise, across * crosswise)
    top = sideways = bottom = arb(0)
    for sign in (1, -1):
        moment, share = means_1d(with_belief, sign * along, scale=1, degree=1)
        top += moment
        sideways += sign * across * share
        bottom += share
    first = norm(top / bottom - printed[0], sideways / bottom - printed[1])
    # w_2 = 1 - w_1, and the means of X over the components add up to zero.
    rest = 2 - bottom
    second = norm(-top / rest + printed[0], -sideways / rest + printed[1])
    return first.max(second) / norm(*printed)


def _draw_26(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w_i(X) (X -+ M) along a direction: of mean zero exactly if +-M is E[w_i X] / E[w_i].

    Which of the two is the point's seed's choice.
    """
    mu, mu_star = vectors(point)
    row = int(np.random.default_rng([point["seed"], 1]).integers(2))
    moved = (1 - 2 * row) * np.asarray(theory.em_map(mu, mu_star), dtype=np.float64)
    direction = projection(point)
    # 0 <= w_i <= 1, and X is Gaussian about +-mu*.
    size = abs(float(moved @ direction)) + abs(float(mu_star @ direction)) + gaussian_norm(ORDER)
    block = max(256, 2_000_000 // int(point["d"]))
    parts = []
    for start in range(0, n, block):
        both, count = np.stack([mu_star, -mu_star]), min(block, n - start)
        x = np.asarray(impl.sample_mixture(both, count, rng=rng), dtype=np.float64)
        belief = impl.em_responsibilities(x, np.stack([mu, -mu]))[:, row]
        parts.append(np.asarray(belief * ((x - moved) @ direction) / size, dtype=np.float64))
    return np.concatenate(parts)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="SCK-26",
        title="the population EM update for two components",
        source="Shah, Chen & Klivans 2023, Fact 5",
        statement=r"\mu' = \mathbb E_{X\sim\mathcal N(\mu^*, I)}[\tanh(\mu^\top X) X]",
        reading="the estimates mu and -mu of the two means become mu' and -mu'",
        evidence=(
            dataclasses.replace(
                equality_search(
                    _POINTS,
                    error=_error_26,
                    exact_error=_exact_error_26,
                    noise=_noise_26,
                    routes=(
                        "theory: one-dimensional means, in R^d",
                        "impl: Fact 5's ratios on a grid over both components, in the plane",
                        "balls: Fact 5's ratios, on the line along mu",
                    ),
                ),
                effort=0.25,
            ),
            dataclasses.replace(
                equality_search(
                    _ON_THE_LINE,
                    error=_error_on_the_line,
                    exact_error=_exact_error_26,
                    noise=_noise_26,
                    routes=(
                        "theory: one-dimensional means, in R^d",
                        "impl: Fact 5's ratios on a grid along mu, responsibilities from densities",
                        "balls: Fact 5's ratios, on the line along mu",
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
