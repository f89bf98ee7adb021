"""A fitted arm against the test rows. Knows no method: it predicts, compares and counts."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rung.errors import RungError
from rung.evaluation.records import RowResult
from rung.methods.base import Fitted, Ledger
from rung.metrics import exact_score
from rung.task import Example, Output, Prediction, TaskKind


@dataclass(frozen=True)
class Evaluation:
    """What an arm answered.

    Attributes:
        rows: one a test row, in order.
        predict_seconds: stand-alone seconds for all rows: the clock's, plus what shared work would have taken alone.
        prediction_sha: sha-256 over the outputs in row order. tokens_in: real tokens read.
    """

    rows: tuple[RowResult, ...]
    predict_seconds: float
    prediction_sha: str
    tokens_in: int


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
        rows=tuple(_row(example, found, fitted.task.kind) for example, found in zip(test, predictions, strict=True)),
        predict_seconds=max(seconds, 0.0),
        prediction_sha=prediction_sha([found.output for found in predictions]),
        tokens_in=sum(found.usage.tokens_in for found in predictions),
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


def _row(example: Example, found: Prediction, kind: TaskKind) -> RowResult:
    probabilities = found.probabilities
    if probabilities is not None and not all(map(math.isfinite, probabilities)):
        probabilities = None
    confidence = found.confidence if found.confidence is not None and math.isfinite(found.confidence) else None
    return RowResult(
        row=example.id,
        expected=example.output,
        output=found.output,
        score=score(example.output, found.output, kind),
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
