"""Narrow products: the same output and gradients as autocast, frozen weights without gradient, forwards given back."""

from __future__ import annotations

import torch

from rung.training.narrow import NarrowLinears


def test_outputs_and_gradients_are_those_of_autocast() -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 4, bias=False))
    module[2].weight.requires_grad_(False)
    x = torch.randn(3, 5, 8, requires_grad=True)
    wanted = [x, module[0].weight, module[0].bias]
    with torch.autocast("cpu", torch.bfloat16):
        plain = module(x)
    theirs = torch.autograd.grad(plain.float().sum(), wanted)
    narrow = NarrowLinears(module, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        ours_out = module(x)
    ours = torch.autograd.grad(ours_out.float().sum(), wanted)
    torch.testing.assert_close(ours_out, plain, atol=1e-2, rtol=1e-2)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype == torch.float32 and a.shape == b.shape
        torch.testing.assert_close(a, b, atol=0.05, rtol=0.02)
    narrow.remove()
    assert torch.equal(module(x), torch.nn.functional.linear(torch.nn.functional.gelu(module[0](x)), module[2].weight))


def test_moved_weights_are_seen_after_refresh() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4))
    narrow = NarrowLinears(layer, torch.bfloat16)
    x = torch.ones(1, 4)
    with torch.no_grad():
        layer[0].weight.fill_(2.0)
        layer[0].bias.zero_()
        narrow.refresh()
        with torch.autocast("cpu", torch.bfloat16):
            assert float(layer(x)[0, 0]) == 8.0
