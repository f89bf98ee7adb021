"""LoRA: low-rank updates of the encoder's matrices are trained, the rest stays (Hu et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rung.methods.base import Learns
from rung.methods.encoder_tuning import EncoderTuning
from rung.methods.heads import Head
from rung.models.base import Encoder
from rung.models.device import for_inference

if TYPE_CHECKING:
    import torch


class Lora(EncoderTuning):
    """A small update of low rank beside every matrix is trained; any number of them answer beside one copy of the weights."""

    name: ClassVar[str] = "lora"
    rung: ClassVar[int] = 30
    summary: ClassVar[str] = (
        "Small updates beside the model's weights are trained on your examples: nearly all of tuning, a few per cent to keep."
    )
    reference: ClassVar[str] = "Hu et al. 2021, arXiv:2106.09685; rsLoRA: Kalajdzievski 2023, arXiv:2312.03732"
    learns: ClassVar[Learns] = "adapter"
    rates: ClassVar[tuple[float, ...]] = (1e-4, 5e-4, 2e-3)

    learning_rate: float | None = Field(
        5e-4, gt=0, description="peak learning rate of the adapter; null: searched on validation rows"
    )
    rank: int = Field(16, ge=1, le=256, description="rank of each update")
    alpha: float = Field(32.0, gt=0, description="updates are scaled by alpha / rank (rsLoRA: alpha / sqrt(rank))")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout on the adapter's input")
    rslora: bool = Field(False, description="scale by alpha / sqrt(rank)")
    merged: bool = Field(
        False,
        description="answer with the update merged into a copy of the weights: faster, but a whole model in memory",
    )

    def install(self, trunk: torch.nn.Module, head: Head) -> torch.nn.Module:
        """The trunk frozen, with adapters in all linear layers."""
        from peft import inject_adapter_in_model

        trunk.requires_grad_(False)
        return lean(inject_adapter_in_model(self.config(), trunk))

    def config(self) -> Any:
        """The PEFT configuration of these knobs."""
        from peft import LoraConfig

        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            use_rslora=self.rslora,
            target_modules="all-linear",
            task_type="FEATURE_EXTRACTION",
        )

    @classmethod
    def learnt(cls, trunk: torch.nn.Module) -> dict[str, torch.Tensor]:
        """The adapters' matrices."""
        return {name: p for name, p in trunk.named_parameters() if ".lora_" in name}

    def assemble(self, model: Encoder, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        """The shared trunk with the updates beside its matrices, or a copy of it with the updates merged into them."""
        from rung.models.sharing import LowRank, ready, twin

        if self.merged:
            return self._merged(model, learnt)
        trunk = model.shared()
        parts: dict[str, torch.nn.Module] = {}
        for place, down, up in _updates(learnt):
            base: Any = trunk.get_submodule(place)
            parts[place] = LowRank(base, ready(learnt, down), ready(learnt, up), self.scale)
        return twin(trunk, parts)

    @property
    def scale(self) -> float:
        """What the product of the two factors is multiplied with."""
        return self.alpha / (self.rank**0.5 if self.rslora else self.rank)

    def _merged(self, model: Encoder, learnt: Mapping[str, torch.Tensor]) -> torch.nn.Module:
        import torch

        trunk = model.trunk()
        with torch.no_grad():
            for place, down, up in _updates(learnt):
                weight: Any = trunk.get_submodule(place).weight
                weight.add_(self.scale * (learnt[up] @ learnt[down]))
        return for_inference(trunk)


def _updates(learnt: Mapping[str, torch.Tensor]) -> list[tuple[str, str, str]]:
    """For each adapted matrix its place in the trunk, and the names of the factors that lead down and up."""
    downs = [name for name in learnt if ".lora_A." in name]
    return [(name.partition(".lora_A.")[0], name, name.replace(".lora_A.", ".lora_B.")) for name in downs]


def lean(trunk: torch.nn.Module) -> torch.nn.Module:
    """PEFT's own adapter layers, computing the same sum in three products and no copies.

    PEFT's forward casts its input to the adapter's dtype and back at every layer; under autocast both products are made in
    the narrow dtype anyway. Names, initialisation and what is saved stay PEFT's.
    """
    from functools import partial

    from peft.tuners.lora import Linear

    for layer in trunk.modules():
        if isinstance(layer, Linear):
            layer.forward = partial(_lean_forward, layer)
    return trunk


def _lean_forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    import torch

    base = layer.get_base_layer()(x)
    (name,) = layer.active_adapters
    low = torch.nn.functional.linear(layer.lora_dropout[name](x), layer.lora_A[name].weight)
    up_RO = layer.lora_B[name].weight.T
    sum_NO = torch.addmm(
        base.reshape(-1, base.shape[-1]), low.reshape(-1, low.shape[-1]), up_RO, alpha=layer.scaling[name]
    )
    return sum_NO.view(base.shape)
