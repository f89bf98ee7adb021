"""Simultaneous bounds on how far each arm lies below the best. Knows scores of rows, nothing about costs or limits.

Two families of bounds on paired differences, each with 95 % confidence over all arms together:

- upper bounds on (best minus arm). Whichever arm j is truly the best, the bounds theta_j - theta_k <= d_jk + c_j se_jk hold for
  all k at once when c_j is the 95 % quantile of the largest studentised error against j; the bound of arm k is the largest
  over all j, so the best need not be known (multiple comparisons with the best: Hsu 1981; unbalanced: Edwards & Hsu 1983).
- lower bounds on (observed best minus arm). Here the data chose the best, so the quantile is that of the largest error over
  all ordered pairs (Romano & Wolf 2005). It is asked for at 96 %, so that on 0/1 scores of 100 to 1,000 rows twelve arms of
  equal accuracy bring a false "better" in 2 to 5 % of trials (1.8 % at 100 rows with 10 % disagreement, where scores are
  coarse; tests/evaluation/test_noninferiority.py).

Quantiles come from a bootstrap of units (rows, or groups of rows) with the standard errors held fixed. Departures, for 0/1
scores with few rows on which two arms differ, where standard errors from the sample are too small or zero:

- half a pseudo-unit that speaks wholly against the claim is added to every pair (in the spirit of Agresti & Min 2005); for
  lower bounds to the variance alone, unless there are fewer than 50 units;
- upper bounds are corrected for skewness: a half-width grows by c^2/2 x (third moment / variance), the first Cornish-Fisher
  term between a fixed-scale bootstrap and the studentised mean (Hall 1992, 3.8). With no disagreement on n rows the bound of
  one pair is 3.02/n, where the exact one is 3.00/n ("rule of three");
- a quantile is never below the normal one for a single pair, and with few units it is widened by Student's t.

Linearised values of a ratio (`rung.evaluation.linear`: F1 over entities) come with the sizes of their rows, which differ. There a
pseudo-unit has the root mean square size, and claims of "better" are asked for at 97 %: at 96 %, twelve equal arms brought a false
one in up to 6.7 % of trials where sizes are skewed (docs/statistics.md has what is left). Scores of texts, which lie anywhere in
[0, 1], come with sizes of 1: at 96 %, chrF of twelve equal arms brought a false "better" in up to 7.1 % of trials, at 97 % in up
to 4.9 %.

Conditional on the fitted arms: scores are means over seeds, and the variance between seeds beyond those run is not in the
bounds. Shapes: N rows, G units, K arms, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rung.evaluation.resample import RESAMPLES, Units, resampled_means, weights_BG

CONFIDENCE = 0.95
_CLAIM_CONFIDENCE = 0.96
_CLAIM_CONFIDENCE_OF_RATIOS = 0.97
_FEW_UNITS = 50
_PSEUDO = 0.5
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Bounds:
    """Gaps between arms and their simultaneous bounds.

    Attributes:
        mean_K: score of each arm. gap_K: best observed score minus the arm's.
        upper_K: 95 % upper bound on (true best minus arm), at least 0. lower_K: lower bound on (observed best minus arm).
        best: position of the best observed arm (the first of equals).
        upper_width_KK: [j, k]: what is added to mean_j - mean_k for the upper bound.
        root_KK, flat_KK: the width's parts at N rows: root shrinks with sqrt(N), flat with N.
        means_BK: the arms' scores in every resample.
    """

    mean_K: np.ndarray
    gap_K: np.ndarray
    upper_K: np.ndarray
    lower_K: np.ndarray
    best: int
    upper_width_KK: np.ndarray
    root_KK: np.ndarray
    flat_KK: np.ndarray
    means_BK: np.ndarray
    weights_BG: np.ndarray
    rows: int

    def upper(self, among: np.ndarray | None = None, means_BK: np.ndarray | None = None) -> np.ndarray:
        """Upper bounds against the best of the arms `among` (K, bool), for given scores: (K,), or (B, K) for `means_BK`."""
        means = self.mean_K[None] if means_BK is None else means_BK
        width = self.upper_width_KK if among is None else np.where(among[:, None], self.upper_width_KK, -np.inf)
        reach = _largest_sum(means, width) - means
        return np.maximum(reach, 0.0)[0] if means_BK is None else np.maximum(reach, 0.0)

    def rows_to_reach(self, tolerance: float, among: np.ndarray) -> np.ndarray:
        """Rows at which each arm's upper bound would fall under `tolerance` if the observed gaps stayed, (K,); inf: never."""
        slack = tolerance - (self.mean_K[:, None] - self.mean_K[None])
        linear, square = self.root_KK * np.sqrt(self.rows), self.flat_KK * self.rows
        with np.errstate(divide="ignore", invalid="ignore"):
            # square x^2 + linear x = slack, x = 1/sqrt(N); the stable form of its positive root
            x = 2 * slack / (linear + np.sqrt(linear**2 + 4 * square * np.maximum(slack, 0)))
            needed = np.where(slack > 0, 1 / x**2, np.inf)
        needed[~among] = 0
        np.fill_diagonal(needed, 0)
        return needed.max(axis=0)


