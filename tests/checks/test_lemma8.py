"""The search that refutes Lemma 8 finds nothing where the error does fall."""

from lemmata.checks.sck_lemma8 import at_any_time
from lemmata.harness.claim import Verdict
from lemmata.harness.evidence import PROFILES, Context


def _context(seed: int) -> Context:
    return Context("SCK-16", 0, PROFILES["quick"], seed, 1e-6)


def test_an_error_that_stays_is_refuted() -> None:
    for seed in range(4):
        assert at_any_time().run(_context(seed)).verdict is Verdict.REFUTED


def test_an_error_that_falls_with_the_dimension_is_not() -> None:
    # At d = 10 the constant has to cover what the power does not.
    for falls in (1, 3):
        outcome = at_any_time(falls).run(_context(0))
        assert outcome.verdict is Verdict.HOLDS, outcome.summary
        assert outcome.figures["audited"] > 0
