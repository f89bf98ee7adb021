"""Rows to examples by the task file's columns; a row that cannot be used becomes a problem with its place.

Knows the columns of a task file; knows neither files nor splits.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Sequence
from typing import Any

from rung.dataset.rows import Problem, Row
from rung.errors import DataError
from rung.plan import TaskFile
from rung.task import Example, Input, Output


class _Unusable(ValueError):
    """A row that cannot become an example: code, message, and what stands there."""

    def __init__(self, code: str, message: str, given: str | None = None) -> None:
        super().__init__(message)
        self.code, self.given = code, given


def holds_lists(rows: Sequence[Row], column: str) -> bool:
    """Whether any row has a list as its label, which makes a task multi-label unless its file says otherwise."""
    return any(isinstance(row.values.get(column), (list, tuple)) for row in rows)


def require_columns(rows: Sequence[Row], file: TaskFile, source: str) -> None:
    """Check that each column the task file names stands in at least one row.

    Raises:
        DataError: a column is missing; names the columns that are there and the nearest.
    """
    present = list(dict.fromkeys(column for row in rows for column in row.values))
    wanted = [*file.input_columns, file.output, *([file.group] if file.group else [])]
    missing = next((column for column in wanted if column not in present), None)
    if missing is None:
        return
    key = "input" if missing in file.input_columns else "output" if missing == file.output else "group"
    near = difflib.get_close_matches(missing, present, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"name one of them as `{key}:` in the task file"
    if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
        remedy = "the header was read as one column: a .csv file has commas between columns, a .tsv file has tabs"
    where = rows[0].where if rows else source
    raise DataError(f"there is no column {missing!r} ({key})", where=where, allowed=present, remedy=remedy)


def to_examples(
    rows: Sequence[Row], file: TaskFile, split: str, multi_label: bool
) -> tuple[list[Example], list[Problem]]:
    """Examples of the rows that can be used, with ids `split:number`, and what is wrong with the others."""
    examples, problems = [], []
    for row in rows:
        try:
            item = _input(row, file)
            output = _output(row.values.get(file.output), file.output, multi_label)
        except _Unusable as fault:
            problems.append(Problem(fault.code, row.where, str(fault), fault.given))
            continue
        group = row.values.get(file.group) if file.group else None
        name = None if group is None or not str(group).strip() else str(group).strip()
        examples.append(Example(f"{split}:{row.number}", item, output, name, row.where))
    return examples, problems


def _input(row: Row, file: TaskFile) -> Input:
    fields = tuple((column, _text(row.values.get(column), column)) for column in file.input_columns)
    empty = [not value.strip() for _, value in fields]
    # One empty text of a pair leaves nothing to compare; one empty field among several is ordinary.
    if all(empty) or (file.pair and any(empty)):
        raise _Unusable(
            "empty_input", f"the input is empty ({', '.join(n for (n, _), e in zip(fields, empty, strict=True) if e)})"
        )
    return Input(fields, file.pair)


def _text(value: Any, column: str) -> str:
    if value is None or _is_nan(value):
        return ""
    if isinstance(value, (list, tuple, dict, bytes)):
        raise _Unusable("bad_text", f"{column!r} holds a {type(value).__name__}, not a text", str(value)[:80])
    return _encodable(value if isinstance(value, str) else str(value), column)


def _encodable(text: str, column: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        message = f"{column!r} holds half a character (a lone surrogate) at position {error.start}"
        raise _Unusable("bad_text", message, repr(text[error.start])) from None
    return text


def _output(value: Any, column: str, multi_label: bool) -> Output:
    if multi_label:
        value = _as_list(value)
        if value is None:
            raise _Unusable("no_label", f"there is no list of labels in {column!r}")
        return tuple(sorted({_label(item, column) for item in value}))
    if isinstance(value, (list, tuple)):
        raise _Unusable("bad_label", "a list of labels, but the task file says multi_label: false", str(value)[:80])
    return _label(value, column)


def _as_list(value: Any) -> list[Any] | None:
    """The labels of a row: a list, a JSON list in a text (CSV holds no lists), or a single label."""
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            return [value]
        return found if isinstance(found, list) else [value]
    return None if value is None or _is_nan(value) or not str(value).strip() else [value]


def _label(value: Any, column: str) -> str:
    if isinstance(value, bool):
        value = str(value).lower()  # as it stands in JSON, in most CSV files, and in the task file's `labels:`
    elif isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps is read as floats
    if isinstance(value, (list, tuple, dict, bytes)):
        raise _Unusable("bad_label", f"{column!r} holds a {type(value).__name__}, not a label", str(value)[:80])
    label = "" if value is None or _is_nan(value) else _encodable(str(value), column).strip()
    if not label:
        raise _Unusable("no_label", f"there is no label in {column!r}")
    return label


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
