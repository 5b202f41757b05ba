"""Certified evidence: branch and bound proves or refutes, and its certificate cannot be forged."""

from __future__ import annotations

import copy
import json
from fractions import Fraction

import pytest
from flint import arb

from lemmata.harness import engine
from lemmata.harness.certified import Certified
from lemmata.harness.claim import ClaimError, Verdict

UNIT = {"x": (Fraction(0), Fraction(1))}
SQUARE = {"x": (Fraction(0), Fraction(1)), "y": (Fraction(-1), Fraction(2))}


def certified(slack, box=UNIT, **fields):
    return Certified(
        box=box, slack=slack, argument="the box is the domain", **{"routes": ("balls",), **fields}
    )


def hump(ball):
    """1/4 + 2^-10 - x (1 - x): barely positive in the middle, so that it takes many boxes."""
    x = ball["x"]
    return arb(0.25) + arb(2) ** -10 - x * (1 - x)


def saddle(ball):
    """x^2 + y^2 - 2xy + 1/5, written so that balls overestimate it."""
    x, y = ball["x"], ball["y"]
    return x * x + y * y - 2 * x * y + arb(1) / 5


@pytest.fixture
def proof(toys):
    evidence = certified(saddle, SQUARE)
    return evidence, evidence.run(toys.context())


def test_an_inequality_is_proved_on_the_whole_box(toys):
    outcome = certified(hump).run(toys.context())
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.proof
    assert outcome.witness is None
    assert outcome.figures["boxes"] == len(outcome.figures["certificate"]) > 10
    assert 0 <= outcome.figures["least"] < 2.0**-10
    assert outcome.figures["bits"] == 128
    json.dumps(outcome.figures)


def test_a_violation_is_refuted_with_a_rational_witness(toys):
    # Negative between 0.49 and 0.51 only.
    evidence = certified(lambda ball: (ball["x"] - 0.5) ** 2 - arb(1) / 10_000)
    outcome = evidence.run(toys.context(piece=3))
    assert outcome.verdict is Verdict.REFUTED
    assert not outcome.proof
    assert outcome.witness.piece == 3
    value = Fraction(outcome.witness.point["x"])
    exact = (value - Fraction(1, 2)) ** 2 - Fraction(1, 10_000)
    low, high = map(Fraction, outcome.witness.slack)
    assert low < exact < high < 0
    again = evidence.reproduce(outcome.witness.point, toys.context(piece=3))
    assert again.witness == outcome.witness


@pytest.mark.parametrize("where", ["1/3", "5/7"])
def test_a_violation_off_the_first_midpoints_is_found(toys, where):
    at = Fraction(where)
    evidence = certified(
        lambda ball: (ball["x"] - arb(at.numerator) / at.denominator) ** 2 - arb(10) ** -8
    )
    outcome = evidence.run(toys.context())
    assert outcome.verdict is Verdict.REFUTED
    assert abs(Fraction(outcome.witness.point["x"]) - at) < Fraction(1, 10_000)


@pytest.mark.parametrize(
    "slack",
    [
        lambda ball: (ball["x"] - arb(1) / 3) ** 2 * ball["x"].cos() - arb(0, 1e-30),
        lambda _ball: arb("nan"),
        lambda _ball: arb(0, 1),
    ],
)
def test_what_stays_open_is_undecided(toys, slack):
    outcome = certified(slack, most=50).run(toys.context())
    assert outcome.verdict is Verdict.UNDECIDED
    assert outcome.figures["reason"] == "open after 50 boxes"
    assert not outcome.proof


def test_every_variable_is_bisected(toys, proof):
    evidence, outcome = proof
    assert outcome.verdict is Verdict.HOLDS
    for name in SQUARE:
        assert len({tuple(leaf[name]) for leaf in outcome.figures["certificate"]}) > 1
    assert evidence.run(toys.context(seed=9)) == outcome


def test_a_certificate_replays_after_a_round_trip(proof):
    evidence, outcome = proof
    certificate = json.loads(json.dumps(outcome.figures["certificate"]))
    assert evidence.replay(certificate) is True
    assert evidence.replay(certificate[::-1]) is True


