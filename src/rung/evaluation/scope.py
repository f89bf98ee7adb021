"""How well an arm tells inputs that belong to no class. Knows runs' rows, no limits and no other arms.

Recall of the out-of-scope rows (Larson et al. 2019, "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction")
beside the rate of false alarms, which the task asks for. Both are shares of test rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rung.evaluation import intervals
from rung.evaluation.records import RowResult
from rung.evaluation.resample import Units
from rung.evaluation.summary import MetricValue
from rung.task import Task


def scope_figures(
    task: Task, seeds: Sequence[Sequence[RowResult]], units: Units, weights_BG: np.ndarray
) -> dict[str, MetricValue]:
    """`out_of_scope_recall` and `false_alarm_rate`; nothing where the task has no out-of-scope label.

    Args:
        seeds: for each seed its rows, in one order.
    """
    if task.out_of_scope is None:
        return {}
    label = task.out_of_scope.label
    outside = np.array([row.expected == label for row in seeds[0]])
    given = np.mean([[row.output == label for row in rows] for rows in seeds], axis=0)
    return {
        "out_of_scope_recall": _share(given, outside, "no test row is out of scope", units, weights_BG),
        "false_alarm_rate": _share(given, ~outside, "every test row is out of scope", units, weights_BG),
    }


def _share(given_N: np.ndarray, among_N: np.ndarray, missing: str, units: Units, weights: np.ndarray) -> MetricValue:
    if not among_N.any():
        return MetricValue(value=None, reason=missing)
    low, high, method = intervals.share_interval(given_N, among_N, units, weights)
    return MetricValue(value=float(given_N[among_N].mean()), low=low, high=high, method=method)
