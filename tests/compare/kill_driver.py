"""Runs comparisons in child processes that kill themselves (SIGKILL) at a chosen point, and finishes what they left.

Points are all steps by which a process can change its workspace: opening a file for writing, fsync-and-rename, making and
removing folders, every SQL statement, and every commit just before it happens. A process of its own, so that it can fork
while it has one thread. Arguments: folder, JSON list of lists of points (each list is one workspace killed several times).
Prints JSON: `points`, how many there are in an undisturbed run; `clean`, its runs; `cases`, what each list ended with.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import toy_ladder
from sqlalchemy.engine import Engine

from rung.compare import compare
from rung.events import Event, Events

FILE_EVENTS = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.utime", "shutil.rmtree", "sqlite3.connect"}


class Points:
    """Counts points, and ends the process at one of them."""

    def __init__(self, fatal: int | None) -> None:
        self.fatal, self.seen = fatal, 0
        sys.addaudithook(self._audit)
        sa.event.listen(Engine, "commit", lambda *_: self.reached())
        sa.event.listen(Engine, "before_cursor_execute", lambda *_: self.reached())

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event in FILE_EVENTS or (
            event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        ):
            self.reached()

    def reached(self) -> None:
        self.seen += 1
        if self.seen == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


def attempt(task: Path, workspace: Path, fatal: int | None) -> dict[str, Any] | None:
    """One comparison in a child; None if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        started: list[str] = []
        points = Points(fatal)
        listener = Events((lambda event: _note(event, started),))
        done = compare(task, workspace=workspace, wiring=toy_ladder.WIRING, events=listener)
        runs = {
            run.arm.name: [run.status, run.prediction_sha, run.weights_sha, [row.score for row in run.rows]]
            for run in done.record.runs
        }
        arms = sorted(path.name for path in (done.folder / "arms").iterdir())
        left = [path.name for path in (done.folder / "checkpoints").iterdir()]
        value = {"runs": runs, "started": started, "points": points.seen, "arms": arms, "left": left}
        os.write(writing, json.dumps({**value, "timed": len(done.record.latencies)}).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if status != 0:
        raise SystemExit(f"the child ended with {status}")
    return json.loads(said)


def recorded(workspace: Path) -> dict[str, str]:
    """Done runs and the bytes of their records, read past our own code."""
    if not (workspace / "rung.db").exists():
        return {}
    with contextlib.closing(sqlite3.connect(workspace / "rung.db")) as connection:
        try:
            rows = connection.execute("SELECT arm, body FROM runs WHERE status = 'done'").fetchall()
        except sqlite3.OperationalError:
            return {}
    return {name: body.hex() for name, body in rows}


def case(task: Path, workspace: Path, fatal: list[int]) -> dict[str, Any]:
    """Kill at each point in turn, then finish: what came out, and whether anything recorded was touched again."""
    killed = 0
    for point in fatal:
        killed += attempt(task, workspace, point) is None
    before = recorded(workspace)
    end = attempt(task, workspace, None)
    assert end is not None
    after = recorded(workspace)
    kept = all(after[name] == body for name, body in before.items())
    again = sorted(set(before) & set(end["started"]))
    shutil.rmtree(workspace)
    return {**end, "killed": killed, "before": len(before), "kept": kept, "again": again}


def _note(event: Event, started: list[str]) -> None:
    if event.kind == "started":
        started.append(event.source)


def main() -> None:
    folder = Path(sys.argv[1])
    task = toy_ladder.write_task(folder / "task")
    clean = attempt(task, folder / "clean", None)
    assert clean is not None
    wanted = json.loads(sys.argv[2])
    shares = [[max(1, round(share * clean["points"])) for share in shares] for shares in wanted]
    cases = [case(task, folder / f"w{i}", fatal) for i, fatal in enumerate(shares)]
    print(json.dumps({"clean": clean, "cases": cases}))


if __name__ == "__main__":
    main()
