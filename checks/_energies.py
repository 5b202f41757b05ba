"""Energies of the chain on the digits against its number of steps, with error bars."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from lemmata import impl, theory
from lemmata.checks._bars import mean_interval
from lemmata.checks._chain import decays
from lemmata.checks._reverse import geometric_steps
from lemmata.checks._spectra import digits, digits_spectrum, normalised, total_variation
from lemmata.harness.claim import Constants

__all__ = [
    "RANK",
    "figures",
    "full_size_spectra",
    "injected_variances",
    "settled_shares",
    "sizes_of_digits",
    "spectra_apart",
]

Array = NDArray[np.float64]

#: Directions that the denoisers keep.
RANK = 8
#: Noise variance of the constant schedule, of the digits' total variance.
_CONSTANT = 0.025
_SCALE = 0.05
_OVER = 0.25

#: Independent estimates, whose scatter is the error bar, and draws of each.
_BATCHES, _DRAWS, _MORE_DRAWS = 4, 24, 60
#: Levels at which the maps are estimated; between them, logarithms are interpolated.
_GRID = np.geomspace(1e-4, 0.08, 7)
#: Maps that are multiplied at a time.
_CHUNK = 2000
_STEPS = (10, 50, 110, 200, 500, 1000, 10_000)

#: Noise variance of each step, step 1 applied last, by name.
_SCHEDULES: dict[str, Callable[[int], Array]] = {
    f"constant {_CONSTANT:g}": lambda steps: np.full(steps, _CONSTANT),
    f"{_OVER:g} / sqrt(T)": lambda steps: np.full(steps, _OVER / math.sqrt(steps)),
    f"{_OVER:g} / T": lambda steps: np.full(steps, _OVER / steps),
    f"{_SCALE:g} t / T": lambda steps: _SCALE * np.arange(1, steps + 1) / steps,
    f"{_SCALE:g} (t / T)^2": lambda steps: _SCALE * (np.arange(1, steps + 1) / steps) ** 2,
}


def sizes_of_digits() -> tuple[int, int]:
    """How many digits there are, and their dimension."""
    n, p = digits().shape
    return n, p


def _values() -> Array:
    return digits_spectrum()[:RANK]


@functools.cache
def _moment_maps(variance: float, draws: int = _DRAWS) -> Array:
    """Independent estimates of the map of the mean squares, shape (batches, r + 1, r + 1)."""
    n, p = sizes_of_digits()
    # The same seeds at all levels: what varies between them is smooth.
    seeds = np.random.SeedSequence(7).spawn(_BATCHES)
    maps = [
        impl.chain_moment_map(n, p, _values(), variance, size=draws, rng=seed) for seed in seeds
    ]
    return np.asarray(maps)


@functools.cache
def _splines() -> tuple[Any, Array]:
    """Logarithms of the maps against that of the level, of 1 - K_ii on the diagonal.

    Below the grid they are continued as the straight lines that they become.
    """
    maps = np.asarray([_moment_maps(float(level)) for level in _GRID])
    place = np.arange(RANK)
    maps[..., place, place] = 1 - maps[..., place, place]
    logs = np.log(maps)
    slopes = (logs[1] - logs[0]) / math.log(_GRID[1] / _GRID[0])
    return CubicSpline(np.log(_GRID), logs), slopes


def _maps_at(variances: Array) -> Array:
    """The maps at any levels, shape (levels, batches, r + 1, r + 1)."""
    spline, slopes = _splines()
    x = np.log(variances)
    logs = np.asarray(spline(np.maximum(x, math.log(_GRID[0]))))
    below = np.minimum(x - math.log(_GRID[0]), 0.0)
    logs = logs + below[:, None, None, None] * slopes
    maps = np.exp(logs)
    place = np.arange(RANK)
    maps[..., place, place] = 1 - maps[..., place, place]
    return np.asarray(maps)


def _through(variances: Array) -> tuple[Array, Array]:
    """Normalised energies of samples, and of the mean's rows, of every batch; the last is off."""
    _, p = sizes_of_digits()
    rest = p - RANK
    start = np.append(np.ones(RANK), float(rest))
    if len(variances) > 1 and np.ptp(variances) == 0:
        step = _maps_at(variances[:1])[0]
        energies = np.linalg.matrix_power(step, len(variances)) @ start
        logs = len(variances) * np.log(step.sum(axis=1))
    else:
        energies = np.tile(start, (_BATCHES, 1))
        logs = np.zeros((_BATCHES, RANK + 1))
        for stop in range(len(variances), 0, -_CHUNK):
            steps = _maps_at(variances[max(0, stop - _CHUNK) : stop])
            # A column's sum is what the mean of the projection keeps: P P = P.
            logs += np.log(steps.sum(axis=2)).sum(axis=0)
            energies = _unit(np.einsum("bij,bj->bi", _product(steps), energies))
    squares = np.exp(2 * (logs - logs.max(axis=1, keepdims=True)))
    squares[:, -1] *= rest
    return _unit(energies), _unit(squares)


