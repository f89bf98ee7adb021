"""Dropout: the stated share, unchanged mean, the same noise for the same share of the same step."""

from __future__ import annotations

import torch

from rung.training.dropout import SeededDropout, seeded, without_dropout
from rung.training.steps import seed_share


def test_the_share_and_the_mean_are_right_and_the_noise_repeats() -> None:
    layer, x = SeededDropout(0.25), torch.ones(300, 301)
    seed_share(1, 2, 3)
    first = layer(x)
    seed_share(1, 2, 3)
    assert torch.equal(first, layer(x))
    seed_share(1, 2, 4)
    assert not torch.equal(first, layer(x))
    assert abs(float((first == 0).float().mean()) - 0.25) < 0.01
    assert abs(float(first.mean()) - 1) < 0.02
    assert torch.equal(layer.eval()(x), x)


def test_trunks_lose_their_dropout_and_adapters_get_the_seeded_one() -> None:
    trunk = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout(0.1))
    without_dropout(trunk)
    assert trunk[1].p == 0
    adapter = seeded(torch.nn.Sequential(torch.nn.Sequential(torch.nn.Dropout(0.1)), torch.nn.Dropout(0.0)))
    assert isinstance(adapter[0][0], SeededDropout) and not isinstance(adapter[1], SeededDropout)
