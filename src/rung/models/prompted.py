"""A trunk read with a soft prompt: vectors before every text, or keys and values before every layer's. Knows no method.

The trunk is not changed, so any number of prompts can stand around one. Families whose training has a packed forward read it there
(`rung.models.packed`); all others, and answering, go through transformers' own.

Shapes: B texts, L longest, P vectors, D width, N layers, H heads.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.nn import functional as F

from rung.models.packed import Soft
from rung.models.sharing import twin

#: Name of our attention function in that registry.
ATTENTION = "rung_prefix"


class Vectors(torch.nn.Module):
    """A soft prompt whose vectors are parameters themselves: `start`, not a copy of it."""

    def __init__(self, start: torch.Tensor) -> None:
        super().__init__()
        self.vectors = torch.nn.Parameter(start)

    def forward(self) -> torch.Tensor:
        """The vectors."""
        return self.vectors


class Prompted(torch.nn.Module):
    """A trunk around which a soft prompt stands; takes the place of the trunk wherever one is asked for.

    Args:
        trunk: a transformers base model.
        prompt: called without arguments it gives the prompt: (P, D) at the input embeddings, or (N, 2, P, D) keys and values.
        shared: the trunk belongs to others as well, so it is no child of this module: moving or casting this one leaves it alone.
    """

    def __init__(self, trunk: Any, prompt: torch.nn.Module, *, shared: bool = False) -> None:
        super().__init__()
        self.prompt = prompt
        with torch.no_grad():
            made = prompt()
        self.prefix = made.ndim == 4
        #: tokens of the context that it takes for itself: keys and values have no place in the text
        self.reserved = 0 if self.prefix else len(made)
        if self.prefix:
            trunk = _listening(trunk, shared)
        if shared:
            object.__setattr__(self, "trunk", trunk)
        else:
            self.trunk = trunk

    @property
    def packed(self) -> bool:
        """Whether `rung.models.packed` is the forward of the trunk."""
        return bool(getattr(self.trunk, "packed", False))

    @property
    def config(self) -> Any:
        """The trunk's configuration."""
        return self.trunk.config

    def soft(self) -> Soft:
        """The prompt now, in the precision of its parameters whatever the products around it are made in."""
        with torch.autocast(_kind_of_device(self.prompt), enabled=False):
            made = self.prompt()
        return Soft(pairs_N2PD=made) if self.prefix else Soft(words_PD=made)

    def get_input_embeddings(self) -> Any:
        """The trunk's table of word embeddings."""
        return self.trunk.get_input_embeddings()

    def set_input_embeddings(self, table: Any) -> None:
        """Give the trunk another table of word embeddings."""
        self.trunk.set_input_embeddings(table)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        **more: Any,
    ) -> Any:
        """The states of the text's own tokens, as the trunk would give them: `last_hidden_state` (B, L, D)."""
        asked = {"attention_mask": attention_mask, "token_type_ids": token_type_ids}
        # a family without segments does not know the argument
        given = {name: value for name, value in asked.items() if value is not None}
        if self.prefix:
            return self.trunk(
                inputs_embeds=self.get_input_embeddings()(input_ids),
                prefix=_Pairs(self.soft().pairs_N2PD),
                **given,
                **more,
            )
        return self._with_words(input_ids, given, more)

    def _with_words(self, input_ids: torch.Tensor, given: dict[str, torch.Tensor], more: dict[str, Any]) -> Any:
        words_PD, text_BLD = self.soft().words_PD, self.get_input_embeddings()(input_ids)
        assert words_PD is not None
        before = len(words_PD)
        words_BPD = words_PD.to(text_BLD.dtype).expand(len(text_BLD), -1, -1)
        fill = {"attention_mask": 1, "token_type_ids": 0}
        given = {name: F.pad(value, (before, 0), value=fill[name]) for name, value in given.items()}
        found = self.trunk(inputs_embeds=torch.cat([words_BPD, text_BLD], dim=1), **given, **more)
        found.last_hidden_state = found.last_hidden_state[:, before:]
        if found.get("hidden_states") is not None:
            found.hidden_states = tuple(state[:, before:] for state in found.hidden_states)
        return found


