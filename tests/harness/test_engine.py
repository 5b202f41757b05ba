"""The engine: how pieces of evidence combine, what breaks alone, and that jobs change nothing."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest

from lemmata.harness.claim import ClaimError, Emptiness, Verdict
from lemmata.harness.engine import Settings, combine, reproduce, run, run_claim
from lemmata.harness.evidence import PROFILES
from lemmata.harness.suite import installed_suite

QUICK = Settings(profile="quick")


@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        ([], "undecided"),
        (["holds"], "holds"),
        (["refuted"], "refuted"),
        (["undecided"], "undecided"),
        (["holds", "holds"], "holds"),
        (["holds", "undecided"], "undecided"),
        (["holds", "refuted"], "refuted"),
        (["undecided", "refuted"], "refuted"),
        (["holds", "undecided", "refuted"], "refuted"),
        (["refuted", "refuted"], "refuted"),
        (["proof"], "holds"),
        (["proof", "holds"], "holds"),
        (["proof", "undecided"], "undecided"),
        # A theorem with a counterexample: one of our routes is wrong, and we cannot tell which.
        (["proof", "refuted"], "undecided"),
        (["proof", "holds", "refuted"], "undecided"),
    ],
)
def test_combine(toys, pieces, verdict):
    outcomes = [
        toys.outcome("holds", proof=True) if piece == "proof" else toys.outcome(piece)
        for piece in pieces
    ]
    for order in itertools.permutations(outcomes):
        assert combine(order) is Verdict(verdict)
    assert combine(iter(outcomes)) is Verdict(verdict)


def test_only_a_proof_that_succeeded_contradicts_a_witness(toys):
    failed = dataclasses.replace(toys.outcome("undecided"), proof=True)
    assert combine([failed, toys.outcome("refuted")]) is Verdict.REFUTED


@pytest.mark.parametrize("measured", ["holds", "refuted", "undecided"])
@pytest.mark.parametrize("expected", ["holds", "refuted", "undecided"])
def test_as_expected_is_equality(toys, measured, expected):
    claim = toys.claim("TOY-1", measured)
    result = run_claim(toys.suite(claim, TOY_1=expected), claim, QUICK)
    assert result.as_expected is (measured == expected)
    assert (result.verdict, result.expected) == (Verdict(measured), Verdict(expected))
    assert result.summary == f"summary of {measured}"
    assert (result.witness is not None) is (measured == "refuted")


def test_the_summary_is_from_the_piece_that_decided(toys):
    claim = toys.claim("TOY-1", "holds", "undecided", "refuted")
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.summary == "summary of refuted"
    assert [str(o.verdict) for o in result.outcomes] == ["holds", "undecided", "refuted"]


def test_a_contradiction_shows_no_witness_as_confirmed(toys):
    claim = toys.claim("TOY-1", toys.outcome("holds", proof=True), "refuted")
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.verdict is Verdict.UNDECIDED
    assert result.witness is None
    assert not result.as_expected


@pytest.mark.parametrize(
    "error",
    [ZeroDivisionError("by zero"), AssertionError("no"), ExceptionGroup("many", [OSError()])],
)
def test_a_check_that_breaks_decides_nothing_and_stops_nothing(toys, error):
    claims = [
        toys.claim("TOY-1", "holds"),
        toys.claim("TOY-2", "holds", error, "holds"),
        toys.claim("TOY-3", "refuted"),
    ]
    suite = toys.suite(*claims, TOY_3="refuted")
    results = list(run(suite, claims, QUICK))
    assert [str(r.verdict) for r in results] == ["holds", "undecided", "refuted"]
    assert [r.as_expected for r in results] == [True, False, True]
    broken = results[1].outcomes[1]
    assert broken.verdict is Verdict.UNDECIDED
    assert broken.summary == f"the check broke: {type(error).__name__}: {error}"
    assert len(results[1].outcomes) == 3


def test_constants_that_break_are_a_finding(toys):
    def broken(_outcomes):
        raise ArithmeticError("no constant")

    claim = toys.claim("TOY-1", "holds", constants=broken)
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.verdict is Verdict.UNDECIDED
    assert result.outcomes[-1].kind == "constants"
    assert "ArithmeticError: no constant" in result.summary


def test_constants_are_reported(toys):
    claim = toys.claim("TOY-1", constants=lambda _outcomes: {"rate": 0.5, "bound": (1.0, 2.0)})
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.constants == {"rate": 0.5, "bound": (1.0, 2.0)}
    assert result.verdict is Verdict.HOLDS
    assert result.seconds >= 0


def test_constants_may_come_from_what_was_found(toys):
    def constants(outcomes):
        return {"examples": sum(o.figures["examples"] for o in outcomes)}

    claim = toys.claim("TOY-1", "holds", "holds", constants=constants)
    assert run_claim(toys.suite(claim), claim, QUICK).constants == {"examples": 14}


@pytest.mark.parametrize("value", [(2.0, 1.0), (0.5, math.nan), (math.nan, 0.5), math.nan])
def test_constants_that_make_no_sense_are_a_finding(toys, value):
    claim = toys.claim("TOY-1", "holds", constants=lambda _outcomes: {"rate": value})
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.verdict is Verdict.UNDECIDED
    assert "rate" in result.summary


def test_data_reaches_the_first_piece(toys):
    claim = toys.claim("TOY-1", "holds", "holds", data=lambda: {"map": [1.0, 2.0]})
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.outcomes[0].figures["data"] == {"map": [1.0, 2.0]}
    assert "data" not in result.outcomes[1].figures
    assert result.verdict is Verdict.HOLDS


def test_data_that_break_are_a_finding(toys):
    claim = toys.claim("TOY-1", data=lambda: {"map": 1 / 0})
    assert run_claim(toys.suite(claim), claim, QUICK).verdict is Verdict.UNDECIDED


def test_routes_are_carried_to_the_outcome(toys):
    claim = toys.claim("TOY-1")
    assert run_claim(toys.suite(claim), claim, QUICK).outcomes[0].routes == ("what it was told",)


@pytest.mark.parametrize(
    ("shown", "verdict", "is_empty"),
    [("holds", "holds", True), ("refuted", "undecided", False), ("undecided", "undecided", False)],
)
def test_emptiness_is_measured(toys, shown, verdict, is_empty):
    empty = Emptiness(why="zero does as well", evidence=(toys.evidence(shown),))
    claim = toys.claim("TOY-1", empty=empty)
    result = run_claim(toys.suite(claim), claim, QUICK)
    assert result.verdict is Verdict(verdict)
    assert result.empty is is_empty
    assert [o.shows_empty for o in result.outcomes] == [False, True]


def test_emptiness_does_not_make_a_claim_true(toys):
    empty = Emptiness(why="zero does as well", evidence=(toys.evidence("holds"),))
    for own in ("refuted", "undecided"):
        claim = toys.claim("TOY-1", own, empty=empty)
        result = run_claim(toys.suite(claim), claim, QUICK)
        assert result.verdict is Verdict(own)
        assert not result.empty


def test_the_demonstration_of_emptiness_can_be_reproduced(toys):
    empty = Emptiness(why="zero does as well", evidence=(toys.evidence("undecided"),))
    suite = toys.suite(toys.claim("TOY-1", empty=empty))
    assert reproduce(suite, "TOY-1", toys.point, QUICK, 1).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_an_interruption_is_no_verdict(toys, error):
    claim = toys.claim("TOY-1", error)
    with pytest.raises(type(error)):
        list(run(toys.suite(claim), [claim], QUICK))


def test_evidence_is_told_who_it_is_for(toys):
    seen = []

    class Spy:
        kind = "search"
        routes = ("a spy",)

        def run(self, context):
            seen.append(context)
            return toys.outcome("holds")

        reproduce = None

    claim = toys.claim("TOY-1", Spy(), Spy())
    run_claim(toys.suite(claim), claim, Settings(profile="thorough", seed=12))
    assert [(c.claim_id, c.piece, c.profile, c.seed) for c in seen] == [
        ("TOY-1", piece, PROFILES["thorough"], 12) for piece in (0, 1)
    ]


def test_streams_are_independent_and_fixed(toys):
    context = toys.context(3)
    words = [
        tuple(c.seed_for(purpose).generate_state(4))
        for c in (
            context,
            toys.context(4),
            toys.context(3, piece=1),
            toys.context(3, claim_id="B-1"),
        )
        for purpose in ("search", "scout", "judge/0", "judge/1")
    ]
    assert len(set(words)) == len(words)
    assert context.rng("scout").integers(2**62) == toys.context(3).rng("scout").integers(2**62)
    # Nothing but identity and purpose goes in: a longer run sees the same streams.
    other = toys.context(3, profile=PROFILES["thorough"], alpha=0.1)
    assert tuple(other.seed_for("search").generate_state(4)) == words[0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"profile": "fast"}, "profile: got 'fast'; need one of quick, default, thorough"),
        ({"profile": ""}, "profile: got ''"),
        ({"seed": -1}, "seed: got -1; need at least 0, at most 9223372036854775807"),
        ({"seed": 2**63}, "seed: got 9223372036854775808"),
        ({"seed": 1.5}, "seed: got 1.5"),
        ({"seed": math.nan}, "seed: got nan"),
        ({"jobs": 0}, "jobs: got 0; need at least 1"),
        ({"jobs": -2}, "jobs: got -2"),
        ({"jobs": 1.5}, "jobs: got 1.5"),
    ],
)
def test_settings_refuse(settings, said):
    with pytest.raises(ClaimError) as caught:
        Settings(**settings)
    assert str(caught.value).startswith(said)


def test_settings_take_what_is_legal():
    assert Settings().work is PROFILES["default"]
    assert Settings(seed=2**63 - 1).seed == 2**63 - 1
    for name, profile in PROFILES.items():
        assert Settings(profile=name).work is profile
        assert profile.name == name


def test_profiles_get_more_thorough():
    quick, default, thorough = (PROFILES[name] for name in ("quick", "default", "thorough"))
    for name in ("examples", "audits", "scouts", "points", "doublings"):
        assert getattr(quick, name) <= getattr(default, name) <= getattr(thorough, name)


class At:
    routes = ("the point",)
    """Evidence that evaluates a point by the given function."""

    kind = "search"

    def __init__(self, evaluate):
        self.evaluate = evaluate

    def run(self, context):
        raise NotImplementedError

    def reproduce(self, point, context):  # noqa: ARG002
        return self.evaluate(point)


def reproducing(toys, *functions):
    return toys.suite(toys.claim("TOY-1", *map(At, functions)))


def test_reproduce_asks_the_piece(toys):
    suite = reproducing(
        toys, lambda _point: toys.outcome("holds"), lambda _point: toys.outcome("refuted")
    )
    assert reproduce(suite, "TOY-1", {}, QUICK).verdict is Verdict.HOLDS
    assert reproduce(suite, "TOY-1", {}, QUICK, 1).verdict is Verdict.REFUTED


@pytest.mark.parametrize("piece", [-1, 1, 7])
def test_reproduce_refuses_a_piece_that_is_not_there(toys, piece):
    suite = reproducing(toys, lambda _point: toys.outcome("holds"))
    with pytest.raises(ClaimError, match=f"piece: got {piece}; TOY-1 has 1, counted from 0"):
        reproduce(suite, "TOY-1", {}, QUICK, piece)


def test_reproduce_refuses_an_unknown_claim(toys):
    suite = reproducing(toys, lambda _point: toys.outcome("holds"))
    with pytest.raises(ClaimError, match="unknown claim 'TOY-9'"):
        reproduce(suite, "TOY-9", {}, QUICK)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({}, "point: lacks 'mu'"),
        ({"nu": 1.0}, "point: lacks 'mu'"),
        ({"mu": "one"}, "point: TOY-1 cannot be evaluated there: "),
        ({"mu": None}, "point: TOY-1 cannot be evaluated there: "),
        ({"mu": [1.0]}, "point: TOY-1 cannot be evaluated there: "),
        ({"mu": 0}, "point: TOY-1 cannot be evaluated there: "),
        # 1e200 ** 2 overflows; so does a float that is asked for 10^400.
        ({"mu": 1e200}, "point: TOY-1 cannot be evaluated there: "),
        ({"mu": 10**400}, "point: TOY-1 cannot be evaluated there: "),
    ],
)
def test_reproduce_refuses_points_that_do_not_fit(toys, point, said):
    def evaluate(point):
        1 / float(point["mu"]) ** 2
        return toys.outcome("holds")

    with pytest.raises(ClaimError) as caught:
        reproduce(reproducing(toys, evaluate), "TOY-1", point, QUICK)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("error", [IndexError("too short"), MemoryError(), AttributeError("dtype")])
def test_reproduce_reports_whatever_a_point_breaks(toys, error):
    def evaluate(_point):
        raise error

    with pytest.raises(ClaimError, match="point: TOY-1 cannot be evaluated there"):
        reproduce(reproducing(toys, evaluate), "TOY-1", {"d": 10**15}, QUICK)


def timeless(results):
    return {r.claim_id: dataclasses.replace(r, seconds=0.0) for r in results}


def test_the_number_of_jobs_changes_nothing():
    # Worker processes load other modules, in another order, and find the suite for themselves.
    suite = installed_suite()
    claims = suite.registry.select(["SCK-05", "SCK-12b", "DTZ-2"])
    alone = timeless(run(suite, claims, Settings(profile="quick", seed=5)))
    together = timeless(run(suite, claims, Settings(profile="quick", seed=5, jobs=2)))
    assert together == alone
    assert set(alone) == {claim.id for claim in claims}
