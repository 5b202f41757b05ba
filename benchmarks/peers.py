"""Ours against theirs: ``python -m benchmarks.peers [NAME ...] [--json FILE] [--write FILE]``.

Every contest is run in one process, on the same inputs, with the sides in turn; first the results
are compared. A ratio is their time over ours for the same work, taken round by round; what is
printed is its median, with the quartiles.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from . import _page, _timing
from .contests import CONTESTS, Contest, Rival, Size

__all__ = ["main", "run"]

# Seconds for the rounds of one rival; there are at least three.
_BUDGET = 3.0


def _check(rival: Rival, ours: Any) -> dict[str, Any]:
    """Return why the rival does not compete, or how far its result is from ours."""
    available = _timing.available_bytes()
    if rival.needs > available:
        gigabytes = [f"{bytes_ / 1e9:.3g} GB" for bytes_ in (rival.needs, available)]
        return {"stopped": f"needs {gigabytes[0]} of memory, of {gigabytes[1]}"}
    try:
        theirs = rival.call()
        if rival.error is None:
            return {}
        error = rival.error(ours, theirs)
    except (MemoryError, RuntimeError, ArithmeticError, ValueError, ImportError) as reason:
        return {"stopped": f"{type(reason).__name__}: {str(reason).splitlines()[0][:100]}"}
    found: dict[str, Any] = {"error": error, "tolerance": rival.tolerance}
    if not error <= rival.tolerance:
        found["stopped"] = f"is off by {error:.2g}, more than {rival.tolerance:g}"
    return found


def _race(contest: Contest, size: Size, budget: float) -> dict[str, Any]:
    sides = contest.build(**size)
    ours = sides.ours()
    rows: list[dict[str, Any]] = []
    for rival in sides.rivals:
        row: dict[str, Any] = {
            "rival": rival.name,
            "bound": rival.error is None,
            "note": rival.note,
            **_check(rival, ours),
        }
        if "stopped" not in row:
            times = _timing.in_turn([sides.ours, rival.call], budget=budget)
            times /= [sides.units, rival.units]
            row["rounds"] = len(times)
            row["ours_seconds"], row["seconds"] = (_timing.quartiles(t)[1] for t in times.T)
            row["ratio"] = _timing.quartiles(times[:, 1] / times[:, 0])
            if rival.target is not None:
                row["target"] = rival.target
                row["met"] = row["ratio"][1] >= rival.target
        rows.append(row)
    alone = _timing.in_turn([sides.ours], budget=0.2)[:, 0] / sides.units
    return {
        "contest": contest.name,
        "kernel": contest.kernel,
        "size": size,
        "seconds": _timing.quartiles(alone)[1],
        "rivals": rows,
    }


def run(
    names: Sequence[str] = (), *, small: bool = False, budget: float | None = None
) -> dict[str, Any]:
    """Run the contests whose names are given, or all."""
    seconds = budget if budget is not None else 0.02 if small else _BUDGET
    results = []
    with _timing.single_thread():
        for contest in _page.chosen(CONTESTS, names):
            for size in [contest.small] if small else contest.sizes:
                results.append(_race(contest, size, seconds))
                sys.stderr.write(f"{contest.name}, {_page.sizes(size)}\n")
    return {"schema": 1, "machine": _timing.machine(), "contests": results}


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.2e}"


def markdown(result: dict[str, Any]) -> str:
    """Return the tables."""
    parts: list[str] = []
    for contest in result["contests"]:
        head = f"**{contest['contest']}**: `{contest['kernel']}`, {_page.sizes(contest['size'])}"
        rows = []
        for row in contest["rivals"]:
            name = f"*{row['rival']}*" if row["bound"] else row["rival"]
            if "stopped" in row:
                rows.append([name, "", "", "", f"does not compete: {row['stopped']}"])
                continue
            low, middle, high = row["ratio"]
            told = [row["note"]]
            if "error" in row:
                told.append(f"agrees to {row['error']:.1g} (allowed {row['tolerance']:g})")
            if "target" in row:
                told.append(f"target {row['target']:g}: {'met' if row['met'] else 'missed'}")
            rows.append(
                [
                    name,
                    _page.seconds(row["seconds"]),
                    _number(middle),
                    f"{_number(low)} to {_number(high)}",
                    "; ".join(filter(None, told)),
                ]
            )
        columns = ["theirs", "time", "over ours", "quartiles", ""]
        parts += [f"{head}: {_page.seconds(contest['seconds'])}", _page.table(columns, rows)]
    return "\n\n".join([_page.conditions(result), *parts])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    return _page.report("peers", __doc__, run, markdown, arguments)


if __name__ == "__main__":
    sys.exit(main())
