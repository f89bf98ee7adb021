"""ROUGE-1, -2 and -L of one answer (Lin 2004), with the words and the F-measure of the package rouge-score. Knows texts only.

Words are runs of the letters a to z and of digits, lower-cased and not stemmed. The counting is ours: rouge-score fills a table of
all pairs of words for ROUGE-L, which takes minutes where answers are long; the longest common subsequence is found here with one
big number a word (Hyyrö 2004). The figures are the same (tests/metrics/test_rouge.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rung.metrics.ngrams import references_of
from rung.task import Output


class Rouge(NamedTuple):
    """F-measures in [0, 1], each against the reference that fits it best."""

    rouge_1: float
    rouge_2: float
    rouge_l: float


def rouge(expected: Output, output: str | None) -> Rouge:
    """ROUGE of one answer.

    >>> rouge("the cat sat", "the cat sat down")
    Rouge(rouge_1=0.8571428571428571, rouge_2=0.8, rouge_l=0.8571428571428571)
    """
    given = _words(output or "")
    rows = [_against(_words(text), given) for text in references_of(expected)]
    return Rouge(*(max(column) for column in zip(*rows, strict=True)))


def has_words(expected: Output) -> bool:
    """Whether ROUGE finds a word in any reference of a row: it knows the letters a to z and digits only."""
    return any(_words(text) for text in references_of(expected))


def common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    >>> common_length("abcbdab", "bdcaba")
    4
    """
    places: dict[str, int] = {}
    for i, word in enumerate(first):
        places[word] = places.get(word, 0) | 1 << i
    whole = (1 << len(first)) - 1
    left = whole
    for word in second:
        found = left & places.get(word, 0)
        left = ((left + found) | (left - found)) & whole
    return len(first) - left.bit_count()


def _against(wanted: tuple[str, ...], given: tuple[str, ...]) -> tuple[float, float, float]:
    from rouge_score.scoring import fmeasure

    scores = []
    for n in (1, 2):
        mine, theirs = _grams(given, n), _grams(wanted, n)
        same = (mine & theirs).total()
        scores.append(float(fmeasure(same / max(mine.total(), 1), same / max(theirs.total(), 1))))
    if not wanted or not given:
        return scores[0], scores[1], 0.0
    common = common_length(wanted, given)
    return scores[0], scores[1], float(fmeasure(common / len(given), common / len(wanted)))


def _grams(words: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


@lru_cache(maxsize=1 << 15)
def _words(text: str) -> tuple[str, ...]:
    from rouge_score.tokenize import tokenize

    return tuple(tokenize(text, None))
