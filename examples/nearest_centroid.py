"""A method of one's own, the smallest that learns: the label whose training texts lie nearest on average.

The worked example of CONTRIBUTING.md. It passes `rung.testing.check_method`, as every method must:

    python examples/nearest_centroid.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from rung.methods.base import Kit, Method
from rung.methods.deciding import answers
from rung.methods.saving import check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, softmax, targets, unit
from rung.models.base import Encoded, Model
from rung.task import Context, Example, Prediction, Task


class NearestCentroid(Method):
    """The class variables say what it is, the fields are its knobs, and nothing else is kept in it."""

    name: ClassVar[str] = "nearest_centroid"
    rung: ClassVar[int] = 10
    summary: ClassVar[str] = "Averages the examples of each label and answers with the nearest average."
    reference: ClassVar[str] = "Rocchio 1971; Snell et al. 2017, arXiv:1703.05175"
    learns: ClassVar = "head"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)

    temperature: float = Field(0.05, gt=0, description="How quickly confidence falls with distance.")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Why it cannot run, in words for the report. Never raises."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if task.multi_label:
            return "nearest_centroid answers with one label"
        return None if train else "nearest_centroid needs at least one training example"

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedCentroids:
        """Learn from train, measure on validation, and where the kit allows it learn once more from both."""
        embed = Embedder.of(model, kit.features)
        alone = self._averaged(task, train, embed, kit)
        score = accuracy(alone.predict([e.input for e in validation]), validation)
        both = [*train, *validation] if kit.refit else train
        return self._averaged(task, both, embed, kit).scored(score)

    def _averaged(self, task: Task, examples: Sequence[Example], embed: Embedder, kit: Kit) -> FittedCentroids:
        # the shared store encodes a text once for all methods, and charges each of them for it (kit.ledger)
        vectors_ND = embed.last(embed([e.input for e in examples], kit.ledger, kit.events).vectors_ND)
        wanted_NK = targets(task, examples)
        counts_K1 = wanted_NK.sum(0)[:, None]
        means_KD = unit((wanted_NK.T @ vectors_ND) / np.maximum(counts_K1, 1))
        arrays = {"means": means_KD, "counts": counts_K1}
        return FittedCentroids(self, task, embed, arrays, {"examples": len(examples)}, None, means_KD.size)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedCentroids:
        """Read what `save` wrote: JSON and safetensors, never a pickle."""
        record = read_record(folder)
        check_base(record, model, folder)
        arrays = read_arrays(folder, "means", "counts")
        size, score = record.trainable_parameters, record.validation_score
        return FittedCentroids(cls(**record.knobs), task, Embedder.of(model), arrays, record.details, score, size)


class FittedCentroids(FittedOnVectors):
    """Arrays `means` (K, D) and `counts` (K, 1). The base class encodes, saves and says what the weights' sha-256 is."""

    method: NearestCentroid

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Probabilities from cosines; a label without examples gets none."""
        cosines_NK = self.embed.last(encoded.vectors_ND) @ self.arrays["means"].T
        cosines_NK = np.where(self.arrays["counts"].T > 0, cosines_NK, -np.inf)
        return answers(self.task, softmax(cosines_NK / self.method.temperature), encoded)


if __name__ == "__main__":
    # a method that is run as a script has no module to be loaded from again, so it is imported under its own name
    from nearest_centroid import NearestCentroid as Importable

    from rung.models import open_model
    from rung.testing import check_method

    for check in check_method(Importable(), open_model("minilm")):
        print("passed:", check)
