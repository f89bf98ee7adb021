"""task.yaml as a typed value: the data it names, the plan (arms, sizes, seeds) and the user's limits and prices.

Knows the file's shape only: reading data is `dataset`'s, running is `compare`'s. Every key is stated here once; `rung schema`,
the messages for a wrong key and the guide's forms derive from it.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from rung.errors import TaskFileError, UnknownNameError
from rung.fields import check_schema
from rung.limits import Limits as Limits
from rung.limits import Prices as Prices
from rung.limits import TokenPrices as TokenPrices
from rung.task import Frozen, OutOfScope

if TYPE_CHECKING:
    from rung.yaml_text import YamlText

#: The whole ladder; a method that cannot do the task is skipped, and its reason stands in the report.
DEFAULT_METHODS = (
    "majority",
    "nearest_example",
    "zero_shot",
    "few_shot",
    "frozen_features",
    "head_only",
    "contrastive",
    "prompt_tuning",
    "p_tuning",
    "prefix_tuning",
    "lora",
    "full_finetune",
)
#: An encoder and a language model, so that every rung of the ladder has one to work on.
DEFAULT_MODELS = ("minilm", "starter")

#: What texts may be compared by (`rung.metrics.generation`); the first is the default.
TEXT_METRICS = ("chrf", "rouge_l", "exact_match", "bleu")
#: A user's own function in a file beside the task file.
OWN_METRIC = re.compile(r"(?P<file>[^:]+\.py):(?P<function>[A-Za-z_]\w*)")

# plainer words for what pydantic says about the shapes a task file has
MESSAGES = {
    "tuple_type": "a list is expected, e.g. [a, b]",
    "dict_type": "a mapping is expected, e.g. {a: ..., b: ...}",
    "model_type": "a mapping is expected, e.g. {a: ..., b: ...}",
    "too_short": "at least one is needed",
    "string_pattern_mismatch": "letters, digits, '.', '_' and '-', at most 64 of them, beginning with a letter or a digit",
}


class JudgePlan(Frozen):
    """A language model that compares texts with the references, in both orders."""

    model: str = Field(description="its name, as under `models:`")
    rows: int = Field(50, ge=1, description="test rows it judges, the same for every arm")
    criteria: str = Field("", description="what makes an answer better, in words; default: left to the judge")


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

    # as the file has it: what is written can be read again
    model_config = ConfigDict(serialize_by_alias=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="short name of the task")
    kind: Literal["classify", "extract", "generate"] = Field(
        "classify",
        description="classify: one label a row, or several; extract: the entities, or fields, in a text; "
        "generate: a text, judged against references",
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
        "{type, start, end} or {type, text}, a mapping of fields to texts, or a list of tags (BIO), also as JSON text (with "
        "`schema` an object); "
        "with generate a text, or a list of texts that are each as good",
    )
    metric: str | None = Field(
        None,
        description="with generate: what arms are compared by: chrf (the default), rouge_l, exact_match, bleu, or "
        "FILE.py:FUNCTION, a function of yours",
    )
    judge: JudgePlan | None = Field(
        None,
        description="with generate: a language model that judges answers against the references; opinion, not verdict",
    )
    # `schema` alone would hide a method of pydantic's
    json_schema: dict[str, Any] | str | None = Field(
        None,
        alias="schema",
        description="with extract: the answer is a JSON object under this JSON schema, a mapping or the path of a .json file, and "
        "its values need not stand in the text; default: entities",
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
    models: tuple[str, ...] = Field(DEFAULT_MODELS, min_length=1, description="model names, hub ids or folders")
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

    @field_validator("metric")
    @classmethod
    def _metric(cls, value: str | None) -> str | None:
        if value is not None and value not in TEXT_METRICS and not OWN_METRIC.fullmatch(value):
            near = difflib.get_close_matches(value, TEXT_METRICS, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"one of {', '.join(TEXT_METRICS)}, or FILE.py:FUNCTION beside the task file{hint}")
        return value

    @field_validator("json_schema", mode="before")
    @classmethod
    def _schema(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.lower().endswith(".json"):
            raise ValueError("a mapping (JSON schema), or the path of a .json file beside the task file")
        if isinstance(value, dict):
            check_schema(value)
        return value

    @model_validator(mode="after")
    def _fits_kind(self) -> TaskFile:
        if self.kind != "extract" and (self.tokens is not None or self.json_schema is not None):
            raise ValueError(f"{'tokens' if self.tokens is not None else 'schema'}: belongs to kind: extract")
        if self.kind != "generate" and self.metric is not None:
            raise ValueError("metric: belongs to kind: generate")
        if self.kind != "generate" and self.judge is not None:
            raise ValueError("judge: belongs to kind: generate")
        if self.kind != "classify":
            return self._without_classes()
        if self.out_of_scope is not None and self.multi_label:
            raise ValueError("out_of_scope: needs one label a row; with several, a row of no class has an empty list")
        return self

    def _without_classes(self) -> TaskFile:
        extract = self.kind == "extract"
        if self.out_of_scope is not None:
            why = "; a text without entities has an empty list" if extract else ""
            raise ValueError(f"out_of_scope: belongs to kind: classify{why}")
        if self.multi_label is not None:
            why = "; a text may always have several entities" if extract else "; several references are a list of texts"
            raise ValueError(f"multi_label: belongs to kind: classify{why}")
        if self.json_schema is not None:
            return self._under_schema()
        if extract and len(self.input_columns) > 1:
            raise ValueError("input: extract reads one column, since places count the characters of one text")
        if self.tokens is not None and self.tokens == self.output:
            raise ValueError(f"tokens: {self.output!r} is the output column; name the column with the words")
        if not extract and (self.labels is not None or self.pair):
            key, kinds = ("labels", "classify, or extract") if self.labels is not None else ("pair", "classify")
            raise ValueError(f"{key}: belongs to kind: {kinds}")
        return self

    def _under_schema(self) -> TaskFile:
        if self.labels is not None:
            raise ValueError("labels: the fields are those of `schema:`, each with its description there")
        if self.tokens is not None or self.pair:
            key, kinds = (
                ("pair", "kind: classify") if self.pair else ("tokens", "entities; under a schema none are tagged")
            )
            raise ValueError(f"{key}: belongs to {kinds}")
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
    if not loc and named in _keys_of(TaskFile):  # rules over several keys name the key to look at
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
        "judge": JudgePlan,
    }
    return _keys_of(inner.get(str(parents[0]), TaskFile) if parents else TaskFile)


def _keys_of(model: type[Frozen]) -> list[str]:
    """Its keys as a task file has them."""
    return [field.alias or name for name, field in model.model_fields.items()]
