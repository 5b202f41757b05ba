r"""How a random error scales with size: the exponent on a ladder of sizes, with an interval.

The logarithm of the error is regressed on the logarithm of the size. Its variance is pooled within
the sizes, so that a curve that is not straight widens no interval and hides behind none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import stdtrit

from lemmata.harness.claim import Point, Verdict
from lemmata.harness.evidence import PROFILES, Context, Outcome, Profile, Witness
from lemmata.harness.intervals import spend

__all__ = ["ExponentTest", "slope_interval"]


def slope_interval(
    sizes: Sequence[float], logs: Sequence[Sequence[float]], alpha: float
) -> tuple[float, float, float]:
    """Least-squares slope of replicated observations on log size, with Student's interval.

    Parameters
    ----------
    sizes : sequence of float
        The ladder; at least two different positive sizes.
    logs : sequence of sequences of float
        For each size the logarithms of the errors seen there, one or more; two somewhere.
    alpha : float
        Error probability of the two-sided interval.

    Returns
    -------
    slope, low, high : float

    Notes
    -----
    The variance is pooled within the sizes (pure error), on as many degrees of freedom as there
    are observations beyond one a size. Exact for normal observations of one variance, whatever
    their means: what the interval then covers is the slope of the line fitted to the means.
    """
    counts = np.array([len(group) for group in logs], dtype=np.float64)
    means = np.array([float(np.mean(group)) for group in logs])
    squares = sum(float(np.var(group)) * len(group) for group in logs)
    freedom = counts.sum() - counts.size
    if freedom < 1:
        raise ValueError(f"logs: got {counts.astype(int).tolist()} a size; need two somewhere")
    places = np.log(np.asarray(sizes, dtype=np.float64))
    places -= counts @ places / counts.sum()
    leverage = float(counts @ places**2)
    slope = float((counts * places) @ means) / leverage
    deviation = math.sqrt(squares / freedom / leverage)
    radius = -float(stdtrit(freedom, alpha / 2)) * deviation
    return slope, slope - radius, slope + radius


@dataclass(frozen=True, kw_only=True)
class ExponentTest:
    """The error at size s scales like s to a power that lies where the claim says.

    Parameters
    ----------
    sizes : tuple of float
        The ladder, rising.
    draw : callable
        ``draw(size, rng)``: one positive error at that size, independent of all others.
    allowed : (float, float)
        Interval in which the exponent lies if the claim holds; an end may be infinite, and both
        ends are the same number for an equality.
    effect : float
        The distance of the exponent from that interval that the test must detect: the verdict
        `holds` means that it is smaller, `refuted` that it is not zero, each up to the error
        probability.
    routes : tuple of str
        What is drawn, and what its error is measured against, in words.
    replicates : callable
        Size to the number of errors drawn there at the first look; each look doubles them. Fewer
        where a draw costs much: the variance is pooled over the ladder.
    short : int, optional
        How many of the sizes, from the low end, a profile with fewer points than the default one
        climbs; at least two. All of them when left out.

    Notes
    -----
    The exponent is the slope of the least-squares line through the logarithms of all errors. Its
    interval is Student's (`slope_interval`), exact for normal logarithms of one variance and
    otherwise as good as a mean of that many is normal, at the error probability that looking
    repeatedly leaves (`lemmata.harness.intervals.spend`).

    A point names the ladder, ``{"sizes": [...]}``; without it the whole ladder is meant.
    """

    sizes: tuple[float, ...]
    draw: Callable[[Any, np.random.Generator], float]
    allowed: tuple[float, float]
    effect: float
    routes: tuple[str, ...]
    replicates: Callable[[Any], int] = lambda _size: 32
    short: int | None = None
    kind: str = field(default="sampling", init=False)

    def __post_init__(self) -> None:
        _check_ladder(self.sizes)
        low, high = self.allowed
        if not (low <= high and low < math.inf and high > -math.inf):
            raise ValueError(f"allowed: got {self.allowed!r}; need an interval")
        if not 0 < self.effect < math.inf:
            raise ValueError(f"effect: got {self.effect!r}; need a positive number")
        if self.short is not None and not 2 <= self.short <= len(self.sizes):
            raise ValueError(f"short: got {self.short!r}; need 2 to {len(self.sizes)} sizes")

    def run(self, context: Context) -> Outcome:
        """Climb the ladder until the interval of the exponent decides."""
        return self._judge(self._ladder(context.profile), context, context.rng("judge"))

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """The same on the ladder that the point names, on fresh randomness."""
        sizes = tuple(point.get("sizes", self.sizes))
        _check_ladder(sizes)
        return self._judge(sizes, context, context.rng("reproduce"))

    def _ladder(self, profile: Profile) -> tuple[float, ...]:
        brief = profile.examples < PROFILES["default"].examples
        return self.sizes[: self.short] if brief else self.sizes

    def _judge(
        self, sizes: tuple[float, ...], context: Context, rng: np.random.Generator
    ) -> Outcome:
        least, most = self.allowed
        logs: list[list[float]] = [[] for _ in sizes]
        for look in range(context.profile.doublings):
            for size, group in zip(sizes, logs, strict=True):
                wanted = len(group) or max(1, self.replicates(size))
                group.extend(self._log_error(size, rng) for _ in range(wanted))
            slope, low, high = slope_interval(sizes, logs, spend(context.alpha, look))
            gap_low = max(least - high, low - most, 0.0)
            gap_high = max(least - low, high - most, 0.0)
            if gap_low > 0 or gap_high <= self.effect:
                break
        figures: dict[str, Any] = {
            "sizes": list(sizes),
            "replicates": [len(group) for group in logs],
            "geometric_means": [math.exp(sum(group) / len(group)) for group in logs],
            "exponent": slope,
            "interval": [low, high],
            "effect": self.effect,
            "error": context.alpha,
            "largest_gap": gap_high,
        }
        summary = f"exponent in [{low:.3g}, {high:.3g}]"
        if gap_low > 0:
            draws = sum(map(len, logs))
            witness = Witness(
                {"sizes": list(sizes)},
                context.piece,
                (-gap_high, -gap_low),
                f"{draws} draws, error probability {context.alpha:.1e}",
            )
            return Outcome(self.kind, Verdict.REFUTED, summary, figures, witness)
        verdict = Verdict.HOLDS if gap_high <= self.effect else Verdict.UNDECIDED
        return Outcome(self.kind, verdict, f"{summary} (effect {self.effect:g})", figures)

    def _log_error(self, size: float, rng: np.random.Generator) -> float:
        error = float(self.draw(size, rng))
        if not 0 < error < math.inf:
            raise ValueError(f"draw: got an error of {error} at size {size}; need a positive one")
        return math.log(error)


def _check_ladder(sizes: Sequence[float]) -> None:
    rising = all(a < b for a, b in itertools.pairwise(sizes))
    if len(sizes) < 2 or not rising or not 0 < sizes[0] <= sizes[-1] < math.inf:
        raise ValueError(f"sizes: got {list(sizes)}; need two or more positive ones, rising")
