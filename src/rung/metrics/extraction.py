"""Entities a row: F1, exact match, validity. Knows answers of `extract` tasks as `rung.entities` reads them; no models or files.

The fields of an answer under a JSON schema (`rung.fields`) are counted in the same way: the path is the type, the value is the
text, and there is no place. Of two values, outer blanks and letter case do not tell, and 3 is 3.0.

An answer that is missing or cannot be read gives no entity: it counts against recall and not against precision.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rung.entities import Entity, matches, parse
from rung.fields import leaves
from rung.metrics.classification import ClassReport, class_reports, ratio
from rung.metrics.value import Figure, undefined


class EntityCounts(NamedTuple):
    """Entities of one row: answered rightly, expected, answered."""

    right: int
    expected: int
    answered: int


def items_of(answer: str) -> tuple[Entity, ...]:
    """The entities of an answer; of one that is a JSON object its fields.

    Raises:
        ValueError: it cannot be read as either.

    >>> items_of('{"price": 3.0}')
    (Entity(type='price', text='3', start=None, end=None),)
    """
    if _is_object(answer):
        return tuple(Entity(leaf.path, leaf.text) for leaf in leaves(json.loads(answer)))
    return parse(answer)


def entities_of(output: str | None) -> tuple[Entity, ...]:
    """The entities (or fields) of an answer; none where it is missing or cannot be read."""
    try:
        return items_of(output) if output is not None else ()
    except (ValueError, RecursionError):  # a model's text may nest a thousand brackets
        return ()


def _is_object(answer: str) -> bool:
    return answer.lstrip().startswith("{")


def _alike(output: str | None, expected: str) -> str | None:
    """An output that is of the same kind as what is expected; an object is no answer where entities are, nor the reverse."""
    return output if output is not None and _is_object(output) == _is_object(expected) else None


def entity_counts(expected: Sequence[str], outputs: Sequence[str | None]) -> list[EntityCounts]:
    """The counts of every row. An entity is right where `rung.entities.matches` says so: type and place, or type and text.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.
    """
    rows = []
    for want, got in zip(expected, outputs, strict=True):
        wanted, given = items_of(want), entities_of(_alike(got, want))
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


def type_counts(
    expected: Sequence[str], outputs: Sequence[str | None], types: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entities answered rightly, expected and answered by row and type, three arrays (N, T); other types are left out.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.
    """
    right, want, got = (np.zeros((len(expected), len(types)), dtype=np.int64) for _ in range(3))
    number = {name: i for i, name in enumerate(types)}
    for row, (text, output) in enumerate(zip(expected, outputs, strict=True)):
        wanted, given = items_of(text), entities_of(_alike(output, text))
        for name in {entity.type for entity in (*wanted, *given)} & number.keys():
            # no entity matches one of another type, so types can be counted one by one
            mine, theirs = ([e for e in some if e.type == name] for some in (wanted, given))
            column = number[name]
            right[row, column] = matches(mine, theirs)
            want[row, column], got[row, column] = len(mine), len(theirs)
    return right, want, got


def types_of(outputs: Sequence[str | None]) -> list[str]:
    """The types that occur in these answers, sorted."""
    return sorted({entity.type for output in outputs for entity in entities_of(output)})


def per_type(expected: Sequence[str], outputs: Sequence[str | None], types: Sequence[str]) -> tuple[ClassReport, ...]:
    """Precision, recall, F1 and support (entities, not rows) of every type, in the order of `types`.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.
    """
    return class_reports(types, *(table.sum(axis=0) for table in type_counts(expected, outputs, types)))


def exact_score(expected: str, output: str | None) -> float:
    """1.0 if every expected entity is answered and nothing else, 0.0 if not; an answer that cannot be read is wrong.

    >>> exact_score("[]", "[]"), exact_score("[]", "no entities")
    (1.0, 0.0)
    """
    try:
        given = items_of(answer) if (answer := _alike(output, expected)) is not None else None
    except (ValueError, RecursionError):
        given = None
    wanted = items_of(expected)
    return float(given is not None and len(given) == len(wanted) == matches(wanted, given))


def exact_match(expected: Sequence[str], outputs: Sequence[str | None]) -> Figure:
    """Share of rows with every entity right and none too many.

    Raises:
        ValueError: the lengths differ, or an expected answer cannot be read.
    """
    if not expected:
        return undefined("there are no rows")
    return Figure(float(np.mean([exact_score(e, o) for e, o in zip(expected, outputs, strict=True)])))


def fault(output: str | None, types: Sequence[str], text: str | None = None) -> str | None:
    """What makes an answer invalid, in words; None where it is valid.

    Args:
        types: those of the task. text: the input; None where it was not kept: places are then not checked.

    >>> fault('[{"type": "city", "text": "Rome", "start": 3, "end": 7}]', ["city"], "in Paris")
    'the input has other words at 3 to 7 than "Rome"'
    """
    if output is None:
        return "there is no answer"
    try:
        given = parse(output)
    except (ValueError, RecursionError) as error:
        return f"it cannot be read: {error}"
    for entity in given:
        if entity.type not in types:
            return f"{entity.type!r} is no type of the task"
        if text is None:
            continue
        if entity.start is None or entity.end is None:
            if entity.text.strip().casefold() not in text.casefold():
                return f'"{entity.text}" does not stand in the input'
            continue
        if entity.end > len(text):
            return f"{entity.start} to {entity.end} is outside of the input, which has {len(text)} characters"
        if text[entity.start : entity.end] != entity.text:
            return f'the input has other words at {entity.start} to {entity.end} than "{entity.text}"'
    return None


def validity(outputs: Sequence[str | None], types: Sequence[str], texts: Sequence[str | None]) -> Figure:
    """Share of answers that can be read, use only the task's types, and hold words of the input where they say (see `fault`)."""
    if not outputs:
        return undefined("there are no rows")
    return Figure(float(np.mean([fault(o, types, t) is None for o, t in zip(outputs, texts, strict=True)])))
