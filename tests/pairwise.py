"""Few combinations in which every two values meet that meet in any: what a grid is thinned to where all of it takes too long.

    covering([("lora", "pairs", "bert"), ...])

Two values of different places meet in a combination that holds both (Cohen et al. 1997, The AETG system: greedy, most new pairs
first). The order given decides among equals, so that the choice is the same every time.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import combinations


def pairs_of(cell: Sequence[Hashable]) -> set[Hashable]:
    """Every two values of a combination, with their places."""
    return set(combinations(enumerate(cell), 2))


def covering(cells: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Some of `cells`, in the order given, that hold every pair that all of them hold."""
    left = set().union(*map(pairs_of, cells))
    chosen = set()
    while left:
        best = max(cells, key=lambda cell: len(pairs_of(cell) & left))
        chosen.add(best)
        left -= pairs_of(best)
    return [cell for cell in cells if cell in chosen]
