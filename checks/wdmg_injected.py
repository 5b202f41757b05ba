"""WDMG-15: what chains with noise injected between the steps sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._chain import sizes_at, strong_chains
from lemmata.checks._compare import bound_slack, equality_search
from lemmata.checks._energies import injected_variances
from lemmata.checks._grid import gaussian_norm
from lemmata.checks._moments import estimated_map, mean_square_after, moment_points
from lemmata.checks._spectra import (
    data_with,
    digits_spectrum,
    normalised,
    rotation,
    spectra,
    spectrum,
    total_variation,
)
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.sampling import LawTest, MeanTest
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_LARGE = 10**7
#: A draw that is further than this from the limit misses it.
_MISS = 0.02

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024, eq. (25)"

#: Order of the moments that bound a coordinate.
_ORDER = 8

# --- WDMG-15: noise injected between the steps ----------------------------------------------------

_SPECTRA = spectra(most=16, range_=(1e-3, 1e3), fall=1e-3)
_TWO = spectra(most=2, range_=(1e-3, 1e3), distinct=True, zeros=False, fall=1e-2)
_RATIOS = log_uniform(1e-4, 1e4)
_MODEST = log_uniform(1e-1, 1e1)
_STEPS = sizes(1, 40)
_SHARES = st.integers(0, 1000)


@st.composite
def _injected(draw: st.DrawFn, *, two: bool = False, tau: bool = True) -> dict[str, Any]:
    """A spectrum, the noise of the denoiser, and that injected."""
    point = draw(_TWO if two else _SPECTRA)
    point["sigma2"] = point["eigenvalues"][0] * draw(_MODEST if two else _RATIOS)
    if tau:
        point["tau2"] = point["sigma2"] * draw(_RATIOS)
    return point


@st.composite
def _chains(draw: st.DrawFn) -> dict[str, Any]:
    """And the number of steps, the kind of denoiser, its rank, and where the chain starts."""
    point = draw(_injected())
    point["steps"] = draw(_STEPS)
    point["kind"] = draw(_KINDS)
    point["rank"] = 1 + draw(_SHARES) % len(point["eigenvalues"])
    point["start"] = draw(_STARTS)
    return point


_KINDS = st.sampled_from(["wiener", "projection", "fresh"])
_STARTS = log_uniform(1e-2, 1e2)


def _trained(point: Point) -> Array:
    data = data_with(spectrum(point), rotation(point))
    return np.asarray(impl.linear_denoiser(data, math.sqrt(point["sigma2"])))


def _start(point: Point) -> Array:
    """Where the chain starts: as much along every eigenvector."""
    vectors = rotation(point)
    scale = point["start"] * math.sqrt(point["tau2"])
    return np.asarray(scale * vectors.sum(axis=1) / math.sqrt(len(vectors)))


def _chain_end(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Coordinate along the leading eigenvector, in units of `_reach`."""
    vectors, tau = rotation(point), math.sqrt(point["tau2"])
    steps, rank, d = point["steps"], point["rank"], len(vectors)
    x = np.tile(_start(point), (size, 1))
    if point["kind"] == "fresh":
        # Anew for each sample and step, uniformly: of data without a signal.
        for _ in range(steps):
            frames = np.linalg.qr(rng.standard_normal((size, d, rank)))[0]
            inner = np.einsum("sir,si->sr", frames, x)
            projected = np.asarray(np.einsum("sir,sr->si", frames, inner), dtype=np.float64)
            x = projected + tau * rng.standard_normal(x.shape)
    else:
        kept = vectors[:, :rank]
        matrix = _trained(point) if point["kind"] == "wiener" else kept @ kept.T
        x = np.asarray(impl.injected_chain(x, matrix, tau, steps, rng=rng), dtype=np.float64)
    return np.asarray(x @ vectors[:, 0] / _reach(point))


def _reach(point: Point) -> float:
    """Length of the start, plus the largest deviation that all injected noise can come to."""
    return math.sqrt(point["tau2"]) * float(point["start"] + math.sqrt(point["steps"]))


def _noiseless(point: Point) -> float:
    """Where the chain without injected noise ends in the mean, in units of `_reach`."""
    steps, rank, d = point["steps"], point["rank"], len(point["eigenvalues"])
    gain = {
        "wiener": float(theory.wiener_gain(point["eigenvalues"][0], point["sigma2"])),
        "projection": 1.0,
        "fresh": rank / d,
    }[point["kind"]]
    start = point["start"] * math.sqrt(point["tau2"] / d)
    return float(gain**steps * start / _reach(point))


