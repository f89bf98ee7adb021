"""Progress: plain lines are few and complete; every arm is a row of the terminal."""

from __future__ import annotations

import io
import threading

from rich.console import Console
from rich.text import Text

from rung.cli.progress import Live, Plain, listener
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


def test_all_arms_stand_on_the_terminal_until_the_end() -> None:
    console, out = _console(terminal=True)
    with Live(console, lambda: 3.0) as events:
        for name in ("majority", "lora"):
            events.emit(Event("planned", name))
        events.emit(Event("started", "majority"))
        events.emit(Event("finished", "majority", "5 of 10 right", values={"score": 0.5, "seconds": 2.0}))
        events.warning("the machine is busy")
        events.named("lora").message("chose 3 epochs")
    text = Text.from_ansi(out.getvalue()).plain
    assert "! the machine is busy" in text
    last = [line.rstrip() for line in text.splitlines()[-3:]]
    assert last == ["✓ majority     0.500  in 2 s", "· lora", "  all          0 s so far"]


def test_several_threads_may_tell_at_once() -> None:
    console, out = _console(terminal=True)
    with Live(console) as events:

        def arm(name: str) -> None:
            events.emit(Event("started", name))
            for step in range(200):
                events.named(name).progress(step + 1, 200, "steps")
            events.emit(Event("finished", name, values={"score": 1.0, "seconds": 0.1}))

        threads = [threading.Thread(target=arm, args=(f"arm {i}",)) for i in range(8)]
        for i in range(8):
            events.emit(Event("planned", f"arm {i}"))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert Text.from_ansi(out.getvalue()).plain.count("✓ arm") >= 8


def test_the_listener_suits_the_console() -> None:
    assert isinstance(listener(_console(terminal=True)[0]), Live)
    assert isinstance(listener(_console(terminal=False)[0]), Plain)
