"""What is compared for each kind of task, and how its figures are called. Knows no values."""

from __future__ import annotations

from rung.task import Task

_NAMES = {
    "macro_f1": "macro-F1",
    "micro_f1": "micro-F1",
    "f1": "F1",
    "ece": "calibration error",
    "out_of_scope_recall": "out-of-scope recall",
    "false_alarm_rate": "false-alarm rate",
}
_EXTRACT_NAMES = {
    "micro_f1": "F1",
    "macro_f1": "F1, mean over types",
    "exact_match": "rows all right",
    "validity": "valid answers",
}
#: figures of which less is better
LESS_IS_BETTER = frozenset({"ece", "log_loss", "false_alarm_rate"})


def metric_of(task: Task) -> str:
    """The figure that arms of this task are compared by: a key of `ArmSummary.metrics`.

    `extract`: micro-averaged F1 over entities, since a row may hold any number of them. Else accuracy, which for several labels
    is the share of rows whose set of labels is exactly right.
    """
    return "micro_f1" if task.kind == "extract" else "accuracy"


def metric_name(name: str, task: Task | None = None) -> str:
    """A figure as people call it.

    >>> metric_name("micro_f1"), metric_name("micro_f1", Task(name="t", kind="extract"))
    ('micro-F1', 'F1')
    """
    if task is not None and task.kind == "extract" and name in _EXTRACT_NAMES:
        return _EXTRACT_NAMES[name]
    if task is not None and task.multi_label and name == "accuracy":
        return "exact match"
    return _NAMES.get(name, name.replace("_", " "))
