"""Which examples stand in a prompt: drawn at random, balanced over labels, or the most similar to each input. Knows no model."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from rung.dataset.labels import strata
from rung.models.base import Floats
from rung.task import Example, Selection, Task

#: Cosines held at once.
COSINES = 2**22


def drawn(task: Task, pool: Sequence[Example], count: int, selection: Selection, seed: int) -> list[Example]:
    """Examples chosen once for all inputs, the first chosen first; fewer where there are not so many.

    A smaller number is the beginning of a larger one. `balanced` takes the labels in turn (with `extract`, each row's rarest type).
    """
    order = sorted(range(len(pool)), key=lambda i: _hash(seed, pool[i]))
    if selection == "balanced":
        classes = strata(pool, task.kind)
        rank: defaultdict[str, int] = defaultdict(int)
        turns = []
        for i in order:
            turns.append((rank[classes[i]], i))
            rank[classes[i]] += 1
        place = {i: at for at, i in enumerate(order)}
        order = [i for _, i in sorted(turns, key=lambda turn: (turn[0], place[turn[1]]))]
    return [pool[i] for i in order[:count]]


def most_similar(queries_ND: Floats, pool_MD: Floats, count: int) -> list[list[int]]:
    """For each query the rows of the pool of largest cosine, the most similar first; vectors of length 1."""
    found: list[list[int]] = []
    rows = max(1, min(512, COSINES // max(1, len(pool_MD))))
    for first in range(0, len(queries_ND), rows):
        cosines = np.round(queries_ND[first : first + rows] @ pool_MD.T, 4)  # rounding noise does not decide who is in
        found += np.argsort(-cosines, axis=1, kind="stable")[:, :count].tolist()
    return found


def _hash(seed: int, example: Example) -> str:
    return hashlib.sha256(f"{seed}\x1f{example.input.text}\x1f{example.id}".encode()).hexdigest()
