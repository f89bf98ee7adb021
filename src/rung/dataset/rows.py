"""Row, Problem, Unusable and Finding: what was read, what is wrong with one row, and what is worth telling about the data.

Knows neither formats nor tasks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rung.errors import DataError, UsageError

Level = Literal["error", "warning", "note"]
PLACES_SHOWN = 10


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in its file.

    Attributes:
        values: the columns by name.
        where: `file, line N` (N from 1; `row N` in formats without lines).
        number: the row's number in its file from 0; rows that cannot be read are counted too.
    """

    values: dict[str, Any]
    where: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row or line.

    Attributes:
        code: `bad_line`, `encoding`, `empty_input`, `no_label`, `bad_label`, `bad_text`, `no_entities`, `bad_entities`,
            `overlapping_entities`, `bad_tags`, `bad_tokens`, `no_fields`, `bad_fields`, `bad_messages` or `empty_reference`.
        where: the place. message: one sentence. given: what stands there. remedy: what to do.
    """

    code: str
    where: str
    message: str
    given: str | None = None
    remedy: str | None = None


class Unusable(ValueError):
    """A row that cannot become an example: the parts of a `Problem` but for its place."""

    def __init__(self, code: str, message: str, given: str | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.code, self.given, self.remedy = code, given, remedy

    def at(self, where: str) -> Problem:
        """The problem of the row that stands at `where`."""
        return Problem(self.code, where, str(self), self.given, self.remedy)


def encodable(text: str, what: str) -> str:
    """`text`, if it can be written as UTF-8.

    Raises:
        Unusable: it holds half a character; `what` is how the message calls the text.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"{what} holds half a character (a lone surrogate) at position {error.start}"
        raise Unusable("bad_text", message, repr(text[error.start])) from None
    return text


def is_nan(value: Any) -> bool:
    """Whether this is what gaps in columns of numbers are read as."""
    return isinstance(value, float) and math.isnan(value)


@dataclass(frozen=True)
class Finding:
    """Something a careful colleague would tell you about the data.

    Attributes:
        level: `error` (no comparison should be made on this), `warning`, or `note`.
        code: stable name for machines. message: one sentence with the figures.
        places: up to ten places. count: how many there are in all.
        cause: the error that stopped the reading of a source, where there is one.
    """

    level: Level
    code: str
    message: str
    places: tuple[str, ...] = ()
    count: int = 0
    given: str | None = None
    remedy: str | None = None
    cause: UsageError | None = field(default=None, compare=False, repr=False)

    @classmethod
    def at(cls, level: Level, code: str, message: str, places: Sequence[str], *, remedy: str | None = None) -> Finding:
        """A finding about `places`, of which the first ten are kept."""
        return cls(level, code, message, tuple(places[:PLACES_SHOWN]), len(places), remedy=remedy)

    @classmethod
    def of_error(cls, error: UsageError) -> Finding:
        """The finding that a source could not be read at all."""
        places = (error.where,) if error.where else ()
        return cls("error", "unreadable", error.message, places, 1, error.given, error.remedy, error)

    @classmethod
    def of_lines(cls, problems: Sequence[Problem]) -> Finding:
        """The finding that lines of a file cannot be read: the first one in full, the number of the others."""
        first = problems[0]
        more = f" (and {counted(len(problems) - 1, 'other line')} cannot be read)" if len(problems) > 1 else ""
        places = tuple(p.where for p in problems[:PLACES_SHOWN])
        return cls("error", first.code, first.message + more, places, len(problems), first.given, first.remedy)

    def to_error(self, others: int = 0) -> UsageError:
        """The error to raise for this finding; `others` is the number of further errors in the data."""
        if self.cause is not None:
            return self.cause
        remedy = self.remedy
        if others:
            also = f"this data has {counted(others, 'other error')}: `rung check` lists all"
            remedy = f"{remedy}; {also}" if remedy else also
        where = self.places[0] if self.places else None
        return DataError(self.message, where=where, given=self.given, remedy=remedy)

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return {
            "level": self.level,
            "code": self.code,
            "message": self.message,
            "count": self.count,
            "places": list(self.places),
            "given": self.given,
            "remedy": self.remedy,
        }

    def line(self) -> str:
        """One line for people: the message and its places."""
        if not self.places:
            return self.message
        rest = self.count - len(self.places)
        return f"{self.message} [{'; '.join(self.places)}{f'; and {rest:,} more' if rest > 0 else ''}]"
