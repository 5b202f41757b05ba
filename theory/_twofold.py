"""Sums and products in twice the working precision."""

from __future__ import annotations

import numpy as np

from ._validate import Work

__all__ = ["dot", "two_product", "two_sum"]


def two_sum(a: Work, b: Work) -> tuple[Work, Work]:
    """Return the rounded sum and its error, exactly (Knuth 1969), barring overflow."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def two_product(a: Work, b: Work) -> tuple[Work, Work]:
    """Return the rounded product and its error, exactly (Dekker 1971), barring overflow."""

    def split(x: Work) -> tuple[Work, Work]:
        big = 134217729.0 * x  # 2^27 + 1
        high = big - (big - x)
        return high, x - high

    product = a * b
    a_hi, a_lo = split(a)
    b_hi, b_lo = split(b)
    return product, ((a_hi * b_hi - product) + a_hi * b_lo + a_lo * b_hi) + a_lo * b_lo


# Products that are summed side by side: about as many as stay in the cache.
_LANES = 8192


def dot(a: Work, b: Work) -> tuple[Work, Work]:
    """
    Return a.b over the last axis as a float and what its rounding left out.

    As if computed in twice the working precision and then rounded (Ogita, Rump & Oishi 2005,
    Algorithm 5.3, in lanes, and with a tree for their sum): nearly orthogonal vectors lose nothing.
    Where the product overflows, so does the float, and the rest is 0.
    """
    with np.errstate(all="ignore"):
        high, low = _products(a[..., :_LANES], b[..., :_LANES])
        for start in range(_LANES, max(a.shape[-1], b.shape[-1]), _LANES):
            piece = slice(start, start + _LANES)
            _add(high, low, *_products(a[..., piece], b[..., piece]))
        while (n := high.shape[-1]) > 1:
            half = n // 2
            total, error = two_sum(high[..., :half], high[..., half : 2 * half])
            error = error + (low[..., :half] + low[..., half : 2 * half])
            high = np.concatenate([total, high[..., 2 * half :]], axis=-1)
            low = np.concatenate([error, low[..., 2 * half :]], axis=-1)
        total, rest = two_sum(high[..., 0], low[..., 0])
        finite = np.isfinite(total) & np.isfinite(rest)
        return np.where(finite, total, high[..., 0]), np.where(finite, rest, 0.0)


def _products(a: Work, b: Work) -> tuple[Work, Work]:
    high, low = two_product(a, b)
    # The splitting overflows before the product does.
    return high, np.where(np.isfinite(low), low, 0.0)


def _add(high: Work, low: Work, more: Work, rest: Work) -> None:
    """Add to the first lanes, in place; there may be fewer to add."""
    lanes = slice(more.shape[-1])
    total, error = two_sum(high[..., lanes], more)
    high[..., lanes] = total
    low[..., lanes] += error + rest
