"""Progress: plain lines are few and complete; bars follow the events."""

from __future__ import annotations

import io

from rich.console import Console

from rung.cli.progress import Live, Plain, duration, listener
from rung.events import Event, Events


def _console(*, terminal: bool) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=80, highlight=False), out


def _a_run(events: Events) -> None:
    events.progress(0, 2, "runs")
    arm = events.named("lora")
    arm.emit(Event("started", "lora", "adapters"))
    for step in range(1, 101):
        arm.progress(step, 100, "steps", seconds_left=100.0 - step)
    arm.message("chose 3 epochs")
    arm.emit(Event("finished", "lora", "9 of 10 right"))
    events.progress(1, 2, "runs", seconds_left=70)
    events.emit(Event("skipped", "dpo", "needs [pairs]\nof answers"))
    events.emit(Event("failed", "rag", "no documents"))
    events.warning("the machine is busy")


def test_plain_lines_tell_ends_and_reasons_and_progress_now_and_then() -> None:
    console, out = _console(terminal=False)
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0
        return now[0]

    with Plain(console, clock) as events:
        _a_run(events)
    lines = out.getvalue().splitlines()
    told = [line for line in lines if "steps" in line]
    assert 5 <= len(told) <= 8 and "of 100 steps, about" in told[0]  # a line every 15 of the clock's 100 seconds
    for line in (
        "  lora: chose 3 epochs",
        "✓ lora: 9 of 10 right",
        "– dpo: needs [pairs] of answers",
        "! rag: no documents",
    ):
        assert line in lines
    assert "  1 of 2 runs, about 1 min 10 s left" in lines and "! the machine is busy" in lines


def test_bars_come_and_go_with_their_arm() -> None:
    console, out = _console(terminal=True)
    live = Live(console)
    with live as events:
        events.progress(0, 2, "runs")
        events.emit(Event("started", "lora"))
        events.named("lora").progress(40, 100, "steps", seconds_left=95)
        assert [(bar.description, bar.completed, bar.total) for bar in live.progress.tasks] == [
            ("all", 0, 2),
            ("lora", 40, 100),
        ]
        assert live.progress.tasks[1].fields["left"] == "1 min 35 s left"
        events.emit(Event("finished", "lora", "9 of 10 right"))
        events.progress(1, 2, "runs")
        assert [(bar.description, bar.completed) for bar in live.progress.tasks] == [("all", 1)]
    assert "9 of 10 right" in out.getvalue()


def test_the_listener_suits_the_console() -> None:
    assert isinstance(listener(_console(terminal=True)[0]), Live)
    assert isinstance(listener(_console(terminal=False)[0]), Plain)


def test_durations() -> None:
    assert [duration(s) for s in (0.4, 59.6, 3599.6, 86400)] == ["0 s", "1 min 00 s", "1 h 00 min", "24 h 00 min"]
