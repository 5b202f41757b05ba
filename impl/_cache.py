"""A folder of named arrays that are trusted only if they are what was asked for, and whole."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Arrays", "cache_folder", "locked", "read_arrays", "write_arrays"]

Arrays = Mapping[str, npt.NDArray[Any]]

_MAGIC = b"lemmata arrays 1"
_MOST_NAMES = 1000


def cache_folder() -> Path:
    """The user's folder for what can be made again: $LEMMATA_CACHE, or the platform's custom."""
    chosen = os.environ.get("LEMMATA_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "lemmata"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "lemmata"
    return Path.home() / ".cache" / "lemmata"


def write_arrays(path: Path, key: str, arrays: Arrays) -> None:
    """Write arrays under a key; whoever reads at the same time sees the old file or the new."""
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **dict(arrays))
    payload = stream.getvalue()
    head = b"\n".join([_MAGIC, key.encode(), hashlib.sha256(payload).hexdigest().encode(), b""])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(head + payload)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_arrays(path: Path, key: str) -> dict[str, npt.NDArray[Any]] | None:
    """
    Return the arrays that were written under this key, or None.

    A file that is torn, or was written under another key, is left under another name, with a
    warning: it is never trusted.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        warnings.warn(f"{path} cannot be read ({error.strerror}): made anew", stacklevel=2)
        return None
    reason = "is torn"
    head = content.split(b"\n", 3)
    if len(head) == 4 and head[0] == _MAGIC:
        _, found, digest, payload = head
        if found != key.encode():
            reason = "was made from something else"
        elif digest == hashlib.sha256(payload).hexdigest().encode():
            with (
                contextlib.suppress(ValueError, OSError, KeyError, zipfile.BadZipFile),
                np.load(io.BytesIO(payload), allow_pickle=False) as file,
            ):
                return dict(file)
    warnings.warn(f"{path} {reason}: kept as {_put_aside(path)}, and made anew", stacklevel=2)
    return None


def _put_aside(path: Path) -> str:
    """Rename a file that is not trusted; return its new name."""
    for number in range(1, _MOST_NAMES):
        other = path.with_name(f"{path.name}.refused-{number}")
        if not other.exists():
            with contextlib.suppress(OSError):
                path.rename(other)
                return other.name
            break
    return path.name


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the system gives back when its holder dies."""
    try:
        import fcntl
    except ImportError:  # no such locks here: at worst the same work is done twice
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
