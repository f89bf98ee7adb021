"""Entity F1: which answers count as right, and when the figure is undefined."""

from __future__ import annotations

import pytest

from rung.entities import Entity, dump
from rung.metrics.extraction import (
    EntityCounts,
    entity_counts,
    entity_f1,
    exact_match,
    exact_score,
    fault,
    per_type,
    type_counts,
    types_of,
    validity,
)

ROME, BONN = Entity("city", "Rome", 3, 7), Entity("city", "Bonn", 11, 15)


def test_f1_is_over_all_entities_and_not_a_mean_of_rows() -> None:
    expected = [dump([ROME, BONN]), dump([]), dump([ROME])]
    outputs = [dump([ROME]), dump([BONN]), dump([ROME])]
    assert entity_counts(expected, outputs) == [EntityCounts(1, 2, 1), EntityCounts(0, 0, 1), EntityCounts(1, 1, 1)]
    assert entity_f1(expected, outputs).value == pytest.approx(2 * 2 / (3 + 3))


def test_type_and_place_must_agree_or_type_and_text_where_no_place_is_known() -> None:
    for answer, right in (
        (ROME._replace(start=4, end=8), 0),
        (ROME._replace(type="person"), 0),
        (Entity("city", " ROME "), 1),
        (Entity("city", "Bonn"), 0),
    ):
        assert entity_f1([dump([ROME])], [dump([answer])]).value == right


@pytest.mark.parametrize("broken", [None, "", "city: Rome", '{"type": "city"}', '[{"type": "city"}]', "[" * 100_000])
def test_an_answer_that_cannot_be_read_gives_no_entity(broken: str | None) -> None:
    assert entity_counts([dump([ROME])], [broken]) == [EntityCounts(0, 1, 0)]
    assert entity_f1([dump([ROME])], [broken]).value == 0


def test_without_any_entity_the_figure_is_undefined() -> None:
    for expected, outputs in (([], []), ([dump([])], [dump([])]), ([dump([])], [None])):
        figure = entity_f1(expected, outputs)
        assert figure.value is None and "no row" in str(figure.reason)
    with pytest.raises(ValueError, match="zip"):
        entity_f1([dump([])], [])


def test_each_type_has_its_own_precision_and_recall() -> None:
    anna = Entity("person", "Anna", 20, 24)
    expected = [dump([ROME, anna]), dump([BONN])]
    outputs = [dump([ROME]), dump([BONN._replace(type="person")])]
    city, person = per_type(expected, outputs, ["city", "person"])
    assert (city.support, city.predicted, city.precision.value, city.recall.value) == (2, 1, 1.0, 0.5)
    assert (person.support, person.predicted, person.precision.value, person.recall.value) == (1, 1, 0.0, 0.0)
    (river,) = per_type(expected, outputs, ["river"])
    assert river.f1.value is None
    assert types_of([*expected, *outputs, None, "no JSON"]) == ["city", "person"]


def test_the_types_add_up_to_the_counts_of_all() -> None:
    expected = [dump([ROME, BONN, Entity("person", "Rome", 3, 7)]), dump([])]
    outputs = [dump([Entity("city", "bonn"), Entity("person", "Rome", 3, 7)]), dump([ROME])]
    by_type = [table.sum(axis=1).tolist() for table in type_counts(expected, outputs, ["city", "person"])]
    assert [EntityCounts(*row) for row in zip(*by_type, strict=True)] == entity_counts(expected, outputs)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (dump([BONN, ROME]), 1.0),
        (dump([ROME, Entity("city", "Bonn")]), 1.0),
        (dump([ROME]), 0.0),
        (dump([ROME, BONN, ROME]), 0.0),
        (None, 0.0),
        ("Rome, Bonn", 0.0),
    ],
)
def test_a_row_is_right_if_all_its_entities_are_and_no_more(answer: str | None, score: float) -> None:
    assert exact_score(dump([ROME, BONN]), answer) == score


def test_no_entity_is_the_right_answer_where_none_is_expected_and_an_unreadable_one_is_not() -> None:
    assert exact_match([dump([])] * 3, [dump([]), None, "none"]).value == pytest.approx(1 / 3)
    assert exact_match([], []).value is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "no answer"),
        ("city: Rome", "cannot be read"),
        (dump([Entity("river", "Rome", 3, 7)]), "'river' is no type"),
        (dump([Entity("city", "Paris")]), '"Paris" does not stand in the input'),
        (dump([Entity("city", "Rome", 30, 34)]), "outside of the input, which has 15 characters"),
        (dump([Entity("city", "Rome", 4, 8)]), 'other words at 4 to 8 than "Rome"'),
    ],
)
def test_an_invalid_answer_is_told_why(answer: str | None, words: str) -> None:
    assert words in str(fault(answer, ["city"], "to Rome or Bonn"))


def test_validity_is_the_share_of_answers_without_a_fault() -> None:
    good, wrong_place = dump([ROME, Entity("city", "bonn")]), dump([ROME._replace(start=4, end=8)])
    texts = ["to Rome or Bonn"] * 2
    assert validity([good, wrong_place], ["city"], texts).value == 0.5
    assert validity([good, wrong_place], ["city"], [None, None]).value == 1.0
    assert validity([], ["city"], []).value is None
