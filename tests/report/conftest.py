"""A comparison as it comes from real work: 12 arms, 240 support messages, 10 labels, one arm skipped and one failed.

The answers are drawn, not learnt: each row has a difficulty that all arms share, so that arms err on the same rows as real ones
do, and wrong answers fall on neighbouring labels.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import rung
from rung.evaluation.records import Arm, ComparisonRecord, Latency, RowResult, Run
from rung.evaluation.summary import ArmSummary, MetricValue, Pair, Verdict
from rung.plan import Limits, Prices
from rung.task import Label, Task

SHA = hashlib.sha256(b"weights").hexdigest()
FINGERPRINT = hashlib.sha256(b"data").hexdigest()
ENVIRONMENT = {
    "python": "3.11.9",
    "versions": {"rung": "0.1.0", "torch": "2.13.0", "transformers": "5.23.0", "scikit-learn": "1.9.1"},
    "threads": 2,
    "dtype": "float32",
    "device": "cpu",
    "machine": "x86_64, 2 cores",
}


@dataclass(frozen=True)
class Spec:
    name: str
    method: str
    rung: int
    skill: float
    ms: float
    train_s: float
    n_train: int = 400
    reason: str | None = None
    failed: bool = False


SPECS = (
    Spec("majority", "majority", 0, -9.0, 0.002, 0.01),
    Spec("nearest_example", "nearest_example", 1, 2.0, 5.4, 3.1),
    Spec("zero_shot", "zero_shot", 2, 1.5, 5.1, 0.4),
    Spec(
        "few_shot hosted",
        "few_shot",
        3,
        0,
        0,
        0,
        reason="limits.data_leaves_machine is false, and this model is hosted",
    ),
    Spec("frozen_features n=100", "frozen_features", 4, 3.3, 5.2, 2.9, 100),
    Spec("frozen_features", "frozen_features", 4, 4.0, 5.2, 6.8),
    Spec("head_only", "head_only", 5, 3.2, 5.2, 14.0),
    Spec("lora n=100", "lora", 6, 2.4, 5.9, 41.0, 100),
    Spec("lora", "lora", 6, 4.1, 5.9, 118.0),
    Spec("full_finetune n=100", "full_finetune", 7, 2.9, 5.1, 36.0, 100),
    Spec("full_finetune", "full_finetune", 7, 4.3, 5.1, 96.0),
    Spec(
        "full_finetune large",
        "full_finetune",
        7,
        0,
        0,
        0,
        reason="out of memory: 6.1 GB needed, 3.9 GB free",
        failed=True,
    ),
)


def support_rows(count: int = 240) -> list[dict[str, str]]:
    path = Path(rung.__file__).parent / "data" / "support" / "test.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:count]]


def arm_of(spec: Spec) -> Arm:
    return Arm(
        name=spec.name,
        method=spec.method,
        rung=spec.rung,
        baseline=spec.method == "majority",
        model=None if spec.method == "majority" else ("hosted-small" if "hosted" in spec.name else "minilm"),
        model_revision=None if spec.method == "majority" else SHA,
        knobs={"large": True} if "large" in spec.name else {},
        n_train=None if spec.n_train == 400 else spec.n_train,
    )


def answers(spec: Spec, seed: int, truth: list[int], labels: int) -> tuple[list[int], np.ndarray]:
    """Drawn answers and their probabilities: shared difficulty a row, the rest from arm and seed."""
    hardness = np.random.default_rng(7).normal(0, 2.1, len(truth))
    rng = np.random.default_rng([seed, sum(spec.name.encode())])
    logits = rng.normal(0, 0.7, (len(truth), labels))
    for i, t in enumerate(truth):
        logits[i, t] += spec.skill - hardness[i]
        logits[i, (t + 1 + int(hardness[i] > 1.5)) % labels] += 0.9
    if spec.method == "majority":
        logits = np.tile(np.linspace(1, 0, labels), (len(truth), 1))
    probabilities = np.exp(logits * 1.4)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.argmax(axis=1).tolist(), probabilities


def run_of(spec: Spec, seed: int, rows: list[dict[str, str]], names: list[str]) -> Run:
    common = {"comparison": "support-3f9a", "arm": arm_of(spec), "seed": seed, "environment": ENVIRONMENT}
    common |= {
        "data_fingerprint": FINGERPRINT,
        "started_at": "2026-11-20T10:00:00Z",
        "finished_at": "2026-11-20T10:02:00Z",
    }
    if spec.reason:
        return Run(status="failed" if spec.failed else "skipped", reason=spec.reason, **common)
    truth = [names.index(row["label"]) for row in rows]
    chosen, probabilities = answers(spec, seed, truth, len(names))
    results = tuple(
        RowResult(
            row=f"test:{i}",
            expected=names[t],
            output=names[c],
            score=float(t == c),
            confidence=float(p[c]),
            probabilities=tuple(float(x) for x in p),
        )
        for i, (t, c, p) in enumerate(zip(truth, chosen, probabilities, strict=True))
    )
    return Run(
        status="done",
        rows=results,
        n_train=spec.n_train,
        train_seconds=spec.train_s,
        predict_seconds=spec.ms / 1000 * len(rows),
        weights_sha=hashlib.sha256(f"{spec.name}{seed}".encode()).hexdigest(),
        prediction_sha=hashlib.sha256(str(chosen).encode()).hexdigest(),
        validation_score=0.9,
        **common,
    )


def summary_of(spec: Spec, runs: list[Run], best_RN: np.ndarray | None) -> ArmSummary:
    if spec.reason:
        return ArmSummary(arm=arm_of(spec), status=runs[0].status, reason=spec.reason, seeds=(0,))
    scores_RN = np.array([[r.score for r in run.rows] for run in runs])
    mean, n = float(scores_RN.mean()), scores_RN.shape[1]
    half = 1.96 * math.sqrt(max(mean * (1 - mean), 1e-9) / n)
    gaps_N = (scores_RN if best_RN is None else best_RN).mean(axis=0) - scores_RN.mean(axis=0)
    gap, error = float(gaps_N.mean()), 2.4 * float(gaps_N.std()) / math.sqrt(n)
    return ArmSummary(
        arm=arm_of(spec),
        status="done",
        n_train=spec.n_train,
        seeds=tuple(run.seed for run in runs),
        metrics={
            "accuracy": MetricValue(value=mean, low=mean - half, high=min(1, mean + half), method="wilson"),
            "macro_f1": MetricValue(value=mean - 0.012, low=mean - half - 0.02, high=min(1, mean + half), method="bca"),
        },
        validation_score=0.9,
        gap=gap,
        gap_bound=gap + error,
        gap_low=gap - error,
        non_inferior=gap + error < 0.04,
        ruled_out=("quality 8.8 % lies under the floor of 50 %",) if spec.method == "majority" else (),
        latency_ms_p50=spec.ms,
        latency_ms_p95=spec.ms * 1.3,
        rows_per_s=900 / spec.ms,
        train_seconds=spec.train_s,
        cost_usd_per_1k=spec.ms / 1000 * 1000 / 3600 * 0.1,
        trainable_parameters=3850,
    )


def verdict_of(comparison: ComparisonRecord, specs: tuple[Spec, ...] = SPECS) -> Verdict:
    runs = {spec.name: [run for run in comparison.runs if run.arm.name == spec.name] for spec in specs}
    best = next(spec for spec in specs if spec.name == "full_finetune")
    best_RN = np.array([[r.score for r in run.rows] for run in runs[best.name]])
    arms = tuple(summary_of(spec, runs[spec.name], best_RN) for spec in specs)
    chosen = next(a for a in arms if a.arm.name == "frozen_features")
    value = chosen.metrics["accuracy"].value or 0
    return Verdict(
        recommended=chosen.arm.id,
        decided=True,
        headline="Use frozen_features: as good as the best arm to within 4 points, trained in 7 seconds. No fine-tuning needed.",
        reasons=(
            f"frozen_features reaches {value:.1%} of 240 test rows; full_finetune, the best, {best_RN.mean():.1%}.",
            "The gap to the best is at most the tolerance of 4 points, with 95 % confidence over all arms at once.",
            "Of the arms as good as the best its costs are within 20 % of the lowest, and it stands lowest on the ladder.",
        ),
        would_change=(
            "With a tolerance under 3.6 points full_finetune would be recommended.",
            "With more than about 2,000 labelled examples the tuned arms may pull ahead; compare again when you have them.",
        ),
        best=arm_of(best).id,
        score=chosen.metrics["accuracy"],
        score_corrected=value - 0.007,
        tolerance=0.04,
        n_test=240,
        arms=arms,
        pairs=tuple(
            Pair(first=chosen.arm.id, second=a.arm.id, difference=0.02, low=-0.01, high=0.05, p_value=0.31, disagree=17)
            for a in arms
            if a.status == "done" and a is not chosen
        ),
    )


def comparison_of(rows: list[dict[str, str]], specs: tuple[Spec, ...] = SPECS) -> ComparisonRecord:
    names = sorted({row["label"] for row in rows})
    runs = [run_of(spec, seed, rows, names) for spec in specs for seed in ((0,) if spec.reason else (0, 1, 2))]
    return ComparisonRecord(
        id="support-3f9a",
        task=Task(
            name="support",
            instruction="Sort messages to a bicycle shop by what the customer wants.",
            labels=tuple(Label(name=name) for name in names),
        ),
        limits=Limits(tolerance=0.04, quality_floor=0.5, data_leaves_machine=False),
        prices=Prices(),
        task_path="examples/support/task.yaml",
        data_fingerprint=FINGERPRINT,
        created_at="2026-11-20T10:00:00Z",
        counts={"train": 400, "validation": 80, "test": len(rows), "overlap_removed": 2},
        warnings=("2 training rows whose text also stands in the test set were left out of training",),
        runs=tuple(runs),
        latencies=tuple(
            Latency(
                arm_id=arm_of(spec).id,
                p50_ms=spec.ms,
                p95_ms=spec.ms * 1.3,
                rows_per_s=900 / spec.ms,
                requests=100,
                load=0.31,
                threads=1,
                measured_at="2026-11-20T10:20:00Z",
            )
            for spec in specs
            if not spec.reason
        ),
        inputs={f"test:{i}": row["text"] for i, row in enumerate(rows)},
    )


@pytest.fixture(scope="session")
def comparison() -> ComparisonRecord:
    """12 arms, 240 rows, 3 seeds an arm."""
    return comparison_of(support_rows())


@pytest.fixture(scope="session")
def nothing_done() -> tuple[ComparisonRecord, Verdict]:
    """Every arm skipped or failed."""
    specs = tuple(spec for spec in SPECS if spec.reason)
    comparison = comparison_of(support_rows(), specs)
    arms = tuple(
        summary_of(spec, [run for run in comparison.runs if run.arm.name == spec.name], None) for spec in specs
    )
    return comparison, Verdict(recommended=None, decided=False, headline="No arm finished.", arms=arms, n_test=240)


@pytest.fixture(scope="session")
def one_arm() -> tuple[ComparisonRecord, Verdict]:
    """One arm with one seed, three rows, no latency, no confidences, no gap."""
    spec = replace(SPECS[5], train_s=0.0)
    full = comparison_of(support_rows(), (spec,))
    run = full.runs[0]
    rows = tuple(row.model_copy(update={"confidence": None, "probabilities": None}) for row in run.rows[:3])
    comparison = full.model_copy(
        update={
            "runs": (run.model_copy(update={"rows": rows}),),
            "latencies": (),
            "inputs": {},
            "counts": {},
            "warnings": (),
        }
    )
    empty = {"gap": None, "gap_bound": None, "gap_low": None, "latency_ms_p50": None, "cost_usd_per_1k": None}
    undefined = {"metrics": {"accuracy": MetricValue(value=None, reason="three rows are too few")}}
    arm = summary_of(spec, [comparison.runs[0]], None).model_copy(update=empty | undefined)
    return comparison, Verdict(recommended=arm.arm.id, decided=True, headline="Only one arm.", arms=(arm,), n_test=3)


@pytest.fixture(scope="session")
def undecided(comparison: ComparisonRecord) -> tuple[ComparisonRecord, Verdict]:
    """The 12 arms, with a verdict that the test set does not settle and nothing recommended."""
    settled = verdict_of(comparison)
    open_arms = tuple(arm.model_copy(update={"non_inferior": False}) for arm in settled.arms)
    update = {"recommended": None, "decided": False, "rows_to_decide": 1900, "arms": open_arms, "score_corrected": None}
    return comparison, settled.model_copy(update=update)


@pytest.fixture(scope="session")
def hostile() -> tuple[ComparisonRecord, Verdict]:
    """Texts, labels, names and reasons that try to break out of the page, or to break its layout."""
    evil = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\x00\x08&<!--"
    rows = support_rows()
    for row in rows:
        row["label"] = row["label"].replace("cancel_order", "<b>&\"'" + "long" * 40)
        row["text"] = evil + row["text"] + "W" * 500
    specs = tuple(
        replace(spec, name=spec.name + "<i>\x01", reason=spec.reason and evil) if i in (3, 6) else spec
        for i, spec in enumerate(SPECS)
    )
    comparison = comparison_of(rows, specs).model_copy(update={"warnings": (evil,), "task_path": "a b/$(evil)<u>.yaml"})
    verdict = verdict_of(comparison, specs)
    return comparison, verdict.model_copy(update={"headline": evil, "reasons": (evil,), "would_change": (evil,)})


@pytest.fixture(scope="session")
def verdict(comparison: ComparisonRecord) -> Verdict:
    return verdict_of(comparison)
