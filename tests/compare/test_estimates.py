"""Guesses of work and memory: ordered as they must be, and right where they can be counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_ladder import HashEncoder, write_task

from rung.compare.arms import Planned
from rung.compare.estimates import Estimates, relative
from rung.dataset import load_dataset
from rung.evaluation.records import Arm
from rung.methods import make
from rung.models.base import ModelInfo
from rung.plan import read_task_file


class Sized(HashEncoder):
    """With the measures of minilm."""

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name="s", kind="encoder", revision="r", parameters=22_713_728, hidden_size=384, layers=6, context_length=512
        )


MODEL = Sized("s")


@pytest.fixture
def estimates(tmp_path: Path) -> Estimates:
    path = write_task(tmp_path / "t")
    return Estimates(load_dataset(read_task_file(path), path.parent))


def planned(name: str, size: int | None = None, **knobs: Any) -> Planned:
    method = make(name, knobs)
    arm = Arm(name=name, method=name, rung=method.rung, model="s", n_train=size)
    return Planned(arm, 0, method, True)


def work(estimates: Estimates, name: str, size: int | None = None, **knobs: Any) -> float:
    return estimates.work(planned(name, size, **knobs), MODEL)


def test_higher_rungs_are_more_work_and_smaller_sets_less(estimates: Estimates) -> None:
    found = [work(estimates, name) for name in ("zero_shot", "frozen_features", "lora", "full_finetune")]
    assert found == sorted(found) and found[2] > 5 * found[1] > 0
    assert work(estimates, "lora", 20) < work(estimates, "lora", 60)
    assert work(estimates, "lora", 99) == 0  # there are only 60 rows: it will be skipped
    assert estimates.work(planned("majority"), None) == 0


def test_the_work_of_a_training_is_counted(estimates: Estimates) -> None:
    # 51 rows for 2 epochs of 3 passes, 9 validation rows judged 3 times, then 60 rows again, then 24 test rows
    counted = (51 * 2 * 3 + 9 * 3 + 60 * 2 * 3 + 24) * estimates.tokens
    assert work(estimates, "full_finetune", epochs=2) == pytest.approx(counted)
    once = counted - 60 * 2 * 3 * estimates.tokens
    assert work(estimates, "full_finetune", epochs=2, refit="never") == pytest.approx(once)
    searched = work(estimates, "full_finetune", epochs=2, refit="never", learning_rate=None)
    assert searched == pytest.approx(once + 3 * (51 * 2 * 3 + 9) * estimates.tokens)


def test_a_larger_model_is_more_work_by_its_layers() -> None:
    assert relative(MODEL.info) == 1
    assert relative(MODEL.info.model_copy(update={"layers": 12, "hidden_size": 768})) == 8


def test_memory_grows_with_what_moves_and_with_the_batch(estimates: Estimates) -> None:
    def size(name: str, **knobs: Any) -> int:
        return estimates.bytes(planned(name, **knobs), MODEL)

    assert 0 < size("zero_shot") < size("frozen_features") < size("lora") < size("full_finetune")
    # 68 bytes a unit of width, layer and token; 32 more rows of the length that one row in twenty exceeds
    more = size("full_finetune", batch_size=64) - size("full_finetune", batch_size=32)
    assert more == pytest.approx(68 * 384 * 6 * 32 * estimates.longest, abs=2e7)
    assert estimates.bytes(planned("majority"), None) == 0
    wide = replace(estimates, shares=4)
    assert wide.bytes(planned("full_finetune"), MODEL) > size("full_finetune") + 3 * 4 * 22_000_000
