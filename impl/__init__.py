"""Simulations and estimators: brute force from definitions, by a route of their own."""

from .chain import (
    ChainDraws,
    chain_coordinates,
    chain_moment_map,
    chain_products,
    chain_samples,
    dense_chain,
)
from .ddpm import ddpm_gradient, ddpm_loss, difference_gradient, per_sample_gradients
from .denoising import (
    denoiser_error,
    injected_chain,
    injected_covariance,
    linear_denoiser,
    sequential_denoiser,
)
from .em import autograd_em_step, em_responsibilities, em_step
from .empirical import empirical_gradient
from .iteration import block_iteration, deflated_iteration, power_iteration
from .low_rank import (
    SampleEigenpairs,
    dense_overlaps,
    dense_signal_overlaps,
    reduced_overlaps,
    reduced_signal_overlaps,
)
from .mixture import autograd_score, forward, forward_noise, log_density, sample_mixture
from .power import apply_step_matrix, step_matrix
from .process import simulate_ou
from .quadrature import mixture_grid, noise_grid
from .reverse import forward_signal_and_noise, reverse_covariance, reverse_samples
from .spiked import dense_draws, reduced_draws

__all__ = [
    "ChainDraws",
    "SampleEigenpairs",
    "apply_step_matrix",
    "autograd_em_step",
    "autograd_score",
    "block_iteration",
    "chain_coordinates",
    "chain_moment_map",
    "chain_products",
    "chain_samples",
    "ddpm_gradient",
    "ddpm_loss",
    "deflated_iteration",
    "denoiser_error",
    "dense_chain",
    "dense_draws",
    "dense_overlaps",
    "dense_signal_overlaps",
    "difference_gradient",
    "em_responsibilities",
    "em_step",
    "empirical_gradient",
    "forward",
    "forward_noise",
    "forward_signal_and_noise",
    "injected_chain",
    "injected_covariance",
    "linear_denoiser",
    "log_density",
    "mixture_grid",
    "noise_grid",
    "per_sample_gradients",
    "power_iteration",
    "reduced_draws",
    "reduced_overlaps",
    "reduced_signal_overlaps",
    "reverse_covariance",
    "reverse_samples",
    "sample_mixture",
    "sequential_denoiser",
    "simulate_ou",
    "step_matrix",
]
