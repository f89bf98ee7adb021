"""95 % intervals: Wilson for proportions, BCa and cluster bootstrap for everything else. Knows no arms or runs.

A statistic is given as a *linear table* (N, F) of per-row contributions and a function of their means (..., F) -> (...), so that
all resamples are one matrix product. Wilson 1927; Efron 1987; clusters resampled whole, Davison & Hinkley 1997, 3.8.
N rows, G units, B resamples, F columns, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rung.evaluation.resample import Units, resampled_means

LEVEL = 0.95
Statistic = Callable[[np.ndarray], np.ndarray]


class Interval(NamedTuple):
    """An interval and how it was made."""

    low: float
    high: float
    method: str


def wilson(successes: float, trials: float, level: float = LEVEL) -> Interval:
    """Wilson's score interval for a proportion.

    >>> [round(x, 3) for x in wilson(8, 10)[:2]]
    [0.49, 0.943]

    Raises:
        ValueError: there are no trials.
    """
    if trials <= 0:
        raise ValueError("a proportion of no trials is undefined")
    z = _normal_quantile(0.5 + level / 2)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials**2))
    # the ends at 0 and 1 exactly, not to within rounding
    low, high = centre - half if successes > 0 else 0.0, centre + half if successes < trials else 1.0
    return Interval(max(0.0, low), min(1.0, high), "wilson")


def bootstrap(
    table_NF: np.ndarray, statistic: Statistic, units: Units, weights_BG: np.ndarray, level: float = LEVEL
) -> Interval | None:
    """BCa interval of `statistic(table.mean(axis=0))`; `cluster bootstrap` (BCa over whole groups) where rows are grouped.

    None where it cannot be made: fewer than two units, or a statistic that does not move.
    """
    if units.count < 2:
        return None
    drawn = statistic(resampled_means(weights_BG, units, table_NF))
    drawn = drawn[np.isfinite(drawn)]
    sums = units.sums(table_NF)
    # delete one unit: the jackknife gives the acceleration
    left = (sums.sum(axis=0) - sums) / (units.rows - units.sizes_G)[:, None]
    value = float(statistic(table_NF.mean(axis=0)[None])[0])
    influence = statistic(left)
    # without the only unit that holds any of what is counted, a ratio is undefined: that unit is not given any influence
    influence = np.where(np.isfinite(influence), influence, value)
    low, high = _bca(drawn, value, influence, level, units.count)
    if not low < high:
        return None
    return Interval(low, high, "cluster bootstrap" if units.grouped else "bca")


def mean_interval(scores_N: np.ndarray, units: Units, weights_BG: np.ndarray) -> Interval:
    """Interval of the mean of row scores in [0, 1].

    Wilson where they are ungrouped and all 0 or 1; the bootstrap otherwise. Where every score is the same the bootstrap would
    claim certainty: there, Wilson over units.
    """
    binary = bool(np.isin(scores_N, (0.0, 1.0)).all())
    found = None
    if not (binary and not units.grouped):
        found = bootstrap(scores_N[:, None], lambda means: means[..., 0], units, weights_BG)
    if found is None:
        trials = units.count
        return wilson(float(np.mean(scores_N)) * trials, trials)
    return Interval(max(0.0, found.low), min(1.0, found.high), found.method)


def share_interval(hits_N: np.ndarray, among_N: np.ndarray, units: Units, weights_BG: np.ndarray) -> Interval:
    """Interval of the mean of `hits` over the rows `among` (N, bool), of which there is at least one.

    Wilson where rows are ungrouped and hits are 0 or 1; the bootstrap of the ratio otherwise, or Wilson over units where every
    hit is the same.

    Raises:
        ValueError: no row is among them.
    """
    hits, among = np.where(among_N, hits_N, 0.0), among_N.astype(np.float64)
    if units.grouped or not np.isin(hits, (0.0, 1.0)).all():
        found = bootstrap(np.stack([hits, among], axis=1), ratio_of, units, weights_BG)
        if found is not None:
            return Interval(max(0.0, found.low), min(1.0, found.high), found.method)
    trials = float((units.sums(among) > 0).sum())
    return wilson(hits.sum() / max(among.sum(), 1.0) * trials, trials)


def ratio_of(means: np.ndarray) -> np.ndarray:
    """First column's mean over the second's, from means (..., 2); nan where the second is 0 in a resample."""
    part, whole = means[..., 0], means[..., 1]
    return np.divide(part, whole, out=np.full_like(part, np.nan, dtype=np.float64), where=whole > 0)


def f1_table(expected_NC: np.ndarray, output_NC: np.ndarray) -> np.ndarray:
    """The linear table of F1 from indicators (N, C): columns [right | expected + answered], (N, 2C)."""
    want, got = expected_NC.astype(np.float32), output_NC.astype(np.float32)
    return np.hstack([want * got, want + got])


def macro_f1_of(means: np.ndarray) -> np.ndarray:
    """Macro-F1 from means (..., 2C) of an `f1_table`; classes neither expected nor answered in a resample are left out of it."""
    right, either = np.split(means, 2, axis=-1)
    present = either > 0
    scores = np.divide(2 * right, either, out=np.zeros_like(right), where=present)
    return scores.sum(axis=-1) / np.maximum(present.sum(axis=-1), 1)


def micro_f1_of(means: np.ndarray) -> np.ndarray:
    """Micro-F1 from means (..., 2C) of an `f1_table`."""
    right, either = np.split(means, 2, axis=-1)
    return 2 * right.sum(axis=-1) / np.maximum(either.sum(axis=-1), 1e-12)


def calibration_table(confidences: np.ndarray, right: np.ndarray, bin_of_N: np.ndarray) -> np.ndarray:
    """The linear table of the expected calibration error, bins held fixed: confidence minus right in the row's bin, (N, bins)."""
    table = np.zeros((len(confidences), int(bin_of_N.max()) + 1), dtype=np.float32)
    table[np.arange(len(confidences)), bin_of_N] = confidences - right
    return table


