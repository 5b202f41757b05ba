"""
Measure the relative error of every public function of `lemmata.theory` against 50 digits.

`python tests/theory/scan_accuracy.py --write docs/accuracy.md` writes the table of the docs; with
`--balls 500` the moments are compared with python-flint's rigorous integration as well. Not
collected by pytest; `test_accuracy.py` runs `REGISTRY` on a few points.

To add a function: an `Entry` with its domain in words, a way to draw its arguments there, and its
definition in mpmath. A definition returns groups `(exact values, what the error is relative to)`;
the error of a group is the Euclidean norm of what is off, over that.
"""

from __future__ import annotations

import argparse
import inspect
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import mpmath as mp
import numpy as np

from lemmata import theory

DIGITS = 50
ALLOWED = 1e-13
FLOOR = 1e-300
"""Smaller values have lost digits to underflow: their error is relative to this."""

SIGNED = ("d3", "d4", "s_d3")
"""Moments whose integrands change sign on s > 0."""

Group = tuple[list[Any], Any]


# --- Expectations over s ~ N(m, v) from their definitions ---

RULE = mp.calculus.quadrature.GaussLegendre(mp.mp)

# f(s, tanh s, sech(s)^2) and whether it is odd, for each field of TanhMoments.
DEFINITIONS: dict[str, tuple[bool, Callable[[Any, Any, Any], Any]]] = {
    "tanh": (True, lambda _s, t, _d: t),
    "tanh_sq": (False, lambda _s, t, _d: t**2),
    "d1": (False, lambda _s, _t, d: d),
    "d2": (True, lambda _s, t, d: -2 * t * d),
    "d3": (False, lambda _s, _t, d: (4 - 6 * d) * d),
    "s_d1": (True, lambda s, _t, d: s * d),
    "s_d2": (False, lambda s, t, d: -2 * s * t * d),
    "s2_d1": (False, lambda s, _t, d: s**2 * d),
    "d4": (True, lambda _s, t, d: 8 * t * (3 * d - 1) * d),
    "s_d3": (True, lambda s, _t, d: s * (4 - 6 * d) * d),
}


def panels(m: Any, v: Any) -> list[Any]:
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


@lru_cache(maxsize=8)
def nodes(m: Any, v: Any, degree: int, bits: int) -> list[tuple[Any, ...]]:
    """Return s, tanh s, sech(s)^2 and the weights of odd and of even f on s > 0; m >= 0, v > 0.

    Gauss-Legendre of 3 * 2^(degree - 1) nodes on each panel: 5 is good for more than 20 digits.
    """
    norm = 1 / (mp.sqrt(v) * mp.sqrt(2 * mp.pi))
    out = []
    for a, b in pairwise(panels(m, v)):
        for s, weight in RULE.get_nodes(a, b, degree, bits):
            phi = norm * weight * mp.exp(-((s - m) ** 2) / (2 * v))
            # The density at s minus, or plus, that at -s.
            ratio = mp.expm1(-2 * m * s / v)
            decay = mp.exp(-2 * s)
            t = (1 - decay) / (1 + decay)
            out.append((s, t, 4 * decay / (1 + decay) ** 2, -phi * ratio, phi * (2 + ratio)))
    return out


def expect(
    odd: bool, f: Callable[[Any, Any, Any], Any], m: Any, v: Any, degree: int | None = None
) -> tuple[Any, Any]:
    """Return E f(s) and the size of what was summed, E|f(s)| over s folded onto s > 0."""
    m, v = mp.mpf(m), mp.mpf(v)
    if v == 0:
        value = f(m, mp.tanh(m), mp.sech(m) ** 2)
        return value, abs(value)
    degree = degree or (5 if mp.mp.dps <= DIGITS else 6)
    rule = nodes(abs(m), v, degree, mp.mp.prec)
    terms = [(o if odd else e) * f(s, t, d) for s, t, d, o, e in rule]
    total = mp.fsum(terms)
    return (-total if odd and m < 0 else total), mp.fsum(terms, absolute=True)


def mean(odd: bool, f: Callable[[Any, Any, Any], Any], m: Any, v: Any) -> Any:
    """Return E f(s)."""
    return expect(odd, f, m, v)[0]


def gaussian_expectations(m: float, v: float, degree: int | None = None) -> dict[str, Any]:
    """Return E f(s) by name, and E|f(s)|, folded, as "abs_d3" and so on."""
    out = {}
    with mp.workdps(DIGITS):
        for name, (odd, f) in DEFINITIONS.items():
            out[name], size = expect(odd, f, m, v, degree)
            if name in SIGNED:
                out[f"abs_{name}"] = size
    return out


# --- Vectors ---


def exact(array: Any) -> list[Any]:
    """Return the entries as numbers of 50 digits."""
    if isinstance(array, Fraction):
        return [mp.mpf(array.numerator) / array.denominator]
    return [mp.mpf(float(x)) for x in np.asarray(array).ravel()]


def norm(vector: Sequence[Any]) -> Any:
    """Return the Euclidean norm."""
    return mp.sqrt(mp.fsum(vector, squared=True))


def combination(*terms: tuple[Any, Sequence[Any]]) -> Group:
    """Return the sum of coefficients times vectors, with the sum of the sizes of its terms."""
    total = [mp.fsum(parts) for parts in zip(*([c * x for x in v] for c, v in terms), strict=True)]
    return total, mp.fsum(abs(c) * norm(v) for c, v in terms)


def along(odd: bool, f: Callable[[Any, Any, Any], Any], m: Any, v: Any) -> tuple[Any, Any]:
    """Return p, q with E[f(s) X] = p mu_star + q mu, s = mu.X, X ~ N(mu_star, I): no Stein.

    X is mu_star + mu (s - m) / v and what is orthogonal to mu, and independent of s.
    """
    p = mean(odd, f, m, v)
    if v == 0:
        return p, mp.mpf(0)
    return p, (mean(not odd, lambda s, t, d: s * f(s, t, d), m, v) - m * p) / v


def pair_of(mu: Any, mu_star: Any) -> tuple[list[Any], list[Any], Any, Any]:
    """Return both vectors with m = mu.mu_star and v = |mu|^2."""
    a, b = exact(mu), exact(mu_star)
    return a, b, mp.fdot(a, b), mp.fdot(a, a)


