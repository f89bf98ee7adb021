"""The figures of an arm on a `generate` task, and the row values it is compared by. Knows runs' rows, no limits and no other arms.

Means of row scores are compared as they are. Corpus BLEU is no mean of rows: it is compared by its linearised values
(`rung.metrics.ngrams.bleu_influence`), whose mean it is, as F1 is (`rung.evaluation.linear`). N rows, S seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import rung.metrics.generation as metrics
from rung.evaluation import intervals
from rung.evaluation.kinds import metric_of
from rung.evaluation.records import RowResult
from rung.evaluation.resample import Units
from rung.evaluation.summary import MetricValue
from rung.metrics import Figure, ngrams
from rung.metrics.rouge import Rouge, has_words, rouge
from rung.task import Task

#: Figures that are no shares: they may exceed 1 and are never shown as per cent.
ABOVE_ONE = frozenset({"length_ratio", "mean_words"})
OF_ALL = "no interval: it is a figure of all answers together"


@dataclass(frozen=True)
class Texts:
    """What a seed's answers are judged by.

    Attributes:
        answers: one a row, None where there is none. bleu_NF, chrf_NF: counts a row. rouge_N3: ROUGE-1, -2 and -L.
        scores_N: the row scores of the run.
    """

    answers: list[str | None]
    bleu_NF: np.ndarray
    chrf_NF: np.ndarray
    rouge_N3: np.ndarray
    scores_N: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[RowResult]) -> Texts:
        """Counted over one seed's rows."""
        answers = [None if row.output is None else str(row.output) for row in rows]
        expected = [row.expected for row in rows]
        return cls(
            answers=answers,
            bleu_NF=ngrams.bleu_counts(expected, answers),
            chrf_NF=ngrams.chrf_counts(expected, answers),
            rouge_N3=np.array([rouge(e, a) for e, a in zip(expected, answers, strict=True)], dtype=np.float64),
            scores_N=np.array([row.score for row in rows], dtype=np.float64),
        )


@dataclass(frozen=True)
class Compared:
    """The row values (N,) whose mean is the compared figure.

    Attributes:
        outcome_N: what tells whether two arms did equally well on a row. size_N: how much the row weighs; both None where scores
            are simply 0 or 1.
    """

    scores_N: np.ndarray
    outcome_N: np.ndarray | None = None
    size_N: np.ndarray | None = None


def compared(task: Task, seeds: Sequence[Texts], figures: dict[str, MetricValue]) -> Compared | None:
    """What the arm is compared by, averaged over seeds; None where that figure is undefined (which is so for every arm)."""
    if figures[metric_of(task)].value is None:
        return None
    scores_N = np.mean([texts.scores_N for texts in seeds], axis=0)
    if metric_of(task) == "exact_match":
        return Compared(scores_N)
    if metric_of(task) != "bleu":
        # rows of one size: "better" is claimed as of a ratio, since scores between 0 and 1 bring more false claims than 0 and 1 do
        return Compared(scores_N, scores_N, np.ones(len(scores_N)))
    values_N = np.mean([ngrams.bleu_influence(texts.bleu_NF) for texts in seeds], axis=0)
    return Compared(values_N, scores_N, np.mean([texts.bleu_NF[:, 1] for texts in seeds], axis=0))


