"""SCK-18: the matrix of a step, its spectrum, and how well it stands for the step."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._balls import descent_coefficients
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._plane import (
    LARGEST_DIMENSION,
    NORMS,
    ball_vectors,
    in_basis,
    plane_points,
    vectors,
)
from lemmata.checks._rotation import reflection
from lemmata.harness.balls import enclosure, norm, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

__all__ = ["CLAIMS"]

Vector = NDArray[np.float64]

_SOURCE = "Shah, Chen & Klivans 2023"

# --- SCK-18: the matrix and its spectrum ----------------------------------------------------------

_DENSE = 60
_ETAS = log_uniform(1e-6, 1e8)
_MODERATE_ETAS = st.one_of(_ETAS, log_uniform(1e-6, 1e2))
_SEEDS = seeds()


@st.composite
def _matrix_points(draw: st.DrawFn, *, largest: int = LARGEST_DIMENSION) -> dict[str, Any]:
    """A point of the plane, a step size, and the seed of a rotation of space."""
    point = draw(plane_points())
    point["d"] = min(point["d"], largest)
    if point["d"] == 1:
        point["cos_theta"] = math.copysign(1.0, point["cos_theta"])
    point["eta"] = draw(_MODERATE_ETAS)
    point["seed"] = draw(_SEEDS)
    return point


def _sizes_of_step(point: Point, k: int) -> float:
    """The largest term of any entry of the matrix."""
    a, b, eta = point["mu_norm"], point["mu_star_norm"], point["eta"]
    return float(1 + eta * (2 * b * b + k * a * a))


def _predicted(point: Point, k: int) -> tuple[float, float]:
    a, b = point["mu_norm"], point["mu_star_norm"]
    first, second = theory.step_eigenvalues(a * a, b * b, point["eta"], k)
    return float(first), float(second)


def _dense_error(point: Point, k: int) -> float:
    """How far the eigenvalues of the dense matrix, largest first, are from those predicted.

    The leading eigenvector counts too, where the two eigenvalues are apart.
    """
    rotate = reflection(point)
    mu, mu_star = (rotate(x) for x in vectors(point))
    matrix = impl.step_matrix(mu, mu_star, point["eta"], coefficient=k)
    values, frame = np.linalg.eigh(matrix)
    first, second = _predicted(point, k)
    expected = np.full(point["d"], second)
    expected[-1] = first
    size = _sizes_of_step(point, k)
    error = float(np.abs(values - expected).max()) / size
    # The share of the leading eigenvector that is not along mu*, times the gap that fixes it.
    leading = frame[:, -1]
    unit = mu_star / np.linalg.norm(mu_star)
    apart = float(np.linalg.norm(leading - (leading @ unit) * unit)) * (first - second) / size
    return max(error, apart if point["d"] > 1 else 0.0)


def _applied_error(point: Point, k: int) -> float:
    """How far the matrix moves mu*, and a vector across it, from the predicted multiples."""
    rotate, rng = reflection(point), np.random.default_rng([point["seed"], 1])
    mu, mu_star = (rotate(x) for x in vectors(point))
    unit = mu_star / np.linalg.norm(mu_star)
    across: Vector = np.asarray(rng.standard_normal(int(point["d"])))
    for _ in range(2):  # once more, for what rounding leaves
        across = np.asarray(across - (across @ unit) * unit)
    length = np.linalg.norm(across)
    basis = np.stack([unit, across / length]) if point["d"] > 1 else unit[None, :]
    moved = impl.apply_step_matrix(basis, mu, mu_star, point["eta"], coefficient=k)
    expected = np.array(_predicted(point, k))[: len(basis), None] * basis
    return float(np.linalg.norm(moved - expected, axis=1).max()) / _sizes_of_step(point, k)


def _ball_eigen_error(point: Point, k: int) -> arb:
    """The same for the matrix written entry by entry in the frame of mu*, on up to three axes.

    A rotation of space changes no eigenvalue, and beyond the second axis all axes are alike.
    """
    a, b, cosine, sine = ball_vectors(point)
    eta = arb(point["eta"])
    d = min(point["d"], 3)
    mu, star = [a * cosine, a * sine, arb(0)][:d], [b, arb(0), arb(0)][:d]
    square = sum((x * x for x in mu), arb(0))
    worst = arb(0)
    for j in range(d):
        column = [2 * eta * star[i] * star[j] for i in range(d)]
        column[j] += 1 - k * eta * square
        sigma = 1 - k * eta * a**2 + (2 * eta * b**2 if j == 0 else 0)
        column[j] -= sigma
        worst = worst.max(norm(*column))
    return worst / (1 + eta * (2 * b * b + k * a * a))


def _spectrum(k: int) -> tuple[Search, ...]:
    routes = (
        "theory: sigma_1, sigma_2",
        "balls: the matrix, entry by entry, on the axes of mu* and across it",
    )

    def search(domain: Any, error: Callable[[Point, int], float], route: str) -> Search:
        found = equality_search(
            domain,
            error=lambda point: error(point, k),
            exact_error=lambda point: _ball_eigen_error(point, k),
            noise=lambda _point: 1e-10,
            routes=(*routes, route),
        )
        # Two routes to one fact share the effort.
        return dataclasses.replace(found, effort=0.3)

    return (
        search(
            _matrix_points(largest=_DENSE),
            _dense_error,
            f"impl: the dense rotated matrix and LAPACK, d <= {_DENSE}",
        ),
        search(_matrix_points(), _applied_error, "impl: the matrix applied to vectors, any d"),
    )


def _characteristic(k: int) -> Symbolic:
    def residuals() -> dict[str, sympy.Expr]:
        found = {}
        for d in (1, 2, 3):
            eta, x = sympy.symbols("eta x", real=True)
            mu = sympy.Matrix(sympy.symbols(f"m1:{d + 1}", real=True))
            star = sympy.Matrix(sympy.symbols(f"s1:{d + 1}", real=True))
            v, w = mu.dot(mu), star.dot(star)
            matrix = (1 - k * eta * v) * sympy.eye(d) + 2 * eta * star * star.T
            first, second = 1 + eta * (2 * w - k * v), 1 - k * eta * v
            polynomial = (x * sympy.eye(d) - matrix).det(method="berkowitz")
            found[f"d = {d}"] = sympy.expand(polynomial - (x - first) * (x - second) ** (d - 1))
        return found

    return Symbolic(
        residuals=residuals, routes=("SymPy: the characteristic polynomial of the printed matrix",)
    )


@st.composite
def _modulus_points(draw: st.DrawFn) -> dict[str, Any]:
    """d >= 2 and a step size: anywhere, or near eta (2 |mu|^2 - |mu*|^2) = 1 on either side."""
    point = draw(plane_points())
    point["d"] = max(point["d"], 2)
    point["eta"] = draw(_ETAS)
    slope = 2 * point["mu_norm"] ** 2 - point["mu_star_norm"] ** 2
    if slope > 0:
        # At the border (share one) both eigenvalues are of one modulus.
        share = draw(_SHARES)
        if share is not None:
            point["eta"] = share / slope
    return point


_SHARES = st.one_of(
    st.sampled_from([None, 1.0, 1 - 1e-12, 1 + 1e-12]),
    log_uniform(1e-3, 1.0),
    log_uniform(1.0, 1e3),
)


def _modulus_slack(point: Point, k: int) -> float:
    first, second = (abs(sigma) for sigma in _predicted(point, k))
    return (first - second) / (first + second)


def _ball_modulus_slack(point: Point, k: int) -> arb:
    a, b, _, _ = ball_vectors(point)
    eta = arb(point["eta"])
    shrunk = 1 - k * eta * a**2
    first, second = abs(shrunk + 2 * eta * b**2), abs(shrunk)
    return (first - second) / (first + second)


def _modulus(k: int, *, exactly_if: bool = False) -> Search:
    """|sigma_1| > |sigma_2|; with `exactly_if`, on the good side of the border and not beyond."""

    def slack(point: Point) -> float:
        value = _modulus_slack(point, k)
        return value if not exactly_if or _criterion(point, k) > 0 else -value

    def exact(point: Point) -> arb:
        value = _ball_modulus_slack(point, k)
        if not exactly_if:
            return value
        a, b, _, _ = ball_vectors(point)
        criterion = 1 - arb(point["eta"]) * (k * a**2 - b**2)
        if criterion.contains(0) and criterion != 0:
            return arb(0, math.inf)  # more digits
        return value if criterion > 0 else -value

    def noise(point: Point) -> float:
        size = _sizes_of_step(point, k)
        if exactly_if and abs(_criterion(point, k)) < 1e-13 * size:
            return math.inf
        first, second = (abs(sigma) for sigma in _predicted(point, k))
        return 1e-14 * size / (first + second + 1e-300)

    return Search(
        domain=_modulus_points(),
        slack=slack,
        exact=exact,
        noise=noise,
        effort=0.6,
        clear=0.1,
        routes=("theory: sigma_1, sigma_2 in floating point", "balls: the printed eigenvalues"),
    )


def _criterion(point: Point, k: int) -> float:
    a, b, eta = point["mu_norm"], point["mu_star_norm"], point["eta"]
    return float(1 - eta * (k * a * a - b * b))


@st.composite
def _small_steps(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(plane_points())
    point["mu_norm"] = draw(_SMALL_NORMS)
    point["mu_star_norm"] = draw(_SMALL_NORMS)
    return point


@st.composite
def _small_steps_of_size(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_small_steps())
    point["eta"] = draw(_SMALL_ETAS)
    return dict(point)


_SMALL_NORMS = log_uniform(NORMS[0], 1e-2)
_SMALL_ETAS = log_uniform(1e-6, 1.0)
#: Share of the change that the matrix must explain at norms of at most one hundredth; with the
#: right coefficient what it leaves is below a thousandth.
_EXPLAINED = 0.01


def _unexplained(point: Point, k: int) -> float:
    """|mu' - M mu| / eta.

    The change of a step is eta times something that does not depend on it, so it is taken at a step
    that rounding does not swallow.
    """
    mu, mu_star = vectors(point)
    step = 1 / (2 * float(mu_star @ mu_star) + k * float(mu @ mu))
    field = (impl.apply_step_matrix(mu, mu, mu_star, step, coefficient=k) - mu) / step
    return float(np.linalg.norm(theory.ddpm_descent(mu, mu_star) - field))


def _ball_unexplained(point: Point, k: int) -> arb:
    a, b, cosine, _ = ball_vectors(point)
    on_star, on_mu = descent_coefficients(a, b, cosine)
    return norm(*in_basis(point, on_star - 2 * a * b * cosine, on_mu + k * a * a))


def _terms(a: Any, b: Any, cosine: Any, k: int) -> Any:
    """Size of what the matrix says about the change, over eta."""
    return 2 * a * b**2 * abs(cosine) + k * a**3


def _bound(a: Any, b: Any) -> Any:
    return 6 * a**5 + 6 * a**3 * b**2 + 4 * a**3 * b**4 / 3


_STEP_ROUTES = (
    "theory: the descent direction by one-dimensional integrals",
    "impl: the matrix applied to mu",
    "balls: Lemma C.2 and the matrix in the plane",
)


def _rounding(point: Point) -> float:
    """What rounding can do to |mu' - M mu| / eta: relative to the terms of either."""
    a, b = point["mu_norm"], point["mu_star_norm"]
    matrix, descent = 2 * b * b + 3 * a * a, min(b * b, b / a + b) + min(a * a, 1.0)
    return float(1e-15 * a * matrix + 1e-13 * a * descent)


