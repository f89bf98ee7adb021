"""The one gradient loop: batches, schedule, early stop, checkpoints, exact resume. Knows no task, method or model family.

A method gives a `Trainable`: a module, the number of tokens of each row, the loss of some rows, and a score on validation rows.
The loop owns the order of rows, the learning rate, AdamW (Loshchilov and Hutter 2019), clipping, when to stop, what to keep.

Speed on CPUs: a batch is cut into one share a core, each computed by a single-threaded worker, and the gradients are added
in a fixed order: the same sum as one pass over the batch, without a hundred thread joins a layer, and the same bits every time.
On a GPU, and across processes, the step goes through `accelerate`.

Nothing random is drawn from a global generator: the order of an epoch depends on (seed, epoch), dropout on (seed, step, share).
A checkpoint is therefore weights, optimizer state and a few counters, and a resumed training ends with the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rung.errors import TrainingError
from rung.events import Events
from rung.models.device import compute_dtype, device, workers
from rung.task import Frozen

if TYPE_CHECKING:
    import torch

    from rung.training.checkpoints import Checkpoints

CLIP_NORM = 1.0
#: A bucket of this many batches is sorted by length, so that a batch holds rows of about equal length.
BUCKET_BATCHES = 8


class Trainable(Protocol):
    """What is trained."""

    module: torch.nn.Module
    lengths: Sequence[int]  # tokens of each training row

    def loss(self, rows: Sequence[int]) -> torch.Tensor:
        """Sum of the losses of training rows, a scalar with gradient. Must be safe to call from several threads."""

    def groups(self, learning_rate: float, weight_decay: float) -> list[dict[str, Any]]:
        """AdamW parameter groups over the parameters to move (`params`, `lr`, `weight_decay`)."""

    def validate(self) -> float | None:
        """Score on validation rows, higher is better; None where there are none."""


class Recipe(Frozen):
    """How long and how fast. `epochs` may be a fraction; `patience` counts validations without a new best (0 never stops).

    `keep`: end with the weights of the best validation, or with the last ones, which have the whole decay behind them.
    `stop_epochs` ends the training early on the schedule of `epochs`, as an early stop would have.
    """

    learning_rate: float
    epochs: float
    batch_size: int = 32
    weight_decay: float = 0.01
    warmup: float = 0.1
    patience: int = 0
    validations_per_epoch: int = 1
    decay: Literal["linear", "cosine"] = "linear"
    stop_epochs: float | None = None
    keep: Literal["best", "last"] = "best"
    seed: int = 0


@dataclass
class Progress:
    """The counters of a training, all that a checkpoint needs beside tensors."""

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    since_best: int = 0
    tokens: int = 0
    seconds: float = 0.0
    losses: float = 0.0  # summed since the last validation
    stopped: str = ""
    history: list[dict[str, float]] = field(default_factory=list)


def steps_for(rows: int, recipe: Recipe) -> int:
    """Number of optimizer steps of `recipe` over `rows` rows."""
    return max(1, round(recipe.epochs * math.ceil(rows / recipe.batch_size)))


def stop_step(rows: int, recipe: Recipe) -> int:
    """The step after which the training ends: that of the schedule's end, or of `stop_epochs`."""
    total = steps_for(rows, recipe)
    if recipe.stop_epochs is None:
        return total
    return min(total, max(1, round(recipe.stop_epochs * math.ceil(rows / recipe.batch_size))))


def rate_at(step: int, total: int, recipe: Recipe) -> float:
    """Factor on the learning rate at `step` (from 0): linear warm-up, then linear (or cosine) decay to 0."""
    warm = max(1, round(recipe.warmup * total))
    if step < warm:
        return (step + 1) / (warm + 1)
    share = (step - warm) / max(1, total - warm)
    return 1.0 - share if recipe.decay == "linear" else 0.5 * (1 + math.cos(math.pi * share))


