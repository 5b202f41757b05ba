"""Slacks of equalities and bounds, in one place so that all claims scale them alike."""

from __future__ import annotations

from typing import TypeVar

from flint import arb

__all__ = ["CLEAR_ERROR", "EQUALITY_TOLERANCE", "bound_slack", "equality_slack"]

Number = TypeVar("Number", float, arb)

#: Relative error above which an equality counts as broken. Rounding is far below it everywhere
#: (each search states its own `noise`), a wrong coefficient far above.
EQUALITY_TOLERANCE = 1e-6

#: Relative error that makes a good witness against an equality.
CLEAR_ERROR = 0.1


def equality_slack(error: Number) -> Number:
    """Slack of an equality whose sides differ by the relative error `error`."""
    return EQUALITY_TOLERANCE - error


def bound_slack(left: Number, right: Number) -> Number:
    """Slack of `left <= right` for `right > 0`: the share of the right side that is not used."""
    return 1 - left / right
