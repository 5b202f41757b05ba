"""What a person reads: nothing is lost, folded or swallowed on its way to the terminal."""

from __future__ import annotations

import io
import json
import math
import shlex

import pytest
from rich.console import Console

from lemmata.harness import engine, ledger, table
from lemmata.harness.claim import Emptiness
from lemmata.harness.evidence import Outcome, Witness

QUICK = engine.Settings(profile="quick")


def book_of(suite):
    return ledger.as_json(suite, engine.run(suite, suite.registry, QUICK), QUICK, 2.0)


def printed(renderable, width=120):
    stream = io.StringIO()
    Console(file=stream, width=width).print(renderable)
    return stream.getvalue()


def page(suite, claim_id, seed=0):
    stream = io.StringIO()
    console = Console(file=stream, width=100)
    row = next(row for row in book_of(suite)["claims"] if row["id"] == claim_id)
    table.claim_page(console, suite.registry, suite.registry[claim_id], row, seed=seed)
    return stream.getvalue()


@pytest.fixture
def suite(toys):
    return toys.suite(
        toys.claim("TOY-1", "refuted"),
        toys.claim("TOY-1r", repairs="TOY-1"),
        toys.claim("TOY-2", "undecided", needs=("TOY-1r",)),
        TOY_1="refuted",
    )


def test_the_table_marks_what_is_not_expected(suite):
    lines = {
        line.split()[0]: line
        for line in printed(table.ledger_table(book_of(suite)["claims"])).splitlines()
    }
    assert "refuted" in lines["TOY-1"]
    assert "expected" not in lines["TOY-1"]
    assert "undecided (expected holds)" in lines["TOY-2"]


def test_the_closing_line_counts_and_names(suite, toys):
    line = table.closing_line(book_of(suite))
    assert line.startswith(
        "3 claims in 2 s: 1 holds, 1 refuted, 1 undecided; not as expected: TOY-2;"
    )
    assert "all as expected" in table.closing_line(book_of(toys.suite(toys.claim())))


def test_brackets_are_text(toys):
    outcome = Outcome("sampling", toys.outcome("holds").verdict, "gap in [0.1, 0.2] [bold]")
    claim = toys.claim("TOY-1", outcome, title="on [0, 1]", statement=r"\|x\|_2 \in [a, b] [/]")
    suite = toys.suite(claim)
    assert "gap in [0.1, 0.2] [bold]" in printed(table.ledger_table(book_of(suite)["claims"]))
    text = page(suite, "TOY-1")
    for part in ("on [0, 1]", r"\|x\|_2 \in [a, b] [/]", "gap in [0.1, 0.2] [bold]"):
        assert part in text


def test_the_page_tells_all(toys):
    claim = toys.claim(
        "TOY-1r",
        "refuted",
        repairs="TOY-1",
        needs=("TOY-2",),
        reading="the reading",
        note="the note",
        constants=lambda _outcomes: {"rate": 0.125, "bound": (1.0, 2.5)},
    )
    suite = toys.suite(toys.claim("TOY-1"), toys.claim("TOY-2"), claim)
    text = page(suite, "TOY-1r")
    for part in (
        "a title", "a source", r"\forall x", "the reading", "the note", "TOY-2", "what it was told",
        "repaired (repairs TOY-1)", "refuted (expected holds)", "summary of refuted", "0.125",
        "[1, 2.5]", "[-1.5, -1.25]: ball arithmetic, 64 bits",
        json.dumps(toys.point, sort_keys=True),
    ):  # fmt: skip
        assert part in text


def test_labels_stand_apart_from_what_they_label(suite):
    line = next(line for line in page(suite, "TOY-1").splitlines() if "repaired by" in line)
    assert line.split() == ["repaired", "by", "TOY-1r"]


def test_the_page_prints_infinite_and_missing_numbers(toys):
    witness = Witness({"x": 1.0}, 0, (-math.inf, -1.0), "ball arithmetic, 64 bits")
    outcome = Outcome("search", toys.outcome("refuted").verdict, "text", {}, witness)
    claim = toys.claim(
        "TOY-1", outcome, constants=lambda _outcomes: {"c": math.inf, "d": (0.5, math.inf)}
    )
    text = page(toys.suite(claim), "TOY-1")
    assert "[0.5, inf]" in text
    assert "[-inf, -1]" in text


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("piece", [0, 2])
def test_a_reproduction_says_where_and_how(piece, seed):
    point = {"text": 'it\'s $HOME "here" `pwd` \\ [/]\n', "x": -1e-300, "n": 10**9}
    witness = {"point": point, "piece": piece, "slack": [-1, -1], "confirmed": ""}
    words = shlex.split(table.reproduction("TOY-1", witness, seed=seed))
    at = words.index("show")
    assert words[at + 1] == "TOY-1"
    options = dict(zip(words[at + 2 :: 2], words[at + 3 :: 2], strict=True))
    assert json.loads(options.pop("--at")) == point
    assert int(options.pop("--piece", 0)) == piece
    assert int(options.pop("--seed", 0)) == seed
    assert options == {}


def test_the_line_to_paste_is_one_line(toys):
    point = {f"name{k}": 10.0**k for k in range(40)}
    witness = Witness(point, 0, (-2.0, -1.0), "ball arithmetic, 64 bits")
    outcome = Outcome("search", toys.outcome("refuted").verdict, "text", {}, witness)
    suite = toys.suite(toys.claim("TOY-1", outcome))
    line = page(suite, "TOY-1", seed=4).splitlines()[-1]
    assert line.startswith("reproduce")
    assert json.loads(shlex.split(line)[-1]) == point


def test_an_empty_claim_is_called_so(toys):
    empty = Emptiness(why="zero does as well", evidence=(toys.evidence("holds"),))
    full, hollow = toys.claim("TOY-1"), toys.claim("TOY-2", empty=empty)
    suite = toys.suite(full, hollow)
    rows = book_of(suite)["claims"]
    assert [table.is_empty(row) for row in rows] == [False, True]
    text = printed(table.ledger_table(rows))
    assert text.count("holds, empty") == 1
    assert "zero does as well" in page(suite, "TOY-2")
    assert "(that it is empty)" in page(suite, "TOY-2")
    assert "empty" not in page(suite, "TOY-1")


def test_a_refuted_claim_is_not_called_empty(toys):
    empty = Emptiness(why="zero does as well", evidence=(toys.evidence("holds"),))
    claim = toys.claim("TOY-1", "refuted", empty=empty)
    (row,) = book_of(toys.suite(claim))["claims"]
    assert not table.is_empty(row)
