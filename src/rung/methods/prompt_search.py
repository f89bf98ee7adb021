"""Choosing how to ask: ways of prompting against each other on validation rows, halved round by round. Knows no particular way.

Successive halving (Jamieson and Talwalkar 2016): every way is tried on a few rows, the better half on more, until one is left. What
this costs is bounded like a search over learning rates is, so that prompts are searched as hard as training (DESIGN, "Searches get
equal budgets").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from rung.events import Events
from rung.methods.prompted import FittedPrompt, learnt_decision, task_score
from rung.task import Example

#: Prompts asked in a search, about as many as rows are read by the trials of a searched learning rate.
SEARCH_PROMPTS = 1200
#: Validation rows that judge a way of asking.
JUDGING_ROWS = 200
#: Rows a way is tried on at least.
LEAST_ROWS = 24


class Tried(NamedTuple):
    """A way of asking with what it reached: the task's score, and the mean log-probability of the right label where it has one."""

    way: FittedPrompt
    rows: int
    score: float
    log_likelihood: float

    @property
    def rank(self) -> tuple[float, float]:
        """Better is larger."""
        return self.score, self.log_likelihood


def best_way(ways: Sequence[FittedPrompt], rows: Sequence[Example], events: Events) -> tuple[FittedPrompt, list[Tried]]:
    """The best way on these rows, and all that were tried. Of equally good ones the first: cheaper ones come first.

    Args:
        rows: validation rows; without any, or with one way alone, nothing is tried.
    """
    rows = rows[:JUDGING_ROWS]
    if not rows or (len(ways) == 1 and not _open(ways[0])):
        return ways[0], []
    rounds = max(1, math.ceil(math.log2(len(ways))))
    left, tried = list(ways), list[Tried]()
    for number in range(rounds):
        count = max(min(LEAST_ROWS, len(rows)), min(len(rows), SEARCH_PROMPTS // rounds // len(left)))
        found = []
        for i, way in enumerate(left):
            done = f"round {number + 1} of {rounds}, {i + 1} of {len(left)}"
            events.message(f"trying how to ask ({done}): {told(way)}")
            found.append(on_rows(way, rows[:count]))
        found.sort(key=lambda one: one.rank, reverse=True)
        tried = [*found, *(one for one in tried if one.way.context not in {f.way.context for f in found})]
        left = [one.way for one in found[: math.ceil(len(found) / 2)]]
        if count == len(rows):  # nothing more can be learnt from these rows
            break
    return left[0], tried


def on_rows(way: FittedPrompt, rows: Sequence[Example]) -> Tried:
    """What a way of asking reaches on some rows; calibrated or not, whichever is better, where that is left open."""
    inputs = [row.input for row in rows]
    if not way.by_score:
        score = task_score(way.task, way.written(inputs, trying=True), rows)
        return Tried(way, len(rows), 0.0 if score is None else score, 0.0)
    asked, logs_NK, usages = way.scores(inputs)
    variants = [way]
    if _open(way):  # in every round anew: what is better on few rows need not be so on many
        prior_K = way.prior(inputs[0]) if way.prior_K is None else way.prior_K
        variants = [replace(way, prior_K=None), replace(way, prior_K=prior_K)]
    found = []
    for one in variants:
        score = task_score(way.task, one.answered(asked, logs_NK, usages), rows)
        found.append(Tried(one, len(rows), 0.0 if score is None else score, _likelihood(one, logs_NK, rows)))
    return max(found, key=lambda one: one.rank)


def _open(way: FittedPrompt) -> bool:
    """Whether it is still to be chosen if labels are calibrated."""
    return way.by_score and getattr(way.method, "calibrate", False) is None


def _likelihood(way: FittedPrompt, logs_NK: np.ndarray, rows: Sequence[Example]) -> float:
    index = {name: i for i, name in enumerate(way.task.label_names)}
    shares_NK = np.nan_to_num(way.shares(logs_NK), nan=1e-12)
    own = [shares_NK[i, index[str(row.output)]] for i, row in enumerate(rows) if row.output in index]
    return float(np.log(np.clip(own, 1e-12, None)).mean()) if own else 0.0


def concluded(way: FittedPrompt, tried: Sequence[Tried], validation: Sequence[Example]) -> FittedPrompt:
    """The chosen way with what validation rows say of it: threshold, score, and the search and a prompt for the report."""
    judging = list(validation[:JUDGING_ROWS])
    inputs = [row.input for row in judging]
    details: dict[str, Any] = {**way.details, "calibrated": way.prior_K is not None}
    if tried:
        details["tried"] = [_told(one, way) for one in tried]
    if judging:
        details["example_prompt"] = way.shown(inputs[0])
    prior = np.zeros(0) if way.prior_K is None else way.prior_K
    chosen = replace(way, details=details, arrays={**way.arrays, "prior": prior})
    if not judging or not way.by_score:
        return replace(chosen, validation_score=chosen.judged(judging))
    asked, logs_NK, usages = way.scores(inputs)
    decision = learnt_decision(way.task, way.shares(logs_NK), judging).model_dump(mode="json")
    chosen = replace(chosen, details={**details, "decision": decision})
    return replace(chosen, validation_score=task_score(way.task, chosen.answered(asked, logs_NK, usages), judging))


def told(way: FittedPrompt) -> str:
    """A way in a few words."""
    context = way.context
    shots = f"{context.shots} {context.selection} examples, " if context.shots else ""
    return f"{shots}as {way.renderer.form}"


def _told(one: Tried, chosen: FittedPrompt) -> dict[str, Any]:
    context = one.way.context
    shown: dict[str, Any] = {"form": one.way.renderer.form, "rows": one.rows, "validation_score": round(one.score, 4)}
    if context.shots:
        shown |= {"shots": context.shots, "selection": context.selection, "order": context.order}
    if context.instruction is not None:
        shown["instruction"] = context.instruction
    return {**shown, "calibrated": one.way.prior_K is not None, "chosen": one.way is chosen}
