"""What single rows tell: confusions, labels, calibration, disagreements. Knows no layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rung.evaluation.records import Run
from rung.metrics import (
    Bin,
    ClassReport,
    expected_calibration_error,
    multilabel_report,
    per_type,
    reliability,
    types_of,
    types_of_task,
)
from rung.report.formats import output_text
from rung.task import Output, Task

NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Confusion:
    """Counts of expected against answered label.

    Attributes:
        labels: rows (expected) and columns (answered), in the task's order; `no answer` last where it occurs.
        counts: `counts[i][j]` rows expected `labels[i]` and answered `labels[j]`.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def top(self, limit: int = 20) -> list[tuple[str, str, int, int]]:
        """The most frequent mistakes: (expected, answered, how often, rows of that expected label)."""
        found = [
            (self.labels[i], self.labels[j], n, sum(row))
            for i, row in enumerate(self.counts)
            for j, n in enumerate(row)
            if i != j and n
        ]
        return sorted(found, key=lambda item: (-item[2], item[0], item[1]))[:limit]


@dataclass(frozen=True)
class Disagreement:
    """A row on which arms differ.

    Attributes:
        answers: (answer, whether it is right, names of the arms that gave it), most frequent first.
        dissent: chance that two arms drawn at random (with replacement) answer differently; 0 where all agree.
    """

    row: str
    text: str | None
    expected: str
    answers: tuple[tuple[str, bool, tuple[str, ...]], ...]
    dissent: float


def confusion(run: Run, labels: Sequence[str]) -> Confusion | None:
    """Confusion counts of a run with one label a row; None where rows have several labels."""
    if any(not isinstance(row.expected, str) for row in run.rows):
        return None
    pairs = Counter((output_text(row.expected), output_text(row.output)) for row in run.rows)
    seen = {name for pair in pairs for name in pair}
    names = [*labels, *sorted(seen - set(labels) - {NO_ANSWER})]
    if NO_ANSWER in seen and NO_ANSWER not in names:
        names.append(NO_ANSWER)
    return Confusion(tuple(names), tuple(tuple(pairs[a, b] for b in names) for a in names))


def per_label(run: Run, task: Task) -> tuple[ClassReport, ...]:
    """Precision, recall and F1 of each label (for rows with one or several), or of each type of entity, or field."""
    if task.kind == "extract":
        expected = [str(row.expected) for row in run.rows]
        outputs = [None if row.output is None else str(row.output) for row in run.rows]
        types = dict.fromkeys([*types_of_task(task), *types_of([*expected, *outputs])])
        return per_type(expected, outputs, list(types))
    outside = [task.out_of_scope.label] if task.out_of_scope else []
    labels = list(dict.fromkeys([*task.label_names, *outside]))
    return multilabel_report(
        [_names(row.expected) for row in run.rows], [_names(row.output) for row in run.rows], labels
    )


def calibration(run: Run) -> tuple[tuple[Bin, ...], float | None]:
    """Reliability bins and expected calibration error, as `rung.metrics` has them; rows without confidence are left out."""
    pairs = [(min(max(row.confidence, 0.0), 1.0), row.score) for row in run.rows if row.confidence is not None]
    sure, right = [c for c, _ in pairs], [s for _, s in pairs]
    return reliability(sure, right), expected_calibration_error(sure, right).value


def disagreements(
    runs: Sequence[Run], inputs: Mapping[str, str], limit: int = 40
) -> tuple[list[Disagreement], int, int]:
    """Rows on which the runs differ, most disagreed first.

    Baselines are listed with their answers but do not count as dissent (they answer without looking), unless fewer than two
    other arms are there.

    Args:
        runs: one finished run an arm, over the same rows.

    Returns:
        the first `limit` rows, the number of rows with any dissent, and the number of rows all the arms answered.
    """
    voters = [run.arm.id for run in runs if not run.arm.baseline]
    voters = voters if len(voters) > 1 else [run.arm.id for run in runs]
    by_row = [{row.row: row for row in run.rows} for run in runs]
    shared = [row.row for row in runs[0].rows if all(row.row in rows for rows in by_row)] if runs else []
    found = []
    for row_id in shared:
        expected = by_row[0][row_id].expected
        given = [(run, by_row[i][row_id]) for i, run in enumerate(runs)]
        votes = Counter(output_text(row.output) for run, row in given if run.arm.id in voters)
        total = sum(votes.values())
        dissent = 1 - sum(n * n for n in votes.values()) / total**2
        if dissent <= 0:
            continue
        arms: dict[str, list[str]] = {}
        right: dict[str, bool] = {}
        for run, row in given:
            arms.setdefault(output_text(row.output), []).append(run.arm.name)
            right[output_text(row.output)] = row.score == 1.0
        answers = sorted(arms.items(), key=lambda item: (-len(item[1]), item[0]))
        shown = tuple((answer, right[answer], tuple(names)) for answer, names in answers)
        found.append(Disagreement(row_id, inputs.get(row_id), output_text(expected), shown, dissent))
    found.sort(key=lambda d: -d.dissent)
    return found[:limit], len(found), len(shared)


def _names(output: Output | None) -> tuple[str, ...]:
    if output is None:
        return ()
    return (output,) if isinstance(output, str) else output
