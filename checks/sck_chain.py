"""SCK-24: the chain of inequalities in the proof of Lemma C.5, line by line."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import sympy
from flint import arb
from hypothesis import strategies as st

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import equality_search
from lemmata.checks._field import PRINTED_K, Bound, printed_bound, sharp_bound
from lemmata.checks._plane import NORMS, ball_vectors, vectors
from lemmata.checks._turn import coordinates, turning_points
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"

_COINS = st.booleans()
_NEAR = log_uniform(0.1, 10.0)
_FROM_ONE = log_uniform(1.0, 100.0)
_ROOMS = log_uniform(1e-9, 0.9)
_TURNS = st.one_of(st.sampled_from([0.25, 0.5]), st.integers(0, 31).map(lambda k: k / 32))
_ERROR_SHARES = st.one_of(st.sampled_from([0.0, 1.0]), log_uniform(1e-6, 1.0))
_BALANCED = log_uniform(1e-4, 1e4)
_NO_ERROR = st.sampled_from([True, False, False, False])


class _Form(NamedTuple):
    """F = 2 mu* mu*^T mu - k |mu|^2 mu, and the bound on its distance from the gradient."""

    k: int
    bound: Bound


_PRINTED = _Form(PRINTED_K, printed_bound)
#: SCK-15r.
_REPAIRED = _Form(2, sharp_bound)


class _Numbers:
    """The quantities of the proof at a point, in floating point or in balls.

    `deviation` is the form's bound on |grad L + F|, of which `e` is a share.
    """

    def __init__(self, point: Point, number: Callable[[Any], Any], form: _Form) -> None:
        d, self.a, self.b, self.c, self.eta, self.epsilon, share = (
            number(point[n])
            for n in ("d", "mu_norm", "mu_star_norm", "cos_theta", "eta", "epsilon", "share")
        )
        half = number(0.5)
        a, b, eta = self.a, self.b, self.eta
        self.s = ((1 - self.c) * (1 + self.c)) ** half
        self.tangent = self.s / self.c
        self.deviation = form.bound(d, a, b)
        self.e = share * self.deviation
        self.first = 1 + eta * (2 * b**2 - form.k * a**2)
        self.second = 1 - form.k * eta * a**2
        # eta is in it, as it is in the numerator of kappa_2.
        self.x = eta * 2 * d * (self.deviation + self.epsilon) / a
        self.tilde_first = self.first - self.x

    def c1(self) -> Any:
        """The right-hand side of (C.1)."""
        error = self.eta * (self.e + self.epsilon)
        return (self.second * self.s * self.a + error) / (self.first * self.c * self.a - error)

    def line_1(self) -> Any:
        error = self.eta * (self.e + self.epsilon)
        return (self.second * self.s * self.a + error) / (self.c * self.a * self.tilde_first)

    def line_2(self) -> Any:
        return self.second / self.tilde_first * self.tangent + self.x / self.tilde_first

    def line_3(self) -> Any:
        weight = self.eta * self.b**2 / self.tilde_first
        one, other = self.kappas(1)
        return (1 - weight) * one + weight * other

    def kappas(self, eta_power: int) -> tuple[Any, Any]:
        """What the maximum is taken of; the second over |mu*|^2, or over eta |mu*|^2."""
        one = self.second / (self.tilde_first - self.eta * self.b**2) * self.tangent
        return one, self.x / (self.eta**eta_power * self.b**2)


class _Need(NamedTuple):
    """Conditions on the step: which denominator is positive, and whether sigma_2 >= 0 besides.

    `c1`: that of (C.1); `tilde`: sigma-tilde_1; `kappa`: sigma-tilde_1 - eta |mu*|^2.
    """

    positive: str
    small_step: bool = False
    form: _Form = _PRINTED


def _slope(point: Point, need: _Need) -> float:
    """The condition is 1 > eta slope. Not from sigma_1, in which small norms drown beside one."""
    n = _Numbers({**point, "eta": 1.0}, float, need.form)
    base = float(need.form.k * n.a**2 - 2 * n.b**2)
    if need.positive == "c1":
        return base + float((n.e + n.epsilon) / (n.a * n.c))
    return base + float(n.x + (n.b**2 if need.positive == "kappa" else 0))


@st.composite
def _chain_points(draw: st.DrawFn, need: _Need) -> dict[str, Any]:
    """A point with cos theta >= 1/(2d), a step, errors, and the conditions that `need` names."""
    point = draw(turning_points())
    # 1 / (2 d) may have been rounded down, out of the domain.
    point["cos_theta"] = max(abs(point["cos_theta"]), math.nextafter(1 / (2 * point["d"]), 1.0))
    a, b = point["mu_norm"], point["mu_star_norm"]
    point["epsilon"] = 0.0 if draw(_NO_ERROR) else min(draw(_BALANCED) * a * b * b, 1e2)
    point["share"] = draw(_ERROR_SHARES)
    point["error_turn"] = draw(_TURNS)
    if not need.small_step and draw(_COINS):
        _large_step(draw, point, need)
        return dict(point)
    room = 1 - draw(_ROOMS)
    slope = _slope(point, need)
    if slope > 0:
        point["eta"] = min(point["eta"], room / slope)
    if need.small_step:
        point["eta"] = min(point["eta"], room / (need.form.k * a * a))
    return dict(point)


def _large_step(draw: st.DrawFn, point: dict[str, Any], need: _Need) -> None:
    """A step with sigma_2 < 0 in most cases, and an error that takes a share of the denominator."""
    d = point["d"]
    if need.positive == "c1":
        a = point["mu_norm"]
        b = max(point["mu_star_norm"], min(2 * a, NORMS[1]))
    else:
        # Where the bound on the deviation is below half of |mu*|^2.
        a = min(point["mu_norm"], (80 * d) ** -0.5)
        b = min(max(3 * a, (2000 * d**1.5) ** 0.5 * a * a) * draw(_FROM_ONE), 1.0)
    point.update(mu_norm=a, mu_star_norm=b, share=0.0, epsilon=0.0, eta=draw(_NEAR) / a**2)
    floor = 1 - point["eta"] * _slope(point, need)
    if floor <= 0:
        point["eta"] = 0.1 / a**2
        return
    if draw(_COINS):
        point["error_turn"] = 0.25
    if need.positive == "c1" or draw(_COINS):
        # (1 - share) of the denominator is the error's, over cos theta or 1 / (2 d).
        most = a * (point["cos_theta"] if need.positive == "c1" else 1 / (2 * d))
        point["epsilon"] = (1 - draw(_ROOMS)) * floor / point["eta"] * most


def _share_of_both(left: Any, right: Any) -> Any:
    return (right - left) / (abs(left) + abs(right))


def _share_of_change(left: Any, right: Any, before: Any) -> Any:
    """Room under a bound, over the distances of both sides from what was before the step."""
    return (right - left) / (abs(left - before) + abs(right - before))


def _stepped_tangent(point: Point, form: _Form) -> float:
    """Tan theta' of mu + eta (F + error), from vectors."""
    mu, mu_star = vectors(point)
    n = _Numbers(point, float, form)
    new = impl.apply_step_matrix(mu, mu, mu_star, point["eta"], coefficient=float(form.k))
    error = point["eta"] * (n.e + n.epsilon)
    angle = 2 * math.pi * point["error_turn"]
    along = float(new[0]) + error * math.cos(angle)
    across = float(new[1]) + error * math.sin(angle)
    return float(across / along)