def _change(k: int) -> Search:
    def slack(point: Point) -> float:
        a, b, cosine = point["mu_norm"], point["mu_star_norm"], point["cos_theta"]
        return _EXPLAINED - _unexplained(point, k) / float(_terms(a, b, cosine, k))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        return arb(_EXPLAINED - _ball_unexplained(point, k) / _terms(a, b, cosine, k))

    def noise(point: Point) -> float:
        a, b, cosine = point["mu_norm"], point["mu_star_norm"], point["cos_theta"]
        return 1e-12 + _rounding(point) / float(_terms(a, b, cosine, k))

    return Search(
        domain=_small_steps(),
        slack=slack,
        exact=exact,
        noise=noise,
        effort=0.3,
        clear=0.1,
        routes=_STEP_ROUTES,
    )


#: SCK-18:display: share of the matrix' change that may stay unexplained: a half forgives the 3.
_HALF = 0.5


def _display() -> Search:
    """mu' - M mu for M = (1 - 3 eta |mu|^2) Id + 2 mu* mu*^T, over the size of M mu - mu."""

    def size(a: Any, b: Any, cosine: Any, eta: Any) -> Any:
        return 2 * a * b**2 * abs(cosine) + 3 * eta * a**3

    def slack(point: Point) -> float:
        mu, mu_star = vectors(point)
        eta, a, b = point["eta"], point["mu_norm"], point["mu_star_norm"]
        # The matrix with another step and coefficient, so that rounding does not swallow it.
        step = 1 / (2 * b * b + 3 * eta * a * a)
        moved = impl.apply_step_matrix(mu, mu, mu_star, step, coefficient=3 * eta)
        rest = eta * theory.ddpm_descent(mu, mu_star) - (moved - mu) / step
        return float(_HALF - np.linalg.norm(rest) / size(a, b, point["cos_theta"], eta))

    def exact(point: Point) -> arb:
        a, b, cosine, _ = ball_vectors(point)
        eta = arb(point["eta"])
        on_star, on_mu = descent_coefficients(a, b, cosine)
        rest = in_basis(point, eta * on_star - 2 * a * b * cosine, eta * (on_mu + 3 * a * a))
        return arb(_HALF - norm(*rest) / size(a, b, cosine, eta))

    def noise(point: Point) -> float:
        a, b, eta = point["mu_norm"], point["mu_star_norm"], point["eta"]
        terms = 1e-15 * a * (2 * b * b + 3 * eta * a * a) + eta * _rounding(point)
        return float(1e-12 + terms / size(a, b, point["cos_theta"], eta))

    return Search(
        domain=_small_steps_of_size(),
        slack=slack,
        exact=exact,
        noise=noise,
        effort=0.3,
        clear=0.1,
        routes=_STEP_ROUTES,
    )


