"""Every registered method passes the public contract."""

from __future__ import annotations

import pytest

from rung.methods import METHODS, make
from rung.models.base import Encoder, Model
from rung.testing import check_methods

NOTHING_LEARNT = ("majority", "nearest_example", "zero_shot", "frozen_features")
QUICK = {"lora": {"epochs": 2}, "full_finetune": {"epochs": 2}}


def test_every_method_on_a_random_encoder(tiny: Model) -> None:
    passed = check_methods([make(name, QUICK.get(name)) for name in METHODS], tiny, beats_majority=False)
    assert list(passed) == list(METHODS)
    assert all("same after loading in a fresh process" in names for names in passed.values())


def test_methods_without_gradients_learn_on_minilm(minilm: Encoder) -> None:
    passed = check_methods([make(name) for name in NOTHING_LEARNT], minilm)
    assert all("beats majority" in names for name, names in passed.items() if name != "majority")


@pytest.mark.slow
def test_tuned_methods_learn_on_minilm(minilm: Encoder) -> None:
    passed = check_methods([make(name) for name in METHODS if name not in NOTHING_LEARNT], minilm)
    assert all("beats majority" in names for names in passed.values())
