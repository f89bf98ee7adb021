"""The metrics of one arm over its seeds, each with a 95 % interval. Knows runs' rows, no limits and no other arms.

A metric over several seeds is its mean over them; a resample draws the same rows for every seed. Intervals speak about new
rows, not about new seeds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import rung.metrics as metrics
from rung.evaluation import intervals
from rung.evaluation.extraction import row_share
from rung.evaluation.records import RowResult
from rung.evaluation.resample import Units
from rung.evaluation.scope import scope_figures
from rung.evaluation.summary import MetricValue
from rung.metrics import Figure
from rung.task import Task

Rows = Sequence[RowResult]


def arm_figures(
    task: Task, seeds: Sequence[Rows], scores_N: np.ndarray, units: Units, weights_BG: np.ndarray, metric: str
) -> dict[str, MetricValue]:
    """Every metric of a `classify` task by name; `metric` names the mean row score.

    A figure that some rows cannot have is over the others, and `reason` says over how many: log loss where rows expect a label
    without a probability (out of scope), calibration where answers have no confidence.

    Args:
        seeds: for each seed its rows, all in the order of `scores_N` (the row scores averaged over seeds).
    """
    found = {metric: row_share(scores_N, units, weights_BG)}
    if task.multi_label:
        several = "not defined where a row has several labels"
        return found | {
            "macro_f1": _macro_f1(task, seeds, units, weights_BG),
            "micro_f1": _micro_f1(task, seeds, units, weights_BG),
            "ece": MetricValue(value=None, reason=several),
            "log_loss": MetricValue(value=None, reason=several),
        }
    return found | {
        **scope_figures(task, seeds, units, weights_BG),
        "macro_f1": _macro_f1(task, seeds, units, weights_BG),
        "ece": calibration(seeds, units, weights_BG),
        "log_loss": _log_loss(task, seeds, units, weights_BG),
    }


def _macro_f1(task: Task, seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    if task.multi_label:
        values = [
            metrics.macro_f1_multilabel([_names(r.expected) for r in s], [_names(r.output) for r in s]) for s in seeds
        ]
    else:
        values = [metrics.macro_f1([str(r.expected) for r in s], [_single(r.output) for r in s]) for s in seeds]
    return _bootstrapped(values, _f1_tables(seeds), intervals.macro_f1_of, units, weights)


def _micro_f1(task: Task, seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    values = [metrics.micro_f1([_names(r.expected) for r in s], [_names(r.output) for r in s]) for s in seeds]
    return _bootstrapped(values, _f1_tables(seeds), intervals.micro_f1_of, units, weights)


def _f1_tables(seeds: Sequence[Rows]) -> list[np.ndarray]:
    labels = sorted({name for rows in seeds for row in rows for name in (*_names(row.expected), *_names(row.output))})
    return [
        intervals.f1_table(
            metrics.indicators([_names(row.expected) for row in rows], labels),
            metrics.indicators([_names(row.output) for row in rows], labels),
        )
        for rows in seeds
    ]


def calibration(seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    """Expected calibration error: confidence against the row's score."""
    known = np.array([all(row.confidence is not None for row in same) for same in zip(*seeds, strict=True)])
    if not known.any():
        return MetricValue(value=None, reason="the method gives no confidence")
    values, tables = [], []
    for rows in seeds:
        sure = np.clip([row.confidence or 0.0 for row in rows], 0.0, 1.0)
        right = np.array([row.score for row in rows])
        values.append(metrics.expected_calibration_error(sure[known], right[known]))
        table = np.zeros((len(rows), metrics.bin_numbers(sure[known]).max() + 1), dtype=np.float32)
        table[known] = intervals.calibration_table(sure[known], right[known], metrics.bin_numbers(sure[known]))
        tables.append(np.hstack([table, known[:, None]]))
    wide = max(table.shape[1] for table in tables)
    padded = [np.pad(table, ((0, 0), (wide - table.shape[1], 0))) for table in tables]
    found = _bootstrapped(values, padded, intervals.per_row_of(intervals.calibration_error_of), units, weights)
    return _over(found, known, "that have a confidence")


def _log_loss(task: Task, seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    number = {name: i for i, name in enumerate(task.label_names)}
    known = np.array([row.expected in number for row in seeds[0]])
    outside = task.out_of_scope.label if task.out_of_scope else None
    if not known.any() or any(row.expected not in number and row.expected != outside for row in seeds[0]):
        return MetricValue(value=None, reason="some rows expect a label that is not among the task's")
    values, tables = [], []
    for rows in seeds:
        mine = [row for row, yes in zip(rows, known, strict=True) if yes]
        if any(row.probabilities is None or len(row.probabilities) != len(number) for row in mine):
            return MetricValue(value=None, reason="the method gives no probabilities for some rows")
        expected = [number[str(row.expected)] for row in mine]
        table = np.zeros((len(rows), 2))
        table[known] = np.stack(
            [metrics.log_losses(np.array([row.probabilities for row in mine]), expected), np.ones(len(mine))], axis=1
        )
        values.append(Figure(float(table[known, 0].mean())))
        tables.append(table)
    return _over(
        _bootstrapped(values, tables, intervals.ratio_of, units, weights), known, "whose label has a probability"
    )


def _over(found: MetricValue, known_N: np.ndarray, which: str) -> MetricValue:
    """The figure with a word on the rows it is over, where those are not all."""
    if found.value is None or known_N.all():
        return found
    said = f"over the {int(known_N.sum()):,} rows {which}"
    return found.model_copy(update={"reason": f"{said}; {found.reason}" if found.reason else said})


def _bootstrapped(
    values: Sequence[Figure],
    tables: Sequence[np.ndarray],
    statistic: intervals.Statistic,
    units: Units,
    weights: np.ndarray,
) -> MetricValue:
    missing = next((figure.reason for figure in values if figure.value is None), None)
    if missing is not None:
        return MetricValue(value=None, reason=missing)
    value = float(np.mean([figure.value for figure in values]))
    averaged = intervals.mean_of_parts(len(tables), statistic)
    found = intervals.bootstrap(np.hstack(tables), averaged, units, weights)
    if found is None:
        return MetricValue(value=value, reason="no interval: the figure is the same in every resample")
    return MetricValue(value=value, low=found.low, high=found.high, method=found.method)


def _names(output: object) -> tuple[str, ...]:
    if output is None:
        return ()
    return tuple(output) if isinstance(output, (tuple, list)) else (str(output),)


def _single(output: object) -> str | None:
    return None if output is None else str(output)
