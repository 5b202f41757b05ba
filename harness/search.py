"""Search: Hypothesis hunts for a negative slack, ball arithmetic decides whether it is one."""

from __future__ import annotations

import contextlib
import json
import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import hypothesis
from flint import arb
from hypothesis import HealthCheck, Phase, Verbosity
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.strategies import SearchStrategy

from lemmata.harness.balls import enclosure, settle
from lemmata.harness.claim import Point, Verdict
from lemmata.harness.evidence import Context, Outcome, Witness

__all__ = ["Search", "explore"]

#: A least slack is audited again once it has fallen to this share of the one audited before.
_NOTABLE = 0.8
#: Every so many points the least precision is tried first.
_TRY_FEWER = 8
#: Bits that a point is granted for its neighbours' sake; some need more for good, and are alone.
_MOST_AT_FIRST = 128
#: Where rounding may move the floating-point slack by more than this, balls are asked at once.
_BLUR = 1e-3


class _Violation(Exception):
    """A confirmed counterexample at `point`."""

    def __init__(self, point: Point, ball: arb, bits: int) -> None:
        super().__init__()
        self.point, self.ball, self.bits = point, ball, bits


class _Disagreement(Exception):
    """Floating point and balls differ by more than rounding: our code is wrong somewhere."""

    def __init__(self, point: Point, reason: str) -> None:
        super().__init__(reason)
        self.point = point


@contextlib.contextmanager
def _own_constants_only() -> Iterator[None]:
    """Keep Hypothesis from seeding its draws with constants of whatever modules are loaded.

    It does so to find bugs at magic numbers; for a ledger it would mean that the same seed gives
    other points under pytest than on the command line, or in an editable install.
    """
    collect, cache = providers._get_local_constants, providers.CONSTANTS_CACHE
    providers._get_local_constants = Constants
    providers.CONSTANTS_CACHE = type(cache)(cache.max_size)
    try:
        yield
    finally:
        providers._get_local_constants, providers.CONSTANTS_CACHE = collect, cache


