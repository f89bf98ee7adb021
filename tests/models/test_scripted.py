"""The model that answers from a script."""

from __future__ import annotations

import pytest

from rung.events import Event, Events
from rung.models.base import Generator, Reply, Sampling
from rung.models.scripted import ScriptedModel
from rung.task import Message, Usage


def test_a_mapping_answers_the_prompts_it_knows() -> None:
    model = ScriptedModel({"is it late?": "yes it is"})
    known, unknown = model.generate(["is it late?", "who?"])
    assert known == Reply("yes it is", usage=Usage(3, 3))
    assert unknown.finish == "failed" and "no answer to this prompt" in unknown.reason


def test_a_conversation_is_known_by_its_last_turn() -> None:
    turns = (Message("system", "Be very brief."), Message("user", "is it late?"))
    assert ScriptedModel({"is it late?": "yes"}).generate([turns])[0] == Reply("yes", usage=Usage(6, 1))
    assert ScriptedModel({}).count([turns, "", "two words"]) == [6, 0, 2]


def test_a_function_sees_the_prompt_as_it_is() -> None:
    model = ScriptedModel(lambda prompt: prompt.upper() if isinstance(prompt, str) else prompt[-1].role)
    assert [reply.text for reply in model.generate(["a", (Message("user", "b"),)])] == ["A", "user"]


def test_a_function_may_refuse_or_raise() -> None:
    refused = Reply("", "refused", reason="no")

    def script(prompt: object) -> Reply:
        if prompt == "bug":
            raise ZeroDivisionError
        return refused

    assert ScriptedModel(script).generate(["a"]) == [refused]
    with pytest.raises(ZeroDivisionError):
        ScriptedModel(script).generate(["bug"])


@pytest.mark.parametrize(
    ("sampling", "text", "finish"),
    [
        (Sampling(), "one two\nthree, END four", "stop"),
        (Sampling(max_tokens=2), "one two", "length"),
        (Sampling(max_tokens=5), "one two\nthree, END four", "stop"),
        (Sampling(stop=("nowhere", "END")), "one two\nthree, ", "stop"),
        (Sampling(stop=("END",), max_tokens=3), "one two\nthree, ", "stop"),
    ],
)
def test_answers_are_cut_as_a_models_are(sampling: Sampling, text: str, finish: str) -> None:
    reply = ScriptedModel({"a": "one two\nthree, END four"}).generate(["a"], sampling)[0]
    assert (reply.text, reply.finish) == (text, finish) and reply.usage.tokens_out == len(text.split())


def test_it_is_a_generator_that_tells_its_progress() -> None:
    heard: list[Event] = []
    model = ScriptedModel({}, chat=False)
    assert isinstance(model, Generator) and model.kind == "scripted" and not model.chat
    assert model.generate([]) == []
    model.generate(["a", "b"], events=Events((heard.append,)))
    assert [(event.done, event.total) for event in heard] == [(1, 2), (2, 2)]


def test_another_script_is_another_model() -> None:
    first, second = ScriptedModel({"a": "1", "b": "2"}).info, ScriptedModel({"a": "1", "b": "3"}).info
    assert first.revision != second.revision and first.kind == "scripted"
    assert first.revision == ScriptedModel({"b": "2", "a": "1"}).info.revision
    shout = ScriptedModel(lambda prompt: str(prompt).upper()).info
    assert shout.revision != ScriptedModel(lambda prompt: str(prompt).lower()).info.revision
    assert ScriptedModel(str).info.name == "scripted"
