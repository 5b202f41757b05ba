"""WDMG-10 and 11: schedules of one level, which depends on the number of steps, and in general."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata.checks._chain import (
    ball_overlap,
    ball_spectrum,
    decays,
    eigenvalues_at,
    far_chains,
    near_transition,
    spikes_at,
    step_decays,
    weight_bound,
)
from lemmata.checks._compare import bound_slack
from lemmata.checks._energies import RANK, sizes_of_digits
from lemmata.checks._schedules import (
    LEFT,
    ball_bound_at,
    ball_ratio,
    ball_share_of,
    bound_at,
    excess_bound,
    gap_noise,
    left_noise,
    sample_excess,
    schedule_search,
    share_of,
    total_decay,
)
from lemmata.checks._spectra import digits_spectrum
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_FIGURE = f"{_SOURCE}, Figure 6 with eqs. (17) and (26)"
_THREAD = "Weitzner et al. 2024, review thread"
_LINE = f"{_SOURCE}, line 354; review thread"

_FAR = far_chains()
_NUMBERS = log_uniform(1e3, 1e9).map(round)
_ANY_NUMBER = sizes(1, 10**9)
#: Of the share T^-q of the noise, for q below one.
_POWERS = st.integers(0, 19).map(lambda k: k / 20)


@st.composite
def _scheduled(
    draw: st.DrawFn, *, numbers: st.SearchStrategy[int] = _NUMBERS, power: bool = False
) -> dict[str, Any]:
    """A spectrum, the noise of a single step, the number of steps, and the power of it."""
    point = draw(_FAR)
    point["steps"] = draw(numbers)
    if power:
        point["power"] = draw(_POWERS)
    return point


# --- WDMG-10: samples, and the spectrum of the mean -----------------------------------------------


def _spectrum_slack(point: Point) -> float:
    """Of the sum over j > 0 of (w_j / w_0)^2 <= its bound, after T steps at one level."""
    decay, twice = step_decays(point), 2.0 * point["steps"]
    spikes = spikes_at(point)
    rates = weight_bound(spikes[1:], spikes[0], point["gamma"], log=np.log1p)
    # The largest term, which may underflow, apart: both sums are in its units.
    unit = float(rates.min())
    found = np.exp(-twice * (decay[1:] - decay[0] - unit)).sum()
    return bound_slack(float(found), float(np.exp(-twice * (rates - unit)).sum()))


def _ball_spectrum_slack(point: Point) -> arb:
    gamma, twice = arb(point["gamma"]), 2 * int(point["steps"])
    spectrum = ball_spectrum(point)
    first = ball_overlap(spectrum[0], gamma)
    found = sum(((ball_overlap(low, gamma) / first) ** twice for low in spectrum[1:]), arb(0))
    bound = arb(0)
    for low in spectrum[1:]:
        rate: arb = weight_bound(low, spectrum[0], gamma, log=arb.log1p)
        bound += (-twice * rate).exp()
    return bound_slack(found, bound)


def _spectrum_noise(point: Point) -> float:
    """Rounding of the rates, times the steps."""
    if near_transition(point):
        return math.inf
    return float(1e-10 + 1e-14 * point["steps"] * (1 + step_decays(point)[0]))


def _slow_slack(point: Point) -> float:
    """1/share - 1 of u_0 at the share T^(-1/2) of the point's noise, against its bound."""
    steps, gamma = point["steps"], point["gamma"]
    spikes = spikes_at(point) * math.sqrt(steps)
    rates = weight_bound(spikes[1:], spikes[0], gamma, log=np.log1p)
    others = np.exp(-(2 * steps - 2) * rates).tolist()
    found = sample_excess(point, np.full(steps, steps**-0.5))
    return bound_slack(found, float(excess_bound(spikes[0], others, gamma)))


def _ball_slow_slack(point: Point) -> arb:
    steps, gamma = int(point["steps"]), arb(point["gamma"])
    spikes = [spike * arb(steps).sqrt() for spike in ball_spectrum(point)]
    kept = [ball_overlap(spike, gamma) for spike in spikes]
    powers = sum(((c / kept[0]) ** (2 * steps - 2) for c in kept[1:]), arb(0))
    found = (1 + powers) / kept[0] - 1
    others = []
    for low in spikes[1:]:
        rate: arb = weight_bound(low, spikes[0], gamma, log=arb.log1p)
        others.append((-(2 * steps - 2) * rate).exp())
    bound: arb = excess_bound(spikes[0], others, gamma)
    return bound_slack(found, bound)


