"""Taylor coefficients and derivatives of tanh, computed and never typed."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, finish, index, reals

__all__ = ["tanh_derivative", "tanh_taylor"]


def tanh_taylor(terms: int) -> tuple[Fraction, ...]:
    """
    Return the first Taylor coefficients of tanh at 0.

    Parameters
    ----------
    terms
        How many, ``terms >= 1``.

    Returns
    -------
    tuple of Fraction
        Coefficients of s, s^3, s^5, ...

    Raises
    ------
    TypeError
        If `terms` is not an integer.
    ValueError
        If ``terms < 1``.

    Notes
    -----
    From tanh' = 1 - tanh^2: (2k + 1) c_k is minus the sum of c_i c_j over i + j = k - 1. The proof
    of Lemma C.3 in Shah, Chen & Klivans 2023 prints -2/3 for the second, which is -1/3.

    Costs O(terms^2) rational operations. Verified by: SCK-12ar, SCK-12b, SCK-12c, SCK-13br.

    Examples
    --------
    >>> from lemmata.theory import tanh_taylor
    >>> print(*tanh_taylor(5))
    1 -1/3 2/15 -17/315 62/2835
    """
    count = index("terms", terms, 1)
    c = [Fraction(1)]
    for k in range(1, count):
        c.append(-sum((c[i] * c[k - 1 - i] for i in range(k)), Fraction(0)) / (2 * k + 1))
    return tuple(c)


@cache
def _cofactor(k: int) -> tuple[int, ...]:
    """Return the coefficients, ascending, of Q_k: tanh^(k) = (1 - u^2) Q_k(u), u = tanh s."""
    if k == 1:
        return (1,)
    q = _cofactor(k - 1)
    p = [0] * (len(q) + 2)  # P_{k-1} = (1 - u^2) Q_{k-1}
    for power, coefficient in enumerate(q):
        p[power] += coefficient
        p[power + 2] -= coefficient
    # P_k = P_{k-1}' (1 - u^2), hence Q_k = P_{k-1}'.
    return tuple(power * coefficient for power, coefficient in enumerate(p))[1:]


def tanh_derivative(k: int, s: ArrayLike) -> FloatArray:
    """
    Return the k-th derivative of tanh.

    Parameters
    ----------
    k
        Order of the derivative, 0 to 5.
    s
        Where, an array or a number.

    Returns
    -------
    array
        Of the shape of `s`; float32 if `s` is, else float64.

    Raises
    ------
    TypeError
        If `k` is not an integer or `s` is not real.
    ValueError
        If `k` is out of range, or `s` is not finite or empty.

    Notes
    -----
    tanh^(k) = P_k(tanh s) with P_0 = u and P_{k+1} = P_k' (1 - u^2). For k >= 1 the factor
    1 - u^2 = 4 exp(-2 abs(s)) / (1 + exp(-2 abs(s)))^2 is taken out, so that the exponential decay
    (Shah, Chen & Klivans 2023, after Lemma C.8) is relatively accurate until it underflows. Next to
    a zero other than s = 0 (k = 3, 4, 5) the error is relative to 1 - u^2.

    Costs O(1) an entry. Verified by: SCK-12ar, SCK-12b, SCK-12c, SCK-31.

    Examples
    --------
    >>> from lemmata.theory import tanh_derivative
    >>> [int(tanh_derivative(k, 0)) for k in range(6)]
    [0, 1, 0, -2, 0, 16]
    """
    order = index("k", k, 0, 5)
    (where,), dtype = reals(s=s)
    with np.errstate(all="ignore"):
        u = np.tanh(where)
        if order == 0:
            return finish(u, dtype, "s")
        decay = np.exp(-2 * np.abs(where))
        value = np.zeros_like(u)
        for coefficient in reversed(_cofactor(order)):
            value = value * u + coefficient
        return finish(4 * decay / (1 + decay) ** 2 * value, dtype, "s")
