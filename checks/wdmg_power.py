"""WDMG-14: power iteration, of one vector, of a block and deflated."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb, arb_mat
from hypothesis import strategies as st
from numpy.typing import NDArray

from lemmata import impl, theory
from lemmata.checks._compare import CLEAR_ERROR, bound_slack, equality_search, equality_slack
from lemmata.checks._spectra import digits
from lemmata.harness.balls import norm
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.domain import log_uniform, seeds, sizes
from lemmata.harness.evidence import Outcome
from lemmata.harness.search import Search

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_SOURCE = "Golub & Van Loan 2013, Sections 7.3 and 8.2"
_PAPER = f"Weitzner, Delbracio, Milanfar & Giryes 2024, appendix; {_SOURCE}"

_EPS = 2.0**-52

# --- One vector -----------------------------------------------------------------------------------

_SEEDS = seeds()
_SIZES = sizes(2, 50)
_RATIOS = st.one_of(
    st.integers(1, 99).map(lambda k: k / 100),
    log_uniform(1e-6, 1.0),
    log_uniform(1e-12, 1e-1).map(lambda x: 1 - x),
)
_TANGENTS = log_uniform(1e-8, 1e8)
_STEPS = st.integers(1, 30)


@st.composite
def _starts(draw: st.DrawFn) -> dict[str, Any]:
    """Points {p, ratio, tangent, seed, steps}: lambda_2 / lambda_1 and the first tangent."""
    return {
        "p": draw(_SIZES),
        "ratio": draw(_RATIOS),
        "tangent": draw(_TANGENTS),
        "seed": draw(_SEEDS),
        "steps": draw(_STEPS),
    }


def _problem(point: Point) -> tuple[Array, Array]:
    """Eigenvalues 1, ratio and less, and the first vector in the eigenbasis."""
    rng = np.random.default_rng(point["seed"])
    rest = np.sort(rng.random(point["p"] - 2))[::-1] * point["ratio"]
    values = np.array([1.0, point["ratio"], *rest])
    across = rng.standard_normal(point["p"] - 1)
    return values, np.array([1.0, *(point["tangent"] * across / np.linalg.norm(across))])


def _tangent(vector: NDArray[Any]) -> float:
    # Scaled: the squares of what is left after many steps would underflow.
    return math.hypot(*vector[1:].tolist()) / abs(float(vector[0]))


def _ball_tangent(values: Array, start: Array, steps: int) -> arb:
    """From the definition: the matrix is applied so often."""
    image = [arb(float(v)) ** steps * arb(float(x)) for v, x in zip(values, start, strict=True)]
    return norm(*image[1:]) / abs(image[0])


def _step_slack(point: Point) -> float:
    values, start = _problem(point)
    _, turned = impl.power_iteration(lambda v: values[:, None] * v, start, 1)
    allowed = float(theory.power_contraction(values)) * _tangent(start)
    return bound_slack(_tangent(turned), allowed)


def _exact_step_slack(point: Point) -> arb:
    values, start = _problem(point)
    ratio = arb(float(values[1])) / arb(float(values[0]))
    return bound_slack(_ball_tangent(values, start, 1), ratio * _ball_tangent(values, start, 0))


def _angle_slack(point: Point) -> float:
    values, start = _problem(point)
    _, turned = impl.power_iteration(lambda v: values[:, None] * v, start, 1)
    allowed = float(theory.power_contraction(values)) * math.atan(_tangent(start))
    return bound_slack(math.atan(_tangent(turned)), allowed)


def _exact_angle_slack(point: Point) -> arb:
    values, start = _problem(point)
    ratio = arb(float(values[1])) / arb(float(values[0]))
    before, after = (_ball_tangent(values, start, k).atan() for k in (0, 1))
    return bound_slack(after, ratio * before)


@functools.lru_cache(maxsize=64)
def _rotation(p: int) -> Array:
    return np.asarray(np.linalg.qr(np.random.default_rng(p).standard_normal((p, p)))[0])


def _dense_error(point: Point) -> float:
    """Tangent of the dense iteration against the closed form, relative to it or one."""
    values, start = _problem(point)
    basis = _rotation(point["p"])
    matrix = (basis * values) @ basis.T
    _, vector = impl.power_iteration(0.5 * (matrix + matrix.T), basis @ start, point["steps"])
    expected = float(theory.power_tangent(values, start, point["steps"]))
    return abs(_tangent(basis.T @ vector) - expected) / (1 + expected)


def _exact_dense_error(point: Point) -> arb:
    """The closed form against the definition: the iteration is exact there."""
    values, start = _problem(point)
    expected = arb(float(theory.power_tangent(values, start, point["steps"])))
    return abs(_ball_tangent(values, start, point["steps"]) - expected) / (1 + expected)


def _dense_noise(point: Point) -> float:
    """Rounding of each product, in units of the vector, grows by the tangent of the start."""
    return float(64 * _EPS * point["p"] * (1 + point["steps"]) * max(1.0, point["tangent"]))


_LATE = 60
_CLEAR_RATIOS = st.integers(10, 99).map(lambda k: k / 100)


@st.composite
def _clear(draw: st.DrawFn) -> dict[str, Any]:
    """Points at which the third eigenvalue is less than half the second."""
    return {
        "p": draw(_SIZES),
        "ratio": draw(_CLEAR_RATIOS),
        "second": draw(log_uniform(1e-3, 1e3)),
        "seed": draw(_SEEDS),
    }


def _clear_problem(point: Point) -> tuple[Array, Array]:
    rng = np.random.default_rng(point["seed"])
    rest = np.sort(rng.random(point["p"] - 2))[::-1] * 0.5 * point["ratio"]
    across = rng.standard_normal(point["p"] - 2)
    return np.array([1.0, point["ratio"], *rest]), np.array([1.0, point["second"], *across])


def _late_error(point: Point) -> float:
    """How far the contraction of a late step is from lambda_2 / lambda_1, relatively."""
    values, start = _clear_problem(point)
    _, before = impl.power_iteration(lambda v: values[:, None] * v, start, _LATE)
    _, after = impl.power_iteration(lambda v: values[:, None] * v, before, 1)
    return abs(_tangent(after) / _tangent(before) / float(theory.power_contraction(values)) - 1)


def _exact_late_error(point: Point) -> arb:
    values, start = _clear_problem(point)
    before, after = (_ball_tangent(values, start, k) for k in (_LATE, _LATE + 1))
    return abs(after / before / arb(point["ratio"]) - 1)


# --- A block --------------------------------------------------------------------------------------

_BLOCK_RANKS = st.sampled_from([2, 3, 2, 4, 2, 3, 2, 4, 8, 16])
_MORE = st.integers(1, 10)
_MILD = log_uniform(1e-3, 1e3)


@st.composite
def _blocks(draw: st.DrawFn) -> dict[str, Any]:
    """Points {rank, p, first, ratio, tangent, seed}: lambda_1 = 1, lambda_r, lambda_(r+1) of it."""
    rank = draw(_BLOCK_RANKS)
    return {
        "rank": rank,
        "p": rank + draw(_MORE),
        "first": draw(_CLEAR_RATIOS),
        "ratio": draw(_RATIOS),
        "tangent": draw(_MILD),
        "seed": draw(_SEEDS),
    }


def _block_problem(point: Point) -> tuple[Array, Array]:
    rng, rank, first = np.random.default_rng(point["seed"]), point["rank"], point["first"]
    between = first + (1 - first) * np.sort(rng.random(rank - 2))[::-1]
    last = first * point["ratio"]
    rest = np.sort(rng.random(point["p"] - rank - 1))[::-1] * last
    values = np.array([1.0, *between, first, last, *rest])
    below = point["tangent"] * rng.standard_normal((point["p"] - rank, rank))
    noise = math.sqrt(0.08 / rank) * rng.standard_normal((rank, rank))
    return values, np.vstack([np.eye(rank) + noise, below])


def _block_tangent(columns: NDArray[Any]) -> float:
    """Tangent of the largest principal angle to the first coordinates, as many as columns."""
    rank = columns.shape[1]
    return float(np.linalg.norm(columns[rank:] @ np.linalg.inv(columns[:rank]), 2))


def _block_slack(point: Point) -> float:
    values, start = _block_problem(point)
    _, turned = impl.block_iteration(lambda x: values[:, None] * x, start, 1)
    allowed = float(theory.power_contraction(values, point["rank"])) * _block_tangent(start)
    return bound_slack(_block_tangent(turned), allowed)


#: A trace of so high a power of two is the largest eigenvalue's up to its root of the order.
_SQUARINGS = 40


def _ball_block_tangent(columns: arb_mat) -> arb:
    """Norm of X_2 X_1^(-1) by (tr G^m)^(1/m) >= lambda_1 >= (tr G^m / r)^(1/m)."""
    size, rank = columns.nrows(), columns.ncols()
    entries = [[columns[i, j] for j in range(rank)] for i in range(size)]
    ratio = arb_mat(entries[:rank]).transpose().solve(arb_mat(entries[rank:]).transpose())
    gram = ratio * ratio.transpose()
    # The power is kept in units of its trace; `log` is that of what was taken out, over m.
    log, weight = arb(0), arb(1)
    for _ in range(_SQUARINGS):
        trace = gram.trace()
        log, gram = log + weight * trace.log(), gram * (1 / trace)
        gram, weight = gram * gram, weight / 2
    log += weight * gram.trace().log()
    least = log - weight * arb(rank).log()
    return (least.union(log) / 2).exp()


def _exact_block_slack(point: Point) -> arb:
    values, start = _block_problem(point)
    rank = point["rank"]
    before = [[arb(float(x)) for x in row] for row in start]
    after = [[arb(float(v)) * x for x in row] for v, row in zip(values, before, strict=True)]
    ratio = arb(float(values[rank])) / arb(float(values[rank - 1]))
    return bound_slack(
        _ball_block_tangent(arb_mat(after)), ratio * _ball_block_tangent(arb_mat(before))
    )


def _block_noise(point: Point) -> float:
    """Rounding beside the smallest singular value of what is left in the first coordinates."""
    values, start = _block_problem(point)
    rank = point["rank"]
    kept = np.linalg.svd(values[:rank, None] * start[:rank], compute_uv=False)[-1]
    lost = np.linalg.norm(values[:, None] * start, 2) / max(float(kept), 1e-300)
    small = max(_block_tangent(start) * point["ratio"], 1e-300)
    return float(256 * _EPS * lost * (1 + lost / small))


# --- Deflated -------------------------------------------------------------------------------------

_DEFLATION_STEPS = 60
_ORDERS = st.integers(3, 6)
_HALVES = st.integers(10, 50).map(lambda k: k / 100)


@st.composite
def _gapped(draw: st.DrawFn) -> dict[str, Any]:
    """Points {ratios, seed}: each eigenvalue at most half of the one before."""
    return {
        "ratios": [draw(_HALVES) for _ in range(draw(_ORDERS) - 1)],
        "seed": draw(_SEEDS),
    }


def _gapped_problem(point: Point) -> tuple[Array, Array]:
    rng = np.random.default_rng(point["seed"])
    values = np.cumprod([1.0, *point["ratios"]])
    return values, np.eye(values.size, 2) + 0.2 * rng.standard_normal((values.size, 2))


def _missed(point: Point) -> float:
    """Sine of the angle between the second vector found and the second eigenvector."""
    values, start = _gapped_problem(point)
    basis = _rotation(values.size)
    matrix = (basis * values) @ basis.T
    found = impl.deflated_iteration(0.5 * (matrix + matrix.T), basis @ start, _DEFLATION_STEPS)[1]
    second = basis.T @ found[:, 1]
    return float(np.linalg.norm(np.delete(second, 1)))


def _exact_missed(point: Point) -> arb:
    """The same in balls, without normalising: what was found is projected out at each step."""
    values, start = _gapped_problem(point)
    size = values.size
    balls = [arb(float(v)) for v in values]
    first = [b**_DEFLATION_STEPS * arb(float(x)) for b, x in zip(balls, start[:, 0], strict=True)]
    square = sum((x * x for x in first), arb(0))
    vector = [arb(float(x)) for x in start[:, 1]]

    def deflate(v: list[arb]) -> list[arb]:
        share = sum((x * y for x, y in zip(first, v, strict=True)), arb(0)) / square
        return [y - share * x for x, y in zip(first, v, strict=True)]

    vector = deflate(vector)
    for _ in range(_DEFLATION_STEPS):
        vector = deflate([b * x for b, x in zip(balls, vector, strict=True)])
    return norm(*(vector[i] for i in range(size) if i != 1)) / norm(*vector)


@st.composite
def _after_first(draw: st.DrawFn) -> dict[str, Any]:
    """Points as of `_starts`, one dimension up: the first vector has been found exactly."""
    return {**draw(_STARTS), "leading": draw(_LEADING)}


_STARTS = _starts()
_LEADING = log_uniform(1.0, 1e6)


def _second_error(point: Point) -> float:
    """Tangent in the complement of the first eigenvector, against the closed form there."""
    values, start = _problem(point)
    whole = np.array([point["leading"], *values])
    columns = np.zeros((whole.size, 2))
    columns[0], columns[1:, 1] = 1.0, start
    found = impl.deflated_iteration(lambda v: whole[:, None] * v, columns, point["steps"])[1]
    expected = float(theory.power_tangent(values, start, point["steps"]))
    return abs(_tangent(found[1:, 1]) / expected - 1)


def _exact_second_error(point: Point) -> arb:
    values, start = _problem(point)
    expected = arb(float(theory.power_tangent(values, start, point["steps"])))
    return abs(_ball_tangent(values, start, point["steps"]) / expected - 1)


# --- Real spectra ---------------------------------------------------------------------------------


@functools.cache
def _patches() -> Array:
    """Patches of 8 x 8 pixels of scikit-learn's two photographs, without their mean."""
    from sklearn.datasets import load_sample_images

    parts = []
    for image in load_sample_images().images:
        grey = np.asarray(image, dtype=np.float64).mean(axis=2)
        grey = grey[: grey.shape[0] // 8 * 8, : grey.shape[1] // 8 * 8]
        tiles = grey.reshape(grey.shape[0] // 8, 8, -1, 8).transpose(0, 2, 1, 3)
        parts.append(tiles.reshape(-1, 64))
    patches = np.concatenate(parts)
    return np.asarray(patches - patches.mean(axis=0))


def _contractions(images: Array, rank: int) -> tuple[float, float]:
    """Contraction of a late step of block iteration on real data, and its prediction."""
    n, p = images.shape
    covariance = images.T @ images / n
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    predicted = float(theory.power_contraction(values, rank))
    # As many steps as leave the tangent above rounding.
    steps = max(2, min(200, round(math.log(1e-6) / math.log(predicted))))
    rng = np.random.default_rng(0)

    def tangent(basis: NDArray[Any]) -> float:
        turned = vectors.T @ basis
        return float(np.linalg.norm(turned[rank:] @ np.linalg.inv(turned[:rank]), 2))

    _, before = impl.block_iteration(covariance, rng.standard_normal((p, rank)), steps)
    _, after = impl.block_iteration(covariance, before, 1)
    return tangent(after) / tangent(before), predicted


def _real_constants(ranks: tuple[int, ...]) -> Constants:
    found: Constants = {}
    for name, images in (("digits", digits()), ("photographs", _patches())):
        for rank in ranks:
            measured, predicted = _contractions(images, rank)
            found[f"{name}: contraction of a late step, block of {rank}"] = measured
            found[f"{name}: lambda_{rank + 1} / lambda_{rank}"] = predicted
    return found


def _one_constants(_outcomes: Sequence[Outcome]) -> Constants:
    return _real_constants((1,))


def _block_constants(_outcomes: Sequence[Outcome]) -> Constants:
    return _real_constants((2, 5, 16))


_KERNELS = ("theory: ratios of eigenvalues", "impl: iteration by products", "balls: the definition")

CLAIMS = (
    Claim(
        id="WDMG-14",
        title="power iteration: the angle contracts by lambda_2/lambda_1 a step",
        source=_PAPER,
        statement=r"\theta_{k+1} \le \frac{\lambda_2}{\lambda_1}\theta_k",
        reading="the angle itself, at every step",
        evidence=(
            Search(
                domain=_starts(),
                slack=_angle_slack,
                exact=_exact_angle_slack,
                noise=lambda point: 32 * _EPS * point["p"],
                routes=_KERNELS,
                clear=CLEAR_ERROR,
            ),
        ),
        note="In the plane of the two leading eigenvectors the tangent contracts by exactly that"
        " factor, and atan(r tan x) > r x for 0 < r < 1: the angle contracts by less, by next to"
        " nothing if it is next to a right one.",
    ),
    Claim(
        id="WDMG-14r",
        title="power iteration: the tangent contracts by lambda_2/lambda_1 or more a step",
        source=_PAPER,
        statement=r"\tan\theta_{k+1} \le \frac{\lambda_2}{\lambda_1}\tan\theta_k,\quad"
        r" \frac{\tan\theta_{k+1}}{\tan\theta_k} \to \frac{\lambda_2}{\lambda_1}",
        reading="the limit for lambda_3 < lambda_2 and a start that is not orthogonal to u_2",
        evidence=(
            Search(
                domain=_starts(),
                slack=_step_slack,
                exact=_exact_step_slack,
                noise=lambda point: 32 * _EPS * point["p"],
                routes=_KERNELS,
            ),
            equality_search(
                _starts(),
                error=_dense_error,
                exact_error=_exact_dense_error,
                noise=_dense_noise,
                routes=("impl: dense iteration in a rotated basis", *_KERNELS[::2]),
            ),
            equality_search(
                _clear(),
                error=_late_error,
                exact_error=_exact_late_error,
                noise=lambda point: 64 * _EPS * point["p"],
                routes=_KERNELS,
            ),
        ),
        repairs="WDMG-14",
        constants=_one_constants,
        note="tan^2 is the sum of (lambda_i/lambda_1)^(2k) (x_i/x_1)^2 over i > 1.",
    ),
    Claim(
        id="WDMG-14:block",
        title="block iteration: the largest angle's tangent contracts by lambda_(r+1)/lambda_r",
        source=_SOURCE,
        statement=r"\tan\theta_{\max}(A X, U_r) \le \frac{\lambda_{r+1}}{\lambda_r}"
        r"\tan\theta_{\max}(X, U_r)",
        reading="beyond the leading eigenvector: r vectors, orthonormalised at each step; r from 2"
        " to 16",
        evidence=(
            Search(
                domain=_blocks(),
                slack=_block_slack,
                exact=_exact_block_slack,
                noise=_block_noise,
                routes=_KERNELS,
            ),
        ),
        constants=_block_constants,
        note="X_2 X_1^(-1) is multiplied by the small eigenvalues and the inverses of the large"
        " ones. On the digits and on patches of photographs larger blocks do the same.",
    ),
    Claim(
        id="WDMG-14:deflated",
        title="deflated iteration finds the next eigenvector at the rate lambda_(k+1)/lambda_k",
        source=_SOURCE,
        statement=r"\tan\theta^{(k)}_m = \Big(\sum_{i>k} (\lambda_i/\lambda_k)^{2m}"
        r" (x_i/x_k)^2\Big)^{1/2}",
        reading="beyond the leading eigenvector: what was found is projected out; the formula once"
        " that is exact",
        evidence=(
            equality_search(
                _after_first(),
                error=_second_error,
                exact_error=_exact_second_error,
                noise=lambda point: 64 * _EPS * (point["p"] + point["steps"]),
                routes=_KERNELS,
            ),
            Search(
                domain=_gapped(),
                slack=lambda point: equality_slack(_missed(point)),
                exact=lambda point: equality_slack(_exact_missed(point)),
                noise=lambda _point: 1e-11,
                routes=("impl: deflated iteration, dense", "balls: the same without normalising"),
                effort=0.5,
            ),
        ),
        note="With eigenvalues that fall by half or more, 60 steps each find two eigenvectors to"
        " 10^-6, the first not exactly known when the second is sought.",
    ),
)
