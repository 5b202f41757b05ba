"""Break one constant of a kernel, and the claim that a reader expects goes red.

Each mutant is one edit of the source of one function, of the kind people make: a coefficient, a
sign, a factor, a power, a shifted index, a dropped term. The claims run as they are.
"""

from __future__ import annotations

import functools
import gc
import importlib
import inspect
import os
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

from lemmata.checks import SUITE
from lemmata.harness.engine import Settings, run_claim


@dataclass(frozen=True)
class Mutant:
    """Replace `old` by `new` in a function: no claim of `caught_by` may come out as expected."""

    module: str
    function: str
    old: str
    new: str
    caught_by: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.function}[{self.old}->{self.new}]".replace(" ", "")


MUTANTS = (
    Mutant(
        "theory._stein",
        "residual_coefficients",
        "- 0.5 * v",
        "+ 0.5 * v",
        (
            "SCK-09r",
            "SCK-30",
            "SCK-32r",
        ),
    ),
    Mutant("theory._stein", "residual_coefficients", "- 0.5 * v", "- 0.49 * v", ("SCK-32r",)),
    Mutant(
        "theory._stein",
        "descent_coefficients",
        'b - e["tanh_sq"]',
        'b - 0.9 * e["tanh_sq"]',
        ("SCK-32:angle", "SCK-32:length"),
    ),
    Mutant(
        "theory._stein",
        "residual_coefficients",
        "- 0.5 * _v_d3",
        "- 1.5 * _v_d3",
        (
            "SCK-09r",
            "SCK-28",
        ),
    ),
    Mutant(
        "theory._stein",
        "descent_coefficients",
        'b - e["tanh_sq"]',
        'b - 0.5 * e["tanh_sq"]',
        (
            "SCK-09r",
            "SCK-21r",
            "SCK-27r",
            "SCK-32:angle",
            "SCK-32:length",
            "SCK-10",
        ),
    ),
    Mutant(
        "theory._trapezoid",
        "_fold_gauss",
        "out[_TANH] = (odd",
        "out[_TANH] = 1.001 * (odd",
        ("SCK-09r",),
    ),
    Mutant("theory._trapezoid", "_fold_exp", "_SLOPE**2 * v", "_SLOPE * v", ("DTZ-2",)),
    Mutant(
        "theory._trapezoid",
        "_fold_gauss",
        "out[_S_D1] = (odd",
        "out[_S_D1] = -(odd",
        (
            "SCK-09r",
            "SCK-11",
        ),
    ),
    Mutant(
        "theory._trapezoid",
        "_fold_gauss",
        "out[_S2_D1] = (even",
        "out[_S2_D1] = 0.99 * (even",
        ("DTZ-3",),
    ),
    Mutant(
        "theory._trapezoid",
        "_fold_exp",
        "- m * out[_S_D2]) / v",
        "+ m * out[_S_D2]) / v",
        ("SCK-29r",),
    ),
    Mutant("theory._trapezoid", "_fold_gauss", "out[_S2_D2] = -2", "out[_S2_D2] = 2", ("SCK-29r",)),
    Mutant(
        "theory._twofold",
        "dot",
        "np.concatenate([total,",
        "np.concatenate([1.001 * total,",
        ("SCK-15r",),
    ),
    Mutant(
        "theory.chain",
        "_decays",
        "(scaled + unit)",
        "(scaled - unit)",
        (
            "WDMG-07r",
            "WDMG-10:mean",
            "WDMG-11",
            "WDMG-11r",
            "WDMG-11:cumulative-variance",
        ),
    ),
    Mutant("theory.chain", "_decays", "excess / missing", "missing / excess", ("WDMG-10r",)),
    Mutant(
        "theory.chain",
        "chain_decay",
        "kept.sum(axis=-2)",
        "(0.5 * kept).sum(axis=-2)",
        (
            "WDMG-08r",
            "WDMG-09",
            "WDMG-11",
            "WDMG-11:cumulative-variance",
            "WDMG-11:cumulative-deviation",
        ),
    ),
    Mutant(
        "theory.chain",
        "chain_energy",
        "+ 2.0 * kept[..., :-1, :]",
        "+ kept[..., :-1, :]",
        (
            "WDMG-10r",
            "WDMG-10:cumulative-variance",
            "WDMG-10:cumulative-deviation",
            "WDMG-10:slow",
        ),
    ),
    Mutant(
        "theory.chain",
        "chain_energy",
        "kept[..., 0, :] + kept[..., -1, :]",
        "kept[..., 0, :]",
        ("WDMG-10r",),
    ),
    Mutant(
        "theory.chain",
        "chain_energy",
        "off = lost[..., 0, :]",
        "off = lost[..., -1, :]",
        ("WDMG-10r", "WDMG-10:cumulative-variance"),
    ),
    Mutant(
        "theory.em",
        "em_map",
        'e["d1"][...',
        '1.01 * e["d1"][...',
        (
            "DTZ-2",
            "SCK-26",
        ),
    ),
    Mutant("theory.em", "em_slope", 'e["s2_d1"] / v,', '1.01 * e["s2_d1"] / v,', ("DTZ-3",)),
    Mutant("theory.em", "em_slope", "(1 + signal)", "(1 - signal)", ("DTZ-3",)),
    Mutant("theory.em", "em_residual_slope", "- 1.5 * v", "- 0.5 * v", ("SCK-29r",)),
    Mutant("theory.em", "em_residual_slope", "2 * e[", "1 * e[", ("SCK-29r",)),
    Mutant(
        "theory.em",
        "em_residual_slope",
        '- 0.5 * v * e["s_d3"]',
        '+ 0.5 * v * e["s_d3"]',
        ("SCK-29r",),
    ),
    Mutant(
        "theory.em",
        "em_contraction",
        "np.where(shorter, m, v)",
        "np.where(shorter, v, m)",
        ("DTZ-4",),
    ),
    Mutant(
        "theory.em",
        "_solve",
        "for _ in range(2)",
        "high = high * 1.001\n    for _ in range(0)",
        ("DTZ-4",),
    ),
    Mutant("theory.em", "em_map", 'e["tanh"][...', '1.001 * e["tanh"][...', ("DTZ-1",)),
    Mutant("theory.em", "em_map", 'e["d1"][...', '1.001 * e["d1"][...', ("DTZ-1",)),
    Mutant("theory.em", "em_slope", "2 * m * e", "m * e", ("DTZ-3",)),
    Mutant("theory.em", "em_slope", '(1 + signal) * e["d1"]', 'signal * e["d1"]', ("DTZ-3",)),
    Mutant("theory.em", "em_slope", 'e["s2_d1"] / v', '1.001 * e["s2_d1"] / v', ("DTZ-3",)),
    Mutant(
        "theory.em", "em_contraction", "where(shorter, m, v)", "where(shorter, v, m)", ("DTZ-4",)
    ),
    Mutant(
        "theory.em",
        "em_contraction",
        "law.m, law.m_low, law.v",
        "2 * law.m, law.m_low, law.v",
        ("DTZ-4:mahalanobis",),
    ),
    Mutant(
        "theory.em",
        "em_residual_slope",
        "1.5 * v",
        "0.5 * v",
        (
            "SCK-29r",
            "SCK-29:suffices",
        ),
    ),
    Mutant("theory.em", "em_residual_slope", '2 * e["s_d1"]', 'e["s_d1"]', ("SCK-29r",)),
    Mutant("theory.emergence", "noisy_spike", "np.expm1(2 * time)", "np.expm1(time)", ("WDMG-02",)),
    Mutant(
        "theory.emergence", "noisy_spike", "np.expm1(2 * time)", "np.exp(2 * time)", ("WDMG-02",)
    ),
    Mutant("theory.emergence", "critical_noise", "np.sqrt(aspect)", "aspect", ("WDMG-03",)),
    Mutant(
        "theory.emergence",
        "critical_noise",
        "value / np.sqrt(aspect)",
        "2.0 * value / np.sqrt(aspect)",
        ("WDMG-03",),
    ),
    Mutant("theory.emergence", "emergence_time", "0.5 * np.log1p", "np.log1p", ("WDMG-04",)),
    Mutant(
        "theory.emergence",
        "emergence_time",
        "value / np.sqrt(aspect)",
        "value / aspect",
        ("WDMG-04",),
    ),
    Mutant(
        "theory.iteration",
        "power_contraction",
        "values[block] / values[block - 1]",
        "values[block] / values[0]",
        ("WDMG-14:block",),
    ),
    Mutant(
        "theory.iteration",
        "power_contraction",
        "values[block] / values[block - 1]",
        "(values[block] / values[block - 1]) ** 2",
        ("WDMG-14r", "REV-4"),
    ),
    Mutant(
        "theory.iteration", "power_tangent", "ratio**count", "ratio ** (count + 1)", ("WDMG-14r",)
    ),
    Mutant(
        "theory.iteration",
        "power_tangent",
        "np.square(terms / size)",
        "np.abs(terms / size)",
        ("WDMG-14r",),
    ),
    Mutant("theory.linear", "_gain", "/ alpha)", "* alpha)", ("WDMG-12r",)),
    Mutant(
        "theory.linear", "_gain", "sigma2 / eigenvalues", "2 * sigma2 / eigenvalues", ("WDMG-01r",)
    ),
    Mutant(
        "theory.linear",
        "wiener_error",
        "values[..., kept:]",
        "values[..., kept + 1:]",
        ("WDMG-01r",),
    ),
    Mutant("theory.linear", "projection_excess", "noise / (1 +", "noise / (2 +", ("WDMG-01r",)),
    Mutant(
        "theory.linear",
        "clean_chain_log_gain",
        "-count *",
        "-0.5 * count *",
        (
            "WDMG-13r",
            "WDMG-13:constant",
            "WDMG-13:cumulative",
        ),
    ),
    Mutant(
        "theory.linear",
        "clean_chain_log_gain",
        "noise / values",
        "values / noise",
        (
            "WDMG-13r",
            "WDMG-13:root",
        ),
    ),
    Mutant("theory.linear", "terminal_snr", "exponent - 1", "exponent", ("WDMG-16",)),
    Mutant("theory.linear", "terminal_snr", "np.log1p(-each)", "-each", ("WDMG-16r",)),
    Mutant("theory.linear", "injected_variance", "1 + 2 * ratio", "1 + ratio", ("WDMG-15:law",)),
    Mutant("theory.linear", "reverse_variance", "share**2", "share", ("REV-1",)),
    Mutant("theory.linear", "reverse_variance", "-2 * time", "-time", ("REV-1",)),
    Mutant("theory.linear", "reverse_variance", "kept + lost)", "kept + 1)", ("REV-1",)),
    Mutant(
        "theory.linear",
        "euler_variance",
        "2 * h * pull",
        "h * pull",
        (
            "REV-1",
            "REV-1:finite",
        ),
    ),
    Mutant("theory.linear", "euler_variance", "variance + 2 * h", "variance + h", ("REV-1",)),
    Mutant("theory.mixture", "two_component_score", "- ", "+ ", ("SCK-04",)),
    Mutant("theory.mixture", "marginal_means", "-", "-2 * ", ("SCK-03",)),
    Mutant(
        "theory.mixture", "marginal_means", "np.exp(-times)", "np.exp(-0.5 * times)", ("SCK-01",)
    ),
    Mutant("theory.mixture", "two_component_score", "np.tanh(s)", "np.tanh(2 * s)", ("SCK-04",)),
    Mutant("theory.mixture", "_weights", "- 0.5 * squares", "- squares", ("SCK-25",)),
    Mutant(
        "theory.power",
        "step_eigenvalues",
        "2 * star_square",
        "star_square",
        (
            "SCK-18",
            "SCK-18r",
        ),
    ),
    Mutant("theory.power", "step_eigenvalues", "1 - factor", "1 - 0.999 * factor", ("SCK-18",)),
    Mutant("theory.power", "_plane", "* norm * norm", "* norm", ("SCK-20r",)),
    Mutant("theory.power", "_plane", "1 + step * on_mu", "1 + 0.99 * step * on_mu", ("SCK-20r",)),
    Mutant("theory.power", "plane_step", "rest + pull", "rest + 0.9 * pull", ("SCK-23",)),
    Mutant("theory.power", "angle_fall", "2 * rest + pull", "rest + pull", ("SCK-20r",)),
    Mutant(
        "theory.power", "contraction_radius", "20 * dimension", "10 * dimension", ("SCK-20:domain",)
    ),
    Mutant("theory.power", "contraction_radius", "2000.0", "200.0", ("SCK-20:domain",)),
    Mutant("theory.process", "mixture_characteristic", "-0.5 * square", "-square", ("SCK-01",)),
    Mutant(
        "theory.process",
        "mixture_characteristic",
        "np.mean(np.sin(phase)",
        "-np.mean(np.sin(phase)",
        ("SCK-01",),
    ),
    Mutant("theory.process", "score_gap", "square * slope", "-square * slope", ("SCK-02",)),
    Mutant(
        "theory.process", "score_gap", "-np.expm1(-2 * times)", "-np.expm1(-times)", ("SCK-02",)
    ),
    Mutant(
        "theory.remainders", "_pointwise", "tail *= square", "tail *= 1.01 * square", ("SCK-13ar",)
    ),
    Mutant("theory.remainders", "_pointwise", "2 * (gap + t", "2 * (gap - t", ("SCK-13br",)),
    Mutant("theory.remainders", "_pointwise", "8 - 6", "8 - 4", ("SCK-13br",)),
    Mutant("theory.remainders", "_fold", "(odd * s_r1)", "(even * s_r1)", ("SCK-13cr",)),
    Mutant("theory.remainders", "_from_moments", "m * (v - 1)", "m * (v + 1)", ("SCK-13ar",)),
    Mutant(
        "theory.remainders",
        "taylor_remainders",
        "-0.5 * v * r2",
        "0.5 * v * r2",
        (
            "SCK-13br",
            "SCK-14r",
        ),
    ),
    Mutant("theory.remainders", "large_noise_error", "-3 * v * m", "-2 * v * m", ("SCK-16r",)),
    Mutant("theory.remainders", "large_noise_error", "-3 * m * m", "-4 * m * m", ("SCK-16r",)),
    Mutant("theory.remainders", "large_noise_error", "far_b + 2", "far_b + 3", ("SCK-22r",)),
    Mutant("theory.remainders", "large_noise_error", "-3 * m * m", "-2 * m * m", ("SCK-32r",)),
    Mutant(
        "theory.remainders",
        "large_noise_error",
        "- 4 * m * m * m / 3",
        "- m * m * m",
        ("SCK-32r",),
    ),
    Mutant(
        "theory.spiked",
        "spiked_eigenvalue",
        "(1 + np.sqrt(aspect)) ** 2",
        "1 + np.sqrt(aspect) ** 2",
        ("N08-1",),
    ),
    Mutant("theory.spiked", "spiked_eigenvalue", "noise * np.where", "np.where", ("N08-1",)),
    Mutant("theory.spiked", "spiked_eigenvalue", "1 + aspect /", "1 - aspect /", ("N08-1",)),
    Mutant(
        "theory.spiked",
        "spiked_overlap",
        "(scaled + scaled_gamma)",
        "(scaled - scaled_gamma)",
        ("N08-2",),
    ),
    Mutant(
        "theory.spiked",
        "spiked_overlap",
        "excess / (",
        "0.9 * excess / (",
        ("N08-2", "WDMG-15:pca"),
    ),
    Mutant(
        "theory.spiked",
        "spiked_overlap",
        "excess / (scaled * (scaled + scaled_gamma))",
        "excess / (scaled * (scaled + 2 * scaled_gamma))",
        ("N08-7",),
    ),
    Mutant(
        "theory.spiked",
        "spiked_overlap",
        "excess > 0",
        "excess > -0.5 * scaled_gamma",
        ("WDMG-02",),
    ),
    Mutant(
        "theory.spiked", "spiked_eigenvalue", "(1 + aspect /", "(1 + 1.01 * aspect /", ("N08-6",)
    ),
    Mutant("theory.spiked_finite", "spiked_fluctuation", "2 * (noise", "2.6 * (noise", ("N08-6",)),
    Mutant("theory.spiked_finite", "spiked_fluctuation", "2 * (noise", "4 * (noise", ("N08-6",)),
    Mutant(
        "theory.spiked_finite", "spiked_fluctuation", "(1 + s)) ** 2", "(1 + s)) ** 1", ("N08-6",)
    ),
    Mutant(
        "theory.spiked_finite",
        "spiked_fluctuation",
        "excess / np.where(scaled > 0, scaled * scaled, 1.0)",
        "1.0",
        ("N08-6",),
    ),
    Mutant(
        "theory.spiked_finite",
        "small_noise_sine",
        "(dimension - 1) / (samples - 2)",
        "(dimension - 1) / samples",
        ("N08-4r",),
    ),
    Mutant(
        "theory.spiked_finite",
        "small_noise_sine",
        "(dimension - 1) / (samples - 2)",
        "dimension / (samples - 2)",
        ("N08-4r",),
    ),
    Mutant(
        "theory.spiked_finite",
        "small_noise_sine",
        "correction = (samples",
        "correction = 0 * (samples",
        ("N08-4r",),
    ),
    Mutant(
        "theory.spiked_finite",
        "small_noise_sine",
        "correction = (samples",
        "correction = 2 * (samples",
        ("N08-4r",),
    ),
    Mutant(
        "theory.spiked_finite",
        "angle_growth",
        "values[:, None] + values",
        "values[:, None]",
        ("WDMG-05r",),
    ),
    Mutant(
        "theory.spiked_finite",
        "angle_growth",
        "dimension - values.size",
        "2 * (dimension - values.size)",
        ("WDMG-05r",),
    ),
    Mutant(
        "theory.spiked_finite", "angle_growth", "/ gaps / gaps", "/ np.abs(gaps)", ("WDMG-05r",)
    ),
    Mutant(
        "theory.spiked_finite",
        "angle_growth",
        "growth = (dimension",
        "growth = 0.5 * (dimension",
        ("WDMG-05r", "WDMG-06r"),
    ),
    Mutant(
        "theory.spiked_finite",
        "angle_growth",
        "growth = (dimension",
        "growth = 2 * (dimension",
        ("WDMG-05r", "WDMG-06r"),
    ),
    Mutant(
        "theory.taylor",
        "tanh_derivative",
        "-2 * np.abs",
        "-1.99 * np.abs",
        (
            "SCK-12b",
            "SCK-12c",
        ),
    ),
    Mutant("theory.taylor", "tanh_taylor", "(2 * k + 1)", "(2 * k + 2)", ("SCK-12ar",)),
    Mutant("theory.taylor", "tanh_derivative", "4 * decay", "4.001 * decay", ("SCK-31",)),
    Mutant("impl._banded", "gram_band", "part[:, c::-1]", "abs(part[:, c::-1])", ("N08-8:rank-r",)),
    Mutant("impl._banded", "_propagate", "] = -np", "] = -0.9 * np", ("N08-8:rank-r",)),
    Mutant("impl._banded", "gram_band", "lower - c", "lower - c + 1", ("N08-8:signal",)),
    Mutant(
        "impl._tridiagonal",
        "_from_the_first_row",
        "slope += 1.0",
        "slope += 0.8",
        ("N08-2", "N08-8"),
    ),
    Mutant(
        "impl._tridiagonal",
        "_from_the_first_row",
        "pivot -= carry",
        "pivot -= 0.9 * carry",
        ("N08-1",),
    ),
    Mutant(
        "impl._tridiagonal",
        "_one_by_one",
        "vector[0] ** 2, vector[-1] ** 2",
        "vector[1] ** 2, vector[-1] ** 2",
        ("N08-5",),
    ),
    Mutant(
        "impl.alignment",
        "eigenvector_overlaps",
        "second).reshape",
        "second * 0).reshape",
        ("WDMG-18:index-order",),
    ),
    Mutant(
        "impl.alignment",
        "symmetric_eigenpairs",
        "np.ascontiguousarray(vectors[..., ::-1])",
        "vectors",
        ("WDMG-18:whole-spectrum",),
    ),
    Mutant(
        "impl.chain",
        "chain_coordinates",
        "np.linalg.norm(_times(rests, inner), axis=1)",
        "0.8 * np.linalg.norm(_times(rests, inner), axis=1)",
        ("WDMG-10r",),
    ),
    Mutant(
        "impl.chain",
        "chain_coordinates",
        "along = _times(overlaps, inner)",
        "along = 1.1 * _times(overlaps, inner)",
        ("WDMG-10r",),
    ),
    Mutant(
        "impl.chain",
        "chain_samples",
        "frame @ rests[0]",
        "0.1 * frame @ rests[0]",
        ("WDMG-10:realised",),
    ),
    Mutant(
        "impl.chain",
        "chain_products",
        "product = block @ product",
        "product = block",
        ("WDMG-08r",),
    ),
    Mutant(
        "impl.chain",
        "chain_moment_map",
        "result[-1, :-1] = leak",
        "result[-1, :-1] = 0.5 * leak",
        ("WDMG-10:moment", "WDMG-15:pca"),
    ),
    Mutant(
        "impl.chain",
        "_dense_batch",
        "variance) / unit)",
        "variance) * 1.5 / unit)",
        ("WDMG-08:fixed-data",),
    ),
    Mutant(
        "impl.chain",
        "_clean",
        "np.sqrt(chain.n * chain.eigenvalues)",
        "np.sqrt(chain.eigenvalues)",
        ("WDMG-08:fixed-data", "REV-2"),
    ),
    Mutant("impl.ddpm", "_sample_losses", ".square()", ".abs()", ("SCK-27:identity",)),
    Mutant("impl.ddpm", "_sample_losses", "z / beta", "z * beta", ("SCK-08r",)),
    Mutant("impl.ddpm", "_sample_losses", "return (student", "return 0.5 * (student", ("SCK-08r",)),
    Mutant("impl.ddpm", "_sample_losses", "mu - x", "mu - 1.001 * x", ("SCK-20r",)),
    Mutant("impl.ddpm", "_sample_losses", "mu - x", "mu - x + 0.1", ("SCK-19",)),
    Mutant("impl.ddpm", "_sample_losses", "z / beta", "0.5 * z / beta", ("SCK-17r",)),
    Mutant("impl.denoisers", "posterior_jacobian", "+= keep", "+= 0.99 * keep", ("WDMG-17",)),
    Mutant("impl.denoisers", "posterior_jacobian", "scale = level /", "scale = 1 /", ("WDMG-17",)),
    Mutant(
        "impl.denoisers",
        "posterior_mean",
        "(1 - keep) * (shares",
        "1.0 * (shares",
        ("SCK-33:calibration",),
    ),
    Mutant("impl.denoising", "linear_denoiser", "scale * scaled", "scaled", ("REV-1",)),
    Mutant(
        "impl.denoising", "linear_denoiser", "level * np.eye", "level**2 * np.eye", ("WDMG-01r",)
    ),
    Mutant("impl.denoising", "linear_denoiser", "[:kept]", "[-kept:]", ("WDMG-01r",)),
    Mutant("impl.denoising", "linear_denoiser", "level * np.eye(", "level * np.tri(", ("REV-3",)),
    Mutant(
        "impl.denoising",
        "denoiser_error",
        "level**2",
        "level",
        (
            "WDMG-01r",
            "WDMG-01:projection",
            "WDMG-01:any-rank",
        ),
    ),
    Mutant(
        "impl.denoising",
        "sequential_denoiser",
        "scale**2 * current",
        "scale * current",
        ("WDMG-12r",),
    ),
    Mutant(
        "impl.denoising",
        "sequential_denoiser",
        "level**2 * identity",
        "level * identity",
        ("WDMG-12r",),
    ),
    Mutant(
        "impl.denoising",
        "injected_covariance",
        "level**2",
        "level",
        (
            "WDMG-15:law",
            "WDMG-15r",
        ),
    ),
    Mutant(
        "impl.denoising", "injected_chain", "x @ weights.T", "0.9 * x @ weights.T", ("WDMG-15",)
    ),
    Mutant(
        "impl.em",
        "em_step",
        "(belief / total).T",
        "(belief / total.mean()).T * 1.001",
        (
            "DTZ-1",
            "DTZ-5r",
        ),
    ),
    Mutant("impl.em", "_responsibilities", "-0.5 * np", "-0.51 * np", ("DTZ-1",)),
    Mutant("impl.em", "autograd_em_step", "centres + shift", "centres + 0.9 * shift", ("SCK-25",)),
    Mutant("impl.em", "em_step", "(belief / total).T", "(belief * total).T", ("SCK-25",)),
    Mutant(
        "impl.empirical", "_sums", "residual += z / beta", "residual += z", ("SCK-17:large-noise",)
    ),
    Mutant("impl.empirical", "_sums", "(1 + student)", "(1 - student)", ("SCK-17:large-noise",)),
    Mutant("impl.empirical", "_sums", "2.0 * residual", "residual", ("SCK-17:large-noise",)),
    Mutant("impl.empirical", "_draw", "x += beta * z", "x += z", ("SCK-17:large-noise",)),
    Mutant(
        "impl.empirical",
        "_draw",
        "2 * generator.integers",
        "generator.integers",
        ("SCK-17:large-noise",),
    ),
    Mutant(
        "impl.iteration",
        "block_iteration",
        "image = apply(basis)",
        "image = apply(apply(basis))",
        ("WDMG-14r",),
    ),
    Mutant(
        "impl.iteration",
        "block_iteration",
        "image = apply(basis)",
        "image = apply(basis) + 0.1 * basis",
        ("WDMG-14r", "WDMG-14:block"),
    ),
    Mutant(
        "impl.iteration",
        "_without",
        "columns - found",
        "columns - 0.5 * found",
        ("WDMG-14:deflated",),
    ),
    Mutant(
        "impl.jacobians",
        "network_jacobians",
        "batched(block, level).detach()",
        "batched(block, level).transpose(1, 2).detach()",
        ("WDMG-17",),
    ),
    Mutant(
        "impl.jacobians",
        "network_jacobians",
        "batched(block, level).detach()",
        "-batched(block, level).detach()",
        ("WDMG-19",),
    ),
    Mutant(
        "impl.low_rank",
        "_chi_degrees",
        "model.p - model.rank - row",
        "model.p - row",
        ("WDMG-05r",),
    ),
    Mutant(
        "impl.low_rank", "_bounded", "np.clip(heads * signs", "np.clip(abs(heads)", ("WDMG-07",)
    ),
    Mutant(
        "impl.low_rank", "_chi_degrees", "model.n - row,", "model.n - row + 1,", ("N08-8:rank-r",)
    ),
    Mutant(
        "impl.low_rank", "_chi_degrees", "model.n - row,", "model.n - 1 - row,", ("N08-8:rank-r",)
    ),
    Mutant(
        "impl.low_rank",
        "_chi_degrees",
        "model.p - model.rank - row",
        "model.p - model.rank - row + 1",
        ("N08-8:rank-r",),
    ),
    Mutant(
        "impl.low_rank",
        "_chi_degrees",
        "model.p - model.rank - row",
        "model.p - model.rank - row - 1",
        ("N08-8:rank-r",),
    ),
    Mutant(
        "impl.low_rank",
        "_chi_degrees",
        "model.n - row,",
        "model.n - model.lower - row,",
        ("N08-8:signal",),
    ),
    Mutant("impl.low_rank", "_band_rows", "(row < model.n) & ", "", ("N08-8:rank-r",)),
    Mutant("impl.low_rank", "_band_rows", "(column < rank)", "(column < 1)", ("N08-8:rank-r",)),
    Mutant(
        "impl.low_rank",
        "_band_rows",
        "+= model.signal[i]",
        "-= 0.5 * model.signal[i]",
        ("N08-8:signal",),
    ),
    Mutant(
        "impl.low_rank",
        "_band_rows",
        "rows *= model.noise",
        "rows *= model.noise**2",
        ("N08-8:signal",),
    ),
    Mutant(
        "impl.low_rank",
        "_band_rows",
        "math.sqrt(1.0 + model.spikes[column[i, c]])",
        "(1.0 + model.spikes[column[i, c]])",
        ("N08-8:rank-r",),
    ),
    Mutant(
        "impl.low_rank",
        "_reduced_batch",
        "/ model.n, orders)",
        "/ model.p, orders)",
        ("N08-8:rank-r",),
    ),
    Mutant("impl.low_rank", "_dense_batch", "np.sqrt(n * np", "np.sqrt(p * np", ("N08-8:rank-r",)),
    Mutant("impl.mixture", "sample_mixture", "cov is not None", "False", ("DTZ-1",)),
    Mutant(
        "impl.networks",
        "denoise",
        "= apply(parameters, block, level)",
        "= 0 * apply(parameters, block, level)",
        ("SCK-33", "SCK-33:large-noise", "WDMG-19:quality"),
    ),
    Mutant("impl.power", "step_matrix", "2.0 * step", "2.001 * step", ("SCK-18",)),
    Mutant("impl.power", "apply_step_matrix", "- factor", "+ factor", ("SCK-18",)),
    Mutant("impl.process", "simulate_ou", "x *= 1.0 - half", "x *= 1.0", ("SCK-01",)),
    Mutant(
        "impl.process", "simulate_ou", "math.sqrt(4.0 * half)", "math.sqrt(2.0 * half)", ("SCK-01",)
    ),
    Mutant("impl.quadrature", "mixture_grid", "cov is not None", "False", ("DTZ-1",)),
    Mutant(
        "impl.reverse",
        "forward_signal_and_noise",
        "scale * scale * added",
        "scale * added",
        ("WDMG-16r",),
    ),
    Mutant("impl.reverse", "reverse_covariance", "2.0 * h", "h", ("REV-1",)),
    Mutant("impl.reverse", "reverse_samples", "math.sqrt(2.0 * h)", "math.sqrt(h)", ("REV-1",)),
    Mutant(
        "impl.reverse",
        "_steps",
        "2.0 if stochastic else 1.0",
        "2.0",
        (
            "REV-1",
            "REV-2",
        ),
    ),
    Mutant("impl.reverse", "_steps", "alpha * denoiser", "denoiser", ("REV-1",)),
    Mutant("impl.reverse", "_turned", "math.sqrt(d / n)", "1.01 * math.sqrt(d / n)", ("REV-1",)),
    Mutant(
        "impl.sampling",
        "denoiser_samples",
        "ratio**2 * (points - estimate)",
        "ratio * (points - estimate)",
        ("SCK-33:calibration",),
    ),
    Mutant("impl.spiked", "_chi_degrees", "model.n - row", "model.n - row + 1", ("N08-8",)),
    Mutant("impl.spiked", "_chi_degrees", "model.p - 1.0 - row", "model.p - row", ("N08-8",)),
    Mutant(
        "impl.spiked",
        "_reduced_blocks",
        "1.0 + model.spike",
        "(1.0 + model.spike) ** 2",
        ("N08-8",),
    ),
    Mutant("impl.spiked", "_chi_degrees", "model.n - row", "model.n - 1 - row", ("N08-4r",)),
    Mutant("impl.spiked", "_chi_degrees", "model.p -", "1.5 * model.p -", ("N08-4:large",)),
    Mutant(
        "impl.spiked",
        "_reduced_batch",
        "np.minimum(first[good], 1.0)",
        "0.5 + 1e-3 * first[good]",
        ("N08-5",),
    ),
    Mutant(
        "impl.spiked",
        "_reduced_batch",
        "np.minimum(first[good], 1.0)",
        "0.5 + 0 * first[good]",
        ("WDMG-03",),
    ),
    Mutant("impl.spiked", "reduced_draws", "eigenvalue * variance", "eigenvalue", ("N08-1",)),
    Mutant(
        "impl.training", "_train", "noisy, level) - clean", "noisy, level) - noisy", ("SCK-33",)
    ),
    Mutant(
        "impl.training",
        "_train",
        "run.step < training.steps",
        "run.step < training.steps // 40",
        ("WDMG-19:training-size", "WDMG-18:whole-spectrum"),
    ),
)


