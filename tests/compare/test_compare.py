"""A comparison from task file to records: what runs, what is charged, what is recorded, and what goes wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toy_ladder
from toy_ladder import ENCODERS, WIRING, write_task

from rung.compare import Comparison, compare
from rung.errors import StorageError, TaskFileError, UsageError
from rung.evaluation.records import Run
from rung.events import Event, Events
from rung.store import Store
from rung.workspace import Workspace


@pytest.fixture(autouse=True)
def fresh_models() -> None:
    ENCODERS.clear()


def run_task(path: Path, tmp_path: Path, name: str = "w", **options: Any) -> Comparison:
    return compare(path, workspace=tmp_path / name, wiring=options.pop("wiring", WIRING), **options)


def by_name(comparison: Comparison) -> dict[str, Run]:
    return {run.arm.name: run for run in comparison.record.runs}


def test_every_arm_is_run_judged_saved_and_timed(tmp_path: Path) -> None:
    done = run_task(write_task(tmp_path / "t"), tmp_path)
    runs = by_name(done)
    assert list(runs) == ["common", "centroids", "shrunk"]
    assert {run.status for run in runs.values()} == {"done"}
    assert runs["common"].arm.model is None
    assert runs["centroids"].arm.model_revision == ENCODERS["hash"].info.revision
    assert all(len(run.rows) == 24 for run in runs.values())
    assert [row.row for row in runs["shrunk"].rows] == [f"test:{i}" for i in range(24)]
    assert sum(row.score for row in runs["shrunk"].rows) > sum(row.score for row in runs["common"].rows)
    assert {latency.arm_id for latency in done.record.latencies} == {run.arm.id for run in runs.values()}
    assert all((done.folder / (run.fitted_path or "?") / "fitted.json").exists() for run in runs.values())
    assert not any((done.folder / "checkpoints").iterdir())
    assert done.record.counts == {"train": 60, "validation": 0, "test": 24, "overlap_removed": 0}
    assert runs["centroids"].environment["versions"]["python"]
    assert runs["centroids"].details == {"scale": runs["centroids"].details["scale"], "steps": 3}


def test_same_command_runs_nothing_again_and_a_new_arm_alone(tmp_path: Path) -> None:
    first = run_task(write_task(tmp_path / "t", methods=["common", "centroids"]), tmp_path)
    again = run_task(write_task(tmp_path / "t", methods=["common", "centroids"]), tmp_path)
    assert again.record == first.record
    more = run_task(write_task(tmp_path / "t"), tmp_path)
    assert more.record.id == first.record.id
    assert more.record.runs[:2] == first.record.runs
    assert [run.arm.name for run in more.record.runs] == ["common", "centroids", "shrunk"]


def test_fresh_start_is_a_comparison_of_its_own_that_later_calls_go_on_with(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", methods=["common"])
    first = run_task(path, tmp_path)
    fresh = run_task(path, tmp_path, resume=False)
    assert fresh.record.id == f"{first.record.id}-2"
    assert run_task(path, tmp_path).record == fresh.record


def test_limits_may_change_without_running_anything(tmp_path: Path) -> None:
    first = run_task(write_task(tmp_path / "t", methods=["common"]), tmp_path)
    other = run_task(write_task(tmp_path / "t", methods=["common"], limits={"tolerance": 0.05}), tmp_path)
    assert other.record.limits.tolerance == 0.05
    assert (other.record.runs, other.record.created_at) == (first.record.runs, first.record.created_at)


def test_a_failing_arm_stops_no_other_and_is_tried_again(tmp_path: Path) -> None:
    methods: list[Any] = [{"broken": {"ours": True}}, {"method": "broken", "knobs": {"ours": False}, "name": "odd"}]
    path = write_task(tmp_path / "t", methods=[*methods, "refuses", "centroids"])
    runs = by_name(run_task(path, tmp_path))
    assert {name: run.status for name, run in runs.items()} == {
        "broken": "failed",
        "odd": "failed",
        "refuses": "skipped",
        "centroids": "done",
    }
    assert runs["broken"].reason == "the loss became NaN\n  what to do: lower the learning rate"
    assert runs["odd"].reason == "unexpected ZeroDivisionError: division by zero"
    assert runs["refuses"].reason == "it never runs"
    again = by_name(run_task(path, tmp_path))
    assert again["centroids"] == runs["centroids"]
    assert again["broken"].started_at > runs["broken"].started_at
    assert again["refuses"].started_at > runs["refuses"].started_at


def test_names_are_unique_and_say_what_differs(tmp_path: Path) -> None:
    path = write_task(
        tmp_path / "t",
        models=["hash", "other"],
        sizes=[10, 40, 99],
        methods=["common", "centroids", {"centroids": {"steps": 1}}, {"method": "shrunk", "knobs": {}, "name": "mine"}],
    )
    done = run_task(path, tmp_path)
    names = [run.arm.name for run in done.record.runs]
    assert len(names) == len(set(names)) == 3 + 6 + 6 + 6
    assert {"common n=10", "centroids@hash n=10", "centroids@other n=40 (steps=1)", "mine@hash n=40"} <= set(names)
    too_large = [run for run in done.record.runs if run.arm.n_train == 99]
    assert {(run.status, run.reason) for run in too_large} == {("skipped", "there are only 60 training rows")}
    assert {run.n_train for run in done.record.runs if run.arm.n_train == 10} == {10}


def test_a_name_keeps_meaning_the_arm_it_was_first_given_to(tmp_path: Path) -> None:
    run_task(write_task(tmp_path / "t", methods=["centroids"]), tmp_path)
    done = run_task(write_task(tmp_path / "t", methods=[{"centroids": {"steps": 1}}]), tmp_path)
    assert {run.arm.name: run.arm.knobs["steps"] for run in done.record.runs} == {
        "centroids": 3,
        "centroids (steps=1)": 1,
    }


def test_seeds_are_runs_of_one_arm_and_only_the_first_is_saved(tmp_path: Path) -> None:
    done = run_task(write_task(tmp_path / "t", methods=["centroids"], seeds=[3, 4]), tmp_path)
    assert [(run.seed, run.fitted_path is not None) for run in done.record.runs] == [(3, True), (4, False)]
    assert len({run.arm.id for run in done.record.runs}) == 1
    assert len({run.weights_sha for run in done.record.runs}) == 2


def test_overrides_replace_the_plan(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t")
    done = run_task(path, tmp_path, methods=["centroids"], models=["other"], sizes=[20], seeds=[7])
    assert [(r.arm.method, r.arm.model, r.arm.n_train, r.seed) for r in done.record.runs] == [
        ("centroids", "other", 20, 7)
    ]
    with pytest.raises(UsageError, match="at least 2"):
        run_task(path, tmp_path, sizes=[1])


def test_given_validation_rows_are_used_and_not_learnt_from(tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    class Watching(toy_ladder.Common):
        def fit(self, task: Any, train: Any, validation: Any, model: Any, context: Any, kit: Any) -> Any:
            seen.update(train=len(train), validation=len(validation), refit=kit.refit)
            return super().fit(task, train, validation, model, context, kit)

    wiring = replace(WIRING, make_method=lambda name, knobs: Watching(**knobs))
    run_task(write_task(tmp_path / "t", methods=["common"]), tmp_path, wiring=wiring)
    assert seen == {"train": 48, "validation": 12, "refit": True}
    rows = (tmp_path / "t" / "train.jsonl").read_text().splitlines(keepends=True)
    path = write_task(tmp_path / "t", methods=["common"], validation="validation.jsonl")
    (tmp_path / "t" / "train.jsonl").write_text("".join(rows[:50]))
    (tmp_path / "t" / "validation.jsonl").write_text("".join(rows[50:]))
    run_task(path, tmp_path, wiring=wiring)
    assert seen == {"train": 50, "validation": 10, "refit": False}


def said(run: Run) -> tuple[Any, ...]:
    """All of a run that must not depend on the test labels."""
    outputs = tuple((row.row, row.output, row.confidence, row.probabilities) for row in run.rows)
    costs = (run.train_seconds, run.predict_seconds, run.tokens_in)
    return outputs, run.details, run.weights_sha, run.prediction_sha, run.validation_score, run.arm, costs


def test_permuting_the_test_labels_changes_scores_only(tmp_path: Path) -> None:
    real = run_task(write_task(tmp_path / "t"), tmp_path, "one")
    ENCODERS.clear()
    flipped = run_task(write_task(tmp_path / "f", flipped=True), tmp_path, "two")
    assert [said(run) for run in flipped.record.runs] == [said(run) for run in real.record.runs]
    scores = [[row.score for row in run.rows] for run in real.record.runs]
    assert [[1 - row.score for row in run.rows] for run in flipped.record.runs] == scores
    assert 0 < sum(map(sum, scores)) < 72


@pytest.mark.parametrize("order", [["shrunk", "centroids"], ["centroids", "shrunk"]])
def test_costs_stand_alone_whatever_ran_before(tmp_path: Path, order: list[str]) -> None:
    alone = {}
    for name in order:
        ENCODERS.clear()
        (run,) = run_task(write_task(tmp_path / "t", methods=[name]), tmp_path, f"alone-{name}").record.runs
        rows = (tmp_path / "t" / "train.jsonl").read_text().splitlines()
        encoding_s = sum(len(json.loads(row)["text"].split()) for row in rows) / 100
        # the texts were encoded before the clock ran, and are charged as if this arm had done it
        assert (run.train_seconds or 0) - (run.wall_seconds or 0) == pytest.approx(encoding_s)
        alone[name] = run
    ENCODERS.clear()
    first, second = order
    run_task(write_task(tmp_path / "t", methods=[first]), tmp_path, "both")
    together = by_name(run_task(write_task(tmp_path / "t", methods=order), tmp_path, "both"))
    for name in order:
        assert together[name].train_seconds == pytest.approx(alone[name].train_seconds)
        assert together[name].predict_seconds == pytest.approx(alone[name].predict_seconds)
    assert (together[second].wall_seconds or 0) < (together[second].train_seconds or 0) - 1
    assert (together[second].predict_seconds or 0) > 1


def test_latency_is_measured_without_the_cache_and_after_all_fitting(tmp_path: Path) -> None:
    order: list[str] = []
    events = Events((lambda event: order.append(event.source) if event.kind in ("finished", "progress") else None,))
    done = run_task(write_task(tmp_path / "t"), tmp_path, events=events)
    assert max(i for i, name in enumerate(order) if name == "shrunk") < order.index("latency")
    times = {latency.arm_id: latency for latency in done.record.latencies}
    runs = by_name(done)
    assert times[runs["common"].arm.id].p50_ms == pytest.approx(1.0)
    assert times[runs["centroids"].arm.id].p50_ms == pytest.approx(61.0)  # six words and a prediction
    assert times[runs["centroids"].arm.id].rows_per_s == pytest.approx(1 / 0.061)


def test_progress_tells_arms_done_and_time_left(tmp_path: Path) -> None:
    seen: list[Event] = []
    run_task(write_task(tmp_path / "t"), tmp_path, events=Events((seen.append,)))
    overall = [(e.done, e.total) for e in seen if e.kind == "progress" and e.source == ""]
    assert overall == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [e.source for e in seen if e.kind == "finished"] == ["common", "centroids", "shrunk"]


def test_interrupt_keeps_what_is_done(tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.kind == "started" and event.source == "shrunk":
            raise KeyboardInterrupt

    path = write_task(tmp_path / "t")
    with pytest.raises(KeyboardInterrupt):
        run_task(path, tmp_path, events=Events((stop,)))
    with Store(Workspace(tmp_path / "w").store) as store:
        before = store.comparison().runs
    assert [run.arm.name for run in before] == ["common", "centroids"]
    assert run_task(path, tmp_path).record.runs[:2] == before


def test_two_at_once_get_a_clear_message(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", methods=["common"])
    done = run_task(path, tmp_path)
    workspace = Workspace(tmp_path / "w")
    with workspace.lock(done.record.id), pytest.raises(StorageError, match="run by another process") as error:
        run_task(path, tmp_path)
    assert "what to do" in str(error.value)
    assert run_task(path, tmp_path).record == done.record


def test_mistakes_are_told_before_anything_is_run(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError):
        run_task(tmp_path / "none.yaml", tmp_path)
    path = write_task(tmp_path / "t")

    def unknown(name: str) -> Any:
        raise UsageError(f"no model {name}")

    with pytest.raises(UsageError, match="no model hash"):
        run_task(path, tmp_path, wiring=replace(WIRING, open_model=unknown))
    assert not (tmp_path / "w").exists()


def test_report_is_written_where_asked(tmp_path: Path) -> None:
    written: list[tuple[Any, ...]] = []
    wiring = replace(WIRING, write_report=lambda *given: written.append(given))
    done = run_task(write_task(tmp_path / "t", methods=["common"]), tmp_path, wiring=wiring, out=tmp_path / "out")
    assert written == [(done.record, done.verdict, tmp_path / "out")]


class FullDisk(toy_ladder.Common):
    """Its `save` meets a full disk as libraries written in Rust tell it."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        fitted = super().fit(*args, **kwargs)

        class Cannot(toy_ladder.FittedToy):
            def save(self, folder: Path) -> None:
                (folder / "half").write_text("half")
                raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

        return Cannot(**{name: getattr(fitted, name) for name in fitted.__dataclass_fields__})


def test_full_disk_stops_with_one_message_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = write_task(tmp_path / "t", methods=["common", "centroids"])
    wiring = replace(WIRING, make_method=lambda n, k: FullDisk() if n == "common" else toy_ladder.TOYS[n](**k))
    with pytest.raises(StorageError, match="the disk is full"):
        run_task(path, tmp_path, wiring=wiring)
    with Store(Workspace(tmp_path / "w").store) as store:
        record = store.comparison()
    assert record.runs == ()
    assert list((tmp_path / "w" / "comparisons" / record.id / "arms").iterdir()) == []
    assert {run.status for run in run_task(path, tmp_path).record.runs} == {"done"}
