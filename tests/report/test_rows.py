"""Counts over single rows, on cases small enough to do by hand."""

from __future__ import annotations

from rung.evaluation.records import Arm, RowResult, Run
from rung.report.rows import calibration_error, confusion, disagreements, label_counts, reliability


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
    a, b = label_counts(several, ["a", "b"])
    assert (a.expected, a.found, a.missed, a.extra) == (2, 1, 1, 1)
    assert (b.expected, b.found, b.missed, b.extra) == (2, 1, 1, 0)


def test_reliability_bins_and_error_by_hand() -> None:
    bins = reliability(run("m", ["a", "a", "a", "b"], ["a", "a", "b", "b"], [0.95, 1.0, 0.91, 0.2]))
    assert [(b.low, b.rows) for b in bins] == [(0.2, 1), (0.9, 3)]
    assert bins[1].right == 2 / 3
    error = calibration_error(bins)
    assert error is not None and abs(error - (0.8 + 3 * abs(2.86 / 3 - 2 / 3)) / 4) < 1e-12


def test_without_confidences_there_is_no_error_instead_of_a_perfect_one() -> None:
    assert reliability(run("m", ["a"], ["a"])) == []
    assert calibration_error([]) is None


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
