"""Arm, Run, Latency and Comparison: the immutable records that store, verdict and report speak. Computes nothing."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from rung.plan import Limits, Prices
from rung.task import Context, Frozen, Output, Task

Status = Literal["done", "skipped", "failed"]


class Arm(Frozen):
    """model x context x method x knobs x number of examples: one thing that is compared.

    Attributes:
        name: how the report calls it; unique in a comparison. method: the method's name. rung: its place on the ladder.
        model, model_revision: name and weights' sha-256; None for methods without a model.
        n_train: training examples (before validation is cut from them); None means all there are.
    """

    name: str
    method: str
    rung: int
    baseline: bool = False
    model: str | None = None
    model_revision: str | None = None
    context: Context = Context()
    knobs: dict[str, Any] = Field(default_factory=dict)
    n_train: int | None = None

    @property
    def id(self) -> str:
        """16 hex digits that change whenever anything that could change the answers changes."""
        body = self.model_dump(mode="json", exclude={"name", "rung", "baseline"})
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


class RowResult(Frozen):
    """One test row as judged: what was expected, what came, its score: 1.0 all of it right, else 0.0; of a text any in [0, 1]."""

    row: str
    expected: Output
    output: Output | None
    score: float
    confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    group: str | None = None


class Run(Frozen):
    """An arm with one seed, as it was: what it answered, what it took, and all that is needed to repeat it.

    Attributes:
        train_seconds: stand-alone seconds (shared work charged in full). wall_seconds: what the clock showed.
        predict_seconds: stand-alone seconds for all test rows. tokens_in: real tokens read for the test rows.
        tokens_out, tokens_cached: tokens written for them, and those of `tokens_in` that were not read anew.
        data_fingerprint: sha-256 over task, splits and rows. weights_sha: over the effective weights.
        prediction_sha: over all outputs, in row order.
        environment: versions, threads, dtype, device, machine.
        details: what the method chose (knobs, epochs, curves).
    """

    comparison: str
    arm: Arm
    seed: int
    status: Status
    reason: str | None = None
    n_train: int = 0
    rows: tuple[RowResult, ...] = ()
    validation_score: float | None = None
    train_seconds: float | None = None
    wall_seconds: float | None = None
    predict_seconds: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    trainable_parameters: int = 0
    data_fingerprint: str = ""
    weights_sha: str | None = None
    prediction_sha: str | None = None
    environment: dict[str, Any] = Field(default_factory=dict)
    details: dict[str, Any] = Field(default_factory=dict)
    started_at: str = ""
    finished_at: str = ""
    fitted_path: str | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Identity within a comparison: the arm's id and the seed."""
        return self.arm.id, self.seed


class Latency(Frozen):
    """One request at a time, measured after all fitting, caches off.

    Attributes:
        p50_ms, p95_ms: over `requests` single-row requests. rows_per_s: throughput in batches of 32.
        load: cores that other processes kept busy while measuring, on average.
    """

    arm_id: str
    p50_ms: float
    p95_ms: float
    rows_per_s: float
    requests: int
    load: float
    threads: int
    measured_at: str


class ComparisonRecord(Frozen):
    """A task and its runs on one test set, as the store gives it back.

    Attributes:
        counts: rows by split (`train`, `validation`, `test`), and `overlap_removed`.
        metric: name of the figure that is compared (`rung.evaluation.kinds.metric_of`).
        warnings: what the audit found, one line each.
    """

    id: str
    task: Task
    limits: Limits
    prices: Prices
    task_path: str
    data_fingerprint: str
    created_at: str
    metric: str = "accuracy"
    counts: dict[str, int] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    latencies: tuple[Latency, ...] = ()
    inputs: dict[str, str] = Field(default_factory=dict)