def _ball_stepped_tangent(point: Point, form: _Form) -> arb:
    n, turn = _Numbers(point, arb, form), 2 * arb(point["error_turn"])
    error = n.eta * (n.e + n.epsilon)
    # F along mu* and across it.
    along = n.a * n.c + n.eta * (2 * n.a * n.c * n.b**2 - form.k * n.a**3 * n.c)
    across = n.a * n.s - n.eta * form.k * n.a**3 * n.s
    return arb((across + error * turn.sin_pi()) / (along + error * turn.cos_pi()))


def _descended(point: Point) -> tuple[float, float, float]:
    """Coordinates of mu - eta grad L, exact gradient, and the size of the terms of either."""
    along, across, star, eta = coordinates(point)
    on_star, on_mu = theory.ddpm_descent_coefficients(along * star, along**2 + across**2)
    rest, pull = 1 + eta * float(on_mu), eta * float(on_star) * star
    size = point["mu_norm"] * (1 + eta * (abs(float(on_mu)) + min(point["mu_norm"], 1.0) ** 2))
    return along * rest + pull, across * rest, size + abs(pull)


def _ball_descended(point: Point) -> tuple[arb, arb]:
    a, b, cosine, sine = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    eta = arb(point["eta"])
    rest = 1 + eta * on_mu
    return a * cosine * rest + eta * on_star * b, a * sine * rest


