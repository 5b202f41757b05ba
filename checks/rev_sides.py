"""REV-2: the chain of projections and the standard process, side by side."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad

from lemmata import impl, theory
from lemmata.checks._bars import mean_interval
from lemmata.checks._energies import full_size_spectra
from lemmata.checks._reverse import geometric_steps
from lemmata.checks._spectra import digits_spectrum, normalised, total_variation
from lemmata.harness.claim import Claim, Constants, Point
from lemmata.harness.evidence import Outcome
from lemmata.harness.sampling import LawTest, MeanTest

__all__ = ["CLAIMS"]

Array = NDArray[np.float64]

_REVIEW = "review of Weitzner et al. 2024"

_N, _P, _KEPT, _LENGTH = 24, 6, 3, 80
_NOISE = 0.1
_GRID = {"t_end": 6.0, "steps": 200}
#: Batches whose scatter is the error bar, and samples of each.
_BATCHES, _SAMPLES = 6, 32


@functools.cache
def _side(name: str) -> Array:
    """Three eigenvalues in units of their sum."""
    drawn = np.array([4.0, 2.0, 1.0])
    return normalised(digits_spectrum()[:_KEPT] if name == "digits" else drawn)


@functools.cache
def _data(name: str) -> Array:
    """The data of both parties, shape (n, p), whose second moment has these eigenvalues."""
    data = np.zeros((_N, _P))
    place = np.arange(_KEPT)
    data[place, place] = np.sqrt(_N * _side(name))
    return data


#: One data set for both, or for the chain new samples of the same covariance at every step.
_SIDES = st.fixed_dictionaries(
    {"spectrum": st.sampled_from(["digits", "drawn"]), "data": st.sampled_from(["fixed", "fresh"])}
)
_SPECTRA = st.fixed_dictionaries({"spectrum": st.sampled_from(["digits", "drawn"])})


def _shares(x: Array) -> Array:
    """Energy along the two leading eigenvectors, as shares of each sample's own."""
    return np.asarray(x[:, :2] ** 2 / (x**2).sum(axis=1, keepdims=True))


def _by_chain(point: Point, rng: np.random.Generator, size: int) -> Array:
    """Each sample by a chain of its own: noise, PCA and projection at every step."""
    products = impl.dense_chain(
        _N,
        _P,
        _side(point["spectrum"]),
        [_NOISE] * _LENGTH,
        data=point["data"],
        size=size,
        rng=rng,
    )
    return np.asarray(np.einsum("sij,sj->si", products, rng.standard_normal((size, _P))))


def _by_standard(point: Point, rng: np.random.Generator, size: int) -> Array:
    """By the probability-flow ODE, with denoisers trained on the data."""
    return np.asarray(
        impl.reverse_samples(
            _data(point["spectrum"]), geometric_steps(_GRID), stochastic=False, size=size, rng=rng
        )
    )


def _gaussian(point: Point, rng: np.random.Generator, size: int) -> Array:
    return np.asarray(rng.standard_normal((size, _KEPT)) * np.sqrt(_side(point["spectrum"])))


def _chain_share(point: Point, rng: np.random.Generator, size: int) -> Array:
    return np.asarray(_shares(_by_chain(point, rng, size))[:, 0])


def _more_than_gaussian(point: Point) -> tuple[float, float]:
    """A tenth more than the mean share in N(0, Sigma), and all."""
    values = _side(point["spectrum"])

    # 1 / |x|^2 is the integral of exp(-s |x|^2).
    def integrand(s: float) -> float:
        factors = 1 + 2 * s * values
        return float(values[0] / factors[0] / np.sqrt(factors.prod()))

    return float(quad(integrand, 0.0, np.inf)[0]) + 0.1, 1.0