def break_source(monkeypatch: pytest.MonkeyPatch, mutant: Mutant) -> None:
    """Recompile the function with the edit, everywhere that it is bound under its room."""
    module = importlib.import_module(f"lemmata.{mutant.module}")
    original = getattr(module, mutant.function)
    source = textwrap.dedent(inspect.getsource(original))
    # The docstring is not code; an edit there would test nothing.
    head, quotes, rest = source.partition('"""')
    docstring, closing, body = rest.partition('"""')
    if not quotes:
        head, body = "", source
    assert mutant.old in body, f"{mutant} no longer applies: edit the mutant with the kernel"
    edited = body.replace(mutant.old, mutant.new)
    namespace = dict(vars(module))
    code = compile(head + quotes + docstring + closing + edited, f"<mutant {mutant}>", "exec")
    exec(code, namespace)
    broken = namespace[mutant.function]
    # The mutant must see its module's names, and everybody who holds the original must get it.
    broken = type(original)(broken.__code__, vars(module), mutant.function, original.__defaults__)
    broken.__kwdefaults__ = original.__kwdefaults__
    room = f"lemmata.{mutant.module.split('.')[0]}"
    for name, holder in list(sys.modules.items()):
        if name == room or name.startswith(f"{room}."):
            for attribute, value in list(vars(holder).items()):
                if value is original:
                    monkeypatch.setattr(holder, attribute, broken)


