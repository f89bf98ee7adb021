"""load_dataset: rows become examples of a task, and every wrong dataset is one clear error or a warning with places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rung.dataset.load import Dataset, load_dataset
from rung.errors import DataError, UsageError
from rung.plan import TaskFile


def rows(n: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"text": f"message number {i}", "label": "ab"[i % 2]} for i in range(start, start + n)]


def refused(made: tuple[TaskFile, Path]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_dataset(*made)
    return caught.value


def test_examples_of_a_plain_task(project: Any) -> None:
    ds: Dataset = load_dataset(*project(rows(4), rows(2, 10), instruction="Sort."))
    assert [e.id for e in ds.train] == ["train:0", "train:1", "train:2", "train:3"]
    assert ds.test[1].id == "test:1"
    assert ds.test[1].where == "test.jsonl, line 2"
    assert ds.test[1].input.text == "message number 11"
    assert ds.task.label_names == ("a", "b")
    assert (ds.task.instruction, ds.task.multi_label, ds.validation, ds.removed) == ("Sort.", False, (), ())
    assert ds.warnings == ()


def test_named_fields_pairs_and_groups(project: Any) -> None:
    table = [{"p": f"p{i}", "h": f"h{i}", "label": "ab"[i % 2], "who": i // 2} for i in range(8)]
    ds = load_dataset(*project(table[:4], table[4:], input=["p", "h"], group="who"))
    assert ds.train[0].input.text == "p: p0\nh: h0"
    assert [e.group for e in ds.train] == ["0", "0", "1", "1"]
    ds = load_dataset(*project(table[:4], table[4:], input=["p", "h"], pair=True))
    assert ds.train[0].input.segments == ("p0", "h0")


def test_label_values_become_text(project: Any) -> None:
    train = [{"text": f"t{i}", "label": value} for i, value in enumerate([1, 2.0, True, " padded ", 1, "2"])]
    ds = load_dataset(*project(train, [{"text": "x", "label": 1}]))
    assert [e.output for e in ds.train] == ["1", "2", "true", "padded", "1", "2"]


def test_labels_of_the_task_file_fix_the_order(project: Any) -> None:
    ds = load_dataset(*project(rows(4), rows(2, 10), labels={"b": "the second", "a": "", "c": "unseen"}))
    assert ds.task.label_names == ("b", "a", "c")
    assert ds.task.labels[0].description == "the second"
    assert any("'c'" in w and "no training row" in w for w in ds.warnings)


def test_a_training_label_that_is_not_listed(project: Any) -> None:
    train = [*rows(4), {"text": "odd", "label": "billling"}]
    error = refused(project(train, rows(2, 10), labels=["a", "b", "billing"]))
    assert error.where == "train.jsonl, line 5"
    assert "'billling'" in error.message
    assert "'billing'" in str(error.remedy)


def test_several_labels(project: Any) -> None:
    train = [{"text": f"t{i}", "label": labels} for i, labels in enumerate([["b", "a", "a"], [], ["c"], "a"])]
    ds = load_dataset(*project(train, [{"text": "x", "label": ["a"]}]))
    assert ds.task.multi_label
    assert [e.output for e in ds.train] == [("a", "b"), (), ("c",), ("a",)]
    made = project(train, [{"text": "x", "label": ["a"]}], multi_label=False)
    assert "cannot be used" in refused(made).message
    as_text = [{"text": f"t{i}", "label": value} for i, value in enumerate(['["a", "b"]', "a", "[]", "b"])]
    ds = load_dataset(*project(as_text, [{"text": "x", "label": "a"}], multi_label=True))
    assert [e.output for e in ds.train] == [("a", "b"), ("a",), (), ("b",)]


def test_unusable_rows_are_left_out_and_told(project: Any) -> None:
    train = rows(6)
    train[1]["text"] = "   "
    train[3]["label"] = None
    test = rows(3, 10)
    del test[1]["label"]
    ds = load_dataset(*project(train, test))
    assert [e.id for e in ds.train] == ["train:0", "train:2", "train:4", "train:5"]
    assert [e.id for e in ds.test] == ["test:0", "test:2"]
    assert [(p.code, p.where) for p in ds.unusable] == [
        ("empty_input", "train.jsonl, line 2"),
        ("no_label", "train.jsonl, line 4"),
        ("no_label", "test.jsonl, line 2"),
    ]
    assert "2 of 6 rows in train" in ds.warnings[0]
    assert "train.jsonl, line 2; train.jsonl, line 4" in ds.warnings[0]
    assert "1 of 3 rows in test" in ds.warnings[1]


@pytest.mark.parametrize("value", [["a", "b"], {"a": 1}, "half \ud800"])
def test_inputs_that_are_no_text(project: Any, tmp_path: Path, value: Any) -> None:
    import json

    file, folder = project(rows(4), rows(2, 10))
    with (folder / "train.jsonl").open("a") as out:
        out.write(json.dumps({"text": value, "label": "a"}) + "\n")
    ds = load_dataset(file, folder)
    assert len(ds.train) == 4
    assert ds.unusable[0].code == "bad_text"
    assert "'text'" in ds.unusable[0].message


def test_more_than_half_unusable_is_an_error(project: Any) -> None:
    train = [*rows(3), *[{"text": "", "label": "a"}] * 4]
    error = refused(project(train, rows(2, 10)))
    assert "4 of 7 rows" in error.message
    assert error.where == "train.jsonl, line 4"
    assert len(load_dataset(*project(train, rows(2, 10)), strict=False).train) == 3


def test_missing_column_names_those_that_are_there(project: Any) -> None:
    error = refused(project(rows(4), rows(2, 10), output="lable"))
    assert "'lable'" in error.message
    assert error.allowed == "text, label"
    assert "'label'" in str(error.remedy)
    assert error.where == "train.jsonl, line 1"
    assert "'patient' (group)" in refused(project(rows(4), rows(2, 10), group="patient")).message
    file, folder = project(rows(4), rows(2, 10))
    (folder / "train.csv").write_text("text;label\nx;a\n")
    file = file.model_copy(update={"train": file.train.model_copy(update={"path": "train.csv"})})
    assert "one column" in str(refused((file, folder)).remedy)


def test_missing_file_and_bad_line(project: Any) -> None:
    file, folder = project(rows(4), rows(2, 10))
    (folder / "test.jsonl").rename(folder / "tests.jsonl")
    error = refused((file, folder))
    assert (error.where, error.remedy) == ("test.jsonl", "did you mean 'tests.jsonl'?")
    file, folder = project(rows(4), rows(2, 10))
    with (folder / "train.jsonl").open("a") as out:
        out.write("{broken\n")
    assert refused((file, folder)).where == "train.jsonl, line 5"
    ds = load_dataset(file, folder, strict=False)
    assert len(ds.train) == 4
    assert ds.unusable[0].where == "train.jsonl, line 5"


def test_one_class_only(project: Any) -> None:
    error = refused(project([{"text": f"t{i}", "label": "a"} for i in range(5)], rows(2, 10)))
    assert "one class ('a')" in error.message
    assert isinstance(error, DataError)


def test_empty_test_set(project: Any) -> None:
    file, folder = project(rows(4), [])
    assert "test.jsonl" in str(refused((file, folder)).where)
    (folder / "test.json").write_text("[]")
    file = file.model_copy(update={"test": file.train.model_copy(update={"path": "test.json"})})
    assert "holds no rows" in refused((file, folder)).message


def test_nothing_can_be_held_back(project: Any) -> None:
    error = refused(project([{"text": "x", "label": "a"}, {"text": "y", "label": "b"}], None, share=0.2))
    assert "no test rows" in error.message


@pytest.mark.parametrize("other", ["Refund", "re fund", " refund  ", "REFUND"])
def test_labels_that_differ_in_case_or_spaces(project: Any, other: str) -> None:
    train = [{"text": f"t{i}", "label": label} for i, label in enumerate(["refund", "card", "refund", other])]
    made = project(train, [{"text": "x", "label": "card"}])
    if other.strip() == "refund":
        assert load_dataset(*made).task.label_names == ("card", "refund")
        return
    if other == "re fund":  # another word, as far as anyone can tell
        assert load_dataset(*made).task.label_names == ("card", "re fund", "refund")
        return
    error = refused(made)
    assert (
        f"'refund' (2 rows, first at train.jsonl, line 1) and {other!r} (1 row, first at train.jsonl, line 4)"
        in error.message
    )
    assert error.where == "train.jsonl, line 4"
    assert "'refund' everywhere" in str(error.remedy)


def test_both_spellings_listed_means_both_are_meant(project: Any) -> None:
    train = [{"text": f"t{i}", "label": label} for i, label in enumerate(["Us", "us", "Us", "us"])]
    ds = load_dataset(*project(train, [{"text": "x", "label": "us"}], labels=["Us", "us"]))
    assert ds.task.label_names == ("Us", "us")


def test_a_test_label_unknown_in_train_stays(project: Any) -> None:
    ds = load_dataset(*project(rows(4), [*rows(2, 10), {"text": "new", "label": "zebra"}]))
    assert ds.test[2].output == "zebra"
    assert ds.task.label_names == ("a", "b")
    assert any("'zebra'" in w and "test.jsonl, line 3" in w for w in ds.warnings)


def test_a_class_with_one_example(project: Any) -> None:
    ds = load_dataset(*project([*rows(4), {"text": "rare", "label": "c"}], rows(2, 10)))
    assert any("single training example: 'c'" in w and "train.jsonl, line 5" in w for w in ds.warnings)


def test_a_hundred_thousand_characters(project: Any) -> None:
    long = "lorem ipsum " * 8_400
    ds = load_dataset(*project([*rows(4), {"text": long, "label": "a"}], rows(2, 10)))
    assert ds.train[4].input.text == long


def test_overlap_is_kept_only_on_demand(project: Any) -> None:
    train = [*rows(4), {"text": "  WHERE is my cafe\u0301?", "label": "a"}, {"text": "Where is it?", "label": "b"}]
    test = [*rows(2, 10), {"text": "where is my café?", "label": "a"}]
    ds = load_dataset(*project(train, test))
    assert [e.id for e in ds.removed] == ["train:4"]
    assert [e.id for e in ds.train] == ["train:0", "train:1", "train:2", "train:3", "train:5"]
    assert any("train.jsonl, line 5" in w for w in ds.warnings)
    kept = load_dataset(*project(train, test, keep_overlap=True))
    assert (len(kept.train), kept.removed) == (6, ())
    assert "every row of train" in refused(project(rows(2), rows(2))).message


def test_a_share_of_train_is_held_back(project: Any) -> None:
    made = project([{**row, "who": f"g{i // 4}"} for i, row in enumerate(rows(200))], None, share=0.25, group="who")
    ds = load_dataset(*made)
    assert abs(len(ds.test) - 50) <= 4
    assert {e.id.split(":")[0] for e in ds.test} == {"test"}
    assert not {e.group for e in ds.test} & {e.group for e in ds.train}
    assert sorted(int(e.id.split(":")[1]) for e in (*ds.train, *ds.test)) == list(range(200))
    other = load_dataset(made[0].model_copy(update={"split_seed": 1}), made[1])
    assert {e.id for e in other.test} != {e.id for e in ds.test}


def test_groups_on_both_sides_are_told(project: Any) -> None:
    ds = load_dataset(*project([{**r, "g": "p1"} for r in rows(4)], [{**r, "g": "p1"} for r in rows(2, 10)], group="g"))
    assert any("both train and test" in w for w in ds.warnings)


def test_validation_file(project: Any) -> None:
    file, folder = project(rows(4), rows(2, 10), validation="validation.jsonl")
    (folder / "validation.jsonl").write_text(
        '{"text": "v", "label": "a"}\n{"text": "message number 10", "label": "a"}\n'
    )
    ds = load_dataset(file, folder)
    assert [e.id for e in ds.validation] == ["validation:0"]
    assert [e.id for e in ds.removed] == ["validation:1"]


def test_the_first_of_several_errors_tells_of_the_others(project: Any) -> None:
    error = refused(project([{"text": "x", "label": "a"}, {"text": "y", "label": "A"}], rows(2, 10), input="txt"))
    assert "'txt'" in error.message
    made = project(
        [{"text": "x", "label": "a"}, {"text": "y", "label": "A"}, {"text": "z", "label": "é"}],
        [{"text": "w", "label": "É"}],
    )
    assert "1 other error:" in str(refused(made).remedy)


def test_fingerprint_follows_the_rows_and_the_task(project: Any) -> None:
    def of(**changes: Any) -> str:
        return load_dataset(*project(changes.pop("train", rows(4)), rows(2, 10), **changes)).fingerprint

    base = of()
    assert base == of()
    assert len(base) == 64
    swapped = [{**r, "label": "ba"[i % 2]} for i, r in enumerate(rows(4))]
    variants = [
        of(instruction="x"),
        of(labels=["b", "a"]),
        of(train=rows(5)),
        of(train=swapped),
        of(train=rows(4)[::-1]),
    ]
    assert len({base, *variants}) == 6
    grouped = of(train=[{**r, "g": 1} for r in rows(4)])
    assert grouped == base  # a column nobody named is not part of the data


def test_fingerprint_is_the_same_on_every_machine(project: Any) -> None:
    ds = load_dataset(
        *project([{"text": "naïve", "label": "a"}, {"text": "b", "label": "b"}], [{"text": "c", "label": "a"}])
    )
    # Pinned: whoever changes this makes every stored comparison one of other data.
    assert ds.fingerprint == "ec0579e5fb2fa348b58c61e1a3e88fbac7fdcf90cf04025e6d00b0c8adc7373e"
