"""SCK-12: the Taylor steps of tanh and its derivatives, with sharp remainders."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

import sympy
from flint import arb, arb_series, ctx

from lemmata import theory
from lemmata.checks._compare import bound_slack
from lemmata.harness.certified import Certified
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023, proof of Lemma C.3"

_arguments = log_uniform(1e-8, 1e2)
_with_constant = points({"s": _arguments, "constant": log_uniform(1.0, 1e12)})
_alone = points({"s": _arguments})


#: Power to coefficient; called when the claim runs, so that a check sees the kernel of that time.
_Polynomial = Callable[[], Mapping[int, Fraction]]


def _remainder(s: float, derivative: int, polynomial: Mapping[int, Fraction]) -> float:
    value = float(theory.tanh_derivative(derivative, s))
    return value - sum(float(c) * s**power for power, c in polynomial.items())


def _taylor(derivative: int, below: int) -> dict[int, Fraction]:
    """Exact Taylor polynomial of tanh^(derivative), powers under `below`."""
    odd = theory.tanh_taylor(4)
    terms = {2 * i + 1: c for i, c in enumerate(odd)}
    for _ in range(derivative):
        terms = {power - 1: c * power for power, c in terms.items() if power > 0}
    return {power: c for power, c in terms.items() if power < below}


def _ball_derivative(s: arb, derivative: int) -> arb:
    """tanh^(derivative)(s) from the power series of tanh at s."""
    before, ctx.cap = ctx.cap, derivative + 1
    try:
        # tanh = 1 - 2 / (e^(2s) + 1); the series type has no tanh of its own.
        series = 1 - 2 / ((2 * arb_series([s, 1])).exp() + 1)
        return series[derivative] * math.factorial(derivative)
    finally:
        ctx.cap = before


def _noise(s: float, constant: float, power: int) -> float:
    # The remainder is a difference of terms as large as s (or one); it is divided by C s^power.
    return float(1e-15 * max(1.0, s**power) / (constant * s**power))


def _search(
    derivative: int, power: int, polynomial: _Polynomial, constant: Callable[[Point], float]
) -> Search:
    """Hunt for abs(tanh^(k) - polynomial) > C s^power."""

    def exact(point: Point) -> arb:
        s = arb(point["s"])
        gap = _ball_derivative(s, derivative)
        for exponent, c in polynomial().items():
            gap -= arb(c.numerator) / c.denominator * s**exponent
        return bound_slack(abs(gap), arb(constant(point)) * s**power)

    def slack(point: Point) -> float:
        s = float(point["s"])
        gap = abs(_remainder(s, derivative, polynomial()))
        return bound_slack(gap, constant(point) * s**power)

    return Search(
        domain=_with_constant if constant is _proposed else _alone,
        slack=slack,
        exact=exact,
        noise=lambda point: _noise(point["s"], constant(point), power),
        routes=("theory: derivatives as polynomials in tanh", "balls: power series of exp"),
    )


def _proposed(point: Point) -> float:
    """The constant of an O that names none: whatever the point proposes."""
    return float(point["constant"])


def _coefficients(derivative: int, polynomial: _Polynomial, power: int) -> Symbolic:
    """The series of tanh^(k) has the printed coefficients below the order of the remainder."""

    def residuals() -> dict[str, sympy.Expr]:
        s = sympy.Symbol("s")
        series = sympy.series(sympy.diff(sympy.tanh(s), s, derivative), s, 0, power).removeO()
        return {
            f"coefficient of s^{k}": series.coeff(s, k)
            - sympy.Rational(*polynomial().get(k, Fraction(0)).as_integer_ratio())
            for k in range(power)
        }

    return Symbolic(residuals=residuals, routes=("SymPy: series of tanh", "theory: coefficients"))


def _fifth_derivative_bounded() -> Certified:
    """abs(tanh^(5)) <= its value at zero, everywhere."""
    w = sympy.Symbol("w")
    u = sympy.Symbol("u")
    polynomial = u
    for _ in range(5):  # d/ds p(tanh s) = p'(u) (1 - u^2)
        polynomial = sympy.expand(sympy.diff(polynomial, u) * (1 - u**2))
    at_zero = polynomial.subs(u, 0)
    in_w = sympy.Poly(sympy.expand(polynomial).subs(u, sympy.sqrt(w)), w)
    # Above: (p(0) - p(w)) / w >= 0, the zero at w = 0 divided out. Below: p(0) + p(w) >= 0.
    above = sympy.Poly(sympy.cancel((at_zero - in_w.as_expr()) / w), w).all_coeffs()
    below = sympy.Poly(at_zero + in_w.as_expr(), w).all_coeffs()

    def horner(coefficients: list[sympy.Rational], x: arb) -> arb:
        value = arb(0)
        for c in coefficients:
            value = value * x + int(c)
        return value

    return Certified(
        box={"w": (Fraction(0), Fraction(1))},
        routes=("SymPy: the fifth derivative as a polynomial in tanh^2", "balls: branch and bound"),
        slack=lambda ball: horner(above, ball["w"]).min(horner(below, ball["w"])),
        argument="Taylor's theorem with Lagrange's remainder: the remainder after the terms below"
        " the fifth derivative is tanh^(5)(xi) times a power of s over a factorial, and tanh^(5) is"
        " a polynomial p in w = tanh^2 in [0, 1] with abs(p(w)) <= p(0)",
    )


def _sharp(derivative: int) -> Fraction:
    """tanh^(5)(0) over a factorial: the remainder's coefficient at zero, so the least constant."""
    fifth = theory.tanh_taylor(3)[2] * math.factorial(5)
    return fifth / math.factorial(5 - derivative)


