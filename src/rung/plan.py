"""task.yaml as a typed value: the data it names, the plan (arms, sizes, seeds) and the user's limits and prices.

Knows the file's shape only: reading data is `dataset`'s, running is `compare`'s. Every key is stated here once; `rung schema`,
the messages for a wrong key and the guide's forms derive from it.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from rung.errors import TaskFileError, UnknownNameError
from rung.task import Frozen, OutOfScope

if TYPE_CHECKING:
    from rung.yaml_text import YamlText

#: The whole ladder; a method that cannot do the task is skipped, and its reason stands in the report.
DEFAULT_METHODS = (
    "majority",
    "nearest_example",
    "zero_shot",
    "frozen_features",
    "head_only",
    "contrastive",
    "prompt_tuning",
    "p_tuning",
    "prefix_tuning",
    "lora",
    "full_finetune",
)
DEFAULT_MODEL = "minilm"

# plainer words for what pydantic says about the shapes a task file has
MESSAGES = {
    "tuple_type": "a list is expected, e.g. [a, b]",
    "dict_type": "a mapping is expected, e.g. {a: ..., b: ...}",
    "model_type": "a mapping is expected, e.g. {a: ..., b: ...}",
    "too_short": "at least one is needed",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', at most 64 of them, beginning with a letter or a digit",
}


class Limits(Frozen):
    """What an answer must satisfy. None means no limit."""

    tolerance: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="an arm is as good as the best if it is at most this much worse (0.01 is one point)",
    )
    quality_floor: float | None = Field(
        None, ge=0, le=1, description="arms shown to lie below this quality are not recommended"
    )
    latency_ms: float | None = Field(None, gt=0, description="highest median latency of one request, in milliseconds")
    cost_usd_per_1k: float | None = Field(None, gt=0, description="highest cost of 1,000 requests, in US dollars")
    data_leaves_machine: bool = Field(True, description="false: no row may be sent to a hosted model")


class Prices(Frozen):
    """What machine time costs."""

    machine_usd_per_hour: float = Field(
        0.10, ge=0, description="price of this machine; the default stands for a rented 2-core virtual machine"
    )


class DataSource(Frozen):
    """Where rows come from: files beside the task file, or a Hugging Face dataset."""

    path: str = Field(
        description="file (.jsonl .json .csv .tsv .parquet, each may end in .gz), or hf:NAME or hf:FOLDER"
    )
    split: str | None = Field(None, description="split of a Hugging Face dataset")
    config: str | None = Field(None, description="configuration of a Hugging Face dataset")


class MethodSpec(Frozen):
    """A method with knobs of the user's choosing."""

    method: str
    knobs: dict[str, Any] = Field(default_factory=dict)
    name: str | None = Field(None, description="how the arm is called in the report; default: the method's name")


def _scope_forms(schema: dict[str, Any]) -> None:
    schema["anyOf"] += [{"type": "boolean"}, {"type": "string"}]


