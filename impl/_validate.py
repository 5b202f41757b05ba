"""Checks at the door: every message names the parameter, its value and what is allowed."""

from __future__ import annotations

import operator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = [
    "FloatArray",
    "as_array",
    "as_count",
    "as_covariance_factor",
    "as_points",
    "as_real",
    "as_weights",
    "common_dtype",
    "finite_result",
]

_KIND_NAMES: Final = {"b": "bool", "c": "complex", "O": "object", "S": "bytes", "U": "str"}

FloatArray = npt.NDArray[np.floating[Any]]

# The largest count that float64 still tells from its neighbours.
_LARGEST_COUNT: Final = 2**53


def as_array(
    value: object, name: str, *, ndim: int | None = None, finite: bool = True
) -> FloatArray:
    """Return `value` as a non-empty float32 or float64 array, all finite unless told otherwise."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        msg = f"{name} must be a rectangular array of real numbers: {error}"
        raise ValueError(msg) from error
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        # An empty list has no dtype of its own and arrives here as float64.
        kind = _KIND_NAMES.get(array.dtype.kind, str(array.dtype))
        msg = f"{name} must hold integers, float32 or float64, got {kind} ({_short(value)})"
        raise TypeError(msg)
    if ndim is not None and array.ndim != ndim:
        msg = f"{name} must have {ndim} dimension(s), got shape {array.shape}"
        raise ValueError(msg)
    if array.size == 0:
        msg = f"{name} must not be empty, got shape {array.shape}"
        raise ValueError(msg)
    result: FloatArray = array
    if array.dtype not in (np.float32, np.float64):
        result = array.astype(np.float64)
    if finite and not np.isfinite(result).all():
        bad = result[~np.isfinite(result)].flat[0]
        msg = f"{name} must be finite, got {bad} among its {result.size} value(s)"
        raise ValueError(msg)
    return result


def as_points(
    value: object, name: str, dimension: int, *, ndim: int | None = None, finite: bool = True
) -> FloatArray:
    """Return `value` as an array whose last axis has length `dimension`."""
    array = as_array(value, name, ndim=ndim, finite=finite)
    if array.ndim == 0 or array.shape[-1] != dimension:
        msg = f"{name} must have a last axis of length {dimension}, got shape {array.shape}"
        raise ValueError(msg)
    return array


def as_weights(value: object, name: str, count: int) -> FloatArray:
    """Return `value` as `count` non-negative weights with a positive sum."""
    array = as_array(value, name, ndim=1)
    if array.shape[0] != count:
        msg = f"{name} must have one entry per sample, shape ({count},), got {array.shape}"
        raise ValueError(msg)
    if (array < 0).any():
        msg = f"{name} must be non-negative, got {array.min()}"
        raise ValueError(msg)
    if not array.any():
        msg = f"{name} must have a positive sum, got only zeros"
        raise ValueError(msg)
    return array


def as_covariance_factor(value: object, name: str, dimension: int) -> FloatArray:
    """Return the lower Cholesky factor of a symmetric positive definite matrix."""
    array = as_array(value, name, ndim=2)
    if array.shape != (dimension, dimension):
        msg = f"{name} must have shape ({dimension}, {dimension}), got {array.shape}"
        raise ValueError(msg)
    scale = float(np.abs(array).max())
    if float(np.abs(array - array.T).max()) > 8 * float(np.finfo(array.dtype).eps) * scale:
        msg = f"{name} must be symmetric, got {_short(array.tolist())}"
        raise ValueError(msg)
    try:
        factor: FloatArray = np.linalg.cholesky(array)
    except np.linalg.LinAlgError as error:
        msg = f"{name} must be positive definite, got {_short(array.tolist())}"
        raise ValueError(msg) from error
    return factor


def as_real(
    value: object,
    name: str,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
) -> float:
    """Return `value` as a finite float inside the given bounds."""
    array = np.asarray(value)
    if array.ndim != 0 or array.dtype.kind not in "iuf":
        msg = f"{name} must be a real number, got {_short(value)} ({type(value).__name__})"
        raise TypeError(msg)
    number = float(array)
    allowed = ["finite"]
    good = bool(np.isfinite(number))
    if above is not None:
        allowed.append(f"> {above:g}")
        good = good and number > above
    if at_least is not None:
        allowed.append(f">= {at_least:g}")
        good = good and number >= at_least
    if below is not None:
        allowed.append(f"< {below:g}")
        good = good and number < below
    if not good:
        msg = f"{name} must be {' and '.join(allowed)}, got {number}"
        raise ValueError(msg)
    return number


def as_count(value: object, name: str, *, largest: int = _LARGEST_COUNT) -> int:
    """Return `value` as an integer from 1 to `largest`."""
    if isinstance(value, (bool, np.bool_)):
        msg = f"{name} must be an integer, got {value!r} (bool)"
        raise TypeError(msg)
    try:
        count = operator.index(value)  # type: ignore[arg-type]
    except TypeError as error:
        msg = f"{name} must be an integer, got {_short(value)} ({type(value).__name__})"
        raise TypeError(msg) from error
    if not 1 <= count <= largest:
        msg = f"{name} must be an integer from 1 to {largest}, got {count}"
        raise ValueError(msg)
    return count


def common_dtype(*arrays: FloatArray) -> np.dtype[np.floating[Any]]:
    """Return float32 when every array is float32, else float64."""
    return np.result_type(*arrays)


def finite_result(value: FloatArray, what: str) -> FloatArray:
    """Return `value`, or refuse arguments so large that it overflowed."""
    if not np.isfinite(value).all():
        msg = f"{what} overflows: the arguments must be smaller in size"
        raise ValueError(msg)
    return value


def _short(value: object) -> str:
    """Return a representation of `value` that fits into a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
