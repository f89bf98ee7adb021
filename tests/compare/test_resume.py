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


def killed(folder: Path, shares: list[list[float]]) -> dict[str, Any]:
    """What `kill_driver` reports for kills at these shares of all points."""
    driver = Path(__file__).with_name("kill_driver.py")
    command = [sys.executable, str(driver), str(folder), json.dumps(shares)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
