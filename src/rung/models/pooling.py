"""Which hidden states become a text's vector, and how they are averaged. Knows tensors' shapes, no model.

`spread` exists because a trunk tuned for sentence similarity has thrown away in its last layer what other tasks need (the kind of
a question, the tone of a review); earlier layers still hold it (Tenney et al. 2019, "BERT rediscovers the classical NLP pipeline").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rung.errors import UsageError

if TYPE_CHECKING:
    import torch

#: Ways to choose layers. `last` gives D = hidden_size; `spread` up to three times that, the last layer's mean at the end.
LAYERS = ("last", "spread")


def layer_indices(depth: int, layers: str) -> tuple[int, ...]:
    """Layers that are pooled, of a trunk `depth` layers deep (0 is the embeddings, `depth` the last layer).

    >>> layer_indices(6, "last"), layer_indices(6, "spread"), layer_indices(2, "spread")
    ((6,), (2, 4, 6), (1, 2))

    Raises:
        UsageError: `layers` is none of `LAYERS`.
    """
    if layers == "last":
        return (depth,)
    if layers == "spread":
        return tuple(sorted({max(1, round(depth / 3)), max(1, round(2 * depth / 3)), depth}))
    raise UsageError("unknown choice of layers", given=layers, allowed=LAYERS)


def pool(hidden_states: Sequence[torch.Tensor], mask_BL: torch.Tensor, layers: str = "last") -> torch.Tensor:
    """Mean over real tokens of the chosen layers, side by side: float32 (B, hidden_size * number of layers).

    Args:
        hidden_states: embeddings and every layer's output, each (B, L, hidden_size), as transformers' `output_hidden_states`
            gives them; for `last` a sequence of the last one alone is enough.
        mask_BL: 1 for real tokens, 0 for padding.
        layers: `last` or `spread`.
    """
    import torch

    weights_BL1 = mask_BL.to(hidden_states[-1].device).unsqueeze(-1).float()
    counts_B1 = weights_BL1.sum(1)
    chosen = [-1] if layers == "last" else list(layer_indices(len(hidden_states) - 1, layers))
    return torch.cat([(hidden_states[i].float() * weights_BL1).sum(1) / counts_B1 for i in chosen], dim=1)
