"""What all kinds of evidence share: the context they run in and the outcome they report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from lemmata.harness.claim import Point, Verdict

__all__ = ["PROFILES", "Context", "Evidence", "Outcome", "Profile", "Witness"]


@dataclass(frozen=True)
class Profile:
    """How much work a run may spend.

    Parameters
    ----------
    name : str
        `quick`, `default` or `thorough`.
    examples : int
        Points that each search tries.
    audits : int
        Points of each search at which the floating-point slack is compared with ball arithmetic.
    scouts : int
        Points that each sampling test looks at before it picks those it judges.
    points : int
        Points that each sampling test judges on fresh randomness.
    doublings : int
        How often a sampling test may double its number of draws before it says `undecided`.
    """

    name: str
    examples: int
    audits: int
    scouts: int
    points: int
    doublings: int


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("quick", examples=80, audits=12, scouts=12, points=3, doublings=9),
        Profile("default", examples=240, audits=24, scouts=40, points=6, doublings=10),
        Profile("thorough", examples=3000, audits=200, scouts=200, points=16, doublings=12),
    )
}


@dataclass(frozen=True)
class Context:
    """What one piece of evidence is given when it runs.

    Parameters
    ----------
    claim_id : str
        The claim that the evidence is for.
    piece : int
        Position of the evidence in the claim.
    profile : Profile
        How much work to spend.
    seed : int
        Seed of the run.
    alpha : float
        Error probability that this piece of evidence may spend.
    """

    claim_id: str
    piece: int
    profile: Profile
    seed: int
    alpha: float

    def seed_for(self, purpose: str) -> np.random.SeedSequence:
        """Seed of an independent stream: a function of run seed, claim, piece and purpose only.

        The order in which claims run, and which others run, therefore changes nothing.
        """
        label = f"{self.claim_id}/{self.piece}/{purpose}".encode()
        words = np.frombuffer(hashlib.sha256(label).digest(), dtype=np.uint32)
        return np.random.SeedSequence([self.seed, *map(int, words)])

    def rng(self, purpose: str) -> np.random.Generator:
        """Generator on the stream of `seed_for`."""
        return np.random.default_rng(self.seed_for(purpose))


@dataclass(frozen=True)
class Witness:
    """A confirmed counterexample.

    Parameters
    ----------
    point : Point
        Where the claim fails.
    piece : int
        Which piece of the claim's evidence found it.
    slack : (float, float)
        Enclosure of the slack there: both ends are negative. For a sampling test, the confidence
        interval of the gap to what the claim allows, with a minus sign.
    confirmed : str
        By what means, e.g. `ball arithmetic, 128 bits`.
    """

    point: Point
    piece: int
    slack: tuple[float, float]
    confirmed: str

    def as_json(self) -> dict[str, Any]:
        """As it stands in the ledger."""
        return {
            "point": dict(self.point),
            "piece": self.piece,
            "slack": list(self.slack),
            "confirmed": self.confirmed,
        }


@dataclass(frozen=True)
class Outcome:
    """What one piece of evidence found.

    Parameters
    ----------
    kind : str
        `search`, `sampling`, `symbolic` or `certified`.
    verdict : Verdict
        What this piece says by itself.
    summary : str
        The number that matters, for a table's cell.
    figures : Mapping
        JSON values for the ledger.
    witness : Witness, optional
        Present exactly if the verdict is `refuted`.
    proof : bool
        Whether a `holds` of this piece is a proof, which no witness can contradict.
    broken : bool
        Whether the piece found our own code at fault: then nothing is decided, whatever other
        pieces say.
    routes : tuple of str
        The independent ways of computing that met in this piece.
    shows_empty : bool
        Whether the piece is about emptiness: it says nothing about the statement's truth.
    """

    kind: str
    verdict: Verdict
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    witness: Witness | None = None
    proof: bool = False
    broken: bool = False
    routes: tuple[str, ...] = ()
    shows_empty: bool = False

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.REFUTED) != (self.witness is not None):
            raise ValueError(
                f"witness: a {self.verdict} outcome came with witness {self.witness!r}"
            )


class Evidence(Protocol):
    """A way to measure a verdict."""

    @property
    def kind(self) -> str:
        """`search`, `sampling`, `symbolic` or `certified`."""

    @property
    def routes(self) -> tuple[str, ...]:
        """The independent ways of computing that meet, in words."""

    def run(self, context: Context) -> Outcome:
        """Measure."""

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Measure at one given point only."""
