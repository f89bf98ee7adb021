"""Answers under a JSON schema: which schemas can be judged, which answers keep one, and the fields of an answer.

    {"business": "bakery", "open": true, "rooms": 3, "tags": ["bread", "cake"], "place": {"city": "Rome"}}

Knows no files, tasks or methods. An answer is stored, compared and sent as one canonical JSON text: keys in the schema's order, no
nulls, 3 for 3.0. Its fields are its leaves, each under its path: `place.city`. A list is one leaf an item, whatever their order; an
object in a list is one leaf, right only as a whole.
"""

from __future__ import annotations

import difflib
import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

SCALARS = ("string", "integer", "number", "boolean")
#: What a schema may say of a value, by its type. That an answer may have fields of other names, it has to say itself.
KEYWORDS: dict[str, tuple[str, ...]] = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items",),
    **dict.fromkeys(SCALARS, ("enum",)),
}
#: What says nothing about which answers are right.
ANNOTATIONS = ("title", "description", "examples", "$schema", "$id", "$comment")
#: Types as prompts and messages call them.
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
}
MOST_EXACT = 2**53  # above it a float holds no fraction, and not every whole number


class Leaf(NamedTuple):
    """A field of an answer: its path, and its value as text (numbers as JSON writes them, 3 for 3.0)."""

    path: str
    text: str


def check_schema(schema: Any) -> None:
    """Refuse a schema by which answers cannot be judged.

    Raises:
        ValueError: what is not supported, or contradicts itself, and where.
    """
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        raise ValueError("at its top: a mapping with `type: object` and `properties` is expected")
    _check(schema, "")


def _check(schema: Any, place: str) -> None:
    if not isinstance(schema, Mapping):
        raise _refused(place, "a mapping such as {type: string} is expected")
    kind = schema.get("type", "string" if "enum" in schema else None)
    if "type" not in schema and "enum" not in schema and (odd := _unknown(schema, ("type", "enum"))):
        raise _refused(place, f"the keyword {odd!r} is not supported; a field has one `type`, or an `enum`")
    if not isinstance(kind, str) or kind not in KEYWORDS:
        hint = "; a field that may be missing is left out of `required`" if isinstance(kind, list) else ""
        raise _refused(place, f"the type {kind!r} is not supported, only one of {', '.join(KEYWORDS)}{hint}")
    if odd := _unknown(schema, ("type", *KEYWORDS[kind])):
        allowed = ", ".join(("type", *KEYWORDS[kind]))
        raise _refused(place, f"the keyword {odd!r} is not supported; of type {kind} it may say {allowed}")
    if "enum" in schema:
        _check_options(schema, place)
    elif kind == "object":
        _check_object(schema, place)
    elif kind == "array":
        if isinstance(schema.get("items"), Mapping) and schema["items"].get("type") == "array":
            raise _refused(f"{place}.items", "lists of lists are not supported")
        _check(schema.get("items"), f"{place}.items")


def _unknown(schema: Schema, known: Sequence[str]) -> str | None:
    return next((str(key) for key in schema if key not in known and key not in ANNOTATIONS), None)


def _check_object(schema: Schema, place: str) -> None:
    within = f"{place}.properties" if place else "properties"
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(properties, Mapping) or not properties:
        raise _refused(within, "a mapping of at least one field to its schema is expected")
    if any(not isinstance(name, str) or not name.strip() for name in properties):
        raise _refused(within, "every name of a field must be a text that is not empty")
    if not isinstance(required, (list, tuple)) or any(name not in properties for name in required):
        raise _refused(f"{place}.required", f"a list of names under `properties` is expected, not {required!r}")
    if not isinstance(schema.get("additionalProperties", False), bool):
        raise _refused(f"{place}.additionalProperties", "only true and false are supported")
    for name, part in properties.items():
        _check(part, f"{within}.{name}")


def _check_options(schema: Schema, place: str) -> None:
    options = schema["enum"]
    if not isinstance(options, (list, tuple)) or not options:
        raise _refused(f"{place}.enum", "a list of at least one value is expected")
    for option in options:
        kinds = [schema["type"]] if "type" in schema else SCALARS
        if not any(_is(option, kind) for kind in kinds):
            raise _refused(f"{place}.enum", f"{option!r} is no {' or '.join(WORDS[kind] for kind in kinds)}")
    names = [_folded(_text(option)) for option in options]
    twice = next((option for option, name in zip(options, names, strict=True) if names.count(name) > 1), None)
    if twice is not None:
        raise _refused(f"{place}.enum", f"{twice!r} stands there twice, letter case and blanks aside")


def _refused(place: str, message: str) -> ValueError:
    return ValueError(f"at {place.removeprefix('.') or 'its top'}: {message}")


@functools.lru_cache(maxsize=64)
def schema_of(text: str) -> Schema:
    """The schema that a task keeps as JSON text. Shared between callers: not to be changed."""
    schema: Schema = json.loads(text)
    return schema


def kept(value: Any, schema: Schema, *, mend: bool = False, place: str = "") -> Any:
    """`value` in its canonical form: keys in the schema's order, fields that are null left out where they may be.

    Args:
        mend: an option of an `enum` may be written with other letter case and blanks.

    Raises:
        ValueError: it does not keep the schema; says where, and what is allowed.

    >>> kept({"b": None, "a": 2.0}, {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}})
    {'a': 2}
    """
    if "enum" in schema:
        return _option(value, schema["enum"], mend, place)
    kind = schema["type"]
    if not _is(value, kind):
        raise ValueError(f"{_named(place)} is to be {_a(WORDS[kind])}, not {_shown(value)}")
    if kind == "array":
        return [kept(item, schema["items"], mend=mend, place=f"{place}[{i}]") for i, item in enumerate(value)]
    return _object(value, schema, mend, place) if kind == "object" else _plain(value)


