"""The matrix of a step, dense and applied."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.impl import apply_step_matrix, step_matrix


@pytest.mark.parametrize("k", [0.0, 2.0, 3.0])
def test_dense_and_applied_agree_with_the_definition(k: float) -> None:
    rng = np.random.default_rng(1)
    mu, mu_star, x = rng.normal(size=(3, 6))
    matrix = step_matrix(mu, mu_star, 0.7, coefficient=k)
    for i in range(6):
        for j in range(6):
            entry = (i == j) * (1 - k * 0.7 * (mu * mu).sum()) + 2 * 0.7 * mu_star[i] * mu_star[j]
            assert matrix[i, j] == pytest.approx(entry, rel=1e-14)
    applied = apply_step_matrix(np.stack([x, 2 * x]), mu, mu_star, 0.7, coefficient=k)
    np.testing.assert_allclose(applied, np.stack([matrix @ x, 2 * matrix @ x]), rtol=1e-12)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="eta must be"):
        step_matrix([1.0], [1.0], -1.0)
    with pytest.raises(ValueError, match="coefficient must be"):
        apply_step_matrix([1.0], [1.0], [1.0], 1.0, coefficient=-1.0)
    with pytest.raises(ValueError, match="mu must have at most 4096"):
        step_matrix(np.ones(4097), np.ones(4097), 1.0)
    with pytest.raises(ValueError, match="overflow"):
        step_matrix([1.0], [1e200], 1.0)
    with pytest.raises(ValueError, match="mu_star"):
        apply_step_matrix([1.0], [1.0], [1.0, 2.0], 1.0)