def explore(
    domain: SearchStrategy[Point], visit: Callable[[Point], float], *, seed: int, examples: int
) -> None:
    """Call `visit` on points of `domain`, steered towards large return values.

    Deterministic in its arguments. An exception of `visit` ends the exploration and comes out as
    raised at the simplest point that raises it.

    Parameters
    ----------
    domain : SearchStrategy
        Where to look.
    visit : callable
        Point to a number; larger is more interesting.
    seed : int
        Seed of the exploration.
    examples : int
        How many points to try.
    """

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=(Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(domain)
    def probe(point: Point) -> None:
        interest = visit(point)
        if math.isfinite(interest):
            hypothesis.target(interest)

    with _own_constants_only():
        probe()


@dataclass
class _Tally:
    examples: int = 0
    audited: int = 0
    mild: int = 0
    in_balls: int = 0
    rounding: int = 0
    min_slack: float = math.inf
    least_float: float = math.inf
    tightest: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    bits: int = 0
    floats: dict[str, float] = field(default_factory=dict)
    settled: dict[str, tuple[int | None, arb, int]] = field(default_factory=dict)


def _describe_slack(slack: float) -> str:
    return f"slack {slack:.4g}"


@dataclass(frozen=True, kw_only=True)
class Search:
    """Evidence by search.

    Parameters
    ----------
    domain : SearchStrategy
        Points: dictionaries of JSON values.
    slack : callable
        Point to float, by the kernels under test: non-negative where the claim holds, scaled so
        that one means wholly.
    exact : callable
        Point to ball at the current precision: the same slack by a route of its own. It alone
        confirms a violation, and it audits `slack` at other points, so that a wrong kernel cannot
        pass by erring on the safe side.
    routes : tuple of str
        What `slack` compares, and what `exact` rests on, in words.
    noise : callable
        Point to the largest error that rounding can give `slack` there.
    effort : float
        Multiplies the number of points that the profile grants.
    usual : float, optional
        The slack wherever the claim holds, for an equality. A floating-point slack that is further
        from it than rounding explains is audited, however far from a violation it is.
    clear : float
        A violation larger than this is clear enough to be shown as the witness.
    describe : callable
        A slack to the words that a table shows.
    """

    domain: SearchStrategy[Point]
    slack: Callable[[Point], float]
    exact: Callable[[Point], arb]
    routes: tuple[str, ...]
    noise: Callable[[Point], float] = lambda _point: 1e-9
    effort: float = 1.0
    usual: float | None = None
    clear: float = 1.0
    describe: Callable[[float], str] = _describe_slack
    kind: str = field(default="search", init=False)

    def run(self, context: Context) -> Outcome:
        """Hunt over the domain; report the shrunk, confirmed witness if there is one."""
        # First for a clear violation: the simplest point with any violation at all tends to lie on
        # the border, and a witness that fails by a hair convinces nobody.
        try:
            tally = self._hunt(context, threshold=-self.clear)
            if tally.mild:
                tally = self._hunt(context, threshold=0.0)
        except _Violation as found:
            return self._refuted(found.point, found.ball, found.bits, context)
        except _Disagreement as found:
            return Outcome(
                self.kind,
                Verdict.UNDECIDED,
                str(found),
                {"reason": str(found), "point": dict(found.point)},
                broken=True,
            )
        figures = {
            "examples": tally.examples,
            "audited": tally.audited,
            "in_balls": tally.in_balls,
            "rounding": tally.rounding,
            "min_slack": tally.min_slack,
            "tightest": tally.tightest,
        }
        summary = f"at worst {self.describe(tally.min_slack)} in {tally.examples} points"
        return Outcome(self.kind, Verdict.HOLDS, summary, figures)

    def _hunt(self, context: Context, *, threshold: float) -> _Tally:
        """Search for a confirmed slack below the threshold, which is raised when found."""
        examples = max(10, round(self.effort * context.profile.examples))
        every = max(1, examples // context.profile.audits)
        tally = _Tally()

        def visit(point: Point) -> float:
            tally.examples += 1
            name = json.dumps(point, sort_keys=True)
            if zlib.crc32(name.encode()) % every == 0:
                tally.names.add(name)
            noise = self.noise(point)
            value = self._judge(point, name, noise, tally, threshold)
            if value < tally.min_slack:
                tally.min_slack, tally.tightest = value, dict(point)
            # The slack of an equality that holds is rounding, which leads nowhere.
            return math.nan if self._is_usual(value, noise) else -value

        seed = int(context.seed_for("search").generate_state(1)[0])
        explore(self.domain, visit, seed=seed, examples=examples)
        # What is reported as the least is always audited.
        last = json.dumps(tally.tightest, sort_keys=True)
        if tally.tightest and last not in tally.names:
            tally.names.add(last)
            visit(tally.tightest)
            tally.examples -= 1
        return tally

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Evaluate the slack at one point in ball arithmetic."""
        verdict, ball, bits = settle(self.exact, point)
        if verdict is None:
            return Outcome(self.kind, Verdict.UNDECIDED, f"slack = {ball.str(6)}: sign open")
        if verdict < 0:
            return self._refuted(point, ball, bits, context)
        figures = {"slack": list(enclosure(ball)), "bits": bits}
        return Outcome(self.kind, Verdict.HOLDS, f"slack = {ball.str(6)}", figures)

    def _refuted(self, point: Point, ball: arb, bits: int, context: Context) -> Outcome:
        low, high = enclosure(ball)
        # The ball is below zero; a float may have had to round its end up to it.
        witness = Witness(
            dict(point), context.piece, (low, min(high, 0.0)), f"ball arithmetic, {bits} bits"
        )
        return Outcome(
            self.kind,
            Verdict.REFUTED,
            f"{self.describe(float(ball.mid()))}, confirmed",
            {"bits": bits},
            witness,
        )

    def _is_usual(self, value: float, noise: float) -> bool:
        return self.usual is not None and abs(value - self.usual) <= noise

    def _judge(
        self, point: Point, name: str, noise: float, tally: _Tally, threshold: float
    ) -> float:
        """Slack at a point; raises where it is truly negative or cannot be trusted."""
        blurred = not noise < _BLUR
        if name not in tally.floats:  # the search comes back to good points
            tally.floats[name] = math.nan if blurred else self.slack(point)
        value = tally.floats[name]
        if not value >= tally.least_float * _NOTABLE:
            # Where the slack is least, a wrong kernel shows most; the first point is among these.
            # Compared with floats alone: an exact slack is free of the rounding that they have.
            tally.least_float = max(value, 0.0)
            tally.names.add(name)
        if self.usual is not None and not self._is_usual(value, noise):
            tally.names.add(name)
        # A point that was audited once always is, so that it is treated alike when it comes again.
        if not blurred and name not in tally.names and value > noise:
            return value
        if name not in tally.settled:
            width = noise if 0 < noise < _BLUR else _BLUR
            # Neighbours need alike many bits; now and then fewer are tried again.
            first = tally.bits if len(tally.settled) % _TRY_FEWER else 0
            tally.settled[name] = settle(self.exact, point, width=width, first=first)
            tally.bits = min(tally.settled[name][2], _MOST_AT_FIRST)
        verdict, ball, bits = tally.settled[name]
        exact = float(ball.mid())
        if verdict is not None and verdict < 0:
            if ball < threshold:
                raise _Violation(point, ball, bits)
            tally.mild += 1
        if verdict is None and not (ball.is_finite() and ball.rad() < arb(2) ** (-bits // 2)):
            # A slack may be zero to all digits; anything else that stays open is not settled.
            reason = f"sign of the slack still open at {bits} bits: {ball.str(6)}"
            raise _Disagreement(point, reason)
        if blurred:
            tally.in_balls += 1
            return exact
        tally.audited += 1
        tally.rounding += value < 0
        # The ball may be as wide as the noise: the truth is anywhere in it.
        if not abs(value - exact) <= noise * max(1.0, abs(exact)) + float(ball.rad()):
            reason = f"floating point says slack {value:.6g}, ball arithmetic {exact:.6g}"
            raise _Disagreement(point, reason)
        return exact
