"""What each arm's row says, from waiting to its score; long lists stay readable."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rung.cli.board import BAR, Board, duration, table
from rung.events import Event


def said(board: Board, room: int | None = 30, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, height=50).print(table(board, 65.0, width, room))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def told(*events: Event) -> Board:
    board = Board()
    for event in events:
        board.note(event)
    return board


def plan(*names: str) -> list[Event]:
    return [Event("planned", name, values={"work": 1.0, "bytes": 1e9}) for name in names]


def test_every_planned_arm_is_a_row_from_the_start() -> None:
    assert said(told(*plan("majority", "lora"))) == ["· majority", "· lora", "  all          1 min 05 s so far"]


def test_an_arm_goes_from_waiting_to_its_score() -> None:
    lines = []
    board = told(*plan("lora"))
    for event in (
        Event("waiting", "lora", "waiting for memory: about 2.1 GB needed"),
        Event("started", "lora", "adapters"),
        Event("message", "lora", "trying learning rate 0.02 (2 of 3)"),
        Event("progress", "lora", "", 30, 40, "steps", seconds_left=95),
        Event("finished", "lora", "9 of 10 right", values={"score": 0.9, "seconds": 61.0}),
    ):
        board.note(event)
        lines.append(said(board)[0])
    filled = "━" * (BAR * 3 // 4) + "─" * (BAR // 4)
    assert lines == [
        "· lora         waiting for memory: about 2.1 GB needed",
        "▸ lora         starting",
        "▸ lora         starting  trying learning rate 0.02 (2 of 3)",
        f"▸ lora         {filled} 1 min 35 s left  30/40 steps  trying learning r…",
        "✓ lora         0.900  in 1 min 01 s",
    ]


@pytest.mark.parametrize(("kind", "mark"), [("skipped", "–"), ("failed", "!")])
def test_a_reason_is_cut_while_it_runs_and_whole_at_the_end(kind: str, mark: str) -> None:
    reason = "there is a long reason for this\n" + "and it goes on for more than one line of the terminal " * 2
    board = told(*plan("lora"), Event(kind, "lora", reason))  # type: ignore[arg-type]
    running, end = said(board), said(board, None)
    assert len(running) == 2 and running[0].startswith(f"{mark} lora") and running[0].endswith("…")
    assert " ".join(" ".join(line[15:] for line in end[:-1]).split()) == " ".join(reason.split())


def test_a_phase_has_a_row_while_it_lasts() -> None:
    board = told(*plan("lora"), Event("progress", "latency", "lora", 1, 2, "arms"))
    assert [row.name for row in board.rows.values()] == ["lora", "latency"]
    board.note(Event("progress", "latency", "", 2, 2, "arms"))
    assert list(board.rows) == ["lora"]


def test_a_planned_arm_stays_when_its_steps_are_done() -> None:
    board = told(
        *plan("lora"), Event("progress", "lora", "", 2, 2, "steps"), Event("progress", "lora", "", 1, 5, "steps")
    )
    assert "1/5 steps" in said(board)[0]


def test_the_last_line_tells_of_all() -> None:
    board = told(*plan("a", "b"), Event("progress", "", "a", 1, 2, "runs", seconds_left=185))
    assert said(board)[-1] == "  all          1 of 2 runs, about 3 min 05 s left, 1 min 05 s so far"


def test_forty_arms_fit_a_small_terminal_and_none_is_forgotten() -> None:
    names = [f"arm {i}" for i in range(40)]
    ended = [Event("finished", name, values={"score": i / 100, "seconds": 1.0}) for i, name in enumerate(names[:20])]
    board = told(*plan(*names), *ended, Event("started", "arm 20"), Event("waiting", "arm 21", "waiting for memory"))
    lines = said(board, room=20)
    assert len(lines) <= 21
    assert any(line.startswith("▸ arm 20") for line in lines) and any("waiting for memory" in line for line in lines)
    shown = sum(line[2:].startswith("arm ") for line in lines)
    more = [int(line.split()[1]) for line in lines if line.startswith("…")]
    assert shown + sum(more) == 40 and len(more) == 2
    assert "best arm 19 0.190" in " ".join(lines)
    assert len(said(board, room=None)) == 41


def test_no_line_is_wider_than_the_terminal() -> None:
    name = "lora@sentence-transformers/a-model-with-a-long-name (rank=64, learning_rate=None)"
    board = told(*plan(name), Event("started", name), Event("progress", name, "x" * 90, 1, 2, "steps", seconds_left=9))
    for width in (50, 80, 120):
        assert all(len(line) <= width for line in said(board, width=width))
        assert len(said(board, width=width)) == 2


def test_durations() -> None:
    assert [duration(s) for s in (0.4, 59.6, 3599.6, 86400)] == ["0 s", "1 min 00 s", "1 h 00 min", "24 h 00 min"]
