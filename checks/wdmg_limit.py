"""WDMG-10: in which direction samples of the chain end up, at constant noise and in general."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._chain import (
    ball_overlap,
    ball_spectrum,
    far_chains,
    near_transition,
    sizes_at,
    spikes_at,
    strong_chains,
)
from lemmata.checks._compare import equality_search
from lemmata.checks._energies import figures, settled_shares, spectra_apart
from lemmata.checks._moments import estimated_map, mean_square_after, moment_points
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, seeds
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_FIGURE = f"{_SOURCE}, Figure 6 with eqs. (17) and (26)"
_THREAD = "Weitzner et al. 2024, review thread"

#: Share of the whole below which a spectrum has not concentrated on its first direction.
_CONCENTRATED = 0.95


# --- WDMG-10: samples -----------------------------------------------------------------------------


@st.composite
def _constant_noise(draw: st.DrawFn) -> dict[str, Any]:
    """Chains at constant noise, many steps, with a gap that the mean needs few of."""
    return {
        "gamma": draw(_GAMMAS),
        "ratio": draw(_RATIOS),
        "gap": draw(_GAPS),
        "smaller": draw(_SMALLER),
        "steps": draw(_STEPS),
        "seed": draw(_SEEDS),
    }


_SEEDS = seeds()
_GAMMAS = log_uniform(1e-2, 1e2)
_RATIOS = log_uniform(1.5, 1e3)
_GAPS = log_uniform(2.0, 1e2)
_SMALLER = st.sampled_from([30, 10**5, 10**7])
#: From this size on overlaps are constants for all that a share sees, and are drawn once.
_SETTLED = 10**5
_STEPS = st.integers(20, 30)


def _pair(point: Point) -> list[float]:
    """Two eigenvalues, the second critical or more; the noise variance is one."""
    root = math.sqrt(point["gamma"])
    low = max(point["ratio"], 1.5)
    return [low * point["gap"] * root, low * root]


def _chain_shares(point: Point, rng: np.random.Generator, size: int) -> Array:
    """|<x, u_0>|^2 / |x|^2 of samples, each through a chain of its own."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    draws = impl.chain_coordinates(
        n,
        p,
        _pair(point),
        np.ones(point["steps"]),
        size=size,
        rng=rng,
        overlaps_rng=point["seed"] if point["smaller"] >= _SETTLED else None,
    )
    return np.square(draws.along[:, 0])


@st.composite
def _components(draw: st.DrawFn) -> dict[str, Any]:
    """A chain, the seed of its overlaps, and the component whose energy is looked at."""
    point = draw(_STRONG)
    point["seed"] = draw(_SEEDS)
    point["component"] = draw(_COMPONENT)
    return point


_STRONG = strong_chains(longest=8)
_COMPONENT = st.integers(0, 2)
_LARGE = 10**7


