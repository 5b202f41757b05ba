"""Configuration of the site, built with ``nox -s docs``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import lemmata

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "lemmata"
author = "lemmata developers"
copyright = "2026, lemmata developers"
release = lemmata.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
]
exclude_patterns = ["_build"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
napoleon_google_docstring = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"

html_theme = "alabaster"
html_theme_options = {"description": "Published mathematics, checked by running it."}


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", _keep_bars)


def _keep_bars(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    # Docstrings write a norm as |x|, which reStructuredText would take for a substitution.
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            lines[i] = re.sub(r"(``.*?``|:math:`.*?`)|\|", lambda m: m[1] or r"\|", line)
