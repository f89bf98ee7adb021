"""One label a row: accuracy, confusion, precision, recall and F1. Knows labels only, no models, files or intervals.

A missing answer (None) is wrong: it counts against recall and for no class's precision. N rows, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rung.metrics.value import Figure, undefined


@dataclass(frozen=True)
class ClassReport:
    """One class: `support` rows expect it, `predicted` rows answer it. A figure is undefined where its denominator is 0."""

    label: str
    precision: Figure
    recall: Figure
    f1: Figure
    support: int
    predicted: int


def row_score(expected: object, output: object) -> float:
    """1.0 if the answer is the expected one, else 0.0; label sets (tuples) must be equal as sets."""
    if isinstance(expected, tuple) and isinstance(output, tuple):
        return float(set(expected) == set(output))
    return float(expected == output)


def accuracy(expected: Sequence[object], outputs: Sequence[object]) -> Figure:
    """Share of rows answered exactly right (for several labels: subset accuracy).

    >>> accuracy(["a", "b"], ["a", None]).value
    0.5
    """
    if len(expected) != len(outputs):
        raise ValueError(f"{len(expected)} expected and {len(outputs)} given outputs")
    if not expected:
        return undefined("there are no rows")
    return Figure(float(np.mean([row_score(e, o) for e, o in zip(expected, outputs, strict=True)])))


def confusion_matrix(expected: Sequence[str], outputs: Sequence[str | None], labels: Sequence[str]) -> np.ndarray:
    """Counts, (C, C + 1): row = expected class, column = answer; the last column holds missing and unknown answers.

    Raises:
        ValueError: an expected label is not among `labels`, or the lengths differ.
    """
    number = {label: i for i, label in enumerate(labels)}
    unknown = sorted(set(expected) - set(number))
    if unknown:
        raise ValueError(f"expected labels that are no classes: {', '.join(unknown[:5])}")
    counts = np.zeros((len(labels), len(labels) + 1), dtype=np.int64)
    for want, got in zip(expected, outputs, strict=True):
        counts[number[want], number.get(got, -1) if got is not None else -1] += 1
    return counts


def per_class(expected: Sequence[str], outputs: Sequence[str | None], labels: Sequence[str]) -> tuple[ClassReport, ...]:
    """Precision, recall, F1 and support of every class, in the order of `labels`."""
    counts = confusion_matrix(expected, outputs, labels)
    return class_reports(labels, np.diag(counts), counts.sum(axis=1), counts[:, :-1].sum(axis=0))


def class_reports(
    labels: Sequence[str], right: np.ndarray, support: np.ndarray, predicted: np.ndarray
) -> tuple[ClassReport, ...]:
    """The reports from counts per class, three arrays (C,): rows right, rows that expect it, rows answered with it."""
    return tuple(
        ClassReport(
            label=label,
            precision=ratio(right[i], predicted[i], "no row was answered with this class"),
            recall=ratio(right[i], support[i], "no row expects this class"),
            f1=ratio(2 * right[i], support[i] + predicted[i], "no row expects this class or was answered with it"),
            support=int(support[i]),
            predicted=int(predicted[i]),
        )
        for i, label in enumerate(labels)
    )


def macro_f1(expected: Sequence[str], outputs: Sequence[str | None]) -> Figure:
    """Mean F1 over the classes that are expected or answered somewhere.

    >>> macro_f1(["a", "b"], ["a", "a"]).value
    0.3333333333333333
    """
    if not expected:
        return undefined("there are no rows")
    labels = sorted(set(expected) | {output for output in outputs if output is not None})
    scores = [report.f1.value for report in per_class(expected, outputs, labels)]
    return Figure(float(np.mean([score for score in scores if score is not None])))


def ratio(part: int, whole: int, reason: str) -> Figure:
    """part / whole, undefined for `reason` where the whole is 0."""
    return Figure(float(part / whole)) if whole else undefined(reason)
