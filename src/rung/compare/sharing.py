"""Work that arms share, done once before they start: all texts through each frozen trunk in one pass. Knows no method by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rung.compare.arms import Planned
from rung.compare.estimates import relative
from rung.compare.wiring import Wiring
from rung.dataset import Dataset
from rung.events import Events
from rung.features import Features
from rung.methods.base import Method
from rung.models.base import Encoder
from rung.task import Example, Input


def encode_shared(
    planned: Sequence[Planned], dataset: Dataset, features: Features, wiring: Wiring, events: Events
) -> tuple[float, float]:
    """Encode what the planned arms will ask for, as far as it is not known yet; each arm is charged its share as if alone.

    Rows that only arms with tuned trunks read are left out: those go through their own trunks. A text that is skipped here is
    encoded when an arm asks for it.

    Returns:
        Seconds, and work in forward-token equivalents: the pace of this machine.
    """
    seconds, work = 0.0, 0.0
    for name in dict.fromkeys(item.arm.model for item in planned):
        model = None if name is None else wiring.open_model(name)
        if name is None or not isinstance(model, Encoder):
            continue
        rows = _rows([item.method for item in planned if item.arm.model == name], dataset, model)
        if rows:
            said = events.named(f"encoding with {Path(name).name}")
            took_s, tokens = _embed(model, [row.input for row in rows], features, said)
            seconds, work = seconds + took_s, work + tokens * relative(model.info)
    return seconds, work


def _rows(methods: Sequence[Method], dataset: Dataset, model: Encoder) -> list[Example]:
    """The rows that some of the methods read through the frozen trunk."""
    able = [method for method in methods if method.skip_reason(dataset.task, model, dataset.train) is None]
    reads = [_reads(method, dataset.task.kind) for method in able]
    train = [*dataset.train, *dataset.validation] if any(reads) else []
    return [*train, *(dataset.test if "all" in reads else ())]


def _reads(method: Method, kind: str) -> str:
    """Which rows a method reads as sentence vectors of the frozen trunk: `all`, `train` (for where its head starts), or none."""
    from rung.methods.gradient import GradientMethod

    if method.learns == "nothing" or (method.learns == "head" and kind == "classify"):
        return "all"
    return "train" if isinstance(method, GradientMethod) and kind == "classify" else ""


def _embed(model: Encoder, inputs: Sequence[Input], features: Features, events: Events) -> tuple[float, float]:
    """Seconds that encoding took, now or when it was done, and tokens."""
    from rung.methods.vectors import Embedder

    encoded = Embedder(model, features)(inputs, events=events)
    return float(encoded.seconds_N.sum()), float(encoded.tokens_N.sum())
