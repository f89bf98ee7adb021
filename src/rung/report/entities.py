"""Entities as the report shows them: marked in their text, and counted by what went wrong. Knows no layout.

Kinds of mistakes after the MUC-5 scoring of Chinchor and Sundheim 1993 (correct, partial, incorrect, spurious, missing).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rung.entities import Entity, matches
from rung.evaluation.records import Run
from rung.metrics.extraction import entities_of

GAP = 60  # characters of plain text that are shown between entities where a text is long
MOST_MARKS = 40  # entities shown of one answer


@dataclass(frozen=True)
class Piece:
    """A stretch of a text, or an entity that has no free place in it.

    Attributes:
        type: of the entity; None for plain text. state: `expected`, `right`, `wrong` or `missed`; empty for plain text.
        inside: whether it stands in the text.
    """

    text: str
    type: str | None = None
    state: str = ""
    inside: bool = True


@dataclass(frozen=True)
class Mistake:
    """A kind of mistake: what was expected (None: nothing) and given (None: nothing), how often, and words it happened on."""

    kind: str
    expected: str | None
    given: str | None
    count: int
    words: str


def pieces(text: str | None, output: str | None, expected: str | None = None, limit: int = 300) -> tuple[Piece, ...]:
    """A text with the entities of an answer marked, those without a place of their own after it.

    Args:
        text: the input; None where it was not kept. output: the answer, as JSON text.
        expected: where given, entities of the answer are right or wrong, and those it lacks are missed; else all are expected.
        limit: texts longer than this are shown around their entities only.
    """
    found = _states(entities_of(output), None if expected is None else entities_of(expected))
    inside, outside, end = [], [], 0
    for entity, state in sorted(found, key=lambda item: (_start(item[0]), item[1] == "missed"))[:MOST_MARKS]:
        start, stop = entity.start, entity.end
        if text is None or start is None or stop is None or start < end or stop > len(text):
            outside.append(Piece(entity.text, entity.type, state, inside=False))
        else:
            inside += [_plain(text[end:start], limit < len(text), end > 0, True)]
            inside += [Piece(text[start:stop], entity.type, state)]
            end = stop
    if text is not None:
        inside.append(_plain(text[end:], limit < len(text), end > 0, False))
    return tuple([piece for piece in inside if piece.text] + outside)


def mistakes(run: Run, limit: int = 12) -> list[Mistake]:
    """What the answers of a run got wrong, most frequent first."""
    counts: Counter[tuple[str, str | None, str | None]] = Counter()
    words: dict[tuple[str, str | None, str | None], str] = {}
    for row in run.rows:
        given = entities_of(None if row.output is None else str(row.output))
        flags, lacking = judged(entities_of(str(row.expected)), given)
        wrong = [entity for entity, right in zip(given, flags, strict=True) if not right]
        for kind, want, got in _explained(wrong, lacking):
            key = kind, want.type if want else None, got.type if got else None
            counts[key] += 1
            words.setdefault(key, " → ".join(dict.fromkeys(e.text for e in (want, got) if e is not None)))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0][0], str(item[0])))[:limit]
    return [Mistake(*key, count, words[key]) for key, count in ranked]


def judged(expected: Sequence[Entity], given: Sequence[Entity]) -> tuple[list[bool], list[Entity]]:
    """Which of the given entities are right, as `rung.entities.matches` counts them, and the expected ones that are missing."""
    left, right = list(expected), [False] * len(given)
    for placed in (True, False):
        for i, entity in enumerate(given):
            if right[i] or (placed and entity.start is None):
                continue
            found = next((w for w in left if (not placed or w.start is not None) and matches([w], [entity])), None)
            if found is not None:
                left.remove(found)
                right[i] = True
    return right, left


def _states(given: Sequence[Entity], expected: Sequence[Entity] | None) -> list[tuple[Entity, str]]:
    if expected is None:
        return [(entity, "expected") for entity in given]
    flags, lacking = judged(expected, given)
    shown = [(entity, "right" if right else "wrong") for entity, right in zip(given, flags, strict=True)]
    return shown + [(entity, "missed") for entity in lacking]


def _explained(wrong: Sequence[Entity], lacking: Sequence[Entity]) -> list[tuple[str, Entity | None, Entity | None]]:
    """Each wrong entity with the missing one it stands for, if any: same place before same type, and overlap at least."""
    left, found = list(lacking), []
    unexplained = list(wrong)
    for kind, alike in (
        ("wrong type", _same_words),
        ("wrong ends", _overlap_of_type),
        ("wrong type and ends", _overlap),
    ):
        for entity in list(unexplained):
            want = next((w for w in left if alike(w, entity)), None)
            if want is not None:
                left.remove(want)
                unexplained.remove(entity)
                found.append((kind, want, entity))
    return [
        *found,
        *(("missed", want, None) for want in left),
        *(("nothing there", None, entity) for entity in unexplained),
    ]


def _same_words(want: Entity, got: Entity) -> bool:
    if want.start is None or got.start is None:
        return want.text.strip().casefold() == got.text.strip().casefold()
    return (want.start, want.end) == (got.start, got.end)


def _overlap(want: Entity, got: Entity) -> bool:
    if want.start is None or want.end is None or got.start is None or got.end is None:
        return False
    return want.start < got.end and got.start < want.end


def _overlap_of_type(want: Entity, got: Entity) -> bool:
    return want.type == got.type and _overlap(want, got)


def _start(entity: Entity) -> float:
    return float("inf") if entity.start is None else entity.start


def _plain(text: str, cut: bool, after: bool, before: bool) -> Piece:
    """Text between entities; in a long text only what stands next to one."""
    if not cut or len(text) <= 2 * GAP:
        return Piece(text)
    head, tail = text[:GAP] if after else "", text[-GAP:] if before else ""
    return Piece(f"{head}…{tail}" if head or tail else f"{text[: 4 * GAP]}…")
