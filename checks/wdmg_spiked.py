"""WDMG-02, WDMG-03: what noise and the number of samples do to the denoiser's directions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._digits_figure import digits_curves
from lemmata.checks._noise_points import EIGENVALUES, GAMMAS, near_sizes, noise_points
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.sampling import MeanTest
from lemmata.harness.scaling import ExponentTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"

# --- WDMG-02: the denoiser against the noise level ------------------------------------------------

_SPIKES = st.one_of(
    log_uniform(1e-3, 1e6).map(lambda x: 1 + x), st.integers(10, 80).map(lambda k: k / 100)
)


@st.composite
def _in_time(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, eigenvalue, t}: before and after the time of emergence."""
    gamma, value = draw(GAMMAS), draw(EIGENVALUES)
    # The critical noise, exp(2 t) - 1 at the time of emergence, over so much.
    noise = value / math.sqrt(gamma) / draw(_SPIKES)
    return {"gamma": gamma, "eigenvalue": value, "t": max(0.5 * math.log1p(noise), 1e-4)}


def _diffused(
    point: Point, smaller: int, size: int, rng: np.random.Generator
) -> tuple[Array, float]:
    """Squared overlaps of the data exp(-t) x_0 + sqrt(1 - exp(-2 t)) eps, and their limit.

    The covariance there is sigma2 (I + s u u') with sigma2 the variance of the noise.
    """
    n, p = near_sizes(point["gamma"], smaller)
    t, value = point["t"], point["eigenvalue"]
    noise = -math.expm1(-2 * t)
    spike = math.exp(-2 * t) * value / noise
    _, overlap = impl.reduced_draws(n, p, spike, sigma2=noise, size=size, rng=rng)
    limit = theory.spiked_overlap(theory.noisy_spike(value, t), p / n)
    return overlap, float(limit)


def _limit_missed(point: Point, rng: np.random.Generator, size: int) -> Array:
    # Below the transition a draw costs more, and the overlap is next to zero sooner.
    below = theory.noisy_spike(point["eigenvalue"], point["t"]) < math.sqrt(point["gamma"])
    overlap, limit = _diffused(point, 10**5 if below else 10**8, size, rng)
    return np.asarray(np.abs(overlap - limit) > 1e-2, dtype=np.float64)


_DENSE = st.fixed_dictionaries(
    {
        "n": st.integers(40, 80),
        "p": st.integers(20, 60),
        "eigenvalue": log_uniform(0.1, 100.0),
        "share": st.integers(2, 20).map(lambda k: k / 100),
    }
)


def _dense_time(point: Point) -> float:
    """Time at which the noise is so large a share of the critical one."""
    critical = point["eigenvalue"] * math.sqrt(point["n"] / point["p"])
    return 0.5 * math.log1p(point["share"] * critical)


def _dense_limit(point: Point) -> tuple[float, float]:
    """The limit, and what finite n may add to the mean: of the order of 1/n."""
    spike = theory.noisy_spike(point["eigenvalue"], _dense_time(point))
    limit = float(theory.spiked_overlap(spike, point["p"] / point["n"]))
    return limit - 4 / point["n"], limit + 4 / point["n"]


