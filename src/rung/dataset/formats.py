"""Each file format to rows with their places: JSONL, JSON, CSV, TSV, Parquet. Knows nothing about columns or tasks."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rung.dataset.decode import decode_lines
from rung.dataset.rows import Problem, Row
from rung.errors import DataError

Parsed = tuple[list[Row], list[Problem]]
LARGEST_FIELD = 2**31 - 1  # characters of a CSV field; the csv module's own bound is 131,072
_SPACE = re.compile(r"[ \t\n\r]*")


def parse_jsonl(data: bytes, name: str) -> Parsed:
    """One object a line; blank lines are passed over."""
    lines, bad = decode_lines(data, name)
    rows: list[Row] = []
    problems: list[Problem] = []
    for line, text in enumerate(lines, 1):
        if not text.strip():
            continue
        found = bad.get(line) or _json_object(text, f"{name}, line {line}", line)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            rows.append(Row(found, f"{name}, line {line}", len(rows) + len(problems)))
    return rows, problems


def _json_object(text: str, where: str, line: int) -> dict[str, Any] | Problem:
    remedy = None
    if line == 1 and text.lstrip().startswith("["):
        remedy = "a .jsonl file has one object a line; if this is one JSON list, name the file .json"
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        given = text[max(0, error.pos - 40) : error.pos + 40].strip()
        return Problem("bad_line", where, f"not valid JSON: {error.msg} (column {error.colno})", given, remedy)
    except (ValueError, RecursionError) as error:
        return Problem("bad_line", where, f"not usable JSON: {_reason(error)}", text[:80], remedy)
    if not isinstance(value, dict):
        return Problem("bad_line", where, f"a {_kind(value)} stands here, not an object {{...}}", text[:80], remedy)
    return value


def parse_json(data: bytes, name: str) -> Parsed:
    """A list of objects, or an object whose `data` or `rows` is one.

    Raises:
        DataError: not valid JSON (line and column), or no list of rows in it.
    """
    lines, bad = decode_lines(data, name)
    if bad:
        problem = next(iter(bad.values()))
        raise DataError(problem.message, where=problem.where, remedy=problem.remedy)
    text = "\n".join(lines)
    rows: list[Row] = []
    problems: list[Problem] = []
    try:
        line, counted = 1, 0
        for number, (start, value) in enumerate(_elements(text, name)):
            line, counted = line + text.count("\n", counted, start), start
            where = f"{name}, line {line}"
            if isinstance(value, dict):
                rows.append(Row(value, where, number))
            else:
                problems.append(Problem("bad_line", where, f"row {number + 1} is a {_kind(value)}, not an object"))
    except json.JSONDecodeError as error:
        remedy = "if each line is an object of its own, name the file .jsonl" if error.msg == "Extra data" else None
        where = f"{name}, line {error.lineno}"
        raise DataError(f"not valid JSON: {error.msg} (column {error.colno})", where=where, remedy=remedy) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"not usable JSON: {_reason(error)}", where=name) from None
    return rows, problems


def _elements(text: str, name: str) -> Iterator[tuple[int, Any]]:
    """Position and value of each element of the list of rows, so that a row knows its line."""
    decoder = json.JSONDecoder()
    at = _skip(text, 0)
    if text[at : at + 1] == "{":
        value, end = decoder.raw_decode(text, at)
        _nothing_after(text, end)
        at = _list_of_rows(text, at, value, name)
    elif text[at : at + 1] != "[":
        value, end = decoder.raw_decode(text, at)
        raise DataError(f"the file holds a {_kind(value)}, not a list of rows", where=name, remedy="see `rung schema`")
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = decoder.raw_decode(text, at)
        yield at, value
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError("Expecting ',' delimiter", text, at)
    if text.lstrip().startswith("["):
        _nothing_after(text, at + 1)


def _list_of_rows(text: str, at: int, value: dict[str, Any], name: str) -> int:
    """Where the list under `data` or `rows` begins, found by walking the object's keys."""
    wanted = next((key for key in ("data", "rows") if isinstance(value.get(key), list)), None)
    if wanted is None:
        raise DataError(
            "the file holds an object without a list of rows",
            where=name,
            given=f"keys {', '.join(value)}",
            allowed='[{...}, ...] or {"data": [...]} or {"rows": [...]}',
        )
    decoder = json.JSONDecoder()
    at = _skip(text, at + 1)
    while True:
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        if key == wanted and text[at] == "[":
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _nothing_after(text: str, end: int) -> None:
    if _skip(text, end) != len(text):
        raise json.JSONDecodeError("Extra data", text, _skip(text, end))


