"""The three files: schema, row counts, atomic writing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rung.errors import StorageError
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import MetricValue, Verdict
from rung.report.files import predictions_table, verdict_json, write


def test_write_makes_three_files_and_nothing_else(
    comparison: ComparisonRecord, verdict: Verdict, tmp_path: Path
) -> None:
    paths = write(comparison, verdict, tmp_path / "new" / "folder")
    assert set(paths) == {"verdict.json", "report.html", "predictions.parquet"}
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == set(paths)
    assert paths["report.html"].read_text(encoding="utf-8").startswith("<!doctype html>")
    first = {name: path.read_bytes() for name, path in paths.items()}
    assert {
        name: path.read_bytes() for name, path in write(comparison, verdict, tmp_path / "new" / "folder").items()
    } == first


def test_verdict_json_holds_what_the_issue_asks_for(
    comparison: ComparisonRecord, verdict: Verdict, tmp_path: Path
) -> None:
    facts = json.loads(write(comparison, verdict, tmp_path)["verdict.json"].read_text(encoding="utf-8"))
    assert facts["recommended"]["method"] == "frozen_features" and facts["recommended"]["model"] == "minilm"
    assert facts["decided"] is True and facts["reasons"] == list(verdict.reasons)
    assert (
        facts["score"]["value"] == pytest.approx(verdict.score.value)
        and facts["score_corrected"] < facts["score"]["value"]
    )  # type: ignore[union-attr]
    wanted = {"arm", "method", "model", "n_train", "seeds", "status", "reason", "metrics", "latency_ms_p50"}
    wanted |= {"train_seconds", "cost_usd_per_1k", "gap", "gap_bound", "runs"}
    assert len(facts["arms"]) == 12 and all(wanted <= set(arm) for arm in facts["arms"])
    assert [arm["rung"] for arm in facts["arms"]] == sorted(arm["rung"] for arm in facts["arms"])
    by_status = {arm["status"]: arm for arm in facts["arms"]}
    assert set(by_status) == {"done", "skipped", "failed"}
    assert "data_leaves_machine" in by_status["skipped"]["reason"] and "memory" in by_status["failed"]["reason"]
    assert {"value", "low", "high"} <= set(by_status["done"]["metrics"]["accuracy"])


def test_each_arm_names_runs_that_are_there(comparison: ComparisonRecord, verdict: Verdict) -> None:
    facts = verdict_json(comparison, verdict)
    known = {run["run"] for run in facts["runs"]}
    assert len(known) == len(comparison.runs)
    assert {name for arm in facts["arms"] for name in arm["runs"]} == known
    assert all(len(run["prediction_sha"]) == 64 for run in facts["runs"] if run["status"] == "done")


def test_undefined_numbers_are_null(comparison: ComparisonRecord, verdict: Verdict) -> None:
    odd = verdict.arms[1].model_copy(update={"metrics": {"accuracy": MetricValue(value=math.nan, low=-math.inf)}})
    facts = verdict_json(comparison, verdict.model_copy(update={"arms": (odd,), "score_corrected": None}))
    assert facts["arms"][0]["metrics"]["accuracy"]["value"] is None
    assert facts["score_corrected"] is None
    json.dumps(facts, allow_nan=False)


def test_nothing_recommended_is_null(nothing_done: tuple[ComparisonRecord, Verdict], tmp_path: Path) -> None:
    paths = write(*nothing_done, tmp_path)
    facts = json.loads(paths["verdict.json"].read_text(encoding="utf-8"))
    assert facts["recommended"] is None and facts["decided"] is False
    assert pq.read_table(paths["predictions.parquet"]).num_rows == 0


def test_one_row_per_arm_seed_and_test_row(comparison: ComparisonRecord, verdict: Verdict, tmp_path: Path) -> None:
    table = pq.read_table(write(comparison, verdict, tmp_path)["predictions.parquet"])
    rows = table.to_pylist()
    assert len(rows) == 10 * 3 * 240
    assert len({(r["arm_id"], r["seed"], r["row"]) for r in rows}) == len(rows)
    assert all(r["score"] == float(r["expected"] == r["output"]) for r in rows)
    assert json.loads(table.schema.metadata[b"labels"]) == list(comparison.task.label_names)
    assert len(rows[0]["probabilities"]) == 10


def test_several_labels_are_lists(comparison: ComparisonRecord) -> None:
    run = comparison.runs[0]
    rows = (run.rows[0].model_copy(update={"expected": ("a", "b"), "output": None, "probabilities": None}),)
    several = comparison.model_copy(
        update={
            "runs": (run.model_copy(update={"rows": rows}),),
            "task": comparison.task.model_copy(update={"multi_label": True}),
        }
    )
    (row,) = predictions_table(several).to_pylist()
    assert row["expected"] == ["a", "b"] and row["output"] is None and row["probabilities"] is None


def test_a_folder_that_cannot_be_written_is_a_clear_error(
    comparison: ComparisonRecord, verdict: Verdict, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot write"):
        write(comparison, verdict, tmp_path / "file")
