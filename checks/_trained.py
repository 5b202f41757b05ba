"""Networks that the claims train, and verdicts on what is seen of them on held-out images."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from lemmata import impl
from lemmata.checks._images import training_images
from lemmata.harness.claim import Constants, Point, Verdict
from lemmata.harness.evidence import Context, Outcome, Witness

__all__ = [
    "SOURCES",
    "Cases",
    "ShareTest",
    "Study",
    "exact_interval",
    "reported",
    "study_of",
    "train",
    "trained",
    "untrained",
]

Array = NDArray[np.float64]

#: The images that each kind of network is trained on.
SOURCES = {"mlp": "digits", "conv": "patches"}


@dataclass(frozen=True)
class Study:
    """What a run looks at.

    Parameters
    ----------
    seed : int
        Seed of the run: of the trainings, and of images, noise and samples.
    brief : bool
        Whether the networks are trained for a shorter time: profile `quick`.
    images : int
        Held-out images, each with noise of its own.
    """

    seed: int
    brief: bool
    images: int

    def draw(self, images: Array, place: int) -> tuple[Array, Array]:
        """Some of the images, and noise for each; the same for all who ask with one place."""
        rng = self.rng(place, len(images))
        clean = images[rng.integers(len(images), size=self.images)]
        return clean, rng.standard_normal(clean.shape)

    def rng(self, *place: int) -> np.random.Generator:
        """Generator on a stream of its own."""
        return np.random.default_rng([self.seed, 77, *place])


def study_of(context: Context) -> Study:
    """The study that a run asks for."""
    brief = context.profile.name == "quick"
    return Study(context.seed, brief, 160 if brief else 192)


@functools.cache
def trained(name: str, seed: int, *, brief: bool, count: int | None = None) -> impl.Network:
    """A network trained on the images of its kind, or on `count` of them."""
    images = training_images(SOURCES[name], count)
    steps = {"mlp": 600, "conv": 700}[name] if brief else {"mlp": 1500, "conv": 1800}[name]
    training = impl.Training(
        steps=steps,
        batch=256 if name == "mlp" else 64,
        rate=2e-3 if name == "mlp" else 5e-3,
        sigma_min=0.1,
        sigma_max=3.0,
    )
    return train(f"{name}, {len(images)} {SOURCES[name]}", images, _SHAPES[name], training, seed)


_SHAPES = {
    "mlp": impl.Architecture(kind="mlp", dimension=64, width=256, depth=3),
    "conv": impl.Architecture(kind="conv", dimension=64, width=16, depth=4),
}


def untrained(name: str, seed: int) -> impl.Network:
    """The network as it was before its training, or one that returns zeros."""
    if name == "zeros":
        shape = impl.Architecture(kind="linear", dimension=64)
        return impl.Network(shape, {"weight 0": np.zeros((64, 64), np.float32)}, np.empty(0))
    return impl.initial_network(_SHAPES[name], rng=np.random.SeedSequence([seed, 0]))


def train(
    what: str,
    images: Array,
    shape: impl.Architecture,
    training: impl.Training,
    seed: int,
) -> impl.Network:
    """Train, or read from the user's cache; tell the loss on the way, every few seconds."""
    told = time.monotonic()

    def tell(step: int, steps: int, loss: float) -> None:
        nonlocal told
        if step == steps or time.monotonic() - told >= 5:
            told = time.monotonic()
            line = f"training {what}, seed {seed}: step {step} of {steps}, loss {loss:.4f}\n"
            sys.stderr.write(line)

    return impl.train_denoiser(images, shape, training, seed=seed, cache="", progress=tell)


Cases = NDArray[np.bool_]
Statistic = Callable[[Study, Point], Cases]


