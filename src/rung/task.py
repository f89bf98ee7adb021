"""The frozen nouns everyone speaks: Task, Label, Input, Example, Context, Prediction, Usage. Knows no files, models or methods."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field

from rung.errors import UsageError

TaskKind = Literal["classify", "extract", "generate", "answer"]
Output: TypeAlias = str | tuple[str, ...]


Role = Literal["system", "user", "assistant"]


class Message(NamedTuple):
    """A turn of a conversation."""

    role: Role
    content: str


#: What a language model is asked: turns of a conversation, or one text to go on from.
Prompt: TypeAlias = str | tuple[Message, ...]


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


class OwnMetric(Frozen):
    """A user's own score of a text: a Python function, kept with its source, so that a task says wholly what it is judged by.

    Attributes:
        file: name of its file, for messages. function: its name in it. source: the file's text.
    """

    file: str
    function: str
    source: str

    @property
    def sha256(self) -> str:
        """sha-256 (hex) of the source."""
        return hashlib.sha256(self.source.encode()).hexdigest()


class Task(Frozen):
    """What is to be done, apart from the data.

    Attributes:
        name: short name, used for folders and comparisons.
        kind: `classify` (one label, or several where `multi_label`), `extract` (the answer is `rung.entities`' JSON text), or
            `generate` (the answer is a text, judged against one reference or several). With a `json_schema` the answer of
            `extract` is `rung.fields`' JSON text.
        instruction: one or two sentences a person could work by.
        labels: the classes in a fixed order; every probability vector follows it. With `extract`, the types of entities;
            with a `json_schema` its fields.
        multi_label: an example may have any number of labels.
        out_of_scope: with `classify` and one label, how inputs of no class are answered; None: every input has a class.
            Its label is among `labels` only where training rows have it.
        metric: with `generate`, what arms are compared by: a key of `rung.metrics.generation.METRICS`, or the user's own; None
            is the default of the kind.
        json_schema: with `extract`, the JSON schema of answers as JSON text (`rung.fields.schema_of` reads it); None: entities.
    """

    name: str
    kind: TaskKind = "classify"
    instruction: str = ""
    labels: tuple[Label, ...] = ()
    multi_label: bool = False
    out_of_scope: OutOfScope | None = None
    metric: str | OwnMetric | None = None
    json_schema: str | None = None

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the classes, in the task's order."""
        return tuple(label.name for label in self.labels)


@dataclass(frozen=True, slots=True)
class Input:
    """What a method sees of an example: named fields in order, or the turns of a conversation.

    A single text is one field; a pair of texts (`pair=True`) is two; a conversation has `messages`, the turns before the answer,
    and no fields. Build one with `as_input`.
    """

    fields: tuple[tuple[str, str], ...]
    pair: bool = False
    messages: tuple[Message, ...] = ()

    @property
    def segments(self) -> tuple[str, ...]:
        """The texts an encoder gets: one, or two for a pair."""
        if self.pair:
            return tuple(value for _, value in self.fields)
        return (self.text,)

    @property
    def text(self) -> str:
        """The whole input as one text; several fields become `name: value` lines, several turns `role: content` lines.

        Of a conversation that is one turn of the user, what the user says.
        """
        if len(self.messages) == 1 and self.messages[0].role == "user":
            return self.messages[0].content
        if len(self.fields) == 1:
            return self.fields[0][1]
        return "\n".join(f"{name}: {value}" for name, value in self.messages or self.fields)


def as_input(value: str | Input | Mapping[str, str] | Sequence[str] | Sequence[Mapping[str, str]]) -> Input:
    """An `Input` from what users write: a text, a mapping of named fields, a pair of texts, or the turns of a conversation.

    >>> as_input("hello").text
    'hello'
    >>> as_input({"title": "a", "body": "b"}).text
    'title: a\\nbody: b'
    >>> as_input(("first", "second")).segments
    ('first', 'second')
    >>> as_input([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]).text
    'system: Be brief.\\nuser: Hello'

    Raises:
        UsageError: a list that is neither two texts nor turns, or a turn without a known role and a text.
    """
    if isinstance(value, Input):
        return value
    if isinstance(value, str):
        return Input((("text", value),))
    if isinstance(value, Mapping):
        return Input(tuple((str(k), str(v)) for k, v in value.items()))
    if value and all(isinstance(turn, (Mapping, Message)) for turn in value):
        return Input((), messages=tuple(as_message(turn) for turn in value))
    if len(value) != 2 or not all(isinstance(text, str) for text in value):
        allowed = 'two texts, or turns such as {"role": "user", "content": "..."}'
        raise UsageError("a list is neither a pair of texts nor a conversation", given=value, allowed=allowed)
    first, second = map(str, value)
    return Input((("text_a", first), ("text_b", second)), pair=True)


def as_message(turn: Any) -> Message:
    """A turn from a mapping with `role` and `content`.

    Raises:
        UsageError: the role is unknown, or the content is no text.
    """
    if isinstance(turn, Message):
        return turn
    role, content = turn.get("role"), turn.get("content")
    if role not in get_args(Role):
        raise UsageError("a turn of the conversation has no known role", given=role, allowed=get_args(Role))
    if not isinstance(content, str):
        raise UsageError("a turn of the conversation has no text", given=content, remedy="give it as `content`")
    return Message(role, content)


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled row.

    Attributes:
        id: stable identity within its split, e.g. `test:17` (17 is the row's number from 0).
        input: what the method sees.
        output: the expected label, or labels (sorted tuple) where the task is multi-label; with `generate` the reference, or
            several (a tuple in the order given), each as good as the others.
        group: rows of one group never stand on two sides of a split; None is a group of its own.
        where: `file, line N`, for messages.
    """

    id: str
    input: Input
    output: Output
    group: str | None = None
    where: str = ""


Form = Literal["auto", "turns", "message", "text"]
Selection = Literal["random", "balanced", "similar"]
Order = Literal["first_chosen_last", "first_chosen_first"]


class Context(Frozen):
    """What the prompt holds. Every method accepts one; only the renderer (and label-name rungs) read it.

    Attributes:
        instruction: replaces the task's instruction where given.
        label_descriptions: whether descriptions stand beside label names.
        shots: number of examples in the prompt. selection: which; `similar` are chosen for each input, the others once for all.
        order: where the example chosen first stands (of similar ones, the most similar): last, beside the input, or first.
        form: `turns` of a conversation, one `message`, or one `text` that the model goes on from; `auto`: what the model reads.
        reasoning: the model is asked to think before it answers.
    """

    instruction: str | None = None
    label_descriptions: bool = True
    shots: int = Field(0, ge=0)
    selection: Selection = "random"
    order: Order = "first_chosen_last"
    form: Form = "auto"
    reasoning: bool = False


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
        output: the label(s), or the text; None where no well-formed answer came.
        confidence: probability of `output` by the method's own account, in [0, 1]; None where it has none.
        probabilities: one per label in the task's order; None where the method has none.
        well_formed: whether the answer could be read as an output of the task.
        passages: ids of documents used.
        usage: tokens and seconds.
        notes: what else happened on the way, for counting: `shots_dropped` or `input_cut` (the prompt was too long), `repaired`
            (something was taken off the reply before it could be read), `unreadable`, `too_long`, `refused`, `failed`.
    """

    output: Output | None
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    well_formed: bool = True
    passages: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    notes: tuple[str, ...] = ()
