"""All that a task file names, read as far as it can be: the examples, and every finding on the way.

`load` raises the first error found here; `audit` shows them all. So the two never disagree on what is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rung.dataset.examples import Reading, reading_of, require_columns, to_examples
from rung.dataset.fields import field_findings, field_labels, task_schema
from rung.dataset.labels import class_list, label_findings
from rung.dataset.own_metric import task_metric
from rung.dataset.read import read_rows
from rung.dataset.rows import Finding, Level, Problem, Row, counted
from rung.dataset.scope import scope_findings
from rung.dataset.split import split
from rung.dataset.text import input_key
from rung.errors import UsageError
from rung.fields import schema_of
from rung.plan import DataSource, TaskFile
from rung.task import Example, OwnMetric, Task

LINE_CODES = ("bad_line", "encoding")


@dataclass
class Gathered:
    """What could be read.

    Attributes:
        splits: usable examples by `train`, `validation`, `test`; training rows that overlap with test are not among them.
        removed: those rows (and such validation rows), unless the task file keeps them.
        rows: rows read from each split's source, usable or not.
        unusable: what is wrong with each row that is not used.
    """

    task: Task
    splits: dict[str, list[Example]] = field(default_factory=lambda: {"train": [], "validation": [], "test": []})
    removed: list[Example] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    unusable: dict[str, list[Problem]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def gather(file: TaskFile, folder: Path) -> Gathered:
    """Read everything `file` names (paths relative to `folder`); what goes wrong becomes a finding, nothing is raised."""
    out = Gathered(Task(name=file.name, instruction=file.instruction))
    try:
        schema = task_schema(file, folder)
    except UsageError as error:  # without it no row can be read
        out.findings.append(replace(Finding.of_error(error), code="bad_schema"))
        return out
    sources = {"train": file.train, "validation": file.validation, "test": file.test}
    rows = {
        name: _read(source, folder, name, out) for name, source in sources.items() if isinstance(source, DataSource)
    }
    reading = reading_of(file, rows, schema)
    for name, found in rows.items():
        _take(found, file, name, reading, out)
    if isinstance(file.test, float):
        _hold_back(file, out)
    _remove_overlap(file, out)
    out.findings += _group_findings(out)
    train = out.splits["train"]
    out.findings += field_findings(schema, train) if schema else label_findings(file, out.splits)
    out.findings += scope_findings(file, out.splits, reading.multi_label)
    out.task = Task(
        name=file.name,
        kind=file.kind,
        instruction=file.instruction,
        labels=field_labels(schema_of(schema)) if schema else class_list(file, train),
        multi_label=reading.multi_label,
        out_of_scope=file.out_of_scope,
        metric=_metric(file, folder, out),
        json_schema=schema,
    )
    return out


def _metric(file: TaskFile, folder: Path, out: Gathered) -> str | OwnMetric | None:
    try:
        return task_metric(file, folder)
    except UsageError as error:
        out.findings.append(replace(Finding.of_error(error), code="bad_metric"))
        return None


def _read(source: DataSource, folder: Path, name: str, out: Gathered) -> list[Row]:
    problems: list[Problem] = []
    try:
        rows = read_rows(source, folder, problems)
    except UsageError as error:
        out.findings.append(Finding.of_error(error))
        return []
    out.rows[name] = len(rows) + len(problems)
    out.unusable[name] = problems
    if problems:
        out.findings.append(Finding.of_lines(problems))
    elif not rows:
        message = f"{source.path} holds no rows"
        out.findings.append(Finding.at("error", f"empty_{name}", message, [source.path], remedy="add rows"))
    return rows


def _take(rows: list[Row], file: TaskFile, name: str, reading: Reading, out: Gathered) -> None:
    if not rows:
        return
    try:
        require_columns(rows, file, name)
    except UsageError as error:
        out.findings.append(Finding.of_error(error))
        return
    out.splits[name], problems = to_examples(rows, file, name, reading)
    out.unusable[name] += problems
    if not problems:
        return
    what = ", ".join(
        f"{sum(p.code == c for p in problems):,} {c.replace('_', ' ')}" for c in sorted({p.code for p in problems})
    )
    message = f"{len(problems):,} of {len(rows):,} rows in {name} cannot be used and are left out ({what}): {problems[0].message}"
    level: Level = "error" if len(problems) > len(rows) / 2 else "warning"
    code = f"mostly_unusable_{name}" if level == "error" else f"unusable_{name}"
    finding = Finding.at(level, code, message, [p.where for p in problems])
    remedy = problems[0].remedy or "mend or remove these rows"
    out.findings.append(replace(finding, given=problems[0].given, remedy=remedy))


def _hold_back(file: TaskFile, out: Gathered) -> None:
    assert isinstance(file.test, float)
    rows = out.splits["train"]
    if not rows:
        return
    kept, held = split(rows, file.test, file.split_seed, file.kind)
    out.splits["train"] = list(kept)
    out.splits["test"] = [replace(e, id=e.id.replace("train:", "test:", 1)) for e in held]
    if not held:
        message = (
            f"no test rows can be held back from {len(rows):,} rows: each class, or each group, would be taken whole"
        )
        out.findings.append(Finding("error", "empty_test", message, count=1, remedy="add rows, or name a test file"))


def _remove_overlap(file: TaskFile, out: Gathered) -> None:
    if file.keep_overlap:
        return
    tested = {input_key(e.input) for e in out.splits["test"]}
    for name in ("train", "validation"):
        rows = out.splits[name]
        out.removed += [e for e in rows if input_key(e.input) in tested]
        out.splits[name] = [e for e in rows if input_key(e.input) not in tested]
        if rows and not out.splits[name]:
            message = f"every row of {name} also stands in test: nothing is left"
            finding = Finding.at(
                "error", "all_overlap", message, [e.where for e in rows], remedy="name another test file"
            )
            out.findings.append(finding)
    if out.removed:
        places = [e.where for e in out.removed]
        message = (
            f"{counted(len(places), 'training or validation row')} kept out of training: the input also stands in test"
        )
        out.findings.append(Finding.at("warning", "overlap_removed", message, places))


def _group_findings(out: Gathered) -> list[Finding]:
    found = []
    for left, right in (("train", "test"), ("train", "validation"), ("validation", "test")):
        shared = _groups(out.splits[left]) & _groups(out.splits[right])
        if shared:
            places = [e.where for e in out.splits[right] if e.group in shared]
            message = (
                f"{len(shared):,} group(s) stand in both {left} and {right} ({len(places):,} rows of {right}): "
                "scores may flatter"
            )
            found.append(Finding.at("warning", f"groups_{left}_{right}", message, places))
    return found


def _groups(examples: Sequence[Example]) -> set[str]:
    return {e.group for e in examples if e.group is not None}
