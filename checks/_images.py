"""Real images for denoisers, in units of their standard deviation, split into two parts."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from lemmata.checks._spectra import digits, photograph_blocks

__all__ = ["axes", "held_out", "training_images"]

Array = NDArray[np.float64]

#: Digits that networks are trained on; the others were written by other people.
_DIGITS = 1300
#: Share of each photograph, from the left, whose patches networks are trained on.
_SHARE = 0.75


@functools.cache
def _split(source: str) -> tuple[Array, Array]:
    if source == "digits":
        images = digits()
        images = images / images.std()
        return images[:_DIGITS], images[_DIGITS:]
    parts: tuple[list[Array], list[Array]] = ([], [])
    for blocks in photograph_blocks():
        cut = int(_SHARE * blocks.shape[1])
        parts[0].append(blocks[:, :cut].reshape(-1, 64))
        parts[1].append(blocks[:, cut:].reshape(-1, 64))
    seen, unseen = (np.concatenate(part) for part in parts)
    middle, scale = seen.mean(), seen.std()
    return (seen - middle) / scale, (unseen - middle) / scale


def training_images(source: str, count: int | None = None) -> Array:
    """Images to train on, shape (n, 64); the first `count` of them in an order by lot."""
    images = _split(source)[0]
    if count is None or count == len(images):
        return images
    order = np.random.default_rng(0).permutation(len(images))
    return np.asarray(images[order[:count]])


def held_out(source: str) -> Array:
    """Images that no network saw, shape (n, 64)."""
    return _split(source)[1]


@functools.cache
def axes(source: str) -> Array:
    """Principal axes of the training images in columns, by falling variance."""
    images = _split(source)[0]
    vectors = np.linalg.eigh(images.T @ images)[1][:, ::-1]
    return np.asarray(vectors)
