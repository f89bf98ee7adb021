"""Answers under a JSON schema as they are scored: fields by their values, rows if all are right, answers valid by the schema."""

from __future__ import annotations

import json

import pytest

from rung import metrics
from rung.evaluation.aggregate import tabulate
from rung.evaluation.kinds import metric_name, metric_of
from rung.evaluation.records import Arm, ComparisonRecord, RowResult, Run
from rung.metrics.extraction import EntityCounts, items_of
from rung.plan import Limits, Prices
from rung.report.fields import mistakes
from rung.report.words import words_for
from rung.task import Label, Task

SCHEMA = {
    "type": "object",
    "properties": {
        "mood": {"enum": ["good", "bad"]},
        "price": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
    "required": ["mood"],
}
TASK = Task(
    name="notes",
    kind="extract",
    labels=tuple(Label(name=name) for name in SCHEMA["properties"]),  # type: ignore[attr-defined]
    json_schema=json.dumps(SCHEMA),
)
WANTED = '{"mood": "good", "price": 3, "tags": ["a", "b"], "place": {"city": "Rome"}}'

# answer -> right, answered
ANSWERS: dict[str | None, tuple[int, int]] = {
    WANTED: (5, 5),
    '{"place": {"city": " rome "}, "tags": ["B", "a"], "price": 3.0, "mood": "GOOD"}': (5, 5),
    '{"mood": "bad", "price": 3.5, "tags": ["a", "a"]}': (1, 4),
    '{"mood": "good", "city": "Rome"}': (1, 2),
    "{}": (0, 0),
    None: (0, 0),
    "good": (0, 0),
    '{"mood": "good"': (0, 0),
    '[{"type": "mood", "text": "good"}]': (0, 0),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_fields_are_counted_by_path_and_value(answer: str | None) -> None:
    right, answered = ANSWERS[answer]
    assert metrics.entity_counts([WANTED], [answer]) == [EntityCounts(right, 5, answered)]
    assert metrics.exact_score(WANTED, answer) == float(right == answered == 5)
    assert metrics.entity_f1([WANTED], [answer]).value == pytest.approx(2 * right / (5 + answered))


def test_an_answer_is_valid_if_it_keeps_the_schema() -> None:
    assert metrics.fault_of(TASK, WANTED, "no word of it stands here") is None
    assert metrics.fault_of(TASK, None) == "there is no answer"
    assert metrics.fault_of(TASK, '{"mood": "fine"}') == 'the field `mood` is to be one of "good", "bad", not "fine"'
    assert metrics.fault_of(TASK, "[]") == "the answer is to be an object, not []"
    assert str(metrics.fault_of(TASK, "{")).startswith("it cannot be read")
    entities = TASK.model_copy(update={"json_schema": None})
    assert metrics.fault_of(entities, '[{"type": "mood", "text": "good"}]', "a good day") is None
    assert metrics.types_of_task(entities) == ("mood", "price", "tags", "place")
    assert metrics.types_of_task(TASK) == ("mood", "price", "tags", "place.city")


def record(outputs: list[str | None]) -> ComparisonRecord:
    rows = tuple(
        RowResult(row=f"test:{i}", expected=WANTED, output=o, score=metrics.exact_score(WANTED, o), confidence=None)
        for i, o in enumerate(outputs)
    )
    run = Run(comparison="c", arm=Arm(name="a", method="a", rung=1), seed=0, status="done", rows=rows)
    nothing = {"task_path": "", "data_fingerprint": "", "created_at": "", "limits": Limits(), "prices": Prices()}
    return ComparisonRecord(id="c", task=TASK, metric=metric_of(TASK), runs=(run,), inputs={}, **nothing)


def test_the_figures_of_an_arm_are_over_fields() -> None:
    outputs = [WANTED, '{"mood": "bad", "price": 3}', None, '{"price": 3}']
    found = tabulate(record(outputs)).summaries[0].metrics
    assert found["micro_f1"].value == pytest.approx(2 * 7 / (20 + 8))
    assert found["recall"].value == pytest.approx(7 / 20) and found["precision"].value == pytest.approx(7 / 8)
    assert found["exact_match"].value == 0.25 and found["validity"].value == 0.5
    by_field = metrics.per_type([WANTED] * 4, outputs, metrics.types_of_task(TASK))
    assert found["macro_f1"].value == pytest.approx(sum(r.f1.value or 0 for r in by_field) / 4)
    assert metric_name("macro_f1", TASK) == "F1, mean over fields"


def test_what_went_wrong_is_told_by_field() -> None:
    outputs = [WANTED, '{"mood": "bad", "price": 4, "tags": ["a", "c", "d"]}', None, '{"mood": "bad"}']
    found = {(m.kind, m.expected, m.given): (m.count, m.words) for m in mistakes(record(outputs).runs[0])}
    assert found == {
        ("wrong value", "mood", "mood"): (2, "good → bad"),
        ("missed", "place.city", None): (2, "Rome"),
        ("missed", "tags", None): (2, "a"),
        ("missed", "price", None): (1, "3"),
        ("wrong value", "price", "price"): (1, "3 → 4"),
        ("wrong value", "tags", "tags"): (1, "b → c"),
        ("not expected", None, "tags"): (1, "d"),
        ("no answer", None, None): (1, "test:2"),
    }


def test_the_report_explains_fields_and_not_entities() -> None:
    assert "Field" in words_for(TASK) and "Entity" not in words_for(TASK)


def test_an_object_in_a_list_is_right_as_a_whole() -> None:
    wanted, swapped = '{"i": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]}', '{"i": [{"a": 1, "b": 4}, {"a": 3, "b": 2}]}'
    assert metrics.entity_f1([wanted], [swapped]).value == 0.0
    assert items_of('{"i": [{"b": 2.0, "a": 1}]}') == items_of('{"i": [{"a": 1, "b": 2}]}')
