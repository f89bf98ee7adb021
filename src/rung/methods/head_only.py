"""Head only: the trunk stays as it is, and a small network on its features is trained by gradient.

The features never change, so each text goes through the trunk once, not once an epoch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from rung.features import Features
from rung.methods.base import Kit, Learns
from rung.methods.fitted_encoder import FittedByGradient
from rung.methods.gradient import GradientMethod
from rung.methods.heads import Answered, Head, Item
from rung.methods.logistic import Linear
from rung.methods.trained import trained
from rung.models.base import Floats
from rung.models.device import building, device
from rung.task import Example, Input
from rung.training import Progress, Recipe

if TYPE_CHECKING:
    import torch


class HeadOnly(GradientMethod):
    """One hidden layer with GELU, then one output a label (or a tag), on features of the frozen trunk."""

    name: ClassVar[str] = "head_only"
    rung: ClassVar[int] = 21
    summary: ClassVar[str] = "Keeps the model as it is and trains a small network on what the model makes of each text."
    reference: ClassVar[str] = (
        "Peters et al. 2019, arXiv:1903.05987 (feature extraction); Devlin et al. 2019, section 5.3"
    )
    learns: ClassVar[Learns] = "head"
    rates: ClassVar[tuple[float, ...]] = (3e-4, 1e-3, 3e-3)

    learning_rate: float | None = Field(
        1e-3, gt=0, description="peak learning rate of the head; null: searched on validation rows"
    )
    hidden: int = Field(256, ge=1, le=8192, description="width of the hidden layer")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the hidden layer")

    def default_epochs(self, rows: int) -> float:
        """Some 1,000 steps, at least 8 passes and at most 40."""
        return min(40.0, max(8.0, 1000 * self.batch_size / rows))

    @classmethod
    def fitted_class(cls) -> type[FittedByGradient]:
        """Reads what it wrote."""
        return FittedHead

    def tuned(
        self,
        head: Head,
        rows: Sequence[Example],
        validation: Sequence[Example],
        kit: Kit,
        stage: str,
        recipe: Recipe,
    ) -> tuple[FittedByGradient, Progress]:
        """See `GradientMethod.tuned`."""
        subject = _Subject(self, head, rows, validation, kit)
        progress = trained(subject, recipe, kit, stage)
        size = sum(p.numel() for p in subject.module.parameters())
        return FittedHead(self, head, subject.learnt(), subject.last(), size, kit.features), progress


class _Subject:
    """Features of the training rows and the network on them, as the training loop sees them."""

    def __init__(
        self, method: HeadOnly, head: Head, rows: Sequence[Example], validation: Sequence[Example], kit: Kit
    ) -> None:
        import torch

        from rung.training.dropout import SeededDropout

        self.head, self.validation = head, validation
        self.features, self.starts, items = _read(head, rows, kit)
        self.wanted = head.wanted(items, rows)
        self.judged, _, self.judged_items = _read(head, validation, kit)
        self.lengths: Sequence[int] = np.diff(self.starts).tolist()
        with building(kit.seed):
            layers = [
                torch.nn.Linear(self.features.shape[1], method.hidden),
                torch.nn.GELU(),
                SeededDropout(method.dropout),
                torch.nn.Linear(method.hidden, head.outputs),
            ]
        self.module: torch.nn.Module = torch.nn.Sequential(*layers).to(device())

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        """See `Trainable.loss`."""
        import torch

        features_UD = torch.cat([self.features[self.starts[i] : self.starts[i + 1]] for i in rows]).to(device())
        return self.head.loss(self.module(features_UD).float(), [self.wanted[i] for i in rows])

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """Matrices with weight decay, biases without."""
        parameters = list(self.module.parameters())
        return [
            {"params": [p for p in parameters if p.ndim > 1], "lr": learning_rate, "weight_decay": weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "lr": learning_rate, "weight_decay": 0.0},
        ]

    def validate(self) -> float | None:
        """The task's first metric on validation rows, with undecided thresholds."""
        import torch

        if not self.validation:
            return None
        with torch.inference_mode():
            logits_UK = self.module(self.judged.to(device())).float().cpu().numpy()
        found = Answered(logits_UK, np.zeros(len(self.judged_items)))
        inputs = [example.input for example in self.validation]
        return self.head.score(self.head.answers(inputs, self.judged_items, found, {}), self.validation)

    def learnt(self) -> dict[str, torch.Tensor]:
        """The hidden layer."""
        first: Any = self.module.get_submodule("0")
        return {"hidden.weight": first.weight.detach().cpu().clone(), "hidden.bias": first.bias.detach().cpu().clone()}

    def last(self) -> Linear:
        """The output layer."""
        last: Any = self.module.get_submodule("3")
        return Linear(last.weight.detach().cpu().numpy().copy(), last.bias.detach().cpu().numpy().copy())


def _read(head: Head, rows: Sequence[Example], kit: Kit) -> tuple[torch.Tensor, np.ndarray, list[Item]]:
    """Features of all units (U, D), where each item's units begin (N + 1,), and the items."""
    import torch

    inputs = [row.input for row in rows]
    items = head.items(inputs)
    features_UD = head.frozen(inputs, items, kit.features, kit).features_UD if rows else np.zeros((0, 1), np.float32)
    starts = np.cumsum([0, *(head.units(item) for item in items)])
    return torch.from_numpy(even(features_UD)), starts, items


def even(features_UD: Floats) -> Floats:
    """Rows of length 1 scaled so that an element is about 1: what a freshly drawn layer expects."""
    return np.asarray(features_UD * np.float32(features_UD.shape[1] ** 0.5), np.float32)


class FittedHead(FittedByGradient):
    """A network of one hidden layer on frozen features; `learnt` holds the hidden layer, `weights` the output layer."""

    def __init__(
        self,
        method: GradientMethod,
        head: Head,
        learnt: Mapping[str, torch.Tensor],
        weights: Linear,
        trainable_parameters: int,
        features: Features | None = None,
    ) -> None:
        super().__init__(method, head, learnt, weights, trainable_parameters)
        self.features = features

    def answered(self, inputs: Sequence[Input]) -> tuple[list[Item], Answered]:
        """Features from the shared store, or computed anew, through the network."""
        import torch

        items = self.head.items(inputs)
        units = self.head.frozen(inputs, items, self.features or Features())
        hidden_UH = torch.nn.functional.linear(
            torch.from_numpy(even(units.features_UD)), self.learnt["hidden.weight"], self.learnt["hidden.bias"]
        )
        hidden_UH = torch.nn.functional.gelu(hidden_UH)
        return items, Answered(self.weights.scores(hidden_UH.numpy()), units.seconds_N)

    def without_cache(self) -> FittedHead:
        """The same, encoding every text anew."""
        again = FittedHead(self.method, self.head, self.learnt, self.weights, self.trainable_parameters)
        again.details, again.validation_score = self.details, self.validation_score
        return again
