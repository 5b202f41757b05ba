"""The pytest door: options, the fixture that runs claims, and the ledger at the end of the run."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lemmata.harness.claim import ClaimError

if TYPE_CHECKING:
    from lemmata.harness.engine import Result, Settings
    from lemmata.harness.suite import Suite

__all__ = ["ClaimSession"]

_DEFAULTS: dict[str, Any] = {"profile": "quick", "seed": 0}
_SESSION = pytest.StashKey["ClaimSession"]()


class ClaimSession:
    """Runs claims of one suite during one pytest run and collects their results."""

    def __init__(self, suite: Suite, settings: Settings) -> None:
        self.suite = suite
        self.settings = settings
        self.results: list[Result] = []
        self.start = time.perf_counter()

    def check(self, claim_id: str) -> None:
        """Measure a claim; fail the test unless the verdict is the expected one."""
        from lemmata.harness.engine import run_claim

        result = run_claim(self.suite, self.suite.registry[claim_id], self.settings)
        self.results.append(result)
        if not result.as_expected:
            pieces = "\n".join(f"  {o.kind}: {o.verdict}: {o.summary}" for o in result.outcomes)
            message = f"{claim_id}: {result.verdict}, expected {result.expected}\n{pieces}"
            pytest.fail(message, pytrace=False)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the claims."""
    group = parser.getgroup("lemmata", "verdicts on published mathematics")
    group.addoption(
        "--lemmata-profile", default=_DEFAULTS["profile"], help="quick (default), default, thorough"
    )
    group.addoption(
        "--lemmata-seed", type=int, default=_DEFAULTS["seed"], help="seed of the claims"
    )
    group.addoption("--lemmata-json", metavar="FILE", help="write the ledger there")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse bad options, and a ledger path that cannot be written, before any work is done."""
    target = config.getoption("--lemmata-json")
    given = {name: config.getoption(f"--lemmata-{name}") for name in _DEFAULTS}
    try:
        # The engine is imported only where it is asked for: this plugin loads in every pytest run.
        if given != _DEFAULTS:
            from lemmata.harness.engine import Settings

            Settings(**given)
        if target is not None:
            from lemmata.harness import ledger

            ledger.check_target(Path(target))
    except ClaimError as error:
        raise pytest.UsageError(str(error)) from error


@pytest.fixture(scope="session")
def claim_session(request: pytest.FixtureRequest) -> ClaimSession:
    """The session that runs claims of the installed suite."""
    from lemmata.harness.engine import Settings
    from lemmata.harness.suite import installed_suite

    config = request.config
    try:
        settings = Settings(
            profile=config.getoption("--lemmata-profile"), seed=config.getoption("--lemmata-seed")
        )
        session = ClaimSession(installed_suite(), settings)
    except ClaimError as error:
        raise pytest.UsageError(str(error)) from error
    config.stash[_SESSION] = session
    return session


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the ledger table, and write the ledger if asked for."""
    session = config.stash.get(_SESSION, None)
    if session is None or not session.results:
        return
    from rich.console import Console

    from lemmata.harness import ledger, table

    seconds = time.perf_counter() - session.start
    book = ledger.as_json(session.suite, session.results, session.settings, seconds)
    stream = io.StringIO()
    colour = terminalreporter.isatty
    width = max(100, terminalreporter._tw.fullwidth)
    console = Console(file=stream, width=width, force_terminal=bool(colour))
    console.print(table.ledger_table(book["claims"]))
    terminalreporter.section("ledger")
    terminalreporter.write(stream.getvalue())
    terminalreporter.write_line(table.closing_line(book))
    target = config.getoption("--lemmata-json")
    if target is not None:
        ledger.write(Path(target), book)
