"""The text of a file that a key of the task file names, beside the task file. Knows no format."""

from __future__ import annotations

import difflib
from pathlib import Path

from rung.errors import DataError


def text_beside(folder: Path, name: str, key: str) -> str:
    """What stands in the file `name` below `folder`; `key` names it in the task file, for messages.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    path = folder / name
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"`{key}:` names a file that is not UTF-8", where=name, remedy="save it as UTF-8") from None
    except OSError as error:
        beside = sorted(p.name for p in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, beside, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else "its path is relative to the task file"
        message = f"`{key}:` names a file that cannot be read: {error.strerror}"
        raise DataError(message, where=name, remedy=remedy) from None
