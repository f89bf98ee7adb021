"""A metric of the user's own: what it is given, and what is said where it fails."""

from __future__ import annotations

import pytest

from rung.errors import UsageError
from rung.metrics.by_task import example_score, task_figure
from rung.task import Example, OwnMetric, Task, as_input

POLITE = """
WORDS = ("please", "thank")


def polite(expected, output, input):
    assert isinstance(expected, list) and input == "Say it."
    return sum(word in output for word in WORDS) / 2
"""


def task_of(source: str, function: str = "polite") -> Task:
    return Task(name="t", kind="generate", metric=OwnMetric(file="my.py", function=function, source=source))


def row(output: str | tuple[str, ...] = "Please.") -> Example:
    return Example("test:3", as_input("Say it."), output, where="test.jsonl, line 4")


def told(source: str, function: str = "polite") -> str:
    with pytest.raises(UsageError) as caught:
        example_score(task_of(source, function), row(), "An answer.")
    assert caught.value.where == "my.py"
    return str(caught.value)


def test_it_scores_rows_and_their_mean_is_the_figure() -> None:
    task, rows = task_of(POLITE), [row(), row(("a", "b"))]
    assert [example_score(task, one, "please, thank you") for one in rows] == [1.0, 1.0]
    assert task_figure(task, rows, ["please", None]).value == 0.25
    assert task_figure(task, [], []).reason == "there are no rows"


def test_an_empty_answer_is_not_shown_to_it() -> None:
    assert example_score(task_of("def polite(*a):\n    raise ValueError('asked')\n"), row(), "  ") == 0.0


def test_what_it_raises_is_told_with_row_and_line() -> None:
    said = told("def polite(expected, output, input):\n    return 1 / 0\n")
    assert "polite raised ZeroDivisionError: division by zero (line 2) on row test.jsonl, line 4" in said
    assert "given: An answer." in said


@pytest.mark.parametrize("value", ["'good'", "None", "1.5", "-1", "float('nan')", "[1]"])
def test_what_is_no_number_from_0_to_1_is_told(value: str) -> None:
    said = told(f"def polite(expected, output, input):\n    return {value}\n")
    assert "polite returned no number in [0, 1] on row test.jsonl, line 4" in said and "given: " in said


def test_a_file_that_cannot_be_run_is_told() -> None:
    assert "it cannot be run: ModuleNotFoundError" in told("import nothing_of_this_name\n")
    assert "(line 2)" in told("x = 1\nimport nothing_of_this_name\n")
    assert "did you mean 'polite'?" in told("def polite(*a):\n    return 1\n", "polit")


def test_its_source_is_its_identity() -> None:
    first, second = (task_of(source).metric for source in (POLITE, POLITE + "\n"))
    assert isinstance(first, OwnMetric) and isinstance(second, OwnMetric)
    assert first.sha256 != second.sha256 and len(first.sha256) == 64
