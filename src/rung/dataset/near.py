"""Near duplicates: which texts share most of their words and word pairs. Knows only texts.

A set-similarity join by prefix filtering (Chaudhuri, Ganti and Kaushik, "A primitive operator for similarity joins", 2006; Bayardo,
Ma and Srikant, "Scaling up all pairs similarity search", 2007) with the positional bound of PPJoin (Xiao et al., 2008): two sets
with Jaccard similarity t or more must share one of their few rarest members, so an index of those alone finds every pair. MinHash
was rejected: it misses pairs by chance. Our own departure: for each text at most 500 candidates are looked at, those that share
its rarest members first. It matters only where hundreds of texts come from one template and are not quite alike, which is
otherwise quadratic; there the counts are lower bounds.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from rung.dataset.text import words

THRESHOLD = 0.8
CANDIDATES = 500
WORDS_COMPARED = 200  # of a longer text, the first and the last 100: bounds time and memory on books


def shingles(text: str) -> list[str]:
    """The words of a text and its pairs of neighbouring words, each once.

    >>> shingles("Pay the bill.")
    ['pay', 'the', 'bill', 'pay the', 'the bill']
    """
    found = words(text)
    if len(found) > WORDS_COMPARED:
        found = found[: WORDS_COMPARED // 2] + found[-WORDS_COMPARED // 2 :]
    return list(dict.fromkeys([*found, *(f"{a} {b}" for a, b in itertools.pairwise(found))]))


def near_matches(queries: Sequence[str], known: Sequence[str], threshold: float = THRESHOLD) -> list[int | None]:
    """For each query the first of `known` whose shingles have Jaccard similarity `threshold` or more; None without one."""
    index = _Index([*known, *queries], threshold)
    for i in range(len(known)):
        index.add(i)
    return [index.find(len(known) + i) for i in range(len(queries))]


def near_earlier(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int | None]:
    """For each text the first earlier text that is a near duplicate of it; None without one."""
    index = _Index(texts, threshold)
    found = []
    for i in range(len(texts)):
        found.append(index.find(i))
        index.add(i)
    return found


class _Index:
    """Sets as sorted ranks, rarest first; sets that are equal are indexed once."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self.threshold = threshold
        ids: dict[str, int] = {}
        sets = [[ids.setdefault(item, len(ids)) for item in shingles(text)] for text in texts]
        counts = Counter(item for members in sets for item in members)
        rank = {item: i for i, item in enumerate(sorted(counts, key=lambda item: (counts[item], item)))}
        self.ranks = [sorted(rank[item] for item in members) for members in sets]
        self.members = [frozenset(ranks) for ranks in self.ranks]
        self.postings: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.first: dict[frozenset[int], int] = {}

    def _prefix(self, i: int) -> list[int]:
        size = len(self.ranks[i])
        return self.ranks[i][: size - math.ceil(self.threshold * size - 1e-9) + 1]

    def add(self, i: int) -> None:
        if self.first.setdefault(self.members[i], i) == i:
            for position, item in enumerate(self._prefix(i)):
                self.postings[item].append((i, position))

    def find(self, i: int) -> int | None:
        mine = self.members[i]
        if not mine:
            return None
        share = self.threshold / (1 + self.threshold)  # shared members that a pair needs, of the sum of both sizes
        best = self.first.get(mine)
        seen: set[int] = set()
        for mine_at, item in enumerate(self._prefix(i)):
            for j, other_at in self.postings.get(item, ()):
                if best is not None and j >= best:
                    break  # postings grow with j: nothing earlier follows
                if j in seen:
                    continue
                if len(seen) >= CANDIDATES:
                    return best
                seen.add(j)
                other = self.members[j]
                needed = share * (len(mine) + len(other)) - 1e-9
                # This is the first member both have, in order of rank: all others lie behind it on both sides.
                if min(len(mine) - mine_at, len(other) - other_at) < needed:
                    continue
                if len(mine & other) >= needed:
                    best = j
        return best