def _slow_noise(point: Point) -> float:
    spikes = spikes_at(point) * math.sqrt(point["steps"])
    near = np.abs(spikes / math.sqrt(point["gamma"]) - 1) < 1e-3
    return math.inf if near.any() else 1e-8


#: Every step is a row of the kernel's input.
_SUMMED = log_uniform(2.0, 1000.0).map(round)


def _settled(point: Point) -> tuple[Array, Array]:
    """Relative distance of T d(v/T) from gamma v / lambda, and what it is at most."""
    steps, gamma = point["steps"], point["gamma"]
    small = 1 / spikes_at(point) / steps
    error = np.abs(total_decay(point, np.array([1 / steps])) / (gamma * small) - 1)
    return error, 2 * small * (1 + gamma * small) + 2 * gamma * small * (1 + small) ** 2


def _settled_slack(point: Point) -> float:
    error, bound = _settled(point)
    return float((1 - error / bound).min())


def _ball_settled_slack(point: Point) -> arb:
    steps, gamma = arb(int(point["steps"])), arb(point["gamma"])
    least = arb(1)
    for spike in ball_spectrum(point):
        small = 1 / spike / steps
        decay = -ball_overlap(1 / small, gamma).log()
        bound = 2 * small * (1 + gamma * small) + 2 * gamma * small * (1 + small) ** 2
        least = least.min(1 - abs(decay / (gamma * small) - 1) / bound)
    return least


def _settled_noise(point: Point) -> float:
    """Rounding is relative to T d; the bound falls like 1/T."""
    _, bound = _settled(point)
    return float(1e-14 / bound.min())


@st.composite
def _settling(draw: st.DrawFn) -> dict[str, Any]:
    """Schedules with gamma (v / lambda)^2 at most a half at the level, of every direction."""
    point = draw(_SCHEDULED)
    last = eigenvalues_at(point)[-1] / eigenvalues_at(point)[0]
    most = point["share"] / last
    point["steps"] = max(point["steps"], math.ceil(1.5 * most))
    return point


_SCHEDULED = _scheduled()


# --- WDMG-11: the mean ----------------------------------------------------------------------------


def _constant_slack(point: Point) -> float:
    decay = step_decays(point)
    return float(share_of(bound_at(point, 1.0), decay[1] - decay[0]))


def _ball_constant_slack(point: Point) -> arb:
    return ball_share_of(ball_bound_at(point, arb(1)), ball_ratio(point, arb(1)))


def _many_slack(point: Point) -> float:
    """Of T^(1 - q) times the rate at the point's noise <= the total at its share T^-q."""
    level = float(point["steps"]) ** -point["power"]
    decay = total_decay(point, np.array([level]))
    return float(share_of(level * bound_at(point, 1.0), decay[1] - decay[0]))


def _ball_many_slack(point: Point) -> arb:
    level = arb(int(point["steps"])) ** -arb(point["power"])
    return ball_share_of(level * ball_bound_at(point, arb(1)), ball_ratio(point, level))


def _many_noise(point: Point) -> float:
    level = float(point["steps"]) ** -point["power"]
    near = np.abs(spikes_at(point) / level / math.sqrt(point["gamma"]) - 1) < 1e-3
    return math.inf if near.any() else gap_noise({**point, "share": point["share"] * level})


def _totals(_outcomes: object) -> Constants:
    """log of w_0 / w_1 on the digits for sigma_t^2 = 0.05 T^-q."""
    n, p = sizes_of_digits()
    values = digits_spectrum()[:RANK]
    found: Constants = {}
    for power in (0.0, 0.5, 0.9, 1.0, 1.5):
        for steps in (1e3, 1e6, 1e9):
            decay = decays(values[None, :] / (0.05 * steps**-power), p / n)
            found[f"log(w_0 / w_1) on the digits, q = {power:g}, T = {steps:g}"] = float(
                steps * (decay[1] - decay[0])
            )
    return found


def _level_left(point: Point) -> float:
    """What is left of (w_1 / w_0)^2 at the level 1/T of the point's noise, T steps."""
    steps = point["steps"]
    decay = total_decay(point, np.array([1 / steps])) * steps
    return LEFT - math.exp(-2 * float(decay[1] - decay[0]))


def _ball_level_left(point: Point) -> arb:
    steps = arb(int(point["steps"]))
    ratio = ball_ratio(point, 1 / steps)
    return arb(LEFT) - ((-2 * steps * ratio).exp() if ratio.is_finite() else arb(0))


