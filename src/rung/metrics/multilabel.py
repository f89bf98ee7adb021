"""Several labels a row: micro- and macro-averaged F1 and the per-class figures. Knows label sets only.

Exact agreement of the sets (subset accuracy) is `classification.accuracy`. A missing answer (None) is the empty set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rung.metrics.classification import ClassReport, class_reports, ratio
from rung.metrics.value import Figure, undefined

LabelSet = Sequence[str]


def label_counts(
    expected: Sequence[LabelSet], outputs: Sequence[LabelSet | None], labels: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per class the rows that are right, expected and answered, three arrays (C,). Labels that are no classes are left out."""
    want, got = indicators(expected, labels), indicators([output or () for output in outputs], labels)
    return (want & got).sum(axis=0), want.sum(axis=0), got.sum(axis=0)


def indicators(sets: Sequence[LabelSet], labels: Sequence[str]) -> np.ndarray:
    """Which row has which label, bool, (N, C)."""
    number = {label: i for i, label in enumerate(labels)}
    out = np.zeros((len(sets), len(labels)), dtype=bool)
    for i, names in enumerate(sets):
        out[i, [number[name] for name in names if name in number]] = True
    return out


def multilabel_report(
    expected: Sequence[LabelSet], outputs: Sequence[LabelSet | None], labels: Sequence[str]
) -> tuple[ClassReport, ...]:
    """Precision, recall, F1 and support of every class, in the order of `labels`."""
    right, support, predicted = label_counts(expected, outputs, labels)
    return class_reports(labels, right, support, predicted)


def micro_f1(expected: Sequence[LabelSet], outputs: Sequence[LabelSet | None]) -> Figure:
    """F1 over all (row, label) decisions together.

    >>> micro_f1([("a", "b"), ()], [("a",), ()]).value
    0.6666666666666666
    """
    right, support, predicted = label_counts(expected, outputs, _names(expected, outputs))
    return ratio(2 * right.sum(), support.sum() + predicted.sum(), "no row has or was given any label")


def macro_f1_multilabel(expected: Sequence[LabelSet], outputs: Sequence[LabelSet | None]) -> Figure:
    """Mean F1 over the labels that are expected or answered somewhere."""
    names = _names(expected, outputs)
    if not names:
        return undefined("no row has or was given any label")
    return Figure(float(np.mean([report.f1.value for report in multilabel_report(expected, outputs, names)])))


def _names(expected: Sequence[LabelSet], outputs: Sequence[LabelSet | None]) -> list[str]:
    return sorted({name for row in [*expected, *(output or () for output in outputs)] for name in row})
