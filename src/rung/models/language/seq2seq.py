"""Encoder-decoder language models (T5, BART): transformers in a local folder. The encoder reads the prompt, the decoder answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from rung.events import Events
from rung.models.base import ModelKind, Scored
from rung.models.device import building
from rung.models.language.causal import TransformerCausal
from rung.models.language.wording import Wording
from rung.models.loading import loaded
from rung.task import Prompt

if TYPE_CHECKING:
    import torch


class TransformerSeq2Seq(TransformerCausal):
    """An encoder-decoder model in a local folder of transformers files; arguments and errors as `TransformerCausal`'s."""

    kind: ClassVar[ModelKind] = "seq2seq"
    #: every prompt is read whole: its encoder sees both ways
    shares = False

    @cached_property
    def wording(self) -> Wording:
        """Prompts and answers as tokens."""
        return _ApartWording(self.tokenizer, str(self._folder))

    def beginning(self, prompts: Sequence[Prompt]) -> list[int]:
        """Nothing is shared."""
        return []

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

        return score(self, self.wording.prompts(prompts), self.wording.answers(prompts, answers), [], events)

    def network(self) -> torch.nn.Module:
        """A fresh float32 copy of the model with its head."""
        import torch
        from transformers import AutoModelForSeq2SeqLM

        with building():
            how = {"use_safetensors": True, "dtype": torch.float32}
            found: torch.nn.Module = loaded("weights", AutoModelForSeq2SeqLM, self._folder, **how)
        return found


class _ApartWording(Wording):
    """Answers stand by themselves: the decoder begins anew."""

    def answers(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[list[int]]:
        """Token ids of each answer; see `tree.with_ends` for what is added."""
        from rung.models.language.tree import with_ends

        return with_ends([self._plain(answer.strip()) for answer in answers], self.tokenizer.eos_token_id)
