"""What the kernels promise in their docstrings exists."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from lemmata.checks import SUITE

ROOMS = ("lemmata.theory", "lemmata.impl")
_ID = r"[A-Z0-9]+-[0-9]+[a-z:-]*"
_VERIFIED = re.compile(rf"Verified by:\s+(no claim|{_ID}(?:,\s+{_ID})*)\.")


def _functions() -> list[Any]:
    found = []
    for room in ROOMS:
        module = importlib.import_module(room)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isfunction(thing):
                found.append(pytest.param(thing, id=f"{room}.{name}"))
    return found


@pytest.mark.parametrize("function", _functions())
def test_docstring_names_declared_claims(function: Callable[..., Any]) -> None:
    found = _VERIFIED.search(inspect.getdoc(function) or "")
    assert found, "the docstring must end a sentence 'Verified by: ID, ID.' or 'no claim.'"
    if found[1] != "no claim":
        ids = re.split(r",\s+", found[1])
        assert [i for i in ids if i not in SUITE.registry] == []


@pytest.mark.parametrize("function", _functions())
@pytest.mark.parametrize("section", ["Parameters", "Returns", "Raises", "Notes", "Examples"])
def test_docstring_has_section(function: Callable[..., Any], section: str) -> None:
    assert re.search(rf"^{section}\n-+$", inspect.getdoc(function) or "", re.MULTILINE)


@pytest.mark.parametrize("room", ROOMS)
def test_all_is_what_there_is(room: str) -> None:
    module = importlib.import_module(room)
    public = {
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(thing) and name != "annotations"
    }
    assert sorted(module.__all__) == sorted(public)
