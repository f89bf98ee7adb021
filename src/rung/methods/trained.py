"""What all trainings of an encoder share around the one loop: checkpoints, charges, a second fit. Knows no method."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

from rung.methods.base import Kit
from rung.training import Checkpoints, Progress, Recipe, train

if TYPE_CHECKING:
    import torch

    from rung.training.loop import Trainable

Refit = Literal["auto", "always", "never"]
#: Up to this many rows a second fit, on validation rows too, is worth its time.
REFIT_ROWS = 2000


def again(refit: Refit, rows: int) -> bool:
    """Whether training and validation rows together, `rows` of them, are fitted once more."""
    return refit == "always" or (refit == "auto" and rows <= REFIT_ROWS)


def trained(subject: Trainable, recipe: Recipe, kit: Kit, stage: str) -> Progress:
    """Train `subject`; its checkpoints are kept under `stage`, and the kit's ledger is charged what it takes alone."""
    keep = Checkpoints(kit.checkpoints / stage) if kit.checkpoints else None
    began = kit.clock()
    progress = train(subject, recipe, events=kit.events, checkpoints=keep, deadline=kit.deadline, clock=kit.clock)
    now_s = kit.clock() - began
    kit.ledger.charge(max(progress.seconds, now_s), now_s)  # a resumed training is charged what it took before, too
    gc.collect()  # a patched layer and its forward hold each other: optimizer state and copies would linger
    return progress


def parameter_groups(
    trunk: Any, head: Iterable[torch.nn.Parameter], learning_rate: float, head_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """AdamW's groups: the trunk's matrices with weight decay; its vectors, its word embeddings and the head without."""
    table = trunk.get_input_embeddings().weight
    moving = [p for p in trunk.parameters() if p.requires_grad]
    return [
        {
            "params": [p for p in moving if p.ndim > 1 and p is not table],
            "lr": learning_rate,
            "weight_decay": weight_decay,
        },
        {"params": [p for p in moving if p.ndim <= 1 or p is table], "lr": learning_rate, "weight_decay": 0.0},
        {"params": list(head), "lr": head_rate, "weight_decay": 0.0},
    ]
