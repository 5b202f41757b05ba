"""Closed-form predictions: deterministic, on NumPy and SciPy alone."""

from __future__ import annotations

from .chain import chain_decay, chain_energy
from .ddpm import (
    ddpm_descent,
    ddpm_descent_coefficients,
    large_noise_field,
    stein_second_moment,
)
from .em import em_contraction, em_map, em_residual, em_residual_slope, em_slope
from .emergence import critical_noise, emergence_time, noisy_spike
from .iteration import power_contraction, power_tangent
from .linear import (
    clean_chain_log_gain,
    euler_variance,
    injected_variance,
    projection_excess,
    reverse_variance,
    terminal_snr,
    wiener_error,
    wiener_gain,
)
from .mixture import marginal_means, mixture_score, responsibilities, two_component_score
from .moments import TanhMoments, tanh_moments
from .power import angle_fall, contraction_radius, plane_step, step_eigenvalues
from .process import mixture_characteristic, score_gap
from .remainders import large_noise_error, taylor_remainders
from .spiked import critical_spike, spiked_eigenvalue, spiked_overlap
from .spiked_finite import angle_growth, small_noise_sine, spiked_fluctuation
from .taylor import tanh_derivative, tanh_taylor

__all__ = [
    "TanhMoments",
    "angle_fall",
    "angle_growth",
    "chain_decay",
    "chain_energy",
    "clean_chain_log_gain",
    "contraction_radius",
    "critical_noise",
    "critical_spike",
    "ddpm_descent",
    "ddpm_descent_coefficients",
    "em_contraction",
    "em_map",
    "em_residual",
    "em_residual_slope",
    "em_slope",
    "emergence_time",
    "euler_variance",
    "injected_variance",
    "large_noise_error",
    "large_noise_field",
    "marginal_means",
    "mixture_characteristic",
    "mixture_score",
    "noisy_spike",
    "plane_step",
    "power_contraction",
    "power_tangent",
    "projection_excess",
    "responsibilities",
    "reverse_variance",
    "score_gap",
    "small_noise_sine",
    "spiked_eigenvalue",
    "spiked_fluctuation",
    "spiked_overlap",
    "stein_second_moment",
    "step_eigenvalues",
    "tanh_derivative",
    "tanh_moments",
    "tanh_taylor",
    "taylor_remainders",
    "terminal_snr",
    "two_component_score",
    "wiener_error",
    "wiener_gain",
]
