"""The classes of a task (of an `extract` task: the types of its entities), and what may be wrong with them.

Variants, strangers, too few. Knows only a task file's `labels:`, examples and findings.
"""

from __future__ import annotations

import difflib
import functools
import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from rung.dataset.rows import Finding, counted
from rung.entities import parse
from rung.plan import TaskFile
from rung.task import Example, Label, TaskKind

Splits = Mapping[str, Sequence[Example]]
UNLISTED_SHOWN = 10  # looking for the nearest label costs time with thousands of them, and nobody reads as many


def labels_of(example: Example, kind: TaskKind = "classify") -> tuple[str, ...]:
    """The labels of an example, one or several; of an `extract` task the types of its entities, sorted, each once; of one with a
    JSON schema, of which the answers are objects, the fields that are there.

    Of any other task none: a text is no label, so that such rows are all of one stratum.
    """
    if kind == "extract":
        return _types(str(example.output))
    if kind != "classify":
        return ()
    return (example.output,) if isinstance(example.output, str) else example.output


@functools.lru_cache(maxsize=1 << 16)
def _types(output: str) -> tuple[str, ...]:
    if output.startswith("{"):
        return tuple(sorted(json.loads(output)))
    return tuple(sorted({entity.type for entity in parse(output)}))


def noun(kind: TaskKind, under_schema: bool = False) -> str:
    """What messages call a label of a task of this kind."""
    return "field" if under_schema else "entity type" if kind == "extract" else "label"


def strata(examples: Sequence[Example], kind: TaskKind = "classify") -> list[str]:
    """What each example counts as when a split keeps shares: its first label; with `extract`, its rarest type.

    By the rarest type every type keeps its share on both sides, and small subsets hold every type. Whole sets of types were
    rejected: most of them are found once or twice, and a subset that holds each has few plain rows.
    """
    found = [labels_of(example, kind) for example in examples]
    if kind != "extract":  # without classes there is one stratum, ""
        return [next(iter(labels), "") for labels in found]
    counts = Counter(label for labels in found for label in labels)
    return [min(labels, key=lambda name: (counts[name], name), default="") for labels in found]


def class_list(file: TaskFile, train: Sequence[Example]) -> tuple[Label, ...]:
    """The classes in their fixed order: as listed in the task file, or those found in train, sorted by name.

    The label for inputs of no class is one of them only where training rows have it.
    """
    present = {label for example in train for label in labels_of(example, file.kind)}
    outside = file.out_of_scope.label if file.out_of_scope else None
    if not file.labels:
        return tuple(Label(name=name) for name in sorted(present))
    listed = {name.strip(): text for name, text in file.labels.items()}
    if outside is not None and outside in present:
        listed.setdefault(outside, "")
    return tuple(
        Label(name=name, description=text) for name, text in listed.items() if name != outside or name in present
    )


def label_findings(file: TaskFile, splits: Splits) -> list[Finding]:
    """Everything that is wrong with the labels of `splits` (`train`, `validation`, `test`)."""
    train = splits.get("train", ())
    counts = Counter(label for example in train for label in labels_of(example, file.kind))
    found = _variants(file, splits)
    found += _strangers(file, splits, counts)
    found += _one_class(file, train, counts)
    single = sorted(label for label, n in counts.items() if n == 1)
    if single:
        places = [example.where for example in train if set(labels_of(example, file.kind)) & set(single)]
        what = "entity type(s) stand in" if file.kind == "extract" else "class(es) have"
        message = f"{len(single)} {what} a single training example: {_listing(single)}"
        found.append(Finding.at("warning", "single_example", message, places))
    return found


def _one_class(file: TaskFile, train: Sequence[Example], counts: Counter[str]) -> list[Finding]:
    if not train or file.kind == "generate":
        return []
    if file.kind == "extract":
        if counts:
            return []
        message = f"none of {counted(len(train), 'training row')} has an entity: there is nothing to learn"
        return [Finding.at("error", "no_entities", message, [train[0].where], remedy="add rows with entities")]
    if len({example.output for example in train}) > 1 and (isinstance(train[0].output, tuple) or len(counts) > 1):
        return []
    only = next(iter(counts), "no label")
    message = f"all {len(train):,} training rows have one class ({only!r}): there is nothing to tell apart"
    return [Finding.at("error", "one_class", message, [train[0].where], remedy="add rows of other classes")]


