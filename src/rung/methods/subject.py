"""An encoder and its head as the training loop sees them. Knows heads, no method and no schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rung.methods.heads import Answered, Head, Item
from rung.methods.logistic import Linear
from rung.methods.trained import parameter_groups
from rung.methods.vocabulary import UsedVocabulary
from rung.models.device import building, compute_dtype, device
from rung.task import Example

if TYPE_CHECKING:
    import torch


class Subject:
    """A `Trainable`: trunk and head, training and validation rows.

    Args:
        trunk: as it is trained; its input embeddings are swapped for the rows in use until `vocabulary.restore`.
        start: the head's first weights. reserved: tokens of the context that the trunk takes for itself.
    """

    def __init__(
        self,
        head: Head,
        rows: Sequence[Example],
        validation: Sequence[Example],
        trunk: Any,
        start: Linear,
        head_rate: float,
        reserved: int = 0,
    ) -> None:
        import torch

        self.head, self.trunk, self.head_rate, self.validation = head, trunk, head_rate, validation
        self.inputs = [example.input for example in validation]
        items = head.items([example.input for example in rows], reserved)
        judged = head.items(self.inputs, reserved)
        self.wanted = head.wanted(items, rows)
        with building():  # layers draw their first weights from the process's generator
            self.vocabulary = UsedVocabulary(trunk, [item.row for item in (*items, *judged)])
            self.linear = torch.nn.Linear(start.weights_KD.shape[1], start.weights_KD.shape[0])
        self.items, self.judged = self._narrow(items), self._narrow(judged)
        self.lengths: Sequence[int] = [len(item.row.ids) + reserved for item in self.items]
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(start.weights_KD))
            self.linear.bias.copy_(torch.from_numpy(start.bias_K))
        self.module: torch.nn.Module = torch.nn.ModuleDict({"trunk": trunk, "head": self.linear.to(device())})

    def _narrow(self, items: Sequence[Item]) -> list[Item]:
        rows = self.vocabulary.narrow([item.row for item in items])
        return [Item(row, item.rest) for row, item in zip(rows, items, strict=True)]

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        """See `Trainable.loss`."""
        import torch

        features_UD = self.head.features(self.trunk, [self.items[i] for i in rows])
        with torch.autocast(device(), enabled=False):
            logits_UK = torch.nn.functional.linear(features_UD, self.linear.weight, self.linear.bias)
        return self.head.loss(logits_UK, [self.wanted[i] for i in rows])

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """See `parameter_groups`."""
        head = self.linear.parameters()
        return parameter_groups(self.trunk, head, learning_rate, self.head_rate, weight_decay)

    def validate(self) -> float | None:
        """The task's first metric on the validation rows, with undecided thresholds."""
        if not self.validation:
            return None
        found = self._answered()
        return self.head.score(self.head.answers(self.inputs, self.judged, found, {}), self.validation)

    def _answered(self) -> Answered:
        import torch

        dtype = compute_dtype()

        def features(trunk: torch.nn.Module, items: Sequence[Item]) -> torch.Tensor:
            with torch.autocast(device(), dtype, enabled=dtype != torch.float32):
                return self.head.features(trunk, items)

        return self.head.run(self.trunk, self.judged, self.weights(), features)

    def weights(self) -> Linear:
        """The head's weights now."""
        return Linear(
            np.array(self.linear.weight.detach().cpu().numpy()), np.array(self.linear.bias.detach().cpu().numpy())
        )
