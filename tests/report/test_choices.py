"""What arms chose, read from details of any shape."""

from __future__ import annotations

from typing import Any

import kinds
import pytest

from rung.evaluation.records import Arm
from rung.evaluation.summary import ArmSummary
from rung.report.choices import Choices, Rate, choices
from rung.task import Label, Task

TASK = Task(name="t", labels=(Label(name="a"), Label(name="b")), multi_label=True)


def read(details: dict[str, Any]) -> Choices | None:
    return choices(ArmSummary(arm=Arm(name="x", method="x", rung=1), status="done", details=details), TASK)


def test_all_that_was_chosen_is_read() -> None:
    found = read(kinds.details_of("p_tuning", labels=2))
    assert found is not None
    assert found.rates[0] == Rate(0.0003, 0.91234, False)
    assert found.rates[-1] == Rate(0.01, None, False)
    assert found.thresholds == (("a", 0.3), ("b", 0.325))
    assert found.soft_prompt is not None
    assert found.soft_prompt.nearest[0][0] == ("classify", 0.31)
    assert found.parts == ["4 learning rates tried", "2 thresholds", "a soft prompt of 20 vectors"]


def test_a_threshold_for_inputs_of_no_class_stands_in_the_heading() -> None:
    found = read({"decision": {"thresholds": [], "reject_below": 0.4321, "warning": "few rows"}})
    assert found is not None
    assert (found.reject_below, found.warning, found.parts) == (0.4321, "few rows", ["no class below 43.2\u202f%"])


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"decision": None, "learning_rates": None, "soft_prompt": None},
        {"decision": {"thresholds": [0.5]}, "learning_rates": [{"learning_rate": 0.1}], "soft_prompt": {"vectors": 3}},
        {"decision": "none", "learning_rates": "many", "soft_prompt": [1], "other": 1},
        {"learning_rates": [3, None], "decision": {"thresholds": "ab", "reject_below": True}},
    ],
)
def test_what_is_missing_or_of_another_shape_is_left_out(details: dict[str, Any]) -> None:
    assert read(details) is None


def test_words_without_a_distance_are_left_out() -> None:
    found = read({"soft_prompt": {"nearest": [[{"word": "a"}, {"word": "b", "distance": 1}], None]}})
    assert found is not None and found.soft_prompt is not None
    assert (found.soft_prompt.vectors, found.soft_prompt.nearest) == (2, ((("b", 1.0),), ()))
