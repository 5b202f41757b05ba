"""Where each form of a step is the better one: relative errors over |mu| and the angle."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import optimize

from lemmata import theory
from lemmata.checks._plane import vectors
from lemmata.checks._regimes import Array, cosine_of, em_sides, field_sides, length
from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Point

__all__ = ["ANGLES", "RATIOS", "confirmed_crossing", "crossing", "error_map", "form_errors"]

ANGLES = (5, 15, 30, 45, 60, 75, 85, 90)
#: |mu*| / |mu|.
RATIOS = (1.0, 2.0)
_NORMS = np.geomspace(1e-2, 30.0, 12)
#: Where crossings are looked for.
_SCAN = np.geomspace(1e-3, 30.0, 46)
#: Coefficients on |mu|^2 mu: the repaired, the printed.
_COEFFICIENTS = {"power": 2, "power_printed": 3}
#: Ends of a confirmed crossing are so far from the float, relative to it.
_MARGIN = 1e-6


def _point(norm: float, ratio: float, theta: float) -> Point:
    return {
        "d": 2,
        "mu_norm": float(norm),
        "mu_star_norm": ratio * float(norm),
        "cos_theta": cosine_of(theta),
    }


def form_errors(norms: Array, ratio: float, theta: float) -> dict[str, Array]:
    """Relative errors of the power-iteration form, by its coefficient, and of the EM form.

    For |mu| in `norms` and |mu*| = `ratio` |mu|, at `theta` degrees.
    """
    pairs = [vectors(_point(a, ratio, theta)) for a in norms]
    mu, star = (np.array(side) for side in zip(*pairs, strict=True))
    size = _lengths(theory.ddpm_descent(mu, star))
    gap, cubic = theory.large_noise_error(mu, star), np.sum(mu**2, axis=-1, keepdims=True) * mu
    found = {name: gap + (k - 2) * cubic for name, k in _COEFFICIENTS.items()}
    found["em"] = theory.em_residual(mu, star)
    return {name: _lengths(rows) / size for name, rows in found.items()}


def _lengths(rows: Any) -> Array:
    return np.array([length(row) for row in rows])


@functools.cache
def _scan(ratio: float, theta: float) -> dict[str, Array]:
    return form_errors(_SCAN, ratio, theta)


@functools.cache
def crossing(form: str, ratio: float, theta: float) -> float | None:
    """|mu| at which `form` and the EM form have the same error; None if there is none.

    Below it `form` is the better one. In floating point, over the norms of the scan.
    """

    def lead(norm: float) -> float:
        errors = form_errors(np.array([norm]), ratio, theta)
        return float(errors[form][0] - errors["em"][0])

    errors = _scan(ratio, theta)
    behind = errors[form] > errors["em"]
    places = np.flatnonzero(behind[:-1] != behind[1:])
    if places.size == 0 and behind[0]:
        return None
    if places.size != 1 or behind[0]:
        raise ValueError(f"{form}, |mu*| = {ratio} |mu|, {theta} degrees: not a single crossing")
    low, high = _SCAN[places[0]], _SCAN[places[0] + 1]
    return float(optimize.brentq(lead, low, high, xtol=1e-8 * low))


def confirmed_crossing(
    form: str, ratio: float, theta: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Enclosures of a crossing, by the signs of balls at both ends, and of the errors there.

    Raises
    ------
    ValueError
        If there is none, or the balls do not say so.
    """
    middle = crossing(form, ratio, theta)
    if middle is None:
        raise ValueError(f"{form}, |mu*| = {ratio} |mu|, {theta} degrees: no crossing")
    ends = (middle * (1 - _MARGIN), middle * (1 + _MARGIN))
    leads, errors = [], []
    with precision(64):
        for end in ends:
            point = _point(end, ratio, theta)
            gap, _, size = field_sides(point, _COEFFICIENTS[form])
            residual, _ = em_sides(point)
            leads.append(gap - residual)
            errors.append(enclosure(residual / size))
        if not (leads[0] < 0 and leads[1] > 0):
            raise ValueError(f"{form}, {theta} degrees: the crossing in {ends} is not confirmed")
    return ends, (min(low for low, _ in errors), max(high for _, high in errors))


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def error_map() -> Mapping[str, Any]:
    """Relative errors of all forms over |mu| (rows) and the angle (columns), and crossings."""
    found: dict[str, Any] = {
        "numbers": "floats by the one-dimensional integrals of theory, rounded to six digits; they"
        " agree with balls to a relative 1e-10 where that was tested",
        "mu_norm": _NORMS.tolist(),
        "theta_degrees": list(ANGLES),
    }
    for ratio in RATIOS:
        columns = [form_errors(_NORMS, ratio, theta) for theta in ANGLES]
        found[f"mu_star_norm = {ratio:g} mu_norm"] = {
            name: [[_rounded(column[name][i]) for column in columns] for i in range(_NORMS.size)]
            for name in (*_COEFFICIENTS, "em")
        }
    found["crossings"] = {
        "what": "mu_norm below which the power-iteration form has the smaller error, a column an"
        f" angle; null: the EM form has, at all of {_SCAN.size} norms from {_SCAN[0]:g} to"
        f" {_SCAN[-1]:g}",
        **{
            f"mu_star_norm = {ratio:g} mu_norm": {
                form: [_rounded(crossing(form, ratio, theta)) for theta in ANGLES]
                for form in _COEFFICIENTS
            }
            for ratio in RATIOS
        },
    }
    return found
