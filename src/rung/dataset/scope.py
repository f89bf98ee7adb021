"""What may be wrong with `out_of_scope:`, the label of inputs that belong to no class. Knows a task file, examples and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rung.dataset.labels import folded, labels_of
from rung.dataset.rows import Finding
from rung.plan import TaskFile
from rung.task import Example


def scope_findings(file: TaskFile, splits: Mapping[str, Sequence[Example]], multi_label: bool) -> list[Finding]:
    """The findings about inputs of no class; none where the task file does not ask for them."""
    if file.out_of_scope is None:
        return []
    if multi_label:
        message = f"`out_of_scope:` needs one label a row, and {file.output!r} holds lists of labels"
        remedy = "a row of no class has an empty list there: remove `out_of_scope:`"
        return [Finding("error", "out_of_scope_labels", message, remedy=remedy)]
    wanted = file.out_of_scope.label
    found = []
    alike: dict[str, list[str]] = {}
    for examples in splits.values():
        for example in examples:
            for label in labels_of(example):
                if label != wanted and folded(label) == folded(wanted):
                    alike.setdefault(label, []).append(example.where)
    for label, places in alike.items():
        message = (
            f"the label {label!r} differs from {wanted!r}, the label for inputs of no class, only in case or spaces"
        )
        remedy = f"write `out_of_scope: {label}`, or {wanted!r} in the rows"
        found.append(Finding.at("error", "out_of_scope_variant", message, places, remedy=remedy))
    if splits["test"] and not any(wanted in labels_of(example) for example in splits["test"]):
        message = f"no test row has the label {wanted!r}: how many inputs of no class are recognised cannot be measured"
        remedy = "add test rows that belong to no class"
        found.append(Finding("note", "no_out_of_scope_test", message, remedy=remedy))
    inside = [e for e in splits["train"] if wanted not in labels_of(e)]
    if splits["train"] and len({e.output for e in inside}) < 2 and len({e.output for e in splits["train"]}) > 1:
        message = f"beside {wanted!r} the training rows have one class only: this is a task of two labels"
        places = [e.where for e in inside[:1]]
        found.append(Finding.at("error", "one_class_in_scope", message, places, remedy="remove `out_of_scope:`"))
    return found
