"""The check that every component of a mixture is responsible for some of the samples."""

from __future__ import annotations

import numpy as np

from ._validate import FloatArray

__all__ = ["check_responsible"]


def check_responsible(total: FloatArray, means: FloatArray) -> None:
    """Refuse, by name, a component whose responsibilities add up to nothing."""
    # A total among the subnormal numbers has no digits left to divide by.
    empty = np.flatnonzero(total < np.finfo(total.dtype).tiny)
    if empty.size:
        msg = (
            f"means must each be responsible for some sample: row {int(empty[0])}, "
            f"{means[empty[0]].tolist()}, has a total responsibility that underflows to zero"
        )
        raise ValueError(msg)
