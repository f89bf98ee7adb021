"""Jobs run one after another, cheapest rung first; what is left is estimated from what was measured."""

from __future__ import annotations

import pytest

from rung.events import Event, Events
from rung.runners import Job, LocalRunner
from rung.runners.local import seconds_left

JOBS = [Job("full", 6, "full"), Job("a", 0, "cheap"), Job("b", 0, "cheap"), Job("lora", 5, "lora")]


def test_order_of_rungs_then_as_given() -> None:
    done: list[str] = []
    LocalRunner().run(JOBS, lambda job: done.append(job.name), Events())
    assert done == ["a", "b", "lora", "full"]


def test_progress_with_seconds_left_from_measured_jobs() -> None:
    now = [0.0]
    costs = {"a": 2.0, "b": 4.0, "lora": 30.0, "full": 50.0}

    def work(job: Job) -> None:
        now[0] += costs[job.name]

    seen: list[Event] = []
    LocalRunner(clock=lambda: now[0]).run(JOBS, work, Events((seen.append,)))
    assert [(e.done, e.total, e.seconds_left, e.text) for e in seen] == [
        (0, 4, None, "a"),
        (1, 4, 2.0 + 2 + 2, "b"),
        (2, 4, 3.0 + 3, "lora"),
        (3, 4, 30.0, "full"),
        (4, 4, 0.0, ""),
    ]


def test_estimate_uses_the_mean_of_a_kind_or_the_slowest() -> None:
    assert seconds_left(JOBS, {}) is None
    assert seconds_left(JOBS, {"cheap": [1.0, 3.0], "lora": [10.0]}) == 10 + 2 + 2 + 10


def test_interrupt_stops_the_rest_and_says_what_is_kept() -> None:
    done: list[str] = []
    seen: list[Event] = []

    def work(job: Job) -> None:
        if job.name == "lora":
            raise KeyboardInterrupt
        done.append(job.name)

    with pytest.raises(KeyboardInterrupt):
        LocalRunner().run(JOBS, work, Events((seen.append,)))
    assert done == ["a", "b"]
    assert (seen[-1].kind, seen[-1].text) == ("message", "stopped in lora; 2 of 4 runs are recorded")


def test_no_jobs() -> None:
    LocalRunner().run([], lambda job: None, Events())