def ref_coefficients(m: Any, v: Any) -> tuple[Any, Any]:
    p, q = along(True, lambda s, t, d: t + v * t * d + s * d, m, v)
    if v == 0:
        return p, -1 * mp.tanh(m) ** 2 - 2 * m * mp.tanh(m) * mp.sech(m) ** 2
    return p, q - 1 - mean(False, lambda _s, _t, d: d, m, v)


def ref_descent(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    p, q = ref_coefficients(m, v)
    return [combination((p, b), (q, a))]


def ref_descent_coefficients(m: Any, v: Any) -> list[Group]:
    return [([x], abs(x)) for x in ref_coefficients(mp.mpf(float(m)), mp.mpf(float(v)))]


def ref_residual(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    p, q = along(True, lambda s, t, d: v * t * d + s * d, m, v)
    return [combination((p, b), (q - mean(False, lambda _s, _t, d: d, m, v), a))]


def ref_stein(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    p, q = along(True, lambda _s, t, d: -2 * v * t * d, m, v)
    return [combination((p, b), (q + mean(False, lambda _s, _t, d: d, m, v), a))]


def ref_field(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    return [combination((2 * m, b), (-2 * v, a))]


def ref_remainders(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    first = along(True, lambda s, t, _d: t - s + s**3 / 3, m, v)
    # E[f(s) (s mu - v X / 2)].
    p, q = along(True, lambda s, t, d: -2 * t * d + 2 * s, m, v)
    direct = mean(False, lambda s, t, d: s * (-2 * t * d + 2 * s), m, v)
    third = mean(True, lambda s, _t, d: s * (d - 1 + s**2), m, v)
    return [
        combination((first[0], b), (first[1], a)),
        combination((-v * p / 2, b), (direct - v * q / 2, a)),
        combination((third, b)),
    ]


def ref_noise_error(mu: Any, mu_star: Any) -> list[Group]:
    a, b, m, v = pair_of(mu, mu_star)
    p, q = ref_coefficients(m, v)
    return [combination((p - 2 * m, b), (q + 2 * v, a))]


def inverse_products(lam: Any, mu: Any, cov: Any) -> tuple[list[Any], list[Any], Any, Any]:
    """Return both vectors with m = lam' cov^-1 mu and v = lam' cov^-1 lam."""
    a, b = exact(lam), exact(mu)
    if cov is None:
        return a, b, mp.fdot(a, b), mp.fdot(a, a)
    with mp.workdps(2 * DIGITS):
        solved = list(mp.lu_solve(mp.matrix(np.asarray(cov).tolist()), mp.matrix(a)))
        return a, b, mp.fdot(solved, b), mp.fdot(solved, a)


def ref_em_map(lam: Any, mu: Any, cov: Any = None) -> list[Group]:
    a, b, m, v = inverse_products(lam, mu, cov)
    p, q = along(True, lambda _s, t, _d: t, m, v)
    return [combination((p, b), (q, a))]


def ref_em_contraction(lam: Any, mu: Any, cov: Any = None) -> list[Group]:
    _, _, m, v = inverse_products(lam, mu, cov)
    kappa = mp.exp(-(min(m, v) ** 2) / (2 * v))
    return [([kappa], kappa)]


def ref_em_slope(lam: Any, mu: Any, var: Any) -> list[Group]:
    lam, mu, var = (mp.mpf(float(x)) for x in (lam, mu, var))
    if lam == 0:
        value = 1 + mu**2 / var
    else:  # E[x^2 tanh'(lam x / var)] / var
        scale = var / lam**2
        value = scale * mean(False, lambda s, _t, d: s**2 * d, lam * mu / var, lam**2 / var)
    return [([value], value)]


def ref_em_residual_slope(mu: Any, mu_star: Any) -> list[Group]:
    a, xi = mp.mpf(float(mu)), mp.mpf(float(mu_star))
    m, v = a * xi, a * a
    terms = [
        mean(True, lambda s, _t, d: 2 * s * d, m, v),
        mean(True, lambda s, t, d: -2 * s * s * t * d, m, v),
        mean(True, lambda _s, t, d: 3 * v * t * d, m, v),
        mean(True, lambda s, _t, d: -v / 2 * s * (4 - 6 * d) * d, m, v),
    ]
    return [([mp.fsum(terms)], mp.fsum(terms, absolute=True))]


def ref_tanh_moments(m: Any, v: Any) -> list[Group]:
    exact_values = gaussian_expectations(float(m), float(v))
    return [
        ([exact_values[name]], abs(exact_values[f"abs_{name}" if name in SIGNED else name]))
        for name in DEFINITIONS
    ]


# --- Mixtures, the noising process ---


def posterior(x: Any, means: Any) -> tuple[list[Any], list[list[Any]], list[Any]]:
    """Return x, the means and the weights from the densities."""
    point, centres = exact(x), [exact(row) for row in np.asarray(means)]
    exponents = [
        -mp.fsum([a - b for a, b in zip(point, c, strict=True)], squared=True) / 2 for c in centres
    ]
    top = max(exponents)
    density = [mp.exp(e - top) for e in exponents]
    return point, centres, [p / mp.fsum(density) for p in density]


def ref_responsibilities(x: Any, means: Any) -> list[Group]:
    return [([w], w) for w in posterior(x, means)[2]]


def ref_mixture_score(x: Any, means: Any) -> list[Group]:
    point, centres, weights = posterior(x, means)
    return [combination(*zip(weights, centres, strict=True), (mp.mpf(-1), point))]


def ref_two_component_score(x: Any, mu: Any) -> list[Group]:
    point, centre = exact(x), exact(mu)
    value, _ = combination((mp.tanh(mp.fdot(point, centre)), centre), (mp.mpf(-1), point))
    return [(value, norm(centre) + norm(point))]


def ref_marginal_means(means: Any, t: Any) -> list[Group]:
    return [([x], abs(x)) for m in exact(means) for x in [mp.exp(-mp.mpf(float(t))) * m]]


def ref_characteristic(u: Any, means: Any) -> list[Group]:
    frequency = exact(u)
    phases = [mp.fdot(frequency, exact(row)) for row in np.asarray(means)]
    envelope = mp.exp(-mp.fdot(frequency, frequency) / 2)
    return [
        ([envelope * mp.fsum(map(f, phases)) / len(phases)], envelope) for f in (mp.cos, mp.sin)
    ]


def ref_score_gap(mu_star: Any, t: Any) -> list[Group]:
    star, d = exact(mu_star), np.shape(mu_star)[-1]
    decay = mp.exp(-2 * mp.mpf(float(t)))
    v = decay * mp.fdot(star, star)
    value = d * decay / (1 - decay) + v * mean(False, lambda _s, _t, d: d, v, v)
    return [([value], value)]


# --- Spikes, Taylor, power iteration ---


def ref_critical_spike(gamma: Any) -> list[Group]:
    value = mp.sqrt(mp.mpf(float(gamma)))
    return [([value], value)]


def ref_spiked_eigenvalue(spike: Any, gamma: Any, sigma2: Any) -> list[Group]:
    s, g, noise = (mp.mpf(float(x)) for x in (spike, gamma, sigma2))
    value = noise * ((1 + s) * (1 + g / s) if s**2 > g else (1 + mp.sqrt(g)) ** 2)
    return [([value], value)]


def ref_spiked_overlap(spike: Any, gamma: Any) -> list[Group]:
    s, g = mp.mpf(float(spike)), mp.mpf(float(gamma))
    value = (1 - g / s**2) / (1 + g / s) if s**2 > g else mp.mpf(0)
    return [([value], value)]


def ref_spiked_fluctuation(spike: Any, gamma: Any, sigma2: Any) -> list[Group]:
    s, g, noise = (mp.mpf(float(x)) for x in (spike, gamma, sigma2))
    value = 2 * noise**2 * (1 + s) ** 2 * (1 - g / s**2) if s**2 > g else mp.mpf(0)
    return [([value], value)]


def ref_small_noise_sine(spike: Any, n: Any, p: Any) -> list[Group]:
    s, m, d = (mp.mpf(float(x)) for x in (spike, n, p))
    leading, correction = (d - 1) / (s * (m - 2)), (m - d + 1) / (s * (m - 4))
    return [([leading], leading), ([correction], abs(correction))]


def ref_angle_growth(eigenvalues: Any, p: int) -> list[Group]:
    values = exact(eigenvalues)
    groups = []
    for i, a in enumerate(values):
        mixing = mp.fsum((a + b) / (a - b) ** 2 for j, b in enumerate(values) if j != i)
        value = (p - len(values)) / a + mixing
        groups.append(([value], value))
    return groups


def ref_noisy_spike(eigenvalue: Any, t: Any) -> list[Group]:
    value = mp.mpf(float(eigenvalue)) / mp.expm1(2 * mp.mpf(float(t)))
    return [([value], value)]


def ref_critical_noise(eigenvalue: Any, gamma: Any) -> list[Group]:
    value = mp.mpf(float(eigenvalue)) / mp.sqrt(mp.mpf(float(gamma)))
    return [([value], value)]


def ref_emergence_time(eigenvalue: Any, gamma: Any) -> list[Group]:
    value = mp.log1p(mp.mpf(float(eigenvalue)) / mp.sqrt(mp.mpf(float(gamma)))) / 2
    return [([value], value)]


def ref_power_contraction(eigenvalues: Any, rank: int) -> list[Group]:
    values = exact(eigenvalues)
    value = values[rank] / values[rank - 1]
    return [([value], value)]


def ref_power_tangent(eigenvalues: Any, start: Any, steps: int) -> list[Group]:
    values, x = exact(eigenvalues), exact(start)
    image = [v**steps * c for v, c in zip(values, x, strict=True)]
    value = norm(image[1:]) / abs(image[0])
    return [([value], value)]


def chain_overlaps(spikes: Any, gamma: Any) -> list[list[Any]]:
    """Return the limits of the squared overlaps, as they are printed, step by step."""
    g = mp.mpf(float(gamma))
    steps = [[mp.mpf(float(s)) for s in step] for step in np.asarray(spikes)]
    return [
        [(1 - g / s**2) / (1 + g / s) if s**2 > g else mp.mpf(0) for s in step] for step in steps
    ]


def minus_log(x: Any) -> Any:
    """Return -log x, infinite at zero."""
    return mp.inf if x == 0 else -mp.log(x)


def ref_chain_decay(spikes: Any, gamma: Any) -> list[Group]:
    kept = chain_overlaps(spikes, gamma)
    return [([d], d) for d in (mp.fsum(map(minus_log, row)) for row in zip(*kept, strict=True))]


def ref_chain_energy(spikes: Any, gamma: Any) -> list[Group]:
    kept = chain_overlaps(spikes, gamma)
    along = [mp.mpf(1)] * len(kept[0])
    for step, row in enumerate(reversed(kept)):
        # White noise first, which puts c into a direction; later steps lose c^2.
        off = [(1 - c) * (c * m if step else 1) for c, m in zip(row, along, strict=True)]
        along = [(c**2 if step else c) * m for c, m in zip(row, along, strict=True)]
    values = [*along, mp.fsum(off)]
    return [([minus_log(x)], max(abs(minus_log(x)), 1)) for x in values]


def chain_point(rng: np.random.Generator) -> tuple[Any, ...]:
    """Return falling spikes above the transition, (T, r), and gamma."""
    gamma = log_uniform(rng, -6, 6)
    steps, rank = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    ratios = 1 + 10.0 ** rng.uniform(-12, 6, (steps, rank))
    return -np.sort(-ratios * math.sqrt(gamma), axis=1), gamma


def ref_tanh_derivative(k: int, s: Any) -> list[Group]:
    point = mp.mpf(float(s))
    # tanh^(k) = P_k(tanh), P_{k+1} = P_k' (1 - u^2).
    p = [0, 1]
    for _ in range(k):
        slope = [i * c for i, c in enumerate(p)][1:]
        p = [
            (slope[i] if i < len(slope) else 0) - (slope[i - 2] if 2 <= i < len(slope) + 2 else 0)
            for i in range(len(slope) + 2)
        ]
    with mp.workdps(700):  # the tails of P_k(tanh s) cancel
        u = mp.tanh(point)
        value = mp.polyval(p[::-1], u)
    return [([value], abs(value) if k < 3 else max(abs(value), mp.sech(point) ** 2))]


def ref_tanh_taylor(terms: int) -> list[Group]:
    series = mp.taylor(mp.tanh, 0, 2 * terms)[1::2]
    return [([x], abs(x)) for x in series]


def ref_eigenvalues(mu_sq: Any, mu_star_sq: Any, eta: Any, coefficient: Any) -> list[Group]:
    v, w, step, k = (mp.mpf(float(x)) for x in (mu_sq, mu_star_sq, eta, coefficient))
    return [
        ([1 + step * (2 * w - k * v)], 1 + step * (2 * w + k * v)),
        ([1 - step * k * v], 1 + step * k * v),
    ]


def plane_parts(x: Any, y: Any, star: Any, eta: Any) -> tuple[Any, Any, Any]:
    """Return 1 + eta B, its size, and eta A |mu_star| / along."""
    v, m = x * x + y * y, x * star
    p, q = ref_coefficients(m, v)
    return 1 + eta * q, 1 + eta * abs(q), eta * p * star / x


def ref_plane_step(along: Any, across: Any, star: Any, eta: Any) -> list[Group]:
    x, y, star, eta = (mp.mpf(float(z)) for z in (along, across, star, eta))
    rest, size, pull = plane_parts(x, y, star, eta)
    return [
        ([x * (rest + pull)], abs(x) * (size + pull)),
        ([y * rest], abs(y) * size),
    ]


def ref_angle_fall(along: Any, across: Any, star: Any, eta: Any) -> list[Group]:
    x, y, star, eta = (mp.mpf(float(z)) for z in (along, across, star, eta))
    rest, size, pull = plane_parts(x, y, star, eta)
    # The tangents after and before are as |y rest| / |x (rest + pull)| to |y| / |x|.
    before, after = abs(rest + pull), abs(rest)
    value = (before - after) / (before + after)
    # As a quotient of pull and 2 rest + pull, whose terms may cancel.
    return [([value], abs(value) * (2 * size + pull) / abs(2 * rest + pull))]


def ref_contraction_radius(star: Any, d: Any) -> list[Group]:
    w, n = mp.mpf(float(star)) ** 2, mp.mpf(float(d))
    a, b = 500 * n ** mp.mpf("1.5"), 20 * n * w
    value = mp.sqrt((-b + mp.sqrt(b * b + 4 * a * w)) / (2 * a))
    return [([value], value)]


# --- Domains ---

Rng = np.random.Generator


def log_uniform(rng: Rng, low: float, high: float) -> float:
    """Return 10^u, u uniform."""
    return float(10 ** rng.uniform(low, high))


def magnitude(rng: Rng) -> float:
    """Return a norm, 1e-12 to 1e3, one half of the time where tanh is neither 0 nor 1."""
    return log_uniform(rng, *((-12, 3) if rng.random() < 0.5 else (-1.5, 1.5)))


def dimension(rng: Rng, highest: float = 4.0) -> int:
    """Return a dimension, log-uniform from 1."""
    return round(log_uniform(rng, 0, highest))


def direction(rng: Rng, d: int) -> np.ndarray:
    """Return a unit vector."""
    x = rng.normal(size=d)
    return np.asarray(x / np.linalg.norm(x))


def pair(rng: Rng, positive: bool = False, highest: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """Return two vectors: norms, dimension and angle over their domains."""
    d = dimension(rng, highest)
    u = direction(rng, d)
    cosine = rng.choice([1.0, 0.5 / d, log_uniform(rng, -math.log10(2 * d), 0)])
    if not positive:
        cosine *= rng.choice([-1, 1])
    w = direction(rng, d)
    w -= (w @ u) * u
    w /= np.linalg.norm(w) or 1.0
    other = cosine * u + math.sqrt(1 - cosine**2) * w
    return magnitude(rng) * u, magnitude(rng) * other


def with_cov(rng: Rng, positive: bool = False) -> tuple[Any, ...]:
    """Return two vectors and, half of the time, a covariance of condition up to 1e6."""
    if rng.random() < 0.5:
        return (*pair(rng, positive), None)
    lam, mu = pair(rng, positive, 0.9)
    d = lam.size
    q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    cov = (q * 10 ** rng.uniform(-3, 3, d)) @ q.T
    cov = (cov + cov.T) / 2
    if positive and lam @ np.linalg.solve(cov, mu) <= 0:
        mu = -mu
    return lam, mu, cov


def mixture(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    """Return a point and means."""
    k = round(log_uniform(rng, 0, math.log10(50)))
    d = min(dimension(rng), 20000 // k)
    centre = magnitude(rng) * direction(rng, d) * rng.choice([0, 1])
    scale = magnitude(rng)
    means = np.stack([centre + scale * direction(rng, d) for _ in range(k)])
    if rng.random() < 0.3:  # means at distances of the order of one
        means = centre + rng.normal(size=(k, d))
    near = means[rng.integers(k)] if rng.random() < 0.5 else (means[0] + means[-1]) / 2
    return near + magnitude(rng) * direction(rng, d), means


def moments_point(rng: Rng) -> tuple[float, float]:
    """Return m and v: anywhere, or along the borders of the grids, down to underflow."""
    if rng.random() < 0.6:
        return rng.choice([-1, 1]) * magnitude(rng), magnitude(rng) ** 2
    sigma = log_uniform(rng, -1.5, 1.6)
    border = rng.choice([8 * sigma, 2 * sigma**2, 20 * sigma, 37 * sigma, 5 + sigma**2])
    return float(border * (1 + rng.choice([0, 1e-6, 0.1]) * rng.normal())), sigma**2


def spike_point(rng: Rng) -> tuple[float, float]:
    """Return a spike and gamma, one half of the time within 1e-15..1e-3 of the transition."""
    gamma = log_uniform(rng, -6, 6)
    near = 1 + rng.choice([-1, 1]) * log_uniform(rng, -15, -3)
    ratio = near if rng.random() < 0.5 else log_uniform(rng, -6, 6)
    return float(np.sqrt(gamma) * ratio), gamma


def plane_point(rng: Rng) -> tuple[float, float, float, float]:
    a, cosine = magnitude(rng), rng.choice([1.0, log_uniform(rng, -4.3, 0)])
    along = a * float(rng.choice([-1, 1]) * cosine)
    return along, a * math.sqrt(1 - cosine**2), magnitude(rng), log_uniform(rng, -6, 0.5)


def falling(rng: Rng) -> Any:
    """Return 2 to 50 falling eigenvalues, 1e-12..1e3, neighbours down to 1e-15 apart, distinct."""
    values = [log_uniform(rng, -6, 3)]
    for _ in range(int(rng.integers(1, 50))):
        apart = log_uniform(rng, -15, 0) if rng.random() < 0.5 else log_uniform(rng, -1, 1)
        smaller = values[-1] / (1 + apart)
        if smaller < 1e-12 or smaller == values[-1]:
            break
        values.append(smaller)
    return np.array(values if len(values) > 1 else [2.0, 1.0])


def iteration_point(rng: Rng) -> tuple[Any, Any, int]:
    values = falling(rng)
    start = np.array([magnitude(rng) for _ in values]) * rng.choice([-1.0, 1.0], values.size)
    return values, start, int(rng.integers(0, 200))


# --- The registry ---


@dataclass(frozen=True)
class Entry:
    """How a function is measured."""

    name: str
    domain: str
    relative_to: str
    draw: Callable[[Rng], tuple[Any, ...]]
    definition: Callable[..., list[Group]]
    edges: tuple[tuple[Any, ...], ...] = ()
    """Arguments that are always measured."""
    digits: int = DIGITS
    """Of the definition: more where it cancels."""

    def points(self, rng: Rng, count: int) -> Iterator[tuple[Any, ...]]:
        """Yield the edges and `count` drawn arguments."""
        yield from self.edges
        for _ in range(count):
            yield self.draw(rng)

    def error(self, arguments: tuple[Any, ...]) -> float:
        """Return the largest relative error of the groups."""
        # A dictionary in the last place holds what goes by keyword.
        named = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
        placed = arguments[: len(arguments) - bool(named)]
        result = getattr(theory, self.name)(*placed, **named)
        if isinstance(result, theory.TanhMoments):
            result = tuple(getattr(result, name) for name in DEFINITIONS)
        parts = result if isinstance(result, tuple) else (result,)
        with mp.workdps(self.digits):
            groups = self.definition(*arguments)
            got = [x for part in parts for x in exact(part)]
            worst = 0.0
            position = 0
            for values, scale in groups:
                part = got[position : position + len(values)]
                position += len(values)
                off = norm([a - b for a, b in zip(part, values, strict=True)])
                worst = max(worst, float(off / max(scale, mp.mpf(FLOOR))))
            assert position == len(got), f"{self.name} returned {len(got)} numbers"
            return worst


_PAIR = "d 1..10^4; norms 1e-12..1e3; cos theta ±1, ±1/(2d), between"
_TERMS = "the sum of the norms of its two terms"
_ITSELF = "itself"
_NUMBERS = "1e-12..1e3, both signs of m; along the borders of the grids, down to underflow"
_MIX = "d 1..10^4, K 1..50, K d <= 2 10^4; norms and distances 1e-12..1e3"
_COV = f"{_PAIR}; cov: none, or d <= 8 and condition <= 1e6"
_PLANE = "norms 1e-12..1e3; cos theta 5e-5..1, both signs; eta 1e-6..3"


def _signed(rng: Rng) -> float:
    return float(rng.choice([-1, 1])) * magnitude(rng)


def _slope_point(rng: Rng) -> tuple[float, float, float]:
    return _signed(rng), _signed(rng), log_uniform(rng, -2, 2)


# --- Linear denoisers ---


def numbers(*values: Any) -> list[Any]:
    """Return numbers of 50 digits."""
    return [mp.mpf(float(x)) for x in values]


def one(value: Any) -> list[Group]:
    """Return a group of one number, relative to itself."""
    return [([value], abs(value))]


def ref_wiener_gain(lam: Any, noise: Any, alpha: Any) -> list[Group]:
    x, s, a = numbers(lam, noise, alpha)
    return one(a * x / (a**2 * x + s))


def ref_wiener_error(lam: Any, noise: Any, rank: int) -> list[Group]:
    values, (s,) = numbers(*lam), numbers(noise)
    return one(mp.fsum(x * s / (x + s) if i < rank else x for i, x in enumerate(values)))


def ref_projection_excess(lam: Any, noise: Any, rank: int) -> list[Group]:
    values, (s,) = numbers(*lam), numbers(noise)
    terms = (s if i < rank else x for i, x in enumerate(values))
    return one(mp.fsum(terms) - mp.fsum(x * s / (x + s) for x in values))


def ref_clean_chain_log_gain(lam: Any, noise: Any, repeats: Any) -> list[Group]:
    x, s, count = numbers(lam, noise, repeats)
    return one(count * mp.log(x / (x + s)))


def ref_terminal_snr(steps: Any, scale: Any, power: Any, named: Any) -> list[Group]:
    t, c, q = numbers(steps, scale, power)
    if not named["preserving"]:
        return one(1 / (t * c / t**q))
    signal = (1 - c / t**q) ** t
    return one(signal / (1 - signal))


def ref_injected_variance(lam: Any, noise: Any, tau2: Any) -> list[Group]:
    x, s, added = numbers(lam, noise, tau2)
    return one(added / (1 - (x / (x + s)) ** 2))


def ref_reverse_variance(lam: Any, t_end: Any, named: Any) -> list[Group]:
    x, t = numbers(lam, t_end)
    v = 1 + (x - 1) * mp.exp(-2 * t)
    if not named["stochastic"]:
        return one(x / v)
    gain = mp.exp(-t) * x / v
    return one(x - gain**2 * (v - 1))


def ref_euler_variance(lam: Any, times: Any, named: Any) -> list[Group]:
    (x,), grid = numbers(lam), numbers(*times)
    variance = mp.mpf(1)
    for t, end in pairwise(grid):
        score = -1 / (1 + (x - 1) * mp.exp(-2 * t))
        h = t - end
        if named["stochastic"]:
            variance = (1 + h * (1 + 2 * score)) ** 2 * variance + 2 * h
        else:
            variance = (1 + h * (1 + score)) ** 2 * variance
    return one(variance)


def falling_spectrum(rng: Rng) -> tuple[Any, ...]:
    """Return a falling spectrum, a noise variance and a rank."""
    values = np.sort(10 ** rng.uniform(-12, 3, dimension(rng, 3)))[::-1]
    return values, magnitude(rng) ** 2, int(rng.integers(values.size + 1))


def schedule_point(rng: Rng) -> tuple[Any, ...]:
    """Return T, c, q with c / T^q below 0.9, and whether variance is preserved."""
    steps, power = float(round(log_uniform(rng, 0, 4))), float(rng.integers(13)) / 4
    # Not so much noise that the signal underflows, nor a power of T that costs digits.
    each = min(log_uniform(rng, -9, -0.05), 100 / steps)
    return steps, each * steps**power, power, {"preserving": bool(rng.random() < 0.5)}


def grid_point(rng: Rng) -> tuple[Any, ...]:
    """Return an eigenvalue, a falling grid of up to 64 steps, and the kind of process."""
    count = int(rng.integers(2, 65))
    t_end = log_uniform(rng, -4, 1.3)
    times = t_end * np.linspace(1, 0, count) ** rng.choice([1, 2, 3])
    return magnitude(rng) ** 2, times, {"stochastic": bool(rng.random() < 0.5)}


REGISTRY = sorted(
    (
        Entry(
            "angle_fall",
            _PLANE,
            "itself, times how much 2 (1 + eta B) + w cancels",
            plane_point,
            ref_angle_fall,
        ),
        Entry(
            "angle_growth",
            "r 2..50; eigenvalues 1e-12..1e3, neighbours down to 1e-15 apart; p r..10^6",
            "each entry, itself",
            lambda rng: ((values := falling(rng)), values.size + int(log_uniform(rng, 0, 6)) - 1),
            ref_angle_growth,
            (([3.0, 1.0], 2), ([1.0, 1.0 - 2.0**-53], 5)),
        ),
        Entry(
            "chain_decay",
            "T 1..5, r 1..4; gamma 1e-6..1e6; spikes over sqrt(gamma) 1 + 1e-12..1e6",
            "each, itself",
            chain_point,
            ref_chain_decay,
            (([[2.0, 1.5]], 2.0), ([[1e6]], 1.0)),
        ),
        Entry(
            "chain_energy",
            "T 1..5, r 1..4; gamma 1e-6..1e6; spikes over sqrt(gamma) 1 + 1e-12..1e6",
            "each, itself, at least one",
            chain_point,
            ref_chain_energy,
            (([[2.0, 1.5]], 2.0), ([[1e6]], 1.0)),
        ),
        Entry(
            "contraction_radius",
            "star 1e-12..1e3; d 1..10^4",
            _ITSELF,
            lambda rng: (magnitude(rng), float(dimension(rng))),
            ref_contraction_radius,
        ),
        Entry(
            "critical_noise",
            "eigenvalue 1e-12..1e12; gamma 1e-6..1e6",
            _ITSELF,
            lambda rng: (log_uniform(rng, -12, 12), log_uniform(rng, -6, 6)),
            ref_critical_noise,
            ((0.0, 1.0),),
        ),
        Entry(
            "critical_spike",
            "gamma 1e-6..1e6",
            _ITSELF,
            lambda rng: (log_uniform(rng, -6, 6),),
            ref_critical_spike,
        ),
        Entry(
            "clean_chain_log_gain",
            "eigenvalues, sigma2 1e-24..1e6; repeats 1..10^9",
            _ITSELF,
            lambda rng: (magnitude(rng) ** 2, magnitude(rng) ** 2, log_uniform(rng, 0, 9)),
            ref_clean_chain_log_gain,
        ),
        Entry("ddpm_descent", _PAIR, _TERMS, pair, ref_descent, (([0.0, 0.0], [1.0, 2.0]),)),
        Entry(
            "ddpm_descent_coefficients",
            f"m, sqrt(v): {_NUMBERS}",
            "each, itself",
            moments_point,
            ref_descent_coefficients,
            ((0.3, 0.0),),
        ),
        Entry(
            "em_contraction",
            f"{_COV}; <lam, mu> > 0",
            _ITSELF,
            lambda rng: with_cov(rng, True),
            ref_em_contraction,
        ),
        Entry("em_map", _COV, _TERMS, with_cov, ref_em_map),
        Entry("em_residual", _PAIR, _TERMS, pair, ref_residual),
        Entry(
            "em_residual_slope",
            "1e-12..1e3, all signs",
            "the sum of the sizes of its four terms",
            lambda rng: (_signed(rng), _signed(rng)),
            ref_em_residual_slope,
            ((0.0, 1.0), (37.0, 37.0)),
        ),
        Entry(
            "em_slope",
            "lam, mu: 0, 1e-12..1e3, all signs; var 1e-2..1e2",
            _ITSELF,
            _slope_point,
            ref_em_slope,
            ((0.0, 3.0, 2.0), (19.1, 19.3, 1.0), (0.1, 1.0, 1.0), (0.0999, 1.0, 1.0)),
        ),
        Entry(
            "emergence_time",
            "eigenvalue 1e-12..1e12; gamma 1e-6..1e6",
            _ITSELF,
            lambda rng: (log_uniform(rng, -12, 12), log_uniform(rng, -6, 6)),
            ref_emergence_time,
            ((0.0, 1.0),),
        ),
        Entry(
            "euler_variance",
            "eigenvalues 1e-24..1e6; 1 to 63 steps from t 1e-4..20",
            _ITSELF,
            grid_point,
            ref_euler_variance,
            (
                (1.0, [1.0, 0.5, 0.0], {"stochastic": False}),
                (0.0, [2.0, 1.0, 0.0], {"stochastic": True}),
            ),
        ),
        Entry(
            "injected_variance",
            "eigenvalues, sigma2, tau2 1e-24..1e6",
            _ITSELF,
            lambda rng: (magnitude(rng) ** 2, magnitude(rng) ** 2, magnitude(rng) ** 2),
            ref_injected_variance,
            digits=120,
        ),
        Entry("large_noise_error", _PAIR, _TERMS, pair, ref_noise_error, digits=120),
        Entry("large_noise_field", _PAIR, _TERMS, pair, ref_field),
        Entry(
            "marginal_means",
            "norms 1e-12..1e3; t 1e-4..20",
            "each entry, itself",
            lambda rng: (
                magnitude(rng) * direction(rng, dimension(rng, 3)),
                log_uniform(rng, -4, 1.3),
            ),
            ref_marginal_means,
        ),
        Entry(
            "mixture_characteristic",
            _MIX,
            "exp(-|u|^2 / 2)",
            mixture,
            ref_characteristic,
        ),
        Entry("mixture_score", _MIX, "sum_i w_i |mu_i| + |x|", mixture, ref_mixture_score),
        Entry(
            "noisy_spike",
            "eigenvalue 1e-12..1e12; t 1e-12..20",
            _ITSELF,
            lambda rng: (log_uniform(rng, -12, 12), log_uniform(rng, -12, 1.3)),
            ref_noisy_spike,
            ((0.0, 1.0), (1.0, 300.0)),
        ),
        Entry(
            "plane_step",
            _PLANE,
            "each, the sum of the sizes of its terms",
            plane_point,
            ref_plane_step,
        ),
        Entry(
            "power_contraction",
            "p 2..50; eigenvalues 1e-12..1e3, neighbours down to 1e-15 apart",
            _ITSELF,
            lambda rng: ((values := falling(rng)), int(rng.integers(1, values.size))),
            ref_power_contraction,
            (([1.0, 1.0, 0.0], 1), ([1.0, 1.0, 0.0], 2)),
        ),
        Entry(
            "power_tangent",
            "p 2..50; eigenvalues as above, entries of the start 1e-12..1e3; 0 to 200 steps",
            _ITSELF,
            iteration_point,
            ref_power_tangent,
            (([1.0, 0.0], [1.0, 3.0], 0), ([3.0, 1.0], [1.0, 3.0], 200)),
        ),
        Entry(
            "projection_excess",
            "d 1..10^3, all ranks; eigenvalues 1e-12..1e3, sigma2 1e-24..1e6",
            _ITSELF,
            falling_spectrum,
            ref_projection_excess,
            digits=120,
        ),
        Entry("responsibilities", _MIX, "each weight, itself", mixture, ref_responsibilities),
        Entry(
            "reverse_variance",
            "eigenvalues 1e-24..1e6; t_end 1e-4..20",
            _ITSELF,
            lambda rng: (
                magnitude(rng) ** 2,
                log_uniform(rng, -4, 1.3),
                {"stochastic": bool(rng.random() < 0.5)},
            ),
            ref_reverse_variance,
            digits=120,
        ),
        Entry(
            "score_gap",
            "d 1..10^4; |mu_star| 1e-12..1e3; t 1e-4..20",
            _ITSELF,
            lambda rng: (pair(rng)[0], log_uniform(rng, -4, 1.3)),
            ref_score_gap,
        ),
        Entry(
            "small_noise_sine",
            "spike 1e-6..1e12; n 5..10^9, p 1..10^9",
            "each, itself",
            lambda rng: (
                log_uniform(rng, -6, 12),
                round(log_uniform(rng, 0.7, 9)),
                round(log_uniform(rng, 0, 9)),
            ),
            ref_small_noise_sine,
            ((1.0, 5, 1), (1.0, 9, 10)),
        ),
        Entry(
            "spiked_eigenvalue",
            "gamma 1e-6..1e6; spike over sqrt(gamma) 1e-6..1e6, 1 ± 1e-15..1e-3",
            _ITSELF,
            lambda rng: (*spike_point(rng), log_uniform(rng, -6, 6)),
            ref_spiked_eigenvalue,
            ((1.0, 1.0, 1.0), (math.sqrt(2.0), 2.0, 1.0)),
        ),
        Entry(
            "spiked_fluctuation",
            "gamma 1e-6..1e6; spike over sqrt(gamma) 1e-6..1e6, 1 ± 1e-15..1e-3",
            _ITSELF,
            lambda rng: (*spike_point(rng), log_uniform(rng, -6, 6)),
            ref_spiked_fluctuation,
            ((1.0, 1.0, 1.0), (math.sqrt(2.0), 2.0, 1.0), (0.0, 1.0, 1.0)),
        ),
        Entry(
            "spiked_overlap",
            "gamma 1e-6..1e6; spike over sqrt(gamma) 1e-6..1e6, 1 ± 1e-15..1e-3",
            _ITSELF,
            spike_point,
            ref_spiked_overlap,
            ((1.0, 1.0), (math.sqrt(2.0), 2.0)),
        ),
        Entry("stein_second_moment", _PAIR, _TERMS, pair, ref_stein),
        Entry(
            "step_eigenvalues",
            "norms 1e-12..1e3, eta 1e-6..3, coefficient 2 or 3",
            "each, the sum of the sizes of its terms",
            lambda rng: (
                magnitude(rng) ** 2,
                magnitude(rng) ** 2,
                log_uniform(rng, -6, 0.5),
                rng.choice([2.0, 3.0]),
            ),
            ref_eigenvalues,
        ),
        Entry(
            "tanh_derivative",
            "k 0..5; s 1e-12..1e3, both signs",
            "itself; for k >= 3 at least sech(s)^2",
            lambda rng: (int(rng.integers(6)), _signed(rng)),
            ref_tanh_derivative,
        ),
        Entry(
            "tanh_moments",
            f"m, sqrt(v): {_NUMBERS}",
            "each field, itself; d3, d4, s_d3: E|f|, folded onto s > 0",
            moments_point,
            ref_tanh_moments,
            ((0.3, 0.0), (355.3, 1.7), (300.0, 150.0), (0.6584789484624084, 1e-20)),
        ),
        Entry(
            "tanh_taylor",
            "terms 1..30",
            "each coefficient, itself (it is exact)",
            lambda rng: (int(rng.integers(1, 31)),),
            ref_tanh_taylor,
        ),
        Entry(
            "taylor_remainders",
            _PAIR,
            "each, the sum of the norms of its terms",
            pair,
            ref_remainders,
            digits=120,
        ),
        Entry(
            "terminal_snr",
            "steps 1..10^4; power 0..3; scale / steps^power 1e-9..0.9",
            _ITSELF,
            schedule_point,
            ref_terminal_snr,
            ((2.0, 1.0, 1.0, {"preserving": True}), (7.0, 3.0, 0.0, {"preserving": False})),
            digits=120,
        ),
        Entry("two_component_score", _PAIR, "|x| + |mu|", pair, ref_two_component_score),
        Entry(
            "wiener_error",
            "d 1..10^3, all ranks; eigenvalues 1e-12..1e3, sigma2 1e-24..1e6",
            _ITSELF,
            falling_spectrum,
            ref_wiener_error,
        ),
        Entry(
            "wiener_gain",
            "eigenvalues, sigma2 1e-24..1e6; alpha 1e-9..1",
            _ITSELF,
            lambda rng: (magnitude(rng) ** 2, magnitude(rng) ** 2, log_uniform(rng, -9, 0)),
            ref_wiener_gain,
            ((0.0, 1.0, 1.0),),
        ),
    ),
    key=lambda entry: entry.name,
)


def public_functions() -> set[str]:
    """Return the names of the public functions of the room."""
    return {name for name in theory.__all__ if inspect.isfunction(getattr(theory, name))}


# --- The moments by ball arithmetic ---


def ball_reference(m: float, v: float, name: str) -> tuple[Any, Any]:
    """Return E f and a bound of E|f| by python-flint's rigorous integration."""
    from flint import acb, arb

    odd, _ = DEFINITIONS[name]
    integrands = {
        "tanh": lambda _s, u, _d: u,
        "tanh_sq": lambda _s, u, _d: u * u,
        "d1": lambda _s, _u, d: d,
        "d2": lambda _s, u, d: -2 * u * d,
        "d3": lambda _s, u, d: (6 * u * u - 2) * d,
        "s_d1": lambda s, _u, d: s * d,
        "s_d2": lambda s, u, d: -2 * s * u * d,
        "s2_d1": lambda s, _u, d: s * s * d,
        "d4": lambda _s, u, d: (16 - 24 * u * u) * u * d,
        "s_d3": lambda s, u, d: s * (6 * u * u - 2) * d,
    }
    mm, vv = arb(m), arb(v)
    unit = 1 / (2 * arb.pi() * vv).sqrt()

    def integrand(s: Any, _: bool) -> Any:
        # Both halves of the line on s >= 0: no cancellation for odd f.
        base = (-((s - mm) ** 2) / (2 * vv)).exp()
        ratio = -2 * mm * s / vv
        fold = -ratio.expm1() if odd else 1 + ratio.exp()
        return unit * base * fold * integrands[name](s, s.tanh(), s.sech() ** 2)

    # Where the mass is: the peak of exp(-2s) phi, and of phi.
    tilted = max(m - 2 * v, 0.0)
    width = v**0.5
    decay = 1 / max(2 - m / v, 1e-300) if m < 2 * v else width
    near = min(width, decay + 1)
    marks = {0.0}
    for centre, step in ((tilted, width), (m, width), (tilted, near), (0.0, min(1.0, width))):
        for k in (-40, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 40):
            if centre + k * step > 0:
                marks.add(centre + k * step)
    total, size = arb(0), arb(0)
    for a, b in pairwise(sorted(marks)):
        piece = acb.integral(
            integrand, acb(a), acb(b), rel_tol=arb(2) ** -150, abs_tol=arb(2) ** -1300
        ).real
        total += piece
        size += abs(piece)
    return total, size


def ball_error(m: float, v: float) -> float:
    """Return the largest relative error of the moments at a point, from enclosures."""
    from flint import arb, ctx

    ctx.prec = 256
    worst = 0.0
    got = theory.tanh_moments(m, v)
    for name, (odd, _) in DEFINITIONS.items():
        value, size = ball_reference(abs(m), v, name)
        scale = size if name in SIGNED else abs(value)
        if not scale > FLOOR:
            continue
        assert value.rad() < 1e-20 * scale, f"loose reference at m={m}, v={v}: {name}"
        sign = -1 if odd and m < 0 else 1
        error = abs(arb(float(getattr(got, name))) - sign * value) / scale
        worst = max(worst, float(error.upper()))
    return worst


# --- The table ---


def short(value: Any) -> str:
    """Return an argument in a few characters."""
    if value is None:
        return "none"
    if isinstance(value, dict):  # keyword arguments
        return ", ".join(f"{name}={entry}" for name, entry in value.items())
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.4g}"
    shape = "x".join(map(str, array.shape))
    return f"[{shape}: norm {np.linalg.norm(array):.3g}]"


def measure(entry: Entry, count: int, seed: int) -> tuple[float, tuple[Any, ...], int]:
    """Return the worst error, where, and the number of points."""
    points = list(entry.points(np.random.default_rng([seed, *entry.name.encode()]), count))
    errors = [entry.error(point) for point in points]
    worst = int(np.argmax(errors))
    return errors[worst], points[worst], len(points)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


HEADER = f"""# Accuracy

The relative error of every public function of `lemmata.theory` against its definition in {DIGITS}
digits (more where the definition cancels), by mpmath, at random points of the domain and at its
edges. At most 1e-13 is allowed, and the tests see to it on a few points. Arguments are taken as the
floats that they are. What underflows is compared with {FLOOR:g}.

`python tests/theory/scan_accuracy.py --write docs/accuracy.md` wrote this page.

| Function | Domain | Relative to | Points | Worst error | Where |
| --- | --- | --- | ---: | ---: | --- |
"""


def main() -> None:
    """Measure, say and, if asked, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--points", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--write", type=Path, default=None)
    parser.add_argument("--balls", type=int, default=0, help="points for the moments by flint")
    options = parser.parse_args()
    rows = []
    for entry in REGISTRY:
        if options.only is not None and entry.name not in options.only:
            continue
        start = time.perf_counter()
        error, where, count = measure(entry, options.points, options.seed)
        text = ", ".join(map(short, where))
        mark = "" if error <= ALLOWED else "  ABOVE"
        say(
            f"{entry.name:26s} {count:5d} {error:.2e} at {text}  "
            f"{time.perf_counter() - start:.1f}s{mark}"
        )
        words = (cell.replace("|", "\\|") for cell in (entry.domain, entry.relative_to))
        rows.append(f"| `{entry.name}` | {' | '.join(words)} | {count} | {error:.1e} | {text} |")
    note = ""
    if options.balls:
        rng = np.random.default_rng(options.seed)
        points = [moments_point(rng) for _ in range(options.balls)]
        errors = [ball_error(*point) for point in points]
        at = points[int(np.argmax(errors))]
        note = (
            f"\nAgainst rigorous integration by ball arithmetic, at {options.balls} points of the\n"
            f"same domain, `tanh_moments` is within {max(errors):.1e} (m = {at[0]:.4g}, "
            f"v = {at[1]:.4g}).\n"
        )
        say(note)
    if options.write is not None:
        options.write.write_text(HEADER + "\n".join(rows) + "\n" + note, encoding="utf-8")


if __name__ == "__main__":
    main()
