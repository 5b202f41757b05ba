"""Simulations and estimators: brute force from definitions, by a route of their own."""

from .ddpm import ddpm_gradient, ddpm_loss, difference_gradient, per_sample_gradients
from .em import em_responsibilities, em_step
from .mixture import autograd_score, forward, forward_noise, log_density, sample_mixture
from .quadrature import mixture_grid, noise_grid
from .spiked import dense_draws, reduced_draws

__all__ = [
    "autograd_score",
    "ddpm_gradient",
    "ddpm_loss",
    "dense_draws",
    "difference_gradient",
    "em_responsibilities",
    "em_step",
    "forward",
    "forward_noise",
    "log_density",
    "mixture_grid",
    "noise_grid",
    "per_sample_gradients",
    "reduced_draws",
    "sample_mixture",
]
