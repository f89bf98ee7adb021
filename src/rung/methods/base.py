"""Method, Fitted and Kit: the contract every rung keeps. Knows no particular method.

A `Method` is a frozen value whose fields are its knobs; `fit` returns a `Fitted` and changes nothing. `rung.testing.check_method`
is the contract as a test suite.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from rung.events import Events
from rung.features import Features
from rung.models.base import Model, ModelKind
from rung.models.catalogue import open_model
from rung.task import Context, Example, Frozen, Input, Prediction, Task, TaskKind

Learns = Literal["nothing", "head", "soft_prompt", "adapter", "all"]


@dataclass
class Ledger:
    """Compute that was not done now because another arm had done it, so that costs stand alone (DESIGN, "Costs stand alone").

    `charge(cold_s, spent_s)`: work that would have taken `cold_s` seconds on a cold machine took `spent_s` here. An arm's
    stand-alone seconds are its wall seconds plus `extra_s`.
    """

    extra_s: float = 0.0

    def charge(self, cold_s: float, spent_s: float = 0.0) -> None:
        """Charge shared work to this arm as if it had done it alone."""
        self.extra_s += cold_s - spent_s


@dataclass(frozen=True)
class Kit:
    """What a method is given to work with, beside data and model.

    Attributes:
        seed: the only source of randomness.
        events: where progress goes.
        features: texts encoded once per model; `kit.features.of(model, inputs, kit.ledger)`.
        checkpoints: folder for checkpoints of a long fit, emptied by the runner once the run is recorded; None keeps none.
        deadline: `time.monotonic()` value past which training stops at its best state; None for no limit.
        refit: the validation rows were cut from train, so a method may learn from them once its knobs are chosen.
        ledger: stand-alone cost.
        open_model: another model by its name, for methods that use two (an encoder that finds similar examples).
        clock: seconds, for measuring; tests inject their own.
    """

    seed: int = 0
    events: Events = field(default_factory=Events)
    features: Features = field(default_factory=Features)
    checkpoints: Path | None = None
    deadline: float | None = None
    refit: bool = True
    ledger: Ledger = field(default_factory=Ledger)
    open_model: Callable[[str], Model] = open_model
    clock: Callable[[], float] = time.perf_counter

    @contextmanager
    def charged(self, cold_s: float) -> Iterator[None]:
        """Time the block and charge `cold_s` in its place."""
        start = self.clock()
        yield
        self.ledger.charge(cold_s, self.clock() - start)


class Fitted(ABC):
    """A method after fitting: predicts, can be saved, and says what it chose."""

    task: Task
    #: what was chosen on validation and how it went: JSON values for report and record (knobs chosen, epochs, curve, scores)
    details: Mapping[str, Any]
    #: accuracy (the task's first metric) on validation rows, by the model fitted without them; None where there were none
    validation_score: float | None
    trainable_parameters: int

    @abstractmethod
    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """One prediction an input, in order; empty in, empty out; no prediction depends on its neighbours."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that `Method.load` needs beside the base model (safetensors and JSON only)."""

    def without_cache(self) -> Fitted:
        """The same predictor with nothing remembered between calls, for measuring latency.

        A method that looks inputs up in a store of features overrides this; the default serves those that always compute.
        """
        return self

    @property
    @abstractmethod
    def weights_sha(self) -> str:
        """sha-256 over the effective weights: base revision and everything learnt."""


class Method(Frozen, ABC):
    """A way of adapting a model. Its fields are its knobs, with defaults that work; its class variables say what it is.

    Class variables:
        name: its name in the literature and on the command line.
        rung: position on the ladder; lower is cheaper to make and keep.
        summary: one plain sentence for people who do not know the term.
        reference: where it comes from.
        learns: which parameters move.
        model_kinds: kinds of model it works on; empty where it needs none.
        kinds: kinds of task it can do.
    """

    name: ClassVar[str]
    rung: ClassVar[int]
    summary: ClassVar[str]
    reference: ClassVar[str] = ""
    learns: ClassVar[Learns] = "nothing"
    model_kinds: ClassVar[tuple[str, ...]] = ()
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classify",)
    baseline: ClassVar[bool] = False

    def works_with(self, kind: TaskKind, model: ModelKind) -> bool:
        """Whether it can do some task of this kind with some model of that kind."""
        return kind in self.kinds and model in self.model_kinds

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Why this method cannot run here, in words for the report; None where it can. Never raises."""
        if self.model_kinds and (model is None or model.info.kind not in self.model_kinds):
            have = "no model" if model is None else f"{model.info.name} is a model of kind {model.info.kind}"
            return f"{self.name} needs a model of kind {' or '.join(self.model_kinds)}; {have}"
        if task.kind not in self.kinds:
            return f"{self.name} does not handle tasks of kind {task.kind}"
        return None

    @abstractmethod
    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        """Learn from `train`; choose knobs on `validation` (may be empty: then on folds of train, or by rule).

        Raises:
            TrainingError: the loss became NaN, or memory ran out.
        """

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        """Read what `Fitted.save` wrote. `model` is the same base model (same revision)."""

    @classmethod
    def load_with(cls, folder: Path, task: Task, model: Model | None, open_model: Callable[[str], Model]) -> Fitted:
        """`load` for methods that use a second model, which `open_model` gives by its name."""
        return cls.load(folder, task, model)
