"""Denoising score matching over a continuous range of noise levels: reproducible, resumable."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._cache import Arrays, cache_folder, locked, read_arrays, write_arrays
from ._forward import as_device, as_kind, network_function, on_device
from ._validate import as_count, as_points, as_real
from .networks import Architecture, Network, initial_network

if TYPE_CHECKING:
    import torch

__all__ = ["Training", "train_denoiser"]

#: Modules whose code decides what comes of the same inputs.
_CODE = ("training", "networks", "_forward")
#: Parts of a training whose mean losses are kept.
_PARTS = 20

Progress = Callable[[int, int, float], None]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained.

    Parameters
    ----------
    steps : int
        Steps of Adam (Kingma & Ba 2015), with a learning rate that falls along a cosine to zero.
    batch : int, default 128
        Images of a step, each with a noise level and noise of its own.
    rate : float, default 2e-3
        The first learning rate.
    sigma_min, sigma_max : float
        Range of the noise levels, log-uniform.
    """

    steps: int
    batch: int = 128
    rate: float = 2e-3
    sigma_min: float = 0.02
    sigma_max: float = 4.0

    def __post_init__(self) -> None:
        as_count(self.steps, "steps", largest=1 << 31)
        as_count(self.batch, "batch", largest=1 << 31)
        as_real(self.rate, "rate", above=0.0)
        low = as_real(self.sigma_min, "sigma_min", above=0.0)
        if as_real(self.sigma_max, "sigma_max", above=0.0) < low:
            msg = f"sigma_max must be at least sigma_min = {low}, got {self.sigma_max}"
            raise ValueError(msg)


def train_denoiser(
    data: npt.ArrayLike,
    architecture: Architecture,
    training: Training,
    *,
    seed: int = 0,
    cache: str | Path | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
    checkpoint_seconds: float = 5.0,
) -> Network:
    """
    Train a network to denoise images, or read it from the cache.

    Parameters
    ----------
    data : array_like, shape (n, d)
        Clean images.
    architecture : Architecture
        Shape of the network.
    training : Training
        How it is trained.
    seed : int, default 0
        Seed of the initial parameters, of the batches and of the noise, >= 0.
    cache : str or Path, optional
        Folder of finished and unfinished networks; "" is the user's, see Notes. Nothing is read
        or written when left out.
    device : str, default 'cpu'
        Where torch computes.
    progress : callable, optional
        Told (step, steps, mean loss since it was told last) about once a second and at the end.
    checkpoint_seconds : float, default 5
        How often an unfinished network is written to the cache.

    Returns
    -------
    Network
        The trained network.

    Raises
    ------
    TypeError
        If an argument is of another type.
    ValueError
        If `data` is empty, not finite or of the wrong shape, if a number is out of range or the
        device is unknown.
    FloatingPointError
        If the training diverges.

    Notes
    -----
    Denoising score matching (Vincent 2011): the mean of abs(D(x_0 + sigma z) - x_0)^2 (1 + 1 /
    sigma^2) / d, where sigma is log-uniform on [sigma_min, sigma_max]; the weight is that of Karras
    et al. 2022 for data of unit variance. Step k draws from a stream of its own, so that a
    training that was killed goes on from its last checkpoint to the very network that it would
    have become. On a CPU torch computes on one thread: sums keep their order.

    The key is a hash of the data, the architecture, the training, the seed, the kind of device and
    torch's version. A file that does not match its key, or its own checksum, is kept under another
    name, with a warning, and the network is trained again. The user's folder is $LEMMATA_CACHE, or
    `lemmata` in $XDG_CACHE_HOME or in the platform's folder for caches.

    Costs O(steps batch) forward passes, times three.

    Verified by: SCK-33, WDMG-19.

    Examples
    --------
    >>> import numpy as np
    >>> from lemmata.impl import Architecture, Training, denoise, train_denoiser
    >>> data = np.array([[1.0], [-1.0]])
    >>> shape = Architecture(kind="mlp", dimension=1, width=16, depth=1)
    >>> network = train_denoiser(data, shape, Training(steps=200), seed=1)
    >>> bool(abs(denoise(network, [[0.9]], 0.1)[0, 0] - 1) < 0.3)
    True
    """
    images, key = _checked(data, architecture, training, seed, device)
    place = as_device(device)
    every = as_real(checkpoint_seconds, "checkpoint_seconds", at_least=0.0)
    if cache is None:
        return _train(images, architecture, training, seed, place, key, progress)
    folder = _folder(cache)
    done, begun = folder / f"{key}.network", folder / f"{key}.unfinished"
    found = _finished(done, architecture, key)
    if found is not None:
        return found
    with locked(begun):
        # Another process may have trained it while this one waited.
        found = _finished(done, architecture, key)
        if found is not None:
            return found
        network = _train(
            images,
            architecture,
            training,
            seed,
            place,
            key,
            progress,
            start=read_arrays(begun, key),
            save=lambda arrays: write_arrays(begun, key, arrays),
            every=every,
        )
        arrays = {f"parameter {name}": value for name, value in network.parameters.items()}
        write_arrays(done, key, {**arrays, "losses": network.losses})
        begun.unlink(missing_ok=True)
    return network


def _folder(cache: object) -> Path:
    """The folder that is meant."""
    if not isinstance(cache, str | Path):
        msg = f"cache must be a path, got {type(cache).__name__}"
        raise TypeError(msg)
    return cache_folder() if cache == "" else Path(cache)


