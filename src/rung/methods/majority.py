"""Majority: always the most frequent answer of the training rows. Knows no model and reads no text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rung.entities import dump, parse
from rung.fields import dump as dump_object
from rung.methods.base import Fitted, Kit, Method
from rung.methods.saving import FittedRecord, read_arrays, read_record, sha_of, write_fitted
from rung.methods.vectors import accuracy, outputs_of, targets
from rung.metrics.extraction import entity_f1
from rung.models.base import Model
from rung.task import Context, Example, Input, Output, Prediction, Task, TaskKind


class Majority(Method):
    """The floor: what a method must beat to have learnt anything."""

    name: ClassVar[str] = "majority"
    rung: ClassVar[int] = 0
    summary: ClassVar[str] = "Always gives the most frequent answer; shows what learning nothing is worth."
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classify", "extract")
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
        """Count answers; equal counts go to the label listed first in the task, with `extract` to the fewest entities.

        With a JSON schema each field is counted by itself: whole objects are seldom found twice.
        """
        count = _count_fields if task.json_schema else _count_entities if task.kind == "extract" else _count
        alone = count(self, task, train)
        score = _judged(alone, validation)
        whole = count(self, task, [*train, *validation]) if kit.refit else alone
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


def _count_entities(method: Majority, task: Task, examples: Sequence[Example]) -> FittedMajority:
    """Entities without places, which belong to one text each."""
    found = [[e._replace(start=None, end=None) for e in parse(str(example.output))] for example in examples]
    counts = Counter(dump(entities) for entities in found)
    best = min(counts, key=lambda out: (-counts[out], len(parse(out)), out))
    return FittedMajority(method, task, best, np.array([counts[best] / len(examples)]), None)


def _count_fields(method: Majority, task: Task, examples: Sequence[Example]) -> FittedMajority:
    """Each top-level field's most frequent value, or none where most rows have none; of equally frequent ones the first by name."""
    rows = [json.loads(str(example.output)) for example in examples]
    names = dict.fromkeys([*task.label_names, *(name for row in rows for name in row)])
    found: dict[str, Any] = {}
    for name in names:
        counts = Counter(json.dumps(row.get(name), ensure_ascii=False) for row in rows)
        value = json.loads(min(counts, key=lambda text: (-counts[text], text)))
        found |= {} if value is None else {name: value}
    output = dump_object(found)
    share = [example.output for example in examples].count(output) / len(rows)
    return FittedMajority(method, task, output, np.array([share]), None)


def _judged(fitted: FittedMajority, validation: Sequence[Example]) -> float | None:
    if fitted.task.kind != "extract":
        return accuracy(fitted.predict([e.input for e in validation]), validation)
    return entity_f1([str(e.output) for e in validation], [str(fitted.output)] * len(validation)).value


@dataclass(frozen=True)
class FittedMajority(Fitted):
    """One answer for everything.

    Attributes:
        output: the answer. frequencies_K: share of the training rows that have each label; with `extract`, that have the
            answer (1,).
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
        if self.task.kind == "extract":
            return [Prediction(self.output, shares[0])] * len(inputs)
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
