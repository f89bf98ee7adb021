"""The step through `accelerate`: the same sums as the threaded one, in one process and in two."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.training.test_loop import RECIPE, Line

from rung.training.steps import AcceleratedStep, ThreadedStep

TWO = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from rung.training import train
from rung.training.checkpoints import Checkpoints
from pathlib import Path
from tests.training.test_loop import RECIPE, Line
line = Line(noise=0.0)
progress = train(line, RECIPE, checkpoints=Checkpoints(Path(sys.argv[2]), every_s=0))
if os.environ["RANK"] == "0":
    print(json.dumps({"weight": line.module.weight.tolist(), "steps": progress.step}))
torch.distributed.destroy_process_group()
"""


def test_one_process_makes_the_threaded_step() -> None:
    weights = []
    for make in (
        lambda line: ThreadedStep(line, RECIPE, 1, torch.float32, 1.0),
        lambda line: AcceleratedStep(line, RECIPE, 1.0),
    ):
        line = Line(noise=0.0)
        step = make(line)
        losses = [step(list(range(i, i + 8)), i, 1.0) for i in range(5)]
        weights.append((losses, line.module.weight.detach().clone()))
    assert weights[0][0] == pytest.approx(weights[1][0], rel=1e-5)
    torch.testing.assert_close(weights[0][1], weights[1][1], rtol=1e-5, atol=1e-6)


def test_two_processes_end_where_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rung.training import train

    monkeypatch.setattr("rung.training.loop.compute_dtype", lambda: torch.float32)  # as `accelerate` does on a CPU
    alone = Line(noise=0.0)
    train(alone, RECIPE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = str(Path(__file__).resolve().parents[2])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RUNG_DEVICE": "cpu"}
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", TWO, root, str(tmp_path)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank), "ACCELERATE_USE_CPU": "true"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    outputs = [process.communicate(timeout=180) for process in ranks]
    assert [process.returncode for process in ranks] == [0, 0], outputs[0][1][-2000:] + outputs[1][1][-2000:]
    found = json.loads(outputs[0][0].strip().splitlines()[-1])
    assert found["steps"] == 96
    torch.testing.assert_close(torch.tensor(found["weight"]), alone.module.weight.detach(), rtol=1e-4, atol=1e-5)
    assert len(list(tmp_path.glob("step-*"))) == 1, "one process writes checkpoints"
