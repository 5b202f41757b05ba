"""The engine behind every door: runs claims, combines their evidence into verdicts."""

from __future__ import annotations

import functools
import gc
import math
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace

from lemmata.harness.claim import Claim, ClaimError, Constants, Point, Verdict
from lemmata.harness.environment import keep_freed_memory
from lemmata.harness.evidence import PROFILES, Outcome, Profile, Witness
from lemmata.harness.suite import Suite, installed_suite

__all__ = ["Result", "Settings", "combine", "reproduce", "run", "run_claim"]

_LARGEST = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to run.

    Parameters
    ----------
    profile : str
        `quick`, `default` or `thorough`.
    seed : int
        0 to 2^63 - 1.
    jobs : int
        Processes; 1 runs in this one.
    """

    profile: str = "default"
    seed: int = 0
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ClaimError(f"profile: got {self.profile!r}; need one of {', '.join(PROFILES)}")
        _check_integer("seed", self.seed, 0)
        _check_integer("jobs", self.jobs, 1)

    @property
    def work(self) -> Profile:
        """The profile itself."""
        return PROFILES[self.profile]


def _check_integer(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or not least <= value <= _LARGEST:
        raise ClaimError(f"{name}: got {value}; need at least {least}, at most {_LARGEST}")


@dataclass(frozen=True)
class Result:
    """What running one claim came to; holds nothing that cannot cross to another process."""

    claim_id: str
    verdict: Verdict
    expected: Verdict
    outcomes: tuple[Outcome, ...]
    constants: Constants
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether the measured verdict is the expected one."""
        return self.verdict is self.expected

    @property
    def empty(self) -> bool:
        """Whether the claim was shown to say nothing."""
        return any(o.shows_empty for o in self.outcomes) and self.verdict is Verdict.HOLDS

    @property
    def witness(self) -> Witness | None:
        """The first counterexample, if the claim is refuted."""
        if self.verdict is not Verdict.REFUTED:
            return None
        return next((o.witness for o in self.outcomes if o.witness is not None), None)

    @property
    def summary(self) -> str:
        """The number that matters: from the piece that decided."""
        deciding = [o for o in self.outcomes if o.verdict is self.verdict and not o.shows_empty]
        return (deciding or list(self.outcomes))[0].summary


def combine(outcomes: Iterable[Outcome]) -> Verdict:
    """Verdict of several pieces of evidence.

    One refutation refutes, all must hold to hold. A piece that broke, or a proof and a
    counterexample together, mean that our own code is wrong: then nothing is decided. Nor is it
    where the claim was declared empty and that could not be shown.
    """
    outcomes = list(outcomes)
    if any(o.broken or (o.shows_empty and o.verdict is not Verdict.HOLDS) for o in outcomes):
        return Verdict.UNDECIDED
    outcomes = [o for o in outcomes if not o.shows_empty]
    verdicts = {o.verdict for o in outcomes}
    if Verdict.REFUTED in verdicts:
        proved = any(o.proof and o.verdict is Verdict.HOLDS for o in outcomes)
        return Verdict.UNDECIDED if proved else Verdict.REFUTED
    return Verdict.HOLDS if verdicts == {Verdict.HOLDS} else Verdict.UNDECIDED


def run_claim(suite: Suite, claim: Claim, settings: Settings) -> Result:
    """Run all evidence of one claim."""
    start = time.perf_counter()

    outcomes = tuple(
        replace(
            _guarded(
                evidence.kind,
                lambda e=evidence, i=piece: e.run(  # type: ignore[misc]
                    suite.context(claim, i, profile=settings.work, seed=settings.seed)
                ),
            ),
            routes=evidence.routes,
            shows_empty=piece >= len(claim.evidence),
        )
        for piece, evidence in enumerate(claim.pieces)
    )
    constants: Constants = {}
    if claim.constants is not None:
        try:
            constants = claim.constants(outcomes)
            _check_enclosures(constants)
        except Exception as error:  # a failing constant is a finding, see _guarded
            outcomes += (_broken("constants", error),)
    if claim.data is not None:
        try:
            figures = {**outcomes[0].figures, "data": claim.data()}
            outcomes = (replace(outcomes[0], figures=figures), *outcomes[1:])
        except Exception as error:  # likewise
            outcomes += (_broken("constants", error),)
    return Result(
        claim.id,
        combine(outcomes),
        suite.expected[claim.id],
        outcomes,
        constants,
        time.perf_counter() - start,
    )


