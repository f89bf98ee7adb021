"""Killed at any moment and started again, a comparison ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")

#: For processes that fork: libraries that start threads of their own would leave children without them.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def killed(folder: Path, shares: list[list[float]]) -> dict[str, Any]:
    """What `kill_driver` reports for kills at these shares of all points."""
    return driven("kill_driver.py", str(folder), json.dumps(shares))


def driven(name: str, *arguments: str) -> dict[str, Any]:
    """What a driver beside this file prints."""
    command = [sys.executable, str(Path(__file__).with_name(name)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(found: dict[str, Any]) -> None:
    clean = found["clean"]
    assert set(clean["runs"]) == {"common", "centroids", "shrunk"}
    for case in found["cases"]:
        assert case["killed"] >= 1
        assert case["runs"] == clean["runs"]
        assert case["kept"], "a recorded run was changed"
        assert case["again"] == [], "a finished run was run twice"
        assert case["arms"] == clean["arms"]
        assert case["left"] == []
        assert case["timed"] == 3


def test_kill_at_points_spread_over_the_run(tmp_path: Path) -> None:
    found = killed(tmp_path, [[(i + 0.5) / 16] for i in range(16)])
    check(found)
    # the kills did fall before, between and after the recording of runs
    assert {case["before"] for case in found["cases"]} == {0, 1, 2, 3}


def test_kill_several_times_at_random_points(tmp_path: Path) -> None:
    draw = random.Random(0)
    check(killed(tmp_path, [[draw.uniform(0.01, 0.9) for _ in range(4)] for _ in range(5)]))


@pytest.mark.slow
def test_kill_at_every_point(tmp_path: Path) -> None:
    check(killed(tmp_path, [[i / 400] for i in range(1, 400)]))


def kill_by_bytes(folder: Path, model: Path, **wanted: Any) -> None:
    """Kill at random numbers of bytes written; check predictions, weights, records and what is left on the disk."""
    found = driven("byte_kill_driver.py", str(folder), str(model), json.dumps(wanted))
    clean, cases = found["clean"], found["cases"]
    assert len(clean["runs"]) == 12 and {run[0] for run in clean["runs"].values()} == {"done"}
    for case in cases:
        assert case["runs"] == clean["runs"], "other predictions or weights"
        assert case["kept"], "a recorded run was changed"
        assert case["again"] == [], "a finished run was run twice"
        assert (case["arms"], case["left"], case["timed"]) == (clean["arms"], [], 12)
    assert sum(case["killed"] for case in cases) == wanted["kills"] * len(wanted["lanes"])
    assert sum(case["resumed"] for case in cases) >= len(wanted["lanes"]), "no training went on from a checkpoint"


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the bytes a process has written")
def test_kill_thirty_times_at_random_numbers_of_bytes_written(tmp_path: Path, tiny_folder: Path) -> None:
    kill_by_bytes(tmp_path, tiny_folder, seed=0, kills=10, lanes=[1, 1, 2])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts the bytes a process has written")
@pytest.mark.parametrize("seed", range(1, 6))
def test_kill_many_times_at_random_numbers_of_bytes_written(tmp_path: Path, tiny_folder: Path, seed: int) -> None:
    kill_by_bytes(tmp_path, tiny_folder, seed=seed, kills=15, lanes=[1, 2, 3, 1])
