"""Soft prompts: where they start, what they move, what is kept of them, and which words they end near to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from methods.conftest import rows_of, task_of
from rung.entities import Entity, dump
from rung.methods import make
from rung.methods.base import Kit
from rung.methods.encoder_tuning import EncoderTuning
from rung.methods.fitted_encoder import LEARNT, FittedEncoder
from rung.methods.nearest_words import nearest, whole_words
from rung.methods.prefix_tuning import PrefixTuning
from rung.methods.soft_prompts import PROMPT, start_words
from rung.methods.which_head import head_of
from rung.models.encoder import TransformerEncoder
from rung.task import Context, Example, Label, Task, as_input
from rung.training import Recipe

NAMES = ("prompt_tuning", "p_tuning", "prefix_tuning")
ROWS = rows_of(
    *[("the parcel is late", "delivery"), ("refund the word", "money"), ("late late parcel", "delivery")] * 4,
    *[("a good refund", "money"), ("parcel broken", "delivery"), ("bad refund", "money")] * 4,
)
TASK = task_of("delivery", "money")


def soft(name: str, **knobs: Any) -> Any:
    found = make(name, {"vectors": 4, "epochs": 3, "learning_rate": 0.02, **knobs})
    assert isinstance(found, EncoderTuning)
    return found


def fitted(name: str, encoder: TransformerEncoder, **knobs: Any) -> FittedEncoder:
    found = soft(name, **knobs).fit(TASK, ROWS, ROWS[::4], encoder, Context(), Kit())
    assert isinstance(found, FittedEncoder)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_only_prompt_and_head_move(name: str, tiny_encoder: TransformerEncoder) -> None:
    method, head = soft(name), head_of(TASK, tiny_encoder)
    trunk = method.install(tiny_encoder.trunk(training=True), head)
    moving = [part for part, p in trunk.named_parameters() if p.requires_grad]
    assert moving and all(part.startswith("prompt.") for part in moving)
    before = {part: p.clone() for part, p in trunk.named_parameters() if not p.requires_grad}
    start = method.learnt(trunk)[PROMPT]
    trained, progress = method.tuned(head, ROWS, (), Kit(), "choose", Recipe(learning_rate=0.02, epochs=3))
    assert progress.step == 3
    assert not torch.allclose(trained.learnt[PROMPT], start, atol=1e-3), "the prompt has moved"
    fresh = dict(tiny_encoder.trunk().named_parameters())
    assert all(torch.equal(p, fresh[part.removeprefix("trunk.")]) for part, p in before.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_vector_gets_a_gradient_and_nothing_else_in_the_trunk(
    name: str, tiny_encoder: TransformerEncoder
) -> None:
    method = soft(name)
    trunk: Any = method.install(tiny_encoder.trunk(training=True), head_of(TASK, tiny_encoder))
    made = trunk.prompt().detach().requires_grad_(True)
    trunk.prompt.forward = lambda: made
    rows = tiny_encoder.token_rows([row.input for row in ROWS[:3]])
    (tiny_encoder.pooled(trunk, rows) ** 3).sum().backward()
    assert made.grad is not None
    assert made.grad.movedim(-2, 0).flatten(1).abs().amax(1).min() > 0
    assert all(p.grad is None for p in trunk.trunk.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_answers_depend_on_the_prompt(name: str, tiny_encoder: TransformerEncoder) -> None:
    found = fitted(name, tiny_encoder)
    inputs = [row.input for row in ROWS]

    def probabilities(learnt: dict[str, torch.Tensor]) -> np.ndarray:
        other = FittedEncoder(found.method, found.head, learnt, found.weights, 0)
        return np.array([p.probabilities for p in other.predict(inputs)])

    prompt = found.learnt[PROMPT]
    as_is, zeroed = probabilities({PROMPT: prompt}), probabilities({PROMPT: torch.zeros_like(prompt)})
    assert abs(as_is - zeroed).max() > 1e-3
    # values handed to other keys; words in another order
    moved = prompt.clone()
    if prompt.ndim == 4:
        moved[:, 1] = moved[:, 1].flip(1)
    else:
        moved = moved.flip(0)
    assert abs(as_is - probabilities({PROMPT: moved})).max() > 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_only_the_vectors_are_kept_and_they_are_its_identity(
    name: str, tiny_encoder: TransformerEncoder, tmp_path: Path
) -> None:
    found = fitted(name, tiny_encoder)
    found.save(tmp_path)
    kept = load_file(tmp_path / LEARNT)
    info = tiny_encoder.info
    assert list(kept) == [PROMPT]
    shape = (4, info.hidden_size) if name != "prefix_tuning" else (info.layers, 2, 4, info.hidden_size)
    assert kept[PROMPT].shape == shape
    assert (tmp_path / LEARNT).stat().st_size < 4 * kept[PROMPT].numel() + 200
    again: Any = type(found.method).load(tmp_path, TASK, tiny_encoder)
    assert again.weights_sha == found.weights_sha
    assert [p.output for p in again.predict([row.input for row in ROWS])] == [
        p.output for p in found.predict([row.input for row in ROWS])
    ]
    nudged = FittedEncoder(found.method, found.head, {PROMPT: kept[PROMPT] + 1e-4}, found.weights, 0)
    nudged.details = found.details
    assert nudged.weights_sha != found.weights_sha


@pytest.mark.parametrize("name", NAMES)
def test_the_rate_is_searched_and_the_search_is_told(name: str, tiny_encoder: TransformerEncoder) -> None:
    assert make(name).model_dump()["learning_rate"] is None
    found = fitted(name, tiny_encoder, learning_rate=None, epochs=1)
    tried = found.details["learning_rates"]
    assert [entry["learning_rate"] for entry in tried] == list(type(found.method).rates)
    best = min(tried, key=lambda entry: entry["validation_loss"])
    assert [entry["learning_rate"] for entry in tried if entry["chosen"]] == [found.details["learning_rate"]]
    assert best["learning_rate"] == found.details["learning_rate"]


def test_a_network_is_trained_at_rates_of_its_own(tiny_encoder: TransformerEncoder) -> None:
    found = fitted("prefix_tuning", tiny_encoder, learning_rate=None, epochs=1, reparametrise=True)
    tried = [entry["learning_rate"] for entry in found.details["learning_rates"]]
    assert tried == list(PrefixTuning.network_rates) and max(tried) < min(PrefixTuning.rates)


@pytest.mark.parametrize("name", NAMES)
def test_the_report_has_the_nearest_words_of_every_vector(name: str, tiny_encoder: TransformerEncoder) -> None:
    # so slow that the prompt stays where it started: at the words of the labels
    told = fitted(name, tiny_encoder, learning_rate=1e-9).details["soft_prompt"]
    assert told["vectors"] == 4 == len(told["nearest"])
    assert told["readable"] is False and told["space"]
    for entries in told["nearest"]:
        distances = [entry["distance"] for entry in entries]
        assert len(entries) == 3 and distances == sorted(distances) and 0 <= distances[0] < 2
    if name != "prefix_tuning":  # at other places than its first word's a prefix starts from other keys
        pieces = tiny_encoder.tokenizer.convert_ids_to_tokens(start_words(head_of(TASK, tiny_encoder), 4))
        alike = [(entry[0]["word"], entry[0]["distance"]) for entry in told["nearest"]]
        assert [a for a, piece in zip(alike, pieces, strict=True) if not piece.startswith("##")] == [("d", 0.0)]
    else:
        first = tiny_encoder.tokenizer.convert_ids_to_tokens(start_words(head_of(TASK, tiny_encoder), 1))
        assert (told["nearest"][0][0]["word"], told["nearest"][0][0]["distance"]) == (
            first[0],
            pytest.approx(0, abs=2e-3),
        )


@pytest.mark.parametrize("name", NAMES)
def test_entities_are_found_by_words(name: str, tiny_encoder: TransformerEncoder) -> None:
    task = Task(name="t", kind="extract", labels=(Label(name="animal"),))
    rows = [
        Example(f"train:{i}", as_input(text), dump([Entity("animal", "fox", at, at + 3)] if at >= 0 else []))
        for i, (text, at) in enumerate([("the quick fox", 10), ("a fox", 2), ("the parcel", -1), ("fox late", 0)] * 3)
    ]
    assert soft(name).skip_reason(task, tiny_encoder, rows) is None
    found = soft(name, epochs=10).fit(task, rows, rows[:4], tiny_encoder, Context(), Kit())
    predictions = found.predict([as_input("the fox"), as_input("the parcel is late")])
    assert [p.output for p in predictions] == [dump([Entity("animal", "fox", 4, 7)]), "[]"]


def test_words_come_from_instruction_and_labels_over_again(tiny_encoder: TransformerEncoder) -> None:
    task = Task(name="t", instruction="the quick", labels=(Label(name="good_fox", description="brown"),))
    said = tiny_encoder.tokenizer.convert_ids_to_tokens(start_words(head_of(task, tiny_encoder), 7))
    assert said == ["the", "quick", "good", "fox", "brown", "the", "quick"]
    nothing = Task(name="\u4e2d", labels=())
    assert len(start_words(head_of(nothing, tiny_encoder), 3)) == 3


@pytest.mark.parametrize("name", ["p_tuning", "prefix_tuning"])
def test_a_network_may_make_the_prompt_and_is_not_kept(name: str, tiny_encoder: TransformerEncoder) -> None:
    knobs = {"network": "lstm"} if name == "p_tuning" else {"reparametrise": True}
    found = fitted(name, tiny_encoder, learning_rate=0.003, **knobs)
    assert found.trainable_parameters > found.learnt[PROMPT].numel() + found.weights.weights_KD.size
    assert set(found.learnt) == {PROMPT}


def test_what_cannot_be_says_why(tiny_encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    long = make("prompt_tuning", {"vectors": 50}).skip_reason(TASK, tiny_encoder, ROWS)
    assert long is not None and "fewer than 16 of the 64 tokens" in long
    assert make("prefix_tuning", {"vectors": 50}).skip_reason(TASK, tiny_encoder, ROWS) is None
    assert "reads 64 tokens" in str(make("prefix_tuning", {"vectors": 64}).skip_reason(TASK, tiny_encoder, ROWS))
    other = tiny_encoder.info.model_copy(update={"family": "deberta-v2"})
    monkeypatch.setattr(tiny_encoder, "_info", other)
    assert "deberta-v2" in str(make("prefix_tuning").skip_reason(TASK, tiny_encoder, ROWS))
    assert make("p_tuning").skip_reason(TASK, tiny_encoder, ROWS) is None


class _Vocabulary:
    """A byte-level vocabulary of five entries."""

    all_special_ids = (0,)

    def get_vocab(self) -> dict[str, int]:
        return {"<s>": 0, "\u0120fox": 1, "es": 2, "\u0120gr\u00c3\u00bcn": 3, "\u0120!": 4}

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return {"\u0120fox": " fox", "\u0120gr\u00c3\u00bcn": " gr\u00fcn", "\u0120!": " !"}[tokens[0]]


def test_whole_words_of_vocabularies(tiny_encoder: TransformerEncoder) -> None:
    assert whole_words(_Vocabulary()) == {1: "fox", 3: "gr\u00fcn"}
    found = set(whole_words(tiny_encoder.tokenizer).values())
    assert {"fox", "quick", "a"} <= found and not {"##a", "[CLS]", "?", "CLS"} & found


def test_nearest_is_by_angle() -> None:
    table = torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    found = nearest(torch.tensor([[5.0, 0.0], [0.0, 0.1]]), _Vocabulary(), lambda ids: table[ids])
    assert [[(e["word"], e["distance"]) for e in entries] for entries in found] == [
        [("fox", 0.0), ("gr\u00fcn", 1.0)],
        [("gr\u00fcn", 0.0), ("fox", 1.0)],
    ]
