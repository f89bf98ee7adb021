"""task.yaml: what may be written, and that each mistake is told with its line, its nearest key and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from rung.errors import TaskFileError
from rung.plan import DEFAULT_METHODS, DataSource, MethodSpec, TaskFile, read_task_file
from rung.task import OutOfScope

MINIMAL = "name: t\ntrain: train.jsonl\n"
EXTRACT = MINIMAL + "kind: extract\noutput: tags\n"


def read(folder: Path, text: str) -> TaskFile:
    path = folder / "task.yaml"
    path.write_text(text, encoding="utf-8")
    return read_task_file(path)


def refused(folder: Path, text: str) -> TaskFileError:
    with pytest.raises(TaskFileError) as caught:
        read(folder, text)
    return caught.value


def line(error: TaskFileError) -> int:
    return int(str(error.where).split("line ")[1].split(",")[0])


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    file = read(tmp_path, MINIMAL)
    assert file.train == DataSource(path="train.jsonl")
    assert file.test == 0.2
    assert tuple(m.method for m in file.methods) == DEFAULT_METHODS
    assert file.input_columns == ("text",)
    assert (file.sizes, file.seeds, file.limits.tolerance) == ((), (0,), 0.01)


def test_everything_that_may_be_written(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        """
name: tickets.v2
train: {path: hf:org/set, split: learn, config: en}
test: test.csv.gz
validation: dev.tsv
input: [premise, hypothesis]
pair: yes
output: answer
instruction: >
  Say whether the first
  sentence implies the second.
labels:
  - entails: the first implies the second
  - neutral
  - {no: they contradict}
multi_label: false
group: author
models: minilm
methods:
  - majority
  - lora: {rank: 8, learning_rate: 1e-4}
  - head_only:
  - {method: lora, knobs: {rank: 16}, name: wide}
