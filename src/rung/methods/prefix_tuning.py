"""Prefix tuning: keys and values before those of every layer are trained (Li and Liang 2021; Liu et al. 2022, "P-Tuning v2")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from rung.methods.fitted_encoder import FittedByGradient
from rung.methods.nearest_words import nearest
from rung.methods.soft_prompts import PROMPT, SoftPromptTuning
from rung.models.base import Encoder, Model
from rung.task import Example, Task

if TYPE_CHECKING:
    import torch

#: Families whose attention goes through transformers' registry of attention functions, which is where a prefix is put in.
FAMILIES = ("bert", "camembert", "distilbert", "electra", "ernie", "modernbert", "roberta", "xlm-roberta")


class PrefixTuning(SoftPromptTuning):
    """Every layer's attention also sees keys and values that stand for no token; they start as those of words of the task."""

    name: ClassVar[str] = "prefix_tuning"
    rung: ClassVar[int] = 29
    summary: ClassVar[str] = (
        "Lets every layer of the model look at a few made-up words beside the text and trains these; the model stays as it is."
    )
    reference: ClassVar[str] = "Li and Liang 2021, arXiv:2101.00190; Liu et al. 2022, arXiv:2110.07602"
    #: TREC-6, 64 rows a label drawn from train, 1,000 other rows of it: 78.2 at 5e-3, 81.9 at 2e-2, 84.4 at 6e-2, 84.7 at 2e-1
    rates: ClassVar[tuple[float, ...]] = (2e-2, 6e-2, 2e-1)
    #: with a network in between a step goes further: 84.9 at 1.2e-3, 86.5 at 4e-3, and it diverges at 1.2e-2. On another draw
    #: 83.5 with the network and 83.3 without, so it is no default
    network_rates: ClassVar[tuple[float, ...]] = (4e-4, 1.2e-3, 4e-3)

    reparametrise: bool = Field(
        False,
        description="a network makes the keys and values and is trained in their place; only what it makes is kept",
    )
    width: int = Field(256, ge=1, le=4096, description="width of that network's inner layer")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """See `Method.skip_reason`; the model's attention must take keys that belong to no token."""
        reason = super().skip_reason(task, model, train)
        if reason is not None or model is None:
            return reason
        if model.info.family not in FAMILIES:
            return (
                f"{self.name} cannot put keys and values into the attention of the family {model.info.family or 'unknown'} "
                f"(in DeBERTa's, for one, every key has a place relative to every query); it can for {', '.join(FAMILIES)}"
            )
        if self.vectors >= model.info.context_length:
            reads = model.info.context_length
            return f"{self.name} starts from a text of {self.vectors} words, and {model.info.name} reads {reads} tokens"
        return None

    def tried_rates(self) -> tuple[float, ...]:
        """Those of what is trained: the keys and values, or the network."""
        return self.network_rates if self.reparametrise else self.rates

    def made_from(self, trunk: Any, word_ids: Sequence[int], model: Encoder) -> torch.nn.Module:
        """The words' keys and values in every layer, as the trunk makes them of the words as a text."""
        from rung.models.prompted import Vectors
        from rung.models.reparametrised import Reparametrised

        pairs_N2PD = _keys_and_values(trunk, model, [list(word_ids)], model.info.layers)[:, :, 0]
        if self.reparametrise:
            return Reparametrised(pairs_N2PD, self.width)
        return Vectors(pairs_N2PD.clone())

    def read(self, fitted: FittedByGradient) -> tuple[str, list[list[dict[str, Any]]]]:
        """Among the keys that words have in the first layer."""
        trunk, model = fitted.model.shared(), fitted.model

        def keys(ids: list[int]) -> torch.Tensor:
            return _keys_and_values(trunk, model, [[token] for token in ids], 1)[0, 0, :, 0]

        keys_PD = fitted.learnt[PROMPT][0, 0].to(next(trunk.parameters()).device)
        return "keys of the first layer, for a word at the beginning of a text", nearest(keys_PD, model.tokenizer, keys)


def _keys_and_values(trunk: torch.nn.Module, model: Encoder, ids: list[list[int]], layers: int) -> torch.Tensor:
    """(layers, 2, B, L, D) of tokens that stand behind the token that opens a text."""
    import torch

    from rung.models.prompted import first_keys_and_values

    opening = [] if model.tokenizer.cls_token_id is None else [model.tokenizer.cls_token_id]
    rows = torch.tensor([opening + row for row in ids], device=next(trunk.parameters()).device)
    return first_keys_and_values(trunk, rows, layers=layers)[:, :, :, len(opening) :]
