"""The classes of a task, and what may be wrong with them: variants, strangers, too few. Knows only examples and findings."""

from __future__ import annotations

import difflib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from rung.dataset.rows import Finding, counted
from rung.task import Example, Label

Splits = Mapping[str, Sequence[Example]]


def labels_of(example: Example) -> tuple[str, ...]:
    """The labels of an example, one or several."""
    return (example.output,) if isinstance(example.output, str) else example.output


def first_label(example: Example) -> str:
    """The label that a split is stratified by."""
    return next(iter(labels_of(example)), "")


def class_list(listed: Mapping[str, str] | None, train: Sequence[Example]) -> tuple[Label, ...]:
    """The classes in their fixed order: as listed in the task file, or those found in train, sorted by name."""
    if listed:
        return tuple(Label(name=name.strip(), description=text) for name, text in listed.items())
    return tuple(Label(name=name) for name in sorted({label for example in train for label in labels_of(example)}))


def label_findings(listed: Mapping[str, str] | None, splits: Splits) -> list[Finding]:
    """Everything that is wrong with the labels of `splits` (`train`, `validation`, `test`)."""
    names = {name.strip() for name in listed} if listed else None
    train = splits.get("train", ())
    counts = Counter(label for example in train for label in labels_of(example))
    found = _variants(splits, names or set())
    found += _strangers(names, splits, counts)
    distinct = {example.output for example in train}
    if train and (len(distinct) == 1 or (not isinstance(train[0].output, tuple) and len(counts) == 1)):
        only = next(iter(counts), "no label")
        message = f"all {len(train):,} training rows have one class ({only!r}): there is nothing to tell apart"
        found.append(Finding.at("error", "one_class", message, [train[0].where], remedy="add rows of other classes"))
    single = sorted(label for label, n in counts.items() if n == 1)
    if single:
        places = [example.where for example in train if set(labels_of(example)) & set(single)]
        message = f"{len(single)} class(es) have a single training example: {_listing(single)}"
        found.append(Finding.at("warning", "single_example", message, places))
    return found


def _variants(splits: Splits, listed: set[str]) -> list[Finding]:
    """Labels that differ only in case, inner spaces or Unicode form; both listed in the task file means both are meant."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for examples in splits.values():
        for example in examples:
            for label in labels_of(example):
                counts[label] += 1
                first.setdefault(label, example.where)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda name: (-counts[name], name)):
        alike[" ".join(unicodedata.normalize("NFC", label).casefold().split())].append(label)
    found = []
    for names in alike.values():
        if len(names) < 2 or set(names) <= listed:
            continue
        told = " and ".join(f"{name!r} ({counted(counts[name], 'row')}, first at {first[name]})" for name in names)
        message = f"labels that differ only in case or spaces: {told}"
        remedy = f"write {names[0]!r} everywhere, or list each under `labels:` if they are different classes"
        found.append(Finding.at("error", "label_variants", message, [first[names[1]], first[names[0]]], remedy=remedy))
    return found


def _strangers(listed: set[str] | None, splits: Splits, counts: Counter[str]) -> list[Finding]:
    found = []
    for split in ("train", "validation", "test"):
        known = listed if split == "train" else set(counts)
        if known is None or not counts:
            continue
        places: defaultdict[str, list[str]] = defaultdict(list)
        for example in splits.get(split, ()):
            for label in labels_of(example):
                if label not in known:
                    places[label].append(example.where)
        if split == "train":
            found += [_unlisted(label, where, known) for label, where in sorted(places.items())]
        elif places:
            rows = [where for at in places.values() for where in at]
            message = (
                f"{len(places)} label(s) in {split} are unknown in train: {_listing(sorted(places))}; "
                f"these {len(rows):,} rows stay and will be answered wrongly"
            )
            found.append(Finding.at("warning", f"unknown_label_{split}", message, rows))
    missing = sorted((listed or set()) - set(counts))
    if missing and counts:
        message = f"{len(missing)} label(s) of the task file have no training row: {_listing(missing)}"
        found.append(Finding("warning", "label_without_rows", message, count=len(missing)))
    return found


def _unlisted(label: str, places: list[str], listed: set[str]) -> Finding:
    near = difflib.get_close_matches(label, sorted(listed), n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}?" if near else "add it to `labels:` or mend the rows"
    message = f"the label {label!r} ({counted(len(places), 'row')}) is not among the task file's `labels:`"
    return Finding.at("error", "unlisted_label", message, places, remedy=hint)


def _listing(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
