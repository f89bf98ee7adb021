"""Choosing a regression's strength, prior and layers on folds of training rows. Knows vectors and labels, no text.

One knob after the other, from a start that is good on every dataset tried, on the same folds. A knob leaves its default only where
that wins more held-out rows than chance would: among 100 rows all candidates look different, and few are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from rung.methods.folds import stratified_folds
from rung.methods.logistic import Linear, Rotated
from rung.models.base import Floats
from rung.task import Example

#: Values of C that are tried. Rows have length 1, so that these suit any encoder.
STRENGTHS = (3.0, 10.0, 30.0, 100.0)
#: The same for rows of text pairs, whose four parts say less each.
PAIR_STRENGTHS = (1.0, 3.0, 10.0, 30.0)
#: How far the weights start from zero in the direction of the label's name.
PULLS = (0.0, 10.0, 30.0)
#: Weight of the early layers against the last.
EARLY = (0.5, 1.0)
#: Fewer held-out rows than this decide nothing.
FEWEST_ROWS = 8
THRESHOLDS = tuple(i / 20 for i in range(2, 17))
#: Knobs are chosen on the rows of so many labels, drawn at random: time grows with the square of the labels, what is chosen hardly.
LABELS_TRIED = 300
#: Folds for thresholds on up to 2,000 rows: what is held out should be answered almost as surely as new texts will be.
FINE_FOLDS = 10
#: Enough to rank candidates; the final fit is solved further.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Candidate:
    """A choice: C, the pull of the label names, the weight of early layers."""

    strength: float = 30.0
    pull: float = 10.0
    early: float = 0.5


@dataclass(frozen=True)
class Problem:
    """What is to be fitted.

    Attributes:
        rows: rows (N, D) of length 1 for a weight of the early layers.
        wanted_NK: 1 where the row has the label.
        label_rows: vectors of the labels (K, D), centred, for the same weight; None where names are not used.
        several: a row may have any number of labels.
    """

    rows: Callable[[float], Floats]
    wanted_NK: Floats
    examples: Sequence[Example]
    label_rows: Callable[[float], Floats] | None
    several: bool

    def prior(self, candidate: Candidate) -> Floats:
        """Mean of the weights before any example is seen (K, D)."""
        if self.label_rows is None:
            return np.zeros((self.wanted_NK.shape[1], self.rows(candidate.early).shape[1]), np.float32)
        return np.float32(candidate.pull) * self.label_rows(candidate.early)

    def of_labels(self, labels_L: np.ndarray) -> Problem:
        """The same with these labels only, and the rows that have one of them."""
        rows_M = np.flatnonzero(self.wanted_NK[:, labels_L].any(1))
        named = self.label_rows
        return Problem(
            lambda early: self.rows(early)[rows_M],
            self.wanted_NK[np.ix_(rows_M, labels_L)],
            [self.examples[int(i)] for i in rows_M],
            None if named is None else lambda early: named(early)[labels_L],
            self.several,
        )

    def solve(self, candidate: Candidate) -> Linear:
        """The regression on all rows."""
        rotated = Rotated.of(self.rows(candidate.early))
        return rotated.solve(self.wanted_NK, candidate.strength, self.prior(candidate), several=self.several)


@dataclass(frozen=True)
class Outcome:
    """How a candidate did: which held-out rows it answered exactly, and its mean log loss there."""

    candidate: Candidate
    right_N: np.ndarray
    log_loss: float

    @property
    def accuracy(self) -> float:
        """Share answered exactly."""
        return float(self.right_N.mean())

    def within_noise_of(self, better: Outcome) -> bool:
        """Whether it lost to `better` by no more than half a standard error of the rows on which they differ."""
        differ = int((self.right_N != better.right_N).sum())
        return int(better.right_N.sum()) - int(self.right_N.sum()) <= 0.5 * differ**0.5

    def as_row(self) -> dict[str, float]:
        """For the report."""
        chosen = self.candidate
        values = {"C": chosen.strength, "label_prior": chosen.pull, "early_layers": chosen.early}
        return {**values, "accuracy": round(self.accuracy, 5), "log_loss": round(self.log_loss, 5)}


def choose(
    problem: Problem, start: Candidate, options: dict[str, Sequence[float]], seed: int
) -> tuple[Candidate, list[dict[str, Any]]]:
    """The best candidate by cross-validation, and the scores of all that were tried; with many labels, on some of them.

    Args:
        start: defaults; kept where the rows are too few to choose.
        options: values to try by knob, of `early`, `pull` and `strength`. Strength is settled last, by log loss among those
            that are as accurate as the best within noise, since accuracy hardly tells neighbouring strengths apart.
    """
    if problem.wanted_NK.shape[1] > LABELS_TRIED:
        drawn = np.random.default_rng(seed).choice(problem.wanted_NK.shape[1], LABELS_TRIED, replace=False)
        problem = problem.of_labels(np.sort(drawn))
    held = _held(problem, seed, 5 if len(problem.examples) <= 2000 else 3)
    nothing = all(len(values) < 2 for values in options.values())
    if nothing or not held:
        return start, []
    trial = _Trial(problem, held)
    best = trial(start)
    for knob in ("early", "pull", "strength"):
        tried = [best, *(trial(replace(best.candidate, **{knob: value})) for value in options.get(knob, ()))]
        top = max(tried, key=lambda outcome: outcome.accuracy)
        if knob == "strength":
            best = min((o for o in tried if o.within_noise_of(top)), key=lambda outcome: outcome.log_loss)
        elif not best.within_noise_of(top):
            best = top
    return best.candidate, [outcome.as_row() for outcome in trial.outcomes.values()]


@dataclass(frozen=True)
class HeldOut:
    """What a candidate answers to training rows that it was not fitted on.

    Attributes:
        rows_M: numbers of the rows, each once. probabilities_MK: for each of them.
        folds_N: the fold of every training row, -1 where it always stays in training.
    """

    rows_M: np.ndarray
    probabilities_MK: np.ndarray
    folds_N: np.ndarray


def held_out(problem: Problem, candidate: Candidate, seed: int) -> HeldOut | None:
    """The candidate's probabilities on folds of all training rows; None where they are too few."""
    held = _held(problem, seed, FINE_FOLDS if len(problem.examples) <= 2000 else 3)
    if not held:
        return None
    folds_N = np.full(len(problem.examples), -1, np.int64)
    for i, held_N in enumerate(held):
        folds_N[held_N] = i
    rows_M = np.concatenate([np.flatnonzero(held_N) for held_N in held])
    return HeldOut(rows_M, _Trial(problem, held).probabilities(candidate), folds_N)


