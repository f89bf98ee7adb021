"""How far the work is: bars on a terminal, plain lines elsewhere. Listens to `rung.events` and knows nothing of the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rung.events import Event, Events

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID
    from rich.text import Text

MARKS = {
    "finished": ("✓", "green"),
    "skipped": ("–", "yellow"),
    "failed": ("!", "bold red"),
    "warning": ("!", "yellow"),
    "message": (" ", "dim"),
}
#: Seconds between two plain lines about the progress of one source.
QUIET_S = 15.0
OVERALL = ""


def listener(console: Console) -> Live | Plain:
    """A listener that suits the console; use it as a context manager."""
    return Live(console) if console.is_terminal else Plain(console)


def duration(seconds: float) -> str:
    """`8 s`, `3 min 05 s`, `2 h 10 min`.

    >>> duration(7.6), duration(185), duration(7800)
    ('8 s', '3 min 05 s', '2 h 10 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Plain:
    """One line when something starts, ends or is to be told; a line about progress now and then."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console, self.clock = console, clock
        self._lock = threading.Lock()
        self._said: dict[str, float] = {}

    def __enter__(self) -> Events:
        return Events((self,))

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: Event) -> None:
        """Tell about `event`."""
        with self._lock:
            if event.kind in MARKS:
                self.console.print(line(event), soft_wrap=True)
            elif event.kind == "started":
                self._said[event.source] = self.clock()
            elif event.kind == "progress" and event.done and self._due(event.source):
                self.console.print(f"  {_named(event.source)}{_done(event)}", soft_wrap=True)

    def _due(self, source: str) -> bool:
        now = self.clock()
        if now - self._said.get(source, -QUIET_S) < QUIET_S:
            return False
        self._said[source] = now
        return True


class Live:
    """An overall bar, and one for each arm being worked on; what has ended stands above as a line."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console, self.clock = console, clock
        self._lock = threading.Lock()
        self._bars: dict[str, TaskID] = {}
        self.progress = _bars(console)

    def __enter__(self) -> Events:
        self.progress.start()
        return Events((self,))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def __call__(self, event: Event) -> None:
        """Tell about `event`."""
        with self._lock:
            if event.kind in MARKS:
                self.console.print(line(event))
            if event.kind in ("finished", "skipped", "failed") and event.source in self._bars:
                self.progress.remove_task(self._bars.pop(event.source))
            elif event.kind in ("started", "progress"):
                self._advance(event)

    def _advance(self, event: Event) -> None:
        bar = self._bars.get(event.source)
        name = event.source or "all"
        if bar is None:
            bar = self._bars[event.source] = self.progress.add_task(name, total=None, left="", what="")
        if event.kind == "started":
            return
        if event.source != OVERALL and event.done is not None and event.done == event.total:
            # the bar goes, and comes back if the same source goes on to something else
            self.progress.remove_task(self._bars.pop(event.source))
            return
        left = _left(event)
        what = "" if event.source == OVERALL else event.text
        self.progress.update(
            bar, total=event.total, completed=event.done or 0, left=left, what=what or event.unit, refresh=False
        )


def line(event: Event) -> Text:
    """An event as one line."""
    from rich.text import Text

    mark, style = MARKS[event.kind]
    if event.kind == "message" and not event.source:
        return Text(f"  {event.text}", style=style)
    return Text.assemble((f"{mark} ", style), (_named(event.source), "bold"), (event.text.replace("\n", " "), ""))


def _named(source: str) -> str:
    return f"{source}: " if source else ""


def _left(event: Event) -> str:
    # under a second is as good as unknown
    seconds = event.seconds_left or 0
    return f"{duration(seconds)} left" if seconds >= 1 else ""


def _done(event: Event) -> str:
    of = f" of {event.total:,.0f}" if event.total is not None else ""
    left = f", about {_left(event)}" if _left(event) else ""
    text = f" ({event.text})" if event.text and event.source else ""
    return f"{event.done:,.0f}{of} {event.unit}{text}{left}"


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", style="bold"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[what]}", style="dim"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}", style="cyan"),
        console=console,
        transient=True,
    )
