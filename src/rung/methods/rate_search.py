"""Searching a learning rate: one short training a rate, judged by the loss on validation rows. Knows no particular method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rung.methods.base import Kit
from rung.methods.heads import Head
from rung.methods.vectors import outputs_of
from rung.task import Example

if TYPE_CHECKING:
    from rung.methods.gradient import GradientMethod

#: Training rows of a trial, and passes over them: enough to tell rates apart that differ by a factor of three.
TRIAL_ROWS = 1000
TRIAL_EPOCHS = 2.0
#: Validation rows that judge a trial.
JUDGING_ROWS = 500


class RateSearch:
    """Trains with one learning rate after another, each for a while, and measures the loss on validation rows.

    The loss and not the accuracy: on a few hundred rows neighbouring rates get the same number right.
    """

    def __init__(
        self, method: GradientMethod, head: Head, train: Sequence[Example], validation: Sequence[Example], kit: Kit
    ) -> None:
        order = np.random.default_rng(kit.seed).permutation(len(train))[:TRIAL_ROWS]
        self.method, self.head, self.kit = method, head, kit
        self.train = [train[i] for i in order]
        known = set(head.task.label_names)
        usable = [row for row in validation if head.task.kind != "classify" or set(outputs_of(row.output)) <= known]
        self.validation = usable[:JUDGING_ROWS]

    def best(self, rates: Sequence[float]) -> tuple[float, dict[str, Any]]:
        """The rate with the smallest validation loss, and all that were tried."""
        losses = {}
        for place, rate in enumerate(rates):
            self.kit.events.message(f"trying learning rate {rate:g} ({place + 1} of {len(rates)})")
            losses[rate] = self._loss(rate)
        chosen = min(losses, key=lambda rate: losses[rate])
        tried = [
            {"learning_rate": rate, "validation_loss": round(loss, 5), "chosen": rate == chosen}
            for rate, loss in losses.items()
        ]
        return chosen, {"learning_rates": tried}

    def _loss(self, rate: float) -> float:
        """Mean validation loss of a trial: the whole schedule on some of the rows; infinite where it diverges."""
        from rung.errors import TrainingError

        recipe = self.method.recipe(len(self.train), 0, self.kit.seed, rate)
        recipe = recipe.model_copy(update={"epochs": min(recipe.epochs, TRIAL_EPOCHS)})
        try:
            fitted, _ = self.method.tuned(self.head, self.train, (), self.kit, f"rate-{rate:g}", recipe)
        except TrainingError as error:
            if "loss became" not in str(error):
                raise
            return float("inf")
        return fitted.loss(self.validation)
