"""The noising process: characteristic function of a mixture, and what noise prediction costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._trapezoid import FIELDS, expectations
from ._twofold import dot
from ._validate import FloatArray, Work, finish, reals, require

__all__ = ["mixture_characteristic", "score_gap"]


def mixture_characteristic(u: ArrayLike, means: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """
    Return the characteristic function of an equal-weight mixture of N(mu_i, I).

    Parameters
    ----------
    u
        Frequencies, shape ``(..., d)``.
    means
        Component means mu_i, shape ``(K, d)``.

    Returns
    -------
    cosine, sine : array
        E cos(u.X) and E sin(u.X), shape ``(...)``; float32 if both inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or of another shape, or if u.mu_i overflows.

    Notes
    -----
    exp(-|u|^2 / 2) times the mean over i of cos(u.mu_i) and sin(u.mu_i). With the means of time t,
    `marginal_means`, it is that of X_t under the Ornstein-Uhlenbeck process: Shah, Chen & Klivans
    2023, Section 1.3. The products are taken in twice the working precision: a phase of a million
    keeps its digits.

    Costs O(n K d) for n frequencies. Verified by: SCK-01.

    Examples
    --------
    >>> from lemmata.theory import mixture_characteristic
    >>> cosine, sine = mixture_characteristic([0.0, 0.0], [[1.0, 2.0], [3.0, 4.0]])
    >>> float(cosine), float(sine)
    (1.0, 0.0)
    """
    (frequency, centres), dtype = reals(u=u, means=means)
    if centres.ndim != 2:
        raise ValueError(f"means must have shape (K, d), got {centres.shape}")
    if frequency.ndim < 1 or frequency.shape[-1] != centres.shape[-1]:
        raise ValueError(
            f"u must have shape (..., d) with d = {centres.shape[-1]} as in means, "
            f"got {frequency.shape}"
        )
    with np.errstate(all="ignore"):
        phase, rest = dot(frequency[..., None, :], centres)
        square, square_rest = dot(frequency, frequency)
        if not np.isfinite(phase).all():
            raise ValueError("u and means must be small enough for float64: u.mu overflows")
        # cos(p + r) and sin(p + r) for a tiny r.
        cosine = np.mean(np.cos(phase) - rest * np.sin(phase), axis=-1)
        sine = np.mean(np.sin(phase) + rest * np.cos(phase), axis=-1)
        envelope = np.exp(-0.5 * square) * (1 - 0.5 * square_rest)
        # Beyond float64's range |u|^2 is infinite and its rounding is not a number: the value is 0.
        envelope = np.where(np.isfinite(square), envelope, 0.0)
        return (
            finish(envelope * cosine, dtype, "u", "means"),
            finish(envelope * sine, dtype, "u", "means"),
        )


def score_gap(mu_star: ArrayLike, t: ArrayLike) -> FloatArray:
    """
    Return by how much noise prediction (5) costs more than score matching (4).

    Parameters
    ----------
    mu_star
        True mean at time 0, shape ``(..., d)``: the data are drawn from the mixture of
        N(mu_star, I) and N(-mu_star, I).
    t
        Times, ``t > 0``, a number or an array that broadcasts against the leading axes of
        `mu_star`.

    Returns
    -------
    array
        Loss (5) minus loss (4), the same for every student, of the broadcast shape ``(...)``;
        float32 if both inputs are (a Python number follows the other), else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty or does not broadcast, if ``t <= 0``, or if the gap or
        |mu_star|^2 overflows.

    Notes
    -----
    Shah, Chen & Klivans 2023, eqs. (4) and (5). Expanding both squares, and with
    E[Z / beta_t | X_t] = -score, the gap is d / beta_t^2 - E|score(X_t)|^2. Here the score is
    tanh(s) mu - x with mu = exp(-t) mu_star, s = mu.x, and by Stein's lemma E|score|^2 =
    d - |mu|^2 E sech^2(s), s ~ N(|mu|^2, |mu|^2), so the gap is

    d alpha_t^2 / beta_t^2 + |mu|^2 E sech^2(s).

    Both terms are positive: nothing cancels. It is d / (2 t) to leading order for t -> 0 and
    exp(-2 t) (d + |mu_star|^2) for t -> infinity.

    Costs O(d) and one fixed quadrature. Verified by: SCK-02.

    Examples
    --------
    >>> import math
    >>> from lemmata.theory import score_gap
    >>> t = -0.5 * math.log(0.75)  # here alpha_t^2 / beta_t^2 = 3
    >>> round(float(score_gap([0.0, 0.0], t)), 12)
    6.0
    """
    (star, times), dtype = reals(mu_star=mu_star, t=t)
    require(times > 0, "t", times, "> 0")
    if star.ndim < 1:
        raise ValueError(f"mu_star must have shape (..., d), got the scalar {float(star)!r}")
    try:
        np.broadcast_shapes(star.shape[:-1], times.shape)
    except ValueError as error:
        raise ValueError(
            f"t must broadcast against the leading axes of mu_star, got shapes "
            f"{times.shape} and {star.shape}"
        ) from error
    with np.errstate(all="ignore"):
        square = np.sum(star * star, axis=-1)
        if not np.isfinite(square).all():
            raise ValueError("mu_star must be small enough for float64: |mu_star|^2 overflows")
        decay = np.exp(-2 * times)
        variance = np.asarray(decay * square)
        slope: Work = expectations(variance, variance)[FIELDS.index("d1")]
        return finish(
            decay * (star.shape[-1] / -np.expm1(-2 * times) + square * slope), dtype, "mu_star", "t"
        )