def _end_moment(point: Point) -> tuple[float, float]:
    """Start and noise are carried by contractions, and share the unit between them."""
    start = point["start"] / (point["start"] + math.sqrt(point["steps"]))
    return _ORDER, start + (1 - start) * gaussian_norm(_ORDER)


def _lyapunov(point: Point, tau2: float) -> Array:
    """Stationary variances along the eigenvectors."""
    vectors = rotation(point)
    found = impl.injected_covariance(_trained(point), math.sqrt(tau2))
    return np.asarray(np.diag(vectors.T @ found @ vectors))


def _law_error(point: Point) -> float:
    found = _lyapunov(point, point["tau2"])
    closed = theory.injected_variance(spectrum(point), point["sigma2"], point["tau2"])
    return float(np.abs(found - closed).max() / closed.max())


def _ball_variances(point: Point, tau2: arb) -> list[arb]:
    """Sums of the geometric series of what each injection leaves."""
    noise = arb(point["sigma2"])
    gains = [arb(x) / (arb(x) + noise) for x in point["eigenvalues"]]
    return [tau2 / ((1 - gain) * (1 + gain)) for gain in gains]


def _ball_law_error(point: Point) -> arb:
    noise, tau2 = arb(point["sigma2"]), arb(point["tau2"])
    found = _ball_variances(point, tau2)
    worst = arb(0)
    for x, variance in zip(point["eigenvalues"], found, strict=True):
        closed = tau2 * (arb(x) + noise) ** 2 / (noise * (2 * arb(x) + noise))
        worst = worst.max(abs(closed - variance))
    return worst / found[0]


def _spread_error(point: Point) -> float:
    """Total variation between the normalised spectra of the chain and of the data."""
    return total_variation(normalised(_lyapunov(point, 1.0)), normalised(spectrum(point)))


def _ball_spread_error(point: Point) -> arb:
    found, data = _ball_variances(point, arb(1)), [arb(x) for x in point["eigenvalues"]]
    whole, total = sum(found, arb(0)), sum(data, arb(0))
    return sum((abs(f / whole - x / total) for f, x in zip(found, data, strict=True)), arb(0)) / 2


def _langevin_slack(point: Point) -> float:
    """1.5 sigma^2 <= variance - lambda <= 2 sigma^2 at tau^2 = 2 sigma^2, as shares."""
    noise = point["sigma2"]
    extra = (_lyapunov(point, 2 * noise) - spectrum(point)) / noise
    return min(float((extra / 1.5 - 1).min()), float((1 - extra / 2).min()))


def _ball_langevin(point: Point) -> arb:
    noise = arb(point["sigma2"])
    least = arb(1)
    found = _ball_variances(point, 2 * noise)
    for x, variance in zip(point["eigenvalues"], found, strict=True):
        extra = (variance - arb(x)) / noise
        least = least.min(extra / arb("1.5") - 1).min(1 - extra / 2)
    return least


def _diverse_slack(point: Point) -> float:
    return bound_slack(float(point["tau2"]), float(_lyapunov(point, point["tau2"]).min()))


def _ball_diverse(point: Point) -> arb:
    least = _ball_variances(point, arb(point["tau2"]))[-1]
    return 1 - arb(point["tau2"]) / least


def _stiff(point: Point) -> float:
    """Rounding of the least squares, and of 1 - w, which is sigma^2 / (lambda + sigma^2)."""
    ratio = 1 + point["eigenvalues"][0] / point["sigma2"]
    return 1e-12 + 1e-14 * float(ratio**2)


def _walk(times: int) -> Any:
    """The chain with one fixed projection of rank one, along and across it."""

    def draw(point: Point, rng: np.random.Generator, size: int) -> Array:
        x = impl.injected_chain(
            np.zeros((size, 2)), [[1.0, 0.0], [0.0, 0.0]], 1.0, times * point["steps"], rng=rng
        )
        return np.asarray(x / math.sqrt(point["steps"]))

    return draw


