"""Rows to examples by the task file's columns; a row that cannot be used becomes a problem with its place.

Knows the columns of a task file; knows neither files nor splits.
"""

from __future__ import annotations

import difflib
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rung.dataset.conversations import Shape, conversation, references, shape_of
from rung.dataset.entities import decoded, entities_of_row
from rung.dataset.fields import object_of_row
from rung.dataset.rows import Problem, Row, Unusable, encodable, is_nan
from rung.dataset.tags import are_tags, needs_beginnings
from rung.entities import dump
from rung.errors import DataError
from rung.fields import schema_of
from rung.plan import TaskFile
from rung.task import Example, Input, Output


class Reading(NamedTuple):
    """How the output column is to be read, as all its rows together show.

    Attributes:
        multi_label: a row may have several labels. strict_tags: an I- tag without a beginning is a fault (see `tags`).
        json_schema: the task's, as JSON text, where it holds objects and not entities.
    """

    multi_label: bool = False
    strict_tags: bool = True
    json_schema: str | None = None


def reading_of(file: TaskFile, rows: Mapping[str, Sequence[Row]], schema: str | None = None) -> Reading:
    """How to read the output column: as the task file says, else as the rows of `train`, `validation` and `test` show."""
    if schema is not None:
        return Reading(json_schema=schema)
    if file.kind == "extract":
        every = itertools.chain.from_iterable(rows.values())
        return Reading(strict_tags=needs_beginnings(_tags(every, file.output)))
    multi = file.multi_label
    if multi is None and file.kind == "classify":
        shown = rows.get("train") or rows.get("test", ())
        multi = any(isinstance(row.values.get(file.output), (list, tuple)) for row in shown)
    return Reading(multi_label=bool(multi))


def _tags(rows: Iterable[Row], column: str) -> Iterable[list[str]]:
    for row in rows:
        try:
            value = decoded(row.values.get(column))
        except Unusable:  # told when the row becomes an example
            continue
        if are_tags(value):
            yield value


