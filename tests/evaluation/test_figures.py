import numpy as np
import pytest

from rung import metrics
from rung.evaluation.figures import arm_figures
from rung.evaluation.records import RowResult
from rung.evaluation.resample import units_of, weights_BG
from rung.task import Label, Task

LABELS = ("a", "b", "c")
TASK = Task(name="toy", labels=tuple(Label(name=name) for name in LABELS))
SEVERAL = TASK.model_copy(update={"multi_label": True})


def answers(seed: int, rows: int = 120) -> tuple[RowResult, ...]:
    random = np.random.default_rng(seed)
    found = []
    for i in range(rows):
        expected = LABELS[i % 3]
        probabilities = random.dirichlet(np.eye(3)[i % 3] * 3 + 0.5)
        output = LABELS[int(probabilities.argmax())]
        found.append(
            RowResult(
                row=f"test:{i}",
                expected=expected,
                output=output,
                score=float(expected == output),
                confidence=float(probabilities.max()),
                probabilities=tuple(probabilities.tolist()),
            )
        )
    return tuple(found)


def figures(task: Task, *seeds: tuple[RowResult, ...], **how):
    scores = np.mean([[row.score for row in rows] for rows in seeds], axis=0)
    units = units_of(len(scores))
    return arm_figures(task, seeds, scores, units, weights_BG(units), "accuracy")


def test_every_figure_is_the_metrics_own_with_an_interval_around_it() -> None:
    rows = answers(0)
    found = figures(TASK, rows)
    expected, outputs = [r.expected for r in rows], [r.output for r in rows]
    probabilities = np.array([r.probabilities for r in rows])
    own = {
        "accuracy": metrics.accuracy(expected, outputs).value,
        "macro_f1": metrics.macro_f1(expected, outputs).value,
        "ece": metrics.expected_calibration_error([r.confidence for r in rows], [r.score for r in rows]).value,
        "log_loss": metrics.log_loss(probabilities, [LABELS.index(e) for e in expected]).value,
    }
    assert {name: figure.value for name, figure in found.items()} == pytest.approx(own)
    assert [figure.method for figure in found.values()] == ["wilson", "bca", "bca", "bca"]
    assert all(found[name].low < own[name] < found[name].high for name in ("accuracy", "macro_f1", "log_loss"))


def test_a_figure_over_seeds_is_the_mean_and_its_interval_narrower_than_one_seeds() -> None:
    one, other = answers(0), answers(1)
    both = figures(TASK, one, other)
    for name, figure in both.items():
        assert figure.value == pytest.approx((figures(TASK, one)[name].value + figures(TASK, other)[name].value) / 2)
    alone = figures(TASK, one)["macro_f1"]
    assert both["macro_f1"].high - both["macro_f1"].low < alone.high - alone.low


def test_what_a_method_does_not_give_is_undefined_with_the_reason() -> None:
    rows = tuple(row.model_copy(update={"confidence": None, "probabilities": None}) for row in answers(0))
    found = figures(TASK, rows)
    assert found["ece"].value is None
    assert "no confidence" in found["ece"].reason
    assert found["log_loss"].value is None
    assert "no probabilities" in found["log_loss"].reason
    strange = tuple(row.model_copy(update={"expected": "z"}) for row in answers(0))
    assert "not among the task's" in figures(TASK, strange)["log_loss"].reason


def test_missing_answers_count_as_wrong() -> None:
    rows = tuple(row.model_copy(update={"output": None, "score": 0.0}) for row in answers(0))
    found = figures(TASK, rows)
    assert found["accuracy"].value == 0.0
    assert found["accuracy"].high > 0.02
    assert found["macro_f1"].value == 0.0
    assert found["macro_f1"].low is None
    assert "same in every resample" in found["macro_f1"].reason


def test_several_labels_a_row() -> None:
    random = np.random.default_rng(0)

    def drawn() -> tuple[str, ...]:
        return tuple(name for name in LABELS if random.random() < 0.5)

    rows = []
    for i in range(80):
        expected, output = drawn(), drawn()
        rows.append(RowResult(row=f"test:{i}", expected=expected, output=output, score=float(expected == output)))
    found = figures(SEVERAL, tuple(rows))
    assert found["accuracy"].value == metrics.accuracy([r.expected for r in rows], [r.output for r in rows]).value
    assert found["micro_f1"].low < found["micro_f1"].value < found["micro_f1"].high
    assert found["macro_f1"].low < found["macro_f1"].value < found["macro_f1"].high
    assert "several labels" in found["ece"].reason
