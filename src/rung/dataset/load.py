"""A task file's data, ready to compare on: `load_dataset`. Knows nothing about models or methods."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rung.dataset.fingerprint import fingerprint
from rung.dataset.gather import gather
from rung.dataset.rows import Problem
from rung.plan import TaskFile
from rung.task import Example, Task


@dataclass(frozen=True)
class Dataset:
    """A task with its examples.

    Attributes:
        task: with labels in their fixed order.
        train, validation, test: examples; `validation` is empty unless the task file names one (see `cut_validation`).
        removed: training and validation rows left out because their input equals a test row's.
        fingerprint: sha-256 over the task and all rows used.
        warnings: what to look at, one line each, with places.
        unusable: what is wrong with each row that is left out.
    """

    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    removed: tuple[Example, ...]
    fingerprint: str
    warnings: tuple[str, ...]
    unusable: tuple[Problem, ...]


def load_dataset(file: TaskFile, folder: Path, *, strict: bool = True) -> Dataset:
    """Read and check everything the task file names.

    Args:
        folder: where the task file lies; its paths start there.
        strict: False lets pass what is an error only for comparing (bad lines, one class, variants of a label); those errors
            then stand among the warnings.

    Raises:
        DataError: the first of: a source that cannot be read, bad lines, a missing column, more than half of the rows
            unusable, no test rows, one class, labels that differ only in case, a training label not listed in the task file.
        MissingExtraError: a Hugging Face dataset without the package `datasets`.
    """
    found = gather(file, folder)
    errors = [finding for finding in found.findings if finding.level == "error"]
    stopping = errors if strict else [finding for finding in errors if finding.cause is not None]
    if stopping:
        raise stopping[0].to_error(len(errors) - 1)
    return Dataset(
        task=found.task,
        train=tuple(found.splits["train"]),
        validation=tuple(found.splits["validation"]),
        test=tuple(found.splits["test"]),
        removed=tuple(found.removed),
        fingerprint=fingerprint(found.task, found.splits),
        warnings=tuple(finding.line() for finding in found.findings if finding.level != "note"),
        unusable=tuple(problem for problems in found.unusable.values() for problem in problems),
    )