def _check_enclosures(constants: Constants) -> None:
    """A constant whose lower end exceeds its upper end is two routes that contradict each other."""
    for name, value in constants.items():
        low, high = value if isinstance(value, tuple) else (value, value)
        if not low <= high:
            raise ValueError(f"{name}: got {value}; need a number or an interval")


def _guarded(kind: str, measure: Callable[[], Outcome]) -> Outcome:
    """Turn an error inside a check into `undecided`: one broken claim must not hide the others."""
    try:
        return measure()
    except Exception as error:  # reported in the ledger, and fails the run
        return _broken(kind, error)


def _broken(kind: str, error: Exception) -> Outcome:
    reason = f"the check broke: {type(error).__name__}: {error}"
    return Outcome(kind, Verdict.UNDECIDED, reason, {"reason": reason}, broken=True)


def reproduce(
    suite: Suite, claim_id: str, point: Point, settings: Settings, piece: int = 0
) -> Outcome:
    """Measure a claim at one point.

    Raises
    ------
    ClaimError
        If the claim or the piece does not exist, or the point does not fit the claim.
    """
    claim = suite.registry[claim_id]
    if not 0 <= piece < len(claim.pieces):
        raise ClaimError(f"piece: got {piece}; {claim_id} has {len(claim.pieces)}, counted from 0")
    context = suite.context(claim, piece, profile=settings.work, seed=settings.seed)
    for name, value in point.items():
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            raise ClaimError(f"point: {claim_id} cannot be evaluated there: {name} is {value}")
    try:
        return claim.pieces[piece].reproduce(point, context)
    except KeyError as error:
        raise ClaimError(f"point: lacks {error.args[0]!r}") from error
    except Exception as error:  # whatever the point broke, the point is to blame
        reason = str(error) or type(error).__name__
        raise ClaimError(f"point: {claim_id} cannot be evaluated there: {reason}") from error


def run(suite: Suite, claims: Iterable[Claim], settings: Settings) -> Iterator[Result]:
    """Run claims, yielding each result as it comes.

    With several jobs the claims run in worker processes, which find the installed suite for
    themselves; results are the same whatever their number and order.
    """
    claims = list(claims)
    # Readings of one claim often measure the same things, which one worker keeps between them.
    families: dict[str, list[Claim]] = {}
    for claim in claims:
        families.setdefault(claim.family, []).append(claim)
    jobs = min(settings.jobs, len(families))
    if jobs <= 1:
        for claim in claims:
            yield run_claim(suite, claim, settings)
        return
    keep_freed_memory()
    # Workers start afresh: forking a process that holds BLAS or autograd threads can hang.
    start_afresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=start_afresh, initializer=_prepare_worker) as pool:
        pending: set[Future[list[Result]]] = {
            pool.submit(_run_by_id, [claim.id for claim in family], settings)
            for family in families.values()
        }
        try:
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        except BaseException:
            # Ctrl-C, or a worker that died: leave nothing running behind.
            for process in list((pool._processes or {}).values()):
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _prepare_worker() -> None:
    """Let the parent alone answer Ctrl-C, and load the suite before the first claim."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _loaded_suite()
    # What the libraries made is here to stay: no collection need go through it again.
    gc.freeze()


@functools.cache
def _loaded_suite() -> Suite:
    return installed_suite()


def _run_by_id(claim_ids: Sequence[str], settings: Settings) -> list[Result]:
    suite = _loaded_suite()
    return [run_claim(suite, suite.registry[claim_id], settings) for claim_id in claim_ids]
