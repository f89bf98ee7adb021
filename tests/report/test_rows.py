"""Counts over single rows, on cases small enough to do by hand."""

from __future__ import annotations

from rung.evaluation.records import Arm, RowResult, Run
from rung.report.rows import calibration, confusion, disagreements, per_label
from rung.task import Label, Task


def labelled(*names: str, **more: object) -> Task:
    return Task(name="t", labels=tuple(Label(name=name) for name in names), **more)  # type: ignore[arg-type]


def run(name: str, outputs: list, expected: list, confidence: list | None = None, baseline: bool = False) -> Run:
    arm = Arm(name=name, method=name, rung=0, baseline=baseline)
    sure = confidence or [None] * len(outputs)
    rows = tuple(
        RowResult(row=f"test:{i}", expected=e, output=o, score=float(e == o), confidence=c)
        for i, (o, e, c) in enumerate(zip(outputs, expected, sure, strict=True))
    )
    return Run(comparison="c", arm=arm, seed=0, status="done", rows=rows)


def test_confusion_counts_and_lists_the_commonest_mistake_first() -> None:
    table = confusion(run("m", ["a", "b", "b", "a", None], ["a", "a", "a", "b", "b"]), ["a", "b"])
    assert table is not None
    assert table.labels == ("a", "b", "no answer")
    assert table.counts == ((1, 2, 0), (1, 0, 1), (0, 0, 0))
    assert table.top(2) == [("a", "b", 2, 3), ("b", "a", 1, 2)]


def test_labels_the_task_does_not_know_are_not_dropped() -> None:
    table = confusion(run("m", ["z"], ["a"]), ["a"])
    assert table is not None and table.labels == ("a", "z") and table.counts == ((0, 1), (0, 0))


def test_several_labels_a_row_are_counted_label_by_label() -> None:
    several = run("m", [("a",), ("a", "b"), None], [("a", "b"), ("b",), ("a",)])
    assert confusion(several, ["a", "b"]) is None
    a, b = per_label(several, labelled("a", "b"))
    assert (a.support, a.predicted, a.precision.value, a.recall.value) == (2, 2, 0.5, 0.5)
    assert (b.support, b.predicted, b.precision.value, b.recall.value) == (2, 1, 1.0, 0.5)


def test_one_label_a_row_is_counted_the_same_way() -> None:
    a, b, c = per_label(run("m", ["a", "b", None], ["a", "a", "b"]), labelled("a", "b", "c"))
    assert (a.support, a.predicted, a.recall.value, b.precision.value) == (2, 1, 0.5, 0.0)
    assert c.f1.value is None


def test_calibration_by_hand() -> None:
    bins, error = calibration(run("m", ["a", "a"], ["a", "b"], [0.9, 0.6]))
    assert [(b.confidence, b.accuracy, b.count) for b in bins] == [(0.6, 0.0, 1), (0.9, 1.0, 1)]
    assert error is not None and abs(error - 0.35) < 1e-12


def test_without_confidences_there_is_no_error_instead_of_a_perfect_one() -> None:
    assert calibration(run("m", ["a"], ["a"])) == ((), None)


def test_a_confidence_a_rounding_above_one_is_taken_as_one() -> None:
    assert calibration(run("m", ["a"], ["a"], [1.0 + 1e-7]))[1] == 0.0


def test_disagreements_put_the_most_disputed_row_first_and_do_not_count_baselines() -> None:
    expected = ["a", "a", "a", "a"]
    runs = [
        run("base", ["b", "b", "b", "b"], expected, baseline=True),
        run("one", ["a", "a", "a", "a"], expected),
        run("two", ["a", "b", "b", "a"], expected),
        run("three", ["a", "a", "c", "a"], expected),
    ]
    found, differing, shared = disagreements(runs, {"test:2": "text"})
    assert [d.row for d in found] == ["test:2", "test:1"]
    assert (differing, shared) == (2, 4)
    assert found[0].text == "text" and found[1].text is None
    assert found[0].answers == (("b", False, ("base", "two")), ("a", True, ("one",)), ("c", False, ("three",)))
    assert len(disagreements(runs, {}, limit=1)[0]) == 1


def test_disagreements_of_nobody_are_none() -> None:
    assert disagreements([], {}) == ([], 0, 0)
