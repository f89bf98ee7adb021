"""recommend: a comparison -> its verdict. Statistics come from `evaluation`, the rule from `rule`, sentences from `reasons`.

Pure: no clock, no files, no randomness beyond fixed bootstrap seeds; the order of runs does not matter.
"""

from __future__ import annotations

import numpy as np

from rung.evaluation.aggregate import Table, tabulate
from rung.evaluation.noninferiority import simultaneous_bounds
from rung.evaluation.pairs import pairs
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import ArmSummary, Pair, Verdict
from rung.recommend.changes import would_change
from rung.recommend.reasons import headline, nothing_ran, reasons
from rung.recommend.situation import Decision, Situation

#: pairs are shown among this many best-scoring arms: 12 arms are 66 pairs
PAIRED_ARMS = 12


def recommend(comparison: ComparisonRecord) -> Verdict:
    """What to use, and why (DESIGN, "Rules that keep us honest").

    The cheapest arm shown to be non-inferior to the best of the arms the limits allow; if none is, the arm with the least
    regret, marked undecided, with the number of rows that would decide.

    Raises:
        DataError: arms were judged on different test rows.
    """
    table = tabulate(comparison)
    tolerance = comparison.limits.tolerance
    if not table.ran:
        head, why = nothing_ran(table.summaries, comparison.metric)
        return Verdict(
            recommended=None, decided=False, headline=head, reasons=why, tolerance=tolerance, arms=table.summaries
        )
    bounds = simultaneous_bounds(table.scores_NK, table.units, sizes_N=table.sizes_N)
    situation = Situation(table, bounds, comparison.limits, comparison.metric, comparison.task)
    decision = situation.decide()
    summaries = _with_bounds(situation)
    picked = None if decision.picked is None else situation.arms[decision.picked]
    corrected = situation.corrected(decision)
    return Verdict(
        recommended=picked.arm.id if picked else None,
        decided=decision.decided,
        headline=headline(situation, decision),
        reasons=reasons(situation, decision, corrected),
        would_change=would_change(situation, decision),
        best=situation.arms[bounds.best].arm.id,
        score=picked.metrics[comparison.metric] if picked else None,
        score_corrected=corrected,
        rows_to_decide=situation.rows_to_decide(decision),
        tolerance=tolerance,
        n_test=table.units.rows,
        arms=summaries,
        pairs=_pairs(table, situation, decision),
    )


def _with_bounds(situation: Situation) -> tuple[ArmSummary, ...]:
    """Every arm with its gap to the best of all arms, and the limits it breaks."""
    bounds, tolerance = situation.bounds, situation.limits.tolerance
    summaries = list(situation.table.summaries)
    for k, (position, broken) in enumerate(zip(situation.table.ran, situation.breaches(), strict=True)):
        summaries[position] = summaries[position].model_copy(
            update={
                "gap": float(bounds.gap_K[k]),
                "gap_bound": float(bounds.upper_K[k]),
                "gap_low": float(bounds.lower_K[k]),
                "non_inferior": bool(bounds.upper_K[k] <= tolerance),
                "ruled_out": tuple(breach.text for breach in broken),
            }
        )
    return tuple(summaries)


def _pairs(table: Table, situation: Situation, decision: Decision) -> tuple[Pair, ...]:
    shown = np.argsort(-situation.bounds.mean_K, kind="stable")[:PAIRED_ARMS].tolist()
    if decision.picked is not None and decision.picked not in shown:
        shown[-1] = decision.picked
    names = [situation.arms[k].arm.id for k in shown]
    return pairs(names, table.scores_NK[:, shown], table.units, outcomes_NK=table.outcomes_NK[:, shown])
