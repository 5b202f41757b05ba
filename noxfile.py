#!/usr/bin/env -S python3 -m nox -f
# /// script
# dependencies = ["nox>=2025.10.14"]
# ///
"""The project's tasks: ``nox -l`` lists them, ``nox -s lint typecheck`` runs two."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"

ROOT = Path(__file__).parent
CONSTRAINTS = ROOT / "constraints.txt"
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PYPROJECT)

HEADER = """\
# What `pip install -c constraints.txt` installs: every package that the extras, the dependency
# groups and the build need, at one exact version. Made, never edited, by
#
#     nox -s constraints -- torch==2.13.0
#
# which asks pip what it would install into an empty environment, on the oldest supported Python
# first (its versions hold) and then on the newer ones found (they add what only they need).
# Requirements after `--` hold a package back. Run it on Linux, whose torch needs the most.
"""


def install(session: nox.Session, *requirements: str) -> None:
    session.install("-c", str(CONSTRAINTS), *requirements)


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PYPROJECT, name))


@nox.session
def lint(session: nox.Session) -> None:
    """Style, imports across the rooms, and the repository's own conventions."""
    install(session, "-e.[test]", *group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("codespell")
    session.run("sp-repo-review", ".")


@nox.session
def typecheck(session: nox.Session) -> None:
    """Mypy in strict mode."""
    install(session, "-e.[test]", *group("lint"))
    session.run("mypy")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, doctests and claims; arguments go to pytest."""
    install(session, "-e.[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def verify(session: nox.Session) -> None:
    """The ledger; arguments go to ``lemmata verify``."""
    install(session, ".[verify]")
    session.run("lemmata", "verify", *session.posargs)


@nox.session(default=False)
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel, and look at what is in them."""
    install(session, *group("lint"))
    dist = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist))
    session.run("check-wheel-contents", str(dist))


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the site into docs/_build."""
    install(session, "-e.[verify]", *group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks once; arguments go to ``asv run``."""
    install(session, "-e.[verify]", *group("bench"))
    session.run("asv", "machine", "--yes")
    session.run("asv", "run", "--python=same", "--quick", "--show-stderr", *session.posargs)


@nox.session(default=False, python=PYTHONS)
def constraints(session: nox.Session) -> None:
    """Remake constraints.txt; arguments are requirements that hold a package back."""
    first = session.python == PYTHONS[0]
    report = Path(session.create_tmp()) / "report.json"
    requirements = [
        *PYPROJECT["build-system"]["requires"],
        *PYPROJECT["project"]["dependencies"],
        *chain.from_iterable(
            (r for r in extra if not r.startswith("lemmata["))
            for extra in PYPROJECT["project"]["optional-dependencies"].values()
        ),
        *(r for r in group("dev") if not r.startswith("lemmata[")),
        *session.posargs,
    ]
    known = {} if first else dict(pin.split("==") for pin in _pins(CONSTRAINTS.read_text()))
    held = () if first else ("-c", str(CONSTRAINTS))
    dry_run = ("install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report))
    session.run("python", "-m", "pip", *dry_run, *held, *requirements)
    for item in json.loads(report.read_text())["install"]:
        name = item["metadata"]["name"].lower().replace("_", "-").replace(".", "-")
        # A local version (2.13.0+cpu) is one machine's build of the public one.
        known.setdefault(name, item["metadata"]["version"].partition("+")[0])
    pins = "".join(f"{name}=={known[name]}\n" for name in sorted(known))
    CONSTRAINTS.write_text(f"{HEADER}{pins}")


def _pins(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


if __name__ == "__main__":
    nox.main()
