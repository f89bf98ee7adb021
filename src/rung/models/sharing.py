"""Trunks that share what they have in common: ten adapters in memory are one model and ten times what was learnt. Knows no method.

A twin has modules of its own wherever there are modules inside, and the trunk's own leaves in them: weights are held once, and
whoever changes a part of the twin, or hangs a hook on it, leaves the trunk as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from rung.models.device import compute_dtype, device

#: Up to this many tokens a CPU makes the two thin products faster in float32, casts included: bfloat16 takes 14 us to begin with,
#: float32 takes 4 (16 tokens, width 384).
FEW_TOKENS = 32
#: Tensors of two bytes an element begin at multiples of this many elements, as matrix products like it.
ALIGNED = 32


def twin(trunk: torch.nn.Module, parts: Mapping[str, torch.nn.Module]) -> torch.nn.Module:
    """A trunk that has `parts` at the places they are named for, and the weights of `trunk` everywhere else.

    Args:
        trunk: stays as it is. Hooks on its inner modules are not taken over: transformers' own, which hand out the states of all
            layers, are put on the twin when it is first asked for them.

    Raises:
        KeyError: the trunk has no module of that name.
    """
    known = {name for name, _ in trunk.named_modules(remove_duplicate=False)}
    if unknown := sorted(set(parts) - known):
        raise KeyError(f"no module called {unknown[0]}")
    return _twin(trunk, parts, "", {})


def _twin(
    module: torch.nn.Module, parts: Mapping[str, torch.nn.Module], name: str, done: dict[int, torch.nn.Module]
) -> torch.nn.Module:
    if name in parts:
        return parts[name]
    if not module._modules:
        return module
    if id(module) in done:  # a module that stands in two places stands in both of the twin, too
        return done[id(module)]
    copied = type(module).__new__(type(module))
    torch.nn.Module.__init__(copied)
    fresh = set(vars(copied))
    vars(copied).update({key: value for key, value in vars(module).items() if key not in fresh})
    vars(copied).pop("_output_capturing_hooks_installed", None)
    done[id(module)] = copied
    copied.training = module.training
    copied._parameters = dict(module._parameters)
    copied._buffers = dict(module._buffers)
    copied._non_persistent_buffers_set = set(module._non_persistent_buffers_set)
    below = f"{name}." if name else ""
    copied._modules = {
        key: None if child is None else _twin(child, parts, below + key, done) for key, child in module._modules.items()
    }
    return copied


class LowRank(torch.nn.Linear):
    """A linear layer whose weights belong to someone else, and an update of low rank beside them (Hu et al. 2021, section 4.1).

    Args:
        base: its weights are used, not copied.
        down_RI, up_OR: the update is `scale * up @ down`; both in the layer's dtype and on its device.
    """

    def __init__(self, base: torch.nn.Linear, down_RI: torch.Tensor, up_OR: torch.Tensor, scale: float) -> None:
        torch.nn.Module.__init__(self)  # Linear's own would draw weights
        self.in_features, self.out_features, self.scale = base.in_features, base.out_features, scale
        self.weight, self.bias = base.weight, base.bias
        self.down_RI = torch.nn.Parameter(down_RI, requires_grad=False)
        self.up_OR = torch.nn.Parameter(up_OR, requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x @ (weight + scale * up @ down).T + bias`, in three products."""
        out = torch.nn.functional.linear(x, self.weight, self.bias)
        down_RI: torch.Tensor = self.down_RI
        up_OR: torch.Tensor = self.up_OR
        if x.numel() <= FEW_TOKENS * self.in_features and x.device.type == "cpu":
            x, down_RI, up_OR = x.float(), down_RI.float(), up_OR.float()
        low = torch.nn.functional.linear(x, down_RI)
        return out.add_(torch.nn.functional.linear(low, up_OR), alpha=self.scale)


class Halves(Mapping[str, torch.Tensor]):
    """Float32 tensors in two halves of their bits: the upper is the number in bfloat16, for computing; both give it back exactly.

    So what was learnt can be kept to the last bit and be ready to answer in the memory of one copy. The upper half is rounded
    (ties away from zero), the lower says what is left. All tensors stand in two arrays: many small ones would leave holes.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self._places: dict[str, tuple[int, torch.Size]] = {}
        size = 0
        for name, tensor in tensors.items():
            self._places[name] = (size, tensor.shape)
            size += -(-tensor.numel() // ALIGNED) * ALIGNED
        self._upper = torch.zeros(size, dtype=torch.int16)
        self._lower = torch.zeros(size, dtype=torch.int16)
        for name, tensor in tensors.items():
            bits = tensor.detach().float().contiguous().view(torch.int32)
            upper = (bits + 0x8000) >> 16
            self._part(self._upper, name).copy_(upper)
            self._part(self._lower, name).copy_(bits - (upper << 16))

    def __getitem__(self, name: str) -> torch.Tensor:
        upper = self._part(self._upper, name).to(torch.int32)
        return ((upper << 16) + self._part(self._lower, name)).view(torch.float32)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def narrow(self, name: str) -> torch.Tensor:
        """The tensor in bfloat16: no copy, not to be changed."""
        return self._part(self._upper, name).view(torch.bfloat16)

    def _part(self, array: torch.Tensor, name: str) -> torch.Tensor:
        start, shape = self._places[name]
        return array[start : start + shape.numel()].view(shape)


def compact(learnt: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Float32 tensors as they are best kept by someone who answers with them on this machine: see `Halves`."""
    if isinstance(learnt, Halves) or compute_dtype() != torch.bfloat16:
        return learnt
    return Halves(learnt)


def ready(learnt: Mapping[str, torch.Tensor], name: str) -> torch.Tensor:
    """A learnt tensor in the dtype and on the device that answers are computed with; without a copy wherever that can be."""
    found: Any = learnt.narrow(name) if isinstance(learnt, Halves) else learnt[name]
    tensor: torch.Tensor = found.detach().to(device=device(), dtype=compute_dtype())
    return tensor