sizes: [100, 1000]
seeds: [0, 1]
split_seed: 3
keep_overlap: true
limits: {tolerance: 0.02, quality_floor: 0.8, latency_ms: 50, cost_usd_per_1k: 1, data_leaves_machine: off}
prices: {machine_usd_per_hour: 2.5}
""",
    )
    assert file.train == DataSource(path="hf:org/set", split="learn", config="en")
    assert (file.pair, file.limits.data_leaves_machine, file.models) == (True, False, ("minilm",))
    assert file.instruction == "Say whether the first sentence implies the second.\n"
    assert file.labels == {"entails": "the first implies the second", "neutral": "", "no": "they contradict"}
    assert file.methods == (
        MethodSpec(method="majority"),
        MethodSpec(method="lora", knobs={"rank": 8, "learning_rate": 1e-4}),
        MethodSpec(method="head_only"),
        MethodSpec(method="lora", knobs={"rank": 16}, name="wide"),
    )
    assert TaskFile.model_validate_json(file.model_dump_json()) == file


@pytest.mark.parametrize("text", ["[yes, no, on, off]", "{yes: , no: ~, on: '', off: null}"])
def test_yes_and_no_are_labels(tmp_path: Path, text: str) -> None:
    assert list(read(tmp_path, MINIMAL + f"labels: {text}\n").labels or ()) == ["yes", "no", "on", "off"]


def test_labels_are_read_as_they_are_written(tmp_path: Path) -> None:
    labels = read(tmp_path, MINIMAL + "labels: [1.10, 007, 12:30, 2024-01-02, true, null]\n").labels
    assert list(labels or ()) == ["1.10", "007", "12:30", "2024-01-02", "true", "null"]
    assert list(TaskFile(name="t", train=DataSource(path="x"), labels=[True, 2]).labels or ()) == ["true", "2"]  # type: ignore[arg-type]


def test_an_extract_task(tmp_path: Path) -> None:
    file = read(tmp_path, EXTRACT + "tokens: words\nlabels: {city: where it is}\n")
    assert (file.kind, file.output, file.tokens, file.labels) == ("extract", "tags", "words", {"city": "where it is"})


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("true", OutOfScope()),
        ("' other '", OutOfScope(label="other")),
        ("{false_alarm_rate: 0.1}", OutOfScope(false_alarm_rate=0.1)),
        ("{label: other}", OutOfScope(label="other")),
        ("false", None),
        ("", None),
    ],
)
def test_inputs_of_no_class(tmp_path: Path, text: str, scope: OutOfScope | None) -> None:
    file = read(tmp_path, MINIMAL + f"out_of_scope: {text}\n")
    assert file.out_of_scope == scope
    assert TaskFile.model_validate(file.model_dump()) == file


def test_the_schema_tells_every_form_of_inputs_of_no_class() -> None:
    forms = TaskFile.model_json_schema()["properties"]["out_of_scope"]["anyOf"]
    assert {form.get("type", form.get("$ref")) for form in forms} == {"boolean", "string", "null", "#/$defs/OutOfScope"}


def test_a_share_for_the_test(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL + "test: 0.3\n").test == 0.3
    for share in ("0", "1", "20", "-0.1", ".nan"):
        error = refused(tmp_path, MINIMAL + f"test: {share}\n")
        assert "between 0 and 1" in error.message
        assert line(error) == 3


@pytest.mark.parametrize(
    ("text", "at", "key", "near"),
    [
        ("name: t\ntrain: a.jsonl\nmodles: [minilm]\n", 3, "modles", "models"),
        ("name: t\ntrian: a.jsonl\n", 2, "trian", "train"),
        (MINIMAL + "limits:\n  latency_ms: 5\n  tolerence: 0.1\n", 5, "limits.tolerence", "tolerance"),
        (MINIMAL + "test:\n  pth: x\n", 4, "test.pth", "path"),
        (MINIMAL + "out_of_scope:\n  lable: x\n", 4, "out_of_scope.lable", "label"),
        (MINIMAL + "methods:\n  - majority\n  - method: lora\n    knbs: {}\n", 6, "methods.1.knbs", "knobs"),
    ],
)
def test_unknown_keys_name_the_nearest(tmp_path: Path, text: str, at: int, key: str, near: str) -> None:
    error = refused(tmp_path, text)
    assert line(error) == at
    assert error.message == f"unknown key {key!r}"
    assert error.remedy == f"did you mean {near!r}?"
    assert near in str(error.allowed)


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("name: t\n", None, "'train' is missing"),
        ("name: two words\ntrain: x\n", 1, "letters, digits"),
        (MINIMAL + "kind: translate\n", 3, "'classify', 'extract' or 'generate'"),
        (MINIMAL + "seeds: 3\n", 3, "a list is expected"),
        (MINIMAL + "seeds: [0, 1, 0]\n", 3, "none of them twice"),
        (MINIMAL + "seeds: []\n", 3, "at least one"),
        (MINIMAL + "sizes: [10,\n  1]\n", 3, "each at least 2"),
        (MINIMAL + "sizes: [ten]\n", 3, "integer"),
        (MINIMAL + "pair: true\n", 3, "two input columns"),
        (MINIMAL + "output: text\n", None, "must not stand in the input"),
        (MINIMAL + "input: [a, a]\n", 3, "different"),
        (MINIMAL + "labels: [a, b, a]\n", 3, "'a' is listed twice"),
        (MINIMAL + "labels: [a]\n", 3, "at least two"),
        (MINIMAL + "labels: [a, '']\n", 3, "none of them empty"),
        (MINIMAL + "tokens: words\n", 3, "belongs to kind: extract"),
        (EXTRACT + "tokens: tags\n", 5, "'tags' is the output column"),
        (EXTRACT + "labels: []\n", 5, "extract: one"),
        (EXTRACT + "input: [a, b]\n", 5, "extract reads one column"),
        (EXTRACT + "multi_label: true\n", 5, "belongs to kind: classify"),
        (EXTRACT + "out_of_scope: true\n", 5, "belongs to kind: classify"),
        (MINIMAL + "multi_label: true\nout_of_scope: true\n", 4, "needs one label a row"),
        (MINIMAL + "out_of_scope: 3\n", 3, "true, a label, or {label"),
        (MINIMAL + "out_of_scope: ' '\n", 3, "at least 1 character"),
        (MINIMAL + "out_of_scope:\n  label: other\n  false_alarm_rate: 5\n", 5, "less than 1"),
        (MINIMAL + "test: [a, b]\n", 3, "a file, or {path"),
        (MINIMAL + "models: []\n", 3, "at least one"),
        (MINIMAL + "methods:\n  - majority\n  - lora: 8\n", 5, "mapping is expected"),
        (MINIMAL + "methods:\n  - majority\n  - 8\n", 5, "mapping is expected"),
        (MINIMAL + "limits:\n\n  tolerance: 2\n", 5, "less than 1"),
        (MINIMAL + "prices: 3\n", 3, "mapping is expected"),
        (MINIMAL + "name: other\n", 3, "'name' is given twice, first on line 1"),
        (MINIMAL + "labels:\n  a: x\n  a: y\n", 5, "given twice"),
    ],
)
def test_wrong_values_are_told_with_their_line(tmp_path: Path, text: str, at: int | None, told: str) -> None:
    error = refused(tmp_path, text)
    assert told in str(error)
    assert "task.yaml" in str(error.where)
    if at is not None:
        assert line(error) == at
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("name: t\ntrain: [a\n", 3),
        ("name: t\n\ttrain: x\n", 2),
        ("name: t\na: b: c\n", 2),
        ("name: t\nx: !!python/none 1\n", 2),
    ],
)
def test_text_that_is_no_yaml(tmp_path: Path, text: str, at: int) -> None:
    error = refused(tmp_path, text)
    assert "not valid YAML" in error.message
    assert line(error) == at


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(MINIMAL)
    with pytest.raises(TaskFileError, match="No such file") as caught:
        read_task_file(tmp_path / "taks.yaml")
    assert caught.value.remedy == "did you mean 'task.yaml'?"
    with pytest.raises(TaskFileError, match="directory"):
        read_task_file(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: é".encode("latin-1"))
    with pytest.raises(TaskFileError, match="not UTF-8"):
        read_task_file(tmp_path / "latin.yaml")
    (tmp_path / "control.yaml").write_bytes(b"name: t\ntrain: \x00\n")
    with pytest.raises(TaskFileError, match="line 2: not valid YAML"):
        read_task_file(tmp_path / "control.yaml")
    assert "mapping of keys" in refused(tmp_path, "- a\n").message
    assert "mapping of keys" in refused(tmp_path, "").message


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert read_task_file(tmp_path / "task.yaml").name == "t"


def test_the_schema_describes_every_key() -> None:
    properties = TaskFile.model_json_schema()["properties"]
    assert set(properties) == {field.alias or name for name, field in TaskFile.model_fields.items()}
    for key in set(properties) - {"limits", "prices"}:  # groups of keys, described one by one
        assert properties[key]["description"], key
