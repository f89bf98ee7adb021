"""Zero-shot: no example is shown or read. A language model is asked; by an encoder, the label nearest in meaning is taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from rung.methods.base import Fitted, Kit
from rung.methods.deciding import answers
from rung.methods.prompt_method import Prompted
from rung.methods.prompted import LANGUAGE_KINDS
from rung.methods.saving import check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, label_vectors, softmax
from rung.models.base import Encoded, Encoder, Model, ModelKind
from rung.task import Context, Example, Prediction, Task, TaskKind

#: Cosines of sentence encoders differ by hundredths; this makes probabilities of them. Fixed: there is nothing to fit it on.
TEMPERATURE = 0.05


class ZeroShot(Prompted):
    """Ask a language model, or compare the text with what each label's name and description say."""

    name: ClassVar[str] = "zero_shot"
    rung: ClassVar[int] = 2
    summary: ClassVar[str] = "Uses no examples: asks a language model, or compares the text with what the labels say."
    reference: ClassVar[str] = (
        "Yin, Hay and Roth 2019, Benchmarking zero-shot text classification (by sentence vectors); "
        "Brown et al. 2020 and Zhao et al. 2021 (by a language model)"
    )
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder", *LANGUAGE_KINDS)

    calibrate: bool | None = Field(True, description="divide by what labels get without content; empty: on validation")

    def works_with(self, kind: TaskKind, model: ModelKind) -> bool:
        """An encoder can only choose between labels."""
        return super().works_with(kind, model) and (model != "encoder" or kind == "classify")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs a language model; or an encoder, labels, one label an example, and texts that a label can describe."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if not isinstance(model, Encoder):
            return None
        if task.kind != "classify":
            return f"zero_shot by an encoder does not handle tasks of kind {task.kind}; a language model does"
        if task.multi_label:
            return "zero_shot answers one label a text; without examples nothing says how many of several apply"
        if any(example.input.pair for example in train):
            return "zero_shot compares a text with names of labels; how two texts relate stands near no name"
        return None

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        """Choose how to ask; or encode what the labels say: examples only measure it."""
        if not isinstance(model, Encoder):
            return super().fit(task, train, validation, model, context, kit)
        embed = Embedder.of(model, kit.features)
        prototypes = embed.last(label_vectors(task, context, embed, kit.ledger))
        fitted = FittedZeroShot(self, task, embed, {"prototypes": prototypes}, {"temperature": TEMPERATURE}, None, 0)
        return fitted.scored(accuracy(fitted.predict([e.input for e in validation]), validation))

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        """Read what `save` wrote."""
        if not isinstance(model, Encoder):
            return super().load(folder, task, model)
        record = read_record(folder)
        check_base(record, model, folder)
        arrays = read_arrays(folder, "prototypes")
        score = record.validation_score
        return FittedZeroShot(cls(**record.knobs), task, Embedder.of(model), arrays, record.details, score, 0)

    @classmethod
    def load_with(cls, folder: Path, task: Task, model: Model | None, open_model: Callable[[str], Model]) -> Fitted:
        """Read what `save` wrote."""
        return cls.load(folder, task, model)


class FittedZeroShot(FittedOnVectors):
    """Array `prototypes` (K, D): one vector of length 1 a label."""

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Softmax over cosines."""
        cosines_NK = self.embed.last(encoded.vectors_ND) @ self.arrays["prototypes"].T
        return answers(self.task, softmax(np.asarray(cosines_NK) / TEMPERATURE), encoded)
