"""Tuning an encoder: what the rungs share whose trunk answers differently afterwards. Knows none of them.

The head starts from a linear probe on the frozen trunk, and what moves in the trunk is then tuned together with it (LP-FT, Kumar et
al. 2022, arXiv:2202.10054): a head at random would first bend the features it is learning from. What head there is depends on the
task's kind alone, see `heads`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from rung.methods.base import Kit
from rung.methods.fitted_encoder import FittedByGradient, FittedEncoder
from rung.methods.gradient import GradientMethod
from rung.methods.heads import Head
from rung.methods.subject import Subject
from rung.methods.trained import trained
from rung.models.base import Encoder
from rung.models.device import building, device
from rung.task import Example
from rung.training import Progress, Recipe

if TYPE_CHECKING:
    import torch


class EncoderTuning(GradientMethod):
    """Base of the rungs that tune an encoder by gradient. Subclasses say what moves."""

    learning_rate: float | None = Field(
        1e-4, gt=0, description="peak learning rate of what moves in the trunk; null: searched on validation rows"
    )
    head_learning_rate: float = Field(1e-2, gt=0, description="peak learning rate of the head")

    @abstractmethod
    def install(self, trunk: torch.nn.Module, head: Head) -> torch.nn.Module:
        """The trunk as it is trained: what does not move is frozen, what is added is there. Random numbers are seeded."""

    @classmethod
    @abstractmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """What moved, by name: all that has to be kept beside the base model."""

    @abstractmethod
    def assemble(self, model: Encoder, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """A trunk with what was learnt in it, ready for inference. Weights that did not move may be `model.shared()`'s own."""

    @property
    def reserved(self) -> int:
        """Tokens of the model's context that the tuned trunk takes for itself."""
        return 0

    def tuned(
        self,
        head: Head,
        rows: Sequence[Example],
        validation: Sequence[Example],
        kit: Kit,
        stage: str,
        recipe: Recipe,
    ) -> tuple[FittedEncoder, Progress]:
        """One training from the base model; `stage` names its checkpoints."""
        start = head.start(rows, kit)
        trunk = self._prepared(head, kit.seed).to(device())
        subject = Subject(head, rows, validation, trunk, start, self.head_learning_rate, self.reserved)
        progress = trained(subject, recipe, kit, stage)
        subject.vocabulary.restore(trunk)
        learnt = {name: tensor.detach().cpu().contiguous() for name, tensor in self.learnt(trunk).items()}
        moving = sum(p.numel() for p in subject.module.parameters() if p.requires_grad)
        return FittedEncoder(self, head, learnt, subject.weights(), moving), progress

    def _prepared(self, head: Head, seed: int) -> Any:
        """The trunk as it is trained; whatever is drawn at random comes from `seed` alone."""
        from rung.training.dropout import seeded, without_dropout

        with building(seed):
            return seeded(self.install(without_dropout(head.model.trunk(training=True)), head))

    @classmethod
    def fitted_class(cls) -> type[FittedByGradient]:
        """A trunk and a linear head."""
        return FittedEncoder
