"""Memory estimates: ordered as they must be, of the right size where a model was measured, and tied to the methods' defaults."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from rung.models.base import ModelInfo
from rung.models.memory import RANK, USES, Machine, adapter_parameters, needs, this_machine

MINILM = ModelInfo(
    name="minilm", kind="encoder", revision="x", parameters=22_713_728, hidden_size=384, layers=6, context_length=512
)


def test_tuning_more_takes_more() -> None:
    for dtype in ("float32", "bfloat16"):
        found = needs(MINILM, dtype=dtype, shares=2)
        assert list(found) == list(USES) and sorted(found.values()) == list(found.values())
    large = MINILM.model_copy(update={"parameters": 335_000_000, "hidden_size": 1024, "layers": 24})
    assert needs(large)["full_finetune"] > 335e6 * 16  # weights, gradients, two moments
    assert (
        needs(large)["lora"] < needs(large)["full_finetune"] - 335e6 * 12
    )  # gradients and moments of the adapters only
    assert needs(large, shares=4)["full_finetune"] - needs(large)["full_finetune"] == pytest.approx(
        3 * 4 * 335e6, rel=0.01
    )


def test_the_adapter_is_that_of_the_lora_method() -> None:
    from rung.methods import make

    assert make("lora").model_dump()["rank"] == RANK
    # what PEFT makes of all-MiniLM-L6-v2: (4 (384 + 384) + 2 (384 + 1536)) rank 16, 6 layers
    assert adapter_parameters(MINILM) == (4 * 768 + 2 * 1920) * 16 * 6


def test_a_gpu_counts_by_its_own_memory() -> None:
    gpu = Machine(8, 64 * 10**9, 32 * 10**9, "cuda", "GPU", 8 * 10**9, "bfloat16")
    assert gpu.usable == 8 * 10**9 and Machine(8, 64 * 10**9, 32 * 10**9).usable == 32 * 10**9


def test_this_machine_has_memory_and_a_dtype() -> None:
    machine = this_machine()
    assert 0 < machine.free <= machine.memory and machine.cores >= 1 and machine.dtype in ("float32", "bfloat16")


MEASURE = """
import json, resource, sys
from rung.methods import make
from rung.methods.base import Kit
from rung.models import open_model
from rung.task import Context, Example, Label, Task, as_input
task = Task(name="t", labels=(Label(name="a"), Label(name="b")))
words = "the parcel with my new bicycle lamp has not come and nobody tells me where it may be now or when " * 3
rows = [Example(f"train:{i}", as_input(f"{i} {words}"), "ab"[i % 2]) for i in range(160)]
knobs = {} if sys.argv[1] == "frozen_features" else {"epochs": 1.0, "refit": "never"}
make(sys.argv[1], knobs).fit(task, rows[:128], rows[128:], open_model("minilm"), Context(), Kit())
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


@pytest.mark.slow
@pytest.mark.parametrize("use", ["frozen_features", "lora", "full_finetune"])
def test_estimates_lie_at_or_above_the_measured_peak(use: str) -> None:
    from rung.models.device import compute_dtype, workers

    done = subprocess.run([sys.executable, "-c", MEASURE, use], capture_output=True, text=True, check=True)
    peak = json.loads(done.stdout.splitlines()[-1])
    estimate = needs(MINILM, dtype=str(compute_dtype()).removeprefix("torch."), shares=workers())[use]
    assert 0.95 * peak <= estimate <= 1.7 * peak
