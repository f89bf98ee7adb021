"""Extract tasks with a JSON schema: the schema in the task file or beside it, rows that keep it and rows that do not, the audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rung.dataset.audit import audit
from rung.dataset.fingerprint import fingerprint
from rung.dataset.load import Dataset, load_dataset
from rung.errors import TaskFileError, UsageError
from rung.plan import TaskFile, read_task_file
from rung.task import Task

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["good", "bad"], "description": "how the writer feels"},
        "stars": {"type": "integer"},
        "shop": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
    "required": ["mood"],
}
KEYS: dict[str, Any] = {"kind": "extract", "output": "answer", "schema": SCHEMA}


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"text": f"note {i} of a guest", "answer": {"stars": i % 5 + 1, "mood": ("bad", "good")[i % 2]}}
        for i in range(start, start + n)
    ]


def load(project: Any, train: list[dict[str, Any]], **keys: Any) -> Dataset:
    return load_dataset(*project(train, rows(4, 100), **{**KEYS, **keys}))


def test_the_task_has_the_schema_and_its_fields_as_labels(project: Any) -> None:
    found = load(project, rows(6))
    assert found.task.json_schema == json.dumps(SCHEMA)
    told = [(label.name, label.description) for label in found.task.labels]
    assert told == [("mood", "how the writer feels"), ("stars", ""), ("shop", "")]
    assert found.train[0].output == '{"mood": "bad", "stars": 1}'
    assert found.warnings == ("1 field of the schema: no training row has it: shop",)


def test_rows_hold_an_object_or_its_json_text(project: Any) -> None:
    train = [*rows(3), {"text": "as text", "answer": '{"stars": 4.0, "shop": {"city": "Rome"}, "mood": "good"}'}]
    train.append({"text": "with gaps", "answer": {"mood": "bad", "stars": None, "shop": {"city": None}}})
    found = load(project, train)
    assert found.train[3].output == '{"mood": "good", "stars": 4, "shop": {"city": "Rome"}}'
    assert found.train[4].output == '{"mood": "bad", "shop": {}}'
    assert not found.unusable


# what is wrong -> the cell, code, how the message goes on
FAULTS: dict[str, tuple[Any, str, str]] = {
    "nothing": (None, "no_fields", "there is nothing in 'answer'"),
    "no JSON": ("{'mood': 'good'}", "bad_fields", "'answer' is not valid JSON"),
    "a list": ([{"type": "mood", "text": "good"}], "bad_fields", "'answer' holds no JSON object"),
    "a text": ('"good"', "bad_fields", "'answer' holds no JSON object"),
    "missing": ({"stars": 3}, "bad_fields", "'answer' does not keep the schema: the field `mood` is missing"),
    "an option": ({"mood": "fine"}, "bad_fields", '`mood` is to be one of "good", "bad", not "fine"'),
    "a type": ({"mood": "bad", "stars": "3"}, "bad_fields", '`stars` is to be a whole number, not "3"'),
    "unknown": ({"mood": "bad", "star": 3}, "bad_fields", "`star` is no field of the schema: did you mean `stars`?"),
    "half a character": ({"mood": "bad", "shop": {"city": "\ud800"}}, "bad_text", "half a character"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_row_that_does_not_keep_the_schema_is_told_with_its_line(project: Any, tmp_path: Path, case: str) -> None:
    cell, code, message = FAULTS[case]
    file, folder = project(rows(6), rows(4, 100), **KEYS)
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"text": "odd", "answer": cell}) + "\n")
    found = load_dataset(file, folder)
    (problem,) = found.unusable
    assert (problem.code, problem.where) == (code, "train.jsonl, line 7")
    assert message in problem.message
    assert len(found.train) == 6


def test_the_schema_may_stand_in_a_file(project: Any, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text(json.dumps(SCHEMA, indent=2), encoding="utf-8")
    assert load(project, rows(4), schema="answer.json").fingerprint == load(project, rows(4)).fingerprint


@pytest.mark.parametrize(
    ("text", "message", "where"),
    [
        ('{\n "type": }', "`schema:` names a file that is not JSON", "answer.json, line 2"),
        ('{"type": "object"}', "cannot be judged: at properties: a mapping", "answer.json"),
        (None, "`schema:` names a file that cannot be read", "answer.json"),
    ],
)
def test_a_schema_file_that_cannot_be_used(project: Any, tmp_path: Path, text: Any, message: str, where: str) -> None:
    if text is not None:
        (tmp_path / "answer.json").write_text(text, encoding="utf-8")
    file, folder = project(rows(4), rows(4, 100), **{**KEYS, "schema": "answer.json"})
    with pytest.raises(UsageError) as caught:
        load_dataset(file, folder)
    assert message in caught.value.message and caught.value.where == where
    assert [finding.code for finding in audit(file, folder).findings] == ["bad_schema"]


REFUSED: dict[str, str] = {
    "kind: generate\nschema: {type: object, properties: {a: {type: string}}}": "schema: belongs to kind: extract",
    "kind: extract\nschema: a.yaml": "the path of a .json file",
    "kind: extract\nschema: {type: object, properties: {a: {type: date}}}": "at properties.a: the type 'date' is not",
    "kind: extract\nlabels: [a]\nschema: a.json": "labels: the fields are those of `schema:`",
    "kind: extract\ntokens: words\nschema: a.json": "tokens: belongs to entities",
    "kind: extract\njson_schema: a.json": "unknown key 'json_schema'",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_task_file_that_contradicts_itself(tmp_path: Path, text: str) -> None:
    (tmp_path / "task.yaml").write_text(f"name: t\ntrain: a.csv\n{text}\n", encoding="utf-8")
    with pytest.raises(TaskFileError) as caught:
        read_task_file(tmp_path / "task.yaml")
    assert REFUSED[text] in caught.value.message
    assert str(caught.value.where).startswith(str(tmp_path / "task.yaml") + ", line ")


def test_a_task_file_with_a_schema_can_be_read_again_and_reads_several_columns() -> None:
    keys = {"name": "t", "train": "a.csv", "kind": "extract", "schema": SCHEMA, "input": ["title", "body"]}
    file = TaskFile.model_validate(keys)
    assert TaskFile.model_validate(file.model_dump()) == file == TaskFile.model_validate_json(file.model_dump_json())


def test_the_fingerprint_of_a_task_without_a_schema_is_what_it_was() -> None:
    found = fingerprint(Task(name="t", kind="extract"), {"train": []})
    assert found == "c3c7f86aa918781c01302b19da47cc499ae9798d05536f5b336004889b9978b4"
    assert found != fingerprint(Task(name="t", kind="extract", json_schema=json.dumps(SCHEMA)), {"train": []})


def test_the_audit_counts_fields_and_tells_contradictions(project: Any) -> None:
    twice = {"text": "note 1 of a guest", "answer": {"mood": "bad", "stars": 2}}
    found = audit(*project([*rows(6), twice], rows(4, 100), **KEYS))
    assert found.figures["fields"]["train"]["paths"] == {"mood": 7, "stars": 7}
    (conflict,) = [one for one in found.findings if one.code == "conflicting_labels"]
    assert '1 input(s) stand with different fields (2 rows), e.g. as {"mood": "good", "stars": 2}' in conflict.message
    assert not found.errors


def test_nothing_to_learn_is_an_error(project: Any) -> None:
    with pytest.raises(UsageError, match="all 3 training rows have the same fields"):
        load(project, [{**row, "answer": {"mood": "bad"}} for row in rows(3)])
    loose = {**SCHEMA, "required": []}
    with pytest.raises(UsageError, match="none of 3 training rows has a field"):
        load(project, [{**row, "answer": {}} for row in rows(3)], schema=loose)
