"""The ledger: JSON of schema 1, written atomically, validated both ways."""

from __future__ import annotations

import json
import math
import os
import platform
import tempfile
from collections.abc import Iterable
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import jsonschema

from lemmata.harness.claim import Claim, ClaimError
from lemmata.harness.engine import Result, Settings
from lemmata.harness.suite import Suite

__all__ = ["LedgerError", "as_json", "check_target", "read", "schema", "write"]

SCHEMA_VERSION = 1
_VERSIONED = ("lemmata", "numpy", "scipy", "hypothesis", "python-flint", "sympy", "torch")


class LedgerError(ClaimError):
    """A ledger that cannot be read or written; the message names the file and the reason."""


def schema() -> dict[str, Any]:
    """The JSON Schema of the format."""
    text = resources.files("lemmata.harness").joinpath("ledger.schema.json").read_text("utf-8")
    return dict(json.loads(text))


def as_json(
    suite: Suite, results: Iterable[Result], settings: Settings, seconds: float
) -> dict[str, Any]:
    """The ledger of a run, in the order in which the claims are declared."""
    by_id = {result.claim_id: result for result in results}
    book: dict[str, Any] = _plain(
        {
            "schema": SCHEMA_VERSION,
            "profile": settings.profile,
            "seed": settings.seed,
            "seconds": round(seconds, 3),
            "versions": _versions(),
            "claims": [
                _row(claim, by_id[claim.id]) for claim in suite.registry if claim.id in by_id
            ],
        }
    )
    return book


def _row(claim: Claim, result: Result) -> dict[str, Any]:
    witness = result.witness
    return {
        "id": claim.id,
        "variant": claim.variant,
        "reading": claim.reading,
        "title": claim.title,
        "source": claim.source,
        "verdict": str(result.verdict),
        "expected": str(result.expected),
        "evidence": [
            {
                "kind": o.kind,
                "verdict": str(o.verdict),
                "summary": o.summary,
                "routes": list(o.routes),
                **({"shows": "empty"} if o.shows_empty else {}),
                **o.figures,
            }
            for o in result.outcomes
        ],
        "witness": None if witness is None else witness.as_json(),
        "constants": dict(result.constants),
        "repairs": claim.repairs,
        "needs": list(claim.needs),
        "seconds": round(result.seconds, 3),
    }


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _plain(value: Any) -> Any:
    """JSON has no infinities and no NumPy numbers: the former become text, the latter Python's."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def check_target(path: Path) -> None:
    """Refuse, before any work is done, a path that cannot be written or holds something else.

    Raises
    ------
    LedgerError
        If the folder is missing or not writable, or the file is there and is not a ledger.
    """
    try:
        exists = path.exists()
    except OSError as error:  # a name that no file can have
        raise LedgerError(f"{path}: {error.strerror}") from error
    if path.is_dir():
        raise LedgerError(f"{path}: is a folder, not a file")
    if not path.parent.is_dir():
        raise LedgerError(f"{path}: no such folder: {path.parent}")
    if not os.access(path.parent, os.W_OK) or (exists and not os.access(path, os.W_OK)):
        raise LedgerError(f"{path}: not writable")
    if exists:
        try:
            read(path)
        except LedgerError as error:
            raise LedgerError(f"{error}; left in place, name another file") from error


def write(path: Path, ledger: dict[str, Any]) -> None:
    """Write a ledger: all of it or nothing.

    Raises
    ------
    LedgerError
        If the ledger does not follow the schema, or the file cannot be written.
    """
    _validate(path, ledger)
    text = json.dumps(ledger, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".lemmata-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            # mkstemp makes private files; a ledger is as readable as any new file.
            mask = os.umask(0)
            os.umask(mask)
            Path(name).chmod(0o666 & ~mask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}") from error


def read(path: Path) -> dict[str, Any]:
    """Read a ledger.

    Raises
    ------
    LedgerError
        If the file is missing, torn, or not of this schema. It is left as it is.
    """
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LedgerError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"{path}: torn or not a ledger: {error}") from error
    _validate(path, ledger)
    return dict(ledger)


def _validate(path: Path, ledger: Any) -> None:
    try:
        jsonschema.validate(ledger, schema())
    except jsonschema.ValidationError as error:
        raise LedgerError(
            f"{path}: not a ledger of schema {SCHEMA_VERSION}: {error.message}"
        ) from error
