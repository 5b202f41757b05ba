"""Limits of what a chain of projections onto sample eigenvectors keeps of its input."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._twofold import two_product
from ._validate import FloatArray, Work, reals, require

__all__ = ["chain_decay", "chain_energy"]


def _checked(spikes: ArrayLike, gamma: ArrayLike) -> tuple[Work, Work, np.dtype[np.floating]]:
    """Return the arrays, gamma with two axes more, and the precision of the result."""
    (s, aspect), dtype = reals(spikes=spikes, gamma=gamma)
    if s.ndim < 2:
        raise ValueError(f"spikes must have shape (..., T, r), got {s.shape}")
    require(s >= 0, "spikes", s, ">= 0")
    falling = np.diff(s, axis=-1) <= 0
    require(falling, "spikes", s[..., 1:], "in falling order along the last axis")
    require(aspect > 0, "gamma", aspect, "> 0")
    try:
        np.broadcast_shapes(s.shape[:-2], aspect.shape)
    except ValueError as error:
        raise ValueError(
            f"gamma must broadcast against the leading axes of spikes {s.shape}, got {aspect.shape}"
        ) from error
    return s, aspect[..., None, None], dtype


def _decays(s: Work, aspect: Work) -> tuple[Work, Work]:
    """Return -log c and -log(1 - c), c the limit of the squared overlap."""
    # Scaling by powers of two is exact, and the square then neither over- nor underflows.
    power = -np.frexp(s)[1]
    scaled, unit = np.ldexp(s, power), np.ldexp(1.0, power)
    square, error = two_product(scaled, scaled)
    # Near the transition the first difference is exact: no digit is lost, nor the sign.
    excess = (square - np.ldexp(aspect, 2 * power)) + error
    # c = (s^2 - gamma) / (s (s + gamma)), so that 1/c - 1 = gamma (1 + s) / (s^2 - gamma).
    missing = np.ldexp(aspect, power) * (scaled + unit)
    above = excess > 0
    kept: Work = np.where(above, np.log1p(missing / np.where(above, excess, 1.0)), np.inf)
    lost: Work = np.where(above, np.log1p(excess / missing), 0.0)
    return kept, lost


def chain_decay(spikes: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """
    Return how much of each population direction the mean of a chain of projections has lost.

    Parameters
    ----------
    spikes
        Shape (..., T, r): spike i at step t, ``lambda_i / sigma_t^2 >= 0``, in falling order along
        the last axis.
    gamma
        Limit of the aspect ratio p / n, ``gamma > 0``; broadcasts against the leading axes.

    Returns
    -------
    array
        Shape (..., r): ``-log w_i``, where ``E[P_1 ... P_T] u_i = w_i u_i``; inf where a spike
        does not stand out of the noise at some step. float32 if both inputs are (Python numbers
        follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range, not in falling order or of the wrong shape.

    Notes
    -----
    P_t projects onto the r leading eigenvectors of the covariance of n fresh samples from
    N(0, sum_i lambda_i u_i u_i^T + sigma_t^2 I). For independent steps the mean of the product is
    the product of the means, and the reflections that leave the population covariance alone make
    each of them diagonal: w_i = prod_t E[u_i^T P_t u_i], at any angle. As n and p grow with
    p / n -> gamma this tends to prod_t c(s_ti), c(s) = (1 - gamma / s^2) / (1 + gamma / s) for
    s > sqrt(gamma), else 0 (Paul 2007; Nadler 2008), of which -log is
    sum_t log(1 + gamma (1 + s) / (s^2 - gamma)).

    Costs O(T r). Verified by: WDMG-07r, WDMG-08r, WDMG-09, WDMG-11, WDMG-11r.

    Examples
    --------
    >>> from lemmata.theory import chain_decay
    >>> chain_decay([[4.0, 2.0], [4.0, 2.0]], 1.0).round(4)
    array([0.5754, 1.3863])
    """
    s, aspect, dtype = _checked(spikes, gamma)
    with np.errstate(all="ignore"):
        kept, _ = _decays(s, aspect)
        result: FloatArray = kept.sum(axis=-2).astype(dtype)
    return result


def chain_energy(spikes: ArrayLike, gamma: ArrayLike) -> FloatArray:
    """
    Return the mean squares of the components that a chain of projections makes of white noise.

    Parameters
    ----------
    spikes
        Shape (..., T, r): spike i at step t, ``lambda_i / sigma_t^2 >= 0``, in falling order along
        the last axis. Step T is applied first, step 1 last.
    gamma
        Limit of the aspect ratio p / n, ``gamma > 0``; broadcasts against the leading axes.

    Returns
    -------
    array
        Shape (..., r + 1): ``-log E <x, u_i>^2`` of ``x = P_1 ... P_T z``, ``z ~ N(0, I)``, and
        last ``-log E |rest|^2``; inf where there is none. float32 if both inputs are (Python
        numbers follow the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, out of range, not in falling order or of the wrong shape.

    Notes
    -----
    P_t as in `chain_decay`, independent. B_t = U^T P_t U tends to diag(c_ti). One step maps the
    mean squares (m_1, ..., m_r, w) of the coordinates and of what is off the u_i to
    (c_i^2 m_i + (c_i - c_i^2) w / (p - r)) and sum_j (c_j - c_j^2) m_j + (1 - c_j)^2 w / (p - r).
    White noise has w = p - r, all later w are O(1), so that as n and p grow at fixed T
    m_i = c_Ti c_(T-1)i^2 ... c_1i^2, and what is off the u_i was put there by the last step:
    sum_j (1 - c_1j) m_j / c_1j, for T = 1 sum_j (1 - c_1j).

    Costs O(T r). Verified by: WDMG-10:cumulative-variance, WDMG-10:slow, WDMG-10r.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.theory import chain_energy
    >>> np.exp(-chain_energy([[4.0, 2.0]] * 2, 1.0)).round(4)
    array([0.4219, 0.125 , 0.2656])
    """
    s, aspect, dtype = _checked(spikes, gamma)
    with np.errstate(all="ignore"):
        kept, lost = _decays(s, aspect)
        # Sums without what is not in them: where c is zero, inf - inf would be no number.
        along = kept[..., -1, :] + 2.0 * kept[..., :-1, :].sum(axis=-2)
        off = lost[..., 0, :]
        if s.shape[-2] > 1:
            off = off + kept[..., 0, :] + kept[..., -1, :]
            off = off + 2.0 * kept[..., 1:-1, :].sum(axis=-2)
        smallest = off.min(axis=-1, keepdims=True)
        # Where all is lost, inf - inf is no number.
        shift = np.where(np.isfinite(smallest), smallest, 0.0)
        rest = shift - np.log(np.exp(shift - off).sum(axis=-1, keepdims=True))
        result: FloatArray = np.concatenate([along, rest], axis=-1).astype(dtype)
    return result