@functools.cache
def _measured() -> dict[str, tuple[Array, Array, Array]]:
    """By name: the data's normalised spectrum, those of batches of samples, and shares of u_1."""
    rng = np.random.default_rng(0)
    found = {}
    for name in ("digits", "drawn"):
        spectrum = np.append(_side(name), np.zeros(_P - _KEPT))
        parties = [(f"{name}, chain, {data} data", _by_chain, data) for data in ("fixed", "fresh")]
        for label, draw, data in [*parties, (f"{name}, standard process", _by_standard, "")]:
            point = {"spectrum": name, "data": data}
            x = np.asarray([draw(point, rng, _SAMPLES) for _ in range(_BATCHES)])
            batches = np.square(x).mean(axis=1)
            shares = _shares(x.reshape(-1, _P))[:, 0]
            found[label] = spectrum, batches / batches.sum(axis=1, keepdims=True), shares
    return found


def _side_figures(_outcomes: Sequence[Outcome]) -> Constants:
    """Share of the leading eigenvector, and total variation from the data's spectrum."""
    found: Constants = {}
    for label, (spectrum, batches, shares) in _measured().items():
        found[f"{label}: mean share of u_1, 95 % interval"] = mean_interval(shares)
        found[f"{label}: total variation of {_BATCHES * _SAMPLES} samples"] = total_variation(
            batches.mean(axis=0), spectrum
        )
    for name in ("digits", "drawn"):
        spectrum = np.append(_side(name), np.zeros(_P - _KEPT))
        reached = theory.euler_variance(spectrum, geometric_steps(_GRID), stochastic=False)
        key = f"{name}, standard process: total variation of the law"
        found[key] = total_variation(normalised(np.asarray(reached)), spectrum)
    return found


def _side_data() -> dict[str, Any]:
    """Normalised spectra of the data and of each party, with standard errors."""
    table: dict[str, Any] = {}
    for label, (spectrum, batches, _) in _measured().items():
        error = batches.std(axis=0, ddof=1) / np.sqrt(len(batches))
        table[label] = {
            "data": spectrum.round(6).tolist(),
            "samples": batches.mean(axis=0).round(6).tolist(),
            "standard error": error.round(6).tolist(),
        }
    return {"spectra": table, "digits, all of them in 64 dimensions": full_size_spectra()}


CLAIMS = (
    Claim(
        id="REV-2",
        title="the chain of projections is not standard diffusion",
        source=_REVIEW,
        statement=r"\text{share of } u_1:\ \mathbb{E}\frac{(u_1 \cdot x)^2}{\|x\|^2}"
        r" \text{ is larger by at least } 0.1 \text{ for the chain, and as in } N(0, \Sigma)"
        r" \text{ for the standard process}",
        reading=f"side by side on one data set, whose covariance has the digits' {_KEPT} leading"
        " eigenvalues or a drawn triple, and for the chain also on fresh samples of it;"
        f" the chain: {_LENGTH} steps at noise variance {_NOISE:g} of the total, each the PCA"
        f" projection of {_N} noisy samples in {_P} dimensions. Small, because a thousand samples"
        " need a chain each, and every step of each is an eigendecomposition; spectra of full size"
        " are in the data",
        evidence=(
            MeanTest(
                domain=_SIDES,
                draw=_chain_share,
                allowed=_more_than_gaussian,
                effect=0.1,
                bounds=(0.0, 1.0),
                routes=(
                    "impl: the chain, noise and PCA at every step",
                    "mean share in N(0, Sigma), by quadrature, and a tenth",
                ),
                first=128,
            ),
            LawTest(
                domain=_SPECTRA,
                left=lambda point, rng, size: _shares(_by_standard(point, rng, size)),
                right=lambda point, rng, size: _shares(_gaussian(point, rng, size)),
                effect=0.1,
                routes=("impl: the reverse process", "samples of N(0, Sigma)"),
            ),
        ),
        needs=("REV-1",),
        constants=_side_figures,
        data=_side_data,
        note="A sample's shares, so that the chain's shrinking norm plays no part.",
    ),
)
