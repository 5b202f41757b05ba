"""What a claim is: one declaration from which every door derives its view."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lemmata.harness.evidence import Evidence, Outcome

__all__ = ["Claim", "ClaimError", "Constants", "Emptiness", "Point", "Registry", "Verdict"]

#: A point of a domain: named JSON values, so that a witness can be written down and read back.
Point = Mapping[str, Any]
#: Reported constants: a number, or an enclosure (lo, hi).
Constants = dict[str, float | tuple[float, float]]

_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]+[a-z]?r?(:[a-z0-9-]+)?")


class ClaimError(ValueError):
    """A claim, a selection of claims or a point that makes no sense; the message says which."""


class Verdict(StrEnum):
    """What the evidence came to."""

    HOLDS = "holds"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, kw_only=True)
class Emptiness:
    """Why a true statement says nothing, and the evidence that it does not.

    Parameters
    ----------
    why : str
        What else would satisfy the statement.
    evidence : tuple of Evidence
        The same statement about that other thing, the zero vector say. All of it must hold, or
        nothing is decided about the claim.
    """

    why: str
    evidence: tuple[Evidence, ...]

    def __post_init__(self) -> None:
        if not self.why or not self.evidence:
            raise ClaimError("empty: say why, and give the evidence that demonstrates it")


@dataclass(frozen=True, kw_only=True)
class Claim:
    r"""One statement of a paper, and the evidence that decides it.

    Parameters
    ----------
    id : str
        Identifier in the ledger: ``SCK-15``; a repaired statement ends in ``r`` (``SCK-15r``), a
        second reading of the same text has a suffix (``SCK-28:two-sided``).
    title : str
        One line for tables.
    source : str
        Paper and equation, lemma or display number.
    statement : str
        The statement in LaTeX, as printed or as repaired.
    evidence : tuple of Evidence
        How the verdict is measured. All pieces must say `holds` for the claim to hold; one
        confirmed refutation refutes it.
    reading : str, optional
        How an ambiguous text was read.
    repairs : str, optional
        Id of the printed claim that this one repairs.
    needs : tuple of str
        Ids of claims on which this one rests.
    note : str
        What a reader should know beyond the statement: the derivation behind a repair, answers to
        questions in the source.
    constants : callable, optional
        Computes the constants to report, from what the evidence found or on its own; called once a
        run.
    empty : Emptiness, optional
        The demonstration that the statement, though true, says nothing.
    data : callable, optional
        Computes JSON data for the ledger: a map, a table, a curve; called once a run.
    """

    id: str
    title: str
    source: str
    statement: str
    evidence: tuple[Evidence, ...]
    reading: str | None = None
    repairs: str | None = None
    needs: tuple[str, ...] = ()
    note: str = ""
    constants: Callable[[Sequence[Outcome]], Constants] | None = None
    empty: Emptiness | None = None
    data: Callable[[], Mapping[str, Any]] | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ClaimError(
                f"id: {self.id!r} is not of the form PAPER-12, PAPER-12r, PAPER-12:reading"
            )
        if not self.evidence:
            raise ClaimError(f"evidence: claim {self.id} has none, so nothing could refute it")
        for evidence in self.pieces:
            if not evidence.routes or not all(map(str.strip, evidence.routes)):
                raise ClaimError(f"routes: evidence of {self.id} names none: say what met in it")
        is_repair = self.id.split(":")[0].endswith("r")
        if is_repair != (self.repairs is not None):
            raise ClaimError(
                f"repairs: claim {self.id} must name what it repairs exactly if its id ends in r"
            )

    @property
    def pieces(self) -> tuple[Evidence, ...]:
        """All evidence: about the statement's truth, then about its emptiness."""
        return self.evidence + (self.empty.evidence if self.empty else ())

    @property
    def family(self) -> str:
        """The printed claim: the id without the marks of a repair and of a reading."""
        return self.id.split(":")[0].removesuffix("r")

    @property
    def variant(self) -> str:
        """`printed`, or `repaired`."""
        return "printed" if self.repairs is None else "repaired"


class Registry:
    """The claims by id, in the order of their declaration, with their references resolved."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._claims: dict[str, Claim] = {}
        for claim in claims:
            if claim.id in self._claims:
                raise ClaimError(f"id: {claim.id} is declared twice")
            self._claims[claim.id] = claim
        for claim in self:
            if claim.repairs == claim.id:
                raise ClaimError(f"repairs: claim {claim.id} names itself")
            for other in (*claim.needs, *filter(None, [claim.repairs])):
                if other not in self._claims:
                    raise ClaimError(f"claim {claim.id} refers to {other}, which is not declared")
        for claim in self:
            self.ancestors(claim.id)

    def __iter__(self) -> Iterator[Claim]:
        return iter(self._claims.values())

    def __len__(self) -> int:
        return len(self._claims)

    def __contains__(self, claim_id: object) -> bool:
        return claim_id in self._claims

    def __getitem__(self, claim_id: str) -> Claim:
        try:
            return self._claims[claim_id]
        except KeyError:
            raise ClaimError(
                f"unknown claim {claim_id!r}; `lemmata list` names the claims"
            ) from None

    @property
    def ids(self) -> tuple[str, ...]:
        """All ids, in order."""
        return tuple(self._claims)

    def ancestors(self, claim_id: str) -> tuple[str, ...]:
        """Ids of all claims on which `claim_id` rests, directly or not."""
        found: dict[str, None] = {}

        def visit(current: str, path: tuple[str, ...]) -> None:
            for need in self._claims[current].needs:
                if need in path:
                    raise ClaimError(f"needs: {' -> '.join((*path, need))} is a circle")
                if need not in found:
                    found[need] = None
                    visit(need, (*path, need))

        visit(claim_id, (claim_id,))
        return tuple(found)

    def select(self, patterns: Iterable[str] = ()) -> tuple[Claim, ...]:
        """Claims that match any of the ids or shell globs; all of them for no pattern.

        Raises
        ------
        ClaimError
            If a pattern matches no claim.
        """
        from fnmatch import fnmatchcase

        patterns = tuple(patterns)
        if not patterns:
            return tuple(self)
        chosen: set[str] = set()
        for pattern in patterns:
            hits = [name for name in self._claims if fnmatchcase(name, pattern)]
            if not hits:
                raise ClaimError(f"unknown claim {pattern!r}; `lemmata list` names the claims")
            chosen.update(hits)
        return tuple(claim for claim in self if claim.id in chosen)
