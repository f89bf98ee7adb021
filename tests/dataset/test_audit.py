"""The audit: known truth on public data, each kind of finding, and agreement with load_dataset on what is an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rung.dataset.audit import Audit, audit
from rung.dataset.load import load_dataset
from rung.errors import UsageError
from rung.plan import TaskFile


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    texts = ["the card never came", "where is my money", "please close this", "app shows an error", "wrong fee today"]
    return [{"text": f"{texts[i % 5]} {i} {i * i}", "label": "ab"[i % 2]} for i in range(start, start + n)]


def found(result: Audit, code: str) -> dict[str, Any]:
    return next(f for f in result.to_dict()["findings"] if f["code"] == code)


def codes(result: Audit) -> set[str]:
    return {f.code for f in result.findings}


@pytest.mark.parametrize(
    ("name", "output", "exact", "byte_equal"),
    [("banking77", "label", 6, 0), ("trec6", "label", 11, 10), ("snips", "intent", 26, 26)],
)
def test_known_overlaps(shared_data: Path, name: str, output: str, exact: int, byte_equal: int) -> None:
    file = TaskFile.model_validate({"name": name, "train": "train.jsonl.gz", "test": "test.jsonl.gz", "output": output})
    result = audit(file, shared_data / name)
    overlap = json.loads(json.dumps(result.to_dict()))["overlap"]["train_test"]
    assert (overlap["exact"], overlap["byte_equal"]) == (exact, byte_equal)
    assert not result.errors
    assert found(result, "overlap_train_test")["count"] == exact
    assert len(load_dataset(file, shared_data / name).removed) == overlap["kept_out"]
    if name == "trec6":
        assert found(result, "conflicting_labels")["places"] == ["train.jsonl.gz, line 1194", "test.jsonl.gz, line 252"]


def test_clean_data_has_no_errors_or_warnings(project: Any) -> None:
    result = audit(*project(rows(400), rows(250, 1000)))
    assert result.findings == ()
    report = result.to_dict()
    assert report["counts"]["train"] == {"rows": 400, "used": 400, "unusable": 0, "kept_out": 0}
    assert report["labels"] == {
        "a": {"train": 200, "validation": 0, "test": 125},
        "b": {"train": 200, "validation": 0, "test": 125},
    }
    assert report["balance"]["ratio"] == 1


def test_lengths_and_truncation(project: Any) -> None:
    train = [{"text": "word " * (i + 1), "label": "ab"[i % 2]} for i in range(20)]
    result = audit(
        *project(train, rows(4, 100)), count_tokens=lambda xs: [len(x.text.split()) for x in xs], token_limit=15
    )
    lengths = result.to_dict()["lengths"]["train"]
    assert lengths["words"] == {"min": 1, "median": 11, "p95": 20, "max": 20}
    assert lengths["characters"]["max"] == 100
    assert lengths["tokens"]["max"] == 20
    assert lengths["truncated"] == 5
    assert found(result, "truncated_train")["places"][0] == "train.jsonl, line 16"
    assert result.to_dict()["lengths"]["validation"]["tokens"] is None


def test_duplicates_near_duplicates_and_conflicts(project: Any) -> None:
    train = [
        {"text": "I would like to close my savings account today please", "label": "a"},
        {"text": " i would like to close my savings account today PLEASE", "label": "b"},
        {"text": "I would like to close my savings account today, thanks please", "label": "a"},
        *rows(20),
    ]
    test = [{"text": "So I would like to close my savings account today please", "label": "a"}, *rows(4, 100)]
    result = audit(*project(train, test))
    report = result.to_dict()
    assert report["duplicates"]["train"] == {"exact": 1, "near": 1}
    assert report["conflicts"] == {"inputs": 1, "rows": 2}
    assert found(result, "conflicting_labels")["places"] == ["train.jsonl, line 1", "train.jsonl, line 2"]
    assert found(result, "duplicates_train")["places"] == ["train.jsonl, line 2"]
    assert found(result, "near_duplicates_train")["places"] == ["train.jsonl, line 3"]
    assert report["overlap"]["train_test"]["near"] == 1
    assert report["overlap"]["train_test"]["exact"] == 0
    assert found(result, "near_train_test")["places"] == ["test.jsonl, line 1"]


def test_groups_and_overlap_across_three_splits(project: Any) -> None:
    file, folder = project(
        [{**r, "who": i % 3} for i, r in enumerate(rows(12))],
        [{**r, "who": 2 + i} for i, r in enumerate(rows(4, 10))],
        validation="validation.jsonl",
        group="who",
    )
    (folder / "validation.jsonl").write_text("".join(json.dumps({**r, "who": "v"}) + "\n" for r in rows(3, 11)))
    overlap = audit(file, folder).to_dict()["overlap"]
    assert overlap["train_test"] == {"exact": 2, "byte_equal": 2, "near": 0, "kept_out": 2, "groups": 1}
    assert overlap["train_validation"]["exact"] == 1
    assert overlap["validation_test"]["exact"] == 3
    result = audit(file.model_copy(update={"keep_overlap": True}), folder)
    assert "keep_overlap" in found(result, "overlap_train_test")["message"]
    assert result.to_dict()["overlap"]["train_test"]["kept_out"] == 0
    assert found(result, "groups_train_test")["count"] == 1


def test_shape_of_the_data(project: Any) -> None:
    train = [
        *[{**r, "label": "a"} for r in rows(60)],
        *[{**r, "label": "b"} for r in rows(5, 60)],
        {"text": "odd", "label": "c"},
    ]
    test = [*[{**r, "label": "a"} for r in rows(20, 100)], {"text": "new one", "label": "zebra"}]
    result = audit(*project(train, test))
    assert {"imbalance", "small_test", "single_example", "unknown_label_test", "class_without_test"} <= codes(result)
    assert "'b'" not in found(result, "single_example")["message"]
    assert "±13 points" in found(result, "small_test")["message"]
    assert [f.level for f in result.findings] == sorted(
        (f.level for f in result.findings), key=["error", "warning", "note"].index
    )


def test_as_many_problems_as_possible(project: Any) -> None:
    train = [*rows(20), {"text": "", "label": "a"}, {"text": "x", "label": "B"}, {"text": "y", "label": None}]
    file, folder = project(train, rows(2, 100))
    with (folder / "train.jsonl").open("ab") as out:
        out.write(b'{"text": broken\n{"text": "caf\xe9", "label": "a"}\n')
    (folder / "test.jsonl").unlink()
    result = audit(file, folder)
    assert {"bad_line", "unusable_train", "label_variants", "unreadable"} <= codes(result)
    assert result.errors
    assert result.to_dict()["counts"]["train"]["rows"] == 25
    assert result.to_dict()["counts"]["train"]["used"] == 21
    bad = found(result, "bad_line")
    assert bad["places"] == ["train.jsonl, line 24", "train.jsonl, line 25"]
    assert "test.jsonl" in found(result, "unreadable")["places"][0]


TRAIN, TEST = rows(30), rows(6, 100)
# what is wrong -> training rows, test rows, keys of the task file
WRONG_ROWS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "one class": ([{**r, "label": "a"} for r in TRAIN], TEST, {}),
    "case": ([*TRAIN, {"text": "x", "label": "A"}], TEST, {}),
    "unlisted": (TRAIN, TEST, {"labels": ["a", "c"]}),
    "column": (TRAIN, TEST, {"output": "nothing"}),
    "half empty": ([{**r, "text": ""} if i % 3 else r for i, r in enumerate(TRAIN)], TEST, {}),
    "empty test": (TRAIN, [], {}),
    "all in test": (TRAIN, TRAIN, {}),
}
# what is wrong -> the bytes of train.jsonl (None: no file)
WRONG_BYTES: dict[str, bytes | None] = {
    "missing": None,
    "bad line": b'{"text": "x", "label": "a"}\n{\n',
    "garbage": bytes(range(256)) * 20,
    "encoding": '{"text": "\u00e9", "label": "a"}\n'.encode("latin-1") * 4,
}


def _broken(kind: str, project: Any) -> tuple[TaskFile, Path]:
    train, test, keys = WRONG_ROWS.get(kind, (TRAIN, TEST, {}))
    file, folder = project(train, test, **keys)
    if kind in WRONG_BYTES:
        (folder / "train.jsonl").unlink()
        content = WRONG_BYTES[kind]
        if content is not None:
            (folder / "train.jsonl").write_bytes(content)
    return file, folder


@pytest.mark.parametrize("kind", [*WRONG_ROWS, *WRONG_BYTES])
def test_an_error_of_the_audit_is_an_error_of_loading(kind: str, project: Any) -> None:
    made = _broken(kind, project)
    result = audit(*made)
    assert result.errors
    with pytest.raises(UsageError) as caught:
        load_dataset(*made)
    first = result.findings[0]
    assert caught.value.message == first.message
    assert caught.value.where == (first.places[0] if first.places else None)
    json.dumps(result.to_dict())


def test_what_is_fit_for_loading_has_no_errors(project: Any) -> None:
    made = _broken("nothing", project)
    assert not audit(*made).errors
    load_dataset(*made)
