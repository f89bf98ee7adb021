"""The figures of an arm on an `extract` task, and the row values it is compared by. Knows runs' rows, no limits and no other arms.

N rows, T types, S seeds. With a JSON schema, fields are counted as entities are: their paths are the types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import rung.metrics as metrics
from rung.evaluation import intervals
from rung.evaluation.linear import linear_scores
from rung.evaluation.records import RowResult
from rung.evaluation.resample import Units
from rung.evaluation.summary import MetricValue
from rung.task import Task

NO_ENTITY = "no test row expects an entity"
NO_FIELD = "no test row expects a field"


@dataclass(frozen=True)
class EntityTables:
    """Entities of every seed, row and type: answered rightly, expected, answered; three arrays (S, N, T)."""

    right: np.ndarray
    expected: np.ndarray
    answered: np.ndarray

    @classmethod
    def of(cls, task: Task, seeds: Sequence[Sequence[RowResult]]) -> EntityTables:
        """Counted over the task's types and all others that occur."""
        outputs = [_text(row.output) for rows in seeds for row in rows]
        wanted = [str(row.expected) for rows in seeds[:1] for row in rows]
        types = sorted({*metrics.types_of_task(task), *metrics.types_of(outputs), *metrics.types_of(wanted)})
        tables = [metrics.type_counts(wanted, [_text(row.output) for row in rows], types) for rows in seeds]
        return cls(*(np.stack(part) for part in zip(*tables, strict=True)))

    @property
    def numerator_SN(self) -> np.ndarray:
        """Twice the right entities: F1's numerator."""
        return np.asarray(2 * self.right.sum(axis=2))

    @property
    def denominator_SN(self) -> np.ndarray:
        """Expected and answered entities: F1's denominator."""
        return np.asarray((self.expected + self.answered).sum(axis=2))

    @property
    def defined(self) -> bool:
        """Whether F1 says anything: some row expects an entity (the same for every arm)."""
        return bool(self.expected.any())

    def scores_N(self) -> np.ndarray:
        """Row values whose mean is micro-F1 (see `rung.evaluation.linear`)."""
        return linear_scores(self.numerator_SN, self.denominator_SN)


def extract_figures(
    task: Task,
    seeds: Sequence[Sequence[RowResult]],
    texts: Sequence[str | None],
    tables: EntityTables,
    units: Units,
    weights_BG: np.ndarray,
) -> dict[str, MetricValue]:
    """Every metric of `extract` but calibration: F1, precision, recall (over all entities), macro-F1 over types, rows, validity.

    Args:
        seeds: for each seed its rows, in one order. texts: the inputs of these rows; None where not kept.
    """
    valid = [
        [metrics.fault_of(task, _text(row.output), text) is None for row, text in zip(rows, texts, strict=True)]
        for rows in seeds
    ]
    exact = np.mean([[row.score for row in rows] for rows in seeds], axis=0)
    none, unanswered = (
        (NO_FIELD, "no field was answered") if task.json_schema else (NO_ENTITY, "no entity was answered")
    )
    f1 = macro_f1 = MetricValue(value=None, reason=none)
    if tables.defined:
        f1, macro_f1 = _f1(tables, units, weights_BG), _macro_f1(tables, units, weights_BG)
    return {
        "micro_f1": f1,
        "precision": _share(tables.right, tables.answered, unanswered, units, weights_BG),
        "recall": _share(tables.right, tables.expected, none, units, weights_BG),
        "macro_f1": macro_f1,
        "exact_match": row_share(exact, units, weights_BG),
        "validity": row_share(np.mean(valid, axis=0), units, weights_BG),
    }


def row_share(scores_N: np.ndarray, units: Units, weights_BG: np.ndarray) -> MetricValue:
    """The mean of row scores in [0, 1] with its interval."""
    low, high, method = intervals.mean_interval(scores_N, units, weights_BG)
    return MetricValue(value=float(scores_N.mean()), low=low, high=high, method=method)


def _f1(tables: EntityTables, units: Units, weights: np.ndarray) -> MetricValue:
    pairs = [np.stack(p, axis=1) for p in zip(tables.numerator_SN, tables.denominator_SN, strict=True)]
    return _ratio(pairs, units, weights)


def _share(part: np.ndarray, whole: np.ndarray, reason: str, units: Units, weights: np.ndarray) -> MetricValue:
    if not whole.any(axis=(1, 2)).all():
        return MetricValue(value=None, reason=reason)
    return _ratio([np.stack(p, axis=1) for p in zip(part.sum(2), whole.sum(2), strict=True)], units, weights)


def _ratio(tables: Sequence[np.ndarray], units: Units, weights: np.ndarray) -> MetricValue:
    """Sums over sums, averaged over seeds; Wilson over units that count where every resample gives the same."""
    value = float(np.mean([part / whole for part, whole in (table.sum(axis=0) for table in tables)]))
    statistic = intervals.mean_of_parts(len(tables), intervals.ratio_of)
    found = intervals.bootstrap(np.hstack(tables), statistic, units, weights)
    if found is None:
        # all rows alike: the bootstrap would claim certainty
        trials = float((units.sums(tables[0][:, 1]) > 0).sum())
        found = intervals.wilson(value * trials, trials)
    return MetricValue(value=value, low=max(0.0, found.low), high=min(1.0, found.high), method=found.method)


def _macro_f1(tables: EntityTables, units: Units, weights: np.ndarray) -> MetricValue:
    linear = [np.hstack([r, w + g]) for r, w, g in zip(tables.right, tables.expected, tables.answered, strict=True)]
    value = float(np.mean([intervals.macro_f1_of(table.mean(axis=0)) for table in linear]))
    statistic = intervals.mean_of_parts(len(linear), intervals.macro_f1_of)
    found = intervals.bootstrap(np.hstack(linear), statistic, units, weights)
    if found is None:
        return MetricValue(value=value, reason="no interval: the figure is the same in every resample")
    return MetricValue(value=value, low=max(0.0, found.low), high=min(1.0, found.high), method=found.method)


def _text(output: object) -> str | None:
    return None if output is None else str(output)
