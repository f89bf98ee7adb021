"""Fitted methods loaded and asked in a process that knows nothing of the one that fitted them. Knows no particular method."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rung.methods.base import Fitted, Method
from rung.models.base import Model
from rung.task import Input, Message, Output, Prediction, Task

#: `module:function` that opens the base model by name in the fresh process.
OPENER = "rung.models:open_model"
#: What a fitted method may write. Everything else, pickles above all, is refused.
SAFE_FILES = (".json", ".safetensors", ".txt", ".model")


@dataclass(frozen=True)
class Saved:
    """A fitted method on disk: its class as `module:name`, its folder, the task, its base model's name."""

    cls: str
    folder: Path
    task: Task
    model: str | None

    @classmethod
    def write(cls, method: Method, fitted: Fitted, model: Model | None, folder: Path) -> Saved:
        """Save `fitted`, and see that only safe files were written."""
        fitted.save(folder)
        written = [path for path in folder.rglob("*") if path.is_file()]
        unsafe = [path.name for path in written if path.suffix not in SAFE_FILES]
        assert written and not unsafe, f"wrote {unsafe or 'nothing'}; allowed are {', '.join(SAFE_FILES)}"
        name = None if model is None else model.info.name
        return cls(f"{type(method).__module__}:{type(method).__qualname__}", folder, fitted.task, name)


def predict_in_fresh_process(
    saved: Sequence[Saved], inputs: Sequence[Sequence[Input]], opener: str = OPENER
) -> list[list[Prediction]]:
    """What each of `saved` answers to its own of `inputs` when all are loaded by one new Python process.

    Raises:
        AssertionError: a method could not be loaded or could not predict; the message holds what the process said.
    """
    order = {
        "opener": opener,
        "saved": [[s.cls, str(s.folder), s.task.model_dump(mode="json"), s.model] for s in saved],
        "inputs": [[[item.fields, item.pair, item.messages] for item in asked] for asked in inputs],
    }
    done = subprocess.run(
        [sys.executable, "-c", "from rung.testing import fresh; fresh._answer()"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, f"loading in a fresh process failed:\n{done.stderr[-2000:]}"
    rows = json.loads(done.stdout.splitlines()[-1])
    return [[Prediction(_output(o), c, None if p is None else tuple(p)) for o, c, p in part] for part in rows]


def _answer() -> None:
    """The fresh process: an order on stdin, answers as the last line of stdout."""
    order = json.load(sys.stdin)
    open_model = _named(order["opener"])
    models: dict[str, Model] = {}
    answers = []
    for (cls, folder, task, name), asked in zip(order["saved"], order["inputs"], strict=True):
        inputs = [
            Input(tuple((k, v) for k, v in fields), pair, tuple(Message(*turn) for turn in turns))
            for fields, pair, turns in asked
        ]
        if name is not None and name not in models:
            models[name] = open_model(name)
        fitted = _named(cls).load(Path(folder), Task.model_validate(task), models.get(name))
        answers.append([(p.output, p.confidence, p.probabilities) for p in fitted.predict(inputs)])
    print(json.dumps(answers))


def _named(path: str) -> Any:
    """What `module:name` names."""
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _output(value: str | list[str] | None) -> Output | None:
    return tuple(value) if isinstance(value, list) else value
