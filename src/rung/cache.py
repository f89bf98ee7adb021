"""Content-addressed arrays on disk: written atomically, safe under several processes, never a pickle.

An entry is one safetensors file named by the sha-256 of its key. Writers write to a temporary name in the same folder, flush,
and rename; a reader sees the whole entry or none. An entry that cannot be read (cut off by a full disk) counts as absent.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from rung.errors import StorageError

_looking = threading.Lock()


def key_of(*parts: object) -> str:
    """A sha-256 over JSON values, the same on every machine."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all.

    Raises:
        StorageError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp", delete=False)  # noqa: SIM115 closed below
        temporary = Path(handle.name)
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.chmod(0o666 & ~_umask())  # temporary files are made for their owner alone
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@functools.cache
def _umask() -> int:
    # Looking means setting, for all threads: once a process, so that no two threads set it back to each other's.
    with _looking:
        mask = os.umask(0o077)
        os.umask(mask)
    return mask


def storage_error(error: OSError, path: Path) -> StorageError:
    """An `OSError` while writing `path`, for the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(
            "the disk is full",
            where=str(path),
            remedy="free some space and run the same command again; finished work is kept",
        )
    return StorageError(
        f"cannot write: {error.strerror or error}",
        where=str(path),
        remedy="check the folder's permissions, or set RUNG_HOME",
    )


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, keys sorted."""
    with atomic_write(path) as handle:
        handle.write((json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


class Cache:
    """Arrays kept under `folder`, two levels deep. `Cache(None)` keeps nothing."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """Where the entry `key` (64 hex digits) lies."""
        if self.folder is None:
            raise StorageError("this cache keeps nothing on disk")
        return self.folder / key[:2] / f"{key}.safetensors"

    def get(self, key: str) -> dict[str, np.ndarray[Any, Any]] | None:
        """The arrays stored under `key`, or None."""
        if self.folder is None or not self.path(key).exists():
            return None
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path(key)))
        except (SafetensorError, OSError):
            return None

    def put(self, key: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Store arrays under `key`; two writers of one key leave one whole entry."""
        if self.folder is None:
            return
        from safetensors.numpy import save

        data = save({name: np.ascontiguousarray(value) for name, value in arrays.items()})
        with atomic_write(self.path(key)) as handle:
            handle.write(data)
