"""Entities as one tag a word, and back: B opens an entity, I goes on with it, O is outside (Ramshaw and Marcus 1995).

Knows words' places and types of entities, no model. Tags stand in the order O, B-first, I-first, B-second, I-second, ...
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rung.entities import Entity

Spans = Sequence[tuple[int, int]]
OUTSIDE = 0


def tag_count(types: Sequence[str]) -> int:
    """Number of tags K."""
    return 1 + 2 * len(types)


def tags_of(spans: Spans, entities: Sequence[Entity], types: Sequence[str]) -> NDArray[np.int64]:
    """The tag of each word (W,). A word belongs to an entity if they share a character; entities of unknown types are left out."""
    number = {name: i for i, name in enumerate(types)}
    tags = np.zeros(len(spans), np.int64)
    starts = np.array([start for start, _ in spans], np.int64)
    ends = np.array([end for _, end in spans], np.int64)
    for entity in entities:
        if entity.start is None or entity.end is None or entity.type not in number:
            continue
        inside = np.flatnonzero((ends > entity.start) & (starts < entity.end))
        if len(inside):
            tags[inside] = 2 + 2 * number[entity.type]
            tags[inside[0]] = 1 + 2 * number[entity.type]
    return tags


def entities_of(tags: Sequence[int], spans: Spans, types: Sequence[str], text: str) -> list[Entity]:
    """The entities that allowed tags stand for, with the text from the first to the last word of each."""
    found: list[Entity] = []
    for tag, (start, end) in zip(tags, spans, strict=True):
        if tag == OUTSIDE:
            continue
        kind = types[(tag - 1) // 2]
        if tag % 2 == 0 and found:
            start = found.pop().start or 0
        found.append(Entity(kind, text[start:end], start, end))
    return found


def best_tags(scores_WK: NDArray[np.float64]) -> NDArray[np.int64]:
    """The allowed sequence of tags with the greatest sum of scores (W,): I-x only after B-x or I-x (Viterbi 1967).

    Time and memory grow with W * K, not with K * K: the only forbidden steps are those into I.
    """
    count, tags = scores_WK.shape
    if count == 0:
        return np.zeros(0, np.int64)
    inner = np.arange(2, tags, 2)
    came_WK = np.zeros((count, tags), np.int64)
    total_K = scores_WK[0].copy()
    total_K[inner] = -np.inf
    for i in range(1, count):
        best = int(total_K.argmax())
        before_K = np.full(tags, best)
        before_K[inner] = np.where(total_K[inner] >= total_K[inner - 1], inner, inner - 1)
        came_WK[i] = before_K
        total_K = total_K[before_K] + scores_WK[i]
    path = np.zeros(count, np.int64)
    path[-1] = total_K.argmax()
    for i in range(count - 1, 0, -1):
        path[i - 1] = came_WK[i, path[i]]
    return path