def _samples(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squares of the coordinates and of the rest over their limits in mean."""
    n, p = sizes_at(point["gamma"], _LARGE)
    draws = impl.chain_coordinates(
        n,
        p,
        point["eigenvalues"],
        point["noise"],
        size=size,
        rng=rng,
        overlaps_rng=point["seed"],
    )
    energies = np.asarray(theory.chain_energy(_spikes_of(point), point["gamma"]), dtype=np.float64)
    squares = np.square(np.column_stack([draws.along, draws.across]))
    return np.asarray(squares * np.exp(2 * draws.log_norms[:, None] + energies))


def _spikes_of(point: Point) -> Array:
    return np.asarray(np.asarray(point["eigenvalues"]) / np.asarray(point["noise"])[:, None])


def _exceeds(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Indicator of a coordinate beyond the root of its mean square."""
    scaled = _samples(point, rng, size)
    component = min(point["component"], scaled.shape[1] - 2)
    return np.asarray(scaled[:, component] > 1, dtype=np.float64)


def _beyond(_point: Point) -> tuple[float, float]:
    """What that is for a normal coordinate, and what n and p may move it by."""
    mean = math.erfc(math.sqrt(0.5))
    return mean - 0.004, mean + 0.004


def _rest_wave(point: Point, rng: np.random.Generator, size: int) -> Array:
    """exp(-|rest|^2 / 2 m) for the mean square m of the rest."""
    scaled = _samples(point, rng, size)
    return np.asarray(np.exp(-0.5 * scaled[:, -1]))


def _rest_mean(point: Point) -> tuple[float, float]:
    """Its mean: |rest|^2 is a sum of squares of normal variables, one for each direction."""
    spikes, gamma = _spikes_of(point), point["gamma"]
    whole = float(theory.chain_energy(spikes, gamma)[-1])
    mean = 1.0
    for j in range(spikes.shape[1]):
        part = float(theory.chain_energy(spikes[:, j : j + 1], gamma)[-1])
        mean /= math.sqrt(1 + math.exp(whole - part))
    return mean - 0.004, mean + 0.004


def _one_more_step(point: Point, rng: np.random.Generator, size: int) -> Array:
    """A component's mean square after a projection, less its share of what is kept of all."""
    values, vectors = np.linalg.eig(estimated_map(point))
    best = int(values.real.argmax())
    shares = np.abs(vectors[:, best].real)
    shares /= shares.sum()
    found = mean_square_after(point, shares, rng, size)
    return np.asarray(found - values[best].real * shares[point["component"]])


def _share_identity(point: Point) -> float:
    """Of u_0's share in the energy after `steps` steps, relative: kernel against the formula."""
    steps = point["steps"]
    spikes = np.tile(spikes_at(point), (steps, 1))
    energies = np.asarray(theory.chain_energy(spikes, point["gamma"]))
    found = 1 / np.exp(energies[0] - energies).sum()
    return float(abs(found / _share(point) - 1))


def _share(point: Point) -> float:
    kept = np.asarray(theory.spiked_overlap(spikes_at(point), point["gamma"]))
    return float(kept[0] / ((kept / kept[0]) ** (2 * point["steps"] - 2)).sum())


def _ball_share_error(point: Point) -> arb:
    """The same from the map of the mean squares, step by step, as n and p grow."""
    gamma = arb(point["gamma"])
    kept = [ball_overlap(spike, gamma) for spike in ball_spectrum(point)]
    # The first step makes c of white noise, and 1 - c a direction of what is off them.
    along, off = list(kept), sum((1 - c for c in kept), arb(0))
    for _ in range(point["steps"] - 1):
        off = sum(((c - c * c) * m for c, m in zip(kept, along, strict=True)), arb(0))
        along = [c * c * m for c, m in zip(kept, along, strict=True)]
    share = along[0] / (off + sum(along, arb(0)))
    powers = sum(((c / kept[0]) ** (2 * point["steps"] - 2) for c in kept), arb(0))
    return abs(share * powers / kept[0] - 1)


@st.composite
def _short(draw: st.DrawFn) -> dict[str, Any]:
    point = draw(_FAR)
    point["steps"] = draw(_FEW)
    return point


_FAR = far_chains()
_FEW = st.integers(2, 20)


def _share_noise(point: Point) -> float:
    if near_transition(point):
        return math.inf
    return 1e-9


@st.composite
def _one_line(draw: st.DrawFn, *, large: bool = False) -> dict[str, Any]:
    return {
        "gamma": draw(_NEAR),
        "ratio": draw(_LOW),
        "gap": draw(_WIDE),
        "smaller": draw(_FEW_OR_MANY if large else _FEWER),
    }


#: The second direction is then down to the noise between the two, if it is ever.
_LINE_STEPS = 30
_NEAR = log_uniform(0.5, 2.0)
_LOW = log_uniform(1.0, 3.0)
_WIDE = log_uniform(4.0, 20.0)
_FEWER = st.integers(6, 30)
_FEW_OR_MANY = st.one_of(_FEWER, st.just(10**5))


def _alike(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine between two samples that went through the same chain."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    products, _ = impl.chain_products(n, p, _pair(point), np.ones(_LINE_STEPS), size=size, rng=rng)
    # Of the product's two singular values, what the second is of the first.
    values = np.linalg.svd(products, compute_uv=False)
    return np.asarray((values[:, 1] / values[:, 0]) ** 2)


def _realised_shares(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Share of u_0 in the energy of three samples that go through one chain."""
    n, p = sizes_at(point["gamma"], point["smaller"])
    shares = np.empty(size)
    for i in range(size):
        samples, _ = impl.chain_samples(n, p, _pair(point), np.ones(3), size=3, rng=rng)
        shares[i] = np.square(samples[:, 0]).sum() / np.square(samples).sum()
    return shares


CLAIMS = (
    Claim(
        id="WDMG-10",
        title="at constant noise, samples concentrate on the leading eigenvector as T grows",
        source=_FIGURE,
        statement=r"E\,\frac{\langle x, u_0\rangle^2}{|x|^2} \to 1 \text{ as } T \to \infty",
        reading="samples of the chain, constant noise, fresh data at each step; 20 to 30 steps with"
        " an eigenvalue gap of two or more",
        evidence=(
            MeanTest(
                domain=_constant_noise(),
                draw=_chain_shares,
                allowed=lambda _point: (_CONCENTRATED, 1.0),
                effect=0.02,
                bounds=(0.0, 1.0),
                routes=("impl: samples through chains of their own", "at least 0.95 on u_0"),
                first=32,
            ),
        ),
        data=figures,
        note="The last projection turns whatever comes into the span of its own sample"
        " eigenvectors: for r = 1 the share is cos^2 of the last step's angle, however many steps"
        " came before. On the digits, noise a fortieth of the total variance, four"
        " directions carry the energy at T = 110, as the reviewer saw; that is no limit yet"
        " (WDMG-10:moment), the mean's eigenvalues are close. Where noise accumulates to c over the"
        " steps (WDMG-10:cumulative-variance) the last step has hardly any: the digits then look"
        " alike at T = 110, but at T = 10^4 all is on u_0, as the authors say.",
    ),
    Claim(
        id="WDMG-10r",
        title="energies of the samples' components",
        source=_FIGURE,
        statement=r"E\langle x, u_i\rangle^2 \to c_i(T) \prod_{t < T} c_i(t)^2, \quad"
        r" E|x - U U^\top x|^2 \to \sum_j (1 - c_j(1))\, c_j(1)\, c_j(T) \prod_{1 < t < T}"
        r" c_j(t)^2",
        reading="n, p -> infinity, fresh data; c_j(t) as in WDMG-07r, step 1 is applied last; r up"
        " to 16 in the limit, and up to 3 in samples, where a draw of the overlaps of 16 directions"
        " takes a second",
        repairs="WDMG-10",
        evidence=(
            MeanTest(
                domain=_components(),
                draw=_exceeds,
                allowed=_beyond,
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=(
                    "impl: samples through chains of up to 8 steps at min(n, p) = 10^7",
                    "theory: limit of the mean squares, of a normal coordinate",
                ),
                first=4096,
            ),
            MeanTest(
                domain=_components(),
                draw=_rest_wave,
                allowed=_rest_mean,
                effect=0.03,
                bounds=(0.0, 1.0),
                routes=(
                    "impl: what is off the signal space of samples at min(n, p) = 10^7",
                    "theory: limit of its mean square, and that of each direction's part",
                ),
                first=4096,
            ),
            equality_search(
                _short(),
                error=_share_identity,
                exact_error=_ball_share_error,
                noise=_share_noise,
                routes=(
                    "theory: limit of the mean squares",
                    "c_0 / sum_j (c_j / c_0)^(2T - 2)",
                    "balls: the map of the mean squares, step by step",
                ),
            ),
        ),
        constants=spectra_apart,
        needs=("WDMG-07r",),
        note="At constant noise the share of u_0 is c_0 / sum_j (c_j/c_0)^(2T-2). So samples"
        " concentrate on u_0 if and only if the mean does (WDMG-11r)"
        " and the noise of the last step goes to zero, too. Schedules sigma_t^2 = c T^-q do for"
        " 0 < q < 1 (WDMG-10:slow), and so do accumulated ones, sigma_t^2 = c t/T and sigma_t ="
        " c t/T (WDMG-10:cumulative-variance, WDMG-10:cumulative-deviation): there the authors are"
        " right about samples also. Constant noise leaves 1 - c_0 off the signal space; q >= 1"
        " leaves energy on the other directions (WDMG-10:one-over-t), as the reviewer saw. So both"
        " parties are right, about different schedules. E[x x^T] and (E P)(E P)^T differ in what"
        " the last step puts off the signal space, and in n and p being finite.",
    ),
    Claim(
        id="WDMG-10:moment",
        title="at finite n, p the normalised second moment settles at a limit",
        source=_THREAD,
        statement=r"E[P M P] = \rho M, \quad M = U\,\mathrm{diag}(m)\,U^\top + m_\perp (I - U"
        r" U^\top)/(p - r), \quad K m = \rho m",
        reading="constant noise, fresh data, n and p up to 13, as the dense route costs p^3 a draw;"
        " the reviewer: 'final generation seem to be identical"
        " (become stable)', 'significant energy on the first 4 eigenvectors'",
        evidence=(
            MeanTest(
                domain=moment_points(),
                draw=_one_more_step,
                allowed=lambda _point: (-0.01, 0.01),
                effect=0.03,
                bounds=(-1.0, 1.0),
                routes=(
                    "impl: n samples, the projection of the stationary mean squares",
                    "impl: leading eigenvector of the map of the mean squares, by the reduction",
                ),
                first=2048,
            ),
        ),
        constants=settled_shares,
        needs=("N08-8",),
        note="K_ij = E (C C^T)_ij^2 > 0, so every direction keeps energy whatever T is (Perron and"
        " Frobenius), of order p sigma^4 / n^2 for i > 0 beside the 1 - c_0 off the signal space."
        " 0.01 is allowed for K itself, which is measured.",
    ),
    Claim(
        id="WDMG-10:realised",
        title="all samples of one chain of denoisers end up on one line, but not on u_0",
        source=_FIGURE,
        statement=r"\sigma_2(P_1 \cdots P_T)/\sigma_1(P_1 \cdots P_T) \to 0, \quad"
        r" E\langle x, u_0\rangle^2/|x|^2 < 1",
        reading="the same denoisers for all samples, as in a trained model; constant noise; p up to"
        " 60 where samples are built, a chain for each three, and 2 * 10^5 where not",
        evidence=(
            MeanTest(
                domain=_one_line(large=True),
                draw=_alike,
                allowed=lambda _point: (0.0, 0.01),
                effect=0.3,
                bounds=(0.0, 1.0),
                routes=("impl: products of 30 projections", "at most 0.01"),
                first=64,
            ),
            MeanTest(
                domain=_one_line(),
                draw=_realised_shares,
                allowed=lambda _point: (0.0, _CONCENTRATED),
                effect=0.04,
                bounds=(0.0, 1.0),
                routes=("impl: samples through one chain of three", "at most 0.95 on u_0"),
                first=64,
            ),
        ),
        needs=("N08-8",),
        note="Figure 6 as drawn from one run: rank one, along a line of its own for each run.",
    ),
)
