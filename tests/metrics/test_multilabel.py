import numpy as np
import pytest
from sklearn import metrics as reference

from rung.metrics import accuracy, indicators, macro_f1_multilabel, micro_f1, multilabel_report

LABELS = ["a", "b", "c", "d"]


def random_sets(seed: int, rows: int = 50) -> list[tuple[str, ...]]:
    has = np.random.default_rng(seed).random((rows, len(LABELS))) < 0.4
    return [tuple(name for name, there in zip(LABELS, row, strict=True) if there) for row in has]


@pytest.mark.parametrize("seed", range(4))
def test_figures_agree_with_scikit_learn(seed: int) -> None:
    expected, outputs = random_sets(seed), random_sets(seed + 100)
    want, got = indicators(expected, LABELS), indicators(outputs, LABELS)
    assert accuracy(expected, outputs).value == pytest.approx(reference.accuracy_score(want, got))
    assert micro_f1(expected, outputs).value == pytest.approx(reference.f1_score(want, got, average="micro"))
    macro = reference.f1_score(want, got, average="macro")
    assert macro_f1_multilabel(expected, outputs).value == pytest.approx(macro)
    assert [r.support for r in multilabel_report(expected, outputs, LABELS)] == want.sum(axis=0).tolist()


def test_no_labels_at_all_is_undefined_not_zero() -> None:
    assert micro_f1([(), ()], [(), None]).value is None
    assert macro_f1_multilabel([()], [()]).reason == "no row has or was given any label"
    assert multilabel_report([("a",)], [("a",)], ["a", "b"])[1].f1.value is None


def test_a_missing_answer_is_the_empty_set() -> None:
    assert micro_f1([("a",), ("b",)], [("a",), None]).value == pytest.approx(2 / 3)
