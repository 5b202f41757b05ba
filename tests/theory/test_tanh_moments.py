"""`tanh_moments` against 50 digits, its limits and its identities."""

from __future__ import annotations

from dataclasses import fields

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lemmata.theory import TanhMoments, tanh_moments

NAMES = tuple(field.name for field in fields(TanhMoments))
ODD = ("tanh", "d2", "s_d1", "d4", "s_d3")
SIGNED = ("d3", "d4", "s_d3")
deterministic = settings(derandomize=True, deadline=None, max_examples=200)

# One point at least in each regime, on both sides of each border, and down the tails.
POINTS = [
    (1e-12, 1e-24),  # everything small
    (1e-12, 1e6),  # a broad Gaussian: odd moments are tiny, d3 is 1e-6 of E|tanh'''|
    (1e3, 1e6),
    (1e-7, 1e-20),
    (5.0, 1e-6),
    (0.6584789484624084, 1e-20),  # all the mass at the zero of tanh'''
    (0.6584789484624, 1e-30),
    (3e-3, 0.5),
    (0.66, 0.43),
    (7.9, 0.98),  # m just below 8 sigma
    (8.1, 0.98),  # and just above
    (2.0, 1.0),  # m = 2v
    (2.1, 1.0),
    (1.0, np.nextafter(1.0, 0)),  # v just below 1
    (1.0, 1.0),
    (30.0, 0.2),  # tails
    (50.0, 1.0),
    (300.0, 150.0),  # m = 2v, exponent -300
    (330.0, 7.0),  # exponent -646
    (355.3, 1.7),  # m - v is not a float: one rounding of it is worth 5e-14
    (600.0, 300.0),
    (1e3, 800.0),  # exponent -625
    (990.0, 1e3),
    (25.0, 300.0),
]


@pytest.mark.parametrize(("m", "v"), POINTS)
def test_against_the_definition(m, v, expectations_50):
    exact = expectations_50(m, v)
    got = tanh_moments([m, -m], v)
    for name in NAMES:
        plus, minus = getattr(got, name)
        # Some have integrands of both signs; all others keep their own relative accuracy.
        scale = abs(exact[f"abs_{name}" if name in SIGNED else name])
        assert abs(mp.mpf(float(plus)) - exact[name]) <= mp.mpf("1.5e-15") * scale, name
        assert minus == (-plus if name in ODD else plus), name


@pytest.mark.parametrize(("m", "v"), [(1.0, 1.0), (300.0, 150.0), (990.0, 1e3), (0.66, 0.43)])
def test_the_reference_is_converged(m, v, expectations_50):
    coarse, fine = (expectations_50(m, v, degree) for degree in (4, 5))
    for name in NAMES:
        assert abs(coarse[name] / fine[name] - 1) < 1e-20, name


def test_third_derivative_keeps_its_own_digits_where_the_gaussian_is_broad(expectations_50):
    # E tanh''' is 2e-12 of E|tanh'''| here; its Stein form loses nothing.
    exact = expectations_50(1e-3, 1e6)["d3"]
    assert abs(mp.mpf(float(tanh_moments(1e-3, 1e6).d3)) / exact - 1) < 1e-14
    for name in ("d4", "s_d3"):
        exact = expectations_50(1e-3, 1e6)[name]
        assert abs(mp.mpf(float(getattr(tanh_moments(1e-3, 1e6), name))) / exact - 1) < 1e-14


@pytest.mark.parametrize("m", [-400.0, -20.0, -1.0, -1e-9, 0.0, 1e-200, 0.3, 2.0, 100.0, 350.0])
def test_point_mass(m):
    with mp.workdps(50):
        s = mp.mpf(m)
        t, d = mp.tanh(s), mp.sech(s) ** 2
        exact = {
            "tanh": t,
            "tanh_sq": t**2,
            "d1": d,
            "d2": -2 * t * d,
            "d3": (4 - 6 * d) * d,
            "s_d1": s * d,
            "s_d2": -2 * s * t * d,
            "s2_d1": s**2 * d,
            "d4": 8 * t * (3 * d - 1) * d,
            "s_d3": s * (4 - 6 * d) * d,
        }
    got = tanh_moments(m, 0)
    for name in NAMES:
        error = abs(mp.mpf(float(getattr(got, name))) - exact[name])
        assert error <= 2e-15 * abs(exact[name]) + mp.mpf("1e-307"), name


def test_zero_mean_has_zero_odd_moments_without_a_sign():
    got = tanh_moments(0.0, [0.0, 1e-5, 0.5, 1.0, 3.0, 1e6])
    for name in ODD:
        assert not getattr(got, name).any()
        assert not np.signbit(getattr(got, name)).any()


