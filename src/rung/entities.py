"""What an `extract` task answers: entities as one canonical JSON text. Knows no files, models or methods.

    [{"type": "artist", "text": "westbam", "start": 10, "end": 17}]

A list, sorted by place; `start` and `end` count characters of the input's text (end exclusive), null where they are not known, as
with a language model that only names the words. Being one text, an answer is stored, compared and sent like a label.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Entity(NamedTuple):
    """A piece of the input with its type (the field it fills); `start` and `end` both None where its place is not known."""

    type: str
    text: str
    start: int | None = None
    end: int | None = None


def dump(entities: Iterable[Entity]) -> str:
    """The canonical JSON text.

    >>> dump([Entity("artist", "westbam", 10, 17)])
    '[{"type": "artist", "text": "westbam", "start": 10, "end": 17}]'
    """
    ordered = sorted(entities, key=lambda e: (e.start is None, e.start or 0, e.end or 0, e.type, e.text))
    return json.dumps([e._asdict() for e in ordered], ensure_ascii=False)


def parse(text: str) -> tuple[Entity, ...]:
    """The entities of an answer, in order.

    Raises:
        ValueError: not a JSON list of objects with `type` and `text` (and, where given, whole numbers `start` < `end`).
    """
    value = json.loads(text)
    if not isinstance(value, list):
        raise ValueError("not a JSON list of entities")
    return tuple(_entity(item) for item in value)


def _entity(item: Any) -> Entity:
    if not isinstance(item, dict) or not isinstance(item.get("type"), str) or not isinstance(item.get("text"), str):
        raise ValueError("an entity is an object with the texts `type` and `text`")
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return Entity(item["type"], item["text"])
    # a bool is an int to Python, and no place in a text
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise ValueError("`start` and `end` are whole numbers, 0 <= start < end")
    return Entity(item["type"], item["text"], start, end)


def located(wanted: Sequence[Entity], text: str) -> tuple[Entity, ...]:
    """`wanted` with the places where their words stand in `text`; what is not found keeps its text and no place.

    Each takes the next occurrence that is free after the one before it, else the first that is free: whole words before parts of
    words, the same case before another; blanks of any kind count as equal. Entities that have a place keep it.

    >>> located([Entity("city", "rome"), Entity("city", "Bonn")], "To Rome")
    (Entity(type='city', text='Rome', start=3, end=7), Entity(type='city', text='Bonn', start=None, end=None))
    """
    out = list(wanted)
    taken = [(e.start, e.end) for e in out if e.start is not None and e.end is not None]
    after = 0
    for i, entity in enumerate(out):
        spot = (entity.start, entity.end) if entity.start is not None else _free_spot(entity.text, text, after, taken)
        if spot is None or spot[0] is None or spot[1] is None:
            continue
        if entity.start is None:
            out[i] = Entity(entity.type, text[slice(*spot)], *spot)
            taken.append((spot[0], spot[1]))
        after = spot[1]
    return tuple(out)


def _free_spot(words: str, text: str, after: int, taken: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    same_case = [s for s in _spots(words, text) if _is_free(s, taken)]
    whole = [s for s in same_case if _is_whole(s, text)]
    if not whole:
        any_case = [s for s in _spots(words, text, re.IGNORECASE) if _is_free(s, taken)]
        whole = [s for s in any_case if _is_whole(s, text)] or same_case or any_case
    return next((s for s in whole if s[0] >= after), whole[0] if whole else None)


def _spots(words: str, text: str, flags: int = 0) -> list[tuple[int, int]]:
    pieces = words.split()
    if not pieces:
        return []
    return [m.span() for m in re.finditer(r"\s+".join(map(re.escape, pieces)), text, flags)]


def _is_free(spot: tuple[int, int], taken: Sequence[tuple[int, int]]) -> bool:
    return all(spot[1] <= start or end <= spot[0] for start, end in taken)


def _is_whole(spot: tuple[int, int], text: str) -> bool:
    """Whether neither end cuts a word."""
    return not any(re.fullmatch(r"\w\w", text[max(0, at - 1) : at + 1]) for at in spot)


def matches(expected: Sequence[Entity], given: Sequence[Entity]) -> int:
    """How many of `given` are right, each expected entity counted once.

    Type and place must agree where both places are known (exact span match, Tjong Kim Sang and De Meulder 2003); else type and
    text, case and outer spaces aside.

    >>> matches([Entity("city", "Rome", 3, 7)], [Entity("city", "rome")])
    1
    """
    left = Counter(expected)
    right = 0
    unplaced = []
    for entity in given:
        found = next((e for e in left if left[e] and _same_place(e, entity)), None)
        if found is None:
            unplaced.append(entity)
        else:
            left[found] -= 1
            right += 1
    for entity in unplaced:
        found = next((e for e in left if left[e] and _same_words(e, entity)), None)
        if found is not None:
            left[found] -= 1
            right += 1
    return right


def _same_place(a: Entity, b: Entity) -> bool:
    return a.type == b.type and a.start is not None and (a.start, a.end) == (b.start, b.end)


def _same_words(a: Entity, b: Entity) -> bool:
    placed = a.start is not None and b.start is not None
    return not placed and a.type == b.type and a.text.strip().casefold() == b.text.strip().casefold()
