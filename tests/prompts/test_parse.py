"""Replies become outputs of the task, or none: nothing is guessed."""

from __future__ import annotations

import json

import pytest

from rung.entities import parse
from rung.prompts import read_reply
from rung.task import Label, OutOfScope, Output, Task, as_input

CARDS = Task(name="t", labels=tuple(Label(name=name) for name in ("card_arrival", "card_arrival_late", "lost card")))
CASES = Task(name="t", labels=(Label(name="US"), Label(name="us"), Label(name="them")))
STARS = Task(name="t", labels=tuple(Label(name=str(i)) for i in range(1, 6)))
MARKS = Task(name="t", labels=(Label(name="."), Label(name="?!")))
TAGS = CARDS.model_copy(update={"multi_label": True})
CITY = Task(name="t", kind="extract", labels=(Label(name="city"), Label(name="dish")))
WRITE = Task(name="t", kind="generate")


def read(task: Task, reply: str, text: str = "", *, reasoning: bool = False) -> Output | None:
    return read_reply(task, reply, as_input(text), reasoning=reasoning).output


def repaired(task: Task, reply: str) -> bool:
    return read_reply(task, reply, as_input("")).repaired


@pytest.mark.parametrize("reply", ["card_arrival", " card_arrival\n"])
def test_a_label_as_it_is(reply: str) -> None:
    assert read(CARDS, reply) == "card_arrival" and not repaired(CARDS, reply)


@pytest.mark.parametrize(
    "reply",
    [
        "Card_Arrival",
        "card arrival.",
        "card-arrival",
        '"card_arrival"',
        "`card_arrival`",
        "**card_arrival**",
        "“card_arrival”",
        "Label: card_arrival",
        "answer = Card arrival",
        '{"label": "card_arrival"}',
        '{"label": "CARD ARRIVAL."}',
        "```\ncard_arrival\n```",
        '```json\n{"label": "card_arrival"}\n```',
        "```\nLabel: card_arrival\n```",
    ],
)
def test_a_label_in_other_clothes(reply: str) -> None:
    assert read(CARDS, reply) == "card_arrival" and repaired(CARDS, reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        " \n",
        "``",
        "It is not card_arrival, I think.",
        "card_arrival or lost card",
        "card_arrival\nlost card",
        "arrival",
        '{"label": "card_arrival", "other": "lost card"}',
        '{"label": ["card_arrival"]}',
        '{"label": null}',
        "{" * 100_000,
        "[" * 100_000,
        "null",
        "9" * 10_000,
    ],
)
def test_what_is_no_label_is_no_answer(reply: str) -> None:
    assert read(CARDS, reply) is None and not repaired(CARDS, reply)


def test_a_label_that_begins_another_is_itself() -> None:
    assert read(CARDS, "Card_arrival_late.") == "card_arrival_late"
    assert read(CARDS, "Card_arrival.") == "card_arrival"
    assert read(CARDS, "card_arrival_l") is None


def test_labels_that_differ_in_case_are_told_apart_or_not_answered() -> None:
    assert read(CASES, '"us".') == "us" and read(CASES, "Label: US") == "US"
    assert read(CASES, "Us") is None
    several = CASES.model_copy(update={"multi_label": True})
    assert read(several, '["us", "US"]') == ("US", "us")
    assert read(several, '["Us"]') is None, "either is a guess"


def test_numbers_are_labels_too() -> None:
    assert read(STARS, "5") == "5" and read(STARS, '{"stars": 5}') == "5" and read(STARS, "5.") == "5"
    assert read(STARS, "6") is None and read(STARS, '{"stars": 4.5}') is None


def test_labels_that_are_marks_are_not_read_into_nothing() -> None:
    assert read(MARKS, ".") == "." and read(MARKS, "?!") == "?!"
    assert read(MARKS, "") is None and read(MARKS, '""') is None


@pytest.mark.parametrize("listed", [False, True])
def test_the_label_of_inputs_of_no_class(*, listed: bool) -> None:
    names = (*CARDS.labels, *([Label(name="none of these")] if listed else []))
    scoped = CARDS.model_copy(update={"labels": names, "out_of_scope": OutOfScope(label="none of these")})
    assert read(scoped, "none of these") == read(scoped, "None of these.") == "none of these"
    assert read(CARDS, "none of these") is None


@pytest.mark.parametrize(
    ("reply", "found", "mended"),
    [
        ('["lost card", "card_arrival"]', ("card_arrival", "lost card"), False),
        ("[]", (), False),
        ('["lost card", "lost card"]', ("lost card",), False),
        ('["Lost Card"]', ("lost card",), True),
        ('```json\n["lost card"]\n```', ("lost card",), True),
        ('The labels are ["lost card"], I think.', ("lost card",), True),
        ('{"labels": ["lost card"]}', ("lost card",), True),
        ('["lost card", "card_arr', ("lost card",), True),
        ('["lost card", "unknown"]', None, False),
        ('["lost card", 3]', None, False),
        ("lost card", None, False),
        ("", None, False),
        ("[" * 50_000, None, False),
    ],
)
def test_several_labels(reply: str, found: Output | None, *, mended: bool) -> None:
    assert read(TAGS, reply) == found
    assert found is None or repaired(TAGS, reply) == mended


def places(reply: str, text: str) -> list[tuple[str, str, int | None]] | None:
    found = read(CITY, reply, text)
    return None if found is None else [(e.type, e.text, e.start) for e in parse(str(found))]


@pytest.mark.parametrize(
    "reply",
    [
        '{"city": "Rome", "dish": ["soup"]}',
        '```json\n{"city": "Rome", "dish": "soup"}\n```',
        'Here it is: {"city": "Rome", "dish": "soup"}. Enjoy!',
        '{"city": "Rome", "dish": ["soup", "sal',
        '{"city": "rome",\n "dish": "soup"}',
        '[{"type": "city", "text": "Rome"}, {"type": "dish", "text": "soup"}]',
    ],
)
def test_entities_are_found_in_the_text(reply: str) -> None:
    assert places(reply, "soup in Rome") == [("dish", "soup", 0), ("city", "Rome", 8)]


def test_entities_that_are_not_there_have_no_place() -> None:
    assert places('{"city": "Bonn", "dish": null}', "soup in Rome") == [("city", "Bonn", None)]
    assert places("{}", "soup in Rome") == []


@pytest.mark.parametrize(
    "reply", ["", "no entities", "5", "{" * 50_000, '{"city": ' * 20_000, '{"city": {"a": "Rome"}}']
)
def test_what_is_no_json_is_no_answer(reply: str) -> None:
    assert places(reply, "soup in Rome") is None


def test_texts_inside_json_are_not_taken_for_its_marks() -> None:
    words = 'a "quoted, ]}" \\ thing'
    cut = json.dumps({"dish": words, "city": "Rome"})[:-6]
    assert places(cut, f"{words} here") == [("dish", words, 0)]


def test_a_text_is_an_answer_and_nothing_is_none() -> None:
    assert read(WRITE, "  Bonjour,\nMadame. ") == "Bonjour,\nMadame."
    assert read(WRITE, " \n ") is None


def test_of_thoughts_only_the_result_counts() -> None:
    thoughts = "First: card_arrival? Answer: no.\nAnswer: lost card"
    assert read(CARDS, thoughts, reasoning=True) == "lost card"
    assert read(CARDS, "card_arrival", reasoning=True) is None, "without the mark there is no result"
    assert read(TAGS, 'Thinking. Answer: ["lost card"]', reasoning=True) == ("lost card",)
