"""Checks at the door: what comes in is real, finite and of the right shape, or a clear error."""

from __future__ import annotations

import math
import operator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FloatArray", "Work", "broadcast", "finish", "index", "reals", "require", "vectors"]

FloatArray: TypeAlias = NDArray[np.float64] | NDArray[np.float32]
"""What the public functions return."""

Work: TypeAlias = NDArray[np.float64]
"""What the room computes in, whatever precision comes in and goes out."""


def _short(value: object) -> str:
    """Return `value` as text that fits into an error message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def require(condition: ArrayLike, name: str, value: Work, allowed: str) -> None:
    """Raise `ValueError` with the first entry of `value` at which `condition` is false."""
    good = np.asarray(condition, dtype=bool)
    if not good.all():
        culprit = float(value[~good].flat[0])
        raise ValueError(f"{name} must be {allowed}, got {culprit!r}")


def _real(name: str, value: ArrayLike) -> NDArray[Any]:
    """Return `value` as a finite, non-empty array of float32 or float64."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} must not be a masked array: its mask would be dropped")
    try:
        array = np.asarray(value)
    except ValueError as error:  # ragged nesting
        raise ValueError(f"{name} must be a regular array, got {_short(value)}") from error
    kind, itemsize = array.dtype.kind, array.dtype.itemsize
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if kind not in "iuf" or itemsize > 8:  # longdouble too: no silent downcast
        raise TypeError(
            f"{name} must hold real numbers (float32, float64 or integers), "
            f"got dtype {array.dtype} in {_short(value)}"
        )
    if array.dtype != np.float32:
        array = array.astype(np.float64, copy=False)
    finite = np.isfinite(array)
    if not finite.all():
        raise ValueError(f"{name} must be finite, got {float(array[~finite].flat[0])!r}")
    return array


def reals(**named: ArrayLike) -> tuple[list[Work], np.dtype[Any]]:
    """
    Check real arrays by name.

    Parameters
    ----------
    **named
        Parameter names and what the caller passed for them.

    Returns
    -------
    arrays
        The same as float64 arrays, in order.
    dtype
        float32 if everything that came with a precision of its own is float32, else float64.
        Python numbers have none and lists are float64.
    """
    arrays: list[Work] = []
    dtypes: list[np.dtype[Any]] = []
    for name, value in named.items():
        array = _real(name, value)
        if type(value) not in (int, float):
            dtypes.append(array.dtype)
        arrays.append(array.astype(np.float64, copy=False))
    single = bool(dtypes) and all(dtype == np.float32 for dtype in dtypes)
    return arrays, np.dtype(np.float32 if single else np.float64)


def broadcast(**named: Work) -> tuple[int, ...]:
    """Return the common shape of the arrays, or raise `ValueError` with their names."""
    try:
        return np.broadcast_shapes(*(array.shape for array in named.values()))
    except ValueError as error:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in named.items())
        raise ValueError(f"shapes must broadcast, got {shapes}") from error


def vectors(**named: ArrayLike) -> tuple[list[Work], np.dtype[Any]]:
    """Check arrays of vectors ``(..., d)`` of one dimension d whose leading axes broadcast."""
    arrays, dtype = reals(**named)
    checked = dict(zip(named, arrays, strict=True))
    for name, array in checked.items():
        if array.ndim < 1:
            raise ValueError(
                f"{name} must have shape (..., d), got the scalar {_short(named[name])}"
            )
    if len({array.shape[-1] for array in arrays}) > 1:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in checked.items())
        raise ValueError(f"the last axes must have the same length d, got {shapes}")
    broadcast(**checked)
    return arrays, dtype


def index(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return `value` as an integer in ``low..high``."""
    allowed = f"an integer >= {low}" if high is None else f"an integer from {low} to {high}"
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be {allowed}, got {_short(value)}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        raise TypeError(f"{name} must be {allowed}, got {_short(value)}") from error
    if number < low or number > (math.inf if high is None else high):
        raise ValueError(f"{name} must be {allowed}, got {_short(value)}")
    return number


def finish(result: Work, dtype: np.dtype[Any], *names: str) -> FloatArray:
    """Return `result` in `dtype`; raise `ValueError` rather than let an overflow travel on."""
    with np.errstate(over="ignore", under="ignore"):
        cast: FloatArray = np.asarray(result, dtype=dtype)
    if not np.isfinite(cast).all():
        raise ValueError(f"{' and '.join(names)} must be small enough for {dtype}: it overflows")
    return cast
