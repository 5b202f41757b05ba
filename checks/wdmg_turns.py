"""WDMG-18: in which order the eigenvectors of a denoiser's Jacobian turn as noise grows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lemmata.checks._bars import mean_interval
from lemmata.checks._trained import Cases, ShareTest, Study, reported
from lemmata.checks._turns import COUNT, LEVELS, Turns, rates, turns, turns_by_lot
from lemmata.harness.claim import Claim, Constants, Emptiness, Point

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Weitzner, Delbracio, Milanfar & Giryes 2024, Section 5, Figure 7"
_REVIEW = "review of Weitzner et al. 2024"

_TRAINED: tuple[Point, ...] = ({"network": "mlp"}, {"network": "conv"})
_FRESH: tuple[Point, ...] = tuple({**point, "trained": False} for point in _TRAINED)
_BY_LOT: tuple[Point, ...] = tuple({**point, "by lot": True} for point in _TRAINED)
_ZEROS: Point = {"network": "zeros", "trained": False}
#: Very dark and very bright curves: the first and the last so many of the leading ones.
_END = 5
#: More pairs than this out of order, and the curves of an image are not ordered.
_STRICT = 0.05

_MEASURED = (
    "impl: networks trained by denoising score matching",
    "torch: Jacobians at held-out images and along rising noise",
)
_UNTRAINED = ("impl: the same networks before their training", _MEASURED[1])


def _seen(study: Study, point: Point) -> Turns:
    if point.get("by lot", False):
        return turns_by_lot(point["network"], study)
    return turns(point["network"], study, fresh=not point.get("trained", True))


def _pairs(areas: Array) -> Array:
    """Signs of the differences of all pairs of curves: positive where the index orders them."""
    first, second = np.triu_indices(areas.shape[1], 1)
    return np.asarray(np.sign(areas[:, second] - areas[:, first]))


def _curves(study: Study, point: Point, match: str, count: int = COUNT) -> Array:
    """The area under each curve: large where an eigenvector turns early."""
    return rates(getattr(_seen(study, point), match))[:, :count]


def _strictly(study: Study, point: Point) -> Cases:
    misordered = (_pairs(_curves(study, point, "best")) <= 0).mean(axis=1)
    return np.asarray(misordered <= _STRICT)


def _tendency(match: str, count: int = COUNT) -> Any:
    """Whether more pairs are in order than out of it."""

    def statistic(study: Study, point: Point) -> Cases:
        signs = _pairs(_curves(study, point, match, count))
        return np.asarray(signs.sum(axis=1) > 0)

    return statistic


def _steeper(study: Study, point: Point) -> Cases:
    """Whether a twentieth of the pairs is out of order, the darker curve the steeper one."""
    signs = _pairs(_curves(study, point, "best"))
    return np.asarray((signs < 0).mean(axis=1) > _STRICT)


def _overlap(study: Study, point: Point) -> Cases:
    """Whether one of the very bright curves is no steeper than one of the very dark."""
    areas = _curves(study, point, "best")
    return np.asarray(areas[:, -_END:].min(axis=1) <= areas[:, :_END].max(axis=1))


def _converges(study: Study, point: Point) -> Cases:
    """Whether the angles at almost no noise are small beside those at much."""
    curves = _seen(study, point).best.mean(axis=2)
    return np.asarray(curves[0] <= 0.5 * curves[-1])


def _orders(study: Study) -> Constants:
    """Mean rank correlations, and shares of pairs out of order."""
    found: Constants = {}
    kinds = (("index", COUNT), ("best", COUNT), ("block", 5), ("index", 64))
    for point in (*_TRAINED, *_FRESH):
        name = point["network"] + ("" if point.get("trained", True) else ", untrained")
        for match, count in kinds:
            signs = _pairs(_curves(study, point, match, count))
            what = "blocks of 1 to 16" if match == "block" else f"leading {count}, by {match}"
            found[f"{name}: rank correlation, {what}"] = mean_interval(signs.mean(axis=1))
            found[f"{name}: share of misordered pairs, {what}"] = mean_interval(
                (signs < 0).mean(axis=1)
            )
        areas = _curves(study, point, "best")
        found[f"{name}: very bright no steeper than very dark, share of pairs"] = mean_interval(
            (areas[:, None, -_END:] <= areas[:, :_END, None]).mean(axis=(1, 2))
        )
    return found


def _overlapping_images(study: Study) -> Constants:
    return {
        f"{point['network']}: share of images in which very bright meets very dark": mean_interval(
            _overlap(study, point).astype(np.float64)
        )
        for point in _TRAINED
    }


def _figure(study: Study) -> dict[str, Any]:
    """Figure 7, against the logarithm of the noise, with what the controls show."""
    found: dict[str, Any] = {
        "sigma, in units of the images' standard deviation": LEVELS.round(6).tolist(),
        "seed of the training": study.seed,
        "images": study.images,
        "rows": "levels; columns: index of the eigenvector, or block of 1, 2, 4, 8, 16",
    }
    for point in (*_TRAINED, *_FRESH):
        seen = _seen(study, point)
        name = point["network"] + ("" if point.get("trained", True) else ", untrained")
        for match in ("index", "best", "block"):
            squares = getattr(seen, match)[:, :, :COUNT]
            bars = 2 * squares.std(axis=1, ddof=1) / math.sqrt(study.images)
            found[f"{name}: mean squared sine, {match}"] = squares.mean(axis=1).round(4).tolist()
            found[f"{name}: two standard errors, {match}"] = bars.round(4).tolist()
    return found


def _test(statistic: Any, allowed: tuple[float, float], **other: Any) -> ShareTest:
    given = {"points": _TRAINED, "effect": 0.2, "routes": _MEASURED, **other}
    return ShareTest(statistic=statistic, allowed=allowed, **given)


_AREA = (
    " An eigenvector's rate is the area under its squared sine against log sigma; a pair of"
    " eigenvectors is in order if the one of the larger eigenvalue has the smaller area."
)

CLAIMS = (
    Claim(
        id="WDMG-18",
        title="eigenvectors of a trained denoiser's Jacobian turn at rates ordered by index",
        source=_SOURCE,
        statement=r"i < j \Rightarrow \sin\angle(u_i^t, u_i^0) \le \sin\angle(u_j^t, u_j^0)",
        reading="the curves of an image are ordered if at most one pair in twenty is not; at least"
        " half of the images; the leading 16 eigenvectors, each with the partner that suits it"
        " best." + _AREA,
        evidence=(_test(_strictly, (0.5, 1.0), report=_orders, data=_figure),),
        needs=("WDMG-17",),
        constants=reported,
        note="The figure is in the ledger, against the logarithm of the noise.",
    ),
    Claim(
        id="WDMG-18:index-order",
        title="more pairs of leading eigenvectors turn in the order of their index than not",
        source=_SOURCE,
        statement=r"\tau(i, \text{rate}_i) > 0,\quad i \le 16",
        reading="the authors': a tendency, in at least four images of five; the leading 16"
        " eigenvectors, with their best partners." + _AREA,
        evidence=(_test(_tendency("best"), (0.8, 1.0)),),
        needs=("WDMG-17",),
        empty=Emptiness(
            why="networks that were never trained show the same: the order is no sign of data",
            evidence=(_test(_tendency("best"), (0.8, 1.0), points=_FRESH, routes=_UNTRAINED),),
        ),
        note="Davis and Kahan bound an eigenvector's turn by the perturbation over the gap: wide"
        " gaps at the edge of a spectrum would give this order by themselves.",
    ),
    Claim(
        id="WDMG-18:whole-spectrum",
        title="the eigenvectors of trained denoisers turn in the order of their index, all 64",
        source=_SOURCE,
        statement=r"\tau(i, \text{rate}_i) > 0,\quad i \le 64",
        reading="a version that networks without training pass by chance only: both edges of the"
        " spectrum count; at least four images of five, partners by index." + _AREA,
        evidence=(
            _test(_tendency("index", 64), (0.8, 1.0)),
            _test(
                _tendency("index", 64),
                (0.25, 0.75),
                points=_BY_LOT,
                routes=("impl: networks before any training, one an image", _MEASURED[1]),
            ),
            _test(
                _tendency("index", 64),
                (0.0, 0.0),
                points=(_ZEROS,),
                routes=("impl: a network of zeros",),
            ),
        ),
        needs=("WDMG-17",),
        note="Controls: of networks without training, one an image, about half show such an order,"
        " as by chance; a network of zeros shows none. A single untrained network may show it in"
        " most images, or in few.",
    ),
    Claim(
        id="WDMG-18:blocks",
        title="spans of 1, 2, 4, 8 and 16 eigenvectors turn in the order of their index",
        source=_SOURCE,
        statement=r"\tau(b, \text{rate of block } b) > 0",
        reading="the same for spans, which near-degenerate eigenvalues inside them do not disturb;"
        " cosines are rescaled so that a span by chance has none; at least four images of five."
        + _AREA,
        evidence=(_test(_tendency("block", 5), (0.8, 1.0)),),
        needs=("WDMG-17",),
        note="The convolutional network's spans turn in order, the perceptron's do not.",
    ),
    Claim(
        id="WDMG-18:steeper",
        title="in most images some darker curves are steeper than brighter ones",
        source=f"{_REVIEW}, question (iv) (i)",
        statement=r"\#\{i < j : \text{rate}_i > \text{rate}_j\} > \tfrac1{20} \#\{i < j\}",
        reading="the reviewer's: more than one pair in twenty, in at least four images of five; the"
        " leading 16 eigenvectors with their best partners." + _AREA,
        evidence=(_test(_steeper, (0.8, 1.0)),),
        needs=("WDMG-17",),
    ),
    Claim(
        id="WDMG-18:overlap",
        title="very bright curves overlap with very dark ones",
        source=f"{_REVIEW}, question (iv) (ii)",
        statement=r"\min_{12 \le j \le 16} \text{rate}_j \le \max_{i \le 5} \text{rate}_i",
        reading="the reviewer's: in more than one image in twenty one of the last five of 16 curves"
        " is no steeper than one of the first five; best partners." + _AREA,
        evidence=(_test(_overlap, (_STRICT, 1.0), effect=0.04, report=_overlapping_images),),
        needs=("WDMG-17",),
        constants=reported,
        note="In most images of the perceptron; in how many of the convolutional network, a"
        " constant, differs from one training to the next.",
    ),
    Claim(
        id="WDMG-18:converges",
        title="the Jacobian's eigenvectors come to those at t -> 0 as the noise goes",
        source=_SOURCE,
        statement=r"\sin\angle(u_i^t, u_i^0) \to 0 \quad (t \to 0)",
        reading="the mean squared sine of the leading 16 at sigma = 0.001 is at most half of that"
        " at sigma = 3, in at least four images of five; best partners",
        evidence=(_test(_converges, (0.8, 1.0)),),
        needs=("WDMG-17",),
        empty=Emptiness(
            why="the reviewer's objection: untrained networks do so too, and a network that"
            " returns zeros; it says that the Jacobian is continuous, nothing about data",
            evidence=(
                _test(
                    _converges,
                    (0.8, 1.0),
                    points=(*_FRESH, _ZEROS),
                    routes=(*_UNTRAINED, "impl: a network of zeros"),
                ),
            ),
        ),
    ),
)
