"""Answers under a JSON schema: which schemas are refused and where, which answers keep one, what their fields are."""

from __future__ import annotations

from typing import Any

import pytest

from rung.fields import Leaf, check_schema, described, dump, for_decoding, kept, leaves, paths

SCHEMA: dict[str, Any] = {
    "title": "A shop",
    "type": "object",
    "properties": {
        "business": {"type": "string", "description": "what it sells"},
        "mood": {"enum": ["good", "bad"]},
        "rooms": {"type": "integer"},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "place": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"price": {"type": "number"}}}},
    },
    "required": ["business", "mood"],
}
ANSWER = {"business": "bakery", "mood": "good"}


def one(part: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}, **more}


# schema -> how the message begins
REFUSED: list[tuple[Any, str]] = [
    (["a"], "at its top: a mapping with `type: object`"),
    ({"type": "array", "items": {"type": "string"}}, "at its top: a mapping with `type: object`"),
    ({"type": "object"}, "at properties: a mapping of at least one field"),
    (
        one({"type": ["string", "null"]}),
        "at properties.a: the type ['string', 'null'] is not supported, only one of object",
    ),
    (one({"anyOf": [{"type": "string"}]}), "at properties.a: the keyword 'anyOf' is not supported"),
    (
        one({"type": "string", "pattern": "x"}),
        "at properties.a: the keyword 'pattern' is not supported; of type string",
    ),
    (one(one({"$ref": "#/x"})), "at properties.a.properties.a: the keyword '$ref' is not supported"),
    (one({"type": "array"}), "at properties.a.items: a mapping"),
    (one({"type": "array", "items": {"type": "array", "items": {}}}), "at properties.a.items: lists of lists"),
    (one({"type": "integer", "enum": [1, "2"]}), "at properties.a.enum: '2' is no whole number"),
    (one({"enum": []}), "at properties.a.enum: a list of at least one value"),
    (one({"enum": ["Yes", "yes "]}), "at properties.a.enum: 'Yes' stands there twice"),
    (one({"type": "string"}, required=["b"]), "at required: a list of names under `properties`"),
    (one({"type": "string"}, additionalProperties={"type": "string"}), "at additionalProperties: only true and false"),
    (one({"type": "string"}, patternProperties={}), "at its top: the keyword 'patternProperties' is not supported"),
]


@pytest.mark.parametrize(("schema", "message"), REFUSED)
def test_a_schema_that_cannot_be_judged_is_refused_with_its_place(schema: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        check_schema(schema)
    assert str(caught.value).startswith(message)


def test_answers_are_put_into_one_form() -> None:
    check_schema(SCHEMA)
    given = {"rooms": 3.0, "mood": "good", "open": None, "place": {"city": "Rome"}, "business": " Bakery"}
    assert dump(kept(given, SCHEMA)) == (
        '{"business": " Bakery", "mood": "good", "rooms": 3, "place": {"city": "Rome"}}'
    )
    wider = {**SCHEMA, "additionalProperties": True}
    assert list(kept({**ANSWER, "z": 2.0, "b": [1.0]}, wider)) == ["business", "mood", "b", "z"]


# answer -> what the message says
BROKEN: list[tuple[Any, str]] = [
    ([], "the answer is to be an object, not []"),
    ({"mood": "good"}, "the field `business` is missing"),
    ({"business": None, "mood": "good"}, "the field `business` is missing"),
    ({**ANSWER, "mood": "fine"}, 'the field `mood` is to be one of "good", "bad", not "fine"'),
    ({**ANSWER, "mood": "Good"}, 'the field `mood` is to be one of "good", "bad", not "Good"'),
    ({**ANSWER, "rooms": "3"}, 'the field `rooms` is to be a whole number, not "3"'),
    ({**ANSWER, "rooms": True}, "the field `rooms` is to be a whole number, not true"),
    ({**ANSWER, "rooms": 2.5}, "the field `rooms` is to be a whole number, not 2.5"),
    ({**ANSWER, "rooms": float("nan")}, "the field `rooms` is to be a whole number"),
    ({**ANSWER, "tags": ["a", 1]}, "the field `tags[1]` is to be a text, not 1"),
    ({**ANSWER, "place": {}}, "the field `place.city` is missing"),
    ({**ANSWER, "items": [{"prize": 1}]}, "`items[0].prize` is no field of the schema: did you mean `price`?"),
    ({**ANSWER, "colour": "red"}, "`colour` is no field of the schema: its fields are business, mood, rooms"),
]


@pytest.mark.parametrize(("answer", "message"), BROKEN)
def test_an_answer_that_does_not_keep_the_schema(answer: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        kept(answer, SCHEMA)
    assert message in str(caught.value)


def test_only_the_spelling_of_an_option_is_mended() -> None:
    assert kept({**ANSWER, "mood": " GOOD"}, SCHEMA, mend=True) == ANSWER
    for wrong in ({"mood": "very good"}, {"rooms": "3"}, {"open": "true"}):
        with pytest.raises(ValueError):
            kept({**ANSWER, **wrong}, SCHEMA, mend=True)


def test_true_is_not_one() -> None:
    either = one({"enum": [1, True]})
    check_schema(either)
    assert dump([kept({"a": value}, either) for value in (True, 1, 1.0)]) == '[{"a": true}, {"a": 1}, {"a": 1}]'


def test_fields_are_leaves_under_their_paths() -> None:
    answer = {
        "open": False,
        "tags": ["b", "a"],
        "place": {"city": "Rome"},
        "items": [{"price": 2.0, "name": " x "}],
        "no": None,
    }
    assert leaves(answer) == (
        Leaf("open", "false"),
        Leaf("tags", "b"),
        Leaf("tags", "a"),
        Leaf("place.city", "Rome"),
        Leaf("items", '{"name": "x", "price": 2}'),
    )
    assert paths(SCHEMA) == ("business", "mood", "rooms", "open", "tags", "place.city", "items")


def test_the_fields_in_one_line() -> None:
    assert described(SCHEMA) == (
        'business (text; what it sells), mood ("good" or "bad"), rooms (whole number; optional), '
        "open (true or false; optional), tags (list of: text; optional), place (object of: city (text); optional), "
        "items (list of: object of: price (number; optional); optional)"
    )
    assert described(SCHEMA, descriptions=False).startswith('business (text), mood ("good" or "bad"), ')


def test_decoders_get_no_annotations_and_no_other_fields() -> None:
    found = for_decoding(SCHEMA)
    assert found["additionalProperties"] is False and found["required"] == ["business", "mood"]
    assert found["properties"]["business"] == {"type": "string"} and "title" not in found
    assert found["properties"]["items"]["items"]["additionalProperties"] is False
    assert for_decoding({**SCHEMA, "additionalProperties": True})["additionalProperties"] is True
