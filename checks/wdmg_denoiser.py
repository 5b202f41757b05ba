"""WDMG-01, 12, 13: linear denoisers of population data, and chains of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._spectra import (
    data_with,
    digits_spectrum,
    patches_spectrum,
    rotation,
    spectra,
    spectrum,
)
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds, sizes
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

# --- WDMG-01: the best linear denoiser ------------------------------------------------------------

#: Least squares errs by the square of the condition, sqrt(lambda_1) / sigma, in units of rounding.
_RATIOS = log_uniform(1e-6, 1e6)
_SHARES = st.integers(0, 1000)
_SPECTRA = spectra(most=16)
#: All projections on eigenvectors are tried there: two to the power of the dimension.
_FEW_SPECTRA = spectra(most=7)
_SEEDS = seeds()
_TILTS = st.one_of(st.just(1.0), log_uniform(1e-2, 1.0), log_uniform(1e-8, 1.0))


@st.composite
def _noisy(draw: st.DrawFn, *, few: bool = False) -> dict[str, Any]:
    """A spectrum, a noise variance up to six decades from its largest, and a rank."""
    point = draw(_FEW_SPECTRA if few else _SPECTRA)
    point["sigma2"] = point["eigenvalues"][0] * draw(_RATIOS)
    point["rank"] = 1 + draw(_SHARES) % len(point["eigenvalues"])
    return point


@st.composite
def _projections(draw: st.DrawFn) -> dict[str, Any]:
    """And the seed of a projection of that rank, tilted away from the leading one or anywhere.

    The rank is less than the dimension: the identity is the only projection of full rank.
    """
    point = draw(_noisy())
    point["rank"] = min(point["rank"], len(point["eigenvalues"]) - 1)
    point["tilt"] = draw(_TILTS)
    point["frame_seed"] = draw(_SEEDS)
    return point


def _frame(point: Point) -> Array:
    """Columns that span what is projected on, in the eigenbasis."""
    d, rank = len(point["eigenvalues"]), point["rank"]
    rng = np.random.default_rng(point["frame_seed"])
    noise = rng.standard_normal((d, rank))
    tilt = point["tilt"]
    return np.asarray(noise if tilt == 1 else np.eye(d)[:, :rank] + tilt * noise)


def _covariance(point: Point) -> Array:
    vectors = rotation(point)
    return np.asarray((vectors * spectrum(point)) @ vectors.T)


def _leading(point: Point) -> Array:
    """The PCA projection, by an eigendecomposition of the covariance."""
    vectors = np.linalg.eigh(_covariance(point))[1][:, ::-1][:, : point["rank"]]
    return np.asarray(vectors @ vectors.T)


def _trained(point: Point, rank: int | None = None) -> Array:
    data = data_with(spectrum(point), rotation(point))
    return np.asarray(impl.linear_denoiser(data, math.sqrt(point["sigma2"]), rank=rank))


def _error_of(matrix: Array, point: Point) -> float:
    return float(impl.denoiser_error(matrix, _covariance(point), math.sqrt(point["sigma2"])))


def _saving(point: Point, *, ranked: bool) -> float:
    """What the least squares save of the PCA projection's error, as a share of it."""
    projection = _error_of(_leading(point), point)
    best = _error_of(_trained(point, point["rank"] if ranked else None), point)
    return (projection - best) / projection


def _balls(point: Point) -> tuple[list[arb], arb]:
    return [arb(x) for x in point["eigenvalues"]], arb(point["sigma2"])


def _ball_error(gain: arb, value: arb, noise: arb) -> arb:
    """E (w (x + sigma z) - x)^2 in one dimension."""
    return (1 - gain) ** 2 * value + gain**2 * noise


def _ball_saving(point: Point, *, ranked: bool) -> arb:
    values, noise = _balls(point)
    rank = point["rank"]
    projection = best = arb(0)
    for i, value in enumerate(values):
        projection += _ball_error(arb(int(i < rank)), value, noise)
        # The minimum over w of a parabola.
        gain = value / (value + noise) if i < rank or not ranked else arb(0)
        best += _ball_error(gain, value, noise)
    return (projection - best) / projection


def _conditioned(point: Point) -> float:
    return 1e-12 + 1e-14 * float(point["eigenvalues"][0] / point["sigma2"])


