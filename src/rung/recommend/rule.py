"""The rule that picks an arm from bounds, costs and the order of the ladder, stated once. Knows no words.

The same function decides on the test set and, on every bootstrap resample, for the corrected score. K arms, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: costs within this factor of the cheapest count as equal: they are timings of a shared machine
COST_FACTOR = 1.2
#: a baseline answers without looking; fewer independent rows than this are no ground for saying that this is enough
BASELINE_ROWS = 50
_TIE = 1e-9


@dataclass(frozen=True)
class Offer:
    """What may be picked.

    Attributes:
        allowed_K: not ruled out by a limit. baseline_K: answers without looking at the input.
        cost_K: US dollars for 1,000 requests, inf where unknown. order_K: rank on the ladder (rung, rows to learn from, name).
        units: independent pieces of evidence in the test set.
    """

    allowed_K: np.ndarray
    baseline_K: np.ndarray
    cost_K: np.ndarray
    order_K: np.ndarray
    units: int

    def candidates(self, *, decided: bool) -> np.ndarray:
        """Arms that may be recommended: baselines only where it is decided, on enough rows, against arms that read."""
        reading = self.allowed_K & ~self.baseline_K
        return self.allowed_K if decided and self.units >= BASELINE_ROWS and reading.any() else reading


def choose(upper_BK: np.ndarray, tolerance: float, offer: Offer) -> tuple[np.ndarray, np.ndarray]:
    """The arm picked for each row of upper bounds on (best minus arm), -1 for none, and whether it was decided, (B,) both.

    Decided: of the arms whose bound does not exceed the tolerance, the cheapest; among equal costs the lowest rung.
    Undecided: the least regret, that is the smallest bound; among equals the cheapest.
    """
    qualifies = (upper_BK <= tolerance + _TIE) & offer.candidates(decided=True)
    decided = qualifies.any(axis=1)
    cost = np.where(qualifies, offer.cost_K, np.inf)
    cheap = qualifies & (offer.cost_K <= COST_FACTOR * cost.min(axis=1, keepdims=True))
    picked = np.where(cheap, offer.order_K, np.inf).argmin(axis=1)
    fallback = offer.candidates(decided=False)
    if not fallback.any():
        return np.where(decided, picked, -1), decided
    regret = np.where(fallback, upper_BK, np.inf)
    least = regret <= regret.min(axis=1, keepdims=True) + _TIE
    price_rank = np.empty(len(offer.cost_K))
    price_rank[np.lexsort((offer.order_K, offer.cost_K))] = np.arange(len(offer.cost_K))
    safest = np.where(least, price_rank, np.inf).argmin(axis=1)
    return np.where(decided, picked, safest), decided


def tolerance_of_change(
    upper_K: np.ndarray, tolerance: float, offer: Offer, *, wider: bool
) -> tuple[float, int, bool] | None:
    """The nearest tolerance at which the pick changes, the new pick and whether it is decided; None if none below 1 does.

    With `wider` the smallest larger tolerance; otherwise the pick changes for tolerances below the one returned.
    """
    now, decided = choose(upper_K[None], tolerance, offer)
    steps = np.unique(upper_K[(upper_K > tolerance + _TIE) & (upper_K < 1) if wider else upper_K <= tolerance + _TIE])
    for step in steps if wider else steps[::-1]:
        picked, settled = choose(upper_K[None], float(step) if wider else float(step) - 2 * _TIE, offer)
        if picked[0] != now[0] or (settled[0] and not decided[0]):
            return float(step), int(picked[0]), bool(settled[0])
    return None
