"""Sampling tests: verdicts on random quantities with a stated error and a stated effect.

A test scouts its domain for the points that look worst, then forgets what it saw and judges those
points on fresh randomness, so that having been picked out costs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from lemmata.harness.claim import Point, Verdict
from lemmata.harness.evidence import Context, Outcome, Witness
from lemmata.harness.intervals import BoundedMean, clipping_bound, dkw_radius, spend
from lemmata.harness.search import explore

__all__ = ["LawTest", "MeanTest"]

Draw = Callable[[Point, np.random.Generator, int], NDArray[np.float64]]

#: Clipping may move a mean by this share of the effect.
_CLIPPING_SHARE = 0.01
#: Directions in which a law in the plane is projected (Cramer & Wold 1936: all of them fix it).
_ANGLES = np.pi * np.arange(8) / 8
#: What rounding may do to a quantity, relative to its size.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class _Finding:
    """What judging one point came to: an interval for the gap to what the claim allows."""

    point: Point
    verdict: Verdict
    low: float
    high: float
    draws: int


class _SamplingTest:
    """Scouting, judging and reporting, shared by the tests."""

    kind = "sampling"
    domain: SearchStrategy[Point]
    effect: float
    first: int

    def _look(self, point: Point, rng: np.random.Generator) -> float:
        """How suspicious a point looks on a small sample; guides, never decides."""
        raise NotImplementedError

    def _judge(self, point: Point, rng: np.random.Generator, alpha: float, looks: int) -> _Finding:
        raise NotImplementedError

    def run(self, context: Context) -> Outcome:
        """Scout, pick, and judge the picked points on fresh randomness."""
        points = self._pick(context)
        alpha = context.alpha / len(points)
        findings = []
        for index, point in enumerate(points):
            rng = context.rng(f"judge/{index}")
            finding = self._judge(point, rng, alpha, context.profile.doublings)
            findings.append(finding)
            if finding.verdict is not Verdict.HOLDS:
                break
        return self._report(findings, alpha, context)

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Judge one given point, on fresh randomness."""
        rng = context.rng("reproduce")
        finding = self._judge(point, rng, context.alpha, context.profile.doublings)
        return self._report([finding], context.alpha, context)

    def _pick(self, context: Context) -> list[Point]:
        """The points that look worst, one of each."""
        seen: dict[str, tuple[float, int, Point]] = {}
        rng = context.rng("scout")

        def visit(point: Point) -> float:
            score = self._look(point, rng)
            seen.setdefault(json.dumps(point, sort_keys=True), (-score, len(seen), dict(point)))
            return score

        seed = int(context.seed_for("points").generate_state(1)[0])
        explore(self.domain, visit, seed=seed, examples=context.profile.scouts)
        ranked = sorted(seen.values(), key=lambda entry: entry[:2])
        return [point for _, _, point in ranked[: context.profile.points]]

    def _report(self, findings: Sequence[_Finding], alpha: float, context: Context) -> Outcome:
        last = findings[-1]
        worst = max(finding.high for finding in findings)
        figures: dict[str, Any] = {
            "points": len(findings),
            "draws": sum(finding.draws for finding in findings),
            "effect": self.effect,
            "error": alpha * len(findings),
            "largest_gap": worst,
        }
        if last.verdict is Verdict.REFUTED:
            witness = Witness(
                dict(last.point),
                context.piece,
                (-last.high, -last.low),
                f"{last.draws} fresh draws, error probability {alpha:.1e}",
            )
            summary = f"gap in [{last.low:.3g}, {last.high:.3g}]"
            return Outcome(self.kind, last.verdict, summary, figures, witness)
        if last.verdict is Verdict.UNDECIDED:
            figures["point"] = dict(last.point)
            summary = f"gap in [{last.low:.3g}, {last.high:.3g}] after {last.draws} draws"
            return Outcome(self.kind, last.verdict, summary, figures)
        summary = f"gap \N{LESS-THAN OR EQUAL TO} {worst:.2g} (effect {self.effect:g})"
        return Outcome(self.kind, Verdict.HOLDS, summary, figures)