def _optimality(*, ranked: bool) -> Any:
    return equality_search(
        _noisy(),
        error=lambda point: abs(_saving(point, ranked=ranked)),
        exact_error=lambda point: abs(_ball_saving(point, ranked=ranked)),
        noise=_conditioned,
        routes=(
            "impl: error of the PCA projection, by traces of dense matrices",
            "impl: error of the least-squares map" + (" of that rank" if ranked else ""),
            "balls: minimum of a parabola for each eigenvector",
        ),
    )


def _projection_slack(point: Point) -> float:
    frame = np.linalg.qr(rotation(point) @ _frame(point))[0]
    other = _error_of(frame @ frame.T, point)
    return bound_slack(_error_of(_leading(point), point), other)


def _ball_projection_slack(point: Point) -> arb:
    values, noise = _balls(point)
    rank, d = point["rank"], len(values)
    frame = arb_mat(d, rank, [arb(float(x)) for x in _frame(point).ravel()])
    scaled = arb_mat(d, rank, [values[i] * frame[i, j] for i in range(d) for j in range(rank)])
    # tr of Lambda Q for the projection Q on the columns.
    caught = (frame.transpose() * frame).solve(frame.transpose() * scaled).trace()
    total = sum(values, arb(0))
    leading = sum(values[:rank], arb(0))
    other = rank * noise + total - caught
    slack: arb = (leading - caught) / other
    return slack


def _any_rank(point: Point) -> tuple[float, float]:
    """Error of the projection on the eigenvalues above sigma^2, and least error of all others."""
    d = len(point["eigenvalues"])
    vectors = rotation(point)
    kept = vectors[:, spectrum(point) > point["sigma2"]]
    # All 2^d projections on eigenvectors: any other lies between them (Ky Fan).
    least = math.inf
    for subset in range(2**d):
        chosen = vectors[:, [i for i in range(d) if subset >> i & 1]]
        least = min(least, _error_of(chosen @ chosen.T, point))
    return _error_of(kept @ kept.T, point), least


def _ball_any_rank(point: Point) -> arb:
    values, noise = _balls(point)
    kept = sum((noise if value > noise else value for value in values), arb(0))
    best = sum((value.min(noise) for value in values), arb(0))
    return 1 - kept / best


def _gain_error(point: Point) -> float:
    """How far the trained matrix is from the closed form, relative to its norm; and its error."""
    vectors, values, noise = rotation(point), spectrum(point), point["sigma2"]
    rank = point["rank"]
    trained = _trained(point)
    closed = (vectors * theory.wiener_gain(values, noise)) @ vectors.T
    off = np.linalg.norm(trained - closed, 2) / np.linalg.norm(closed, 2)
    excess = _error_of(_leading(point), point) - _error_of(trained, point)
    scale = _error_of(_leading(point), point)
    missed = abs(excess - float(theory.projection_excess(values, noise, rank))) / scale
    ranked = _error_of(_trained(point, rank), point)
    least = float(theory.wiener_error(values, noise, rank))
    return max(float(off), missed, abs(ranked - least) / least)


def _ball_gain_error(point: Point) -> arb:
    """The same for the closed forms as balls and the minima of parabolas."""
    values, noise = _balls(point)
    rank = point["rank"]
    gap = scale = best = closed = arb(0)
    for i, value in enumerate(values):
        gain, taken = value / (value + noise), arb(int(i < rank))
        projected = _ball_error(taken, value, noise)
        gap += projected - _ball_error(gain, value, noise)
        scale += projected
        best += _ball_error(gain if i < rank else arb(0), value, noise)
        closed += noise * noise / (value + noise) if i < rank else value * value / (value + noise)
    given = sum((noise * v / (v + noise) for v in values[:rank]), arb(0))
    given += sum(values[rank:], arb(0))
    return (abs(gap - closed) / scale).max(abs(best - given) / best)


def _small_noise_slack(point: Point) -> float:
    """abs(W - P) <= sigma^2 / lambda_r, on data of rank r."""
    rank = point["rank"]
    values = spectrum(point)[:rank]
    vectors = rotation(point)
    data = math.sqrt(rank) * np.sqrt(values)[:, None] * vectors[:, :rank].T
    trained = impl.linear_denoiser(data, math.sqrt(point["sigma2"]))
    off = np.linalg.norm(trained - vectors[:, :rank] @ vectors[:, :rank].T, 2)
    return bound_slack(float(off), float(point["sigma2"] / values[-1]))


