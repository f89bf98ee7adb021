"""What prompts say: every kind of task in every form, written out whole."""

from __future__ import annotations

from typing import Any

import pytest

from rung.entities import Entity, dump
from rung.prompts import Renderer, Shot
from rung.task import Context, Input, Label, Message, OutOfScope, Task, as_input

MOOD = Task(name="t", instruction="How is it meant?", labels=(Label(name="good"), Label(name="bad")))
TAGS = MOOD.model_copy(update={"multi_label": True})
CITY = Task(name="t", kind="extract", labels=(Label(name="city"), Label(name="dish")))
WRITE = Task(name="t", kind="generate", instruction="Translate into French.")
SHOTS = (Shot(as_input("fine"), "good"), Shot(as_input("awful"), "bad"))


def renderer(task: Task = MOOD, *, chat: bool = False, written: bool = False, **context: Any) -> Renderer:
    return Renderer(task, Context(**context), chat, written)


def talk(*turns: tuple[str, str]) -> Input:
    return as_input([{"role": role, "content": text} for role, text in turns])


def test_a_text_names_the_labels_and_ends_where_the_answer_begins() -> None:
    assert renderer().prompt(as_input("so so"), SHOTS) == (
        "How is it meant?\nLabels: good, bad\n\n"
        "Text: fine\nLabel: good\n\n"
        "Text: awful\nLabel: bad\n\n"
        "Text: so so\nLabel:"
    )
    assert renderer().following("good") == " good"
    assert renderer(chat=True).following("good") == "good"


def test_turns_show_examples_as_a_conversation() -> None:
    assert renderer(chat=True).prompt(as_input("so so"), SHOTS) == (
        Message("system", "How is it meant?\nLabels: good, bad"),
        Message("user", "fine"),
        Message("assistant", "good"),
        Message("user", "awful"),
        Message("assistant", "bad"),
        Message("user", "so so"),
    )


def test_a_message_holds_all_in_one_turn() -> None:
    (turn,) = renderer(chat=True, form="message").prompt(as_input("so so"), SHOTS[:1])
    assert turn == ("user", "How is it meant?\nLabels: good, bad\n\nText: fine\nLabel: good\n\nText: so so")


@pytest.mark.parametrize("form", ["auto", "turns", "message", "text"])
def test_a_model_that_reads_no_turns_gets_a_text(form: str) -> None:
    assert renderer(form=form).form == "text"
    assert isinstance(renderer(form=form).prompt(as_input("a")), str)
    assert renderer(form=form, chat=True).form == ("turns" if form == "auto" else form)


def test_examples_stand_in_the_order_given() -> None:
    said = str(renderer().prompt(as_input("x"), SHOTS[::-1]))
    assert said.index("awful") < said.index("fine") < said.index("Text: x")


def test_several_labels_are_a_json_list() -> None:
    prompt = renderer(TAGS).prompt(as_input("x"), [Shot(as_input("both"), ("bad", "good")), Shot(as_input("no"), ())])
    assert 'Text: both\nLabels: ["bad", "good"]\n\nText: no\nLabels: []\n\nText: x\nLabels:' in str(prompt)
    assert "JSON list of the labels" in renderer(TAGS).instruction


def test_entities_are_an_object_without_places() -> None:
    found = dump([Entity("city", "Łódź", 3, 7), Entity("city", "Bonn", 12, 16), Entity("dish", "soup")])
    prompt = str(renderer(CITY).prompt(as_input("x"), [Shot(as_input("To Łódź and Bonn"), found)]))
    assert '\nJSON: {"city": ["Łódź", "Bonn"], "dish": "soup"}\n\nText: x\nJSON:' in prompt
    assert prompt.startswith("Extract the fields from the text.\nFields: city, dish\nAnswer in JSON")


def test_a_text_is_asked_for_with_its_first_reference() -> None:
    prompt = renderer(WRITE).prompt(as_input("good night"), [Shot(as_input("hello"), ("bonjour", "salut"))])
    assert prompt == "Translate into French.\n\nText: hello\nAnswer: bonjour\n\nText: good night\nAnswer:"
    assert renderer(WRITE).stops == ("\n\n", "\nAnswer:"), "an answer may have several lines"
    assert renderer(MOOD).stops == ("\n",) and renderer(MOOD, chat=True).stops == ()