_Side = Callable[[_Numbers], Any]


def _chain_noise(point: Point, change: float, form: _Form) -> float:
    """Rounding of a slack whose denominator is `change`; balls are cheap, so it may be generous."""
    n = _Numbers(point, float, form)
    error = n.eta * (n.e + n.epsilon)
    terms = 1 + n.eta * (2 * n.b**2 + 3 * n.a**2) + n.x
    floor = min(
        abs(n.first - error / (n.a * n.c)), abs(n.tilde_first), abs(n.tilde_first - n.eta * n.b**2)
    )
    across = (1 + 3 * n.eta * n.a**2) * n.tangent + error / (n.a * n.c) + n.x
    if floor == 0 or change == 0:
        return math.inf
    return float(1e-14 * terms / floor * (1 + across / floor / change) * (1 + 1 / n.c))


def _chain(
    need: _Need,
    left: _Side | None,
    right: _Side,
    *,
    words: tuple[str, str],
    of_change: bool = False,
) -> Search:
    """`left <= right`; where left is None, it is tan theta' of the step itself."""

    def scaled(lower: Any, upper: Any, numbers: _Numbers) -> Any:
        if of_change:
            return _share_of_change(lower, upper, numbers.tangent)
        return _share_of_both(lower, upper)

    def sides(point: Point) -> tuple[float, float, _Numbers]:
        numbers = _Numbers(point, float, need.form)
        lower = _stepped_tangent(point, need.form) if left is None else left(numbers)
        return lower, right(numbers), numbers

    def exact(point: Point) -> arb:
        numbers = _Numbers(point, arb, need.form)
        lower = _ball_stepped_tangent(point, need.form) if left is None else left(numbers)
        return arb(scaled(lower, right(numbers), numbers))

    def noise(point: Point) -> float:
        try:
            lower, upper, numbers = sides(point)
        except ZeroDivisionError:
            return math.inf
        before = numbers.tangent
        change = abs(lower - before) + abs(upper - before) if of_change else abs(lower) + abs(upper)
        return _chain_noise(point, change, need.form)

    return Search(
        domain=_chain_points(need),
        slack=lambda point: float(scaled(*sides(point))),
        exact=exact,
        noise=noise,
        effort=0.4 if need.form is _REPAIRED else 0.8,
        clear=0.1,
        routes=(*words, "balls: both sides as printed"),
    )


_STEP_IN_WORDS = "impl: the angle of the moved vector, with an error in the plane"


def _step_below(need: _Need, right: _Side, words: str) -> Search:
    return _chain(need, None, right, words=(_STEP_IN_WORDS, words))


def _exact_step() -> Search:
    """The step along the exact gradient, with an error of norm epsilon, against the second line."""
    need = _Need("kappa", small_step=True, form=_REPAIRED)

    def tangent(point: Point) -> tuple[float, float]:
        along, across, size = _descended(point)
        angle, error = 2 * math.pi * point["error_turn"], point["eta"] * point["epsilon"]
        along, across = along + error * math.cos(angle), across + error * math.sin(angle)
        if along == 0 or across == 0:
            return math.inf, math.inf
        return across / along, 1e-12 * (size + error) * (1 / abs(along) + 1 / abs(across))

    def slack(point: Point) -> float:
        return float(_share_of_both(tangent(point)[0], _Numbers(point, float, _REPAIRED).line_2()))

    def exact(point: Point) -> arb:
        along, across = _ball_descended(point)
        turn, error = 2 * arb(point["error_turn"]), arb(point["eta"]) * arb(point["epsilon"])
        left = (across + error * turn.sin_pi()) / (along + error * turn.cos_pi())
        return arb(_share_of_both(left, _Numbers(point, arb, _REPAIRED).line_2()))

    def noise(point: Point) -> float:
        right = _Numbers(point, float, _REPAIRED).line_2()
        return tangent(point)[1] + _chain_noise(point, abs(right), _REPAIRED)

    return Search(
        domain=_chain_points(need),
        slack=slack,
        exact=exact,
        noise=noise,
        effort=0.25,
        clear=0.1,
        routes=(
            "theory: a step along the exact gradient, with an error in the plane",
            "the second line of the chain, in floating point",
            "balls: Lemma C.2, and the line as displayed",
        ),
    )


