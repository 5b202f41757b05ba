"""DTZ-2: the fixed points of population EM for two Gaussians."""

from __future__ import annotations

import numpy as np
from flint import acb, arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import tanh_jet
from lemmata.checks._compare import equality_slack
from lemmata.harness.balls import gaussian_mean
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, points, seeds, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_domain = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-8, 1e2),
        "condition": log_uniform(1.0, 1e6),
        "seed": seeds(),
    }
)
_sampled = points(
    {
        "d": sizes(1, 30),
        "mu_norm": log_uniform(1e-2, 1e2),
        "condition": log_uniform(1.0, 1e4),
        "start": st.sampled_from([1.0, 0.0, -1.0]),
        "seed": seeds(),
    }
)
_ORDER = 8
#: (E z^8)^(1/8) for a standard Gaussian: the eighth root of 7!!.
_GAUSSIAN_NORM = (7 * 5 * 3) ** (1 / _ORDER)


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


def _slack(point: Point) -> float:
    mu, covariance = _problem(point)
    errors = [
        np.linalg.norm(theory.em_map(start * mu, mu, covariance) - start * mu)
        for start in (-1.0, 0.0, 1.0)
    ]
    return equality_slack(float(max(errors) / np.linalg.norm(mu)))


def _exact(point: Point) -> arb:
    """M(mu, mu) = mu E[tanh s + tanh' s], s ~ N(q, q), q = mu^T Sigma^-1 mu; -mu by symmetry."""
    mu, covariance = _problem(point)
    column = arb_mat([[float(x)] for x in mu])
    q = (column.transpose() * arb_mat(covariance.tolist()).solve(column))[0, 0]

    def both(s: acb) -> acb:
        t, d1, _, _ = tanh_jet(s)
        return t + d1

    return equality_slack(abs(gaussian_mean(both, q, q, bound=2) - 1))


def _noise(point: Point) -> float:
    return float(1e-13 * point["condition"] + 1e-12)


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
    return direction, 2 * abs(float(mu @ direction)) + _GAUSSIAN_NORM * spread


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="DTZ-2",
        title="EM's fixed points: M(-mu, mu) = -mu, M(0, mu) = 0, M(mu, mu) = mu",
        source="Daskalakis, Tzamos & Zampetakis 2017, Section 2",
        statement=r"M(-\mu,\mu) = -\mu,\quad M(0,\mu) = 0,\quad M(\mu,\mu) = \mu"
        r"\quad\text{for every } \mu, \Sigma",
        evidence=(
            Search(domain=_domain, slack=_slack, exact=_exact, noise=_noise),
            MeanTest(
                domain=_sampled,
                draw=_draw,
                allowed=lambda _point: (0.0, 0.0),
                effect=0.02,
                moment=lambda _point: (float(_ORDER), 1.0),
            ),
        ),
        note="By (1.2) from data, with responsibilities from the densities, and by the"
        " one-dimensional form of (2) in closed form.",
    ),
)
