"""Arms side by side give what they give one after another, bit for bit, on the same number of threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import real_ladder
import toy_ladder

from rung.compare import Comparison, compare
from rung.compare.wiring import Wiring
from rung.events import Event, Events

torch = pytest.importorskip("torch")


def run(task: Path, workspace: Path, lanes: int, threads: int, **plan: Any) -> tuple[Comparison, list[Event]]:
    """A comparison on so many threads in all."""
    from rung.models.device import use_threads

    seen: list[Event] = []
    before = torch.get_num_threads()
    use_threads(threads)
    try:
        wiring = replace(Wiring(), recommend=toy_ladder.recommend)
        done = compare(task, workspace=workspace, lanes=lanes, wiring=wiring, events=Events((seen.append,)), **plan)
    finally:
        use_threads(before)
    return done, seen


def test_three_lanes_of_one_thread_answer_as_one_lane_does(tmp_path: Path, tiny_folder: Path) -> None:
    task = real_ladder.write_task(tmp_path / "t", tiny_folder)
    alone, _ = run(task, tmp_path / "one", 1, 1)
    beside, seen = run(task, tmp_path / "three", 3, 3)
    answers = [
        {r.arm.name: (r.status, r.prediction_sha, r.weights_sha) for r in c.record.runs} for c in (alone, beside)
    ]
    assert answers[0] == answers[1] and len(answers[0]) == 12
    assert {run.status for run in beside.record.runs} == {"done"}
    facts = [{(r.environment["threads"], r.environment["lanes"]) for r in c.record.runs} for c in (alone, beside)]
    assert facts == [{(1, 1)}, {(1, 3)}]
    marks = [{"started": 1, "finished": -1}.get(event.kind, 0) for event in seen]
    assert sum(marks) == 0 and marks.count(1) == 12
    assert max(accumulate(marks)) == 3, "three arms were worked on at once"


def test_each_lane_has_a_model_of_its_own(tiny_folder: Path) -> None:
    from rung.models import open_model
    from rung.task import as_input

    inputs = [as_input("a good fox " * (60 if i % 3 == 0 else 5)) for i in range(300)]  # every third is cut
    expected = open_model(str(tiny_folder)).token_rows(inputs)  # type: ignore[attr-defined] an encoder
    wiring = Wiring().for_lanes(3)
    found: list[bool] = []

    def lane() -> None:
        model: Any = wiring.open_model(str(tiny_folder))
        assert wiring.open_model(str(tiny_folder)) is model
        found.extend(model.token_rows(inputs) == expected for _ in range(10))

    threads = [threading.Thread(target=lane) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 30


def test_one_lane_and_models_of_a_callers_own_are_left_alone() -> None:
    assert Wiring().for_lanes(1) == Wiring()
    assert toy_ladder.WIRING.for_lanes(4) is toy_ladder.WIRING


RESUMED = """
import sys
from dataclasses import replace
from rung.compare import compare
from rung.compare.wiring import Wiring
sys.path.insert(0, sys.argv[3])
import toy_ladder
done = compare(sys.argv[1], workspace=sys.argv[2], lanes=3, wiring=replace(Wiring(), recommend=toy_ladder.recommend))
print([(run.arm.name, run.status, run.reason) for run in done.record.runs if run.status != "done"])
"""


def test_lanes_that_start_in_a_fresh_process_find_every_library_whole(tmp_path: Path, tiny_folder: Path) -> None:
    task = real_ladder.write_task(tmp_path / "t", tiny_folder)
    run(
        task, tmp_path / "w", 1, 1, methods=["zero_shot"]
    )  # all texts are in the cache, so no library is loaded before the lanes
    command = [sys.executable, "-c", RESUMED, str(task), str(tmp_path / "w"), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stdout + done.stderr[-2000:]
