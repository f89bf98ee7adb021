"""Contrastive tuning: the encoder learns which texts share a label, then a classifier is fitted on its vectors (SetFit).

Texts of a label are drawn together and pushed away from the others while a classifier on the same vectors learns to tell labels
apart (see `contrast`). What labels are called is a text of the label as well, so that a label with a single example has company.
Then all is as with frozen features, on the tuned trunk: the mean of an early, a middle and the last layer, and logistic regression
pulled towards the label names. Its strength is fixed: on vectors that were tuned on the same rows, folds of these rows find every
strength perfect.

On rows drawn from train files, judged on 1,500 others: 5 examples a label of BANKING77, 3 draws, 80.7 with frozen features and 81.8
tuned; 10 examples 84.0 and 84.8; TREC-6, 2 draws, 8 examples 57.7 and 73.3, 64 examples 76.5 and 90.1. On one draw each: the
contrast alone, at a learning rate of 3e-5 and 8 passes, 66.3 and 89.3 on TREC-6, where both losses reach 74.9 and 91.4. Units of
labels that are easily confused and similarities against fixed vectors of the untouched encoder lost; averaging tuned and untouched
weights won 0.1 and lost 7.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from rung.methods import vectors
from rung.methods.base import Kit, Learns, Method
from rung.methods.choosing import Candidate, Problem
from rung.methods.contrast import ContrastSubject, Texts, draw_units
from rung.methods.deciding import Decision, answers, decide
from rung.methods.labelling import LabelHead
from rung.methods.logistic import Linear
from rung.methods.saving import check_base, read_arrays, read_record, sha_of
from rung.methods.trained import REFIT_ROWS, Refit, again, trained
from rung.methods.vectors import Embedder, FittedOnVectors
from rung.models.base import Encoded, Encoder, Model
from rung.models.device import device, for_inference
from rung.task import Context, Example, Input, Label, Prediction, Task, as_input
from rung.training import Progress, Recipe

if TYPE_CHECKING:
    import torch

LEARNT = "learnt.safetensors"


class Contrastive(Method):
    """All weights of the encoder tuned on pairs, then logistic regression."""

    name: ClassVar[str] = "contrastive"
    rung: ClassVar[int] = 25
    summary: ClassVar[str] = (
        "Teaches the model which of your examples belong together, then fits a small classifier on what it has learnt."
    )
    reference: ClassVar[str] = (
        "Tunstall et al. 2022, arXiv:2209.11055 (SetFit); loss: Khosla et al. 2020, arXiv:2004.11362"
    )
    learns: ClassVar[Learns] = "all"
    model_kinds: ClassVar[tuple[str, ...]] = ("encoder",)

    learning_rate: float = Field(1e-4, gt=0, description="peak learning rate of the encoder")
    head_learning_rate: float = Field(
        1e-2, gt=0, description="peak learning rate of the classifier tuned along with it"
    )
    contrast: float = Field(
        0.25, gt=0, le=1, description="share of the contrast in the loss, the rest is the classifier's; 1: as in SetFit"
    )
    passes: int | None = Field(
        None, ge=1, description="how often each text is contrasted with others; default: by the number of rows"
    )
    batch_size: int = Field(2, ge=1, description="units of about 32 texts a step; texts are contrasted within a unit")
    temperature: float = Field(
        0.07, gt=0, le=1, description="what similarities are divided by: lower looks at the nearest"
    )
    label_texts: bool = Field(True, description="whether names and descriptions of labels are texts of the label")
    C: float = Field(100.0, gt=0, le=1e6, description="inverse strength of the classifier's penalty")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay, on matrices")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    refit: Refit = Field(
        "auto", description=f"fit once more on training and validation rows; auto: up to {REFIT_ROWS} rows"
    )

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs an encoder, examples that differ in label, and some that share one."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if len({example.output for example in train}) < 2:
            return "contrastive needs training examples of at least two labels"
        seen = Counter(name for example in train for name in vectors.outputs_of(example.output))
        if max(seen.values(), default=0) < 2 and not self._says_labels(train):
            return "contrastive needs a label with at least two training examples, or label_texts on single texts"
        return None

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> FittedContrastive:
        """Tune and fit on `train`, judge and decide on `validation`, and fit again on both where they are few."""
        assert isinstance(model, Encoder)
        job = _Job(self, task, model, context, kit)
        chosen, progress = job.fitted(train, "choose")
        decision, score = chosen.judged(validation)
        if decision.warning:
            kit.events.message(decision.warning)
        details = {**chosen.details, **_told(progress)}
        together = [*train, *validation]
        if validation and kit.refit and again(self.refit, len(together)) and progress.stopped != "deadline":
            chosen, progress = job.fitted(together, "refit")
            details["refit"] = {"rows": len(together), "steps": progress.step, "seconds": progress.seconds}
        details["decision"] = decision.model_dump(mode="json")
        return replace(chosen, details=details, validation_score=score)

    def _says_labels(self, rows: Sequence[Example]) -> bool:
        """Whether names stand among the texts: not beside pairs, since a name is half of none."""
        return self.label_texts and not any(example.input.pair for example in rows)

    def passes_over(self, rows: int) -> int:
        """How often each text is drawn: 6 times of 1,300 rows or fewer, 3 times of 2,700 or more."""
        return self.passes or max(3, min(6, round(8000 / max(1, rows))))

    def recipe(self, passes: int, seed: int) -> Recipe:
        """The training recipe; all passes are one epoch of units, since no two passes draw the same."""
        return Recipe(
            learning_rate=self.learning_rate,
            epochs=1,
            batch_size=self.batch_size,
            weight_decay=self.weight_decay,
            warmup=self.warmup,
            validations_per_epoch=passes,
            keep="last",
            seed=seed,
        )

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> FittedContrastive:
        """Read what `save` wrote."""
        from safetensors.torch import load_file

        record = read_record(folder)
        check_base(record, model, folder)
        return FittedContrastive(
            cls(**record.knobs),
            task,
            TunedEmbedder(Embedder.of(model).model, learnt=load_file(folder / LEARNT)),
            read_arrays(folder, "weights", "bias"),
            record.details,
            record.validation_score,
            record.trainable_parameters,
        )


def _told(progress: Progress) -> dict[str, Any]:
    """How the training went, for the report."""
    return {
        "steps": progress.step,
        "curve": progress.history,
        "tokens": progress.tokens,
        "training_seconds": progress.seconds,
        "stopped": progress.stopped or "all passes done",
    }


@dataclass(frozen=True)
class TunedEmbedder(Embedder):
    """Texts to vectors by the tuned trunk; nothing is shared with other rungs.

    Attributes:
        learnt: all weights of the trunk, float32.
    """

    learnt: Mapping[str, torch.Tensor] = field(default_factory=dict)

    @cached_property
    def module(self) -> torch.nn.Module:
        """The trunk as it answers, in the machine's fastest dtype."""
        trunk = self.model.trunk()
        trunk.load_state_dict(dict(self.learnt), strict=False)
        return for_inference(trunk)

    def __call__(self, inputs: Sequence[Input], ledger: Any = None, events: Any = None) -> Encoded:
        """Vectors of `inputs`; the time it takes is the arm's own, so that `ledger` is owed nothing."""
        return self.model.encode(inputs, layers=vectors.LAYERS, module=self.module, events=events)


