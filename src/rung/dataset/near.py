"""Near duplicates: which texts share most of their words and word pairs. Knows only texts.

An exact set-similarity join by prefix filtering (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins", 2006;
Bayardo, Ma and Srikant, "Scaling up all pairs similarity search", 2007): two sets with Jaccard similarity t or more must share
one of their few rarest members, so an index of those alone finds every pair. MinHash was rejected: it misses pairs by chance.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from rung.dataset.text import words

THRESHOLD = 0.8
WORDS_COMPARED = 400  # of a longer text, the first and the last 200: bounds the time on books


def shingles(text: str) -> frozenset[str]:
    """The words of a text and its pairs of neighbouring words.

    >>> sorted(shingles("Pay the bill."))
    ['bill', 'pay', 'pay the', 'the', 'the bill']
    """
    found = words(text)
    if len(found) > WORDS_COMPARED:
        found = found[: WORDS_COMPARED // 2] + found[-WORDS_COMPARED // 2 :]
    pairs = (f"{a} {b}" for a, b in itertools.pairwise(found))
    return frozenset(found) | frozenset(pairs)


def near_matches(queries: Sequence[str], known: Sequence[str], threshold: float = THRESHOLD) -> list[int | None]:
    """For each query the first of `known` whose shingles have Jaccard similarity `threshold` or more; None without one."""
    index = _Index([*map(shingles, known), *map(shingles, queries)], threshold)
    for i in range(len(known)):
        index.add(i)
    return [index.find(len(known) + i) for i in range(len(queries))]


def near_earlier(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int | None]:
    """For each text the first earlier text that is a near duplicate of it; None without one."""
    index = _Index([shingles(text) for text in texts], threshold)
    found = []
    for i in range(len(texts)):
        found.append(index.find(i))
        index.add(i)
    return found


class _Index:
    """Sets as sorted ranks, rarest first; sets that are equal are indexed once."""

    def __init__(self, sets: Sequence[frozenset[str]], threshold: float) -> None:
        self.threshold = threshold
        counts = Counter(item for members in sets for item in members)
        order = sorted(counts, key=lambda item: (counts[item], item))
        rank = {item: i for i, item in enumerate(order)}
        self.ranks = [sorted(rank[item] for item in members) for members in sets]
        self.members = [frozenset(ranks) for ranks in self.ranks]
        self.postings: defaultdict[int, list[int]] = defaultdict(list)
        self.first: dict[frozenset[int], int] = {}

    def _prefix(self, i: int) -> list[int]:
        size = len(self.ranks[i])
        return self.ranks[i][: size - math.ceil(self.threshold * size - 1e-9) + 1]

    def add(self, i: int) -> None:
        if self.first.setdefault(self.members[i], i) == i:
            for item in self._prefix(i):
                self.postings[item].append(i)

    def find(self, i: int) -> int | None:
        mine = self.members[i]
        if not mine:
            return None
        low, high = self.threshold * len(mine), len(mine) / self.threshold
        best = self.first.get(mine)
        seen: set[int] = set()
        for item in self._prefix(i):
            for j in self.postings.get(item, ()):
                if best is not None and j >= best:
                    break  # postings grow with j: nothing earlier follows
                other = self.members[j]
                if j in seen or not low <= len(other) <= high:
                    continue
                seen.add(j)
                shared = len(mine & other)
                if shared >= self.threshold * (len(mine) + len(other) - shared) - 1e-9:
                    best = j
        return best
