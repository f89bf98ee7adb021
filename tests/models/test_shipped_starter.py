"""The starter model that comes with the package: loads in plain transformers, is small, and its card says what was measured."""

from __future__ import annotations

import json
from pathlib import Path

from rung.models import open_model
from rung.models.base import LanguageModel, Sampling
from rung.models.files import STARTER
from rung.task import Message

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "starter.json"


def test_the_starter_loads_in_plain_transformers() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(STARTER)
    model = AutoModelForCausalLM.from_pretrained(STARTER)
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hello"}]
    text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    assert text == "<|system|>Be short.<|end|><|user|>Hello<|end|><|assistant|>"
    ids = torch.tensor([tokenizer(text)["input_ids"]])
    answer = model.generate(ids, max_new_tokens=4, do_sample=False)
    assert answer.shape[1] > ids.shape[1]
    assert model.config.max_position_embeddings == 2048 and model.config.tie_word_embeddings
    assert tokenizer.decode(tokenizer("Æneas paid £20.")["input_ids"]) == "Æneas paid £20."


def test_the_starter_is_small_enough_to_ship() -> None:
    sizes = [path.stat().st_size for path in STARTER.glob("*.safetensors")]
    assert sum(sizes) <= 36_000_000 and max(sizes) < 16_000_000
    assert {path.suffix for path in STARTER.iterdir()} <= {".safetensors", ".json", ".md", ".jinja"}


def test_the_card_and_the_weights_are_those_of_the_committed_result() -> None:
    import hashlib
    import sys

    found = json.loads(RESULTS.read_text())
    hashes = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(STARTER.glob("*.safetensors"))}
    assert hashes == found["weights"]
    sys.path.insert(0, str(ROOT / "recipes" / "starter"))
    try:
        from card import card
    finally:
        sys.path.pop(0)
        sys.modules.pop("card", None)
    assert (STARTER / "README.md").read_text(encoding="utf-8") == card(found) + "\n"


def test_the_starter_opens_by_its_name_and_answers() -> None:
    model = open_model("starter")
    assert isinstance(model, LanguageModel) and model.chat
    assert model.info.kind == "causal" and model.info.context_length == 2048 and model.info.licence == "Apache-2.0"
    network = model.shared()  # type: ignore[attr-defined]
    assert sum(p.numel() for p in network.parameters()) == model.info.parameters
    copied = '{"name": "Ann Miller", "city": "Paris"}'
    asked = (Message("user", f"Copy the JSON.\n{copied}"),)
    reply = model.generate([asked], Sampling(max_tokens=60))[0]
    assert reply.finish == "stop" and set(json.loads(reply.text)) == {"name", "city"}
    logs = model.score([asked], [copied, '{"name": "Tom Hill", "city": "Rome"}']).logs_NK[0]
    assert logs[0] > logs[1]
