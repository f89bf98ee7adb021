"""MetricValue, ArmSummary and Verdict: what `recommend` concludes and report, CLI and page show. Computes nothing."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rung.evaluation.records import Arm, Status
from rung.task import Frozen


class MetricValue(Frozen):
    """A figure with its 95 % interval. None means undefined, and `reason` says why.

    Attributes:
        method: how the interval was made (`wilson`, `bca`, `cluster bootstrap`).
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    method: str = ""
    reason: str | None = None


class ArmSummary(Frozen):
    """An arm over all its seeds.

    Attributes:
        gap: best arm's score minus this one's, on paired rows. gap_bound: its simultaneous one-sided 95 % upper bound.
        gap_low: the simultaneous lower bound; above 0 the best arm is shown to be better.
        non_inferior: gap_bound does not exceed the tolerance.
        ruled_out: which limits it breaks, in words; empty where it may be recommended.
        cost_basis: what the cost rests on, or why there is none.
        details: what the method chose, from the first seed's run.
    """

    arm: Arm
    status: Status
    reason: str | None = None
    n_train: int = 0
    seeds: tuple[int, ...] = ()
    metrics: dict[str, MetricValue] = Field(default_factory=dict)
    validation_score: float | None = None
    gap: float | None = None
    gap_bound: float | None = None
    gap_low: float | None = None
    non_inferior: bool = False
    ruled_out: tuple[str, ...] = ()
    latency_ms_p50: float | None = None
    latency_ms_p95: float | None = None
    rows_per_s: float | None = None
    train_seconds: float | None = None
    cost_usd_per_1k: float | None = None
    cost_basis: str = ""
    trainable_parameters: int = 0
    details: dict[str, Any] = Field(default_factory=dict)


class Pair(Frozen):
    """Two arms compared on the same rows, as displayed figures (the verdict does not rest on them).

    Attributes:
        difference: first minus second. p_value: McNemar exact, or paired bootstrap, Holm-corrected over all pairs shown; None
            with `reason` where the test is not valid (grouped rows).
    """

    first: str
    second: str
    difference: float
    low: float | None
    high: float | None
    p_value: float | None
    reason: str | None = None
    disagree: int = 0


class Verdict(Frozen):
    """What to use, and why. A pure function of runs and limits.

    Attributes:
        recommended: the arm's id, or None where no arm may be recommended.
        decided: whether the test set settles it; if not, `recommended` is the least-regret choice and `rows_to_decide` the
            number of test rows that would settle it (None where no number would).
        headline: one sentence. reasons: why. would_change: what would change the answer, with numbers.
        best: id of the best-scoring arm. score, score_corrected: the winner's score as measured, and corrected for its having
            been chosen among many on this test set.
    """

    recommended: str | None
    decided: bool
    headline: str
    reasons: tuple[str, ...] = ()
    would_change: tuple[str, ...] = ()
    best: str | None = None
    score: MetricValue | None = None
    score_corrected: float | None = None
    rows_to_decide: int | None = None
    tolerance: float = 0.01
    n_test: int = 0
    arms: tuple[ArmSummary, ...] = ()
    pairs: tuple[Pair, ...] = ()

    def summary(self, arm_id: str) -> ArmSummary:
        """The summary of one arm by id."""
        return next(s for s in self.arms if s.arm.id == arm_id)
