"""Matrix products in bfloat16 with the narrow weights made once a step, not once a product and worker. Knows no model family.

Autocast copies every weight to the narrow type each time a worker first meets it, and frozen weights at every step anew. Here
each linear layer gets a narrow copy beside its float32 weight: refreshed after an optimizer step where the weight moves, made
once where it is frozen. It works under autocast only, and its arithmetic is autocast's: products in the narrow type, gradients
of weights rounded to it, then float32.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch


class NarrowLinears:
    """Narrow copies for the `torch.nn.Linear` layers of `module`; `remove` takes them away again."""

    def __init__(self, module: torch.nn.Module, dtype: torch.dtype) -> None:
        self.layers = [layer for layer in module.modules() if type(layer) is torch.nn.Linear]
        self.copies = {layer: layer.weight.detach().to(dtype) for layer in self.layers}
        self.groups = [group for part in module.modules() if (group := _group(part)) is not None]
        for group in self.groups:
            stacked_OI = torch.cat([self.copies[layer] for layer in group])
            for layer, rows in zip(group, stacked_OI.split([layer.out_features for layer in group]), strict=True):
                self.copies[layer] = rows  # a view: refreshing the layer's copy refreshes the stack
            group[0].together = partial(_products, group, stacked_OI)  # type: ignore[assignment]
        for layer in self.layers:
            layer.forward = partial(_product, layer, self.copies[layer])  # type: ignore[method-assign]

    def refresh(self) -> None:
        """Copy the weights that move; call it after every step."""
        with torch.no_grad():
            for layer in self.layers:
                if layer.weight.requires_grad:
                    self.copies[layer].copy_(layer.weight)

    def remove(self) -> None:
        """Give every layer its own forward back."""
        for layer in self.layers:
            del layer.forward
        for group in self.groups:
            del group[0].together


def _group(part: torch.nn.Module) -> list[torch.nn.Linear] | None:
    """Query, key and value layers of one attention block that read the same input, if they are plain and have biases."""
    found = [getattr(part, name, None) for name in ("query", "key", "value")]
    plain = [layer for layer in found if type(layer) is torch.nn.Linear and layer.bias is not None]
    return plain if len(plain) == 3 and len({layer.in_features for layer in plain}) == 1 else None


def _products(group: list[torch.nn.Linear], narrow_OI: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The layers' outputs by one product with their stacked weights."""
    if not torch.is_autocast_enabled("cpu"):
        return tuple(torch.nn.functional.linear(x, layer.weight, layer.bias) for layer in group)
    weight = torch.cat([layer.weight for layer in group]) if group[0].weight.requires_grad else narrow_OI
    bias = torch.cat([layer.bias for layer in group])
    out: torch.Tensor = _Product.apply(x, weight, bias, narrow_OI)
    return out.split([layer.out_features for layer in group], dim=-1)


def _product(layer: torch.nn.Linear, narrow_OI: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    if not torch.is_autocast_enabled("cpu"):
        return torch.nn.functional.linear(x, layer.weight, layer.bias)
    out: torch.Tensor = _Product.apply(x, layer.weight, layer.bias, narrow_OI)
    return out


class _Product(torch.autograd.Function):
    """x @ W.T + b with a narrow copy of W; the gradients go to W and b."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: Any, narrow_OI: torch.Tensor) -> torch.Tensor:
        rows_NI = x.to(narrow_OI.dtype).reshape(-1, x.shape[-1])
        ctx.save_for_backward(rows_NI, narrow_OI)
        ctx.shape, ctx.dtype = x.shape, x.dtype
        narrow_bias = None if bias is None else bias.to(narrow_OI.dtype)
        return torch.nn.functional.linear(rows_NI, narrow_OI, narrow_bias).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows_NI, narrow_OI = ctx.saved_tensors
        gradient_NO = gradients[0].to(narrow_OI.dtype).reshape(-1, narrow_OI.shape[0])
        to_x = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_x = (gradient_NO @ narrow_OI).view(ctx.shape).to(ctx.dtype)
        if ctx.needs_input_grad[1]:
            to_weight = (gradient_NO.T @ rows_NI).float()
        if ctx.needs_input_grad[2]:
            to_bias = gradient_NO.sum(0, dtype=torch.float32)
        return to_x, to_weight, to_bias, None
