import numpy as np
import pytest
from sklearn import metrics as reference

from rung.metrics import accuracy, confusion_matrix, macro_f1, per_class, row_score

EXPECTED = ["a", "a", "b", "b", "b", "c"]
OUTPUTS = ["a", "b", "b", None, "c", "c"]


def random_labels(seed: int, rows: int = 60) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    return random.choice(list("abcde"), rows).tolist(), random.choice(list("bcdef"), rows).tolist()


def test_row_score_compares_sets_for_several_labels() -> None:
    assert row_score("a", "a") == 1.0
    assert row_score("a", None) == 0.0
    assert row_score(("a", "b"), ("b", "a")) == 1.0
    assert row_score(("a",), ("a", "b")) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_figures_agree_with_scikit_learn(seed: int) -> None:
    expected, outputs = random_labels(seed)
    labels = sorted(set(expected) | set(outputs))
    assert accuracy(expected, outputs).value == pytest.approx(reference.accuracy_score(expected, outputs))
    assert macro_f1(expected, outputs).value == pytest.approx(reference.f1_score(expected, outputs, average="macro"))
    precision, recall, f1, support = reference.precision_recall_fscore_support(
        expected, outputs, labels=labels, zero_division=np.nan
    )
    for i, report in enumerate(per_class(expected, outputs, labels)):
        assert report.support == support[i]
        for ours, theirs in ((report.precision, precision[i]), (report.recall, recall[i]), (report.f1, f1[i])):
            assert ours.value == (None if np.isnan(theirs) else pytest.approx(theirs))


def test_a_missing_answer_is_wrong_and_no_class() -> None:
    counts = confusion_matrix(EXPECTED, OUTPUTS, ["a", "b", "c"])
    assert counts.tolist() == [[1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 1, 0]]
    b = per_class(EXPECTED, OUTPUTS, ["a", "b", "c"])[1]
    assert (b.recall.value, b.precision.value, b.predicted) == (pytest.approx(1 / 3), 0.5, 2)


def test_an_answer_outside_the_classes_is_counted_as_none_of_them() -> None:
    assert confusion_matrix(["a"], ["elsewhere"], ["a", "b"]).tolist() == [[0, 0, 1], [0, 0, 0]]


def test_undefined_is_none_with_a_reason() -> None:
    assert accuracy([], []) == (None, "there are no rows")
    assert macro_f1([], []) == (None, "there are no rows")
    silent = per_class(["a"], ["a"], ["a", "b"])[1]
    for figure in (silent.precision, silent.recall, silent.f1):
        assert figure.value is None
        assert figure.reason
    never_right = per_class(["a"], ["b"], ["a", "b"])[0]
    assert never_right.recall.value == 0.0


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="2 expected and 1 given"):
        accuracy(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="no classes: z"):
        confusion_matrix(["z"], ["a"], ["a"])
