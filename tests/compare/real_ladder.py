"""Twelve arms of real methods on a random BERT of 2 layers, small enough to be killed and finished many times."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

#: Short trainings of every kind that keeps checkpoints, the frozen methods, and one search of a learning rate.
METHODS: list[Any] = [
    "majority",
    "nearest_example",
    "zero_shot",
    "frozen_features",
    {"frozen_features": {"C": 1.0}},
    {"head_only": {"epochs": 2}},
    {"contrastive": {"passes": 1}},
    {"lora": {"epochs": 2}},
    {"lora": {"epochs": 1, "rank": 4, "refit": "never"}},
    {"lora": {"epochs": 1, "learning_rate": None, "refit": "never"}},
    {"full_finetune": {"epochs": 2}},
    {"full_finetune": {"epochs": 1, "refit": "never"}},
]


def write_task(folder: Path, model: Path) -> Path:
    """A task of 80 training and 30 test rows about parcels and refunds, on the model in a folder."""
    import yaml

    draw = random.Random(0)
    words = {"late": ["the", "parcel", "late", "quick"], "broken": ["the", "parcel", "broken", "awful"]}
    rows = []
    for i in range(110):
        label = ("late", "broken")[i % 2]
        text = " ".join(draw.choice(words[label]) for _ in range(draw.randint(3, 8)))
        rows.append({"text": f"{text} {i}", "label": label if draw.random() < 0.9 else "late"})
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", rows[:80]), ("test", rows[80:])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    task = {"name": "real", "train": "train.jsonl", "test": "test.jsonl", "models": [str(model)], "methods": METHODS}
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(task))
    return path
