"""Full fine-tuning: every weight of the encoder moves (Devlin et al. 2019, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rung.methods.base import Fitted, Learns
from rung.methods.encoder_tuning import EncoderTuning, FittedEncoder
from rung.models.base import Model
from rung.task import Task

if TYPE_CHECKING:
    import torch


class FullFinetune(EncoderTuning):
    """Every weight of the model is trained on the examples."""

    name: ClassVar[str] = "full_finetune"
    rung: ClassVar[int] = 40
    summary: ClassVar[str] = (
        "Every weight of the model is trained on your examples: the most it can learn, and a whole model to keep."
    )
    reference: ClassVar[str] = (
        "Devlin et al. 2019, arXiv:1810.04805; head from a linear probe: Kumar et al. 2022, arXiv:2202.10054"
    )
    learns: ClassVar[Learns] = "all"

    def install(self, trunk: torch.nn.Module) -> torch.nn.Module:
        """All of the trunk moves."""
        return trunk.requires_grad_(True)

    @classmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """All weights."""
        return dict(trunk.named_parameters())

    def assemble(self, trunk: torch.nn.Module, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """The trunk with all weights replaced."""
        trunk.load_state_dict(dict(learnt), strict=False)
        return trunk

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        """Read what `save` wrote."""
        return FittedEncoder.read(cls, folder, task, model)
