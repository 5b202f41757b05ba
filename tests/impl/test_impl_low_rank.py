"""The band reduction against the dense data, against exact laws and the matrix it stands for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lemmata.harness.claim import Verdict
from lemmata.harness.intervals import dkw_radius
from lemmata.harness.sampling import LawTest
from lemmata.impl import (
    _banded,
    dense_overlaps,
    dense_signal_overlaps,
    low_rank,
    reduced_draws,
    reduced_overlaps,
    reduced_signal_overlaps,
)
from lemmata.impl._gram import largest_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from lemmata.impl.low_rank import SampleEigenpairs

ROUTES = {
    "spiked": (dense_overlaps, reduced_overlaps),
    "signal": (dense_signal_overlaps, reduced_signal_overlaps),
}
ALL = [route for routes in ROUTES.values() for route in routes]
# The error probability of each test of a law; the harness' radii take logarithms of it.
ERROR = 1e-9
SHAPES = [(1, 1), (1, 2), (2, 1), (2, 2), (3, 3), (3, 4), (2, 5), (5, 2), (7, 3), (6, 6), (9, 12)]
SIGNALS = [[0.0], [2.0], [3.0, 0.5], [2.0, 2.0], [0.0, 0.0], [4.0, 1.0, 0.0], [1.5, 1.5, 1.5]]


def model_of(kind: str, n: int, p: int, signals: list[float]) -> low_rank._Model:
    if kind == "spiked":
        return low_rank._spiked_model(n, p, signals, 1.0)[0]
    return low_rank._signal_model(n, p, signals, 1.0)[0]


def figures(pairs: SampleEigenpairs) -> np.ndarray:
    """Return numbers that show eigenvalues, overlaps and how they vary together, (m, size)."""
    squares = np.square(pairs.overlaps)
    return np.stack(
        [
            pairs.eigenvalues[:, 0],
            pairs.eigenvalues[:, -1],
            pairs.eigenvalues[:, -1] * squares[:, -1, -1],
            squares[:, 0, 0],
            squares[:, -1, -1],
            squares[:, 0, -1],
            squares[:, -1, 0],
            # The sign of an eigenvector cancels here, that of its components does not.
            pairs.overlaps[:, 0, 0] * pairs.overlaps[:, -1, 0],
            squares[:, 0].sum(axis=1),
        ]
    )


def excess(one: SampleEigenpairs, other: SampleEigenpairs, error: float = ERROR) -> float:
    """Return the largest Kolmogorov distance over what chance allows."""
    size = one.eigenvalues.shape[0]
    pairs = list(zip(figures(one), figures(other), strict=True))
    # Rounding must not split an atom in two.
    found = max(stats.ks_2samp(a.round(9), b.round(9)).statistic for a, b in pairs)
    return float(found) / (2 * dkw_radius(size, error / (2 * len(pairs))))


# ------------------------------------------------------------------ the law


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_reduced_has_the_law_of_dense(kind: str, n: int, p: int) -> None:
    dense, reduced = ROUTES[kind]
    size = 20_000 if n * p < 20 else 5000
    for signals in SIGNALS:
        if len(signals) <= min(n, p):
            one = dense(n, p, signals, size=size, rng=1)
            other = reduced(n, p, signals, size=size, rng=2)
            assert excess(one, other) < 1.0, signals


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize(
    ("n", "p", "signals"),
    [(60, 70, [40.0, 30.0]), (90, 60, [400.0]), (70, 60, [500.0, 40.0, 0.5]), (60, 90, [0.2])],
)
def test_truncated_has_the_law_of_dense(kind: str, n: int, p: int, signals: list[float]) -> None:
    dense, reduced = ROUTES[kind]
    if kind == "signal":
        signals = [4 * signal for signal in signals]
    if signals[-1] >= 1 and len(signals) < 3:
        model = model_of(kind, n, p, signals)
        assert min(low_rank._first_orders(model, 1e-12)) < model.order
    one = dense(n, p, signals, size=1500, rng=3)
    other = reduced(n, p, signals, size=1500, rng=4)
    assert excess(one, other) < 1.0


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize(
    ("n", "p", "end", "change"),
    [(4, 4, 0, 1), (4, 4, 0, -1), (4, 4, 1, 1), (4, 4, 1, -1), (2, 5, 1, -1), (5, 3, 0, -1)],
)
def test_a_broken_degree_of_freedom_is_caught(
    monkeypatch: pytest.MonkeyPatch, kind: str, n: int, p: int, end: int, change: int
) -> None:
    true_degrees = low_rank._chi_degrees

    def broken(model: low_rank._Model, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        degrees = true_degrees(model, start, stop)
        degrees[end][degrees[end] > 0] += change
        return degrees

    dense, reduced = ROUTES[kind]
    monkeypatch.setattr(low_rank, "_chi_degrees", broken)
    one = dense(n, p, [2.0, 1.0], size=60_000, rng=5)
    assert excess(one, reduced(n, p, [2.0, 1.0], size=60_000, rng=6)) > 1.0


@pytest.mark.parametrize(("n", "p", "spike"), [(5, 4, 1.0), (1, 3, 0.0), (90, 70, 60.0)])
def test_one_spike_is_that_of_the_tridiagonal_route(n: int, p: int, spike: float) -> None:
    def band(point: dict[str, Any], rng: np.random.Generator, size: int) -> np.ndarray:
        del point
        pairs = reduced_overlaps(n, p, [spike], size=size, rng=rng)
        return np.column_stack([pairs.eigenvalues[:, 0], pairs.overlaps[:, 0, 0] ** 2])

    def tridiagonal(point: dict[str, Any], rng: np.random.Generator, size: int) -> np.ndarray:
        del point
        return np.column_stack(reduced_draws(n, p, spike, size=size, rng=rng))

    test = LawTest(
        domain=st.just({}), left=band, right=tridiagonal, effect=0.1, routes=("band", "tri")
    )
    finding = test._judge({}, np.random.default_rng(7), ERROR, 8)
    assert finding.verdict is Verdict.HOLDS


# ------------------------------------------------------------------ exact laws


@pytest.mark.parametrize("draw", [dense_overlaps, reduced_overlaps])
def test_all_directions_are_spikes(draw: Callable) -> None:
    # r = p: the whole eigenvectors; r = n as well: no noise column is left.
    pairs = draw(3, 3, [2.0, 1.0, 0.0], size=20_000, rng=8)
    overlaps = pairs.overlaps
    np.testing.assert_allclose(
        overlaps.transpose(0, 2, 1) @ overlaps, np.tile(np.eye(3), (20_000, 1, 1)), atol=1e-12
    )
    # E tr S = tr Sigma; E S_11 = 1 + s_1, with S = C Lambda C^T.
    s_11 = np.einsum("ki,ki->k", overlaps[:, 0] ** 2, pairs.eigenvalues)
    assert stats.kstest(s_11 * 3 / 3.0, stats.chi2(3).cdf).pvalue > 1e-6


@pytest.mark.parametrize("draw", [dense_signal_overlaps, reduced_signal_overlaps])
def test_one_sample_of_signal_plus_noise(draw: Callable) -> None:
    p, d, sigma = 4, 1.5, 0.5
    pairs = draw(1, p, [d], sigma=sigma, size=20_000, rng=9)
    along = pairs.eigenvalues[:, 0] * pairs.overlaps[:, 0, 0] ** 2 / sigma**2
    across = pairs.eigenvalues[:, 0] * (1 - pairs.overlaps[:, 0, 0] ** 2) / sigma**2
    assert stats.kstest(along, stats.ncx2(1, (d / sigma) ** 2).cdf).pvalue > 1e-6
    assert stats.kstest(across, stats.chi2(p - 1).cdf).pvalue > 1e-6


@pytest.mark.parametrize("draw", [dense_signal_overlaps, reduced_signal_overlaps])
@pytest.mark.parametrize("singular_values", [[3.0, 1.0], [2.0, 2.0], [1.0, 0.0], [0.0, 0.0]])
def test_without_noise_the_directions_are_known(draw: Callable, singular_values: list) -> None:
    pairs = draw(5, 4, singular_values, sigma=0.0, size=3, rng=10)
    np.testing.assert_allclose(pairs.eigenvalues, np.tile(np.square(singular_values) / 5, (3, 1)))
    np.testing.assert_array_equal(pairs.overlaps, np.tile(np.eye(2), (3, 1, 1)))
    np.testing.assert_array_equal(pairs.angles, 0.0)


@pytest.mark.parametrize("draw", [dense_signal_overlaps, reduced_signal_overlaps])
def test_little_noise_is_a_small_rotation(draw: Callable) -> None:
    pairs = draw(50, 60, [3.0, 1.0], sigma=1e-7, size=20, rng=11)
    np.testing.assert_allclose(pairs.eigenvalues, np.tile([9 / 50, 1 / 50], (20, 1)), rtol=1e-5)
    np.testing.assert_allclose(pairs.overlaps, np.tile(np.eye(2), (20, 1, 1)), atol=1e-5)


# ------------------------------------------------------------------ the reduced matrix


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize("n", range(1, 8))
@pytest.mark.parametrize("p", range(1, 8))
def test_squares_add_up(kind: str, n: int, p: int) -> None:
    for rank in range(1, min(n, p) + 1):
        model = model_of(kind, n, p, [0.0] * rank)
        stop = model.order + model.lower
        left, right = (np.maximum(x, 0) for x in low_rank._chi_degrees(model, 0, stop))
        rows = low_rank._band_rows(model, 0, stop, 1, np.random.default_rng(12))[:, :, 0]
        # The mean square of an entry is its degrees of freedom, one for a normal; E |B|^2 = n p.
        degrees = (rows != 0.0).astype(float)
        for place, chi in ((0, left), (model.width, right)):
            assert ((rows[:, place] != 0.0) <= (chi > 0)).all()
            degrees[:, place] *= chi
        assert degrees.sum() == n * p, rank


@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(sorted(ROUTES)),
    n=st.integers(1, 70),
    p=st.integers(1, 70),
    signals=st.lists(st.sampled_from([0.0, 0.5, 3.0, 30.0, 1e3]), min_size=1, max_size=4),
)
@settings(deadline=None, max_examples=60)
def test_pairs_are_those_of_the_matrix(
    seed: int, kind: str, n: int, p: int, signals: list[float]
) -> None:
    signals = sorted(signals[: min(n, p)], reverse=True)
    model = model_of(kind, n, p, signals)
    stop = model.order + model.lower
    rows = low_rank._band_rows(model, 0, stop, 1, np.random.default_rng(seed))[:, :, 0]
    matrix = np.zeros((stop, stop + 2 * model.width))
    for i in range(stop):
        for c in range(model.width + 1):
            if i - model.lower + c >= 0:
                matrix[i, i - model.lower + c] = rows[i, c]
            else:
                assert rows[i, c] == 0.0
    # Nothing beyond: the whole matrix is what is drawn.
    np.testing.assert_array_equal(matrix[:, model.order :], 0.0)
    np.testing.assert_array_equal(matrix[n:], 0.0)
    matrix = matrix[:, : model.order]
    values, vectors = np.linalg.eigh(matrix.T @ matrix / n)
    orders = [model.order] * model.rank
    pairs = low_rank._reduced_batch(model, 1, orders, 1e-12, np.random.default_rng(seed))
    scale = values[-1]
    for j in range(model.rank):
        own = pairs.overlaps[0, :, j]
        assert abs(pairs.eigenvalues[0, j] - values[-1 - j]) < 1e-12 * scale
        assert own[np.abs(own).argmax()] >= 0.0
        if pairs.angles[0, j] < 1e-9:
            other = vectors[: model.rank, -1 - j]
            np.testing.assert_allclose(own, other * np.sign(own @ other), atol=1e-8)


# ------------------------------------------------------------------ truncation and its bounds


class Stored:
    """One whole matrix, handed out block by block in place of fresh draws."""

    def __init__(self, model: low_rank._Model, seed: int, most: int) -> None:
        stop = min(model.order, most) + model.lower
        self.rows = low_rank._band_rows(model, 0, stop, 1, np.random.default_rng(seed))
        self.asked: list[tuple[int, int]] = []

    def __call__(self, _model: Any, start: int, stop: int, count: int, _generator: Any) -> Any:
        self.asked.append((start, stop))
        assert count == 1
        return self.rows[start:stop].copy()


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize(
    ("n", "p", "strengths"),
    [
        (300, 250, [4.0, 2.0]),
        (300, 250, [8.0, 1.1]),
        (200, 400, [9.0, 0.0]),
        (300, 250, [0.5, 0.0]),
        (3000, 90, [0.4]),
        (10**6, 10**6, [5.0, 3.0, 3.0, 2.0]),
    ],
)
@pytest.mark.parametrize("short", [False, True])
def test_a_block_gives_the_answer_of_the_whole_matrix(
    monkeypatch: pytest.MonkeyPatch, kind: str, n: int, p: int, strengths: list, short: bool
) -> None:
    signals = strengths if kind == "spiked" else [math.sqrt(n * s) for s in strengths]
    model = model_of(kind, n, p, signals)
    most = 700
    stored = Stored(model, 13, most)
    monkeypatch.setattr(low_rank, "_band_rows", stored)
    orders = [40] * model.rank if short else low_rank._first_orders(model, 1e-12)
    got = low_rank._reduced_batch(model, 1, orders, 1e-12, np.random.default_rng(0))
    band = low_rank.gram_band(stored.rows, model.lower) / n
    whole = low_rank.pairs_by_lapack(band, model.rank, min(model.order, most))
    assert (np.abs(got.eigenvalues - whole.values) <= got.residuals).all()
    assert (got.residuals <= 3e-12 * got.eigenvalues[:, :1]).all()
    cosines = np.abs(np.einsum("kij,kij->kj", got.overlaps, whole.heads))
    norms = np.linalg.norm(got.overlaps, axis=1) * np.linalg.norm(whole.heads, axis=1)
    np.testing.assert_allclose(cosines, norms, rtol=1e-9)
    difference = np.abs(np.abs(got.overlaps) - np.abs(whole.heads)).max(axis=1)
    # Both sides have rounding.
    assert (difference <= 2.5 * got.angles).all()
    # Growth continues where the block ended.
    for before, after in zip(stored.asked, stored.asked[1:], strict=False):
        assert after[0] == before[1]


@pytest.mark.parametrize("kind", ROUTES)
def test_bounds_hold_against_fifty_digits(kind: str) -> None:
    signals = [900.0, 30.0]
    model = model_of(kind, 60, 50, signals)
    generator = np.random.default_rng(14)
    orders = low_rank._first_orders(model, 1e-12)
    assert min(orders) < model.order
    state = generator.bit_generator.state
    got = low_rank._reduced_batch(model, 1, orders, 1e-12, generator)
    generator.bit_generator.state = state
    rows = low_rank._band_rows(model, 0, max(orders) + model.lower, 1, generator)
    with mpmath.workdps(50):
        order = max(orders)
        matrix = mpmath.zeros(order + model.lower, order)
        for i in range(order + model.lower):
            for c in range(model.width + 1):
                if 0 <= i - model.lower + c < order:
                    matrix[i, i - model.lower + c] = mpmath.mpf(float(rows[i, c, 0]))
        square = matrix.T * matrix / 60
        for j in range(2):
            value = mpmath.mpf(float(got.eigenvalues[0, j]))
            vector = mpmath.ones(order, 1)
            for _ in range(3):
                vector = mpmath.lu_solve(square - value * mpmath.eye(order), vector)
                vector /= mpmath.norm(vector)
            value = (vector.T * square * vector)[0]
            assert abs(value - float(got.eigenvalues[0, j])) <= got.residuals[0, j]
            head = np.abs([float(vector[i]) for i in range(2)])
            assert (np.abs(head - np.abs(got.overlaps[0, :, j])) <= 2 * got.angles[0, j]).all()


def test_methods_agree() -> None:
    model = model_of("spiked", 3000, 2500, [6.0, 3.0, 1.2])
    rows = low_rank._band_rows(model, 0, 420, 3, np.random.default_rng(15))
    band = low_rank.gram_band(rows, 0) / 3000
    threshold = low_rank._threshold(model, 3)
    starts = low_rank._expected(model)
    one = low_rank.pairs_by_lapack(band, 3, 420)
    for other in (
        low_rank.pairs_by_lanczos(band, 3, 420, threshold),
        # Two of the three above the shift.
        low_rank.pairs_by_lanczos(band, 3, 420, 4.6),
        low_rank.pairs_by_newton(band, 3, [420] * 3, starts),
    ):
        assert other.good.all()
        np.testing.assert_allclose(other.values, one.values, rtol=1e-12)
        np.testing.assert_allclose(np.abs(other.heads), np.abs(one.heads), atol=1e-9)


def test_the_rest_is_eliminated_only_above_its_eigenvalues() -> None:
    model = model_of("spiked", 300, 250, [6.0, 3.0, 1.2])
    rows = low_rank._band_rows(model, 0, 90, 1, np.random.default_rng(25))
    band = low_rank.gram_band(rows, 0)[:90, :, 0] / 300
    block = _banded._Block(band, 3)
    matrix = np.zeros((90, 90))
    for m in range(4):
        for j in range(m, 90):
            matrix[j - m, j] = matrix[j, j - m] = band[j, m]
    vector = np.random.default_rng(26).random(90)
    np.testing.assert_allclose(block.times(vector), matrix @ vector, rtol=1e-13)
    rest = np.linalg.eigvalsh(matrix[3:, 3:])[-1]
    assert block.split(rest * (1 - 1e-9)) is None
    split = block.near_the_rest(2 * rest, np.ones(90))
    # Above, and nearer than it was by far.
    assert 0 < split.shift - rest < 0.05 * rest
    np.testing.assert_allclose(
        split.solve(vector), np.linalg.solve(matrix - split.shift * np.eye(90), vector), rtol=1e-9
    )
    # As many eigenvalues are above the shift as the head has positive ones.
    values = np.linalg.eigvalsh(matrix)
    assert (np.linalg.eigvalsh(split.head) > 0).sum() == (values > split.shift).sum() > 0
    value, found = block.newton(0, split)
    assert value == pytest.approx(values[-1], rel=1e-13)
    np.testing.assert_allclose(matrix @ found, value * found, atol=1e-12 * value)


@pytest.mark.parametrize("order", [1, 2, 20, 21, 50])
@pytest.mark.parametrize("wanted", [1, 3])
def test_largest_pairs_of_dense_matrices(order: int, wanted: int) -> None:
    matrices = np.random.default_rng(27).standard_normal((4, order, order))
    matrices += matrices.transpose(0, 2, 1)
    kept = min(wanted, order)
    expected = np.linalg.eigvalsh(matrices)[:, ::-1][:, :kept]
    values, vectors = largest_pairs(matrices.copy(), wanted)
    np.testing.assert_allclose(values, expected, atol=1e-12)
    np.testing.assert_allclose(matrices @ vectors, vectors * values[:, None], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-13)


def test_newton_gives_up_what_it_cannot_do() -> None:
    model = model_of("spiked", 300, 300, [0.0])
    rows = low_rank._band_rows(model, 0, 200, 20, np.random.default_rng(16))
    band = low_rank.gram_band(rows, 0) / 300
    found = low_rank.pairs_by_newton(band, 1, [200], np.array([1.0]))
    right = low_rank.pairs_by_lapack(band, 1, 200).values
    assert not found.good.all()
    np.testing.assert_allclose(found.values[found.good], right[found.good], rtol=1e-12)


def test_a_block_that_comes_loose_is_not_taken_for_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fresh, loose = low_rank._band_rows, 50

    def cut(model: Any, start: int, stop: int, count: int, generator: Any) -> np.ndarray:
        rows = fresh(model, start, stop, count, generator)
        for i in range(max(loose - model.width, start), min(loose, stop)):
            rows[i - start, loose - i :] = 0.0
        return rows

    monkeypatch.setattr(low_rank, "_band_rows", cut)
    model = model_of("spiked", 600, 500, [0.0, 0.0])
    pairs = low_rank._reduced_batch(model, 10, [loose] * 2, 1e-12, np.random.default_rng(17))
    # No residual is left at the cut, but the top eigenvalues are those of the rest: the edge.
    edge = (1 + math.sqrt(500 / 600)) ** 2
    assert (pairs.eigenvalues[:, 0] > 0.96 * edge).all()


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize(("n", "p"), [(10**9, 10**9), (10**9, 10**8), (10**7, 10**9)])
def test_huge_sizes_are_at_the_limit(kind: str, n: int, p: int) -> None:
    gamma = p / n
    strengths = np.array([8.0, 4.0, 2.0]) * math.sqrt(gamma)
    signals = strengths if kind == "spiked" else np.sqrt(n * strengths)
    pairs = ROUTES[kind][1](n, p, signals, size=20, rng=18)
    slack = 10.0 / math.sqrt(min(n, p))
    limit = (1 + strengths) * (1 + gamma / strengths)
    np.testing.assert_allclose(pairs.eigenvalues, np.tile(limit, (20, 1)), rtol=slack)
    share = (1 - gamma / strengths**2) / (1 + gamma / strengths)
    expected = np.tile(np.diag(share), (20, 1, 1))
    np.testing.assert_allclose(pairs.overlaps**2, expected, atol=5 * slack)
    assert pairs.angles.max() < 1e-10


def test_cost_above_the_transition_does_not_grow_with_the_size() -> None:
    orders = [
        low_rank._first_orders(model_of("spiked", n, n, [6.0, 2.0]), 1e-12)
        for n in (10**4, 10**6, 10**9)
    ]
    assert orders[0] == orders[1] == orders[2]
    assert orders[0][0] < orders[0][1] < 110
    # At and below, like the cube root, and with the number of chains to the power 2/3.
    short, long, wide = (
        low_rank._first_orders(model_of("spiked", n, n, s), 1e-12)[0]
        for n, s in ((10**6, [0.5]), (10**9, [0.5]), (10**6, [0.5] * 8))
    )
    assert long / short == pytest.approx(10.0, rel=0.01)
    assert wide / short == pytest.approx(4.0, rel=0.01)


# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize("draw", ALL)
def test_a_seed_determines_the_draws(draw: Callable) -> None:
    one, other = (draw(30, 20, [9.0, 1.0], size=50, rng=19) for _ in range(2))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [part.shape for part in one] == [(50, 2), (50, 2, 2), (50, 2), (50, 2)]
    assert np.unique(one.eigenvalues).size == 100
    assert (np.diff(one.eigenvalues, axis=1) < 0).all()


@pytest.mark.parametrize("draw", ALL)
def test_batches_are_independent(draw: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank, "_BLOCK", 1)
    assert np.unique(draw(6, 5, [1.0], size=40, rng=20).eigenvalues).size == 40


@pytest.mark.parametrize("draw", [dense_overlaps, reduced_overlaps])
def test_noise_variance_is_a_scale(draw: Callable) -> None:
    one, other = (draw(9, 8, [2.0, 1.0], sigma2=v, size=3, rng=21) for v in (1.0, 0.01))
    np.testing.assert_allclose(other.eigenvalues, 0.01 * one.eigenvalues, rtol=1e-14)
    np.testing.assert_array_equal(other.overlaps, one.overlaps)


@pytest.mark.parametrize("draw", [dense_signal_overlaps, reduced_signal_overlaps])
def test_units_of_the_data_are_a_scale(draw: Callable) -> None:
    one = draw(9, 8, [2.0, 1.0], sigma=0.5, size=3, rng=22)
    other = draw(9, 8, [2e-3, 1e-3], sigma=0.5e-3, size=3, rng=22)
    np.testing.assert_allclose(other.eigenvalues, 1e-6 * one.eigenvalues, rtol=1e-13)
    np.testing.assert_allclose(other.overlaps, one.overlaps, atol=1e-12)


@pytest.mark.parametrize("draw", ALL)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ([1.0, 2.0], r"must not rise, got \[1.0, 2.0\]"),
        ([1.0, -1e-9], "must be non-negative"),
        ([1.0, 1.0, 1.0, 1.0], r"at most 3 .*min\(n, p, 64\), got 4"),
        ([1e101], "at most 1e"),
        (1.0, "dimension"),
    ],
)
def test_signals_must_fall_and_fit(draw: Callable, bad: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(3, 5, bad)


@pytest.mark.parametrize("draw", [dense_overlaps, dense_signal_overlaps])
def test_dense_refuses_what_it_could_not_hold(draw: Callable) -> None:
    with pytest.raises(ValueError, match=r"n and p .* 9000 and 8500"):
        draw(9000, 8500, [1.0])


@pytest.mark.parametrize("kind", ROUTES)
@pytest.mark.parametrize("signals", [[1e60, 1.0, 0.0], [1e100, 0.0, 0.0], [1e17, 1e9, 1.0]])
@pytest.mark.parametrize(("n", "p"), [(7, 9), (9, 7), (90, 60), (10**6, 10**6), (10**9, 10**5)])
def test_what_rounding_loses_is_said(kind: str, signals: list[float], n: int, p: int) -> None:
    routes = ROUTES[kind][0 if max(n, p) < 100 else 1 :]
    for draw in routes:
        pairs = draw(n, p, signals, size=2, rng=23)
        for part in pairs:
            assert np.isfinite(part).all()
        assert (pairs.eigenvalues >= 0).all()
        lost = pairs.eigenvalues < 1e-16 * pairs.eigenvalues[:, :1]
        assert (pairs.angles[lost] == 1.0).all()
        assert (pairs.angles[:, 0] < 1e-11).all()


@pytest.mark.parametrize("sigma", [1e-200, 1e-9, 1e-7, 1e-5])
def test_little_noise_and_no_signal_left(sigma: float) -> None:
    pairs = reduced_signal_overlaps(10**6, 10**6, [1e3, 0.0], sigma=sigma, size=2, rng=24)
    for part in pairs:
        assert np.isfinite(part).all()
    np.testing.assert_allclose(pairs.eigenvalues[:, 0], 1.0, rtol=1e-2)