@st.composite
def _any_schedule(draw: st.DrawFn) -> dict[str, Any]:
    """Noise below that at which the second direction has gamma / s^2 = 1/2, any schedule."""
    point = {"spectrum": draw(_DRAWN), "gamma": draw(_GAMMA), "share": draw(_SHARE)}
    values = eigenvalues_at(point)
    point["share"] = float(point["share"] * values[1] / values[0])
    point["levels"] = draw(_LEVELS)
    return point


_DRAWN = log_uniform(1.0, 1e4).map(lambda x: [1.0, 1 / (1 + x)])
_GAMMA = log_uniform(1e-3, 1e3)
_SHARE = log_uniform(1e-6, 0.7)
_LEVELS = st.lists(log_uniform(1e-9, 1.0), min_size=1, max_size=8)


def _sum_slack(point: Point) -> float:
    """Of sum bound <= sum log(c_0/c_1) <= C sum of the noise variances."""
    levels = np.asarray(point["levels"])
    decay = total_decay(point, levels)
    total = float(decay[1] - decay[0])
    low = sum(bound_at(point, level) for level in levels.tolist())
    small = levels / spikes_at(point)[1]
    high = float((2 * point["gamma"] * small * (1 + small)).sum())
    return min(1 - low / total, 1 - total / high)


def _ball_sum_slack(point: Point) -> arb:
    gamma, spike = arb(point["gamma"]), ball_spectrum(point)[1]
    low, total, high = arb(0), arb(0), arb(0)
    for value in point["levels"]:
        level = arb(value)
        low += ball_bound_at(point, level)
        total += ball_ratio(point, level)
        high += 2 * gamma * level / spike * (1 + level / spike)
    return (1 - low / total).min(1 - total / high)


