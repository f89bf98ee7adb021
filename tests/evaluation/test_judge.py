"""A judge of texts: both orders, ties, what cannot be read, and rows that do not depend on the file's order."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rung.evaluation.judge import Judge, read_verdict
from rung.evaluation.records import RowResult
from rung.models.scripted import ScriptedModel
from rung.task import Example, Prompt, Task, as_input

TASK = Task(name="t", kind="generate", instruction="Write an advertisement.")
EXAMPLES = [Example(f"test:{i}", as_input(f"thing {i}"), (f"reference {i}", "another")) for i in range(8)]


def rows(outputs: list[str]) -> list[RowResult]:
    pairs = zip(EXAMPLES, outputs, strict=True)
    return [RowResult(row=e.id, expected=e.output, output=o, score=0.5) for e, o in pairs]


def answers(prompt: Prompt) -> tuple[str, str]:
    text = str(prompt[-1].content)  # type: ignore[union-attr]
    found = re.search(r"Answer A:\n(.*?)\n\nAnswer B:\n(.*?)\n\n", text, re.S)
    assert found is not None
    return found.group(1), found.group(2)


def longer(prompt: Prompt) -> str:
    first, second = answers(prompt)
    return "tie" if len(first) == len(second) else "A" if len(first) > len(second) else "B"


def judged(script: Any, outputs: list[str], **how: Any) -> dict[str, Any]:
    return Judge(ScriptedModel(script), **how).verdicts(TASK, EXAMPLES, rows(outputs))


def test_a_win_is_a_win_in_both_orders() -> None:
    outputs = ["a much longer answer"] * 4 + ["short"] * 2 + [f"reference {i}" for i in (6, 7)]
    found = judged(longer, outputs)
    assert (found["wins"], found["losses"], found["ties"], found["judged"]) == (4, 2, 2, 8)
    assert found["win_rate"] == pytest.approx(5 / 8) and found["low"] < 5 / 8 < found["high"]
    assert found["swayed"] == found["unreadable"] == 0 and "Request:" in found["prompt"]


def test_whoever_stands_first_is_no_winner() -> None:
    found = judged(lambda _: "A", ["x"] * 8)
    assert (found["wins"], found["losses"], found["ties"], found["swayed"]) == (0, 0, 8, 8)
    assert found["win_rate"] == 0.5


def test_what_cannot_be_read_is_left_out_and_counted() -> None:
    def script(prompt: Prompt) -> str:
        return "I cannot say" if "thing 3" in str(prompt) else longer(prompt)

    found = judged(script, ["a much longer answer"] * 8)
    assert (found["judged"], found["unreadable"], found["wins"]) == (7, 1, 7)
    nothing = judged(lambda _: "", ["x"] * 8)
    assert nothing["win_rate"] is None and nothing["unreadable"] == 8


def test_criteria_and_instruction_stand_in_the_prompt_and_some_rows_are_judged() -> None:
    seen: list[str] = []

    def script(prompt: Prompt) -> str:
        seen.append(str(prompt[-1].content))  # type: ignore[union-attr]
        return "tie"

    found = judged(script, ["x"] * 8, rows=3, criteria="Shorter is better.")
    assert found["judged"] == 3 and len(seen) == 6
    assert all("Shorter is better." in text and "Write an advertisement." in text for text in seen)
    assert "Shorter is better." in found["prompt"]


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("A", "A"),
        (" **B** ", "B"),
        ("Tie.", "tie"),
        ("A is long.\nAnswer B", "B"),
        ("A\nor rather\nB", "B"),
        ("", None),
        ("A or B", None),
        ("Apples", None),
    ],
)
def test_verdicts_are_read_and_not_guessed(text: str, verdict: str | None) -> None:
    assert read_verdict(text) == verdict
