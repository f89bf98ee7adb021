"""Runs comparisons of twelve real arms in child processes, kills each when it has written so many bytes, and finishes the rest.

The parent watches /proc/PID/io (`wchar`: all bytes handed to write calls, by all threads) and sends SIGKILL. A process of its own,
started with `ONE_THREAD`, so that it can fork; it runs a comparison first, so that children find everything imported. Checkpoints
are written after every step, so that most bytes, and with them most kills, fall into trainings.

Arguments: folder, model folder, JSON {"seed", "kills", "lanes": [one number a workspace]}. Each workspace is killed `kills` times,
at numbers of bytes drawn over the whole run, and then finished; where it was finished too early for the last of them, another
workspace takes those. Prints JSON: `clean`, an undisturbed run; `cases`, a workspace each.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import real_ladder
import toy_ladder
from kill_driver import recorded

from rung.compare import compare
from rung.compare.wiring import Wiring
from rung.events import Event, Events
from rung.training import checkpoints

#: Of the bytes of a whole run: what comes after belongs to the last latencies.
LAST_SHARE = 0.97


def note(event: Event, log: int) -> None:
    """Write down which arms start, and whether a training goes on from a checkpoint."""
    if event.kind == "started":
        os.write(log, f"started {event.source}\n".encode())
    elif event.kind == "progress" and event.unit == "steps" and event.source not in seen_steps:
        seen_steps.add(event.source)
        if event.done != 1:
            os.write(log, f"resumed {event.source}\n".encode())


seen_steps: set[str] = set()


def run(task: Path, workspace: Path, lanes: int, log: int) -> dict[str, Any]:
    """One comparison, and what it ended with."""
    wiring = replace(Wiring(), recommend=toy_ladder.recommend)
    done = compare(task, workspace=workspace, lanes=lanes, wiring=wiring, events=Events((lambda e: note(e, log),)))
    return {
        "runs": {run.arm.name: [run.status, run.prediction_sha, run.weights_sha] for run in done.record.runs},
        "arms": sorted(path.name for path in (done.folder / "arms").iterdir()),
        "left": [path.name for path in (done.folder / "checkpoints").iterdir()],
        "timed": len(done.record.latencies),
    }


def written(pid: int | str) -> int:
    """Bytes that a process has handed to write calls so far."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise SystemExit("this system does not count bytes written")


def attempt(task: Path, workspace: Path, lanes: int, fatal: int | None) -> tuple[dict[str, Any] | None, list[str]]:
    """One comparison in a child: its result, None if it was killed after `fatal` bytes; and its log."""
    log_path = workspace.parent / f"{workspace.name}.log"
    result = workspace.parent / f"{workspace.name}.json"
    log_path.write_bytes(b"")
    child = os.fork()
    if child == 0:
        log = os.open(log_path, os.O_WRONLY | os.O_APPEND)
        value = run(task, workspace, lanes, log)
        result.write_text(json.dumps({**value, "bytes": written("self")}))
        os._exit(0)
    status = _watched(child, fatal)
    if status and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
        raise SystemExit(f"the child ended with {status}")
    return (None if status else json.loads(result.read_text())), log_path.read_text().splitlines()


def _watched(child: int, fatal: int | None) -> int:
    """The exit status of a child that is killed once it has written `fatal` bytes."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status
        if fatal is not None and written(child) >= fatal:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        time.sleep(0.0003)


def case(task: Path, workspace: Path, lanes: int, gaps: list[int]) -> dict[str, Any]:
    """Kill after each number of bytes in turn, then finish: what came out, and whether anything recorded was touched again."""
    killed, again, resumed, recorded_at = 0, set[str](), 0, []
    kept = True
    for gap in [*gaps, None]:
        before = recorded(workspace)
        end, log = attempt(task, workspace, lanes, gap)
        after = recorded(workspace)
        killed += end is None
        kept &= all(after.get(name) == body for name, body in before.items())
        again |= set(before) & {line.removeprefix("started ") for line in log}
        resumed += sum(line.startswith("resumed") for line in log)
        recorded_at.append(len(after))
        if end is not None:
            break
    assert end is not None
    return {
        **end,
        "lanes": lanes,
        "killed": killed,
        "kept": kept,
        "again": sorted(again),
        "resumed": resumed,
        "recorded": recorded_at,
    }


def main() -> None:
    faulthandler.enable()  # a child that crashes says where
    folder, model, wanted = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    task = real_ladder.write_task(folder / "task", model)
    run(task, folder / "warm", 1, os.open(os.devnull, os.O_WRONLY))  # with checkpoints as rare as they are by default
    checkpoints.EVERY_S = 0.0
    seen_steps.clear()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise SystemExit("this process has threads and cannot fork safely")
    gc.collect()
    gc.freeze()
    clean, _ = attempt(task, folder / "clean", 1, None)
    assert clean is not None
    draw = random.Random(wanted["seed"])
    cases: list[dict[str, Any]] = []
    for lanes in wanted["lanes"]:
        missing = wanted["kills"]
        while missing:
            ends = sorted(draw.uniform(0, LAST_SHARE * clean["bytes"]) for _ in range(missing))
            gaps = [max(1, round(b - a)) for a, b in zip([0.0, *ends], ends, strict=False)]
            cases.append(case(task, folder / f"w{len(cases)}", lanes, gaps))
            missing -= cases[-1]["killed"]
    print(json.dumps({"clean": clean, "cases": cases}))


if __name__ == "__main__":
    main()
