"""SCK-32: what a search for the limit refutes, it does not refute where the limit holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from flint import arb

from lemmata.checks import SUITE, _regime_map, sck_em_limits, sck_regimes
from lemmata.checks._balls import descent_coefficients, residual_coefficients
from lemmata.checks._line import ball_em_coefficients
from lemmata.checks._plane import in_basis
from lemmata.checks._regimes import em_sides, field_sides
from lemmata.checks._strip import strip_means
from lemmata.harness.balls import norm, precision
from lemmata.harness.claim import Verdict
from lemmata.harness.evidence import PROFILES


def verdict(search, claim_id, seed):
    context = SUITE.context(SUITE.registry[claim_id], 0, profile=PROFILES["default"], seed=seed)
    return search.run(context).verdict


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("k", "expected"), [(2, Verdict.HOLDS), (3, Verdict.REFUTED)])
def test_only_a_wrong_coefficient_fails_in_the_limit(k, expected, seed):
    assert verdict(sck_regimes.power_in_the_limit(k), "SCK-32", seed) is expected


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("theta", "expected"), [(60, Verdict.HOLDS), (90, Verdict.REFUTED)])
def test_the_decay_is_exponential_but_across(theta, expected, seed):
    assert verdict(sck_em_limits.exponential_decay(theta), "SCK-32:exponential", seed) is expected


PLACES = [
    (1e-8, 1e-8, 0.3),
    (1e-8, 1e2, -0.3),
    (1e-3, 1.0, 1.0),
    (0.1, 30.0, 0.0),
    (0.5, 20.0, -0.9),
    (0.51, 3.0, 0.5),
    (3.0, 2.0, -0.7),
    (5.0, 20.0, 0.9),
    (8.0, 5.0, 1.0),
    (100.0, 1e-3, -0.5),
]


@pytest.mark.parametrize(("a", "b", "cosine"), PLACES)
@pytest.mark.parametrize("bits", [64, 256])
def test_balls_by_other_integrals(a, b, cosine, bits):
    point = {"d": 2, "mu_norm": a, "mu_star_norm": b, "cos_theta": cosine}
    with precision(bits):
        balls = arb(a), arb(b), arb(cosine)
        descent, residual = descent_coefficients(*balls), residual_coefficients(*balls)
        on_star, on_mu = ball_em_coefficients(*balls)
        g, step = em_sides(point)
        assert g.overlaps(norm(*in_basis(point, *residual)))
        assert step.overlaps(norm(*in_basis(point, on_star, on_mu - 1)))
        gap, _, size = field_sides(point, 2)
        assert size.overlaps(norm(*in_basis(point, *descent)))
        others = (descent[0] - 2 * balls[0] * balls[1] * balls[2], descent[1] + 2 * balls[0] ** 2)
        assert gap.overlaps(norm(*in_basis(point, *others)))


@pytest.mark.parametrize("bits", [64, 128])
@pytest.mark.parametrize("factor", [1e-8, 1e-3, 1.0])
def test_the_rule_is_as_exact_as_it_says(bits, factor):
    a, m = arb(0.5 * factor), arb(0.3 * factor)
    with precision(1024):
        truth = strip_means(m, a)
    with precision(bits):
        found = strip_means(m, a)
    for mean, true in zip(found, truth, strict=True):
        assert mean.contains(true)
        assert mean.rel_accuracy_bits() > bits - 40


@pytest.mark.parametrize(("a", "b", "cosine"), [(30.0, 31.0, 0.9), (3.0, 100.0, 1.0)])
def test_the_residual_far_out_keeps_its_digits(a, b, cosine):
    point = {"d": 2, "mu_norm": a, "mu_star_norm": b, "cos_theta": cosine}
    with precision(64):
        g, _ = em_sides(point)
    with precision(2048):
        on_star, on_mu = residual_coefficients(arb(a), arb(b), arb(cosine))
        assert g.overlaps(norm(*in_basis(point, on_star, on_mu)))
    assert 0 < g < 1e-100
    assert g.rel_accuracy_bits() > 20


@pytest.mark.parametrize("ratio", _regime_map.RATIOS)
@pytest.mark.parametrize("theta", [5, 60, 85, 90])
@pytest.mark.parametrize("a", [1e-2, 0.4, 3.0, 30.0])
def test_the_map_is_accurate(a, ratio, theta):
    errors = _regime_map.form_errors(np.array([a]), ratio, theta)
    cosine = math.cos(math.radians(theta)) if theta != 90 else 0.0
    point = {"d": 2, "mu_norm": a, "mu_star_norm": ratio * a, "cos_theta": cosine}
    with precision(256):
        gaps = {
            "power": field_sides(point, 2)[0],
            "power_printed": field_sides(point, 3)[0],
            "em": em_sides(point)[0],
        }
        size = field_sides(point, 2)[2]
        for name, gap in gaps.items():
            assert errors[name][0] == pytest.approx(float(gap / size), rel=1e-10, abs=0)


def test_crossings_are_where_the_lead_changes():
    assert _regime_map.crossing("power_printed", 1.0, 45) is None
    with pytest.raises(ValueError, match="no crossing"):
        _regime_map.confirmed_crossing("power_printed", 1.0, 45)
    (low, high), (least, most) = _regime_map.confirmed_crossing("power", 1.0, 45)
    for end, better in ((low, "power"), (high, "em")):
        errors = _regime_map.form_errors(np.array([end]), 1.0, 45)
        assert min(("power", "em"), key=lambda form: errors[form][0]) == better
    assert least <= _regime_map.form_errors(np.array([low]), 1.0, 45)["em"][0] <= most
