"""Simulations and estimators: brute force from definitions, by a route of their own."""

from .alignment import block_overlaps, eigenvector_overlaps, symmetric_eigenpairs
from .chain import (
    ChainDraws,
    chain_coordinates,
    chain_moment_map,
    chain_products,
    chain_samples,
    dense_chain,
)
from .ddpm import ddpm_gradient, ddpm_loss, difference_gradient, per_sample_gradients
from .denoisers import posterior_jacobian, posterior_mean
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
from .jacobians import network_jacobians
from .low_rank import (
    SampleEigenpairs,
    dense_overlaps,
    dense_signal_overlaps,
    reduced_overlaps,
    reduced_signal_overlaps,
)
from .mixture import autograd_score, forward, forward_noise, log_density, sample_mixture
from .mixture_em import SphericalMixture, spherical_em_step
from .networks import Architecture, Network, denoise, initial_network
from .power import apply_step_matrix, step_matrix
from .process import simulate_ou
from .quadrature import mixture_grid, noise_grid
from .reverse import forward_signal_and_noise, reverse_covariance, reverse_samples
from .sampling import denoiser_samples
from .score_matching import score_matching_gradient
from .spiked import dense_draws, reduced_draws
from .training import Training, train_denoiser

__all__ = [
    "Architecture",
    "ChainDraws",
    "Network",
    "SampleEigenpairs",
    "SphericalMixture",
    "Training",
    "apply_step_matrix",
    "autograd_em_step",
    "autograd_score",
    "block_iteration",
    "block_overlaps",
    "chain_coordinates",
    "chain_moment_map",
    "chain_products",
    "chain_samples",
    "ddpm_gradient",
    "ddpm_loss",
    "deflated_iteration",
    "denoise",
    "denoiser_error",
    "denoiser_samples",
    "dense_chain",
    "dense_draws",
    "dense_overlaps",
    "dense_signal_overlaps",
    "difference_gradient",
    "eigenvector_overlaps",
    "em_responsibilities",
    "em_step",
    "empirical_gradient",
    "forward",
    "forward_noise",
    "forward_signal_and_noise",
    "initial_network",
    "injected_chain",
    "injected_covariance",
    "linear_denoiser",
    "log_density",
    "mixture_grid",
    "network_jacobians",
    "noise_grid",
    "per_sample_gradients",
    "posterior_jacobian",
    "posterior_mean",
    "power_iteration",
    "reduced_draws",
    "reduced_overlaps",
    "reduced_signal_overlaps",
    "reverse_covariance",
    "reverse_samples",
    "sample_mixture",
    "score_matching_gradient",
    "sequential_denoiser",
    "simulate_ou",
    "spherical_em_step",
    "step_matrix",
    "symmetric_eigenpairs",
    "train_denoiser",
]
