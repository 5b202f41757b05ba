"""WDMG-19: emergence in networks, the size of the training set, and what samples are made of."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._bars import mean_interval
from lemmata.checks._images import axes, held_out, training_images
from lemmata.checks._trained import SOURCES, Cases, ShareTest, Study, reported, trained, untrained
from lemmata.checks._turns import COUNT, LEVELS
from lemmata.harness.claim import Claim, Constants, Point

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "summary of Weitzner et al. 2024, next checks"

_NETWORKS: tuple[Point, ...] = ({"network": "mlp"}, {"network": "conv"})
#: Networks without training that stand for all of them.
_UNTRAINED = 160
#: Share of the pairs of axes that must be in order: chance gives one half.
_MOST = 0.7
_SIZES = (40, 200, 1300)
_MORE: tuple[Point, ...] = ({"few": 40, "many": 200}, {"few": 200, "many": 1300})
_NOISE = LEVELS[1:]
#: Sampling: levels, samples of each network, and batches of them that are compared.
_SCHEDULE = np.geomspace(10.0, 0.1, 40)
_SAMPLES = 1500
_BATCH = 48
_BATCHES = 300

_ROUTES = (
    "impl: networks trained by denoising score matching",
    "torch: Jacobians on held-out images, along the principal axes of the training images",
)


@functools.cache
def _look(study: Study, name: str, count: int | None = None) -> tuple[Array, Array]:
    """Gains (levels, images, COUNT), and log squared errors (images,), in the mean over levels."""
    network = trained(name, study.seed, brief=study.brief, count=count)
    source = SOURCES[name]
    clean, noise = study.draw(held_out(source), 1)
    along = axes(source)[:, :COUNT]
    gains, errors = [], []
    for level in _NOISE:
        x = clean + level * noise
        gains.append(_gain(impl.network_jacobians(network, x, level), along))
        errors.append(np.log(np.square(impl.denoise(network, x, level) - clean).sum(axis=1)))
    return np.stack(gains), np.mean(errors, axis=0)


def _gain(jacobian: NDArray[Any], along: Array) -> Array:
    """u^T J u along some axes, clipped to [0, 1]."""
    return np.asarray(np.clip(((jacobian @ along) * along).sum(axis=1), 0, 1), dtype=np.float64)


def _emerged(study: Study, name: str, count: int | None = None) -> Array:
    """Mean over log sigma of each axis' gain, image by image: large where it emerges early."""
    return np.asarray(_look(study, name, count)[0].mean(axis=0))


def _ordered(gains: Array) -> Array:
    """Share of pairs of axes in which that of the larger variance has the larger gain."""
    first, second = np.triu_indices(COUNT, 1)
    return np.asarray((gains[:, first] > gains[:, second]).mean(axis=1))


def _mostly_in_order(study: Study, point: Point) -> Cases:
    return np.asarray(_ordered(_emerged(study, point["network"])) >= _MOST)


@functools.cache
def _by_lot(study: Study, name: str) -> Array:
    """Gains of networks that were not trained, each image with one of its own."""
    rng, images = study.rng(8, *name.encode()), held_out(SOURCES[name])
    along, gains = axes(SOURCES[name])[:, :COUNT], []
    for _ in range(_UNTRAINED):
        network = untrained(name, int(rng.integers(2**62)))
        noise = rng.standard_normal((len(_NOISE), 64))
        x = images[rng.integers(len(images))] + _NOISE[:, None] * noise
        gains.append(_gain(impl.network_jacobians(network, x, _NOISE), along).mean(axis=0))
    return np.stack(gains)


def _in_order_by_lot(study: Study, point: Point) -> Cases:
    return np.asarray(_ordered(_by_lot(study, point["network"])) >= _MOST)


