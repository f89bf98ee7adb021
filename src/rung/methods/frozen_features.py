"""Frozen features: texts encoded once, then logistic regression on the vectors. Moves no weight of the encoder.

What labels are called is used as prior knowledge: the regression is pulled towards the vectors of the label names instead of
towards zero, as far as folds of the training rows say that this helps (a Gaussian prior with that mean; it is worth most below ten
examples a label).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rung.methods.base import Kit, Learns, Method
from rung.methods.choosing import EARLY, PULLS, STRENGTHS, Candidate, Problem, choose
from rung.methods.deciding import Decision, answers
from rung.methods.logistic import Linear
from rung.methods.saving import check_base, read_arrays, read_record
from rung.methods.vectors import Embedder, FittedOnVectors, accuracy, label_vectors, targets
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
    early_layers: float | None = Field(
        None, ge=0, le=1, description="Weight of an early and a middle layer beside the last; None chooses it on folds."
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
        labels_KD = self._label_blocks(task, train, context, embed, kit)
        problem = _problem(task, train, embed, labels_KD, kit)
        chosen, scores = choose(problem, *self._search(problem), kit.seed)
        kit.events.message(
            f"chose C = {chosen.strength:g}, label names weighted {chosen.pull:g}, early layers {chosen.early:g}"
        )
        alone = self._fitted(task, embed, problem, chosen, scores)
        score = accuracy(alone.predict([e.input for e in validation]), validation)
        if not (kit.refit and validation):
            return alone.scored(score)
        both = _problem(task, [*train, *validation], embed, labels_KD, kit)
        return self._fitted(task, embed, both, chosen, scores).scored(score)

    def _search(self, problem: Problem) -> tuple[Candidate, dict[str, Sequence[float]]]:
        """Where the choice begins, and what is tried for every knob that the user left open."""
        options: dict[str, Sequence[float]] = {}
        start = Candidate()
        if self.C is None:
            options["strength"] = STRENGTHS
        else:
            start = replace(start, strength=self.C)
        if problem.label_rows is None:
            start = replace(start, pull=0.0)
        else:
            options["pull"] = PULLS[1:] if self.label_prior == "on" else PULLS
        if self.early_layers is None:
            options["early"] = EARLY
        else:
            start = replace(start, early=self.early_layers)
        return start, options

    def _label_blocks(
        self, task: Task, train: Sequence[Example], context: Context, embed: Embedder, kit: Kit
    ) -> Floats | None:
        many = len(train) > PRIOR_UP_TO * max(1, len(task.labels))
        if self.label_prior == "off" or (self.label_prior == "auto" and many):
            return None
        return label_vectors(task, context, embed, kit.ledger)

    def _fitted(
        self, task: Task, embed: Embedder, problem: Problem, chosen: Candidate, scores: Sequence[dict[str, Any]]
    ) -> FittedFrozenFeatures:
        linear = problem.solve(chosen)
        details = {
            "C": chosen.strength,
            "label_prior": chosen.pull,
            "early_layers": chosen.early,
            "decision": _decision(task, chosen).model_dump(mode="json"),
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


def _decision(task: Task, chosen: Candidate) -> Decision:
    return Decision(thresholds=(chosen.threshold,) * len(task.labels)) if task.multi_label else Decision()


def _problem(task: Task, examples: Sequence[Example], embed: Embedder, labels_KD: Floats | None, kit: Kit) -> Problem:
    blocks_ND = embed.blocks(embed([e.input for e in examples], kit.ledger, kit.events).vectors_ND)

    def label_rows(early: float) -> Floats:
        assert labels_KD is not None
        weighed_KD = embed.weighed(labels_KD, early)
        return np.asarray(weighed_KD - weighed_KD.mean(0), np.float32)

    return Problem(
        lambda early: embed.weighed(blocks_ND, early),
        targets(task, examples),
        examples,
        None if labels_KD is None else label_rows,
        task.multi_label,
    )


class FittedFrozenFeatures(FittedOnVectors):
    """Arrays `weights` (K, D) and `bias` (K,)."""

    method: FrozenFeatures

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Probabilities of the regression."""
        rows_ND = self.embed.weighed(self.embed.blocks(encoded.vectors_ND), self.details["early_layers"])
        linear = Linear(self.arrays["weights"], self.arrays["bias"])
        probabilities_NK = linear.probabilities(rows_ND, several=self.task.multi_label)
        return answers(self.task, probabilities_NK, encoded, Decision(**self.details["decision"]))
