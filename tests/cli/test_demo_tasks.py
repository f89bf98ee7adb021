"""`rung demo --task`: which tasks there are, and that each is sound."""

from __future__ import annotations

import pytest
from toy_task import Run

import rung
from rung.api import DEMO, DEMOS
from rung.cli.app import Demo


def test_every_bundled_task_has_its_name() -> None:
    assert list(DEMOS) == [demo.value for demo in Demo] and DEMOS["support"] == DEMO


@pytest.mark.parametrize("demo", DEMOS)
def test_nothing_is_wrong_with_the_data_but_its_size(demo: str) -> None:
    audit = rung.check(DEMOS[demo], tokens=False)
    assert {finding.code for finding in audit.findings} <= {"small_test"}
    assert audit.to_dict()["overlap"]["train_test"]["near"] == 0


def test_an_unknown_task_is_refused_with_the_names(run: Run) -> None:
    done = run("demo", "--task", "poems")
    assert done.code == 2 and all(name in done.err for name in DEMOS)
