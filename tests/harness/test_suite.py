"""Suites: claims and expected verdicts match both ways, and the budget is the whole suite's."""

from __future__ import annotations

from importlib import metadata

import pytest

from lemmata.harness import engine
from lemmata.harness import suite as suites
from lemmata.harness.claim import ClaimError, Registry, Verdict
from lemmata.harness.evidence import PROFILES
from lemmata.harness.suite import FALSE_ALARM_BUDGET, Suite, installed_suite, read_expected


def test_a_claim_without_an_expected_verdict_is_refused(toys):
    registry = Registry([toys.claim("A-1"), toys.claim("A-2")])
    with pytest.raises(ClaimError, match="claims without one: A-2; verdicts without a claim: none"):
        Suite(registry, {"A-1": Verdict.HOLDS})


def test_an_expected_verdict_without_a_claim_is_refused(toys):
    registry = Registry([toys.claim("A-1")])
    with pytest.raises(ClaimError, match="claims without one: none; verdicts without a claim: A-2"):
        Suite(registry, {"A-1": Verdict.HOLDS, "A-2": Verdict.HOLDS})


def test_every_claim_once(toys):
    registry = Registry([toys.claim("A-1")])
    assert Suite(registry, {"A-1": Verdict.REFUTED}).expected["A-1"] is Verdict.REFUTED


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "expected.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_expected_verdicts_are_read(write):
    text = '[verdicts]\n"A-1" = "holds"\n"A-1:b" = "refuted"\n"A-2" = "undecided"\n'
    assert read_expected(write(text)) == {
        "A-1": Verdict.HOLDS,
        "A-1:b": Verdict.REFUTED,
        "A-2": Verdict.UNDECIDED,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[verdicts]\n"A-1" = "maybe"', "maybe"),
        ('[verdicts]\n"A-1" = "Holds"', "Holds"),
        ('[verdicts]\n"A-1" = 1', "1"),
        ('[verdicts]\n"A-1" = ["holds"]', "holds"),
        ('[verdicts]\n"A-1" = "holds"\n"A-1" = "holds"', ""),
        ('[verdict]\n"A-1" = "holds"', "verdicts"),
        ('verdicts = "holds"', "verdicts"),
        ("", "verdicts"),
        ("[verdicts", ""),
    ],
)
def test_a_malformed_file_is_refused(write, text, said):
    with pytest.raises(ClaimError, match=r"expected\.toml: ") as caught:
        read_expected(write(text))
    assert said in str(caught.value)


class Sampling:
    """Evidence that reports the error probability that it was granted."""

    kind = "sampling"
    routes = ("nothing",)

    def __init__(self, seen):
        self.seen = seen

    def run(self, context):
        self.seen.append((context.claim_id, context.piece, context.alpha))
        raise NotImplementedError

    reproduce = None


@pytest.fixture
def granted():
    return []


@pytest.fixture
def mixed(toys, granted):
    """Three random pieces in two claims, and two claims without any."""
    return toys.suite(
        toys.claim("A-1", Sampling(granted), "holds", Sampling(granted)),
        toys.claim("A-2"),
        toys.claim("A-3", Sampling(granted)),
        toys.claim("A-4", "holds", "holds"),
    )


def test_the_budget_is_split_over_the_random_pieces_of_the_suite(mixed, granted):
    settings = engine.Settings(profile="quick")
    list(engine.run(mixed, mixed.registry, settings))
    assert [entry[:2] for entry in granted] == [("A-1", 0), ("A-1", 2), ("A-3", 0)]
    assert sum(alpha for *_, alpha in granted) == pytest.approx(FALSE_ALARM_BUDGET, rel=1e-12)
    assert len({alpha for *_, alpha in granted}) == 1


def test_a_share_does_not_depend_on_the_selection(mixed, granted):
    settings = engine.Settings(profile="quick")
    list(engine.run(mixed, mixed.registry, settings))
    everything = [entry for entry in granted if entry[0] == "A-3"]
    granted.clear()
    list(engine.run(mixed, mixed.registry.select(["A-3"]), settings))
    assert granted == everything


def test_the_default_budget():
    assert FALSE_ALARM_BUDGET == 1e-6


def test_a_suite_without_random_pieces_divides_by_nothing(toys):
    suite = toys.suite(toys.claim())
    context = suite.context(suite.registry["TOY-1"], 0, profile=PROFILES["quick"], seed=0)
    assert 0 < context.alpha <= FALSE_ALARM_BUDGET


class EntryPoint:
    def __init__(self, name, target):
        self.name, self.value, self.target = name, f"{name}:SUITE", target

    def load(self):
        if isinstance(self.target, Exception):
            raise self.target
        return self.target


@pytest.fixture
def installed(monkeypatch):
    """Pretend that distributions with these entry points are installed."""

    def install(**targets):
        points = [EntryPoint(name, target) for name, target in targets.items()]
        monkeypatch.setattr(metadata, "entry_points", lambda group: points if group else [])

    return install


def test_installed_suites_are_joined(toys, installed):
    installed(
        beta=toys.suite(toys.claim("B-1"), B_1="refuted"), alpha=toys.suite(toys.claim("A-1"))
    )
    suite = installed_suite()
    # By the name of the entry point, so that the order is the same everywhere.
    assert suite.registry.ids == ("A-1", "B-1")
    assert suite.expected == {"A-1": Verdict.HOLDS, "B-1": Verdict.REFUTED}


def test_no_installed_suite_is_an_error(installed):
    installed()
    with pytest.raises(ClaimError, match=suites.ENTRY_POINT_GROUP):
        installed_suite()


def test_an_id_in_two_suites_is_an_error(toys, installed):
    installed(one=toys.suite(toys.claim("A-1")), two=toys.suite(toys.claim("A-1")))
    with pytest.raises(ClaimError, match="A-1 is declared twice"):
        installed_suite()


@pytest.mark.parametrize("target", ["no suite", None, ImportError("no module")])
def test_a_malformed_suite_is_an_error_that_names_it(installed, target):
    installed(broken=target)
    with pytest.raises(ClaimError, match="broken"):
        installed_suite()
