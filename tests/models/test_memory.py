"""Memory estimates: ordered as they must be, of the right size where a model was measured, and tied to the methods' defaults."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from rung.models.base import ModelInfo
from rung.models.memory import (
    PROCESS,
    RANK,
    TRAIN_TOKENS,
    USE_OF,
    USES,
    Headroom,
    Machine,
    adapter_parameters,
    arm_needs,
    needs,
    this_machine,
)

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


def test_an_arm_needs_what_its_use_needs_beside_the_process() -> None:
    given: dict[str, Any] = {"rows": 0, "batch_tokens": TRAIN_TOKENS, "dtype": "float32", "shares": 2}
    whole = needs(MINILM, shares=2)
    for learns, use in USE_OF.items():
        assert arm_needs(MINILM, learns, **given) == whole[use] - PROCESS
    # vectors of three layers, in the five arrays that stand side by side while a classifier is fitted
    more = arm_needs(MINILM, "head", **{**given, "rows": 100_000}) - arm_needs(MINILM, "head", **given)
    assert more == pytest.approx(100_000 * 384 * 3 * 5 * 4, abs=1e7)


def test_every_method_has_a_use() -> None:
    from rung.methods import METHODS, method_class

    assert {method_class(name).learns for name in METHODS} <= set(USE_OF)


def test_headroom_is_what_is_free_and_what_was_taken_since() -> None:
    class Fake(Headroom):
        free, taken = 10 * 10**9, 2 * 10**9

        def _free(self) -> int:
            return self.free

        def _taken(self) -> int:
            return self.taken

    headroom = Fake()
    assert headroom() == 9 * 10**9
    headroom.free, headroom.taken = 6 * 10**9, 6 * 10**9  # arms of this process took four
    assert headroom() == 9 * 10**9
    headroom.free = 10**9  # another program took the rest
    assert headroom() == pytest.approx(4.5 * 10**9)
    headroom.taken = 10**9
    assert headroom() == pytest.approx(0.9 * 10**9)


def test_headroom_of_this_machine() -> None:
    machine = this_machine()
    assert 0 < Headroom()() < machine.memory


MEASURE = """
import json, resource, sys
from rung.methods import make, method_class
from rung.methods.base import Kit
from rung.models import open_model
from rung.task import Context, Example, Label, Task, as_input
task = Task(name="t", labels=(Label(name="a"), Label(name="b")))
words = "the parcel with my new bicycle lamp has not come and nobody tells me where it may be now or when " * 3
rows = [Example(f"train:{i}", as_input(f"{i} {words}"), "ab"[i % 2]) for i in range(160)]
wanted = {"epochs": 1.0, "refit": "never", "passes": 1, "learning_rate": 1e-4}
knobs = {knob: value for knob, value in wanted.items() if knob in method_class(sys.argv[1]).model_fields}
make(sys.argv[1], knobs).fit(task, rows[:128], rows[128:], open_model("minilm"), Context(), Kit())
print(json.dumps(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "use", ["frozen_features", "head_only", "contrastive", "prompt_tuning", "prefix_tuning", "lora", "full_finetune"]
)
def test_estimates_lie_at_or_above_the_measured_peak(use: str) -> None:
    from rung.compare.estimates import _rows_a_step
    from rung.methods import make
    from rung.models.device import compute_dtype, workers

    done = subprocess.run([sys.executable, "-c", MEASURE, use], capture_output=True, text=True, check=True)
    peak = json.loads(done.stdout.splitlines()[-1])
    dtype = str(compute_dtype()).removeprefix("torch.")
    tokens = _rows_a_step(make(use)) * 64  # the rows of MEASURE are 62 to 64 tokens long
    learns = make(use).learns
    estimate = PROCESS + arm_needs(MINILM, learns, rows=160, batch_tokens=tokens, dtype=dtype, shares=workers())
    print(use, f"estimate {estimate / 1e6:.0f} MB, peak {peak / 1e6:.0f} MB")
    assert 0.95 * peak <= estimate <= 2.5 * peak
