"""Collect the rooms once, and under their import names.

A file of a room has two paths in a checkout: ``theory/x.py``, and ``src/lemmata/theory/x.py``
through a link. Only the second tells pytest that the module is ``lemmata.theory.x``, so a room
that is asked for by its first path is collected by its second.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# Tests draw the same examples each time; LEMMATA_HYPOTHESIS=explore looks for new ones.
settings.register_profile("deterministic", derandomize=True, database=None, deadline=None)
settings.register_profile("explore", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("LEMMATA_HYPOTHESIS", "deterministic"))

ROOT = Path(__file__).parent
ROOMS = ("theory", "impl", "harness", "checks")

# Tooling is no part of the package, and imports what its tests do not need.
collect_ignore = [*ROOMS, "benchmarks", "docs", "noxfile.py"]


def pytest_configure(config: pytest.Config) -> None:
    config.args = [_by_import_name(arg, config.invocation_params.dir) for arg in config.args]


def _by_import_name(arg: str, cwd: Path) -> str:
    path, *rest = re.split(r"(?=::|\[)", arg, maxsplit=1)
    # Not Path.resolve: a link must stay what it is.
    absolute = Path(os.path.normpath(cwd / path))
    if absolute.is_relative_to(ROOT) and absolute.exists():
        parts = absolute.relative_to(ROOT).parts
        if parts and parts[0] in ROOMS:
            return "".join([str(ROOT.joinpath("src", "lemmata", *parts)), *rest])
    return arg
