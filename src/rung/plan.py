"""task.yaml as a typed value: the data it names, the plan (arms, sizes, seeds) and the user's limits and prices.

Knows the file's shape only: reading data is `dataset`'s, running is `compare`'s. Every key is stated here once; `rung schema`,
the messages for a wrong key and the guide's forms derive from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from rung.errors import TaskFileError, UnknownNameError
from rung.task import Frozen

DEFAULT_METHODS = ("majority", "nearest_example", "zero_shot", "frozen_features", "lora", "full_finetune")
DEFAULT_MODEL = "minilm"


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


class TaskFile(Frozen):
    """The whole of task.yaml. Paths are relative to the file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="short name of the task")
    kind: Literal["classify"] = "classify"
    train: DataSource = Field(description="labelled rows to learn from")
    test: DataSource | float = Field(
        0.2, description="labelled rows to judge on, or the share of `train` to hold back for it"
    )
    validation: DataSource | None = Field(None, description="rows to choose knobs on; default: cut from train")
    input: str | tuple[str, ...] = Field("text", description="the input column, or several columns (named fields)")
    pair: bool = Field(False, description="the two input columns are a pair of texts to be compared")
    output: str = Field("label", description="the column with the expected label, or list of labels")
    instruction: str = Field("", description="one or two sentences a person could work by")
    labels: dict[str, str] | None = Field(
        None, description="label names with descriptions; default: the labels found in train"
    )
    multi_label: bool | None = Field(
        None, description="a row may have several labels; default: whether the output column holds lists"
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
        return {"path": value} if isinstance(value, (str, Path)) else value

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: Any) -> Any:
        if isinstance(value, list):
            pairs: dict[str, str] = {}
            for item in value:
                pairs.update({str(k): v or "" for k, v in item.items()} if isinstance(item, dict) else {str(item): ""})
            return pairs
        return {str(k): v or "" for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("methods", mode="before")
    @classmethod
    def _methods(cls, value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            return value
        return [_method_spec(item) for item in value]

    @model_validator(mode="after")
    def _consistent(self) -> TaskFile:
        if self.pair and (isinstance(self.input, str) or len(self.input) != 2):
            raise ValueError("pair: true needs exactly two input columns, e.g. input: [premise, hypothesis]")
        if any(size < 2 for size in self.sizes):
            raise ValueError("sizes are total numbers of training examples, each at least 2")
        if isinstance(self.test, float) and not 0 < self.test < 1:
            raise ValueError("test: a share of train lies between 0 and 1, e.g. 0.2")
        return self

    @property
    def input_columns(self) -> tuple[str, ...]:
        """The input columns, in order."""
        return (self.input,) if isinstance(self.input, str) else self.input


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
    import yaml

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TaskFileError(
            f"cannot read the task file: {error.strerror}", where=str(path), remedy="give the path of a task.yaml"
        ) from None
    except UnicodeDecodeError as error:
        raise TaskFileError(
            "the task file is not UTF-8", where=f"{path}, byte {error.start}", remedy="save it as UTF-8"
        ) from None
    try:
        data = yaml.safe_load(text)
        nodes = yaml.compose(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise TaskFileError(f"not valid YAML: {getattr(error, 'problem', None) or error}", where=where) from None
    if not isinstance(data, dict):
        raise TaskFileError(
            "a task file is a mapping of keys to values", where=str(path), remedy="see `rung schema` for its keys"
        )
    try:
        return TaskFile.model_validate(data)
    except ValidationError as error:
        raise _explain(error, path, nodes) from None


def _explain(error: ValidationError, path: Path, nodes: Any) -> TaskFileError:
    first = error.errors()[0]
    loc = [part for part in first["loc"] if part not in ("DataSource", "float")]
    line = _line_of(nodes, loc)
    where = f"{path}, line {line}" if line else str(path)
    key = ".".join(str(part) for part in loc) or "task file"
    if first["type"] == "extra_forbidden":
        known = _known_keys(loc[:-1])
        near = UnknownNameError.nearest("key", str(loc[-1]), known, remedy="see `rung schema`")
        return TaskFileError(f"unknown key {key!r}", where=where, allowed=near.allowed, remedy=near.remedy)
    if first["type"] == "missing":
        return TaskFileError(
            f"the key {key!r} is missing", where=where, remedy=f"add `{loc[-1]}: ...`; see `rung schema`"
        )
    message = first["msg"].removeprefix("Value error, ")
    given = first["input"] if isinstance(first["input"], (str, int, float, bool)) else None
    return TaskFileError(f"{key}: {message}", where=where, given=given, remedy="see `rung schema` for what is allowed")


def _known_keys(parents: list[Any]) -> list[str]:
    if not parents:
        return list(TaskFile.model_fields)
    inner: dict[str, type[Frozen]] = {
        "limits": Limits,
        "prices": Prices,
        "train": DataSource,
        "test": DataSource,
        "validation": DataSource,
        "methods": MethodSpec,
    }
    return list(inner.get(str(parents[0]), TaskFile).model_fields)


def _line_of(node: Any, loc: list[Any]) -> int | None:
    """The line (from 1) of the deepest part of `loc` that stands in the YAML text."""
    line = None
    for part in loc:
        if isinstance(part, int) and hasattr(node, "value") and isinstance(node.value, list) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        found = (
            next(((k, v) for k, v in getattr(node, "value", []) if getattr(k, "value", None) == str(part)), None)
            if _is_mapping(node)
            else None
        )
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line


def _is_mapping(node: Any) -> bool:
    return getattr(node, "id", "") == "mapping"