def epoch_batches(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Rows of an epoch in batches: shuffled, sorted by length inside buckets of several batches, batches shuffled."""
    import numpy as np

    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(lengths)).tolist()
    bucket = BUCKET_BATCHES * batch_size
    batches: list[list[int]] = []
    for start in range(0, len(order), bucket):
        rows = sorted(order[start : start + bucket], key=lambda i: lengths[i])
        batches += [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def train(
    subject: Trainable,
    recipe: Recipe,
    *,
    events: Events | None = None,
    checkpoints: Checkpoints | None = None,
    deadline: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Progress:
    """Train `subject.module` in place; it ends with its best validated weights, or the last ones where nothing is validated.

    Args:
        checkpoints: where to keep the state; an unfinished one found there is taken up. None keeps none.
        deadline: `time.monotonic()` past which the training stops at its best state.

    Raises:
        TrainingError: the loss is not a number, or memory ran out. The module then holds its best weights so far.
    """
    loop = _Loop(subject, recipe, events or Events(), checkpoints, deadline, clock)
    try:
        return loop.run()
    finally:
        loop.step_of.close()


class _Loop:
    """One training. Split from `train` so that each part of a step can be read on its own."""

    def __init__(
        self,
        subject: Trainable,
        recipe: Recipe,
        events: Events,
        checkpoints: Checkpoints | None,
        deadline: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.subject, self.recipe, self.events = subject, recipe, events
        self.checkpoints, self.deadline, self.clock = checkpoints, deadline, clock
        self.progress = Progress()
        self.total = steps_for(len(subject.lengths), recipe)
        self.last = stop_step(len(subject.lengths), recipe)
        self.per_epoch = math.ceil(len(subject.lengths) / recipe.batch_size)
        self.best: dict[str, torch.Tensor] | None = None
        self.step_of = make_step(subject, recipe)

    def run(self) -> Progress:
        if self.checkpoints is not None:
            self.checkpoints.restore(self)
            self.step_of.refresh()
        every = max(1, self.per_epoch // self.recipe.validations_per_epoch)
        batches: list[list[int]] = []
        start = self.clock()
        spent_before, done_before = self.progress.seconds, self.progress.step
        self.subject.module.train()
        while self.progress.step < self.last and not self.progress.stopped:
            step = self.progress.step
            epoch, place = divmod(step, self.per_epoch)
            if not batches or place == 0:
                batches = epoch_batches(self.subject.lengths, self.recipe.batch_size, self.recipe.seed, epoch)
            loss = self.step_of(batches[place], step, rate_at(step, self.total, self.recipe))
            if not math.isfinite(loss):
                self._restore_best(failed=True)
                raise TrainingError(
                    f"the loss became {loss} at step {step + 1} of {self.last}",
                    remedy="lower learning_rate; the weights of the best validation so far are kept",
                )
            self.progress.losses += loss
            self.progress.step += 1
            self.progress.tokens += sum(self.subject.lengths[i] for i in batches[place])
            self.progress.seconds = spent_before + self.clock() - start
            pace = (self.clock() - start) / (self.progress.step - done_before)
            self.events.progress(
                self.progress.step, self.last, "steps", seconds_left=pace * (self.last - self.progress.step)
            )
            if self.progress.step % every == 0 or self.progress.step == self.last:
                self._validate(self.progress.losses / every, self.progress.step / self.per_epoch)
                self.progress.losses = 0.0
            if self.deadline is not None and time.monotonic() > self.deadline:
                self.progress.stopped = "deadline"
            if self.checkpoints is not None:
                self.checkpoints.offer(self)
        if self.checkpoints is not None:
            self.checkpoints.save(self)
        self._restore_best()
        self.subject.module.eval()
        return self.progress

    def _validate(self, mean_loss: float, epoch: float) -> None:
        self.subject.module.eval()
        score = self.subject.validate()
        self.subject.module.train()
        entry = {"step": float(self.progress.step), "epoch": round(epoch, 3), "loss": mean_loss}
        if score is not None:
            entry["validation"] = score
            if self.progress.best_score is None or score > self.progress.best_score:
                self.progress.best_score, self.progress.best_step, self.progress.since_best = (
                    score,
                    self.progress.step,
                    0,
                )
                self.best = {name: p.detach().clone() for name, p in _moving(self.subject.module)}
            else:
                self.progress.since_best += 1
                if self.recipe.patience and self.progress.since_best >= self.recipe.patience:
                    self.progress.stopped = "no better validation"
        self.progress.history.append(entry)
        self.events.metric({k: v for k, v in entry.items() if k != "step"}, step=self.progress.step)

    def _restore_best(self, *, failed: bool = False) -> None:
        import torch

        if self.best is not None and (self.recipe.keep == "best" or failed):
            with torch.no_grad():
                for name, parameter in _moving(self.subject.module):
                    parameter.copy_(self.best[name])


def _moving(module: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in module.named_parameters() if p.requires_grad]


def make_step(subject: Trainable, recipe: Recipe) -> StepFunction:
    """The function that makes one optimizer step: worker threads on a CPU, `accelerate` on GPUs and across processes."""
    from rung.training.steps import AcceleratedStep, ThreadedStep, distributed

    if device() == "cpu" and not distributed():
        return ThreadedStep(subject, recipe, workers(), compute_dtype(), CLIP_NORM)
    return AcceleratedStep(subject, recipe, CLIP_NORM)


class StepFunction(Protocol):
    """One optimizer step."""

    optimizer: torch.optim.Optimizer

    def __call__(self, rows: Sequence[int], step: int, rate: float) -> float:
        """Move the parameters along the mean loss of `rows`; the mean loss before the step."""

    def refresh(self) -> None:
        """To be called when parameters were changed by someone else."""

    def close(self) -> None:
        """Undo what was done to the module, and end workers."""
