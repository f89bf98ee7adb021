"""From probabilities to answers: thresholds of several labels, and "none of these". Knows arrays and tasks, no method.

What is learnt here is learnt on validation rows, from the probabilities of a model that has not seen them: on its own training
rows a classifier is surer than it will ever be again, and every threshold set there is too high.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rung.models.base import Encoded
from rung.task import Example, Frozen, OutOfScope, Output, Prediction, Task, Usage

#: Thresholds that are tried where a text may have several labels.
THRESHOLDS = tuple(i / 20 for i in range(1, 20))
#: A label's own threshold weighs as much as the common one once it was seen this often on validation rows.
SHRINK = 20


class Decision(Frozen):
    """How probabilities become answers; the default is what is right without any validation rows.

    Attributes:
        thresholds: with several labels, one a label: a label applies at or above it. Empty: 0.5 for all.
        reject_below: an input whose score (`in_scope_scores`, or the method's own) lies below it is out of scope. None: no input
            is, unless the model names the out-of-scope label by itself.
        warning: what the user should know about how this was learnt; empty where there is nothing.
    """

    thresholds: tuple[float, ...] = ()
    reject_below: float | None = None
    warning: str = ""


def decide(
    task: Task, probabilities_NK: np.ndarray, examples: Sequence[Example], scores_N: np.ndarray | None = None
) -> Decision:
    """Learn thresholds on validation rows.

    Args:
        probabilities_NK: of a model fitted without these rows, in the order of the task's labels.
        examples: the rows (N), with their expected outputs.
        scores_N: how much each row looks like one of the classes, higher is more; `in_scope_scores` where it is left out.
    """
    shares_NK = np.asarray(probabilities_NK, np.float64)
    if task.multi_label:
        return Decision(thresholds=_thresholds(shares_NK, _wanted(task, examples))) if len(examples) else Decision()
    if task.out_of_scope is None:
        return Decision()
    inside_N = np.array([example.output != task.out_of_scope.label for example in examples], np.bool_)
    scores_N = in_scope_scores(task, shares_NK) if scores_N is None else scores_N
    return _rejection(task.out_of_scope, scores_N[inside_N])


def answers(
    task: Task,
    probabilities_NK: np.ndarray,
    encoded: Encoded | None = None,
    decision: Decision | None = None,
    scores_N: np.ndarray | None = None,
) -> list[Prediction]:
    """Predictions from probabilities, each charged its own encoding.

    One label: the most probable (the first of equals), with its probability as confidence; below `decision.reject_below`, the
    out-of-scope label, with its own probability where the task lists it, otherwise with what the best label leaves to be had.
    Several: all at or above their thresholds; the confidence is the probability of exactly this set if labels were independent.
    `scores_N` are those that the decision was learnt on, see `decide`.
    """
    decision = decision or Decision()
    shares_NK = np.asarray(probabilities_NK, np.float64)
    found = _sets(task, shares_NK, decision) if task.multi_label else _singles(task, shares_NK, decision, scores_N)
    usages = [Usage()] * len(found) if encoded is None else _usages(encoded)
    rows = zip(found, shares_NK.tolist(), usages, strict=True)
    return [Prediction(output, min(1.0, sure), tuple(shares), usage=usage) for (output, sure), shares, usage in rows]


def in_scope_scores(task: Task, probabilities_NK: np.ndarray) -> np.ndarray:
    """How much an input looks like one of the classes (N,): the largest probability of a class (Hendrycks and Gimpel 2017).

    0 where the model's own answer is the out-of-scope label: such a row is rejected under every threshold.
    """
    outside = _outside(task)
    if outside is None:
        return np.asarray(probabilities_NK.max(1, initial=0.0))
    best_N = np.delete(probabilities_NK, outside, axis=1).max(1, initial=0.0)
    return np.asarray(np.where(probabilities_NK.argmax(1) == outside, 0.0, best_N))


def _rejection(scope: OutOfScope, scores_N: np.ndarray) -> Decision:
    """The threshold that a new in-scope row falls below with probability `false_alarm_rate` at most.

    It is the k-th smallest score, k = floor(rate * (n + 1)): a new row's rank among n + 1 exchangeable rows is uniform, so that it
    lies strictly below with probability k / (n + 1) or less, whatever the distribution (split conformal prediction, Vovk et al.
    2005). The plain quantile promises this only for the rows it was taken from, and on few rows misses it for new ones.
    """
    n = len(scores_N)
    if n == 0:
        return Decision(warning="no validation rows to learn the out-of-scope threshold on: no input is rejected by it")
    allowed = math.floor(scope.false_alarm_rate * (n + 1) + 1e-9)
    threshold = float(np.sort(scores_N)[max(allowed, 1) - 1])
    if allowed >= 1:
        return Decision(reject_below=threshold)
    needed = math.ceil(1 / scope.false_alarm_rate - 1 - 1e-9)
    return Decision(
        reject_below=threshold,
        warning=f"only {n} in-scope validation rows: a false-alarm rate of {scope.false_alarm_rate:g} can be promised from "
        f"{needed} rows on; the threshold is the lowest score among them, which up to 1 in {n + 1} new inputs may undercut",
    )


def _wanted(task: Task, examples: Sequence[Example]) -> np.ndarray:
    """Which row has which label, bool (N, K)."""
    index = {name: i for i, name in enumerate(task.label_names)}
    wanted_NK = np.zeros((len(examples), len(index)), np.bool_)
    for row, example in enumerate(examples):
        names = (example.output,) if isinstance(example.output, str) else example.output
        wanted_NK[row, [index[name] for name in names if name in index]] = True
    return wanted_NK


def _thresholds(shares_NK: np.ndarray, wanted_NK: np.ndarray) -> tuple[float, ...]:
    """One threshold a label: that of its best F1, drawn towards the one common to all of best micro-F1 the rarer the label is.

    For a rare label the best threshold on a sample is a matter of chance, and F1 rewards saying it everywhere (Lipton, Elkan and
    Naryanaswamy 2014). Measured on the slot types of SNIPS as labels (39 of them; 100, 300 and 1,000 rows drawn from train, a
    fifth to a tenth for validation, 1,500 other rows of train, mean of 8 draws), exact match / micro-F1 / macro-F1 in %:
    0.5 for all 13.1/51.5/28.1, 29.5/71.4/49.4, 47.7/82.7/69.1; one threshold by exact match 16.3/59.0/35.6, 32.8/75.7/57.4,
    48.2/83.2/70.8; own by F1 without drawing 16.2/62.8/42.6, 27.1/73.8/60.1, 43.6/82.0/73.5; this 18.0/64.2/42.3,
    32.6/76.3/59.9, 48.5/84.0/74.3. What is judged by exact match is not chosen by it: it counts too few rows to be steady.
    """
    common = _best_f1(shares_NK, wanted_NK, 0.5)
    columns = zip(shares_NK.T, wanted_NK.T, strict=True)
    own_K = np.array([_best_f1(shares_N, wanted_N, common) for shares_N, wanted_N in columns])
    seen_K = wanted_NK.sum(0)
    return tuple(float(t) for t in (seen_K * own_K + SHRINK * common) / (seen_K + SHRINK))


def _best_f1(shares: np.ndarray, wanted: np.ndarray, default: float) -> float:
    """The threshold of best F1 over all entries, the nearest to `default` among equals."""
    scores = {}
    for t in THRESHOLDS:
        said = shares >= t
        scores[t] = 2 * int((said & wanted).sum()) / max(1, int(said.sum()) + int(wanted.sum()))
    return max(scores, key=lambda t: (scores[t], -abs(t - default)))


def _outside(task: Task) -> int | None:
    """Where the out-of-scope label stands among the task's; None where it has none, or does not list it."""
    names = task.label_names
    if task.out_of_scope is None or task.out_of_scope.label not in names:
        return None
    return names.index(task.out_of_scope.label)


def _singles(
    task: Task, shares_NK: np.ndarray, decision: Decision, scores_N: np.ndarray | None
) -> list[tuple[Output, float]]:
    names = task.label_names
    best_N = shares_NK.argmax(1) if len(shares_NK) else np.zeros(0, np.int64)
    found: list[tuple[Output, float]] = [(names[k], float(row[k])) for k, row in zip(best_N, shares_NK, strict=True)]
    if task.out_of_scope is None or decision.reject_below is None:
        return found
    outside = _outside(task)
    scores_N = in_scope_scores(task, shares_NK) if scores_N is None else scores_N
    for i in np.flatnonzero(scores_N < decision.reject_below):
        sure = 1 - shares_NK[i].max() if outside is None else shares_NK[i, outside]
        found[i] = (task.out_of_scope.label, float(sure))
    return found


def _sets(task: Task, shares_NK: np.ndarray, decision: Decision) -> list[tuple[Output, float]]:
    chosen_NK = shares_NK >= (np.asarray(decision.thresholds) if decision.thresholds else 0.5)
    sure_N = np.where(chosen_NK, shares_NK, 1 - shares_NK).prod(1)
    names = np.array(task.label_names, dtype=object)
    return [(tuple(sorted(names[row])), float(sure)) for row, sure in zip(chosen_NK, sure_N, strict=True)]


def _usages(encoded: Encoded) -> list[Usage]:
    pairs = zip(encoded.tokens_N, encoded.seconds_N, strict=True)
    return [Usage(int(tokens), seconds=float(seconds)) for tokens, seconds in pairs]
