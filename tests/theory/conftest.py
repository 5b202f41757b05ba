"""Slow, obvious references."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import mpmath as mp
import pytest

DIGITS = 50

# f(s, tanh s, sech(s)^2) of the definition, for each field of TanhMoments.
DEFINITIONS: dict[str, Callable[[mp.mpf, mp.mpf, mp.mpf], mp.mpf]] = {
    "tanh": lambda _s, t, _d: t,
    "tanh_sq": lambda _s, t, _d: t**2,
    "d1": lambda _s, _t, d: d,
    "d2": lambda _s, t, d: -2 * t * d,
    "d3": lambda _s, _t, d: (4 - 6 * d) * d,
    "s_d1": lambda s, _t, d: s * d,
    "s_d2": lambda s, t, d: -2 * s * t * d,
}
ODD = ("tanh", "d2", "s_d1")


RULE = mp.calculus.quadrature.GaussLegendre(mp.mp)


def panels(m: mp.mpf, v: mp.mpf) -> list[mp.mpf]:
    """Return ends of intervals of s >= 0 on which the integrands are tame."""
    sigma = mp.sqrt(v)
    # The mass is about m for bounded f, about m - 2v if f decays like exp(-2s), or about 0.
    points = {k * mp.mpf(s) for k in (0, 1, 2, 4, 7, 11, 16) for s in (1, sigma)}
    for centre in (m, m - 2 * v):
        points |= {centre + k * sigma for k in (-16, -11, -7, -4, -2, 0, 2, 4, 7, 11, 16)}
    points |= {mp.mpf(k) for k in (32, 64, 128, 256)}
    last = m + 16 * sigma
    low = max(m - 2 * v, 0) - 16 * sigma
    ends = [max(min(low, m - 16 * sigma), mp.mpf(0))]
    for p in sorted(points | {last}):
        if p <= last and p - ends[-1] > 0.9 * min(sigma, 1):  # no slivers
            ends.append(p)
    return ends


def one_rule(m: mp.mpf, v: mp.mpf, degree: int) -> dict[str, mp.mpf]:
    """Return the expectations by Gauss-Legendre of 3 * 2^(degree - 1) nodes on each panel."""
    sigma = mp.sqrt(v)
    norm = 1 / (sigma * mp.sqrt(2 * mp.pi))
    names = (*DEFINITIONS, "abs_d3")
    out = dict.fromkeys(names, mp.mpf(0))
    ends = panels(m, v)
    for a, b in pairwise(ends):
        for s, weight in RULE.get_nodes(a, b, degree, mp.mp.prec):
            phi = norm * weight * mp.exp(-((s - m) ** 2) / (2 * v))
            # The density at s minus, or plus, that at -s.
            ratio = mp.expm1(-2 * m * s / v)
            odd, even = -phi * ratio, phi * (2 + ratio)
            decay = mp.exp(-2 * s)
            t = (1 - decay) / (1 + decay)
            d = 4 * decay / (1 + decay) ** 2
            for name, f in DEFINITIONS.items():
                out[name] += (odd if name in ODD else even) * f(s, t, d)
            out["abs_d3"] += abs(even * (4 - 6 * d) * d)
    return out


def gaussian_expectations(m: float, v: float, degree: int = 5) -> dict[str, mp.mpf]:
    """Return E f(s), s ~ N(m, v), m >= 0, v > 0, and E|f(s)| for tanh''' as "abs_d3"."""
    with mp.workdps(DIGITS):
        return one_rule(mp.mpf(m), mp.mpf(v), degree)


@pytest.fixture(scope="session")
def expectations_50() -> Callable[..., dict[str, mp.mpf]]:
    """`gaussian_expectations`."""
    return gaussian_expectations
