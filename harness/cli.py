"""The command line: verify, list, show."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from lemmata.harness.claim import Claim, ClaimError
from lemmata.harness.environment import limit_threads

if TYPE_CHECKING:
    from lemmata.harness.engine import Result

__all__ = ["main"]

EXIT_EXPECTED, EXIT_SURPRISE, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

_profile = click.option(
    "--profile",
    type=click.Choice(["quick", "default", "thorough"]),
    default="default",
    show_default=True,
    help="How much work to spend.",
)
_seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed of the run.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0: every verdict is as expected. 1: one is not. 2: bad usage or bad input, said in one line.
    """
    try:
        code = cli.main(arguments, prog_name="lemmata", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return EXIT_USAGE
    except click.ClickException as error:
        return _complain(error.format_message())
    except (ClaimError, BrokenProcessPool) as error:
        return _complain(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("lemmata: interrupted; nothing was written", err=True)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone (`lemmata list | head`); nobody is left to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_SURPRISE
    return int(code or 0)


def _complain(message: str) -> int:
    click.echo(f"lemmata: error: {' '.join(message.split())}", err=True)
    return EXIT_USAGE


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lemmata")
def cli() -> None:
    """Check published mathematics by running it."""


@cli.command()
@click.argument("patterns", nargs=-1, metavar="[ID or glob]...")
@_profile
@_seed
@click.option("--json", "target", type=click.Path(path_type=Path), help="Write the ledger there.")
@click.option("--jobs", type=int, default=None, help="Processes.  [default: one a core]")
def verify(
    patterns: tuple[str, ...], profile: str, seed: int, target: Path | None, jobs: int | None
) -> int:
    """Measure the verdict of every claim, or of those named, and print the ledger."""
    limit_threads()
    from lemmata.harness import engine, ledger, table
    from lemmata.harness.suite import installed_suite

    jobs = (os.cpu_count() or 1) if jobs is None else jobs
    settings = engine.Settings(profile=profile, seed=seed, jobs=jobs)
    if target is not None:
        ledger.check_target(target)
    suite = installed_suite()
    claims = suite.registry.select(patterns)
    start = time.perf_counter()
    results = list(_with_progress(engine.run(suite, claims, settings), claims))
    book = ledger.as_json(suite, results, settings, time.perf_counter() - start)
    # A pipe has no width of its own; rows that fold there would be hard to search.
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table.ledger_table(book["claims"]))
    console.print(table.closing_line(book), highlight=False, soft_wrap=True)
    if target is not None:
        ledger.write(target, book)
    return EXIT_EXPECTED if all(result.as_expected for result in results) else EXIT_SURPRISE


def _with_progress(results: Iterable[Result], claims: Sequence[Claim]) -> Iterator[Result]:
    """Pass results on while showing how far the run is: a bar on a terminal, else plain lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        for done, result in enumerate(results, start=1):
            place = f"[{done}/{len(claims)}]"
            line = f"{place} {result.claim_id}: {result.verdict} ({result.seconds:.1f} s)"
            click.echo(line, err=True)
            yield result
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        # Long ids are cut off rather than the bar.
        TextColumn(
            "{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
        ),
    )
    waiting = {claim.id: None for claim in claims}
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        task = progress.add_task(_next(waiting), total=len(claims))
        for result in results:
            waiting.pop(result.claim_id)
            progress.update(task, advance=1, description=_next(waiting))
            yield result


def _next(waiting: dict[str, None], shown: int = 4) -> str:
    names = list(waiting)
    return " ".join(names[:shown]) + (" ..." if len(names) > shown else "")


@cli.command("list")
@click.argument("patterns", nargs=-1, metavar="[ID or glob]...")
def list_claims(patterns: tuple[str, ...]) -> None:
    """List the claims: id, expected verdict, title."""
    from lemmata.harness.suite import installed_suite

    suite = installed_suite()
    claims = suite.registry.select(patterns)
    width = max(len(claim.id) for claim in claims)
    for claim in claims:
        click.echo(f"{claim.id:<{width}}  {suite.expected[claim.id]:<9}  {claim.title}")


@cli.command()
@click.argument("claim_id", metavar="ID")
@click.option("--at", "point_text", metavar="JSON", help="Evaluate the claim at this point only.")
@click.option("--piece", type=int, default=0, help="Which piece of evidence, with --at, from 0.")
@click.option(
    "--ledger", "source", type=click.Path(path_type=Path), help="Read the verdict from this ledger."
)
@_profile
@_seed
def show(
    claim_id: str, point_text: str | None, piece: int, source: Path | None, profile: str, seed: int
) -> int:
    """Show one claim: statement, reading, verdict, witness, and how to reproduce the witness.

    The verdict is measured now, or read from a ledger.
    """
    limit_threads()
    from lemmata.harness import engine, ledger, table
    from lemmata.harness.suite import installed_suite

    settings = engine.Settings(profile=profile, seed=seed)
    suite = installed_suite()
    claim = suite.registry[claim_id]
    if point_text is not None:
        outcome = engine.reproduce(suite, claim_id, _point(point_text), settings, piece)
        click.echo(f"{claim_id}: {outcome.verdict} at this point: {outcome.summary}")
        if outcome.witness is not None:
            low, high = outcome.witness.slack
            click.echo(f"slack in [{low:.17g}, {high:.17g}] ({outcome.witness.confirmed})")
        return EXIT_EXPECTED
    if source is None:
        result = engine.run_claim(suite, claim, settings)
        book = ledger.as_json(suite, [result], settings, result.seconds)
    else:
        book = ledger.read(source)
    row = _row(book, claim_id, source)
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table.claim_page(
        console, suite.registry, claim, row, seed=book["seed"], profile=book["profile"]
    )
    return EXIT_EXPECTED if row["verdict"] == row["expected"] else EXIT_SURPRISE


def _row(book: dict[str, Any], claim_id: str, source: Path | None) -> dict[str, Any]:
    for row in book["claims"]:
        if row["id"] == claim_id:
            return dict(row)
    raise ClaimError(f"{source}: holds no verdict on {claim_id}")


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _point(text: str) -> dict[str, Any]:
    try:
        point = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ClaimError(f"--at: not JSON: {error}") from error
    if not isinstance(point, dict):
        raise ClaimError(f"--at: got {text!r}; need a JSON object such as '{{\"d\": 1}}'")
    return point
