"""The head for a task's kind. Knows the heads, no method."""

from __future__ import annotations

from rung.methods.heads import Head
from rung.methods.labelling import LabelHead
from rung.methods.tagging import TagHead
from rung.models.base import Encoder
from rung.task import Task


def head_of(task: Task, model: Encoder) -> Head:
    """Words get tags where entities are asked for; else texts get labels."""
    return TagHead(task, model) if task.kind == "extract" else LabelHead(task, model)
