"""Verdicts on extract tasks, on several labels, and beside rows of no class."""

import numpy as np
from comparisons import MS, arm_of, drawn, latency_of, record, right_answers, run_of

from rung.entities import Entity, dump
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import MetricValue
from rung.metrics import exact_score
from rung.plan import Limits
from rung.recommend import recommend
from rung.task import Label, OutOfScope, OwnMetric, Task

NONE = "none of these"
WORDS = [Entity("city", w, 5 * i, 5 * i + 4) for i, w in enumerate(("Rome", "Bonn", "Oslo"))]
TEXT = "Rome Bonn Oslo"


def extraction(f1: dict[str, float], rows: int, limits: Limits | None = None, entities: int = 3) -> ComparisonRecord:
    """Arms that find this share of the entities, missing them in the same hard rows."""
    arms, runs = [arm_of(method) for method in f1], []
    found_NK = right_answers(list(f1.values()), rows * 3, noise=0.05)
    for k, arm in enumerate(arms):
        run, results = run_of(arm, [True] * rows), []
        for i, row in enumerate(run.rows):
            wanted = WORDS[: 1 + i % 3] if entities else []
            output = dump([e for j, e in enumerate(wanted) if found_NK[3 * i + j, k]])
            update = {"expected": dump(wanted), "output": output, "score": exact_score(dump(wanted), output)}
            results.append(row.model_copy(update=update | {"probabilities": None}))
        runs.append(run.model_copy(update={"rows": tuple(results)}))
    task = Task(name="trips", kind="extract", labels=(Label(name="city"),))
    made = record(runs, [latency_of(arm, MS[arm.method]) for arm in arms], limits)
    texts = {f"test:{i}": TEXT for i in range(rows)}
    return made.model_copy(update={"task": task, "metric": "micro_f1", "inputs": texts})


def test_an_extract_task_is_decided_on_f1_and_says_so() -> None:
    verdict = recommend(extraction({"majority": 0.02, "frozen_features": 0.9, "full_finetune": 0.98}, 1500))
    best = verdict.summary(verdict.best)
    assert best.arm.name == "full_finetune"
    f1 = best.metrics["micro_f1"]
    assert verdict.score == f1
    assert verdict.headline == (
        f"Fine-tune: use full_finetune (F1 {f1.value * 100:.1f} %); no arm without fine-tuning is shown to be as good."
    )
    assert "frozen_features is cheaper, but scored F1 " in " ".join(verdict.reasons)
    gap = best.metrics["micro_f1"].value - verdict.arms[1].metrics["micro_f1"].value
    assert abs(verdict.arms[1].gap - gap) < 1e-9
    assert verdict.arms[1].gap_low > 0
    assert verdict.score_corrected <= f1.value


def test_a_cheaper_tagger_as_good_is_taken() -> None:
    verdict = recommend(extraction({"frozen_features": 0.95, "full_finetune": 0.952}, 3000))
    assert verdict.headline.startswith("You need not fine-tune: use frozen_features (F1 ")


def test_a_floor_is_on_f1() -> None:
    verdict = recommend(extraction({"frozen_features": 0.6, "full_finetune": 0.7}, 400, Limits(quality_floor=0.95)))
    assert verdict.recommended is None
    assert "its F1 of " in verdict.arms[0].ruled_out[0]


def test_rows_that_differ_are_counted_though_every_value_moves() -> None:
    comparison = extraction({"frozen_features": 0.99, "full_finetune": 1.0}, 300)
    (pair,) = recommend(comparison).pairs
    outputs = [[row.output for row in run.rows] for run in comparison.runs]
    assert pair.disagree == sum(a != b for a, b in zip(*outputs, strict=True)) > 0


def test_without_entities_nothing_is_recommended_and_the_reason_given() -> None:
    verdict = recommend(extraction({"frozen_features": 0.9, "full_finetune": 0.9}, 50, entities=0))
    assert verdict.headline == "Nothing can be recommended: no test row expects an entity."
    assert verdict.recommended is None
    assert [arm.status for arm in verdict.arms] == ["done", "done"]


