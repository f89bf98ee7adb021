"""Every family of encoders is read, tagged, tuned, adapted and kept as BERT is, by tiny models made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from families import FAMILIES, POSITIONS, SIZES
from rung.methods import load_fitted, make
from rung.methods.base import Kit
from rung.methods.lora import Lora
from rung.methods.which_head import head_of
from rung.models.encoder import TransformerEncoder
from rung.models.words import WORD, word_rows
from rung.task import Context, Input, as_input
from rung.testing import ODD_TEXTS, assert_same, toy

TEXTS = (
    "Will it rain in São Paulo tonight?",
    "👩‍👩‍👧 Chloé's naïve café… 天気 100% _ok_",
    "e\u0301toile\u00a0noire\tand  two   spaces",
    "Book a flight to Lisbon for Maria. " * 30,
)
#: Tiny random trunks in bfloat16, whatever stands beside in the batch.
NEAR = 0.05


@pytest.fixture(params=FAMILIES)
def encoder(request: pytest.FixtureRequest, family: Callable[[str], TransformerEncoder]) -> TransformerEncoder:
    return family(request.param)


def test_what_a_folder_says(encoder: TransformerEncoder) -> None:
    info = encoder.info
    assert info.kind == "encoder" and info.family.replace("-", "_") in FAMILIES
    assert (info.hidden_size, info.context_length) == (SIZES["hidden_size"], POSITIONS)
    assert info.layers == encoder.trunk().config.num_hidden_layers > 1
    assert info.vocabulary == encoder.trunk().get_input_embeddings().num_embeddings


def test_a_vector_does_not_depend_on_its_neighbours(encoder: TransformerEncoder) -> None:
    inputs = [*map(as_input, TEXTS), as_input(("Is it late?", "No")), *map(as_input, ODD_TEXTS)]
    together = encoder.encode(inputs).vectors_ND
    alone = np.concatenate([encoder.encode([item]).vectors_ND for item in inputs])
    np.testing.assert_allclose(together, alone, atol=NEAR)
    assert np.isfinite(together).all()
    assert np.abs(together[0] - together[1]).max() > 2 * NEAR, "texts differ"


def test_states_of_tokens_average_to_the_vector(encoder: TransformerEncoder) -> None:
    rows = encoder.token_rows([*map(as_input, TEXTS), as_input(("Is it late?", "No"))])
    with torch.inference_mode():
        for layers in ("last", "spread"):
            states_TD = encoder.hidden(encoder.shared(), rows, layers)
            assert states_TD.dtype == torch.float32 and len(states_TD) == sum(len(row.ids) for row in rows)
            parts = states_TD.split([len(row.ids) for row in rows])
            means_ND = torch.stack([part.mean(0) for part in parts])
            torch.testing.assert_close(means_ND, encoder.pooled(encoder.shared(), rows, layers), atol=1e-3, rtol=1e-3)


def test_a_trunk_for_training_says_the_same(encoder: TransformerEncoder) -> None:
    """Its attention is computed in another way."""
    rows = encoder.token_rows([*map(as_input, TEXTS), as_input(("Is it late?", "No"))])
    usual, training = encoder.trunk().eval(), encoder.trunk(training=True).eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder.pooled(training, rows), encoder.pooled(usual, rows), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(encoder.hidden(training, rows), encoder.hidden(usual, rows), atol=1e-4, rtol=1e-4)


def test_both_texts_of_a_pair_are_read(encoder: TransformerEncoder) -> None:
    pairs = [("Is it late?", "No"), ("Is it late?", "Yes"), ("Was it late?", "No")]
    found = encoder.encode([as_input(pair) for pair in pairs]).vectors_ND
    assert np.abs(found[0] - found[1]).max() > 0.01 and np.abs(found[0] - found[2]).max() > 0.01
    long = encoder.token_rows([as_input(("word " * 500, "the end"))])[0]
    assert long.cut and 0 < long.first < len(long.ids) <= POSITIONS


@pytest.mark.parametrize("text", TEXTS)
def test_every_word_has_its_tokens(encoder: TransformerEncoder, text: str) -> None:
    windows = word_rows(encoder, [as_input(text)])
    seen: dict[int, tuple[int, int]] = {}
    for window in windows:
        assert len(window.row.ids) == len(window.word_of) <= POSITIONS
        assert window.word_of.max() < len(window.spans)
        ordered = window.word_of[window.word_of >= 0]
        assert (np.diff(ordered) >= 0).all(), "tokens stand in the order of their words"
        seen.update({window.first + i: span for i, span in enumerate(window.spans)})
    assert [seen[i] for i in sorted(seen)] == [match.span() for match in WORD.finditer(text)]
    assert len(windows) > 1 or len(text) < 100


def test_tokens_of_a_word_spell_it(encoder: TransformerEncoder) -> None:
    """The pieces said to be a word's own, read again: no piece of a neighbour, and no space that is a piece by itself."""
    text = "Will it rain tonight"
    window = word_rows(encoder, [as_input(text)])[0]
    for number, (start, end) in enumerate(window.spans):
        pieces = [token for token, word in zip(window.row.ids, window.word_of, strict=True) if word == number]
        assert all(encoder.tokenizer.decode([piece]).strip() for piece in pieces)
        spelled = encoder.tokenizer.decode(pieces).strip().casefold()
        assert spelled == text[start:end].casefold()


