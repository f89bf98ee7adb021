"""Entities of a row: every shape that is read, and each mistake told with what stands there and what to do."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from rung.dataset.entities import decoded, entities_of_row
from rung.dataset.rows import Unusable

TEXT = "Ann flew to New York, then to York"
WANTED = [("person", "Ann", 0, 3), ("city", "New York", 12, 20), ("city", "York", 30, 34)]


def read(value: Any, text: str = TEXT) -> list[tuple[Any, ...]]:
    return [tuple(entity) for entity in entities_of_row(value, "spans", text, text.split(), strict=True)]


def refused(value: Any, text: str = TEXT) -> Unusable:
    with pytest.raises(Unusable) as caught:
        read(value, text)
    return caught.value


SHAPES: dict[str, Any] = {
    "places": [{"type": t, "start": a, "end": b} for t, _, a, b in WANTED],
    "places and texts": [{"label": t, "value": x, "start": a, "end": float(b)} for t, x, a, b in WANTED],
    "triples": [[a, b, t] for t, _, a, b in WANTED],
    "texts": [{"entity": t, "text": x} for t, x, _, _ in WANTED],
    "texts, no places known": [{"type": t, "text": x, "start": None, "end": None} for t, x, _, _ in WANTED],
    "fields": {"city": ["York", "New York"], "person": "Ann", "hotel": None, "guest": "", "night": []},
    "tags": ["B-person", "O", "O", "B-city", "I-city", "O", "O", "B-city"],
    "tags in a text": "B-person O O B-city I-city O O B-city",
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("as_text", [False, True])
def test_every_shape(name: str, as_text: bool) -> None:
    value = SHAPES[name]
    if as_text and not isinstance(value, str):
        value = json.dumps(value)
    wanted = WANTED
    if "tags" in name:  # a comma is a part of its word where words are cut at blanks
        wanted = [WANTED[0], ("city", "New York,", 12, 21), WANTED[2]]
    assert read(value) == wanted


@pytest.mark.parametrize("empty", [[], "[]", {}, "{}", ()])
def test_a_row_without_entities(empty: Any) -> None:
    assert read(empty) == []


@pytest.mark.parametrize("nothing", [None, "", "  ", math.nan])
def test_a_row_without_an_answer(nothing: Any) -> None:
    error = refused(nothing)
    assert (error.code, str(error), error.remedy) == (
        "no_entities",
        "there is nothing in 'spans'",
        "write [] where a row has no entity",
    )


def test_order_and_repeats_do_not_matter_and_blanks_are_cut() -> None:
    spans = [{"type": "city", "start": 29, "end": 34}, {"type": "person", "start": 0, "end": 4}]
    assert read([*spans, spans[0]]) == [WANTED[0], WANTED[2]]


def test_a_short_field_takes_no_part_of_a_longer_one() -> None:
    assert read({"a": "York", "city": "New York"}, "New York or York") == [
        ("city", "New York", 0, 8),
        ("a", "York", 12, 16),
    ]


def span(start: Any, end: Any, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "city", "start": start, "end": end, **more}]


# what is wrong -> value, what is told
WRONG: dict[str, tuple[Any, str]] = {
    "order": (span(5, 5), "at 5 to 5 holds no character: `start` must lie before `end`"),
    "backwards": (span(7, 3), "at 7 to 3 holds no character"),
    "past the end": (span(30, 35), "at 30 to 35 lies outside of the input, which has 34 characters"),
    "negative": (span(-3, 3), "at -3 to 3 lies outside"),
    "other text": (span(12, 20, text="Newark"), "at 12 to 20 has the text 'Newark', but there stands 'New York'"),
    "other case": (span(12, 20, text="new york"), "there stands 'New York'"),
    "blanks": (span(3, 4), "holds only blanks"),
    "half a place": (span(3, None), "whole numbers, both of them"),
    "fraction": (span(3, 4.5), "whole numbers"),
    "no number": (span("3", "4"), "whole numbers"),
    "truth": (span(False, True), "whole numbers"),
    "not a number": (span(0, math.nan), "whole numbers"),
    "not found": ([{"type": "city", "text": "Rome"}], "the text 'Rome' of type 'city' does not stand in the input"),
    "not found again": ([{"type": "p", "text": "Ann"}] * 2, "'Ann' of type 'p' does not stand in the input once more"),
    "no type": ([{"text": "Ann"}], "an entity has no type"),
    "empty type": ([{"type": " ", "text": "Ann"}], "the type of an entity is empty"),
    "neither": ([{"type": "city"}], "neither a place nor a text"),
    "no entity": ([{"type": "city", "text": "York"}, 7], "'spans' holds no entities in a known shape"),
    "numbers": ([1, 2], "'spans' holds no entities in a known shape"),
    "a number": (3, "'spans' holds no entities in a known shape"),
    "nested fields": ({"city": {"name": "York"}}, "known shape"),
    "no JSON": ('[{"type": ', "not valid JSON"),
    "python": ("[{'type': 'city'}]", "not valid JSON"),
    "deep": ("[" * 100_000, "nested too deeply"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake(name: str) -> None:
    value, told = WRONG[name]
    error = refused(value)
    assert told in str(error)
    assert error.code == "bad_entities"
    if name not in ("no JSON", "deep"):
        assert error.remedy


def test_entities_that_overlap() -> None:
    for second in ((15, 34), (12, 16), (12, 20)):
        error = refused([*span(12, 20), {"type": "place", "start": second[0], "end": second[1]}])
        assert error.code == "overlapping_entities"
        assert "'New York' (city, 12 to 20)" in str(error)
        assert "keep one" in str(error.remedy)
    assert len(read([*span(12, 15), *span(15, 20)])) == 2


def test_cells() -> None:
    assert decoded(" a  b ") == ["a", "b"]
    assert decoded(("a",)) == ["a"]
    assert decoded('{"a": 1}') == {"a": 1}
