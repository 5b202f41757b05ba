"""The command line: exit codes, one clear line for bad input, and no trace of what was stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from lemmata.harness import ledger
from lemmata.harness import suite as suites
from lemmata.harness.cli import main
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.search import Search

#: A hanging process fails its test instead of hanging all of them.
PATIENCE = 300


def threshold_search():
    """The claim x <= 37.3 on (0, 1000]."""
    from flint import arb

    return Search(
        routes=("floats", "balls"),
        domain=points({"x": log_uniform(1e-3, 1e3)}),
        slack=lambda point: 1 - point["x"] / 37.3,
        exact=lambda point: 1 - arb(point["x"]) / arb(37.3),
    )


@pytest.fixture
def install(monkeypatch):
    def install(suite):
        monkeypatch.setattr(suites, "installed_suite", lambda: suite)
        return suite

    return install


@pytest.fixture
def suite(toys, install):
    """One claim of each verdict, as expected, and one that is not."""
    return install(
        toys.suite(
            toys.claim("TOY-1", title="the first"),
            toys.claim("TOY-2", threshold_search(), statement=r"x \le 37.3"),
            toys.claim("TOY-3", "undecided"),
            toys.claim("ODD-1", "undecided"),
            TOY_2="refuted",
            TOY_3="undecided",
        )
    )


@pytest.fixture
def call(capsys):
    """Exit code, and what went to both streams."""

    def call(*arguments):
        code = main([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return call


def verify(*arguments):
    return ("verify", "--profile", "quick", "--jobs", "1", *arguments)


@pytest.mark.usefixtures("suite")
def test_exit_0_when_all_is_as_expected(call):
    code, out, err = call(*verify("TOY-*"))
    assert code == 0
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["TOY-1", "TOY-2", "TOY-3"]
    assert "refuted" in lines[2]
    assert "1 holds, 1 refuted, 1 undecided; all as expected" in lines[-1]
    assert [line.split(" (")[0] for line in err.splitlines()] == [
        "[1/3] TOY-1: holds",
        "[2/3] TOY-2: refuted",
        "[3/3] TOY-3: undecided",
    ]


def test_exit_1_when_a_verdict_is_not_as_expected(suite, call, tmp_path):
    target = tmp_path / "ledger.json"
    code, out, _ = call(*verify("--json", target))
    assert code == 1
    assert "not as expected: ODD-1" in out
    # The ledger is written all the same: it is what tells.
    book = ledger.read(target)
    assert [row["id"] for row in book["claims"]] == list(suite.registry.ids)


@pytest.mark.usefixtures("suite")
def test_verify_writes_the_ledger_that_it_prints(call, tmp_path):
    target = tmp_path / "ledger.json"
    code, *_ = call(*verify("TOY-2", "--seed", 7, "--json", target))
    assert code == 0
    book = ledger.read(target)
    assert (book["profile"], book["seed"]) == ("quick", 7)
    assert [(row["id"], row["verdict"]) for row in book["claims"]] == [("TOY-2", "refuted")]
    # A good ledger may be replaced.
    assert call(*verify("TOY-1", "--json", target))[0] == 0
    assert [row["id"] for row in ledger.read(target)["claims"]] == ["TOY-1"]


@pytest.mark.usefixtures("suite")
def test_verify_leaves_nothing_behind(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*verify("TOY-2"))[0] == 0
    assert list(tmp_path.iterdir()) == []


ERRORS = {
    "unknown claim": (verify("TOY-9"), "unknown claim 'TOY-9'"),
    "unknown glob": (verify("TOY-1", "X*"), "unknown claim 'X*'"),
    "unknown profile": (("verify", "--profile", "fast"), "fast"),
    "negative seed": (verify("--seed", "-1"), "seed: got -1"),
    "large seed": (verify("--seed", 2**63), f"seed: got {2**63}"),
    "fractional seed": (verify("--seed", "1.5"), "1.5"),
    "no jobs": (("verify", "--jobs", "0"), "jobs: got 0"),
    "jobs in words": (("verify", "--jobs", "two"), "two"),
    "ledger in no folder": (verify("--json", "missing/ledger.json"), "missing"),
    "ledger over a folder": (verify("--json", "."), "is a folder"),
    "ledger over a torn one": (verify("--json", "torn.json"), "torn.json"),
    "ledger over something else": (verify("--json", "notes.txt"), "notes.txt"),
    "ledger of an endless name": (verify("--json", "x" * 300), "too long"),
    "list of nothing": (("list", "X-1"), "unknown claim 'X-1'"),
    "show without id": (("show",), "ID"),
    "show of nothing": (("show", "X-1"), "unknown claim 'X-1'"),
    "show by glob": (("show", "TOY-*"), "unknown claim 'TOY-*'"),
    "show at no JSON": (("show", "TOY-2", "--at", "{x: 1}"), "--at: not JSON"),
    "show at half of JSON": (("show", "TOY-2", "--at", '{"x": 1'), "--at: not JSON"),
    "show at no point": (("show", "TOY-2", "--at", "[1]"), "--at: got '[1]'"),
    "show at a number": (("show", "TOY-2", "--at", "1"), "--at: got '1'"),
    "show at NaN": (("show", "TOY-2", "--at", '{"x": NaN}'), "NaN"),
    "show at infinity": (("show", "TOY-2", "--at", '{"x": Infinity}'), "Infinity"),
    "show at a point that lacks a key": (("show", "TOY-2", "--at", '{"y": 1}'), "point: lacks 'x'"),
    "show at a text": (("show", "TOY-2", "--at", '{"x": "one"}'), "point: "),
    "show at a list": (("show", "TOY-2", "--at", '{"x": [1]}'), "point: "),
    "show at nothing": (("show", "TOY-2", "--at", '{"x": null}'), "point: "),
    "show a piece too far": (("show", "TOY-2", "--at", '{"x": 1}', "--piece", "1"), "piece: got 1"),
    "show a negative piece": (("show", "TOY-2", "--at", "{}", "--piece", "-1"), "piece: got -1"),
    "show from a missing ledger": (("show", "TOY-2", "--ledger", "missing.json"), "missing.json"),
    "show from a torn ledger": (("show", "TOY-2", "--ledger", "torn.json"), "torn.json"),
    "show from a ledger without it": (("show", "TOY-2", "--ledger", "other.json"), "TOY-2"),
    "show with a negative seed": (("show", "TOY-2", "--seed", "-1"), "seed: got -1"),
    "unknown command": (("prove",), "prove"),
    "unknown option": (("verify", "--fast"), "--fast"),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.usefixtures("suite")
def test_bad_input_gets_one_line_and_exit_2(call, tmp_path, monkeypatch, name, toys):
    from lemmata.harness import engine

    arguments, said = ERRORS[name]
    (tmp_path / "torn.json").write_text('{"schema": 1, "prof', encoding="utf-8")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    settings = engine.Settings(profile="quick")
    other = toys.suite(toys.claim("TOY-1"))
    results = engine.run(other, other.registry, settings)
    ledger.write(tmp_path / "other.json", ledger.as_json(other, results, settings, 0.0))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    ran = []
    monkeypatch.setattr(engine, "run_claim", lambda *_args: ran.append(1))

    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("lemmata: error: ")
    assert err.count("\n") == 1
    assert said in err
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    # Refused before any work.
    assert ran == []


def test_help_is_no_error(call):
    for arguments in (("--help",), ("verify", "-h"), ("show", "--help"), ("list", "--help")):
        code, out, err = call(*arguments)
        assert (code, err) == (0, "")
        assert "Usage: lemmata" in out


def test_no_command_shows_the_help_as_it_is_written(call):
    code, out, err = call()
    assert code == 2
    # Not folded into one line.
    assert len((out + err).splitlines()) > 5
    assert "verify" in out + err


def test_list(suite, call):
    code, out, err = call("list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == list(suite.registry.ids)
    assert lines[0].split(maxsplit=2)[1:] == ["holds", "the first"]
    assert lines[1].split()[1] == "refuted"
    assert call("list", "ODD-*")[1].split()[0] == "ODD-1"


@pytest.mark.usefixtures("suite")
def test_show_measures_and_tells_how_to_reproduce(call):
    code, out, _ = call("show", "TOY-2", "--profile", "quick")
    assert code == 0
    fields = dict(line.split(None, 1) for line in out.splitlines())
    assert fields["statement"] == r"x \le 37.3"
    assert "refuted (as expected)" in out
    assert json.loads(fields["witness"])["x"] > 74.6
    assert "show TOY-2 --profile quick --at " in fields["reproduce"]
    assert call("show", "ODD-1", "--profile", "quick")[0] == 1


@pytest.mark.usefixtures("suite")
def test_show_at_a_point(call):
    code, out, _ = call("show", "TOY-2", "--at", '{"x": 100}')
    assert code == 0
    assert out.startswith("TOY-2: refuted at this point: ")
    assert "ball arithmetic" in out
    code, out, _ = call("show", "TOY-2", "--at", '{"x": 10}')
    assert code == 0
    assert out.startswith("TOY-2: holds at this point: ")


@pytest.mark.usefixtures("suite")
def test_show_reads_a_ledger(call, tmp_path):
    target = tmp_path / "ledger.json"
    call(*verify("--seed", 3, "--json", target))
    measured = call("show", "TOY-2", "--profile", "quick", "--seed", 3)
    assert call("show", "TOY-2", "--ledger", target) == measured
    assert "--seed 3" in measured[1]
    assert call("show", "ODD-1", "--ledger", target)[0] == 1


@pytest.mark.parametrize("door", [verify("TOY-1"), ("show", "TOY-1")])
def test_an_interruption_is_said_in_one_line(toys, install, call, tmp_path, monkeypatch, door):
    install(toys.suite(toys.claim("TOY-1", KeyboardInterrupt())))
    monkeypatch.chdir(tmp_path)
    if door[0] == "verify":
        door = (*door, "--json", "ledger.json")
    code, out, err = call(*door)
    assert (code, out) == (130, "")
    # After the terminal's own `^C`, on a line of its own.
    assert err.lstrip("\n") == "lemmata: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("suite")
def test_a_worker_that_died_is_said_in_one_line(call, tmp_path, monkeypatch):
    from lemmata.harness import engine

    def run(*_args):
        yield from ()
        raise BrokenProcessPool("a process was terminated abruptly")

    monkeypatch.setattr(engine, "run", run)
    code, out, err = call(*verify("--json", tmp_path / "ledger.json"))
    # Neither `as expected` nor `not as expected`: nothing was measured.
    assert code not in {0, 1}
    assert out == ""
    assert err.startswith("lemmata: error: ")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_line_to_paste_runs(call):
    # A claim of the installed suite, on a fresh interpreter, through a shell.
    code, out, _ = call("show", "SCK-05", "--profile", "quick")
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("reproduce")).split(None, 1)[1]
    done = subprocess.run(
        line, shell=True, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.startswith("SCK-05: refuted at this point: ")


def test_ctrl_c_stops_everything_at_once(tmp_path):
    target = tmp_path / "ledger.json"
    # Together they take minutes: caught after the first one, most are still to come.
    command = [
        *(sys.executable, "-m", "lemmata", "verify", "SCK-05", "SCK-1*", "SCK-2*"),
        *("--profile", "thorough", "--jobs", "2", "--json", str(target)),
    ]
    # A session of its own: Ctrl-C goes to a whole group of processes, which must not be ours.
    # Who starts the tests in the background of a script has them ignore Ctrl-C, and all below them.
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        first = process.stderr.readline()
        assert first.startswith("[1/"), first
        os.killpg(process.pid, signal.SIGINT)
        # The workers hold the other ends of these pipes: that both close shows that none is left.
        out, err = process.communicate(timeout=PATIENCE)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 130
    assert out == ""
    assert err.lstrip("\n") == "lemmata: interrupted; nothing was written\n"
    assert list(tmp_path.iterdir()) == []
