"""REV-3, REV-4: what the thread says of denoisers at different noise levels, and of eq. (24)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from flint import arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import equality_search
from lemmata.checks._spectra import data_with
from lemmata.harness.balls import norm
from lemmata.harness.claim import Claim, Point
from lemmata.harness.domain import log_uniform, sizes
from lemmata.harness.sampling import MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_THREAD = "Weitzner et al. 2024, review thread"


def _axis(p: int) -> Array:
    """The axis of the reflection whose columns are the population eigenvectors."""
    return np.arange(2, p + 2, dtype=np.float64)


def _reflection(p: int) -> Array:
    axis = _axis(p)
    return np.asarray(np.eye(p) - 2 * np.outer(axis, axis) / (axis @ axis))


def _ball_columns(p: int, count: int) -> list[list[arb]]:
    """The first columns of the reflection, exactly."""
    axis = [arb(float(x)) for x in _axis(p)]
    square = sum((x * x for x in axis), arb(0))
    return [
        [(arb(1) if i == j else arb(0)) - 2 * axis[i] * axis[j] / square for i in range(p)]
        for j in range(count)
    ]


# --- REV-3: population and samples ----------------------------------------------------------------

_RANKS = st.sampled_from([2, 3, 4, 2, 8, 16])
_FALLS = st.sampled_from([0.5, 1.0, 0.9, 0.1, 0.99])
_ROOM = st.integers(0, 8)
_NOISE = log_uniform(1e-3, 1e3)
_SCALE = log_uniform(1e-6, 1e6)


@st.composite
def _covariances(draw: st.DrawFn) -> dict[str, Any]:
    """A covariance of rank up to 16, and two noise variances."""
    values = [draw(_SCALE)]
    for _ in range(draw(_RANKS) - 1):
        values.append(values[-1] * draw(_FALLS))
    return {
        "p": len(values) + draw(_ROOM),
        "eigenvalues": values,
        "noise": [values[0] * draw(_NOISE), values[0] * draw(_NOISE)],
    }


def _separate(point: Point) -> list[int]:
    """The ranks at which the leading eigenvectors are determined."""
    values = [*point["eigenvalues"], 0.0]
    return [k for k in range(1, len(values)) if values[k - 1] > values[k] and k < point["p"]]


def _range(point: Point, noise: float, rank: int) -> Array:
    """Projection on the range of the best denoiser of that rank, trained on the covariance."""
    values = np.append(point["eigenvalues"], np.zeros(point["p"] - len(point["eigenvalues"])))
    data = data_with(values, _reflection(point["p"]))
    trained = impl.linear_denoiser(data, math.sqrt(noise), rank=rank)
    leading = np.linalg.svd(trained)[0][:, :rank]
    return np.asarray(leading @ leading.T)


def _population_error(point: Point) -> float:
    """How far the projections at two noise levels are apart, at the rank where most."""
    errors = [0.0]
    for rank in _separate(point):
        first, last = (_range(point, noise, rank) for noise in point["noise"])
        errors.append(float(np.abs(first - last).max()))
    return max(errors)


def _ball_population_error(point: Point) -> arb:
    """|Sigma_t u_i - (lambda_i + sigma_t^2) u_i| at the largest, u_i at t = 0."""
    columns = _ball_columns(point["p"], len(point["eigenvalues"]))
    values = [arb(x) for x in point["eigenvalues"]]
    noise = arb(point["noise"][-1])
    largest = arb(0)
    for value, column in zip(values, columns, strict=True):
        image = [noise * x for x in column]
        for other, direction in zip(values, columns, strict=True):
            along = sum((a * b for a, b in zip(direction, column, strict=True)), arb(0))
            image = [x + other * along * d for x, d in zip(image, direction, strict=True)]
        gaps = [x - (value + noise) * c for x, c in zip(image, column, strict=True)]
        largest = largest.max(norm(*gaps) / (value + noise))
    return largest


def _population_noise(point: Point) -> float:
    """Least squares, and the gap between what a denoiser of some rank fits and leaves."""
    values = np.append(point["eigenvalues"], 0.0)
    worst = 0.0
    for noise in point["noise"]:
        fitted = values**2 / (values + noise)
        gaps = [fitted[k - 1] - fitted[k] for k in _separate(point)]
        if gaps:
            worst = max(worst, (1 + values[0] / noise) * fitted[0] / min(gaps))
    return 1e-12 + 1e-14 * float(worst)


def _share_eigenvectors(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Squared cosine between the leading sample eigenvectors at two noise levels, fresh noise."""
    # P_1 P_2 = u u^T v v^T has squared Frobenius norm <u, v>^2.
    products = impl.dense_chain(
        point["n"], point["p"], [1.0], point["noise"], data=point["data"], size=size, rng=rng
    )
    return np.asarray(np.square(products).sum(axis=(1, 2)))


