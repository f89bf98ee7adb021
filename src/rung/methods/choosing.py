"""Choosing a regression's strength, prior and threshold on folds of the training rows. Knows vectors and labels, no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rung.methods.folds import stratified_folds
from rung.methods.logistic import Linear, Rotated
from rung.models.base import Floats
from rung.task import Example

#: Values of C that are tried. Rows have length 1, so that these suit any encoder.
STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0)
#: How far the weights start from zero in the direction of the label's name.
PULLS = (0.0, 10.0, 30.0)
#: Used where folds can say nothing (one example a label); near the best on every dataset tried.
FALLBACK_STRENGTH, FALLBACK_PULL = 10.0, 10.0
#: Fewer held-out rows than this decide nothing.
FEWEST_ROWS = 8
THRESHOLDS = tuple(i / 20 for i in range(2, 17))


@dataclass(frozen=True)
class Problem:
    """Rows (N, D) of length 1, wanted labels (N, K), the examples they come from, label vectors (K, D) or None."""

    rows_ND: Floats
    wanted_NK: Floats
    examples: Sequence[Example]
    prior_KD: Floats | None
    several: bool

    def prior(self, pull: float) -> Floats:
        """Mean of the weights before any example is seen."""
        if self.prior_KD is None or pull == 0:
            return np.zeros((self.wanted_NK.shape[1], self.rows_ND.shape[1]), np.float32)
        return np.float32(pull) * self.prior_KD


@dataclass(frozen=True)
class Candidate:
    """A choice: C, the pull of the label names, and the threshold of a several-label answer."""

    strength: float
    pull: float
    threshold: float = 0.5


@dataclass(frozen=True)
class Outcome:
    """How a candidate did on held-out rows: share answered exactly, and mean log loss."""

    candidate: Candidate
    accuracy: float
    log_loss: float

    def as_row(self) -> dict[str, Any]:
        """For the report: JSON values."""
        values = {"C": self.candidate.strength, "label_prior": self.candidate.pull}
        return {**values, "accuracy": round(self.accuracy, 5), "log_loss": round(self.log_loss, 5)}


def choose(problem: Problem, seed: int, strength: float | None, prior: str) -> tuple[Candidate, list[dict[str, Any]]]:
    """The best candidate by cross-validation, and every candidate's scores.

    Of all candidates whose accuracy is within half a standard error of the best, the one with the lowest log loss: accuracy on
    a few hundred rows is too coarse to tell neighbours apart, and log loss alone prefers confident weights to right ones.

    Args:
        strength: C where the user fixed it. prior: `on` leaves out the candidates without label names.
    """
    strengths = STRENGTHS if strength is None else (strength,)
    pulls = (0.0,) if problem.prior_KD is None else PULLS[1:] if prior == "on" else PULLS
    count = 5 if len(problem.examples) <= 2000 else 3
    folds_N = stratified_folds(problem.examples, count, seed)
    nothing_to_choose = len(strengths) == len(pulls) == 1 and not problem.several
    if nothing_to_choose or (folds_N >= 0).sum() < FEWEST_ROWS:
        return Candidate(strength or FALLBACK_STRENGTH, 0.0 if problem.prior_KD is None else FALLBACK_PULL), []
    folds = [_Fold.of(problem, folds_N == i) for i in range(count) if (folds_N == i).any()]
    outcomes = [outcome for pull in pulls for outcome in _along_path(problem, folds, strengths, pull)]
    best = max(outcome.accuracy for outcome in outcomes)
    slack = 0.5 * np.sqrt(best * (1 - best) / (folds_N >= 0).sum())
    good = [outcome for outcome in outcomes if outcome.accuracy >= best - slack]
    return min(good, key=lambda outcome: outcome.log_loss).candidate, [outcome.as_row() for outcome in outcomes]


@dataclass
class _Fold:
    """Training rows, rotated; and the rows held out."""

    rotated: Rotated
    kept_N: np.ndarray
    held_N: np.ndarray
    start: Linear | None = None

    @classmethod
    def of(cls, problem: Problem, held_N: np.ndarray) -> _Fold:
        return cls(Rotated.of(problem.rows_ND[~held_N]), ~held_N, held_N)


def _along_path(problem: Problem, folds: list[_Fold], strengths: Sequence[float], pull: float) -> list[Outcome]:
    """Outcomes for rising C, each fit begun from the one before; stops once both scores have turned down."""
    outcomes: list[Outcome] = []
    prior_KD = problem.prior(pull)
    for fold in folds:
        fold.start = None
    for strength in strengths:
        held, wanted = [], []
        for fold in folds:
            fold.start = fold.rotated.solve(
                problem.wanted_NK[fold.kept_N], strength, prior_KD, several=problem.several, start=fold.start
            )
            held.append(fold.start.probabilities(problem.rows_ND[fold.held_N], several=problem.several))
            wanted.append(problem.wanted_NK[fold.held_N])
        outcome = _measure(Candidate(strength, pull), np.concatenate(held), np.concatenate(wanted), problem.several)
        outcomes.append(outcome)
        best_loss = min(o.log_loss for o in outcomes)
        if outcome.log_loss > 1.01 * best_loss and outcome.accuracy < max(o.accuracy for o in outcomes):
            break
    return outcomes


def _measure(candidate: Candidate, shares_NK: np.ndarray, wanted_NK: Floats, several: bool) -> Outcome:
    if not several:
        right_N = shares_NK.argmax(1) == wanted_NK.argmax(1)
        chosen_N = np.maximum((shares_NK * wanted_NK).sum(1), 1e-12)
        return Outcome(candidate, float(right_N.mean()), float(-np.log(chosen_N).mean()))
    of_wanted_NK = np.where(wanted_NK > 0, shares_NK, 1 - shares_NK)
    loss = float(-np.log(np.maximum(of_wanted_NK, 1e-12)).sum(1).mean())
    exact = {t: float(((shares_NK >= t) == (wanted_NK > 0)).all(1).mean()) for t in THRESHOLDS}
    best = max(exact, key=lambda t: (exact[t], -abs(t - 0.5)))
    return Outcome(replace(candidate, threshold=best), exact[best], loss)
