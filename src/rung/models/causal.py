"""Causal language models: GPT-type transformers in a local folder. The only code that loads their weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rung.models.base import Model, ModelInfo, ModelKind
from rung.models.describe import describe
from rung.models.device import building, for_inference
from rung.models.loading import loaded, tokenizer_of

if TYPE_CHECKING:
    import torch


class TransformerCausal(Model):
    """A causal language model in a local folder of transformers files.

    Args:
        name: what the user called it. folder: where its files lie.

    Raises:
        ModelError: config, tokenizer or weights are missing, damaged or of another architecture.
    """

    kind: ClassVar[ModelKind] = "causal"

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._info = describe(name, folder)
        self._tokenizer: Any = None
        self._model: Any = None

    @property
    def info(self) -> ModelInfo:
        """Name, revision, sizes and licence."""
        return self._info

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer (fast), with its chat template where it has one."""
        if self._tokenizer is None:
            self._tokenizer = tokenizer_of(self._folder)
        return self._tokenizer

    def shared(self) -> torch.nn.Module:
        """The one frozen model for inference, with its head, in the machine's fastest dtype. Not to be changed."""
        with building():
            if self._model is None:
                self._model = for_inference(self.network())
            found: torch.nn.Module = self._model
            return found

    def network(self) -> torch.nn.Module:
        """A fresh float32 copy of the model with its head."""
        import torch
        from transformers import AutoModelForCausalLM

        with building():  # it patches torch's initialisers and default dtype for the whole process meanwhile
            how = {"use_safetensors": True, "dtype": torch.float32}
            found: torch.nn.Module = loaded("weights", AutoModelForCausalLM, self._folder, **how)
        return found
