"""Dropout that a training can repeat: its noise comes from the share's own generator, not from a global one.

PyTorch's dropout on a CPU draws one number an element from one generator shared by all threads: the order in which workers come
to it is chance, and drawing takes 7 % of a step. Here one 64-bit number serves eight elements.
"""

from __future__ import annotations

import torch

from rung.training.steps import current_generator


class SeededDropout(torch.nn.Module):
    """Zeroes a share `p` of the elements (to the next 1/256) while training, and scales the rest (Srivastava et al. 2014)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p
        self.below = round(p * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` with some elements zeroed; unchanged in evaluation."""
        if not self.training or self.below == 0:
            return x
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64)
        noise = (
            words.random_(-(2**63), None, generator=current_generator()).view(torch.uint8)[: x.numel()].view(x.shape)
        )
        keep = (noise >= self.below).to(device=x.device, dtype=x.dtype)
        return x * keep * (256 / (256 - self.below))


def without_dropout(module: torch.nn.Module) -> torch.nn.Module:
    """Turn every dropout of a pretrained trunk off: on a few thousand rows it did not help, and costs a tenth of the time."""
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
        elif isinstance(getattr(part, "dropout_prob", None), float):
            setattr(part, "dropout_prob", 0.0)  # noqa: B010 declared a module or tensor by the type checker
        for name in ("attention_dropout", "dropout_p"):
            if isinstance(getattr(part, name, None), float):
                setattr(part, name, 0.0)
    return module


def seeded(module: torch.nn.Module) -> torch.nn.Module:
    """Replace what dropout there is by `SeededDropout`, in place."""
    for name, child in list(module.named_children()):
        if isinstance(child, torch.nn.Dropout) and child.p > 0:
            setattr(module, name, SeededDropout(child.p))
        else:
            seeded(child)
    return module