@deterministic
@given(
    m=st.floats(-3.0, 3.0).map(lambda x: 10.0**x),
    sigma=st.floats(-6.0, 3.0).map(lambda x: 10.0**x),
)
@example(m=8.0, sigma=1.0)
@example(m=2.0, sigma=1.0)
@example(m=0.8, sigma=0.1)
def test_identities(m, sigma):
    v = sigma**2
    e = tanh_moments(m, v)
    assert e.tanh_sq + e.d1 == pytest.approx(1, rel=1e-14)
    # Stein: E (s - m) f = v E f'. With f = tanh', then tanh''.
    assert v * e.d2 == pytest.approx(
        e.s_d1 - m * e.d1, rel=1e-13, abs=4e-15 * float(e.s_d1 + m * e.d1)
    )
    assert v * e.d3 == pytest.approx(
        e.s_d2 - m * e.d2, rel=1e-13, abs=4e-15 * float(v * e.d1 - e.s_d2 - m * e.d2)
    )
    assert v * e.d4 == pytest.approx(
        e.s_d3 - m * e.d3, rel=1e-13, abs=4e-15 * float(4 * e.s_d1 + 4 * m * e.d1 + 8 * v * e.d1)
    )
    spread = v * (e.d1 - e.s_d2)
    assert v * (e.d1 + e.s_d2) == pytest.approx(
        e.s2_d1 - m * e.s_d1, rel=1e-13, abs=4e-15 * float(e.s2_d1 + m * e.s_d1 + spread)
    )
    # |tanh''| < 2 tanh' and |tanh| < min(1, |s|).
    assert 0 <= -e.d2 <= 2 * e.d1
    assert 0 < e.tanh <= min(1.0, m * (1 + 1e-15))
    # The fixed point of EM: E tanh + E tanh' = 1 if m = v.
    fixed = tanh_moments(v, v)
    assert fixed.tanh + fixed.d1 == pytest.approx(1, rel=4e-15)


@deterministic
@given(
    v=st.floats(-2.0, 2.0).map(lambda x: 10.0**x), side=st.sampled_from(["m = 8 sigma", "m = 2v"])
)
def test_no_step_where_the_grid_changes(v, side):
    m = 8 * np.sqrt(v) if side == "m = 8 sigma" else 2 * v
    pair = tanh_moments(m * np.array([1 - 1e-15, 1 + 1e-15]), v)
    for name in NAMES:
        below, above = getattr(pair, name)
        assert below == pytest.approx(above, rel=3e-13), name


def test_no_step_at_unit_variance():
    m = np.geomspace(1e-9, 50, 400)
    below, above = tanh_moments(m, np.nextafter(1.0, 0)), tanh_moments(m, 1.0)
    for name in NAMES:
        gap = np.abs(getattr(below, name) - getattr(above, name))
        size = {"d3": above.d1, "d4": 8 * np.abs(above.d2), "s_d3": 4 * above.s_d1}.get(name, 0.0)
        assert (gap <= 3e-15 * (np.abs(getattr(above, name)) + size)).all(), name


def test_what_underflows_is_zero():
    got = tanh_moments([1e3, 1e3, 1e200, 1e300], [0.0, 1.0, 1e-300, 1e299])
    for name in NAMES[2:]:
        assert not getattr(got, name)[:2].any()
    assert (got.tanh[:2] == 1).all()
    assert (got.tanh_sq[:2] == 1).all()


@deterministic
@given(
    m=st.floats(allow_nan=False, allow_infinity=False),
    v=st.floats(0, allow_nan=False, allow_infinity=False),
)
@example(m=5e-324, v=5e-324)
@example(m=1e200, v=5e-324)
@example(m=1.7e308, v=1.7e308)
@example(m=-1e155, v=1.7e308)
@example(m=1e-300, v=1e300)
def test_any_float_gives_finite_numbers_in_range(m, v):
    got = tanh_moments(m, v)
    for name in NAMES:
        assert np.isfinite(getattr(got, name)), name
    assert abs(got.tanh) <= 1 + 1e-15
    assert 0 <= got.tanh_sq <= 1 + 1e-15
    assert 0 <= got.d1 <= 1 + 1e-15


def test_broadcasts_and_does_not_depend_on_the_company():
    m, v = np.linspace(-30, 30, 41)[:, None], np.geomspace(1e-3, 1e3, 37)
    got = tanh_moments(m, v)
    for name in NAMES:
        assert getattr(got, name).shape == (41, 37)
    alone = tanh_moments(m[5, 0], v[7])
    assert alone.s_d2 == got.s_d2[5, 7]
    assert alone.tanh.shape == ()


def test_many_points_pass_through_in_blocks():
    # More than one block of each of the four grids.
    m = np.tile([0.1, 5.0, 3.0, 40.0], 3000)
    v = np.tile([0.5, 0.1, 4.0, 4.0], 3000)
    got = tanh_moments(m, v)
    for name in NAMES:
        assert (getattr(got, name).reshape(3000, 4) == getattr(got, name)[:4]).all()


def test_is_frozen():
    got = tanh_moments(0.0, 1.0)
    with pytest.raises(AttributeError):
        got.tanh = got.d1