CLAIMS = (
    Claim(
        id="WDMG-10:mean",
        title="the spectrum of (E P)(E P)^T concentrates on the leading eigenvector",
        source=_FIGURE,
        statement=r"\sum_{j > 0} \Big(\prod_{t \le T} \frac{c_j(t)}{c_0(t)}\Big)^2 \le"
        r" \sum_{j > 0} \Big(\frac{1 + \gamma/s_0}{1 + \gamma/s_j}\Big)^{2T} \to 0",
        reading="the spectrum of (24) in units of its largest value, all directions, T up to 10^9;"
        " constant noise, fresh data, distinct eigenvalues, n and p large",
        evidence=(
            schedule_search(
                _scheduled(numbers=_ANY_NUMBER),
                _spectrum_slack,
                _ball_spectrum_slack,
                _spectrum_noise,
            ),
        ),
        needs=("WDMG-08r",),
        note="The share of u_0 is one over one plus the left side: this is the spectrum for which"
        " the authors are right at constant noise, while that of samples is WDMG-10r's.",
    ),
    Claim(
        id="WDMG-10:slow",
        title="at noise variance c/sqrt(T) the samples concentrate, too",
        source=_FIGURE,
        statement=r"\frac{E|x|^2}{E\langle x, u_0\rangle^2} - 1 \le \ell + (1 + \ell)"
        r" \sum_{j > 0} \Big(\frac{1 + \gamma/s_0}{1 + \gamma/s_j}\Big)^{2T - 2} \to 0,"
        r" \quad \ell = \frac{\gamma (1 + 1/s_0)}{s_0 (1 - \gamma/s_0^2)}",
        reading="sigma_t^2 = c T^(-1/2) at all T steps, s_i = lambda_i / sigma_t^2, fresh data,"
        " n and p large; the authors: 'it is possible to select many other schedules'",
        evidence=(
            schedule_search(
                _scheduled(numbers=_SUMMED), _slow_slack, _ball_slow_slack, _slow_noise
            ),
        ),
        needs=("WDMG-10r",),
        note="l is what the last step puts off the signal space; it falls with its noise, T (1/s_j"
        " - 1/s_0) grows like sqrt(T). So it goes for every c T^-q with 0 < q < 1.",
    ),
    Claim(
        id="WDMG-10:one-over-t",
        title="at noise variance c/T the spectrum settles on several eigenvectors",
        source=_THREAD,
        statement=r"\prod_{t \le T} c_i(t) \to e^{-\gamma c/\lambda_i}",
        reading="sigma_t^2 = c/T at all T steps, fresh data; the reviewer: it is 'not changing"
        " anymore, achieving a stable solution'",
        evidence=(
            schedule_search(_settling(), _settled_slack, _ball_settled_slack, _settled_noise),
        ),
        needs=("WDMG-08r", "WDMG-10r"),
        note="With u = c/(lambda T): -log c_i = log(1 + gamma u (1 + u)/(1 - gamma u^2)), which"
        " for gamma u^2 <= 1/2 is gamma u up to a share of 2u(1 + gamma u) + 2 gamma u (1 + u)^2."
        " The normalised spectrum of the mean's square and of the samples tends to"
        " exp(-2 gamma c / lambda_i), none of which is zero.",
    ),
    Claim(
        id="WDMG-11",
        title="there are many schedules that make the mean concentrate",
        source=_LINE,
        statement=r"\exists\,(\sigma_t): \; \prod_{t \le T} \frac{c_1(t)}{c_0(t)} \to 0;"
        r" \quad \sigma_t^2 = c\,T^{-q},\, 0 \le q < 1: \; \sum_{t \le T}"
        r" \log\frac{c_0(t)}{c_1(t)} \ge T^{1 - q} \log\frac{1 + \gamma c/\lambda_1}"
        r"{1 + \gamma c/\lambda_0} \to \infty",
        reading="the authors: 'many other schedules suffices for the proof'; shown by a family, the"
        " same level c T^-q at all T steps; distinct eigenvalues, c below the critical noise of"
        " u_0",
        evidence=(
            schedule_search(
                _scheduled(numbers=_ANY_NUMBER, power=True),
                _many_slack,
                _ball_many_slack,
                _many_noise,
            ),
        ),
        constants=_totals,
        needs=("WDMG-08r",),
        note="log((1 + gamma v/lambda_1) / (1 + gamma v/lambda_0)) is concave in v and zero at"
        " zero, so that a share of the noise has at least that share of the rate. Others are"
        " those that accumulate (WDMG-11:cumulative-variance, WDMG-11:cumulative-deviation);"
        " c/T is none (WDMG-11:level-one-over-t). Which ones do in general: WDMG-11r.",
    ),
    Claim(
        id="WDMG-11:level-one-over-t",
        title="noise variance c/T at every step makes the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t^2 = c/T: \quad \prod_{t \le T} c_1(t)/c_0(t) \to 0",
        reading="the same level at all T steps; tested: less than a twentieth is left of the square"
        " of the product after 10^3 to 10^9 steps",
        evidence=(
            schedule_search(_scheduled(), _level_left, _ball_level_left, left_noise, clear=0.5),
        ),
        needs=("WDMG-08r",),
        note="T log(c_0/c_1) tends to gamma c (1/lambda_1 - 1/lambda_0), which is finite: see"
        " WDMG-10:one-over-t. The slack is 0.05 minus (w_1/w_0)^2 after T steps.",
    ),
    Claim(
        id="WDMG-11:constant",
        title="constant noise makes the mean concentrate",
        source=_LINE,
        statement=r"\log(c_0/c_1) \ge \log\frac{1 + \gamma/s_1}{1 + \gamma/s_0} > 0",
        reading="the same sigma at all steps, T -> infinity, distinct eigenvalues",
        evidence=(schedule_search(_FAR, _constant_slack, _ball_constant_slack, gap_noise),),
        needs=("WDMG-08r",),
    ),
    Claim(
        id="WDMG-11r",
        title="the mean concentrates if and only if the noise variances sum to infinity",
        source=_LINE,
        statement=r"\sum_t \log\frac{1 + \gamma\sigma_t^2/\lambda_1}{1 + \gamma\sigma_t^2/"
        r"\lambda_0} \le \sum_t \log\frac{c_0(t)}{c_1(t)} \le \sum_t \frac{2\gamma\sigma_t^2}"
        r"{\lambda_1}\Big(1 + \frac{\sigma_t^2}{\lambda_1}\Big)",
        reading="lambda_0 > lambda_1, gamma sigma_t^4 <= lambda_1^2 / 2; at a step with gamma"
        " sigma_t^4 >= lambda_1^2 the ratio is infinite at once",
        repairs="WDMG-11:level-one-over-t",
        evidence=(schedule_search(_any_schedule(), _sum_slack, _ball_sum_slack, gap_noise),),
        needs=("WDMG-08r",),
        note="c = (1 - gamma u^2)/(1 + gamma u), u = sigma^2/lambda, so log(c_0/c_1) is that of"
        " the second factor plus log((1 - gamma u_0^2)/(1 - gamma u_1^2)) >= 0, and at most -log"
        " c_1 <= gamma u_1 (1 + u_1)/(1 - gamma u_1^2). Of levels c T^-q at T steps those with"
        " q < 1 concentrate, of levels c t T^-q (noise added step by step) those with q < 2.",
    ),
)
