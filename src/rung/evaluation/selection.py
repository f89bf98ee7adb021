"""The winner's score, corrected for its having been chosen on the rows that score it. Knows no rule of choice.

Bootstrap bias corrected (Tsamardinos, Greasidou & Borboudakis 2018): in every resample the choice is made again on the rows
drawn and scored on the rows left out. The out-of-bag form was taken rather than an optimism estimate because a row never
both chooses and scores. Departure: out-of-bag scores enter as a difference to the winner's own, added to its score on all
rows. The expectation is the same; the noise of which rows are left out cancels, and a winner that is chosen in every
resample keeps exactly its score.
"""

from __future__ import annotations

import numpy as np

from rung.evaluation.resample import Units


def corrected_score(
    scores_NK: np.ndarray, units: Units, weights_BG: np.ndarray, chosen_B: np.ndarray, winner: int
) -> float | None:
    """The score to expect of `winner` on new rows, at most its score as measured; None where no rows are ever left out.

    Args:
        weights_BG: how often each resample drew each unit. chosen_B: the arm chosen on each resample.
    """
    left_out = (weights_BG == 0).astype(np.float32)
    rows = left_out @ units.sizes_G.astype(np.float32)
    usable = rows > 0
    if not usable.any():
        return None
    totals = (left_out @ units.sums(scores_NK).astype(np.float32))[usable] / rows[usable, None]
    chosen = chosen_B[usable]
    loss = totals[np.arange(len(chosen)), chosen] - totals[:, winner]
    measured = float(scores_NK[:, winner].mean())
    return float(np.clip(measured + float(loss.mean(dtype=np.float64)), 0.0, measured))