class TaskFile(Frozen):
    """The whole of task.yaml. Paths are relative to the file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="short name of the task")
    kind: Literal["classify", "extract"] = Field(
        "classify", description="classify: one label a row, or several; extract: the entities, or fields, in a text"
    )
    train: DataSource = Field(description="labelled rows to learn from")
    test: DataSource | float = Field(
        0.2, description="labelled rows to judge on, or the share of `train` to hold back for it"
    )
    validation: DataSource | None = Field(None, description="rows to choose knobs on; default: cut from train")
    input: str | tuple[str, ...] = Field("text", description="the input column, or several columns (named fields)")
    pair: bool = Field(False, description="the two input columns are a pair of texts to be compared")
    output: str = Field(
        "label",
        description="the column with the expected label, or list of labels; with extract the entities: a list of "
        "{type, start, end} or {type, text}, a mapping of fields to texts, or a list of tags (BIO), also as JSON text",
    )
    tokens: str | None = Field(
        None,
        description="with extract: the column with the tokens that tags belong to; default: the input split at white space",
    )
    instruction: str = Field("", description="one or two sentences a person could work by")
    labels: dict[str, str] | None = Field(
        None, description="label names (with extract: entity types) with descriptions; default: those found in train"
    )
    multi_label: bool | None = Field(
        None, description="a row may have several labels; default: whether the output column holds lists"
    )
    out_of_scope: OutOfScope | None = Field(
        None,
        description="with classify: inputs of no class get a label of their own; true, its name, or a mapping",
        json_schema_extra=_scope_forms,
    )
    group: str | None = Field(None, description="column whose equal values stay on one side of a split")
    models: tuple[str, ...] = Field((DEFAULT_MODEL,), min_length=1, description="model names, hub ids or folders")
    methods: tuple[MethodSpec, ...] = Field(
        tuple(MethodSpec(method=m) for m in DEFAULT_METHODS), min_length=1, description="rungs to try"
    )
    sizes: tuple[int, ...] = Field((), description="total numbers of training examples (nested subsets); default: all")
    seeds: tuple[int, ...] = Field((0,), min_length=1, description="seeds; each arm is run once with each")
    split_seed: int = Field(0, ge=0, description="seed of every split")
    keep_overlap: bool = Field(False, description="true: keep training rows whose input also stands in the test set")
    limits: Limits = Limits()
    prices: Prices = Prices()

    @field_validator("train", "test", "validation", mode="before")
    @classmethod
    def _source(cls, value: Any) -> Any:
        if isinstance(value, (str, Path)):
            return {"path": str(value)}
        if isinstance(value, (list, tuple)) or value is True or value is False:
            raise ValueError(
                "a file, or {path: ..., split: ..., config: ...}; for test also a share of train, e.g. 0.2"
            )
        return value

    @field_validator("out_of_scope", mode="before")
    @classmethod
    def _scope(cls, value: Any) -> Any:
        if isinstance(value, bool):
            return {} if value else None
        if isinstance(value, str):
            return {"label": value.strip()}
        if isinstance(value, dict) and isinstance(value.get("label"), str):
            return {**value, "label": value["label"].strip()}
        if value is not None and not isinstance(value, (dict, OutOfScope)):
            raise ValueError("true, a label, or {label: ..., false_alarm_rate: ...}")
        return value

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, dict):
            pairs = list(value.items())
        elif isinstance(value, (list, tuple)):
            pairs = [pair for item in value for pair in (item.items() if isinstance(item, dict) else [(item, "")])]
        else:
            return value
        names = [_label_name(name) for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the label {twice!r} is listed twice")
        # one type of entity is a task; one class is none
        if not all(names) or len(names) < (1 if info.data.get("kind") == "extract" else 2):
            raise ValueError("a list of at least two label names (extract: one), none of them empty")
        return {name: text or "" for name, (_, text) in zip(names, pairs, strict=True)}

    @field_validator("models", mode="before")
    @classmethod
    def _models(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @field_validator("methods", mode="before")
    @classmethod
    def _methods(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple, str)):
            return value
        return [_method_spec(item) for item in ([value] if isinstance(value, str) else value)]

    @field_validator("test")
    @classmethod
    def _share(cls, value: DataSource | float) -> DataSource | float:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("a share of train lies between 0 and 1, e.g. 0.2")
        return value

    @field_validator("sizes", "seeds")
    @classmethod
    def _numbers(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if info.field_name == "sizes" and any(size < 2 for size in value):
            raise ValueError("total numbers of training examples, each at least 2")
        if any(number < 0 for number in value) or len(set(value)) < len(value):
            raise ValueError("whole numbers from 0, none of them twice")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> TaskFile:
        if self.pair and (isinstance(self.input, str) or len(self.input) != 2):
            raise ValueError("pair: true needs exactly two input columns, e.g. input: [premise, hypothesis]")
        if self.output in self.input_columns:
            raise ValueError(f"input: {self.output!r} is the output column; the answer must not stand in the input")
        if len(set(self.input_columns)) < len(self.input_columns) or not self.input_columns:
            raise ValueError("input: one column, or several different ones")
        return self

    @model_validator(mode="after")
    def _fits_kind(self) -> TaskFile:
        if self.kind == "classify":
            if self.tokens is not None:
                raise ValueError("tokens: belongs to kind: extract")
            if self.out_of_scope is not None and self.multi_label:
                raise ValueError(
                    "out_of_scope: needs one label a row; with several, a row of no class has an empty list"
                )
            return self
        if self.out_of_scope is not None:
            raise ValueError("out_of_scope: belongs to kind: classify; a text without entities has an empty list")
        if self.multi_label is not None:
            raise ValueError("multi_label: belongs to kind: classify; a text may always have several entities")
        if len(self.input_columns) > 1:
            raise ValueError("input: extract reads one column, since places count the characters of one text")
        if self.tokens == self.output:
            raise ValueError(f"tokens: {self.output!r} is the output column; name the column with the words")
        return self

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns, in order."""
        return (self.input,) if isinstance(self.input, str) else self.input


