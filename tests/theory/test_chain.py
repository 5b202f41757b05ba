"""Limits of chains of projections: shapes, what is lost, and clear errors."""

from __future__ import annotations

import numpy as np
import pytest

from lemmata.theory import chain_decay, chain_energy, spiked_overlap

SPIKES = [[5.0, 3.0], [4.0, 2.0], [9.0, 1.5]]


def test_decay_is_that_of_the_overlaps():
    expected = -np.log(spiked_overlap(np.array(SPIKES), 0.5)).sum(axis=0)
    assert chain_decay(SPIKES, 0.5) == pytest.approx(expected, rel=1e-14)


def test_energy_is_kept_by_one_step_and_falls_by_more():
    # The trace of a projection of rank two; its mean is kept whatever the angles are.
    one = np.exp(-chain_energy(SPIKES[:1], 0.5))
    assert one.sum() == pytest.approx(2.0, rel=1e-14)
    assert np.exp(-chain_energy(SPIKES, 0.5)).sum() < one.sum()


@pytest.mark.parametrize("function", [chain_decay, chain_energy])
def test_leading_axes_broadcast(function):
    stack = np.stack([np.array(SPIKES), 2 * np.array(SPIKES)])
    both = function(stack, [[0.5], [0.25]])
    assert both.shape[:2] == (2, 2)
    for i, gamma in enumerate((0.5, 0.25)):
        for j in range(2):
            assert (both[i, j] == function(stack[j], gamma)).all()


@pytest.mark.parametrize("step", [0, 1, 2])
def test_what_is_lost_at_one_step_is_lost(step):
    spikes = np.array(SPIKES)
    spikes[step, 1] = 0.5
    assert np.isinf(chain_decay(spikes, 0.5)).tolist() == [False, True]
    energy = chain_energy(spikes, 0.5)
    assert not np.isnan(energy).any()
    assert np.isinf(energy).tolist() == [False, True, False]
    spikes[step, 0] = 0.5
    assert np.isinf(chain_energy(spikes, 0.5)).all()


@pytest.mark.parametrize("function", [chain_decay, chain_energy])
@pytest.mark.parametrize(
    ("spikes", "gamma", "message"),
    [
        (1.0, 1.0, r"^spikes must have shape \(\.\.\., T, r\), got \(\)$"),
        ([2.0, 1.0], 1.0, r"^spikes must have shape \(\.\.\., T, r\), got \(2,\)$"),
        ([[2.0, -1.0]], 1.0, r"^spikes must be >= 0, got -1\.0$"),
        ([[1.0, 2.0]], 1.0, r"^spikes must be in falling order along the last axis, got 2\.0$"),
        ([[2.0, 1.0]], 0.0, r"^gamma must be > 0, got 0\.0$"),
        ([[2.0, 1.0]], -1.0, r"^gamma must be > 0, got -1\.0$"),
        (np.ones((2, 3, 4)), np.ones(5), r"^gamma must broadcast .* spikes \(2, 3, 4\), got \(5"),
    ],
)
def test_bad_input(function, spikes, gamma, message):
    with pytest.raises(ValueError, match=message):
        function(spikes, gamma)
