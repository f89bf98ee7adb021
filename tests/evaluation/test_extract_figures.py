"""The figures of an extract task, over one seed and several, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest

from rung import metrics
from rung.entities import Entity, dump
from rung.evaluation.aggregate import tabulate
from rung.evaluation.kinds import metric_name, metric_of
from rung.evaluation.records import Arm, ComparisonRecord, RowResult, Run
from rung.plan import Limits, Prices
from rung.task import Label, Task

TASK = Task(name="trips", kind="extract", labels=(Label(name="city"), Label(name="day")))
TEXT = "Rome Bonn Oslo today"
WORDS = (Entity("city", "Rome", 0, 4), Entity("city", "Bonn", 5, 9), Entity("city", "Oslo", 10, 14))
DAY = Entity("day", "today", 15, 20)


def run_of(seed: int = 0, rows: int = 80, skill: float = 0.8, name: str = "tagger", group: int = 0, **how) -> Run:
    random, truth = np.random.default_rng(seed), np.random.default_rng(1)
    found = []
    for i in range(rows):
        wanted = [e for e in (*WORDS, DAY) if truth.random() < how.get("share", 0.5)]
        given = [e for e in (*WORDS, DAY) if (random.random() < skill) == (e in wanted)]
        output = how.get("output", dump(given))
        score = metrics.exact_score(dump(wanted), output)
        at = str(i // group) if group else None
        found.append(
            RowResult(row=f"test:{i}", expected=dump(wanted), output=output, score=score, confidence=0.7, group=at)
        )
    arm = Arm(name=name, method=name, rung=1)
    return Run(comparison="c", arm=arm, seed=seed, status="done", rows=tuple(found), predict_seconds=1.0)


def record(*runs: Run) -> ComparisonRecord:
    return ComparisonRecord(
        id="c",
        task=TASK,
        limits=Limits(),
        prices=Prices(),
        task_path="",
        data_fingerprint="",
        created_at="",
        metric=metric_of(TASK),
        runs=runs,
        inputs={f"test:{i}": TEXT for i in range(200)},
    )


def columns(run: Run) -> tuple[list[str], list[str | None]]:
    return [str(r.expected) for r in run.rows], [None if r.output is None else str(r.output) for r in run.rows]


def test_every_figure_is_the_metrics_own_with_an_interval_around_it() -> None:
    run = run_of()
    found = tabulate(record(run)).summaries[0].metrics
    reports = metrics.per_type(*columns(run), ["city", "day"])
    right, want, got = (table.sum() for table in metrics.type_counts(*columns(run), ["city", "day"]))
    own = {
        "micro_f1": metrics.entity_f1(*columns(run)).value,
        "precision": right / got,
        "recall": right / want,
        "macro_f1": np.mean([report.f1.value for report in reports]),
        "exact_match": metrics.exact_match(*columns(run)).value,
        "validity": 1.0,
    }
    assert {name: found[name].value for name in own} == pytest.approx(own)
    assert all(found[name].low < own[name] < found[name].high for name in own if name != "validity")
    assert found["validity"].low == pytest.approx(0.954, abs=1e-3)
    assert found["ece"].value == pytest.approx(abs(0.7 - own["exact_match"]))


def test_the_scores_that_are_compared_have_f1_as_their_mean_over_seeds() -> None:
    runs = [run_of(seed) for seed in (3, 4)]
    table = tabulate(record(*runs))
    values = [metrics.entity_f1(*columns(run)).value for run in runs]
    assert table.scores_NK.mean() == pytest.approx(np.mean(values))
    assert table.summaries[0].metrics["micro_f1"].value == pytest.approx(np.mean(values))


def test_groups_widen_the_interval() -> None:
    alone, together = (tabulate(record(run_of(rows=120, group=g))).summaries[0].metrics["micro_f1"] for g in (0, 12))
    assert together.method == "cluster bootstrap"
    assert alone.method == "bca"
    assert together.value == alone.value


def test_all_right_is_no_certainty() -> None:
    found = tabulate(record(run_of(skill=1.1, rows=40))).summaries[0].metrics
    assert (found["micro_f1"].value, found["micro_f1"].high, found["micro_f1"].method) == (1.0, 1.0, "wilson")
    assert 0.85 < found["micro_f1"].low < 0.95
    assert "same in every resample" in found["macro_f1"].reason


@pytest.mark.parametrize("output", [None, "no JSON"])
def test_answers_that_cannot_be_read_score_nothing(output: str | None) -> None:
    found = tabulate(record(run_of(output=output))).summaries[0].metrics
    assert (found["micro_f1"].value, found["exact_match"].value, found["validity"].value) == (0.0, 0.0, 0.0)
    assert found["micro_f1"].high > 0.01
    assert found["precision"].value is None
    assert found["precision"].reason == "no entity was answered"


def test_without_expected_entities_f1_is_undefined_and_nothing_is_compared() -> None:
    table = tabulate(record(run_of(share=0.0)))
    figure = table.summaries[0].metrics["micro_f1"]
    assert (figure.value, figure.reason) == (None, "no test row expects an entity")
    assert table.ran == ()
    assert table.scores_NK.shape == (80, 0)
    assert table.summaries[0].metrics["exact_match"].value is not None


def test_places_are_checked_against_the_inputs_that_were_kept() -> None:
    run = run_of(output=dump([WORDS[0]._replace(end=6)]))
    assert tabulate(record(run)).summaries[0].metrics["validity"].value == 0.0
    unkept = record(run).model_copy(update={"inputs": {}})
    assert tabulate(unkept).summaries[0].metrics["validity"].value == 1.0


def test_names_of_figures() -> None:
    assert metric_of(TASK) == "micro_f1"
    assert (metric_of(Task(name="t")), metric_name("accuracy", Task(name="t"))) == ("accuracy", "accuracy")
    assert metric_name("accuracy", Task(name="t", multi_label=True)) == "exact match"
    assert metric_name("false_alarm_rate") == "false-alarm rate"
    assert metric_name("validity", TASK) == "valid answers"
