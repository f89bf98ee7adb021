"""Rows of texts: references, conversations, published shapes of instructions, and what is said of rows that cannot be used."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rung.dataset.audit import audit
from rung.dataset.conversations import asked
from rung.dataset.load import Dataset, load_dataset
from rung.dataset.split import cut_validation, nested
from rung.errors import DataError
from rung.plan import TaskFile
from rung.task import Message, OwnMetric

Rows = list[dict[str, Any]]
USER, ANSWER = {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day."}


def plain(n: int, start: int = 0) -> Rows:
    return [{"text": f"message number {i}", "label": f"answer {i}"} for i in range(start, start + n)]


def load(project: Any, train: Rows, test: Rows, **keys: Any) -> Dataset:
    return load_dataset(*project(train, test, kind="generate", **keys), strict=False)


def unusable(project: Any, row: dict[str, Any], good: dict[str, Any]) -> Any:
    """The problem of one row among good ones."""
    rows = [good | {"id": i} for i in range(4)]
    problem, *others = load(project, [*rows, row], rows, keep_overlap=True).unusable
    assert not others and problem.where == "train.jsonl, line 5"
    return problem


def test_texts_are_kept_as_they_are_and_lists_are_references(project: Any) -> None:
    test = [{"text": "a", "label": ["  One.", "Two"]}, {"text": "b", "label": ["Only"]}, {"text": "c", "label": 18}]
    ds = load(project, plain(3), test)
    assert [e.output for e in ds.test] == [("  One.", "Two"), "Only", "18"]
    assert ds.task.kind == "generate" and ds.task.labels == () and ds.task.multi_label is False
    assert ds.train[0].input.text == "message number 0"


def test_a_list_written_as_a_text_is_a_text(project: Any) -> None:
    ds = load(project, plain(3), [{"text": "as JSON", "label": '["a", "b"]'}])
    assert ds.test[0].output == '["a", "b"]'


@pytest.mark.parametrize(
    ("label", "code", "told"),
    [
        ("  ", "empty_reference", "'label' is empty"),
        (None, "empty_reference", "'label' is empty"),
        ([], "empty_reference", "list of references in 'label' is empty"),
        (["a", ""], "empty_reference", "reference 2 of 2 in 'label' is empty"),
        ({"a": 1}, "bad_text", "'label' holds a dict"),
        ([["a"]], "bad_text", "holds a list"),
    ],
)
def test_references_that_cannot_be_used_are_told(project: Any, label: Any, code: str, told: str) -> None:
    problem = unusable(project, {"text": "x", "label": label}, {"text": "y", "label": "z"})
    assert problem.code == code and told in problem.message


def test_chat_files_are_read_as_they_are(project: Any) -> None:
    history = [
        {"role": "system", "content": "Be brief."},
        USER,
        {"role": "assistant", "content": "Hi."},
        {"role": "user", "content": [{"type": "text", "text": "Who "}, {"type": "text", "text": "are you?"}]},
        ANSWER,
    ]
    ds = load(project, [{"messages": [USER, ANSWER]}] * 3, [{"messages": history}])
    item = ds.test[0].input
    assert ds.test[0].output == "Good day."
    assert item.messages[0] == Message("system", "Be brief.") and item.messages[3].content == "Who are you?"
    assert [turn.role for turn in item.messages] == ["system", "user", "assistant", "user"]
    assert item.text == "system: Be brief.\nuser: Hello\nassistant: Hi.\nuser: Who are you?"
    assert ds.train[0].input.text == "Hello" and item.fields == () and item.segments == (item.text,)


def test_sharegpt_alpaca_and_prompts_are_known_by_their_columns(project: Any) -> None:
    turns = [{"from": "system", "value": "S"}, {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]
    ds = load(project, [{"conversations": turns}], [{"conversations": turns}], keep_overlap=True)
    assert ds.train[0].input.messages == (Message("system", "S"), Message("user", "Q"))
    assert ds.train[0].output == "A"
    alpaca = [
        {"instruction": "Add.", "input": "1 and 2", "output": "3", "text": "all of it"},
        {"instruction": "Greet.", "input": "", "output": "Hi"},
    ]
    ds = load(project, alpaca, alpaca, keep_overlap=True)
    assert [e.input.text for e in ds.train] == ["instruction: Add.\ninput: 1 and 2", "Greet."]
    assert [e.output for e in ds.train] == ["3", "Hi"]
    mixed = [{"prompt": "Say a", "completion": "a"}, {"prompt": [USER], "completion": [ANSWER]}]
    ds = load(project, mixed, mixed, keep_overlap=True)
    assert [e.input.text for e in ds.train] == ["Say a", "Hello"]
    assert [e.output for e in ds.train] == ["a", "Good day."]


def test_turns_in_columns_are_turns(project: Any) -> None:
    columns = {"messages": {"role": ["user", "assistant"], "content": ["Q", "A"]}}
    ds = load(project, [columns] * 2, [columns], keep_overlap=True)
    assert (ds.test[0].input.text, ds.test[0].output) == ("Q", "A")


def test_columns_that_the_task_file_names_come_first(project: Any) -> None:
    rows = [{"instruction": f"i{i}", "output": "o", "text": f"t{i}", "label": f"l{i}"} for i in range(3)]
    assert load(project, rows, rows, keep_overlap=True).train[0].output == "l0"
    ds = load(project, rows, rows, keep_overlap=True, input="instruction", output="text")
    assert (ds.train[1].input.text, ds.train[1].output) == ("i1", "t1")


def test_a_named_column_may_hold_turns(project: Any) -> None:
    rows = [{"dialogue": [USER], "reply": ["a", "b"]}]
    ds = load(project, rows, rows, keep_overlap=True, input="dialogue", output="reply")
    assert ds.train[0].input.messages == (Message("user", "Hello"),) and ds.train[0].output == ("a", "b")
    problem = unusable_named(project, {"dialogue": [USER, ANSWER], "reply": "x"}, rows[0])
    assert "the last turn in 'dialogue' is by assistant" in problem.message


def unusable_named(project: Any, row: dict[str, Any], good: dict[str, Any]) -> Any:
    return load(project, [good, good, row], [good], keep_overlap=True, input="dialogue", output="reply").unusable[0]


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ("Hello", "holds a str, not a list of turns"),
        (None, "holds nothing, not a list of turns"),
        ({"role": "user"}, "holds a dict"),
        ([], "an empty list"),
        (["Hello"], "turn 1 in 'messages' is a str"),
        ([{"role": "bot", "content": "x"}, ANSWER], "turn 1 in 'messages' has the unknown role 'bot'"),
        ([{"content": "x"}, ANSWER], "has no `role`"),
        ([USER], "there is no answer: the last turn in 'messages' is by user"),
        ([USER, ANSWER | {"content": " "}], "turn 2 in 'messages' (assistant) is empty"),
        ([USER | {"content": None}, ANSWER], "turn 1 in 'messages' (user) is empty"),
        ([USER | {"content": 3}, ANSWER], "holds a int, not a text"),
        ([USER | {"content": [{"type": "image_url"}]}, ANSWER], "something else than text"),
        ([ANSWER], "no turn by the user stands before the answer"),
    ],
)
def test_conversations_that_cannot_be_used_are_told_with_their_line(project: Any, messages: Any, told: str) -> None:
    problem = unusable(project, {"messages": messages}, {"messages": [USER, ANSWER]})
    assert told in problem.message


def test_a_missing_column_names_the_shapes_that_are_known(project: Any) -> None:
    with pytest.raises(DataError, match="there is no column 'text'") as caught:
        load(project, [{"question": "q", "answer": "a"}], [{"question": "q", "answer": "a"}])
    assert "known by their columns" in str(caught.value.remedy)


def test_rows_to_be_answered_need_no_answer() -> None:
    for turns in ([USER], [USER, ANSWER]):
        item = asked({"messages": turns}, ["text"])
        assert item is not None and item.messages == (Message("user", "Hello"),)
    alpaca = asked({"instruction": "Add.", "input": ""}, ["text"])
    assert alpaca is not None and alpaca.text == "Add."
    assert asked({"text": "x"}, ["text"]) is None and asked({"other": "x"}, ["text"]) is None


def test_splits_and_subsets_know_no_classes(project: Any) -> None:
    ds = load(project, plain(200), plain(20, 300))
    kept, held = cut_validation(ds.train, ds.task, 0)
    assert len(held) == 40 and len(kept) == 160
    few, more = (nested(ds.train, size, 0, "generate") for size in (10, 50))
    assert len(few) == 10 and set(few) < set(more)
    assert len(load_dataset(*project(plain(50), None, share=0.2, kind="generate")).test) == 10


def test_conversations_with_one_history_are_the_same_input(project: Any) -> None:
    rows = [{"messages": [USER | {"content": f"question {i}"}, ANSWER]} for i in range(4)]
    again = [{"messages": [USER | {"content": " QUESTION 1"}, ANSWER | {"content": "other"}]}]
    ds = load(project, rows, again)
    assert [e.id for e in ds.removed] == ["train:1"]
    assert ds.fingerprint != load(project, rows, [{"messages": [USER, ANSWER]}]).fingerprint


def test_the_audit_counts_references_and_takes_different_texts_for_a_note(project: Any) -> None:
    train = [*plain(6), {"text": "message number 1", "label": "another answer"}]
    test = [{"text": "q", "label": ["a b", "c d e"]}]
    found = audit(*project(train, test, kind="generate"))
    assert found.figures["references"]["test"] == {
        "per_row": {"min": 2, "median": 2, "p95": 2, "max": 2},
        "words": {"min": 2, "median": 3, "p95": 3, "max": 3},
        "turns": None,
    }
    notes = {finding.code: finding for finding in found.findings}
    assert notes["conflicting_labels"].level == "note"
    assert (
        "stand with different texts (2 rows), e.g. as 'answer 1' and 'another answer'"
        in notes["conflicting_labels"].message
    )
    assert "accuracy" not in notes["small_test"].message
    assert not found.errors and not {"one_class", "single_example"} & notes.keys()


def test_the_metric_is_part_of_the_task_and_the_default_is_not_named(project: Any) -> None:
    def fingerprint(**keys: Any) -> str:
        return load(project, plain(3), plain(1, 9), **keys).fingerprint

    assert fingerprint() == fingerprint(metric="chrf") != fingerprint(metric="rouge_l")
    assert load(project, plain(3), plain(1, 9), metric="bleu").task.metric == "bleu"


def test_an_own_metric_is_kept_with_its_source(project: Any, tmp_path: Path) -> None:
    def task() -> tuple[Any, str]:
        ds = load(project, plain(3), plain(1, 9), metric="my.py:score")
        return ds.task.metric, ds.fingerprint

    (tmp_path / "my.py").write_text("def score(expected, output, input):\n    raise RuntimeError\n", encoding="utf-8")
    metric, first = task()
    assert isinstance(metric, OwnMetric) and metric.function == "score" and "RuntimeError" in metric.source
    (tmp_path / "my.py").write_text("def score(expected, output, input):\n    return 1\n", encoding="utf-8")
    assert task()[1] != first


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (None, "cannot be read: No such file"),
        ("def score(:\n", "not Python: invalid syntax"),
        ("def scores(a, b, c):\n    return 1\n", "the function 'score', which the file does not define"),
        (b"# \xff\n", "not UTF-8"),
    ],
)
def test_an_own_metric_that_is_not_there_is_told(project: Any, tmp_path: Path, source: Any, told: str) -> None:
    if source is not None:
        (tmp_path / "my.py").write_bytes(source if isinstance(source, bytes) else source.encode())
    file = project(plain(3), plain(1, 9), kind="generate", metric="my.py:score")
    with pytest.raises(DataError) as caught:
        load_dataset(*file)
    assert told in caught.value.message and str(caught.value.where).startswith("my.py")
    assert audit(*file).findings[0].code == "bad_metric"


def read_shared(shared: Path, folder: Path, name: str, splits: dict[str, str], rows: int, **keys: Any) -> Dataset:
    """The first rows of a public dataset as a task."""
    for split, file in splits.items():
        with gzip.open(shared / name / file, "rt", encoding="utf-8") as lines:
            kept = [json.loads(line) for line, _ in zip(lines, range(rows), strict=False)]
        text = "".join(json.dumps(row) + "\n" for row in kept)
        (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
    sources: dict[str, Any] = {split: f"{split}.jsonl" for split in splits}
    file = TaskFile.model_validate({"name": name, "kind": "generate", **sources, **keys})
    assert not audit(file, folder).errors
    return load_dataset(file, folder)


def test_attributes_to_text_with_its_many_references(shared_data: Path, tmp_path: Path) -> None:
    splits = {"train": "dev.jsonl.gz", "test": "test.jsonl.gz"}
    ds = read_shared(shared_data, tmp_path, "e2e_nlg", splits, 1000, input="mr", output="refs")
    counts = [1 if isinstance(e.output, str) else len(e.output) for e in ds.test]
    assert (len(ds.test), min(counts), max(counts)) == (630, 1, 45)


def test_word_problems(shared_data: Path, tmp_path: Path) -> None:
    splits = {"train": "train.jsonl.gz", "test": "test.jsonl.gz"}
    ds = read_shared(shared_data, tmp_path, "gsm8k", splits, 300, input="question", output="answer")
    assert len(ds.test) == 300 and str(ds.test[0].output).endswith("#### 18")


def test_instructions_as_they_were_published(shared_data: Path, tmp_path: Path) -> None:
    ds = read_shared(shared_data, tmp_path, "instruct_rasbt", {"train": "all.jsonl.gz"}, 1100, test=0.2)
    assert len(ds.train) + len(ds.test) == 1100 and not ds.unusable
    assert ds.test[0].input.fields[0][0] == "instruction"
