"""LoRA: the lean forward is PEFT's, what is assembled is what was trained, and rank and scale mean what they say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rung.methods.lora import Lora, lean
from rung.methods.which_head import head_of
from rung.models.encoder import TransformerEncoder
from rung.task import Task


def injected(method: Lora, encoder: TransformerEncoder) -> Any:
    from peft import inject_adapter_in_model

    torch.manual_seed(0)
    trunk = encoder.trunk().requires_grad_(False)
    module = inject_adapter_in_model(method.config(), trunk).eval()
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.3)
    return module


@pytest.mark.parametrize("method", [Lora(), Lora(rank=4, alpha=4, rslora=True)])
def test_lean_forward_updates_apart_and_merged_weights_equal_peft(
    method: Lora, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("sharing", "device"):  # in this order: what is imported under a patch keeps it
        monkeypatch.setattr(f"rung.models.{place}.compute_dtype", lambda: torch.float32)
    encoder = TransformerEncoder("tiny", tiny_folder)  # one that has no trunk in another dtype yet
    module = injected(method, encoder)
    ids = torch.tensor([[2, 10, 11, 12, 3], [2, 20, 21, 22, 3]])
    plain = encoder.trunk().eval()(input_ids=ids).last_hidden_state
    theirs = module(input_ids=ids).last_hidden_state
    apart, merged = (
        method.model_copy(update={"merged": merged})
        .assemble(encoder, method.learnt(module))(input_ids=ids)
        .last_hidden_state
        for merged in (False, True)
    )
    ours = lean(module)(input_ids=ids).last_hidden_state
    assert not torch.allclose(plain, theirs, atol=0.1), "the adapter does something"
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(apart, theirs, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(merged, theirs, atol=1e-4, rtol=1e-4)


def test_only_adapters_move_and_reach_every_matrix(tiny_encoder: TransformerEncoder) -> None:
    module = Lora(rank=2).install(tiny_encoder.trunk(), head_of(Task(name="t"), tiny_encoder))
    moving = [name for name, p in module.named_parameters() if p.requires_grad]
    assert moving and all(".lora_" in name for name in moving)
    assert len(moving) == 2 * 2 * 6, "six matrices a layer, two layers, two factors each"
