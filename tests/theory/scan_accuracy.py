"""Measure the relative error of every field of `tanh_moments` against ball arithmetic.

Run ``python tests/theory/scan_accuracy.py --points 2000``; it is not collected by pytest. The
reference is python-flint's rigorous integration: the enclosures are checked to be narrow.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import pairwise

import numpy as np
from flint import acb, arb, ctx

from lemmata.theory._trapezoid import FIELDS, expectations

SMALLEST = 1e-300  # below this the result has lost digits to underflow

# f(s, u) with u = tanh s.
INTEGRANDS = {
    "tanh": lambda _, u: u,
    "tanh_sq": lambda _, u: u * u,
    "d1": lambda s, _: s.sech() ** 2,
    "d2": lambda s, u: -2 * u * s.sech() ** 2,
    "d3": lambda s, u: (6 * u * u - 2) * s.sech() ** 2,
    "s_d1": lambda s, _: s * s.sech() ** 2,
    "s_d2": lambda s, u: -2 * s * u * s.sech() ** 2,
}
ODD = {"tanh", "d2", "s_d1"}


def reference(m: float, v: float, name: str) -> tuple[arb, arb]:
    """Return E f and, for d3, a bound of E|f|, as balls of 50 digits and more."""
    mm, vv = arb(m), arb(v)
    norm = 1 / (2 * arb.pi() * vv).sqrt()
    sign = -1 if name in ODD else 1

    def integrand(s: acb, _: bool) -> acb:
        # Both halves of the line on s >= 0: no cancellation for odd f.
        base = (-((s - mm) ** 2) / (2 * vv)).exp()
        if name == "d1_zz":
            other = (-((s + mm) ** 2) / (2 * vv)).exp()
            return norm * s.sech() ** 2 / vv * (base * (s - mm) ** 2 + other * (s + mm) ** 2)
        ratio = -2 * mm * s / vv
        fold = -ratio.expm1() if sign < 0 else 1 + ratio.exp()
        return norm * base * fold * INTEGRANDS[name](s, s.tanh())

    # Where the mass is: the peak of exp(-2s) phi, and of phi.
    tilted = max(m - 2 * v, 0.0)
    width = v**0.5
    decay = 1 / max(2 - m / v, 1e-300) if m < 2 * v else width
    near = min(width, decay + 1)
    marks = {0.0}
    for centre, unit in ((tilted, width), (m, width), (tilted, near), (0.0, min(1.0, width))):
        for k in (-40, -16, -8, -4, -2, -1, 0, 1, 2, 4, 8, 16, 40):
            if centre + k * unit > 0:
                marks.add(centre + k * unit)
    points = sorted(marks)
    total, size = arb(0), arb(0)
    for a, b in pairwise(points):
        piece = acb.integral(
            integrand, acb(a), acb(b), rel_tol=arb(2) ** -150, abs_tol=arb(2) ** -1300
        ).real
        total += piece
        size += abs(piece)
    return total, size


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the worst relative error per field."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fields", nargs="*", default=list(FIELDS))
    parser.add_argument("--box", choices=["wide", "core", "tails"], default="wide")
    options = parser.parse_args()
    ctx.prec = 256
    rng = np.random.default_rng(options.seed)
    low = -12 if options.box == "wide" else -1.5
    m, sigma = 10 ** rng.uniform(low, 3, (2, options.points))
    if options.box == "tails":  # along the borders of the grids, and down to underflow
        sigma = 10 ** rng.uniform(-1.5, 1.6, options.points)
        border = np.stack([8 * sigma, 2 * sigma**2, 20 * sigma, 37 * sigma, 5 + sigma**2])
        m = border[rng.integers(len(border), size=sigma.size), np.arange(sigma.size)]
        m = np.abs(m * (1 + rng.choice([0, 1e-6, 0.1], sigma.size) * rng.normal(size=sigma.size)))
    v = sigma**2
    start = time.perf_counter()
    got = expectations(m, v)
    say(f"{(time.perf_counter() - start) / options.points * 1e6:.1f} us a point")
    for name in options.fields:
        row = got[FIELDS.index(name)]
        worst = []
        for i in range(options.points):
            exact, size = reference(float(m[i]), float(v[i]), name)
            if not abs(exact) > SMALLEST:
                continue
            scale = size if name == "d3" else abs(exact)
            if not exact.rad() < 1e-22 * scale:
                say(f"loose reference at m={m[i]}, v={v[i]}: {name} = {exact}")
                continue
            worst.append((float(abs(arb(float(row[i])) - exact) / scale), m[i], v[i]))
        worst.sort(reverse=True)
        points = "  ".join(f"{e:.2e} (m={a:.4g}, v={b:.4g})" for e, a, b in worst[:3])
        say(f"{name:8s} n={len(worst):5d} worst {points}")


if __name__ == "__main__":
    main()
