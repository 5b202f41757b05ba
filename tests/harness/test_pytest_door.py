"""The pytest door: surprises fail their item, the ledger ends the run, bad options are refused."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from lemmata.harness import ledger

CONFTEST = """
from flint import arb

from lemmata.harness import suite
from lemmata.harness.claim import Claim, Registry, Verdict
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.search import Search

threshold = Search(
    routes=("floats", "balls"),
    domain=points({"x": log_uniform(1e-3, 1e3)}),
    slack=lambda point: 1 - point["x"] / 37.3,
    exact=lambda point: 1 - arb(point["x"]) / arb(37.3),
)
claims = [
    Claim(id=f"TOY-{k}", title="", source="", statement="", evidence=(threshold,)) for k in (1, 2)
]
toys = suite.Suite(
    Registry(claims), {"TOY-1": Verdict.REFUTED, "TOY-2": Verdict.HOLDS}
)
suite.installed_suite = lambda: toys
"""
CLAIMS = """
import pytest

@pytest.mark.parametrize("claim_id", ["TOY-1", "TOY-2"])
def test_claim(claim_id, claim_session):
    claim_session.check(claim_id)
"""
NO_CLAIMS = "def test_something_else(): pass\n"


@pytest.fixture
def run_pytest(tmp_path):
    """Run pytest on toy claims, in a process and a folder of its own."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_claims.py").write_text(CLAIMS, encoding="utf-8")
    (folder / "test_other.py").write_text(NO_CLAIMS, encoding="utf-8")

    def run(*arguments):
        # By its module, not by its entry point: this also runs where nothing is installed.
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"}
        environment.pop("PYTEST_ADDOPTS", None)
        command = [
            *(sys.executable, "-m", "pytest", "-p", "lemmata.harness.pytest_door"),
            *("-p", "no:cacheprovider", "--color=no", *map(str, arguments)),
        ]
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def test_a_surprise_fails_its_item_and_the_ledger_follows(run_pytest, tmp_path):
    target = tmp_path / "ledger.json"
    done = run_pytest("--lemmata-json", target, "--lemmata-seed", 6)
    out = done.stdout
    assert done.returncode == 1, out + done.stderr
    assert "1 failed, 2 passed" in out
    # What was found, and no traceback of ours.
    assert "TOY-2: refuted, expected holds" in out
    assert "search: refuted: slack" in out
    assert "Traceback" not in out
    assert "pytest_door.py" not in out
    table = out[out.index(" ledger ") :].splitlines()
    rows = {line.split()[0]: line for line in table if line.startswith("TOY-")}
    assert "expected" not in rows["TOY-1"]
    assert "refuted (expected holds)" in rows["TOY-2"]
    assert any("not as expected: TOY-2" in line for line in table)
    book = ledger.read(target)
    assert (book["profile"], book["seed"]) == ("quick", 6)
    assert [(row["id"], row["verdict"], row["expected"]) for row in book["claims"]] == [
        ("TOY-1", "refuted", "refuted"),
        ("TOY-2", "refuted", "holds"),
    ]


def test_what_is_expected_passes_and_where_no_claim_runs_there_is_no_ledger(run_pytest):
    done = run_pytest("-k", "TOY-1", "--lemmata-profile", "default")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as expected" in done.stdout
    done = run_pytest("test_other.py")
    assert done.returncode == 0
    assert " ledger " not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lemmata-json", "missing/ledger.json"], "no such folder: missing"),
        (["--lemmata-json", "conftest.py"], "conftest.py: torn or not a ledger"),
        (
            ["--lemmata-profile", "fast"],
            "profile: got 'fast'; need one of quick, default, thorough",
        ),
        (["--lemmata-seed", "-1"], "seed: got -1"),
    ],
)
def test_bad_options_are_usage_errors(run_pytest, arguments, said):
    done = run_pytest(*arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    # Before any work.
    assert "test session starts" not in done.stdout
