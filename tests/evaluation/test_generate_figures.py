"""The figures of a generate task over seeds, what arms are compared by, and how often that is wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rung.errors import UsageError
from rung.evaluation.aggregate import Table, tabulate
from rung.evaluation.evaluate import evaluate
from rung.evaluation.kinds import metric_name, metric_of, row_metric_of
from rung.evaluation.noninferiority import simultaneous_bounds
from rung.evaluation.records import Arm, ComparisonRecord, RowResult, Run
from rung.evaluation.resample import units_of
from rung.metrics import generation as metrics
from rung.metrics import ngrams
from rung.plan import Limits, Prices
from rung.task import Example, OwnMetric, Prediction, Task, as_input

TALK = "the old mill serves cheap Indian food near river and children are welcome there every day of week"
WORDS = TALK.split()


def references(rows: int) -> list[str | tuple[str, ...]]:
    random = np.random.default_rng(1)
    found: list[str | tuple[str, ...]] = []
    for i in range(rows):
        one, two = (" ".join(random.choice(WORDS, random.integers(5, 15))) for _ in range(2))
        found.append((one, two) if i % 3 else one)
    return found


def noisy(expected: str | tuple[str, ...], random: np.random.Generator, keep: float) -> str:
    """A reference with words missing."""
    text = str(random.choice(ngrams.references_of(expected)))
    return " ".join(word for word in text.split() if random.random() < keep)


def run_of(
    seed: int = 0, rows: int = 90, keep: float = 0.8, name: str = "lm", metric: str = "chrf", group: int = 0, **how: Any
) -> Run:
    random, found = np.random.default_rng([seed, len(name)]), []
    for i, expected in enumerate(references(rows)):
        output = how.get("output", noisy(expected, random, keep) if i else None)
        score = metrics.text_score(expected, output, metric)
        at = str(i // group) if group else None
        found.append(RowResult(row=f"test:{i:04}", expected=expected, output=output, score=score, group=at))
    arm = Arm(name=name, method=name, rung=1)
    return Run(comparison="c", arm=arm, seed=seed, status="done", rows=tuple(found), predict_seconds=1.0)


def table(*runs: Run, metric: str | OwnMetric | None = None) -> Table:
    task = Task(name="places", kind="generate", metric=metric)
    record = ComparisonRecord(
        id="c",
        task=task,
        limits=Limits(),
        prices=Prices(),
        task_path="",
        data_fingerprint="",
        created_at="",
        metric=metric_of(task),
        runs=runs,
    )
    return tabulate(record)


def columns(run: Run) -> tuple[list[Any], list[str | None]]:
    return [row.expected for row in run.rows], [None if row.output is None else str(row.output) for row in run.rows]


def test_every_figure_is_the_metrics_own_with_an_interval_around_it() -> None:
    run = run_of()
    expected, outputs = columns(run)
    found = table(run).summaries[0].metrics
    own = {
        "chrf": metrics.chrf(expected, outputs).value,
        "bleu": metrics.bleu(expected, outputs).value,
        "corpus_chrf": metrics.corpus_chrf(expected, outputs).value,
        "rouge_l": metrics.mean_score(expected, outputs, "rouge_l").value,
        "exact_match": metrics.mean_score(expected, outputs, "exact_match").value,
        "empty_answers": metrics.empty_answers(outputs).value,
        "length_ratio": metrics.length_ratio(expected, outputs).value,
        "mean_words": metrics.mean_words(outputs).value,
    }
    assert {name: found[name].value for name in own} == pytest.approx(own)
    assert all(found[name].low < value < found[name].high for name, value in own.items())
    assert found["distinct_1"].value == metrics.distinct(outputs, 1).value
    assert found["distinct_1"].low is None and "all answers together" in str(found["distinct_1"].reason)
    assert found["empty_answers"].value == pytest.approx(1 / 90)
    assert next(iter(found)) == "chrf" and "accuracy" not in found and "ece" not in found


@pytest.mark.parametrize("metric", ["chrf", "rouge_l", "exact_match", "bleu"])
def test_arms_are_compared_by_values_whose_mean_is_the_figure(metric: str) -> None:
    runs = [run_of(seed, metric=metric, keep=0.97) for seed in (3, 4)]
    found = table(*runs, metric=metric)
    figure = found.summaries[0].metrics[metric]
    each = [
        metrics.bleu(*columns(run)) if metric == "bleu" else metrics.mean_score(*columns(run), metric) for run in runs
    ]
    assert figure.value == pytest.approx(np.mean([one.value for one in each]))
    assert found.scores_NK.mean() == pytest.approx(figure.value)
    assert (found.sizes_N is None) is (metric == "exact_match")
    assert found.outcomes_NK.shape == found.scores_NK.shape


def test_groups_widen_the_interval() -> None:
    alone, together = (table(run_of(rows=120, group=g)).summaries[0].metrics["bleu"] for g in (0, 12))
    assert (alone.method, together.method) == ("bca", "cluster bootstrap") and alone.value == together.value


@pytest.mark.parametrize("output", [None, ""])
def test_an_arm_that_says_nothing_scores_nothing(output: str | None) -> None:
    found = table(run_of(output=output), run_of(name="other"), metric="bleu")
    silent = found.summaries[0].metrics
    assert len(found.ran) == 2
    assert {silent[name].value for name in ("chrf", "bleu", "rouge_1", "length_ratio")} == {0.0}
    assert silent["empty_answers"].value == 1.0 and silent["distinct_1"].value is None


def test_figures_that_no_reference_allows_are_undefined_for_every_arm() -> None:
    rows = tuple(RowResult(row=f"test:{i}", expected="Да", output="Да", score=1.0) for i in range(5))
    run = run_of().model_copy(update={"rows": rows})
    for metric, reason in (("bleu", metrics.TOO_SHORT), ("rouge_l", metrics.NO_LETTERS)):
        found = table(run, metric=metric)
        assert found.ran == () and found.summaries[0].metrics[metric].reason == reason
        assert found.summaries[0].metrics["chrf"].value == 1.0


class Echo:
    """Answers with what it is asked."""

    task = Task(name="t", kind="generate")

    def predict(self, inputs: Any) -> list[Prediction]:
        return [Prediction(item.text) for item in inputs]


def test_rows_are_scored_by_the_tasks_metric() -> None:
    rows = [Example("test:0", as_input("a b"), ("a b", "c")), Example("test:1", as_input("x"), "a longer text")]
    fitted: Any = Echo()
    assert evaluate(fitted, rows).rows[0].score == 1.0
    source = "def own(expected, output, input):\n    return len(expected) / 2 * (input == output)\n"
    fitted.task = fitted.task.model_copy(update={"metric": OwnMetric(file="my.py", function="own", source=source)})
    assert [row.score for row in evaluate(fitted, rows).rows] == [1.0, 0.5]
    broken = OwnMetric(file="my.py", function="own", source="def own(*a):\n    return 7\n")
    fitted.task = fitted.task.model_copy(update={"metric": broken})
    with pytest.raises(UsageError, match=r"no number in \[0, 1\] on row test:0"):
        evaluate(fitted, rows)


def test_an_own_metric_is_called_by_its_functions_name() -> None:
    own = OwnMetric(file="my.py", function="is_polite", source="")
    task = Task(name="t", kind="generate", metric=own)
    assert (metric_of(task), metric_name(metric_of(task), task)) == ("own_metric", "is polite")
    found = table(run_of(), metric=own)
    assert found.summaries[0].metrics["own_metric"].value == pytest.approx(found.scores_NK.mean())
    bleu = Task(name="t", kind="generate", metric="bleu")
    assert (metric_of(bleu), row_metric_of(bleu)) == ("bleu", "sentence_bleu")


@pytest.mark.parametrize("rows", [50, 100])
@pytest.mark.parametrize("metric", ["chrf", "bleu"])
def test_twelve_equal_arms_rarely_bring_a_false_better(metric: str, rows: int) -> None:
    random, expected = np.random.default_rng(0), references(400)
    given = [[noisy(row, random, 0.8) for row in expected] for _ in range(12)]
    counts = np.stack([ngrams.bleu_counts(expected, texts) for texts in given], axis=1)
    chrf = np.stack([ngrams.chrf_of(ngrams.chrf_counts(expected, texts)) for texts in given], axis=1)
    units, claims, trials = units_of(rows), 0, 200
    for trial in range(trials):
        at = random.integers(0, 400, rows)[:, None], random.permuted(np.tile(np.arange(12), (rows, 1)), axis=1)
        drawn = counts[at]
        scores, sizes = chrf[at], np.ones(rows)
        if metric == "bleu":
            scores = np.stack([ngrams.bleu_influence(drawn[:, k]) for k in range(12)], axis=1)
            sizes = drawn[:, :, 1].mean(axis=1)
        claims += (simultaneous_bounds(scores, units, sizes_N=sizes, resamples=500, seed=trial).lower_K > 0).any()
    # 5 % are allowed; the sampling error of 200 trials is 1.5 points
    assert claims / trials <= 0.08
