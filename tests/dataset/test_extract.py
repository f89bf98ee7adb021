"""Extract tasks through load_dataset and the audit: columns, types, splits, and rows that cannot be used with their lines."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rung.dataset.audit import Audit, audit
from rung.dataset.labels import labels_of
from rung.dataset.load import Dataset, load_dataset
from rung.dataset.split import cut_validation, nested
from rung.entities import Entity, dump, parse
from rung.errors import UsageError
from rung.plan import TaskFile
from rung.task import Example, Task, as_input

CITIES, GUESTS = ("Rome", "Bonn", "Oslo", "Lima"), ("Ann", "Bo", "Cy")


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    """Texts of which a half name a city, a third a guest."""
    out = []
    for i in range(start, start + n):
        city = CITIES[i % 4] if i % 2 else None
        guest = GUESTS[i % 3] if i % 3 == 0 else None
        text = f"booking {i}" + (f" in {city}" if city else "") + (f" for {guest}" if guest else "")
        spans = [{"type": "city", "text": city}] if city else []
        out.append({"text": text, "spans": [*spans, *([{"type": "guest", "text": guest}] if guest else [])]})
    return out


def load(project: Any, train: list[dict[str, Any]], test: Any = None, **keys: Any) -> Dataset:
    return load_dataset(*project(train, test or rows(6, 100), **{"kind": "extract", "output": "spans", **keys}))


def load_file(folder: Path, train: str, **keys: Any) -> Dataset:
    """A data file that lies in `folder`, as train and as test."""
    keys = {"kind": "extract", "output": "spans", "keep_overlap": True, **keys}
    return load_dataset(TaskFile.model_validate({"name": "t", "train": train, "test": train, **keys}), folder)


def refused(project: Any, train: list[dict[str, Any]], **keys: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(project, train, **keys)
    return caught.value


def look(project: Any, train: list[dict[str, Any]], test: Any = None, **keys: Any) -> Audit:
    return audit(*project(train, test or rows(6, 100), **{"kind": "extract", "output": "spans", **keys}))


def test_examples_of_an_extract_task(project: Any) -> None:
    ds = load(project, rows(4))
    assert (ds.task.kind, ds.task.label_names, ds.task.multi_label) == ("extract", ("city", "guest"), False)
    assert ds.train[3].output == dump([Entity("city", "Lima", 13, 17), Entity("guest", "Ann", 22, 25)])
    assert ds.train[2].output == "[]"
    assert ds.warnings == ()


def test_types_are_listed_or_found_and_variants_refused(project: Any) -> None:
    ds = load(project, rows(8), labels={"guest": "who stays", "city": ""})
    assert [(label.name, label.description) for label in ds.task.labels] == [("guest", "who stays"), ("city", "")]
    assert load(project, [r for r in rows(8) if "for" not in r["text"]], labels=["city"]).task.label_names == ("city",)
    error = refused(project, rows(8), labels=["citi", "guest"])
    assert "the entity type 'city' (4 rows) is not among" in error.message
    assert error.where == "train.jsonl, line 2"
    assert str(error.remedy).startswith("did you mean 'citi'?")
    odd = [*rows(8), {"text": "in Rome", "spans": [{"type": "City", "text": "Rome"}]}]
    assert "entity types that differ only in case or spaces: 'city' (7 rows" in refused(project, odd).message


# what is wrong -> text, spans, how the message begins
FAULTS: dict[str, tuple[str, Any, str, str]] = {
    "overlap": (
        "a b c",
        [[0, 3, "x"], [2, 5, "y"]],
        "overlapping entities",
        "the entities 'a b' (x, 0 to 3) and 'b c'",
    ),
    "range": ("a b c", [[0, 6, "x"]], "bad entities", "the entity of type 'x' at 0 to 6 lies outside of the input"),
    "order": ("a b c", [[3, 3, "x"]], "bad entities", "the entity of type 'x' at 3 to 3 holds no character"),
    "text": (
        "a b c",
        [{"type": "x", "start": 0, "end": 1, "text": "b"}],
        "bad entities",
        "the entity of type 'x' at 0 to 1 has",
    ),
    "missing": ("a b c", {"x": "d"}, "bad entities", "the text 'd' of type 'x' does not stand in the input"),
    "tags": ("a b c", ["O", "I-x", "O"], "bad tags", "the tag 'I-x' of token 2 ('b') follows 'O'"),
    "after": ("a b c", ["B-y", "I-x", "O"], "bad tags", "the tag 'I-x' of token 2 ('b') follows 'B-y'"),
    "number": ("a b c", ["O", "B-x"], "bad tags", "2 tags for 3 tokens"),
    "prefix": ("a b c", ["O", "Q-x", "O"], "bad tags", "the tag 'Q-x' of token 2 ('b') is unknown"),
    "nothing": ("a b c", None, "no entities", "there is nothing in 'spans'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_row_is_left_out_and_told_with_its_line(project: Any, name: str) -> None:
    text, spans, code, told = FAULTS[name]
    begun = {"text": "in Rome", "spans": ["O", "B-city"]}  # shows that these tags are no IOB1
    train = [*rows(6), {"text": text, "spans": spans}, begun]
    ds = load(project, train)
    assert [e.id for e in ds.train] == [*(f"train:{i}" for i in range(6)), "train:7"]
    assert f"1 of 8 rows in train cannot be used and are left out (1 {code}): {told}" in ds.warnings[0]
    assert ds.warnings[0].endswith("[train.jsonl, line 7]")
    finding = next(f for f in look(project, train).findings if f.code == "unusable_train")
    assert finding.remedy and finding.level == "warning"
    error = refused(project, [{"text": text, "spans": spans}] * 9 + [begun, *rows(7)])
    assert error.where == "train.jsonl, line 1" and told in error.message
    assert error.remedy == finding.remedy


def test_iob1_is_read_where_the_data_are_written_in_it(project: Any) -> None:
    train = [{"text": f"go to New York {i}", "spans": ["O", "O", "I-city", "I-city", "O"]} for i in range(4)]
    assert load(project, train, [{"text": "Rome", "spans": ["I-city"]}]).test[0].output == dump(
        [Entity("city", "Rome", 0, 4)]
    )
    strict = [*train, {"text": "Rome", "spans": ["B-city"]}]
    assert "4 of 5 rows" in refused(project, strict).message


def test_tokens_have_a_column_or_are_the_input(project: Any) -> None:
    train = [
        {"text": f"Dr.Ann {i}", "words": ["Dr", ".", "Ann", str(i)], "spans": ["O", "O", "B-guest", "O"]}
        for i in range(4)
    ]
    ds = load(project, train, [{**train[0], "text": "Dr . Ann 0"}], tokens="words")
    assert ds.train[1].output == dump([Entity("guest", "Ann", 3, 6)])
    assert ds.test[0].output == dump([Entity("guest", "Ann", 5, 8)])
    assert "4 tags for 2 tokens" in refused(project, train).message
    ds = load(project, train, [{**train[0], "words": ["Ann", "."], "spans": ["B-guest", "O"]}], input="words")
    assert (ds.train[1].input.text, ds.test[0].input.text) == ("Dr . Ann 1", "Ann .")
    error = refused(project, train, tokens="wrods")
    assert "'wrods' (tokens)" in error.message and "'words'" in str(error.remedy)
    error = refused(project, [{**row, "words": {"a": 1}} for row in train], tokens="words")
    assert "'words' holds no list of tokens" in error.message


def test_csv_cells_and_parquet_lists(tmp_path: Path) -> None:
    with (tmp_path / "cells.csv").open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["text", "spans"])
        cells = ['[{"type": "city", "text": "Rome"}]', "O B-city O", '["O", "B-city", "O"]', '{"city": "Rome"}', "[]"]
        writer.writerows([f"in Rome {i}", cell] for i, cell in enumerate(cells))
    ds = load_file(tmp_path, "cells.csv")
    assert [len(parse(str(e.output))) for e in ds.train] == [1, 1, 1, 1, 0]
    names = {"names": ["O", "B-city", "I-city"], "_type": "ClassLabel"}
    for kind in ({"feature": names, "_type": "List"}, [names]):
        notes = {"huggingface": json.dumps({"info": {"features": {"spans": kind, "words": {"feature": {}}}}})}
        table = pa.table({"words": [["in", "New", "York"], ["no"]], "spans": [[0, 1, 2], [0]]})
        pq.write_table(table.replace_schema_metadata(notes), tmp_path / "tags.parquet")
        ds = load_file(tmp_path, "tags.parquet", input="words")
        assert [e.output for e in ds.train] == [dump([Entity("city", "New York", 3, 11)]), "[]"]


def test_the_audit_counts_entities(project: Any) -> None:
    report = json.loads(json.dumps(look(project, rows(12)).to_dict()))
    assert report["labels"]["city"] == {"train": 6, "validation": 0, "test": 3}
    found = report["entities"]["train"]
    assert (found["entities"], found["rows_with"], found["rows_without"]) == (10, 8, 4)
    assert found["types"] == {"city": 6, "guest": 4}
    assert found["per_row"]["max"] == 2 and found["characters"]["max"] == 4
    assert report["entities"]["validation"]["per_row"] is None


def test_what_the_audit_finds_in_types(project: Any) -> None:
    train = [*rows(12), {"text": "a dog", "spans": {"pet": "dog"}}, {"text": " BOOKING 1 in Rome", "spans": []}]
    train += [{"text": "Booking 3 in Lima for Ann", "spans": {"city": "Lima", "guest": "Ann"}}]
    test = [*rows(6, 100), {"text": "by bus", "spans": {"vehicle": "bus"}}]
    result = look(project, train, test)
    findings = {f.code: f for f in result.findings}
    assert "1 entity type(s) stand in a single training example: 'pet'" in findings["single_example"].message
    assert findings["single_example"].places == ("train.jsonl, line 13",)
    assert "1 entity type(s) in test are unknown in train: 'vehicle'" in findings["unknown_label_test"].message
    assert findings["class_without_test"].message.startswith("1 entity type(s) of train")
    assert "conflicting_labels" not in findings, "a blank moves the places and changes no entity"
    other = [*train, {"text": "booking 3 in Lima for Ann", "spans": {"city": "Lima"}}]
    clash = next(f for f in look(project, other, test).findings if f.code == "conflicting_labels")
    assert "city 'Lima'; guest 'Ann' and city 'Lima'" in clash.message
    assert (
        "none of 3 training rows has an entity"
        in refused(project, [{"text": f"t{i}", "spans": []} for i in range(3)]).message
    )


def test_every_type_keeps_its_share_and_stands_in_small_subsets() -> None:
    kinds = ["a"] * 60 + ["a b"] * 30 + ["b c"] * 10 + [""] * 20
    examples = [
        Example(f"train:{i}", as_input(f"text {i}"), dump(Entity(t, t, j, j + 1) for j, t in enumerate(text.split())))
        for i, text in enumerate(kinds)
    ]
    _, held = cut_validation(examples, Task(name="t", kind="extract"), 0)
    counts = Counter(t for e in held for t in labels_of(e, "extract") or ("",))
    assert counts == {"a": 18, "b": 8, "c": 2, "": 4}
    for seed in range(5):
        small = nested(examples, 5, seed, "extract")
        assert {t for e in small for t in labels_of(e, "extract")} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("name", "columns", "entities", "differ"),
    [("snips", ("slots", "tags"), 33_958, 6), ("wnut17", ("entities", "tags"), 1_975, 3)],
)
def test_both_columns_of_public_data(
    shared_data: Path, name: str, columns: tuple[str, str], entities: int, differ: int
) -> None:
    read = []
    for column in columns:
        keys = {"tokens": "tokens"} if (name, column) == ("wnut17", "tags") else {}
        source = {"train": "train.jsonl.gz", "test": "test.jsonl.gz", "keep_overlap": True}
        file = TaskFile.model_validate({"name": name, "kind": "extract", "output": column, **source, **keys})
        read.append(load_dataset(file, shared_data / name))
    for ds in read:
        assert ds.unusable == ()
        assert sum(len(parse(str(e.output))) for e in ds.train) == entities
    # words that stand twice in a text: the first time is taken where the tags mean another
    assert sum(a.output != b.output for a, b in zip(read[0].train, read[1].train, strict=True)) == differ
