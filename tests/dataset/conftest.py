"""Small task folders for the dataset tests: rows in, a task file and its data files out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rung.plan import TaskFile

Rows = list[dict[str, Any]]
Project = Callable[..., tuple[TaskFile, Path]]


def write_jsonl(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def two_classes(n: int, start: int = 0) -> Rows:
    """`n` rows with distinct texts, classes `a` and `b` in turn."""
    return [{"text": f"message number {i}", "label": "ab"[i % 2]} for i in range(start, start + n)]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Write train and test rows (None: no file; `share=` holds test rows back); gives the task file and its folder."""

    def make(train: Rows | None, test: Rows | None, **keys: Any) -> tuple[TaskFile, Path]:
        sources: dict[str, Any] = {"test": keys.pop("share")} if "share" in keys else {}
        for name, rows in (("train", train), ("test", test)):
            if rows is not None:
                write_jsonl(tmp_path / f"{name}.jsonl", rows)
                sources[name] = f"{name}.jsonl"
        return TaskFile.model_validate({"name": "t", **sources, **keys}), tmp_path

    return make