def simultaneous_bounds(
    scores_NK: np.ndarray,
    units: Units,
    *,
    sizes_N: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Bounds:
    """Bounds on (best minus arm) over all arms, from row scores in [0, 1] on the same rows, or linearised values of a ratio.

    Args:
        scores_NK: one score a row and arm. units: what is resampled.
        sizes_N: with linearised values, how much each row weighs (its denominator, in any unit); 1 each for scores between 0 and 1;
            None for scores that are 0 or 1.

    Raises:
        ValueError: no rows, no arms, or rows that do not match the units.
    """
    rows, arms = scores_NK.shape
    if not rows or not arms or rows != units.rows:
        raise ValueError(f"scores of shape {scores_NK.shape} for {units.rows} rows")
    mean = scores_NK.mean(axis=0)
    weights = weights_BG(units, resamples=resamples, seed=seed)
    means_BK = resampled_means(weights, units, scores_NK)
    se, pseudo, skew = _moments(scores_NK - mean, units, _unit_size(units, sizes_N))
    claim = _CLAIM_CONFIDENCE if sizes_N is None else _CLAIM_CONFIDENCE_OF_RATIOS
    each_K, every = _quantiles(means_BK - mean, se, units.count, claim)
    root = each_K[:, None] * se
    flat = pseudo + each_K[:, None] ** 2 / 2 * skew
    np.fill_diagonal(root, 0)
    np.fill_diagonal(flat, 0)
    best = int(np.argmax(mean))
    lower = mean[best] - mean - every * se[best] - (pseudo if units.count < _FEW_UNITS else 0.0)
    lower[best] = 0.0
    bounds = Bounds(
        mean_K=mean,
        gap_K=mean[best] - mean,
        upper_K=np.zeros(arms),
        lower_K=np.minimum(lower, mean[best] - mean),
        best=best,
        upper_width_KK=root + flat,
        root_KK=root,
        flat_KK=flat,
        means_BK=means_BK,
        weights_BG=weights,
        rows=rows,
    )
    bounds.upper_K[:] = bounds.upper()
    return bounds


def _unit_size(units: Units, sizes_N: np.ndarray | None) -> float:
    """Size of a pseudo-unit, in rows of average size."""
    rows = units.rows / units.count
    if sizes_N is None:
        return rows
    sizes_G = units.sums(sizes_N)
    return rows * float(np.sqrt((sizes_G**2).mean()) / sizes_G.mean())


def _moments(centred_NK: np.ndarray, units: Units, unit_rows: float) -> tuple[np.ndarray, float, np.ndarray]:
    """Standard errors (K, K), the shift by the pseudo-unit, and third moment / variance of pairs [j, k], all per row."""
    sums = units.sums(centred_NK)
    rows = units.rows
    square, cube = sums.T @ sums, (sums**2).T @ sums
    second = np.diag(square)[:, None] + np.diag(square)[None] - 2 * square
    third = np.diag(cube)[:, None] - np.diag(cube)[None] - 3 * cube + 3 * cube.T
    second = np.maximum(second, 0) + _PSEUDO * unit_rows**2
    third = third + _PSEUDO * unit_rows**3
    spread = units.count / max(units.count - 1, 1)
    se = np.sqrt(second * spread) / rows
    return se, _PSEUDO * unit_rows / rows, np.maximum(third / second, 0) / rows


def _quantiles(errors_BK: np.ndarray, se_KK: np.ndarray, units: int, claim: float) -> tuple[np.ndarray, float]:
    """For each j the quantile over resamples of the largest studentised error against j, and over all ordered pairs (`claim`)."""
    from scipy import special  # not scipy.stats, which takes seconds to import

    count, arms = errors_BK.shape
    largest = np.zeros((count, arms), dtype=np.float32)
    inverse = (1 / se_KK).astype(np.float32)
    errors = errors_BK.astype(np.float32)
    step = max(1, _CHUNK // (arms * arms))
    for start in range(0, count, step):
        part = errors[start : start + step]
        # error of (k minus j), over k: the bound on (j minus k) fails when this is large
        largest[start : start + step] = ((part[:, None, :] - part[:, :, None]) * inverse).max(axis=2)
    normal = float(special.ndtri(CONFIDENCE))

    def student(quantile: Any) -> Any:
        # the same tail in Student's t for G units, taken through the far tail so that it stays finite
        return -special.stdtrit(max(units - 1, 1), special.ndtr(-np.minimum(quantile, 8.0)))

    each = student(np.maximum(np.quantile(largest, CONFIDENCE, axis=0), normal))
    every = max(float(np.quantile(largest.max(axis=1), claim)), normal)
    return each, float(student(every)) if units < _FEW_UNITS else every


def _largest_sum(means_BK: np.ndarray, width_KK: np.ndarray) -> np.ndarray:
    """max over j of means[b, j] + width[j, k], (B, K), in chunks of resamples."""
    count, arms = means_BK.shape
    out = np.empty((count, arms))
    step = max(1, _CHUNK // (arms * arms))
    for start in range(0, count, step):
        out[start : start + step] = (means_BK[start : start + step, :, None] + width_KK).max(axis=1)
    return out
