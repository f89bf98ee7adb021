"""A task of two classes with a tiny model, and how a command ended."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


def write_task(folder: Path, model: Path, **more: object) -> Path:
    """A task with 24 training and 12 test rows that the tiny model can tell apart."""
    words = {"good": ["fine parcel", "good fox", "quick refund"], "bad": ["awful late", "broken word", "bad brown"]}
    for name, count in (("train", 24), ("test", 12)):
        rows = [
            {"text": f"{words[label][i % 3]} {name} {i}", "label": label}
            for i in range(count)
            for label in [("good", "bad")[i % 2]]
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    keys = {
        "name": "toy",
        "train": "train.jsonl",
        "test": "test.jsonl",
        "models": [str(model)],
        "methods": ["majority", "frozen_features"],
        **more,
    }
    path = folder / "task.yaml"
    path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in keys.items()), encoding="utf-8")
    return path
