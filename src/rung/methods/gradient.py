"""Learning by gradient: what all rungs share that train in the one loop, from the recipe to the second fit. Knows none of them.

With validation rows cut from train, a small training set is fitted twice: once to be judged on them, and once more on all rows,
because at ten examples a class the rows held back are worth a point.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from rung.methods.base import Fitted, Kit, Method
from rung.methods.fitted_encoder import FittedByGradient
from rung.methods.heads import Head
from rung.methods.rate_search import TRIAL_EPOCHS, TRIAL_ROWS, best_rate, judging_rows
from rung.methods.trained import REFIT_ROWS, Refit, again
from rung.methods.which_head import head_of
from rung.models.base import Encoder, Model
from rung.task import Context, Example, Task, TaskKind
from rung.training import Progress, Recipe

#: From this many validation rows on they say when to stop. On fewer, the best of some epochs is best by luck, and the end of the
#: schedule, with the whole decay behind it, is the better guess (BANKING77, 10-shot drawn from train, 1,200 other rows of it:
#: 86.8 against 86.5, which is within chance; the rule rests on the argument more than on the figure).
DECIDING_ROWS = 500


class GradientMethod(Method):
    """Base of the rungs that learn by gradient on an encoder. Subclasses say what one training is."""

    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classify", "extract")
    #: learning rates that a search tries; the middle one is taken where there are no validation rows
    rates: ClassVar[tuple[float, ...]] = (3e-5, 1e-4, 3e-4)

    learning_rate: float | None = Field(1e-4, gt=0, description="peak learning rate; null: searched on validation rows")
    epochs: float | None = Field(
        None, gt=0, description="passes over the training rows; default: by the number of rows"
    )
    batch_size: int = Field(32, ge=1, description="rows a step")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay, on matrices")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    patience: int = Field(
        3,
        ge=0,
        description=f"stop after this many epochs without a better validation of {DECIDING_ROWS} rows or more; 0: never",
    )
    refit: Refit = Field(
        "auto", description=f"fit once more on training and validation rows; auto: up to {REFIT_ROWS} rows"
    )

    @abstractmethod
    def tuned(
        self,
        head: Head,
        rows: Sequence[Example],
        validation: Sequence[Example],
        kit: Kit,
        stage: str,
        recipe: Recipe,
    ) -> tuple[FittedByGradient, Progress]:
        """One training from the base model; `stage` names its checkpoints. `validation` rows say when to stop, if any."""

    def choose_rate(
        self, head: Head, train: Sequence[Example], validation: Sequence[Example], kit: Kit
    ) -> tuple[float, dict[str, Any]]:
        """The learning rate, and what to tell about the choice: the knob, or the best of `tried_rates` on validation rows."""
        if self.learning_rate is not None:
            return self.learning_rate, {}
        rates = self.tried_rates()
        judging = judging_rows(validation, head.task)
        if not judging:
            return rates[len(rates) // 2], {}
        order = np.random.default_rng(kit.seed).permutation(len(train))[:TRIAL_ROWS]
        rows = [train[i] for i in order]

        def loss_of(rate: float) -> float:  # the whole schedule on some of the rows
            recipe = self.recipe(len(rows), 0, kit.seed, rate)
            recipe = recipe.model_copy(update={"epochs": min(recipe.epochs, TRIAL_EPOCHS)})
            return self.tuned(head, rows, (), kit, f"rate-{rate:g}", recipe)[0].loss(judging)

        return best_rate(rates, loss_of, kit.events)

    def tried_rates(self) -> tuple[float, ...]:
        """The learning rates that a search tries, in rising order."""
        return self.rates

    def report(self, fitted: FittedByGradient) -> dict[str, Any]:
        """More to tell about what was learnt, for the report."""
        return {}

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """See `Method.skip_reason`; a gradient needs at least two rows that differ in their answers."""
        reason = super().skip_reason(task, model, train)
        if reason is None and task.json_schema is not None:
            return f"{self.name} tags the words of a text; the fields of a JSON schema need not stand in it"
        if reason is None and len({example.output for example in train}) < 2:
            return f"{self.name} needs training rows of at least two labels"
        return reason

    def default_epochs(self, rows: int) -> float:
        """From 8 passes on a thousand rows or fewer to 4 on two thousand or more."""
        return min(8.0, max(4.0, 8000 / rows))

    def recipe(self, rows: int, validation: int, seed: int, rate: float) -> Recipe:
        """The training recipe for `rows` rows."""
        return Recipe(
            learning_rate=rate,
            epochs=self.epochs or self.default_epochs(rows),
            batch_size=min(self.batch_size, max(1, rows // 4)),
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            patience=self.patience if validation >= DECIDING_ROWS else 0,
            keep="best" if validation >= DECIDING_ROWS else "last",
            seed=seed,
        )

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        """Tune on `train`, stopping where validation rows say; see the module's head for when all rows are fitted again."""
        assert isinstance(model, Encoder)
        head = head_of(task, model)
        rate, searched = self.choose_rate(head, train, validation, kit)
        recipe = self.recipe(len(train), len(validation), kit.seed, rate)
        chosen, progress = self.tuned(head, train, validation, kit, "choose", recipe)
        decision, score = chosen.judged(validation)
        details: dict[str, Any] = {
            "epochs_run": progress.history[-1]["epoch"] if progress.history else 0,
            "best_step": progress.best_step or progress.step,
            "steps": progress.step,
            "curve": progress.history,
            "tokens": progress.tokens,
            "training_seconds": progress.seconds,
            "stopped": progress.stopped or "all epochs done",
            "learning_rate": rate,
            "decision": dict(decision),
            **searched,
        }
        together = [*train, *validation]
        if validation and kit.refit and again(self.refit, len(together)) and progress.stopped != "deadline":
            recipe = self.recipe(len(together), 0, kit.seed, rate)
            if len(validation) >= DECIDING_ROWS:
                share = (progress.best_step or progress.step) / math.ceil(len(train) / recipe.batch_size)
                recipe = recipe.model_copy(update={"stop_epochs": share})
            chosen, progress = self.tuned(head, together, (), kit, "refit", recipe)
            details["refit"] = {"rows": len(together), "steps": progress.step, "seconds": progress.seconds}
        chosen.details, chosen.validation_score = details, score
        details.update(self.report(chosen))
        return chosen

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        """Read what `save` wrote."""
        return cls.fitted_class().read(cls, folder, task, model)

    @classmethod
    @abstractmethod
    def fitted_class(cls) -> type[FittedByGradient]:
        """What `tuned` gives back."""