def test_fields_have_their_names_in_every_form() -> None:
    item = as_input({"title": "Rain", "body": "All day."})
    assert str(renderer().prompt(item)).endswith("\n\nTitle: Rain\nBody: All day.\nLabel:")
    assert renderer(chat=True).prompt(item)[-1] == ("user", "Title: Rain\nBody: All day.")
    (message,) = renderer(chat=True, form="message").prompt(item)
    assert isinstance(message, Message) and message.content.endswith("\n\nTitle: Rain\nBody: All day.")
    assert "Text_a: one\nText_b: two\nLabel:" in str(renderer().prompt(as_input(("one", "two"))))


def test_descriptions_stand_beside_labels_unless_they_are_left_out() -> None:
    told = MOOD.model_copy(update={"labels": (Label(name="good", description="praise"), Label(name="bad"))})
    assert renderer(told).instruction == "How is it meant?\nLabels:\n- good: praise\n- bad"
    assert renderer(told, label_descriptions=False).instruction == "How is it meant?\nLabels: good, bad"


def test_instructions() -> None:
    bare = MOOD.model_copy(update={"instruction": "  "})
    assert renderer(bare).instruction.startswith("Give the label that fits the text.\nLabels:")
    assert renderer(instruction="Other.").instruction == "Other.\nLabels: good, bad"
    nothing = Task(name="t", kind="generate")
    assert renderer(nothing).prompt(as_input("a")) == "Text: a\nAnswer:"
    assert renderer(nothing, chat=True).prompt(as_input("a")) == (Message("user", "a"),)


def test_a_conversation_keeps_its_turns_and_its_own_instructions() -> None:
    item = talk(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Well?"))
    shot = Shot(talk(("system", "Be kind."), ("user", "One?"), ("assistant", "Two."), ("user", "Three?")), "Four.")
    assert renderer(WRITE, chat=True).prompt(item, [shot]) == (
        Message("system", "Translate into French.\n\nBe brief."),
        *(Message("user", "One?"), Message("assistant", "Two."), Message("user", "Three?")),
        Message("assistant", "Four."),
        *(Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Well?")),
    )
    text = str(renderer(WRITE).prompt(item))
    assert text.endswith("Text: system: Be brief.\nuser: Hi\nassistant: Hello\nuser: Well?\nAnswer:")


def test_a_message_keeps_every_instruction_of_a_conversation() -> None:
    item = talk(
        ("system", "Be brief."), ("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "So?")
    )
    assert renderer(WRITE, chat=True, form="message").prompt(item) == (
        Message("system", "Be brief.\n\nBe kind."),
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Translate into French.\n\nText: So?"),
    )


def test_who_writes_the_label_is_told_what_inputs_of_no_class_are_answered_with() -> None:
    scoped = MOOD.model_copy(update={"out_of_scope": OutOfScope(label="neither")})
    assert renderer(scoped, written=True).instruction.endswith("\nLabels: good, bad\nWhere none of them fits: neither")
    assert "neither" not in renderer(scoped).instruction, "by score it is decided by a threshold"
    listed = scoped.model_copy(update={"labels": (*MOOD.labels, Label(name="neither"))})
    assert renderer(listed, written=True).instruction.count("neither") == 1


def test_thoughts_end_in_a_last_line() -> None:
    assert 'a last line that begins with "Answer:"' in renderer(reasoning=True).instruction
    assert renderer(reasoning=True).stops == ()


@pytest.mark.parametrize("chat", [False, True])
@pytest.mark.parametrize("task", [MOOD, TAGS, CITY, WRITE])
def test_empty_inputs_are_asked_about_like_any_other(task: Task, *, chat: bool) -> None:
    prompt = renderer(task, chat=chat).prompt(as_input(""))
    assert prompt[-1] == ("user", "") if chat else str(prompt).split("\n\n")[-1].startswith("Text: \n")
