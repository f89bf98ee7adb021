"""Frozen features: texts encoded once, then logistic regression on the vectors. Moves no weight of the encoder.

What labels are called is used as prior knowledge: the regression is pulled towards the vectors of the label names instead of
towards zero, as far as folds of the training rows say that this helps (a Gaussian prior with that mean; it is worth most below ten
examples a label).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rung.methods.base import Kit, Learns, Method
from rung.methods.choosing import Candidate, Problem, choose
from rung.methods.logistic import Linear, Rotated
from rung.methods.saving import check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, answers, label_vectors, targets
from rung.models.base import Encoded, Floats, Model
from rung.task import Context, Example, Prediction, Task

#: Above this many examples a label, names add nothing that the examples do not say (measured on four datasets).
PRIOR_UP_TO = 64


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
    pooling: Literal["spread", "last"] = Field(
        "spread", description="Vectors from an early, a middle and the last layer, or from the last alone."
    )

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder and examples that differ in label."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if len({example.output for example in train}) < 2:
            return "frozen_features needs training examples of at least two labels"
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
        """Encode, choose on folds of train, fit, measure on validation, and fit again on both where allowed."""
        embed = Embedder.of(model, kit.features)
        prior_KD = self._prior(task, train, context, embed, kit)
        problem = self._problem(task, train, embed, prior_KD, kit)
        chosen, scores = choose(problem, kit.seed, self.C, self.label_prior)
        kit.events.message(f"chose C = {chosen.strength:g}, label names weighted {chosen.pull:g}")
        alone = self._fitted(task, embed, problem, chosen, scores)
        score = accuracy(alone.predict([e.input for e in validation]), validation)
        if not (kit.refit and validation):
            return alone.scored(score)
        both = self._problem(task, [*train, *validation], embed, prior_KD, kit)
        return self._fitted(task, embed, both, chosen, scores).scored(score)

    def _prior(
        self, task: Task, train: Sequence[Example], context: Context, embed: Embedder, kit: Kit
    ) -> Floats | None:
        many = len(train) > PRIOR_UP_TO * max(1, len(task.labels))
        if self.label_prior == "off" or (self.label_prior == "auto" and many):
            return None
        vectors_KD = label_vectors(task, context, embed, kit.ledger, all_layers=self.pooling == "spread")
        return np.asarray(vectors_KD - vectors_KD.mean(0), np.float32)

    def _pooled(self, embed: Embedder, vectors_ND: Floats) -> Floats:
        return embed.parts(vectors_ND) if self.pooling == "spread" else embed.last(vectors_ND)

    def _problem(
        self, task: Task, examples: Sequence[Example], embed: Embedder, prior_KD: Floats | None, kit: Kit
    ) -> Problem:
        encoded = embed([e.input for e in examples], kit.ledger, kit.events)
        rows_ND = self._pooled(embed, encoded.vectors_ND)
        return Problem(rows_ND, targets(task, examples), examples, prior_KD, task.multi_label)

    def _fitted(
        self, task: Task, embed: Embedder, problem: Problem, chosen: Candidate, scores: Sequence[dict[str, Any]]
    ) -> FittedFrozenFeatures:
        linear = Rotated.of(problem.rows_ND).solve(
            problem.wanted_NK, chosen.strength, problem.prior(chosen.pull), several=problem.several
        )
        details = {
            "C": chosen.strength,
            "label_prior": chosen.pull,
            "threshold": chosen.threshold,
            "folds": list(scores),
        }
        arrays = {"weights": linear.weights_KD, "bias": linear.bias_K}
        size = linear.weights_KD.size + linear.bias_K.size
        return FittedFrozenFeatures(self, task, embed, arrays, details, None, size)

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedFrozenFeatures:
        """Read what `save` wrote."""
        record = read_record(folder)
        check_base(record, model, folder)
        return FittedFrozenFeatures(
            cls(**record.knobs),
            task,
            Embedder.of(model),
            read_arrays(folder, "weights", "bias"),
            record.details,
            record.validation_score,
            record.trainable_parameters,
        )


class FittedFrozenFeatures(FittedOnVectors):
    """Arrays `weights` (K, D) and `bias` (K,)."""

    method: FrozenFeatures

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Probabilities of the regression."""
        rows_ND = self.method._pooled(self.embed, encoded.vectors_ND)
        linear = Linear(self.arrays["weights"], self.arrays["bias"])
        probabilities_NK = linear.probabilities(rows_ND, several=self.task.multi_label)
        return answers(self.task, probabilities_NK, encoded, threshold=self.details["threshold"])
