"""Nearest example: the answer of the most similar training text. Learns nothing; the training texts are the model.

With `extract` its entities are looked up in the new text by their words; those that do not stand there are answered without a
place. With a JSON schema, and with `generate`, its answer is given as it stands; of several references, the first.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from pydantic import Field

from rung.entities import Entity, dump, located, parse
from rung.methods.base import Kit, Method
from rung.methods.deciding import Decision, answers, decide
from rung.methods.saving import Arrays, check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, outputs_of, softmax, targets
from rung.metrics.by_task import task_figure
from rung.metrics.extraction import entity_f1
from rung.models.base import Encoded, Floats, Model
from rung.task import Context, Example, Input, Prediction, Task, TaskKind, Usage

#: Cosine to weight: a neighbour 0.05 less similar counts a third as much.
TEMPERATURE = 0.05
#: Inputs compared at once: bounds memory to BLOCK times the number of training texts.
BLOCK = 512
#: Neighbours this close to the k-th count as equals of it, so that rounding does not decide who is in.
TIE = 1e-4


class NearestExample(Method):
    """The label, entities or text of the training example most similar in meaning; with `k` above 1, labels by weighted vote."""

    name: ClassVar[str] = "nearest_example"
    rung: ClassVar[int] = 1
    summary: ClassVar[str] = "Looks up the most similar training example and answers as it does."
    reference: ClassVar[str] = "Cover and Hart 1967, Nearest neighbor pattern classification; Dudani 1976 for weights"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classify", "extract", "generate")
    baseline: ClassVar[bool] = True

    k: int = Field(1, ge=1, le=1000, description="How many neighbours vote.")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder and one labelled example; entities and texts are taken from one neighbour."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if task.kind != "classify" and self.k > 1:
            what = "fields" if task.json_schema else "entities" if task.kind == "extract" else "texts"
            return f"nearest_example with k={self.k} has no vote over {what}; k=1 takes the nearest example's"
        return None if train else "nearest_example needs at least one training example"

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedNearest:
        """Encode and keep the training texts."""
        embed = Embedder.of(model, kit.features)
        alone = self._remember(task, train, embed, kit)
        decision = alone.learnt(validation)
        score = alone.deciding(decision).judged(validation)
        whole = self._remember(task, [*train, *validation], embed, kit) if kit.refit and validation else alone
        return whole.deciding(decision).scored(score)

    def _remember(self, task: Task, examples: Sequence[Example], embed: Embedder, kit: Kit) -> FittedNearest:
        encoded = embed([e.input for e in examples], kit.ledger, kit.events)
        arrays: Arrays = {"vectors": embed.last(encoded.vectors_ND)}
        details = {"examples": len(examples), "decision": Decision().model_dump(mode="json")}
        kind = _fitted_class(task)
        if kind is FittedNearestExample:
            arrays["labels"] = targets(task, examples).astype(np.uint8)
        else:
            arrays[kind.answers_in] = _packed([outputs_of(e.output)[0] for e in examples])
        return kind(self, task, embed, arrays, details, None, 0)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedNearest:
        """Read what `save` wrote."""
        record = read_record(folder)
        check_base(record, model, folder)
        kind = _fitted_class(task)
        arrays = read_arrays(folder, "vectors", kind.answers_in)
        return kind(cls(**record.knobs), task, Embedder.of(model), arrays, record.details, record.validation_score, 0)


class FittedNearest(FittedOnVectors):
    """What is kept of the training texts: array `vectors` (M, D), of length 1, and their answers."""

    method: NearestExample
    answers_in: ClassVar[str]

    def similar(self, encoded: Encoded) -> list[Floats]:
        """Cosines of the inputs to the training texts, (n, M) a block of inputs."""
        queries_ND = self.embed.last(encoded.vectors_ND)
        blocks = [queries_ND[i : i + BLOCK] for i in range(0, len(queries_ND), BLOCK)]
        return [block_ND @ self.arrays["vectors"].T for block_ND in blocks]

    def nearest(self, encoded: Encoded) -> np.ndarray:
        """The nearest example of each input (N,); of equally near ones the first."""
        return np.concatenate([(c_NM >= c_NM.max(1, keepdims=True) - TIE).argmax(1) for c_NM in self.similar(encoded)])

    def looked_up(self, encoded: Encoded) -> list[tuple[int, Usage]]:
        """For each input the nearest example, and what encoding it took."""
        usages = zip(encoded.tokens_N, encoded.seconds_N, strict=True)
        rows = zip(self.nearest(encoded), usages, strict=True)
        return [(int(row), Usage(int(n), seconds=float(s))) for row, (n, s) in rows]

    def learnt(self, validation: Sequence[Example]) -> Decision:
        """What these rows say about turning votes into answers; nothing by default."""
        return Decision()

    def deciding(self, decision: Decision) -> Self:
        """The same with this decision."""
        return replace(self, details={**self.details, "decision": decision.model_dump(mode="json")})

    def judged(self, validation: Sequence[Example]) -> float | None:
        """Share of rows answered exactly; None where there are none."""
        return accuracy(self.predict([e.input for e in validation]), validation)


class FittedNearestExample(FittedNearest):
    """Array `labels` (M, K), 0 or 1."""

    answers_in: ClassVar[str] = "labels"

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Votes of the nearest, as probabilities."""
        return answers(self.task, self._votes(encoded), encoded, Decision(**self.details["decision"]))

    def learnt(self, validation: Sequence[Example]) -> Decision:
        """See `deciding.decide`."""
        if not validation:
            return Decision()
        return decide(self.task, self._votes(self.embed([e.input for e in validation])), validation)

    def _votes(self, encoded: Encoded) -> np.ndarray:
        return np.concatenate([self._shares(cosines_NM) for cosines_NM in self.similar(encoded)])

    def _shares(self, cosines_NM: Floats) -> np.ndarray:
        labels_MK = self.arrays["labels"].astype(np.float64)
        if self.method.k == 1 and not self.task.multi_label:
            return _by_best(cosines_NM, labels_MK)
        last = cosines_NM.shape[1] - min(self.method.k, cosines_NM.shape[1])
        kth_N1 = np.partition(cosines_NM, last, axis=1)[:, last : last + 1]
        near_NM = np.where(cosines_NM >= kth_N1 - TIE, cosines_NM / TEMPERATURE, -np.inf)
        return np.asarray(softmax(near_NM) @ labels_MK)


