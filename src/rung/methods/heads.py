"""What a trunk's states become an answer by, for each kind of task. Knows no method: what moves is theirs, the head is the task's.

A head turns inputs into *items* (what the trunk reads at once), an item's states into features of *units* (a unit gets one answer:
a text, or each word of it), and the logits of units into predictions. It holds no weights: they are a `Linear` on the features,
kept by whoever fits them. B items of a batch, U units, D features, K outputs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rung.cache import key_of
from rung.features import Features
from rung.methods.base import Kit
from rung.methods.logistic import Linear
from rung.models.base import Encoder, Floats, TokenRow
from rung.task import Example, Input, Prediction, Task

if TYPE_CHECKING:
    import torch

#: Strength of the linear probe that heads start from.
PROBE_C = 30.0
#: Decisions learnt on validation rows, as JSON values: they stand in a fitted method's `details`.
Decision = Mapping[str, Any]
FeaturesOf = Callable[["torch.nn.Module", Sequence["Item"]], "torch.Tensor"]


class Item(NamedTuple):
    """What the trunk reads at once: tokens, and whatever else the head needs to know about them."""

    row: TokenRow
    rest: Any = None


class Units(NamedTuple):
    """Features of all units (U, D), item after item, and the compute seconds of each item (N,)."""

    features_UD: Floats
    seconds_N: np.ndarray


class Answered(NamedTuple):
    """Logits of all units (U, K), item after item, and the compute seconds of each item (N,)."""

    logits_UK: Floats
    seconds_N: np.ndarray


@dataclass(frozen=True)
class Head(ABC):
    """One kind of task on one encoder."""

    task: Task
    model: Encoder

    @property
    @abstractmethod
    def outputs(self) -> int:
        """Number of outputs K of a unit."""

    @abstractmethod
    def items(self, inputs: Sequence[Input], reserved: int = 0) -> list[Item]:
        """The inputs as they are read; `reserved` tokens of the context are taken by something else."""

    @abstractmethod
    def wanted(self, items: Sequence[Item], examples: Sequence[Example]) -> list[np.ndarray]:
        """For each item what its units should be answered with; `items` are those of the examples' inputs."""

    @abstractmethod
    def features(self, trunk: torch.nn.Module, items: Sequence[Item]) -> torch.Tensor:
        """Features of all units of a batch, item after item: float32 (U, D), with gradient where the trunk has one."""

    @abstractmethod
    def frozen(self, inputs: Sequence[Input], items: Sequence[Item], store: Features, kit: Kit | None = None) -> Units:
        """The same features by the untouched trunk; from the store where it keeps them, charged to the kit's ledger."""

    @abstractmethod
    def loss(self, logits_UK: torch.Tensor, wanted: Sequence[np.ndarray]) -> torch.Tensor:
        """Loss summed over items; of about the size of one cross-entropy an item."""

    @abstractmethod
    def start(self, examples: Sequence[Example], kit: Kit) -> Linear:
        """Logistic regression on frozen features: where a head that is trained with its trunk starts."""

    @abstractmethod
    def decide(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, rows: Sequence[Example]
    ) -> Decision:
        """What is learnt on validation rows about turning logits into answers: thresholds."""

    @abstractmethod
    def answers(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, decision: Decision
    ) -> list[Prediction]:
        """One prediction an input, in order."""

    @abstractmethod
    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> float | None:
        """The task's first metric; None without examples."""

    def run(
        self, trunk: torch.nn.Module, items: Sequence[Item], weights: Linear, features: FeaturesOf | None = None
    ) -> Answered:
        """All items through a trunk and a head, in batches, without gradient; `features` in place of the head's own."""
        import torch

        features = features or self.features
        weight_KD, bias_K = torch.from_numpy(weights.weights_KD), torch.from_numpy(weights.bias_K)
        logits: dict[int, np.ndarray] = {}

        def work(batch: list[int]) -> None:
            chosen = [items[i] for i in batch]
            features_UD = features(trunk, chosen).float().cpu()
            found_UK = torch.nn.functional.linear(features_UD, weight_KD, bias_K).numpy()
            ends = np.cumsum([self.units(item) for item in chosen])[:-1]
            logits.update(zip(batch, np.split(found_UK, ends), strict=True))

        seconds_N = self.model.over([item.row for item in items], work)
        rows = [logits[i] for i in range(len(items))]
        return Answered(np.concatenate(rows) if rows else np.zeros((0, self.outputs), np.float32), seconds_N)

    def units(self, item: Item) -> int:
        """Number of units of an item."""
        return 1


def sampled(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """At most `count` of the examples, drawn at random, in their order."""
    order = np.random.default_rng(seed).permutation(len(examples))[:count]
    return [examples[i] for i in np.sort(order)]


def start_key(head: Head, examples: Sequence[Example]) -> str:
    """Identity of the weights a head starts from: the model, the task and the rows."""
    rows = [(example.input.segments, example.output) for example in examples]
    return key_of("start", type(head).__name__, head.model.info.revision, head.task.model_dump(mode="json"), rows)
