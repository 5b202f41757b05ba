"""Public names: `__all__` of every module of the harness is what the module defines."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

from lemmata import harness

MODULES = sorted(
    f"{harness.__name__}.{info.name}" for info in pkgutil.iter_modules(harness.__path__)
)


@pytest.mark.parametrize("name", MODULES)
def test_all_is_what_the_module_defines(name):
    module = importlib.import_module(name)
    listed = module.__all__
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(vars(module))
    defined = {
        key
        for key, value in vars(module).items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == name
        # pytest finds its hooks by their names.
        and not key.startswith(("_", "pytest_"))
    }
    assert defined <= set(listed)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_in_one_line(name):
    first = importlib.import_module(name).__doc__.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 100


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_and_classes_are_documented(name):
    module = importlib.import_module(name)
    for key in module.__all__:
        value = getattr(module, key)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert inspect.getdoc(value), f"{name}.{key}"


def test_every_module_was_found():
    assert len(MODULES) > 12
