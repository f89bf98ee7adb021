"""Base models for methods: the tiny random BERT by its folder (a fresh process can open it), and minilm where installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from rung.errors import MissingExtraError
from rung.models import open_model
from rung.models.base import Encoder, Model
from rung.task import Example, Label, Task, as_input


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Model:
    return open_model(str(tiny_folder))


@pytest.fixture(scope="session")
def minilm() -> Encoder:
    try:
        model = open_model("minilm")
    except MissingExtraError:
        pytest.skip("the data package of minilm is not installed")
    assert isinstance(model, Encoder)
    return model


def task_of(*names: str, multi_label: bool = False) -> Task:
    """A task with these labels."""
    return Task(name="t", labels=tuple(Label(name=name) for name in names), multi_label=multi_label)


def rows_of(*pairs: tuple[str, str | tuple[str, ...]], groups: Sequence[str | None] = ()) -> list[Example]:
    """Examples from (text, output)."""
    group = list(groups) or [None] * len(pairs)
    return [
        Example(f"train:{i}", as_input(text), output, group=group[i], where=f"train.jsonl, line {i + 1}")
        for i, (text, output) in enumerate(pairs)
    ]
