"""Training: reproducible, resumable after a kill, cached, and never fooled by a bad file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
import torch

from lemmata.impl import Architecture, Training, denoise, posterior_mean, train_denoiser, training
from lemmata.impl._cache import cache_folder, read_arrays, write_arrays

DATA = np.random.default_rng(1).standard_normal((40, 4))
SHAPE = Architecture(kind="mlp", dimension=4, width=8, depth=1)
SHORT = Training(steps=60, batch=16)


def train(**changes):
    return train_denoiser(
        **{"data": DATA, "architecture": SHAPE, "training": SHORT, "seed": 3, **changes}
    )


def assert_same(one, other):
    assert one.key == other.key
    np.testing.assert_array_equal(one.losses, other.losses)
    for name, value in one.parameters.items():
        np.testing.assert_array_equal(value, other.parameters[name])


def test_it_learns_the_exact_denoiser():
    data = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
    shape = Architecture(kind="mlp", dimension=2, width=64, depth=2)
    network = train_denoiser(
        data, shape, Training(steps=1000, batch=256, rate=5e-3, sigma_min=0.1), seed=1
    )
    rng = np.random.default_rng(2)
    for sigma in (0.5, 1.0):
        x = data[rng.integers(4, size=500)] + sigma * rng.standard_normal((500, 2))
        gap = denoise(network, x, sigma) - posterior_mean(x, data, sigma)
        assert np.sqrt(np.square(gap).mean()) < 0.15
    assert network.losses[-1] < 0.6 * network.losses[0]


def test_the_seed_fixes_everything_and_touches_no_global_state():
    before = torch.random.get_rng_state()
    threads = torch.get_num_threads()
    assert_same(train(), train())
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    assert (train(seed=4).losses != train().losses).any()


def test_progress_tells_the_loss():
    told = []
    network = train(progress=lambda *news: told.append(news))
    assert told[-1][:2] == (60, 60)
    assert np.isfinite(told[-1][2])
    assert len(network.losses) == 20


def test_the_cache_is_read_back(tmp_path):
    fresh = train(cache=tmp_path)
    told = []
    assert_same(fresh, train(cache=tmp_path, progress=lambda *news: told.append(news)))
    assert told == []
    assert_same(fresh, train())


@pytest.mark.parametrize(
    "changes",
    [
        {"data": DATA + 1e-3},
        {"data": DATA[:39]},
        {"architecture": Architecture(kind="mlp", dimension=4, width=8, depth=2)},
        {"training": Training(steps=61, batch=16)},
        {"training": Training(steps=60, batch=16, sigma_max=3.0)},
        {"seed": 5},
    ],
)
def test_every_input_is_in_the_key(changes):
    assert train(**changes).key != train().key


def test_the_code_is_in_the_key(monkeypatch):
    key = train().key
    monkeypatch.setattr(training, "_code", lambda: "other")
    assert train().key != key


def test_the_version_of_torch_is_in_the_key(monkeypatch):
    key = train().key
    monkeypatch.setattr(torch, "__version__", "0.0")
    assert train().key != key


@pytest.mark.parametrize("how", ["torn", "flipped", "empty", "foreign", "other"])
def test_a_bad_file_is_kept_aside_and_never_trusted(tmp_path, how):
    fresh = train(cache=tmp_path)
    (path,) = tmp_path.glob("*.network")
    content = path.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    bad = {
        "torn": content[:-100],
        "flipped": bytes(flipped),
        "empty": b"",
        "foreign": b"\x80\x04some pickle",
        "other": content.replace(fresh.key.encode(), b"0" * 32),
    }[how]
    path.write_bytes(bad)
    with pytest.warns(UserWarning, match="made anew"):
        again = train(cache=tmp_path)
    assert_same(fresh, again)
    (kept,) = tmp_path.glob("*.refused-*")
    assert kept.read_bytes() == bad
    assert_same(fresh, train(cache=tmp_path))


def test_a_killed_training_goes_on_to_the_same_network(tmp_path):
    code = f"""
import sys
sys.path[:0] = {[p for p in sys.path if p]!r}
import numpy as np
from lemmata.impl import Architecture, Training, train_denoiser
data = np.random.default_rng(1).standard_normal((40, 4))
shape = Architecture(kind="mlp", dimension=4, width=8, depth=1)
train_denoiser(data, shape, Training(steps=1500, batch=16), seed=3, cache={str(tmp_path)!r},
               checkpoint_seconds=0.02)
"""
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        while not list(tmp_path.glob("*.unfinished")):
            assert child.poll() is None
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    (begun,) = tmp_path.glob("*.unfinished")
    step = int(read_arrays(begun, begun.stem)["step"])
    assert 0 < step < 1500
    told = []
    long = Training(steps=1500, batch=16)
    resumed = train(training=long, cache=tmp_path, progress=lambda *news: told.append(news))
    whole = train(training=long)
    assert_same(whole, resumed)
    assert not list(tmp_path.glob("*.unfinished"))


def test_an_unfinished_file_that_is_torn_starts_over(tmp_path):
    whole = train()
    begun = tmp_path / f"{whole.key}.unfinished"
    write_arrays(begun, whole.key, {"step": np.array(1)})
    begun.write_bytes(begun.read_bytes()[:-5])
    with pytest.warns(UserWarning, match="is torn"):
        assert_same(whole, train(cache=tmp_path))


def test_two_processes_train_it_once(tmp_path):
    code = f"""
import sys
sys.path[:0] = {[p for p in sys.path if p]!r}
import numpy as np
from lemmata.impl import Architecture, Training, train_denoiser
data = np.random.default_rng(1).standard_normal((40, 4))
shape = Architecture(kind="mlp", dimension=4, width=8, depth=1)
told = []
train_denoiser(data, shape, Training(steps=400, batch=16), seed=3, cache={str(tmp_path)!r},
               progress=lambda *news: told.append(news))
print(bool(told))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = sorted(child.communicate()[0].strip() for child in children)
    assert answers == ["False", "True"]


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("LEMMATA_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("LEMMATA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "lemmata"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert cache_folder().is_absolute()
    monkeypatch.setenv("LEMMATA_CACHE", str(tmp_path / "here"))
    assert_same(train(cache=""), train())
    assert list((tmp_path / "here").glob("*.network"))


def test_a_training_that_diverges_says_so():
    with (
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        pytest.raises(FloatingPointError, match="rate"),
    ):
        train(training=Training(steps=50, batch=16, rate=1e30))


def test_refusals():
    for name, changes, error in (
        ("data", {"data": DATA[:, :3]}, ValueError),
        ("data", {"data": DATA[:0]}, ValueError),
        ("data", {"data": DATA * np.nan}, ValueError),
        ("data", {"data": DATA * 1e300}, ValueError),
        ("data", {"data": DATA.astype(str)}, TypeError),
        ("architecture", {"architecture": "mlp"}, TypeError),
        ("training", {"training": 60}, TypeError),
        ("seed", {"seed": -1}, ValueError),
        ("seed", {"seed": 1.0}, TypeError),
        ("seed", {"seed": True}, TypeError),
        ("device", {"device": "nowhere"}, ValueError),
        ("cache", {"cache": 3}, TypeError),
        ("checkpoint_seconds", {"checkpoint_seconds": -1.0}, ValueError),
    ):
        with pytest.raises(error, match=name):
            train(**changes)
    for name, bad in (
        ("steps", 0),
        ("batch", 0),
        ("rate", 0.0),
        ("sigma_min", 0.0),
        ("sigma_max", 0.001),
    ):
        with pytest.raises(ValueError, match=name):
            Training(**{"steps": 10, name: bad})
