"""Majority: always the most frequent label of the training rows. Knows no model and reads no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rung.methods.base import Fitted, Kit, Method
from rung.methods.saving import FittedRecord, read_arrays, read_record, sha_of, write_fitted
from rung.methods.vectors import accuracy, outputs_of, targets
from rung.models.base import Model
from rung.task import Context, Example, Input, Output, Prediction, Task


class Majority(Method):
    """The floor: what a method must beat to have learnt anything."""

    name: ClassVar[str] = "majority"
    rung: ClassVar[int] = 0
    summary: ClassVar[str] = "Always answers the most frequent label; shows what learning nothing is worth."
    baseline: ClassVar[bool] = True

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs one labelled example."""
        if reason := super().skip_reason(task, model, train):
            return reason
        return None if train else "majority needs at least one training example"

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedMajority:
        """Count labels; equal counts go to the label listed first in the task."""
        alone = _count(self, task, train)
        score = accuracy(alone.predict([e.input for e in validation]), validation)
        whole = _count(self, task, [*train, *validation]) if kit.refit else alone
        return FittedMajority(self, task, whole.output, whole.frequencies_K, score)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedMajority:
        """Read what `save` wrote."""
        record = read_record(folder)
        output = record.details["output"]
        return FittedMajority(
            cls(**record.knobs),
            task,
            tuple(output) if isinstance(output, list) else output,
            read_arrays(folder, "frequencies")["frequencies"],
            record.validation_score,
        )


def _count(method: Majority, task: Task, examples: Sequence[Example]) -> FittedMajority:
    rank = {name: i for i, name in enumerate(task.label_names)}
    counts = Counter(example.output for example in examples)
    best = min(counts, key=lambda out: (-counts[out], [rank.get(name, 0) for name in outputs_of(out)]))
    return FittedMajority(method, task, best, targets(task, examples).mean(0, dtype=np.float64), None)


@dataclass(frozen=True)
class FittedMajority(Fitted):
    """One answer for everything.

    Attributes:
        output: the answer. frequencies_K: share of the training rows that have each label.
    """

    method: Majority
    task: Task
    output: Output
    frequencies_K: np.ndarray
    validation_score: float | None
    trainable_parameters: int = 0
    details: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        output = list(self.output) if isinstance(self.output, tuple) else self.output
        object.__setattr__(self, "details", {"output": output})

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """The same answer for every input; the confidence is its frequency in training."""
        shares = tuple(float(p) for p in self.frequencies_K)
        rank = {name: i for i, name in enumerate(self.task.label_names)}
        chosen = {rank[name] for name in outputs_of(self.output)}
        parts = [share if i in chosen else 1 - share for i, share in enumerate(shares)]
        confidence = float(np.prod(parts)) if self.task.multi_label else shares[min(chosen)]
        return [Prediction(self.output, confidence, shares)] * len(inputs)

    def save(self, folder: Path) -> None:
        """See `Fitted.save`."""
        record = FittedRecord(
            method=self.method.name,
            knobs=self.method.model_dump(mode="json"),
            task=self.task,
            details=self.details,
            validation_score=self.validation_score,
        )
        write_fitted(folder, record, {"frequencies": self.frequencies_K})

    @property
    def weights_sha(self) -> str:
        """See `Fitted.weights_sha`."""
        return sha_of(None, {"frequencies": self.frequencies_K}, self.details)
