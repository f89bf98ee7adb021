"""What is compared for each kind of task, and how its figures are called. Knows no values."""

from __future__ import annotations

from rung.plan import TEXT_METRICS
from rung.task import OwnMetric, Task

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
_GENERATE_NAMES = {
    "chrf": "chrF",
    "corpus_chrf": "chrF, all answers together",
    "bleu": "BLEU",
    "sentence_bleu": "sentence BLEU",
    "rouge_1": "ROUGE-1",
    "rouge_2": "ROUGE-2",
    "rouge_l": "ROUGE-L",
    "distinct_1": "distinct-1",
    "distinct_2": "distinct-2",
    "mean_words": "words an answer",
}
#: figures of which less is better
LESS_IS_BETTER = frozenset({"ece", "log_loss", "false_alarm_rate", "empty_answers"})
#: the key of a figure that a function of the user's makes
OWN = "own_metric"


def metric_of(task: Task) -> str:
    """The figure that arms of this task are compared by: a key of `ArmSummary.metrics`.

    `extract`: micro-averaged F1 over entities (or fields), since a row may hold any number of them. `generate`: what the task file
    says, else the mean over rows of chrF (`rung.metrics.generation.text_score` says why). Else accuracy, which for several labels
    is the share of rows whose set of labels is exactly right.
    """
    if task.kind == "generate":
        return OWN if isinstance(task.metric, OwnMetric) else task.metric or TEXT_METRICS[0]
    return "micro_f1" if task.kind == "extract" else "accuracy"


def row_metric_of(task: Task) -> str:
    """The figure that a single row has, of which a run shows the mean: not always the compared one."""
    if task.kind == "extract":
        return "exact_match"
    return "sentence_bleu" if metric_of(task) == "bleu" else metric_of(task)


def metric_name(name: str, task: Task | None = None) -> str:
    """A figure as people call it.

    >>> metric_name("micro_f1"), metric_name("micro_f1", Task(name="t", kind="extract"))
    ('micro-F1', 'F1')
    """
    if task is not None and task.json_schema is not None and name == "macro_f1":
        return "F1, mean over fields"
    if task is not None and task.kind == "extract" and name in _EXTRACT_NAMES:
        return _EXTRACT_NAMES[name]
    if task is not None and task.kind == "generate":
        own = task.metric.function.replace("_", " ") if isinstance(task.metric, OwnMetric) else name
        return own if name == OWN else _GENERATE_NAMES.get(name, name.replace("_", " "))
    if task is not None and task.multi_label and name == "accuracy":
        return "exact match"
    return _NAMES.get(name, name.replace("_", " "))