@st.composite
def _erring_points(draw: st.DrawFn) -> dict[str, Any]:
    """A step with an error of at most epsilon, which is a share of <mu, mu*/|mu*|> / eta."""
    point = draw(turning_points())
    along = point["mu_norm"] * abs(point["cos_theta"])
    point["epsilon"] = draw(_NEAR) * 0.05 * along / point["eta"]
    point["share"] = draw(_ERROR_SHARES)
    point["error_turn"] = draw(_TURNS)
    return dict(point)


def _epsilon_equality() -> Search:
    """The second "=" of the display before (C.1)."""

    def sides(point: Point) -> tuple[float, float, float]:
        along, across, size = _descended(point)
        most = point["eta"] * point["epsilon"]
        error, angle = point["share"] * most, 2 * math.pi * point["error_turn"]
        below, other = along + error * math.cos(angle), along - most
        left, right = (across + error * math.sin(angle)) / below, (across + most) / other
        large = max(abs(left), abs(right))
        noise = (1 + abs(left)) / abs(below) + (1 + abs(right)) / abs(other)
        return left, right, 1e-12 * (size + most) * noise / large

    def error(point: Point) -> float:
        left, right, _ = sides(point)
        return abs(left - right) / max(abs(left), abs(right))

    def exact(point: Point) -> arb:
        along, across = _ball_descended(point)
        most, turn = arb(point["eta"]) * arb(point["epsilon"]), 2 * arb(point["error_turn"])
        error = arb(point["share"]) * most
        left = (across + error * turn.sin_pi()) / (along + error * turn.cos_pi())
        right = (across + most) / (along - most)
        return arb(abs(left - right) / abs(left).max(abs(right)))

    def noise(point: Point) -> float:
        try:
            return sides(point)[2]
        except ZeroDivisionError:
            return math.inf

    return equality_search(
        _erring_points(),
        error=error,
        exact_error=exact,
        noise=noise,
        routes=(
            "theory: a step along the exact gradient, with an error in the plane",
            "the same with eta epsilon above and below, as printed",
            "balls: both by Lemma C.2",
        ),
    )


def _split() -> Symbolic:
    def residuals() -> dict[str, sympy.Expr]:
        eta, b, second, tilde, x, tangent = sympy.symbols("eta b s2 s1 X T", positive=True)
        weight = eta * b**2 / tilde
        return {
            "first term": (1 - weight) * second / (tilde - eta * b**2) * tangent
            - second / tilde * tangent,
            "second term": weight * x / (eta * b**2) - x / tilde,
        }

    return Symbolic(residuals=residuals, routes=("SymPy: both lines as printed",))


def _last_kappas(eta_power: int) -> _Side:
    def largest(numbers: _Numbers) -> Any:
        one, other = numbers.kappas(eta_power)
        return one.max(other) if isinstance(one, arb) else max(one, other)

    return largest


_LINES = ("the third line of the chain, in floating point", "its last line, in floating point")
_SUM = (
    r"\frac{\sigma_2\langle\hat\mu_t^{*\perp},\mu_t\rangle + \eta\|\nabla L_t + F\| +"
    r" \eta\varepsilon}{\langle\hat\mu_t^*,\mu_t\rangle\tilde\sigma_1} \le"
    r" \frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1},\quad"
    r" X = 500\eta\sqrt{d^3}\|\mu_t\|^4 + 20d\eta\|\mu_t\|^2\|\mu_t^*\|^2 +"
    r" \eta\tilde\varepsilon"
)
_C1 = (
    r"\tan\theta' \le \frac{\sigma_2\langle\hat\mu_t^{*\perp},\mu_t\rangle + \eta\|\nabla L_t +"
    r" F\| + \eta\varepsilon}{\sigma_1\langle\hat\mu_t^*,\mu_t\rangle - \eta\|\nabla L_t + F\| -"
    r" \eta\varepsilon}"
)
_KAPPA_R = _Need("kappa", form=_REPAIRED)
_HYPOTHESIS = (
    "|cos theta| >= 1/(2d), cos theta > 0, tan theta' signed, |grad L + F| any number within the"
    " bound of Lemma C.3 (a hypothesis here: SCK-15 refutes it), and all errors in the plane"
)
_SUBSTITUTED = (
    r"\tan\theta' \le \frac{\sigma_2\langle\hat\mu_t^{*\perp},\mu_t\rangle +"
    r" \eta\|\nabla L_t + F\| + \eta\varepsilon}{\langle\hat\mu_t^*,\mu_t\rangle"
    r"\tilde\sigma_1}"
)
_FIRST_LINE = "the first line after (C.1), in floating point"
_PROOF = f"{_SOURCE}, proof of Lemma C.5"

