"""Figures about examples: counts per class, entities, lengths, tokens against a limit. Judges nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rung.dataset.labels import labels_of
from rung.dataset.text import words
from rung.entities import parse
from rung.fields import leaves
from rung.task import Example, TaskKind

Summary = dict[str, float]


def class_counts(splits: Mapping[str, Sequence[Example]], kind: TaskKind = "classify") -> dict[str, dict[str, int]]:
    """Rows of each label (with `extract`: with an entity of each type) in each split, labels sorted by name."""
    counts = {name: Counter(label for e in rows for label in labels_of(e, kind)) for name, rows in splits.items()}
    labels = sorted({label for found in counts.values() for label in found})
    return {label: {name: found[label] for name, found in counts.items()} for label in labels}


def balance(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """The largest and the smallest class of train, and their ratio; None where train has no rows."""
    sizes = {label: by_split.get("train", 0) for label, by_split in counts.items() if by_split.get("train", 0)}
    if not sizes:
        return {"largest": None, "smallest": None, "ratio": None}
    largest, smallest = max(sizes, key=lambda n: sizes[n]), min(sizes, key=lambda n: sizes[n])
    return {
        "largest": {"label": largest, "rows": sizes[largest]},
        "smallest": {"label": smallest, "rows": sizes[smallest]},
        "ratio": sizes[largest] / sizes[smallest],
    }


def entity_counts(examples: Sequence[Example]) -> dict[str, Any]:
    """Entities of an `extract` task's rows: how many, of which type, in how many rows, how many a row and how long."""
    rows = [parse(str(example.output)) for example in examples]
    found = [entity for entities in rows for entity in entities]
    return {
        "entities": len(found),
        "rows_with": sum(bool(entities) for entities in rows),
        "rows_without": sum(not entities for entities in rows),
        "types": dict(sorted(Counter(entity.type for entity in found).items())),
        "per_row": summary([len(entities) for entities in rows]),
        "characters": summary([len(entity.text) for entity in found]),
    }


def field_counts(examples: Sequence[Example]) -> dict[str, Any]:
    """Fields of the rows of a task with a JSON schema: how many, under which path, how many a row."""
    rows = [leaves(json.loads(str(example.output))) for example in examples]
    found = [leaf.path for fields in rows for leaf in fields]
    return {
        "fields": len(found),
        "rows_without": sum(not fields for fields in rows),
        "paths": dict(sorted(Counter(found).items())),
        "per_row": summary([len(fields) for fields in rows]),
    }


def reference_counts(examples: Sequence[Example]) -> dict[str, Summary | None]:
    """References of a `generate` task's rows: how many a row, and their words; turns a row where they are conversations."""
    rows = [(e.output,) if isinstance(e.output, str) else e.output for e in examples]
    turns = [len(e.input.messages) for e in examples if e.input.messages]
    return {
        "per_row": summary([len(found) for found in rows]),
        "words": summary([len(text.split()) for found in rows for text in found]),
        "turns": summary(turns),
    }


def summary(values: Sequence[int]) -> Summary | None:
    """Least, median, 95th percentile (both the nearest rank) and greatest of `values`; None for none."""
    if not values:
        return None
    ranked = sorted(values)
    at = [ranked[min(len(ranked) - 1, int(q * len(ranked)))] for q in (0.5, 0.95)]
    return {"min": ranked[0], "median": at[0], "p95": at[1], "max": ranked[-1]}


def lengths(examples: Sequence[Example]) -> dict[str, Summary | None]:
    """Characters and words of each input, summed up."""
    texts = [e.input.text for e in examples]
    return {"characters": summary([len(t) for t in texts]), "words": summary([len(words(t)) for t in texts])}
