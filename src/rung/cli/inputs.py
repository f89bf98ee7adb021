"""What users write on the command line, as values: lists, numbers, and the texts that `predict` reads. Runs nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rung.errors import DataError, UsageError

if TYPE_CHECKING:
    from rung.dataset.rows import Row
    from rung.evaluation.records import ComparisonRecord
    from rung.task import Input, Prediction, Task, TaskKind


def names(text: str | None) -> list[str] | None:
    """`a, b` as `["a", "b"]`; None for None.

    Raises:
        UsageError: nothing but commas.
    """
    if text is None:
        return None
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found:
        raise UsageError("a list is empty", given=text, remedy="separate several names by commas, without spaces")
    return found


def numbers(text: str | None, what: str) -> list[int] | None:
    """`10,20` as `[10, 20]`; None for None.

    Raises:
        UsageError: a part is not a whole number.
    """
    found = names(text)
    try:
        return None if found is None else [int(part.replace("_", "")) for part in found]
    except ValueError:
        raise UsageError(f"{what} are whole numbers separated by commas", given=text, remedy="e.g. 50,200") from None


def chosen_methods(task: Path, wanted: Sequence[str] | None) -> list[Any] | None:
    """Methods by name, with the knobs that the task file gives them where it names them.

    Raises:
        TaskFileError: the task file cannot be read.
    """
    if wanted is None:
        return None
    from rung.plan import read_task_file

    planned = read_task_file(task).methods
    chosen: list[Any] = []
    for name in wanted:
        chosen += [spec for spec in planned if name in (spec.name, spec.method)] or [name]
    return chosen


def read_inputs(
    text: str | None, file: Path | None, columns: Sequence[str], pair: bool = False, kind: TaskKind = "classify"
) -> list[Any]:
    """The inputs to predict on: one text, the rows of a data file, or a line each of a text file or of stdin.

    Args:
        columns: names of the task's input fields; a data file must have them. pair: they are a pair of texts.
        kind: of the task; with `generate` a data file may also hold instructions or conversations in a known shape.

    Raises:
        UsageError: both a text and a file, or nothing at all.
        DataError: the file cannot be read, or lacks a column.
    """
    if text is not None and file is not None:
        raise UsageError("--input and --file were both given", remedy="give one of them")
    if text is not None:
        return [text]
    if file is None:
        if sys.stdin.isatty():
            raise UsageError(
                "there is nothing to predict on", remedy="give --input TEXT or --file F, or pipe in a text a line"
            )
        return _lines(sys.stdin.read())
    if file.suffix.lower() in ("", ".txt", ".md"):
        try:
            return _lines(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError("the file cannot be read as UTF-8 text", where=str(file), given=error) from None
    return _rows(file, columns, pair, kind)


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def _rows(file: Path, columns: Sequence[str], pair: bool, kind: TaskKind) -> list[Any]:
    from rung.dataset import read_rows
    from rung.plan import DataSource

    rows = read_rows(DataSource(path=str(file)), Path())
    out: list[Any] = []
    for row in rows:
        item = _asked(row, columns) if kind == "generate" else None
        if item is not None:
            out.append(item)
            continue
        missing = next((column for column in columns if column not in row.values), None)
        if missing is not None:
            raise DataError(f"there is no column {missing!r}", where=row.where, allowed=list(row.values))
        values = [_text_of(row.values[column]) for column in columns]
        named = dict(zip(columns, values, strict=True))
        out.append(values[0] if len(columns) == 1 else tuple(values) if pair else named)
    return out


def _asked(row: Row, columns: Sequence[str]) -> Input | None:
    """The input of a row in one of the shapes that are known by their columns; None where it is in none of them."""
    from rung.dataset.conversations import asked
    from rung.dataset.rows import Finding, Unusable

    try:
        return asked(row.values, columns)
    except Unusable as fault:
        raise Finding.of_lines([fault.at(row.where)]).to_error() from None


def _text_of(value: Any) -> str:
    """A cell as the text that training read: tokens with blanks between them."""
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


def predictions_json(task: Task, inputs: Sequence[Input], predictions: Sequence[Prediction]) -> list[dict[str, Any]]:
    """Predictions as JSON values: input, output (with `extract` entities or the object), confidence, each label's probability."""
    out = []
    for item, found in zip(inputs, predictions, strict=True):
        values = None
        if found.probabilities is not None:
            values = dict(zip(task.label_names, found.probabilities, strict=True))
        output = json.loads(found.output) if task.kind == "extract" and isinstance(found.output, str) else found.output
        out.append({"input": item.text, "output": output, "confidence": found.confidence, "probabilities": values})
    return out


def print_json(value: Any) -> None:
    """Write JSON to stdout."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def input_columns(record: ComparisonRecord) -> tuple[tuple[str, ...], bool]:
    """The task's input columns, and whether they are a pair, from its task file; (`text`,) where that file is gone."""
    from rung.errors import RungError
    from rung.plan import read_task_file

    try:
        file = read_task_file(record.task_path)
    except RungError:
        return ("text",), False
    return file.input_columns, file.pair
