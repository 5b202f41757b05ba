"""Randomness enters through one door: the keyword `rng`, normalised once."""

from __future__ import annotations

import operator
from typing import TypeAlias

import numpy as np

__all__ = ["RNGLike", "as_generator"]

RNGLike: TypeAlias = (
    int | np.integer | np.random.SeedSequence | np.random.BitGenerator | np.random.Generator | None
)


def as_generator(rng: RNGLike, name: str = "rng") -> np.random.Generator:
    """Return the generator that `rng` names; None asks the operating system for entropy."""
    if rng is None or isinstance(
        rng, (np.random.Generator, np.random.BitGenerator, np.random.SeedSequence)
    ):
        return np.random.default_rng(rng)
    if isinstance(rng, (bool, np.bool_)) or not isinstance(rng, (int, np.integer)):
        msg = (
            f"{name} must be None, an integer, a SeedSequence, a BitGenerator or a Generator, "
            f"got {type(rng).__name__}"
        )
        raise TypeError(msg)
    seed = operator.index(rng)
    if seed < 0:
        msg = f"{name} must be non-negative when it is an integer seed, got {seed}"
        raise ValueError(msg)
    return np.random.default_rng(seed)
