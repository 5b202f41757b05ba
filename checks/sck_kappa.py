"""SCK-20: kappa_1 < 1 and kappa_2 <= 1/poly(d), the two numbers of Lemma 9."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from flint import arb
from hypothesis import strategies as st

from lemmata import theory
from lemmata.checks._plane import NORMS, ball_vectors, plane_points
from lemmata.checks._turn import ETAS
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_SOURCE = "Shah, Chen & Klivans 2023"

# --- kappa_1 --------------------------------------------------------------------------------------


@st.composite
def _kappa_points(draw: st.DrawFn, *, small_step: bool) -> dict[str, Any]:
    """A point and a step size; with `small_step`, 3 eta |mu|^2 < 1, and |mu| near the border too.

    kappa_1 depends on d, |mu|, |mu*| and eta alone.
    """
    point = draw(plane_points(smallest_cosine=True))
    point["eta"] = draw(ETAS)
    # The border is about where the terms of |mu*|^2 balance.
    d, b = point["d"], point["mu_star_norm"]
    near = min((b * b / (500 * d**1.5)) ** 0.25, (20 * d) ** -0.5)
    if small_step:
        if draw(_COINS):
            point["mu_norm"] = near * draw(_NEAR)
        # As close to 1 / (3 |mu|^2) as rounding allows: kappa_1 changes its sign there.
        limit = (1 - 1e-9) / (3 * point["mu_norm"] ** 2)
        point["eta"] = min(point["eta"], limit * draw(_UP_TO_ONE))
    elif draw(_COINS):
        # Beyond the border, and a step that its terms turn by a share of one.
        a = point["mu_norm"] = near * draw(_BEYOND)
        terms = 3 * a * a + 500 * d**1.5 * a**4 + 20 * d * a * a * b * b
        point["eta"] = draw(_UP_TO_ONE) / terms
    return point


_COINS = st.booleans()
_NEAR = log_uniform(0.1, 10.0)
_BEYOND = log_uniform(2.0, 1e3)
_UP_TO_ONE = log_uniform(1e-3, 1.0)


def _ball_kappa_parts(point: Point) -> tuple[arb, arb]:
    """Numerator of the printed kappa_1 (no empirical error), and denominator minus numerator."""
    a, b, _, _ = ball_vectors(point)
    d, eta = arb(point["d"]), arb(point["eta"])
    return 1 - 3 * eta * a**2, eta * (b**2 - 500 * (d**3).sqrt() * a**4 - 20 * d * a**2 * b**2)


def _float_kappa_parts(point: Point) -> tuple[float, float]:
    d, a, b, eta = (float(point[n]) for n in ("d", "mu_norm", "mu_star_norm", "eta"))
    return 1 - 3 * eta * a**2, eta * (b**2 - 500 * d**1.5 * a**4 - 20 * d * a**2 * b**2)


def _one_minus_kappa(top: Any, change: Any) -> Any:
    """1 - kappa_1 over 1 + |kappa_1|."""
    return change / (top + change) / (1 + abs(top / (top + change)))


def _kappa_below_one() -> Search:
    def exact(point: Point) -> arb:
        top, change = _ball_kappa_parts(point)
        return arb(_one_minus_kappa(top, change))

    def noise(point: Point) -> float:
        top, change = _float_kappa_parts(point)
        size = 1 + 3 * point["eta"] * point["mu_norm"] ** 2 + abs(change)
        parts = _float_kappa_parts({**point, "mu_norm": point["mu_norm"] * (1 + 1e-15)})
        moved = abs(parts[1] - change) + 1e-15 * size
        return float(1e-9 + 1e3 * moved / (abs(top + change) + 1e-300))

    return Search(
        domain=_kappa_points(small_step=False),
        slack=lambda point: _one_minus_kappa(*_float_kappa_parts(point)),
        exact=exact,
        noise=noise,
        clear=0.1,
        routes=("kappa_1 as printed, in floating point", "balls: kappa_1 as printed"),
    )


def _ball_radius(d: arb, b: arb) -> arb:
    """The root |mu| of 500 d^(3/2) |mu|^4 + 20 d b^2 |mu|^2 = b^2."""
    p, q = 500 * (d**3).sqrt(), 20 * d * b**2
    return ((-q + (q**2 + 4 * p * b**2).sqrt()) / (2 * p)).sqrt()


def _kappa_domain() -> Search:
    """|mu| < contraction_radius exactly if 0 < kappa_1 < 1."""

    def side(top: Any, change: Any) -> int:
        return 1 if change > 0 and top > 0 else -1

    def slack(point: Point) -> float:
        radius = float(theory.contraction_radius(point["mu_star_norm"], point["d"]))
        top, change = _float_kappa_parts(point)
        a = point["mu_norm"]
        return float(side(top, change) * (radius - a) / (radius + a))

    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        top, change = _ball_kappa_parts(point)
        kappa = top / (top + change)
        radius = _ball_radius(arb(point["d"]), b)
        share = (radius - a) / (radius + a)
        if kappa > 0 and kappa < 1:
            return share
        if kappa > 1 or kappa < 0:
            return -share
        return arb(0, math.inf)

    def noise(point: Point) -> float:
        _, change = _float_kappa_parts(point)
        d, a, b, eta = (float(point[n]) for n in ("d", "mu_norm", "mu_star_norm", "eta"))
        terms = eta * (b**2 + 500 * d**1.5 * a**4 + 20 * d * a**2 * b**2)
        return 1e-12 if abs(change) > 1e-12 * terms else math.inf

    return Search(
        domain=_kappa_points(small_step=True),
        slack=slack,
        exact=exact,
        noise=noise,
        routes=(
            "theory: the radius below which kappa_1 < 1, in closed form",
            "the sign of the printed denominator minus numerator",
            "balls: kappa_1 as printed, with its eta, and the quadratic formula",
        ),
    )


_RADIUS_DIMENSIONS = (1, 10, 100, 10_000)


def _radii() -> Constants:
    """Norms of mu below which kappa_1 < 1: at most, and at |mu*| = 1/100."""
    found: Constants = {}
    with precision(256):
        for d in _RADIUS_DIMENSIONS:
            name = f"|mu| below which kappa_1 < 1, d = {d}"
            # The radius grows with |mu*|, to this.
            found[f"{name}, |mu*| -> inf"] = enclosure(1 / (20 * arb(d)).sqrt())
            found[f"{name}, |mu*| = 0.01"] = enclosure(_ball_radius(arb(d), arb(1) / 100))
    return found


def _radius_table() -> Mapping[str, Any]:
    norms = [10.0**k for k in range(-4, 3)]
    return {
        "x": "|mu*|",
        "y": "largest |mu| with kappa_1 < 1, by dimension",
        "mu_star_norm": norms,
        "radius": {
            str(d): [float(r) for r in theory.contraction_radius(norms, float(d))]
            for d in _RADIUS_DIMENSIONS
        },
    }


# --- kappa_2 --------------------------------------------------------------------------------------

#: The weakest C d^-k that is tried. A larger C or a smaller k would be weaker still.
_POLY_FACTOR = 1e12
_POLY_POWER = 1e-3
_LOG_DIMENSIONS = st.one_of(st.integers(0, 10_000), st.integers(0, 60))


@st.composite
def _large_dimensions(draw: st.DrawFn) -> dict[str, Any]:
    """Points {log10_d, mu_norm, mu_star_norm, eta}: norms that do not depend on d."""
    return {
        "log10_d": draw(_LOG_DIMENSIONS),
        "mu_norm": draw(_NORMS),
        "mu_star_norm": draw(_NORMS),
        "eta": draw(ETAS),
    }


_NORMS = log_uniform(*NORMS)


def _kappa_2(d: arb, a: arb, b: arb, eta: arb) -> arb:
    """kappa_2 as printed, for an exact gradient."""
    return eta * (500 * (d**3).sqrt() * a**4 + 20 * d * a**2 * b**2) / b**2


def _kappa_2_small() -> Search:
    """log(C d^-k) - log(kappa_2), over the size of both logarithms."""

    def logs(point: Point) -> tuple[float, float]:
        a, b, eta = (math.log(point[n]) for n in ("mu_norm", "mu_star_norm", "eta"))
        d = point["log10_d"] * math.log(10)
        one = math.log(500) + 1.5 * d + 4 * a - 2 * b
        other = math.log(20) + d + 2 * a
        large = max(one, other)
        left = eta + large + math.log(math.exp(one - large) + math.exp(other - large))
        return left, math.log(_POLY_FACTOR) - _POLY_POWER * d

    def slack(point: Point) -> float:
        left, right = logs(point)
        return (right - left) / (1 + abs(left) + abs(right))

    def exact(point: Point) -> arb:
        a, b, eta = (arb(point[n]) for n in ("mu_norm", "mu_star_norm", "eta"))
        d = arb(10) ** point["log10_d"]
        left = _kappa_2(d, a, b, eta).log()
        right = (arb(_POLY_FACTOR) * d ** arb(-_POLY_POWER)).log()
        return arb((right - left) / (1 + abs(left) + abs(right)))

    return Search(
        domain=_large_dimensions(),
        slack=slack,
        exact=exact,
        noise=lambda _point: 1e-12,
        clear=0.1,
        routes=("kappa_2 as printed, in logarithms", "balls: kappa_2 as printed"),
    )


_TIME_RATES = (0.5, 0.75, 1.0)


def _exponents() -> Constants:
    """Power of d in kappa_2 at t = kappa log d, where both norms have fallen by d^-kappa.

    From its values at d = 10^4000 and 10^8000.
    """
    found: Constants = {}
    with precision(256):
        for rate in _TIME_RATES:
            logs = []
            for digits in (4000, 8000):
                d = arb(10) ** digits
                norm = d ** arb(-rate)
                logs.append(_kappa_2(d, norm, norm, arb(1)).log())
            slope = (logs[1] - logs[0]) / (4000 * arb(10).log())
            found[f"power of d in kappa_2 at t = {rate:g} log d"] = enclosure(slope)
    return found


_LEMMA_9 = f"{_SOURCE}, Lemma 9"

CLAIMS = (
    Claim(
        id="SCK-20",
        title="Lemma 9: kappa_1 < 1",
        source=_LEMMA_9,
        statement=r"\kappa_1 < 1",
        reading="kappa_1 as in Lemma C.5 with an exact gradient (epsilon = 0); wherever that lemma"
        " is stated: any norms, any eta > 0",
        evidence=(_kappa_below_one(),),
        note="Nor does 'hence the angle decreases' follow where it holds: kappa_1 < 1 and"
        " tan theta' <= max(kappa_1 tan theta, kappa_2) say nothing where tan theta < kappa_2, for"
        " the bound is then above tan theta (SCK-20r needs neither number).",
    ),
    Claim(
        id="SCK-20:domain",
        title="Lemma 9: the domain on which kappa_1 < 1",
        source=_LEMMA_9,
        statement=r"3\eta\|\mu_t\|^2 < 1 \implies \bigl(0 < \kappa_1 < 1 \iff \|\mu_t^*\|^2 >"
        r" 500\sqrt{d^3}\|\mu_t\|^4 + 20d\|\mu_t\|^2\|\mu_t^*\|^2\bigr)",
        reading="kappa_1 with an exact gradient; it must be positive to bound an angle",
        evidence=(_kappa_domain(),),
        constants=lambda _outcomes: _radii(),
        data=_radius_table,
        note="For 3 eta |mu|^2 > 1 the numerator p is negative and kappa_1 = p / (p + c), c = eta"
        " (|mu*|^2 - 500 sqrt(d^3) |mu|^4 - 20 d |mu|^2 |mu*|^2). Then 0 < kappa_1 < 1 exactly if"
        " c < 0, that is where the error terms exceed |mu*|^2, so it bounds nothing there; for"
        " c > -p it is negative, hence below one, and bounds no angle; in between it exceeds one.",
    ),
    Claim(
        id="SCK-20:kappa-2",
        title="Lemma 9: kappa_2 <= 1/poly(d)",
        source=_LEMMA_9,
        statement=r"\kappa_2 \le 1/\mathrm{poly}(d)",
        reading="kappa_2 as in Lemma C.5 with an exact gradient; norms and eta as that lemma is"
        " stated, anything that does not fall with d; 1/poly(d) is C d^-k with"
        f" C = {_POLY_FACTOR:g} and k = {_POLY_POWER:g}. The bound grows with C and falls with k,"
        " so what fails here fails for every smaller C and larger k; and as kappa_2 grows with d,"
        " for every C and k > 0 from some d on",
        evidence=(_kappa_2_small(),),
        constants=lambda _outcomes: _exponents(),
        note="At fixed norms kappa_2 grows like d^(3/2). Norms that fall with d make it true: at"
        " t = kappa log d both have fallen by d^-kappa, and kappa_2 = 500 eta d^(3/2 - 2 kappa)"
        " |mu|^4 / |mu*|^2 + 20 eta d^(1 - 2 kappa) |mu|^2 with the norms at t = 0: it falls like a"
        " power of d for kappa > 3/4, not for less. An error of the gradient adds 2 eta"
        " d^(1 + 3 kappa) epsilon / (|mu| |mu*|^2).",
    ),
)
