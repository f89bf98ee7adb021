"""One optimizer step, two ways: worker threads on a CPU, `accelerate` on GPUs and across processes. Knows no schedule."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rung.errors import TrainingError
from rung.models.device import use_threads

if TYPE_CHECKING:
    import torch

    from rung.training.loop import Recipe, Trainable

_local = threading.local()


def distributed() -> bool:
    """Whether this process was started as one of several (torchrun, accelerate launch)."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def current_generator() -> torch.Generator:
    """The random generator of the share being computed; seeded by (seed, step, share), so that a step can be repeated."""
    import torch

    if not hasattr(_local, "generator"):
        _local.generator = torch.Generator()
    return _local.generator


def seed_share(seed: int, step: int, share: int) -> None:
    """Seed this thread's generator for one share of one step."""
    current_generator().manual_seed((seed * 1_000_003 + step) * 64 + share)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn an out-of-memory error into one that names the knob."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise TrainingError(
            "memory ran out during training",
            given=str(error).split("\n")[0],
            remedy="lower batch_size or max_tokens, or close programs",
        ) from None


class ThreadedStep:
    """A step on a CPU: the batch in one share a worker, balanced by tokens; gradients added in the order of the shares.

    Args:
        dtype: matrices are multiplied in it (autocast); parameters and their updates stay float32.
    """

    def __init__(self, subject: Trainable, recipe: Recipe, threads: int, dtype: torch.dtype, clip_norm: float) -> None:
        import torch

        from rung.training.narrow import NarrowLinears

        self.subject, self.recipe, self.dtype, self.clip_norm = subject, recipe, dtype, clip_norm
        self.optimizer, self.base_rates = adamw(subject, recipe)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.narrow = NarrowLinears(subject.module, dtype) if dtype != torch.float32 else None
        self.threads = max(1, threads)
        self.pool = ThreadPoolExecutor(self.threads, initializer=use_threads, initargs=(1,)) if threads > 1 else None

    def __call__(self, rows: Sequence[int], step: int, rate: float) -> float:
        """Move the parameters along the mean loss of `rows`; the mean loss before the step."""
        import torch

        shares = split_by_tokens(rows, self.subject.lengths, self.threads)
        run: Callable[..., Any] = map if self.pool is None else self.pool.map
        with memory_errors():
            results = list(run(lambda item: self._share(item[1], step, item[0], len(rows)), enumerate(shares)))
        total = results[0][1]
        for _, gradients in results[1:]:
            total = [_plus(a, b) for a, b in zip(total, gradients, strict=True)]
        for parameter, gradient in zip(self.parameters, total, strict=True):
            parameter.grad = gradient
        # the fused kernel divides by it in passing, which saves a walk over all gradients
        norm = torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None])
        setattr(self.optimizer, "grad_scale", (norm / self.clip_norm).clamp(min=1.0))  # noqa: B010 an attribute its class does not declare
        set_rate(self.optimizer, self.base_rates, rate)
        self.optimizer.step()
        self.refresh()
        self.optimizer.zero_grad(set_to_none=True)
        return float(sum(loss for loss, _ in results))

    def refresh(self) -> None:
        """To be called when parameters were changed."""
        if self.narrow is not None:
            self.narrow.refresh()

    def close(self) -> None:
        """Leave the module as it was found, and end the workers."""
        if self.narrow is not None:
            self.narrow.remove()
        if self.pool is not None:
            self.pool.shutdown()

    def _share(self, rows: Sequence[int], step: int, share: int, batch: int) -> tuple[float, list[torch.Tensor | None]]:
        import torch

        seed_share(self.recipe.seed, step, share)
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            loss = self.subject.loss(rows) / batch
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        return float(loss.detach()), list(gradients)


class AcceleratedStep:
    """A step through `accelerate`: one GPU, or several processes that each compute their part of the batch."""

    def __init__(self, subject: Trainable, recipe: Recipe, clip_norm: float) -> None:
        import torch
        from accelerate import Accelerator

        precision = "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "no"
        self.accelerator = Accelerator(mixed_precision=precision)
        subject.module.to(self.accelerator.device)
        self.subject, self.recipe, self.clip_norm = subject, recipe, clip_norm
        optimizer, self.base_rates = adamw(subject, recipe)
        self.optimizer = self.accelerator.prepare(optimizer)

    def __call__(self, rows: Sequence[int], step: int, rate: float) -> float:
        """Move the parameters along the mean loss of `rows`; the mean loss before the step."""
        import torch

        processes, rank = self.accelerator.num_processes, self.accelerator.process_index
        mine = split_by_tokens(rows, self.subject.lengths, processes)
        seed_share(self.recipe.seed, step, rank)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        set_rate(self.optimizer, self.base_rates, rate)
        loss = torch.zeros((), device=self.accelerator.device)
        with memory_errors():
            if rank < len(mine):
                with self.accelerator.autocast():
                    loss = self.subject.loss(mine[rank]) / len(rows)
                self.accelerator.backward(loss)
        if processes > 1:
            for parameter in parameters:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad = self.accelerator.reduce(parameter.grad, reduction="sum")
        self.accelerator.clip_grad_norm_(parameters, self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(self.accelerator.reduce(loss.detach(), reduction="sum"))

    def refresh(self) -> None:
        """Nothing is kept beside the parameters here."""

    def close(self) -> None:
        """Nothing to undo."""


def adamw(subject: Trainable, recipe: Recipe) -> tuple[torch.optim.Optimizer, list[float]]:
    """Fused AdamW over the subject's groups, and each group's learning rate."""
    import torch

    groups = [g for g in subject.groups(recipe.learning_rate, recipe.weight_decay) if g["params"]]
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
    return optimizer, [float(group["lr"]) for group in optimizer.param_groups]


def set_rate(optimizer: torch.optim.Optimizer, base: Sequence[float], rate: float) -> None:
    """Set every group's learning rate to `rate` times its own."""
    for group, own in zip(optimizer.param_groups, base, strict=True):
        group["lr"] = own * rate


def split_by_tokens(rows: Sequence[int], lengths: Sequence[int], parts: int) -> list[list[int]]:
    """`rows` in at most `parts` contiguous shares by length, of about equal token counts; no share is empty."""
    ordered = sorted(rows, key=lambda i: lengths[i])
    parts = min(parts, len(ordered))
    shares: list[list[int]] = []
    left = sum(lengths[i] for i in ordered)
    start = 0
    for part in range(parts, 0, -1):
        goal, taken, end = left / part, 0.0, start
        while end < len(ordered) - (part - 1) and (end == start or taken + lengths[ordered[end]] / 2 <= goal):
            taken += lengths[ordered[end]]
            end += 1
        if part == 1:
            end = len(ordered)
        shares.append(list(ordered[start:end]))
        left -= sum(lengths[i] for i in ordered[start:end])
        start = end
    return shares


def _plus(a: torch.Tensor | None, b: torch.Tensor | None) -> torch.Tensor | None:
    if a is None or b is None:
        return b if a is None else a
    return a.add_(b)
