"""Prompts are made to fit by the stated rule, and what is left out is counted. A tiny model of 192 positions counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from language_families import POSITIONS, build_language
from rung.models.base import LanguageModel
from rung.models.catalogue import new_model
from rung.models.scripted import ScriptedModel
from rung.prompts import Asked, Renderer, Shot, fitted_prompts
from rung.task import Context, Input, Label, Message, Prompt, Task, as_input

TASK = Task(name="t", instruction="How is it meant?", labels=(Label(name="good"), Label(name="bad")))
SHOTS = tuple(Shot(as_input(f"shot {i} the parcel came late"), ("good", "bad")[i % 2]) for i in range(12))
ROOM = 4


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[bool, LanguageModel]]:
    """By whether they chat; only their tokenizers are used."""
    found = {}
    for chat, family in ((True, "qwen2"), (False, "gpt2")):
        model = new_model(str(build_language(family, tmp_path_factory.mktemp("fit"))))
        assert isinstance(model, LanguageModel) and model.chat == chat
        found[chat] = model
    yield found


def renderer(model: Any, **context: Any) -> Renderer:
    return Renderer(TASK, Context(**context), model.chat)


def fitted(model: LanguageModel, items: Sequence[Input], shots: Sequence[Shot], **context: Any) -> list[Asked]:
    return fitted_prompts(renderer(model, **context), model, items, [shots] * len(items), ROOM)


def said(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else "\n".join(turn.content for turn in prompt)


def size(model: LanguageModel, prompt: Prompt) -> int:
    (count,) = model.count([prompt]) or [0]
    return count


def shown(prompt: Prompt) -> list[int]:
    """Numbers of the examples that stand in a prompt, in order."""
    return [int(part.split()[0]) for part in said(prompt).split("shot ")[1:]]


@pytest.mark.parametrize("chat", [False, True])
def test_the_example_chosen_last_goes_first_and_no_more_go_than_must(
    models: dict[bool, LanguageModel], *, chat: bool
) -> None:
    model = models[chat]
    items = [as_input("so so " * n) for n in (1, 10, 20, 30)]
    asked = fitted(model, items, SHOTS)
    kept = [shown(one.prompt) for one in asked]
    assert [one.dropped for one in asked] == [len(SHOTS) - len(numbers) for numbers in kept]
    assert [len(numbers) for numbers in kept] == sorted((len(numbers) for numbers in kept), reverse=True)
    assert len({len(numbers) for numbers in kept}) > 2, "they are dropped one by one"
    for item, one, numbers in zip(items, asked, kept, strict=True):
        assert numbers == list(range(len(numbers)))[::-1], "the first chosen stands last"
        assert size(model, one.prompt) <= POSITIONS - ROOM
        more = renderer(model).prompt(item, SHOTS[: len(numbers) + 1][::-1])
        assert size(model, more) > POSITIONS - ROOM, "one more would not have fitted"
        assert one.notes == ("shots_dropped",) and not one.cut


def test_which_go_does_not_depend_on_the_order_they_stand_in(models: dict[bool, LanguageModel]) -> None:
    for one in fitted(models[False], [as_input("so so")], SHOTS, order="first_chosen_first"):
        assert 0 < one.dropped < len(SHOTS) and shown(one.prompt) == list(range(len(SHOTS) - one.dropped))


def test_what_fits_is_left_as_it_is(models: dict[bool, LanguageModel]) -> None:
    model = models[True]
    (one,) = fitted(model, [as_input("so so")], SHOTS[:2])
    assert one == Asked(renderer(model).prompt(as_input("so so"), SHOTS[1::-1])) and one.notes == ()


@pytest.mark.parametrize("chat", [False, True])
def test_an_input_is_cut_at_its_end_only_where_it_is_too_long_alone(
    models: dict[bool, LanguageModel], *, chat: bool
) -> None:
    model = models[chat]
    long = "".join(f"word{i} " for i in range(400))
    (one,) = fitted(model, [as_input(long)], SHOTS)
    assert one.notes == ("shots_dropped", "input_cut") and one.dropped == len(SHOTS)
    assert "word0 word1 word2 word3" in said(one.prompt) and "word399" not in said(one.prompt)
    assert said(one.prompt).startswith("How is it meant?\nLabels: good, bad")
    assert POSITIONS - ROOM - 3 <= size(model, one.prompt) <= POSITIONS - ROOM
    if not chat:
        assert said(one.prompt).endswith("\nLabel:"), "what follows the input stays"


@pytest.mark.parametrize(
    "item", ["", " \n\t", "\x00", "🌧️🍕✈️" * 200, "天気はどうですか" * 100, {"title": "a " * 300, "body": "b " * 300}]
)
def test_no_prompt_exceeds_the_context(models: dict[bool, LanguageModel], item: Any) -> None:
    for model in models.values():
        (one,) = fitted(model, [as_input(item)], SHOTS)
        assert size(model, one.prompt) <= POSITIONS - ROOM


def talk(*turns: str) -> Input:
    """A conversation that the user begins, behind an instruction of its own."""
    roles = ("user", "assistant")
    said = [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]
    return as_input([{"role": "system", "content": "Be kind."}, *said])


def test_of_a_conversation_the_oldest_turns_go_first(models: dict[bool, LanguageModel]) -> None:
    model = models[True]
    turns = [f"turn {i} " + "so " * 12 for i in range(7)]
    (one,) = fitted(model, [talk(*turns)], SHOTS)
    assert one.notes == ("shots_dropped", "input_cut") and size(model, one.prompt) <= POSITIONS - ROOM
    kept = [turn for turn in one.prompt if isinstance(turn, Message)]
    assert kept[0].content.endswith("\n\nBe kind.") and kept[1].role == "user"
    assert 1 < len(kept[1:]) < 7 and [turn.content for turn in kept[1:]] == turns[-len(kept[1:]) :], (
        "what stays is whole"
    )
    more = talk(*turns[-len(kept) - 1 :])
    assert size(model, renderer(model).prompt(more)) > POSITIONS - ROOM, "two turns more would not have fitted"


def test_a_last_turn_that_is_too_long_alone_is_cut(models: dict[bool, LanguageModel]) -> None:
    (one,) = fitted(models[True], [talk("Hi", "Hello", "turn 2 " + "so " * 500)], SHOTS)
    assert size(models[True], one.prompt) <= POSITIONS - ROOM
    assert [turn.role for turn in one.prompt if isinstance(turn, Message)] == ["system", "user"]
    assert "turn 2 so so" in said(one.prompt) and "Hello" not in said(one.prompt)


def test_examples_that_are_too_long_do_not_hide_the_input(models: dict[bool, LanguageModel]) -> None:
    huge = [Shot(as_input("shot 0 " + "late " * 500), "bad"), *SHOTS[1:]]
    (one,) = fitted(models[False], [as_input("so so")], huge)
    assert shown(one.prompt) == [] and one.dropped == len(huge) and not one.cut and "so so" in said(one.prompt)


def test_where_only_the_provider_counts_nothing_is_left_out() -> None:
    model = ScriptedModel({})
    (one,) = fitted_prompts(renderer(model), model, [as_input("so " * 5000)], [SHOTS], 256)
    assert one.notes == () and len(shown(one.prompt)) == len(SHOTS)
