"""Texts are encoded once, before the arms start, as far as an arm that is still to be run will ask for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_ladder import ENCODERS, WIRING, write_task

from rung.compare import compare
from rung.events import Event, Events


@pytest.fixture(autouse=True)
def fresh_models() -> None:
    ENCODERS.clear()


def encoded_before_arms(path: Path, workspace: Path, **options: Any) -> tuple[Counter[str], list[Event]]:
    """The texts encoded before the first arm started, and all events."""
    before: Counter[str] = Counter()
    seen: list[Event] = []

    def note(event: Event) -> None:
        if event.kind == "started" and not any(e.kind == "started" for e in seen):
            before.update(text for model in ENCODERS.values() for text in model.encoded)
        seen.append(event)

    compare(path, workspace=workspace, wiring=WIRING, events=Events((note,)), **options)
    return before, seen


def test_all_rows_in_one_pass_before_the_first_arm(tmp_path: Path) -> None:
    before, _ = encoded_before_arms(write_task(tmp_path / "t"), tmp_path / "w")
    assert len(before) == 84 and set(before.values()) == {1}
    # arms, seeds and predictions found all of it; the rest is the latency phase, which remembers nothing
    assert sum(text not in before and text != "warm-up" for text in ENCODERS["hash"].encoded) == 0


def test_each_model_encodes_for_itself(tmp_path: Path) -> None:
    before, _ = encoded_before_arms(write_task(tmp_path / "t", models=["hash", "other"]), tmp_path / "w")
    assert set(before.values()) == {2}


def test_nothing_is_encoded_for_arms_that_are_done_or_need_no_model(tmp_path: Path) -> None:
    before, _ = encoded_before_arms(write_task(tmp_path / "t", methods=["common"]), tmp_path / "w")
    assert before == Counter()
    path = write_task(tmp_path / "t")
    compare(path, workspace=tmp_path / "w", wiring=WIRING)
    ENCODERS.clear()
    compare(path, workspace=tmp_path / "w", wiring=WIRING)
    assert not ENCODERS["hash"].encoded


def test_rows_that_only_tuned_trunks_read_are_left_out(tmp_path: Path) -> None:
    from toy_ladder import HashEncoder

    from rung.compare.sharing import _apart, _reads, _wanted
    from rung.dataset import load_dataset
    from rung.methods import make
    from rung.plan import read_task_file
    from rung.task import as_input

    path = write_task(tmp_path / "t")
    dataset = load_dataset(read_task_file(path), path.parent)
    model = HashEncoder("hash")
    assert [_reads(make(name), "classify") for name in ("zero_shot", "frozen_features", "lora")] == [
        "all",
        "all",
        "train",
    ]
    assert [_reads(make(name), "extract") for name in ("nearest_example", "lora")] == ["all", ""]

    def counted(*names: str) -> dict[bool, int]:
        return {apart: len(rows) for apart, rows in _wanted([make(n) for n in names], dataset, model).items()}

    assert counted("lora") == {False: 60}
    assert counted("lora", "zero_shot") == {False: 84}
    assert counted("contrastive") == counted() == {}  # it tunes its own trunk from the first step
    as_pair = replace(dataset.train[0], input=as_input(("one", "other")))
    dataset = replace(dataset, train=(as_pair, *dataset.train[1:]))
    assert _apart(make("frozen_features"), dataset) and not _apart(make("lora"), dataset)


def test_arms_are_planned_with_their_work_and_memory(tmp_path: Path) -> None:
    _, seen = encoded_before_arms(write_task(tmp_path / "t"), tmp_path / "w")
    planned = {event.source: event.values for event in seen if event.kind == "planned"}
    assert list(planned) == ["common", "centroids", "shrunk"]
    assert planned["common"] == {"work": 0.0, "bytes": 0.0} and planned["shrunk"]["bytes"] > 0
    finished = {event.source: event.values for event in seen if event.kind == "finished"}
    assert set(finished) == set(planned) and all(0 <= values["score"] <= 1 for values in finished.values())
