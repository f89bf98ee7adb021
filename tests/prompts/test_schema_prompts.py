"""Prompts and replies of tasks with a JSON schema: the fields in one line, an object as the answer, nothing guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from language_families import build_language
from rung.methods import make
from rung.methods.base import Kit
from rung.metrics import fault_of
from rung.models import open_model
from rung.models.scripted import ScriptedModel
from rung.prompts import Renderer, Shot, answer_schema, read_reply
from rung.task import Context, Example, Label, Task, as_input

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["very good", "bad"], "description": "of the writer"},
        "stars": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["mood"],
}
TASK = Task(
    name="notes",
    kind="extract",
    instruction="Judge the note.",
    labels=tuple(Label(name=name) for name in SCHEMA["properties"]),
    json_schema=json.dumps(SCHEMA),
)
ITEM = as_input("Three stars!")
ANSWER = '{"mood": "bad", "stars": 3}'


def test_the_prompt_states_the_fields_in_one_line() -> None:
    renderer = Renderer(TASK, Context(), chat=False)
    assert renderer.prompt(ITEM, [Shot(as_input("Bah."), '{"mood": "bad"}')]) == (
        "Judge the note.\n"
        'Fields: mood ("very good" or "bad"; of the writer), stars (whole number; optional), '
        "tags (list of: text; optional)\n"
        "Answer with one JSON object of these fields; leave out an optional one where the text does not tell it.\n\n"
        'Text: Bah.\nJSON: {"mood": "bad"}\n\nText: Three stars!\nJSON:'
    )
    bare = Renderer(TASK.model_copy(update={"instruction": ""}), Context(label_descriptions=False), chat=True)
    assert bare.instruction.startswith('Give the fields that describe the text.\nFields: mood ("very good" or "bad"),')
    thinking = Renderer(TASK, Context(reasoning=True), chat=True).instruction
    assert thinking.endswith('begins with "Answer:", as a JSON object')


def test_answers_are_decoded_under_the_schema() -> None:
    found = answer_schema(TASK)
    assert found is not None and found["additionalProperties"] is False
    assert found["properties"]["mood"] == {"enum": ["very good", "bad"]}


# reply -> what is read, whether it had to be mended
REPLIES: dict[str, tuple[str | None, bool]] = {
    ANSWER: (ANSWER, False),
    ' {"stars": 3.0, "mood": "bad"}\n': (ANSWER, False),
    f"```json\n{ANSWER}\n```": (ANSWER, True),
    f"Here it is: {ANSWER} I hope it helps.": (ANSWER, True),
    '{"mood": "Bad", "stars": 3, "tags": null}': (ANSWER, True),
    '{"mood": "bad", "stars": 3, "tags": ["a", "b': ('{"mood": "bad", "stars": 3, "tags": ["a"]}', True),
    '{"mood": "VERY  good"}': ('{"mood": "very good"}', True),
    '{"mood": "good"}': (None, False),
    '{"mood": "bad", "stars": "3"}': (None, False),
    '{"mood": "bad", "stars": true}': (None, False),
    '{"mood": "bad", "city": "Rome"}': (None, False),
    '{"stars": 3}': (None, False),
    '{"mood": null}': (None, False),
    '{"mood": "bad", "tags": ["\\ud800"]}': (None, False),
    "[]": (None, False),
    '[{"mood": "bad"}]': (None, False),
    "bad": (None, False),
    "": (None, False),
}


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_is_read_under_the_schema_or_not_at_all(reply: str) -> None:
    read = read_reply(TASK, reply, ITEM)
    assert (read.output, read.repaired) == REPLIES[reply]


def test_after_reasoning_the_result_is_read() -> None:
    read = read_reply(TASK, f'Not {{"mood": "very good"}}, so\nAnswer: {ANSWER}', ITEM, reasoning=True)
    assert read.output == ANSWER


def test_language_models_are_asked_and_count_what_they_cannot_say() -> None:
    rows = [Example(f"train:{i}", as_input(f"note {i}"), ANSWER) for i in range(3)]
    model = ScriptedModel(lambda text: '{"mood": "no idea"}' if "odd" in str(text)[-40:] else ANSWER)
    for name in ("zero_shot", "few_shot"):
        method = make(name, {"form": "text"})
        assert method.skip_reason(TASK, model, rows) is None
        fitted = method.fit(TASK, rows, rows, model, Context(), Kit())
        assert fitted.validation_score == 1.0
        good, odd = fitted.predict([as_input("a plain one"), as_input("an odd one")])
        assert good.output == ANSWER and good.notes == ()
        assert odd.output is None and not odd.well_formed and "unreadable" in odd.notes


def test_a_model_of_random_weights_is_held_to_the_schema(tmp_path: Path) -> None:
    closed = {
        "type": "object",
        "properties": {"mood": {"enum": ["good", "bad", 3]}, "open": {"type": "boolean"}},
        "required": ["mood"],
    }
    task = TASK.model_copy(update={"json_schema": json.dumps(closed)})
    model = open_model(str(build_language("gpt2", tmp_path)))
    fitted = make("zero_shot", {"max_tokens": 64}).fit(task, [], [], model, Context(), Kit())
    for found in fitted.predict([as_input(text) for text in ("a fox", "the late parcel", "?")]):
        assert found.output is not None and fault_of(task, str(found.output)) is None
        assert not {"repaired", "unreadable"} & set(found.notes)
