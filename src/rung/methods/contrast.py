"""Texts contrasted with each other: which ones, the loss, and a trunk that learns from it. Knows vectors and labels, no method.

SetFit (Tunstall et al. 2022) draws pairs and encodes both texts of each. Here a *unit* of some thirty texts is encoded once and all
of its pairs are used (supervised contrastive learning, Khosla et al. 2020, arXiv:2004.11362), which is fifteen times as many pairs
for the same work. A unit is what the training loop calls a row, so that what a text is contrasted with depends on the seed alone,
and not on how many cores share a batch.

The contrast is one part of the loss; the other is a classifier's cross-entropy on the same vectors (Gunel et al. 2021,
arXiv:2011.01403), which tells each text from every label at once, where a unit holds only some of them.

Shapes: N texts, K labels, U texts of one unit, D features.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rung.methods.logistic import Linear
from rung.methods.trained import parameter_groups
from rung.methods.vocabulary import UsedVocabulary
from rung.models.base import Encoder, Floats
from rung.models.device import building, device
from rung.task import Input

if TYPE_CHECKING:
    import torch

#: Texts of a unit: enough others to be told apart from, and few enough that a step holds a unit for each of several cores.
UNIT_TEXTS = 32
#: Texts of one label that come together into a unit.
TOGETHER = 2


def draw_units(wanted_NK: Floats, rounds: int, seed: int) -> list[list[int]]:
    """Which texts are contrasted with each other: every text about once a round for each of its labels.

    Texts of a label come two by two, so that each has company, in units that mix labels at random. The last text of an odd number
    comes with another one of its label. Texts without any label, and the only text of a label, come alone: all the others are told
    apart from them.

    Args:
        wanted_NK: 1 where a text has a label. rounds: passes over the texts.

    Returns:
        Units of text numbers, no number twice in one unit, of about equal sizes near `UNIT_TEXTS` or below.
    """
    random = np.random.default_rng((seed, 2))
    members = [np.flatnonzero(column).tolist() for column in wanted_NK.T]
    members += [[i] for i in np.flatnonzero(wanted_NK.sum(1) == 0).tolist()]
    units: list[list[int]] = []
    for _ in range(rounds):
        groups = [group for texts in members for group in _groups(texts, random)]
        count = math.ceil(sum(map(len, groups)) / UNIT_TEXTS)
        for part in np.array_split(random.permutation(len(groups)), count):
            unit = list(dict.fromkeys(i for at in part for i in groups[at]))
            if len(unit) > 1:
                units.append(unit)
    return units


def _groups(texts: Sequence[int], random: np.random.Generator) -> Iterator[list[int]]:
    """Texts of one label, shuffled, `TOGETHER` at a time."""
    order = random.permutation(texts).tolist() if texts else []
    for start in range(0, len(order), TOGETHER):
        group = order[start : start + TOGETHER]
        if len(group) == 1 and start:
            group.append(order[int(random.integers(start))])
        yield group


def agreement(wanted_NK: Floats) -> Floats:
    """How far texts share their labels (N, N): Jaccard's index of the two sets; 0 on the diagonal and where one has none.

    With one label a text that is 1 for texts of the same label, else 0.
    """
    shared_NN = wanted_NK @ wanted_NK.T
    sizes_N = wanted_NK.sum(1)
    either_NN = sizes_N[:, None] + sizes_N[None] - shared_NN
    out = shared_NN / np.maximum(either_NN, 1)
    np.fill_diagonal(out, 0)
    return np.asarray(out, np.float32)


def contrastive_loss(features_UD: torch.Tensor, agree_UU: torch.Tensor, temperature: float) -> torch.Tensor:
    """Mean over texts that have company of the cross-entropy of picking it among all others by similarity (Khosla, eq. 2).

    Args:
        features_UD: rows of length 1. agree_UU: what `agreement` says about them; weights of the company, so that with several
            labels a text is drawn most to those that share all of them.
        temperature: what cosine similarities are divided by.

    Returns:
        A scalar; 0, with gradient 0, where no text has company.
    """
    import torch

    scores_UU = features_UD @ features_UD.T / temperature
    itself_UU = torch.eye(len(scores_UU), dtype=torch.bool, device=scores_UU.device)
    log_shares_UU = torch.log_softmax(scores_UU.masked_fill(itself_UU, -1e9), dim=1)
    company_U = agree_UU.sum(1)
    losses_U = -(log_shares_UU * agree_UU).sum(1) / company_U.clamp(min=1e-9)
    return losses_U.sum() / (company_U > 0).sum().clamp(min=1)


@dataclass(frozen=True)
class Texts:
    """What is contrasted.

    Attributes:
        wanted_NK: 1 where a text has a label: what the classifier answers.
        drawn_NK: 1 where a label draws a text to others that have it; equals `wanted_NK` but for labels that unite nothing.
        several: a text may have any number of labels.
    """

    inputs: Sequence[Input]
    wanted_NK: Floats
    drawn_NK: Floats
    several: bool = False


class ContrastSubject:
    """A `Trainable`: a trunk, a linear classifier, texts with labels, and the units in which they are contrasted.

    Args:
        trunk: as it is trained; its input embeddings are swapped for the rows in use until `vocabulary.restore`.
        units: of text numbers; the loop's rows. start: the classifier's first weights, on vectors of length 1.
        share: of the contrast in the loss, 0 to 1; the rest is the classifier's. head_rate: its peak learning rate.
    """

    def __init__(
        self,
        model: Encoder,
        trunk: Any,
        texts: Texts,
        units: Sequence[Sequence[int]],
        start: Linear,
        *,
        temperature: float,
        share: float,
        head_rate: float,
    ) -> None:
        import torch

        self.model, self.trunk, self.texts, self.units = model, trunk, texts, units
        self.temperature, self.share, self.head_rate = temperature, share, head_rate
        rows = model.token_rows(texts.inputs)
        with building():  # layers draw their first weights from the process's generator
            self.vocabulary = UsedVocabulary(trunk, rows)
            self.linear = torch.nn.Linear(start.weights_KD.shape[1], start.weights_KD.shape[0]).to(device())
        self.rows = self.vocabulary.narrow(rows)
        self.lengths: Sequence[int] = [sum(len(rows[i].ids) for i in unit) for unit in units]
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(start.weights_KD))
            self.linear.bias.copy_(torch.from_numpy(start.bias_K))
        self.module: torch.nn.Module = torch.nn.ModuleDict({"trunk": trunk, "head": self.linear})

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        """Sum over units; see `Trainable.loss`."""
        import torch

        return torch.stack([self._unit_loss(self.units[i]) for i in rows]).sum()

    def _unit_loss(self, unit: Sequence[int]) -> torch.Tensor:
        import torch

        pooled_UD = self.model.pooled(self.trunk, [self.rows[i] for i in unit])
        drawn_UK = self.texts.drawn_NK[list(unit)]
        with torch.autocast(device(), enabled=False):
            features_UD = torch.nn.functional.normalize(pooled_UD.float(), dim=-1)
            agree_UU = torch.from_numpy(agreement(drawn_UK)).to(features_UD.device)
            contrast = contrastive_loss(features_UD, agree_UU, self.temperature)
            return self.share * contrast + (1 - self.share) * self._classifier_loss(features_UD, unit)

    def _classifier_loss(self, features_UD: torch.Tensor, unit: Sequence[int]) -> torch.Tensor:
        """Mean over texts of cross-entropy, or of binary cross-entropy summed over labels."""
        import torch

        wanted_UK = torch.from_numpy(self.texts.wanted_NK[list(unit)]).to(features_UD.device)
        logits_UK = torch.nn.functional.linear(features_UD, self.linear.weight, self.linear.bias)
        if self.texts.several:
            total = torch.nn.functional.binary_cross_entropy_with_logits(logits_UK, wanted_UK, reduction="sum")
            return total / len(unit)
        return torch.nn.functional.cross_entropy(logits_UK, wanted_UK.argmax(1))

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """See `parameter_groups`."""
        head = self.linear.parameters()
        return parameter_groups(self.trunk, head, learning_rate, self.head_rate, weight_decay)

    def validate(self) -> float | None:
        """None: the classifier that answers comes afterwards, and what the loss says about units is not what it will answer."""
        return None

    def pairs(self) -> tuple[int, int]:
        """How many pairs of texts the units hold, and how many of them share a label."""
        all_pairs = sum(len(unit) * (len(unit) - 1) // 2 for unit in self.units)
        alike = sum(int((agreement(self.texts.drawn_NK[list(unit)]) > 0).sum()) // 2 for unit in self.units)
        return all_pairs, alike
