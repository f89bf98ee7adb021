"""A tuning that was cut off goes on from its checkpoint: the same answers, and the cost of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from rung.events import Event, Events
from rung.methods import make
from rung.methods.base import Fitted, Kit
from rung.models.base import Model
from rung.task import Context
from rung.testing import toy


def test_cut_off_between_choosing_and_fitting_again(tiny: Model, tmp_path: Path) -> None:
    data = toy()
    method = make("lora", {"epochs": 2, "refit": "always"})
    seen: list[Event] = []
    ticks = iter(range(10**9))

    def kit(*listeners: object) -> Kit:
        events = Events((seen.append, *listeners))  # type: ignore[arg-type]
        return Kit(events=events, checkpoints=tmp_path / "c", clock=lambda: float(next(ticks)))

    def fit(at: Kit) -> Fitted:
        return method.fit(data.task, data.train, data.validation, tiny, Context(), at)

    whole = fit(Kit())
    stages: list[float] = []

    def stop(event: Event) -> None:
        if event.kind == "progress" and event.unit == "steps":
            stages.append(event.done or 0)
            if stages.count(1) == 2:  # the first step of the second training
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(kit(stop))
    steps_before = max(stages)
    stages.clear()
    resumed_kit = kit(lambda event: stages.append(event.done or 0) if event.unit == "steps" else None)
    resumed = fit(resumed_kit)
    assert stages.count(1) == 1, "the first training was run again"
    assert resumed.weights_sha == whole.weights_sha
    answers = [[(p.output, p.probabilities) for p in one.predict(data.inputs)] for one in (resumed, whole)]
    assert answers[0] == answers[1]
    assert resumed_kit.ledger.extra_s >= steps_before  # each of its steps took at least one tick
