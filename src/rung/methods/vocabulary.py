"""Training only the rows of an embedding table that the data uses. Knows no method.

A row of the table that no text uses gets no gradient, and an optimizer without weight decay on it leaves it as it is. Leaving such
rows out of the training is therefore exact, and saves their share of every optimizer step, of gradient memory and of every
checkpoint: of 30,522 rows some 2,000 remain on a few thousand short texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rung.models.base import TokenRow

if TYPE_CHECKING:
    import torch


class UsedVocabulary:
    """Swaps a trunk's word embedding for its used rows, and puts it back.

    Args:
        trunk: a transformers base model; its input embedding is replaced in place.
        rows: every text that will be read before `restore` is called.
    """

    def __init__(self, trunk: Any, rows: Iterable[TokenRow]) -> None:
        import torch

        self.full: torch.nn.Embedding = trunk.get_input_embeddings()
        padding = self.full.padding_idx
        used = {token for row in rows for token in row.ids} | ({padding} if padding is not None else set())
        self.used = sorted(used)
        self.place = {token: i for i, token in enumerate(self.used)}
        pad = None if padding is None else self.place[padding]
        small = torch.nn.Embedding(len(self.used), self.full.embedding_dim, padding_idx=pad)
        with torch.no_grad():
            small.weight.copy_(self.full.weight[self.used])
        small.weight.requires_grad_(self.full.weight.requires_grad)
        trunk.set_input_embeddings(small)
        self.small = small

    def narrow(self, rows: Sequence[TokenRow]) -> list[TokenRow]:
        """`rows` with tokens renumbered for the small table."""
        return [TokenRow([self.place[token] for token in row.ids], row.first, row.cut) for row in rows]

    def restore(self, trunk: Any) -> None:
        """Put the whole table back, with the rows as trained."""
        import torch

        with torch.no_grad():
            self.full.weight[self.used] = self.small.weight
        trunk.set_input_embeddings(self.full)
