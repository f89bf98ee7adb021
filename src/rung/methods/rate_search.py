"""Searching a learning rate: one short training a rate, judged by the loss on validation rows. Knows no method.

The loss and not the accuracy: on a few hundred rows neighbouring rates get the same number right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rung.errors import TrainingError
from rung.events import Events
from rung.methods.vectors import outputs_of
from rung.task import Example, Task

#: Training rows of a trial, and passes over them: enough to tell rates apart that differ by a factor of three.
TRIAL_ROWS = 1000
TRIAL_EPOCHS = 2.0
#: Validation rows that judge a trial.
JUDGING_ROWS = 500


def best_rate(
    rates: Sequence[float], loss_of: Callable[[float], float], events: Events
) -> tuple[float, dict[str, Any]]:
    """The rate with the smallest validation loss, and all that were tried.

    Args:
        loss_of: the validation loss of a trial at a rate; where it diverges it raises `TrainingError`, which counts as infinite.
    """
    losses = {}
    for place, rate in enumerate(rates):
        events.message(f"trying learning rate {rate:g} ({place + 1} of {len(rates)})")
        losses[rate] = _finite(loss_of, rate)
    chosen = min(losses, key=lambda rate: losses[rate])
    tried = [
        {"learning_rate": rate, "validation_loss": round(loss, 5), "chosen": rate == chosen}
        for rate, loss in losses.items()
    ]
    return chosen, {"learning_rates": tried}


def _finite(loss_of: Callable[[float], float], rate: float) -> float:
    try:
        return loss_of(rate)
    except TrainingError as error:
        if "loss became" not in str(error):
            raise
        return float("inf")


def judging_rows(validation: Sequence[Example], task: Task) -> list[Example]:
    """The validation rows that judge trials: some of those whose labels the task knows."""
    known = set(task.label_names)
    usable = [row for row in validation if task.kind != "classify" or set(outputs_of(row.output)) <= known]
    return usable[:JUDGING_ROWS]
