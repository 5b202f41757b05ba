"""WDMG-10, 11, 13: noise that accumulates over the steps, so that little is left at the last."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import theory
from lemmata.checks._chain import (
    ball_overlap,
    ball_spectrum,
    far_chains,
    spikes_at,
    weight_bound,
)
from lemmata.checks._compare import bound_slack
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
from lemmata.checks._spectra import spectra
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024"
_FIGURE = f"{_SOURCE}, Figure 6 with eqs. (17) and (26)"
_LINE = f"{_SOURCE}, line 354; review thread"

#: Every step of every direction is a product of balls; the bounds are monotone in T.
_LENGTHS = log_uniform(2.0, 400.0).map(round)
_MANY = log_uniform(100.0, 400.0).map(round)
_FAR = far_chains()


@st.composite
def _accumulated(draw: st.DrawFn, *, lengths: st.SearchStrategy[int] = _LENGTHS) -> dict[str, Any]:
    """A spectrum, the noise of the first denoiser, which is the largest, and the steps."""
    point = draw(_FAR)
    point["steps"] = draw(lengths)
    return point


def _levels(steps: int, power: int) -> Array:
    """Shares of the largest noise variance: (t / T)^power."""
    return np.asarray((np.arange(1, steps + 1) / steps) ** power)


def _ball_levels(steps: int, power: int) -> list[arb]:
    return [(arb(t) / steps) ** power for t in range(1, steps + 1)]


# --- Samples --------------------------------------------------------------------------------------


def _exponent(steps: Any, power: int) -> Any:
    """sum_(t < T) of (level_t + level_(t + 1)), in closed form."""
    if power == 1:
        return steps - 1 / steps
    return (2 * steps + 1 / steps) / 3 - 1 / steps**2


def _sample_slack(point: Point, power: int) -> float:
    steps, gamma, spikes = point["steps"], point["gamma"], spikes_at(point)
    rates = weight_bound(spikes[1:], spikes[0], gamma, log=np.log1p)
    others = np.exp(-_exponent(steps, power) * rates).tolist()
    bound = excess_bound(spikes[0] * steps**power, others, gamma)
    return bound_slack(sample_excess(point, _levels(steps, power)), float(bound))


def _ball_sample_slack(point: Point, power: int) -> arb:
    steps, gamma = arb(int(point["steps"])), arb(point["gamma"])
    spectrum = ball_spectrum(point)
    levels = _ball_levels(int(point["steps"]), power)
    ratios = [arb(1) for _ in spectrum]
    for place, level in enumerate(levels):
        kept = [ball_overlap(spike / level, gamma) for spike in spectrum]
        ends = place in (0, len(levels) - 1)
        ratios = [
            w * (c / kept[0]) ** (1 if ends else 2) for w, c in zip(ratios, kept, strict=True)
        ]
    found = sum(ratios, arb(0)) / ball_overlap(spectrum[0] / levels[0], gamma) - 1
    others = []
    for low in spectrum[1:]:
        rate: arb = weight_bound(low, spectrum[0], gamma, log=arb.log1p)
        others.append((-_exponent(steps, power) * rate).exp())
    bound: arb = excess_bound(spectrum[0] * steps**power, others, gamma)
    return bound_slack(found, bound)


def _sample_search(power: int) -> Search:
    return schedule_search(
        _accumulated(),
        lambda point: _sample_slack(point, power),
        lambda point: _ball_sample_slack(point, power),
        # A component that is nearly lost is as small as it is inexact.
        lambda _point: 1e-8,
        effort=0.5,
    )


# --- The mean -------------------------------------------------------------------------------------


def _mean_slack(point: Point, power: int) -> float:
    steps = point["steps"]
    decay = total_decay(point, _levels(steps, power))
    bound = steps / (power + 1) * bound_at(point, 1.0)
    return float(share_of(bound, decay[1] - decay[0]))


def _ball_mean_slack(point: Point, power: int) -> arb:
    steps = int(point["steps"])
    total = sum((ball_ratio(point, level) for level in _ball_levels(steps, power)), arb(0))
    return ball_share_of(arb(steps) / (power + 1) * ball_bound_at(point, arb(1)), total)


def _mean_search(power: int) -> Search:
    return schedule_search(
        _accumulated(),
        lambda point: _mean_slack(point, power),
        lambda point: _ball_mean_slack(point, power),
        gap_noise,
        effort=0.5,
    )


def _independent_left(point: Point) -> float:
    """What is left of (w_1 / w_0)^2 at the levels t/T^2 of the point's noise."""
    steps = point["steps"]
    decay = total_decay(point, np.arange(1, steps + 1) / steps**2)
    return LEFT - math.exp(-2 * float(decay[1] - decay[0]))


