"""Symbolic evidence: SymPy proves identities, or shows one of them false at a rational point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import sympy

from lemmata.harness.claim import Point, Verdict
from lemmata.harness.evidence import Context, Outcome, Witness

__all__ = ["Symbolic"]

_DIGITS = 60
_TRIALS = 16
#: Above this a number computed to so many digits is not zero.
_CERTAIN = 10.0 ** (-_DIGITS // 2)


@dataclass(frozen=True, kw_only=True)
class Symbolic:
    """Evidence by computer algebra.

    Parameters
    ----------
    residuals : callable
        Returns the name of each identity and left side minus right side, as SymPy expressions that
        are zero exactly if the claim holds.
    routes : tuple of str
        What the two sides are computed from, in words.
    """

    residuals: Callable[[], Mapping[str, sympy.Expr]]
    routes: tuple[str, ...]
    kind: str = field(default="symbolic", init=False)

    def run(self, context: Context) -> Outcome:
        """Prove every residual zero, or find one that is not."""
        proved = []
        residuals = self.residuals()
        if not residuals:
            raise ValueError("residuals: there is none, so nothing would be proved")
        for name, residual in residuals.items():
            simplified = sympy.simplify(residual)
            if simplified == 0:
                proved.append(name)
                continue
            found = _nonzero_at(simplified, context)
            if found is None:
                reason = f"neither proved nor disproved: {name}: {simplified}"
                return Outcome(self.kind, Verdict.UNDECIDED, reason, {"reason": reason})
            point, value = found
            witness = Witness(
                {"identity": name, **point},
                context.piece,
                (-abs(value), -abs(value)),
                f"residual {simplified} at a rational point, {_DIGITS} digits",
            )
            summary = f"{name}: residual {simplified}"
            return Outcome(
                self.kind, Verdict.REFUTED, summary, {"residual": str(simplified)}, witness
            )
        figures = {"identities": proved}
        return Outcome(
            self.kind, Verdict.HOLDS, f"{len(proved)} identities proved", figures, proof=True
        )

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Evaluate the residual that the point names at the point's rational numbers."""
        name = point["identity"]
        residual = sympy.sympify(self.residuals()[name])
        numbers = {
            str(key): sympy.Rational(str(value))
            for key, value in point.items()
            if key != "identity"
        }
        if sympy.simplify(residual) == 0:
            return Outcome(self.kind, Verdict.HOLDS, f"{name}: residual 0")
        value = residual.subs({s: numbers[s.name] for s in residual.free_symbols}).evalf(_DIGITS)
        size = float(abs(value))
        if size <= _CERTAIN:
            return Outcome(self.kind, Verdict.UNDECIDED, f"{name}: residual {size:.6g}, or zero")
        witness = Witness(
            dict(point), context.piece, (-size, -size), f"evaluated to {_DIGITS} digits"
        )
        return Outcome(
            self.kind, Verdict.REFUTED, f"{name}: residual of size {size:.6g}", {}, witness
        )


def _nonzero_at(residual: sympy.Expr, context: Context) -> tuple[dict[str, str], float] | None:
    """A rational point at which the residual is far above its rounding error, if one is found."""
    rng = context.rng("symbolic")
    symbols = sorted(residual.free_symbols, key=str)
    for _ in range(_TRIALS if symbols else 1):
        values = {s: sympy.Rational(int(rng.integers(1, 40)), 16) for s in symbols}
        number = residual.subs(values).evalf(_DIGITS)
        if number.is_number and abs(number) > _CERTAIN:
            return {s.name: str(value) for s, value in values.items()}, float(abs(number))
    return None
