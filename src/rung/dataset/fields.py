"""Rows under a JSON schema: the schema a task file names, the object of a row, and what may be wrong with the fields of all rows.

Knows a task file's `schema:`, examples and findings.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rung.dataset.beside import text_beside
from rung.dataset.rows import Finding, Unusable, counted, encodable, is_nan
from rung.errors import DataError
from rung.fields import Schema, check_schema, dump, kept, schema_of
from rung.plan import TaskFile
from rung.task import Example, Label

WRITTEN = 'write an object such as {"field": "value"}, in CSV as JSON text'


def task_schema(file: TaskFile, folder: Path) -> str | None:
    """The schema of a task as JSON text: from the task file, or from the file it names; None where there is none.

    Raises:
        DataError: the file cannot be read, is no JSON, or holds a schema by which answers cannot be judged.
    """
    if file.json_schema is None:
        return None
    if not isinstance(file.json_schema, str):
        return dump(file.json_schema)
    name = file.json_schema
    try:
        schema = json.loads(text_beside(folder, name, "schema"))
        check_schema(schema)
        return dump(schema)
    except json.JSONDecodeError as error:
        where = f"{name}, line {error.lineno}"
        raise DataError(
            f"`schema:` names a file that is not JSON: {error.msg}", where=where, remedy="mend it"
        ) from None
    except (ValueError, RecursionError) as error:
        message = f"`schema:` names a schema by which answers cannot be judged: {error}"
        raise DataError(message, where=name, remedy="see docs/task-file.md for what a schema may say") from None


def object_of_row(value: Any, column: str, schema: Schema) -> str:
    """The canonical JSON text of the object in `value`, an object or its JSON text.

    Raises:
        Unusable: nothing stands there, it is no object, or it does not keep the schema.
    """
    found = _decoded(value, column)
    if not isinstance(found, Mapping):
        raise Unusable("bad_fields", f"{column!r} holds no JSON object", _short(value), WRITTEN)
    try:
        return encodable(dump(kept(found, schema)), repr(column))
    except Unusable:
        raise
    except (ValueError, RecursionError) as error:
        told = str(error) if isinstance(error, ValueError) else "nested too deeply"
        message = f"{column!r} does not keep the schema: {told}"
        raise Unusable("bad_fields", message, _short(found), "mend the row, or the schema") from None


def _decoded(value: Any, column: str) -> Any:
    if value is None or is_nan(value) or (isinstance(value, str) and not value.strip()):
        raise Unusable("no_fields", f"there is nothing in {column!r}", remedy="write {} where a row has no field")
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deeply"
        remedy = "write JSON, with double quotes" if "'" in value else WRITTEN
        raise Unusable("bad_fields", f"{column!r} is not valid JSON: {why}", _short(value), remedy) from None


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"


def field_labels(schema: Schema) -> tuple[Label, ...]:
    """The labels of a task with a schema: its top-level fields."""
    parts = schema["properties"].items()
    return tuple(Label(name=name, description=str(part.get("description", "")).strip()) for name, part in parts)


def field_findings(schema: str, train: Sequence[Example]) -> list[Finding]:
    """What may be wrong with the fields of the training rows: none at all, some never there, all rows alike."""
    if not train:
        return []
    answers = [json.loads(str(example.output)) for example in train]
    first = [train[0].where]
    if not any(answers):
        message = f"none of {counted(len(train), 'training row')} has a field: there is nothing to learn"
        return [Finding.at("error", "no_fields", message, first, remedy="add rows with fields")]
    if len(train) > 1 and len({example.output for example in train}) == 1:
        message = f"all {len(train):,} training rows have the same fields: there is nothing to tell apart"
        return [Finding.at("error", "one_answer", message, first, remedy="add rows with other values")]
    present = Counter(name for answer in answers for name in answer)
    absent = [name for name in schema_of(schema)["properties"] if name not in present]
    if not absent:
        return []
    message = f"{counted(len(absent), 'field')} of the schema: no training row has it: {', '.join(absent[:8])}"
    return [Finding("warning", "field_without_rows", message, count=len(absent))]