def test_a_certificate_of_something_else_is_rejected(proof):
    _, outcome = proof
    stronger = certified(lambda ball: saddle(ball) - arb(9) / 50, SQUARE)
    assert stronger.replay(outcome.figures["certificate"]) is False
    wider = certified(saddle, {**SQUARE, "y": (Fraction(-1), Fraction(3))})
    assert wider.replay(outcome.figures["certificate"]) is False
    narrower = certified(saddle, {**SQUARE, "y": (Fraction(-1), Fraction(1))})
    assert narrower.replay(outcome.figures["certificate"]) is False


def drop(leaves):
    del leaves[len(leaves) // 2]


def drop_all(leaves):
    leaves.clear()


def shift_an_edge(leaves):
    low, high = leaves[3]["x"]
    leaves[3]["x"] = [low, str((Fraction(low) + Fraction(high)) / 2)]


def repeat_in_place_of_another(leaves):
    # The total volume is right: two leaves of one size, one of them twice.
    sizes = {}
    for index, leaf in enumerate(leaves):
        size = tuple(Fraction(high) - Fraction(low) for low, high in leaf.values())
        if size in sizes:
            leaves[index] = leaves[sizes[size]]
            return
        sizes[size] = index


def add_a_copy(leaves):
    leaves.append(leaves[0])


def merge_all(leaves):
    # Tiles the domain, but on so wide a box nothing is proved.
    leaves[:] = [{"x": ["0", "1"], "y": ["-1", "2"]}]


def swap_ends(leaves):
    leaves[0]["x"].reverse()


def move_outside(leaves):
    low, high = leaves[0]["y"]
    leaves[0]["y"] = [str(Fraction(low) + 5), str(Fraction(high) + 5)]


def drop_a_variable(leaves):
    del leaves[0]["y"]


def rename_a_variable(leaves):
    for leaf in leaves:
        leaf["z"] = leaf.pop("y")


@pytest.mark.parametrize(
    "tamper",
    [
        drop,
        drop_all,
        shift_an_edge,
        repeat_in_place_of_another,
        add_a_copy,
        merge_all,
        swap_ends,
        move_outside,
        drop_a_variable,
        rename_a_variable,
    ],
)
def test_a_tampered_certificate_is_rejected(proof, tamper):
    evidence, outcome = proof
    certificate = copy.deepcopy(outcome.figures["certificate"])
    tamper(certificate)
    assert certificate != outcome.figures["certificate"]
    assert evidence.replay(certificate) is False


def test_a_box_without_volume_needs_its_leaves_too():
    flat = {**UNIT, "y": (Fraction(2), Fraction(2))}
    evidence = certified(lambda ball: ball["x"] - ball["y"], flat)
    assert evidence.replay([]) is False
    assert evidence.replay([{"x": ["0", "1/2"], "y": ["2", "2"]}]) is False


def test_reproduce_at_a_point(toys):
    evidence = certified(hump)
    assert evidence.reproduce({"x": "1/3"}, toys.context()).verdict is Verdict.HOLDS
    assert evidence.reproduce({"x": 0.25}, toys.context()).verdict is Verdict.HOLDS


@pytest.mark.parametrize("ball", [arb("nan"), arb(0, 1)])
def test_reproduce_does_not_guess(toys, ball):
    outcome = certified(lambda _ball: ball).reproduce({"x": "1/2"}, toys.context())
    assert outcome.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({}, "point: lacks 'x'"),
        ({"x": "a half"}, "point: .*a half"),
        ({"x": None}, "point: .*None"),
        ({"x": "7"}, "point: .*7"),  # not in the box, of which alone the claim speaks
    ],
)
def test_points_that_do_not_fit_are_refused(toys, point, message):
    suite = toys.suite(toys.claim("TOY-1", certified(hump)))
    with pytest.raises(ClaimError, match=message):
        engine.reproduce(suite, "TOY-1", point, engine.Settings(profile="quick"))
