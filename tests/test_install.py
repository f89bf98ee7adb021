"""What got installed: the CPU build of torch where there is no GPU, and the versions that were tested together."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def test_no_gpu_packages_on_a_machine_without_a_gpu() -> None:
    if shutil.which("nvidia-smi") or Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has a GPU")
    names = {str(found.metadata["Name"]).lower() for found in importlib.metadata.distributions()}
    assert sorted(name for name in names if name.startswith(("nvidia-", "cuda-"))) == []


def test_torch_is_pinned_without_a_build() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(r"^torch==[\d.]+$", pins, re.M), "a local version (+cpu) is on no index"


def test_what_the_constraints_name_is_what_runs_here() -> None:
    pins = re.findall(r"^([A-Za-z][\w.-]*)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    here = {}
    for name, _ in pins:
        try:
            here[name] = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed
    assert here["torch"] and {name: version for name, version in pins if name in here and here[name] != version} == {}
