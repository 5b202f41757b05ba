"""Power iteration in closed form: by how much a step turns, and where many steps lead."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, Work, finish, index, reals, require

__all__ = ["power_contraction", "power_tangent"]

_MOST_STEPS = 10**6


def _falling(eigenvalues: ArrayLike) -> tuple[Work, np.dtype[np.generic]]:
    (values,), dtype = reals(eigenvalues=eigenvalues)
    if values.ndim != 1:
        raise ValueError(f"eigenvalues must have shape (p,), got shape {values.shape}")
    require(values >= 0, "eigenvalues", values, ">= 0")
    require(values[:1] > 0, "eigenvalues", values[:1], "> 0 in the first place")
    require(np.diff(values, prepend=np.inf) <= 0, "eigenvalues", values, "in falling order")
    return values, dtype


def power_contraction(eigenvalues: ArrayLike, rank: int = 1) -> FloatArray:
    """
    Return the factor by which block iteration contracts the tangent of the angle in a step.

    Parameters
    ----------
    eigenvalues
        Of a positive semidefinite matrix, in falling order, shape (p,); the first `rank` are
        positive.
    rank : int, default 1
        Size of the block, from 1 to p - 1.

    Returns
    -------
    array, shape ()
        lambda_(rank + 1) / lambda_rank, in [0, 1]; float32 if `eigenvalues` is, else float64.

    Raises
    ------
    TypeError
        If `eigenvalues` is not real or `rank` not an integer.
    ValueError
        If `eigenvalues` is not finite, not a vector, negative, rising, or zero where it must
        not be, or if `rank` is out of range.

    Notes
    -----
    Golub & Van Loan 2013, Sections 7.3 and 8.2: an upper bound at every step, and the limit of the
    ratio for almost every start. In the eigenbasis the step takes T = X_2 X_1^(-1), whose norm is
    the tangent of the largest principal angle, to L_2 T L_1^(-1). Deflated iteration finds the
    k-th eigenvector with the factor of rank k.

    Costs O(p). Verified by: WDMG-14:block, WDMG-14:deflated, WDMG-14r, REV-4.

    Examples
    --------
    >>> from lemmata.theory import power_contraction
    >>> float(power_contraction([8.0, 4.0, 1.0])), float(power_contraction([8.0, 4.0, 1.0], 2))
    (0.5, 0.25)
    """
    values, dtype = _falling(eigenvalues)
    if values.size < 2:
        raise ValueError(f"eigenvalues must hold at least two values, got shape {values.shape}")
    block = index("rank", rank, 1, values.size - 1)
    require(values[:block] > 0, "eigenvalues", values[:block], "> 0 in the first `rank` places")
    with np.errstate(all="ignore"):
        # Subnormal numbers have few digits, but their quotient is what they stand for.
        return finish(values[block] / values[block - 1], dtype, "eigenvalues")


def power_tangent(eigenvalues: ArrayLike, start: ArrayLike, steps: int) -> FloatArray:
    """
    Return the tangent of the angle to the leading eigenvector after steps of power iteration.

    Parameters
    ----------
    eigenvalues
        Of a positive semidefinite matrix, in falling order, shape (p,), the first one positive.
    start
        Coordinates of the first vector in the eigenbasis, shape (p,), the first one not zero.
    steps : int
        Number of steps, from 0 to 10^6.

    Returns
    -------
    array, shape ()
        sqrt(sum over i > 1 of ((lambda_i / lambda_1)^steps x_i / x_1)^2); float32 if both inputs
        are, else float64.

    Raises
    ------
    TypeError
        If an input is not real or `steps` not an integer.
    ValueError
        If an input is not finite, empty, of the wrong shape or out of range, or on overflow.

    Notes
    -----
    Rounding of the ratio of eigenvalues is multiplied by `steps`. Costs O(p).

    Verified by: WDMG-14:deflated, WDMG-14r.

    Examples
    --------
    >>> from lemmata.theory import power_tangent
    >>> float(power_tangent([4.0, 2.0, 1.0], [1.0, 4.0, 0.0], 3))
    0.5
    """
    values, first = _falling(eigenvalues)
    (vector,), second = reals(start=start)
    if vector.shape != values.shape:
        raise ValueError(f"start must have shape {values.shape}, got {vector.shape}")
    require(vector[:1] != 0, "start", vector[:1], "not zero in the first place")
    count = index("steps", steps, 0, _MOST_STEPS)
    with np.errstate(all="ignore"):
        ratio = values[1:] / values[0]
        terms = np.abs(vector[1:] / vector[0]) * ratio**count
        most = float(terms.max(initial=0.0))
        size = most if np.isfinite(most) and most > 0 else 1.0
        tangent = size * np.sqrt(np.square(terms / size).sum())
    return finish(tangent, np.result_type(first, second), "1 / start", "start")
