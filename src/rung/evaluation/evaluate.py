"""A fitted arm against the test rows. Knows no method: it predicts, compares and counts."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rung.errors import RungError
from rung.evaluation.records import RowResult
from rung.methods.base import Fitted, Ledger
from rung.metrics import exact_score
from rung.metrics.by_task import example_score
from rung.task import Example, Output, Prediction, Task, TaskKind, Usage


@dataclass(frozen=True)
class Evaluation:
    """What an arm answered.

    Attributes:
        rows: one a test row, in order.
        predict_seconds: stand-alone seconds for all rows: the clock's, plus what shared work would have taken alone.
        prediction_sha: sha-256 over the outputs in row order. tokens_in: real tokens read.
        usage: all tokens, and the seconds of all rows. seconds: of each row, by the method's own account.
        notes: on how many rows each of `Prediction.notes` was made.
    """

    rows: tuple[RowResult, ...]
    predict_seconds: float
    prediction_sha: str
    tokens_in: int
    usage: Usage = field(default_factory=Usage)
    seconds: tuple[float, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)


def evaluate(
    fitted: Fitted,
    test: Sequence[Example],
    ledger: Ledger | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Evaluation:
    """Predict every test row at once and score it. Expected outputs are read only after all predictions are made.

    Args:
        ledger: the account the arm was fitted with; what predicting adds to it counts as predicting.

    Raises:
        RungError: the arm did not give one prediction a row.
        UsageError: the user's own metric cannot score a row.
    """
    ledger = ledger or Ledger()
    extra, start = ledger.extra_s, clock()
    predictions = fitted.predict([example.input for example in test])
    seconds = clock() - start + ledger.extra_s - extra
    if len(predictions) != len(test):
        raise RungError(
            f"{len(predictions)} predictions came for {len(test)} rows", remedy="report this: it is a defect"
        )
    return Evaluation(
        rows=tuple(_row(example, found, fitted.task) for example, found in zip(test, predictions, strict=True)),
        predict_seconds=max(seconds, 0.0),
        prediction_sha=prediction_sha([found.output for found in predictions]),
        tokens_in=sum(found.usage.tokens_in for found in predictions),
        usage=total_usage([found.usage for found in predictions]),
        seconds=tuple(found.usage.seconds for found in predictions),
        notes=dict(sorted(Counter(note for found in predictions for note in found.notes).items())),
    )


def total_usage(usages: Sequence[Usage]) -> Usage:
    """All of them together."""
    return Usage(
        sum(one.tokens_in for one in usages),
        sum(one.tokens_out for one in usages),
        sum(one.tokens_cached for one in usages),
        sum(one.seconds for one in usages),
    )


def prediction_sha(outputs: Sequence[Output | None]) -> str:
    """sha-256 (hex) over outputs in order."""
    return hashlib.sha256(json.dumps(list(outputs), ensure_ascii=True).encode()).hexdigest()


def score(expected: Output, output: Output | None, kind: TaskKind = "classify") -> float:
    """1.0 where the answer is right, 0.0 where not; several labels are right if they are the same set, entities if all match."""
    if kind == "extract":
        return exact_score(str(expected), None if output is None else str(output))
    if isinstance(expected, str) or isinstance(output, str) or output is None:
        return float(expected == output)
    return float(set(expected) == set(output))


def _score(example: Example, output: Output | None, task: Task) -> float:
    return example_score(task, example, output) if task.kind == "generate" else score(example.output, output, task.kind)


def _row(example: Example, found: Prediction, task: Task) -> RowResult:
    probabilities = found.probabilities
    if probabilities is not None and not all(map(math.isfinite, probabilities)):
        probabilities = None
    confidence = found.confidence if found.confidence is not None and math.isfinite(found.confidence) else None
    return RowResult(
        row=example.id,
        expected=example.output,
        output=found.output,
        score=_score(example, found.output, task),
        confidence=None if confidence is None else float(confidence),
        probabilities=None if probabilities is None else tuple(float(p) for p in probabilities),
        group=example.group,
    )


def plain(value: Any) -> Any:
    """A method's details as JSON values: arrays become lists, numbers that are not finite become None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
