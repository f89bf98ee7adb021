"""Token tagging: entities are learnt, found at their places, also far into a long text; O is held back as validation says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rung.entities import Entity, dump, parse
from rung.methods import make
from rung.methods.base import Kit
from rung.methods.heads import Answered
from rung.methods.tagging import USUAL_WORDS, TagHead, shapes
from rung.methods.which_head import head_of
from rung.models.encoder import TransformerEncoder
from rung.task import Context, Example, Label, Task, as_input

TASK = Task(name="t", kind="extract", labels=(Label(name="animal"), Label(name="colour")))
ANIMALS, COLOURS = ("fox", "dog", "cow"), ("brown", "red", "blue")


def row(number: int, text: str) -> Example:
    found = []
    for kind, names in (("animal", ANIMALS), ("colour", COLOURS)):
        for name in names:
            at = text.find(name)
            if at >= 0:
                found.append(Entity(kind, name, at, at + len(name)))
    return Example(f"train:{number}", as_input(text), dump(found))


ROWS = [row(i, f"{lead} {c} {a} {end}") for i, (lead, c, a, end) in enumerate(
    (lead, c, a, end)
    for lead in ("the good", "a late", "bad")
    for c in COLOURS
    for a in ANIMALS
    for end in ("is here", "again", "!")
)]  # fmt: skip
LONG = "the good is here again " * 20 + "the brown fox " + "is here again " * 20


def tag_head(encoder: TransformerEncoder) -> TagHead:
    head = head_of(TASK, encoder)
    assert isinstance(head, TagHead)
    return head


@pytest.mark.parametrize(
    ("name", "knobs"), [("head_only", {}), ("full_finetune", {"epochs": 6, "learning_rate": 3e-3})]
)
def test_learns_to_find_entities_at_their_places(
    name: str, knobs: dict[str, Any], tiny_encoder: TransformerEncoder
) -> None:
    fitted = make(name, knobs).fit(TASK, ROWS[::2], ROWS[1::2], tiny_encoder, Context(), Kit())
    assert fitted.validation_score is not None and fitted.validation_score > 0.9
    text = "the good blue dog is here again !"
    there = set(parse(str(fitted.predict([as_input(text)])[0].output)))
    blue, dog = text.index("blue"), text.index("dog")
    assert {Entity("colour", "blue", blue, blue + 4), Entity("animal", "dog", dog, dog + 3)} <= there
    found = parse(str(fitted.predict([as_input(LONG)])[0].output))
    assert Entity("animal", "fox", LONG.index("fox"), LONG.index("fox") + 3) in found
    assert all(LONG[e.start : e.end] == e.text for e in found if e.start is not None)


def test_the_bias_of_outside_is_learnt_where_f1_gains(tiny_encoder: TransformerEncoder) -> None:
    head = tag_head(tiny_encoder)
    rows = ROWS[:12]
    inputs = [r.input for r in rows]
    items = head.items(inputs)
    tags = np.concatenate(head.wanted(items, rows))
    logits = np.zeros((len(tags), head.outputs), np.float32)
    logits[np.arange(len(tags)), tags] = 2.0
    logits[:, 0] = np.maximum(logits[:, 0], 3.0 * (tags != 0))  # every entity just loses to O
    found = Answered(logits, np.zeros(len(items)))
    assert head.score(head.answers(inputs, items, found, {}), rows) == 0.0
    decision = head.decide(inputs, items, found, rows)
    assert decision["outside_bias"] > 1.0
    assert head.score(head.answers(inputs, items, found, decision), rows) == 1.0


def test_no_entity_to_learn_from_leaves_the_bias_alone(tiny_encoder: TransformerEncoder) -> None:
    head = tag_head(tiny_encoder)
    rows = [Example("train:0", as_input("nothing here"), "[]")]
    items = head.items([rows[0].input])
    found = Answered(np.zeros((2, head.outputs), np.float32), np.zeros(1))
    assert head.decide([rows[0].input], items, found, rows) == {"outside_bias": 0.0}


def test_features_are_means_over_the_tokens_of_each_word(tiny_encoder: TransformerEncoder) -> None:
    head = tag_head(tiny_encoder)
    trunk = tiny_encoder.trunk()
    items = head.items([as_input("zebra fox"), as_input("fox")])
    features = head.features(trunk, items)
    assert features.shape == (3, tiny_encoder.info.hidden_size + 30)
    with torch.no_grad():
        states = tiny_encoder.hidden(trunk, [items[0].row])
        word = torch.nn.functional.normalize(states[1:6].mean(0), dim=0)  # z ##e ##b ##r ##a
    torch.testing.assert_close(features[0, :32].detach(), word, atol=1e-5, rtol=1e-4)


def test_loss_weighs_every_word_alike(tiny_encoder: TransformerEncoder) -> None:
    head = tag_head(tiny_encoder)
    logits = torch.zeros(4, head.outputs)
    loss = head.loss(logits, [np.array([0, 1, 2]), np.array([], np.int64), np.array([0])])
    torch.testing.assert_close(loss, torch.tensor(4 * np.log(head.outputs) / USUAL_WORDS, dtype=torch.float32))


def test_shapes_show_what_an_uncased_tokenizer_hides() -> None:
    assert not np.array_equal(shapes(["Paris"]), shapes(["paris"]))
    assert not np.array_equal(shapes(["NATO"]), shapes(["Nato"]))
    a, b = shapes(["went", "Home"]), shapes(["went", "home"])
    assert not np.array_equal(a[0], b[0]), "a word knows its neighbour's shape"


def test_confidence_is_the_probability_of_all_tags(tiny_encoder: TransformerEncoder) -> None:
    head = tag_head(tiny_encoder)
    inputs = [as_input("a fox"), as_input("")]
    items = head.items(inputs)
    found = Answered(np.zeros((2, head.outputs), np.float32), np.ones(2))
    sure, empty = head.answers(inputs, items, found, {})
    assert sure.confidence == pytest.approx(1 / head.outputs**2)
    assert (empty.output, empty.confidence, empty.usage.seconds) == ("[]", 1.0, 1.0)