def _injected_figures() -> Constants:
    """On the digits: how far the chain's normalised spectrum is from theirs, whatever tau."""
    values = digits_spectrum()
    found: Constants = {}
    for sigma2 in (1e-4, 1e-2, 1.0):
        spread = theory.injected_variance(values, sigma2, 1.0)
        distance = total_variation(normalised(np.asarray(spread)), values)
        found[f"digits: total variation, sigma^2 {sigma2:g}"] = distance
    return found


# --- The PCA chain --------------------------------------------------------------------------------


def _settles(point: Point, rng: np.random.Generator, size: int) -> Array:
    """What a step changes in a component's stationary mean square, as a share of all."""
    injected = np.ones(len(point["eigenvalues"]) + 1)
    injected[-1] = point["p"] - len(point["eigenvalues"])
    left = np.eye(len(injected)) - estimated_map(point)
    moments = np.asarray(np.linalg.solve(left, injected), dtype=np.float64)
    component = point["component"]
    found = mean_square_after(point, moments, rng, size) + injected[component]
    return np.asarray((found - moments[component]) / moments.sum())


def _misses_limit(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Indicator of a draw that changes the limit of a variance by more than a little of tau^2."""
    n, p = sizes_at(point["gamma"], _LARGE)
    spikes = np.asarray(point["eigenvalues"]) / point["noise"][0]
    kept = np.asarray(theory.spiked_overlap(spikes, point["gamma"]), dtype=np.float64)
    moments = (1 + kept - kept**2) / (1 - kept**2)
    overlaps = impl.reduced_overlaps(n, p, spikes, size=size, rng=rng).overlaps
    inside = overlaps @ overlaps.transpose(0, 2, 1)
    leaked = np.diagonal(inside - inside @ inside, axis1=1, axis2=2)
    # Of what is off the directions, of variance tau^2, a share falls on each of them.
    change = np.square(inside) @ moments + leaked + 1 - moments
    return np.asarray(np.abs(change).max(axis=1) > _MISS, dtype=np.float64)


CLAIMS = (
    Claim(
        id="WDMG-15",
        title="noise injected between the steps gives diverse samples about the same mean",
        source=_SOURCE,
        statement=r"x_{k+1} = W_k x_k + \tau\eta_k:\quad \mathbb{E}[x_K] = \mathbb{E}[W_{K-1}"
        r" \cdots W_0]\,x_0, \quad \mathrm{Cov}(x_K) \succeq \tau^2 I",
        reading="W the Wiener map, one fixed projection, or a fresh uniform one at each step; the"
        " covariance of the stationary law for the Wiener map",
        evidence=(
            MeanTest(
                domain=_chains(),
                draw=_chain_end,
                allowed=lambda point: (_noiseless(point), _noiseless(point)),
                effect=0.05,
                moment=_end_moment,
                routes=(
                    "impl: vectors through the chain, with noise",
                    "theory: the noiseless chain, by its gains",
                ),
                first=512,
            ),
            Search(
                domain=_injected(),
                slack=_diverse_slack,
                exact=_ball_diverse,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
                noise=_stiff,
            ),
        ),
        note="The mean is that of the chain without noise because the chain is linear; the last"
        " injection alone has covariance tau^2 I.",
    ),
    Claim(
        id="WDMG-15:law",
        title="the stationary law of the Wiener chain with injected noise",
        source=_SOURCE,
        statement=r"\mathrm{Cov} = U\,\mathrm{diag}\Big(\frac{\tau^2(\lambda_i + \sigma^2)^2}"
        r"{\sigma^2(2\lambda_i + \sigma^2)}\Big)U^\top",
        reading="the fixed point of C = W C W^T + tau^2 I",
        evidence=(
            equality_search(
                _injected(),
                error=_law_error,
                exact_error=_ball_law_error,
                noise=_stiff,
                routes=(
                    "theory: closed form",
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
            ),
        ),
    ),
    Claim(
        id="WDMG-15:spectrum",
        title="with injected noise the chain has the data's normalised spectrum",
        source=f"{_SOURCE}; reviewer: no guarantee for the entire spectrum",
        statement=r"\mathrm{Cov}/\mathrm{tr}\,\mathrm{Cov} = \Sigma/\mathrm{tr}\,\Sigma",
        reading="the Wiener map at one noise level; tau drops out",
        evidence=(
            equality_search(
                _injected(two=True, tau=False),
                error=_spread_error,
                exact_error=_ball_spread_error,
                noise=_stiff,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "the spectrum drawn",
                    "balls: geometric series",
                ),
            ),
        ),
        constants=lambda _outcomes: _injected_figures(),
        note="The reviewer is right, but the gap closes as sigma -> 0: the variances are"
        " (tau^2 / 2 sigma^2) (lambda + 1.5 sigma^2 + ...).",
    ),
    Claim(
        id="WDMG-15r",
        title="with tau^2 = 2 sigma^2 injected, the chain samples the data up to 2 sigma^2",
        source=_SOURCE,
        statement=r"\tau^2 = 2\sigma^2 \implies \Sigma + \tfrac32\sigma^2 I \preceq \mathrm{Cov}"
        r" \preceq \Sigma + 2\sigma^2 I",
        repairs="WDMG-15:spectrum",
        evidence=(
            Search(
                domain=_injected(tau=False),
                slack=_langevin_slack,
                exact=_ball_langevin,
                routes=(
                    "impl: discrete Lyapunov equation of the least-squares map",
                    "balls: geometric series",
                ),
                noise=_stiff,
            ),
        ),
        needs=("WDMG-15:law",),
        note="W x - x is sigma^2 times the score of N(0, Sigma + sigma^2 I): the chain is"
        " Langevin's at step sigma^2. Its variances are lambda + 1.5 sigma^2 +"
        " (sigma^4 / 4) / (lambda + sigma^2 / 2).",
    ),
    Claim(
        id="WDMG-15:fixed-projection",
        title="with one fixed projection the chain with injected noise settles",
        source=_SOURCE,
        statement=r"x_{k+1} = P x_k + \tau\eta_k \text{ has the same law after } k \text{ and after"
        r" } 4k \text{ steps}",
        reading="P a fixed projection, k not small",
        evidence=(
            LawTest(
                domain=st.fixed_dictionaries({"steps": st.integers(8, 16)}),
                left=_walk(1),
                right=_walk(4),
                effect=0.05,
                routes=("impl: the chain after k steps", "impl: the chain after 4k steps"),
                first=512,
            ),
        ),
        note="On the range of P the chain is a random walk: its variance is k tau^2. The mean stays"
        " (WDMG-15), and with fresh projections of rank r in p dimensions, all directions alike,"
        " the variance settles at tau^2 / (1 - r / p).",
    ),
    Claim(
        id="WDMG-15:pca",
        title="the stationary covariance of the PCA chain with injected noise",
        source=_SOURCE,
        statement=r"\mathrm{Cov} = U\,\mathrm{diag}(m)\,U^\top + \frac{m_\perp}{p - r}(I -"
        r" U U^\top), \quad (I - K)\,m = \tau^2 (1, \dots, 1, p - r)^\top, \quad"
        r" \frac{m_i}{\tau^2} \to \frac{1 + c_i - c_i^2}{1 - c_i^2}, \;"
        r" \frac{m_\perp}{(p - r)\tau^2} \to 1",
        reading="each step the PCA projection of fresh noisy samples at one noise level, then noise"
        " of variance tau^2; K_ij = E (C C^T)_ij^2 is the map of the mean squares of"
        " WDMG-10:moment, c_i as in WDMG-07r; n and p up to 13 by the dense route, and 10^7 in the"
        " limit",
        evidence=(
            MeanTest(
                domain=moment_points(),
                draw=_settles,
                allowed=lambda _point: (-0.01, 0.01),
                effect=0.03,
                bounds=(-1.0, 2.0),
                routes=(
                    "impl: n samples, the projection of the stationary mean squares, and noise",
                    "impl: the fixed point of the map of the mean squares, by the reduction",
                ),
                first=2048,
            ),
            MeanTest(
                domain=strong_chains(longest=1),
                draw=_misses_limit,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=(
                    "theory: limit of the overlaps",
                    "impl: the map of the mean squares at min(n, p) = 10^7",
                ),
                first=128,
            ),
        ),
        constants=lambda _outcomes: injected_variances(),
        needs=("WDMG-07r", "N08-8"),
        note="One step takes m to K m + tau^2 (1, ..., 1, p - r), a contraction as long as every"
        " direction loses something. In the limit m_i = c_i^2 m_i + (c_i - c_i^2) tau^2 + tau^2:"
        " the part off the signal space has variance tau^2 a direction, as a projection of rank r"
        " hardly reaches it. So the leading directions are favoured by about 1 / 2(1 - c_i),"
        " whatever tau: diverse samples, but not of the data's spectrum.",
    ),
)
