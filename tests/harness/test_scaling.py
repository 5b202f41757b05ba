"""Exponent tests: a slope with an interval, wrong about as often as it says, and caught lying."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from lemmata.harness.claim import Verdict
from lemmata.harness.evidence import PROFILES
from lemmata.harness.intervals import spend
from lemmata.harness.scaling import ExponentTest, slope_interval

SIZES = (1e2, 1e3, 1e4, 1e5, 1e6)


def power(exponent, deviation=0.5, factor=3.0):
    """Errors that scale with a known exponent, with a normal logarithm."""

    def draw(size, rng):
        return factor * size**exponent * math.exp(deviation * rng.standard_normal())

    return draw


def exponent_test(draw, **fields):
    usual = {"sizes": SIZES, "allowed": (-0.5, -0.5), "effect": 0.1, "routes": ("toy",)}
    return ExponentTest(draw=draw, **{**usual, **fields})


@pytest.mark.parametrize("seed", range(5))
def test_the_true_exponent_holds(toys, seed):
    outcome = exponent_test(power(-0.5)).run(toys.context(seed))
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.kind == "sampling"
    assert not outcome.proof
    low, high = outcome.figures["interval"]
    assert low <= -0.5 <= high
    assert high - low <= 0.4
    assert low < outcome.figures["exponent"] < high
    assert outcome.figures["largest_gap"] <= 0.1
    json.dumps(outcome.figures)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("exponent", [-0.3, -0.7, 0.0, 0.5])
def test_another_exponent_is_refuted(toys, seed, exponent):
    outcome = exponent_test(power(exponent)).run(toys.context(seed, piece=2))
    assert outcome.verdict is Verdict.REFUTED
    low, high = outcome.witness.slack
    assert low <= -abs(exponent + 0.5) <= high < 0
    assert outcome.witness.piece == 2
    assert outcome.witness.point == {"sizes": list(SIZES)}


def test_an_error_that_levels_off_is_caught(toys):
    # What a wrong prediction looks like: noise of the right exponent, on top of a bias.
    def draw(size, rng):
        return abs(0.02 + size**-0.5 * rng.standard_normal())

    assert exponent_test(draw).run(toys.context()).verdict is Verdict.REFUTED
    # The same without the bias: a logarithm that is far from normal.
    assert (
        exponent_test(lambda size, rng: abs(size**-0.5 * rng.standard_normal()))
        .run(toys.context())
        .verdict
        is Verdict.HOLDS
    )


@pytest.mark.parametrize(
    ("exponent", "allowed", "verdict"),
    [
        (0.5, (-math.inf, 2.0), Verdict.HOLDS),
        (2.5, (-math.inf, 2.0), Verdict.REFUTED),
        (2.0, (-math.inf, 2.0), Verdict.HOLDS),
        (0.5, (1.0, math.inf), Verdict.REFUTED),
        (0.5, (0.0, math.inf), Verdict.HOLDS),
        (0.5, (0.25, 0.75), Verdict.HOLDS),
        (1.0, (0.25, 0.75), Verdict.REFUTED),
    ],
)
def test_an_exponent_may_be_allowed_an_interval(toys, exponent, allowed, verdict):
    assert exponent_test(power(exponent), allowed=allowed).run(toys.context()).verdict is verdict


@pytest.mark.parametrize("exponent", [-0.38, -0.35, -0.62])
def test_more_than_the_effect_never_holds(toys, exponent):
    test = exponent_test(power(exponent))
    verdicts = {test.run(toys.context(seed)).verdict for seed in range(10)}
    assert Verdict.HOLDS not in verdicts


def test_too_few_replicates_decide_nothing_and_looks_double_them(toys):
    short = dataclasses.replace(PROFILES["quick"], doublings=2)
    wild = exponent_test(power(-0.55, deviation=20.0), replicates=lambda _size: 3)
    outcome = wild.run(toys.context(profile=short))
    assert outcome.verdict is Verdict.UNDECIDED
    assert outcome.witness is None
    assert outcome.figures["replicates"] == [6] * len(SIZES)


def test_replicates_may_depend_on_the_size(toys):
    few = exponent_test(power(-0.5), replicates=lambda n: 64 if n < 1e4 else 1)
    figures = few.run(toys.context()).figures
    first = figures["replicates"]
    assert first[0] == 64 * first[-1]
    assert len(first) == len(figures["geometric_means"]) == len(SIZES)


def test_a_brief_profile_climbs_less_far(toys):
    test = exponent_test(power(-0.5), short=3)
    assert test.run(toys.context()).figures["sizes"] == list(SIZES[:3])
    whole = test.run(toys.context(profile=PROFILES["default"]))
    assert whole.figures["sizes"] == list(SIZES)
    assert test.run(toys.context(profile=PROFILES["thorough"])).figures["sizes"] == list(SIZES)


def test_reproduce_climbs_the_ladder_of_the_point_afresh(toys):
    test = exponent_test(power(0.0), short=3)
    found = test.run(toys.context())
    again = test.reproduce(found.witness.point, toys.context())
    assert again.verdict is Verdict.REFUTED
    assert again.figures["sizes"] == list(SIZES[:3])
    assert again.figures["interval"] != found.figures["interval"]
    assert test.reproduce({}, toys.context()).figures["sizes"] == list(SIZES)
    assert test.reproduce({"sizes": [1, 10]}, toys.context()).verdict is Verdict.REFUTED
    with pytest.raises(ValueError, match="sizes: got"):
        test.reproduce({"sizes": [10, 1]}, toys.context())


def test_seeds_decide_the_draws(toys):
    test = exponent_test(power(-0.5))
    assert test.run(toys.context(4)) == test.run(toys.context(4))
    assert test.run(toys.context(4)) != test.run(toys.context(5))


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf])
def test_an_error_is_positive_and_finite(toys, bad):
    with pytest.raises(ValueError, match="draw: got an error of"):
        exponent_test(lambda _size, _rng: bad).run(toys.context())


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"sizes": (1.0,)}, "sizes"),
        ({"sizes": (2.0, 1.0)}, "sizes"),
        ({"sizes": (0.0, 1.0)}, "sizes"),
        ({"sizes": (1.0, math.inf)}, "sizes"),
        ({"allowed": (1.0, 0.0)}, "allowed"),
        ({"allowed": (math.nan, 0.0)}, "allowed"),
        ({"allowed": (math.inf, math.inf)}, "allowed"),
        ({"effect": 0.0}, "effect"),
        ({"effect": math.nan}, "effect"),
        ({"short": 1}, "short"),
        ({"short": 6}, "short"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, name):
    with pytest.raises(ValueError, match=f"{name}: got"):
        exponent_test(power(-0.5), **fields)


# The interval


def test_the_interval_is_that_of_the_textbook():
    # By hand: x = -1, 0, 1 and means 0, 1, 5; pooled variance (2 + 0 + 2)/3; t(3, 97.5 %) = 3.1824.
    sizes = [math.exp(-1), 1.0, math.exp(1)]
    slope, low, high = slope_interval(sizes, [[-1.0, 1.0], [1.0, 1.0], [4.0, 6.0]], 0.05)
    assert slope == pytest.approx(2.5)
    assert (high - low) / 2 == pytest.approx(3.182446305284263 * math.sqrt(4 / 3 / 4))
    assert (high + low) / 2 == pytest.approx(slope)


def test_with_equal_replicates_the_slope_is_the_mean_of_their_slopes():
    rng = np.random.default_rng(1)
    logs = rng.standard_normal((7, 4))
    slopes = np.polyfit(np.log(SIZES[:4]), logs.T, 1)[0]
    assert slope_interval(SIZES[:4], logs.T.tolist(), 0.1)[0] == pytest.approx(slopes.mean())


def test_far_out_quantiles_are_right():
    # t with one degree of freedom: tan(pi (1/2 - alpha/2)).
    slope, low, _ = slope_interval([1.0, math.e], [[0.0], [1.0, 3.0]], 1e-9)
    leverage = 2 / 3
    assert (slope - low) * math.pi * 0.5e-9 == pytest.approx(math.sqrt(2 / leverage), rel=1e-6)


def test_one_observation_a_size_gives_no_interval():
    with pytest.raises(ValueError, match="logs: got"):
        slope_interval(SIZES, [[0.0]] * len(SIZES), 0.1)


@pytest.mark.parametrize("counts", [(4, 4, 4), (9, 3, 1)])
@pytest.mark.parametrize("curve", [0.0, 3.0])
def test_normal_slopes_are_missed_as_often_as_stated(counts, curve):
    rng, alpha, trials = np.random.default_rng(7), 0.1, 4000
    sizes = [1.0, 10.0, 100.0]
    places = np.log(sizes)
    means = 2 * places + curve * np.array([0, 1, 0])
    centred = places - np.average(places, weights=counts)
    truth = float((np.array(counts) * centred) @ means / (np.array(counts) @ centred**2))
    missed = 0
    for _ in range(trials):
        logs = [rng.normal(m, 0.7, n).tolist() for m, n in zip(means, counts, strict=True)]
        _, low, high = slope_interval(sizes, logs, alpha)
        missed += not low <= truth <= high
    # Five standard deviations of the binomial.
    assert abs(missed / trials - alpha) < 5 * math.sqrt(alpha * (1 - alpha) / trials)


def test_false_alarms_of_one_look_are_what_it_spends(toys):
    once = dataclasses.replace(PROFILES["quick"], doublings=1)
    alpha, trials = 0.4, 400
    test = exponent_test(power(-0.5), sizes=(1.0, 10.0), replicates=lambda _size: 4)
    alarms = sum(
        test.run(toys.context(seed, profile=once, alpha=alpha)).verdict is Verdict.REFUTED
        for seed in range(trials)
    )
    share = spend(alpha, 0)
    assert abs(alarms / trials - share) < 5 * math.sqrt(share * (1 - share) / trials)


def test_many_looks_together_spend_no_more_than_alpha(toys):
    alpha, trials = 0.4, 200
    patient = dataclasses.replace(PROFILES["quick"], doublings=5)
    test = exponent_test(power(-0.5), sizes=(1.0, 10.0), replicates=lambda _size: 2, effect=1e-9)
    alarms = sum(
        test.run(toys.context(seed, profile=patient, alpha=alpha)).verdict is Verdict.REFUTED
        for seed in range(trials)
    )
    assert alarms / trials < alpha + 5 * math.sqrt(alpha * (1 - alpha) / trials)
