"""Tables in docs/benchmarks.md: a script writes its own part, between two marks, and no other."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["chosen", "conditions", "put", "report", "seconds", "sizes", "table"]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table with padded columns."""
    lines = [head, ["-" * max(3, len(h)) for h in head], *rows]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(head))]
    return "\n".join(
        "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |"
        for line in [head, ["-" * w for w in widths], *rows]
    )


def seconds(value: float) -> str:
    """Return a time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"


def put(path: Path, part: str, text: str) -> None:
    """Replace what is between the marks of `part`."""
    page = path.read_text(encoding="utf-8")
    start, end = f"<!-- {part}: written by a script -->", f"<!-- {part}: end -->"
    before, mark, rest = page.partition(start)
    _, other, after = rest.partition(end)
    if not mark or not other:
        msg = f"{path} must have the lines {start!r} and {end!r}"
        raise ValueError(msg)
    path.write_text(f"{before}{start}\n\n{text}\n\n{end}{after}", encoding="utf-8")


def sizes(size: dict[str, float]) -> str:
    """Return names and values."""
    return ", ".join(f"{name} = {value:g}" for name, value in size.items())


def conditions(result: dict[str, Any]) -> str:
    """Return where the figures come from."""
    told = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    return f"One thread; {told}."


def chosen(items: Sequence[Any], names: Sequence[str]) -> list[Any]:
    """Return the items that are named, or all."""
    known = sorted({item.name for item in items})
    for name in names:
        if name not in known:
            msg = f"NAME must be one of {', '.join(known)}, got {name!r}"
            raise ValueError(msg)
    return [item for item in items if not names or item.name in names]


def report(
    part: str,
    description: str | None,
    run: Callable[..., dict[str, Any]],
    markdown: Callable[[dict[str, Any]], str],
    arguments: Sequence[str] | None,
) -> int:
    """Run what the command line asks for, and print, save and publish the figures."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{part}", description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to run, else all")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the tables in that page")
    parser.add_argument("--small", action="store_true", help="at the sizes of the tests")
    given = parser.parse_args(arguments)
    try:
        result = run(given.names, small=given.small)
        text = markdown(result)
        if given.json:
            figures = json.dumps(result, indent=1, allow_nan=False)
            given.json.write_text(f"{figures}\n", encoding="utf-8")
        if given.write:
            put(given.write, part, text)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    sys.stdout.write(text + "\n")
    return 0
