"""Which jobs wait, run and are done: what the lanes of a runner share. Safe under threads; knows not what a job does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from rung.events import Event, Events
from rung.runners.pace import Job, Pace, Running, seconds_left

#: Seconds between two looks at the memory while a job waits for it: other programs may end.
LOOK_S = 2.0
#: Seconds between two estimates of the time left while arms report their own.
TELL_S = 1.0


class Board:
    """The jobs of one run, in their order.

    Args:
        free: bytes that all jobs together may take, asked whenever a job is to begin.

    No event is sent while the board's lock is held: a listener may be slow, and may look at the board.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        events: Events,
        lanes: int,
        clock: Callable[[], float],
        free: Callable[[], int],
        pace: Pace,
    ) -> None:
        self.events, self.lanes, self.clock, self.free, self.pace = events, lanes, clock, free, pace
        self.total = len(jobs)
        self.error: BaseException | None = None
        self.unfinished: tuple[str, ...] = ()
        self._waiting = list(jobs)
        self._running: dict[int, tuple[Job, float]] = {}
        self._says: dict[str, float | None] = {}
        self._held: Job | None = None  # the job that was told to wait for memory
        self._told_at = clock()
        self._change = threading.Condition()

    @property
    def done(self) -> int:
        """How many jobs are done."""
        with self._change:
            return self.total - len(self._waiting) - len(self._running)

    def announce(self) -> None:
        """Tell about every job before any begins."""
        for job in self._waiting:
            self.events.emit(Event("planned", job.name, values={"work": job.work, "bytes": float(job.bytes)}))

    def take(self) -> Job | None:
        """The next job, when its memory is free; it is then running. None when there is none, or the run is stopped.

        A job waits its turn for memory; behind it nobody jumps the queue. What would not fit even alone runs alone, and a
        warning says so: the figure is an estimate.
        """
        while True:
            with self._change:
                if self.error is not None or not self._waiting:
                    return None
                job, free = self._waiting[0], self.free()
                fits = job.bytes <= free - sum(other.bytes for other, _ in self._running.values())
                if fits or not self._running:
                    self._running[id(self._waiting.pop(0))] = (job, self.clock())
                    break
                if self._held is job:
                    self._change.wait(LOOK_S)
                    continue
                self._held = job
            text = f"waiting for memory: about {_gb(job.bytes)} needed"
            self.events.emit(Event("waiting", job.name, text, values={"bytes": float(job.bytes)}))
        if not fits:
            self.events.named(job.name).warning(_too_large(job, free))
        self.tell(job.name)
        return job

    def finished(self, job: Job) -> None:
        """A job is done, whatever came of it."""
        with self._change:
            _, start = self._running.pop(id(job))
            self._says.pop(job.name, None)
            self.pace.measured(job, self.clock() - start)
            self._change.notify_all()

    def stop(self, error: BaseException) -> None:
        """Begin no further job; the first error counts."""
        with self._change:
            if self.error is None:
                self.error = error
                self.unfinished = tuple(job.name for job, _ in self._running.values())
            self._change.notify_all()

    def wait(self) -> None:
        """Until nothing waits and nothing runs, or the run is stopped."""
        with self._change:
            while self.error is None and (self._waiting or self._running):
                self._change.wait(1.0)  # without a limit Ctrl-C does not get through on every system

    def stream(self, job: Job) -> Events:
        """The events of a job: noted for the time left, and refused once the run is stopped."""
        return replace(self.events, listeners=(self._note, *self.events.listeners), source=job.name)

    def tell(self, text: str = "") -> None:
        """Say how far all is."""
        with self._change:
            now = self._told_at = self.clock()
            running = [Running(job, now - start, self._says.get(job.name)) for job, start in self._running.values()]
            left = seconds_left(running, self._waiting, self.pace, self.lanes)
            done = self.total - len(self._waiting) - len(self._running)
        self.events.progress(done, self.total, "runs", seconds_left=left, text=text)

    def _note(self, event: Event) -> None:
        if self.error is not None:
            raise KeyboardInterrupt
        if event.kind == "progress":
            with self._change:
                self._says[event.source] = event.seconds_left
                due = self.clock() - self._told_at >= TELL_S
            if due:
                self.tell(event.source)


def _too_large(job: Job, free: int) -> str:
    return (
        f"may need about {_gb(job.bytes)} of memory, and {_gb(free)} are free; it runs alone. "
        "If the machine runs out: lower batch_size, choose a smaller model, or close programs"
    )


def _gb(size: int) -> str:
    """Bytes as people say them.

    >>> _gb(2_340_000_000), _gb(41_000_000), _gb(-5)
    ('2.3 GB', '0.04 GB', '0 GB')
    """
    value = max(0, size) / 1e9
    return f"{value:.1f} GB" if value >= 0.1 else f"{value:.1g} GB"