class FittedNearestEntities(FittedNearest):
    """Array `entities`: the training rows' answers as one JSON text in bytes."""

    answers_in: ClassVar[str] = "entities"

    @cached_property
    def known(self) -> list[list[Entity]]:
        """The entities of each training row (M), in order of reading and without places."""
        rows = [parse(text) for text in json.loads(self.arrays["entities"].tobytes())]
        return [[entity._replace(start=None, end=None) for entity in entities] for entities in rows]

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """See `Fitted.predict`; a similarity is no probability, so there is no confidence."""
        if not inputs:
            return []
        encoded = self.embed(inputs)
        rows = zip(self.nearest(encoded), self.answer(encoded), inputs, strict=True)
        return [replace(p, output=dump(located(self.known[row], item.text))) for row, p, item in rows]

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """The nearest example's entities, not yet looked up in a text."""
        return [Prediction(dump(self.known[row]), usage=usage) for row, usage in self.looked_up(encoded)]

    def judged(self, validation: Sequence[Example]) -> float | None:
        """Micro-F1 over entities; None where there are none."""
        outputs = [str(p.output) for p in self.predict([e.input for e in validation])]
        return entity_f1([str(e.output) for e in validation], outputs).value


class FittedNearestText(FittedNearest):
    """Array `texts`: the training rows' answers as one JSON text in bytes."""

    answers_in: ClassVar[str] = "texts"

    @cached_property
    def known(self) -> list[str]:
        """The answer of each training row (M)."""
        return [str(text) for text in json.loads(self.arrays["texts"].tobytes())]

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """The nearest example's text; a similarity is no probability, so there is no confidence."""
        return [Prediction(self.known[row], usage=usage) for row, usage in self.looked_up(encoded)]

    def judged(self, validation: Sequence[Example]) -> float | None:
        """What the task's metric says; None where there are no rows."""
        return task_figure(self.task, validation, [p.output for p in self.predict([e.input for e in validation])]).value


class FittedNearestFields(FittedNearestText):
    """Array `texts`, of JSON objects: the answers of a task with a JSON schema."""

    def judged(self, validation: Sequence[Example]) -> float | None:
        """Micro-F1 over fields; None where there are none."""
        outputs = [str(p.output) for p in self.predict([e.input for e in validation])]
        return entity_f1([str(e.output) for e in validation], outputs).value


def _fitted_class(task: Task) -> type[FittedNearest]:
    if task.json_schema is not None:
        return FittedNearestFields
    kinds = {"extract": FittedNearestEntities, "generate": FittedNearestText}
    return kinds.get(task.kind, FittedNearestExample)


def _packed(texts: Sequence[str]) -> np.ndarray:
    return np.frombuffer(json.dumps(texts, ensure_ascii=False).encode(), np.uint8)


def _by_best(cosines_NM: np.ndarray, labels_MK: np.ndarray) -> np.ndarray:
    """Softmax over every label's most similar example; the winner is the nearest example's label. No example: 0."""
    best = [cosines_NM[:, column > 0].max(1, initial=-np.inf) for column in labels_MK.T]
    return softmax(np.stack(best, axis=1) / TEMPERATURE)