def _turned(point: Point, rng: np.random.Generator, size: int) -> Array:
    return np.asarray(1 - _share_eigenvectors(point, rng, size) > 1e-9, dtype=np.float64)


#: In one dimension all directions are one.
_TWO_SAMPLES = st.fixed_dictionaries(
    {
        "n": sizes(2, 64),
        "p": sizes(2, 32),
        "noise": st.tuples(log_uniform(1e-2, 1e2), log_uniform(1e-2, 1e2)).map(list),
        "data": st.sampled_from(["fixed", "fresh"]),
    }
)


# --- REV-4: what (24) tends to --------------------------------------------------------------------

_DIMENSIONS = st.sampled_from([2, 3, 2, 4, 6])
_LOST = log_uniform(1e-6, 1.0).map(lambda x: 1 - 0.999 * x)
_REST = st.sampled_from([1.0, 0.5, 0.0, 0.99])
_MANY = sizes(1, 10**9)


@st.composite
def _weights(draw: st.DrawFn) -> dict[str, Any]:
    """0 < c_0 < 1, c_1 < c_0, others down to zero, and tau."""
    weights = [draw(_LOST)]
    weights.append(weights[0] * draw(_LOST))
    for _ in range(draw(_DIMENSIONS) - 2):
        weights.append(weights[-1] * draw(_REST))
    return {"weights": weights, "tau": draw(_MANY)}


def _fixed_angles_error(point: Point) -> float:
    """Of log |(24)| = tau log c_0, and of |(24) / |(24)| - u_0 u_0^T| = (c_1 / c_0)^tau."""
    weights, tau = np.asarray(point["weights"]), int(point["tau"])
    basis = _reflection(len(weights))
    power, log_power = (basis * weights) @ basis.T, 0.0
    product, log_product = np.eye(len(weights)), 0.0
    left = tau
    while left:
        if left % 2:
            product, log_product = _scaled(product @ power, log_product + log_power)
        power, log_power = _scaled(power @ power, 2 * log_power)
        left //= 2
    log_norm = log_product + math.log(np.linalg.norm(product, 2))
    off = product / np.linalg.norm(product, 2) - np.outer(basis[:, 0], basis[:, 0])
    factor = float(theory.power_contraction(weights))
    norm_error = abs(log_norm / (tau * math.log(weights[0])) - 1)
    return float(max(norm_error, abs(float(np.linalg.norm(off, 2)) - factor**tau)))


def _scaled(matrix: Array, log: float) -> tuple[Array, float]:
    """In units of its norm, so that no power underflows."""
    size = float(np.linalg.norm(matrix))
    return matrix / size, log + math.log(size)