def _variants(file: TaskFile, splits: Splits) -> list[Finding]:
    """Labels that differ only in case, inner spaces or Unicode form; both listed in the task file means both are meant."""
    listed = {name.strip() for name in file.labels or ()}
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for examples in splits.values():
        for example in examples:
            for label in labels_of(example, file.kind):
                counts[label] += 1
                first.setdefault(label, example.where)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(counts, key=lambda name: (-counts[name], name)):
        alike[folded(label)].append(label)
    found = []
    for names in alike.values():
        if len(names) < 2 or set(names) <= listed:
            continue
        told = " and ".join(f"{name!r} ({counted(counts[name], 'row')}, first at {first[name]})" for name in names)
        message = f"{noun(file.kind)}s that differ only in case or spaces: {told}"
        remedy = f"write {names[0]!r} everywhere, or list each under `labels:` if they are different ones"
        found.append(Finding.at("error", "label_variants", message, [first[names[1]], first[names[0]]], remedy=remedy))
    return found


def folded(label: str) -> str:
    """A label without what writers vary by accident: case, spaces, Unicode form."""
    return " ".join(unicodedata.normalize("NFC", label).casefold().split())


def _strangers(file: TaskFile, splits: Splits, counts: Counter[str]) -> list[Finding]:
    """Labels that the task file, or train, does not know; the label for inputs of no class is never one."""
    listed = {name.strip() for name in file.labels} if file.labels else None
    outside = {file.out_of_scope.label} if file.out_of_scope else set()
    found = []
    for split in ("train", "validation", "test"):
        known = listed if split == "train" else set(counts)
        if known is None or not counts:
            continue
        places: defaultdict[str, list[str]] = defaultdict(list)
        for example in splits.get(split, ()):
            for label in labels_of(example, file.kind):
                if label not in known | outside:
                    places[label].append(example.where)
        if split == "train":
            found += _unlisted(places, known, file.kind)
        elif places:
            rows = list(dict.fromkeys(where for at in places.values() for where in at))
            message = (
                f"{len(places)} {noun(file.kind)}(s) in {split} are unknown in train: {_listing(sorted(places))}; "
                f"these {len(rows):,} rows stay and will be answered wrongly"
            )
            found.append(Finding.at("warning", f"unknown_label_{split}", message, rows))
    missing = sorted((listed or set()) - set(counts) - outside)
    if missing and counts:
        message = f"{len(missing)} {noun(file.kind)}(s) of the task file have no training row: {_listing(missing)}"
        found.append(Finding("warning", "label_without_rows", message, count=len(missing)))
    return found


def _unlisted(places: Mapping[str, list[str]], listed: set[str], kind: TaskKind) -> list[Finding]:
    """A finding for each of the first labels, with the nearest listed one, and one for all the others."""
    found = []
    names = sorted(places)
    for label in names[:UNLISTED_SHOWN]:
        near = difflib.get_close_matches(label, sorted(listed), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]!r}?" if near else "add it to `labels:` or mend the rows"
        message = (
            f"the {noun(kind)} {label!r} ({counted(len(places[label]), 'row')}) is not among the task file's `labels:`"
        )
        found.append(Finding.at("error", "unlisted_label", message, places[label], remedy=hint))
    if rest := names[UNLISTED_SHOWN:]:
        message = f"{len(rest):,} further {noun(kind)}(s) are not among the task file's `labels:`: {_listing(rest)}"
        where = [at for label in rest for at in places[label]]
        found.append(
            Finding.at("error", "unlisted_label", message, where, remedy="leave `labels:` out to take all of them")
        )
    return found


def _listing(names: Sequence[str], limit: int = 8) -> str:
    shown = ", ".join(repr(name) for name in names[:limit])
    return shown + (f" and {len(names) - limit} more" if len(names) > limit else "")
