"""The metrics of one arm over its seeds, each with a 95 % interval. Knows runs' rows, no limits and no other arms.

A metric over several seeds is its mean over them; a resample draws the same rows for every seed. Intervals speak about new
rows, not about new seeds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import rung.metrics as metrics
from rung.evaluation import intervals
from rung.evaluation.records import RowResult
from rung.evaluation.resample import Units
from rung.evaluation.summary import MetricValue
from rung.metrics import Figure
from rung.task import Task

Rows = Sequence[RowResult]


def arm_figures(
    task: Task, seeds: Sequence[Rows], scores_N: np.ndarray, units: Units, weights_BG: np.ndarray, metric: str
) -> dict[str, MetricValue]:
    """Every metric of the task's kind by name; `metric` names the mean row score.

    Args:
        seeds: for each seed its rows, all in the order of `scores_N` (the row scores averaged over seeds).
    """
    low, high, method = intervals.mean_interval(scores_N, units, weights_BG)
    found = {metric: MetricValue(value=float(scores_N.mean()), low=low, high=high, method=method)}
    if task.multi_label:
        several = "not defined where a row has several labels"
        return found | {
            "macro_f1": _macro_f1(task, seeds, units, weights_BG),
            "micro_f1": _micro_f1(task, seeds, units, weights_BG),
            "ece": MetricValue(value=None, reason=several),
            "log_loss": MetricValue(value=None, reason=several),
        }
    return found | {
        "macro_f1": _macro_f1(task, seeds, units, weights_BG),
        "ece": _calibration(seeds, units, weights_BG),
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


def _calibration(seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    if any(row.confidence is None for rows in seeds for row in rows):
        return MetricValue(value=None, reason="the method gives no confidence for some rows")
    values, tables = [], []
    for rows in seeds:
        confidence = np.clip([row.confidence or 0.0 for row in rows], 0.0, 1.0)
        right = np.array([row.score for row in rows])
        values.append(metrics.expected_calibration_error(confidence, right))
        tables.append(intervals.calibration_table(confidence, right, metrics.bin_numbers(confidence)))
    wide = max(table.shape[1] for table in tables)
    padded = [np.pad(table, ((0, 0), (0, wide - table.shape[1]))) for table in tables]
    return _bootstrapped(values, padded, intervals.calibration_error_of, units, weights)


def _log_loss(task: Task, seeds: Sequence[Rows], units: Units, weights: np.ndarray) -> MetricValue:
    number = {name: i for i, name in enumerate(task.label_names)}
    values, tables = [], []
    for rows in seeds:
        if any(row.probabilities is None or len(row.probabilities) != len(number) for row in rows):
            return MetricValue(value=None, reason="the method gives no probabilities for some rows")
        if any(row.expected not in number for row in rows):
            return MetricValue(value=None, reason="some rows expect a label that is not among the task's")
        probabilities, expected = np.array([row.probabilities for row in rows]), [number[str(r.expected)] for r in rows]
        losses = metrics.log_losses(probabilities, expected)
        values.append(Figure(float(losses.mean())))
        tables.append(losses[:, None])
    return _bootstrapped(values, tables, lambda means: means[..., 0], units, weights)


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