def _earlier(study: Study, point: Point) -> Cases:
    """Whether the higher half of the axes has a larger gain after more data."""
    few, many = (_emerged(study, "mlp", point[key])[:, COUNT // 2 :] for key in ("few", "many"))
    return np.asarray(many.mean(axis=1) > few.mean(axis=1))


def _robust(study: Study, point: Point) -> Cases:
    """Whether a held-out image is denoised better after more data."""
    few, many = (_look(study, "mlp", point[key])[1] for key in ("few", "many"))
    return np.asarray(many < few)


@functools.cache
def _samples(study: Study, count: int, *, stochastic: bool = False) -> Array:
    network = trained("mlp", study.seed, brief=study.brief, count=count)
    rng = study.rng(2, stochastic)
    start = _SCHEDULE[0] * rng.standard_normal((_SAMPLES, 64))
    found = impl.denoiser_samples(
        lambda x, sigma: impl.denoise(network, x, sigma),
        start,
        _SCHEDULE,
        stochastic=stochastic,
        rng=rng,
    )
    return np.asarray(found, dtype=np.float64)


def _discrepancy(samples: Array, real: Array, width: float) -> float:
    """Unbiased squared maximum mean discrepancy of two batches (Gretton et al. 2012, eq. 3)."""

    def kernel(one: Array, other: Array) -> Array:
        square = np.square(one).sum(axis=1)[:, None] + np.square(other).sum(axis=1)
        return np.asarray(np.exp(-(square - 2 * one @ other.T) / width))

    def within(batch: Array) -> float:
        whole = kernel(batch, batch)
        n = len(batch)
        return float((whole.sum() - np.trace(whole)) / (n * (n - 1)))

    return within(samples) + within(real) - 2 * float(kernel(samples, real).mean())


@functools.cache
def _discrepancies(study: Study, count: int | None) -> Array:
    """Of each batch of a network's samples, or of training images, to held-out images."""
    images = held_out("digits")
    width = float(np.median(np.square(images[:150, None] - images[None, 150:300]).sum(axis=-1)))
    made = training_images("digits") if count is None else _samples(study, count)
    rng = study.rng(3)
    found = np.empty(_BATCHES)
    for k in range(_BATCHES):
        # All networks meet the same held-out images.
        real = images[rng.choice(len(images), _BATCH, replace=False)]
        mine = rng.random(len(made) if count is None else _SAMPLES).argsort()[:_BATCH]
        found[k] = _discrepancy(made[mine], real, width)
    return found


def _nearer(study: Study, point: Point) -> Cases:
    few, many = (_discrepancies(study, point[key]) for key in ("few", "many"))
    return np.asarray(many < few)


def _dominated(study: Study, point: Point) -> Cases:
    """Whether half of a sample's energy lies along the leading axis."""
    samples = _samples(study, _SIZES[-1], stochastic=point["stochastic"])
    squares = np.square(samples @ axes("digits"))
    return np.asarray(squares[:, 0] > 0.5 * squares.sum(axis=1))


def _orders(study: Study) -> Constants:
    found: Constants = {}
    for point in _NETWORKS:
        name = point["network"]
        for gains, what in (
            (_emerged(study, name), name),
            (_by_lot(study, name), f"{name}, untrained"),
        ):
            found[f"{what}: share of pairs of axes in the linear order"] = mean_interval(
                _ordered(gains)
            )
    images = training_images("digits")
    values = np.linalg.eigvalsh(images.T @ images / len(images))[::-1][:COUNT]
    linear = np.mean([values / (values + level**2) for level in _NOISE], axis=0)
    found["linear denoiser of the digits: share of pairs of axes in order"] = float(
        _ordered(linear[None])[0]
    )
    return found


def _emergence_table(study: Study) -> dict[str, Any]:
    """Mean gains along the data's axes against the noise."""
    found: dict[str, Any] = {"sigma": _NOISE.round(6).tolist()}
    for point in _NETWORKS:
        gains = _look(study, point["network"])[0].mean(axis=1)
        found[f"{point['network']}: mean gain by level"] = gains.round(4).tolist()
    return found


def _by_size(study: Study) -> Constants:
    found: Constants = {}
    for count in _SIZES:
        gains, errors = _emerged(study, "mlp", count), _look(study, "mlp", count)[1]
        found[f"{count} images: mean gain on axes 9 to 16"] = mean_interval(
            gains[:, COUNT // 2 :].mean(axis=1)
        )
        found[f"{count} images: mean gain on axes 1 to 8"] = mean_interval(
            gains[:, : COUNT // 2].mean(axis=1)
        )
        low, high = mean_interval(errors)
        found[f"{count} images: geometric mean of a pixel's squared error"] = (
            float(np.exp(low)) / 64,
            float(np.exp(high)) / 64,
        )
    return found


def _qualities(study: Study) -> Constants:
    found: Constants = {
        f"{count} images: squared discrepancy of samples": mean_interval(
            _discrepancies(study, count)
        )
        for count in _SIZES
    }
    found["training images instead of samples: squared discrepancy"] = mean_interval(
        _discrepancies(study, None)
    )
    for count in _SIZES:
        samples = _samples(study, count)
        near = training_images("digits", count)
        own = _nearest(samples, near[:40])
        other = _nearest(samples, held_out("digits")[:40])
        found[f"{count} images: samples nearer to 40 of them than to 40 held-out ones"] = (
            mean_interval((own < other).astype(np.float64))
        )
    return found


def _nearest(samples: Array, images: Array) -> Array:
    square = np.square(samples).sum(axis=1)[:, None] + np.square(images).sum(axis=1)
    return np.asarray((square - 2 * samples @ images.T).min(axis=1))


def _spectrum(study: Study) -> Constants:
    found: Constants = {}
    basis = axes("digits")
    real = np.square(held_out("digits") @ basis)
    for stochastic, what in ((False, "ODE"), (True, "SDE")):
        squares = np.square(_samples(study, _SIZES[-1], stochastic=stochastic) @ basis)
        share = squares[:, 0] / squares.sum(axis=1)
        found[f"{what}: share of energy along the leading axis"] = mean_interval(share)
        for axis in (0, 1, 2, 4, 8, 16, 32):
            low, high = mean_interval(squares[:, axis])
            mean = float(real[:, axis].mean())
            found[f"{what}: variance along axis {axis + 1}, over that of held-out images"] = (
                low / mean,
                high / mean,
            )
    share = real[:, 0] / real.sum(axis=1)
    found["held-out images: share of energy along the leading axis"] = mean_interval(share)
    return found


CLAIMS = (
    Claim(
        id="WDMG-19",
        title="directions of the data emerge in networks in the order of the linear model",
        source=_SOURCE,
        statement=r"\lambda_i > \lambda_j \Rightarrow"
        r" \int u_i^\top J(x_\sigma) u_i\, d\log\sigma > \int u_j^\top J(x_\sigma) u_j\,"
        r" d\log\sigma",
        reading="u_i: the leading 16 principal axes of the training images; the linear model's gain"
        " lambda / (lambda + sigma^2) is ordered for every pair. For at least 70% of the pairs,"
        " in nine held-out images of ten; most networks without training must not pass",
        evidence=(
            ShareTest(
                points=_NETWORKS,
                statistic=_mostly_in_order,
                allowed=(0.9, 1.0),
                effect=0.2,
                routes=_ROUTES,
                report=_orders,
                data=_emergence_table,
            ),
            ShareTest(
                points=_NETWORKS,
                statistic=_in_order_by_lot,
                allowed=(0.0, 0.5),
                effect=0.2,
                routes=("impl: networks before any training, one an image", _ROUTES[1]),
            ),
        ),
        needs=("WDMG-17",),
        constants=reported,
        note="The constants have the share of pairs in order: it is not one, as it is for the"
        " linear model.",
    ),
    Claim(
        id="WDMG-19:training-size",
        title="more data: higher frequencies emerge earlier, and noise is removed better",
        source=f"{_SOURCE}; abstract",
        statement=r"n < n':\quad \sum_{i=9}^{16} g_i^{(n)} < \sum_{i=9}^{16} g_i^{(n')},\quad"
        r" |D^{(n)}(x_\sigma) - x_0| > |D^{(n')}(x_\sigma) - x_0|",
        reading="perceptrons trained alike on 40, 200 and 1300 digits; g_i: gain along principal"
        " axis i in the mean over log sigma; in at least four held-out images of five",
        evidence=(
            ShareTest(
                points=_MORE,
                statistic=_earlier,
                allowed=(0.8, 1.0),
                effect=0.2,
                routes=_ROUTES,
                report=_by_size,
            ),
            ShareTest(
                points=_MORE,
                statistic=_robust,
                allowed=(0.8, 1.0),
                effect=0.2,
                routes=("impl: networks trained on more and on less", "errors on held-out images"),
            ),
        ),
        needs=("WDMG-19",),
        constants=reported,
    ),
    Claim(
        id="WDMG-19:quality",
        title="more data: samples nearer to held-out images",
        source=_SOURCE,
        statement=r"n < n' \Rightarrow \mathrm{MMD}^2(\text{samples}^{(n)}, \text{held out}) >"
        r" \mathrm{MMD}^2(\text{samples}^{(n')}, \text{held out})",
        reading="unbiased squared maximum mean discrepancy with a Gaussian kernel, whose width is"
        " the median distance of held-out images: zero exactly for the same law; batches of 48"
        " samples of the probability-flow ODE against 48 held-out digits; in most batches",
        evidence=(
            ShareTest(
                points=({"few": 40, "many": 1300},),
                statistic=_nearer,
                allowed=(0.5, 1.0),
                effect=0.1,
                routes=("impl: samples of networks trained on more and on less", "held-out images"),
                report=_qualities,
            ),
        ),
        needs=("WDMG-19:training-size",),
        constants=reported,
        note="The constants have the discrepancy of training images, which is what the best"
        " samples could have, and the share of samples that are nearer to training images than to"
        " as many held-out ones: one half unless the network copies.",
    ),
    Claim(
        id="WDMG-19:leading",
        title="the leading eigenvector dominates what is generated",
        source="summary of Weitzner et al. 2024, key results",
        statement=r"(u_1^\top x)^2 > \tfrac12 |x|^2",
        reading="samples of the network trained on 1300 digits; at least half of them",
        evidence=(
            ShareTest(
                points=({"stochastic": False}, {"stochastic": True}),
                statistic=_dominated,
                allowed=(0.5, 1.0),
                effect=0.1,
                routes=("impl: samples by ODE and SDE", "principal axes of the training images"),
                report=_spectrum,
            ),
        ),
        needs=("WDMG-19",),
        constants=reported,
        note="Beyond the leading axis: the constants have the variance of samples along others,"
        " over that of held-out images. A standard sampler follows the whole spectrum.",
    ),
)
