"""Full fine-tuning: every weight of the encoder moves (Devlin et al. 2019, section 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rung.methods.base import Learns
from rung.methods.encoder_tuning import EncoderTuning
from rung.methods.heads import Head
from rung.models.base import Encoder
from rung.models.device import for_inference

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

    def install(self, trunk: torch.nn.Module, head: Head) -> torch.nn.Module:
        """All of the trunk moves."""
        return trunk.requires_grad_(True)

    @classmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """All weights."""
        return dict(trunk.named_parameters())

    def assemble(self, model: Encoder, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """The trunk with all weights replaced."""
        from rung.models.sharing import ready

        trunk = model.trunk()
        trunk.load_state_dict({name: ready(learnt, name) for name in learnt}, strict=False, assign=True)
        return for_inference(trunk)
