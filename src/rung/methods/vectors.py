"""What methods on sentence vectors share: encoding, label texts, answers. Knows no particular method."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from rung.errors import DataError, ModelError
from rung.events import Events
from rung.features import Charges, Features
from rung.methods.base import Fitted, Method
from rung.methods.saving import Arrays, FittedRecord, reference_to, sha_of, write_fitted
from rung.models.base import Encoded, Encoder, Floats, Model
from rung.task import Context, Example, Input, Label, Output, Prediction, Task, as_input

#: All methods on vectors ask for the same layers, so that a text is encoded once for all of them.
LAYERS = "spread"
#: Above this many examples a label, names add nothing that the examples do not say (measured on four datasets).
PRIOR_UP_TO = 64


@dataclass(frozen=True)
class Embedder:
    """Texts to vectors: through the shared store while a comparison runs, straight from the model after loading.

    `features=None` encodes anew at every call. `apart`: inputs are pairs of texts, and each side is encoded by itself.
    """

    model: Encoder
    features: Features | None = None
    apart: bool = False

    @classmethod
    def of(cls, model: Model | None, features: Features | None = None, *, apart: bool = False) -> Embedder:
        """An embedder on `model`.

        Raises:
            ModelError: it is no encoder.
        """
        if not isinstance(model, Encoder):
            have = "no model" if model is None else f"{model.info.name}, of kind {model.info.kind}"
            raise ModelError("this method needs an encoder", given=have)
        return cls(model, features, apart)

    def __call__(self, inputs: Sequence[Input], ledger: Charges | None = None, events: Events | None = None) -> Encoded:
        """Vectors of `inputs`, the last layer's mean at the end of each row; of pairs apart, the second text's after the first's.

        Raises:
            DataError: pairs are wanted, and an input is none.
        """
        if self.apart:
            return _rejoined(replace(self, apart=False)(_sides(inputs), ledger, events))
        if self.features is None:
            return self.model.encode(inputs, layers=LAYERS, events=events)
        return self.features.of(self.model, inputs, ledger, layers=LAYERS, events=events)

    def last(self, vectors_ND: Floats) -> Floats:
        """The last layer's mean, each row of length 1."""
        return unit(vectors_ND[:, -self.model.info.hidden_size :])

    def blocks(self, vectors_ND: Floats) -> Floats:
        """Every layer's mean, each of length 1 on its own."""
        n, width = len(vectors_ND), self.model.info.hidden_size
        return unit(vectors_ND.reshape(n, -1, width)).reshape(n, -1) if n else vectors_ND

    def related(self, vectors_ND: Floats, early: float = 0.0) -> Floats:
        """Rows [u/2, v/2, |u - v|, sqrt(D) * u * v] of length 1 from pairs encoded apart; u, v (N, D) of length 1.

        Conneau et al. 2017 (InferSent) join the four as they are. Under a penalty that costs a direction 40 times as much where
        the product of two vectors of length 1 is 1 / sqrt(D) long: "same intent or not" over 100, 500 and 2,000 pairs made of
        BANKING77's train file, judged on other intents of it, reached 75, 82 and 84 % that way and 85, 86 and 87 % this way.
        The sides halved beat whole ones by under a point, and stay because a label may depend on one side alone. An early and a
        middle layer (`early` above 0) changed nothing and triple the width.
        """
        first_NL, second_NL = np.split(vectors_ND, 2, axis=1)
        if early > 0:
            u_ND, v_ND = (self.weighed(self.blocks(side), early) for side in (first_NL, second_NL))
        else:
            u_ND, v_ND = self.last(first_NL), self.last(second_NL)
        parts = (u_ND / 2, v_ND / 2, np.abs(u_ND - v_ND), np.sqrt(np.float32(u_ND.shape[1])) * u_ND * v_ND)
        return unit(np.concatenate(parts, axis=1))

    def label_rows(self, labels_KD: Floats) -> Callable[[float], Floats]:
        """Vectors of labels (K, D) for a weight of the early layers, centred: what a regression is pulled towards."""

        def rows(early: float) -> Floats:
            weighed_KD = self.weighed(labels_KD, early)
            return np.asarray(weighed_KD - weighed_KD.mean(0), np.float32)

        return rows

    def weighed(self, blocks_ND: Floats, early: float) -> Floats:
        """Blocks with all but the last scaled by `early`, then the whole row to length 1."""
        width = self.model.info.hidden_size
        count = blocks_ND.shape[1] // width
        weights_D = np.full(blocks_ND.shape[1], early, np.float32)
        weights_D[-width:] = 1
        return np.asarray(blocks_ND * (weights_D / np.float32(np.sqrt(1 + (count - 1) * early**2))), np.float32)


def _sides(inputs: Sequence[Input]) -> list[Input]:
    """Both texts of every pair, one after the other."""
    for item in inputs:
        if not item.pair:
            raise DataError(
                "a single text where a pair of texts is expected",
                given=item.text[:80],
                remedy="give both texts; either may be empty",
            )
    return [as_input(text) for item in inputs for text in item.segments]


