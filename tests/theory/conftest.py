"""Slow, obvious references."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(scope="session")
def scan() -> ModuleType:
    """`scan_accuracy.py`, definitions in mpmath, and what to measure."""
    name = "scan_accuracy"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def expectations_50(scan: ModuleType) -> Callable[..., dict[str, Any]]:
    """`gaussian_expectations`."""
    return scan.gaussian_expectations
