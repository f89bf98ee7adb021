"""The verdict in plain sentences with figures. Knows a decision that has been made, and makes none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rung.evaluation.kinds import metric_name
from rung.evaluation.records import Arm
from rung.evaluation.summary import ArmSummary
from rung.recommend.rule import BASELINE_ROWS
from rung.recommend.situation import Decision, Situation
from rung.recommend.words import UNTUNED, listed, money, percent, points, points_at_most, points_below, rows, sentence


def nothing_ran(summaries: Sequence[ArmSummary], metric: str) -> tuple[str, tuple[str, ...]]:
    """Headline and reasons where no arm has a figure to be compared by."""
    if not summaries:
        return "Nothing can be recommended: there are no runs.", ()
    finished = [summary for summary in summaries if summary.status == "done"]
    if finished:
        why = next((s.metrics[metric].reason for s in finished if metric in s.metrics), None)
        return f"Nothing can be recommended: {why or f'no arm has a figure for {metric}'}.", ()
    counts = [f"{sum(s.status == status for s in summaries)} {status}" for status in ("failed", "skipped")]
    first = summaries[0]
    head = (
        f"Nothing can be recommended: of {len(summaries)} arm{'s' * (len(summaries) > 1)} none ran "
        f"({', '.join(counts)}). {_left_out(first)}"
    )
    return head, tuple(_left_out(summary) for summary in summaries)


def headline(situation: Situation, decision: Decision) -> str:
    """One or two sentences in plain words."""
    if decision.picked is None:
        return _no_pick(situation, decision)
    arm, count = situation.arms[decision.picked], situation.table.units.rows
    name, score = arm.arm.name, _called(situation, decision.picked)
    if len(situation.arms) == 1:
        return f"Only {name} ran ({score} on {rows(count)}), so there is nothing to compare it with."
    if not decision.decided:
        return (
            f"Not decidable with {rows(count)}: no arm is shown to lie within {points(situation.limits.tolerance)} of the "
            f"best. Until there are more, {name} ({score}) risks least."
        )
    if arm.arm.baseline:
        return f"No arm is shown to be worth its cost: {name}, which {_looks(arm.arm)}, is as good ({score})."
    return _use(situation, decision, decision.picked)


def reasons(situation: Situation, decision: Decision, corrected: float | None) -> tuple[str, ...]:
    """Why: the pick against the best, the cheaper arms that failed, what limits ruled out, what did not run."""
    said: list[str] = []
    if decision.picked is not None:
        if len(situation.arms) > 1:
            said.append(_against_best(situation, decision, decision.picked))
            said += _cheaper(situation, decision, decision.picked)
        said += _correction(situation, decision.picked, corrected)
        said += _out_of_scope(situation, decision.picked)
    for arm, broken in zip(situation.arms, situation.breaches(), strict=True):
        if broken:
            said.append(f"{arm.arm.name} is ruled out: {'; '.join(breach.text for breach in broken)}.")
    said += [_left_out(summary) for summary in situation.table.summaries if summary.status != "done"]
    return tuple(said)


def _use(situation: Situation, decision: Decision, picked: int) -> str:
    arm = situation.arms[picked].arm
    named = f"{arm.name} ({_called(situation, picked)})"
    tuned = [a for a in situation.arms if a.arm.method not in UNTUNED]
    if arm.method not in UNTUNED:
        others = [k for k, a in enumerate(situation.arms) if a.arm.method in UNTUNED]
        if others and all(decision.upper_K[k] > situation.limits.tolerance for k in others):
            return f"Fine-tune: use {named}; no arm without fine-tuning is shown to be as good."
        return f"Use {named}."
    if tuned:
        return f"You need not fine-tune: use {named}."
    return f"Use {named}; no fine-tuned arm ran to compare it with."


def _no_pick(situation: Situation, decision: Decision) -> str:
    broken = situation.breaches()
    if decision.offer.allowed_K.any():
        left = [arm.arm for arm, found in zip(situation.arms, broken, strict=True) if not found]
        only = listed([arm.name for arm in left])
        return (
            f"Nothing can be recommended: only {only} {'is' if len(left) == 1 else 'are'} left to choose from, and a baseline, "
            f"which {_looks(left[0])}, is recommended only beside arms that do more."
        )
    far = [max(breach.excess for breach in found) for found in broken]
    order = sorted(range(len(far)), key=lambda k: (situation.arms[k].arm.baseline, far[k]))
    closest = order[0]
    return (
        f"No arm keeps your limits. {situation.arms[closest].arm.name} comes closest: "
        f"{listed([breach.short for breach in broken[closest]])}."
    )


def _looks(baseline: Arm) -> str:
    """What a baseline is too simple for, in words."""
    return "does not read its input" if baseline.model is None else "only looks up an answer"


def _against_best(situation: Situation, decision: Decision, picked: int) -> str:
    arms, upper = situation.arms, decision.upper_K[picked]
    name, count = arms[picked].arm.name, situation.table.units.rows
    evidence = f"with 95 % confidence on {rows(count)}"
    if situation.table.units.grouped:
        evidence += f" in {situation.table.units.count:,} groups"
    among = "" if decision.offer.allowed_K.all() else " of the arms your limits allow"
    best = decision.best if decision.best is not None else picked
    if not decision.decided:
        text = f"{name} may be up to {points_at_most(upper)} worse than the best{among}, {evidence}"
        text += f": more than the tolerance of {points(situation.limits.tolerance)}, but the least of all"
        if arms[best].arm.baseline and best != picked:
            text += f"; {arms[best].arm.name} scored higher, but a baseline is recommended only where it is decided"
            text += f" on at least {BASELINE_ROWS} independent rows"
        return sentence(text)
    score = _called(situation, best)
    if best == picked:
        others = f"no other is more than {points_at_most(upper)} better" if upper > 0 else "no other is better"
        return f"{name} scored highest{among} ({score}), and {others}, shown {evidence}."
    text = f"{name} is at most {points_at_most(upper)} worse than {arms[best].arm.name} (best{among}, {score}), shown {evidence}"
    return sentence(text + _cost_clause(arms[picked], arms[best]))


def _cost_clause(picked: ArmSummary, best: ArmSummary) -> str:
    mine, other = picked.cost_usd_per_1k, best.cost_usd_per_1k
    if mine is None or not other:
        return ""
    ratio = mine / other
    if ratio > 1.05:
        return f", and costs {ratio:.1f} times as much, which counts as equal" if ratio <= 1.2 else ""
    if ratio > 0.95:
        return ", and costs the same"
    return (
        f", and costs {ratio * 100:.0f} % of it"
        if ratio >= 0.01
        else f", and costs {money(mine)} against {money(other)} for 1,000 requests"
    )


def _cheaper(situation: Situation, decision: Decision, picked: int, limit: int = 3) -> list[str]:
    """The best-scoring cheaper arms that could not be shown to be good enough."""
    bounds, offer, tolerance = situation.bounds, decision.offer, situation.limits.tolerance
    cheaper = offer.allowed_K & (offer.cost_K < offer.cost_K[picked]) & (decision.upper_K > tolerance)
    said: list[str] = []
    for k in np.argsort(-bounds.mean_K, kind="stable"):
        if not cheaper[k] or k == picked or len(said) == limit:
            continue
        name, score = situation.arms[k].arm.name, _called(situation, k)
        if bounds.lower_K[k] > 0:
            said.append(
                f"{name} is cheaper, but scored {score} and is shown to be worse by at least {points_below(bounds.lower_K[k])}."
            )
        else:
            said.append(
                f"{name} is cheaper, but scored {score} and may be up to {points_at_most(decision.upper_K[k])} worse than the "
                f"best, more than the tolerance of {points(tolerance)}."
            )
    return said


def _correction(situation: Situation, picked: int, corrected: float | None) -> list[str]:
    if corrected is None or len(situation.arms) < 2:
        return []
    return [
        f"{situation.arms[picked].arm.name} scored {percent(_score(situation, picked))}; corrected for having been chosen among "
        f"{len(situation.arms)} arms on these rows, expect {percent(corrected)}."
    ]


def _left_out(summary: ArmSummary) -> str:
    verb = "was skipped" if summary.status == "skipped" else "failed"
    return sentence(f"{summary.arm.name} {verb}: {summary.reason}")


def _out_of_scope(situation: Situation, picked: int) -> list[str]:
    """What the picked arm does with inputs of no class, beside the rate of false alarms asked for."""
    asked, arm = situation.task.out_of_scope, situation.arms[picked]
    if asked is None:
        return []
    recall, alarms = (arm.metrics.get(name) for name in ("out_of_scope_recall", "false_alarm_rate"))
    rate = f"({percent(asked.false_alarm_rate)} asked)"
    said = "" if alarms is None or alarms.value is None else f"at a false-alarm rate of {percent(alarms.value)} {rate}"
    if recall is not None and recall.value is not None:
        caught = f"{arm.arm.name} answers {percent(recall.value)} of the rows of no class with “{asked.label}”"
        return [f"{caught}, {said or f'at an unknown false-alarm rate {rate}'}."]
    unknown = f"How many inputs of no class {arm.arm.name} would tell is not known: no test row is out of scope"
    return [f"{unknown}; it answers “{asked.label}” {said}." if said else f"{unknown}."]


def _called(situation: Situation, k: int) -> str:
    """The score of an arm as sentences have it; accuracy goes without its name."""
    name = metric_name(situation.metric, situation.task)
    score = percent(_score(situation, k))
    if name == "accuracy":
        return score
    return f"{name} {score}" if name == "F1" or situation.task.kind == "generate" else f"{score} {name}"


def _score(situation: Situation, k: int) -> float:
    return float(situation.bounds.mean_K[k])