def _rejoined(sides: Encoded) -> Encoded:
    """What was encoded side by side, a row a pair; each is charged both."""
    return Encoded(
        sides.vectors_ND.reshape(len(sides.vectors_ND) // 2, 2 * sides.vectors_ND.shape[1]),
        sides.tokens_N.reshape(-1, 2).sum(1),
        np.asarray(sides.truncated_N.reshape(-1, 2).any(1), np.bool_),
        sides.seconds_N.reshape(-1, 2).sum(1),
    )


def unit(vectors_ND: Floats) -> Floats:
    """The last axis scaled to length 1; zeros stay zeros."""
    norms_N1 = np.linalg.norm(vectors_ND, axis=-1, keepdims=True)
    return np.asarray(vectors_ND / np.maximum(norms_N1, 1e-12), np.float32)


def words(name: str) -> str:
    """A label's name as a person would say it.

    >>> words("card_arrival"), words("AddToPlaylist"), words("ABBR"), words("refund?")
    ('card arrival', 'add to playlist', 'abbr', 'refund?')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[\s_\-./:]+", " ", spaced).strip().lower() or name


def label_phrases(label: Label, context: Context) -> list[str]:
    """The ways to say what a label means, of which the mean is taken: its name; with a description that, alone and behind the name.

    A sentence made of the name ("This is about ...") gained nothing (five datasets, rows of train: 0.3 points lower on average).
    """
    said = words(label.name)
    phrases = [said]
    if label.description and context.label_descriptions:
        phrases += [label.description, f"{said}: {label.description}"]
    return phrases


def label_vectors(task: Task, context: Context, embed: Embedder, ledger: Charges | None = None) -> Floats:
    """What every label says (K, D): the mean over its phrases, every layer's block of length 1."""
    phrases = [label_phrases(label, context) for label in task.labels]
    vectors = embed([as_input(text) for group in phrases for text in group], ledger).vectors_ND
    ends = np.cumsum([len(group) for group in phrases])[:-1]
    return embed.blocks(np.stack([rows.mean(0) for rows in np.split(embed.blocks(vectors), ends)]))


def targets(task: Task, examples: Sequence[Example]) -> Floats:
    """Expected labels as 0 and 1 (N, K), in the task's order.

    Raises:
        DataError: an example has a label that the task does not.
    """
    index = {name: i for i, name in enumerate(task.label_names)}
    wanted_NK = np.zeros((len(examples), len(index)), np.float32)
    for row, example in enumerate(examples):
        for name in outputs_of(example.output):
            if name not in index:
                raise DataError(
                    "a label that the task does not list",
                    where=example.where or example.id,
                    given=name,
                    allowed=task.label_names,
                )
            wanted_NK[row, index[name]] = 1
    return wanted_NK


def outputs_of(output: Output) -> tuple[str, ...]:
    """One label, or several, as a tuple."""
    return (output,) if isinstance(output, str) else output


def accuracy(predictions: Sequence[Prediction], examples: Sequence[Example]) -> float | None:
    """Share of examples answered exactly; None where there are none."""
    if not examples:
        return None
    pairs = zip(predictions, examples, strict=True)
    right = sum(outputs_of(p.output or ()) == tuple(sorted(outputs_of(e.output))) for p, e in pairs)
    return right / len(examples)


def softmax(scores_NK: np.ndarray) -> np.ndarray:
    """Row-wise, in float64."""
    shifted = np.asarray(scores_NK, np.float64)
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class FittedOnVectors(Fitted, ABC):
    """A fitted method whose answer follows from a text's vector and a few arrays.

    Attributes:
        method: the knobs. embed: how texts become vectors. arrays: all that was learnt.
    """

    method: Method
    task: Task
    embed: Embedder
    arrays: Arrays
    details: Mapping[str, Any]
    validation_score: float | None
    trainable_parameters: int

    @abstractmethod
    def answer(self, encoded: Encoded) -> list[Prediction]:
        """Predictions from vectors, in order; each charged its own encoding."""

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """See `Fitted.predict`."""
        return self.answer(self.embed(inputs)) if len(inputs) else []

    def scored(self, score: float | None) -> Self:
        """The same with its validation score."""
        return replace(self, validation_score=score)

    def without_cache(self) -> Self:
        """The same, encoding every text anew: what latency is measured on."""
        return replace(self, embed=replace(self.embed, features=None))

    def save(self, folder: Path) -> None:
        """See `Fitted.save`."""
        record = FittedRecord(
            method=self.method.name,
            knobs=self.method.model_dump(mode="json"),
            task=self.task,
            model=reference_to(self.embed.model),
            details=dict(self.details),
            validation_score=self.validation_score,
            trainable_parameters=self.trainable_parameters,
        )
        write_fitted(folder, record, self.arrays)

    @property
    def weights_sha(self) -> str:
        """See `Fitted.weights_sha`."""
        return sha_of(self.embed.model.info.revision, self.arrays, dict(self.details))
