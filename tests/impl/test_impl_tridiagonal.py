"""The batched eigensolver against NumPy's dense one and against mpmath."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import matrix, mp

from lemmata.impl import _tridiagonal
from lemmata.impl._tridiagonal import top_pairs

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(params=["sweep", "one by one", "lapack"], autouse=True)
def _route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send every batch, however small, along one route."""
    sweep = request.param == "sweep"
    monkeypatch.setattr(_tridiagonal, "_LAGUERRE_BATCH", 0.0 if sweep else 1e9)
    monkeypatch.setattr(_tridiagonal, "_LAGUERRE_ROWS", 10**9)
    if request.param == "lapack":
        monkeypatch.setattr(_tridiagonal, "_inverse_iteration", lambda *_args: None)


def dense(diagonal: np.ndarray, off_diagonal: np.ndarray) -> np.ndarray:
    stack = [
        np.diag(a) + np.diag(b, 1) + np.diag(b, -1)
        for a, b in zip(diagonal.T, off_diagonal.T, strict=True)
    ]
    return np.array(stack)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 12, 40])
@pytest.mark.parametrize("seed", range(4))
def test_matches_numpy(rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Sizes spread over decades, row by row.
    spread = 10.0 ** rng.uniform(-seed, seed, (rows, 50))
    a, b = spread * rng.random((rows, 50)), (spread * rng.random((rows, 50)))[:-1]
    value, first, last = top_pairs(a, b)
    values, vectors = np.linalg.eigh(dense(a, b))
    np.testing.assert_allclose(value, values[:, -1], rtol=1e-14)
    gap = values[:, -1] - values[:, -2] if rows > 1 else values[:, -1]
    atol = 1e-14 * values[:, -1] / gap
    assert (np.abs(first - vectors[:, 0, -1] ** 2) <= 20 * atol).all()
    assert (np.abs(last - vectors[:, -1, -1] ** 2) <= 20 * atol).all()


@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e250])
def test_scale_does_not_matter(scale: float) -> None:
    rng = np.random.default_rng(7)
    a, b = rng.random((9, 30)), rng.random((8, 30))
    value, first, last = top_pairs(a, b)
    scaled, *ends = top_pairs(scale * a, scale * b)
    np.testing.assert_allclose(scaled, scale * value, rtol=1e-14)
    np.testing.assert_allclose(ends, [first, last], rtol=1e-9)


def test_decoupled_matrices() -> None:
    # Top at the start, in the middle, at the end; zero and tiny links.
    a = np.array([[3.0, 1.0, 1.0], [1.0, 3.0, 2.0], [2.0, 2.0, 3.0]])
    for link in (0.0, 1e-250):
        value, first, last = top_pairs(a, np.full((2, 3), link))
        np.testing.assert_array_equal(value, 3.0)
        np.testing.assert_allclose(first, [1.0, 0.0, 0.0], atol=1e-40)
        np.testing.assert_allclose(last, [0.0, 0.0, 1.0], atol=1e-40)


def test_all_equal() -> None:
    value, first, last = top_pairs(np.full((4, 3), 2.0), np.zeros((3, 3)))
    np.testing.assert_array_equal(value, 2.0)
    assert ((first >= 0) & (first + last <= 1 + 1e-15)).all()


@pytest.mark.parametrize("rows", [300, 1200])
def test_crowded_edge(rows: int) -> None:
    # Eigenvalues 2 cos(k pi / (rows + 1)): the two on top are 1e-5 apart at 1200 rows.
    angle = np.pi / (rows + 1)
    value, first, last = top_pairs(np.zeros((rows, 2)) + 2.0, np.ones((rows - 1, 2)))
    np.testing.assert_allclose(value, 2 + 2 * np.cos(angle), rtol=1e-15)
    expected = 2 / (rows + 1) * np.sin(angle) ** 2
    np.testing.assert_allclose(first, expected, rtol=1e-8)
    np.testing.assert_allclose(last, expected, rtol=1e-8)


def test_sweep_keeps_the_digits_of_tiny_components(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tridiagonal, "_LAGUERRE_BATCH", 0.0)
    rows = 12
    a, b = np.ones(rows), np.full(rows - 1, 0.25)
    a[0] = 8.0
    with mp.workdps(60):
        full = matrix(rows)
        for i in range(rows):
            full[i, i] = a[i]
        for i in range(rows - 1):
            full[i, i + 1] = full[i + 1, i] = b[i]
        values, vectors = mp.eigsy(full)
        expected = [float(values[rows - 1]), float(vectors[0, rows - 1] ** 2)]
        tiny = float(vectors[rows - 1, rows - 1] ** 2)
    value, first, last = top_pairs(a[:, None], b[:, None])
    np.testing.assert_allclose([value[0], first[0]], expected, rtol=1e-15)
    assert tiny < 1e-30
    np.testing.assert_allclose(last, tiny, rtol=1e-12)


