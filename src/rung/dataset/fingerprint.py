"""Identity of a dataset: the same task and rows give the same fingerprint on every machine. Knows only Task and Example."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from rung.task import Example, Task


def fingerprint(task: Task, splits: Mapping[str, Sequence[Example]]) -> str:
    """SHA-256 (hex) over the task and every row's id, input, output and group, by split, in order.

    Where a row stood in which file (`where`) does not count.
    """
    # what a task does not use is not part of it, so that a key made later changes no older comparison's data
    unused = {key for key in ("out_of_scope", "metric", "json_schema") if getattr(task, key) is None}
    digest = hashlib.sha256(task.model_dump_json(exclude=unused).encode())
    for name in sorted(splits):
        digest.update(_line(["split", name, len(splits[name])]))
        for example in splits[name]:
            item = [example.input.fields, example.input.pair]
            item += [example.input.messages] if example.input.messages else []
            digest.update(_line([example.id, item, example.output, example.group]))
    return digest.hexdigest()


def _line(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n").encode()
