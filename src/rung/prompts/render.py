"""Task, context, examples and input as a prompt. The only renderer; of the model it knows whether it chats."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from rung.entities import parse
from rung.fields import described, for_decoding, schema_of
from rung.task import Context, Form, Input, Message, Output, Prompt, Task

#: What answers are called where examples stand in one text.
ANSWER_NAMES = {"classify": "Label", "extract": "JSON", "generate": "Answer", "answer": "Answer"}
#: What ends a reasoning, and what stands before its result.
RESULT = "Answer:"
#: Between two examples of one text.
BETWEEN = "\n\n"


class Shot(NamedTuple):
    """An example as it stands in a prompt."""

    input: Input
    output: Output


@dataclass(frozen=True)
class Renderer:
    """Writes the prompts of one task in one context.

    Attributes:
        chat: whether the model reads turns of a conversation. Where it does not, every form is a text.
        written: the model writes a label by itself: it is told what inputs of no class are answered with.
    """

    task: Task
    context: Context
    chat: bool
    written: bool = False

    @property
    def form(self) -> Form:
        """How prompts are written: `turns` and `message` need a model that chats; `auto` is `turns` where it does, else `text`."""
        if not self.chat:
            return "text"
        return "turns" if self.context.form == "auto" else self.context.form

    @cached_property
    def instruction(self) -> str:
        """What is to be done, and the labels or fields there are."""
        told = self.context.instruction if self.context.instruction is not None else self.task.instruction
        parts = [told.strip() or _usual(self.task), self._choices(), self._outside(), self._format()]
        return "\n".join(part for part in parts if part)

    def prompt(self, item: Input, shots: Sequence[Shot] = ()) -> Prompt:
        """The prompt that asks for the answer to `item`, the examples in the order given before it."""
        if self.form == "text":
            end = "Reasoning" if self.context.reasoning else self.answer_name
            return f"{self._text(shots)}{self._asked(item)}\n{end}:"
        told = [turn.content for turn in item.messages if turn.role == "system"]
        before, last = self._turns(item)
        if self.form == "message":
            turns = [Message("system", BETWEEN.join(told))] if told else []
            return (*turns, *before, Message("user", f"{self._text(shots)}{last}"))
        system = BETWEEN.join([*filter(None, [self.instruction]), *told])
        turns = [Message("system", system)] if system else []
        for shot in shots:
            turns += [*self._all_turns(shot.input), Message("assistant", self.answer(shot.output))]
        return (*turns, *self._all_turns(item))

    def answer(self, output: Output) -> str:
        """An expected output as a model is to write it."""
        if self.task.json_schema is not None:
            return str(output)
        if self.task.kind == "extract":
            return json.dumps(fields_of(str(output)), ensure_ascii=False)
        if isinstance(output, str):
            return output
        if self.task.kind == "classify":
            return json.dumps(list(output), ensure_ascii=False)
        return output[0]  # of several references the first

    def following(self, answer: str) -> str:
        """An answer as it follows the prompt: behind a text with a space, in a turn of its own without."""
        return f" {answer}" if self.form == "text" else answer

    @property
    def answer_name(self) -> str:
        """What stands before an answer in one text."""
        if self.task.kind == "classify" and self.task.multi_label:
            return "Labels"
        return ANSWER_NAMES[self.task.kind]

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts that end an answer: in one text the next example would follow."""
        if self.form != "text" or self.context.reasoning:
            return ()
        return ("\n",) if self.task.kind != "generate" else (BETWEEN, f"\n{self.answer_name}:")

    def _text(self, shots: Sequence[Shot]) -> str:
        told = self.instruction
        examples = [
            f"{self._asked(shot.input)}\n{self.answer_name}: {self.answer(shot.output)}{BETWEEN}" for shot in shots
        ]
        return f"{told}{BETWEEN}{''.join(examples)}" if told else "".join(examples)

    def _asked(self, item: Input) -> str:
        """An input with the names of its fields."""
        if item.messages or len(item.fields) == 1:
            return f"Text: {item.text}"
        return "\n".join(f"{_titled(name)}: {value}" for name, value in item.fields)

    def _bare(self, item: Input) -> str:
        """An input as a turn of its own."""
        return item.text if item.messages or len(item.fields) == 1 else self._asked(item)

    def _all_turns(self, item: Input) -> tuple[Message, ...]:
        """An input as turns; instructions of its own aside."""
        if not item.messages:
            return (Message("user", self._bare(item)),)
        return tuple(turn for turn in item.messages if turn.role != "system")

    def _turns(self, item: Input) -> tuple[tuple[Message, ...], str]:
        """The turns before the last, and what the last says under a name, as it stands in one message."""
        if not item.messages:
            return (), self._asked(item)
        turns = self._all_turns(item)
        return turns[:-1], f"Text: {turns[-1].content}" if turns else ""

    def _choices(self) -> str:
        if self.task.json_schema is not None:
            told = described(schema_of(self.task.json_schema), descriptions=self.context.label_descriptions)
            return f"Fields: {told}"
        if self.task.kind not in ("classify", "extract") or not self.task.labels:
            return ""
        what = "Labels" if self.task.kind == "classify" else "Fields"
        if self.context.label_descriptions and any(label.description for label in self.task.labels):
            lines = [f"- {x.name}: {x.description}" if x.description else f"- {x.name}" for x in self.task.labels]
            return f"{what}:\n" + "\n".join(lines)
        return f"{what}: {', '.join(self.task.label_names)}"

    def _outside(self) -> str:
        scope = self.task.out_of_scope if self.written else None
        return f"Where none of them fits: {scope.label}" if scope and scope.label not in self.task.label_names else ""

    def _format(self) -> str:
        if self.context.reasoning:
            how = ", as a JSON object" if self.task.json_schema is not None else ""
            return f'Think step by step. Then write the result on a last line that begins with "{RESULT}"{how}'
        if self.task.json_schema is not None:
            return "Answer with one JSON object of these fields; leave out an optional one where the text does not tell it."
        if self.task.kind == "extract":
            return (
                "Answer in JSON: an object with those of the fields that the text has, each with the words of the text."
            )
        if self.task.multi_label:
            return "Answer with a JSON list of the labels that apply."
        return ""


def fields_of(output: str) -> dict[str, Any]:
    """An `extract` answer as an object: each type with its text, or a list of texts.

    >>> fields_of('[{"type": "city", "text": "Rome", "start": 3, "end": 7}]')
    {'city': 'Rome'}
    """
    found: dict[str, list[str]] = {}
    for entity in parse(output):
        found.setdefault(entity.type, []).append(entity.text)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def answer_schema(task: Task) -> Mapping[str, Any] | None:
    """The JSON schema that answers of this task are decoded under; None where any text is an answer."""
    if task.json_schema is not None:
        return for_decoding(schema_of(task.json_schema))
    if task.kind == "extract":
        value = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "maxItems": 20}]}
        names = dict.fromkeys(task.label_names, value)
        return {"type": "object", "properties": names, "additionalProperties": False}
    if task.kind == "classify" and task.multi_label:
        return {"type": "array", "items": {"enum": list(task.label_names)}, "maxItems": len(task.labels)}
    return None


def _usual(task: Task) -> str:
    if task.kind == "classify":
        return "Give the labels that fit the text." if task.multi_label else "Give the label that fits the text."
    if task.json_schema is not None:
        return "Give the fields that describe the text."
    return "Extract the fields from the text." if task.kind == "extract" else ""


def _titled(name: str) -> str:
    return name[:1].upper() + name[1:]