@given(seed=seeds, rows=st.integers(2, 15))
@settings(deadline=None, max_examples=40)
def test_wishart_matrices(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    d2, f2 = rng.chisquare(np.arange(rows, 0, -1)[:, None], (2, rows, 8))
    a = d2.copy()
    a[1:] += f2[:-1]
    b = np.sqrt(d2 * f2)[:-1]
    value, first, _ = top_pairs(a, b)
    values, vectors = np.linalg.eigh(dense(a, b))
    gap = (values[:, -1] - values[:, -2]) / values[:, -1]
    np.testing.assert_allclose(value, values[:, -1], rtol=1e-13)
    assert (np.abs(first - vectors[:, 0, -1] ** 2) <= 1e-13 / gap).all()


def test_laguerre_step_is_that_of_the_eigenvalues() -> None:
    rng = np.random.default_rng(8)
    rows = 7
    a, b = rng.random((rows, 20)), rng.random((rows - 1, 20))
    roots = np.linalg.eigvalsh(dense(a, b))
    for above in (1e-3, 0.1, 3.0):
        shift = roots[:, -1] + above
        s1, s2 = ((1 / (shift[:, None] - roots) ** power).sum(axis=1) for power in (1, 2))
        drop, positive = _tridiagonal._laguerre_drop(a, np.square(b), shift)
        expected = rows / (s1 + np.sqrt((rows - 1) * (rows * s2 - s1**2)))
        np.testing.assert_allclose(drop, expected, rtol=1e-9)
        assert positive.all()
    below = roots[:, -1] - 1e-6
    assert not _tridiagonal._laguerre_drop(a, np.square(b), below)[1].any()


def test_rayleigh_correction_and_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(9)
    a, b = rng.random((7, 20)), rng.random((6, 20))
    values, vectors = np.linalg.eigh(dense(a, b))
    off = 1e-4 * (values[:, -1] - values[:, -2])
    for sign in (1, -1):
        shift, first, _ = _tridiagonal._vector_ends(a, b, values[:, -1] + sign * off)
        # An error of 1e-4 in the value leaves its square in Rayleigh's quotient.
        assert (np.abs(sign * off - shift) < 1e-3 * off).all()
        np.testing.assert_allclose(first, vectors[:, 0, -1] ** 2, atol=1e-3)
    # And top_pairs applies it.
    monkeypatch.setattr(_tridiagonal, "_LAGUERRE_BATCH", 0.0)
    monkeypatch.setattr(
        _tridiagonal,
        "_largest_root",
        lambda a, b: (np.linalg.eigvalsh(dense(a, b))[:, -1] + 1e-7, np.ones(20, dtype=bool)),
    )
    np.testing.assert_allclose(top_pairs(a, b)[0], values[:, -1], rtol=1e-10)
    assert (_tridiagonal._upper_bound(a, b) >= values[:, -1]).all()
    # Balanced, the first row's bound is exact for two rows.
    pair = np.linalg.eigvalsh(dense(a[:2], b[:1]))[:, -1]
    np.testing.assert_allclose(_tridiagonal._upper_bound(a[:2], b[:1]), pair, rtol=1e-14)


def spiked_matrices(rows: int, count: int, spike: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(11)
    d2, f2 = rng.chisquare(np.arange(4 * rows, 3 * rows, -1)[:, None], (2, rows, count))
    d2[0] *= 1 + spike
    a = d2.copy()
    a[1:] += f2[:-1]
    return a, np.sqrt(d2 * f2)[:-1]


@pytest.mark.parametrize("rows", [2, 3, 20])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e250])
def test_a_guess_is_a_start_and_no_more(rows: int, scale: float) -> None:
    a, b = spiked_matrices(rows, 40, 9.0)
    value, first, last = top_pairs(a, b)
    for off in (0.9, 1.0, 3.0, 1e3):
        found = top_pairs(scale * a, scale * b, scale * off * float(value.mean()))
        np.testing.assert_allclose(found[0], scale * value, rtol=1e-14)
        np.testing.assert_allclose(found[1], first, rtol=1e-13)
        np.testing.assert_allclose(found[2], last, rtol=1e-9, atol=1e-28)


def test_newton_says_where_it_failed() -> None:
    # The top of every other matrix is in the last row, where Newton's iteration does not see it.
    a, b = spiked_matrices(12, 40, 9.0)
    a[-1, ::2] = 5.0 * a[0, ::2]
    values = np.linalg.eigvalsh(dense(a, b))[:, -1]
    guess = float(a[0].mean())
    with np.errstate(all="ignore"):
        *_, good = _tridiagonal._from_the_first_row(a / guess, b / guess)
    np.testing.assert_array_equal(good[::2], False)
    assert good[1::2].all()
    np.testing.assert_allclose(top_pairs(a, b, guess)[0], values, rtol=1e-13)


def test_one_matrix_does_not_blind_the_next() -> None:
    # Decoupled blocks; the top changes sides, and the start from the matrix before is zero there.
    a = np.array([[3.0, 2.0, 1.0, 1.0], [1.0, 1.0, 2.0, 3.0]] * 20).T
    b = np.zeros((3, 40))
    b[0], b[2] = 0.5, 0.5
    value, first, last = top_pairs(a, b)
    np.testing.assert_allclose(value, np.linalg.eigvalsh(dense(a, b))[:, -1], rtol=1e-15)
    np.testing.assert_allclose(first[::2], last[1::2], rtol=1e-13)
    np.testing.assert_allclose(first[1::2], 0.0, atol=1e-25)
    np.testing.assert_allclose(last[::2], 0.0, atol=1e-25)
    assert (first[::2] > 0.5).all()


def test_the_inverse_iteration_needs_no_lapack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def refuse(*_args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(_tridiagonal, "_by_lapack", refuse)
    for rows in (5, 60, 700):
        a, b = spiked_matrices(rows, 9, 0.0)
        value, _, _ = top_pairs(a, b)
        np.testing.assert_allclose(value, np.linalg.eigvalsh(dense(a, b))[:, -1], rtol=1e-14)
