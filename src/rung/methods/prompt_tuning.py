"""Prompt tuning: a few vectors before the text are trained in place of words (Lester et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from rung.methods.soft_prompts import WordPrompt
from rung.models.base import Encoder

if TYPE_CHECKING:
    import torch


class PromptTuning(WordPrompt):
    """Vectors stand before the text as if they were words, start as words of the task, and are trained themselves."""

    name: ClassVar[str] = "prompt_tuning"
    rung: ClassVar[int] = 27
    summary: ClassVar[str] = (
        "Puts a few made-up words before every text and trains them; the model itself stays as it is."
    )
    reference: ClassVar[str] = "Lester et al. 2021, arXiv:2104.08691"
    #: TREC-6, 64 rows a label drawn from train, 1,000 other rows of it: 78.2 at 5e-3, 80.9 at 2e-2, 80.2 at 6e-2
    rates: ClassVar[tuple[float, ...]] = (5e-3, 2e-2, 6e-2)

    def made_from(self, trunk: Any, word_ids: Sequence[int], model: Encoder) -> torch.nn.Module:
        """The words' embeddings, free to move."""
        from rung.models.prompted import Vectors

        return Vectors(trunk.get_input_embeddings().weight.detach()[list(word_ids)])
