"""Ball arithmetic: the true value lies inside, and a sign is given only when it is certain."""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import flint
import mpmath as mp
import pytest
from flint import acb, arb

from lemmata.harness.balls import (
    PRECISIONS,
    enclosure,
    gaussian_mean,
    gaussian_means,
    norm,
    precision,
    settle,
    sign,
)

DIGITS = 50


def distance(ball, value):
    """How far `value` lies outside the ball (zero: inside), and the ball's radius."""
    with mp.workdps(DIGITS + 10), precision(300):
        middle = mp.mpf(ball.mid().str(90, radius=False))
        radius = mp.mpf(ball.rad().str(90, radius=False))
        return max(abs(middle - value) - radius, mp.mpf(0)), radius


@functools.cache
def mean_of_tanh(mean, variance):
    """E tanh(s), s ~ N(mean, variance), by its definition."""
    with mp.workdps(DIGITS + 10):
        m, deviation = mp.mpf(mean), mp.sqrt(mp.mpf(variance))

        def integrand(z):
            return mp.tanh(m + deviation * z) * mp.npdf(z)

        return mp.quad(integrand, mp.linspace(-16, 16, 33))


@pytest.mark.parametrize("bits", [64, 128, 200])
@pytest.mark.parametrize(
    ("mean", "variance"), [(0.0, 1.0), (0.375, 0.25), (2.0, 1.0), (-5.0, 9.0), (1e-8, 2.0**-40)]
)
def test_gaussian_mean_of_tanh(mean, variance, bits):
    reference = mean_of_tanh(mean, variance)
    with precision(bits):
        ball = gaussian_mean(lambda s: s.tanh(), arb(mean), arb(variance), bound=1)
    outside, radius = distance(ball, reference)
    # The reference itself is good to its digits.
    assert outside <= mp.mpf(10) ** -DIGITS
    assert radius < mp.mpf(2) ** (24 - bits)


@pytest.mark.parametrize(("mean", "variance"), [(0.5, 2.0), (-3.25, 0.0625), (1000.0, 100.0)])
def test_gaussian_mean_of_a_square(mean, variance):
    # At abs(z) >= 9: (m + z v^(1/2))^2 <= z^2 (abs(m)/9 + v^(1/2))^2.
    bound = (abs(mean) / 9 + math.sqrt(variance)) ** 2 * 1.001
    with precision(128):
        ball = gaussian_mean(lambda s: s * s, arb(mean), arb(variance), bound=bound, degree=2)
        exact = arb(mean) ** 2 + arb(variance)
        assert ball.contains(exact)
        assert ball.rad() < arb(2) ** -90 * exact


@pytest.mark.parametrize(("mean", "variance"), [(0.3, 1.0), (1.0, 1e-12), (2.0, 400.0)])
def test_gaussian_mean_of_a_cosine(mean, variance):
    # E cos(s) = cos(m) exp(-v / 2), however fast it turns.
    with precision(128):
        ball = gaussian_mean(lambda s: s.cos(), arb(mean), arb(variance), bound=1)
        assert ball.overlaps(arb(mean).cos() * (-arb(variance) / 2).exp())
        assert ball.rad() < arb(2) ** -90


def test_gaussian_mean_encloses_the_tails():
    # E z^8 = 105. Beyond the range of integration lies 1e-15 of it, a hundred times the rounding
    # at 64 bits: only the tail term, which `bound` scales, makes the enclosure one.
    with precision(64):
        enclosed, cut = (
            gaussian_mean(lambda s: s**8, arb(0), arb(1), bound=bound, degree=8) for bound in (1, 0)
        )
    assert enclosed.contains(105)
    assert not cut.contains(105)
    assert cut < 105
    assert enclosed.rad() < 1e-13


def test_gaussian_mean_of_a_point_mass_is_the_value():
    with precision(128):
        ball = gaussian_mean(lambda s: s.tanh(), arb(0.75), arb(0), bound=1)
        assert ball.overlaps(arb(0.75).tanh())
        assert ball.rad() < arb(2) ** -120


def test_gaussian_mean_gets_narrower_with_precision():
    radii = []
    for bits in PRECISIONS[:4]:
        with precision(bits):
            ball = gaussian_mean(lambda s: s.tanh(), arb(1), arb(2), bound=1)
            radii.append(float(ball.rad()))
    for bits, radius in zip(PRECISIONS, radii, strict=False):
        assert radius < 2.0 ** (24 - bits)


def test_gaussian_mean_of_uncertain_arguments_encloses_all_of_them():
    with precision(64):
        wide = gaussian_mean(lambda s: s.tanh(), arb(0.5, 0.01), arb(1, 0.01), bound=1)
    for mean, variance in [(0.49, 0.99), (0.51, 1.01), (0.5, 1.0)]:
        with precision(64):
            narrow = gaussian_mean(lambda s: s.tanh(), arb(mean), arb(variance), bound=1)
        assert wide.overlaps(narrow)