def _ball_small_noise(point: Point) -> arb:
    values, noise = _balls(point)
    last = values[point["rank"] - 1]
    off = arb(0)
    for value in values[: point["rank"]]:
        off = off.max(1 - value / (value + noise))
    return off if last == 0 else 1 - off / (noise / last)


@st.composite
def _low_rank(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_LOW_SPECTRA)
    point["rank"] = 1 + draw(_SHARES) % len(point["eigenvalues"])
    point["sigma2"] = point["eigenvalues"][point["rank"] - 1] * draw(_SMALL)
    return point


_LOW_SPECTRA = spectra(most=16, fall=1e-1, zeros=False)
_SMALL = log_uniform(1e-4, 1e2)


def _real_excess() -> Constants:
    """On two real spectra, in units of the total variance."""
    found: Constants = {}
    for name, values in (("digits", digits_spectrum()), ("patches", patches_spectrum())):
        for sigma2 in (1e-4, 1e-2, 1.0):
            best = float(theory.wiener_error(values, sigma2))
            for rank in (8, 32):
                excess = float(theory.projection_excess(values, sigma2, rank))
                key = f"{name}: excess over least error, rank {rank}, sigma^2 {sigma2:g}"
                found[key] = excess / best
            kept = int((values > sigma2).sum())
            found[f"{name}: best rank of a projection, sigma^2 {sigma2:g}"] = float(kept)
    return found


# --- WDMG-12: sequential denoisers ----------------------------------------------------------------

_CHAIN_SPECTRA = spectra(most=4, range_=(1e-3, 1e3), fall=1e-2)
_TWO_SPECTRA = spectra(most=2, range_=(1e-3, 1e3), distinct=True, zeros=False, fall=1e-2)
_LENGTHS = sizes(1, 1000)
#: Where a statement about the limit is tested: not before this many steps.
_LONG = sizes(32, 2000)
_TOTALS = log_uniform(1e-2, 10.0)
_SHAPES = st.sampled_from([0.0, 1.0, -0.5, 2.0])


@st.composite
def _forward(draw: st.DrawFn, *, two: bool = False) -> dict[str, Any]:
    """A spectrum, and a forward process: T steps of noise that rises or falls with t."""
    point = draw(_TWO_SPECTRA if two else _CHAIN_SPECTRA)
    point["steps"] = draw(_LONG if two else _LENGTHS)
    point["noise"] = draw(_TOTALS)
    point["shape"] = draw(_SHAPES)
    point["preserving"] = draw(st.booleans())
    return point


def _schedule(point: Point) -> tuple[Array, Array]:
    """Scales and noise levels of the steps."""
    steps = point["steps"]
    each = point["noise"] / steps * (np.arange(1, steps + 1) / steps) ** point["shape"]
    if point["preserving"]:
        return np.exp(-each / 2), np.sqrt(-np.expm1(-each))
    return np.ones(steps), np.sqrt(each)


def _terminal(point: Point) -> tuple[float, float]:
    """alpha_T and the noise variance of x_T."""
    steps = point["steps"]
    total = float(np.sum((np.arange(1, steps + 1) / steps) ** point["shape"])) / steps
    total *= point["noise"]
    return (math.exp(-total / 2), -math.expm1(-total)) if point["preserving"] else (1.0, total)


def _sequential(point: Point) -> Array:
    return np.asarray(impl.sequential_denoiser(_covariance(point), *_schedule(point)))


def _sequential_error(point: Point) -> float:
    alpha, noise = _terminal(point)
    vectors = rotation(point)
    closed = (vectors * theory.wiener_gain(spectrum(point), noise, alpha)) @ vectors.T
    return float(np.linalg.norm(_sequential(point) - closed, 2) / np.linalg.norm(closed, 2))