def _product(steps: Array) -> Array:
    """The product along the first axis, by halves, up to its scale."""
    while len(steps) > 1:
        last = steps[-1:] if len(steps) % 2 else steps[:0]
        steps = np.concatenate([steps[:-1:2] @ steps[1::2], last])
        steps = steps / steps.max(axis=(2, 3), keepdims=True)
    return np.asarray(steps[0])


def _unit(values: Array) -> Array:
    return np.asarray(values / values.sum(axis=-1, keepdims=True))


@functools.cache
def _shares_at(schedule: str, steps: int) -> tuple[Array, Array]:
    """Normalised E[x x^T] and (E P)(E P)^T after so many steps, (batches, r + 1) each."""
    return _through(_SCHEDULES[schedule](steps))


def _limit_shares(schedule: str, steps: int) -> Array:
    """The first of them as n and p grow at the digits' ratio."""
    n, p = sizes_of_digits()
    spikes = _values() / _SCHEDULES[schedule](steps)[:, None]
    logs = np.asarray(theory.chain_energy(spikes, p / n))
    return _unit(np.exp(logs.min() - logs))


def _limit_spectrum(schedule: str, steps: int) -> Array:
    """The second."""
    n, p = sizes_of_digits()
    logs = decays(_values() / _SCHEDULES[schedule](steps)[:, None], p / n)
    return _unit(np.exp(2 * (logs.min() - logs)))


def _mean_spectra(schedule: str, steps: int) -> tuple[float, float]:
    """Interval for the total variation between E[x x^T] and (E P)(E P)^T, normalised."""
    pairs = zip(*_shares_at(schedule, steps), strict=True)
    return mean_interval(np.asarray([total_variation(left, right) for left, right in pairs]))


def _energy_tables() -> dict[str, Any]:
    """Shares of the four leading directions and of what is off the eight, with standard errors."""
    shown = [0, 1, 2, 3, RANK]
    tables: dict[str, Any] = {}
    for name in _SCHEDULES:
        rows = []
        for steps in _STEPS:
            samples, mean = _shares_at(name, steps)
            error = samples.std(axis=0, ddof=1) / math.sqrt(_BATCHES)
            rows.append(
                {
                    "T": steps,
                    "E[x x^T], theory": _limit_shares(name, steps)[shown].round(6).tolist(),
                    "E[x x^T], moment map": samples.mean(axis=0)[shown].round(6).tolist(),
                    "standard error": error[shown].round(6).tolist(),
                    "(E P)(E P)^T": mean.mean(axis=0)[shown].round(6).tolist(),
                    "(E P)(E P)^T, theory": _limit_spectrum(name, steps)[:4].round(6).tolist(),
                }
            )
        tables[f"sigma_t^2 = {name}"] = rows
    return tables


