"""Toy claims, so that the harness is tested on verdicts that are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lemmata.harness.claim import Claim, Point, Registry, Verdict
from lemmata.harness.evidence import PROFILES, Context, Outcome, Profile, Witness
from lemmata.harness.suite import Suite


@dataclass(frozen=True)
class Fixed:
    """Evidence that says what it is told to say, or breaks as it is told to break."""

    answer: Outcome | BaseException
    kind: str = "search"
    routes: tuple[str, ...] = ("what it was told",)

    def run(self, context: Context) -> Outcome:  # noqa: ARG002
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def reproduce(self, point: Point, context: Context) -> Outcome:  # noqa: ARG002
        return self.run(context)


class Toys:
    """Makes outcomes, evidence, claims, suites and contexts."""

    point: Mapping[str, Any] = {"d": 1, "x": 0.5}

    def outcome(self, verdict: str, *, kind: str = "search", proof: bool = False) -> Outcome:
        witness = None
        if verdict == "refuted":
            witness = Witness(dict(self.point), 0, (-1.5, -1.25), "ball arithmetic, 64 bits")
        figures = {"examples": 7}
        return Outcome(kind, Verdict(verdict), f"summary of {verdict}", figures, witness, proof)

    def evidence(self, answer: str | Outcome | BaseException) -> Fixed:
        return Fixed(self.outcome(answer) if isinstance(answer, str) else answer)

    def claim(self, claim_id: str = "TOY-1", *answers: Any, **fields: Any) -> Claim:
        """A claim; what is no evidence yet (a verdict, an outcome, an error) is made into it."""
        evidence = tuple(
            self.evidence(answer) if isinstance(answer, (str, Outcome, BaseException)) else answer
            for answer in answers or ("holds",)
        )
        texts = {"title": "a title", "source": "a source", "statement": r"\forall x"}
        return Claim(id=claim_id, evidence=evidence, **{**texts, **fields})

    def suite(self, *claims: Claim, **expected: str) -> Suite:
        """A suite; `expected` (TOY_1="refuted") says where a verdict other than holds is due."""
        words = {claim.id: expected.get(claim.id.replace("-", "_"), "holds") for claim in claims}
        return Suite(Registry(claims), {name: Verdict(word) for name, word in words.items()})

    def context(
        self,
        seed: int = 0,
        *,
        profile: Profile = PROFILES["quick"],
        alpha: float = 1e-6,
        claim_id: str = "TOY-1",
        piece: int = 0,
    ) -> Context:
        return Context(claim_id, piece, profile, seed, alpha)


@pytest.fixture(scope="session")
def toys() -> Toys:
    return Toys()
