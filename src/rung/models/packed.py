"""The forward pass of BERT-type trunks over packed tokens, for training: nothing is computed for padding. Knows no method.

transformers' own forward pads a batch, lets the residual stream run in float32 under autocast, and converts it at every
product. Here all tokens of a batch stand in one (T, D) array in the narrow type; only attention sees them as (B, L), and query,
key and value are one product where their layers allow it. Same weights, same modules (adapters included), the same sums up to
rounding: the tests hold it against transformers'. Other families take transformers' forward.

A soft prompt costs what it must: its words are not computed where nobody reads them, its keys and values are made once a share.

Shapes: B texts, L longest, T tokens of all texts (S where the prompt's are among them), D width, H heads, P vectors of a prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

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


class Soft(NamedTuple):
    """A soft prompt: vectors before every text, or keys and values before every layer's.

    Attributes:
        words_PD: P vectors where word embeddings go in, before all tokens. pairs_N2PD: P keys and values for each of N layers.
    """

    words_PD: torch.Tensor | None = None
    pairs_N2PD: torch.Tensor | None = None


def pooled(trunk: Any, rows: Sequence[TokenRow]) -> torch.Tensor:
    """Mean of the last layer over the tokens of each row: float32 (B, D)."""
    lengths_B = torch.tensor([len(row.ids) for row in rows])
    hidden_TD = last_hidden(trunk, rows, lengths_B).float()
    owner_T = torch.repeat_interleave(torch.arange(len(rows)), lengths_B)
    sums_BD = torch.zeros(len(rows), hidden_TD.shape[1]).index_add(0, owner_T, hidden_TD)
    return sums_BD / lengths_B[:, None]


def last_hidden(trunk: Any, rows: Sequence[TokenRow], lengths_B: torch.Tensor) -> torch.Tensor:
    """The last layer's states of all tokens, row after row: (T, D).

    Args:
        trunk: a BERT-type base model, or a `rung.models.prompted.Prompted` around one: its prompt is then read with every row.
    """
    soft = trunk.soft() if hasattr(trunk, "soft") else Soft()
    trunk = getattr(trunk, "trunk", trunk)
    before = 0 if soft.words_PD is None else len(soft.words_PD)
    hidden_TD = _embedded(trunk, rows, soft.words_PD)
    everywhere = _Places(lengths_B + before)
    layout = _Layout(everywhere, everywhere, trunk.config.num_attention_heads, hidden_TD.dtype)
    last = len(trunk.encoder.layer) - 1
    for number, layer in enumerate(trunk.encoder.layer):
        attention, reading_TD = layer.attention, hidden_TD
        query, key, value = _query_key_value(attention.self, hidden_TD)
        if before and number == last:  # nobody reads what becomes of the prompt
            text_T = _text(lengths_B, before)
            query, reading_TD = query.index_select(0, text_T), hidden_TD.index_select(0, text_T)
            layout = _Layout(_Places(lengths_B), everywhere, layout.heads, hidden_TD.dtype)
        pair = None if soft.pairs_N2PD is None else soft.pairs_N2PD[number]
        mixed_TD = layout.attend(query, key, value, pair)
        hidden_TD = attention.output.LayerNorm(reading_TD + _dropped(attention.output, mixed_TD))
        inner = F.gelu(layer.intermediate.dense(hidden_TD))
        hidden_TD = layer.output.LayerNorm(hidden_TD + _dropped(layer.output, inner))
    return hidden_TD


def _text(lengths_B: torch.Tensor, before: int) -> torch.Tensor:
    """Where the rows' own tokens stand among all packed tokens (T,)."""
    owner_T = torch.repeat_interleave(torch.arange(len(lengths_B)), lengths_B)
    return torch.arange(len(owner_T)) + before * (owner_T + 1)


def _dropped(block: Any, x: torch.Tensor) -> torch.Tensor:
    out: torch.Tensor = block.dropout(block.dense(x))
    return out


def _embedded(trunk: Any, rows: Sequence[TokenRow], words_PD: torch.Tensor | None) -> torch.Tensor:
    tables = trunk.embeddings
    before = 0 if words_PD is None else len(words_PD)
    first = 0 if trunk.config.model_type == "bert" else trunk.config.pad_token_id + 1
    ids_T = torch.tensor([token for row in rows for token in row.ids])
    positions_T = torch.tensor([first + i for row in rows for i in range(before + len(row.ids))])
    types_T = torch.tensor([int(i >= before + row.first) for row in rows for i in range(before + len(row.ids))])
    if tables.token_type_embeddings.num_embeddings < 2:
        types_T = torch.zeros_like(types_T)
    words_TD = tables.word_embeddings(ids_T)
    if words_PD is not None:
        parts = words_TD.split([len(row.ids) for row in rows])
        words_TD = torch.cat([part for own in parts for part in (words_PD, own)])
    summed_TD = words_TD + tables.position_embeddings(positions_T)
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


class _Places:
    """Where the tokens of packed rows stand in (B, L)."""

    def __init__(self, lengths_B: torch.Tensor) -> None:
        self.count, self.longest = len(lengths_B), int(lengths_B.max())
        self.real_BL = torch.arange(self.longest) < lengths_B[:, None]
        self.full = bool(self.real_BL.all())
        starts_B1 = (lengths_B.cumsum(0) - lengths_B)[:, None]
        # a padded place borrows its row's first token; it is masked as a key, and its answer as a query is not used
        self.from_packed = torch.where(self.real_BL, starts_B1 + torch.arange(self.longest), starts_B1).view(-1)
        self.to_packed = self.real_BL.view(-1).nonzero().squeeze(1)

    def heads(self, x_TD: torch.Tensor, heads: int) -> torch.Tensor:
        """(B, H, L, D / H)."""
        x_ND = x_TD if self.full else x_TD.index_select(0, self.from_packed)
        return x_ND.view(self.count, self.longest, heads, -1).transpose(1, 2)


class _Layout:
    """Attention of the tokens in some places over those in others, row by row (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, asking: _Places, asked: _Places, heads: int, dtype: torch.dtype) -> None:
        self.asking, self.asked, self.heads = asking, asked, heads
        self.bias_B11L = torch.zeros(asked.count, 1, 1, asked.longest, dtype=dtype)
        self.bias_B11L.masked_fill_(~asked.real_BL[:, None, None], float("-inf"))

    def attend(
        self, query_TD: torch.Tensor, key_SD: torch.Tensor, value_SD: torch.Tensor, pair_2PD: torch.Tensor | None
    ) -> torch.Tensor:
        """Softmax attention within each row (T, D); `pair_2PD` are keys and values that every row has before its own."""
        query = self.asking.heads(query_TD, self.heads)
        key, value = (self.asked.heads(x, self.heads) for x in (key_SD, value_SD))
        bias_B11L = self.bias_B11L
        if pair_2PD is not None:
            pair_2HPd = pair_2PD.to(key.dtype).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            key, value = (
                torch.cat([extra[None].expand(len(x), -1, -1, -1), x], dim=2)
                for extra, x in zip(pair_2HPd, (key, value), strict=True)
            )
            bias_B11L = F.pad(bias_B11L, (pair_2PD.shape[1], 0))
        scores_BHLL = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        if not self.asked.full:
            scores_BHLL = scores_BHLL + bias_B11L
        mixed = torch.softmax(scores_BHLL, dim=-1) @ value
        mixed_ND = mixed.transpose(1, 2).reshape(self.asking.count * self.asking.longest, -1)
        return mixed_ND if self.asking.full else mixed_ND.index_select(0, self.asking.to_packed)
