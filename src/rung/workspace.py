"""Where things are kept: database, cache and comparisons of one workspace. Knows folders and locks, not what is in them."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rung.cache import storage_error
from rung.errors import RungError, StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class Workspace:
    """A folder, and the database that belongs to it.

    Attributes:
        folder: `.rung` in the current folder, or RUNG_HOME, or what the caller gave.
        database: an SQLAlchemy URL where the records live elsewhere (Postgres); None for `rung.db` in the folder.
    """

    folder: Path
    database: str | None = None

    @classmethod
    def of(cls, value: str | Path | Workspace | None = None) -> Workspace:
        """The workspace a user means: one given, a folder, a database URL (files then in the default folder), or None."""
        if isinstance(value, Workspace):
            return value
        home = Path(os.environ.get("RUNG_HOME") or ".rung")
        if value is None:
            return cls(home)
        return cls(home, str(value)) if "://" in str(value) else cls(Path(value))

    @property
    def store(self) -> str | Path:
        """What `Store` opens."""
        return self.database or self.folder / "rung.db"

    @property
    def cache(self) -> Path:
        """Folder of the content-addressed cache."""
        return self.folder / "cache"

    def comparison(self, comparison_id: str) -> Path:
        """Folder of one comparison: fitted arms and checkpoints."""
        return self.folder / "comparisons" / comparison_id

    @contextlib.contextmanager
    def lock(self, comparison_id: str) -> Iterator[None]:
        """Hold a comparison for this process; the system lets go of it when the process ends, however it ends.

        Raises:
            StorageError: another process holds it, or the folder cannot be written.
        """
        from filelock import FileLock, Timeout

        path = self.comparison(comparison_id) / "lock"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, is_singleton=False)
            lock.acquire(timeout=0)
        except Timeout:
            raise StorageError(
                f"the comparison {comparison_id} is being run by another process",
                where=str(path),
                remedy="wait until it has finished, or end it; the same command then goes on where it stopped",
            ) from None
        except OSError as error:
            raise storage_error(error, path) from error
        try:
            yield
        finally:
            lock.release()


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Fill a folder that appears whole or not at all; yields the folder to write into.

    What stood at `path` before is replaced. After a power cut the folder is there with all its bytes, or it is not there.

    Raises:
        StorageError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        yield temporary
        for file in sorted(temporary.rglob("*")):
            sync(file)
        sync(temporary)
        remove_folder(path)
        temporary.rename(path)
        temporary = None
        sync(path.parent)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def sync(path: Path) -> None:
    """Ask the system to bring a file or folder to the disk; systems that cannot do so for folders are left alone."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(path: Path) -> None:
    """Remove a folder if it is there."""
    if path.exists():
        shutil.rmtree(path)


def remove_unfinished(folder: Path) -> None:
    """Remove what an earlier process, killed while it filled an `atomic_folder`, left in `folder`."""
    if folder.is_dir():
        for left in folder.glob(".*.tmp"):
            shutil.rmtree(left, ignore_errors=True)


def disk_is_full(error: BaseException) -> bool:
    """Whether an error, or what caused it, is a full disk; libraries written in Rust say so in words only."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _FULL:
            return True
        if not isinstance(seen, RungError) and any(sign in str(seen).lower() for sign in _SIGNS):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


_SIGNS = ("no space left on device", "os error 28", "disk quota exceeded", "file too large", "os error 27")
