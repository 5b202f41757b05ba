"""Search: planted violations are found and confirmed, and nothing else passes for one."""

from __future__ import annotations

import dataclasses
import importlib
import math
from fractions import Fraction

import pytest
from flint import arb
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers

from lemmata.harness.claim import Verdict
from lemmata.harness.domain import cosines, log_uniform, points
from lemmata.harness.evidence import PROFILES
from lemmata.harness.search import Search, explore

DOMAIN = points({"x": log_uniform(1e-3, 1e3), "cosine": cosines()})

ROUTES = ("floats", "balls")


def linear(scale, *, domain=DOMAIN, **fields):
    """The claim x <= scale, with slack 1 - x / scale."""
    slack = {
        "slack": lambda point: 1 - point["x"] / scale,
        "exact": lambda point: 1 - arb(point["x"]) / arb(scale),
    }
    return Search(domain=domain, routes=ROUTES, **{**slack, **fields})


def shifted(offset, *, slack=1e-6, **fields):
    """A claim with room to spare, of which the kernel is off by `offset`."""
    return Search(
        routes=ROUTES,
        domain=DOMAIN,
        slack=lambda _point: slack + offset,
        exact=lambda _point: arb(slack),
        **fields,
    )


def test_a_claim_that_holds(toys):
    outcome = linear(1e4).run(toys.context())
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.witness is None
    assert not outcome.proof
    figures = outcome.figures
    assert figures["examples"] == PROFILES["quick"].examples
    assert 0 < figures["audited"] < figures["examples"]
    assert figures["rounding"] == figures["in_balls"] == 0
    # Steered downhill, the search finds the end where the claim is tightest.
    assert figures["tightest"]["x"] == 1e3
    assert figures["min_slack"] == 1 - 1e3 / 1e4


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_violation_is_found_shrunk_and_confirmed(toys, seed):
    outcome = linear(49.97).run(toys.context(seed))
    assert outcome.verdict is Verdict.REFUTED
    witness = outcome.witness
    # The simplest point with a clear violation: the slack is -0.9992 at 99.9, and -1.001 here.
    assert witness.point == {"x": 100.0, "cosine": 1.0}
    assert witness.confirmed == "ball arithmetic, 64 bits"
    assert witness.piece == 0
    low, high = map(Fraction, witness.slack)
    assert low < 1 - Fraction(100) / Fraction(49.97) < high < 0
    assert high - low < Fraction(1, 10**12)


def test_a_narrow_violation_is_found_too(toys):
    # The slack falls to -0.9: never clear, but false.
    search = linear(
        1,
        slack=lambda point: 0.09995 - point["x"] / 1000,
        exact=lambda point: arb(0.09995) - arb(point["x"]) / 1000,
    )
    outcome = search.run(toys.context())
    assert outcome.verdict is Verdict.REFUTED
    assert outcome.witness.point == {"x": 100.0, "cosine": 1.0}
    assert outcome.witness.slack[1] < 0


def test_a_clear_violation_is_preferred_to_a_simple_one(toys):
    # From 2 on the claim fails by a hair, from 100 on wholly; the former is simpler, and not shown.
    def slack(point):
        return 1.0 if point["x"] < 2 else -0.01 if point["x"] < 100 else -3.0

    search = linear(1, slack=slack, exact=lambda point: arb(slack(point)))
    outcome = search.run(toys.context())
    assert outcome.witness.point == {"x": 100.0, "cosine": 1.0}


@pytest.mark.parametrize("share", [0.004, 0.001])
def test_a_violation_in_a_corner_is_found(toys, share):
    # Downhill towards large x and orthogonality at once: blind draws would mostly miss it.
    def slack(point):
        return (1e3 - point["x"]) / 1e3 + abs(point["cosine"]) - share

    search = linear(
        1,
        slack=slack,
        exact=lambda p: (1000 - arb(p["x"])) / 1000 + abs(arb(p["cosine"])) - arb(share),
    )
    outcome = search.run(toys.context(profile=PROFILES["default"]))
    assert outcome.verdict is Verdict.REFUTED
    assert outcome.witness.point["x"] >= 996


def test_rounding_is_no_violation(toys):
    # The kernel says -1e-12 where the truth is +1e-12, within the rounding that it admits.
    outcome = shifted(-2e-12, slack=1e-12).run(toys.context())
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.figures["rounding"] == outcome.figures["examples"] == outcome.figures["audited"]
    assert outcome.figures["min_slack"] == 1e-12


