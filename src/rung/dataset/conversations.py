"""Rows of `generate` tasks: references, conversations, and the shapes such files are published in, recognised by their columns.

    {"messages": [{"role": "user", "content": ...}, {"role": "assistant", "content": ...}]}        chat, as providers take it
    {"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}            ShareGPT
    {"instruction": ..., "input": ..., "output": ...}                                              Alpaca; `input` may be empty
    {"prompt": ..., "completion": ...}                                                             both texts, or both turns

Of a conversation the last turn, the assistant's, is the expected answer, and all turns before it are the input. Knows one row's
values; neither files nor splits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rung.dataset.rows import Row, Unusable, encodable, is_nan
from rung.plan import TaskFile
from rung.task import Input, Message, Output, Role

ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
SPEAKERS: dict[str, Role] = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
}
#: What to do about a turn, or a reference, without text.
NO_TEXT = "give its text, or remove the row"


class Shape(NamedTuple):
    """A shape of rows: the columns it needs, how a row becomes input and output, and its input where it may have no answer yet."""

    columns: tuple[str, ...]
    read: Callable[[Mapping[str, Any]], tuple[Input, Output]]
    asked: Callable[[Mapping[str, Any]], Input]


def shape_of(file: TaskFile, rows: Sequence[Row]) -> Shape | None:
    """The shape of these rows; None where the task file's own `input:` and `output:` are to be read.

    Shapes are looked for only with `kind: generate`, where the task file names no columns and those of the defaults are not there.
    """
    default = file.input == TaskFile.model_fields["input"].default and file.output == "label"
    present = {column for row in rows for column in row.values}
    if file.kind != "generate" or not default or {*file.input_columns, file.output} <= present:
        return None
    return next((shape for shape in SHAPES if present.issuperset(shape.columns)), None)


def asked(values: Mapping[str, Any], columns: Sequence[str]) -> Input | None:
    """The input of a row that is to be answered, which may have an answer or none; None where its columns are plain texts.

    Raises:
        Unusable: its turns cannot be read, or it is empty.
    """
    if values.keys() >= set(columns):
        return conversation(values[columns[0]], columns[0]) if len(columns) == 1 else None
    shape = next((shape for shape in SHAPES if shape.columns[0] in values), None)
    return shape.asked(values) if shape else None


def references(value: Any, column: str) -> Output:
    """The expected text, or a tuple of several in the order given.

    Raises:
        Unusable: there is none, one of them is empty, or one is no text.
    """
    if not isinstance(value, (list, tuple)):
        return _reference(value, f"{column!r}")
    if not value:
        raise Unusable("empty_reference", f"the list of references in {column!r} is empty", None, NO_TEXT)
    found = tuple(_reference(item, f"reference {i} of {len(value)} in {column!r}") for i, item in enumerate(value, 1))
    return found if len(found) > 1 else found[0]


def conversation(value: Any, column: str) -> Input | None:
    """The input that turns are, all of them said before the answer; None where `value` holds no turns.

    Raises:
        Unusable: the turns cannot be read, or the last is the assistant's, which would be the answer itself.
    """
    if not isinstance(value, (list, tuple)) or not any(isinstance(turn, Mapping) for turn in value):
        return None
    turns = _turns(value, column, ROLES, ("role", "content"))
    if turns[-1].role == "assistant":
        message = f"the last turn in {column!r} is by assistant: it would be the answer, which stands in another column"
        raise Unusable("bad_messages", message, turns[-1].content)
    return Input((), messages=_before(turns, column))


def _reference(value: Any, what: str) -> str:
    if isinstance(value, (list, tuple, dict, bytes)):
        raise Unusable("bad_text", f"{what} holds a {type(value).__name__}, not a text", str(value)[:80])
    text = "" if value is None or is_nan(value) else encodable(str(value), what)
    if not text.strip():
        raise Unusable("empty_reference", f"{what} is empty: there is nothing to judge an answer by", None, NO_TEXT)
    return text


def _turns(value: Any, column: str, roles: Mapping[str, Role], keys: tuple[str, str]) -> tuple[Message, ...]:
    if isinstance(value, str) and value.strip().startswith("["):  # CSV holds no lists
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise Unusable("bad_messages", f"{column!r} is not valid JSON: {error}", value[:80]) from None
    if isinstance(value, Mapping) and all(isinstance(value.get(key), list) for key in keys):
        value = [
            dict(zip(keys, turn, strict=False)) for turn in zip(*(value[key] for key in keys), strict=False)
        ]  # of old `datasets`
    if not isinstance(value, (list, tuple)):
        kind = "nothing" if value is None or is_nan(value) else f"a {type(value).__name__}"
        raise Unusable("bad_messages", f"{column!r} holds {kind}, not a list of turns", str(value)[:80], _like(keys))
    if not value:
        raise Unusable("bad_messages", f"{column!r} is an empty list: there is no turn", None, "remove the row")
    return tuple(_turn(turn, f"turn {i} in {column!r}", roles, keys) for i, turn in enumerate(value, 1))


def _turn(turn: Any, what: str, roles: Mapping[str, Role], keys: tuple[str, str]) -> Message:
    if not isinstance(turn, Mapping):
        raise Unusable("bad_messages", f"{what} is a {type(turn).__name__}", str(turn)[:80], _like(keys))
    who, content = turn.get(keys[0]), turn.get(keys[1])
    role = roles.get(who) if isinstance(who, str) else None
    if role is None:
        known = ", ".join(roles)
        message = f"{what} has no `{keys[0]}`" if who is None else f"{what} has the unknown role {who!r}"
        raise Unusable("bad_messages", message, str(turn)[:80], f"`{keys[0]}` is one of {known}")
    if isinstance(content, (list, tuple)):
        content = _joined(content, what)
    if content is not None and not isinstance(content, str):
        message = f"{what} ({who}) holds a {type(content).__name__}, not a text"
        raise Unusable("bad_messages", message, str(content)[:80])
    if content is None or not content.strip():
        raise Unusable("bad_messages", f"{what} ({who}) is empty", str(turn)[:80], NO_TEXT)
    return Message(role, encodable(content, what))


def _joined(parts: Sequence[Any], what: str) -> str:
    """Content that is a list of parts, as newer chat files have it; only texts can be read."""
    for part in parts:
        if not isinstance(part, Mapping) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise Unusable("bad_messages", f"{what} holds something else than text", str(part)[:80])
    return "".join(part["text"] for part in parts)


def _like(keys: tuple[str, str]) -> str:
    return f'write a list of {{"{keys[0]}": ..., "{keys[1]}": ...}}'


def _before(turns: tuple[Message, ...], column: str) -> tuple[Message, ...]:
    """The turns before an answer, of which one at least is the user's."""
    if not any(turn.role == "user" for turn in turns):
        raise Unusable("empty_input", f"no turn by the user stands before the answer in {column!r}")
    return turns