def _ball_fixed_angles_error(point: Point) -> arb:
    """The same from the lengths of the images of the eigenvectors."""
    weights, tau = [arb(x) for x in point["weights"]], int(point["tau"])
    d = len(weights)
    columns = _ball_columns(d, d)
    basis = arb_mat(d, d, [columns[j][i] for i in range(d) for j in range(d)])
    scaled = arb_mat(d, d, [columns[j][i] * weights[j] for i in range(d) for j in range(d)])
    images = (scaled * basis.transpose()) ** tau * basis
    lengths = [norm(*(images[i, j] for i in range(d))) for j in range(d)]
    largest = lengths[0]
    for length in lengths[1:]:
        largest = largest.max(length)
    second = lengths[1]
    for length in lengths[2:]:
        second = second.max(length)
    logs: arb = abs(largest.log() / (tau * weights[0].log()) - 1)
    return logs.max(abs(second / largest - (weights[1] / weights[0]) ** tau))


def _fixed_angles_noise(point: Point) -> float:
    """A weight's rounding, as often as it counts: until the power is nothing."""
    first, second = point["weights"][:2]
    return float(1e-9 + 1e-14 / (1 - first) + 1e-14 / (1 - second / first))


CLAIMS = (
    Claim(
        id="REV-3",
        title="population denoisers share eigenvectors",
        source=_THREAD,
        statement=r"(\Sigma + \sigma_t^2 I) u_i = (\lambda_i + \sigma_t^2) u_i \text{ for all } t,"
        r" \quad P_k^t = P_k^s \text{ for every rank } k",
        reading="the reviewer: 'why [are they] not simultaneously diagonizable?'; the authors: 'In"
        " population, they are diagonizable under the same base'; P_k^t the projection on the range"
        " of the best denoiser of rank k at sigma_t, where lambda_k > lambda_(k+1); rank of Sigma"
        " up to 16, p up to 24, as both routes are dense",
        evidence=(
            equality_search(
                _covariances(),
                error=_population_error,
                exact_error=_ball_population_error,
                noise=_population_noise,
                routes=(
                    "impl: ranges of denoisers of every rank, trained at one noise level",
                    "the same at another",
                    "balls: the residual of the eigenvectors of Sigma at the other level",
                ),
            ),
        ),
    ),
    Claim(
        id="REV-3:finite",
        title="finite-sample denoisers do not share eigenvectors",
        source=_THREAD,
        statement=r"P\big(\langle \hat u_0^t, \hat u_0^s\rangle^2 < 1\big) = 1, \; s \ne t",
        reading="the authors: 'considering a finite sample, the noise changes the eigenvectors';"
        " fresh noise, on fresh data or on one data set of rank one; p from 2 to 32, n to 64, the"
        " data being built",
        evidence=(
            MeanTest(
                domain=_TWO_SAMPLES,
                draw=_turned,
                allowed=lambda _point: (1.0, 1.0),
                effect=0.05,
                bounds=(0.0, 1.0),
                routes=("impl: n samples a step, their eigenvectors", "not one"),
                first=256,
            ),
        ),
    ),
    Claim(
        id="REV-4",
        title="at fixed angles (24) tends to the zero matrix",
        source=_THREAD,
        statement=r"M_\tau = U_0 c_0^\tau \mathrm{diag}[1, (c_1/c_0)^\tau, \dots] U_0^\top: \;"
        r" \|M_\tau\| = c_0^\tau \to 0, \quad \Big\|\frac{M_\tau}{\|M_\tau\|} - u_0"
        r" u_0^\top\Big\| = \Big(\frac{c_1}{c_0}\Big)^\tau \to 0",
        reading="any fixed 0 < c_0 < 1 and c_1 < c_0, others at most c_1; tau up to 10^9",
        evidence=(
            equality_search(
                _weights(),
                error=_fixed_angles_error,
                exact_error=_ball_fixed_angles_error,
                noise=_fixed_angles_noise,
                routes=(
                    "a dense matrix, squared again and again",
                    "theory: the factor of power iteration",
                    "balls: images of the eigenvectors under a power of the matrix",
                ),
            ),
        ),
        note="Both parties are right: the matrix tends to zero, its direction to u_0. With c_0 = 1,"
        " no noise at all, the limit would be u_0 u_0^T itself; that the angles of the chain are"
        " fixed numbers below one at constant noise is WDMG-09.",
    ),
)