def text_figures(
    task: Task, rows: Sequence[RowResult], seeds: Sequence[Texts], units: Units, weights_BG: np.ndarray
) -> dict[str, MetricValue]:
    """Every figure of `generate` by name, the compared one first.

    Args:
        rows: those of one seed, for what is expected. seeds: what each seed's answers are judged by, in the order of `rows`.
    """
    expected = [row.expected for row in rows]
    at = _Bootstrap(seeds, units, weights_BG)
    rows_N: dict[str, list[Any]] = {
        "chrf": [ngrams.chrf_of(texts.chrf_NF) for texts in seeds],
        "exact_match": [[metrics.same_text(e, a) for e, a in zip(expected, t.answers, strict=True)] for t in seeds],
        "empty_answers": [[float(metrics.is_empty(answer)) for answer in texts.answers] for texts in seeds],
    }
    found = {name: at.mean(values) for name, values in rows_N.items()}
    if metric_of(task) not in (*metrics.METRICS, *found):
        found[metric_of(task)] = at.mean([texts.scores_N for texts in seeds])
    found["bleu"] = _undefined(metrics.TOO_SHORT)
    if metrics.long_enough(expected):
        found["bleu"] = at.of_sums([texts.bleu_NF for texts in seeds], ngrams.bleu_of, "bleu")
    found["corpus_chrf"] = at.of_sums([texts.chrf_NF for texts in seeds], ngrams.chrf_of, "chrf")
    known = any(map(has_words, expected))
    for i, name in enumerate(Rouge._fields):
        found[name] = at.mean([texts.rouge_N3[:, i] for texts in seeds]) if known else _undefined(metrics.NO_LETTERS)
    for n in (1, 2):
        found[f"distinct_{n}"] = _alone([metrics.distinct(texts.answers, n) for texts in seeds])
    found["length_ratio"] = at.ratio([texts.bleu_NF[:, :2] for texts in seeds])
    found["mean_words"] = at.mean_of_any([[len((a or "").split()) for a in texts.answers] for texts in seeds])
    return {metric_of(task): found[metric_of(task)]} | found


@dataclass(frozen=True)
class _Bootstrap:
    """Figures over seeds with their intervals: a resample draws the same rows for every seed."""

    seeds: Sequence[Texts]
    units: Units
    weights_BG: np.ndarray

    def mean(self, values: Sequence[Sequence[float] | np.ndarray]) -> MetricValue:
        """The mean of row scores in [0, 1]."""
        scores_N = np.mean(np.asarray(values, dtype=np.float64), axis=0)
        low, high, method = intervals.mean_interval(scores_N, self.units, self.weights_BG)
        return MetricValue(value=float(scores_N.mean()), low=low, high=high, method=method)

    def mean_of_any(self, values: Sequence[Sequence[int]]) -> MetricValue:
        """The mean of row values of any size."""
        table = np.mean(np.asarray(values, dtype=np.float64), axis=0)[:, None]
        return self._shown(float(table.mean()), table, lambda means: means[..., 0])

    def ratio(self, tables: Sequence[np.ndarray]) -> MetricValue:
        """Sum of the first column over that of the second, which is above 0."""
        value = float(np.mean([part / whole for part, whole in (table.sum(axis=0) for table in tables)]))
        statistic = intervals.mean_of_parts(len(tables), intervals.ratio_of)
        return self._shown(value, np.hstack(list(tables)), statistic)

    def of_sums(
        self, tables: Sequence[np.ndarray], score: Callable[[np.ndarray], np.ndarray], name: str
    ) -> MetricValue:
        """A score of summed counts: sacrebleu's own on the rows as they are, `score` on resampled ones; never above 1."""
        rows = len(tables[0])
        value = float(np.mean([ngrams.corpus_score(name, table) for table in tables]))
        statistic = intervals.mean_of_parts(len(tables), lambda means: score(means * rows))
        found = self._shown(value, np.hstack(list(tables)), statistic)
        if found.low is None or found.high is None:
            return found
        return found.model_copy(update={"low": max(0.0, found.low), "high": min(1.0, found.high)})

    def _shown(self, value: float, table: np.ndarray, statistic: intervals.Statistic) -> MetricValue:
        found = intervals.bootstrap(table, statistic, self.units, self.weights_BG)
        if found is None:
            return MetricValue(value=value, reason="no interval: the figure is the same in every resample")
        return MetricValue(value=value, low=found.low, high=found.high, method=found.method)


def _alone(figures: Sequence[Figure]) -> MetricValue:
    """The mean over seeds of a figure that resampled rows would bias: repeated rows repeat their n-grams."""
    missing = next((figure.reason for figure in figures if figure.value is None), None)
    if missing is not None:
        return _undefined(missing)
    return MetricValue(value=float(np.mean([figure.value for figure in figures])), reason=OF_ALL)


def _undefined(reason: str) -> MetricValue:
    return MetricValue(value=None, reason=reason)
