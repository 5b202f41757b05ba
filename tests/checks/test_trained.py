"""Verdicts on shares of cases: the interval, the three verdicts, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from lemmata.checks._trained import ShareTest, exact_interval, reported, study_of
from lemmata.harness.claim import Verdict
from lemmata.harness.evidence import PROFILES, Context


def context(seed=0, profile="default"):
    return Context(claim_id="WDMG-99", piece=0, profile=PROFILES[profile], seed=seed, alpha=1e-6)


def share_test(share, **changes):
    def statistic(study, point):
        return study.rng(1).random(point.get("cases", 400)) < share

    given = {
        "points": ({"name": "one"},),
        "statistic": statistic,
        "allowed": (0.5, 1.0),
        "effect": 0.1,
        "routes": ("drawn",),
    }
    return ShareTest(**{**given, **changes})


@pytest.mark.parametrize(("hits", "cases"), [(0, 20), (1, 20), (13, 20), (20, 20)])
def test_the_interval_ends_where_the_tails_are_half_the_error(hits, cases):
    low, high = exact_interval(hits, cases, 0.01)
    assert low == 0.0 if hits == 0 else math.isclose(binom.sf(hits - 1, cases, low), 0.005)
    assert high == 1.0 if hits == cases else math.isclose(binom.cdf(hits, cases, high), 0.005)


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.95, Verdict.HOLDS), (0.1, Verdict.REFUTED), (0.5, Verdict.UNDECIDED)],
)
def test_verdicts(share, verdict):
    outcome = share_test(share).run(context())
    assert outcome.verdict is verdict
    (point,) = outcome.figures["points"]
    low, high = point["interval"]
    assert low <= point["share"] <= high
    if outcome.witness is not None:
        assert outcome.witness.slack[1] < 0
        assert share_test(share).reproduce(outcome.witness.point, context()) == outcome


def test_the_worst_point_decides():
    def statistic(study, point):
        return study.rng(2).random(400) < point["share"]

    points = ({"share": 0.99}, {"share": 0.1}, {"share": 0.9})
    outcome = share_test(0, points=points, statistic=statistic).run(context())
    assert outcome.verdict is Verdict.REFUTED
    assert outcome.witness.point == {"share": 0.1}


def test_what_is_refused():
    with pytest.raises(ValueError, match="booleans"):
        share_test(0, statistic=lambda _study, _point: np.ones(9)).run(context())
    for allowed, effect in (((0.05, 1.0), 0.05), ((0.0, 1.0), 0.0), ((0.2, 0.9), 0.3)):
        with pytest.raises(ValueError, match="effect"):
            share_test(0, allowed=allowed, effect=effect)
    with pytest.raises(ValueError, match="point"):
        share_test(0.5).reproduce({"name": "other"}, context())


def test_runs_train_with_their_seed():
    assert [study_of(context(seed)).seed for seed in range(3)] == [0, 1, 2]
    assert study_of(context(profile="quick")).brief
    assert not study_of(context(profile="thorough")).brief


def test_constants_come_back_from_the_figures():
    test = share_test(0.9, report=lambda study: {"seed": float(study.seed), "bar": (1.0, 2.0)})
    assert reported([test.run(context(2))]) == {"seed": 2.0, "bar": (1.0, 2.0)}