def _constants(derivative: int, power: int) -> Constants:
    """What the ratio comes to near zero, against the proven bound."""
    polynomial = _taylor(derivative, power)
    s = 2.0**-8
    gap = _remainder(s, derivative, polynomial)
    return {"remainder constant": (abs(gap) / s**power, float(_sharp(derivative)))}


_PRINTED = {
    0: {1: Fraction(1), 3: Fraction(-2, 3)},
    1: {0: Fraction(1), 2: Fraction(-1)},
    2: {1: Fraction(-2)},
}


def _holding(
    derivative: int, power: int, polynomial: _Polynomial
) -> tuple[Search, Symbolic, Certified]:
    """With the sharp constant, everywhere."""
    return (
        _search(derivative, power, polynomial, lambda _point: float(_sharp(derivative))),
        _coefficients(derivative, polynomial, power),
        _fifth_derivative_bounded(),
    )


CLAIMS = (
    Claim(
        id="SCK-12a",
        title="tanh s = s - (2/3) s^3 + O(s^5)",
        source=_SOURCE,
        statement=r"\tanh s = s - \tfrac23 s^3 + O(s^5)",
        reading="for some constant C, the remainder is at most C abs(s)^5 near zero; the search"
        " tries constants up to 10^12, the series rules out all",
        evidence=(
            _search(0, 5, lambda: _PRINTED[0], _proposed),
            _coefficients(0, lambda: _PRINTED[0], 5),
        ),
        note="The third-order coefficient of tanh is -1/3; -2 is its third derivative at zero, and"
        " 2/3 is that over 3 rather than 3!. The slip changes -3 |mu|^2 mu in Lemma C.3 (SCK-15).",
    ),
    Claim(
        id="SCK-12ar",
        title="tanh s = s - s^3/3 + R, abs(R) <= (2/15) abs(s)^5",
        source=_SOURCE,
        statement=r"|\tanh s - s + \tfrac13 s^3| \le \tfrac{2}{15}|s|^5 \text{ for all } s",
        repairs="SCK-12a",
        evidence=_holding(0, 5, lambda: _taylor(0, 5)),
        constants=lambda _outcomes: _constants(0, 5),
        note="Sharp: the ratio tends to 2/15 at zero.",
    ),
    Claim(
        id="SCK-12b",
        title="tanh' s = 1 - s^2 + O(s^4)",
        source=_SOURCE,
        statement=r"\tanh' s = 1 - s^2 + O(s^4)",
        reading="with the sharp constant: abs(remainder) <= (2/3) s^4 for all s",
        evidence=_holding(1, 4, lambda: _PRINTED[1]),
        constants=lambda _outcomes: _constants(1, 4),
    ),
    Claim(
        id="SCK-12c",
        title="tanh'' s = -2s + O(s^3)",
        source=_SOURCE,
        statement=r"\tanh'' s = -2s + O(s^3)",
        reading="with the sharp constant: abs(remainder) <= (8/3) abs(s)^3 for all s",
        evidence=_holding(2, 3, lambda: _PRINTED[2]),
        constants=lambda _outcomes: _constants(2, 3),
        note="The constant 8/3 exceeds the one that the text silently takes for the O.",
    ),
)