def _dense_overlap(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared overlap of the leading direction of diffused data with the true one."""
    n, p, t = point["n"], point["p"], _dense_time(point)
    scale = math.sqrt(point["eigenvalue"])
    found = np.empty(size)
    for k in range(size):
        direction = rng.standard_normal(p)
        direction = direction / float(np.linalg.norm(direction))
        clean = scale * np.outer(rng.standard_normal(n), direction)
        noisy, _ = impl.forward_noise(clean, t, rng=rng)
        # At these points the gap is wide.
        _, vector = impl.power_iteration(noisy.T @ noisy, rng.standard_normal(p), 24)
        found[k] = min(float(vector @ direction) ** 2, 1.0)
    return found


def _limit_error(n: float, rng: np.random.Generator) -> float:
    point = {"gamma": 0.5, "eigenvalue": 1.0, "t": 0.25}
    overlap, limit = _diffused(point, round(0.5 * n), 16, rng)
    return float(np.abs(overlap - limit).mean())


def _drawn_curve() -> dict[str, Any]:
    """The rank-one curve: n = 2000, p = 1000, one eigenvalue 1."""
    n, p, rng = 2000, 1000, np.random.default_rng(0)
    levels = np.geomspace(0.05, 5.0, 16)
    spikes = 1 / np.square(levels)
    means = [float(impl.reduced_draws(n, p, s, size=64, rng=rng)[1].mean()) for s in spikes]
    return {
        "data": f"rank one, eigenvalue 1, n = {n}, p = {p}",
        "sigma": levels.tolist(),
        "sine, simulated": np.sqrt(1 - np.array(means)).tolist(),
        "sine, theory": np.sqrt(1 - theory.spiked_overlap(spikes, p / n)).tolist(),
    }


# --- WDMG-03: more data, more noise ---------------------------------------------------------------


def _wrongly_tracked(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Whether a draw is on the wrong side of half the limit at so much less noise."""
    n, p = near_sizes(point["gamma"], 10**5)
    value = point["eigenvalue"]
    critical = float(theory.critical_noise(value, p / n))
    less = critical * (1 - point["away"])
    half = 0.5 * float(theory.spiked_overlap(value / less, p / n))
    tracked = point["side"] == "less"
    noise = less if tracked else critical * (1 + point["away"])
    _, overlap = impl.reduced_draws(n, p, value / noise, sigma2=noise, size=size, rng=rng)
    return np.asarray((overlap < half) if tracked else (overlap > half), dtype=np.float64)


_COUNTS = sizes(2, 10**4)
_NOISES = log_uniform(1e-2, 1e2)


def _gain_of_data(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By how much twice the samples raise the squared overlap, at the same noise."""
    few, many = (
        impl.reduced_draws(n, point["p"], 1 / point["noise"], size=size, rng=rng)[1]
        for n in (point["n"], 2 * point["n"])
    )
    return np.asarray(many - few)


@st.composite
def _half_lost(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, share}: noise at which n samples lose much of what twice as many see."""
    return {"gamma": draw(GAMMAS), "share": draw(_LOSING)}


#: Of the critical noise of n samples; that of 2 n is larger by the root of two.
_LOSING = st.integers(50, 125).map(lambda k: k / 100)
#: Rises are cut off at so many times what the limit says.
_MOST_RISE = 4.0


def _rise(point: Point, rng: np.random.Generator, size: int) -> Array:
    """The rise of the squared overlap from n to 2 n samples, in units of that of the limit."""
    n, p = near_sizes(point["gamma"], 400)
    spike = math.sqrt(p / n) / point["share"]
    few, many = (impl.reduced_draws(m, p, spike, size=size, rng=rng)[1] for m in (n, 2 * n))
    limit = theory.spiked_overlap(spike, p / (2 * n)) - theory.spiked_overlap(spike, p / n)
    return np.asarray(np.clip((many - few) / float(limit), -_MOST_RISE, _MOST_RISE))


_HALF_P = 1000


def _half_noise(n: float, rng: np.random.Generator) -> float:
    """The standard deviation of the noise at which the mean squared overlap is one half."""
    seed = int(rng.integers(2**32))
    low, high = 1.0, 1e3
    for _ in range(14):
        sigma = math.sqrt(low * high)
        _, overlap = impl.reduced_draws(int(n), _HALF_P, sigma**-2, size=16, rng=seed)
        if overlap.mean() > 0.5:
            low = sigma
        else:
            high = sigma
    return math.sqrt(low * high)


_LIMIT_ROUTES = ("theory: the limit at s(t)", "impl: the exact reduction of diffused data")

CLAIMS = (
    Claim(
        id="WDMG-02",
        title="rank one: the denoiser depends on noise and samples by N08-2 at the spike of time t",
        source=f"{_SOURCE}, abstract and Section 3",
        statement=r"\langle u^t, u\rangle^2 \to \frac{1-\gamma/s_t^2}{1+\gamma/s_t}"
        r" \text{ for } s_t > \sqrt\gamma,\text{ else } 0,\quad s_t = \lambda/(e^{2t}-1)"
        r" \text{ or } \lambda/\sigma_t^2,\quad \gamma = p/n",
        reading="'can be expressed analytically' (abstract): in closed form, in the limit; as a"
        " function of t it is not analytic where s_t = sqrt(gamma)",
        evidence=(
            MeanTest(
                domain=_in_time(),
                draw=_limit_missed,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=_LIMIT_ROUTES,
                first=128,
            ),
            MeanTest(
                domain=_DENSE,
                draw=_dense_overlap,
                allowed=_dense_limit,
                effect=0.15,
                bounds=(0.0, 1.0),
                routes=("theory: the limit at s(t)", "impl: power iteration on diffused data"),
                first=128,
            ),
            ExponentTest(
                sizes=(10**3, 10**4, 10**5, 10**6, 10**7),
                draw=_limit_error,
                allowed=(-0.5, -0.5),
                effect=0.03,
                routes=_LIMIT_ROUTES,
                replicates=lambda _n: 32,
                short=3,
            ),
        ),
        needs=("N08-2",),
        constants=lambda outcomes: {
            "exponent of the error in n": tuple(outcomes[2].figures["interval"])
        },
        data=lambda: {"figure 2, rank one": _drawn_curve(), "figure 2, digits": digits_curves()},
        note="The ledger has Figure 2: sines of angles against the noise, theory and simulation.",
    ),
    Claim(
        id="WDMG-03",
        title="more training data make the denoiser robust to more noise",
        source=f"{_SOURCE}, Section 3",
        statement=r"\sigma_c^2 = \lambda\sqrt{n/p},\quad E\langle u^t, u\rangle^2"
        r" \text{ rises with } n",
        reading="never falls at any n and p up to 10^4; rises by half of what its limit does or"
        " more where the noise is half the critical one to five fourths of it",
        evidence=(
            MeanTest(
                domain=noise_points(),
                draw=_wrongly_tracked,
                allowed=lambda _point: (0.0, 0.1),
                effect=0.35,
                bounds=(0.0, 1.0),
                routes=("theory: the critical noise", "impl: the exact reduction at 10^5"),
                first=128,
            ),
            MeanTest(
                domain=st.fixed_dictionaries({"n": _COUNTS, "p": _COUNTS, "noise": _NOISES}),
                draw=_gain_of_data,
                allowed=lambda _point: (0.0, 1.0),
                effect=0.06,
                bounds=(-1.0, 1.0),
                routes=("impl: the exact reduction with n samples", "and with 2 n samples"),
                first=1024,
            ),
            MeanTest(
                domain=_half_lost(),
                draw=_rise,
                allowed=lambda _point: (0.5, 1.5),
                effect=0.2,
                bounds=(-_MOST_RISE, _MOST_RISE),
                routes=(
                    "impl: the exact reduction with n and 2 n samples, min(n, p) = 400",
                    "theory: half to one and a half of the rise of the limit",
                ),
                first=256,
            ),
            ExponentTest(
                sizes=(10**6, 10**7, 10**8, 10**9),
                draw=_half_noise,
                allowed=(0.25, 0.25),
                effect=0.01,
                routes=("impl: noise at which the overlap is 1/2, p = 1000", "theory: n^(1/4)"),
                replicates=lambda _n: 8,
                short=3,
            ),
        ),
        needs=("N08-3",),
        constants=lambda outcomes: {
            "exponent in n of the sigma at which the overlap is 1/2": tuple(
                outcomes[3].figures["interval"]
            )
        },
        note="At fixed p the tolerable standard deviation of the noise grows like n^(1/4).",
    ),
)
