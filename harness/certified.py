"""Certified evidence: branch and bound in ball arithmetic proves an inequality on a whole box."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, fmpq

from lemmata.harness.balls import enclosure, precision
from lemmata.harness.claim import Point, Verdict
from lemmata.harness.evidence import Context, Outcome, Witness

__all__ = ["Box", "Certified"]

#: An axis-parallel box with rational corners: name of the variable to (low, high).
Box = Mapping[str, tuple[Fraction, Fraction]]


@dataclass(frozen=True, kw_only=True)
class Certified:
    """Evidence by a rigorous proof on a box.

    Parameters
    ----------
    box : Box
        The domain, with rational corners.
    slack : callable
        Name to ball for every variable, to a ball that encloses the slack on all of these balls.
    argument : str
        The analytic step by which the box stands for the claim's whole domain.
    routes : tuple of str
        What the slack is computed from, in words.
    bits : int
        Working precision.
    most : int
        Sub-boxes after which it gives up.
    """

    box: Box
    slack: Callable[[Mapping[str, arb]], arb]
    argument: str
    routes: tuple[str, ...]
    bits: int = 128
    most: int = 20_000
    kind: str = field(default="certified", init=False)

    def run(self, context: Context) -> Outcome:
        """Bisect until the slack is proved non-negative on every leaf, or negative somewhere."""
        leaves: list[Box] = []
        least = float("inf")
        pending: list[Box] = [self.box]
        while pending:
            box = pending.pop()
            low = enclosure(self._slack_on(box))[0]
            if self._proves(box):
                leaves.append(box)
                least = min(least, low)
                continue
            middle = {name: (low + high) / 2 for name, (low, high) in box.items()}
            refuted = self._refutes(middle, context)
            if refuted is not None:
                return refuted
            if len(leaves) + len(pending) >= self.most:
                reason = f"open after {self.most} boxes"
                return Outcome(self.kind, Verdict.UNDECIDED, reason, {"reason": reason})
            pending.extend(reversed(list(_halves(box))))
        certificate = [_box_as_json(leaf) for leaf in leaves]
        digest = hashlib.sha256(json.dumps(certificate, sort_keys=True).encode()).hexdigest()
        figures = {
            "boxes": len(leaves),
            "least": least,
            "bits": self.bits,
            "argument": self.argument,
            "sha256": digest,
            "certificate": certificate,
        }
        summary = f"proved on {len(leaves)} boxes"
        return Outcome(self.kind, Verdict.HOLDS, summary, figures, proof=True)

    def replay(self, certificate: Sequence[Mapping[str, Sequence[str]]]) -> bool:
        """Check a certificate: its boxes tile the domain, and each proves its inequality.

        Parameters
        ----------
        certificate : sequence
            The `certificate` figure of a ledger.
        """
        leaves = [
            {name: (Fraction(low), Fraction(high)) for name, (low, high) in leaf.items()}
            for leaf in certificate
        ]
        return _tiles(leaves, self.box) and all(self._proves(leaf) for leaf in leaves)

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Enclose the slack at one point."""
        values = {name: Fraction(str(point[name])) for name in self.box}
        for name, (low, high) in self.box.items():
            if not low <= values[name] <= high:
                raise ValueError(f"{name}: got {values[name]}; need a number in [{low}, {high}]")
        refuted = self._refutes(values, context)
        if refuted is not None:
            return refuted
        ball = self._slack_on({name: (x, x) for name, x in values.items()})
        verdict = Verdict.HOLDS if ball >= 0 else Verdict.UNDECIDED
        return Outcome(self.kind, verdict, f"slack = {ball.str(6)}")

    def _slack_on(self, box: Box) -> arb:
        with precision(self.bits):
            return self.slack({name: _ball(*ends) for name, ends in box.items()})

    def _proves(self, box: Box) -> bool:
        return bool(self._slack_on(box) >= 0)

    def _refutes(self, values: Mapping[str, Fraction], context: Context) -> Outcome | None:
        ball = self._slack_on({name: (x, x) for name, x in values.items()})
        if not ball < 0:
            return None
        witness = Witness(
            {name: str(x) for name, x in values.items()},
            context.piece,
            enclosure(ball),
            f"ball arithmetic, {self.bits} bits",
        )
        summary = f"slack = {ball.mid().str(4, radius=False)}, confirmed"
        return Outcome(self.kind, Verdict.REFUTED, summary, {"bits": self.bits}, witness)


def _ball(low: Fraction, high: Fraction) -> arb:
    return arb(fmpq(low.numerator, low.denominator)).union(
        arb(fmpq(high.numerator, high.denominator))
    )


def _halves(box: Box) -> Iterable[Box]:
    widest = max(box, key=lambda name: box[name][1] - box[name][0])
    low, high = box[widest]
    middle = (low + high) / 2
    yield {**box, widest: (low, middle)}
    yield {**box, widest: (middle, high)}


def _box_as_json(box: Box) -> dict[str, list[str]]:
    return {name: [str(low), str(high)] for name, (low, high) in box.items()}


def _tiles(leaves: Sequence[Box], box: Box) -> bool:
    """Whether the leaves are what bisecting the box leaves, each part once."""
    if len(leaves) == 1:
        return dict(leaves[0]) == dict(box)
    if not leaves or any(leaf.keys() != box.keys() for leaf in leaves):
        return False
    first, second = _halves(box)
    inside = [[leaf for leaf in leaves if _lies_in(leaf, half)] for half in (first, second)]
    # A leaf in both halves, or in neither, is no part of the bisection.
    return sum(map(len, inside)) == len(leaves) and all(
        part != box and _tiles(own, part) for own, part in zip(inside, (first, second), strict=True)
    )


def _lies_in(leaf: Box, box: Box) -> bool:
    return all(box[k][0] <= leaf[k][0] <= leaf[k][1] <= box[k][1] for k in box)
