"""Metrics: pure functions over labels, probabilities and texts. An undefined figure is None with a reason.

Those of texts are not gathered here: generation.py (figures), ngrams.py (BLEU and chrF), rouge.py, own.py (a user's function),
by_task.py (what a task's metric says).
"""

from rung.metrics.calibration import (
    Bin,
    bin_numbers,
    brier_score,
    expected_calibration_error,
    log_loss,
    log_losses,
    reliability,
)
from rung.metrics.classification import ClassReport, accuracy, confusion_matrix, macro_f1, per_class, row_score
from rung.metrics.extraction import (
    entity_counts,
    entity_f1,
    exact_match,
    exact_score,
    fault,
    per_type,
    type_counts,
    types_of,
    validity,
)
from rung.metrics.fields import fault_of, types_of_task
from rung.metrics.multilabel import indicators, macro_f1_multilabel, micro_f1, multilabel_report
from rung.metrics.value import Figure, undefined

__all__ = [
    "Bin",
    "ClassReport",
    "Figure",
    "accuracy",
    "bin_numbers",
    "brier_score",
    "confusion_matrix",
    "entity_counts",
    "entity_f1",
    "exact_match",
    "exact_score",
    "expected_calibration_error",
    "fault",
    "fault_of",
    "indicators",
    "log_loss",
    "log_losses",
    "macro_f1",
    "macro_f1_multilabel",
    "micro_f1",
    "multilabel_report",
    "per_class",
    "per_type",
    "reliability",
    "row_score",
    "type_counts",
    "types_of",
    "types_of_task",
    "undefined",
    "validity",
]
