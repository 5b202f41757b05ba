r"""
What population gradients and EM maps of two Gaussians are made of, at any dimension.

Everything is E[f(s) X] with X ~ N(mu_star, I) and s = mu.X, which Stein's lemma turns into
mu_star E f(s) + mu E f'(s) with s ~ N(m, v), m = mu.mu_star, v = |mu|^2: one quadrature in one
dimension and two vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ._trapezoid import FIELDS, expectations
from ._twofold import dot
from ._validate import FloatArray, Work, finish, vectors

__all__ = ["Law", "combine", "descent_coefficients", "pair", "products", "residual_coefficients"]


@dataclass(frozen=True, eq=False, slots=True)
class Law:
    """The mean and the variance of s, arrays of one shape, with what their roundings left out."""

    m: Work
    v: Work
    m_low: Work | None = None
    v_low: Work | None = None

    def moments(self) -> dict[str, Work]:
        """Return the expectations by name."""
        rows = expectations(self.m, self.v, self.m_low, self.v_low)
        return dict(zip(FIELDS, rows, strict=True))


def products(a: Work, b: Work, name: str, other: str) -> Law:
    """Return a.b and a.a, of the broadcast shape of both."""
    # To twice the working precision: tails are exponential in m and v, and a.b may cancel.
    m, m_low, v, v_low = np.broadcast_arrays(*dot(a, b), *dot(a, a))
    if not np.isfinite(v).all():
        raise ValueError(f"{name} must be small enough for float64: |{name}|^2 overflows")
    if not np.isfinite(m).all():
        raise ValueError(f"{name} and {other} must be small enough: their product overflows")
    return Law(m, v, m_low, v_low)


def pair(mu: ArrayLike, mu_star: ArrayLike) -> tuple[Work, Work, Law, np.dtype[np.generic]]:
    """Check two arrays of vectors and return them with the law of s."""
    (mean, star), dtype = vectors(mu=mu, mu_star=mu_star)
    return mean, star, products(mean, star, "mu", "mu_star"), dtype


def _v_d3(e: dict[str, Work], v: Work) -> Work:
    """Return v E tanh''' without cancellation where v is large."""
    return np.where(v < 1, v * e["d3"], e["d1_zz"] - e["d1"])


def residual_coefficients(e: dict[str, Work], v: Work) -> tuple[Work, Work]:
    """Return E f and E f' - E tanh' for f(s) = s tanh'(s) - v/2 tanh''(s)."""
    return e["s_d1"] - 0.5 * v * e["d2"], e["s_d2"] - 0.5 * _v_d3(e, v)


def descent_coefficients(law: Law) -> tuple[Work, Work]:
    """Return A and B of `ddpm_descent_coefficients`."""
    e = law.moments()
    a, b = residual_coefficients(e, law.v)
    return e["tanh"] + a, b - e["tanh_sq"]


def combine(a: Work, star: Work, b: Work, mean: Work, dtype: np.dtype[np.generic]) -> FloatArray:
    """Return a mu_star + b mu."""
    with np.errstate(all="ignore"):
        return finish(a[..., None] * star + b[..., None] * mean, dtype, "mu", "mu_star")
