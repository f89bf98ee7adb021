"""The head of `classify` tasks: labels of a text, or of a pair of texts read as two segments (Devlin et al. 2019, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rung.features import Features
from rung.methods import deciding, vectors
from rung.methods.base import Kit
from rung.methods.heads import PROBE_C, Answered, Decision, Head, Item, Units, sampled, start_key
from rung.methods.logistic import Linear, Rotated
from rung.models.base import Encoded
from rung.task import Example, Input, Prediction

if TYPE_CHECKING:
    import torch


#: Rows that a linear probe is solved on, and at least so many for each label.
PROBE_ROWS = 2000
PROBE_ROWS_A_LABEL = 20


class LabelHead(Head):
    """One unit a text: the mean over tokens, scaled to length 1, is its one unit."""

    @property
    def outputs(self) -> int:
        """Number of labels."""
        return len(self.task.labels)

    def items(self, inputs: Sequence[Input], reserved: int = 0) -> list[Item]:
        """See `Head.items`."""
        return [Item(row) for row in self.model.token_rows(inputs, reserved)]

    def wanted(self, items: Sequence[Item], examples: Sequence[Example]) -> list[np.ndarray]:
        """1 for each label the example has, (K,) each."""
        return list(vectors.targets(self.task, examples))

    def features(self, trunk: torch.nn.Module, items: Sequence[Item]) -> torch.Tensor:
        """See `Head.features`."""
        import torch

        return torch.nn.functional.normalize(self.model.pooled(trunk, [item.row for item in items]), dim=-1)

    def frozen(self, inputs: Sequence[Input], items: Sequence[Item], store: Features, kit: Kit | None = None) -> Units:
        """From the shared store of features."""
        ledger, events = (kit.ledger, kit.events) if kit else (None, None)
        encoded = store.of(self.model, inputs, ledger, layers=vectors.LAYERS, events=events)
        return Units(vectors.unit(encoded.vectors_ND[:, -self.model.info.hidden_size :]), encoded.seconds_N)

    def loss(self, logits_UK: torch.Tensor, wanted: Sequence[np.ndarray]) -> torch.Tensor:
        """Cross-entropy, or binary cross-entropy of every label."""
        import torch

        wanted_BK = torch.from_numpy(np.stack(wanted)).to(logits_UK.device)
        if self.task.multi_label:
            return torch.nn.functional.binary_cross_entropy_with_logits(logits_UK, wanted_BK, reduction="sum")
        return torch.nn.functional.cross_entropy(logits_UK, wanted_BK.argmax(1), reduction="sum")

    def start(self, examples: Sequence[Example], kit: Kit) -> Linear:
        """On some of the rows, a start needs no more; solved once for all arms that start on the same ones."""
        chosen = sampled(examples, max(PROBE_ROWS, PROBE_ROWS_A_LABEL * self.outputs), kit.seed)
        features_ND = self.frozen([example.input for example in chosen], (), kit.features, kit).features_UD
        wanted_NK = vectors.targets(self.task, chosen)

        def probe() -> Linear:
            no_prior_KD = np.zeros((self.outputs, features_ND.shape[1]), np.float32)
            return Rotated.of(features_ND).solve(wanted_NK, PROBE_C, no_prior_KD, several=self.task.multi_label)

        return kit.features.shared(start_key(self, chosen), probe, kit.ledger)

    def decide(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, rows: Sequence[Example]
    ) -> Decision:
        """Thresholds of several labels, and of none of them; see `rung.methods.deciding`."""
        return deciding.decide(self.task, self._probabilities(found), rows).model_dump(mode="json")

    def answers(
        self, inputs: Sequence[Input], items: Sequence[Item], found: Answered, decision: Decision
    ) -> list[Prediction]:
        """Probabilities by softmax, or one sigmoid a label."""
        tokens_N = np.array([len(item.row.ids) for item in items], np.int64)
        cut_N = np.array([item.row.cut for item in items], np.bool_)
        charged = Encoded(np.zeros((len(items), 0), np.float32), tokens_N, cut_N, found.seconds_N)
        return deciding.answers(self.task, self._probabilities(found), charged, deciding.Decision(**decision))

    def score(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> float | None:
        """Accuracy."""
        return vectors.accuracy(predictions, examples)

    def _probabilities(self, found: Answered) -> np.ndarray:
        if self.task.multi_label:
            return np.asarray(1 / (1 + np.exp(-found.logits_UK.astype(np.float64))))
        return vectors.softmax(found.logits_UK)