def _dialogue(turns: tuple[Message, ...], column: str) -> tuple[Input, Output]:
    *before, last = turns
    if last.role != "assistant":
        message = f"there is no answer: the last turn in {column!r} is by {last.role}, not by assistant"
        raise Unusable("bad_messages", message, last.content, "let every conversation end with the expected answer")
    return Input((), messages=_before(tuple(before), column)), last.content


def _question(turns: tuple[Message, ...], column: str) -> Input:
    """The turns to be answered: all of them, or those before an answer that is there already."""
    return Input((), messages=_before(turns[:-1] if turns[-1].role == "assistant" else turns, column))


def _chat(values: Mapping[str, Any]) -> tuple[Message, ...]:
    return _turns(values.get("messages"), "messages", ROLES, ("role", "content"))


def _sharegpt(values: Mapping[str, Any]) -> tuple[Message, ...]:
    return _turns(values.get("conversations"), "conversations", SPEAKERS, ("from", "value"))


def _instruction(values: Mapping[str, Any]) -> Input:
    fields = tuple((name, _text(values.get(name), name)) for name in ("instruction", "input"))
    given = tuple((name, text) for name, text in fields if text.strip())
    if not given:
        raise Unusable("empty_input", "the input is empty (instruction, input)")
    return Input(given)


def _prompt(values: Mapping[str, Any]) -> Input:
    prompt = values.get("prompt")
    if isinstance(prompt, (list, tuple)):
        return Input((), messages=_before(_turns(prompt, "prompt", ROLES, ("role", "content")), "prompt"))
    text = _text(prompt, "prompt")
    if not text.strip():
        raise Unusable("empty_input", "the input is empty (prompt)")
    return Input((("prompt", text),))


def _completion(values: Mapping[str, Any]) -> tuple[Input, Output]:
    item, completion = _prompt(values), values.get("completion")
    if isinstance(completion, (list, tuple)) and any(isinstance(turn, Mapping) for turn in completion):
        turns = item.messages or (Message("user", item.text),)
        return _dialogue(turns + _turns(completion, "completion", ROLES, ("role", "content")), "completion")
    return item, references(completion, "completion")


def _text(value: Any, column: str) -> str:
    if isinstance(value, (list, tuple, dict, bytes)):
        raise Unusable("bad_text", f"{column!r} holds a {type(value).__name__}, not a text", str(value)[:80])
    return "" if value is None or is_nan(value) else encodable(str(value), column)


SHAPES = (
    Shape(("messages",), lambda row: _dialogue(_chat(row), "messages"), lambda row: _question(_chat(row), "messages")),
    Shape(
        ("conversations",),
        lambda row: _dialogue(_sharegpt(row), "conversations"),
        lambda row: _question(_sharegpt(row), "conversations"),
    ),
    Shape(
        ("instruction", "output"),
        lambda row: (_instruction(row), references(row.get("output"), "output")),
        _instruction,
    ),
    Shape(("prompt", "completion"), _completion, _prompt),
)
