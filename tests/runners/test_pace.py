"""Time left: from what was measured, by kind or by work, with several lanes."""

from __future__ import annotations

import pytest

from rung.runners.board import _gb
from rung.runners.pace import Job, Pace, Running, left_of, seconds_left


def job(kind: str, work: float = 1.0) -> Job:
    return Job(kind, 0, kind, work=work)


def measured(*took: tuple[Job, float]) -> Pace:
    pace = Pace()
    for item, seconds in took:
        pace.measured(item, seconds)
    return pace


def test_nothing_is_known_before_anything_was_measured() -> None:
    assert seconds_left([], [job("lora")], Pace()) is None
    assert seconds_left([], [], Pace()) == 0
    assert seconds_left([], [job("majority", 0)], Pace()) == 0


def test_an_unmeasured_kind_goes_by_its_work_at_the_pace_of_all() -> None:
    pace = Pace(10, 100)  # the pass that encodes all texts: ten units a second
    assert pace.expected(job("lora", 50)) == 5
    pace.measured(job("lora", 300), 70)
    # 70 s for 300 units, and half as heavy 10 s for 100
    assert pace.expected(job("full", 400)) == pytest.approx(400 * 75 / 350)
    assert pace.expected(job("lora", 600)) == pytest.approx(140)  # its own kind's pace


def test_jobs_without_work_do_not_spoil_the_pace_of_others() -> None:
    pace = measured((job("majority", 0), 3.0), (job("lora", 10), 20.0))
    assert pace.expected(job("majority", 0)) == 3
    assert pace.expected(job("full", 10)) == 20


def test_a_running_job_is_believed_where_it_says_more_than_its_pace() -> None:
    pace = measured((job("lora", 10), 20.0))
    assert left_of(Running(job("lora", 10), 5.0), pace) == 15
    assert left_of(Running(job("lora", 10), 5.0, says_left=4.0), pace) == 15  # a search: more trainings are to come
    assert left_of(Running(job("lora", 10), 5.0, says_left=40.0), pace) == 40
    assert left_of(Running(job("lora", 10), 50.0), pace) == 0
    assert left_of(Running(job("full"), 5.0, says_left=9.0), Pace()) == 9
    assert left_of(Running(job("full"), 5.0), Pace()) is None


def test_lanes_share_what_waits() -> None:
    pace = measured((job("x", 1), 10.0))
    waiting = [job("x", 1), job("x", 2), job("x", 1)]
    assert seconds_left([], waiting, pace) == 40
    assert seconds_left([], waiting, pace, lanes=2) == 20
    assert seconds_left([Running(job("x", 3), 5.0)], waiting, pace, lanes=2) == 35  # 10 and 20 beside 25, then 10
    assert seconds_left([], waiting, pace, lanes=8) == 20


def test_figures_of_memory() -> None:
    assert [_gb(size) for size in (2_340_000_000, 41_000_000, 0, -5)] == ["2.3 GB", "0.04 GB", "0 GB", "0 GB"]
