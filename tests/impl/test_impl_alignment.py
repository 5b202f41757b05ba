"""Partners of eigenvectors and of blocks of them."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.impl import block_overlaps, denoiser_samples, eigenvector_overlaps
from lemmata.impl import symmetric_eigenpairs as eigenpairs

RNG = np.random.default_rng(1)
ONE, OTHER = (np.linalg.qr(RNG.standard_normal((3, 6, 6)))[0] for _ in range(2))


def test_eigenpairs_are_those_of_the_symmetric_part():
    matrices = RNG.standard_normal((4, 5, 5))
    values, vectors = eigenpairs(matrices)
    assert (np.diff(values) <= 0).all()
    half = 0.5 * (matrices + np.swapaxes(matrices, 1, 2))
    np.testing.assert_allclose((vectors * values[:, None]) @ np.swapaxes(vectors, 1, 2), half)


def test_by_index():
    found = eigenvector_overlaps(ONE, OTHER, count=4)
    for image in range(3):
        for i in range(4):
            cosine = ONE[image, :, i] @ OTHER[image, :, i]
            assert found[image, i] == pytest.approx(cosine**2)


def test_the_best_partners_undo_a_permutation():
    order = [3, 1, 5, 0, 2, 4]
    np.testing.assert_allclose(
        eigenvector_overlaps(ONE, ONE[..., order], count=6, match="best"), 1.0
    )
    assert (
        eigenvector_overlaps(ONE, OTHER, count=6, match="best").sum()
        >= eigenvector_overlaps(ONE, OTHER, count=6).sum()
    )


def test_blocks_do_not_see_what_turns_inside_them():
    turn = np.eye(6)
    turn[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]
    np.testing.assert_allclose(block_overlaps(ONE, ONE @ turn, [0, 2, 5]), 1.0)
    assert (eigenvector_overlaps(ONE, ONE @ turn, count=2) < 0.5).all()


def test_blocks_by_chance_are_zero():
    frames = np.linalg.qr(RNG.standard_normal((2, 4000, 6, 6)))[0]
    mean = block_overlaps(frames[0], frames[1], [0, 1, 3]).mean(axis=0)
    np.testing.assert_allclose(mean, 0.0, atol=0.03)


def test_refusals():
    for function, good in (
        (eigenvector_overlaps, {"count": 2}),
        (block_overlaps, {"edges": [0, 1]}),
    ):
        for name, changes in (
            ("reference", {"reference": ONE[..., :5]}),
            ("reference", {"reference": 2 * ONE}),
            ("reference", {"reference": ONE * np.nan}),
            ("turned", {"turned": OTHER[:2]}),
            ("turned", {"turned": np.zeros_like(OTHER)}),
        ):
            with pytest.raises(ValueError, match=name):
                function(**{"reference": ONE, "turned": OTHER, **good, **changes})
    for bad in (0, 7):
        with pytest.raises(ValueError, match="count"):
            eigenvector_overlaps(ONE, OTHER, count=bad)
    with pytest.raises(ValueError, match="match"):
        eigenvector_overlaps(ONE, OTHER, count=2, match="nearest")
    for edges in ([1, 2], [0], [0, 2, 2], [0, 7], [0, 1.5], [0, 6]):
        with pytest.raises(ValueError, match="edges"):
            block_overlaps(ONE, OTHER, edges)
    with pytest.raises(ValueError, match="matrices"):
        eigenpairs(np.ones((2, 3)))
    with pytest.raises(TypeError, match="matrices"):
        eigenpairs(np.ones((2, 2), dtype=complex))


LEVELS = np.geomspace(20.0, 0.01, 300)


@pytest.mark.parametrize("stochastic", [False, True])
def test_samplers_reach_the_data(stochastic):
    """A normal law of two variances, whose denoiser is linear."""
    variances = np.array([4.0, 0.25])
    start = np.random.default_rng(1).standard_normal((20_000, 2)) * np.sqrt(400 + variances)
    x = denoiser_samples(
        lambda x, sigma: x * variances / (variances + sigma**2),
        start,
        LEVELS,
        stochastic=stochastic,
        rng=2,
    )
    np.testing.assert_allclose(x.var(axis=0), variances, rtol=0.06)


def test_the_ode_needs_no_randomness_and_the_sde_follows_its_seed():
    def run(stochastic, rng):
        return denoiser_samples(
            lambda x, sigma: x / (1 + sigma**2), [[1.0]], LEVELS, stochastic=stochastic, rng=rng
        )

    assert run(False, 1) == run(False, 2)
    assert run(True, 1) == run(True, 1) != run(True, 2)


def test_samplers_refuse():
    good = {"denoiser": lambda x, _: x, "start": [[1.0]], "sigmas": [1.0, 0.5], "stochastic": True}
    for name, bad, error in (
        ("denoiser", 3, TypeError),
        ("denoiser", lambda _x, _s: [1.0], ValueError),
        ("denoiser", lambda x, _s: x * np.nan, ValueError),
        ("start", [1.0], ValueError),
        ("start", [[np.inf]], ValueError),
        ("sigmas", [0.5, 1.0], ValueError),
        ("sigmas", [1.0, 0.0], ValueError),
        ("sigmas", [], ValueError),
        ("stochastic", 1, TypeError),
        ("rng", "1", TypeError),
    ):
        with pytest.raises(error, match=name):
            denoiser_samples(**{**good, name: bad})
