"""Any source of rows to rows: picks the reader by the file's ending. Knows nothing about tasks or columns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from rung.dataset.decode import read_bytes
from rung.dataset.formats import Parsed, parse_delimited, parse_json, parse_jsonl, parse_parquet
from rung.dataset.hub import read_hub
from rung.dataset.rows import Finding, Problem, Row
from rung.errors import DataError
from rung.plan import DataSource

PARSERS: dict[str, Callable[[bytes, str], Parsed]] = {
    ".jsonl": parse_jsonl,
    ".ndjson": parse_jsonl,
    ".json": parse_json,
    ".csv": functools.partial(parse_delimited, delimiter=","),
    ".tsv": functools.partial(parse_delimited, delimiter="\t"),
    ".parquet": parse_parquet,
}
SUFFIXES = tuple(ending for suffix in PARSERS for ending in (suffix, f"{suffix}.gz"))


def read_rows(source: DataSource, base: Path, problems: list[Problem] | None = None) -> list[Row]:
    """All rows of a source, in order.

    Args:
        source: a file (`.jsonl .json .csv .tsv .parquet`, each also `.gz`), `hf:NAME` or `hf:FOLDER`.
        base: the folder that relative paths start from.
        problems: None, and a line that cannot be read is an error; a list, and such lines are added to it and left out.

    Raises:
        DataError: the source cannot be read as a whole, or a line of it cannot and `problems` is None.
        MissingExtraError: a Hugging Face dataset without the package `datasets`.
    """
    if source.path.startswith("hf:"):
        rows, found = read_hub(source, base, SUFFIXES, read_file)
    else:
        if source.split or source.config:
            raise DataError(
                "`split` and `config` belong to Hugging Face datasets (hf:...), this is a file", where=source.path
            )
        rows, found = read_file(base / source.path, source.path)
    if problems is not None:
        problems.extend(found)
    elif found:
        raise Finding.of_lines(found).to_error()
    return rows


def read_file(path: Path, name: str) -> Parsed:
    """Rows of one file and its unreadable lines; `name` is how messages call the file.

    Raises:
        DataError: missing, of an unknown format, not text, or without a structure in which rows can be told apart.
    """
    if "://" in name:
        raise DataError("rows come from files or hf:NAME, not from addresses", where=name, remedy="download it first")
    suffix = next((s for s in PARSERS if name.lower().removesuffix(".gz").endswith(s)), None)
    if suffix is None and not path.is_dir() and path.exists():
        raise DataError("the ending of the file's name tells its format", where=name, allowed=SUFFIXES)
    data, fault = read_bytes(path, name)
    if suffix is None:
        raise DataError("the ending of the file's name tells its format", where=name, allowed=SUFFIXES)
    if not data.strip() and fault is None:
        raise DataError("the file is empty", where=name)
    rows, problems = PARSERS[suffix](data, name)
    return rows, [*problems, fault] if fault else problems
