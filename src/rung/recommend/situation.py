"""Everything the verdict rests on, computed once: the table of arms, their bounds, the offer under given limits. Knows no words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rung.evaluation.aggregate import Table
from rung.evaluation.noninferiority import Bounds
from rung.evaluation.selection import corrected_score
from rung.evaluation.summary import ArmSummary
from rung.plan import Limits
from rung.recommend.limits import Breach, breaches
from rung.recommend.rule import Offer, choose
from rung.task import Task


@dataclass(frozen=True)
class Decision:
    """What the rule picks under some limits: position among the K arms that ran (None: nothing), and what it saw.

    Attributes:
        upper_K: bounds against the best of the allowed arms (what the user may use), not of all.
        best: best-scoring allowed arm; None where no arm is allowed.
    """

    picked: int | None
    decided: bool
    upper_K: np.ndarray
    offer: Offer
    best: int | None


@dataclass(frozen=True)
class Situation:
    """A table, its bounds and the user's limits; `metric` is the compared figure."""

    table: Table
    bounds: Bounds
    limits: Limits
    metric: str
    task: Task

    @property
    def arms(self) -> list[ArmSummary]:
        """The K arms that ran."""
        return [self.table.summaries[i] for i in self.table.ran]

    def breaches(self, limits: Limits | None = None) -> list[list[Breach]]:
        """For each arm that ran the limits it breaks."""
        return [breaches(arm, limits or self.limits, self.metric, self.task) for arm in self.arms]

    def decide(self, limits: Limits | None = None) -> Decision:
        """Apply the rule under the user's limits, or others."""
        limits = limits or self.limits
        offer = self._offer(np.array([not found for found in self.breaches(limits)]))
        if not offer.allowed_K.any():
            return Decision(None, False, self.bounds.upper_K, offer, None)
        upper = self.bounds.upper(offer.allowed_K)
        picked, decided = choose(upper[None], limits.tolerance, offer)
        best = int(np.where(offer.allowed_K, self.bounds.mean_K, -np.inf).argmax())
        return Decision(None if picked[0] < 0 else int(picked[0]), bool(decided[0]), upper, offer, best)

    def corrected(self, decision: Decision) -> float | None:
        """The picked arm's score, corrected for its having been picked by this rule on these rows."""
        if decision.picked is None:
            return None
        upper_BK = self.bounds.upper(decision.offer.allowed_K, self.bounds.means_BK)
        chosen, _ = choose(upper_BK, self.limits.tolerance, decision.offer)
        return corrected_score(self.table.scores_NK, self.table.units, self.bounds.weights_BG, chosen, decision.picked)

    def rows_to_decide(self, decision: Decision) -> int | None:
        """Test rows at which some arm would qualify if the observed differences stayed; None where no number would do."""
        candidates = decision.offer.candidates(decided=False)
        if decision.decided or not candidates.any():
            return None
        needed = self.bounds.rows_to_reach(self.limits.tolerance, decision.offer.allowed_K)[candidates].min()
        return int(np.ceil(needed)) if np.isfinite(needed) else None

    def _offer(self, allowed: np.ndarray) -> Offer:
        arms = self.arms
        cost = [np.inf if arm.cost_usd_per_1k is None else arm.cost_usd_per_1k for arm in arms]
        ladder = sorted(range(len(arms)), key=lambda i: (arms[i].arm.rung, arms[i].n_train, arms[i].arm.name))
        order = np.empty(len(arms))
        order[ladder] = np.arange(len(arms))
        baseline = np.array([arm.arm.baseline for arm in arms])
        return Offer(allowed, baseline, np.array(cost), order, self.table.units.count)
