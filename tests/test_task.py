"""The frozen nouns: inputs from what users write, and values that cannot change."""

from __future__ import annotations

import dataclasses

import pytest
from pydantic import ValidationError

from rung.errors import UsageError
from rung.task import Context, Example, Input, Label, Prediction, Task, as_input


def test_inputs_from_what_users_write() -> None:
    assert as_input("hello").text == "hello"
    assert as_input("hello").segments == ("hello",)
    fields = as_input({"title": "a", "body": "b"})
    assert fields.text == "title: a\nbody: b"
    assert fields.segments == (fields.text,)
    pair = as_input(("first", "second"))
    assert pair.segments == ("first", "second")
    assert pair.pair
    assert as_input(pair) is pair
    assert hash(as_input("x")) == hash(as_input("x"))


def test_a_pair_has_two_texts() -> None:
    with pytest.raises(UsageError, match="neither a pair of texts nor a conversation"):
        as_input(["one", "two", "three"])


def test_tasks_keep_the_order_of_their_labels_and_survive_json() -> None:
    task = Task(name="t", labels=(Label(name="b", description="second"), Label(name="a")))
    assert task.label_names == ("b", "a")
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_nothing_changes_after_it_is_made() -> None:
    with pytest.raises(ValidationError):
        Task(name="t").name = "u"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        Example("train:0", as_input("x"), "a").output = "b"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        Task(name="t", colour="red")  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        Context(shots=-1)


def test_a_prediction_may_be_none() -> None:
    empty = Prediction(None, well_formed=False)
    assert (empty.output, empty.confidence, empty.usage.tokens_in) == (None, None, 0)
    assert Input((("text", ""),)).text == ""
