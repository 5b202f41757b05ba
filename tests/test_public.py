"""What the modules say of themselves is so: public names, docstrings, the claims they name."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

import lemmata.checks
import lemmata.harness
import lemmata.impl
import lemmata.theory

KERNELS = (lemmata.theory, lemmata.impl)
ROOMS = (*KERNELS, lemmata.harness, lemmata.checks)
MODULES = [
    importlib.import_module(f"{room.__name__}.{info.name}")
    for room in ROOMS
    for info in pkgutil.iter_modules(room.__path__)
    if not info.name.startswith("test_")
]
FUNCTIONS = [
    pytest.param(thing, id=f"{room.__name__}.{name}")
    for room in KERNELS
    for name in room.__all__
    if inspect.isfunction(thing := getattr(room, name))
]

_ID = r"[A-Z0-9]+-[0-9]+[a-z:-]*"
_VERIFIED = re.compile(rf"Verified by:\s+(no claim|{_ID}(?:,\s+{_ID})*)\.")


def _name(module: ModuleType) -> str:
    return module.__name__


@pytest.mark.parametrize("function", FUNCTIONS)
def test_docstring_names_declared_claims(function: Callable[..., Any]) -> None:
    found = _VERIFIED.search(inspect.getdoc(function) or "")
    assert found, "the docstring must have a sentence 'Verified by: ID, ID.' or 'no claim.'"
    if found[1] != "no claim":
        ids = re.split(r",\s+", found[1])
        assert [i for i in ids if i not in lemmata.checks.SUITE.registry] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_docstring_is_whole(function: Callable[..., Any]) -> None:
    text = inspect.getdoc(function) or ""
    for section in ("Parameters", "Returns", "Raises", "Notes", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text, section
    assert re.search(r"\bCosts?\b", text), "say what it costs"


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_all_is_what_the_module_defines(module: ModuleType) -> None:
    listed = module.__all__
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(vars(module))
    defined = {
        name
        for name, thing in vars(module).items()
        if (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__ == module.__name__
        # pytest finds its hooks by their names.
        and not name.startswith(("_", "pytest_"))
    }
    assert defined <= set(listed)


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_module_says_what_it_is(module: ModuleType) -> None:
    first = (module.__doc__ or "").strip().splitlines()[0]
    assert first.endswith((".", ":"))
    assert len(first) <= 100
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            assert inspect.getdoc(thing), name


@pytest.mark.parametrize("room", KERNELS, ids=_name)
def test_room_exports_its_public_modules(room: ModuleType) -> None:
    public = [
        name
        for info in pkgutil.iter_modules(room.__path__)
        if not info.name.startswith("_")
        for name in importlib.import_module(f"{room.__name__}.{info.name}").__all__
    ]
    assert sorted(public) == sorted(room.__all__)


def test_every_module_was_found() -> None:
    assert sum(m.__name__.startswith("lemmata.harness.") for m in MODULES) > 12
