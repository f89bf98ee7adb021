"""Runs jobs here, one after another, cheapest rung first. Knows nothing about what a job does: the seam for other runners."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rung.events import Event, Events


@dataclass(frozen=True)
class Job:
    """One arm with one seed, to be run.

    Attributes:
        name: for people. rung: order. kind: jobs of one kind take about the same time (the method's name).
        payload: what `work` needs.
    """

    name: str
    rung: int
    kind: str
    payload: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class LocalRunner:
    """Runs in this process. `clock` gives seconds for the estimate of time left."""

    clock: Callable[[], float] = time.monotonic

    def run(self, jobs: Sequence[Job], work: Callable[[Job], None], events: Events) -> None:
        """Do every job, in order of rung (equal rungs as given), and say how far it is.

        `work` deals with what may go wrong in a job; what it raises stops the rest. On Ctrl-C the job at hand is left
        unrecorded, so that the same command takes it up again.
        """
        ordered = sorted(jobs, key=lambda job: job.rung)
        took: dict[str, list[float]] = {}
        for i, job in enumerate(ordered):
            events.progress(i, len(ordered), "runs", seconds_left=seconds_left(ordered[i:], took), text=job.name)
            start = self.clock()
            try:
                work(job)
            except KeyboardInterrupt:
                events.emit(
                    Event("message", events.source, f"stopped in {job.name}; {i} of {len(ordered)} runs are recorded")
                )
                raise
            took.setdefault(job.kind, []).append(self.clock() - start)
        events.progress(len(ordered), len(ordered), "runs", seconds_left=0.0)


def seconds_left(jobs: Sequence[Job], took: dict[str, list[float]]) -> float | None:
    """What the jobs will take, from those that were measured: the mean of their kind, or of the slowest kind so far.

    None while nothing has been measured. Higher rungs usually take longer, so an unmeasured kind is rather guessed too low.
    """
    if not took:
        return None
    means = {kind: sum(values) / len(values) for kind, values in took.items()}
    return sum(means.get(job.kind, max(means.values())) for job in jobs)