def _label_name(name: Any) -> str:
    # as JSON, YAML and most CSV files write it
    return str(name).lower() if isinstance(name, bool) else str(name).strip()


def _method_spec(item: Any) -> Any:
    if isinstance(item, str):
        return {"method": item}
    if isinstance(item, dict) and len(item) == 1 and "method" not in item:
        ((name, knobs),) = item.items()
        return {"method": name, "knobs": knobs or {}}
    return item


def read_task_file(path: str | Path) -> TaskFile:
    """Read and check a task.yaml.

    Raises:
        TaskFileError: the file is missing, is no YAML mapping, or a key or value is not allowed (with the line where known).
    """
    from rung.yaml_text import YamlText

    path = Path(path)
    text = YamlText(_text_of(path), str(path))
    if not isinstance(text.data, dict):
        raise TaskFileError(
            "a task file is a mapping of keys to values", where=str(path), remedy="see `rung schema` for its keys"
        )
    if isinstance(text.data.get("labels"), (dict, list)):
        text.data["labels"] = text.written(["labels"])
    try:
        return TaskFile.model_validate(text.data)
    except ValidationError as error:
        raise _explain(error, text) from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        where = f"{path}, byte {error.start}"
        raise TaskFileError("the task file is not UTF-8", where=where, remedy="save it as UTF-8") from None
    except OSError as error:
        beside = [p.name for p in path.parent.glob("*.y*ml")] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, sorted(beside), n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else "give the path of a task.yaml"
        raise TaskFileError(f"cannot read the task file: {error.strerror}", where=str(path), remedy=remedy) from None


def _explain(error: ValidationError, text: YamlText) -> TaskFileError:
    """The first error as one of ours; an unknown key goes first, since it is often why another one is missing."""
    errors = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    first = errors[0]
    loc = [part for part in first["loc"] if part not in ("DataSource", "float")]
    message = MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
    named = message.partition(":")[0]
    if not loc and named in TaskFile.model_fields:  # rules over several keys name the key to look at
        loc, message = [named], message.partition(":")[2].strip()
    line = text.line_of(loc)
    where = f"{text.name}, line {line}" if line else text.name
    key = ".".join(str(part) for part in loc) or "task file"
    if first["type"] == "extra_forbidden":
        near = UnknownNameError.nearest("key", str(loc[-1]), _known_keys(loc[:-1]), remedy="see `rung schema`")
        return TaskFileError(f"unknown key {key!r}", where=where, allowed=near.allowed, remedy=near.remedy)
    if first["type"] == "missing":
        return TaskFileError(
            f"the key {key!r} is missing", where=where, remedy=f"add `{loc[-1]}: ...`; see `rung schema`"
        )
    given = first["input"] if isinstance(first["input"], (str, int, float, bool)) else None
    return TaskFileError(f"{key}: {message}", where=where, given=given, remedy="see `rung schema` for what is allowed")


def _known_keys(parents: list[Any]) -> list[str]:
    inner: dict[str, type[Frozen]] = {
        "limits": Limits,
        "prices": Prices,
        "train": DataSource,
        "test": DataSource,
        "validation": DataSource,
        "methods": MethodSpec,
        "out_of_scope": OutOfScope,
    }
    return list(inner.get(str(parents[0]), TaskFile).model_fields) if parents else list(TaskFile.model_fields)
