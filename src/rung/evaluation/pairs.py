"""Two arms at a time, as displayed figures: McNemar, paired bootstrap interval, Holm. The verdict does not rest on them.

McNemar 1947 in its exact form (binomial on the rows where just one arm is right); Holm 1979 over all pairs shown. Where rows are
not simply won or lost (means over seeds, F1 over entities) the p-value is the bootstrap's; where no resample crosses 0 that can say
no more than "below 1 in 1,000", which Holm's factor over 66 pairs would turn into 0.07, so that Student's t on the row differences
takes over there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rung.evaluation.intervals import wilson
from rung.evaluation.resample import Units, resampled_means, weights_BG
from rung.evaluation.summary import Pair

GROUPED = "rows of one group are not independent, so tests that count rows are not valid; the interval resamples groups"


def pairs(
    names: Sequence[str],
    scores_NK: np.ndarray,
    units: Units,
    *,
    outcomes_NK: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[Pair, ...]:
    """Every pair of arms, in the order of `names`.

    Args:
        names: ids of the arms. scores_NK: row scores in [0, 1] on the same rows, or linearised values of a ratio.
        outcomes_NK: equal where two arms did equally well on a row; the scores themselves where they tell.
    """
    outcomes = scores_NK if outcomes_NK is None else outcomes_NK
    first, second = np.triu_indices(len(names), k=1)
    if not len(first) or not units.rows:
        return ()
    weights = weights_BG(units, seed=seed)
    drawn = resampled_means(weights, units, scores_NK)
    found, raw = [], []
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        difference = scores_NK[:, i] - scores_NK[:, j]
        drawn_B = drawn[:, i] - drawn[:, j]
        low, high = _interval(difference, drawn_B, units)
        raw.append(None if units.grouped else _p_value(difference, drawn_B))
        found.append(
            (names[i], names[j], float(difference.mean()), low, high, int((outcomes[:, i] != outcomes[:, j]).sum()))
        )
    corrected = holm([p for p in raw if p is not None])
    values = iter(corrected)
    return tuple(
        Pair(
            first=a,
            second=b,
            difference=d,
            low=low,
            high=high,
            p_value=None if p is None else next(values),
            reason=GROUPED if p is None else None,
            disagree=disagree,
        )
        for (a, b, d, low, high, disagree), p in zip(found, raw, strict=True)
    )


def mcnemar_exact(first_only: int, second_only: int) -> float:
    """Two-sided exact p-value from the rows that only the first, and only the second, arm has right.

    >>> mcnemar_exact(0, 0), round(mcnemar_exact(8, 1), 4)
    (1.0, 0.0391)
    """
    from scipy import special  # not scipy.stats, which takes seconds to import

    rows = first_only + second_only
    return min(1.0, 2 * float(special.bdtr(min(first_only, second_only), rows, 0.5))) if rows else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction, in the order given.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, p_values[i] * (len(p_values) - rank)))
        corrected[i] = largest
    return corrected


def _p_value(difference_N: np.ndarray, drawn_B: np.ndarray) -> float:
    """McNemar where every row is won, lost or equal; else the paired bootstrap or, beyond its reach, Student's t; two-sided."""
    if np.isin(difference_N, (-1.0, 0.0, 1.0)).all():
        return mcnemar_exact(int((difference_N > 0).sum()), int((difference_N < 0).sum()))
    tail = min(int((drawn_B <= 0).sum()), int((drawn_B >= 0).sum()))
    p_value = min(1.0, 2 * (tail + 1) / (len(drawn_B) + 1))
    return p_value if tail else min(p_value, _student(difference_N))


def _student(difference_N: np.ndarray) -> float:
    from scipy import special  # not scipy.stats, which takes seconds to import

    rows = len(difference_N)
    spread = float(difference_N.std(ddof=1)) / np.sqrt(rows) if rows > 1 else 0.0
    if spread == 0:
        return 1.0  # one value in all rows shows nothing of how it varies
    return 2 * float(special.stdtr(rows - 1, -abs(float(difference_N.mean())) / spread))


def _interval(difference_N: np.ndarray, drawn_B: np.ndarray, units: Units) -> tuple[float, float]:
    if not difference_N.any():
        # no row differs: the bootstrap would claim certainty; Wilson's bound on a rate never seen does not
        reach = wilson(0, units.count).high
        return -reach, reach
    low, high = np.quantile(drawn_B, (0.025, 0.975))
    return float(low), float(high)
