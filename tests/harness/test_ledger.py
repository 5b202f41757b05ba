"""The ledger: its schema bites, writing is all or nothing, and a seed fixes every byte of it."""

from __future__ import annotations

import copy
import json
import math
import os
import stat
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import sympy
from flint import arb

from lemmata.harness import engine, ledger
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.ledger import LedgerError
from lemmata.harness.sampling import MeanTest
from lemmata.harness.search import Search
from lemmata.harness.symbolic import Symbolic

QUICK = engine.Settings(profile="quick", seed=3)


@pytest.fixture
def suite(toys):
    return toys.suite(
        toys.claim("TOY-1", "holds", toys.outcome("holds", kind="symbolic", proof=True)),
        toys.claim(
            "TOY-2", "refuted", reading="as printed", constants=lambda _outcomes: {"c": 2.5}
        ),
        toys.claim("TOY-2r", repairs="TOY-2", needs=("TOY-1",)),
        toys.claim("TOY-3:odd", "undecided"),
        TOY_2="refuted",
    )


@pytest.fixture
def book(suite):
    return ledger.as_json(suite, engine.run(suite, suite.registry, QUICK), QUICK, 1.25)


def test_as_json_follows_the_schema(book):
    jsonschema.Draft202012Validator.check_schema(ledger.schema())
    jsonschema.validate(book, ledger.schema())
    assert json.loads(json.dumps(book, allow_nan=False)) == book


def test_as_json_says_what_was_measured(book, toys):
    assert (book["schema"], book["profile"], book["seed"], book["seconds"]) == (1, "quick", 3, 1.25)
    assert {"python", "numpy", "hypothesis", "python-flint"} <= set(book["versions"])
    rows = {row["id"]: row for row in book["claims"]}
    assert list(rows) == ["TOY-1", "TOY-2", "TOY-2r", "TOY-3:odd"]
    assert [row["verdict"] for row in rows.values()] == ["holds", "refuted", "holds", "undecided"]
    assert [row["expected"] for row in rows.values()] == ["holds", "refuted", "holds", "holds"]
    assert rows["TOY-2"]["variant"] == "printed"
    assert rows["TOY-2"]["reading"] == "as printed"
    assert rows["TOY-2"]["constants"] == {"c": 2.5}
    assert rows["TOY-2"]["witness"] == {
        "point": toys.point,
        "piece": 0,
        "slack": [-1.5, -1.25],
        "confirmed": "ball arithmetic, 64 bits",
    }
    assert rows["TOY-2r"]["variant"] == "repaired"
    assert rows["TOY-2r"]["repairs"] == "TOY-2"
    assert rows["TOY-2r"]["needs"] == ["TOY-1"]
    assert rows["TOY-1"]["evidence"] == [
        {
            "kind": kind,
            "verdict": "holds",
            "summary": "summary of holds",
            "routes": ["what it was told"],
            "examples": 7,
        }
        for kind in ("search", "symbolic")
    ]


def test_rows_stand_in_the_order_of_declaration(suite, book):
    results = list(engine.run(suite, suite.registry, QUICK))
    backwards = ledger.as_json(suite, results[::-1], QUICK, 0.0)
    assert [row["id"] for row in backwards["claims"]] == [row["id"] for row in book["claims"]]
    some = ledger.as_json(suite, results[1:2], QUICK, 0.0)
    assert [row["id"] for row in some["claims"]] == ["TOY-2"]


def put(path, value):
    """Change that sets the item at a path such as `claims.1.witness`; `-` drops it."""

    def change(book):
        *parts, last = (int(part) if part.isdigit() else part for part in path.split("."))
        for part in parts:
            book = book[part]
        if value == "-":
            del book[last]
        else:
            book[last] = value

    return change


CLAIM_KEYS = [
    "id",
    "variant",
    "reading",
    "title",
    "source",
    "verdict",
    "expected",
    "evidence",
    "witness",
    "constants",
    "repairs",
    "needs",
    "seconds",
]

