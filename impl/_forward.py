"""What networks compute, on torch's side, and the door to it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ._validate import as_array, as_points

if TYPE_CHECKING:
    import torch

    from .networks import Architecture, Network

__all__ = ["FEATURES", "as_device", "as_kind", "network_function", "noisy_points", "on_device"]

Kind = TypeVar("Kind")

#: Features of the noise level that a perceptron is given.
FEATURES = 3


def noisy_points(
    network: Network, x: npt.ArrayLike, sigma: npt.ArrayLike
) -> tuple[Architecture, npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Check a network with its points and their noise levels, shapes (n, d) and (n,)."""
    from .networks import Network

    network = as_kind(network, "network", Network)
    points = as_points(x, "x", network.architecture.dimension, ndim=2)
    levels = as_array(sigma, "sigma")
    if levels.shape not in {(), (len(points),)}:
        msg = f"sigma must have shape () or ({len(points)},), got {levels.shape}"
        raise ValueError(msg)
    with np.errstate(over="ignore", under="ignore"):
        small = np.broadcast_to(levels, len(points)).astype(np.float32)
        narrow = np.ascontiguousarray(points, dtype=np.float32)
    if not (small > 0).all():
        msg = f"sigma must be > 0 in float32, got {levels.min()}"
        raise ValueError(msg)
    for name, array in (("x", narrow), ("sigma", small)):
        if not np.isfinite(array).all():
            msg = f"{name} must be finite in float32"
            raise ValueError(msg)
    return network.architecture, narrow, small


def as_kind(value: object, name: str, kind: type[Kind]) -> Kind:
    """Return `value`, or refuse it as of another class."""
    if not isinstance(value, kind):
        msg = f"{name} must be of class {kind.__name__}, got {type(value).__name__}"
        raise TypeError(msg)
    return value


def as_device(device: object) -> torch.device:
    """Return a device of torch that is there."""
    import torch

    if not isinstance(device, (str, torch.device)):
        msg = f"device must be a string, got {type(device).__name__}"
        raise TypeError(msg)
    try:
        place = torch.device(device)
        torch.empty(1, device=place)
    except (RuntimeError, AssertionError) as error:
        msg = (
            f"device must be one that torch can use, got {device!r}: {str(error).split(chr(10))[0]}"
        )
        raise ValueError(msg) from error
    return place


def on_device(network: Network, device: torch.device) -> dict[str, torch.Tensor]:
    """The parameters as tensors."""
    import torch

    return {
        name: torch.tensor(value, dtype=torch.float32, device=device)
        for name, value in network.parameters.items()
    }


def network_function(
    architecture: Architecture,
) -> Callable[[Mapping[str, torch.Tensor], torch.Tensor, torch.Tensor], torch.Tensor]:
    """The denoiser as a function of parameters, images (n, d) and noise levels (n,)."""
    forms: dict[str, Any] = {"conv": _conv, "linear": _linear, "mlp": _mlp}
    return lambda parameters, x, sigma: forms[architecture.kind](architecture, parameters, x, sigma)


def _linear(
    _architecture: Architecture,
    parameters: Mapping[str, torch.Tensor],
    x: torch.Tensor,
    _sigma: torch.Tensor,
) -> torch.Tensor:
    return x @ parameters["weight 0"].T


def _conv(
    architecture: Architecture,
    parameters: Mapping[str, torch.Tensor],
    x: torch.Tensor,
    _sigma: torch.Tensor,
) -> torch.Tensor:
    from torch.nn import functional

    side = math.isqrt(architecture.dimension)
    noise = x.reshape(-1, 1, side, side)
    for layer in range(architecture.depth + 1):
        noise = functional.conv2d(noise, parameters[f"weight {layer}"], padding="same")
        if layer < architecture.depth:
            noise = noise.relu()
    return x - noise.reshape(x.shape)


def _mlp(
    architecture: Architecture,
    parameters: Mapping[str, torch.Tensor],
    x: torch.Tensor,
    sigma: torch.Tensor,
) -> torch.Tensor:
    import torch
    from torch.nn import functional

    level = sigma[:, None]
    total = (1 + level.square()).sqrt()
    # Karras et al. 2022, Table 1, for unit variance.
    log = level.log()
    hidden = torch.cat([x / total, 0.5 * log, log.sin(), log.cos()], dim=1)
    for layer in range(architecture.depth + 1):
        weight, bias = (parameters[f"{name} {layer}"] for name in ("weight", "bias"))
        hidden = functional.linear(hidden, weight, bias)
        if layer < architecture.depth:
            hidden = functional.silu(hidden)
    return x / total.square() + level / total * hidden
