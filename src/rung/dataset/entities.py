"""The entities of a row, from the shapes people write them in. Knows one row's values; neither files nor tasks.

    [{"type": "city", "start": 3, "end": 7}]        places; `label` or `entity` for `type`; `text` or `value`, if given, is checked
    [[3, 7, "city"]]                                the same, as spaCy writes it
    [{"type": "city", "text": "Rome"}]              texts, found in the input in order of reading
    {"city": "Rome", "guest": ["Ann", "Bo"]}        fields with a text or several
    ["O", "B-city"]                                 tags, one a token (tags.py)

Each also as a JSON text, since CSV holds no lists, and tags as a text of words. Places count characters, `end` exclusive.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rung.dataset.rows import Unusable
from rung.dataset.tags import are_tags, tagged
from rung.entities import Entity, located

TYPE_KEYS = ("type", "label", "entity")
TEXT_KEYS = ("text", "value")
SHAPES = '[{"type": ..., "start": ..., "end": ...}], [{"type": ..., "text": ...}], {"field": "text"} or a list of tags'

COUNTED = "places count characters from 0, and `end` is the place after the last"


def decoded(value: Any) -> Any:
    """What a cell holds: a text is read as JSON where it looks like it, else as words; None where the cell is empty.

    Raises:
        Unusable: it looks like JSON and is not.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if not isinstance(value, str):
        return list(value) if isinstance(value, tuple) else value
    text = value.strip()
    if text[:1] not in ("[", "{"):
        return text.split() or None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, ValueError) else "nested too deeply"
        remedy = "write JSON, with double quotes" if "'" in text else None
        raise Unusable("bad_entities", f"not valid JSON: {why}", text, remedy) from None


def entities_of_row(value: Any, column: str, text: str, tokens: Sequence[str], strict: bool) -> tuple[Entity, ...]:
    """The entities in `value`, each with its place in `text`, in order of place.

    Args:
        value: what the column `column` holds, in any of the shapes above.
        tokens: the words of `text` that tags belong to.
        strict: tags must begin every entity with B- (see `tags.tagged`).

    Raises:
        Unusable: nothing stands there, no known shape, a wrong place or text, entities that overlap, or tags that contradict.
    """
    value = decoded(value)
    if value is None:
        raise Unusable("no_entities", f"there is nothing in {column!r}", remedy="write [] where a row has no entity")
    if are_tags(value):
        return tuple(tagged(value, tokens, text, strict))
    if isinstance(value, Mapping):
        wanted = _of_fields(value, column)
        # No order of reading here: the longest first, so that none takes a part of another's words.
        found = located(sorted(wanted, key=lambda e: -len(e.text)), text)
    elif isinstance(value, list):
        wanted = [_of_item(item, text, column) for item in value]
        found = located(wanted, text)
    else:
        raise _shape(value, column)
    if (lost := next((e for e in found if e.start is None), None)) is not None:
        raise _not_found(lost, found, text)
    return _apart(found)


def _of_fields(value: Mapping[Any, Any], column: str) -> list[Entity]:
    out = []
    for name, texts in value.items():
        for item in texts if isinstance(texts, (list, tuple)) else [texts]:
            if isinstance(item, (Mapping, list, bool)):
                raise _shape({name: item}, column)
            if item is not None and str(item).strip():
                out.append(Entity(_type(name), str(item)))
    return out


def _of_item(item: Any, text: str, column: str) -> Entity:
    if isinstance(item, (list, tuple)) and len(item) == 3 and isinstance(item[2], str):
        item = {"start": item[0], "end": item[1], "type": item[2]}
    if not isinstance(item, Mapping):
        raise _shape(item, column)
    kind = next((item[key] for key in TYPE_KEYS if item.get(key) is not None), None)
    words = next((item[key] for key in TEXT_KEYS if item.get(key) is not None), None)
    if kind is None or isinstance(kind, (Mapping, list, bool)):
        raise Unusable("bad_entities", "an entity has no type", str(item), "name it as `type`, `label` or `entity`")
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        if words is None or not str(words).strip():
            message = f"the entity of type {kind!r} has neither a place nor a text"
            raise Unusable("bad_entities", message, str(item), "give `start` and `end`, or `text`")
        return Entity(_type(kind), str(words))
    return _at_place(_type(kind), _whole(start, item), _whole(end, item), words, text)


def _type(name: Any) -> str:
    if not str(name).strip():
        raise Unusable("bad_entities", "the type of an entity is empty", remedy="name its type")
    return str(name).strip()


def _whole(number: Any, item: Any) -> int:
    # a column of whole numbers with gaps is read as floats
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        message = "`start` and `end` of an entity must be whole numbers, both of them"
        raise Unusable("bad_entities", message, str(item), COUNTED)
    return number


def _at_place(kind: str, start: int, end: int, words: Any, text: str) -> Entity:
    told = f"the entity of type {kind!r} at {start} to {end}"
    if start >= end:
        raise Unusable("bad_entities", f"{told} holds no character: `start` must lie before `end`", remedy=COUNTED)
    if start < 0 or end > len(text):
        message = f"{told} lies outside of the input, which has {len(text)} characters"
        raise Unusable("bad_entities", message, text, COUNTED)
    piece = text[start:end]
    if words is not None and str(words).strip() != piece.strip():
        raise Unusable("bad_entities", f"{told} has the text {str(words)!r}, but there stands {piece!r}", text, COUNTED)
    if not piece.strip():
        raise Unusable("bad_entities", f"{told} holds only blanks", text, COUNTED)
    # Blanks at its ends are no part of an entity: no tagger would give them back.
    start += len(piece) - len(piece.lstrip())
    return Entity(kind, piece.strip(), start, start + len(piece.strip()))


def _apart(found: Sequence[Entity]) -> tuple[Entity, ...]:
    """In order of place, each once; the rest is an error: an input's character belongs to one entity at most."""
    ordered = sorted(set(found), key=lambda e: (e.start or 0, e.end or 0, e.type))
    for a, b in itertools.pairwise(ordered):
        if (a.end or 0) > (b.start or 0):
            told = " and ".join(f"{e.text!r} ({e.type}, {e.start} to {e.end})" for e in (a, b))
            remedy = "keep one of them: nested and overlapping entities are not supported"
            raise Unusable("overlapping_entities", f"the entities {told} overlap", None, remedy)
    return tuple(ordered)


def _not_found(lost: Entity, found: Sequence[Entity], text: str) -> Unusable:
    again = any(e is not lost and e.start is not None and e.text.casefold() == lost.text.casefold() for e in found)
    message = f"the text {lost.text!r} of type {lost.type!r} does not stand in the input" + (
        " once more" if again else ""
    )
    return Unusable(
        "bad_entities", message, text, "write the words as they stand in the input, or give `start` and `end`"
    )


def _shape(value: Any, column: str) -> Unusable:
    return Unusable("bad_entities", f"{column!r} holds no entities in a known shape", str(value), f"write {SHAPES}")