def _ball_independent_left(point: Point) -> arb:
    steps = int(point["steps"])
    total = sum((ball_ratio(point, arb(t) / steps**2) for t in range(1, steps + 1)), arb(0))
    return arb(LEFT) - ((-2 * total).exp() if total.is_finite() else arb(0))


# --- Clean-image denoisers ------------------------------------------------------------------------

_PAIRS = spectra(most=2, range_=(1e-3, 1e3), distinct=True, zeros=False, fall=1e-2)
_SCALES = log_uniform(1e-3, 1e3)
_POWERS = st.sampled_from([1, 2])
_CLEAN_LENGTHS = log_uniform(2.0, 2000.0).map(round)


@st.composite
def _clean(draw: st.DrawFn) -> dict[str, Any]:
    """Two eigenvalues, the largest noise variance, the steps, and how it accumulates."""
    point = draw(_PAIRS)
    point["scale"] = point["eigenvalues"][1] * draw(_SCALES)
    point["steps"] = draw(_CLEAN_LENGTHS)
    point["power"] = draw(_POWERS)
    return point


def _clean_slack(point: Point) -> float:
    """Of (T / (q + 1)) times the last step's share <= the log of the ratio."""
    steps, power = point["steps"], point["power"]
    levels = point["scale"] * _levels(steps, power)
    values = np.asarray(point["eigenvalues"])
    logs = np.asarray(theory.clean_chain_log_gain(values[:, None], levels, 1.0)).sum(axis=1)
    largest = math.log1p(point["scale"] / values[1]) - math.log1p(point["scale"] / values[0])
    return bound_slack(float(steps / (power + 1) * largest), float(logs[0] - logs[1]))


def _ball_clean_slack(point: Point) -> arb:
    first, second = (arb(x) for x in point["eigenvalues"])
    steps, power, scale = int(point["steps"]), point["power"], arb(point["scale"])
    gains = arb(1)
    for level in _ball_levels(steps, power):
        noise = scale * level
        gains *= (first / (first + noise)) / (second / (second + noise))
    largest: arb = (1 + scale / second).log() - (1 + scale / first).log()
    total: arb = gains.log()
    slack: arb = bound_slack(arb(steps) / (power + 1) * largest, total)
    return slack


def _clean_noise(point: Point) -> float:
    first, second = point["eigenvalues"]
    return 1e-12 * float(first / (first - second))


_FINAL = (
    r"\frac{E|x|^2}{E\langle x, u_0\rangle^2} - 1 \le \ell + (1 + \ell) \sum_{j > 0} \Big(\frac{1 +"
    r" \gamma/s_0}{1 + \gamma/s_j}\Big)"
)
_CONCAVE = (
    "log((1 + a v) / (1 + b v)), a > b, is concave in v and zero at zero, so that a step at a share"
    " of the noise has at least that share of the rate at the whole noise."
)

