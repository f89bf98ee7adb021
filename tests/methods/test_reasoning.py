"""Reasoning: thoughts are asked for, the last result is read, and a hosted model's own effort is passed on."""

from __future__ import annotations

from rung.methods import make
from rung.methods.base import Kit
from rung.models.scripted import ScriptedModel
from rung.task import Context, Example, Label, Prompt, Task, as_input

TASK = Task(name="t", labels=(Label(name="good"), Label(name="bad")))
ROWS = [Example(f"train:{i}", as_input(f"text {i}"), "good" if i % 2 else "bad") for i in range(8)]


def thinking(prompt: Prompt) -> str:
    if "step by step" not in str(prompt):
        return "good"
    odd = int(prompt[-1].content.split()[-1]) % 2  # type: ignore[union-attr]
    return f"At first sight Answer: good.\nBut the number is {'odd' if odd else 'even'}.\nAnswer: {'good' if odd else 'bad'}"


def test_the_last_result_counts_and_thoughts_are_charged() -> None:
    fitted = make("reasoning").fit(TASK, ROWS, ROWS, ScriptedModel(thinking), Context(), Kit())
    assert fitted.validation_score == 1.0
    found = fitted.predict([as_input("text 12")])[0]
    assert found.output == "bad" and found.usage.tokens_out > 10


def test_thoughts_without_a_result_are_no_answer() -> None:
    fitted = make("reasoning").fit(TASK, ROWS, [], ScriptedModel(lambda _: "good, I think"), Context(), Kit())
    found = fitted.predict([as_input("text 1")])[0]
    assert found.output is None and not found.well_formed and found.notes == ("unreadable",)


def test_a_models_own_effort_replaces_the_request_to_think() -> None:
    fitted = make("reasoning", {"effort": "low"}).fit(TASK, ROWS, ROWS, ScriptedModel(thinking), Context(), Kit())
    assert fitted.sampling.effort == "low"  # type: ignore[attr-defined]
    assert fitted.predict([as_input("text 2")])[0].output == "good"