def test_low_rank_updates_stand_beside_every_matrix(encoder: TransformerEncoder) -> None:
    trunk = encoder.trunk()
    linear = {name for name, part in trunk.named_modules() if isinstance(part, torch.nn.Linear)}
    module = Lora(rank=2).install(encoder.trunk(training=True), head_of(toy().task, encoder))
    adapted = {name.partition(".lora_")[0] for name, p in module.named_parameters() if p.requires_grad}
    assert adapted == linear and not any("pooler" in name for name in linear)


def test_updates_apart_are_the_merged_matrices(encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("sharing", "device"):  # in this order: what is imported under a patch keeps it
        monkeypatch.setattr(f"rung.models.{place}.compute_dtype", lambda: torch.float32)
    wide = TransformerEncoder(encoder.info.name, Path(str(encoder.info.path)))
    learnt = _noise(Lora.learnt(Lora().install(wide.trunk(), head_of(toy().task, wide))))
    rows = wide.token_rows([as_input(text) for text in TEXTS])
    with torch.inference_mode():
        apart, merged = (wide.pooled(Lora(merged=merged).assemble(wide, learnt), rows) for merged in (False, True))
        assert (apart - wide.pooled(wide.shared(), rows)).abs().max() > 0.05, "the update does something"
        torch.testing.assert_close(apart, merged, atol=1e-4, rtol=1e-4)


def _noise(learnt: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(tensor.shape, generator=generator) * 0.1 for name, tensor in learnt.items()}


@pytest.mark.parametrize("kind", ["classify", "extract"])
def test_a_training_moves_all_that_should_move(encoder: TransformerEncoder, kind: Any) -> None:
    data = toy(kind)
    method: Any = make("full_finetune", {"epochs": 2, "refit": "never"})
    fitted = method.fit(data.task, data.train, (), encoder, Context(), Kit())
    before = dict(encoder.trunk().named_parameters())
    still = [name for name, tensor in fitted.learnt.items() if torch.equal(tensor, before[name].detach())]
    assert set(fitted.learnt) == set(before)
    assert [name for name in still if not _without_gradient(name, encoder)] == []
    losses = [entry["loss"] for entry in fitted.details["curve"]]
    assert all(np.isfinite(losses))


def _without_gradient(name: str, encoder: TransformerEncoder) -> bool:
    """What a training on short single texts cannot move: a shift of all keys changes no attention (softmax)."""
    return name.endswith(("key.bias", "k_lin.bias", "key_proj.bias"))


def test_what_was_learnt_is_kept(encoder: TransformerEncoder, tmp_path: Path) -> None:
    data = toy()
    fitted = make("lora", {"epochs": 1}).fit(data.task, data.train, (), encoder, Context(), Kit())
    fitted.save(tmp_path)
    again = load_fitted(tmp_path, lambda name: TransformerEncoder(name, Path(str(encoder.info.path))))
    assert again.weights_sha == fitted.weights_sha
    assert_same(fitted.predict(_asked(data.inputs)), again.predict(_asked(data.inputs)))


def _asked(inputs: Sequence[Input]) -> list[Input]:
    return [*inputs[:5], *map(as_input, ODD_TEXTS)]


def test_training_arithmetic_does_not_fail_in_a_narrow_type(encoder: TransformerEncoder) -> None:
    """DeBERTa's forward breaks under autocast; its family is trained in float32."""
    rows = encoder.token_rows([as_input(text) for text in TEXTS])
    trunk = encoder.trunk(training=True)
    with torch.autocast("cpu", torch.bfloat16):
        loss = encoder.pooled(trunk, rows).square().sum() + encoder.hidden(trunk, rows).sum()
    loss.backward()
    gradients = [p.grad for p in trunk.parameters() if p.grad is not None]
    assert gradients and all(bool(torch.isfinite(g).all()) for g in gradients)