def _object(value: Mapping[str, Any], schema: Schema, mend: bool, place: str) -> dict[str, Any]:
    properties, required = schema["properties"], schema.get("required", ())
    inside = f"{place}." if place else ""
    found = {}
    for name, part in properties.items():
        if value.get(name) is not None:
            found[name] = kept(value[name], part, mend=mend, place=f"{inside}{name}")
        elif name in required:
            raise ValueError(f"the field `{inside}{name}` is missing")
    others = sorted(str(name) for name in value if name not in properties and value[name] is not None)
    if others and not schema.get("additionalProperties", False):
        near = difflib.get_close_matches(others[0], list(properties), n=1, cutoff=0.6)
        hint = f"did you mean `{near[0]}`?" if near else f"its fields are {', '.join(properties)}"
        raise ValueError(f"`{inside}{others[0]}` is no field of the schema: {hint}")
    return found | {name: _plain(value[name]) for name in others}


def _option(value: Any, options: Sequence[Any], mend: bool, place: str) -> Any:
    for option in options:
        if _tidy(option) == _tidy(value) and isinstance(option, bool) == isinstance(value, bool):
            return _plain(option)
    if mend and isinstance(value, str):
        alike = [option for option in options if isinstance(option, str) and _folded(option) == _folded(value)]
        if alike:
            return alike[0]
    told = ", ".join(json.dumps(option, ensure_ascii=False) for option in options)
    raise ValueError(f"{_named(place)} is to be one of {told}, not {_shown(value)}")


def _is(value: Any, kind: str) -> bool:
    """Whether a JSON value has the type; a bool is an int to Python, and no number here."""
    if kind in ("integer", "number"):
        if isinstance(value, float):
            return math.isfinite(value) and (kind == "number" or value.is_integer())
        return isinstance(value, int) and not isinstance(value, bool)
    types = {"string": str, "boolean": bool, "array": (list, tuple), "object": Mapping}
    return isinstance(value, types[kind])  # type: ignore[arg-type]


def _plain(value: Any) -> Any:
    """A whole number as one, also within what no schema describes."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    whole = isinstance(value, float) and abs(value) < MOST_EXACT and value.is_integer()
    return int(value) if whole else value


def _a(noun: str) -> str:
    return noun if " or " in noun else f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _named(place: str) -> str:
    return f"the field `{place}`" if place else "the answer"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:59]}…"


def dump(value: Any) -> str:
    """The JSON text of an answer that is in canonical form.

    Raises:
        ValueError: it holds a number that JSON cannot write, or what is no JSON value.
    """
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise ValueError(str(error)) from None


def leaves(answer: Mapping[str, Any]) -> tuple[Leaf, ...]:
    """The fields of an answer.

    >>> leaves({"a": {"b": 3.0}, "c": ["x", "y"]})
    (Leaf(path='a.b', text='3'), Leaf(path='c', text='x'), Leaf(path='c', text='y'))
    """
    return tuple(_leaves("", answer))


def _leaves(path: str, value: Any) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield Leaf(path, _text(item))
    elif value is not None:
        yield Leaf(path, _text(value))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(_tidy(value), ensure_ascii=False, sort_keys=True)


def _tidy(value: Any) -> Any:
    """A value as it is compared, letter case aside: outer blanks off, whole numbers as such."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, Mapping):
        return {str(name): _tidy(item) for name, item in value.items()}
    return [_tidy(item) for item in value] if isinstance(value, (list, tuple)) else _plain(value)


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def paths(schema: Schema, before: str = "") -> tuple[str, ...]:
    """The paths of all fields that the schema names, in its order."""
    found: list[str] = []
    for name, part in schema["properties"].items():
        found += paths(part, f"{before}{name}.") if part.get("type") == "object" else [f"{before}{name}"]
    return tuple(found)


def described(schema: Schema, *, descriptions: bool = True) -> str:
    """The fields in one line, as prompts state them.

    >>> described({"type": "object", "properties": {"mood": {"enum": ["good", "bad"]}, "age": {"type": "integer"}}})
    'mood ("good" or "bad"; optional), age (whole number; optional)'
    """
    required = schema.get("required", ())
    told = []
    for name, part in schema["properties"].items():
        parts = [_kind_of(part, descriptions), "" if name in required else "optional"]
        parts.append(" ".join(str(part.get("description", "")).split()) if descriptions else "")
        told.append(f"{name} ({'; '.join(filter(None, parts))})")
    return ", ".join(told)


def _kind_of(part: Schema, descriptions: bool) -> str:
    if "enum" in part:
        return " or ".join(json.dumps(option, ensure_ascii=False) for option in part["enum"])
    if part["type"] == "array":
        return f"list of: {_kind_of(part['items'], descriptions)}"
    if part["type"] == "object":
        return f"object of: {described(part, descriptions=descriptions)}"
    return WORDS[part["type"]]


def for_decoding(schema: Schema) -> dict[str, Any]:
    """The schema as decoders get it: without annotations, and saying itself that there are no other fields."""
    if "enum" in schema:
        return {"enum": list(schema["enum"])}
    kind = schema["type"]
    if kind == "array":
        return {"type": kind, "items": for_decoding(schema["items"])}
    if kind != "object":
        return {"type": kind}
    return {
        "type": kind,
        "properties": {name: for_decoding(part) for name, part in schema["properties"].items()},
        "required": list(schema.get("required", ())),
        "additionalProperties": bool(schema.get("additionalProperties", False)),
    }
