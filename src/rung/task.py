"""The frozen nouns everyone speaks: Task, Label, Input, Example, Context, Prediction, Usage. Knows no files, models or methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

TaskKind = Literal["classify", "extract", "generate", "answer"]
Output: TypeAlias = str | tuple[str, ...]


class Frozen(BaseModel):
    """Base of every plain value that is stored, sent or shown: immutable, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(Frozen):
    """One class of a `classify` task."""

    name: str
    description: str = ""


class OutOfScope(Frozen):
    """Inputs that belong to no class are to be answered with a label of their own."""

    label: str = Field(
        "none of these",
        min_length=1,
        description="what they are answered with; rows of the data may have it as their label",
    )
    false_alarm_rate: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="share of in-scope rows that may wrongly get it; the threshold is set on validation rows to keep this",
    )


class Task(Frozen):
    """What is to be done, apart from the data.

    Attributes:
        name: short name, used for folders and comparisons.
        kind: `classify` (one label, or several where `multi_label`), or `extract` (the answer is `rung.entities`' JSON text).
        instruction: one or two sentences a person could work by.
        labels: the classes in a fixed order; every probability vector follows it. With `extract`, the types of entities.
        multi_label: an example may have any number of labels.
        out_of_scope: with `classify` and one label, how inputs of no class are answered; None: every input has a class.
            Its label is among `labels` only where training rows have it.
    """

    name: str
    kind: TaskKind = "classify"
    instruction: str = ""
    labels: tuple[Label, ...] = ()
    multi_label: bool = False
    out_of_scope: OutOfScope | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes, in the task's order."""
        return tuple(label.name for label in self.labels)


@dataclass(frozen=True, slots=True)
class Input:
    """What a method sees of an example: named fields in order.

    A single text is one field; a pair of texts (`pair=True`) is two. Build one with `as_input`.
    """

    fields: tuple[tuple[str, str], ...]
    pair: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        """The texts an encoder gets: one, or two for a pair."""
        if self.pair:
            return tuple(value for _, value in self.fields)
        return (self.text,)

    @property
    def text(self) -> str:
        """The whole input as one text; several fields become `name: value` lines."""
        if len(self.fields) == 1:
            return self.fields[0][1]
        return "\n".join(f"{name}: {value}" for name, value in self.fields)


def as_input(value: str | Input | Mapping[str, str] | Sequence[str]) -> Input:
    """An `Input` from what users write: a text, a mapping of named fields, or a pair of texts.

    >>> as_input("hello").text
    'hello'
    >>> as_input({"title": "a", "body": "b"}).text
    'title: a\\nbody: b'
    >>> as_input(("first", "second")).segments
    ('first', 'second')
    """
    if isinstance(value, Input):
        return value
    if isinstance(value, str):
        return Input((("text", value),))
    if isinstance(value, Mapping):
        return Input(tuple((str(k), str(v)) for k, v in value.items()))
    first, second = value
    return Input((("text_a", first), ("text_b", second)), pair=True)


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled row.

    Attributes:
        id: stable identity within its split, e.g. `test:17` (17 is the row's number from 0).
        input: what the method sees.
        output: the expected label, or labels (sorted tuple) where the task is multi-label.
        group: rows of one group never stand on two sides of a split; None is a group of its own.
        where: `file, line N`, for messages.
    """

    id: str
    input: Input
    output: Output
    group: str | None = None
    where: str = ""


class Context(Frozen):
    """What the prompt holds. Every method accepts one; only the renderer (and label-name rungs) read it.

    Attributes:
        instruction: replaces the task's instruction where given.
        label_descriptions: whether descriptions stand beside label names.
        shots: number of examples in the prompt.
    """

    instruction: str | None = None
    label_descriptions: bool = True
    shots: int = Field(0, ge=0)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one prediction took: tokens in, out, and served from a provider's cache; seconds of compute on its own."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """One answer.

    Attributes:
        output: the label(s); None where no well-formed answer came.
        confidence: probability of `output` by the method's own account, in [0, 1]; None where it has none.
        probabilities: one per label in the task's order; None where the method has none.
        well_formed: whether the answer could be read as an output of the task.
        passages: ids of documents used.
        usage: tokens and seconds.
    """

    output: Output | None
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    well_formed: bool = True
    passages: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
