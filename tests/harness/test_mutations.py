"""Break one constant of a kernel, and the claim that a reader expects goes red.

Each mutant is one edit of the source of one function, of the kind people make: a coefficient, a
sign, a factor, a power, a shifted index, a dropped term. The claims run as they are.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from dataclasses import dataclass

import pytest

from lemmata.checks import SUITE
from lemmata.harness.engine import Settings, run_claim


@dataclass(frozen=True)
class Mutant:
    """Replace `old` by `new` in a function: no claim of `caught_by` may come out as expected."""

    module: str
    function: str
    old: str
    new: str
    caught_by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.function}[{self.old}->{self.new}]".replace(" ", "")


MUTANTS = (
    Mutant("theory.mixture", "two_component_score", "- ", "+ ", ("SCK-04",)),
    Mutant("theory.mixture", "marginal_means", "-", "-2 * ", ("SCK-03", "SCK-04")),
    Mutant(
        "theory._trapezoid",
        "_fold_gauss",
        "out[_TANH] = (odd",
        "out[_TANH] = 1.001 * (odd",
        ("SCK-09r", "DTZ-2"),
    ),
    Mutant("theory._trapezoid", "_fold_exp", "_SLOPE**2 * v", "_SLOPE * v", ("DTZ-2",)),
    Mutant(
        "theory._trapezoid",
        "_fold_gauss",
        "out[_S_D1] = (odd",
        "out[_S_D1] = -(odd",
        ("SCK-09r", "SCK-15r"),
    ),
    Mutant(
        "theory.ddpm", "_residual_coefficients", "- 0.5 * v", "+ 0.5 * v", ("SCK-09r", "SCK-15r")
    ),
    Mutant(
        "theory.ddpm",
        "_residual_coefficients",
        "- 0.5 * _v_d3",
        "- 1.5 * _v_d3",
        ("SCK-09r", "SCK-28"),
    ),
    Mutant(
        "theory.ddpm",
        "_descent_coefficients",
        'b - e["tanh_sq"]',
        'b - 0.5 * e["tanh_sq"]',
        ("SCK-09r", "SCK-21r"),
    ),
    Mutant("theory.ddpm", "large_noise_field", "-2 * v", "-3 * v", ("SCK-15r",)),
    Mutant("theory.ddpm", "large_noise_field", "2 * m", "1.99 * m", ("SCK-15r",)),
    Mutant("theory.ddpm", "stein_second_moment", 'v * e["d2"]', 'e["d2"]', ("SCK-07",)),
    Mutant("theory.ddpm", "em_map", 'e["d1"][...', '1.01 * e["d1"][...', ("DTZ-2",)),
    Mutant(
        "theory.taylor", "tanh_derivative", "-2 * np.abs", "-1.99 * np.abs", ("SCK-12b", "SCK-12c")
    ),
    Mutant("theory.taylor", "tanh_taylor", "(2 * k + 1)", "(2 * k + 2)", ("SCK-12ar",)),
    Mutant(
        "theory.spiked",
        "spiked_eigenvalue",
        "(1 + np.sqrt(aspect)) ** 2",
        "1 + np.sqrt(aspect) ** 2",
        ("N08-1",),
    ),
    Mutant("theory.spiked", "spiked_eigenvalue", "1 + aspect /", "1 - aspect /", ("N08-1",)),
    Mutant(
        "theory.spiked",
        "spiked_overlap",
        "(scaled + scaled_gamma)",
        "(scaled - scaled_gamma)",
        ("N08-2",),
    ),
    Mutant("theory.spiked", "spiked_overlap", "excess / (", "0.9 * excess / (", ("N08-2",)),
    Mutant("impl.spiked", "_chi_degrees", "model.n - row", "model.n - row + 1", ("N08-8",)),
    Mutant("impl.spiked", "_chi_degrees", "model.p - 1.0 - row", "model.p - row", ("N08-8",)),
    Mutant(
        "impl.spiked",
        "_reduced_blocks",
        "1.0 + model.spike",
        "(1.0 + model.spike) ** 2",
        ("N08-8",),
    ),
)


def break_source(monkeypatch: pytest.MonkeyPatch, mutant: Mutant) -> None:
    """Recompile the function with the edit, everywhere that it is bound under its room."""
    module = importlib.import_module(f"lemmata.{mutant.module}")
    original = getattr(module, mutant.function)
    source = textwrap.dedent(inspect.getsource(original))
    # The docstring is not code; an edit there would test nothing.
    head, quotes, rest = source.partition('"""')
    docstring, closing, body = rest.partition('"""')
    if not quotes:
        head, body = "", source
    assert mutant.old in body, f"{mutant} no longer applies: edit the mutant with the kernel"
    edited = body.replace(mutant.old, mutant.new)
    namespace = dict(vars(module))
    code = compile(head + quotes + docstring + closing + edited, f"<mutant {mutant}>", "exec")
    exec(code, namespace)
    broken = namespace[mutant.function]
    # The mutant must see its module's names, and everybody who holds the original must get it.
    broken = type(original)(broken.__code__, vars(module), mutant.function, original.__defaults__)
    broken.__kwdefaults__ = original.__kwdefaults__
    room = f"lemmata.{mutant.module.split('.')[0]}"
    for name, holder in list(sys.modules.items()):
        if name == room or name.startswith(f"{room}."):
            for attribute, value in list(vars(holder).items()):
                if value is original:
                    monkeypatch.setattr(holder, attribute, broken)


@pytest.mark.parametrize(
    ("mutant", "claim_id"),
    [(mutant, claim_id) for mutant in MUTANTS for claim_id in mutant.caught_by],
    ids=str,
)
def test_mutant_turns_the_claim_red(
    monkeypatch: pytest.MonkeyPatch, mutant: Mutant, claim_id: str
) -> None:
    break_source(monkeypatch, mutant)
    result = run_claim(SUITE, SUITE.registry[claim_id], Settings(profile="quick"))
    assert not result.as_expected, f"{claim_id} still {result.verdict}: it checks nothing here"
