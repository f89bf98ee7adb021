"""Causal language models: GPT-type transformers in a local folder. The only code that loads their weights."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rung.events import Events
from rung.models.base import LanguageModel, ModelInfo, ModelKind, Reply, Sampling, Scored
from rung.models.describe import describe
from rung.models.device import building, for_inference
from rung.models.language.tree import common
from rung.models.language.wording import Wording
from rung.models.loading import loaded, tokenizer_of
from rung.task import Prompt

if TYPE_CHECKING:
    import torch

    from rung.models.language.reading import KeysValues

#: Beginnings of prompts whose keys and values are kept, and the bytes they may take together.
KEPT_BEGINNINGS = 8
KEPT_BYTES = 512 * 2**20


class TransformerCausal(LanguageModel):
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
        self._kept: OrderedDict[tuple[int, ...], KeysValues] = OrderedDict()
        self._lock = threading.Lock()

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

    @property
    def chat(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return bool(self.tokenizer.chat_template)

    @cached_property
    def wording(self) -> Wording:
        """Prompts and answers as tokens."""
        return Wording(self.tokenizer, str(self._folder))

    @cached_property
    def stop_ids(self) -> frozenset[int]:
        """Tokens that end an answer: the model's own end of text, and the end of a turn."""
        stated = self.shared().generation_config.eos_token_id  # type: ignore[union-attr]
        ids = {self.tokenizer.eos_token_id, *(stated if isinstance(stated, list) else [stated])}
        if self.chat and (turn := self.wording.turn_end) is not None:
            ids.add(turn)
        return frozenset(i for i in ids if i is not None)

    def count(self, prompts: Sequence[Prompt]) -> list[int]:
        """Tokens of each prompt."""
        return [len(ids) for ids in self.wording.prompts(prompts)]

    def beginning(self, prompts: Sequence[Prompt]) -> list[int]:
        """See `LanguageModel.beginning`."""
        return common(self.wording.prompts(prompts))

    def score(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[str],
        *,
        beginning: Sequence[int] = (),
        events: Events | None = None,
    ) -> Scored:
        """See `LanguageModel.score`."""
        from rung.models.language.scoring import score

        ids = self.wording.prompts(prompts)
        return score(self, ids, self.wording.answers(prompts, answers), list(beginning), events)

    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
        beginning: Sequence[int] = (),
        events: Events | None = None,
    ) -> list[Reply]:
        """See `Generator.generate`; `beginning` as in `score`."""
        from rung.models.language.decoding import generate

        ids = self.wording.prompts(prompts)
        return generate(self, ids, sampling or Sampling(), schema, list(beginning), events)

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

    @cached_property
    def shares(self) -> bool:
        """Whether prompts with a common beginning can be read together: tried out once on a few tokens, by both ways."""
        from rung.models.language.scoring import reads_alike

        return reads_alike(self.shared())

    def kept(self, ids: Sequence[int], read: Callable[[Sequence[int]], KeysValues]) -> KeysValues:
        """Keys and values of a prompt's beginning: kept from before, or read now."""
        key = tuple(ids)
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = read(ids)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_BEGINNINGS or (len(self._kept) > 1 and self._kept_bytes() > KEPT_BYTES):
                self._kept.popitem(last=False)
            return found

    def _kept_bytes(self) -> int:
        parts = (part for layers in self._kept.values() for layer in layers for part in layer)
        return sum(part.numel() * part.element_size() for part in parts)
