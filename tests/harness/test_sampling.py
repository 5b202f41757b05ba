"""Sampling tests: stated error, stated effect, fresh randomness, and no verdict beyond them."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import strategies as st

from lemmata.harness import engine
from lemmata.harness.claim import Verdict
from lemmata.harness.domain import log_uniform, points
from lemmata.harness.evidence import PROFILES
from lemmata.harness.intervals import spend
from lemmata.harness.sampling import LawTest, MeanTest

DOMAIN = points({"x": log_uniform(1.0, 100.0)})
EFFECT = 0.05

ROUTES = ("draws", "a number")


def coin(probability):
    """Draws of a coin whose bias may depend on the point."""

    def draw(point, rng, n):
        p = probability(point) if callable(probability) else probability
        return (rng.uniform(size=n) < p).astype(float)

    return draw


def mean_test(draw, allowed=(0.5, 0.5), **fields):
    usual = {"domain": DOMAIN, "effect": EFFECT}
    if "moment" not in fields:
        usual["bounds"] = (0.0, 1.0)
    return MeanTest(draw=draw, allowed=lambda _point: allowed, routes=ROUTES, **{**usual, **fields})


@pytest.mark.parametrize("seed", range(5))
def test_a_true_equality_holds(toys, seed):
    outcome = mean_test(coin(0.5)).run(toys.context(seed))
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.witness is None
    # It says that nothing as large as the effect was there, not that nothing was.
    assert not outcome.proof
    assert 0 < outcome.figures["largest_gap"] <= EFFECT
    assert outcome.figures["effect"] == EFFECT
    assert outcome.figures["points"] == PROFILES["quick"].points
    json.dumps(outcome.figures)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shift", [2 * EFFECT, -2 * EFFECT])
def test_twice_the_effect_is_refuted(toys, seed, shift):
    outcome = mean_test(coin(0.5 + shift)).run(toys.context(seed, piece=1))
    assert outcome.verdict is Verdict.REFUTED
    low, high = outcome.witness.slack
    assert low < -abs(shift) < high < 0
    assert outcome.witness.piece == 1
    assert set(outcome.witness.point) == {"x"}
    assert outcome.figures["points"] == 1


@pytest.mark.parametrize("shift", [1.05 * EFFECT, 1.5 * EFFECT, -1.05 * EFFECT])
def test_more_than_the_effect_never_holds(toys, shift):
    test = mean_test(coin(0.5 + shift))
    verdicts = {test.run(toys.context(seed)).verdict for seed in range(10)}
    assert Verdict.HOLDS not in verdicts


def test_a_small_gap_either_way_is_never_reported_wrongly(toys):
    # Half the effect: both `smaller than the effect` and `not zero` are true.
    test = mean_test(coin(0.5 + EFFECT / 2))
    for seed in range(10):
        outcome = test.run(toys.context(seed))
        if outcome.verdict is Verdict.REFUTED:
            low, high = outcome.witness.slack
            assert low <= -EFFECT / 2 <= high < 0
        elif outcome.verdict is Verdict.HOLDS:
            assert outcome.figures["largest_gap"] >= EFFECT / 2


@pytest.mark.parametrize(
    ("probability", "verdict"),
    [
        (0.3, Verdict.HOLDS),
        (0.4, Verdict.HOLDS),
        (0.5, Verdict.HOLDS),
        (0.5 + 2 * EFFECT, Verdict.REFUTED),
        (0.3 - 2 * EFFECT, Verdict.REFUTED),
    ],
)
def test_a_mean_may_be_allowed_an_interval(toys, probability, verdict):
    outcome = mean_test(coin(probability), allowed=(0.3, 0.5)).run(toys.context())
    assert outcome.verdict is verdict


def test_too_few_draws_decide_nothing(toys):
    short = dataclasses.replace(PROFILES["quick"], doublings=1)
    outcome = mean_test(coin(0.5 + 1.2 * EFFECT), first=64).run(toys.context(profile=short))
    assert outcome.verdict is Verdict.UNDECIDED
    assert outcome.witness is None
    assert set(outcome.figures["point"]) == {"x"}
    assert outcome.figures["draws"] == 64
    true = mean_test(coin(0.5), first=64).run(toys.context(profile=short))
    assert true.verdict is Verdict.UNDECIDED


def test_draws_double_until_the_verdict_and_no_further(toys):
    asked = []

    def draw(point, rng, n):
        asked.append(n)
        return coin(0.5 + 2 * EFFECT)(point, rng, n)

    test = mean_test(draw, first=64)
    outcome = test.reproduce({"x": 1.0}, toys.context())
    assert outcome.verdict is Verdict.REFUTED
    assert asked == [64] + [64 * 2**k for k in range(len(asked) - 1)]
    assert outcome.figures["draws"] == sum(asked)
    # One look less leaves it open.
    short = dataclasses.replace(PROFILES["quick"], doublings=len(asked) - 1)
    assert test.reproduce({"x": 1.0}, toys.context(profile=short)).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("mean", "verdict"), [(0.0, Verdict.HOLDS), (1.0, Verdict.REFUTED)])
def test_a_heavy_tail_with_two_moments(toys, mean, verdict):
    # Student's t with 3 degrees of freedom has variance 3 and no third moment.
    test = mean_test(
        lambda _point, rng, n: mean + rng.standard_t(3, n),
        allowed=(0.0, 0.0),
        effect=0.5,
        moment=lambda _point: (2.0, math.sqrt(3 + mean**2)),
    )
    assert test.run(toys.context()).verdict is verdict


@pytest.mark.parametrize("value", [0.0, 0.4, -0.4])
def test_clipping_is_paid_for(toys, value):
    # Of a constant quantity the interval is known: variance zero, so its width alone counts.
    effect, norm, first = 0.1, 0.5, 2**16
    bias = effect / 100
    test = mean_test(
        lambda _point, _rng, n: np.full(n, value),
        allowed=(0.0, 0.0),
        effect=effect,
        moment=lambda _point: (3.0, norm),
        first=first,
    )
    outcome = test.reproduce({"x": 1.0}, toys.context(alpha=1e-6))
    assert outcome.figures["draws"] == first
    bound = norm * math.sqrt(norm / bias)
    radius = 7 * 2 * bound * math.log(4 / spend(1e-6, 0)) / (3 * (first - 1))
    low, high = max(abs(value) - radius - bias, 0.0), abs(value) + radius + bias
    assert outcome.figures["largest_gap"] == pytest.approx(high, rel=1e-12)
    if value:
        assert outcome.verdict is Verdict.REFUTED
        assert outcome.witness.slack == pytest.approx((-high, -low), rel=1e-12)
    else:
        assert outcome.verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    "fields",
    [{"bounds": None}, {"bounds": (0.0, 1.0), "moment": lambda _point: (2.0, 1.0)}],
)
def test_exactly_one_of_bounds_and_moment(fields):
    with pytest.raises(ValueError, match="bounds, moment: give exactly one"):
        MeanTest(
            routes=ROUTES,
            domain=DOMAIN,
            draw=coin(0.5),
            allowed=lambda _point: (0.5, 0.5),
            effect=0.1,
            **fields,
        )


@pytest.mark.parametrize("effect", [0.0, -0.1, math.nan, math.inf])
def test_an_effect_is_a_positive_number(effect):
    with pytest.raises(ValueError, match="effect: got"):
        mean_test(coin(0.5), effect=effect)
    with pytest.raises(ValueError, match="effect: got"):
        law_test(gaussians(), gaussians(), effect=effect)


# Double dipping


def test_no_randomness_is_used_twice(toys):
    drawn = []

    def draw(_point, rng, n):
        values = rng.uniform(size=n)
        drawn.extend(values)
        return values

    assert mean_test(draw, first=256).run(toys.context()).verdict is Verdict.HOLDS
    assert len(set(drawn)) == len(drawn)


def test_what_scouting_saw_is_forgotten(toys):
    # Scouts take fewer than `first` draws; here all that they see is extreme.
    def draw(point, rng, n):
        return np.ones(n) if n < 2048 else coin(0.5)(point, rng, n)

    assert mean_test(draw, first=2048).run(toys.context()).verdict is Verdict.HOLDS


def test_pure_noise_holds_however_many_points_are_scouted(toys):
    eager = dataclasses.replace(PROFILES["quick"], scouts=200, points=5)
    test = mean_test(lambda _point, rng, n: rng.uniform(-1, 1, n), (0.0, 0.0), bounds=(-1.0, 1.0))
    for seed in range(4):
        # At this error, judging the worst of 200 on its own scouting draws would refute.
        outcome = test.run(toys.context(seed, profile=eager, alpha=0.5))
        assert outcome.verdict is Verdict.HOLDS
        assert outcome.figures["points"] == 5


def test_the_error_is_split_over_the_points(toys):
    # Of a constant quantity the interval is known: variance zero, so its width alone counts.
    outcome = mean_test(lambda _point, _rng, n: np.full(n, 0.5)).run(toys.context(alpha=3e-6))
    share = 3e-6 / PROFILES["quick"].points
    radius = 7 * math.log(4 / spend(share, 0)) / (3 * 2047)
    assert outcome.figures["largest_gap"] == pytest.approx(radius, rel=1e-12)
    assert outcome.figures["error"] == pytest.approx(3e-6, rel=1e-12)
    refuted = mean_test(coin(0.9)).run(toys.context(alpha=3e-6))
    assert "error probability 1.0e-06" in refuted.witness.confirmed
    assert refuted.figures["error"] == pytest.approx(1e-6, rel=1e-12)


def test_the_points_that_look_worst_are_judged(toys):
    # Off in the last decade only: the first points of a search are not there.
    test = mean_test(coin(lambda point: 0.5 + 0.2 * (point["x"] > 60)), first=4096)
    for seed in range(5):
        outcome = test.run(toys.context(seed))
        assert outcome.verdict is Verdict.REFUTED
        assert outcome.witness.point["x"] > 60


def test_one_of_each_point_is_judged(toys):
    outcome = mean_test(coin(0.5), domain=st.sampled_from([{"x": 1.0}, {"x": 2.0}])).run(
        toys.context()
    )
    assert outcome.figures["points"] == 2


# Seeds


def test_seeds_decide_the_draws(toys):
    test = mean_test(coin(0.5))
    first, again = (test.run(toys.context(4)) for _ in range(2))
    assert first == again
    for other in (
        toys.context(5),
        toys.context(4, piece=1),
        toys.context(4, claim_id="TOY-2"),
    ):
        assert test.run(other).figures["largest_gap"] != first.figures["largest_gap"]


def test_a_verdict_does_not_depend_on_which_other_claims_run(toys):
    claims = [toys.claim(f"TOY-{k}", mean_test(coin(0.5 + k / 100))) for k in range(3)]
    suite = toys.suite(*claims)
    settings = engine.Settings(profile="quick", seed=1)
    together = {r.claim_id: r.outcomes for r in engine.run(suite, claims, settings)}
    backwards = {r.claim_id: r.outcomes for r in engine.run(suite, claims[::-1], settings)}
    alone = {c.id: engine.run_claim(suite, c, settings).outcomes for c in claims}
    assert together == backwards == alone


def test_reproduce_judges_the_witness_afresh(toys):
    test = mean_test(coin(0.5 + 2 * EFFECT))
    witness = test.run(toys.context()).witness
    again = test.reproduce(witness.point, toys.context())
    assert again.verdict is Verdict.REFUTED
    assert again.witness.point == witness.point
    assert again.witness.slack != witness.slack
    assert mean_test(coin(0.5)).reproduce({"x": 1.0}, toys.context()).verdict is Verdict.HOLDS


# Broken quantities


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_quantity_that_is_not_finite_breaks_the_test(toys, bad):
    def draw(_point, rng, n):
        values = rng.uniform(size=n)
        values[-1] = bad
        return values

    with pytest.raises(ValueError, match="not finite"):
        mean_test(draw).run(toys.context())

    def pair(_point, rng, n):
        return np.stack([rng.uniform(size=n), draw(_point, rng, n)], axis=1)

    with pytest.raises(ValueError, match="not finite"):
        law_test(gaussians(), pair).run(toys.context())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_quantity_that_is_not_finite_somewhere_never_holds(toys, bad):
    # Scouting meets such points (most seeds do); they must not be passed over.
    met = []

    def draw(point, rng, n):
        met[-1] |= point["x"] > 70
        return np.full(n, bad) if point["x"] > 70 else rng.uniform(size=n)

    held = []
    for seed in range(10):
        met.append(False)
        with np.errstate(invalid="ignore"):
            try:
                outcome = mean_test(draw, first=512, effect=0.2).run(toys.context(seed))
            except ValueError as error:
                assert "not finite" in str(error)  # noqa: PT017 - either way will do
            else:
                held.append(met[-1] and outcome.verdict is Verdict.HOLDS)
    assert any(met)
    assert not any(held)


def test_a_quantity_beyond_its_bounds_never_holds(toys):
    # Its mean is 0.5; clipped to the bounds that it is said to have, 0.1.
    def draw(_point, rng, n):
        return 5.0 * (rng.uniform(size=n) < 0.1)

    try:
        outcome = mean_test(draw, allowed=(0.1, 0.1)).run(toys.context())
    except ValueError as error:
        assert "bounds" in str(error)  # noqa: PT017 - either way will do
    else:
        assert outcome.verdict is not Verdict.HOLDS


# Laws


def gaussians(correlation=0.0, scale=1.0, shift=0.0):
    def draw(_point, rng, n):
        z = rng.standard_normal((n, 2))
        z[:, 1] = correlation * z[:, 0] + math.sqrt(1 - correlation**2) * z[:, 1]
        return scale * (z + shift)

    return draw


def chis(freedom):
    def draw(_point, rng, n):
        return np.sqrt(np.stack([rng.chisquare(freedom, n), rng.chisquare(5, n)], axis=1))

    return draw


def atoms(value):
    """A coin between a pair at zero and one at `value`."""

    def draw(_point, rng, n):
        return np.where(rng.uniform(size=(n, 1)) < 0.5, 0.0, np.full((1, 2), value))

    return draw


def law_test(left, right, **fields):
    return LawTest(
        left=left, right=right, routes=ROUTES, **{"domain": DOMAIN, "effect": EFFECT, **fields}
    )


@pytest.mark.parametrize("seed", range(3))
def test_one_law_holds(toys, seed):
    outcome = law_test(gaussians(), gaussians()).run(toys.context(seed))
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.figures["largest_gap"] <= EFFECT
    assert not outcome.proof


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (chis(3), chis(4)),
        (gaussians(), gaussians(shift=0.3)),
        (gaussians(), gaussians(scale=1.4)),
        # The marginals agree: only the pair tells them apart.
        (gaussians(), gaussians(correlation=0.5)),
    ],
)
def test_another_law_is_refuted(toys, left, right):
    for test in (law_test(left, right), law_test(right, left)):
        outcome = test.run(toys.context())
        assert outcome.verdict is Verdict.REFUTED
        low, high = outcome.witness.slack
        assert -1.2 < low < high < 0


def test_a_law_is_undecided_when_the_draws_run_out(toys):
    short = dataclasses.replace(PROFILES["quick"], doublings=2)
    outcome = law_test(gaussians(), gaussians(), first=64).run(toys.context(profile=short))
    assert outcome.verdict is Verdict.UNDECIDED
    assert outcome.figures["draws"] == 2 * 128


def test_the_bands_of_both_sides_and_all_directions_are_paid_for(toys):
    # Equal constants are at distance zero: what is left is the bands.
    def constant(_point, _rng, n):
        return np.zeros((n, 2))

    outcome = law_test(constant, constant).run(toys.context(alpha=3e-6))
    count = outcome.figures["points"]
    n = outcome.figures["draws"] // (2 * count)
    look = round(math.log2(n / 2048))
    share = spend(3e-6 / count, look) / 16
    gap = 2 * math.sqrt(math.log(2 / share) / (2 * n))
    assert outcome.figures["largest_gap"] == pytest.approx(gap, rel=1e-12)


def test_the_distance_of_laws_is_the_kolmogorov_distance(toys):
    # Coins at 0.5 and 0.8 are 0.3 apart; the witness must enclose it.
    def coins(p):
        return lambda _point, rng, n: (rng.uniform(size=(n, 2)) < [[p, 0.5]]).astype(float)

    witness = law_test(coins(0.5), coins(0.8), effect=0.02).run(toys.context()).witness
    low, high = witness.slack
    assert low <= -0.3 <= high < 0


@pytest.mark.parametrize("value", [1.0, 1 / 3, -0.7, 2.0**-10, 3 * 2.0**-12, 1e9 / 3])
def test_atoms_that_differ_by_rounding_are_one(toys, value):
    left, right = atoms(value), atoms(value * (1 + 2**-51))
    assert law_test(left, right).run(toys.context()).verdict is Verdict.HOLDS


def test_atoms_that_differ_by_more_are_two(toys):
    outcome = law_test(atoms(1.0), atoms(1.0 + 1e-6)).run(toys.context())
    assert outcome.verdict is Verdict.REFUTED


@pytest.mark.parametrize("unit", [1e-12, 1e12])
def test_the_unit_of_a_quantity_changes_no_verdict(toys, unit):
    same = law_test(gaussians(scale=unit), gaussians(scale=unit))
    assert same.run(toys.context()).verdict is Verdict.HOLDS
    other = law_test(gaussians(scale=unit), gaussians(scale=unit, shift=1.0))
    assert other.run(toys.context()).verdict is Verdict.REFUTED


@pytest.mark.parametrize("column", [0, 1])
def test_a_small_column_is_not_lost_beside_a_large_one(toys, column):
    def pairs(shift):
        def draw(_point, rng, n):
            z = rng.standard_normal((n, 2))
            z[:, column] += shift
            z[:, 1 - column] *= 1e12
            return z

        return draw

    outcome = law_test(pairs(0.0), pairs(1.0)).run(toys.context())
    assert outcome.verdict is Verdict.REFUTED


def test_reproduce_compares_the_laws_at_one_point(toys):
    test = law_test(chis(3), chis(4))
    witness = test.run(toys.context()).witness
    assert test.reproduce(witness.point, toys.context()).verdict is Verdict.REFUTED
