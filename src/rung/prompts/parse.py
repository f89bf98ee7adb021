"""A model's reply as an output of the task. Never guesses: what cannot be read is no answer."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from rung.entities import Entity, dump, located, parse
from rung.prompts.render import RESULT
from rung.task import Input, Output, Task

_FENCE = re.compile(r"```(?:json|JSON)?\s*\n?(.*?)```", re.DOTALL)
_AROUND = " \t\r\n\"'`*.“”‘’"


class Read(NamedTuple):
    """What was read.

    Attributes:
        output: None where the reply is no answer of the task.
        repaired: something had to be taken off or mended first: a code fence, words around the JSON, quotation marks.
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
    if task.kind == "extract":
        return _entities(task, reply, item)
    if task.kind == "classify":
        return _labels(task, reply) if task.multi_label else _label(task, reply)
    text = reply.strip()
    return Read(text or None)


def _label(task: Task, reply: str) -> Read:
    """The label a reply consists of; a name in a longer text is no answer, since it may be denied there."""
    names = [*task.label_names, *([task.out_of_scope.label] if task.out_of_scope else [])]
    text = reply.strip()
    if text in names:
        return Read(text)
    said = re.sub(r"^(?:labels?|answer|category)\s*[:=]\s*", "", text, flags=re.IGNORECASE)
    value = _json(said)
    if isinstance(value, dict) and len(value) == 1:
        value = next(iter(value.values()))
    if isinstance(value, str):
        said = value
    bare = said.strip(_AROUND)
    exact = [name for name in names if name.strip(_AROUND) == bare]
    alike = exact or [name for name in names if _folded(name) == _folded(bare)]
    return Read(alike[0], repaired=True) if len(alike) == 1 else Read(None)


def _labels(task: Task, reply: str) -> Read:
    value, repaired = _found_json(reply)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return Read(None)
    known = {_folded(name): name for name in task.label_names}
    names = [item if item in task.label_names else known.get(_folded(item)) for item in value]
    if any(name is None for name in names):
        return Read(None)
    repaired = repaired or list(names) != value
    return Read(tuple(sorted({str(name) for name in names})), repaired)


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
