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
        mine = [item.method for item in planned if item.arm.model == name]
        for apart, rows in _wanted(mine, dataset, model).items():
            said = events.named(f"encoding with {Path(name).name}")
            took_s, tokens = _embed(model, apart, [row.input for row in rows], features, said)
            seconds, work = seconds + took_s, work + tokens * relative(model.info)
    return seconds, work


def _wanted(methods: Sequence[Method], dataset: Dataset, model: Encoder) -> dict[bool, list[Example]]:
    """The rows that some of the methods read through the frozen trunk; under True those whose two texts are read apart."""
    ways: dict[bool, set[str]] = {}
    for method in methods:
        reads = _reads(method, dataset.task.kind)
        if reads and method.skip_reason(dataset.task, model, dataset.train) is None:
            ways.setdefault(_apart(method, dataset), set()).add(reads)
    train = [*dataset.train, *dataset.validation]
    return {apart: [*train, *(dataset.test if "all" in reads else ())] for apart, reads in ways.items()}


def _reads(method: Method, kind: str) -> str:
    """Which rows a method reads as sentence vectors of the frozen trunk: `all`, `train` (for where its head starts), or none."""
    from rung.methods.gradient import GradientMethod

    if method.learns == "nothing" or (method.learns == "head" and kind == "classify"):
        return "all"
    return "train" if isinstance(method, GradientMethod) and kind == "classify" else ""


def _apart(method: Method, dataset: Dataset) -> bool:
    """Whether the texts of a pair are encoded each by itself: by a classifier on frozen vectors, which relates the two."""
    from rung.methods.gradient import GradientMethod

    pairs = any(row.input.pair for row in dataset.train[:1])
    return pairs and method.learns == "head" and not isinstance(method, GradientMethod)


def _embed(
    model: Encoder, apart: bool, inputs: Sequence[Input], features: Features, events: Events
) -> tuple[float, float]:
    """Seconds that encoding took, now or when it was done, and tokens."""
    from rung.methods.vectors import Embedder

    encoded = Embedder(model, features, apart)(inputs, events=events)
    return float(encoded.seconds_N.sum()), float(encoded.tokens_N.sum())
