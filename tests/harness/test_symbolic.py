"""Symbolic evidence: proofs, refutations at rational points, and honesty about the rest."""

from __future__ import annotations

import pytest
import sympy

from lemmata.harness import engine
from lemmata.harness.claim import ClaimError, Verdict
from lemmata.harness.symbolic import Symbolic

x, y = sympy.symbols("x y", real=True)
IDENTITY = sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1


def symbolic(**residuals):
    return Symbolic(residuals=lambda: residuals, routes=("SymPy",))


def test_identities_are_proved(toys):
    evidence = symbolic(
        pythagoras=IDENTITY, expand=(x + y) ** 2 - x**2 - 2 * x * y - y**2, number=sympy.Integer(0)
    )
    outcome = evidence.run(toys.context())
    assert outcome.verdict is Verdict.HOLDS
    assert outcome.proof
    assert outcome.figures["identities"] == ["pythagoras", "expand", "number"]


@pytest.mark.parametrize(
    "residual",
    [
        sympy.tanh(x) - x,
        (x + y) ** 2 - x**2 - y**2,
        sympy.Rational(-1, 10**12),
        # Off in the coefficient of one term only.
        sympy.series(sympy.tanh(x), x, 0, 6).removeO() - (x - x**3 / 3 + 2 * x**5 / 16),
    ],
)
def test_what_is_no_identity_is_refuted_at_a_point(toys, residual):
    outcome = symbolic(fine=IDENTITY, wrong=residual).run(toys.context(piece=1))
    assert outcome.verdict is Verdict.REFUTED
    assert not outcome.proof
    witness = outcome.witness
    assert witness.point["identity"] == "wrong"
    assert witness.piece == 1
    values = {s: sympy.Rational(witness.point[s.name]) for s in residual.free_symbols}
    size = abs(float(residual.subs(values)))
    assert witness.slack[0] == witness.slack[1] == pytest.approx(-size, rel=1e-12)
    assert size > 0


def test_the_reported_witness_reproduces(toys):
    evidence = symbolic(wrong=sympy.tanh(x) - x + y - y)
    witness = evidence.run(toys.context()).witness
    again = evidence.reproduce(witness.point, toys.context())
    assert again.verdict is Verdict.REFUTED
    assert again.witness.slack == pytest.approx(witness.slack, rel=1e-12)


def test_a_complex_residual_reproduces_too(toys):
    t = sympy.Symbol("t")
    evidence = symbolic(wrong=sympy.sqrt(-t) - t)
    witness = evidence.run(toys.context()).witness
    again = evidence.reproduce(witness.point, toys.context())
    assert again.verdict is Verdict.REFUTED
    assert again.witness.slack == pytest.approx(witness.slack, rel=1e-12)


@pytest.mark.parametrize(
    "residual",
    [IDENTITY, (sympy.exp(x) + sympy.exp(-x)) / 2 - sympy.cosh(x), (x + 1) ** 2 - x**2 - 2 * x - 1],
)
def test_a_true_identity_is_not_refuted_by_rounding(toys, residual):
    outcome = symbolic(true=residual).reproduce({"identity": "true", "x": "7/16"}, toys.context())
    assert outcome.verdict is not Verdict.REFUTED


def test_what_can_be_neither_proved_nor_disproved_is_undecided(toys):
    # Zero at every positive x, where all points lie; SymPy leaves it as it stands.
    nothing_known = sympy.Function("f")(x)
    for residual in (sympy.Abs(x) - x, nothing_known, sympy.Float("1e-40") * x):
        outcome = symbolic(open=residual).run(toys.context())
        assert outcome.verdict is Verdict.UNDECIDED
        assert outcome.witness is None
        assert "neither proved nor disproved: open" in outcome.figures["reason"]


def test_no_identities_prove_nothing(toys):
    try:
        outcome = symbolic().run(toys.context())
    except ValueError:
        return
    assert outcome.verdict is not Verdict.HOLDS


def test_the_first_failure_decides_not_the_last_success(toys):
    outcome = symbolic(wrong=x, fine=IDENTITY).run(toys.context())
    assert outcome.verdict is Verdict.REFUTED


def test_points_depend_on_the_seed_alone(toys):
    evidence = symbolic(wrong=x - y**2)
    first, again = (evidence.run(toys.context(3)) for _ in range(2))
    assert first == again
    assert evidence.run(toys.context(4)).witness.point != first.witness.point


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({}, "point: lacks 'identity'"),
        ({"identity": "wrong"}, "point: lacks 'x'"),
        ({"identity": "none", "x": "1"}, "point: .*none"),
        ({"identity": "wrong", "x": "one"}, "point: .*one"),
        ({"identity": "wrong", "x": None}, "point: .*None"),
    ],
)
def test_points_that_do_not_fit_are_refused(toys, point, message):
    suite = toys.suite(toys.claim("TOY-1", symbolic(wrong=x - 1)))
    with pytest.raises(ClaimError, match=message):
        engine.reproduce(suite, "TOY-1", point, engine.Settings(profile="quick"))