CLAIMS = (
    Claim(
        id="SCK-24",
        title="Proof of Lemma C.5, last line: a convex combination is at most the maximum",
        source=_PROOF,
        statement=r"\Bigl(1 - \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}\Bigr)\frac{\sigma_2}"
        r"{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta + \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}"
        r"\frac X{\eta\|\mu_t^*\|^2} \le \max\Bigl(\frac{\sigma_2}{\tilde\sigma_1 -"
        r" \eta\|\mu_t^*\|^2}\tan\theta, \frac X{\|\mu_t^*\|^2}\Bigr)",
        reading="X = 500 eta sqrt(d^3) |mu|^4 + 20 d eta |mu|^2 |mu*|^2 + eta epsilon-tilde,"
        " epsilon-tilde = 2 d epsilon / |mu|; where the weights are in [0, 1], that is"
        " sigma-tilde_1 > eta |mu*|^2",
        evidence=(
            _chain(_Need("kappa"), _Numbers.line_3, _last_kappas(0), words=_LINES, of_change=True),
        ),
        note="The second of the two numbers is X / (eta |mu*|^2); the maximum has it without"
        " the 1 / eta, which is smaller for every eta < 1. The condition on the weights is not"
        " stated either.",
    ),
    Claim(
        id="SCK-24:epsilon",
        title="Proof of Lemma C.5, the second equality of the display before (C.1)",
        source=_PROOF,
        statement=r"\tan\theta' = \frac{\langle\hat\mu_t^{*\perp}, \mu_t - \eta\nabla L_t\rangle +"
        r" \eta\varepsilon}{\langle\hat\mu_t^*, \mu_t - \eta\nabla L_t\rangle -"
        r" \eta\varepsilon}",
        reading="F, which is added and taken away, left out; the empirical gradient differs from"
        " the population gradient by at most epsilon, in the plane; an equality, to the letter",
        evidence=(_epsilon_equality(),),
        needs=("SCK-09r",),
        note="No error within epsilon can be both epsilon across mu* and -epsilon along it, so it"
        " holds for epsilon = 0 and otherwise by coincidence only. It should be an inequality,"
        " which holds where the numerator is not negative and the denominator positive.",
    ),
    Claim(
        id="SCK-24:c1",
        title="Proof of Lemma C.5, the step to (C.1)",
        source=_PROOF,
        statement=_C1,
        reading="tan theta' signed, cos theta > 0, the denominator positive, |grad L + F| a number"
        " and the errors in the plane",
        evidence=(_step_below(_Need("c1"), _Numbers.c1, "(C.1) as printed"),),
        note="To enlarge a denominator's error is to enlarge a fraction only if the numerator is"
        " not negative. Where sigma_2 < 0, eta |mu|^2 > 1/3, it can be.",
    ),
    Claim(
        id="SCK-24:c1-small-step",
        title="Proof of Lemma C.5, the step to (C.1) for 3 eta |mu|^2 <= 1",
        source=_PROOF,
        statement=_C1,
        reading="as SCK-24:c1, with sigma_2 >= 0, which the proof needs",
        evidence=(_step_below(_Need("c1", small_step=True), _Numbers.c1, "(C.1) as printed"),),
    ),
    Claim(
        id="SCK-24:substitution",
        title="Proof of Lemma C.5, the first inequality after (C.1)",
        source=_PROOF,
        statement=_SUBSTITUTED,
        reading=f"sigma-tilde_1 > 0; {_HYPOTHESIS}",
        evidence=(_step_below(_Need("tilde"), _Numbers.line_1, _FIRST_LINE),),
        note="It inherits from (C.1) that the numerator must not be negative: to lower the"
        " denominator lowers a negative fraction. Where 3 eta |mu|^2 > 1, it can be negative.",
    ),
    Claim(
        id="SCK-24:substitution-small-step",
        title="Proof of Lemma C.5, the first inequality after (C.1) for 3 eta |mu|^2 <= 1",
        source=_PROOF,
        statement=_SUBSTITUTED,
        reading=f"as SCK-24:substitution, with sigma_2 >= 0: sigma-tilde_1 > 0; {_HYPOTHESIS}",
        evidence=(_step_below(_Need("tilde", small_step=True), _Numbers.line_1, _FIRST_LINE),),
    ),
    Claim(
        id="SCK-24:sum",
        title="Proof of Lemma C.5, the second inequality after (C.1)",
        source=_PROOF,
        statement=_SUM,
        reading="sigma-tilde_1 > 0, |cos theta| >= 1/(2d), and |grad L + F| within Lemma C.3; each"
        " side of the display before it read with the eta that it lacks",
        evidence=(
            _chain(
                _Need("tilde"),
                _Numbers.line_1,
                _Numbers.line_2,
                words=("its left side, in floating point", "its right side, in floating point"),
            ),
        ),
        note="Equal at |cos theta| = 1/(2d) where the error is as large as Lemma C.3 allows. For"
        " sigma-tilde_1 < 0 the sign turns around.",
    ),
    Claim(
        id="SCK-24:split",
        title="Proof of Lemma C.5, the third inequality after (C.1) is an equality",
        source=_PROOF,
        statement=r"\frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1} ="
        r" \Bigl(1 - \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}\Bigr)\frac{\sigma_2}"
        r"{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta + \frac{\eta\|\mu_t^*\|^2}{\tilde\sigma_1}"
        r"\frac X{\eta\|\mu_t^*\|^2}",
        evidence=(_split(),),
    ),
    Claim(
        id="SCK-24r",
        title="Proof of Lemma C.5 with the lost 1 / eta and the right F, from the step to its end",
        source=_PROOF,
        statement=r"\tilde\sigma_1 > \eta\|\mu_t^*\|^2 \implies \tan\theta' \le M,\ "
        r"\frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1} \le M =:"
        r" \max\Bigl(\frac{\sigma_2}{\tilde\sigma_1 - \eta\|\mu_t^*\|^2}\tan\theta,"
        r" \frac X{\eta\|\mu_t^*\|^2}\Bigr);\quad \text{if moreover } 2\eta\|\mu_t\|^2 \le 1,\ "
        r"\tan\theta' \le \frac{\sigma_2}{\tilde\sigma_1}\tan\theta + \frac X{\tilde\sigma_1}",
        reading="cos theta >= 1/(2d), tan theta' signed; F = 2 mu* mu*^T mu - 2 |mu|^2 mu, so"
        " sigma_1 = 1 + 2 eta (|mu*|^2 - |mu|^2), sigma_2 = 1 - 2 eta |mu|^2; |grad L + F| within"
        " SCK-15r's bound e, which holds of the population gradient, half that of (5);"
        " X = eta (2 d e / |mu| + epsilon-tilde), epsilon-tilde = 2 d epsilon / |mu|,"
        " sigma-tilde_1 = sigma_1 - X; the gradient's error of norm at most epsilon in the plane."
        " Tested for the exact gradient and for any deviation from F within e",
        repairs="SCK-24",
        evidence=(
            _chain(_KAPPA_R, _Numbers.line_3, _last_kappas(1), words=_LINES, of_change=True),
            _step_below(_KAPPA_R, _last_kappas(1), "the last line with its eta, in floating point"),
            _step_below(
                _Need("kappa", small_step=True, form=_REPAIRED),
                _Numbers.line_2,
                "the second line of the chain, in floating point",
            ),
            _exact_step(),
        ),
        needs=("SCK-09r", "SCK-15r"),
        note="The weights 1 - w, w = eta |mu*|^2 / sigma-tilde_1 lie in [0, 1] exactly if"
        " sigma-tilde_1 >= eta |mu*|^2 > 0. Where sigma_2 < 0 the step to (C.1) fails, and with it"
        " tan theta' <= the second line: but then its numerator is negative only if tan theta' is,"
        " and X is not, so the ends of the chain hold. The first end is SCK-21r.",
    ),
)
