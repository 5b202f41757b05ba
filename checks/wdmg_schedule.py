"""WDMG-16: what noise the schedules of the text leave at the end of the forward process."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb
from hypothesis import strategies as st

from lemmata import impl, theory
from lemmata.checks._compare import equality_search
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024, reviewer on its line 354"

_STEPS = sizes(2, 10**9)
#: Where a statement about the limit is tested: not before this many steps.
_MANY_STEPS = sizes(1000, 10**9)
_FEW_STEPS = sizes(1, 2000)
_EACH = log_uniform(1e-9, 0.99)
_POWERS = st.integers(0, 12).map(lambda k: k / 4)


@st.composite
def _longer(draw: st.DrawFn, *, preserving: bool | None = None, far: bool = False) -> Any:
    """T, and how many steps more; and whether variance is preserved."""
    return {
        "steps": draw(_MANY_STEPS if far else _STEPS),
        "more": draw(_STEPS),
        "preserving": draw(st.booleans()) if preserving is None else preserving,
    }


@st.composite
def _schedules(draw: st.DrawFn) -> dict[str, Any]:
    """T, c and q with c / T^q below one."""
    steps, power = draw(_FEW_STEPS), draw(_POWERS)
    return {
        "steps": steps,
        "scale": draw(_EACH) * steps**power,
        "power": power,
        "preserving": draw(st.booleans()),
    }


def _noise(steps: int, power: float, *, preserving: bool) -> float:
    """Variance of the noise in x_T, for c = 1."""
    snr = float(theory.terminal_snr(float(steps), 1.0, power, preserving=preserving))
    return 1 / (1 + snr) if preserving else 1 / snr


def _ball_noise(steps: int, power: float, *, preserving: bool) -> arb:
    """By the recursion's sums and products: T equal steps."""
    each = 1 / arb(steps) ** arb(power)
    return 1 - (1 - each) ** steps if preserving else steps * each


def _fall(point: Point, power: float, noise: Any) -> Any:
    """By what share the noise falls from T to T + k steps, over k / (T + k)."""
    before, after = point["steps"], point["steps"] + point["more"]
    first = noise(before, power, preserving=point["preserving"])
    second = noise(after, power, preserving=point["preserving"])
    return (1 - second / first) * after / point["more"]


def _search(
    domain: Any, slack: Any, *, noise: Any = lambda _point: 1e-9, clear: float = 0.09
) -> Search:
    return Search(
        domain=domain,
        slack=lambda point: float(slack(point, _noise)),
        exact=lambda point: slack(point, _ball_noise),
        routes=("theory: the terminal ratio in closed form", "balls: powers of a step's scale"),
        noise=noise,
        clear=clear,
    )


def _per_step(point: Point, noise: Any) -> Any:
    """The fall over 1 / T, less a tenth, about a third of what is lost with variance preserved."""
    return _fall(point, 1.0, noise) * point["steps"] - 0.1


def _per_step_noise(point: Point) -> float:
    return float(1e-9 * (1 + 1e-5 * point["steps"]) * (1 + point["steps"] / point["more"]))


def _vanishes(point: Point, noise: Any) -> Any:
    return 0.5 - noise(point["steps"], 1.0, preserving=point["preserving"])


def _closed_error(point: Point) -> float:
    each = point["scale"] / point["steps"] ** point["power"]
    scale = math.sqrt(1 - each) if point["preserving"] else 1.0
    ones = np.ones(point["steps"])
    signal, noise = impl.forward_signal_and_noise(scale * ones, math.sqrt(each) * ones)
    closed = theory.terminal_snr(
        float(point["steps"]), point["scale"], point["power"], preserving=point["preserving"]
    )
    return float(_relative(signal / noise, float(closed)))


def _relative(left: Any, right: Any) -> Any:
    """Relative difference; what underflows counts as nothing."""
    return abs(left - right) / max(left, right, 1e-250)


def _ball_closed_error(point: Point) -> arb:
    each = arb(point["scale"]) / arb(point["steps"]) ** arb(point["power"])
    left = arb(1) - each if point["preserving"] else arb(1)
    signal, noise = arb(1), arb(0)
    for _ in range(point["steps"]):
        signal, noise = left * signal, left * noise + each
    if point["preserving"]:
        closed = 1 / (arb(point["steps"]) * -((1 - each).log())).expm1()
    else:
        closed = arb(point["steps"]) ** (arb(point["power"]) - 1) / arb(point["scale"])
    off: arb = abs(signal / noise - closed) / (signal / noise).max(arb(1e-250))
    return off


