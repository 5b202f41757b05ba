"""DTZ-2: the fixed points of EM for two Gaussians, in any dimension."""

from __future__ import annotations

import numpy as np
from flint import acb, arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import means_1d, tanh_jet
from lemmata.checks._compare import equality_search
from lemmata.checks._grid import HALF_WIDTH, ORDER, gaussian_norm, grid_step
from lemmata.harness.balls import gaussian_mean
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Daskalakis, Tzamos & Zampetakis 2017"

_domain = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-8, 1e2),
        "condition": log_uniform(1.0, 1e6),
        "seed": seeds(),
    }
)
_on_the_line = points({"separation": log_uniform(1e-8, 8.0), "deviation": log_uniform(1e-8, 1e8)})
_sampled = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-2, 1e2),
        "condition": log_uniform(1.0, 1e4),
        "start": st.sampled_from([1.0, 0.0, -1.0]),
        "seed": seeds(),
    }
)


def _problem(point: Point) -> tuple[Array, Array]:
    """mu and a covariance with eigenvalues from 1/condition to 1 in random directions."""
    d = point["d"]
    rng = np.random.default_rng(point["seed"])
    basis = np.linalg.qr(rng.standard_normal((d, d)))[0]
    spectrum = point["condition"] ** -rng.uniform(size=d)
    covariance = (basis * spectrum) @ basis.T
    direction = rng.standard_normal(d)
    mu = point["mu_norm"] * direction / np.linalg.norm(direction)
    return mu, (covariance + covariance.T) / 2


def _error(point: Point) -> float:
    mu, covariance = _problem(point)
    errors = [
        np.linalg.norm(theory.em_map(start * mu, mu, covariance) - start * mu)
        for start in (-1.0, 0.0, 1.0)
    ]
    return float(max(errors) / np.linalg.norm(mu))


def _exact_error(point: Point) -> arb:
    """M(mu, mu) = mu E[tanh s + tanh' s], s ~ N(q, q), q = mu^T Sigma^-1 mu; -mu by symmetry."""
    mu, covariance = _problem(point)
    column = arb_mat([[float(x)] for x in mu])
    q = (column.transpose() * arb_mat(covariance.tolist()).solve(column))[0, 0]

    def both(s: acb) -> acb:
        t, d1, _, _ = tanh_jet(s)
        return t + d1

    return abs(gaussian_mean(both, q, q, bound=2) - 1)


def _noise(point: Point) -> float:
    return float(1e-13 * point["condition"] + 1e-12)


def _error_on_grid(point: Point) -> float:
    """One EM step from densities on a grid, (1.2) as it stands, from each fixed point in turn."""
    deviation = float(point["deviation"])
    mu = np.array([[deviation * point["separation"]]])
    covariance = np.array([[deviation**2]])
    step = grid_step(point["separation"])
    x, weights = impl.mixture_grid(
        np.concatenate([mu, -mu]), cov=covariance, step=step, half_width=HALF_WIDTH
    )
    errors = []
    for start in (-1.0, 0.0, 1.0):
        means = np.concatenate([start * mu, -start * mu])
        moved = impl.em_step(x, means, cov=covariance, weights=weights)[0, 0]
        errors.append(abs(float(moved - start * mu[0, 0])))
    return max(errors) / float(mu[0, 0])


def _ball_error_on_grid(point: Point) -> arb:
    """(1.2) from lambda = mu in units of the deviation, where the belief is sigmoid(2 r y)."""
    r = arb(point["separation"])

    def shares(y: acb) -> tuple[acb, acb]:
        belief = 1 / (1 + (-2 * r * y).exp())
        return belief * y, belief

    top = bottom = arb(0)
    for centre in (r, -r):
        moment, mass = means_1d(shares, centre, scale=1, degree=1)
        top, bottom = top + moment, bottom + mass
    return abs(top / bottom - r) / r


def _draw(point: Point, rng: np.random.Generator, n: int) -> Array:
    """w(x) (x - M) along a direction: of mean zero exactly if M is the M-step from the start."""
    mu, covariance = _problem(point)
    start = point["start"] * mu
    x = impl.sample_mixture(np.stack([mu, -mu]), n, cov=covariance, rng=rng)
    belief = impl.em_responsibilities(x, np.stack([start, -start]), cov=covariance)[:, 0]
    direction, size = _direction(point)
    return np.asarray(belief * ((x - start) @ direction) / size)


def _direction(point: Point) -> tuple[Array, float]:
    """A unit vector, and a bound of the L_8 norm of w(x) (x - M) along it."""
    mu, covariance = _problem(point)
    rng = np.random.default_rng([point["seed"], 1])
    anywhere: Array = rng.standard_normal(int(point["d"]))
    chosen = mu if rng.uniform() < 0.5 else anywhere
    direction = np.asarray(chosen / np.linalg.norm(chosen))
    spread = float(np.sqrt(direction @ covariance @ direction))
    return direction, 2 * abs(float(mu @ direction)) + gaussian_norm(ORDER) * spread


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DTZ-2",
        title="EM's fixed points: M(-mu, mu) = -mu, M(0, mu) = 0, M(mu, mu) = mu",
        source=f"{_SOURCE}, Section 2",
        statement=r"M(-\mu,\mu) = -\mu,\quad M(0,\mu) = 0,\quad M(\mu,\mu) = \mu"
        r"\quad\text{for every } \mu, \Sigma",
        evidence=(
            equality_search(
                _domain,
                error=_error,
                exact_error=_exact_error,
                noise=_noise,
                routes=(
                    "theory: one-dimensional integrals",
                    "the fixed points themselves",
                    "balls: one integral, after whitening",
                ),
            ),
            equality_search(
                _on_the_line,
                error=_error_on_grid,
                exact_error=_ball_error_on_grid,
                routes=(
                    "impl: (1.2) from the densities on a grid",
                    "the fixed points themselves",
                    "balls: the ratio (1.2), with the belief as a sigmoid",
                ),
                # Rounding is relative to the deviation; the error is relative to mu.
                noise=lambda point: 1e-10 + 1e-14 / float(point["separation"]),
            ),
            MeanTest(
                domain=_sampled,
                draw=_draw,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(ORDER), 1.0),
                routes=("impl: (1.2) from the densities at samples", "the fixed points themselves"),
            ),
        ),
        note="By (1.2) as it stands, with responsibilities from the densities, on a grid and from"
        " data, and by the form (2) in closed form.",
    ),
)
