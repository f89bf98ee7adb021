"""`predict` uses the arm that was judged, from disk, in another process's memory or not, and says what cannot be used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from toy_ladder import ENCODERS, WIRING, write_task

from rung.compare import Comparison, compare, predict
from rung.errors import ModelError, UnknownNameError, UsageError
from rung.evaluation.summary import Verdict

METHODS = ["common", "broken", {"centroids": {}}, {"method": "centroids", "knobs": {"steps": 1}, "name": "quick"}]


@pytest.fixture
def done(tmp_path: Path) -> Comparison:
    ENCODERS.clear()
    return compare(write_task(tmp_path / "t", methods=METHODS), workspace=tmp_path / "w", wiring=WIRING)


def test_predictions_are_those_that_were_judged(done: Comparison, tmp_path: Path) -> None:
    ENCODERS.clear()
    texts = [done.record.inputs[f"test:{i}"] for i in range(24)]
    for run in done.record.runs:
        if run.status == "done":
            for name in (run.arm.name, run.arm.id):
                found = predict("toy", texts, name, workspace=tmp_path / "w", wiring=WIRING)
                assert [p.output for p in found] == [row.output for row in run.rows]


def test_without_a_name_the_recommended_arm_answers(done: Comparison, tmp_path: Path) -> None:
    texts = list(done.record.inputs.values())
    (best,) = [run for run in done.record.runs if run.arm.id == done.verdict.recommended]
    found = predict("last", texts, workspace=tmp_path / "w", wiring=WIRING)
    assert [p.output for p in found] == [row.output for row in best.rows]
    assert predict("last", [], workspace=tmp_path / "w", wiring=WIRING) == []
    nobody = replace(WIRING, recommend=lambda record: Verdict(recommended=None, decided=False, headline="none is good"))
    with pytest.raises(UsageError, match="no arm is recommended: none is good"):
        predict("last", texts, workspace=tmp_path / "w", wiring=nobody)


def test_names_that_cannot_be_used(done: Comparison, tmp_path: Path) -> None:
    def ask(comparison: str, arm: str) -> None:
        predict(comparison, ["x"], arm, workspace=tmp_path / "w", wiring=WIRING)

    with pytest.raises(UnknownNameError, match="comparison named 'tot'"):
        ask("tot", "common")
    with pytest.raises(UnknownNameError, match="arm named 'comon'") as error:
        ask("toy", "comon")
    assert "did you mean 'common'?" in str(error.value)
    with pytest.raises(UsageError, match="was not fitted \\(failed\\): the loss became NaN"):
        ask("toy", "broken")
    ask("toy", "centroids")


def test_a_method_names_its_only_arm(tmp_path: Path) -> None:
    plan = [{"method": "common", "knobs": {}, "name": "usual"}, *METHODS[2:], {"centroids": {"steps": 2}}]
    compare(write_task(tmp_path / "t", methods=plan[:2]), workspace=tmp_path / "w", wiring=WIRING)
    assert len(predict("toy", ["x"], "common", workspace=tmp_path / "w", wiring=WIRING)) == 1
    compare(
        write_task(
            tmp_path / "t", methods=[*METHODS[3:], {"method": "centroids", "knobs": {"steps": 2}, "name": "two"}]
        ),
        workspace=tmp_path / "other",
        wiring=WIRING,
    )
    with pytest.raises(UsageError, match="2 arms use the method 'centroids'"):
        predict("toy", ["x"], "centroids", workspace=tmp_path / "other", wiring=WIRING)


def test_an_arm_that_was_tampered_with_is_refused(done: Comparison, tmp_path: Path) -> None:
    (run,) = [run for run in done.record.runs if run.arm.name == "centroids"]
    path = done.folder / (run.fitted_path or "") / "fitted.json"
    found = json.loads(path.read_text())
    found["vectors"][0][1][0] += 1e-6
    path.write_text(json.dumps(found))
    with pytest.raises(ModelError, match="not the one that was judged"):
        predict("toy", ["x"], "centroids", workspace=tmp_path / "w", wiring=WIRING)
