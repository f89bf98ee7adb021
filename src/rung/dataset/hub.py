"""Rows of a Hugging Face dataset: a name on the hub, or a folder. Knows nothing about columns or tasks.

A folder made by `save_to_disk`, and a name, need the package `datasets`; a folder of data files is read by our own readers, so
that a bad line is reported with its place, and each file (or each folder of numbered files) is a split.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rung.dataset.formats import named
from rung.dataset.rows import Problem, Row
from rung.errors import DataError, MissingExtraError
from rung.plan import DataSource

SHARD = re.compile(r"[-_.]\d+-of-\d+(-[0-9a-f]+)?$")
FileReader = Callable[[Path, str], tuple[list[Row], list[Problem]]]


def read_hub(
    source: DataSource, base: Path, suffixes: Iterable[str], read_file: FileReader
) -> tuple[list[Row], list[Problem]]:
    """Rows of `source` (`hf:NAME` or `hf:FOLDER`) and the lines that could not be read.

    Args:
        suffixes: endings of the data files that `read_file` reads.

    Raises:
        DataError: the hub cannot be reached, no such dataset, or the split is missing or unknown (lists the splits).
        MissingExtraError: the package `datasets` is needed and not installed.
    """
    name = source.path.removeprefix("hf:")
    folder = base / name
    if folder.is_dir():
        if (folder / "dataset_dict.json").exists() or (folder / "state.json").exists():
            return _rows_of(_from_disk(folder, source), source), []
        return _data_files(folder / source.config if source.config else folder, source, tuple(suffixes), read_file)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise DataError("there is no such folder", where=source.path, remedy="paths are relative to the task file")
    return _rows_of(_from_hub(name, source), source), []


def _package() -> Any:
    try:
        import datasets
    except ImportError:
        raise MissingExtraError.of("datasets", "hub", "reading a Hugging Face dataset") from None
    return datasets


def _from_disk(folder: Path, source: DataSource) -> Any:
    datasets = _package()
    try:
        loaded = datasets.load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the saved dataset cannot be read: {_first_line(error)}", where=source.path) from None
    splits = loaded if hasattr(loaded, "keys") else {str(loaded.split or source.split or "train"): loaded}
    return _pick(splits, source)


def _from_hub(name: str, source: DataSource) -> Any:
    datasets = _package()
    try:
        loaded = datasets.load_dataset(name, source.config)
    except (
        Exception
    ) as error:  # its errors come from several packages (hub, HTTP client, Arrow) and have no common class
        raise _hub_error(error, datasets, source) from None
    return _pick(loaded, source)


def _hub_error(error: Exception, datasets: Any, source: DataSource) -> DataError:
    if isinstance(error, datasets.exceptions.DatasetNotFoundError):
        return DataError(
            f"no such dataset on the hub, or it is not public: {_first_line(error)}",
            where=source.path,
            remedy="check the name, or log in with `hf auth login`; a folder beside the task file is hf:FOLDER",
        )
    names = " ".join(kind.__name__ for kind in type(error).__mro__)
    if "Connect" in names or "Timeout" in names or "Offline" in names:
        return DataError(
            f"the Hugging Face hub cannot be reached: {_first_line(error)}",
            where=source.path,
            remedy="check the network (and HF_HUB_OFFLINE), or download the dataset and name its folder: hf:FOLDER",
        )
    return DataError(
        f"the dataset cannot be loaded: {_first_line(error)}",
        where=source.path,
        remedy="if it has several configurations, name one with `config:`",
    )


def _data_files(
    folder: Path, source: DataSource, suffixes: tuple[str, ...], read_file: FileReader
) -> tuple[list[Row], list[Problem]]:
    splits: dict[str, list[Path]] = {}
    found = [*folder.glob("*"), *folder.glob("*/*")] if folder.is_dir() else []
    for path in sorted(found):
        suffix = next((s for s in suffixes if path.name.endswith(s)), None)
        if suffix and path.is_file() and not path.name.startswith("."):
            stem = SHARD.sub("", path.name.removesuffix(suffix))
            splits.setdefault(path.parent.name if stem.isdigit() else stem, []).append(path)
    if not splits:
        raise DataError("no data files in this folder", where=source.path, allowed=suffixes)
    rows: list[Row] = []
    problems: list[Problem] = []
    for path in _pick(splits, source):
        more, faults = read_file(path, str(Path(source.path.removeprefix("hf:")) / path.relative_to(folder)))
        start = len(rows) + len(problems)
        rows += [Row(row.values, row.where, start + row.number) for row in more]
        problems += faults
    return rows, problems


def _pick(splits: Any, source: DataSource) -> Any:
    names = [str(name) for name in splits]
    if source.split is None:
        if len(names) == 1:
            return splits[names[0]]
        raise DataError(
            "the dataset has several splits and `split` does not say which",
            where=source.path,
            allowed=names,
            remedy=f"write {{path: {source.path}, split: {names[0]}}}",
        )
    if source.split not in names:
        near = difflib.get_close_matches(source.split, names, n=1, cutoff=0.4)
        remedy = f"did you mean {near[0]!r}?" if near else "choose one of the splits"
        raise DataError(
            "the dataset has no such split", where=source.path, given=source.split, allowed=names, remedy=remedy
        )
    return splits[source.split]


def _rows_of(data: Any, source: DataSource) -> list[Row]:
    """Rows with class numbers turned into class names, as the dataset's own features define them."""
    names = {column: _class_names(feature) for column, feature in data.features.items()}
    numbered = {column: classes for column, classes in names.items() if classes}
    label = f"{source.path}{f' [{data.split}]' if data.split else ''}"
    rows = []
    for i, record in enumerate(data):
        values = dict(record)
        for column, classes in numbered.items():
            values[column] = named(values[column], classes)
        rows.append(Row(values, f"{label}, row {i + 1}", i))
    return rows


def _class_names(feature: Any) -> list[str] | None:
    inner = getattr(feature, "feature", feature)
    inner = inner[0] if isinstance(inner, list) and inner else inner
    return getattr(inner, "names", None)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