@dataclass(frozen=True, kw_only=True)
class ShareTest:
    """In what share of independent cases something is so, judged at every point.

    Parameters
    ----------
    points : tuple of Point
        What is looked at: networks, mixtures.
    statistic : callable
        ``statistic(study, point)``: a boolean for each of many independent cases.
    allowed : (float, float)
        Interval in which the share lies if the claim holds.
    effect : float
        The distance of the share from that interval that the test must detect.
    routes : tuple of str
        What is looked at, and how, in words.
    data : callable, optional
        ``data(study)``: JSON for the ledger.
    report : callable, optional
        ``report(study)``: constants for the ledger.

    Notes
    -----
    One look at a number of cases that is fixed beforehand, by the exact interval of Clopper &
    Pearson; the error probability is split over the points. Tests may share their cases: each
    interval errs with its own probability, whatever the others do.
    """

    points: tuple[Point, ...]
    statistic: Statistic
    allowed: tuple[float, float]
    effect: float
    routes: tuple[str, ...]
    data: Callable[[Study], Mapping[str, Any]] | None = None
    report: Callable[[Study], Constants] | None = None
    kind: str = field(default="sampling", init=False)

    def __post_init__(self) -> None:
        least, most = self.allowed
        if not 0 <= self.effect < max(least, 1 - most):
            raise ValueError(f"effect: got {self.effect}; at {self.allowed} every share would hold")

    def run(self, context: Context) -> Outcome:
        """Judge all points."""
        return self._judge(self.points, context)

    def reproduce(self, point: Point, context: Context) -> Outcome:
        """Judge one point."""
        if dict(point) not in [dict(each) for each in self.points]:
            raise ValueError(f"point: got {dict(point)}; need one of {list(self.points)}")
        return self._judge((point,), context)

    def _judge(self, points: Sequence[Point], context: Context) -> Outcome:
        study = study_of(context)
        least, most = self.allowed
        seen, worst = [], (-1.0, 0.0, points[0], 0)
        for point in points:
            cases = self.statistic(study, point)
            if cases.dtype != np.bool_ or cases.ndim != 1:
                raise ValueError(f"statistic: got {cases.dtype} {cases.shape}; need booleans")
            low, high = exact_interval(int(cases.sum()), cases.size, context.alpha / len(points))
            gaps = max(least - high, low - most, 0.0), max(least - low, high - most, 0.0)
            share = float(cases.mean())
            seen.append({**point, "share": share, "interval": [low, high], "cases": cases.size})
            worst = max(worst, (gaps[0], gaps[1], point, cases.size), key=lambda each: each[:2])
        gap_low, gap_high, point, count = worst
        figures: dict[str, Any] = {
            "seed of the training": study.seed,
            "points": seen,
            "allowed": list(self.allowed),
            "effect": self.effect,
            "error": context.alpha,
            "largest_gap": gap_high,
        }
        if self.data is not None:
            figures["data"] = dict(self.data(study))
        if self.report is not None:
            figures["constants"] = {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.report(study).items()
            }
        shares = ", ".join(f"{each['share']:.2f}" for each in seen)
        summary = f"share {shares} (allowed {least:g} to {most:g}, effect {self.effect:g})"
        if gap_low > 0:
            how = f"{count} cases, error probability {context.alpha:.1e}"
            witness = Witness(dict(point), context.piece, (-gap_high, -gap_low), how)
            return Outcome(self.kind, Verdict.REFUTED, summary, figures, witness)
        verdict = Verdict.HOLDS if gap_high <= self.effect else Verdict.UNDECIDED
        return Outcome(self.kind, verdict, summary, figures)


def exact_interval(hits: int, cases: int, alpha: float) -> tuple[float, float]:
    """Two-sided interval of a probability (Clopper & Pearson 1934)."""
    low = float(betaincinv(hits, cases - hits + 1, alpha / 2)) if hits else 0.0
    high = float(betaincinv(hits + 1, cases - hits, 1 - alpha / 2)) if hits < cases else 1.0
    return low, high


def reported(outcomes: Sequence[Outcome]) -> Constants:
    """The constants that the tests computed on their own networks."""
    found: Constants = {}
    for outcome in outcomes:
        for name, value in outcome.figures.get("constants", {}).items():
            found[name] = tuple(value) if isinstance(value, list) else value
    return found
