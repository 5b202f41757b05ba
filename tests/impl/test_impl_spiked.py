"""The reduction against the dense computation, against exact laws, and caught when broken."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lemmata.impl import dense_draws, reduced_draws, spiked
from lemmata.impl.spiked import _Model

if TYPE_CHECKING:
    from collections.abc import Callable

DRAWS = [dense_draws, reduced_draws]
ROUTES = pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.__name__)
# n > p, n = p and n < p, at the smallest sizes too; p = n + 1 is where the last row changes.
SHAPES = [(1, 2), (2, 1), (2, 2), (3, 3), (3, 4), (3, 7), (7, 3), (6, 6), (12, 20)]
seeds = st.integers(0, 2**32 - 1)


# ------------------------------------------------------------------ exact laws


@ROUTES
@pytest.mark.parametrize("n", [1, 2, 9])
def test_one_dimension_is_a_chi_square(draw: Callable, n: int) -> None:
    eigenvalue, overlap = draw(n, 1, 2.5, sigma2=3.0, size=20_000, rng=1)
    assert stats.kstest(eigenvalue * n / (3.0 * 3.5), stats.chi2(n).cdf).pvalue > 1e-3
    np.testing.assert_array_equal(overlap, 1.0)


@ROUTES
@pytest.mark.parametrize("p", [2, 5])
def test_one_sample_is_its_own_eigenvector(draw: Callable, p: int) -> None:
    spike = 1.5
    eigenvalue, overlap = draw(1, p, spike, size=20_000, rng=2)
    # x_1^2 = (1 + s) chi_1^2 and the rest chi_(p-1)^2, independent; overlap = x_1^2 / |x|^2.
    assert stats.kstest(eigenvalue * overlap / (1 + spike), stats.chi2(1).cdf).pvalue > 1e-3
    assert stats.kstest(eigenvalue * (1 - overlap), stats.chi2(p - 1).cdf).pvalue > 1e-3


@ROUTES
@pytest.mark.parametrize(("n", "p"), [(4, 3), (3, 3), (2, 5)])
def test_without_a_spike_the_eigenvector_is_uniform(draw: Callable, n: int, p: int) -> None:
    _, overlap = draw(n, p, 0.0, size=20_000, rng=3)
    assert stats.kstest(overlap, stats.beta(0.5, (p - 1) / 2).cdf).pvalue > 1e-3


@ROUTES
def test_two_by_two_largest_eigenvalue(draw: Callable) -> None:
    n = 3
    eigenvalue, _ = draw(n, 2, 0.0, size=20_000, rng=4)
    # Real Wishart, p = 2: eigenvalues x > y of density c (x - y) (x y)^((n-3)/2) exp(-(x+y)/2).
    grid = np.linspace(0.0, 80.0, 8001)
    # At n = 3, over y: int_0^x (x - y) exp(-(x + y)/2) dy; over x by the trapezoid rule.
    inner = np.exp(-grid / 2) * (2 * grid - 4 + 4 * np.exp(-grid / 2))
    cdf = np.concatenate([[0.0], np.cumsum((inner[1:] + inner[:-1]) / 2)])
    cdf /= cdf[-1]
    assert stats.kstest(eigenvalue * n, lambda m: np.interp(m, grid, cdf)).pvalue > 1e-3


# ------------------------------------------------------------------ the reduced matrix


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("p", range(1, 9))
def test_degrees_of_freedom_add_up(n: int, p: int) -> None:
    model = _Model(n, p, 0.0)
    diagonal, above = spiked._chi_degrees(model, 0, model.order)
    diagonal, above = np.maximum(diagonal, 0), np.maximum(above, 0)
    # E |B|^2 = E |X|^2 = n p, and the first column keeps its length.
    assert diagonal.sum() + above.sum() == n * p
    assert diagonal[0] == n
    # E det(X^T X) = n! / (n - p)!, that of the diagonal alone.
    if p <= n:
        assert math.prod(diagonal) == math.perm(n, p)
    # The matrix ends where a chi has no degrees of freedom, and not before.
    links = diagonal * above
    assert (links[:-1] > 0).all()
    assert links[-1] == 0


@pytest.mark.parametrize(("n", "p"), SHAPES)
def test_traces_of_the_whole_matrix(n: int, p: int) -> None:
    spike, count = 1.75, 40_000
    model = _Model(n, p, spike)
    squares = spiked._reduced_blocks(model, 0, model.order, count, np.random.default_rng(6))
    diagonal, off_diagonal = spiked._tridiagonal(squares, n)
    np.testing.assert_array_equal(off_diagonal[-1], 0.0)
    trace = diagonal.sum(axis=0)
    square = (diagonal**2).sum(axis=0) + 2 * (off_diagonal**2).sum(axis=0)
    t1, t2 = p + spike, p - 1 + (1 + spike) ** 2
    # Wishart: E tr S = tr Sigma, E tr S^2 = (1 + 1/n) tr Sigma^2 + (tr Sigma)^2 / n.
    for sample, mean in ((trace, t1), (square, (1 + 1 / n) * t2 + t1**2 / n)):
        error = sample.std() / math.sqrt(count)
        assert abs(sample.mean() - mean) < 4 * error
    # Var tr S = 2 tr Sigma^2 / n.
    assert abs(trace.var() / (2 * t2 / n) - 1) < 0.1


@given(seed=seeds, n=st.integers(1, 9), p=st.integers(1, 9))
@settings(deadline=None)
def test_the_order_is_that_of_the_krylov_space(seed: int, n: int, p: int) -> None:
    # Tridiagonalisation from u spans u, S u, S^2 u, ...: its dimension is that of the data's.
    x = np.random.default_rng(seed).standard_normal((n, p))
    basis = [np.eye(p)[0]]
    for _ in range(p):
        step = x.T @ (x @ basis[-1])
        for _ in range(2):
            step -= np.array(basis).T @ (np.array(basis) @ step)
        if np.linalg.norm(step) < 1e-8 * np.linalg.norm(x) ** 2:
            break
        basis.append(step / np.linalg.norm(step))
    if min(np.linalg.svd(x, compute_uv=False)) > 0.05:
        assert len(basis) <= _Model(n, p, 0.0).order


def same_law(n: int, p: int, spike: float, *, size: int, seed: int) -> float:
    """Return the smallest p-value of two-sample tests, dense against reduced."""
    one = dense_draws(n, p, spike, size=size, rng=seed)
    other = reduced_draws(n, p, spike, size=size, rng=seed + 1)
    # Eigenvalue, overlap and their product, which sees whether they vary together.
    pairs = [*zip(one, other, strict=True), (one[0] * one[1], other[0] * other[1])]
    return min(stats.ks_2samp(a, b).pvalue for a, b in pairs)


@pytest.mark.parametrize(("n", "p"), SHAPES)
@pytest.mark.parametrize("spike", [0.0, 2.0])
def test_reduced_has_the_law_of_dense(n: int, p: int, spike: float) -> None:
    if p == 1:
        # The overlap is one on both sides.
        one, other = (draw(n, 1, spike, size=20_000, rng=9)[0] for draw in DRAWS)
        assert stats.ks_2samp(one, other).pvalue > 1e-4
        return
    assert same_law(n, p, spike, size=20_000, seed=10) > 1e-4


def test_truncated_has_the_law_of_dense() -> None:
    n, p, spike = 60, 40, 4.0
    model = _Model(n, p, spike)
    assert spiked._first_rows(model, 1e-12) < model.order
    assert same_law(n, p, spike, size=1500, seed=20) > 1e-4


@pytest.mark.parametrize(
    ("n", "p", "row", "change"),
    [
        (6, 6, (0, 0), 1),  # chi_(n+1) for the first column
        (6, 6, (1, 0), 1),  # chi_p to its right
        (6, 6, (0, 1), 1),  # chi_n for the second column
        (3, 5, (1, 2), -1),  # the last row's entry, present only when n < p
        (5, 3, (0, 2), -1),
    ],
)
def test_a_broken_degree_of_freedom_is_caught(
    monkeypatch: pytest.MonkeyPatch, n: int, p: int, row: tuple[int, int], change: int
) -> None:
    true_degrees = spiked._chi_degrees

    def broken(model: _Model, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        degrees = true_degrees(model, start, stop)
        degrees[row[0]][row[1]] += change
        return degrees

    monkeypatch.setattr(spiked, "_chi_degrees", broken)
    assert same_law(n, p, 1.0, size=60_000, seed=30) < 1e-6


# ------------------------------------------------------------------ truncation


class Stored:
    """Draws of whole matrices, handed out block by block in place of fresh ones."""

    def __init__(self, model: _Model, count: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self.squares = spiked._reduced_blocks(model, 0, model.order, count, generator)
        diagonal, off_diagonal = spiked._tridiagonal(self.squares, model.n)
        self.whole = spiked.top_pairs(diagonal, off_diagonal[:-1])
        self.asked: list[tuple[int, int, int]] = []
        self.column = 0

    def blocks(
        self, model: _Model, start: int, stop: int, count: int, generator: np.random.Generator
    ) -> np.ndarray:
        del model, generator
        self.asked.append((start, stop, count))
        # One matrix a batch, so that growth asks for the same one again.
        assert count == 1
        return self.squares[:, start:stop, self.column : self.column + 1].copy()


@pytest.mark.parametrize(
    ("n", "p", "spike"),
    [
        (600, 500, 2.0),  # above the transition at 0.91
        (600, 500, 1.1),
        (600, 500, 0.9128709),
        (600, 500, 0.4),
        (600, 500, 0.0),
        (300, 700, 5.0),
        (300, 700, 1.0),
        (2000, 90, 0.1),
        (90, 5000, 9.0),
        (100_000, 100_000, 2.0),
    ],
)
@pytest.mark.parametrize("first_rows", [None, 2])
def test_a_block_gives_the_answer_of_the_whole_matrix(
    monkeypatch: pytest.MonkeyPatch, n: int, p: int, spike: float, first_rows: int | None
) -> None:
    model, count = _Model(n, p, spike), 12
    if model.order > 10_000:
        # As good as whole: far beyond what is ever drawn.
        monkeypatch.setattr(_Model, "order", property(lambda self: min(self.n + 1, self.p, 3000)))
    stored = Stored(model, count, seed=40)
    monkeypatch.setattr(spiked, "_reduced_blocks", stored.blocks)
    rows = spiked._first_rows(model, 1e-12) if first_rows is None else first_rows
    got = []
    for stored.column in range(count):
        got.append(spiked._reduced_batch(model, 1, rows, 1e-12, np.random.default_rng(0)))
    eigenvalue, overlap = np.array(got)[:, :, 0].T
    np.testing.assert_allclose(eigenvalue, stored.whole[0], rtol=1e-12)
    np.testing.assert_allclose(overlap, stored.whole[1], rtol=0, atol=1e-10)
    # Growth continues where the block ended.
    for before, after in zip(stored.asked, stored.asked[1:], strict=False):
        assert after[0] in (0, before[1])
    if spike >= 2.0 and n == 100_000:
        assert max(stop for _, stop, _ in stored.asked) < 200


@pytest.mark.parametrize("spike", [0.0, 0.6])
def test_a_block_that_comes_loose_is_not_taken_for_the_whole(
    monkeypatch: pytest.MonkeyPatch, spike: float
) -> None:
    model = _Model(600, 500, spike)
    fresh, loose = spiked._reduced_blocks, 3

    def cut(
        model: _Model, start: int, stop: int, count: int, generator: np.random.Generator
    ) -> np.ndarray:
        squares = fresh(model, start, stop, count, generator)
        if start <= loose < stop:
            squares[1, loose - start] = 1e-60
        return squares

    monkeypatch.setattr(spiked, "_reduced_blocks", cut)
    # Four rows leave no residual, but the top eigenvalue is that of the others: the edge.
    eigenvalue, _ = spiked._reduced_batch(model, 30, loose + 1, 1e-12, np.random.default_rng(3))
    monkeypatch.undo()
    edge = (1 + math.sqrt(500 / 600)) ** 2
    width = (math.sqrt(600) + math.sqrt(500)) / 600 * math.cbrt(600**-0.5 + 500**-0.5)
    # Tracy and Widom's law has its mean at -1.2 and its deviation at 1.3; the first rows lost
    # lower the edge of the others a little.
    assert abs(eigenvalue.mean() - edge + 1.2 * width) < 2.0 * width


def test_only_the_unfinished_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _Model(1000, 1000, 2.0)
    fresh = spiked._reduced_blocks
    asked: list[tuple[int, int, int]] = []

    def watched(
        model: _Model, start: int, stop: int, count: int, generator: np.random.Generator
    ) -> np.ndarray:
        asked.append((start, stop, count))
        return fresh(model, start, stop, count, generator)

    monkeypatch.setattr(spiked, "_reduced_blocks", watched)
    eigenvalue, overlap = spiked._reduced_batch(model, 200, 44, 1e-12, np.random.default_rng(5))
    assert len(asked) > 1
    assert asked[0] == (0, 44, 200)
    assert asked[1][:2] == (44, 66)
    assert 0 < asked[1][2] < 200
    assert np.isfinite(eigenvalue).all()
    assert ((overlap > 0.3) & (overlap < 0.7)).all()


def test_cost_above_the_transition_does_not_grow_with_the_size() -> None:
    rows = {spiked._first_rows(_Model(n, n, 2.0), 1e-12) for n in (10**3, 10**6, 10**12)}
    assert len(rows) == 1
    assert rows.pop() < 64
    # Below it, like the cube root.
    short, long = (spiked._first_rows(_Model(n, n, 0.5), 1e-12) for n in (10**6, 10**9))
    assert long / short == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize(
    ("n", "p"), [(10**12, 10**12), (10**12, 10**9), (10**9, 4 * 10**9)], ids=str
)
def test_huge_sizes_are_at_the_limit(n: int, p: int) -> None:
    gamma = p / n
    spike = 2.0 * math.sqrt(gamma)
    eigenvalue, overlap = reduced_draws(n, p, spike, size=100, rng=50)
    # n chi-squares of relative spread sqrt(2/n); a factor of ten for both of them.
    slack = 10.0 / math.sqrt(min(n, p))
    limit = (1 + spike) * (1 + gamma / spike)
    np.testing.assert_allclose(eigenvalue, limit, rtol=slack)
    np.testing.assert_allclose(overlap, (1 - gamma / spike**2) / (1 + gamma / spike), atol=slack)


def test_huge_size_below_the_transition_is_at_the_edge() -> None:
    eigenvalue, overlap = reduced_draws(10**9, 10**9, 0.5, size=4, rng=51)
    # The edge, within Tracy and Widom's n^(-2/3).
    np.testing.assert_allclose(eigenvalue, 4.0, atol=4e-5)
    assert (overlap < 1e-3).all()


# ------------------------------------------------------------------ the dense reference


@pytest.mark.parametrize(("n", "p"), [(7, 4), (5, 5), (4, 9), (1, 3), (3, 1)])
@pytest.mark.parametrize("block", [1 << 20, 8])
def test_dense_is_the_eigenproblem_of_the_data(
    monkeypatch: pytest.MonkeyPatch, n: int, p: int, block: int
) -> None:
    monkeypatch.setattr(spiked, "_DENSE_BLOCK", block)
    spike, sigma2 = 1.5, 0.3
    noise = np.random.default_rng(60).standard_normal((max(n, p), min(n, p)))
    x = np.sqrt(sigma2) * (noise if p <= n else noise.T)
    x[:, 0] *= np.sqrt(1 + spike)
    values, vectors = np.linalg.eigh(x.T @ x / n)
    eigenvalue, overlap = dense_draws(n, p, spike, sigma2=sigma2, size=1, rng=60)
    np.testing.assert_allclose(eigenvalue, values[-1], rtol=1e-13)
    np.testing.assert_allclose(overlap, vectors[0, -1] ** 2, rtol=1e-12)


def test_dense_refuses_what_it_could_not_hold() -> None:
    with pytest.raises(ValueError, match=r"n and p .* 9000 and 8500; reduced_draws"):
        dense_draws(9000, 8500, 1.0)


# ------------------------------------------------------------------ arguments


@ROUTES
@pytest.mark.parametrize(("n", "p"), [(5, 3), (3, 5), (90, 70)])
def test_noise_variance_is_a_scale(draw: Callable, n: int, p: int) -> None:
    one = draw(n, p, 2.0, size=3, rng=70)
    other = draw(n, p, 2.0, sigma2=0.01, size=3, rng=70)
    np.testing.assert_allclose(other[0], 0.01 * one[0], rtol=1e-15)
    np.testing.assert_array_equal(other[1], one[1])


@ROUTES
@pytest.mark.parametrize("size", [1, 7, 500])
def test_a_seed_determines_the_draws(draw: Callable, size: int) -> None:
    one, other = (draw(30, 20, 1.0, size=size, rng=80) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert one[0].shape == one[1].shape == (size,)
    assert one[0].dtype == one[1].dtype == np.float64
    assert np.unique(one[0]).size == size


@ROUTES
def test_batches_are_independent(draw: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spiked, "_DENSE_BLOCK", 400)
    monkeypatch.setattr(spiked, "_REDUCED_BLOCK", 50)
    eigenvalue, overlap = draw(8, 5, 1.0, size=301, rng=81)
    assert np.unique(eigenvalue).size == 301
    assert np.unique(overlap).size == 301


@given(
    seed=seeds,
    n=st.integers(1, 99),
    p=st.integers(1, 99),
    spike=st.one_of(st.just(0.0), st.floats(1e-300, 1e6), st.just(1e279)),
)
@settings(deadline=None, max_examples=40)
def test_draws_are_in_range(seed: int, n: int, p: int, spike: float) -> None:
    for draw in DRAWS:
        eigenvalue, overlap = draw(n, p, spike, size=2, rng=seed)
        assert np.isfinite(eigenvalue).all()
        assert (eigenvalue > 0).all()
        assert ((overlap >= 0) & (overlap <= 1)).all()