def _step_bound() -> Search:
    def exact(point: Point) -> arb:
        a, b, _, _ = ball_vectors(point)
        return arb(bound_slack(_ball_unexplained(point, 2), _bound(a, b)))

    def noise(point: Point) -> float:
        a, b = point["mu_norm"], point["mu_star_norm"]
        return 1e-9 + _rounding(point) / float(_bound(a, b))

    return Search(
        domain=plane_points(),
        slack=lambda point: bound_slack(
            _unexplained(point, 2), float(_bound(point["mu_norm"], point["mu_star_norm"]))
        ),
        exact=exact,
        noise=noise,
        # SCK-15r has the same bound without the matrix, at full effort.
        effort=0.3,
        routes=_STEP_ROUTES,
    )


def _border(k: int) -> Constants:
    """Where mu* stops to lead in modulus: the last eta that works, the first seen to fail."""
    point = {"d": 2, "mu_norm": 1.0, "mu_star_norm": 0.5, "cos_theta": 0.0}
    slope = k - 0.25
    low, high = (1 - 1e-12) / slope, (1 + 1e-12) / slope
    with precision(128):
        holds = _ball_modulus_slack({**point, "eta": low}, k) > 0
        fails = _ball_modulus_slack({**point, "eta": high}, k) < 0
    if not (holds and fails):
        raise ValueError(f"eta: the border is not between {low} and {high}")
    name = f"eta ({k} |mu|^2 - |mu*|^2) from which mu* does not lead"
    return {name: (low * slope, high * slope)}


