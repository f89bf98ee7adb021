"""Inputs of no class, pairs with an empty side, and very many labels."""

from __future__ import annotations

import time
from typing import Any

import pytest

from rung.dataset.audit import audit
from rung.dataset.load import Dataset, load_dataset
from rung.dataset.split import cut_validation, nested
from rung.errors import UsageError

NONE = "none of these"


def rows(n: int, start: int = 0, label: str = "") -> list[dict[str, Any]]:
    return [{"text": f"message number {i}", "label": label or "ab"[i % 2]} for i in range(start, start + n)]


def load(project: Any, train: Any, test: Any, **keys: Any) -> Dataset:
    return load_dataset(*project(train, test, **keys))


def codes(project: Any, train: Any, test: Any, **keys: Any) -> set[str]:
    return {finding.code for finding in audit(*project(train, test, **keys)).findings}


def test_test_rows_of_no_class_are_no_unknown_label(project: Any) -> None:
    train, test = rows(8), [*rows(4, 20), *rows(2, 30, NONE)]
    assert "unknown_label_test" in codes(project, train, test)
    assert not codes(project, train, test, out_of_scope=True) & {"unknown_label_test", "no_out_of_scope_test"}
    ds = load(project, train, test, out_of_scope={"false_alarm_rate": 0.1})
    assert ds.task.label_names == ("a", "b")
    assert ds.task.out_of_scope is not None and ds.task.out_of_scope.false_alarm_rate == 0.1
    assert [e.output for e in ds.test][-2:] == [NONE, NONE]
    assert ds.fingerprint != load(project, train, test).fingerprint


@pytest.mark.parametrize("labels", [None, ["b", "a"], ["a", NONE, "b"]])
def test_the_label_is_one_of_the_tasks_where_training_rows_have_it(project: Any, labels: Any) -> None:
    keys = {"out_of_scope": True, "labels": labels}
    without, having = rows(8), [*rows(8), *rows(3, 50, NONE)]
    test = rows(4, 20)
    assert NONE not in load(project, without, test, **keys).task.label_names
    ds = load(project, having, test, **keys)
    assert set(ds.task.label_names) == {"a", "b", NONE}
    assert ds.warnings == ()
    if labels == ["b", "a"]:
        assert ds.task.label_names == ("b", "a", NONE)


def test_what_is_wrong_with_inputs_of_no_class(project: Any) -> None:
    assert "no_out_of_scope_test" in codes(project, rows(8), rows(4, 20), out_of_scope=True)
    with pytest.raises(UsageError) as caught:
        load(project, rows(8), [*rows(4, 20), *rows(2, 30, "None of  these")], out_of_scope=True)
    assert "'None of  these' differs from 'none of these'" in caught.value.message
    assert caught.value.where == "test.jsonl, line 5"
    with pytest.raises(UsageError, match="beside 'none of these' the training rows have one class only"):
        load(project, [*rows(4, 0, "a"), *rows(4, 50, NONE)], rows(4, 20), out_of_scope=True)
    several = [{"text": f"t{i}", "label": ["a", "b"][: i % 3]} for i in range(8)]
    with pytest.raises(UsageError, match="needs one label a row"):
        load(project, several, [{"text": "x", "label": ["a"]}], out_of_scope=True)


@pytest.mark.parametrize("side", ["p", "h"])
def test_a_pair_with_one_side_empty(project: Any, side: str) -> None:
    table = [{"p": f"p{i}", "h": f"h{i}", "label": "ab"[i % 2]} for i in range(8)]
    broken = [*table[:3], {**table[3], side: "  "}, *table[4:6]]
    keys: dict[str, Any] = {"input": ["p", "h"], "pair": True}
    ds = load(project, broken, table[6:], **keys)
    assert [(p.where, p.message) for p in ds.unusable] == [
        ("train.jsonl, line 4", f"one side of the pair is empty ({side})")
    ]
    assert f"one side of the pair is empty ({side})" in ds.warnings[0] and "line 4" in ds.warnings[0]
    with pytest.raises(UsageError) as caught:
        load(project, [{**row, side: None} for row in table[:6]], table[6:], **keys)
    assert caught.value.remedy == "give both texts of the pair"
    assert len(load(project, broken, table[6:], input=["p", "h"]).train) == 6, "named fields may be empty"


def test_a_label_set_that_grows(project: Any) -> None:
    ds = load(project, rows(8), [*rows(4, 20), *rows(2, 30, "c"), *rows(1, 40, "d")])
    assert ds.task.label_names == ("a", "b")
    told = next(w for w in ds.warnings if "unknown in train" in w)
    assert "2 label(s) in test are unknown in train: 'c', 'd'; these 3 rows stay" in told
    assert "test.jsonl, line 5" in told


def test_two_thousand_labels_take_seconds(project: Any) -> None:
    train = [{"text": f"message {i} on topic {i % 2000}", "label": f"topic {i % 2000:04}"} for i in range(4000)]
    test = [{**row, "text": f"so, {row['text']}!"} for row in train[:2000]]
    start = time.perf_counter()
    made = project(train, test)
    assert audit(*made).errors is False
    ds = load_dataset(*made)
    kept, held = cut_validation(ds.train, ds.task, 0)
    assert (len(ds.task.labels), len(kept), len(held)) == (2000, 3600, 400)
    assert len({e.output for e in nested(ds.train, 2000, 0)}) == 2000
    unlisted = audit(*project(train, test, labels=[f"Topic {i}" for i in range(2000)]))
    assert sum(f.code == "unlisted_label" for f in unlisted.findings) == 11
    assert time.perf_counter() - start < 60, "a busy machine takes 10 s"


def test_one_example_a_label(project: Any) -> None:
    train = [{"text": f"message {i}", "label": f"topic {i}"} for i in range(30)]
    ds = load(project, train, [{**row, "text": f"so, {row['text']}"} for row in train])
    assert "30 class(es) have a single training example: 'topic 0'" in ds.warnings[0]
    assert cut_validation(ds.train, ds.task, 0) == (ds.train, ())
    with pytest.raises(UsageError, match="no test rows can be held back from 30 rows"):
        load(project, train, None, share=0.2)
