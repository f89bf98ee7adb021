"""How long jobs will take, from those that have been measured. Knows neither threads nor what a job does."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Job:
    """One arm with one seed, to be run.

    Attributes:
        name: for people. rung: order. kind: jobs of one kind do alike work in alike time (the method's name).
        payload: what the worker needs.
        work: relative to other jobs, in forward-token equivalents; 0 for what takes next to no time.
        bytes: estimated peak of memory beside the process itself.
    """

    name: str
    rung: int
    kind: str
    payload: Any = field(default=None, compare=False)
    work: float = 1.0
    bytes: int = 0


class Pace:
    """Seconds a unit of work takes.

    A job of a kind that has been measured is expected to take its work at its kind's pace, any other at the pace of all work so
    far, each job counting half as much as the one after it: how busy the machine is changes, and a job is more like those next to
    it on the ladder. That is rather too slow than too fast: cheap rungs run first, and what an arm takes whatever its size
    (loading a trunk, saving) weighs most on them.
    """

    def __init__(self, seconds: float = 0.0, work: float = 0.0) -> None:
        """Begin with work that was measured before the first job (the pass that encodes all texts)."""
        self._all = (seconds, work)
        self._kinds: dict[str, tuple[float, float, int]] = {}

    def measured(self, job: Job, seconds: float) -> None:
        """A job took `seconds`."""
        spent, work, count = self._kinds.get(job.kind, (0.0, 0.0, 0))
        self._kinds[job.kind] = (spent + seconds, work + job.work, count + 1)
        if job.work > 0:
            self._all = (self._all[0] / 2 + seconds, self._all[1] / 2 + job.work)

    def expected(self, job: Job) -> float | None:
        """Seconds the job will take; None while nothing says so."""
        spent, work, count = self._kinds.get(job.kind, (0.0, 0.0, 0))
        if count:
            return spent / work * job.work if work > 0 else spent / count
        if job.work <= 0:
            return 0.0
        seconds, work = self._all
        return seconds / work * job.work if work > 0 else None


@dataclass(frozen=True)
class Running:
    """A job being worked on: seconds since it began, and what it says of itself, which may be about a part of it only."""

    job: Job
    spent: float
    says_left: float | None = None


def left_of(running: Running, pace: Pace) -> float | None:
    """Seconds a running job still needs: what it says, or what its pace says if that is more (a part is not the whole)."""
    expected = pace.expected(running.job)
    known = [max(0.0, expected - running.spent)] if expected is not None else []
    known += [running.says_left] if running.says_left is not None else []
    return max(known, default=None)


def seconds_left(running: Sequence[Running], waiting: Sequence[Job], pace: Pace, lanes: int = 1) -> float | None:
    """Seconds until all is done: each lane that gets free takes the next job in order. None while something is not known."""
    busy = [left_of(item, pace) for item in running]
    coming = [pace.expected(job) for job in waiting]
    if any(value is None for value in (*busy, *coming)):
        return None
    ends = [value for value in busy if value is not None]
    ends += [0.0] * max(0, lanes - len(ends))
    heapq.heapify(ends)
    for value in coming:
        heapq.heappush(ends, heapq.heappop(ends) + (value or 0.0))
    return max(ends, default=0.0)