def _ball_sequential(point: Point) -> tuple[list[arb], arb, arb]:
    """Products of the steps' gains, alpha_T and the noise variance of x_T, all step by step."""
    steps, shape = point["steps"], arb(point["shape"])
    spread = [arb(x) for x in point["eigenvalues"]]
    gains = [arb(1) for _ in spread]
    alpha, noise = arb(1), arb(0)
    for t in range(1, steps + 1):
        each = arb(point["noise"]) / steps * (arb(t) / steps) ** shape
        scale, added = ((-each / 2).exp(), -(-each).expm1()) if point["preserving"] else (1, each)
        for i, before in enumerate(spread):
            after = scale * scale * before + added
            gains[i] *= scale * before / after
            spread[i] = after
        alpha, noise = alpha * scale, scale * scale * noise + added
    return gains, alpha, noise


def _ball_sequential_error(point: Point) -> arb:
    gains, alpha, noise = _ball_sequential(point)
    worst = arb(0)
    for gain, value in zip(gains, point["eigenvalues"], strict=True):
        closed = alpha * value / (alpha * alpha * value + noise)
        worst = worst.max(abs(gain - closed))
    return worst / gains[0]


def _sequential_slack(point: Point) -> float:
    """Half of lambda_2 / lambda_1, minus the ratio of the chain's two gains."""
    vectors, values = rotation(point), spectrum(point)
    gains = np.diag(vectors.T @ _sequential(point) @ vectors)
    return float(0.5 * values[1] / values[0] - gains[1] / gains[0])


def _ball_sequential_slack(point: Point) -> arb:
    gains, _, _ = _ball_sequential(point)
    first, second = (arb(x) for x in point["eigenvalues"])
    return second / first / 2 - gains[1] / gains[0]


def _sequential_floor() -> Constants:
    """The ratio that is left of lambda_2 / lambda_1 = 1/2, however many steps."""
    found: Constants = {}
    for noise in (1.0, 1e2, 1e6):
        first, second = theory.wiener_gain([2.0, 1.0], noise)
        found[f"ratio of the gains of 2 and 1, sigma_T^2 = {noise:g}"] = float(second / first)
    return found


# --- WDMG-13: clean-image denoisers ---------------------------------------------------------------

_MANY = sizes(1, 10**9)
_VERY_LONG = sizes(1000, 10**9)
_SCALES = log_uniform(1e-2, 1e1)


@st.composite
def _iterated(draw: st.DrawFn, *, power: float) -> dict[str, Any]:
    """Two eigenvalues, T up to 10^9, and the noise variance c / T^q of each step."""
    point = draw(_PAIRS)
    # Below q = 1 the bound is for every T; from there on the limit is in question.
    point["steps"] = draw(_MANY if power < 1 else _VERY_LONG)
    point["scale"] = point["eigenvalues"][1] * draw(_SCALES)
    point["power"] = power
    return point


_PAIRS = spectra(most=2, range_=(1e-3, 1e3), distinct=True, zeros=False, fall=1e-2)


def _each(point: Point) -> float:
    return float(point["scale"] / point["steps"] ** point["power"])


def _log_ratio(point: Point) -> float:
    """log of first over second component after the chain."""
    first, second = theory.clean_chain_log_gain(
        point["eigenvalues"], _each(point), float(point["steps"])
    )
    return float(first - second)


def _ball_log_ratio(point: Point) -> arb:
    first, second = (arb(x) for x in point["eigenvalues"])
    each = arb(point["scale"]) / arb(point["steps"]) ** arb(point["power"])
    gain = (first / (first + each)).log() - (second / (second + each)).log()
    return arb(point["steps"]) * gain


def _gap(first: Any, second: Any) -> Any:
    return (first - second) / (first * second)


def _concentrates(power: float, *, by: Any) -> Search:
    """Whether the log of the ratio reaches the level `by(point)`, a float or ball."""

    def slack(point: Point) -> float:
        level = by(*point["eigenvalues"], point["scale"], point["steps"])
        return _log_ratio(point) / float(level) - 1

    def exact(point: Point) -> arb:
        first, second = (arb(x) for x in point["eigenvalues"])
        level: arb = by(first, second, arb(point["scale"]), point["steps"])
        return _ball_log_ratio(point) / level - 1

    return Search(
        domain=_iterated(power=power),
        slack=slack,
        exact=exact,
        routes=("theory: gains of the chain in closed form", "balls: powers of Wiener gains"),
        noise=_cancelled,
        clear=0.4,
    )


