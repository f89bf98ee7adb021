"""Which limits an arm breaks, in words, and by how much. Knows summaries and limits, no statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rung.evaluation.kinds import metric_name
from rung.evaluation.summary import ArmSummary, MetricValue
from rung.plan import Limits
from rung.recommend.words import milliseconds, money, percent, points
from rung.task import Task


class Breach(NamedTuple):
    """A limit an arm does not keep: which, in words, and how far it is off as a share of the limit (inf: unknown)."""

    limit: str
    text: str
    excess: float
    short: str


def breaches(summary: ArmSummary, limits: Limits, metric: str, task: Task) -> list[Breach]:
    """The limits this arm breaks, or cannot be shown to keep because nothing was measured."""
    found = [_quality(summary.metrics.get(metric), limits.quality_floor, metric_name(metric, task))]
    found.append(_ceiling("latency_ms", "median latency", summary.latency_ms_p50, limits.latency_ms, milliseconds))
    found.append(
        _ceiling("cost_usd_per_1k", "cost of 1,000 requests", summary.cost_usd_per_1k, limits.cost_usd_per_1k, money)
    )
    return [breach for breach in found if breach is not None]


def _quality(score: MetricValue | None, floor: float | None, name: str) -> Breach | None:
    if floor is None or score is None or score.value is None or score.high is None or score.high >= floor:
        return None
    text = (
        f"its {name} of {percent(score.value)} is shown to lie below the floor of {percent(floor)} "
        f"(95 % interval up to {percent(score.high)})"
    )
    missing = floor - score.value
    return Breach("quality_floor", text, missing / floor, f"{points(missing)} below the quality floor")


def _ceiling(
    name: str, what: str, value: float | None, limit: float | None, show: Callable[[float], str]
) -> Breach | None:
    if limit is None or (value is not None and value <= limit):
        return None
    if value is None:
        text = f"its {what} was not measured, so the limit of {show(limit)} cannot be shown to hold"
        return Breach(name, text, float("inf"), f"{what} not measured")
    text = f"its {what} of {show(value)} is over the limit of {show(limit)}"
    return Breach(name, text, value / limit - 1, f"{show(value - limit)} over the limit on {what}")
