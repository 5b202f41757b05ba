"""Population quantities of the two-component model in ball arithmetic: the route that confirms."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb

from lemmata.harness.balls import enclosure, gaussian_mean, gaussian_means

__all__ = ["descent_coefficients", "mean_1d", "means_1d", "residual_coefficients", "tanh_jet"]


def tanh_jet(s: acb) -> tuple[acb, acb, acb, acb]:
    """Tanh and its first three derivatives."""
    t = s.tanh()
    q = 1 - t * t
    return t, q, -2 * t * q, q * (6 * t * t - 2)


def descent_coefficients(a: arb, b: arb, cosine: arb) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of the right-hand side of Lemma C.2.

    Stein's identity E[f(s) X] = mu* E f(s) + mu E f'(s) for X ~ N(mu*, I), s = mu.X, applied to
    f = tanh s - tanh''(s) |mu|^2 / 2 + tanh'(s) s.
    """
    variance = a * a

    def coefficients(s: acb) -> tuple[acb, acb]:
        t, t1, t2, t3 = tanh_jet(s)
        f_prime = t1 - t3 * variance / 2 + t2 * s + t1
        return t - t2 * variance / 2 + t1 * s, f_prime - t1 - 1

    return _pair(coefficients, a, b, cosine)


def residual_coefficients(a: arb, b: arb, cosine: arb) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of G(mu, mu*), the display before Lemma C.8."""
    variance = a * a

    def coefficients(s: acb) -> tuple[acb, acb]:
        _, t1, t2, t3 = tanh_jet(s)
        f_prime = t2 * s + t1 - t3 * variance / 2
        return t1 * s - t2 * variance / 2, f_prime - t1

    return _pair(coefficients, a, b, cosine)


def _pair(
    coefficients: Callable[[acb], tuple[acb, acb]], a: arb, b: arb, cosine: arb
) -> tuple[arb, arb]:
    mean, variance = a * b * cosine, a * a
    # abs(tanh), abs(s tanh'), abs(s tanh'') <= 1, abs(tanh'') <= 1, abs(tanh''') <= 2.
    bound = 4 + 2 * enclosure(variance)[1]
    return gaussian_means(coefficients, mean, variance, bound=bound)


def mean_1d(f: Callable[[acb], acb], mean: arb, *, scale: float, degree: int) -> arb:
    """E f(x), x ~ N(mean, 1), for abs(f(x)) <= scale (1 + abs(x))^degree."""
    return gaussian_mean(f, mean, arb(1), bound=_tail(mean, scale, degree), degree=degree)


def means_1d(
    f: Callable[[acb], tuple[acb, acb]], mean: arb, *, scale: float, degree: int
) -> tuple[arb, arb]:
    """The same of two functions at once, with the bound for each."""
    return gaussian_means(f, mean, arb(1), bound=_tail(mean, scale, degree), degree=degree)


def _tail(mean: arb, scale: float, degree: int) -> float:
    # For abs(z) >= 9: 1 + abs(mean + z) <= abs(z) (2 + abs(mean)).
    return scale * (2 + enclosure(abs(mean))[1]) ** degree
