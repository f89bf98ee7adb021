"""What an `extract` task holds answers to: the types or fields there are, and what makes an answer invalid. Knows no runs."""

from __future__ import annotations

import json

from rung.fields import kept, paths, schema_of
from rung.metrics.extraction import fault
from rung.task import Task


def types_of_task(task: Task) -> tuple[str, ...]:
    """The types of entities, in the task's order; with a JSON schema the paths of its fields.

    >>> schema = '{"type": "object", "properties": {"place": {"type": "object", "properties": {"city": {"type": "string"}}}}}'
    >>> types_of_task(Task(name="t", kind="extract", json_schema=schema))
    ('place.city',)
    """
    return task.label_names if task.json_schema is None else paths(schema_of(task.json_schema))


def fault_of(task: Task, output: str | None, text: str | None = None) -> str | None:
    """What makes an answer invalid, in words; None where it is valid: see `extraction.fault`; with a JSON schema, it keeps that.

    Args:
        text: the input; None where it was not kept. Values under a schema need not stand in it.
    """
    if task.json_schema is None:
        return fault(output, task.label_names, text)
    if output is None:
        return "there is no answer"
    try:
        value = json.loads(output)
    except (ValueError, RecursionError) as error:
        return f"it cannot be read: {error}"
    try:
        kept(value, schema_of(task.json_schema))
    except (ValueError, RecursionError) as error:
        return str(error)
    return None
