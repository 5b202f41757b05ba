"""Every public function of the room keeps 1e-13, at its edges and at a few points of its domain."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from lemmata import theory

TABLE = Path(__file__).parents[2] / "docs" / "accuracy.md"
FUNCTIONS = sorted(name for name in theory.__all__ if inspect.isfunction(getattr(theory, name)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_keeps_its_digits(scan, name):
    found = [entry for entry in scan.REGISTRY if entry.name == name]
    assert found, f"{name} is not measured: add an Entry to REGISTRY in scan_accuracy.py"
    (entry,) = found
    for point in entry.points(np.random.default_rng([7, *name.encode()]), 2):
        assert entry.error(point) <= scan.ALLOWED, point


def test_measures_public_functions_alone(scan):
    assert [entry.name for entry in scan.REGISTRY] == sorted(entry.name for entry in scan.REGISTRY)
    assert {entry.name for entry in scan.REGISTRY} <= set(FUNCTIONS)


def test_the_page_has_a_row_for_every_function(scan):
    rows = re.findall(
        r"^\| `(\w+)` \|.*\| (\d+) \| ([\d.e+-]+) \|", TABLE.read_text(encoding="utf-8"), re.M
    )
    assert [name for name, _, _ in rows] == [entry.name for entry in scan.REGISTRY]
    assert all(int(points) >= 10 and float(error) <= scan.ALLOWED for _, points, error in rows)


def test_a_lost_digit_is_seen(scan, monkeypatch):
    entry = next(e for e in scan.REGISTRY if e.name == "em_slope")
    kernel = theory.em_slope
    monkeypatch.setattr(theory, "em_slope", lambda *a: kernel(*a) * (1 + 1e-12))
    assert entry.error((2.0, 1.0, 1.0)) > scan.ALLOWED


def test_the_balls_agree(scan):
    for point in [(0.66, 0.43), (-3.0, 4.0), (300.0, 150.0)]:
        assert scan.ball_error(*point) <= 5e-15
