"""Jobs run cheapest rung first, one or several side by side; memory makes them wait, Ctrl-C and errors stop them all."""

from __future__ import annotations

import threading
import time

import pytest

from rung.errors import StorageError
from rung.events import Event, Events
from rung.runners import Job, LocalRunner
from rung.runners import local as module

JOBS = [Job("full", 6, "full"), Job("a", 0, "cheap"), Job("b", 0, "cheap"), Job("lora", 5, "lora")]
GB = 10**9


def run(runner: LocalRunner, jobs: list[Job], work: module.Work) -> list[Event]:
    seen: list[Event] = []
    try:
        runner.run(jobs, work, Events((seen.append,)))
    finally:
        run.seen = seen  # type: ignore[attr-defined] for tests of runs that raise
    return seen


def told(seen: list[Event], kind: str) -> list[tuple[str, str]]:
    return [(event.source, event.text) for event in seen if event.kind == kind]


def test_order_of_rungs_then_as_given() -> None:
    done: list[str] = []
    seen = run(LocalRunner(), JOBS, lambda job, events: done.append(job.name))
    assert done == ["a", "b", "lora", "full"]
    assert [event.source for event in seen if event.kind == "planned"] == ["a", "b", "lora", "full"]


def test_progress_with_seconds_left_from_measured_jobs() -> None:
    now = [0.0]
    costs = {"a": 2.0, "b": 4.0, "lora": 30.0, "full": 50.0}

    def work(job: Job, events: Events) -> None:
        now[0] += costs[job.name]

    seen = run(LocalRunner(clock=lambda: now[0]), JOBS, work)
    told = [
        (e.done, e.total, e.seconds_left and round(e.seconds_left, 2), e.text) for e in seen if e.kind == "progress"
    ]
    assert told == [
        (0, 4, None, "a"),
        (1, 4, 2.0 + 2 + 2, "b"),
        (2, 4, round(2 * (2 / 2 + 4) / 1.5, 2), "lora"),
        (3, 4, round((2 / 4 + 4 / 2 + 30) / 1.75, 2), "full"),
        (4, 4, 0.0, ""),
    ]


def test_what_a_job_says_of_itself_counts_for_all() -> None:
    now = [0.0]

    def work(job: Job, events: Events) -> None:
        for step in range(3):
            now[0] += 1.0
            events.progress(step + 1, 3, "steps", seconds_left=100.0 - step)

    seen = run(LocalRunner(clock=lambda: now[0]), [Job("a", 0, "x"), Job("b", 1, "x")], work)
    overall = [e.seconds_left for e in seen if e.kind == "progress" and not e.source]
    # nothing is known of b while a runs; then a took 3 seconds, and b, expected to take as long, says 100, 99 and 98
    assert overall == [None, None, None, None, 3.0, 100.0, 99.0, 98.0, 0.0]


def test_interrupt_stops_the_rest_and_says_what_is_kept() -> None:
    done: list[str] = []

    def work(job: Job, events: Events) -> None:
        if job.name == "lora":
            raise KeyboardInterrupt
        done.append(job.name)

    with pytest.raises(KeyboardInterrupt):
        run(LocalRunner(), JOBS, work)
    assert done == ["a", "b"]
    last = run.seen[-1]  # type: ignore[attr-defined]
    assert (last.kind, last.text) == ("message", "stopped in lora; 2 of 4 runs are recorded")


def test_no_jobs() -> None:
    for lanes in (1, 3):
        run(LocalRunner(lanes), [], lambda job, events: None)


def together(jobs: list[Job], lanes: int, free: int) -> tuple[list[set[str]], list[Event]]:
    """The sets of jobs that ran at the same time, and the events."""
    running: set[str] = set()
    sets: list[set[str]] = []
    lock = threading.Lock()

    def work(job: Job, events: Events) -> None:
        with lock:
            running.add(job.name)
            sets.append(set(running))
        time.sleep(0.05)
        with lock:
            running.discard(job.name)

    return sets, run(LocalRunner(lanes, free=lambda: free), jobs, work)


def test_lanes_work_side_by_side_on_their_share_of_the_threads() -> None:
    import torch

    from rung.models.device import workers

    before = torch.get_num_threads()
    barrier = threading.Barrier(3, timeout=20)
    shares: list[int] = []

    def work(job: Job, events: Events) -> None:
        barrier.wait()  # ends only if three jobs are here at once
        shares.append(workers())

    torch.set_num_threads(6)
    try:
        run(LocalRunner(3), [Job(f"j{i}", 0, "x") for i in range(6)], work)
    finally:
        torch.set_num_threads(before)
    assert shares == [2] * 6
    assert torch.get_num_threads() == before


def test_a_job_waits_until_its_memory_is_free() -> None:
    jobs = [Job("small", 0, "x", bytes=GB), Job("large", 1, "x", bytes=3 * GB), Job("last", 2, "x", bytes=GB)]
    sets, seen = together(jobs, 3, 3 * GB)
    assert {"small", "large"} not in sets and {"large", "last"} not in sets and len(sets) == 3
    assert ("large", "waiting for memory: about 3.0 GB needed") in told(seen, "waiting")
    assert told(seen, "warning") == []
    sets, seen = together(jobs, 3, 5 * GB)
    assert {"small", "large", "last"} in sets and told(seen, "waiting") == []


def test_a_job_that_would_not_fit_runs_alone_with_a_warning() -> None:
    jobs = [Job("small", 0, "x", bytes=GB), Job("huge", 1, "x", bytes=9 * GB), Job("last", 2, "x", bytes=GB)]
    sets, seen = together(jobs, 2, 3 * GB)
    assert {"huge"} in sets and not any("huge" in group and len(group) > 1 for group in sets)
    ((source, text),) = told(seen, "warning")
    assert source == "huge"
    assert "9.0 GB" in text and "3.0 GB are free" in text and "batch_size" in text


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StorageError("the disk is full")])
def test_what_one_lane_raises_stops_all_of_them_promptly(error: BaseException) -> None:
    done: list[str] = []
    started = threading.Event()

    def work(job: Job, events: Events) -> None:
        if job.name == "bad":
            started.wait(10)
            raise error
        if job.name == "long":
            started.set()
            end = time.monotonic() + 60
            while time.monotonic() < end:  # busy, and telling nobody: it has to be interrupted
                time.sleep(0.01)
        done.append(job.name)

    jobs = [Job("quick", 0, "x"), Job("long", 1, "x"), Job("bad", 2, "x"), Job("never", 3, "x")]
    start = time.monotonic()
    with pytest.raises(type(error)):
        run(LocalRunner(2), jobs, work)
    assert time.monotonic() - start < 20
    assert done == ["quick"]
    messages = told(run.seen, "message")  # type: ignore[attr-defined]
    stopped = "stopped in long, bad; 1 of 4 runs are recorded"
    assert messages == ([("", stopped)] if isinstance(error, KeyboardInterrupt) else [])


def test_a_stopped_run_refuses_what_a_lane_still_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_interrupt", lambda thread: None)  # as on Pythons that cannot interrupt a thread
    after: list[str] = []
    inside = threading.Event()

    def work(job: Job, events: Events) -> None:
        if job.name == "bad":
            inside.wait(10)
            raise KeyboardInterrupt
        inside.set()
        for _ in range(1000):
            time.sleep(0.01)
            events.progress(1, 2)
        after.append(job.name)

    with pytest.raises(KeyboardInterrupt):
        run(LocalRunner(2), [Job("long", 0, "x"), Job("bad", 1, "x")], work)
    assert after == []