CLAIMS = (
    Claim(
        id="WDMG-10:cumulative-variance",
        title="samples concentrate where variances add up: noise variance c t/T at step t",
        source=f"{_FIGURE}; line 354",
        statement=_FINAL + r"^{T - 1/T} \to 0, \quad \ell = \frac{\gamma(1 + 1/(T s_0))}{T s_0"
        r" (1 - \gamma/(T s_0)^2)}",
        reading="each of T forward steps adds noise of variance c/T, so that the denoiser of step t"
        " meets sigma_t^2 = c t/T; s_i = lambda_i / c, c below the critical noise of u_0; n and p"
        " large, fresh data; T up to 400, as balls follow every step, and the bound falls with T",
        evidence=(_sample_search(1),),
        needs=("WDMG-10r",),
        note="The authors are right under this reading, about samples too: the last projection,"
        " t = 1, has noise c/T and puts hardly anything off the signal space (l), and the others"
        " lose like the T-th power. By WDMG-10r 1 + the left side is the sum over j of (1/c_0(1))"
        " (c_j(1) c_j(T) / c_0(1) c_0(T)) times the product over 1 < t < T of (c_j(t)/c_0(t))^2. "
        + _CONCAVE
        + " The shares t/T, the first and the last counted once and the others twice, sum to"
        " T - 1/T.",
    ),
    Claim(
        id="WDMG-10:cumulative-deviation",
        title="samples concentrate where deviations add up: noise deviation c t/T at step t",
        source=f"{_FIGURE}; line 354",
        statement=_FINAL + r"^{(2T + 1/T)/3 - 1/T^2} \to 0, \quad \ell = \frac{\gamma(1 + 1/(T^2"
        r" s_0))}{T^2 s_0 (1 - \gamma/(T^2 s_0)^2)}",
        reading="sigma_t = c t/T, the level itself grows by the stepsize c/T of line 354;"
        " s_i = lambda_i / c^2, and as WDMG-10:cumulative-variance otherwise",
        evidence=(_sample_search(2),),
        needs=("WDMG-10r",),
        note="As WDMG-10:cumulative-variance, with the shares (t/T)^2 of the largest variance."
        " Independent steps of deviation c/T add up to less, sigma_t^2 = c^2 t/T^2: those do not"
        " concentrate (WDMG-11:independent-steps).",
    ),
    Claim(
        id="WDMG-11:cumulative-variance",
        title="per-step variance c/T, summed up, makes the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t^2 = c\,t/T: \quad \sum_{t \le T} \log\frac{c_0(t)}{c_1(t)} \ge"
        r" \frac{T}{2} \log\frac{1 + \gamma c/\lambda_1}{1 + \gamma c/\lambda_0} \to \infty",
        reading="noise of variance c/T is added at each of T steps; distinct eigenvalues, c below"
        " the critical noise of u_0",
        evidence=(_mean_search(1),),
        needs=("WDMG-08r",),
        note=_CONCAVE + " The shares t/T sum to (T + 1)/2.",
    ),
    Claim(
        id="WDMG-11:cumulative-deviation",
        title="per-step deviation c/T, summed up, makes the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t = c\,t/T: \quad \sum_{t \le T} \log\frac{c_0(t)}{c_1(t)} \ge"
        r" \frac{T}{3} \log\frac{1 + \gamma c^2/\lambda_1}{1 + \gamma c^2/\lambda_0} \to \infty",
        reading="the level grows by c/T at each of T steps; distinct eigenvalues, c^2 below the"
        " critical noise variance of u_0",
        evidence=(_mean_search(2),),
        needs=("WDMG-08r",),
        note=_CONCAVE + " The shares (t/T)^2 sum to more than T/3.",
    ),
    Claim(
        id="WDMG-11:independent-steps",
        title="independent steps of deviation c/T make the mean concentrate",
        source=_LINE,
        statement=r"\sigma_t^2 = c^2 t/T^2: \quad \prod_{t \le T} c_1(t)/c_0(t) \to 0",
        reading="independent noise of deviation c/T is added at each of T steps, so that 'more"
        " sampling steps result in smaller amount of noise at the end' (reviewer); tested: less"
        f" than {LEFT:g} is left of the square of the product after 100 to 400 steps",
        evidence=(
            schedule_search(
                _accumulated(lengths=_MANY),
                _independent_left,
                _ball_independent_left,
                left_noise,
                effort=0.5,
                clear=0.5,
            ),
        ),
        needs=("WDMG-08r",),
        note="The variances sum to c^2 (T + 1)/(2T), bounded: the weights tend to"
        " exp(-gamma c^2 / 2 lambda_i), and the spectrum stays on several directions.",
    ),
    Claim(
        id="WDMG-13:cumulative",
        title="iterated clean-image denoisers concentrate where noise accumulates",
        source=f"{_SOURCE}, Theorem 4.3 and the discussion of its schedule",
        statement=r"-\log(g_2/g_1) \ge \frac{T}{q + 1} \log\frac{1 + c/\lambda_2}{1 + c/\lambda_1}"
        r" \to \infty \text{ with } \sigma_t^2 = c\,(t/T)^q",
        reading="denoisers of the population x_t -> x_0; variances (q = 1) or deviations (q = 2)"
        " add up over T steps; distinct eigenvalues, any c; T up to 2000, as balls follow every"
        " step",
        evidence=(
            Search(
                domain=_clean(),
                slack=_clean_slack,
                exact=_ball_clean_slack,
                routes=(
                    "theory: gains of the chain in closed form",
                    "balls: Wiener gains, step by step",
                ),
                noise=_clean_noise,
                effort=0.5,
            ),
        ),
        note="-log(g_2/g_1) is the sum of log((1 + v/lambda_2) / (1 + v/lambda_1)) over the noise"
        " variances v. " + _CONCAVE + " The shares (t/T)^q sum to more than T / (q + 1).",
    ),
)
