"""Seeded, stratified, grouped splits and nested subsets, equal on every machine.

Order comes from SHA-256 of seed and content, never from a random generator, whose streams change between versions and
machines. Knows only examples: files and task files are others' business.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from rung.dataset.labels import strata
from rung.dataset.text import input_key
from rung.task import Example, Task, TaskKind

Pair = tuple[tuple[Example, ...], tuple[Example, ...]]


def split(examples: Sequence[Example], share: float, seed: int, kind: TaskKind = "classify") -> Pair:
    """Cut `share` of the examples off: (kept, held back), each in the order given.

    Each class gives its share, by largest remainder; rows of one group, and rows with the same input, stay on one side; of
    each class at least one row is kept. Groups that are large against the share make it approximate.

    Args:
        share: between 0 and 1. seed: another seed, another split.
        kind: the task's; with `extract` the classes are the types of entities (see `labels.strata`).
    """
    units = _units(examples, seed)
    classes = strata(examples, kind)
    kept = Counter(classes)
    quota = _quotas(kept, share, seed)
    held: Counter[str] = Counter()
    taken: set[int] = set()
    for unit in units:
        sizes = Counter(classes[i] for i in unit)
        # Taking the unit must bring the held part nearer to its quotas (in squares) and leave no class empty.
        gain = sum(n * (n + 2 * (held[label] - quota[label])) for label, n in sizes.items())
        if gain < 0 and all(kept[label] > n for label, n in sizes.items()):
            taken.update(unit)
            held.update(sizes)
            kept.subtract(sizes)
    if not taken and share > 0:
        taken.update(_smallest(classes, units))
    return (
        tuple(e for i, e in enumerate(examples) if i not in taken),
        tuple(e for i, e in enumerate(examples) if i in taken),
    )


def cut_validation(train: Sequence[Example], task: Task, seed: int) -> Pair:
    """Cut validation rows off train: (train, validation).

    A fifth of up to 999 rows, otherwise a tenth and at most 1,000 rows; stratified and grouped like `split`. Classes with one
    example stay in train.
    """
    n = len(train)
    share = 0.2 if n < 1000 else min(0.1, 1000 / n)
    return split(train, share, seed, task.kind)


def nested(train: Sequence[Example], size: int, seed: int, kind: TaskKind = "classify") -> tuple[Example, ...]:
    """A stratified subset of `size` rows (all, if there are fewer), in the order of `train`.

    With one seed, a smaller subset lies inside every larger one. The first row of each class comes first, so that every class
    is present once `size` reaches the number of classes; after that classes grow in proportion (Sainte-Laguë).
    """
    if size >= len(train):
        return tuple(train)
    by_class: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for i, (example, name) in enumerate(zip(train, strata(train, kind), strict=True)):
        by_class[name].append((_hash(seed, "nested", *input_key(example.input), example.id), i))
    order = []
    for members in by_class.values():
        for rank, (key, i) in enumerate(sorted(members)):
            order.append((rank > 0, (rank + 0.5) / len(members), key, i))
    chosen = {i for *_, i in sorted(order)[:size]}
    return tuple(e for i, e in enumerate(train) if i in chosen)


def _units(examples: Sequence[Example], seed: int) -> list[list[int]]:
    """Row numbers that must stay together (same group or same input), in the seed's order."""
    parent = list(range(len(examples)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[tuple[str, ...], int] = {}
    for i, example in enumerate(examples):
        keys = [("input", *input_key(example.input))]
        if example.group is not None:
            keys.append(("group", example.group))
        for key in keys:
            a, b = root(first.setdefault(key, i)), root(i)
            parent[max(a, b)] = min(a, b)
    members: defaultdict[int, list[int]] = defaultdict(list)
    for i in range(len(examples)):
        members[root(i)].append(i)
    return sorted(members.values(), key=lambda unit: min(_unit_key(examples[i], seed) for i in unit))


def _unit_key(example: Example, seed: int) -> str:
    # By content first: adding rows to a file, or sorting it, moves as few rows across as possible.
    return _hash(seed, "split", *input_key(example.input))


def _quotas(counts: Counter[str], share: float, seed: int) -> dict[str, int]:
    """Rows each class gives, by largest remainder, so that the whole part has its share; at least one row stays behind."""
    exact = {label: share * n for label, n in counts.items()}
    quota = {label: min(int(want), counts[label] - 1) for label, want in exact.items()}
    left = int(share * sum(counts.values()) + 0.5) - sum(quota.values())
    for label in sorted(exact, key=lambda name: (int(exact[name]) - exact[name], _hash(seed, "quota", name))):
        if left > 0 and quota[label] < min(counts[label] - 1, exact[label] + 1):
            quota[label] += 1
            left -= 1
    return quota


def _smallest(classes: Sequence[str], units: list[list[int]]) -> list[int]:
    """The smallest unit that empties no class, for data whose groups are all too large for the share; none, if none can."""
    counts = Counter(classes)
    fitting = [u for u in units if all(counts[c] > n for c, n in Counter(classes[i] for i in u).items())]
    return min(fitting, key=len, default=[])


def _hash(seed: int, *parts: str) -> str:
    return hashlib.sha256("\x1f".join((str(seed), *parts)).encode()).hexdigest()
