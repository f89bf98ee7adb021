"""What the prompted rungs share: asking a language model, reading its answers, choosing how to ask. Learns no parameter.

N inputs, K labels.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rung.errors import ModelError
from rung.events import Events
from rung.methods.base import Fitted, Method
from rung.methods.deciding import Decision, answers, decide, in_scope_scores
from rung.methods.saving import (
    Arrays,
    FittedRecord,
    check_base,
    read_arrays,
    read_record,
    reference_to,
    sha_of,
    write_fitted,
)
from rung.methods.shots import most_similar
from rung.methods.vectors import Embedder, accuracy, softmax
from rung.metrics.by_task import task_figure
from rung.metrics.extraction import entity_f1
from rung.models.base import Generator, LanguageModel, Model, Reply, Sampling
from rung.prompts import Asked, Renderer, Shot, answer_schema, fitted_prompts, placed, read_reply
from rung.task import Context, Example, Input, Message, Output, Prediction, Task, Usage, as_input

#: Inputs without content, for contextual calibration (Zhao et al. 2021, section 5).
CONTENT_FREE = ("N/A", "[MASK]", "")
#: That most of so many prompts have no answer is the endpoint's fault.
MANY_PROMPTS = 8
#: Kinds of model that can be prompted.
LANGUAGE_KINDS = ("causal", "seq2seq", "hosted", "scripted")


@dataclass(frozen=True)
class FittedPrompt(Fitted):
    """A way of asking, with the examples it shows.

    Attributes:
        method: the knobs. context: how is asked, every choice made. pool: examples that are shown, or chosen from.
        embed: with similar examples, how texts become vectors. arrays: `pool`, and the pool's vectors as `vectors`.
        events: told what the model tells while it is asked.
    """

    method: Method
    task: Task
    model: Generator
    context: Context
    sampling: Sampling
    pool: tuple[Shot, ...]
    embed: Embedder | None
    arrays: Arrays
    details: Mapping[str, Any]
    validation_score: float | None = None
    trainable_parameters: int = 0
    constrained: bool = False
    prior_K: np.ndarray | None = None
    events: Events | None = None

    @cached_property
    def renderer(self) -> Renderer:
        """Writes the prompts."""
        return Renderer(self.task, self.context, self.model.chat, written=not self.by_score)

    @property
    def by_score(self) -> bool:
        """Whether every label is scored; else the answer is written, and read."""
        one_label = self.task.kind == "classify" and not self.task.multi_label
        return one_label and isinstance(self.model, LanguageModel) and not self.context.reasoning

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        """See `Fitted.predict`."""
        if not inputs:
            return []
        if self.by_score:
            asked, logs_NK, usages = self.scores(inputs)
            return self.answered(asked, logs_NK, usages)
        return self.written(inputs)

    def shots(self, inputs: Sequence[Input]) -> list[Sequence[Shot]]:
        """The examples each input is asked with, in order of choice."""
        count = self.context.shots
        if self.embed is None or not count:
            return [self.pool[:count]] * len(inputs)
        vectors_ND = self.embed.last(self.embed(inputs).vectors_ND)
        rows = most_similar(vectors_ND, self.arrays["vectors"], count)
        return [[self.pool[i] for i in row] for row in rows]

    def scores(self, inputs: Sequence[Input]) -> tuple[list[Asked], np.ndarray, list[Usage]]:
        """Prompts, log-probabilities of the labels (N, K), NaN where a prompt is too long, and what each took."""
        assert isinstance(self.model, LanguageModel)
        labels = [self.renderer.following(name) for name in self.task.label_names]
        asked = fitted_prompts(self.renderer, self.model, inputs, self.shots(inputs), self._label_room)
        scored = self.model.score([one.prompt for one in asked], labels, beginning=self.beginning, events=self.events)
        usages = [
            Usage(int(tokens), 1, int(cached), float(seconds))
            for tokens, cached, seconds in zip(scored.tokens_N, scored.cached_N, scored.seconds_N, strict=True)
        ]
        return asked, scored.logs_NK, usages

    def answered(self, asked: Sequence[Asked], logs_NK: np.ndarray, usages: Sequence[Usage]) -> list[Prediction]:
        """Predictions from the labels' log-probabilities."""
        shares_NK = self.shares(logs_NK)
        decision = Decision(**self.details.get("decision", {}))
        found = answers(self.task, np.nan_to_num(shares_NK, nan=1 / max(1, logs_NK.shape[1])), decision=decision)
        rows = zip(found, asked, usages, np.isnan(logs_NK).any(1), strict=True)
        return [
            Prediction(None, well_formed=False, usage=usage, notes=(*one.notes, "too_long"))
            if too_long
            else replace(prediction, usage=usage, notes=one.notes)
            for prediction, one, usage, too_long in rows
        ]

    def shares(self, logs_NK: np.ndarray) -> np.ndarray:
        """Probabilities of the labels among themselves (N, K); calibrated where it was so chosen."""
        shares_NK = softmax(logs_NK) if len(logs_NK) else logs_NK
        if self.prior_K is None:
            return shares_NK
        weighed_NK = shares_NK / self.prior_K
        return np.asarray(weighed_NK / weighed_NK.sum(1, keepdims=True))

    def prior(self, like: Input | None = None) -> np.ndarray:
        """What the labels get without content (K,), the mean over `CONTENT_FREE`; all the same where no prompt has room.

        Args:
            like: an input whose fields, whatever stands in them, are those that are asked about.
        """
        names = [name for name, _ in like.fields] if like is not None else []
        free = [as_input(dict.fromkeys(names, text) if len(names) > 1 else text) for text in CONTENT_FREE]
        _, logs_NK, _ = replace(self, prior_K=None).scores(free)
        logs_NK = logs_NK[np.isfinite(logs_NK).all(1)]
        if not len(logs_NK):
            return np.full(len(self.task.labels), 1 / len(self.task.labels))
        return np.asarray(np.clip(softmax(logs_NK).mean(0), 1e-6, None))

    def written(self, inputs: Sequence[Input], *, trying: bool = False) -> list[Prediction]:
        """Predictions from answers that the model writes.

        Args:
            trying: it is only being found out whether it answers when asked this way.
        """
        asked = fitted_prompts(self.renderer, self.model, inputs, self.shots(inputs), self._text_room)
        schema = answer_schema(self.task) if self.constrained and not self.context.reasoning else None
        how: dict[str, Any] = {"beginning": self.beginning} if isinstance(self.model, LanguageModel) else {}
        sampling = self.sampling.model_copy(update={"stop": (*self.sampling.stop, *self.renderer.stops)})
        how["events"] = self.events
        replies = self.model.generate([one.prompt for one in asked], sampling, schema=schema, **how)
        if not trying:
            _check_answered(replies, self.model)
        return [self._read(reply, one, item) for reply, one, item in zip(replies, asked, inputs, strict=True)]

    def _read(self, reply: Reply, asked: Asked, item: Input) -> Prediction:
        notes = list(asked.notes)
        if reply.finish in ("too_long", "refused", "failed"):
            return Prediction(None, well_formed=False, usage=reply.usage, notes=(*notes, reply.finish))
        read = read_reply(self.task, reply.text, item, reasoning=self.context.reasoning)
        notes += ["repaired"] if read.repaired and read.output is not None else []
        if read.output is None:
            return Prediction(None, well_formed=False, usage=reply.usage, notes=(*notes, "unreadable"))
        return Prediction(read.output, usage=reply.usage, notes=tuple(notes))

    @cached_property
    def beginning(self) -> list[int]:
        """Token ids that all prompts begin with; kept by the model between calls."""
        if not isinstance(self.model, LanguageModel):
            return []
        odd = [as_input("0"), as_input({"why": "?", "how": "!"})]  # named fields begin otherwise than one text
        if self.pool and self.pool[0].input.messages:
            odd = [Input((), messages=(Message("user", text),)) for text in ("0", "Why?")]
        some = [self.pool[: self.context.shots]] * 2
        if self.embed is not None:  # each input has examples of its own
            some = [tuple([Shot(item, self.pool[0].output)] * bool(self.context.shots)) for item in odd]
        rows = zip(odd, some, strict=True)
        return self.model.beginning([self.renderer.prompt(item, placed(self.renderer, shots)) for item, shots in rows])

    @property
    def _text_room(self) -> int:
        """Tokens kept free for a written answer: as many as it may have, and at most half of the context."""
        limit = self.model.info.context_length
        return min(self.sampling.max_tokens, limit // 2) if limit else self.sampling.max_tokens

    @cached_property
    def _label_room(self) -> int:
        """Tokens that the longest label takes."""
        counted = self.model.count([self.renderer.following(name) for name in self.task.label_names])
        return max(counted or [0]) + 1

    def crowded(self) -> int | None:
        """Tokens of the prompt that asks nothing, where even that leaves no room for an answer; None: there is room."""
        limit = self.model.info.context_length - (self._label_room if self.by_score else self._text_room)
        counted = self.model.count([self.renderer.prompt(as_input(""))]) if self.model.info.context_length else None
        return counted[0] if counted and counted[0] > limit else None

    def shown(self, item: Input, most: int = 6000) -> str:
        """The prompt that asks about one input, for people; turns with their roles, the middle left out where it is very long."""
        room = self._label_room if self.by_score else self._text_room
        prompt = fitted_prompts(self.renderer, self.model, [item], self.shots([item]), room)[0].prompt
        text = prompt if isinstance(prompt, str) else "\n\n".join(f"[{turn.role}]\n{turn.content}" for turn in prompt)
        half = most // 2
        return text if len(text) <= most else f"{text[:half]}\n\n[...]\n\n{text[-half:]}"

    def judged(self, rows: Sequence[Example]) -> float | None:
        """The task's score on some rows; None where there are none."""
        return task_score(self.task, self.predict([row.input for row in rows]), rows)

    def without_cache(self) -> FittedPrompt:
        """The same, encoding every text anew. What prompts begin with stays read, as it does in a server."""
        return self if self.embed is None else replace(self, embed=replace(self.embed, features=None))

    def save(self, folder: Path) -> None:
        """See `Fitted.save`."""
        record = FittedRecord(
            method=self.method.name,
            knobs=self.method.model_dump(mode="json"),
            task=self.task,
            model=reference_to(self.model),
            details=dict(self.details),
            validation_score=self.validation_score,
        )
        write_fitted(folder, record, self.arrays)

    @property
    def weights_sha(self) -> str:
        """See `Fitted.weights_sha`."""
        second = None if self.embed is None else self.embed.model.info.revision
        return sha_of(self.model.info.revision, self.arrays, dict(self.details), second)


def read_prompt(
    folder: Path, method: Callable[..., Method], task: Task, model: Model | None, open_model: Callable[[str], Model]
) -> FittedPrompt:
    """What `FittedPrompt.save` wrote.

    Raises:
        ModelError: the folder is damaged, or the model, or the encoder that finds similar examples, has other weights.
    """
    record = read_record(folder)
    check_base(record, model, folder)
    arrays = read_arrays(folder, "pool", "prior")
    details = record.details
    embed = None
    if "encoder" in details:
        embed = Embedder.of(open_model(details["encoder"]["name"]))
        if embed.model.info.revision != details["encoder"]["revision"]:
            raise ModelError(
                f"the examples were encoded by other weights of {embed.model.info.name}",
                where=str(folder),
                remedy="use the same weights, or fit the arm again",
            )
    return FittedPrompt(
        method(**record.knobs),
        task,
        language_model(model),
        Context(**details["context"]),
        Sampling(**details["sampling"]),
        unpacked(arrays["pool"]),
        embed,
        arrays,
        details,
        record.validation_score,
        constrained=bool(details["constrained"]),
        prior_K=arrays["prior"] if len(arrays["prior"]) else None,
    )


def _check_answered(replies: Sequence[Reply], model: Generator) -> None:
    """See that an endpoint answers: where it does not, the model is not wrong, and a score would say that it is.

    Raises:
        ModelError: of many prompts more than half had no answer.
    """
    failed = [reply.reason for reply in replies if reply.finish == "failed"]
    if len(replies) < MANY_PROMPTS or 2 * len(failed) <= len(replies):
        return
    (most, _), *_ = Counter(failed).most_common(1)
    what = f"{model.info.name} had no answer to {len(failed):,} of {len(replies):,} prompts"
    remedy = "mend the cause, or wait, and run the same command again: the answers of a hosted model that came are kept"
    raise ModelError(what, given=most, remedy=remedy)


def language_model(model: Model | None) -> Generator:
    """A model that can be prompted.

    Raises:
        ModelError: it cannot.
    """
    if not isinstance(model, Generator):
        have = "no model" if model is None else f"{model.info.name}, of kind {model.info.kind}"
        raise ModelError("this method needs a language model", given=have)
    return model


def packed(pool: Sequence[Shot]) -> np.ndarray:
    """Examples as one JSON text in bytes."""
    rows = [[shot.input.fields, shot.input.pair, shot.input.messages, shot.output] for shot in pool]
    return np.frombuffer(json.dumps(rows, ensure_ascii=False).encode(), np.uint8)


def unpacked(data: np.ndarray) -> tuple[Shot, ...]:
    """What `packed` made."""

    def output(value: Any) -> Output:
        return value if isinstance(value, str) else tuple(value)

    return tuple(
        Shot(Input(tuple((k, v) for k, v in fields), pair, tuple(Message(*turn) for turn in turns)), output(found))
        for fields, pair, turns, found in json.loads(data.tobytes())
    )


def task_score(task: Task, predictions: Sequence[Prediction], rows: Sequence[Example]) -> float | None:
    """What arms of this task are compared by; None where there are no rows."""
    if not rows:
        return None
    outputs = [p.output for p in predictions]
    if task.kind == "generate":
        return task_figure(task, rows, outputs).value
    if task.kind == "extract":
        return entity_f1([str(row.output) for row in rows], [None if x is None else str(x) for x in outputs]).value
    return accuracy(predictions, rows)


def learnt_decision(task: Task, shares_NK: np.ndarray, rows: Sequence[Example]) -> Decision:
    """The threshold below which an input is of no class, where the task has one.

    It is moved to the middle between the score it was put at and the next lower one, so that rounding, which differs with what
    stands in a batch, decides nothing; it rejects no more in-scope rows that way.
    """
    if task.out_of_scope is None or not len(rows):
        return Decision()
    known_NK = np.nan_to_num(shares_NK, nan=0.0)
    decision = decide(task, known_NK, rows)
    if decision.reject_below is None:
        return decision
    scores_N = in_scope_scores(task, known_NK)
    lower = scores_N[scores_N < decision.reject_below]
    below = float(lower.max()) if len(lower) else 0.9 * decision.reject_below
    return decision.model_copy(update={"reject_below": (decision.reject_below + below) / 2})
