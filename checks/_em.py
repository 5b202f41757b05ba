"""Population EM for two Gaussians in coordinates where the covariance is one, in balls."""

from __future__ import annotations

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._balls import mean_1d
from lemmata.checks._grid import HALF_WIDTH, grid_step
from lemmata.harness.balls import gaussian_mean
from lemmata.harness.claim import Point

__all__ = [
    "FROM_DEFINITION",
    "across_factor",
    "along_factor",
    "em_map_ball",
    "em_slope_ball",
    "line_step",
    "problem",
]

Array = NDArray[np.float64]

#: Up to here, in deviations, a factor is computed from (2.1) as it stands; beyond, it is so small
#: that the difference of M and mu has too few digits.
FROM_DEFINITION = 3.0


def problem(point: Point) -> tuple[Array, Array, Array | None, Array]:
    """Estimate, mean, covariance and a matrix A with A A^T = covariance.

    The estimate and the mean are A times vectors of norms `lam_norm` and `mu_norm` at the angle of
    `cos_theta`, so that these are the Mahalanobis norms. The covariance has eigenvalues from
    1/condition to 1 in random directions, times the square of `deviation`; where the point names no
    condition it is None, the identity.
    """
    d, cosine = point["d"], point["cos_theta"]
    white_mu, white_lam = np.zeros(d), np.zeros(d)
    white_mu[0] = point["mu_norm"]
    white_lam[0] = point["lam_norm"] * cosine
    if d > 1:
        white_lam[1] = point["lam_norm"] * np.sqrt((1 - cosine) * (1 + cosine))
    if "condition" not in point:
        return white_lam, white_mu, None, np.eye(1)
    rng = np.random.default_rng(point["seed"])
    basis, other = (np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2))
    spectrum = point["condition"] ** -rng.uniform(size=d)
    root = float(point["deviation"]) * (basis * np.sqrt(spectrum)) @ other
    covariance = root @ root.T
    return root @ white_lam, root @ white_mu, (covariance + covariance.T) / 2, root


def line_step(lam: float, mu: float, deviation: float = 1.0) -> float:
    """One step of EM on the line: densities on a grid, (1.2) as it stands."""
    covariance = np.array([[deviation**2]])
    step = grid_step(max(abs(lam) / deviation, 1e-300))
    x, weights = impl.mixture_grid(
        np.array([[mu], [-mu]]), cov=covariance, step=step, half_width=HALF_WIDTH
    )
    moved = impl.em_step(x, np.array([[lam], [-lam]]), cov=covariance, weights=weights)
    return float(moved[0, 0])


def em_map_ball(lam: arb, mu: arb) -> arb:
    """M(lam, mu) in one dimension, (2.1) with unit variance."""
    return mean_1d(lambda x: (lam * x).tanh() * x, mu, scale=1, degree=1)


def em_slope_ball(lam: arb, mu: arb) -> arb:
    """Derivative of `em_map_ball` in lam, under the integral sign."""

    def integrand(x: acb) -> acb:
        square: acb = (x * (lam * x).sech()) ** 2
        return square

    return mean_1d(integrand, mu, scale=1, degree=2)


def along_factor(lam: arb, mu: arb) -> arb:
    """(M - mu) / (lam - mu) in one dimension, for lam, mu > 0; at lam = mu the derivative.

    M(mu, mu) = mu (DTZ-2), so that M - mu = E x (tanh(lam x) - tanh(mu x)) with x ~ N(mu, 1); the
    difference is sinh(x (lam - mu)) / (cosh(lam x) cosh(mu x)), and the integrand even. An even
    function has under N(c, 1) the mean exp(-c^2/2) E_0 cosh(c x) f(x), whatever c, which moves the
    integral from mu to where its mass is.
    """
    if lam == mu:
        if mu < FROM_DEFINITION:
            return em_slope_ball(lam, mu)
    elif lam < FROM_DEFINITION or mu < FROM_DEFINITION:
        return (em_map_ball(lam, mu) - mu) / (lam - mu)
    gap, centre = lam - mu, _centre(lam, mu)

    def integrand(x: acb) -> acb:
        if centre > 0:  # then -gap is lam + centre: an addition theorem, bounded on any ball
            ratio: acb = ((lam * x).tanh() + (centre * x).tanh()) / -gap
        else:
            ratio = (x if lam == mu else (gap * x).sinh() / gap) * (lam * x).sech()
        return x * ratio

    # abs(sinh(g x) / g) <= abs(x) cosh(g x), and cosh(g x) <= 2 cosh(lam x) cosh(c x).
    mean = mean_1d(integrand, centre, scale=2, degree=2)
    return _tilt(centre, mu) * mean


def across_factor(lam: arb, mu: arb) -> arb:
    """1 - E tanh(lam x), x ~ N(mu, 1): what EM leaves of an error across lam.

    `mu` is the component of the mean along lam, and `lam` the norm of the estimate.
    """
    if lam < FROM_DEFINITION or mu < FROM_DEFINITION:
        return gaussian_mean(lambda x: 2 / (1 + (2 * lam * x).exp()), mu, arb(1), bound=2)
    gap, centre = lam - mu, _centre(lam, mu)

    def integrand(x: acb) -> acb:
        if centre > 0:
            ratio: acb = 1 + (lam * x).tanh() * (centre * x).tanh()
        else:
            ratio = (gap * x).cosh() * (lam * x).sech()
        return ratio

    mean = gaussian_mean(integrand, centre, arb(1), bound=2)
    return _tilt(centre, mu) * mean


def _tilt(centre: arb, mu: arb) -> arb:
    """Factor by which moving an even function's mean from mu to the centre changes it."""
    factor: arb = ((centre - mu) * (centre + mu) / 2).exp()
    return factor


def _centre(lam: arb, mu: arb) -> arb:
    """Where the integrand of a factor has its mass."""
    return mu - 2 * lam if mu > 2 * lam else arb(0)