def _decide(low: float, high: float, effect: float) -> Verdict:
    """Verdict for a gap known to lie in [low, high]; the claim says that it is zero."""
    if low > 0:
        return Verdict.REFUTED
    return Verdict.HOLDS if high <= effect else Verdict.UNDECIDED


@dataclass(frozen=True, kw_only=True)
class MeanTest(_SamplingTest):
    """The mean of a random quantity lies where the claim says.

    Parameters
    ----------
    domain : SearchStrategy
        Points: dictionaries of JSON values.
    draw : callable
        ``draw(point, rng, n)``: n independent copies of the quantity, shape (n,).
    allowed : callable
        Point to the interval (low, high) in which the mean lies if the claim holds; both ends are
        the same number for an equality.
    effect : float
        The distance of the mean from that interval that the test must detect: the verdict `holds`
        means that it is smaller, `refuted` that it is not zero, each up to the error probability.
    routes : tuple of str
        What is drawn, and what its mean is compared with, in words.
    bounds : (float, float), optional
        Interval that holds the quantity.
    moment : callable, optional
        For an unbounded quantity: point to (p, upper bound of its L_p norm), p > 1. The quantity
        is clipped where that costs at most a hundredth of the effect, which widens `allowed`.
    first : int
        Draws at the first look.
    """

    domain: SearchStrategy[Point]
    draw: Draw
    allowed: Callable[[Point], tuple[float, float]]
    effect: float
    routes: tuple[str, ...]
    bounds: tuple[float, float] | None = None
    moment: Callable[[Point], tuple[float, float]] | None = None
    first: int = 2048
    kind: str = field(default="sampling", init=False)

    def __post_init__(self) -> None:
        if (self.bounds is None) == (self.moment is None):
            raise ValueError("bounds, moment: give exactly one of them")
        if not 0 < self.effect < math.inf:
            raise ValueError(f"effect: got {self.effect!r}; need a positive number")

    def _clipping(self, point: Point) -> tuple[float, float, float]:
        """Bounds of the clipped quantity, and by how much clipping may move its mean."""
        if self.moment is None:
            assert self.bounds is not None  # __post_init__ saw to it
            return *self.bounds, 0.0
        bias = _CLIPPING_SHARE * self.effect
        bound = clipping_bound(*self.moment(point), bias)
        return -bound, bound, bias

    def _look(self, point: Point, rng: np.random.Generator) -> float:
        values = self.draw(point, rng, max(16, self.first // 8))
        if not np.isfinite(values).all():
            return math.inf  # judging will say so
        low, high = self.allowed(point)
        mean, error = float(values.mean()), float(values.std()) / math.sqrt(values.size)
        return max(low - mean, mean - high, 0.0) / (error + 1e-12)

    def _judge(self, point: Point, rng: np.random.Generator, alpha: float, looks: int) -> _Finding:
        low, high, bias = self._clipping(point)
        tally = BoundedMean(low, high)
        least, most = self.allowed(point)
        for look in range(looks):
            values = self.draw(point, rng, self.first if look == 0 else tally.n)
            if self.bounds is not None:
                _check_bounds(values, *self.bounds)
            tally.add(values)
            down, up = tally.interval(spend(alpha, look))
            # Distance of the mean from [least - bias, most + bias], enclosed.
            gap_low = max(least - bias - up, down - most - bias, 0.0)
            gap_high = max(least - down, up - most, 0.0) + bias
            verdict = _decide(gap_low, gap_high, self.effect)
            if verdict is not Verdict.UNDECIDED:
                break
        return _Finding(point, verdict, gap_low, gap_high, tally.n)


@dataclass(frozen=True, kw_only=True)
class LawTest(_SamplingTest):
    """Two ways of drawing a pair of numbers have one law.

    The gap is the largest Kolmogorov distance over projections of the pair on eight directions.

    Parameters
    ----------
    domain : SearchStrategy
        Points: dictionaries of JSON values.
    left, right : callable
        ``left(point, rng, n)``: n independent pairs, shape (n, 2).
    effect : float
        The Kolmogorov distance that the test must detect.
    routes : tuple of str
        The two ways of drawing, in words.
    first : int
        Draws from each side at the first look.
    """

    domain: SearchStrategy[Point]
    left: Draw
    right: Draw
    effect: float
    routes: tuple[str, ...]
    first: int = 2048
    kind: str = field(default="sampling", init=False)

    def __post_init__(self) -> None:
        if not 0 < self.effect < 1:
            raise ValueError(f"effect: got {self.effect!r}; need a number in (0, 1)")

    def _look(self, point: Point, rng: np.random.Generator) -> float:
        n = max(64, self.first // 8)
        pairs = self.left(point, rng, n), self.right(point, rng, n)
        if not all(np.isfinite(pair).all() for pair in pairs):
            return math.inf  # judging will say so
        return _largest_distance(*pairs)

    def _judge(self, point: Point, rng: np.random.Generator, alpha: float, looks: int) -> _Finding:
        lefts = np.empty((0, 2))
        rights = np.empty((0, 2))
        for look in range(looks):
            n = self.first if look == 0 else len(lefts)
            lefts = np.concatenate([lefts, _pairs(self.left(point, rng, n), n)])
            rights = np.concatenate([rights, _pairs(self.right(point, rng, n), n)])
            distance = _largest_distance(lefts, rights)
            # One band for each side and direction.
            radius = 2 * dkw_radius(len(lefts), spend(alpha, look) / (2 * _ANGLES.size))
            low, high = max(distance - radius, 0.0), distance + radius
            verdict = _decide(low, high, self.effect)
            if verdict is not Verdict.UNDECIDED:
                break
        return _Finding(point, verdict, low, high, 2 * len(lefts))


def _pairs(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    if values.shape != (n, 2):
        raise ValueError(f"draws: got shape {values.shape}; need ({n}, 2)")
    return values


def _check_bounds(values: NDArray[np.float64], low: float, high: float) -> None:
    """Refuse a quantity that leaves its bounds by more than rounding: clipping would hide it."""
    slack = _ROUNDING * (high - low)
    values = values[np.isfinite(values)]  # the others are refused by name when they are added
    if ((values < low - slack) | (values > high + slack)).any():
        raise ValueError(f"bounds: an observation lies outside [{low}, {high}]")


def _largest_distance(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    """Largest two-sample Kolmogorov distance over the directions."""
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("draws: an observation is not finite")
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
    # By column: beside a large quantity a small one has rounding of its own.
    rounding = _ROUNDING * np.maximum(np.abs(left).max(axis=0), np.abs(right).max(axis=0))
    return max(
        _kolmogorov(left @ direction, right @ direction, float(rounding @ np.abs(direction)))
        for direction in directions.T
    )


def _kolmogorov(left: NDArray[np.float64], right: NDArray[np.float64], shift: float) -> float:
    """Two-sample Kolmogorov distance, up to a small shift.

    An atom that the two sides round differently must not count as two: each distribution function
    is compared with the other one a little further on, as in Levy's metric.
    """
    left, right = np.sort(left), np.sort(right)
    return max(_excess(left, right, shift), _excess(right, left, shift), 0.0)


def _excess(one: NDArray[np.float64], other: NDArray[np.float64], shift: float) -> float:
    """Largest value of F_one(x) - F_other(x + shift); it is reached at a point of `one`."""
    own = np.searchsorted(one, one, "right") / one.size
    return float((own - np.searchsorted(other, one + shift, "right") / other.size).max())