@pytest.mark.parametrize("offset", [-1e-3, -1e-5, 1e-5, 1e-3, math.nan, math.inf, -math.inf])
def test_a_kernel_that_is_wrong_beyond_rounding_decides_nothing(toys, offset):
    # Also where it errs on the safe side: then audits catch it.
    outcome = shifted(offset).run(toys.context())
    assert outcome.verdict is Verdict.UNDECIDED
    assert outcome.witness is None
    assert "floating point says" in outcome.figures["reason"]
    assert set(outcome.figures["point"]) == {"x", "cosine"}


def test_a_kernel_that_calls_a_false_claim_true_does_not_pass(toys):
    outcome = linear(37.3, slack=lambda _point: 1.0).run(toys.context())
    assert outcome.verdict is not Verdict.HOLDS


@pytest.mark.parametrize("x", [0.5, 3.0])
def test_a_domain_of_one_point_is_audited(toys, x):
    domain = st.just({"x": x})
    safe = Search(
        domain=domain, slack=lambda _point: 1.0, exact=lambda _point: arb(0.25), routes=ROUTES
    )
    assert safe.run(toys.context()).verdict is Verdict.UNDECIDED
    false = Search(
        domain=domain, slack=lambda _point: 1.0, exact=lambda _point: arb(-2), routes=ROUTES
    )
    assert false.run(toys.context()).verdict is not Verdict.HOLDS


@pytest.mark.parametrize("ball", [arb(0, 1), arb("nan"), arb(0, math.inf), arb(0, 1e-12)])
def test_a_ball_that_never_settles_decides_nothing(toys, ball):
    outcome = linear(1e4, exact=lambda _point: ball).run(toys.context())
    assert outcome.verdict is Verdict.UNDECIDED
    assert "still open at 2048 bits" in outcome.summary


def test_a_slack_that_is_zero_to_all_digits_holds(toys):
    # No precision settles the sign of sqrt(x)^2 - x.
    search = linear(
        1,
        slack=lambda _point: 0.0,
        exact=lambda point: arb(point["x"]).sqrt() ** 2 - arb(point["x"]),
    )
    assert search.run(toys.context()).verdict is Verdict.HOLDS


def test_where_rounding_may_do_anything_balls_decide_alone(toys):
    def never(_point):
        raise AssertionError

    outcome = linear(1e4, slack=never, noise=lambda _point: math.inf).run(toys.context())
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.figures["in_balls"] == outcome.figures["examples"]
    assert outcome.figures["audited"] == 0
    outcome = linear(37.3, slack=never, noise=lambda _point: math.inf).run(toys.context())
    assert outcome.verdict is Verdict.REFUTED


@pytest.mark.parametrize("noise", [0.0, 1e-320, -1.0, math.nan])
def test_no_noise_level_lets_a_false_claim_pass(toys, noise):
    # -1 / sqrt(2): the balls never get as narrow as such a noise asks.
    def exact(_point):
        return -1 / arb(2).sqrt()

    search = linear(
        1, slack=lambda _point: float(exact(None)), exact=exact, noise=lambda _point: noise
    )
    outcome = search.run(toys.context())
    assert outcome.verdict is not Verdict.HOLDS


def test_a_violation_too_small_for_a_float_is_one(toys):
    search = Search(
        routes=ROUTES,
        domain=points({"x": log_uniform(1e-200, 1e-190)}),
        slack=lambda point: -(point["x"] ** 3),
        exact=lambda point: -(arb(point["x"]) ** 3),
    )
    assert search.run(toys.context()).verdict is not Verdict.HOLDS


def test_the_same_seed_gives_the_same_outcome(toys):
    for scale in (1e4, 37.3):
        first, second = (linear(scale).run(toys.context(3)) for _ in range(2))
        assert first == second


def visited(seed, examples=80):
    seen = []

    def visit(point):
        seen.append((point["x"], point["cosine"]))
        return -point["x"]

    explore(DOMAIN, visit, seed=seed, examples=examples)
    return seen


def test_other_seeds_look_elsewhere():
    assert visited(1) == visited(1)
    assert visited(1) != visited(2)