def _held(problem: Problem, seed: int, count: int) -> list[np.ndarray]:
    """Which rows each fold holds back, bool (N,); none where there are too few to decide anything."""
    folds_N = stratified_folds(problem.examples, count, seed)
    if (folds_N >= 0).sum() < FEWEST_ROWS:
        return []
    return [folds_N == i for i in range(count) if (folds_N == i).any()]


@dataclass
class _Trial:
    """Measures candidates on folds, each once, every fit begun from the fold's last one of the same shape."""

    problem: Problem
    held: list[np.ndarray]
    outcomes: dict[tuple[float, float, float], Outcome] = field(default_factory=dict)
    _early: float | None = None
    _rotated: list[Rotated] = field(default_factory=list)
    _last: list[Linear | None] = field(default_factory=list)

    def __call__(self, candidate: Candidate) -> Outcome:
        key = (candidate.strength, candidate.pull, candidate.early)
        if key not in self.outcomes:
            self.outcomes[key] = self._measure(candidate)
        return self.outcomes[key]

    def _measure(self, candidate: Candidate) -> Outcome:
        wanted_NK = np.concatenate([self.problem.wanted_NK[held_N] for held_N in self.held])
        return _outcome(candidate, self.probabilities(candidate), wanted_NK, self.problem.several)

    def probabilities(self, candidate: Candidate) -> np.ndarray:
        """Of the rows held back, fold after fold."""
        problem, rows_ND = self.problem, self.problem.rows(candidate.early)
        if self._early != candidate.early:
            self._rotated = [Rotated.of(rows_ND[~held]) for held in self.held]
            self._last = [None] * len(self.held)
            self._early = candidate.early
        shares = []
        for i, held_N in enumerate(self.held):
            self._last[i] = linear = self._rotated[i].solve(
                problem.wanted_NK[~held_N],
                candidate.strength,
                problem.prior(candidate),
                several=problem.several,
                start=self._last[i],
                tolerance=TOLERANCE,
            )
            shares.append(linear.probabilities(rows_ND[held_N], several=problem.several))
        return np.concatenate(shares)


def _outcome(candidate: Candidate, shares_NK: np.ndarray, wanted_NK: Floats, several: bool) -> Outcome:
    """Score held-out probabilities; with several labels, at the threshold that gets most rows exactly right."""
    if not several:
        of_wanted_N = np.maximum((shares_NK * wanted_NK).sum(1), 1e-12)
        return Outcome(candidate, shares_NK.argmax(1) == wanted_NK.argmax(1), float(-np.log(of_wanted_N).mean()))
    of_wanted_NK = np.where(wanted_NK > 0, shares_NK, 1 - shares_NK)
    loss = float(-np.log(np.maximum(of_wanted_NK, 1e-12)).sum(1).mean())
    exact = {t: ((shares_NK >= t) == (wanted_NK > 0)).all(1) for t in THRESHOLDS}
    return Outcome(candidate, max(exact.values(), key=lambda right_N: int(right_N.sum())), loss)
