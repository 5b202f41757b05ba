"""A gradient step as a step of power iteration: eigenvalues, the plane, the angle, the domain."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ._validate import FloatArray, Work, broadcast, finish, reals, require
from .ddpm import ddpm_descent_coefficients

__all__ = ["angle_fall", "contraction_radius", "plane_step", "step_eigenvalues"]

#: A is odd and smooth in m, so below this A / m is its limit at zero to all digits.
_SMALLEST_PRODUCT = 1e-100

_LARGEST = 1e300


def step_eigenvalues(
    mu_sq: ArrayLike, mu_star_sq: ArrayLike, eta: ArrayLike, coefficient: ArrayLike = 2.0
) -> tuple[FloatArray, FloatArray]:
    """
    Return the eigenvalues of the matrix that a small-norm gradient step applies to mu.

    Parameters
    ----------
    mu_sq
        |mu|^2 >= 0, an array or a number.
    mu_star_sq
        |mu_star|^2 >= 0; all arguments broadcast.
    eta
        Step size >= 0, for the descent direction of `ddpm_descent`.
    coefficient
        k >= 0, by which |mu|^2 mu is multiplied: 2 is right, 3 is printed.

    Returns
    -------
    sigma_1, sigma_2 : array
        Along mu_star, and across it (d - 1 times), of the broadcast shape; float32 if all inputs
        are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, negative, empty, or does not broadcast, or on overflow.

    Notes
    -----
    Shah, Chen & Klivans 2023, proof of Lemma C.5: the matrix is
    (1 - k eta |mu|^2) Id + 2 eta mu_star mu_star', hence sigma_1 = 1 + eta (2 |mu_star|^2 - k
    |mu|^2) and sigma_2 = 1 - k eta |mu|^2. The display after Lemma 8 lacks the eta of the last
    term. Each value is accurate relative to its largest term.

    Costs O(1) a point. Verified by: SCK-18, SCK-18r, SCK-23.

    Examples
    --------
    >>> from lemmata.theory import step_eigenvalues
    >>> [float(sigma) for sigma in step_eigenvalues(1.0, 4.0, 0.125)]
    [1.75, 0.75]
    """
    (square, star_square, step, factor), dtype = reals(
        mu_sq=mu_sq, mu_star_sq=mu_star_sq, eta=eta, coefficient=coefficient
    )
    named = {"mu_sq": square, "mu_star_sq": star_square, "eta": step, "coefficient": factor}
    for name, value in named.items():
        require(value >= 0, name, value, ">= 0")
    shape = broadcast(**named)
    with np.errstate(all="ignore"):
        across = 1 - factor * step * square
        along = 1 + step * (2 * star_square - factor * square)
        return (
            finish(np.broadcast_to(along, shape), dtype, *named),
            finish(np.broadcast_to(across, shape), dtype, *named),
        )


def _plane(
    along: ArrayLike, across: ArrayLike, star: ArrayLike, eta: ArrayLike
) -> tuple[Work, Work, Work, Work, np.dtype[np.generic]]:
    """Check the arguments; return both coordinates, eta times the pull to mu_star, and 1 + eta B.

    The pull is A |mu_star| / along, which is (A / m) |mu_star|^2 and has a limit at along = 0.
    """
    (x, y, norm, step), dtype = reals(along=along, across=across, star=star, eta=eta)
    require(norm >= 0, "star", norm, ">= 0")
    require(step >= 0, "eta", step, ">= 0")
    shape = broadcast(along=x, across=y, star=norm, eta=step)
    x, y, norm, step = (np.broadcast_to(array, shape) for array in (x, y, norm, step))
    with np.errstate(all="ignore"):
        v, m = x * x + y * y, np.abs(x * norm)
    if not (np.isfinite(v).all() and np.isfinite(m).all()):
        raise ValueError("along, across and star must be small enough: a product overflows")
    m = np.maximum(m, _SMALLEST_PRODUCT)
    on_star, on_mu = ddpm_descent_coefficients(m, v)
    with np.errstate(all="ignore"):
        pull = step * (on_star / m) * norm * norm
        rest = 1 + step * on_mu
    if not (np.isfinite(pull).all() and np.isfinite(rest).all()):
        raise ValueError("star and eta must be small enough: their product overflows")
    return x, y, pull, rest, dtype


def plane_step(
    along: ArrayLike, across: ArrayLike, star: ArrayLike, eta: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """
    Return one population gradient step in the plane of mu and mu_star, whatever the dimension.

    Parameters
    ----------
    along
        Coordinate of mu along mu_star, an array or a number.
    across
        Coordinate of mu across mu_star; all arguments broadcast.
    star
        |mu_star| >= 0.
    eta
        Step size >= 0, for the descent direction of `ddpm_descent`.

    Returns
    -------
    along, across : array
        Of the new mu, of the broadcast shape; float32 if all inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, or does not broadcast, if `star` or `eta` is negative,
        or on overflow.

    Notes
    -----
    mu' = mu + eta (A mu_star + B mu) with A and B of `ddpm_descent_coefficients`, Shah, Chen &
    Klivans 2023, Lemma C.2. The minus one half that makes `ddpm_descent` of the loss' gradient is
    in it: a step of size eta / 2 along minus the gradient of eq. (5).

    Costs O(1) a point. Verified by: SCK-23.

    Examples
    --------
    The true mean stays where it is:

    >>> from lemmata.theory import plane_step
    >>> [round(float(x), 14) for x in plane_step(2.0, 0.0, 2.0, 0.5)]
    [2.0, 0.0]
    """
    x, y, pull, rest, dtype = _plane(along, across, star, eta)
    names = ("along", "across", "star", "eta")
    with np.errstate(all="ignore"):
        return finish(x * (rest + pull), dtype, *names), finish(y * rest, dtype, *names)


def angle_fall(along: ArrayLike, across: ArrayLike, star: ArrayLike, eta: ArrayLike) -> FloatArray:
    """
    Return by how much one population gradient step turns mu towards the line of mu_star.

    Parameters
    ----------
    along
        Coordinate of mu along mu_star, an array or a number.
    across
        Coordinate of mu across mu_star; all arguments broadcast.
    star
        |mu_star| >= 0.
    eta
        Step size >= 0, for the descent direction of `ddpm_descent`.

    Returns
    -------
    array
        (T - T') / (T + T') in [-1, 1], T and T' the absolute tangents of the angle to mu_star
        before and after the step: positive exactly if the angle falls. log(T / T') is
        2 artanh of it. Where T is 0 or infinite, its limit. float32 if all inputs are, else
        float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, or does not broadcast, if `star` or `eta` is negative,
        or on overflow.

    Notes
    -----
    By `plane_step` T' / T = |q| / |q + w|, q = 1 + eta B, w = eta A |mu_star| / along >= 0. Hence
    the angle falls exactly if w > 0 and 2 q + w > 0, which is so for every eta in (0, 1].
    Shah, Chen & Klivans 2023, Lemma 9, states that it falls. The digits are those of w where the
    angle hardly moves, so that no fall is lost to rounding.

    Costs O(1) a point. Verified by: SCK-20r, SCK-23.

    Examples
    --------
    >>> from lemmata.theory import angle_fall
    >>> bool(0 < angle_fall(1e-6, 1e-3, 1e-5, 1e-4) < 1e-13)
    True
    """
    *_, pull, rest, dtype = _plane(along, across, star, eta)
    with np.errstate(all="ignore"):
        total = 2 * rest + pull
        small, large = np.abs(pull), np.abs(total)
        # Same signs before and after: pull / total; else the step went through zero: total / pull.
        most = np.maximum(small, large)
        # Both are zero where mu_star, or mu, plays no part and mu' is zero: no angle, no fall.
        size = np.minimum(small, large) / np.where(most > 0, most, 1.0)
    fall = np.copysign(size, total) + 0.0
    return finish(fall, dtype, "along", "across", "star", "eta")


def contraction_radius(star: ArrayLike, d: ArrayLike) -> FloatArray:
    """
    Return the norm of mu below which the printed kappa_1 is less than one.

    Parameters
    ----------
    star
        |mu_star| >= 0, an array or a number.
    d
        Dimension, from 1 to 1e300; broadcasts against `star`.

    Returns
    -------
    array
        The a > 0 with |mu_star|^2 = 500 d^(3/2) a^4 + 20 d a^2 |mu_star|^2 (0 for star = 0);
        float32 if all inputs are, else float64.

    Raises
    ------
    TypeError
        If an input is not real.
    ValueError
        If an input is not finite, empty, or does not broadcast, or if `star` or `d` is out
        of range.

    Notes
    -----
    Shah, Chen & Klivans 2023, Lemma C.5, with an exact gradient: there kappa_1 is in (0, 1)
    exactly if |mu| is less (given 3 eta |mu|^2 < 1). It is (|mu_star|^2 / (500 d^(3/2)))^(1/4)
    for small |mu_star| and tends to 1 / sqrt(20 d).

    Costs O(1) a point. Verified by: SCK-20:domain.

    Examples
    --------
    >>> from lemmata.theory import contraction_radius
    >>> round(float(contraction_radius(1e6, 5.0)), 6)
    0.1
    """
    (norm, dimension), dtype = reals(star=star, d=d)
    require(norm >= 0, "star", norm, ">= 0")
    require((dimension >= 1) & (dimension <= _LARGEST), "d", dimension, "from 1 to 1e300")
    broadcast(star=norm, d=dimension)
    with np.errstate(all="ignore"):
        # The positive root of the quadratic in a^2, without cancellation; over max(1, |mu_star|),
        # so that nothing overflows.
        size = np.maximum(norm, 1.0)
        slope = 20 * dimension * (norm / size)
        root = np.hypot(slope, np.sqrt(2000.0) * dimension**0.75 / size)
        return finish(np.sqrt(2 * (norm / size) / (slope + root)), dtype, "star", "d")
