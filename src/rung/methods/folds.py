"""Folds of the training rows for choosing knobs: seeded, stratified by label, whole groups. Knows no method."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from rung.task import Example


def stratified_folds(examples: Sequence[Example], count: int, seed: int) -> np.ndarray:
    """The fold of every row, int64 (N,): 0 to `count` - 1, or -1 for rows that always stay in training.

    Rows of one group share a fold. A label that occurs in a single group (or row) stays in training: held out, it could only be
    guessed, and would say nothing about the knobs.
    """
    units: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, example in enumerate(examples):
        units[("group", example.group) if example.group is not None else ("row", str(i))].append(i)
    strata: dict[str, list[list[int]]] = defaultdict(list)
    for rows in units.values():
        common = Counter(str(examples[i].output) for i in rows).most_common(1)[0][0]
        strata[common].append(rows)
    random = np.random.default_rng(seed)
    folds = np.full(len(examples), -1, np.int64)
    turn = 0
    for label in sorted(strata):
        members = strata[label]
        if len(members) < 2:
            continue
        for at in random.permutation(len(members)):
            folds[members[at]] = turn % count
            turn += 1
    return folds