def of_no_class(comparison: ComparisonRecord, outside: int) -> ComparisonRecord:
    """The first rows expect no class and every second one is told; of the others every tenth is a false alarm."""
    runs = []
    for run in comparison.runs:
        rows = []
        for i, row in enumerate(run.rows):
            update = {"expected": NONE} if i < outside else {}
            update |= {"output": NONE} if (i < outside and i % 2) or (i >= outside and i % 10 == 0) else {}
            changed = row.model_copy(update=update)
            rows.append(changed.model_copy(update={"score": float(changed.expected == changed.output)}))
        runs.append(run.model_copy(update={"rows": tuple(rows)}))
    task = comparison.task.model_copy(update={"out_of_scope": OutOfScope(label=NONE, false_alarm_rate=0.05)})
    return comparison.model_copy(update={"runs": tuple(runs), "task": task})


def test_recall_is_stated_next_to_the_rate_of_false_alarms_and_the_one_asked_for() -> None:
    verdict = recommend(of_no_class(drawn({"frozen_features": 0.9, "full_finetune": 0.9}, 600), 100))
    said = f"{verdict.summary(verdict.recommended).arm.name} answers 50.0 % of the rows of no class with “{NONE}”"
    assert f"{said}, at a false-alarm rate of 10.0 % (5.0 % asked)." in verdict.reasons


def test_without_such_rows_recall_is_said_to_be_unknown() -> None:
    verdict = recommend(of_no_class(drawn({"frozen_features": 0.9, "full_finetune": 0.9}, 600), 0))
    (said,) = [reason for reason in verdict.reasons if "false-alarm" in reason]
    assert "is not known: no test row is out of scope; it answers" in said
    assert "10.0 % (5.0 % asked)" in said


def test_several_labels_are_compared_by_exact_match() -> None:
    plain = drawn({"frozen_features": 0.9, "full_finetune": 0.92}, 300)
    runs = tuple(
        run.model_copy(
            update={
                "rows": tuple(r.model_copy(update={"expected": (r.expected,), "output": (r.output,)}) for r in run.rows)
            }
        )
        for run in plain.runs
    )
    task = plain.task.model_copy(update={"multi_label": True})
    verdict = recommend(plain.model_copy(update={"runs": runs, "task": task}))
    assert "% exact match)" in verdict.headline
    assert isinstance(verdict.arms[0].metrics["micro_f1"], MetricValue)
    assert np.isclose(verdict.arms[0].metrics["micro_f1"].value, 0.9)


def texts(scores: dict[str, float], rows: int, baseline: str = "majority") -> ComparisonRecord:
    """Arms whose row scores lie about these, harder rows lower for all."""
    random = np.random.default_rng(0)
    hard, runs = random.normal(0, 0.1, rows), []
    for method, mean in scores.items():
        arm = arm_of(method).model_copy(update={"baseline": method == baseline, "model": "minilm"})
        run, noise = run_of(arm, [True] * rows), random.normal(0, 0.03, rows)
        values = np.clip(mean + hard + noise, 0, 1)
        kept = [
            r.model_copy(update={"score": float(v), "probabilities": None})
            for r, v in zip(run.rows, values, strict=True)
        ]
        runs.append(run.model_copy(update={"rows": tuple(kept)}))
    made = record(runs, [latency_of(run.arm, MS[run.arm.method]) for run in runs])
    return made.model_copy(update={"task": Task(name="t", kind="generate", metric=OWN), "metric": "own_metric"})


OWN = OwnMetric(file="my.py", function="is_polite", source="")


def test_texts_are_compared_by_their_rows_scores() -> None:
    verdict = recommend(texts({"nearest_example": 0.3, "frozen_features": 0.6, "full_finetune": 0.7}, 400))
    best = verdict.summary(verdict.best)
    assert best.arm.name == "full_finetune" and verdict.decided
    score = best.metrics["own_metric"]
    assert verdict.headline.startswith(f"Fine-tune: use full_finetune (is polite {score.value * 100:.1f} %);")
    assert score.low < score.value < score.high and verdict.score_corrected <= score.value
    near = recommend(texts({"frozen_features": 0.699, "full_finetune": 0.7}, 2000))
    assert near.headline.startswith("You need not fine-tune: use frozen_features (is polite ")


def test_a_baseline_that_reads_is_not_said_to_be_blind() -> None:
    verdict = recommend(texts({"nearest_example": 0.3}, 100, baseline="nearest_example"))
    assert verdict.recommended is None
    assert (
        "only nearest_example is left to choose from, and a baseline, which only looks up an answer" in verdict.headline
    )
