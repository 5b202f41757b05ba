"""Ball arithmetic: rigorous enclosures that settle what floating point only suggests."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

import flint
from flint import acb, arb

from lemmata.harness.claim import Point

__all__ = [
    "PRECISIONS",
    "enclosure",
    "gaussian_mean",
    "gaussian_means",
    "norm",
    "precision",
    "settle",
    "sign",
]

#: Bits at which a sign is sought, in turn.
PRECISIONS = (64, 128, 256, 512, 1024, 2048)

#: Bits from which on a ball around zero, half as many bits narrow, is taken for zero.
_ZERO_BITS = 512


@contextlib.contextmanager
def precision(bits: int) -> Iterator[None]:
    """Work at `bits` bits inside the block."""
    before = flint.ctx.prec
    flint.ctx.prec = bits
    try:
        yield
    finally:
        flint.ctx.prec = before


def sign(ball: arb) -> int:
    """Sign of a ball: -1, 0 for the exact zero, 1; ValueError where the ball straddles zero."""
    if ball < 0:
        return -1
    if ball > 0:
        return 1
    if ball == 0:
        return 0
    raise ValueError("the ball contains zero and other numbers")


def enclosure(ball: arb) -> tuple[float, float]:
    """Floats below and above a ball, rounded outwards."""
    if not ball.is_finite():
        return (-math.inf, math.inf)
    low = math.nextafter(float(ball.lower()), -math.inf)
    high = math.nextafter(float(ball.upper()), math.inf)
    return (low, high)


def settle(
    exact: Callable[[Point], arb], point: Point, *, width: float = math.inf, first: int = 0
) -> tuple[int | None, arb, int]:
    """Evaluate at rising precision until the sign is certain and the ball is narrow.

    Parameters
    ----------
    exact : callable
        Point to ball, at the current precision.
    point : Point
        Where.
    width : float
        Radius that the ball must not exceed, relative to one and to its middle.
    first : int
        Bits below which there is no use trying.

    Returns
    -------
    sign : int or None
        -1, 0 or 1; None where even the last precision leaves it open.
    ball : arb
        The enclosure.
    bits : int
        The precision that settled it.
    """
    for bits in (b for b in PRECISIONS if b >= min(first, PRECISIONS[-1])):
        with precision(bits):
            ball = exact(point)
            if not ball.rad() <= width * (1 + abs(float(ball.mid()))):
                continue
            with contextlib.suppress(ValueError):
                return sign(ball), ball, bits
            if bits >= _ZERO_BITS and ball.rad() < arb(2) ** (-bits // 2):
                return None, ball, bits  # zero to so many digits that more will not tell
    # Never as narrow as asked; the sign may be certain all the same.
    with contextlib.suppress(ValueError):
        return sign(ball), ball, bits
    return None, ball, bits


def norm(*coordinates: arb) -> arb:
    """Euclidean norm."""
    square = sum((x * x for x in coordinates), arb(0))
    # A ball around zero reaches below it, where there is no root.
    return square.nonnegative_part().sqrt()


def gaussian_mean(
    f: Callable[[acb], acb], mean: arb, variance: arb, *, bound: float, degree: int = 0
) -> arb:
    r"""Rigorous enclosure of :math:`E f(s)`, :math:`s \sim N(m, v)`.

    Parameters
    ----------
    f : callable
        Analytic near the real axis, real on it, acb to acb.
    mean, variance : arb
        :math:`m` and :math:`v \ge 0`; at :math:`v = 0` the value is :math:`f(m)`.
    bound : float
    degree : int
        :math:`|f(m + z \sqrt v)| \le \text{bound} \cdot |z|^{\text{degree}}` for all real
        :math:`|z| \ge 9`. This encloses the tails that the integral leaves out, so a bound that is
        too small makes the enclosure wrong. At most 8.

    Returns
    -------
    arb
        The enclosure, at the current precision.
    """
    value, tail = _gaussian_integral(f, mean, variance, bound, degree)
    return value.real + tail


def gaussian_means(
    f: Callable[[acb], tuple[acb, acb]],
    mean: arb,
    variance: arb,
    *,
    bound: float,
    degree: int = 0,
) -> tuple[arb, arb]:
    """Two means under one law, as `gaussian_mean`, of functions that share most of their work.

    Both are real on the real axis, so that one integral of f1 + i f2 has them as its parts. Its
    error is relative to the larger of the two. The bound holds for each.
    """
    unit = acb(0, 1)

    def both(s: acb) -> acb:
        first, second = f(s)
        return first + second * unit

    value, tail = _gaussian_integral(both, mean, variance, bound, degree)
    return value.real + tail, value.imag + tail


def _gaussian_integral(
    f: Callable[[acb], acb], mean: arb, variance: arb, bound: float, degree: int
) -> tuple[acb, arb]:
    """The integral up to where the tail is negligible, and a ball around zero for the tail."""
    if variance == 0:
        return f(acb(mean)), arb(0)
    deviation = variance.sqrt()
    # exp(-reach^2 / 2) < 2^-prec: the tail costs about one unit in the last place.
    reach = arb(max(9, math.ceil(math.sqrt(2 * math.log(2) * flint.ctx.prec))))
    scale = 1 / (2 * arb.pi()).sqrt()
    minus_half = arb(-1) / 2

    def integrand(z: acb, _analytic: bool) -> acb:
        return f(mean + deviation * z) * (z * z * minus_half).exp()

    body = acb.integral(integrand, acb(-reach), acb(reach)) * scale
    # By parts: the integral of z^k phi(z) over z > L is at most 2 L^(k-1) phi(L) if k - 1 <= L^2/2.
    tail = 4 * bound * reach ** (degree - 1) * (-reach * reach / 2).exp() * scale
    return body, arb(0, 1) * tail
