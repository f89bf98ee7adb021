"""Tags and entities: one is read back from the other, and no forbidden sequence is ever answered."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rung.entities import Entity
from rung.methods.bio import best_tags, entities_of, tag_count, tags_of

TYPES = ("artist", "city")
TEXT = "play Nick Drake in New York"
SPANS = [(0, 4), (5, 9), (10, 15), (16, 18), (19, 22), (23, 27)]


def test_there_and_back() -> None:
    entities = [Entity("artist", "Nick Drake", 5, 15), Entity("city", "New York", 19, 27)]
    tags = tags_of(SPANS, entities, TYPES)
    assert tags.tolist() == [0, 1, 2, 0, 3, 4]
    assert entities_of(tags.tolist(), SPANS, TYPES, TEXT) == entities


def test_neighbours_of_one_type_stay_apart() -> None:
    entities = [Entity("city", "New", 19, 22), Entity("city", "York", 23, 27)]
    tags = tags_of(SPANS, entities, TYPES).tolist()
    assert tags == [0, 0, 0, 0, 3, 3]
    assert entities_of(tags, SPANS, TYPES, TEXT) == entities


def test_what_cannot_be_tagged_is_left_out() -> None:
    unknown = [Entity("song", "play", 0, 4), Entity("city", "York", None, None), Entity("city", "?", 60, 61)]
    assert not tags_of(SPANS, unknown, TYPES).any()


@pytest.mark.parametrize("seed", range(20))
def test_the_best_allowed_sequence_by_trying_all(seed: int) -> None:
    scores = np.random.default_rng(seed).normal(size=(4, tag_count(TYPES)))

    def allowed(tags: tuple[int, ...]) -> bool:
        return all(
            tag == 0 or tag % 2 or before in (tag, tag - 1) for before, tag in zip((0, *tags), tags, strict=False)
        )

    every = [tags for tags in itertools.product(range(tag_count(TYPES)), repeat=4) if allowed(tags)]
    best = max(every, key=lambda tags: sum(scores[i, tag] for i, tag in enumerate(tags)))
    assert best_tags(scores).tolist() == list(best)


def test_no_words_no_tags() -> None:
    assert best_tags(np.zeros((0, 5))).tolist() == []