def _perpendicular() -> Constants:
    """The share of |mu|^2 in the change of mu at right angles to mu*."""
    with precision(256):
        a, b = arb(2) ** -40, arb(2) ** -40
        _, on_mu = descent_coefficients(a, b, arb(0))
        return {"(mu' - mu) / (-eta |mu|^2 mu) at cos theta = 0": enclosure(-on_mu / (a * a))}


_PRINTED_MATRIX = (
    r"\mu'_t = \mu_t - \eta\nabla L_t(s_t) \approx"
    r" (\mathrm{Id}(1 - 3\eta\|\mu_t\|^2) + 2\eta\mu_t^*\mu_t^{*\top})\mu_t"
)
_PRINTED_SPECTRUM = (
    r"\sigma_1 = 1 + \eta(2\|\mu_t^*\|^2 - 3\|\mu_t\|^2),\ \sigma_2 = 1 - 3\eta\|\mu_t\|^2,"
    r"\ \hat\mu_t^* \text{ the leading eigenvector}"
)
_DISPLAY = f"{_SOURCE}, display after Lemma 8, and proof of Lemma C.5"

CLAIMS = (
    Claim(
        id="SCK-18",
        title="The eigenvalues of a step's matrix",
        source=_DISPLAY,
        statement=_PRINTED_SPECTRUM,
        reading="the spectrum of (1 - 3 eta |mu|^2) Id + 2 eta mu* mu*^T, eigenvalues in algebraic"
        " order; the display after Lemma 8 prints its last term without eta, the proof of Lemma C.5"
        " with it",
        evidence=(*_spectrum(3), _characteristic(3)),
    ),
    Claim(
        id="SCK-18:modulus",
        title="mu* leads as power iteration needs it, at every step size",
        source=_DISPLAY,
        statement=r"|\sigma_1| > |\sigma_2|",
        reading="leading by modulus, for power iteration turns to the eigenvector of the largest"
        " modulus; no condition on eta is stated",
        evidence=(_modulus(3),),
        constants=lambda _outcomes: _border(3),
        note="sigma_1 > sigma_2, so sigma_1 leads exactly if sigma_1 + sigma_2 > 0:"
        " eta (3 |mu|^2 - |mu*|^2) < 1.",
    ),
    Claim(
        id="SCK-18:step",
        title="A step is a step of power iteration, with the printed matrix",
        source=_DISPLAY,
        statement=_PRINTED_MATRIX,
        reading="with the eta that the deck's display lacks: it prints 2 mu* mu*^T, the proof of"
        " Lemma C.5 has 2 eta mu* mu*^T; at norms of at most 1/100, mu' - mu is what the matrix"
        " says up to a hundredth of the size of its terms, 2 eta |mu.mu*| |mu*| + 3 eta |mu|^3",
        evidence=(_change(3),),
        needs=("SCK-09r",),
        constants=lambda _outcomes: _perpendicular(),
        note="The coefficient 3 is wrong at leading order (SCK-15): at right angles to mu* the"
        " change is -2 eta |mu|^2 mu.",
    ),
    Claim(
        id="SCK-18:display",
        title="A step is a step of power iteration, with the matrix as the display has it",
        source=f"{_SOURCE}, display after Lemma 8",
        statement=r"\mu'_t = \mu_t - \eta\nabla L_t(s_t) \approx"
        r" (\mathrm{Id}(1 - 3\eta\|\mu_t\|^2) + 2\mu_t^*\mu_t^{*\top})\mu_t",
        reading="to the letter, with no eta before mu* mu*^T; at norms and eta of at most 1/100"
        " and one, mu' - mu is what the matrix says up to half the size of its terms,"
        " 2 |mu.mu*| |mu*| + 3 eta |mu|^3, which the 3 for 2 alone would pass",
        evidence=(_display(),),
        needs=("SCK-09r",),
        note="As eta -> 0 the step vanishes and the matrix should tend to the identity, but it"
        " tends to Id + 2 mu* mu*^T.",
    ),
    Claim(
        id="SCK-18r",
        title="A step is a step of power iteration: matrix, spectrum, leading vector, error",
        source=_DISPLAY,
        statement=r"M = (1 - 2\eta\|\mu_t\|^2)\mathrm{Id} + 2\eta\mu_t^*\mu_t^{*\top}:\ "
        r"\sigma_1 = 1 + 2\eta(\|\mu_t^*\|^2 - \|\mu_t\|^2),\ \sigma_2 = 1 - 2\eta\|\mu_t\|^2"
        r"\ (d - 1 \text{ times}),\ \text{for } d \ge 2\ |\sigma_1| > |\sigma_2| \iff"
        r" \eta(2\|\mu_t\|^2 - \|\mu_t^*\|^2) < 1,\ "
        r"\|\mu'_t - M\mu_t\| \le \eta(6\|\mu_t\|^5 + 6\|\mu_t\|^3\|\mu_t^*\|^2"
        r" + \tfrac43\|\mu_t\|^3\|\mu_t^*\|^4)",
        reading="-grad L is half the gradient of (5)",
        repairs="SCK-18:step",
        evidence=(
            *_spectrum(2),
            _characteristic(2),
            _modulus(2, exactly_if=True),
            _change(2),
            _step_bound(),
        ),
        needs=("SCK-09r", "SCK-15r"),
        constants=lambda _outcomes: _border(2),
        note="M differs from the printed matrix in the coefficient of SCK-15r, and the condition on"
        " eta is the one under which sigma_1 + sigma_2 > 0.",
    ),
)