def forget() -> None:
    """Empty every cache of lemmata, those inside closures too."""
    for thing in gc.get_objects():
        # Not isinstance: some library's objects warn when asked for their class.
        if type(thing) is functools._lru_cache_wrapper and thing.__module__.startswith("lemmata."):
            thing.cache_clear()


def survivor(mutant: Mutant, claim_id: str, cache: str) -> str | None:
    """Return how the claim came out if the mutant does not show, else None."""
    # What sound code computed must not hide a mutant, nor a mutant's numbers outlive it.
    forget()
    with pytest.MonkeyPatch.context() as patch:
        if mutant.module == "impl.training":
            # No network of the sound code's, and none that it could take for its own.
            patch.setenv("LEMMATA_CACHE", cache)
        break_source(patch, mutant)
        result = run_claim(SUITE, SUITE.registry[claim_id], Settings(profile="quick"))
    return str(result.verdict) if result.as_expected else None


Pair = tuple[Mutant, str]


@pytest.fixture(scope="module")
def answers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[Pair, Future[str | None]]]:
    """All pairs that were asked for, run by as many processes as there are cores."""
    asked = [
        (item.callspec.params["mutant"], item.callspec.params["claim_id"])
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.originalname == test_mutant_turns_the_claim_red.__name__
    ]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            patch.setenv(name, "1")
        # Where the workers find this module under the name that it has here.
        patch.syspath_prepend(Path(__file__).parents[2])
        with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
            yield {
                pair: pool.submit(survivor, *pair, str(tmp_path_factory.mktemp("networks")))
                for pair in asked
            }
            pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(
    ("mutant", "claim_id"),
    [(mutant, claim_id) for mutant in MUTANTS for claim_id in mutant.caught_by],
    ids=str,
)
def test_mutant_turns_the_claim_red(
    answers: dict[Pair, Future[str | None]], mutant: Mutant, claim_id: str
) -> None:
    verdict = answers[mutant, claim_id].result()
    assert verdict is None, f"{claim_id} still {verdict}: it checks nothing here"
