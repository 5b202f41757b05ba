"""How the eigenvectors of networks' Jacobians turn along rising noise."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lemmata import impl
from lemmata.checks._images import held_out
from lemmata.checks._trained import SOURCES, Study, trained, untrained

__all__ = ["COUNT", "LEVELS", "Turns", "rates", "turns", "turns_by_lot"]

Array = NDArray[np.float64]

#: Noise levels, in units of the images' standard deviation; the first one is nearly none.
LEVELS = np.array([0.001, *np.geomspace(0.1, 3.0, 4)])
#: Leading eigenvectors that are called dark or bright curves.
COUNT = 16
#: Blocks of indices, each twice as large as the one before.
_EDGES = np.array([0, 1, 3, 7, 15, 31])
_CHUNK = 32
#: Networks without training that stand for all of them.
_UNTRAINED = 80


@dataclass(frozen=True)
class Turns:
    """What a network's Jacobians do, image by image.

    Parameters
    ----------
    index : ndarray, shape (levels, images, 64)
        Squared sines of the angles of all eigenvectors to those at t -> 0 of the same index.
    best : ndarray, shape (levels, images, COUNT)
        The same of the leading ones, whose partners are chosen for the least sines.
    block : ndarray, shape (levels, images, 5)
        One minus what is left of blocks of 1, 2, 4, 8 and 16 eigenvectors.
    """

    index: Array
    best: Array
    block: Array


@functools.cache
def turns(name: str, study: Study, *, fresh: bool = False, count: int | None = None) -> Turns:
    """Look at a trained network, or at one that was not (`fresh`), on the study's images."""
    source = SOURCES.get(name, "digits")
    network = (
        untrained(name, study.seed)
        if fresh
        else trained(name, study.seed, brief=study.brief, count=count)
    )
    clean, noise = study.draw(held_out(source), 0)
    blocks = [slice(start, start + _CHUNK) for start in range(0, len(clean), _CHUNK)]
    parts = [_look(network, clean[block], noise[block]) for block in blocks]
    return _joined(parts)


@functools.cache
def turns_by_lot(name: str, study: Study) -> Turns:
    """Look at networks without training, each image through one of its own."""
    clean, noise = study.draw(held_out(SOURCES[name]), 3)
    rng, parts = study.rng(4, len(name)), []
    for k in range(_UNTRAINED):
        network = untrained(name, int(rng.integers(2**62)))
        parts.append(_look(network, clean[k : k + 1], noise[k : k + 1]))
    return _joined(parts)


def _joined(parts: list[dict[str, Array]]) -> Turns:
    return Turns(**{key: np.concatenate([part[key] for part in parts], axis=1) for key in parts[0]})


def _look(network: impl.Network, clean: Array, noise: Array) -> dict[str, Array]:
    """All figures of some images, each (levels, images, ...)."""
    # At t -> 0: the clean image, and the least noise that the network was told of.
    _, reference = impl.symmetric_eigenpairs(impl.network_jacobians(network, clean, LEVELS[1]))
    size = reference.shape[-1]
    found: dict[str, list[Array]] = {key: [] for key in Turns.__dataclass_fields__}
    for level in LEVELS:
        told = max(level, LEVELS[1])
        jacobian = impl.network_jacobians(network, clean + level * noise, told)
        _, vectors = impl.symmetric_eigenpairs(jacobian)
        for match, count in (("index", size), ("best", COUNT)):
            kept = impl.eigenvector_overlaps(reference, vectors, count=count, match=match)
            found[match].append(np.asarray(1 - kept))
        kept = impl.block_overlaps(reference, vectors, _EDGES)
        found["block"].append(np.asarray(1 - kept))
    return {key: np.stack(value) for key, value in found.items()}


def rates(curves: Array) -> Array:
    """Area under each curve over the logarithm of the noise, without the level of nearly none."""
    return np.asarray(curves[1:].mean(axis=0))