@pytest.mark.parametrize("bits", [64, 256])
@pytest.mark.parametrize(
    ("mean", "variance"), [(0.375, 0.25), (-5.0, 9.0), (1e-8, 2.0**-40), (0.5, 0.0)]
)
def test_two_means_at_once_are_the_two_means(mean, variance, bits):
    def first(s: acb) -> acb:
        return s.tanh()

    def second(s: acb) -> acb:
        return s * s - s

    bound = 1 + (abs(mean) / 9 + math.sqrt(variance)) ** 2 * 2
    with precision(bits):
        law = (arb(mean), arb(variance))
        pair = gaussian_means(lambda s: (first(s), second(s)), *law, bound=bound, degree=2)
        alone = [gaussian_mean(f, *law, bound=bound, degree=2) for f in (first, second)]
        largest = max(abs(float(ball.mid())) for ball in alone)
        for one, other in zip(pair, alone, strict=True):
            assert one.overlaps(other)
            assert one.rad() < arb(2) ** (28 - bits) * (largest + 1e-12)
    exact = arb(mean) ** 2 + arb(variance) - arb(mean)
    assert pair[1].overlaps(exact)


@pytest.mark.parametrize("variance", [arb(-1), arb(0, 1), arb("nan")])
def test_gaussian_mean_of_a_doubtful_variance_claims_nothing(variance):
    def f(s: acb) -> acb:
        return s.tanh()

    with precision(64):
        ball = gaussian_mean(f, arb(0.5), variance, bound=1)
    assert enclosure(ball) == (-math.inf, math.inf)


def test_precision_is_put_back():
    before = flint.ctx.prec
    with precision(777):
        assert flint.ctx.prec == 777
        with precision(99):
            assert flint.ctx.prec == 99
        assert flint.ctx.prec == 777
    assert flint.ctx.prec == before
    with pytest.raises(KeyError), precision(777):
        raise KeyError
    assert flint.ctx.prec == before


@pytest.mark.parametrize(
    ("ball", "expected"),
    [(arb(2, 1.5), 1), (arb(-2, 1.5), -1), (arb(0), 0), (arb("1e-1000"), 1), (arb("-1e-1000"), -1)],
)
def test_sign(ball, expected):
    assert sign(ball) == expected


@pytest.mark.parametrize("ball", [arb(1, 1.5), arb(0, 1e-300), arb("nan"), arb(0, math.inf)])
def test_sign_is_not_guessed(ball):
    with pytest.raises(ValueError, match="contains zero"):
        sign(ball)


@pytest.mark.parametrize(
    ("low", "high"),
    [(Fraction(1), Fraction(1)), (Fraction(1, 3), Fraction(2, 3)), (-2, Fraction(-1, 7))],
)
def test_enclosure_rounds_outwards(low, high):
    with precision(256):
        ends = [
            arb(flint.fmpq(end.numerator, end.denominator)) for end in map(Fraction, (low, high))
        ]
        ball = ends[0].union(ends[1])
    below, above = enclosure(ball)
    assert Fraction(below) < low
    assert Fraction(above) > high
    # A radius has thirty bits.
    assert above - below == pytest.approx(float(high - low), rel=1e-8, abs=1e-15)


def test_enclosure_rounds_outwards_where_floats_end():
    tiny, huge = arb(2) ** -2000, arb(2) ** 2000
    assert enclosure(tiny)[0] <= 0 < enclosure(tiny)[1]
    assert enclosure(-tiny)[0] < 0
    assert enclosure(huge) == (math.nextafter(math.inf, 0), math.inf)
    assert enclosure(-huge) == (-math.inf, -math.nextafter(math.inf, 0))
    for ball in (arb("nan"), arb(0, math.inf), arb("inf")):
        assert enclosure(ball) == (-math.inf, math.inf)


@pytest.mark.parametrize("direction", [1, -1])
def test_settle_raises_the_precision_as_far_as_needed(direction):
    seen = []

    def exact(point):
        seen.append(flint.ctx.prec)
        # A difference that only shows beyond 300 bits.
        return direction * arb(2) ** -300 + (arb(point["x"]).sqrt() ** 2 - point["x"])

    verdict, ball, bits = settle(exact, {"x": 3})
    assert verdict == direction
    assert sign(ball) == direction
    assert bits == 512
    assert seen == [64, 128, 256, 512]


def test_settle_knows_the_exact_zero():
    assert settle(lambda _point: arb(0), {})[::2] == (0, 64)


@pytest.mark.parametrize("ball", [arb(0, 1), arb("nan"), arb(0, math.inf)])
def test_settle_gives_up_at_the_last_precision(ball):
    verdict, last, bits = settle(lambda _point: ball, {})
    assert verdict is None
    assert bits == PRECISIONS[-1]
    assert not last.is_finite() or last.contains(0)


def test_settle_waits_for_a_narrow_ball():
    # The sign is clear at once, the value is not.
    def exact(_point):
        return arb(5, 1) if flint.ctx.prec < 256 else arb(5, 1e-9)

    assert settle(exact, {})[::2] == (1, 64)
    assert settle(exact, {}, width=1e-3)[::2] == (1, 256)
    # Never as narrow as asked, but the sign is certain.
    assert settle(exact, {}, width=1e-12)[::2] == (1, PRECISIONS[-1])


def test_norm():
    assert norm(arb(3), arb(-4)).contains(5)
    assert norm(arb(3), arb(-4)).rad() < 1e-12
    assert norm(arb(0)) == 0


def test_norm_of_balls_around_zero_is_finite_and_not_negative():
    ball = norm(arb(0, 1), arb(0, 1))
    assert ball.is_finite()
    for corner in (arb(0), arb(1), arb(2).sqrt()):
        assert ball.overlaps(corner)
    # A real root of what a ball around zero holds must not turn the enclosure into nothing.
    assert norm(arb(1e-30, 1), arb(0)).is_finite()