def first_keys_and_values(trunk: Any, input_ids: torch.Tensor, *, layers: int) -> torch.Tensor:
    """Keys and values of every token in the first `layers` layers: (layers, 2, B, L, D), in the trunk's dtype.

    Args:
        trunk: a base model whose attention goes through transformers' registry of attention functions; it is not changed.
        input_ids: int64 (B, L), without padding.
    """
    record = _Record(layers)
    with torch.no_grad(), suppress(_EnoughError):
        _listening(trunk, shared=True)(input_ids=input_ids, prefix=record)
    pairs = [torch.stack([x.transpose(1, 2).flatten(2) for x in pair]) for pair in record.found]
    return torch.stack(pairs)


class _Pairs:
    """Keys and values for one pass through a trunk, a layer after the other."""

    def __init__(self, pairs_N2PD: torch.Tensor | None) -> None:
        assert pairs_N2PD is not None
        self.layers: Iterator[torch.Tensor] = iter(pairs_N2PD)

    def __call__(self, key_BHLd: torch.Tensor, value_BHLd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        heads = key_BHLd.shape[1]
        pair_2HPd = next(self.layers).to(key_BHLd.dtype).unflatten(-1, (heads, -1)).transpose(1, 2)
        key, value = (
            torch.cat([extra.expand(len(own), -1, -1, -1), own], dim=2)
            for extra, own in zip(pair_2HPd, (key_BHLd, value_BHLd), strict=True)
        )
        return key, value


class _Record:
    """Writes down the keys and values of the first layers, and ends the pass when it has them."""

    def __init__(self, layers: int) -> None:
        self.layers = layers
        self.found: list[tuple[torch.Tensor, torch.Tensor]] = []

    def __call__(self, key_BHLd: torch.Tensor, value_BHLd: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.found.append((key_BHLd, value_BHLd))
        if len(self.found) == self.layers:
            raise _EnoughError
        return key_BHLd, value_BHLd


class _EnoughError(Exception):
    """The layers asked for have been passed."""


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    prefix: Any = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it, with what `prefix` makes of keys and values; every token sees all of the prefix."""
    own = key.shape[2]
    if prefix is not None:
        key, value = prefix(key, value)
    if attention_mask is not None:
        attention_mask = F.pad(attention_mask, (key.shape[2] - own, 0), value=True)
    if torch.is_grad_enabled() and query.device.type == "cpu":  # see TransformerEncoder.trunk
        scores = (query * (query.shape[-1] ** -0.5 if scaling is None else scaling)) @ key.transpose(-1, -2)
        if attention_mask is not None:
            scores = scores.masked_fill(~attention_mask, float("-inf"))
        mixed = torch.softmax(scores, dim=-1).to(value.dtype) @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, scale=scaling)
    return mixed.transpose(1, 2).contiguous(), None


_twins: WeakKeyDictionary[torch.nn.Module, torch.nn.Module] = WeakKeyDictionary()
_lock = threading.Lock()


def _listening(trunk: Any, shared: bool) -> Any:
    """The trunk, its attention asking for a prefix: a twin of a shared one (all prompts have the same twin), else itself."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    with _lock:
        AttentionInterface.register(ATTENTION, _attend)
        AttentionMaskInterface.register(ATTENTION, sdpa_mask)
        if shared and trunk in _twins:
            return _twins[trunk]
        before, config = trunk.config, copy.copy(trunk.config)
        config._attn_implementation = ATTENTION
        found = twin(trunk, {}) if shared else trunk
        for part in found.modules():
            # modules without parts are the trunk's own also in its twin; attention has parts
            if part._modules and vars(part).get("config") is before:
                part.config = config
        if shared:
            _twins[trunk] = found
        return found


def _kind_of_device(module: torch.nn.Module) -> str:
    return next(iter(module.parameters())).device.type
