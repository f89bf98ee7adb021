"""The attention of one forward pass in which many rows share a beginning that was read before.

Registered with transformers as an attention implementation, so that it serves every family that takes its attention from there.
The keys and values of the shared beginning are multiplied once for all rows and never copied (Juravsky et al. 2024, Hydragen,
arXiv:2402.05099). Outside of a `Reading` it is PyTorch's own attention.

B rows, S tokens a row, H heads, G query heads a key head, P tokens of the beginning, L tokens kept of each row, D width of a head.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

NAME = "rung_reading"
KeysValues = list[tuple[torch.Tensor, torch.Tensor]]
_here = threading.local()


@dataclass
class Kept:
    """Keys and values of rows, with room for tokens to come: each layer's are (B, H, room, D), `length` of them filled."""

    room: int
    length: int = 0
    layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = field(default_factory=dict)

    def put(self, layer: int, key: torch.Tensor, value: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Put what is read now (B, H, S, D) behind the rest; all there is."""
        if layer not in self.layers:
            shape = (*key.shape[:2], self.room, key.shape[3])
            self.layers[layer] = (key.new_empty(shape), value.new_empty((*shape[:3], value.shape[3])))
        end = self.length + key.shape[2]
        for room, new in zip(self.layers[layer], (key, value), strict=True):
            room[:, :, self.length : end] = new
        keys, values = self.layers[layer]
        return keys[:, :, :end], values[:, :, :end]

    def only(self, rows: torch.Tensor) -> None:
        """Forget all rows but these."""
        self.layers = {layer: (keys[rows], values[rows]) for layer, (keys, values) in self.layers.items()}

    def filled(self) -> KeysValues:
        """What is kept, layer by layer."""
        parts = [self.layers[layer] for layer in sorted(self.layers)]
        return [(keys[:, :, : self.length], values[:, :, : self.length]) for keys, values in parts]


@dataclass
class Reading:
    """What the tokens of one forward pass may look at.

    Attributes:
        mask_BSL: which kept tokens of its row a token sees, itself included; None: all before it in its row.
        positions_BS: of the tokens read; keys_BL: of the tokens kept (for sliding windows).
        past: keys and values a layer of the shared beginning, each (1, H, P, D); None: there is none.
        kept: where keys and values of the rows are kept, to go on from; None: they are forgotten.
    """

    mask_BSL: torch.Tensor | None
    positions_BS: torch.Tensor
    keys_BL: torch.Tensor
    past: KeysValues | None = None
    kept: Kept | None = None


@contextmanager
def reading(plan: Reading) -> Iterator[Reading]:
    """Forward passes of this thread inside look at what `plan` says."""
    before = getattr(_here, "plan", None)
    _here.plan = plan
    try:
        yield plan
    finally:
        _here.plan = before


def register() -> str:
    """Make the implementation known to transformers; its name."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    if NAME not in ALL_ATTENTION_FUNCTIONS:
        ALL_ATTENTION_FUNCTIONS.register(NAME, _attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
    return NAME


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    plan: Reading | None = getattr(_here, "plan", None)
    if plan is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        more |= {} if sliding_window is None else {"sliding_window": sliding_window}
        out: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **more
        )
        return out
    if more.get("s_aux") is not None or more.get("position_bias") is not None:
        raise NotImplementedError("attention with sinks or position biases")
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    if plan.kept is not None:
        key, value = plan.kept.put(layer, key, value)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    found = _attend(plan, layer, query, key, value, (scale, sliding_window, softcap))
    return found.transpose(1, 2).contiguous(), None


def _attend(
    plan: Reading,
    layer: int,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    how: tuple[float, int | None, float | None],
) -> torch.Tensor:
    """States (B, H * G, S, D)."""
    scale, window, softcap = how
    if plan.past is None and softcap is None:
        mask = _own_mask(plan, window)
        groups = query.shape[1] // key.shape[1]
        if groups > 1:
            key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
        return torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None and query.shape[2] > 1, scale=scale
        )
    b, heads, s, d = query.shape
    h = key.shape[1]
    grouped = query.reshape(b, h, heads // h, s, d)
    own = grouped.flatten(2, 3) @ key.transpose(2, 3)  # (B, H, G * S, L)
    own = _capped(own.view(b, h, heads // h, s, -1).float() * scale, softcap)
    mask = _own_mask(plan, window)
    if mask is None:
        mask = torch.ones(s, key.shape[2], dtype=torch.bool, device=query.device).tril(key.shape[2] - s)[None, None]
    own = own.masked_fill(~mask[:, :, None], float("-inf"))
    if plan.past is None:
        shares = own.softmax(-1).to(value.dtype)
        return (shares.flatten(2, 3) @ value).view(b, heads, s, d)
    past_key, past_value = (part[0] for part in plan.past[layer])  # (H, P, D)
    flat = grouped.permute(1, 0, 2, 3, 4).reshape(h, -1, d)
    shared = (flat @ past_key.transpose(1, 2)).view(h, b, heads // h, s, -1).transpose(0, 1)
    shared = _capped(shared.float() * scale, softcap)
    if window is not None:
        at = torch.arange(past_key.shape[1], device=query.device)
        far_BSP = plan.positions_BS[:, :, None] - at >= window
        shared = shared.masked_fill(far_BSP[:, None, None], float("-inf"))
    shares = torch.cat([shared, own], -1).softmax(-1).to(value.dtype)
    to_past, to_own = shares.split([past_key.shape[1], key.shape[2]], -1)
    from_past = to_past.transpose(0, 1).reshape(h, -1, past_key.shape[1]) @ past_value
    from_past = from_past.view(h, b, heads // h, s, d).transpose(0, 1)
    from_own = (to_own.flatten(2, 3) @ value).view(b, h, heads // h, s, d)
    return (from_past + from_own).reshape(b, heads, s, d)


def _own_mask(plan: Reading, window: int | None) -> torch.Tensor | None:
    """(B, 1, S, L), True where a token is seen; None: all before it."""
    reach = int(plan.positions_BS.max()) + 1
    if window is None or window >= reach:
        return None if plan.mask_BSL is None else plan.mask_BSL[:, None]
    near_BSL = plan.positions_BS[:, :, None] - plan.keys_BL[:, None, :] < window
    mask_BSL = plan.mask_BSL
    if mask_BSL is None:
        mask_BSL = plan.keys_BL[:, None, :] <= plan.positions_BS[:, :, None]
    return (mask_BSL & near_BSL)[:, None]


def _capped(scores: torch.Tensor, softcap: float | None) -> torch.Tensor:
    return scores if softcap is None else torch.tanh(scores / softcap) * softcap
