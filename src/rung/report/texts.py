"""Answers to `generate` tasks as the report shows them: the weakest, typical ones, those on which arms differ. Knows no layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rung.evaluation.records import RowResult, Run
from rung.metrics.ngrams import references_of, sentence_chrf

BINS = 10
#: Scores this close are no difference worth reading a row for.
SAME = 1e-9


@dataclass(frozen=True)
class Answer:
    """An answer (None: there is none), its score in [0, 1], and the names of the arms that gave it."""

    text: str | None
    score: float
    arms: tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """A row with its answers, the best first.

    Attributes:
        text: the input; None where it was not kept. references: what was expected, each as good as the others;
            of a single answer the one nearest to it first.
        apart: best score minus worst, of the arms that count.
    """

    row: str
    text: str | None
    references: tuple[str, ...]
    answers: tuple[Answer, ...]
    apart: float = 0.0


def weakest(run: Run, inputs: Mapping[str, str], limit: int = 8) -> list[Judged]:
    """The rows with the lowest scores, the lowest first."""
    return [_judged(row, run, inputs) for row in _ranked(run)[:limit]]


def typical(run: Run, inputs: Mapping[str, str], limit: int = 4) -> list[Judged]:
    """The rows around the median of the scores, from lower to higher."""
    ranked = _ranked(run)
    start = max(0, (len(ranked) - limit) // 2)
    return [_judged(row, run, inputs) for row in ranked[start : start + limit]]


def histogram(run: Run) -> tuple[int, ...]:
    """Rows by score, in ten equal parts of [0, 1]; the last one holds the scores of 1 too."""
    counts = [0] * BINS
    for row in run.rows:
        counts[min(int(row.score * BINS + SAME), BINS - 1)] += 1
    return tuple(counts)


def differences(runs: Sequence[Run], inputs: Mapping[str, str], limit: int = 40) -> tuple[list[Judged], int, int]:
    """Rows by how far the scores of the arms lie apart, the farthest first.

    Baselines are shown and do not count, unless fewer than two other arms are there (as in `rung.report.rows.disagreements`).

    Returns:
        the first `limit` rows, the number of rows with any difference, and the number of rows all the arms answered.
    """
    counting = [run.arm.id for run in runs if not run.arm.baseline]
    counting = counting if len(counting) > 1 else [run.arm.id for run in runs]
    by_row = [{row.row: row for row in run.rows} for run in runs]
    shared = [row.row for row in runs[0].rows if all(row.row in rows for rows in by_row)] if runs else []
    found = []
    for row_id in shared:
        given = [(run, rows[row_id]) for run, rows in zip(runs, by_row, strict=True)]
        scores = [row.score for run, row in given if run.arm.id in counting]
        if max(scores) - min(scores) > SAME:
            expected = references_of(given[0][1].expected)
            found.append(Judged(row_id, inputs.get(row_id), expected, _answers(given), max(scores) - min(scores)))
    found.sort(key=lambda judged: -judged.apart)
    return found[:limit], len(found), len(shared)


def _answers(given: Sequence[tuple[Run, RowResult]]) -> tuple[Answer, ...]:
    arms: dict[str | None, list[str]] = {}
    scores: dict[str | None, float] = {}
    for run, row in given:
        text = None if row.output is None else str(row.output)
        arms.setdefault(text, []).append(run.arm.name)
        scores[text] = row.score
    return tuple(Answer(text, scores[text], tuple(arms[text])) for text in sorted(arms, key=lambda t: -scores[t]))


def _ranked(run: Run) -> list[RowResult]:
    return sorted(run.rows, key=lambda row: row.score)


def _judged(row: RowResult, run: Run, inputs: Mapping[str, str]) -> Judged:
    """The row with the reference that the answer is nearest to in front."""
    given = None if row.output is None else str(row.output)
    references = sorted(references_of(row.expected), key=lambda text: -sentence_chrf(text, given))
    return Judged(row.row, inputs.get(row.row), tuple(references), _answers([(run, row)]))
