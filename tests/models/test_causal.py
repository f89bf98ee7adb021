"""Causal models: told from encoders by their configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from rung.errors import ModelError
from rung.methods import make
from rung.models import open_model
from rung.task import Example, Label, Task, as_input


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random GPT-2 of one layer, without a tokenizer."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    GPT2LMHeadModel(GPT2Config(**ends, vocab_size=64, n_positions=48, n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        folder
    )
    return folder


def test_a_causal_model_is_told_by_its_configuration(gpt2: Path) -> None:
    info = open_model(str(gpt2)).info
    assert (info.kind, info.family, info.hidden_size, info.layers) == ("causal", "gpt2", 16, 1)
    assert (info.context_length, info.vocabulary) == (48, 64)


def test_a_missing_tokenizer_is_named(gpt2: Path) -> None:
    with pytest.raises(ModelError, match="has no tokenizer"):
        _ = open_model(str(gpt2)).tokenizer  # type: ignore[attr-defined]


def test_encoder_rungs_skip_a_causal_model_with_the_reason(gpt2: Path) -> None:
    task = Task(name="t", labels=(Label(name="a"), Label(name="b")))
    rows = [Example("train:0", as_input("x"), "a"), Example("train:1", as_input("y"), "b")]
    for name in ("frozen_features", "lora", "prompt_tuning"):
        assert "encoder" in (make(name).skip_reason(task, open_model(str(gpt2)), rows) or "")
