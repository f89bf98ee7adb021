"""Near duplicates: the join finds exactly what comparing every pair finds."""

from __future__ import annotations

import pytest

from rung.dataset.near import near_earlier, near_matches, shingles
from rung.dataset.text import input_key, words
from rung.task import as_input


def brute(query: str, known: list[str], threshold: float) -> int | None:
    mine = set(shingles(query))
    for j, other in enumerate(known):
        theirs = set(shingles(other))
        if mine and len(mine & theirs) >= threshold * len(mine | theirs) - 1e-9:
            return j
    return None


def sentences(n: int, start: int = 0) -> list[str]:
    """Texts of 1 to 9 words from a small vocabulary, so that many are alike."""
    vocabulary = ["pay", "the", "bill", "card", "lost", "my", "new", "app", "fee", "late"]
    made = []
    for i in range(start, start + n):
        state, text = i * 2654435761 % 2**32, []
        for _ in range(1 + i % 9):
            state = (state * 1103515245 + 12345) % 2**31
            text.append(vocabulary[(state >> 16) % (2 + i % 9)])
        made.append(" ".join(text))
    return made


@pytest.mark.parametrize("threshold", [0.5, 0.8, 1.0])
def test_the_join_is_exact(threshold: float) -> None:
    known, queries = sentences(400), sentences(150, 1000)
    expected = [brute(q, known, threshold) for q in queries]
    assert near_matches(queries, known, threshold) == expected
    assert any(j is not None for j in expected)
    assert any(j is None for j in expected)
    assert near_earlier(known, threshold) == [brute(t, known[:i], threshold) for i, t in enumerate(known)]


def test_among_many_texts_of_one_template_the_true_pair_is_found() -> None:
    frame = (
        "Dear team, thank you for the fast answer. I write about my order {} and would like help with item {}, please"
    )
    texts = [frame.format(i * 7919 % 100_003, i * 104_729 % 99_991) for i in range(1_500)]
    changed = texts[1_200].replace("fast", "quick")
    assert near_matches([changed], texts) == [1_200]


def test_edges() -> None:
    assert near_matches([], ["a"]) == []
    assert near_matches(["a"], []) == [None]
    assert near_earlier(["", "!!", "…"]) == [None, None, None]  # no words: nothing to compare
    assert near_earlier(["Pay now!", "pay NOW"]) == [None, 0]
    book = " ".join(f"word{i}" for i in range(12_000))
    assert near_earlier([book, book + " the end"]) == [None, 0]


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert words("我的卡丢了") == list("我的卡丢了")
    assert near_earlier(["请问我的银行卡什么时候能够寄到呢", "请问我的银行卡什么时候能够寄到"]) == [None, 0]


def test_input_keys() -> None:
    assert input_key(as_input(" CAFE\u0301 ")) == input_key(as_input("café"))
    assert input_key(as_input("STRASSE")) == input_key(as_input("straße"))
    assert input_key(as_input(("a", "b"))) != input_key(as_input(("b", "a")))
    assert input_key(as_input("a b")) != input_key(as_input("a  b"))  # only what the definition says