def _terminals() -> Constants:
    """What is left at sigma_t^2 = 1/T as T grows, and the ratios at T = 1000."""
    many = 10**9
    with precision(128):
        kept = {steps: _ball_noise(steps, 1.0, preserving=True) for steps in (10, 1000, many)}
        # (1 - 1/T)^T rises and (1 - 1/T)^(T - 1) falls, to the same limit.
        below = 1 - (1 - kept[many]) / (1 - 1 / arb(many))
    others = [_noise(steps, 1.0, preserving=False) for steps in (1, 10, 1000, many)]
    found: Constants = {
        "noise left at sigma_t^2 = 1/T, variance preserved, T -> inf": (
            enclosure(below)[0],
            enclosure(kept[many])[1],
        ),
        "noise left at sigma_t^2 = 1/T, signal kept, T from 1 to 10^9": (min(others), max(others)),
    }
    for steps in (10, 1000):
        found[f"noise left at sigma_t^2 = 1/T, variance preserved, T = {steps}"] = enclosure(
            kept[steps]
        )
    for power in (0.5, 1.0, 2.0):
        for preserving, name in ((True, "variance preserved"), (False, "signal kept")):
            snr = theory.terminal_snr(1000.0, 1.0, power, preserving=preserving)
            found[f"signal to noise at T = 1000, q = {power:g}, {name}"] = float(snr)
    return found


_LESS = r"\text{noise variance in } x_T \text{ falls as } T \text{ grows}"

CLAIMS = (
    Claim(
        id="WDMG-16",
        title="with more steps less noise is left: sigma_t = 1/T",
        source=_SOURCE,
        statement=_LESS + r" \text{, to zero, for steps with noise variance } 1/T^2",
        reading="sigma_t = 1/T is a step's noise level, with the signal kept or with its variance"
        " preserved; tested: from T to T + k steps it falls by more than half of k / (T + k)",
        evidence=(
            _search(
                _longer(),
                lambda point, noise: _fall(point, 2.0, noise) - 0.5,
                noise=lambda point: 1e-9 if point["more"] >= 1e-3 * point["steps"] else 1.0,
            ),
        ),
        constants=lambda _outcomes: _terminals(),
        note="The reviewer is right under this reading: 1 - (1 - 1/T^2)^T <= 1/T. The reverse"
        " process then starts from something that is not the forward process's end.",
    ),
    Claim(
        id="WDMG-16:variance-preserved",
        title="with more steps less noise is left: variance 1/T, variance preserved",
        source=_SOURCE,
        statement=_LESS + r" \text{, for steps with noise variance } 1/T",
        reading="sigma_t^2 = 1/T, x_t = sqrt(1 - 1/T) x_{t-1} + z / sqrt(T); falls by more than a"
        " tenth of k / (T (T + k)) from T to T + k steps",
        evidence=(
            _search(
                _longer(preserving=True),
                _per_step,
                noise=_per_step_noise,
            ),
        ),
        note="(1 - 1/T)^T rises to 1/e, so the noise falls, to 1 - 1/e and no further.",
    ),
    Claim(
        id="WDMG-16:signal-kept",
        title="with more steps less noise is left: variance 1/T, signal kept",
        source=_SOURCE,
        statement=_LESS + r" \text{, for steps with noise variance } 1/T",
        reading="sigma_t^2 = 1/T, x_t = x_{t-1} + z / sqrt(T); the same margin as for"
        " WDMG-16:variance-preserved",
        evidence=(
            _search(
                _longer(preserving=False),
                _per_step,
                noise=_per_step_noise,
            ),
        ),
        note="The noise variance in x_T is one, whatever T.",
    ),
    Claim(
        id="WDMG-16:vanishing",
        title="with many steps hardly any noise is left: variance 1/T",
        source=_SOURCE,
        statement=r"\text{noise variance in } x_T \to 0 \text{ as } T \to \infty \text{ for steps"
        r" with noise variance } 1/T",
        reading="sigma_t^2 = 1/T; tested: less than half of the largest noise, one, is left",
        evidence=(_search(_longer(far=True), _vanishes),),
        note="1 - 1/e = 0.632 is left with variance preserved, and 1 with the signal kept: less"
        " than the standard process wants (exp(-2t) of signal, t large), but not a vanishing"
        " amount.",
    ),
    Claim(
        id="WDMG-16r",
        title="the noise that c / T^q a step leaves",
        source=_SOURCE,
        statement=r"\mathrm{SNR}_T = \frac{\alpha_T^2}{1 - \alpha_T^2},\ \alpha_T^2 ="
        r" (1 - c/T^q)^T;\quad \mathrm{SNR}_T = T^{q-1}/c \text{ with the signal kept}",
        reading="data of unit variance",
        repairs="WDMG-16:vanishing",
        evidence=(
            equality_search(
                _schedules(),
                error=_closed_error,
                exact_error=_ball_closed_error,
                noise=lambda _point: 1e-9,
                routes=(
                    "theory: the terminal ratio in closed form",
                    "impl: signal and noise followed through T steps",
                    "balls: the same recursion",
                ),
            ),
        ),
        note="As T grows: no noise for q > 1; at q = 1 a fixed share of it; for q < 1 the signal"
        " is lost, as the standard process wants it.",
    ),
)
