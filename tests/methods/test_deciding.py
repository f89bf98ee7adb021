"""From probabilities to answers: thresholds of several labels, and inputs of no class."""

from __future__ import annotations

import numpy as np
import pytest

from methods.conftest import rows_of, task_of
from rung.methods.deciding import Decision, answers, decide, in_scope_scores
from rung.models.base import Encoded
from rung.task import Example, OutOfScope, Task


def open_task(*names: str, rate: float = 0.1) -> Task:
    """A task whose inputs may belong to no class."""
    return task_of(*names).model_copy(update={"out_of_scope": OutOfScope(label="none", false_alarm_rate=rate)})


def labelled(*outputs: str | tuple[str, ...]) -> list[Example]:
    return rows_of(*((str(i), output) for i, output in enumerate(outputs)))


def surest(scores: list[float]) -> np.ndarray:
    """Probabilities of two classes whose largest is the score."""
    return np.array([[score, 1 - score] for score in scores])


def test_answers_for_one_and_for_several_labels() -> None:
    shares = np.array([[0.2, 0.5, 0.3], [0.4, 0.2, 0.4]])
    first, second = answers(task_of("c", "b", "a"), shares)
    assert (first.output, first.confidence, second.output) == ("b", 0.5, "c")
    many = answers(task_of("c", "b", "a", multi_label=True), shares, decision=Decision(thresholds=(0.4, 0.4, 0.4)))
    assert [p.output for p in many] == [("b",), ("a", "c")]
    assert many[0].confidence == pytest.approx(0.8 * 0.5 * 0.7)
    apart = answers(task_of("c", "b", "a", multi_label=True), shares, decision=Decision(thresholds=(0.1, 0.6, 0.35)))
    assert [p.output for p in apart] == [("c",), ("a", "c")]


def test_every_answer_is_charged_its_own_encoding() -> None:
    encoded = Encoded(np.zeros((2, 1), np.float32), np.array([3, 5]), np.zeros(2, np.bool_), np.array([0.1, 0.2]))
    usages = [p.usage for p in answers(task_of("a", "b"), surest([0.9, 0.8]), encoded)]
    assert [(usage.tokens_in, usage.seconds) for usage in usages] == [(3, 0.1), (5, 0.2)]


def test_no_rows_decide_nothing() -> None:
    for task in (task_of("a", "b"), task_of("a", "b", multi_label=True)):
        assert decide(task, np.zeros((0, 2)), []) == Decision()
        assert answers(task, np.zeros((0, 2))) == []
    nothing = decide(open_task("a", "b"), np.zeros((0, 2)), [])
    assert nothing.reject_below is None and "no validation rows" in nothing.warning


def test_a_new_row_in_scope_is_rejected_no_more_often_than_stated() -> None:
    random = np.random.default_rng(0)
    for n in (19, 39, 60):
        alarms = []
        for _ in range(400):
            scores = 0.5 + random.beta(2, 1, n + 20) / 2
            decision = decide(open_task("a", "b"), surest(list(scores[:n])), labelled(*"a" * n))
            assert decision.reject_below is not None and not decision.warning
            alarms.append((scores[n:] < decision.reject_below).mean())
        assert np.mean(alarms) <= 0.1 + 0.01, n
        assert np.mean(alarms) > 0.06, n


def test_too_few_rows_give_the_lowest_score_and_a_warning() -> None:
    decision = decide(open_task("a", "b", rate=0.05), surest([0.9, 0.7, 0.8]), labelled("a", "a", "b"))
    assert decision.reject_below == pytest.approx(0.7)
    assert "3 in-scope" in decision.warning and "19 rows" in decision.warning
    enough = decide(open_task("a", "b", rate=0.05), surest([0.9] * 19), labelled(*"a" * 19))
    assert not enough.warning


def test_below_the_threshold_the_answer_is_none_of_these() -> None:
    task = open_task("a", "b")
    low, at, high = answers(task, surest([0.55, 0.6, 0.9]), decision=Decision(reject_below=0.6))
    assert (low.output, at.output, high.output) == ("none", "a", "a")
    assert low.confidence == pytest.approx(0.45) and low.probabilities == pytest.approx((0.55, 0.45))
    assert answers(task, surest([0.55]))[0].output == "a"


