"""What would change the answer: more rows, another tolerance, other limits. Found by applying the rule again; guesses nothing."""

from __future__ import annotations

import math

from rung.plan import Limits
from rung.recommend.rule import tolerance_of_change
from rung.recommend.situation import Decision, Situation
from rung.recommend.words import milliseconds, money, percent, points, points_above, points_below, reached


def would_change(situation: Situation, decision: Decision) -> tuple[str, ...]:
    """Sentences with numbers; each names what would have to be different and what would then be recommended."""
    said = []
    needed = situation.rows_to_decide(decision)
    if needed is not None:
        said.append(
            f"About {needed:,} test rows would settle it at a tolerance of {points(situation.limits.tolerance)} "
            f"(there are {situation.table.units.rows:,}), if the differences stay as they are."
        )
    if decision.picked is not None and len(situation.arms) > 1:
        said += _tolerances(situation, decision)
    said += _looser(situation, decision)
    said += _tighter(situation, decision)
    return tuple(said)


def _tolerances(situation: Situation, decision: Decision) -> list[str]:
    said, tolerance = [], situation.limits.tolerance
    wider = tolerance_of_change(decision.upper_K, tolerance, decision.offer, wider=True)
    if wider is not None:
        step, picked, _ = wider
        then = _then(situation, picked)
        said.append(f"With a tolerance of {points_above(step)} or more, {then}.")
    tighter = tolerance_of_change(decision.upper_K, tolerance, decision.offer, wider=False)
    if decision.decided and tighter is not None and tighter[0] > 0:
        step, picked, settled = tighter
        then = _then(situation, picked) if settled else "it would not be decidable with these rows"
        said.append(f"With a tolerance under {points_below(step)}, {then}.")
    return said


def _looser(situation: Situation, decision: Decision) -> list[str]:
    """For each limit in force: the smallest loosening that changes the recommendation."""
    said = []
    for name, values in _values(situation).items():
        limit = getattr(situation.limits, name)
        if limit is None:
            continue
        floor = name == "quality_floor"
        beyond = sorted((v for v in values if (v < limit if floor else v > limit)), reverse=floor)
        for value in beyond:
            other = situation.decide(situation.limits.model_copy(update={name: value}))
            if other.picked != decision.picked:
                shown = value if floor else reached(value)
                said.append(f"{_named(name, shown, 'of')}, {_then(situation, other.picked, other.decided)}.")
                break
    return said


def _tighter(situation: Situation, decision: Decision) -> list[str]:
    """The latency and the cost at which the recommended arm would be ruled out."""
    if decision.picked is None:
        return []
    said, arm = [], situation.arms[decision.picked]
    for name, value in (("latency_ms", arm.latency_ms_p50), ("cost_usd_per_1k", arm.cost_usd_per_1k)):
        if value is None or value <= 0:
            continue
        below: Limits = situation.limits.model_copy(update={name: value * (1 - 1e-9)})
        other = situation.decide(below)
        then = _then(situation, other.picked, other.decided) if other.picked is not None else "no arm would be left"
        if name == "latency_ms" or situation.limits.cost_usd_per_1k is not None:
            said.append(f"{_named(name, value, 'under')}, {then}.")
    return said


def _values(situation: Situation) -> dict[str, list[float]]:
    """Where each limit would begin to admit an arm."""
    arms = situation.arms
    highs = [arm.metrics[situation.metric].high for arm in arms]
    return {
        "quality_floor": [high for high in highs if high is not None],
        "latency_ms": [arm.latency_ms_p50 for arm in arms if arm.latency_ms_p50 is not None],
        "cost_usd_per_1k": [arm.cost_usd_per_1k for arm in arms if arm.cost_usd_per_1k is not None],
    }


def _named(name: str, value: float, word: str) -> str:
    if name == "quality_floor":
        return f"With a quality floor {word} {percent(math.floor(value * 1e3 + 1e-9) / 1e3)}"
    if name == "latency_ms":
        return f"With a latency limit {word} {milliseconds(value)}"
    return f"With a limit {word} {money(value)} for 1,000 requests"


def _then(situation: Situation, picked: int | None, decided: bool = True) -> str:
    if picked is None or picked < 0:
        return "nothing could be recommended"
    name = situation.arms[picked].arm.name
    return f"{name} would be recommended" if decided else f"{name} would risk least (not decided)"
