"""Slacks of equalities and bounds, in one place so that all claims scale them alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flint import arb
from hypothesis.strategies import SearchStrategy

from lemmata.harness.claim import Point
from lemmata.harness.search import Search

__all__ = ["CLEAR_ERROR", "bound_slack", "equality_search", "equality_slack"]

Number = TypeVar("Number", float, arb)

#: Relative error above which an equality counts as broken. Rounding is far below it everywhere
#: (each search states its own `noise`), a wrong coefficient far above.
_EQUALITY_TOLERANCE = 1e-6

#: Relative error that makes a good witness against an equality.
CLEAR_ERROR = 0.1


def equality_slack(error: Number) -> Number:
    """Slack of an equality whose sides differ by the relative error `error`."""
    return _EQUALITY_TOLERANCE - error


def bound_slack(left: Number, right: Number) -> Number:
    """Slack of `left <= right` for `right > 0`: the share of the right side that is not used."""
    return 1 - left / right


def equality_search(
    domain: SearchStrategy[Point],
    *,
    error: Callable[[Point], float],
    exact_error: Callable[[Point], arb],
    noise: Callable[[Point], float],
    routes: tuple[str, ...],
) -> Search:
    """Search for a point at which two sides differ.

    Parameters
    ----------
    domain : SearchStrategy
        Where.
    error, exact_error : callable
        Relative difference of the sides: by the kernels, and by a route of its own in balls.
    noise : callable
        What rounding and quadrature may add to `error`.
    routes : tuple of str
        Of the left side, the right side, and the balls.
    """
    return Search(
        domain=domain,
        slack=lambda point: equality_slack(error(point)),
        exact=lambda point: equality_slack(exact_error(point)),
        noise=noise,
        routes=routes,
        usual=_EQUALITY_TOLERANCE,
        clear=CLEAR_ERROR,
        describe=_describe_error,
    )


def _describe_error(slack: float) -> str:
    return f"relative error {max(_EQUALITY_TOLERANCE - slack, 0.0):.2g}"
