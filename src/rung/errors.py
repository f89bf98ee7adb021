"""Every error Rung raises on purpose. Knows nothing about the rest of the package.

    RungError                    exit code 1: the work failed
    ├── UsageError               exit code 2: the user asked for something that cannot be done as asked
    │   ├── TaskFileError        task.yaml: unreadable, unknown key, wrong value
    │   ├── DataError            a data file: missing, unreadable, bad line, missing column
    │   ├── UnknownNameError     a model, method, comparison or arm nobody knows (names the nearest)
    │   └── MissingExtraError    an optional package is not installed (names its `pip install` line)
    ├── ModelError               weights missing, unsafe, corrupt or of the wrong kind
    ├── TrainingError            training cannot go on (NaN loss, out of memory, past the deadline)
    └── StorageError             workspace, cache or database: full disk, locked, damaged

A message says what is wrong; `where` says the place (file and line), `given` what was found, `allowed` what is accepted,
`remedy` what to do next. Errors are picklable, so that they cross process borders whole.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class RungError(Exception):
    """An error meant to be read by the user.

    Args:
        message: what is wrong, one sentence.
        where: the place, e.g. ``train.jsonl, line 812``.
        given: the offending value, shortened to 120 characters when shown.
        allowed: the values that would be accepted.
        remedy: what the user can do next.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        given: object = None,
        allowed: Iterable[str] | str | None = None,
        remedy: str | None = None,
    ) -> None:
        self.message = message
        self.where = where
        self.given = None if given is None else _short(str(given))
        self.allowed = allowed if allowed is None or isinstance(allowed, str) else ", ".join(allowed)
        self.remedy = remedy
        super().__init__(message)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        lines += [f"  {name}: {text}" for name, text in self.parts() if text]
        return "\n".join(lines)

    def parts(self) -> list[tuple[str, str | None]]:
        """The labelled lines below the message, in the order they are shown."""
        return [("given", self.given), ("allowed", self.allowed), ("what to do", self.remedy)]

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))


class UsageError(RungError):
    """The request cannot be carried out as it stands; the user can mend it."""

    exit_code = 2


class TaskFileError(UsageError):
    """The task file cannot be read or says something that is not allowed."""


class DataError(UsageError):
    """A data file is missing, unreadable, or holds a row that cannot be used."""


class UnknownNameError(UsageError):
    """A name nobody knows. `nearest` builds the message with the closest known names."""

    @classmethod
    def nearest(cls, what: str, name: str, known: Iterable[str], *, remedy: str | None = None) -> UnknownNameError:
        """The error for an unknown `name` of a `what` ("method", "model"), naming the closest of `known`."""
        names = sorted(known)
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else remedy
        return cls(f"there is no {what} named {name!r}", allowed=names, remedy=hint)


class MissingExtraError(UsageError):
    """An optional package is needed and not installed."""

    @classmethod
    def of(cls, package: str, extra: str, purpose: str) -> MissingExtraError:
        """The error for `package`, needed for `purpose`, which the extra `extra` installs."""
        return cls(
            f"{purpose} needs the package {package!r}, which is not installed", remedy=f"pip install 'rung[{extra}]'"
        )


class ModelError(RungError):
    """Weights that are missing, unsafe, corrupt, or of a kind the method cannot use."""


class TrainingError(RungError):
    """Training cannot go on; what was reached is in the last good checkpoint."""


class StorageError(RungError):
    """The workspace, cache or database cannot be read or written."""


def _short(text: str, limit: int = 120) -> str:
    text = text.replace("\n", "\\n").replace("\x00", "\\x00")
    return text if len(text) <= limit else f"{text[: limit - 1]}… ({len(text)} characters)"


def _rebuild(cls: type[RungError], state: dict[str, Any]) -> RungError:
    error = cls.__new__(cls)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error
