"""F1 as a mean of rows: the row values whose statistics are those of a ratio of sums. Knows counts only.

F = sum(num) / sum(den) is no mean of row scores, so paired statistics on rows do not apply to it as it stands. Its linearised
values z_i = F + (num_i - F den_i) / mean(den) have mean F exactly, and a mean of them over resampled rows is F of those rows to
first order (the ratio estimator, Cochran 1977, chapter 6; F plus the influence of row i). Everything that compares arms works on
z: it is a score a row, though not bound to [0, 1]: a row with more entities weighs more. Simulated error rates stand in
docs/statistics.md. N rows, S seeds, K arms.
"""

from __future__ import annotations

import numpy as np


def linear_scores(numerator_SN: np.ndarray, denominator_SN: np.ndarray) -> np.ndarray:
    """Row values (N,) whose mean is sum(numerator) / sum(denominator), averaged over seeds.

    >>> linear_scores(np.array([[2, 0]]), np.array([[2, 2]])).tolist()
    [1.0, 0.0]

    Raises:
        ValueError: a denominator's sum is 0: the ratio is undefined.
    """
    numerator, denominator = (np.asarray(table, dtype=np.float64) for table in (numerator_SN, denominator_SN))
    total_S1 = denominator.sum(axis=1, keepdims=True)
    if not total_S1.all():
        raise ValueError("the ratio is undefined: its denominator is 0")
    ratio_S1 = numerator.sum(axis=1, keepdims=True) / total_S1
    mean_S1 = total_S1 / denominator.shape[1]
    return np.asarray((ratio_S1 + (numerator - ratio_S1 * denominator) / mean_S1).mean(axis=0))


def outcomes(numerators_NK: np.ndarray, denominators_NK: np.ndarray) -> np.ndarray:
    """A number for each row and arm, (N, K), equal exactly where two arms did equally well on a row.

    Linearised values do not tell this: one row that differs moves F, and with it the value of every row.
    """
    pairs = np.stack([np.ravel(numerators_NK), np.ravel(denominators_NK)], axis=1)
    codes = np.unique(pairs, axis=0, return_inverse=True)[1]
    return np.asarray(codes.reshape(np.shape(numerators_NK)))
