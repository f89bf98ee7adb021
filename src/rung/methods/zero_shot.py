"""Zero-shot: the label whose name and description lie nearest in meaning. Reads no training example."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from rung.methods.base import Kit, Method
from rung.methods.deciding import answers
from rung.methods.saving import check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, label_vectors, softmax
from rung.models.base import Encoded, Model
from rung.task import Context, Example, Prediction, Task

#: Cosines of sentence encoders differ by hundredths; this makes probabilities of them. Fixed: there is nothing to fit it on.
TEMPERATURE = 0.05


class ZeroShot(Method):
    """Compare the text with what each label's name and description say."""

    name: ClassVar[str] = "zero_shot"
    rung: ClassVar[int] = 2
    summary: ClassVar[str] = "Uses no examples: compares the text with the names and descriptions of the labels."
    reference: ClassVar[str] = "Yin, Hay and Roth 2019, Benchmarking zero-shot text classification; by sentence vectors"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder, labels, one label an example, and texts that a label can describe."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if task.multi_label:
            return "zero_shot answers one label a text; without examples nothing says how many of several apply"
        if any(example.input.pair for example in train):
            return "zero_shot compares a text with names of labels; how two texts relate stands near no name"
        return None if task.labels else "zero_shot needs the names of the labels"

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedZeroShot:
        """Encode what the labels say; examples only measure it."""
        embed = Embedder.of(model, kit.features)
        prototypes = embed.last(label_vectors(task, context, embed, kit.ledger))
        fitted = FittedZeroShot(self, task, embed, {"prototypes": prototypes}, {"temperature": TEMPERATURE}, None, 0)
        return fitted.scored(accuracy(fitted.predict([e.input for e in validation]), validation))

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedZeroShot:
        """Read what `save` wrote."""
        record = read_record(folder)
        check_base(record, model, folder)
        arrays = read_arrays(folder, "prototypes")
        score = record.validation_score
        return FittedZeroShot(cls(**record.knobs), task, Embedder.of(model), arrays, record.details, score, 0)


class FittedZeroShot(FittedOnVectors):
    """Array `prototypes` (K, D): one vector of length 1 a label."""

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Softmax over cosines."""
        cosines_NK = self.embed.last(encoded.vectors_ND) @ self.arrays["prototypes"].T
        return answers(self.task, softmax(np.asarray(cosines_NK) / TEMPERATURE), encoded)