def test_rows_out_of_scope_do_not_move_the_threshold() -> None:
    task = open_task("a", "b")
    inside = [0.6 + i / 100 for i in range(30)]
    alone = decide(task, surest(inside), labelled(*"a" * 30))
    mixed = decide(task, surest([*inside, *[0.51] * 30]), labelled(*"a" * 30, *["none"] * 30))
    assert alone == mixed


def test_a_listed_label_is_answered_by_itself_and_by_the_threshold() -> None:
    task = open_task("a", "none", "b")
    shares = np.array([[0.2, 0.5, 0.3], [0.4, 0.35, 0.25], [0.8, 0.1, 0.1]])
    assert in_scope_scores(task, shares).tolist() == [0.0, 0.4, 0.8]
    found = answers(task, shares, decision=Decision(reject_below=0.5))
    assert [p.output for p in found] == ["none", "none", "a"]
    assert [p.confidence for p in found] == pytest.approx([0.5, 0.35, 0.8])
    assert [p.output for p in answers(task, shares)] == ["none", "a", "a"]


def test_false_alarms_of_the_model_itself_count() -> None:
    task = open_task("a", "none", rate=0.2)
    fine = np.array([[0.6 + i / 1000, 0.4 - i / 1000] for i in range(37)])
    wrong = np.array([[0.3, 0.7], [0.2, 0.8]])
    decision = decide(task, np.concatenate([fine, wrong]), labelled(*"a" * 39))
    found = answers(task, np.concatenate([fine, wrong]), decision=decision)
    assert sum(p.output == "none" for p in found) == 7


def test_scores_of_the_methods_own_replace_the_probability() -> None:
    task = open_task("a", "b")
    scores = np.arange(30.0)
    decision = decide(task, surest([0.9] * 30), labelled(*"a" * 30), scores)
    assert decision.reject_below == 2.0
    low, high = answers(task, surest([0.95, 0.6]), decision=decision, scores_N=np.array([1.0, 5.0]))
    assert (low.output, high.output) == ("none", "a")
    assert low.confidence == pytest.approx(0.05)


def multi_rows(n: int, seed: int) -> tuple[np.ndarray, list[Example]]:
    """Two labels: a model too shy by half about the first, right about the second."""
    random = np.random.default_rng(seed)
    truth = random.random((n, 2)) < 0.4
    shares = np.where(truth, random.uniform(0.55, 1, (n, 2)), random.uniform(0, 0.45, (n, 2)))
    shares[:, 0] *= 0.5
    outputs = [tuple(name for name, yes in zip("ab", row, strict=True) if yes) for row in truth]
    return shares, labelled(*outputs)


def test_every_label_has_its_own_threshold() -> None:
    task = task_of("a", "b", multi_label=True)
    decision = decide(task, *multi_rows(400, 0))
    shares, rows = multi_rows(200, 1)
    found = [p.output for p in answers(task, shares, decision=decision)]
    plain = [p.output for p in answers(task, shares)]
    assert np.mean([a == row.output for a, row in zip(found, rows, strict=True)]) > 0.95
    assert np.mean([a == row.output for a, row in zip(plain, rows, strict=True)]) < 0.75
    assert decision.thresholds[0] < 0.3 < 0.4 < decision.thresholds[1]


def test_a_rare_label_follows_the_others() -> None:
    random = np.random.default_rng(0)
    truth = random.random(200) < 0.5
    common = np.where(truth, random.uniform(0.6, 1, 200), random.uniform(0, 0.4, 200))
    rare = np.full(200, 0.05)
    rare[7] = 0.1
    outputs = [("a",) if yes else () for yes in truth]
    outputs[7] = (*outputs[7], "b")
    task = task_of("a", "b", multi_label=True)
    first, second = decide(task, np.stack([common, rare], 1), labelled(*outputs)).thresholds
    assert abs(second - first) < 0.05