def _cancelled(point: Point) -> float:
    """Logarithms of gains of nearly equal size: what is lost in their difference."""
    first, second = theory.clean_chain_log_gain(point["eigenvalues"], _each(point))
    return 1e-13 * float(abs(second) / abs(first - second))


def _any_schedule(first: Any, second: Any, scale: Any, _steps: int) -> Any:
    """Twice the most that q = 1 ever reaches: whatever diverges passes it in the end."""
    return 2 * scale * _gap(first, second)


def _root_schedule(first: Any, second: Any, scale: Any, steps: int) -> Any:
    """A multiple of sqrt(T): by concavity, from the noise of the first step on."""
    root = math.sqrt(steps) if isinstance(scale, float) else arb(steps).sqrt()
    return scale * root * second / (second + scale) * _gap(first, second) * first / (first + scale)


def _constant_error(point: Point) -> float:
    """Closed form against a product of trained matrices, relative to its norm."""
    vectors, values = rotation(point), spectrum(point)
    noise, steps = point["sigma2"], point["steps"]
    trained = _trained(point)
    product = np.linalg.matrix_power(trained / np.linalg.norm(trained, 2), steps)
    logs = theory.clean_chain_log_gain(values, noise, float(steps))
    closed = (vectors * np.exp(logs - logs[0])) @ vectors.T
    return float(np.linalg.norm(product - closed, 2))


def _ball_constant_error(point: Point) -> arb:
    values, noise = _balls(point)
    worst = arb(0)
    top = values[0] / (values[0] + noise)
    for value in values:
        gain = arb(1)
        for _ in range(point["steps"]):
            gain *= value / (value + noise) / top
        log = point["steps"] * ((1 + noise / values[0]).log() - (1 + noise / value).log())
        worst = worst.max(abs(gain - log.exp()))
    return worst


@st.composite
def _constant(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_POSITIVE)
    point["sigma2"] = point["eigenvalues"][0] * draw(_MODERATE)
    point["steps"] = draw(_LENGTHS)
    return point


_POSITIVE = spectra(most=4, zeros=False)
_MODERATE = log_uniform(1e-3, 1e3)


@st.composite
def _two_sided(draw: st.DrawFn) -> dict[str, Any]:
    """Noise of every step at most s, in two halves of the chain at levels of their own."""
    point = draw(_PAIRS)
    point["bound"] = point["eigenvalues"][1] * draw(_RATIOS)
    point["shares"] = [draw(_LEVELS), draw(_LEVELS)]
    point["steps"] = draw(_MANY)
    return point


_LEVELS = log_uniform(1e-9, 1.0)


def _between(low: Any, ratio: Any, high: Any) -> Any:
    """Least slack of low <= ratio <= high, as shares."""
    return min(1 - low / ratio, 1 - ratio / high)


def _two_sided_slack(point: Point) -> float:
    first, second = point["eigenvalues"]
    levels = point["bound"] * np.array(point["shares"])
    logs = theory.clean_chain_log_gain(spectrum(point)[:, None], levels, float(point["steps"])).sum(
        axis=1
    )
    ratio = float(logs[0] - logs[1])
    noise = point["steps"] * float(levels.sum())
    s = point["bound"]
    most = float(np.log1p(s / second) - np.log1p(s / first)) / s
    return float(_between(noise * most, ratio, noise * _gap(first, second)))


def _ball_two_sided(point: Point) -> arb:
    first, second = (arb(x) for x in point["eigenvalues"])
    s, steps = arb(point["bound"]), point["steps"]

    def fall(level: arb) -> arb:
        return (1 + level / second).log() - (1 + level / first).log()

    levels = [s * share for share in point["shares"]]
    ratio = sum((steps * fall(level) for level in levels), arb(0))
    noise = steps * sum(levels, arb(0))
    low, high = 1 - noise * fall(s) / s / ratio, 1 - ratio / (noise * _gap(first, second))
    least: arb = low.min(high)
    return least


def _two_sided_noise(point: Point) -> float:
    first, second = point["eigenvalues"]
    return 1e-13 * float(first / (first - second))


