"""How much work an arm is and how much memory it takes, guessed before it runs. Runs nothing, and reads no text but its length.

Work is counted in forward-token equivalents: one token read by `minilm` without gradient. By operations on matrices (Kaplan et
al. 2020, arXiv:2001.08361, section 2.1) a token costs a forward pass 2 operations a weight, the gradient by the activations 2
more, the gradient by the weights another 2: full fine-tuning costs three passes, an adapter or a soft prompt, whose trunk's
weights get no gradient, two and a bit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from rung.compare.arms import Planned
from rung.dataset import Dataset
from rung.methods.base import Method
from rung.models.base import Model, ModelInfo
from rung.task import Example

#: Forward passes that one training pass is worth, by what moves.
PASSES = {"nothing": 0.0, "head": 0.0, "soft_prompt": 2.0, "adapter": 2.2, "all": 3.0}
#: A classifier on vectors that are there already, as a share of the forward passes that made them.
ON_VECTORS = 0.05
#: Weights in the layers of `minilm`: 6 of them, 384 wide, 12 weights a squared unit of width.
UNIT = 6 * 12 * 384**2
#: Characters of a token, for English word pieces (measured on the public datasets: 3.9 to 4.6).
CHARACTERS = 4
#: Passes over the rows by a method that trains and does not say how long.
USUAL_EPOCHS = 4.0
#: Share of training rows that validation is cut from.
CUT = 0.15


@dataclass(frozen=True)
class Estimates:
    """Guesses for the arms of one comparison.

    Attributes:
        dtype: width of matrix products. shares: workers of an arm.
    """

    dataset: Dataset
    dtype: str = "float32"
    shares: int = 1

    @classmethod
    def here(cls, dataset: Dataset, lanes: int) -> Estimates:
        """On this machine, with so many arms side by side. Where no model needs torch it is not loaded for this."""
        if "rung.models.encoder" not in sys.modules:
            return cls(dataset)
        from rung.models.device import compute_dtype, workers

        return cls(dataset, str(compute_dtype()).removeprefix("torch."), max(1, workers() // lanes))

    def work(self, planned: Planned, model: Model | None) -> float:
        """Forward-token equivalents of fitting and judging the arm; 0 where it reads nothing, or will be skipped."""
        if model is None or self._skipped(planned, model):
            return 0.0
        rows, method = self._rows(planned), planned.method
        if model.info.kind != "encoder" and method.learns == "nothing":
            return self._asked(method, rows) * relative(model.info)
        validation = len(self.dataset.validation) or round(CUT * rows)
        test = float(len(self.dataset.test))
        on_vectors = method.learns in ("nothing", "head")
        reads = ON_VECTORS * (rows + test) if on_vectors else _training(method, rows, validation) + test
        return reads * (self.tokens + _reserved(method)) * relative(model.info)

    def _asked(self, method: Method, rows: int) -> float:
        """Tokens of all prompts of a rung that asks a language model: of its search, of validation rows and of test rows."""
        from rung.methods.prompt_method import several
        from rung.methods.prompt_search import JUDGING_ROWS, SEARCH_PROMPTS

        shots = max(several(getattr(method, "shots", 0)))
        judged = min(JUDGING_ROWS, len(self.dataset.validation) or round(CUT * rows))
        searched = SEARCH_PROMPTS if shots else 0
        labels = sum(len(label.name) + len(label.description) for label in self.dataset.task.labels) / CHARACTERS
        return (searched + 2 * judged + len(self.dataset.test)) * (self.tokens * (1 + shots) + labels)

    def bytes(self, planned: Planned, model: Model | None) -> int:
        """Peak memory of the arm beside the process itself; 0 for arms without a model, or that will be skipped."""
        from rung.models.memory import arm_needs

        if model is None or self._skipped(planned, model):
            return 0
        longest = min(self.longest, model.info.context_length) + _reserved(planned.method)
        return arm_needs(
            model.info,
            planned.method.learns,
            rows=self._rows(planned) + len(self.dataset.test),
            batch_tokens=_rows_a_step(planned.method) * longest,
            dtype=self.dtype,
            shares=self.shares,
        )

    @cached_property
    def tokens(self) -> float:
        """Tokens of a row, on average."""
        lengths = _lengths(self.dataset.train) or [0]
        return sum(lengths) / len(lengths)

    @cached_property
    def longest(self) -> int:
        """Tokens of a row that only one in twenty exceeds: a batch holds rows of about equal length."""
        lengths = sorted(_lengths(self.dataset.train)) or [0]
        return lengths[int(0.95 * (len(lengths) - 1))]

    def _rows(self, planned: Planned) -> int:
        return planned.arm.n_train or len(self.dataset.train)

    def _skipped(self, planned: Planned, model: Model) -> bool:
        size = planned.arm.n_train or 0
        reason = planned.method.skip_reason(self.dataset.task, model, self.dataset.train)
        return reason is not None or size > len(self.dataset.train)


def relative(info: ModelInfo) -> float:
    """What a token costs in this model, `minilm` being 1; by the parameters where the layers are not known."""
    return (12 * info.layers * info.hidden_size**2 or info.parameters) / UNIT


def _training(method: Method, rows: int, validation: int) -> float:
    """Forward passes of rows: trials of a searched learning rate, the training with its validations, and the second fit."""
    from rung.methods.gradient import GradientMethod
    from rung.methods.rate_search import JUDGING_ROWS, TRIAL_EPOCHS, TRIAL_ROWS
    from rung.methods.trained import again

    passes = PASSES[method.learns]
    twice = again(getattr(method, "refit", "never"), rows)
    if not isinstance(method, GradientMethod):
        over = getattr(method, "passes_over", None)
        return rows * (1 + twice) * (passes * (over(rows) if over else USUAL_EPOCHS) + 1)
    train = rows - validation
    epochs = method.recipe(max(1, train), validation, 0, 1.0).epochs
    total = train * epochs * passes + validation * (epochs + 1)
    if method.learning_rate is None:
        trial = min(TRIAL_ROWS, train) * min(epochs, TRIAL_EPOCHS) * passes + min(validation, JUDGING_ROWS)
        total += len(method.rates) * trial
    return total + twice * rows * epochs * passes


def _rows_a_step(method: Method) -> int:
    """Texts of a training batch; a contrastive method counts its batch in units of many texts."""
    from rung.methods.contrast import UNIT_TEXTS

    return int(getattr(method, "batch_size", 32)) * (UNIT_TEXTS if hasattr(method, "passes_over") else 1)


def _reserved(method: Method) -> int:
    """Tokens that a soft prompt adds to every row."""
    return int(getattr(method, "reserved", 0))


def _lengths(examples: Sequence[Example]) -> list[int]:
    return [sum(map(len, example.input.segments)) // CHARACTERS + 2 for example in examples]
