"""Networks: what they compute, their Jacobians, the memory these take, and the refusals."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from lemmata.impl import Architecture, Network, denoise, initial_network, network_jacobians

MLP = Architecture(kind="mlp", dimension=9, width=7, depth=2)
CONV = Architecture(kind="conv", dimension=9, width=3, depth=2)
LINEAR = Architecture(kind="linear", dimension=9)
SHAPES = [MLP, CONV, LINEAR]
X = np.random.default_rng(3).standard_normal((5, 9))


def ident(shape):
    return shape.kind


@pytest.mark.parametrize("shape", SHAPES, ids=ident)
def test_initial_networks_follow_their_seed(shape):
    one, same, other = (initial_network(shape, rng=seed) for seed in (1, 1, 2))
    for name, array in one.parameters.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, same.parameters[name])
    assert any((one.parameters[n] != other.parameters[n]).any() for n in one.parameters)


def test_a_conv_network_has_no_biases_and_scales():
    network = initial_network(CONV, rng=1)
    assert not any("bias" in name for name in network.parameters)
    one = denoise(network, X, 0.5)
    np.testing.assert_allclose(denoise(network, 8 * X, 3.0), 8 * one, rtol=1e-6)


def test_a_perceptron_is_nearly_the_identity_at_little_noise():
    network = initial_network(MLP, rng=1)
    np.testing.assert_allclose(denoise(network, X, 1e-6), X, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=ident)
def test_jacobians_are_difference_quotients(shape):
    network = initial_network(shape, rng=1)
    sigma = np.linspace(0.5, 1.5, 5)
    found = network_jacobians(network, X, sigma)
    step = 2e-3
    for column in range(9):
        shift = np.zeros(9)
        shift[column] = step
        slope = (denoise(network, X + shift, sigma) - denoise(network, X - shift, sigma)) / 2 / step
        # A kink of ReLU may lie between the two.
        assert (np.abs(found[:, :, column] - slope) < 5e-3).mean() > (
            0.8 if shape is CONV else 0.999
        )


@pytest.mark.parametrize("shape", SHAPES, ids=ident)
def test_blocks_change_nothing(shape):
    network = initial_network(shape, rng=1)
    for function in (denoise, network_jacobians):
        whole = function(network, X, 0.5)
        np.testing.assert_allclose(
            function(network, X, 0.5, max_bytes=1), whole, rtol=1e-5, atol=1e-6
        )


def test_jacobians_keep_to_their_memory():
    code = """
import resource, sys
import numpy as np, torch
from lemmata.impl import Architecture, initial_network, network_jacobians
torch.set_num_threads(1)
network = initial_network(Architecture(kind="conv", dimension=64, width=16, depth=3), rng=1)
x = np.ones((256, 64))
network_jacobians(network, x[:2], 0.5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
network_jacobians(network, x, 0.5, max_bytes=1 << 25)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unit = 1 if sys.platform == "darwin" else 1024
print((after - before) * unit)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    # The bound, the result (4 MiB) and what the allocator keeps of earlier blocks.
    assert int(done.stdout) < 3 * (1 << 25)


@pytest.mark.parametrize("function", [denoise, network_jacobians])
def test_refusals(function):
    network = initial_network(MLP, rng=1)
    for name, changes, error in (
        ("network", {"network": MLP}, TypeError),
        ("x", {"x": X[0]}, ValueError),
        ("x", {"x": X[:, :3]}, ValueError),
        ("x", {"x": X * math.nan}, ValueError),
        ("x", {"x": 1e300 * X}, ValueError),
        ("x", {"x": X.astype(bool)}, TypeError),
        ("sigma", {"sigma": 0.0}, ValueError),
        ("sigma", {"sigma": [1.0, 2.0]}, ValueError),
        ("sigma", {"sigma": math.inf}, ValueError),
        ("sigma", {"sigma": "1"}, TypeError),
        ("device", {"device": "nowhere"}, ValueError),
        ("device", {"device": 3}, TypeError),
        ("max_bytes", {"max_bytes": 0}, ValueError),
        ("max_bytes", {"max_bytes": 0.5}, TypeError),
    ):
        with pytest.raises(error, match=name):
            function(**{"network": network, "x": X, "sigma": 0.5, **changes})


def test_shapes_are_checked():
    for name, changes in (
        ("kind", {"kind": "transformer"}),
        ("dimension", {"kind": "conv", "dimension": 8}),
        ("dimension", {"dimension": 0}),
        ("width", {"width": -1}),
        ("kernel", {"kernel": 2}),
    ):
        with pytest.raises(ValueError, match=name):
            Architecture(**{"kind": "mlp", "dimension": 9, **changes})
    with pytest.raises(ValueError, match="parameters"):
        Network(LINEAR, {"weight 0": np.zeros((2, 2), np.float32)}, np.empty(0))
    with pytest.raises(TypeError, match="architecture"):
        initial_network("mlp", rng=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="rng"):
        initial_network(MLP, rng="1")  # type: ignore[arg-type]


@pytest.mark.parametrize("device", ["cpu"] + ["cuda"] * torch.cuda.is_available())
def test_every_device_gives_the_same(device):
    for shape in SHAPES:
        network = initial_network(shape, rng=1)
        for function in (denoise, network_jacobians):
            found = function(network, X, 0.5, device=device)
            np.testing.assert_allclose(found, function(network, X, 0.5), atol=1e-3)