def _limits() -> Constants:
    """exp(-c (1/lambda_2 - 1/lambda_1)) at c = 1, lambda = 2, 1, and the chain at T = 10^9."""
    point: dict[str, Any] = {"eigenvalues": [2.0, 1.0], "steps": 10**9, "scale": 1.0}
    limit = math.exp(-point["scale"] * _gap(*point["eigenvalues"]))
    found: Constants = {"limit of the ratio at q = 1": limit}
    for power in (0.5, 0.9, 1.0, 1.5, 2.0):
        point["power"] = power
        found[f"log of the ratio at T = 10^9, q = {power:g}"] = -_log_ratio(point)
    return found


CLAIMS = (
    Claim(
        id="WDMG-01",
        title="the MSE-optimal linear denoiser is the PCA projection",
        source=f"{_SOURCE}, abstract",
        statement=r"\mathbb{E}\|P_r x_t - x_0\|^2 = \min_W \mathbb{E}\|W x_t - x_0\|^2,\quad"
        r" x_t = x_0 + \sigma z",
        reading="over all linear maps; spectra of 2 to 16 eigenvalues, drawn and real: a dense"
        " least-squares problem each. The constants are of 64 x 64 covariances",
        evidence=(_optimality(ranked=False),),
        constants=lambda _outcomes: _real_excess(),
        note="The best linear map has gain lambda / (lambda + sigma^2) on each eigenvector, which"
        " is 0 or 1 for lambda = 0 or sigma = 0 alone. The projection's error exceeds the least by"
        " sum_{i <= r} sigma^4 / (lambda_i + sigma^2) + sum_{i > r} lambda_i^2 / (lambda_i +"
        " sigma^2).",
    ),
    Claim(
        id="WDMG-01:rank",
        title="the MSE-optimal linear denoiser of rank r is the PCA projection",
        source=f"{_SOURCE}, abstract",
        statement=r"\mathbb{E}\|P_r x_t - x_0\|^2 = \min_{\mathrm{rank}\,W \le r}"
        r" \mathbb{E}\|W x_t - x_0\|^2",
        reading="over the linear maps of rank at most r",
        evidence=(_optimality(ranked=True),),
        note="The best one is the reduced-rank regression, which keeps the same eigenvectors with"
        " gains lambda / (lambda + sigma^2); the projection is worse by"
        " sum_{i <= r} sigma^4 / (lambda_i + sigma^2).",
    ),
    Claim(
        id="WDMG-01:projection",
        title="among the projections of rank r, the PCA projection is the best denoiser",
        source=f"{_SOURCE}, abstract",
        statement=r"\mathbb{E}\|P_r x_t - x_0\|^2 \le \mathbb{E}\|Q x_t - x_0\|^2 \text{ for all"
        r" orthogonal projections } Q \text{ of rank } r",
        reading="over the orthogonal projections of rank r",
        evidence=(
            Search(
                domain=_projections(),
                slack=_projection_slack,
                exact=_ball_projection_slack,
                routes=(
                    "impl: errors of two projections, by traces of dense matrices",
                    "balls: the trace that the other projection catches",
                ),
                noise=lambda _point: 1e-11,
            ),
        ),
        note="The error of Q is r sigma^2 + tr Sigma - tr Q Sigma, where tr Q Sigma is at most the"
        " sum of the r largest eigenvalues (Ky Fan). This is the class over which the abstract is"
        " right.",
    ),
    Claim(
        id="WDMG-01:any-rank",
        title="of all projections, the one on the eigenvalues above sigma^2 is the best denoiser",
        source=f"{_SOURCE}, abstract",
        statement=r"\min_Q \mathbb{E}\|Q x_t - x_0\|^2 \text{ is at the PCA projection of rank }"
        r" \#\{\lambda_i > \sigma^2\}",
        reading="over the orthogonal projections of all ranks; by trying all of those on"
        " eigenvectors, up to dimension 7 (Ky Fan: the best is among them)",
        evidence=(
            Search(
                domain=_noisy(few=True),
                slack=lambda point: bound_slack(*_any_rank(point)),
                exact=_ball_any_rank,
                routes=(
                    "impl: errors of all projections on eigenvectors, by traces",
                    "balls: min(lambda, sigma^2) summed over the eigenvectors",
                ),
                noise=lambda _point: 1e-11,
                effort=0.3,
            ),
        ),
    ),
    Claim(
        id="WDMG-01r",
        title="the MSE-optimal linear denoiser is the Wiener map, in the eigenbasis of PCA",
        source=f"{_SOURCE}, abstract",
        statement=r"\arg\min_W \mathbb{E}\|W x_t - x_0\|^2 = U\,\mathrm{diag}"
        r"\Big(\frac{\lambda_i}{\lambda_i + \sigma^2}\Big)U^\top,\quad \text{rank } r:"
        r"\ \|W - P_r\| \le \sigma^2/\lambda_r",
        repairs="WDMG-01",
        evidence=(
            equality_search(
                _noisy(),
                error=_gain_error,
                exact_error=_ball_gain_error,
                noise=_conditioned,
                routes=(
                    "theory: gains, least errors and the projection's excess in closed form",
                    "impl: least squares, and errors by traces of dense matrices",
                    "balls: minima of parabolas",
                ),
            ),
            Search(
                domain=_low_rank(),
                slack=_small_noise_slack,
                exact=_ball_small_noise,
                routes=(
                    "impl: least squares on data of rank r",
                    "balls: the largest of 1 - lambda / (lambda + sigma^2)",
                ),
                noise=lambda point: (
                    1e-11
                    + 1e-13
                    * point["eigenvalues"][0]
                    / point["sigma2"]
                    * point["eigenvalues"][point["rank"] - 1]
                    / point["sigma2"]
                ),
            ),
        ),
        note="For any law of x_0, of which only the second moments enter; over maps that are not"
        " linear it is the best for Gaussian x_0 alone. It tends to the projection as sigma -> 0 on"
        " data of rank r.",
    ),
    Claim(
        id="WDMG-12",
        title="the chain of best sequential denoisers concentrates on the leading eigenvector",
        source=f"{_SOURCE}, Theorem 4.3",
        statement=r"W_1 \cdots W_T \text{ with } W_t = \arg\min \mathbb{E}\|W x_t - x_{t-1}\|^2:"
        r"\quad g_2/g_1 \to 0 \text{ as } T \to \infty",
        reading="denoisers of the population x_t -> x_{t-1}; tested: the ratio falls below half of"
        " lambda_2 / lambda_1, as it must on its way to zero, for T from 32 to 2000, every step"
        " being a dense solve",
        evidence=(
            Search(
                domain=_forward(two=True),
                slack=_sequential_slack,
                exact=_ball_sequential_slack,
                routes=(
                    "impl: T conditional means composed as dense matrices",
                    "balls: the steps' gains multiplied",
                ),
                noise=lambda _point: 1e-9,
                clear=0.1,
            ),
        ),
        constants=lambda _outcomes: _sequential_floor(),
        needs=("WDMG-12r",),
        note="By WDMG-12r the ratio is (lambda_2 / lambda_1) (alpha^2 lambda_1 + s) / (alpha^2"
        " lambda_2 + s) with alpha, s those of x_T: at least lambda_2 / lambda_1, whatever T.",
    ),
    Claim(
        id="WDMG-12r",
        title="the chain of best sequential denoisers is one Wiener step, for every T",
        source=f"{_SOURCE}, Theorem 4.3",
        statement=r"W_1 \cdots W_T = U\,\mathrm{diag}\Big(\frac{\alpha_T\lambda_i}"
        r"{\alpha_T^2\lambda_i + \sigma_T^2}\Big)U^\top",
        reading="for noise added to the signal, shrunk or not so that unit variance is preserved;"
        " T up to 1000, every step being a dense solve",
        repairs="WDMG-12",
        evidence=(
            equality_search(
                _forward(),
                error=_sequential_error,
                exact_error=_ball_sequential_error,
                noise=lambda _point: 1e-10,
                routes=(
                    "theory: one Wiener gain",
                    "impl: T conditional means composed as dense matrices",
                    "balls: the steps' gains multiplied",
                ),
            ),
        ),
        note="The gain of a step is a_t v_{t-1} / v_t with v_t the variance of x_t: the product"
        " telescopes to alpha_T v_0 / v_T.",
    ),
    Claim(
        id="WDMG-13",
        title="iterated clean-image denoisers concentrate on the leading eigenvector",
        source=f"{_SOURCE}, Theorem 4.3 and the discussion of its schedule",
        statement=r"\prod_t \frac{\lambda_i}{\lambda_i + \sigma_t^2}:\quad g_2/g_1 \to 0 \text{"
        r" with } \sigma_t^2 = 1/T \text{ in a chain of } T \text{ steps}",
        reading="denoisers of the population x_t -> x_0, sigma_t^2 = c / T; tested: the ratio"
        " falls below exp(-2 c (1/lambda_2 - 1/lambda_1)), as it must on its way to zero",
        evidence=(_concentrates(1.0, by=_any_schedule),),
        constants=lambda _outcomes: _limits(),
        note="log(1 + x) <= x: the log of the ratio is at most c (1/lambda_2 - 1/lambda_1) for all"
        " T, which is its limit. Rescaling the chain's output changes no ratio.",
    ),
    Claim(
        id="WDMG-13:level",
        title="iterated clean-image denoisers concentrate, with noise level 1/T",
        source=f"{_SOURCE}, Theorem 4.3 and the discussion of its schedule",
        statement=r"g_2/g_1 \to 0 \text{ with } \sigma_t = 1/T \text{ in a chain of } T"
        r" \text{ steps}",
        reading="as WDMG-13, with sigma_t^2 = c / T^2",
        evidence=(_concentrates(2.0, by=_any_schedule),),
        note="The ratio tends to one: the chain tends to the identity.",
    ),
    Claim(
        id="WDMG-13:constant",
        title="iterated clean-image denoisers concentrate, at one noise level",
        source=f"{_SOURCE}, Theorem 4.3",
        statement=r"g_2/g_1 = \Big(\frac{1 + \sigma^2/\lambda_1}{1 + \sigma^2/\lambda_2}\Big)^T"
        r" \to 0",
        reading="denoisers of the population x_t -> x_0, sigma_t constant",
        evidence=(
            equality_search(
                _constant(),
                error=_constant_error,
                exact_error=_ball_constant_error,
                noise=lambda point: max(64, point["steps"]) * _conditioned(point),
                routes=(
                    "theory: gains of the chain in closed form",
                    "impl: a power of the least-squares matrix",
                    "balls: Wiener gains multiplied",
                ),
            ),
        ),
        note="This is power iteration with the Wiener map; here the authors are right.",
    ),
    Claim(
        id="WDMG-13:root",
        title="iterated clean-image denoisers concentrate, with variance 1/sqrt(T)",
        source=f"{_SOURCE}, Theorem 4.3",
        statement=r"-\log(g_2/g_1) \ge \sqrt T \cdot \frac{c\,(1/\lambda_2 - 1/\lambda_1)}"
        r"{(1 + c/\lambda_1)(1 + c/\lambda_2)} \text{ with } \sigma_t^2 = c/\sqrt T",
        reading="one of the authors' many schedules",
        evidence=(_concentrates(0.5, by=_root_schedule),),
    ),
    Claim(
        id="WDMG-13r",
        title="iterated clean-image denoisers concentrate exactly if the noise variances diverge",
        source=f"{_SOURCE}, Theorem 4.3",
        statement=r"\sigma_t^2 \le s \implies \frac{f(s)}{s}\sum_t\sigma_t^2 \le -\log(g_2/g_1)"
        r" \le \Big(\frac1{\lambda_2} - \frac1{\lambda_1}\Big)\sum_t\sigma_t^2,\quad"
        r" f(s) = \log\frac{1 + s/\lambda_2}{1 + s/\lambda_1}",
        repairs="WDMG-13",
        evidence=(
            Search(
                domain=_two_sided(),
                slack=_two_sided_slack,
                exact=_ball_two_sided,
                routes=(
                    "theory: gains of the chain in closed form",
                    "balls: logarithms of Wiener gains, summed",
                ),
                noise=_two_sided_noise,
            ),
        ),
        note="f is concave with f(0) = 0. So the ratio tends to zero if and only if"
        " sum_t min(1, sigma_t^2) diverges: for sigma_t^2 = c / T^q, T steps, if and only if q < 1."
        " At q = 1 it tends to exp(-c (1/lambda_2 - 1/lambda_1)), for q > 1 to one.",
    ),
)
