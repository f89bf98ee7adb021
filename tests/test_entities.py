"""Entities as text and back, which ones count as right, and where words stand in a text."""

from __future__ import annotations

import pytest

from rung.entities import Entity, dump, located, matches, parse


def places(text: str, *wanted: str) -> list[tuple[int | None, int | None]]:
    """Where each of `wanted` is found, in its order."""
    return [(e.start, e.end) for e in located([Entity("t", words) for words in wanted], text)]


def test_one_text_whatever_the_order() -> None:
    a, b, loose = Entity("city", "Rome", 3, 7), Entity("guest", "Bo", 12, 14), Entity("day", "today")
    assert dump([loose, b, a]) == dump([a, b, loose])
    assert parse(dump([b, loose, a])) == (a, b, loose)
    assert dump([]) == "[]" and parse("[]") == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Rome",
        "{}",
        "[1]",
        '[{"type": "t"}]',
        '[{"type": "t", "text": "x", "start": 1}]',
        '[{"type": "t", "text": "x", "start": 2, "end": 2}]',
        '[{"type": "t", "text": "x", "start": false, "end": true}]',
        '[{"type": "t", "text": "x", "start": -1, "end": 2}]',
    ],
)
def test_what_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_each_expected_entity_counts_once() -> None:
    rome = Entity("city", "Rome", 3, 7)
    assert matches([rome], [rome, rome]) == 1
    assert matches([rome, rome._replace(start=10, end=14)], [Entity("city", "ROME")] * 3) == 2
    assert matches([rome], [rome._replace(start=4)]) == 0


def test_words_are_found_in_order_of_reading() -> None:
    assert places("a b a b", "a", "b", "a") == [(0, 1), (2, 3), (4, 5)]
    assert places("a b a b", "b", "a", "a") == [(2, 3), (4, 5), (0, 1)]
    assert places("a", "a", "a") == [(0, 1), (None, None)]


def test_whole_words_and_the_same_case_come_first() -> None:
    assert places("some me", "me") == [(5, 7)]
    assert places("some", "me") == [(2, 4)]
    assert places("ROME Rome", "Rome") == [(5, 9)]
    assert places("some ME", "me") == [(5, 7)]
    assert places("my_rome rome", "rome") == [(8, 12)]
    assert places("我在罗马", "罗马") == [(2, 4)]


def test_blanks_and_letters_that_change_length_keep_their_places() -> None:
    assert places("in New\n  York", "new york") == [(3, 13)]
    assert places("İİ straße (x)", "STRASSE", "(X)") == [(None, None), (10, 13)]
    assert places("x", "", "  ") == [(None, None), (None, None)]


def test_what_has_a_place_keeps_it() -> None:
    found = located([Entity("t", "a", 0, 1), Entity("t", "a")], "a a")
    assert [(e.start, e.end) for e in found] == [(0, 1), (2, 3)]