def _checked(
    data: npt.ArrayLike, architecture: Architecture, training: Training, seed: object, device: str
) -> tuple[npt.NDArray[np.float32], str]:
    """The images in float32, and the hash of all that the training depends on."""
    import torch

    as_kind(architecture, "architecture", Architecture)
    as_kind(training, "training", Training)
    points = as_points(data, "data", architecture.dimension, ndim=2)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        msg = f"seed must be an integer, got {type(seed).__name__}"
        raise TypeError(msg)
    if seed < 0:
        msg = f"seed must be >= 0, got {seed}"
        raise ValueError(msg)
    with np.errstate(over="ignore", under="ignore"):
        images = np.ascontiguousarray(points, dtype=np.float32)
    if not np.isfinite(images).all():
        msg = "data must be finite in float32"
        raise ValueError(msg)
    inputs = {
        "code": _code(),
        "data": [list(images.shape), hashlib.sha256(images.tobytes()).hexdigest()],
        "architecture": asdict(architecture),
        "training": asdict(training),
        "seed": int(seed),
        "device": as_device(device).type,
        "torch": str(torch.__version__),
    }
    return images, hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:32]


@functools.cache
def _code() -> str:
    """Hash of the code that trains: a network of another version is trained again."""
    found = hashlib.sha256()
    for name in _CODE:
        found.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return found.hexdigest()


def _finished(path: Path, architecture: Architecture, key: str) -> Network | None:
    arrays = read_arrays(path, key)
    if arrays is None:
        return None
    losses = arrays.pop("losses")
    return Network(
        architecture, {name.split(" ", 1)[1]: value for name, value in arrays.items()}, losses, key
    )


@contextlib.contextmanager
def _one_thread(place: torch.device) -> Iterator[None]:
    import torch

    threads = torch.get_num_threads()
    if place.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Run:
    """A training under way: parameters, Adam's moments, the losses so far."""

    def __init__(self, network: Network, training: Training, place: torch.device) -> None:
        import torch

        self.parameters = on_device(network, place)
        for value in self.parameters.values():
            value.requires_grad_(True)
        self.adam = torch.optim.Adam(list(self.parameters.values()), lr=training.rate)
        self.step = 0
        self.losses = np.zeros(_PARTS)

    def arrays(self) -> Arrays:
        """All that going on needs."""
        found: dict[str, npt.NDArray[Any]] = {
            "step": np.array(self.step),
            "losses": self.losses.copy(),
        }
        for name, value in self.parameters.items():
            found[f"parameter {name}"] = value.detach().cpu().numpy().copy()
            for part in ("exp_avg", "exp_avg_sq"):
                found[f"{part} {name}"] = self.adam.state[value][part].cpu().numpy().copy()
        return found

    def restore(self, arrays: Arrays) -> None:
        """Go on from there."""
        import torch

        self.step, self.losses = int(arrays["step"]), arrays["losses"].copy()
        for name, value in self.parameters.items():
            with torch.no_grad():
                value.copy_(torch.from_numpy(arrays[f"parameter {name}"]))
            state: dict[str, Any] = {"step": torch.tensor(float(self.step))}
            for part in ("exp_avg", "exp_avg_sq"):
                state[part] = torch.from_numpy(arrays[f"{part} {name}"]).to(value.device)
            self.adam.state[value] = state


def _train(
    images: npt.NDArray[np.float32],
    architecture: Architecture,
    training: Training,
    seed: int,
    place: torch.device,
    key: str,
    progress: Progress | None,
    *,
    start: Arrays | None = None,
    save: Callable[[Arrays], None] | None = None,
    every: float = math.inf,
) -> Network:
    import torch

    first = np.random.SeedSequence([seed, 0])
    run = _Run(initial_network(architecture, rng=first), training, place)
    if start is not None:
        run.restore(start)
    apply = network_function(architecture)
    saved = told = time.monotonic()
    since: list[float] = []
    with _one_thread(place):
        while run.step < training.steps:
            clean, noisy, level = (
                torch.from_numpy(array).to(place)
                for array in _batch(images, training, seed, run.step)
            )
            error = apply(run.parameters, noisy, level) - clean
            loss = ((1 + level.square().reciprocal()) * error.square().mean(dim=1)).mean()
            run.adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            turn = math.cos(0.5 * math.pi * run.step / training.steps)
            run.adam.param_groups[0]["lr"] = training.rate * turn**2
            run.adam.step()
            value = float(loss.detach())
            if not math.isfinite(value):
                msg = f"rate must be smaller than {training.rate}: the loss is {value}"
                raise FloatingPointError(msg)
            run.losses[run.step * _PARTS // training.steps] += value
            run.step += 1
            since.append(value)
            now, last = time.monotonic(), run.step == training.steps
            if progress is not None and (last or now - told >= 1.0):
                progress(run.step, training.steps, sum(since) / len(since))
                told, since = now, []
            if save is not None and not last and now - saved >= every:
                save(run.arrays())
                saved = time.monotonic()
    parts = np.arange(training.steps) * _PARTS // training.steps
    counts = np.bincount(parts, minlength=_PARTS)
    parameters = {name: value.detach().cpu().numpy() for name, value in run.parameters.items()}
    return Network(architecture, parameters, run.losses[counts > 0] / counts[counts > 0], key)


def _batch(
    images: npt.NDArray[np.float32], training: Training, seed: int, step: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Clean images, noisy ones and the noise levels of one step: a function of seed and step."""
    rng = np.random.default_rng([seed, 1, step])
    clean = images[rng.integers(len(images), size=training.batch)]
    low, high = math.log(training.sigma_min), math.log(training.sigma_max)
    level = np.exp(rng.uniform(low, high, training.batch)).astype(np.float32)
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    return clean, clean + level[:, None] * noise, level
