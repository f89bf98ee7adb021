"""The one stream of progress, metrics and warnings. Written by whoever works; read by terminal, page, API and store.

Knows nothing about who listens. A worker gets an `Events` and calls `progress`, `metric`, `message`, `warning`; a listener is
any callable that takes an `Event`. A listener that raises stops the work: this is how a user's interrupt gets through.
Arms that are worked on side by side share one stream: listeners are called by one thread at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "planned", "waiting", "started", "progress", "metric", "message", "warning", "finished", "skipped", "failed"
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: what sort of event. Each arm to be run is `planned` once, before anything starts; it may be `waiting` (for memory);
            it is `started`, and then `finished`, `skipped` or `failed`.
        source: who works: an arm's name, `check`, `latency`; empty for the comparison as a whole.
        text: one line for people.
        done, total: work done and to do, in `unit`; None where it is not known.
        values: numbers by name: loss, accuracy, tokens_per_s; of a planned arm `work` (forward-token equivalents) and `bytes`
            (estimated peak memory); of a finished one `score` and `seconds`.
        seconds_left: estimate for this source, None where unknown.
        time_s: Unix time of the event.
    """

    kind: Kind
    source: str = ""
    text: str = ""
    done: float | None = None
    total: float | None = None
    unit: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    time_s: float = field(default_factory=time.time)


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Events:
    """A stream with a source name stamped on every event. `Events()` with no listener is silent."""

    listeners: tuple[Listener, ...] = ()
    source: str = ""
    _turn: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)

    def named(self, source: str) -> Events:
        """The same stream under another source name."""
        return replace(self, source=source)

    def emit(self, event: Event) -> None:
        """Hand `event` to every listener, in order."""
        with self._turn:
            for listener in self.listeners:
                listener(event)

    def progress(
        self, done: float, total: float | None, unit: str = "", *, seconds_left: float | None = None, text: str = ""
    ) -> None:
        """Say how far the work is."""
        self.emit(Event("progress", self.source, text, done, total, unit, seconds_left=seconds_left))

    def metric(self, values: Mapping[str, float], *, step: float | None = None) -> None:
        """Publish numbers, e.g. a training loss at a step."""
        self.emit(Event("metric", self.source, done=step, values=dict(values)))

    def message(self, text: str) -> None:
        """Something worth a line."""
        self.emit(Event("message", self.source, text))

    def warning(self, text: str) -> None:
        """Something the user should look at."""
        self.emit(Event("warning", self.source, text))