def require_columns(rows: Sequence[Row], file: TaskFile, source: str) -> None:
    """Check that each column the task file names stands in at least one row.

    Raises:
        DataError: a column is missing; names the columns that are there and the nearest.
    """
    present = list(dict.fromkeys(column for row in rows for column in row.values))
    keys = _columns(file, shape_of(file, rows))
    missing = next((column for column in keys if column not in present), None)
    if missing is None:
        return
    key = keys[missing]
    near = difflib.get_close_matches(missing, present, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"name one of them as `{key}:` in the task file"
    if file.kind == "generate" and key != "group" and not near:
        remedy += "; instructions and conversations are known by their columns (see docs/task-file.md, Texts)"
    if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
        remedy = "the header was read as one column: a .csv file has commas between columns, a .tsv file has tabs"
    where = rows[0].where if rows else source
    raise DataError(f"there is no column {missing!r} ({key})", where=where, allowed=present, remedy=remedy)


def _columns(file: TaskFile, shape: Shape | None) -> dict[str, str]:
    """The columns that must be there, each with the key of the task file that names it; a known shape has its own."""
    keys = {} if shape else dict.fromkeys(file.input_columns, "input")
    own = () if shape else ((file.output, "output"), (file.tokens, "tokens"))
    for column, key in (*own, (file.group, "group")):
        if column:
            keys.setdefault(column, key)
    return keys


def to_examples(
    rows: Sequence[Row], file: TaskFile, split: str, reading: Reading
) -> tuple[list[Example], list[Problem]]:
    """Examples of the rows that can be used, with ids `split:number`, and what is wrong with the others."""
    examples, problems = [], []
    shape = shape_of(file, rows)
    for row in rows:
        try:
            item, output = shape.read(row.values) if shape else _read(row, file, reading)
        except Unusable as fault:
            problems.append(fault.at(row.where))
            continue
        group = row.values.get(file.group) if file.group else None
        name = None if group is None or not str(group).strip() else str(group).strip()
        examples.append(Example(f"{split}:{row.number}", item, output, name, row.where))
    return examples, problems


def _read(row: Row, file: TaskFile, reading: Reading) -> tuple[Input, Output]:
    item = _input(row, file)
    return item, _output(row, file, item, reading)


def _input(row: Row, file: TaskFile) -> Input:
    if file.kind == "generate" and len(file.input_columns) == 1:
        turns = conversation(row.values.get(file.input_columns[0]), file.input_columns[0])
        if turns is not None:
            return turns
    fields = tuple((column, _text(row.values.get(column), column, file)) for column in file.input_columns)
    empty = [name for name, value in fields if not value.strip()]
    # One empty text of a pair leaves nothing to compare; one empty field among several is ordinary.
    if file.pair and len(empty) == 1:
        raise Unusable(
            "empty_input", f"one side of the pair is empty ({empty[0]})", remedy="give both texts of the pair"
        )
    if len(empty) == len(fields):
        raise Unusable("empty_input", f"the input is empty ({', '.join(empty)})")
    return Input(fields, file.pair)


def _text(value: Any, column: str, file: TaskFile) -> str:
    if value is None or is_nan(value):
        return ""
    if file.kind == "extract" and isinstance(value, (list, tuple)) and all(isinstance(token, str) for token in value):
        return encodable(" ".join(value), repr(column))  # many tagged datasets have tokens and no text
    if isinstance(value, (list, tuple, dict, bytes)):
        raise Unusable("bad_text", f"{column!r} holds a {type(value).__name__}, not a text", str(value)[:80])
    return encodable(value if isinstance(value, str) else str(value), repr(column))


def _output(row: Row, file: TaskFile, item: Input, reading: Reading) -> Output:
    value, column = row.values.get(file.output), file.output
    if reading.json_schema is not None:
        return object_of_row(value, column, schema_of(reading.json_schema))
    if file.kind == "extract":
        found = entities_of_row(value, column, item.text, _tokens(row, file, item), reading.strict_tags)
        return encodable(dump(found), repr(column))
    if file.kind == "generate":
        return references(value, column)
    if reading.multi_label:
        value = _as_list(value)
        if value is None:
            raise Unusable("no_label", f"there is no list of labels in {column!r}")
        return tuple(sorted({_label(item, column) for item in value}))
    if isinstance(value, (list, tuple)):
        raise Unusable("bad_label", "a list of labels, but the task file says multi_label: false", str(value)[:80])
    return _label(value, column)


def _tokens(row: Row, file: TaskFile, item: Input) -> list[str]:
    """The row's tokens: its column of them, or the input where that is a list, or the input split at white space."""
    value = row.values.get(file.tokens or file.input_columns[0])
    if file.tokens is None and not isinstance(value, (list, tuple)):
        return item.text.split()
    found = decoded(value)
    if found is None or found == []:
        return []
    if not are_tags(found):
        message = f"{file.tokens!r} holds no list of tokens"
        raise Unusable(
            "bad_tokens", message, str(value)[:80], "write a list of texts, or the tokens with blanks between them"
        )
    return found


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
    return None if value is None or is_nan(value) or not str(value).strip() else [value]


def _label(value: Any, column: str) -> str:
    if isinstance(value, bool):
        value = str(value).lower()  # as it stands in JSON, in most CSV files, and in the task file's `labels:`
    elif isinstance(value, float) and value.is_integer():
        value = int(value)  # a column of whole numbers with gaps is read as floats
    if isinstance(value, (list, tuple, dict, bytes)):
        raise Unusable("bad_label", f"{column!r} holds a {type(value).__name__}, not a label", str(value)[:80])
    label = "" if value is None or is_nan(value) else encodable(str(value), repr(column)).strip()
    if not label:
        raise Unusable("no_label", f"there is no label in {column!r}")
    return label
