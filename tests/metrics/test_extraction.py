"""Entity F1: which answers count as right, and when the figure is undefined."""

from __future__ import annotations

import pytest

from rung.entities import Entity, dump
from rung.metrics.extraction import EntityCounts, entity_counts, entity_f1

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
