"""Denoising networks as plain functions of their parameters, in torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._forward import FEATURES, as_device, as_kind, network_function, noisy_points, on_device
from ._random import RNGLike, as_generator
from ._validate import FloatArray, as_count

__all__ = ["Architecture", "Network", "denoise", "initial_network"]

_KINDS = ("conv", "linear", "mlp")


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Shape of a denoising network.

    Parameters
    ----------
    kind : {'conv', 'mlp', 'linear'}
        `conv`: convolutions without biases and ReLU between them, which estimate the noise;
        blind: it is not told the noise level (Kadkhodaie, Guth, Simoncelli & Mallat 2024). `mlp`: a
        perceptron with SiLU, told the noise level, scaled as by Karras, Aittala, Aila & Laine 2022
        for data of unit variance. `linear`: one matrix.
    dimension : int
        Numbers in an image; a square for `conv`.
    width : int, default 1
        Channels, or hidden units; without meaning for `linear`.
    depth : int, default 1
        Hidden layers; without meaning for `linear`.
    kernel : int, default 3
        Side of the convolutions, odd; without meaning for the others.
    """

    kind: str
    dimension: int
    width: int = 1
    depth: int = 1
    kernel: int = 3

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            msg = f"kind must be one of {', '.join(_KINDS)}, got {self.kind!r}"
            raise ValueError(msg)
        for name in ("dimension", "width", "depth", "kernel"):
            as_count(getattr(self, name), name, largest=1 << 20)
        if self.kind == "conv" and math.isqrt(self.dimension) ** 2 != self.dimension:
            msg = f"dimension must be a square for a conv network, got {self.dimension}"
            raise ValueError(msg)

        if self.kernel % 2 == 0:
            msg = f"kernel must be odd, got {self.kernel}"
            raise ValueError(msg)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the parameters by name, in order."""
        d, width, depth = self.dimension, self.width, self.depth
        if self.kind == "linear":
            return {"weight 0": (d, d)}
        if self.kind == "conv":
            channels = [1, *[width] * depth, 1]
            size = (self.kernel, self.kernel)
            return {f"weight {i}": (channels[i + 1], channels[i], *size) for i in range(depth + 1)}
        units = [d + FEATURES, *[width] * depth, d]
        found: dict[str, tuple[int, ...]] = {}
        for i in range(depth + 1):
            found[f"weight {i}"] = (units[i + 1], units[i])
            found[f"bias {i}"] = (units[i + 1],)
        return found

    @property
    def activations(self) -> int:
        """Numbers that a forward pass of one image holds."""
        each = self.dimension if self.kind == "conv" else 1
        return self.dimension * 2 + each * self.width * self.depth


@dataclass(frozen=True, eq=False)
class Network:
    """An architecture with its parameters.

    Parameters
    ----------
    architecture : Architecture
        Its shape.
    parameters : Mapping of str to ndarray
        float32 arrays of the architecture's shapes.
    losses : ndarray, shape (k,)
        Mean training loss in each of k equal parts of the training; empty for a network that was
        not trained.
    key : str
        Hash of all that the training depends on; empty if there was none.
    """

    architecture: Architecture
    parameters: Mapping[str, npt.NDArray[np.float32]]
    losses: npt.NDArray[np.float64]
    key: str = ""

    def __post_init__(self) -> None:
        shapes = {name: np.shape(value) for name, value in self.parameters.items()}
        if shapes != self.architecture.shapes:
            msg = f"parameters must have shapes {self.architecture.shapes}, got {shapes}"
            raise ValueError(msg)


def initial_network(architecture: Architecture, *, rng: RNGLike = None) -> Network:
    """
    Return a network that was not trained.

    Parameters
    ----------
    architecture : Architecture
        Its shape.
    rng : None, int, SeedSequence, BitGenerator or Generator, optional
        Source of randomness.

    Returns
    -------
    Network
        Normal weights of variance 2 / (inputs of a unit), 1 / inputs in the last layer; biases are
        zero.

    Raises
    ------
    TypeError
        If `architecture` is none, or `rng` is of another type.
    ValueError
        If `rng` is a negative integer.

    Notes
    -----
    He, Zhang, Ren & Sun 2015. Costs O(number of parameters).

    Verified by: WDMG-19.

    Examples
    --------
    >>> from lemmata.impl import Architecture, initial_network
    >>> network = initial_network(Architecture(kind="mlp", dimension=4, width=8, depth=2), rng=1)
    >>> network.parameters["weight 1"].shape
    (8, 8)
    """
    shapes = as_kind(architecture, "architecture", Architecture).shapes
    generator = as_generator(rng)
    last = list(shapes)[-1].split()[1]
    parameters = {}
    for name, shape in shapes.items():
        kind, layer = name.split()
        if kind == "bias":
            parameters[name] = np.zeros(shape, dtype=np.float32)
            continue
        gain = 1.0 if layer == last else 2.0
        draw = generator.standard_normal(shape, dtype=np.float32)
        parameters[name] = draw * np.float32(math.sqrt(gain / math.prod(shape[1:])))
    return Network(architecture, parameters, np.empty(0))


def denoise(
    network: Network,
    x: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    device: str = "cpu",
    max_bytes: int = 1 << 26,
) -> FloatArray:
    """
    Return a network's estimates of the clean images.

    Parameters
    ----------
    network : Network
        The denoiser.
    x : array_like, shape (n, d)
        Noisy images.
    sigma : array_like, shape () or (n,)
        Noise levels, > 0; a blind network ignores them.
    device : str, default 'cpu'
        Where torch computes.
    max_bytes : int, default 2^26
        Bound of the activations held at a time, beyond those of one image.

    Returns
    -------
    ndarray, shape (n, d)
        float32.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If an array is empty, not finite or of the wrong shape, if a noise level is not positive or
        the device is unknown, or if the result overflows.

    Notes
    -----
    Costs O(n times the multiplications of a forward pass), in blocks of ``max_bytes``.

    Verified by: SCK-33, WDMG-19.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import Architecture, denoise, initial_network
    >>> network = initial_network(Architecture(kind="conv", dimension=16, width=2), rng=1)
    >>> one = denoise(network, np.ones((1, 16)), 0.5)
    >>> bool(np.allclose(denoise(network, 3 * np.ones((1, 16)), 0.5), 3 * one, rtol=1e-5))
    True
    """
    import torch

    architecture, points, levels = noisy_points(network, x, sigma)
    place = as_device(device)
    rows = max(1, as_count(max_bytes, "max_bytes") // (4 * architecture.activations))
    apply, parameters = network_function(architecture), on_device(network, place)
    result = np.empty(points.shape, dtype=np.float32)
    with torch.no_grad():
        for start in range(0, len(points), rows):
            part = slice(start, start + rows)
            block, level = (torch.from_numpy(a[part]).to(place) for a in (points, levels))
            result[part] = apply(parameters, block, level).cpu().numpy()
    if not np.isfinite(result).all():
        msg = "x must be smaller: the network overflows"
        raise ValueError(msg)
    return result
