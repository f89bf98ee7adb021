"""Entities a row: micro-averaged F1. Knows the answers of `extract` tasks as `rung.entities` reads them; no models or files.

An answer that is missing or cannot be read gives no entity: it counts against recall and not against precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rung.entities import Entity, matches, parse
from rung.metrics.classification import ratio
from rung.metrics.value import Figure


class EntityCounts(NamedTuple):
    """Entities of one row: answered rightly, expected, answered."""

    right: int
    expected: int
    answered: int


def entities_of(output: str | None) -> tuple[Entity, ...]:
    """The entities of an answer; none where it is missing or cannot be read."""
    try:
        return parse(output) if output is not None else ()
    except (ValueError, RecursionError):  # a model's text may nest a thousand brackets
        return ()


def entity_counts(expected: Sequence[str], outputs: Sequence[str | None]) -> list[EntityCounts]:
    """The counts of every row. An entity is right where `rung.entities.matches` says so: type and place, or type and text.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.
    """
    rows = []
    for want, got in zip(expected, outputs, strict=True):
        wanted, given = parse(want), entities_of(got)
        rows.append(EntityCounts(matches(wanted, given), len(wanted), len(given)))
    return rows


def entity_f1(expected: Sequence[str], outputs: Sequence[str | None]) -> Figure:
    """F1 over the entities of all rows together (micro-average; Tjong Kim Sang and De Meulder 2003), in [0, 1].

    Undefined where no row has or was given an entity.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.

    >>> rome = '[{"type": "city", "text": "Rome", "start": 3, "end": 7}]'
    >>> entity_f1([rome, rome], [rome, "[]"]).value
    0.6666666666666666
    """
    rows = entity_counts(expected, outputs)
    right, want, got = (sum(column) for column in zip(*rows, strict=True)) if rows else (0, 0, 0)
    return ratio(2 * right, want + got, "no row has or was given an entity")