def parse_delimited(data: bytes, name: str, delimiter: str) -> Parsed:
    """CSV or TSV with a header line; quoted fields may hold newlines; a row's line is the one it begins on.

    Raises:
        DataError: no header, or a header with two columns of one name.
    """
    texts, bad = decode_lines(data, name)
    lines = [text + "\n" for text in texts]
    before = csv.field_size_limit(LARGEST_FIELD)
    try:
        return _delimited_rows(lines, bad, name, delimiter)
    finally:
        csv.field_size_limit(before)


def _delimited_rows(lines: list[str], bad: dict[int, Problem], name: str, delimiter: str) -> Parsed:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    rows: list[Row] = []
    problems: list[Problem] = []
    while True:
        start = reader.line_num + 1
        where = f"{name}, line {start}"
        try:
            fields = next(reader, None)
        except csv.Error as error:
            problems.append(_csv_problem(error, where, lines[start - 1]))
            continue
        if fields is None:
            break
        broken = next((bad[n] for n in range(start, reader.line_num + 1) if n in bad), None) if bad else None
        if header is None and not any(field.strip() for field in fields):
            continue
        if header is None:
            header = _header(fields, where, broken)
        elif broken:
            problems.append(broken)
        elif len(fields) == len(header):
            rows.append(Row(dict(zip(header, fields, strict=True)), where, len(rows) + len(problems)))
        elif fields and (len(header) == 1 or any(field.strip() for field in fields)):
            problems.append(_width_problem(fields, header, where, delimiter))
    return rows, problems


def _header(fields: list[str], where: str, broken: Problem | None) -> list[str]:
    header = [field.strip() for field in fields]
    if broken:
        raise DataError(broken.message, where=broken.where, remedy=broken.remedy)
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise DataError(f"the header names the column {twice[0]!r} twice", where=where, remedy="rename one of them")
    return header


def _csv_problem(error: csv.Error, where: str, line: str) -> Problem:
    text = str(error)
    if "unexpected end" in text:
        text = "a quoted field begins here and is never closed"
    elif "expected after" in text:
        text = "a quoted field is followed by something else than a delimiter"
    return Problem("bad_line", where, text, line.strip()[:80], 'write a quote inside a quoted field twice: ""')


def _width_problem(fields: list[str], header: list[str], where: str, delimiter: str) -> Problem:
    message = f"{len(fields)} fields, but the header has {len(header)} ({', '.join(header)})"
    return Problem(
        "bad_line", where, message, delimiter.join(fields)[:80], "put fields that hold the delimiter in quotes"
    )


def parse_parquet(data: bytes, name: str) -> Parsed:
    """Every row of a Parquet file; places are `row N` from 1.

    Raises:
        DataError: not a Parquet file, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data))
        records = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"not a readable Parquet file: {str(error).splitlines()[0]}", where=name) from None
    for column, classes in _class_names(table.schema.metadata or {}).items():
        for values in records:
            values[column] = named(values.get(column), classes)
    return [Row(values, f"{name}, row {i + 1}", i) for i, values in enumerate(records)], []


def named(value: Any, classes: Sequence[str]) -> Any:
    """The name of a class number, or the names of a list of them; None for any other number: -1 stands for no label."""
    if isinstance(value, list):
        return [named(item, classes) for item in value]
    return classes[value] if isinstance(value, int) and 0 <= value < len(classes) else None


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Names behind class numbers, and behind lists of them (tags), which the `datasets` package notes in the files it writes."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    except (ValueError, AttributeError):
        return {}
    found = {}
    for column, feature in features.items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
        inner = inner[0] if isinstance(inner, list) and inner else inner
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel":
            found[column] = inner["names"]
    return found


def _kind(value: Any) -> str:
    names = {list: "list", dict: "object", str: "text", bool: "true/false", type(None): "null"}
    return names.get(type(value), "number")


def _reason(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error).split(";")[0]
