"""The ledger as a person reads it: a table, and the page of one claim."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lemmata.harness.claim import Claim, Registry

__all__ = [
    "claim_page",
    "closing_line",
    "is_empty",
    "ledger_table",
    "program",
    "reproduction",
]

_COLOURS = {"holds": "green", "refuted": "red", "undecided": "yellow"}


def program() -> str:
    """How this program is called from a shell, here and now."""
    found = shutil.which("lemmata")
    # Another installation may come first on the path.
    if found and Path(found).parent == Path(sys.executable).parent:
        return "lemmata"
    return f"{shlex.quote(sys.executable)} -m lemmata"


def reproduction(
    claim_id: str, witness: dict[str, Any], *, seed: int, profile: str = "default"
) -> str:
    """Shell line that evaluates a claim at its witness."""
    point = shlex.quote(json.dumps(witness["point"], sort_keys=True))
    piece = f" --piece {witness['piece']}" if witness["piece"] else ""
    start = f" --seed {seed}" if seed else ""
    work = f" --profile {profile}" if profile != "default" else ""
    return f"{program()} show {claim_id}{piece}{start}{work} --at {point}"


def ledger_table(rows: Iterable[dict[str, Any]]) -> Table:
    """Table of ledger rows: id, verdict, evidence, the number that matters, time."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence")
    table.add_column("the number that matters", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for row in rows:
        verdict = row["verdict"]
        shown = f"[{_COLOURS[verdict]}]{verdict}[/]"
        if is_empty(row):
            shown += ", empty"
        if verdict != row["expected"]:
            shown += f" [bold red](expected {row['expected']})[/]"
        own = [e for e in row["evidence"] if "shows" not in e]
        deciding = [e for e in own if e["verdict"] == verdict] or row["evidence"]
        kinds = dict.fromkeys(e["kind"] for e in row["evidence"])
        table.add_row(
            row["id"],
            shown,
            " ".join(kinds),
            escape(deciding[0]["summary"]),
            f"{row['seconds']:.1f} s",
        )
    return table


def is_empty(row: dict[str, Any]) -> bool:
    """Whether the claim of a ledger row holds, and was shown to say nothing."""
    return row["verdict"] == "holds" and any("shows" in e for e in row["evidence"])


def closing_line(ledger: dict[str, Any]) -> str:
    """One line that sums up a ledger, and what to do next."""
    rows = ledger["claims"]
    counts = {word: sum(row["verdict"] == word for row in rows) for word in _COLOURS}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    odd = [row["id"] for row in rows if row["verdict"] != row["expected"]]
    end = f"not as expected: {', '.join(odd)}" if odd else "all as expected"
    more = f"`{program()} show ID` tells more about one"
    return f"{len(rows)} claims in {ledger['seconds']:.0f} s: {said}; {end}; {more}"


def _interval(ends: list[float | str], digits: int) -> str:
    """Both ends; a ledger writes infinite ones as text."""
    low, high = map(float, ends)
    return f"[{low:.{digits}g}, {high:.{digits}g}]"


def claim_page(
    console: Console,
    registry: Registry,
    claim: Claim,
    row: dict[str, Any],
    *,
    seed: int,
    profile: str = "default",
) -> None:
    """Print all that is known about one claim."""

    def field(name: str, text: str) -> None:
        if text:
            console.print(f"[bold]{name:<12}[/]{escape(text)}", soft_wrap=True)

    console.print(f"[bold]{claim.id}[/]  {escape(claim.title)}", soft_wrap=True)
    field("source", claim.source)
    field("variant", claim.variant + (f" (repairs {claim.repairs})" if claim.repairs else ""))
    field("statement", claim.statement)
    field("reading", claim.reading or "")
    field("note", claim.note)
    if is_empty(row) and claim.empty is not None:
        field("empty", claim.empty.why)
    field("rests on", ", ".join(registry.ancestors(claim.id)))
    field("repaired by", ", ".join(c.id for c in registry if c.repairs == claim.id))
    expected = "as expected" if row["verdict"] == row["expected"] else f"expected {row['expected']}"
    field("verdict", f"{row['verdict']} ({expected})")
    for piece in row["evidence"]:
        about = " (that it is empty)" if "shows" in piece else ""
        field(f"  {piece['kind']}", f"{piece['verdict']}{about}: {piece['summary']}")
        field("", " against ".join(piece["routes"]))
    for name, value in row["constants"].items():
        shown = _interval(value, 12) if isinstance(value, list) else f"{float(value):.12g}"
        field(f"  {name}", f" {shown}")
    witness = row["witness"]
    if witness is not None:
        field("witness", json.dumps(witness["point"], sort_keys=True))
        field("  slack", f"in {_interval(witness['slack'], 6)}: {witness['confirmed']}")
        console.print("[bold]reproduce   [/]", end="")
        # Written raw: a line to paste must not be wrapped or coloured.
        line = reproduction(claim.id, witness, seed=seed, profile=profile)
        console.file.write(line + "\n")
