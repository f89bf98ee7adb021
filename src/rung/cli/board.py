"""What is known about each arm of a comparison, from its events, and the lines that show it. Knows no terminal but its width."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rung.events import Event

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

State = Literal["waiting", "held", "running", "finished", "skipped", "failed"]

MARKS = {
    "finished": ("✓", "green"),
    "skipped": ("–", "yellow"),
    "failed": ("!", "bold red"),
    "warning": ("!", "yellow"),
    "message": (" ", "dim"),
    "waiting": ("·", "dim"),
    "held": ("·", "yellow"),
    "running": ("▸", "cyan"),
}
#: Cells of a bar.
BAR = 16
#: With more arms than this, those of one state that have nothing to tell stand in one line.
MANY = 20


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


def left(event: Event) -> str:
    """`3 min 05 s left`, or nothing: under a second is as good as unknown."""
    seconds = event.seconds_left or 0
    return f"{duration(seconds)} left" if seconds >= 1 else ""


@dataclass(frozen=True)
class Row:
    """One arm, or another source of progress.

    Attributes:
        at: the last progress. text: what it said last: why it waits, was skipped or failed, or what it is at.
        score, seconds: of a finished arm. planned: it is an arm, and not a phase of the comparison.
    """

    name: str
    state: State = "waiting"
    at: Event | None = None
    text: str = ""
    score: float | None = None
    seconds: float | None = None
    planned: bool = False

    def after(self, event: Event) -> Row:
        """The row after one more event of its source."""
        if event.kind == "waiting":
            return replace(self, state="held", text=event.text)
        if event.kind in ("started", "progress"):
            at = event if event.kind == "progress" else None
            return replace(self, state="running", at=at, text="" if self.state != "running" else self.text)
        if event.kind == "message":
            return replace(self, text=event.text)
        if event.kind == "finished":
            values = event.values
            return replace(self, state="finished", score=values.get("score"), seconds=values.get("seconds"), at=None)
        if event.kind == "skipped":
            return replace(self, state="skipped", text=event.text)
        return replace(self, state="failed", text=event.text) if event.kind == "failed" else self


class Board:
    """The rows of all sources, planned arms first and in their order."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.overall: Event | None = None

    def note(self, event: Event) -> None:
        """Take one more event in."""
        if not event.source:
            self.overall = event if event.kind == "progress" else self.overall
            return
        if event.kind == "planned":
            self.rows[event.source] = Row(event.source, planned=True)
        elif event.kind not in ("metric", "warning"):
            self.rows[event.source] = self.rows.get(event.source, Row(event.source)).after(event)
            if not self.rows[event.source].planned and event.done is not None and event.done == event.total:
                del self.rows[event.source]  # a phase that is over; it comes back if its source goes on

    def shown(self, room: int) -> list[Row | str]:
        """The rows to show in at most about `room` lines; a string stands for rows that are left out."""
        rows = list(self.rows.values())
        if len(rows) <= min(room, MANY):
            return list(rows)
        out: list[Row | str] = []
        ended = [row for row in rows if row.state in ("finished", "skipped", "failed")]
        waiting = [row for row in rows if row.state == "waiting"]
        active = [row for row in rows if row.state in ("running", "held")]
        space = max(2, room - len(active) - 2)
        best = max((row for row in ended if row.score is not None), key=lambda row: row.score or 0, default=None)
        kept_ended, kept_waiting = ended[-(space // 2) :], waiting[: space - space // 2]
        if len(kept_ended) < len(ended):
            said = f", best {best.name} {best.score:.3f}" if best is not None and best.score is not None else ""
            out.append(f"{len(ended) - len(kept_ended)} more are done{said}")
        out += [*kept_ended, *active, *kept_waiting]
        if len(kept_waiting) < len(waiting):
            out.append(f"{len(waiting) - len(kept_waiting)} more wait")
        return out


def table(board: Board, elapsed_s: float, width: int, room: int | None = None) -> Table:
    """The board as a table, and a line on all of it; in at most about `room` lines, or (None) whole, with reasons in full."""
    from rich.table import Table
    from rich.text import Text

    longest = max((len(name) for name in board.rows), default=8)
    names = max(12, min(longest, width // 3))
    rest = width - names - 3  # one cell for the mark, and one behind it and behind the name
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, width=1)
    grid.add_column(no_wrap=True, width=names, overflow="ellipsis")
    grid.add_column(max_width=rest, overflow="fold")
    for row in board.rows.values() if room is None else board.shown(room):
        if isinstance(row, str):
            more = Text(row, "dim")
            more.truncate(rest, overflow="ellipsis")
            grid.add_row(Text("…", "dim"), Text(""), more)
            continue
        mark, style = MARKS[row.state]
        name = Text(row.name, "bold" if row.state == "running" else "dim" if row.state == "waiting" else "")
        said = told(row)
        if room is not None:
            said.truncate(rest, overflow="ellipsis")
        grid.add_row(Text(mark, style), name, said)
    of_all = _overall(board.overall, elapsed_s)
    of_all.truncate(rest, overflow="ellipsis")
    grid.add_row("", Text("all", "bold"), of_all)
    return grid


def told(row: Row) -> Text:
    """What a row says beside its name."""
    from rich.text import Text

    if row.state == "finished":
        score = "" if row.score is None else f"{row.score:.3f}  "
        return Text.assemble((score, "bold"), ("" if row.seconds is None else f"in {duration(row.seconds)}", "dim"))
    if row.state in ("skipped", "failed", "held"):
        return Text(row.text.replace("\n", " "), MARKS[row.state][1])
    if row.state == "waiting":
        return Text("")
    note = (f"  {row.text}" if row.text else "", "dim")
    return Text.assemble(Text("starting", "dim") if row.at is None else _bar(row.at), note)


def _bar(event: Event) -> Text:
    from rich.text import Text

    share = min(1.0, (event.done or 0) / event.total) if event.total else 0.0
    full = round(share * BAR)
    of = f"/{event.total:,.0f}" if event.total is not None else ""
    what = f" ({event.text})" if event.text and event.text not in event.source else ""
    return Text.assemble(
        ("━" * full, "cyan"),
        ("─" * (BAR - full), "bright_black"),
        (f" {left(event)}" if left(event) else "", "cyan"),
        f"  {event.done or 0:,.0f}{of} {event.unit}{what}",
    )


def _overall(event: Event | None, elapsed_s: float) -> Text:
    from rich.text import Text

    known = event is not None and event.total is not None
    done = f"{event.done:,.0f} of {event.total:,.0f} {event.unit}, " if event is not None and known else ""
    remaining = f"about {left(event)}, " if event is not None and left(event) else ""
    return Text.assemble(done, (remaining, "cyan"), (f"{duration(elapsed_s)} so far", "dim"))
