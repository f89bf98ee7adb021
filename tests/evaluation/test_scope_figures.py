"""Inputs of no class: recall, false alarms, and what the other figures make of such rows."""

from __future__ import annotations

import numpy as np
import pytest

from rung import metrics
from rung.evaluation.figures import arm_figures
from rung.evaluation.intervals import share_interval, wilson
from rung.evaluation.records import RowResult
from rung.evaluation.resample import units_of, weights_BG
from rung.evaluation.scope import scope_figures
from rung.task import Label, OutOfScope, Task

NONE = "none of these"
TASK = Task(name="toy", labels=(Label(name="a"), Label(name="b")), out_of_scope=OutOfScope())


def row(i: int, expected: str, output: str, **how) -> RowResult:
    shares = {"a": (0.9, 0.1), "b": (0.1, 0.9)}.get(output, (0.5, 0.5))
    given = {"score": float(expected == output), "confidence": max(shares), "probabilities": shares} | how
    return RowResult(row=f"test:{i}", expected=expected, output=output, **given)


def rows_of(outside: int, caught: int, inside: int, alarms: int) -> tuple[RowResult, ...]:
    found = [row(i, NONE, NONE if i < caught else "a") for i in range(outside)]
    found += [row(outside + i, "ab"[i % 2], NONE if i < alarms else "ab"[i % 2 if i % 5 else 0]) for i in range(inside)]
    return tuple(found)


def figures(*seeds: tuple[RowResult, ...], task: Task = TASK, groups: list[str | None] | None = None):
    units = units_of(groups or len(seeds[0]))
    scores = np.mean([[r.score for r in rows] for rows in seeds], axis=0)
    return arm_figures(task, seeds, scores, units, weights_BG(units), "accuracy")


def test_recall_is_over_rows_of_no_class_and_alarms_over_the_others() -> None:
    found = figures(rows_of(outside=40, caught=30, inside=160, alarms=8))
    for name, (hits, among) in {"out_of_scope_recall": (30, 40), "false_alarm_rate": (8, 160)}.items():
        figure = found[name]
        assert (figure.value, figure.method) == (hits / among, "wilson")
        assert (figure.low, figure.high) == pytest.approx(wilson(hits, among)[:2])


def test_an_answer_of_none_is_right_where_it_is_expected() -> None:
    rows = rows_of(outside=40, caught=30, inside=160, alarms=8)
    assert (
        figures(rows)["accuracy"].value == metrics.accuracy([r.expected for r in rows], [r.output for r in rows]).value
    )


def test_without_rows_of_no_class_recall_is_undefined_and_alarms_are_not() -> None:
    found = figures(rows_of(outside=0, caught=0, inside=50, alarms=2))
    assert found["out_of_scope_recall"].value is None
    assert found["out_of_scope_recall"].reason == "no test row is out of scope"
    assert found["false_alarm_rate"].value == 0.04
    only = figures(rows_of(outside=20, caught=10, inside=0, alarms=0))
    assert only["false_alarm_rate"].reason == "every test row is out of scope"
    assert "not among the task's" in only["log_loss"].reason


def test_a_task_where_every_input_has_a_class_has_no_such_figures() -> None:
    plain = TASK.model_copy(update={"out_of_scope": None})
    assert scope_figures(plain, [rows_of(0, 0, 9, 0)], units_of(9), weights_BG(units_of(9))) == {}


def test_log_loss_is_over_the_rows_whose_label_has_a_probability() -> None:
    rows = rows_of(outside=40, caught=30, inside=160, alarms=8)
    inside = [r for r in rows if r.expected != NONE]
    own = metrics.log_loss(np.array([r.probabilities for r in inside]), ["ab".index(r.expected) for r in inside])
    found = figures(rows)["log_loss"]
    assert found.value == pytest.approx(own.value)
    assert found.reason == "over the 160 rows whose label has a probability"
    assert found.low < found.value < found.high


def test_log_loss_is_over_all_rows_where_the_label_is_listed() -> None:
    listed = TASK.model_copy(update={"labels": (*TASK.labels, Label(name=NONE))})
    rows = tuple(r.model_copy(update={"probabilities": (0.3, 0.3, 0.4)}) for r in rows_of(10, 5, 20, 1))
    found = figures(rows, task=listed)["log_loss"]
    assert found.reason is None or "over the" not in found.reason
    assert found.value == pytest.approx((10 * -np.log(0.4) + 20 * -np.log(0.3)) / 30)


def test_calibration_is_over_the_answers_that_have_a_confidence() -> None:
    rows = rows_of(outside=40, caught=30, inside=160, alarms=8)
    unsure = tuple(r.model_copy(update={"confidence": None}) if r.output == NONE else r for r in rows)
    sure = [r for r in unsure if r.confidence is not None]
    found = figures(unsure)["ece"]
    own = metrics.expected_calibration_error([r.confidence for r in sure], [r.score for r in sure])
    assert found.value == pytest.approx(own.value, abs=1e-6)
    assert "over the 162 rows that have a confidence" in found.reason


def test_over_seeds_and_groups_the_shares_are_resampled() -> None:
    one, other = rows_of(40, 30, 160, 8), rows_of(40, 20, 160, 16)
    both = figures(one, other)["out_of_scope_recall"]
    assert both.value == pytest.approx(25 / 40)
    assert both.method == "bca"
    groups = [str(i // 4) for i in range(200)]
    assert figures(one, groups=groups)["false_alarm_rate"].method == "cluster bootstrap"


def test_a_share_that_never_moves_has_wilsons_bound_over_groups() -> None:
    units = units_of([str(i // 5) for i in range(50)])
    among = np.arange(50) < 20
    low, high, method = share_interval(np.ones(50), among, units, weights_BG(units))
    assert (low, high, method) == pytest.approx(wilson(4, 4))
