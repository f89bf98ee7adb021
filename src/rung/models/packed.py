"""The forward pass of BERT-type trunks over packed tokens, for training: nothing is computed for padding. Knows no method.

transformers' own forward pads a batch, lets the residual stream run in float32 under autocast, and converts it at every
product. Here all tokens of a batch stand in one (T, D) array in the narrow type; only attention sees them as (B, L), and query,
key and value are one product where their layers allow it. Same weights, same modules (adapters included), the same sums up to
rounding: the tests hold it against transformers'. Other families take transformers' forward.

Shapes: B texts, L longest, T tokens of all texts, D width, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional as F

from rung.models.base import TokenRow

FAMILIES = ("bert", "roberta")


def fits(trunk: Any) -> bool:
    """Whether this forward is the trunk's: a plain encoder of a known family, with GELU and absolute positions."""
    config = trunk.config
    return (
        config.model_type in FAMILIES
        and config.hidden_act == "gelu"
        and getattr(config, "position_embedding_type", "absolute") in ("absolute", None)
        and not getattr(config, "is_decoder", False)
    )


def pooled(trunk: Any, rows: Sequence[TokenRow]) -> torch.Tensor:
    """Mean of the last layer over the tokens of each row: float32 (B, D)."""
    lengths_B = torch.tensor([len(row.ids) for row in rows])
    hidden_TD = last_hidden(trunk, rows, lengths_B).float()
    owner_T = torch.repeat_interleave(torch.arange(len(rows)), lengths_B)
    sums_BD = torch.zeros(len(rows), hidden_TD.shape[1]).index_add(0, owner_T, hidden_TD)
    return sums_BD / lengths_B[:, None]


def last_hidden(trunk: Any, rows: Sequence[TokenRow], lengths_B: torch.Tensor) -> torch.Tensor:
    """The last layer's states of all tokens, row after row: (T, D)."""
    hidden_TD = _embedded(trunk, rows)
    layout = _Layout(lengths_B, trunk.config.num_attention_heads, hidden_TD.dtype)
    for layer in trunk.encoder.layer:
        attention = layer.attention
        mixed_TD = layout.attend(*_query_key_value(attention.self, hidden_TD))
        hidden_TD = attention.output.LayerNorm(hidden_TD + _dropped(attention.output, mixed_TD))
        inner = F.gelu(layer.intermediate.dense(hidden_TD))
        hidden_TD = layer.output.LayerNorm(hidden_TD + _dropped(layer.output, inner))
    return hidden_TD


def _dropped(block: Any, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = block.dropout(block.dense(x))
    return out


def _embedded(trunk: Any, rows: Sequence[TokenRow]) -> torch.Tensor:
    tables = trunk.embeddings
    first = 0 if trunk.config.model_type == "bert" else trunk.config.pad_token_id + 1
    ids_T = torch.tensor([token for row in rows for token in row.ids])
    positions_T = torch.tensor([first + i for row in rows for i in range(len(row.ids))])
    types_T = torch.tensor([int(i >= row.first) for row in rows for i in range(len(row.ids))])
    if tables.token_type_embeddings.num_embeddings < 2:
        types_T = torch.zeros_like(types_T)
    summed_TD = tables.word_embeddings(ids_T) + tables.position_embeddings(positions_T)
    summed_TD = tables.LayerNorm(summed_TD + tables.token_type_embeddings(types_T))
    narrow = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else summed_TD.dtype
    embedded: torch.Tensor = tables.dropout(summed_TD).to(narrow)
    return embedded


def _query_key_value(layer: Any, hidden_TD: torch.Tensor) -> tuple[torch.Tensor, ...]:
    together = getattr(layer.query, "together", None)
    if together is not None:
        found: tuple[torch.Tensor, ...] = together(hidden_TD)
        return found
    return layer.query(hidden_TD), layer.key(hidden_TD), layer.value(hidden_TD)


class _Layout:
    """Where each token stands in (B, L), and attention over it (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, lengths_B: torch.Tensor, heads: int, dtype: torch.dtype) -> None:
        self.count, self.longest, self.heads = len(lengths_B), int(lengths_B.max()), heads
        real_BL = torch.arange(self.longest) < lengths_B[:, None]
        self.full = bool(real_BL.all())
        starts_B1 = (lengths_B.cumsum(0) - lengths_B)[:, None]
        # a padded place borrows its row's first token; it is masked as a key, and its answer as a query is not used
        self.from_packed = torch.where(real_BL, starts_B1 + torch.arange(self.longest), starts_B1).view(-1)
        self.to_packed = real_BL.view(-1).nonzero().squeeze(1)
        self.bias_B11L = torch.zeros(self.count, 1, 1, self.longest, dtype=dtype)
        self.bias_B11L.masked_fill_(~real_BL[:, None, None], float("-inf"))

    def attend(self, query_TD: torch.Tensor, key_TD: torch.Tensor, value_TD: torch.Tensor) -> torch.Tensor:
        """Softmax attention within each row: (T, D)."""
        query, key, value = (self._heads(x) for x in (query_TD, key_TD, value_TD))
        scores_BHLL = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if not self.full:
            scores_BHLL = scores_BHLL + self.bias_B11L
        mixed = torch.softmax(scores_BHLL, dim=-1) @ value
        mixed_ND = mixed.transpose(1, 2).reshape(self.count * self.longest, -1)
        return mixed_ND if self.full else mixed_ND.index_select(0, self.to_packed)

    def _heads(self, x_TD: torch.Tensor) -> torch.Tensor:
        """(B, H, L, D / H)."""
        x_ND = x_TD if self.full else x_TD.index_select(0, self.from_packed)
        return x_ND.view(self.count, self.longest, self.heads, -1).transpose(1, 2)
