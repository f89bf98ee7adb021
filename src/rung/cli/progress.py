"""How far the work is: all arms on a terminal, plain lines elsewhere. Listens to `rung.events` and knows nothing of the work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING

from rung.cli.board import MARKS, Board, left, table
from rung.events import Event, Events

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

#: Seconds between two plain lines about the progress of one source.
QUIET_S = 15.0
#: What gets a plain line whenever it happens.
TOLD = ("waiting", "finished", "skipped", "failed", "warning", "message")


def listener(console: Console) -> Live | Plain:
    """A listener that suits the console; use it as a context manager."""
    return Live(console) if console.is_terminal else Plain(console)


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
            if event.kind in TOLD:
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
    """Every arm as a row, from waiting to its score, and the time left for all; warnings stand above as lines.

    What is shown last stays on the terminal, with the reasons of arms that were skipped or failed in full.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.live import Live as Screen

        self.console, self.clock = console, clock
        self.board = Board()
        self._lock = threading.Lock()
        self._began = clock()
        self._over = False
        self.screen = Screen(console=console, get_renderable=self.shown, refresh_per_second=8, vertical_overflow="crop")

    def __enter__(self) -> Events:
        self._began = self.clock()
        self.screen.start()
        return Events((self,))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self.screen.vertical_overflow = "visible"
        self.screen.stop()

    def shown(self) -> RenderableType:
        """What stands on the terminal now."""
        with self._lock:
            if not self.board.rows and self.board.overall is None:
                return ""
            room = None if self._over else max(4, self.console.height - 3)
            return table(self.board, self.clock() - self._began, self.console.width, room)

    def __call__(self, event: Event) -> None:
        """Tell about `event`."""
        with self._lock:
            self.board.note(event)
        if event.kind == "warning" or (event.kind == "message" and not event.source):
            self.console.print(line(event))


def line(event: Event) -> Text:
    """An event as one line."""
    from rich.text import Text

    mark, style = MARKS[event.kind]
    if event.kind == "message" and not event.source:
        return Text(f"  {event.text}", style=style)
    return Text.assemble((f"{mark} ", style), (_named(event.source), "bold"), (event.text.replace("\n", " "), ""))


def _named(source: str) -> str:
    return f"{source}: " if source else ""


def _done(event: Event) -> str:
    of = f" of {event.total:,.0f}" if event.total is not None else ""
    about = f", about {left(event)}" if left(event) else ""
    text = f" ({event.text})" if event.text and event.source else ""
    return f"{event.done:,.0f}{of} {event.unit}{text}{about}"