@dataclass(frozen=True)
class FittedContrastive(FittedOnVectors):
    """Arrays `weights` (K, D) and `bias` (K,) on vectors of the tuned trunk."""

    method: Contrastive
    embed: TunedEmbedder

    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Probabilities of the regression."""
        decision = Decision.model_validate(self.details.get("decision", {}))
        return answers(self.task, self.probabilities(encoded), encoded, decision)

    def probabilities(self, encoded: Encoded) -> np.ndarray:
        """Of every label (N, K)."""
        rows_ND = self.embed.weighed(self.embed.blocks(encoded.vectors_ND), self.details["early_layers"])
        linear = Linear(self.arrays["weights"], self.arrays["bias"])
        return linear.probabilities(rows_ND, several=self.task.multi_label)

    def judged(self, validation: Sequence[Example]) -> tuple[Decision, float | None]:
        """What validation rows decide, and the accuracy on them under that decision."""
        if not validation:
            return Decision(), None
        encoded = self.embed([example.input for example in validation])
        shares_NK = self.probabilities(encoded)
        decision = decide(self.task, shares_NK, validation)
        return decision, vectors.accuracy(answers(self.task, shares_NK, encoded, decision), validation)

    def without_cache(self) -> FittedContrastive:
        """The same: it never looks anything up."""
        return self

    def save(self, folder: Path) -> None:
        """Write `learnt.safetensors`, the classifier and the record."""
        from safetensors.torch import save

        from rung.cache import atomic_write

        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / LEARNT) as handle:
            handle.write(save(dict(self.embed.learnt)))
        super().save(folder)

    @property
    def weights_sha(self) -> str:
        """sha-256 over base revision, the tuned weights, the classifier, and what was decided on validation rows."""
        learnt = {name: tensor.numpy() for name, tensor in self.embed.learnt.items()}
        decided = self.details.get("decision", {})
        return sha_of(self.embed.model.info.revision, learnt | self.arrays, decided)


@dataclass(frozen=True)
class _Job:
    """What every fit of one arm has in common."""

    method: Contrastive
    task: Task
    model: Encoder
    context: Context
    kit: Kit

    def fitted(self, rows: Sequence[Example], stage: str) -> tuple[FittedContrastive, Progress]:
        """The trunk tuned on `rows`, and a classifier on it; `stage` names the checkpoints."""
        subject, progress = self._tuned(rows, stage)
        pairs, alike = subject.pairs()
        learnt = {name: p.detach().cpu().contiguous() for name, p in subject.trunk.named_parameters()}
        embed = TunedEmbedder(self.model, learnt=learnt)
        start = Candidate(strength=self.method.C)
        linear = self._problem(rows, embed).solve(start)
        details = {
            "C": start.strength,
            "early_layers": start.early,
            "texts": sum(map(len, subject.units)),
            "pairs": pairs,
            "pairs_sharing_a_label": alike,
        }
        arrays = {"weights": linear.weights_KD, "bias": linear.bias_K}
        size = sum(p.numel() for p in learnt.values()) + linear.weights_KD.size + linear.bias_K.size
        return FittedContrastive(self.method, self.task, embed, arrays, details, None, size), progress

    def _tuned(self, rows: Sequence[Example], stage: str) -> tuple[ContrastSubject, Progress]:
        method, kit = self.method, self.kit
        texts = self._texts(rows)
        passes = method.passes_over(len(rows))
        subject = ContrastSubject(
            self.model,
            self._trunk().to(device()),
            texts,
            draw_units(texts.drawn_NK, passes, kit.seed),
            LabelHead(self.task, self.model).start(rows, kit),
            temperature=method.temperature,
            share=method.contrast,
            head_rate=method.head_learning_rate,
        )
        progress = trained(subject, method.recipe(passes, kit.seed), kit, stage)
        subject.vocabulary.restore(subject.trunk)
        return subject, progress

    def _trunk(self) -> Any:
        from rung.training.dropout import without_dropout

        return without_dropout(self.model.trunk(training=True)).requires_grad_(True)

    def _texts(self, rows: Sequence[Example]) -> Texts:
        """The rows and what labels are called.

        Inputs of no class have nothing in common but what they are not: they are classified, and not drawn to each other.
        """
        inputs = [example.input for example in rows]
        said: list[int] = []
        outside = [k for k, label in enumerate(self.task.labels) if self._is_outside(label)]
        for k, label in enumerate(self.task.labels):
            if k not in outside and self.method._says_labels(rows):
                texts = [vectors.words(label.name)]
                if label.description and self.context.label_descriptions:
                    texts.append(label.description)
                inputs += [as_input(text) for text in texts]
                said += [k] * len(texts)
        names_MK = np.eye(len(self.task.labels), dtype=np.float32)[said]
        wanted_NK = np.concatenate([vectors.targets(self.task, rows), names_MK])
        drawn_NK = wanted_NK.copy()
        drawn_NK[:, outside] = 0
        return Texts(inputs, wanted_NK, drawn_NK, self.task.multi_label)

    def _is_outside(self, label: Label) -> bool:
        return self.task.out_of_scope is not None and label.name == self.task.out_of_scope.label

    def _problem(self, rows: Sequence[Example], embed: TunedEmbedder) -> Problem:
        blocks_ND = embed.blocks(embed([example.input for example in rows], events=self.kit.events).vectors_ND)
        labels_KD = None
        if self.method._says_labels(rows) and len(rows) <= vectors.PRIOR_UP_TO * len(self.task.labels):
            labels_KD = vectors.label_vectors(self.task, self.context, embed)

        return Problem(
            lambda early: embed.weighed(blocks_ND, early),
            vectors.targets(self.task, rows),
            rows,
            None if labels_KD is None else embed.label_rows(labels_KD),
            self.task.multi_label,
        )