def figures() -> dict[str, Any]:
    """Figure 6 on the digits, which stand in for MNIST."""
    values, (n, p) = digits_spectrum()[:RANK], sizes_of_digits()
    samples, _ = impl.chain_samples(n, p, values, np.full(110, _CONSTANT), size=256, rng=0)
    energies = np.append(
        np.square(samples[:, :RANK]).sum(axis=0), np.square(samples[:, RANK:]).sum()
    )
    return {
        "data": f"scikit-learn digits, {RANK} directions, as a stand-in for MNIST; noise in units"
        " of the total variance; shares of the four leading directions and of what is off all",
        "figure 6": _energy_tables(),
        "figure 6, one chain for all samples, constant noise, T = 110": (energies / energies.sum())
        .round(6)
        .tolist(),
    }


def settled_shares(_outcomes: object) -> Constants:
    """Where the normalised second moment settles on the digits."""
    steps = _moment_maps(_CONSTANT, _MORE_DRAWS)
    shares = []
    for step in steps:
        values, vectors = np.linalg.eig(step)
        leading = np.abs(vectors[:, int(values.real.argmax())].real)
        shares.append(leading / leading.sum())
    found: Constants = {
        f"limit share of u_{i} on the digits, constant noise, 95 % interval": mean_interval(
            np.asarray(shares)[:, i]
        )
        for i in range(4)
    }
    found["limit share off the eight directions, 95 % interval"] = mean_interval(
        np.asarray(shares)[:, -1]
    )
    return found


def spectra_apart(_outcomes: object) -> Constants:
    """How far E[x x^T] is from (E P)(E P)^T, both of trace one, on the digits."""
    return {
        f"TV of E[x x^T] and (E P)(E P)^T, sigma_t^2 = {name}, T = {steps}, 95 % interval": (
            _mean_spectra(name, steps)
        )
        for name in _SCHEDULES
        for steps in (110, 1000)
    }


def full_size_spectra() -> dict[str, Any]:
    """What the chain and the standard process make of the digits' spectrum, cut to its rank."""
    _, p = sizes_of_digits()
    data = np.append(_values(), np.zeros(p - RANK))
    start = np.append(np.ones(RANK), float(p - RANK))
    steps = _moment_maps(_CONSTANT, _MORE_DRAWS)
    chain = _unit(np.linalg.matrix_power(steps, 1000) @ start)
    times = geometric_steps({"t_end": 6.0, "steps": 200})
    standard = normalised(np.asarray(theory.euler_variance(data, times, stochastic=False)))
    return {
        "data": normalised(data)[:RANK].round(6).tolist(),
        f"chain, 1000 steps at {_CONSTANT:g}, fresh data": chain.mean(axis=0).round(6).tolist(),
        "standard error": (chain.std(axis=0, ddof=1) / math.sqrt(_BATCHES)).round(6).tolist(),
        "standard process": np.append(standard[:RANK], standard[RANK:].sum()).round(6).tolist(),
    }


def injected_variances() -> Constants:
    """Stationary variances over tau^2 of the chain with injected noise, on the digits."""
    n, p = sizes_of_digits()
    injected = np.append(np.ones(RANK), float(p - RANK))
    steps = _moment_maps(_CONSTANT, _MORE_DRAWS)
    found = np.asarray([np.linalg.solve(np.eye(RANK + 1) - step, injected) for step in steps])
    kept = np.exp(-decays(_values()[None, :] / _CONSTANT, p / n))
    limit = (1 + kept - kept**2) / (1 - kept**2)
    constants: Constants = {}
    for i in range(4):
        key = f"digits: stationary variance along u_{i} over tau^2"
        constants[f"{key}, 95 % interval"] = mean_interval(found[:, i])
        constants[f"{key}, limit"] = float(limit[i])
    rest = found[:, -1] / (p - RANK)
    constants["digits: the same off the eight directions, 95 % interval"] = mean_interval(rest)
    data = np.append(_values(), 0.0)
    constants["digits: total variation from the data's spectrum, 95 % interval"] = mean_interval(
        [total_variation(_unit(row), _unit(data)) for row in found]
    )
    return constants