def test_modules_that_happen_to_be_loaded_change_nothing(toys, tmp_path, monkeypatch):
    # Hypothesis draws constants that it finds in the source of the user's modules.
    before = visited(5), linear(1e4).run(toys.context(5))
    lines = [f"I{k} = {k}\nF{k} = {k}.5" for k in range(100, 1000)]
    (tmp_path / "full_of_constants.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("full_of_constants")
    assert (visited(5), linear(1e4).run(toys.context(5))) == before


def test_hypothesis_is_left_as_it_was_found():
    before = providers._get_local_constants, providers.CONSTANTS_CACHE

    def visit(_point):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explore(DOMAIN, visit, seed=0, examples=10)
    explore(DOMAIN, lambda _point: 0.0, seed=0, examples=10)
    assert (providers._get_local_constants, providers.CONSTANTS_CACHE) == before


def test_an_exception_comes_out_as_raised_at_the_simplest_point():
    error = KeyError("x too large")

    def visit(point):
        if point["x"] >= 100:
            raise error from ArithmeticError(point["x"])
        return 0.0

    with pytest.raises(KeyError) as caught:
        explore(DOMAIN, visit, seed=0, examples=100)
    assert caught.value is error
    assert caught.value.__cause__.args == (100.0,)


def test_exploring_climbs():
    # In five dimensions no luck comes near the top; steps along the axes do.
    domain = points({name: log_uniform(1e-3, 1e3) for name in "abcde"})

    def best(seed, *, steered):
        heights = []

        def visit(point):
            heights.append(-sum(abs(math.log(x / 7.77)) for x in point.values()))
            return heights[-1] if steered else 0.0

        explore(domain, visit, seed=seed, examples=200)
        return max(heights)

    steered, blind = (sum(best(seed, steered=way) for seed in range(4)) for way in (True, False))
    assert steered > blind / 2


def test_effort_multiplies_the_points(toys):
    usual = linear(1e4).run(toys.context())
    triple = linear(1e4, effort=3.0).run(toys.context())
    assert triple.figures["examples"] == 3 * usual.figures["examples"]
    assert linear(1e4, effort=1e-6).run(toys.context()).figures["examples"] == 10
    thorough = dataclasses.replace(PROFILES["quick"], examples=123)
    assert linear(1e4).run(toys.context(profile=thorough)).figures["examples"] == 123


def test_the_witness_names_its_piece(toys):
    assert linear(37.3).run(toys.context(piece=2)).witness.piece == 2


def test_reproduce_asks_the_balls_alone(toys):
    search = linear(37.3, slack=lambda _point: math.nan)
    refuted = search.reproduce({"x": 74.7}, toys.context(piece=1))
    assert refuted.verdict is Verdict.REFUTED
    assert refuted.witness.point == {"x": 74.7}
    assert refuted.witness.piece == 1
    holds = search.reproduce({"x": 30.0}, toys.context())
    assert holds.verdict is Verdict.HOLDS
    low, high = holds.figures["slack"]
    assert low < 1 - Fraction(30) / Fraction(37.3) < high
    unsure = linear(1, exact=lambda _point: arb(0, 1)).reproduce({"x": 1.0}, toys.context())
    assert unsure.verdict is Verdict.UNDECIDED


def test_the_printed_witness_reproduces(toys):
    search = linear(37.3)
    found = search.run(toys.context()).witness
    again = search.reproduce(found.point, toys.context()).witness
    assert again == found


def test_an_equality_that_is_off_by_more_than_rounding_is_audited(toys):
    """By too little to violate the tolerance, and at no point that a hash picks."""

    def run(**fields):
        search = Search(
            domain=st.integers(0, 10**6).map(lambda k: {"x": k / 10**6}),
            slack=lambda point: 1e-6 - (1e-8 if 0.2 < point["x"] < 0.9 else 0.0),
            exact=lambda _point: arb(1e-6),
            routes=ROUTES,
            **fields,
        )
        rare = dataclasses.replace(PROFILES["quick"], audits=1)
        return search.run(toys.context(profile=rare))

    assert run(usual=1e-6).broken
    # With a noise that covers it there is nothing to report.
    assert run(usual=1e-6, noise=lambda _point: 1e-7).verdict is Verdict.HOLDS


def test_a_ball_as_wide_as_the_noise_is_no_disagreement(toys):
    search = Search(
        domain=DOMAIN,
        slack=lambda _point: 0.5 + 1.5e-9,
        exact=lambda _point: arb(0.5, 0.9e-9),
        noise=lambda _point: 1e-9,
        routes=ROUTES,
    )
    assert search.run(toys.context()).verdict is Verdict.HOLDS
    off = dataclasses.replace(search, slack=lambda _point: 0.5 + 2.5e-9)
    assert off.run(toys.context()).broken
