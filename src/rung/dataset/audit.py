"""`audit`: what a careful colleague looks at before anything is trained.

Knows no models: tokens are counted by the caller's function.

Errors are those that `load_dataset` raises; here all of them are shown, with the figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung.dataset.gather import Gathered, gather
from rung.dataset.labels import noun
from rung.dataset.measures import balance, class_counts, entity_counts, field_counts, lengths, reference_counts, summary
from rung.dataset.near import near_earlier, near_matches
from rung.dataset.rows import Finding, Level, counted
from rung.dataset.text import input_key
from rung.entities import parse
from rung.plan import TaskFile
from rung.task import Example, Input, Output, Task, TaskKind

TokenCounter = Callable[[Sequence[Input]], list[int]]
Rows = dict[str, list[Example]]

IMBALANCE = 10.0
SMALL_TEST = 200
TEXT_SHOWN = 80  # characters of a text in a message
LEVELS = ("error", "warning", "note")


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        task: name, kind and labels, as far as they could be read.
        findings: errors first, then warnings, then notes.
        figures: counts, labels, balance, lengths, duplicates, conflicts and overlap, as JSON values; by split with `extract` also
            `entities` (with a JSON schema `fields`), with `generate` also `references`.
    """

    task: Task
    findings: tuple[Finding, ...]
    figures: dict[str, Any]

    @property
    def errors(self) -> bool:
        """Whether no comparison should be made on this data."""
        return any(finding.level == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Figures and findings as JSON values; `overlap.train_test.exact` counts test rows."""
        return {
            "task": self.task.name,
            "kind": self.task.kind,
            "multi_label": self.task.multi_label,
            "out_of_scope": self.task.out_of_scope and self.task.out_of_scope.model_dump(mode="json"),
            **self.figures,
            "errors": self.errors,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def audit(
    file: TaskFile,
    folder: Path,
    *,
    count_tokens: TokenCounter | None = None,
    token_limit: int | None = None,
) -> Audit:
    """Read all that `file` names and report everything worth knowing; problems in the data are findings, never raised.

    Args:
        folder: where the task file lies.
        count_tokens: tokens of each input as the model would read it, not truncated.
        token_limit: tokens the model reads at most.
    """
    found = gather(file, folder)
    rows = _all_rows(found)
    findings = [finding for finding in found.findings if finding.code != "overlap_removed"]
    counts = class_counts(rows, file.kind)
    figures: dict[str, Any] = {
        "counts": {name: _counts(found, name) for name in rows},
        "labels": counts,
        "balance": balance(counts),
        "lengths": {name: lengths(examples) for name, examples in rows.items()},
        "duplicates": {"train": _duplicates(rows["train"], findings)},
        "conflicts": _conflicts(rows, found.task, findings),
        "overlap": _overlap(found, rows, file.keep_overlap, findings),
    }
    if file.kind == "extract":
        key, counts_of = ("fields", field_counts) if found.task.json_schema else ("entities", entity_counts)
        figures[key] = {name: counts_of(examples) for name, examples in rows.items()}
    if file.kind == "generate":
        figures["references"] = {name: reference_counts(examples) for name, examples in rows.items()}
    findings += _shape_findings(found, figures)
    if count_tokens is not None:
        for name, examples in rows.items():
            figures["lengths"][name].update(_tokens(name, examples, count_tokens, token_limit, findings))
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return Audit(found.task, tuple(findings), figures)


def _all_rows(found: Gathered) -> Rows:
    """The usable rows of each split as the user gave them, those kept out of training included, in the file's order."""
    rows = {name: list(examples) for name, examples in found.splits.items()}
    for example in found.removed:
        rows[example.id.partition(":")[0]].append(example)
    return {name: sorted(examples, key=lambda e: int(e.id.partition(":")[2])) for name, examples in rows.items()}


def _counts(found: Gathered, name: str) -> dict[str, int]:
    removed = sum(e.id.startswith(f"{name}:") for e in found.removed)
    unusable = len(found.unusable.get(name, ()))
    used = len(found.splits[name])
    return {"rows": used + removed + unusable, "used": used, "unusable": unusable, "kept_out": removed}


def _duplicates(train: list[Example], findings: list[Finding]) -> dict[str, int]:
    """Rows of train that repeat an earlier one: with equal inputs, and with nearly equal ones."""
    first: dict[tuple[str, ...], Example] = {}
    repeats = [e for e in train if first.setdefault(input_key(e.input), e) is not e]
    distinct = list(first.values())
    near = [e for e, j in zip(distinct, near_earlier([e.input.text for e in distinct]), strict=True) if j is not None]
    if repeats:
        message = f"{counted(len(repeats), 'training row')} with the input of an earlier one"
        findings.append(Finding.at("note", "duplicates_train", message, [e.where for e in repeats]))
    if near:
        message = (
            f"{counted(len(near), 'training row')} nearly the same as an earlier one (4 of 5 words and word pairs)"
        )
        findings.append(Finding.at("note", "near_duplicates_train", message, [e.where for e in near]))
    return {"exact": len(repeats), "near": len(near)}


def _conflicts(rows: Rows, task: Task, findings: list[Finding]) -> dict[str, int]:
    """Inputs that stand with different labels, entities or texts, in any split. Of texts several may be right: that is a note."""
    kind = task.kind
    by_key: defaultdict[tuple[str, ...], list[Example]] = defaultdict(list)
    for examples in rows.values():
        for example in examples:
            by_key[input_key(example.input)].append(example)
    clashes = [found for found in by_key.values() if len({_told(e.output, kind) for e in found}) > 1]
    places = [e.where for found in clashes for e in found]
    if clashes:
        one = clashes[0]
        told = _examples(one) if kind == "generate" else " and ".join(dict.fromkeys(_told(e.output, kind) for e in one))
        what, remedy = {
            "extract": ("fields" if task.json_schema else "entities", "decide which are right"),
            "generate": ("texts", "as test rows, put all that are right into one row, as a list"),
        }.get(kind, ("labels", "decide which label is right"))
        message = f"{len(clashes):,} input(s) stand with different {what} ({len(places):,} rows), e.g. as {told}"
        level: Level = "note" if kind == "generate" else "warning"
        findings.append(Finding.at(level, "conflicting_labels", message, places, remedy=remedy))
    return {"inputs": len(clashes), "rows": len(places)}


def _examples(rows: list[Example]) -> str:
    """The first two different texts, cut."""
    texts = list(dict.fromkeys(e.output if isinstance(e.output, str) else e.output[0] for e in rows))[:2]
    return " and ".join(repr(text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…") for text in texts)


def _told(output: Output, kind: TaskKind) -> str:
    """An output as people write it; entities without their places, which a leading blank moves."""
    if kind != "extract":
        return repr(output)
    if str(output).startswith("{"):  # an object under a JSON schema
        return str(output)
    return "; ".join(f"{entity.type} {entity.text!r}" for entity in parse(str(output))) or "no entity"


def _overlap(found: Gathered, rows: Rows, keep: bool, findings: list[Finding]) -> dict[str, dict[str, int]]:
    figures = {}
    for left, right in (("train", "test"), ("train", "validation"), ("validation", "test")):
        exact, same_bytes, near = _common(rows[left], rows[right])
        removed = sum(e.id.startswith(f"{left}:") for e in found.removed) if right == "test" else 0
        figures[f"{left}_{right}"] = {
            "exact": len(exact),
            "byte_equal": same_bytes,
            "near": len(near),
            "kept_out": removed,
            "groups": len(_groups(rows[left]) & _groups(rows[right])),
        }
        done = (
            f"{counted(removed, f'{left} row')} kept out" if not keep else "keep_overlap: true keeps them in training"
        )
        if right == "validation":
            done = "choices made on them flatter what memorises"
        if exact:
            message = f"{len(exact):,} of {counted(len(rows[right]), f'{right} row')} with the input of a row in {left}: {done}"
            findings.append(Finding.at("warning", f"overlap_{left}_{right}", message, [e.where for e in exact]))
        if near:
            message = f"{counted(len(near), f'further {right} row')} nearly the same as one in {left} (4 of 5 words and pairs)"
            findings.append(Finding.at("note", f"near_{left}_{right}", message, [e.where for e in near]))
    return figures


def _common(left: list[Example], right: list[Example]) -> tuple[list[Example], int, list[Example]]:
    """Rows of `right` with the input of a row of `left`; how many byte for byte; and the nearly equal ones among the rest."""
    keys = {input_key(e.input) for e in left}
    inputs = {e.input for e in left}
    exact = [e for e in right if input_key(e.input) in keys]
    rest = [e for e in right if input_key(e.input) not in keys]
    matches = near_matches([e.input.text for e in rest], [e.input.text for e in left])
    near = [e for e, j in zip(rest, matches, strict=True) if j is not None]
    return exact, sum(e.input in inputs for e in right), near


def _groups(examples: list[Example]) -> set[str]:
    return {e.group for e in examples if e.group is not None}


def _shape_findings(found: Gathered, figures: dict[str, Any]) -> list[Finding]:
    out = []
    entities = found.task.kind == "extract"
    ratio = figures["balance"]["ratio"]
    if ratio is not None and ratio >= IMBALANCE:
        big, small = figures["balance"]["largest"], figures["balance"]["smallest"]
        what, remedy = ("classes", "macro-F1 beside accuracy")
        if entities:
            what, remedy = ("fields", "F1 by field") if found.task.json_schema else ("entity types", "F1 by type")
        message = f"{what} are uneven: {big['label']!r} has {big['rows']:,} training rows, {small['label']!r} {small['rows']:,}"
        out.append(Finding("note", "imbalance", message, remedy=f"look at {remedy}"))
    n = figures["counts"]["test"]["used"]
    if 0 < n < SMALL_TEST:
        half = 100 * 1.96 * (0.1 * 0.9 / n) ** 0.5
        message = f"only {n} test rows: at 90 % accuracy the 95 % interval is about ±{half:.0f} points"
        if found.task.kind == "generate":
            message = f"only {n} test rows: small differences between arms will not show"
        out.append(
            Finding(
                "note",
                "small_test",
                message,
                remedy="add more test rows for a finer answer"
                if found.task.kind == "generate"
                else "label more test rows for a finer answer",
            )
        )
    absent = [label for label, by in figures["labels"].items() if by["train"] and not by["test"]]
    if absent and n:
        what = f"{noun(found.task.kind, found.task.json_schema is not None)}(s)" if entities else "class(es)"
        message = (
            f"{len(absent)} {what} of train have no test row, so nothing is learnt about them: {', '.join(absent[:8])}"
        )
        out.append(Finding("note", "class_without_test", message, count=len(absent)))
    return out


def _tokens(
    name: str, examples: list[Example], count: TokenCounter, limit: int | None, findings: list[Finding]
) -> dict[str, Any]:
    sizes = count([e.input for e in examples]) if examples else []
    over = [e for e, size in zip(examples, sizes, strict=True) if limit is not None and size > limit]
    if over:
        message = f"{len(over):,} of {len(examples):,} {name} rows are longer than the model's {limit:,} tokens: the rest is cut"
        findings.append(Finding.at("warning", f"truncated_{name}", message, [e.where for e in over]))
    return {"tokens": summary(sizes), "token_limit": limit, "truncated": len(over)}
