"""What was learnt by gradient: predicts, is saved and read back. Knows no particular method."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rung.methods import saving
from rung.methods.base import Fitted
from rung.methods.heads import Answered, Decision, Head, Item
from rung.methods.logistic import Linear
from rung.methods.which_head import head_of
from rung.models.base import Encoder, Model
from rung.task import Example, Input, Prediction, Task

if TYPE_CHECKING:
    import torch

    from rung.methods.encoder_tuning import EncoderTuning
    from rung.methods.gradient import GradientMethod

LEARNT = "learnt.safetensors"


class FittedByGradient(Fitted, ABC):
    """What was learnt by gradient, and a head on the features that come of it.

    Args:
        learnt: what was learnt before the head, float32. weights: of the head's outputs.
    """

    def __init__(
        self,
        method: GradientMethod,
        head: Head,
        learnt: Mapping[str, torch.Tensor],
        weights: Linear,
        trainable_parameters: int,
    ) -> None:
        self.method, self.head, self.weights = method, head, weights
        self.task, self.model = head.task, head.model
        self.learnt: Mapping[str, torch.Tensor] = dict(learnt)
        self.trainable_parameters = trainable_parameters
        self.details: dict[str, Any] = {}
        self.validation_score: float | None = None

    @property
    def decision(self) -> Decision:
        """What was learnt on validation rows about turning logits into answers."""
        found: Decision = self.details.get("decision", {})
        return found

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """See `Fitted.predict`."""
        if not inputs:
            return []
        items, found = self.answered(inputs)
        return self.head.answers(inputs, items, found, self.decision)

    @abstractmethod
    def answered(self, inputs: Sequence[Input]) -> tuple[list[Item], Answered]:
        """The inputs as items, and the logits of their units."""

    def judged(self, validation: Sequence[Example]) -> tuple[Decision, float | None]:
        """What validation rows decide, and the score on them under that decision."""
        if not validation:
            return {}, None
        inputs = [example.input for example in validation]
        items, found = self.answered(inputs)
        decision = self.head.decide(inputs, items, found, validation)
        return decision, self.head.score(self.head.answers(inputs, items, found, decision), validation)

    def loss(self, rows: Sequence[Example]) -> float:
        """Mean loss on labelled rows."""
        import torch

        inputs = [row.input for row in rows]
        items, found = self.answered(inputs)
        wanted = self.head.wanted(items, rows)
        return float(self.head.loss(torch.from_numpy(found.logits_UK), wanted)) / max(1, len(items))

    def save(self, folder: Path) -> None:
        """Write `learnt.safetensors`, the head and the record."""
        from safetensors.torch import save

        from rung.cache import atomic_write

        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / LEARNT) as handle:
            handle.write(save(dict(self.learnt)))
        record = saving.FittedRecord(
            method=self.method.name,
            knobs=self.method.model_dump(mode="json"),
            task=self.task,
            model=saving.reference_to(self.model),
            details=self.details,
            validation_score=self.validation_score,
            trainable_parameters=self.trainable_parameters,
        )
        saving.write_fitted(folder, record, self._head_arrays())

    def _head_arrays(self) -> dict[str, np.ndarray]:
        return {"weight": self.weights.weights_KD, "bias": self.weights.bias_K}

    @classmethod
    def read(cls, method: type[GradientMethod], folder: Path, task: Task, model: Model | None) -> Self:
        """What `save` wrote."""
        from safetensors.torch import load_file

        record = saving.read_record(folder)
        saving.check_base(record, model, folder)
        assert isinstance(model, Encoder)
        head = saving.read_arrays(folder, "weight", "bias")
        learnt = load_file(folder / LEARNT)
        weights = Linear(head["weight"], head["bias"])
        made = method.model_validate(record.knobs)
        fitted = cls(made, head_of(task, model), learnt, weights, record.trainable_parameters)
        fitted.details, fitted.validation_score = record.details, record.validation_score
        return fitted

    @property
    def weights_sha(self) -> str:
        """sha-256 over base revision, what moved, the head, and what was decided on validation rows."""
        arrays = {name: tensor.numpy() for name, tensor in self.learnt.items()} | self._head_arrays()
        return saving.sha_of(self.model.info.revision, arrays, dict(self.decision))


class FittedEncoder(FittedByGradient):
    """A trunk with what was learnt in it, and a linear head."""

    method: EncoderTuning
    _module: torch.nn.Module | None = None

    def answered(self, inputs: Sequence[Input]) -> tuple[list[Item], Answered]:
        """See `FittedByGradient.answered`."""
        items = self.head.items(inputs, self.method.reserved)
        return items, self.head.run(self.module(), items, self.weights)

    def module(self) -> torch.nn.Module:
        """The trunk as it answers, in the machine's fastest dtype."""
        if self._module is None:
            from rung.models.sharing import compact

            self.learnt = compact(self.learnt)
            self._module = self.method.assemble(self.model, self.learnt)
        return self._module
