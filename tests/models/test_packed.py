"""The packed forward against transformers': same vectors, same gradients, also for pairs, RoBERTa and adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rung.methods.which_head import head_of
from rung.models import packed
from rung.models.base import TokenRow
from rung.models.encoder import TransformerEncoder
from rung.task import Task, as_input

TEXTS = [
    as_input("the quick brown fox"),
    as_input("a"),
    as_input(("good", "bad and awful")),
    as_input("refund late " * 9),
]


def plain(encoder: TransformerEncoder, trunk: Any, rows: list[TokenRow]) -> torch.Tensor:
    trunk.packed = False
    try:
        return encoder.pooled(trunk, rows)
    finally:
        trunk.packed = True


def test_vectors_and_gradients_are_those_of_transformers(tiny_encoder: TransformerEncoder) -> None:
    trunk: Any = tiny_encoder.trunk(training=True).eval()
    assert trunk.packed
    rows = tiny_encoder.token_rows(TEXTS)
    parameters = list(trunk.parameters())
    pairs = []
    for vectors in (tiny_encoder.pooled(trunk, rows), plain(tiny_encoder, trunk, rows)):
        gradients = torch.autograd.grad((vectors**2).sum(), parameters, allow_unused=True)
        pairs.append((vectors, gradients))
    torch.testing.assert_close(pairs[0][0], pairs[1][0], atol=1e-5, rtol=1e-4)
    for ours, theirs in zip(pairs[0][1], pairs[1][1], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-3)


def test_rows_of_one_length_need_no_mask(tiny_encoder: TransformerEncoder) -> None:
    trunk: Any = tiny_encoder.trunk(training=True).eval()
    rows = tiny_encoder.token_rows([as_input("fox"), as_input("bad")])
    assert len({len(row.ids) for row in rows}) == 1
    torch.testing.assert_close(tiny_encoder.pooled(trunk, rows), plain(tiny_encoder, trunk, rows), atol=1e-5, rtol=1e-4)


def test_roberta_counts_positions_behind_its_padding_index() -> None:
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        type_vocab_size=1,
    )
    model = RobertaModel(config, add_pooling_layer=False).eval()
    assert packed.fits(model)
    ids = [[0, 7, 8, 9, 2], [0, 11, 2]]
    ours = packed.pooled(model, [TokenRow(row, len(row), False) for row in ids])
    for i, row in enumerate(ids):
        theirs = model(input_ids=torch.tensor([row])).last_hidden_state[0].mean(0)
        torch.testing.assert_close(ours[i], theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("method", ["full_finetune", "lora"])
def test_under_autocast_with_narrow_weights_it_stays_close(method: str, tiny_encoder: TransformerEncoder) -> None:
    from rung.methods import make
    from rung.training.narrow import NarrowLinears

    tuning: Any = make(method)
    trunk = tuning.install(tiny_encoder.trunk(training=True), head_of(Task(name="t"), tiny_encoder)).eval()
    rows = tiny_encoder.token_rows(TEXTS)
    exact = tiny_encoder.pooled(trunk, rows)
    narrow = NarrowLinears(trunk, torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        vectors = tiny_encoder.pooled(trunk, rows)
    moving = [p for p in trunk.parameters() if p.requires_grad]
    gradients = torch.autograd.grad((vectors**2).sum(), moving, allow_unused=True)
    reference = torch.autograd.grad((exact**2).sum(), moving, allow_unused=True)
    torch.testing.assert_close(vectors, exact, atol=0.05, rtol=0.05)
    for a, b in zip(gradients, reference, strict=True):
        if a is not None and b is not None and b.norm() > 0.1:
            assert float((a - b).norm() / b.norm()) < 0.1
    narrow.remove()
    torch.testing.assert_close(tiny_encoder.pooled(trunk, rows), exact)


def test_other_families_are_left_to_transformers(tmp_path: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    assert not packed.fits(
        DistilBertModel(DistilBertConfig(vocab_size=20, dim=16, n_heads=2, n_layers=1, hidden_dim=32))
    )
