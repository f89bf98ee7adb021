"""Comparisons whose scores are drawn: arms err on shared hard rows, as real ones do."""

from collections.abc import Sequence

import numpy as np

from rung.evaluation.records import Arm, ComparisonRecord, Latency, RowResult, Run
from rung.plan import Limits, Prices
from rung.task import Label, Task

TASK = Task(name="toy", labels=(Label(name="a"), Label(name="b"), Label(name="c")))
#: methods by their place on the ladder
LADDER = ("majority", "nearest_example", "zero_shot", "frozen_features", "lora", "full_finetune")
MS = {
    "majority": 0.01,
    "nearest_example": 5.0,
    "zero_shot": 5.0,
    "frozen_features": 5.5,
    "lora": 9.0,
    "full_finetune": 8.0,
}


def arm_of(method: str, name: str | None = None, **more: object) -> Arm:
    return Arm(name=name or method, method=method, rung=LADDER.index(method), baseline=method == "majority", **more)


def run_of(
    arm: Arm, right: Sequence[bool], *, seed: int = 0, groups: Sequence[str] | None = None, n_train: int = 100
) -> Run:
    rows = tuple(
        RowResult(
            row=f"test:{i}",
            expected="abc"[i % 3],
            output="abc"[(i + (not ok)) % 3],
            score=float(ok),
            confidence=0.8,
            probabilities=tuple(0.8 if k == (i + (not ok)) % 3 else 0.1 for k in range(3)),
            group=groups[i] if groups else None,
        )
        for i, ok in enumerate(right)
    )
    return Run(
        comparison="c",
        arm=arm,
        seed=seed,
        status="done",
        n_train=n_train,
        rows=rows,
        predict_seconds=2.0,
        train_seconds=1.0,
    )


def latency_of(arm: Arm, ms: float) -> Latency:
    return Latency(
        arm_id=arm.id, p50_ms=ms, p95_ms=2 * ms, rows_per_s=9, requests=100, load=0.1, threads=1, measured_at=""
    )


def record(
    runs: Sequence[Run], latencies: Sequence[Latency] = (), limits: Limits | None = None, usd_per_hour: float = 0.36
) -> ComparisonRecord:
    return ComparisonRecord(
        id="c",
        task=TASK,
        limits=limits or Limits(),
        prices=Prices(machine_usd_per_hour=usd_per_hour),
        task_path="task.yaml",
        data_fingerprint="f",
        created_at="",
        runs=tuple(runs),
        latencies=tuple(latencies),
    )


def right_answers(accuracies: Sequence[float], rows: int, *, seed: int = 0, noise: float = 0.02) -> np.ndarray:
    """Which rows each arm has right, (N, K): exactly the accuracies asked for, errors on shared hard rows, differing by `noise`."""
    random = np.random.default_rng(seed)
    hardness = random.random(rows)
    seen = hardness[:, None] + noise * random.normal(size=(rows, len(accuracies)))
    rank = seen.argsort(axis=0).argsort(axis=0)
    return rank < np.round(np.array(accuracies) * rows)


def drawn(accuracies: dict[str, float], rows: int, limits: Limits | None = None, **how: float) -> ComparisonRecord:
    """A comparison of methods with these accuracies and the latencies `MS`."""
    arms = [arm_of(method) for method in accuracies]
    right = right_answers(list(accuracies.values()), rows, **how)
    runs = [run_of(arm, right[:, k]) for k, arm in enumerate(arms)]
    return record(runs, [latency_of(arm, MS[arm.method]) for arm in arms], limits)