def calibration_error_of(means: np.ndarray) -> np.ndarray:
    """Expected calibration error from means of a `calibration_table`."""
    return np.abs(means).sum(axis=-1)


def per_row_of(statistic: Statistic) -> Statistic:
    """`statistic` of all columns but the last, over the last column's mean: a figure over some of the rows, which that marks."""

    def figure(means: np.ndarray) -> np.ndarray:
        return ratio_of(np.stack([statistic(means[..., :-1]), means[..., -1]], axis=-1))

    return figure


def mean_of_parts(parts: int, statistic: Statistic) -> Statistic:
    """`statistic` on each of `parts` equal column blocks, averaged: a metric over seeds, resampled on the same rows."""

    def averaged(means: np.ndarray) -> np.ndarray:
        return np.mean([statistic(block) for block in np.split(means, parts, axis=-1)], axis=0)

    return averaged


def _bca(drawn: np.ndarray, value: float, influence: np.ndarray, level: float, units: int) -> tuple[float, float]:
    from scipy import special  # not scipy.stats, which takes seconds to import

    below = (drawn < value).mean() + (drawn == value).mean() / 2
    bias = float(special.ndtri(np.clip(below, 1 / len(drawn), 1 - 1 / len(drawn))))
    moved = influence.mean() - influence
    spread = float((moved**2).sum())
    acceleration = float((moved**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    # few units: the bootstrap's spread lacks the factor G / (G - 1) and Student's tail
    tail = float(special.stdtrit(units - 1, 0.5 + level / 2)) * math.sqrt(units / (units - 1))
    ends = []
    for z in (-tail, tail):
        shifted = bias + z
        ends.append(special.ndtr(bias + shifted / max(1 - acceleration * shifted, 1e-9)))
    low, high = np.quantile(drawn, ends)
    return float(low), float(high)


def _normal_quantile(p: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(p)
