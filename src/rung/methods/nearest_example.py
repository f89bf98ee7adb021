"""Nearest example: the label of the most similar training text. Learns nothing; the training texts are the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from rung.methods.base import Kit, Method
from rung.methods.saving import Arrays, check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, answers, softmax, targets
from rung.models.base import Encoded, Floats, Model
from rung.task import Context, Example, Prediction, Task

#: Cosine to weight: a neighbour 0.05 less similar counts a third as much.
TEMPERATURE = 0.05
#: Inputs compared at once: bounds memory to BLOCK times the number of training texts.
BLOCK = 512
#: Neighbours this close to the k-th count as equals of it, so that rounding does not decide who is in.
TIE = 1e-4


class NearestExample(Method):
    """The label of the training text most similar in meaning; with `k` above 1, a vote weighted by similarity."""

    name: ClassVar[str] = "nearest_example"
    rung: ClassVar[int] = 1
    summary: ClassVar[str] = "Looks up the most similar training example and answers with its label."
    reference: ClassVar[str] = "Cover and Hart 1967, Nearest neighbor pattern classification; Dudani 1976 for weights"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)
    baseline: ClassVar[bool] = True

    k: int = Field(1, ge=1, le=1000, description="How many neighbours vote.")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder and one labelled example."""
        if reason := super().skip_reason(task, model, train):
            return reason
        return None if train else "nearest_example needs at least one training example"

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedNearestExample:
        """Encode and keep the training texts."""
        embed = Embedder.of(model, kit.features)
        alone = self._remember(task, train, embed, kit)
        score = accuracy(alone.predict([e.input for e in validation]), validation)
        whole = self._remember(task, [*train, *validation], embed, kit) if kit.refit and validation else alone
        return whole.scored(score)

    def _remember(self, task: Task, examples: Sequence[Example], embed: Embedder, kit: Kit) -> FittedNearestExample:
        encoded = embed([e.input for e in examples], kit.ledger, kit.events)
        arrays: Arrays = {"vectors": embed.last(encoded.vectors_ND), "labels": targets(task, examples).astype(np.uint8)}
        return FittedNearestExample(self, task, embed, arrays, {"examples": len(examples)}, None, 0)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedNearestExample:
        """Read what `save` wrote."""
        record = read_record(folder)
        check_base(record, model, folder)
        arrays = read_arrays(folder, "vectors", "labels")
        score = record.validation_score
        return FittedNearestExample(cls(**record.knobs), task, Embedder.of(model), arrays, record.details, score, 0)


class FittedNearestExample(FittedOnVectors):
    """Arrays `vectors` (M, D), of length 1, and `labels` (M, K), 0 or 1."""

    method: NearestExample

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Votes of the nearest, as probabilities."""
        queries_ND = self.embed.last(encoded.vectors_ND)
        blocks = [self._shares(queries_ND[i : i + BLOCK]) for i in range(0, len(queries_ND), BLOCK)]
        return answers(self.task, np.concatenate(blocks), encoded)

    def _shares(self, queries_ND: Floats) -> np.ndarray:
        cosines_NM = queries_ND @ self.arrays["vectors"].T
        labels_MK = self.arrays["labels"].astype(np.float64)
        if self.method.k == 1 and not self.task.multi_label:
            return _by_best(cosines_NM, labels_MK)
        last = cosines_NM.shape[1] - min(self.method.k, cosines_NM.shape[1])
        kth_N1 = np.partition(cosines_NM, last, axis=1)[:, last : last + 1]
        near_NM = np.where(cosines_NM >= kth_N1 - TIE, cosines_NM / TEMPERATURE, -np.inf)
        return np.asarray(softmax(near_NM) @ labels_MK)


def _by_best(cosines_NM: np.ndarray, labels_MK: np.ndarray) -> np.ndarray:
    """Softmax over every label's most similar example; the winner is the nearest example's label. No example: 0."""
    best = [cosines_NM[:, column > 0].max(1, initial=-np.inf) for column in labels_MK.T]
    return softmax(np.stack(best, axis=1) / TEMPERATURE)
