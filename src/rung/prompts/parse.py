"""A model's reply as an output of the task. Never guesses: what cannot be read is no answer."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from rung.entities import Entity, dump, located, parse
from rung.fields import dump as dump_object
from rung.fields import kept, schema_of
from rung.prompts.render import RESULT
from rung.task import Input, Output, Task

_FENCE = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)```", re.DOTALL)
_NAMED = re.compile(r"^(?:labels?|answer|category)\s*[:=]\s*", re.IGNORECASE)
_AROUND = " \t\r\n\"'`*.“”‘’"


class Read(NamedTuple):
    """What was read.

    Attributes:
        output: None where the reply is no answer of the task.
        repaired: something had to be taken off or mended first: a code fence, words around the JSON, quotation marks,
            of an object under a schema also nulls, and letter case and blanks in one of several options.
    """

    output: Output | None
    repaired: bool = False


def read_reply(task: Task, reply: str, item: Input, *, reasoning: bool = False) -> Read:
    """The output in a reply.

    Args:
        reasoning: the result is what follows the last "Answer:"; without one there is none.
    """
    if reasoning:
        _, mark, reply = reply.rpartition(RESULT)
        if not mark:
            return Read(None)
    if task.json_schema is not None:
        return _object(task.json_schema, reply)
    if task.kind == "extract":
        return _entities(task, reply, item)
    if task.kind == "classify":
        return _labels(task, reply) if task.multi_label else _label(task, reply)
    text = reply.strip()
    return Read(text or None)


def _label(task: Task, reply: str) -> Read:
    """The label a reply consists of; a name in a longer text is no answer, since it may be denied there."""
    names = list(dict.fromkeys([*task.label_names, *([task.out_of_scope.label] if task.out_of_scope else [])]))
    text = reply.strip()
    if text in names:
        return Read(text)
    fenced = _FENCE.fullmatch(text)
    said = re.sub(_NAMED, "", fenced.group(1).strip() if fenced else text)
    value = _json(said)
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
        value = value if isinstance(value, (str, dict, list)) else json.dumps(value)  # {"stars": 5}
    if isinstance(value, str):
        said = value
    bare = said.strip(_AROUND)
    if not bare:  # a label may be a mark: what is left of nothing is not that
        return Read(None)
    exact = [name for name in names if name.strip(_AROUND) == bare]
    alike = exact or [name for name in names if _folded(name) == _folded(bare)]
    return Read(alike[0], repaired=True) if len(alike) == 1 else Read(None)


def _labels(task: Task, reply: str) -> Read:
    value, repaired = _found_json(reply)
    if isinstance(value, dict) and len(value) == 1:  # {"labels": [...]}: some endpoints give objects only
        (value,), repaired = value.values(), True
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return Read(None)
    alike: dict[str, list[str]] = {}
    for name in task.label_names:
        alike.setdefault(_folded(name), []).append(name)
    names: list[str] = []
    for item in value:
        found = [item] if item in task.label_names else alike.get(_folded(item), [])
        if len(found) != 1:
            return Read(None)
        names += found
    return Read(tuple(sorted(set(names))), repaired or names != value)


def _entities(task: Task, reply: str, item: Input) -> Read:
    value, repaired = _found_json(reply)
    if isinstance(value, list):
        try:
            found = [Entity(e.type, e.text) for e in parse(json.dumps(value))]
        except ValueError:
            return Read(None)
    elif isinstance(value, dict):
        pairs = [(name, one) for name, many in value.items() for one in _texts(many)]
        if any(not isinstance(one, str) for _, one in pairs):
            return Read(None)
        found = [Entity(name, one) for name, one in pairs if one.strip()]
    else:
        return Read(None)
    return Read(dump(located(found, item.text)), repaired)


def _object(schema: str, reply: str) -> Read:
    """The object in a reply, if it keeps the schema: a value of another type or another name than allowed is no answer."""
    value, repaired = _found_json(reply)
    if not isinstance(value, dict):
        return Read(None)
    try:
        answer = kept(value, schema_of(schema), mend=True)
        text = dump_object(answer)
        text.encode()
    except (ValueError, RecursionError):
        return Read(None)
    return Read(text, repaired or answer != value)


def _texts(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, (list, int, float)):
        return [value]
    return value if isinstance(value, list) else [json.dumps(value)]


def _found_json(reply: str) -> tuple[Any, bool]:
    """The JSON in a reply, and whether it had to be dug out: of a fence, of words around it, or of a missing end."""
    text = reply.strip()
    value = _json(text)
    if value is not None:
        return value, False
    fenced = _FENCE.search(text)
    inner = fenced.group(1) if fenced else text
    starts = [at for at in (inner.find("{"), inner.find("[")) if at >= 0]
    if not starts:
        return None, False
    body = inner[min(starts) :]
    try:
        return json.JSONDecoder().raw_decode(body)[0], True
    except (ValueError, RecursionError):
        return _json(_closed(body)), True


def _closed(text: str) -> str:
    """A text that was cut off inside JSON, with what was open closed and a last unfinished item left out."""
    kept, open_marks, quoted, escaped = 0, [], False, False
    ends: list[tuple[int, str]] = []
    for at, mark in enumerate(text):
        if quoted:
            quoted, escaped = (mark != '"' or escaped), (mark == "\\" and not escaped)
        elif mark == '"':
            quoted = True
        elif mark in "{[":
            open_marks.append("}" if mark == "{" else "]")
        elif mark in "}]" and open_marks:
            open_marks.pop()
        if not quoted and mark in ",}]":
            kept = at if mark == "," else at + 1
            ends.append((kept, "".join(reversed(open_marks))))
    return text[: ends[-1][0]] + ends[-1][1] if ends else ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _folded(text: str) -> str:
    return re.sub(r"[\s_\-]+", " ", text.casefold()).strip()
