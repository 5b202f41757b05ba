"""Population quantities of the two-component model in ball arithmetic: the route that confirms."""

from __future__ import annotations

from collections.abc import Callable

from flint import acb, arb

from lemmata.harness.balls import enclosure, gaussian_mean

__all__ = ["descent_coefficients", "mean_1d", "residual_coefficients", "tanh_jet"]


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

    def on_star(s: acb) -> acb:
        t, t1, t2, _ = tanh_jet(s)
        return t - t2 * variance / 2 + t1 * s

    def on_mu(s: acb) -> acb:
        _, t1, t2, t3 = tanh_jet(s)
        f_prime = t1 - t3 * variance / 2 + t2 * s + t1
        return f_prime - t1 - 1

    return _pair(on_star, on_mu, a, b, cosine)


def residual_coefficients(a: arb, b: arb, cosine: arb) -> tuple[arb, arb]:
    """Coefficients on mu* and mu of G(mu, mu*), the display before Lemma C.8."""
    variance = a * a

    def on_star(s: acb) -> acb:
        _, t1, t2, _ = tanh_jet(s)
        return t1 * s - t2 * variance / 2

    def on_mu(s: acb) -> acb:
        _, t1, t2, t3 = tanh_jet(s)
        f_prime = t2 * s + t1 - t3 * variance / 2
        return f_prime - t1

    return _pair(on_star, on_mu, a, b, cosine)


def _pair(
    on_star: Callable[[acb], acb], on_mu: Callable[[acb], acb], a: arb, b: arb, cosine: arb
) -> tuple[arb, arb]:
    mean, variance = a * b * cosine, a * a
    # abs(tanh), abs(s tanh'), abs(s tanh'') <= 1, abs(tanh'') <= 1, abs(tanh''') <= 2.
    bound = 4 + 2 * enclosure(variance)[1]
    return (
        gaussian_mean(on_star, mean, variance, bound=bound),
        gaussian_mean(on_mu, mean, variance, bound=bound),
    )


def mean_1d(f: Callable[[acb], acb], mean: arb, *, scale: float, degree: int) -> arb:
    """E f(x), x ~ N(mean, 1), for abs(f(x)) <= scale (1 + abs(x))^degree."""
    # For abs(z) >= 9: 1 + abs(mean + z) <= abs(z) (2 + abs(mean)).
    reach = 2 + enclosure(abs(mean))[1]
    return gaussian_mean(f, mean, arb(1), bound=scale * reach**degree, degree=degree)
