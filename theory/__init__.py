"""Closed-form predictions: deterministic, on NumPy and SciPy alone."""

from __future__ import annotations

from .ddpm import (
    ddpm_descent,
    ddpm_descent_coefficients,
    em_map,
    em_residual,
    large_noise_field,
    stein_second_moment,
)
from .mixture import marginal_means, mixture_score, responsibilities, two_component_score
from .moments import TanhMoments, tanh_moments
from .spiked import critical_spike, spiked_eigenvalue, spiked_overlap
from .taylor import tanh_derivative, tanh_taylor

__all__ = [
    "TanhMoments",
    "critical_spike",
    "ddpm_descent",
    "ddpm_descent_coefficients",
    "em_map",
    "em_residual",
    "large_noise_field",
    "marginal_means",
    "mixture_score",
    "responsibilities",
    "spiked_eigenvalue",
    "spiked_overlap",
    "stein_second_moment",
    "tanh_derivative",
    "tanh_moments",
    "tanh_taylor",
    "two_component_score",
]
