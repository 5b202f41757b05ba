"""Points below and above the critical noise of one direction, and the sizes to draw them at."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from lemmata.harness.domain import log_uniform

__all__ = ["EIGENVALUES", "GAMMAS", "near_sizes", "noise_points"]

GAMMAS = log_uniform(1e-3, 1e3)
EIGENVALUES = log_uniform(1e-3, 1e6)


def near_sizes(gamma: float, smaller: int) -> tuple[int, int]:
    """n and p with p/n nearest to gamma and the smaller of them as given."""
    if gamma <= 1:
        return round(smaller / gamma), smaller
    return smaller, round(smaller * gamma)


_AWAY = log_uniform(0.25, 0.8)
_SIDES = st.sampled_from(["less", "more"])


@st.composite
def noise_points(draw: st.DrawFn) -> dict[str, Any]:
    """Points {gamma, eigenvalue, away, side}: noise so far below or above the critical one."""
    return {
        "gamma": draw(GAMMAS),
        "eigenvalue": draw(EIGENVALUES),
        "away": draw(_AWAY),
        "side": draw(_SIDES),
    }
