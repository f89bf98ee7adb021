"""Frozen features: texts encoded once, then logistic regression on the vectors. Moves no weight of the encoder.

What labels are called is used as prior knowledge: the regression is pulled towards the vectors of the label names instead of
towards zero, as far as folds of the training rows say that this helps (a Gaussian prior with that mean; it is worth most below ten
examples a label). Pairs of texts are encoded side by side and have no such prior: a label says how two texts relate, and no vector
stands for that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rung.methods.base import Kit, Learns, Method
from rung.methods.choosing import EARLY, PAIR_STRENGTHS, PULLS, STRENGTHS, Candidate, HeldOut, Problem, choose, held_out
from rung.methods.deciding import Decision, answers, decide
from rung.methods.familiar import familiarity, in_scope, remembered
from rung.methods.logistic import Linear
from rung.methods.saving import Arrays, check_base, read_arrays, read_record
from rung.methods.vectors import PRIOR_UP_TO, Embedder, FittedOnVectors, accuracy, label_vectors, targets
from rung.models.base import Encoded, Floats, Model
from rung.task import Context, Example, Prediction, Task


class FrozenFeatures(Method):
    """Logistic regression on sentence vectors; strength and prior chosen on folds of the training rows."""

    name: ClassVar[str] = "frozen_features"
    rung: ClassVar[int] = 20
    summary: ClassVar[str] = (
        "Keeps the model as it is, turns each text into numbers once, and fits a small classifier on them."
    )
    reference: ClassVar[str] = (
        "Alain and Bengio 2016, linear classifier probes; Reimers and Gurevych 2019 for the vectors"
    )
    learns: ClassVar[Learns] = "head"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)

    C: float | None = Field(
        None, gt=0, le=1e6, description="Inverse strength of the penalty; None chooses it on folds."
    )
    label_prior: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether label names and descriptions pull the classifier; auto decides on folds."
    )
    early_layers: float | None = Field(
        None, ge=0, le=1, description="Weight of an early and a middle layer beside the last; None chooses it on folds."
    )

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder and examples that differ in label; names have nothing to say about pairs."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if len({example.output for example in train}) < 2:
            return "frozen_features needs training examples of at least two labels"
        if len({example.input.pair for example in train}) > 1:
            return "frozen_features needs training examples that are all pairs of texts, or all single texts"
        if self.label_prior == "on" and train[0].input.pair:
            return (
                "frozen_features with label_prior=on: names of labels say nothing about how two texts relate; use auto"
            )
        return None

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedFrozenFeatures:
        """Encode, choose on folds of train, fit, decide and measure on validation, and fit again on both where allowed.

        After the second fit thresholds are learnt anew, on folds of all rows: fitted on more, the classifier is surer, and under
        the first ones it would reject too little (BANKING77 with 15 labels left out, rows of train only, asked for 5 % false
        alarms: 3.0 % and 13.8 % of the others found at 5 examples a label, 22.5 % at 10; now 3.8 %, 19.6 % and 26.8 %).
        """
        embed = Embedder.of(model, kit.features, apart=train[0].input.pair)
        labels_KD = self._label_blocks(task, train, context, embed, kit)
        known = _Known.of(task, train, embed, labels_KD, kit)
        chosen, scores = choose(known.problem, *self._search(known.problem, embed.apart), kit.seed)
        kit.events.message(
            f"chose C = {chosen.strength:g}, label names weighted {chosen.pull:g}, early layers {chosen.early:g}"
        )
        alone = self._fitted(known, chosen, scores)
        if validation:
            encoded = embed([e.input for e in validation], kit.ledger, kit.events)
            decision = alone.decided(encoded, validation)
            score = accuracy(alone.deciding(decision).answer(encoded), validation)
        else:
            decision, score = known.decided(chosen, kit.seed), None
        if decision.warning:
            kit.events.message(decision.warning)
        if kit.refit and validation:
            both = _Known.of(task, [*train, *validation], embed, labels_KD, kit)
            alone, decision = self._fitted(both, chosen, scores), both.decided(chosen, kit.seed)
        return alone.deciding(decision).scored(score)

    def _search(self, problem: Problem, pairs: bool) -> tuple[Candidate, dict[str, Sequence[float]]]:
        """Where the choice begins, and what is tried for every knob that the user left open."""
        options: dict[str, Sequence[float]] = {}
        start = Candidate(strength=3.0, early=0.0) if pairs else Candidate()
        if self.C is None:
            options["strength"] = PAIR_STRENGTHS if pairs else STRENGTHS
        else:
            start = replace(start, strength=self.C)
        if problem.label_rows is None:
            start = replace(start, pull=0.0)
        else:
            options["pull"] = PULLS[1:] if self.label_prior == "on" else PULLS
        if self.early_layers is not None:
            start = replace(start, early=self.early_layers)
        elif not pairs:
            options["early"] = EARLY
        return start, options

    def _label_blocks(
        self, task: Task, train: Sequence[Example], context: Context, embed: Embedder, kit: Kit
    ) -> Floats | None:
        many = len(train) > PRIOR_UP_TO * max(1, len(task.labels))
        if embed.apart or self.label_prior == "off" or (self.label_prior == "auto" and many):
            return None
        return label_vectors(task, context, embed, kit.ledger)

    def _fitted(self, known: _Known, chosen: Candidate, scores: Sequence[dict[str, Any]]) -> FittedFrozenFeatures:
        linear = known.problem.solve(chosen)
        details = {
            "C": chosen.strength,
            "label_prior": chosen.pull,
            "early_layers": chosen.early,
            "pairs": known.embed.apart,
            "folds": list(scores),
        }
        arrays: Arrays = {"weights": linear.weights_KD, "bias": linear.bias_K}
        if known.last_ND is not None:
            arrays["known"] = remembered(known.task, known.problem.wanted_NK, known.last_ND)
        size = linear.weights_KD.size + linear.bias_K.size
        return FittedFrozenFeatures(self, known.task, known.embed, arrays, details, None, size).deciding(Decision())

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedFrozenFeatures:
        """Read what `save` wrote."""
        record = read_record(folder)
        check_base(record, model, folder)
        return FittedFrozenFeatures(
            cls(**record.knobs),
            task,
            Embedder.of(model, apart=record.details["pairs"]),
            read_arrays(folder, "weights", "bias"),
            record.details,
            record.validation_score,
            record.trainable_parameters,
        )


@dataclass(frozen=True)
class _Known:
    """Training rows, encoded.

    Attributes:
        last_ND: their last layer, rows of length 1; None where the task needs no neighbours (no out-of-scope label, or pairs).
    """

    task: Task
    embed: Embedder
    problem: Problem
    last_ND: Floats | None

    @classmethod
    def of(cls, task: Task, examples: Sequence[Example], embed: Embedder, labels_KD: Floats | None, kit: Kit) -> _Known:
        encoded = embed([e.input for e in examples], kit.ledger, kit.events)
        rows = _rows(embed, encoded.vectors_ND)
        named = None if labels_KD is None else embed.label_rows(labels_KD)
        problem = Problem(rows, targets(task, examples), examples, named, task.multi_label)
        open_ended = task.out_of_scope is not None and not embed.apart
        return cls(task, embed, problem, embed.last(encoded.vectors_ND) if open_ended else None)

    def decided(self, chosen: Candidate, seed: int) -> Decision:
        """Thresholds by folds of these rows: what to do without validation rows."""
        if not self.task.multi_label and self.task.out_of_scope is None:
            return Decision()
        held = held_out(self.problem, chosen, seed)
        if held is None:
            return decide(self.task, np.zeros((0, len(self.task.labels))), [])
        examples = [self.problem.examples[i] for i in held.rows_M]
        return decide(self.task, held.probabilities_MK, examples, self._unseen(held))

    def _unseen(self, held: HeldOut) -> np.ndarray | None:
        """Familiarity of rows held out, each against the rows of other folds only."""
        if self.last_ND is None:
            return None
        inside_N = in_scope(self.task, self.problem.wanted_NK)
        scores_M = np.zeros(len(held.rows_M))
        for fold in np.unique(held.folds_N[held.rows_M]):
            mine_M = held.folds_N[held.rows_M] == fold
            others_ND = self.last_ND[(held.folds_N != fold) & inside_N]
            queries_ND = self.last_ND[held.rows_M[mine_M]]
            scores_M[mine_M] = familiarity(self.task, held.probabilities_MK[mine_M], queries_ND, others_ND)
        return scores_M


def _rows(embed: Embedder, vectors_ND: Floats) -> Callable[[float], Floats]:
    """What the regression reads, for a weight of the early layers."""
    if embed.apart:
        return lambda early: embed.related(vectors_ND, early)
    blocks_ND = embed.blocks(vectors_ND)
    return lambda early: embed.weighed(blocks_ND, early)


class FittedFrozenFeatures(FittedOnVectors):
    """Arrays `weights` (K, D) and `bias` (K,); with an out-of-scope label, `known` (M, H): vectors of training texts."""

    method: FrozenFeatures

    def probabilities(self, encoded: Encoded) -> np.ndarray:
        """Of every label, float64 (N, K)."""
        rows_ND = _rows(self.embed, encoded.vectors_ND)(self.details["early_layers"])
        linear = Linear(self.arrays["weights"], self.arrays["bias"])
        return linear.probabilities(rows_ND, several=self.task.multi_label)

    def familiarity(self, encoded: Encoded, probabilities_NK: np.ndarray) -> np.ndarray | None:
        """How much the inputs look like training texts (N,); None where nothing depends on it."""
        if "known" not in self.arrays:
            return None
        return familiarity(self.task, probabilities_NK, self.embed.last(encoded.vectors_ND), self.arrays["known"])

    def decided(self, encoded: Encoded, examples: Sequence[Example]) -> Decision:
        """What these rows, on which it was not fitted, say about thresholds."""
        shares_NK = self.probabilities(encoded)
        return decide(self.task, shares_NK, examples, self.familiarity(encoded, shares_NK))

    def deciding(self, decision: Decision) -> FittedFrozenFeatures:
        """The same with other thresholds."""
        return replace(self, details={**self.details, "decision": decision.model_dump(mode="json")})

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Probabilities of the regression."""
        shares_NK = self.probabilities(encoded)
        decision = Decision(**self.details["decision"])
        return answers(self.task, shares_NK, encoded, decision, self.familiarity(encoded, shares_NK))
