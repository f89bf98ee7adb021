"""What a `generate` task's own metric says of answers: one score a row, one figure of all. Knows tasks and examples, no runs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rung.metrics.generation import METRICS, bleu, mean_score, text_score
from rung.metrics.own import own_score
from rung.metrics.value import Figure, undefined
from rung.task import Example, Output, OwnMetric, Task


def example_score(task: Task, example: Example, output: Output | None) -> float:
    """The score in [0, 1] of an answer to one example.

    Raises:
        UsageError: the user's own metric cannot score it.
    """
    text = None if output is None else str(output)
    if isinstance(task.metric, OwnMetric):
        return own_score(task.metric, example.output, text, example.input.text, example.where or example.id)
    return text_score(example.output, text, task.metric or METRICS[0])


def task_figure(task: Task, examples: Sequence[Example], outputs: Sequence[Output | None]) -> Figure:
    """The figure that arms of the task are compared by, on any rows: what a method judges itself by on validation rows.

    Raises:
        UsageError: the user's own metric cannot score a row.
    """
    if not examples:
        return undefined("there are no rows")
    if isinstance(task.metric, OwnMetric):
        return Figure(float(np.mean([example_score(task, e, o) for e, o in zip(examples, outputs, strict=True)])))
    expected = [example.output for example in examples]
    texts = [None if output is None else str(output) for output in outputs]
    if task.metric == "bleu":
        found = bleu(expected, texts)
        return found if found.value is None else Figure(min(found.value, 1.0))
    return mean_score(expected, texts, task.metric or METRICS[0])