VIOLATIONS = {
    **{
        f"without {key}": put(key, "-")
        for key in ["schema", "profile", "seed", "seconds", "versions", "claims"]
    },
    **{f"claim without {key}": put(f"claims.1.{key}", "-") for key in CLAIM_KEYS},
    **{
        f"evidence without {key}": put(f"claims.0.evidence.0.{key}", "-")
        for key in ("kind", "verdict", "summary")
    },
    **{
        f"witness without {key}": put(f"claims.1.witness.{key}", "-")
        for key in ("point", "piece", "slack", "confirmed")
    },
    "another schema": put("schema", 2),
    "unknown key": put("author", "somebody"),
    "unknown key of a claim": put("claims.0.author", "somebody"),
    "unknown key of a witness": put("claims.1.witness.author", "somebody"),
    "unknown profile": put("profile", "fast"),
    "negative seed": put("seed", -1),
    "fractional seed": put("seed", 0.5),
    "negative time": put("seconds", -0.1),
    "version that is no text": put("versions.numpy", 2.4),
    "malformed id": put("claims.0.id", "toy-1"),
    "unknown verdict": put("claims.0.verdict", "true"),
    "unknown expected verdict": put("claims.0.expected", "maybe"),
    "unknown variant": put("claims.0.variant", "fixed"),
    "no evidence": put("claims.0.evidence", []),
    "unknown kind": put("claims.0.evidence.0.kind", "belief"),
    "unknown verdict of a piece": put("claims.0.evidence.0.verdict", "yes"),
    "refuted without witness": put("claims.1.witness", None),
    "witness of what holds": put("claims.1.verdict", "holds"),
    "witness of what is undecided": put("claims.1.verdict", "undecided"),
    "refuted by nothing": put("claims.0.verdict", "refuted"),
    "slack that is no interval": put("claims.1.witness.slack", [-1.0]),
    "slack that is text": put("claims.1.witness.slack", ["-1", "-2"]),
    "point that is no object": put("claims.1.witness.point", [1.0]),
    "constant that is text": put("claims.1.constants.c", "2.5"),
    "constant of three numbers": put("claims.1.constants.c", [1, 2, 3]),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_rule_of_the_schema_bites(book, name, tmp_path):
    VIOLATIONS[name](book)
    with pytest.raises(LedgerError, match="not a ledger of schema 1"):
        ledger.write(tmp_path / "ledger.json", book)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ledger.json").write_text(json.dumps(book), encoding="utf-8")
    with pytest.raises(LedgerError, match=r"ledger.json: not a ledger of schema 1"):
        ledger.read(tmp_path / "ledger.json")


def test_infinities_and_numpy_numbers_are_encoded(toys):
    figures = {
        "nan": math.nan,
        "inf": [math.inf, -math.inf],
        "array number": np.float64(0.5),
        "array integer": np.int64(7),
        "array truth": np.bool_(True),
        "nested": {"tuple": (1, np.float32("inf"))},
    }
    outcome = toys.outcome("holds")
    outcome = type(outcome)("search", outcome.verdict, "text", figures)
    claim = toys.claim(
        "TOY-1", outcome, constants=lambda _outcomes: {"c": math.inf, "d": (0.5, math.inf)}
    )
    suite = toys.suite(claim)
    book = ledger.as_json(suite, engine.run(suite, [claim], QUICK), QUICK, 0.0)
    piece = book["claims"][0]["evidence"][0]
    assert piece["nan"] == "nan"
    assert piece["inf"] == ["inf", "-inf"]
    assert (piece["array number"], piece["array integer"], piece["array truth"]) == (0.5, 7, True)
    assert type(piece["array integer"]) is int
    assert piece["nested"] == {"tuple": [1, "inf"]}
    assert book["claims"][0]["constants"] == {"c": "inf", "d": [0.5, "inf"]}
    jsonschema.validate(book, ledger.schema())
    json.dumps(book, allow_nan=False)


# Writing


def test_what_is_written_is_read_back(book, tmp_path):
    path = tmp_path / "ledger.json"
    ledger.write(path, book)
    assert ledger.read(path) == book
    assert path.read_text(encoding="utf-8").endswith("}\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["ledger.json"]
    ledger.write(path, {**book, "seed": 4})
    assert ledger.read(path)["seed"] == 4


def test_a_ledger_is_as_readable_as_any_new_file(book, tmp_path):
    ledger.write(tmp_path / "ledger.json", book)
    (tmp_path / "other").touch()
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ledger.json", "other")]
    assert modes[0] == modes[1]


def fail_with(error):
    def fail(*_args, **_kwargs):
        raise error

    return fail


@pytest.mark.parametrize("step", ["replace", "fsync", "chmod"])
@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), KeyboardInterrupt()],
    ids=["full", "interrupted"],
)
@pytest.mark.parametrize("old", [True, False], ids=["over another", "anew"])
def test_writing_is_all_or_nothing(book, tmp_path, monkeypatch, step, error, old):
    path = tmp_path / "ledger.json"
    if old:
        ledger.write(path, book)
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        for owner in (os, Path) if step != "fsync" else (os,):
            patch.setattr(owner, step, fail_with(error))
        expected = LedgerError if isinstance(error, OSError) else KeyboardInterrupt
        with pytest.raises(expected) as caught:
            ledger.write(path, {**book, "seed": 4})
    if isinstance(error, OSError):
        assert str(caught.value) == f"{path}: No space left on device"
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_a_good_target(book, tmp_path):
    ledger.check_target(tmp_path / "new.json")
    ledger.write(tmp_path / "old.json", book)
    ledger.check_target(tmp_path / "old.json")
    # Looking leaves nothing behind.
    assert [entry.name for entry in tmp_path.iterdir()] == ["old.json"]


