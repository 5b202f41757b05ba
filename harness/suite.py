"""A suite: claims with the verdicts expected of them, and how installed suites are found."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.resources.abc import Traversable

from lemmata.harness.claim import Claim, ClaimError, Registry, Verdict
from lemmata.harness.evidence import Context, Evidence, Profile

__all__ = [
    "ENTRY_POINT_GROUP",
    "FALSE_ALARM_BUDGET",
    "Suite",
    "installed_suite",
    "is_random",
    "merge",
    "read_expected",
]

#: Entry points of this group name a `Suite`; any distribution may bring one.
ENTRY_POINT_GROUP = "lemmata.suites"

#: Probability that any random check of a whole run errs, on either side.
FALSE_ALARM_BUDGET = 1e-6


@dataclass(frozen=True)
class Suite:
    """Claims and their expected verdicts.

    Parameters
    ----------
    registry : Registry
        The claims.
    expected : Mapping
        Verdict expected of each id; the same ids as the registry's.

    Raises
    ------
    ClaimError
        If a claim has no expected verdict, or an expected verdict no claim.
    """

    registry: Registry
    expected: Mapping[str, Verdict]

    def __post_init__(self) -> None:
        declared, expected = set(self.registry.ids), set(self.expected)
        if declared != expected:
            missing = ", ".join(sorted(declared - expected)) or "none"
            stray = ", ".join(sorted(expected - declared)) or "none"
            raise ClaimError(
                f"expected verdicts and claims differ: claims without one: {missing}; "
                f"verdicts without a claim: {stray}"
            )

    def context(self, claim: Claim, piece: int, *, profile: Profile, seed: int) -> Context:
        """Context of one piece of evidence, with its share of the false-alarm budget.

        The budget is split evenly over all random pieces of the whole suite, whichever are run.
        """
        shares = sum(is_random(e) for each in self.registry for e in each.pieces)
        return Context(
            claim_id=claim.id,
            piece=piece,
            profile=profile,
            seed=seed,
            alpha=FALSE_ALARM_BUDGET / max(1, shares),
        )


def is_random(evidence: Evidence) -> bool:
    """Whether the verdict of this piece depends on sampled quantities."""
    return evidence.kind == "sampling"


def read_expected(resource: Traversable) -> dict[str, Verdict]:
    """Read a TOML file with a table `verdicts`: id = "holds" | "refuted" | "undecided".

    Raises
    ------
    ClaimError
        If the file does not parse or holds another word.
    """
    try:
        table = tomllib.loads(resource.read_text(encoding="utf-8"))["verdicts"]
        if not isinstance(table, dict):
            raise ValueError(f"verdicts: got {table!r}; need a table")
        return {claim_id: Verdict(word) for claim_id, word in table.items()}
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise ClaimError(f"{resource.name}: {error}") from error


def merge(suites: Iterable[Suite]) -> Suite:
    """One suite of all."""
    suites = list(suites)
    return Suite(
        Registry(claim for suite in suites for claim in suite.registry),
        {claim_id: verdict for suite in suites for claim_id, verdict in suite.expected.items()},
    )


def installed_suite() -> Suite:
    """All suites that installed distributions bring.

    Raises
    ------
    ClaimError
        If there is none, or one is malformed.
    """
    points = sorted(metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name)
    if not points:
        raise ClaimError(f"no installed distribution has an entry point in {ENTRY_POINT_GROUP!r}")
    return merge(_load(point) for point in points)


def _load(point: metadata.EntryPoint) -> Suite:
    try:
        suite = point.load()
    except Exception as error:  # somebody else's code may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise ClaimError(f"suite {point.name}: cannot be loaded: {reason}") from error
    if not isinstance(suite, Suite):
        raise ClaimError(f"suite {point.name}: got {suite!r}; need a Suite")
    return suite
