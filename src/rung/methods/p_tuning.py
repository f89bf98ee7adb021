"""P-tuning: the vectors before the text are made by a small network, which is trained (Liu et al. 2021, "GPT Understands, Too")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from rung.methods.soft_prompts import WordPrompt
from rung.models.base import Encoder

if TYPE_CHECKING:
    import torch


class PTuning(WordPrompt):
    """A network turns trainable anchors into the vectors before the text; only the vectors are kept."""

    name: ClassVar[str] = "p_tuning"
    rung: ClassVar[int] = 28
    summary: ClassVar[str] = (
        "Puts a few made-up words before every text, written by a small network that is trained; the model stays as it is."
    )
    reference: ClassVar[str] = (
        "Liu et al. 2021, arXiv:2103.10385; words as a residual start: Razdaibiedina et al. 2023, arXiv:2305.03937"
    )
    #: TREC-6, 64 rows a label drawn from train, 1,000 other rows of it: 79.7 at 1e-3, 80.5 at 4e-3, 76.5 at 1e-2
    rates: ClassVar[tuple[float, ...]] = (1e-3, 3e-3, 1e-2)

    # two layers by default: on the same rows 80.5 against 76.0 with a bi-LSTM before them (one draw, learning rate 4e-3)
    network: Literal["mlp", "lstm"] = Field(
        "mlp", description="what makes the vectors: two layers, or a bi-LSTM and two layers"
    )
    width: int = Field(256, ge=1, le=4096, description="width of the network's inner layer")

    def made_from(self, trunk: Any, word_ids: Sequence[int], model: Encoder) -> torch.nn.Module:
        """The words' embeddings, to which the network adds nothing yet."""
        from rung.models.reparametrised import Reparametrised

        words_PD = trunk.get_input_embeddings().weight.detach()[list(word_ids)]
        return Reparametrised(words_PD, self.width, recurrent=self.network == "lstm")