def test_a_folder_is_no_target(tmp_path):
    with pytest.raises(LedgerError, match="is a folder, not a file"):
        ledger.check_target(tmp_path)


def test_a_missing_folder_is_no_target(tmp_path):
    with pytest.raises(LedgerError, match=r"no such folder: .*missing"):
        ledger.check_target(tmp_path / "missing" / "ledger.json")
    assert list(tmp_path.iterdir()) == []


TORN = {
    "half a ledger": '{"schema": 1, "profile": "qu',
    "nothing": "",
    "other JSON": "[1, 2]",
    "another schema": '{"schema": 2}',
    "not text": "\udcff\udcfe",
    "a deep nest": "[" * 100_000,
}


@pytest.mark.parametrize("name", TORN)
def test_a_file_that_is_no_ledger_is_left_in_place(tmp_path, name):
    path = tmp_path / "ledger.json"
    path.write_bytes(TORN[name].encode("utf-8", "surrogateescape"))
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=r"ledger.json: .*left in place, name another file"):
        ledger.check_target(path)
    with pytest.raises(LedgerError, match=r"ledger.json: "):
        ledger.read(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("protected", ["folder", "file"])
def test_what_must_not_be_written_is_refused_before_any_work(
    tmp_path, book, monkeypatch, protected
):
    path = tmp_path / "ledger.json"
    ledger.write(path, book)
    closed = tmp_path if protected == "folder" else path
    # By the answer of the system, not by its modes: the superuser may write everywhere.
    monkeypatch.setattr(os, "access", lambda where, _mode: Path(where) != closed)
    with pytest.raises(LedgerError, match=r"ledger.json: not writable"):
        ledger.check_target(path)


@pytest.mark.parametrize("length", [256, 300, 5000])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, length):
    with pytest.raises(LedgerError, match=r"(?i)name too long"):
        ledger.check_target(tmp_path / ("x" * length))


@pytest.mark.parametrize("length", [230, 245, 255])
def test_a_target_that_passes_can_be_written(tmp_path, book, length):
    # Else the work of a whole run is lost at its end: what writing adds to a name may be too long.
    path = tmp_path / ("x" * length)
    try:
        ledger.check_target(path)
    except LedgerError:
        return
    ledger.write(path, book)
    assert ledger.read(path) == book


def test_reading_what_is_not_there(tmp_path):
    with pytest.raises(LedgerError, match="No such file"):
        ledger.read(tmp_path / "missing.json")
    with pytest.raises(LedgerError, match="directory"):
        ledger.read(tmp_path)


# Reproducibility


def measured(toys, seed):
    """Bytes of the ledger of a run, without what must differ: times."""
    domain = points({"x": log_uniform(1e-3, 1e3)})
    suite = toys.suite(
        toys.claim(
            "TOY-1",
            Search(
                routes=("floats", "balls"),
                domain=domain,
                slack=lambda point: 2 - math.log10(point["x"]),
                exact=lambda point: 2 - arb(point["x"]).log() / arb(10).log(),
            ),
            Symbolic(residuals=lambda: {"false": sympy.Symbol("t") - 1}, routes=("SymPy",)),
        ),
        toys.claim(
            "TOY-2",
            MeanTest(
                routes=("draws", "a number"),
                domain=domain,
                draw=lambda _point, rng, n: rng.uniform(size=n),
                allowed=lambda _point: (0.5, 0.5),
                effect=0.05,
                bounds=(0.0, 1.0),
            ),
            Search(
                routes=("floats", "balls"),
                domain=domain,
                slack=lambda point: point["x"],
                exact=lambda point: arb(point["x"]),
            ),
        ),
    )
    settings = engine.Settings(profile="quick", seed=seed)
    book = ledger.as_json(suite, engine.run(suite, suite.registry, settings), settings, 0.0)
    for row in book["claims"]:
        row["seconds"] = 0.0
    return json.dumps(book, indent=2).encode(), [row["verdict"] for row in book["claims"]]


def test_a_seed_fixes_every_byte_and_no_seed_changes_a_verdict(toys):
    first, verdicts = measured(toys, 8)
    assert measured(toys, 8)[0] == first
    assert verdicts == ["refuted", "holds"]
    other, others = measured(toys, 9)
    assert other != first
    assert others == verdicts


def test_copies_of_a_book_are_not_changed_by_writing(book, tmp_path):
    before = copy.deepcopy(book)
    ledger.write(tmp_path / "ledger.json", book)
    assert book == before
