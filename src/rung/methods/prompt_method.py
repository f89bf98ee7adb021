"""The base of every rung that asks a language model: its knobs, and the choice between ways of asking."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from rung.errors import RungError
from rung.methods.base import Fitted, Kit, Method
from rung.methods.prompt_search import best_way, concluded
from rung.methods.prompted import LANGUAGE_KINDS, FittedPrompt, language_model, packed, read_prompt
from rung.methods.shots import drawn
from rung.methods.vectors import Embedder
from rung.models.base import Generator, Model, Sampling
from rung.prompts import Shot
from rung.task import Context, Example, Form, Task, TaskKind


class Prompted(Method):
    """Knobs of every rung that asks a language model. Where a knob is a list, the best is found on validation rows."""

    model_kinds: ClassVar[tuple[str, ...]] = LANGUAGE_KINDS
    kinds: ClassVar[tuple[TaskKind, ...]] = ("classify", "extract", "generate")

    instruction: str | tuple[str, ...] | None = Field(None, description="in place of the task's; a list is searched")
    form: Form | tuple[Form, ...] = Field(
        "auto", description="turns of a conversation, one message, or a text to go on from; auto: what the model reads"
    )
    calibrate: bool | None = Field(
        None, description="divide by what labels get without content; empty: if it helps on validation rows"
    )
    constrained: bool = Field(True, description="JSON answers are decoded under their schema where the model can")
    max_tokens: int = Field(256, ge=1, description="tokens of a written answer, at most")
    temperature: float = Field(0.0, ge=0, le=2, description="of written answers; 0 takes the likeliest token each time")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs a language model; to choose a label, labels."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if task.kind == "classify" and not task.labels:
            return f"{self.name} needs the names of the labels"
        return self._no_room(task, model) if isinstance(model, Generator) else None

    def _no_room(self, task: Task, model: Generator) -> str | None:
        """Why no input can be asked about: the instruction alone, in every form, is more than the model reads."""
        ways = dict.fromkeys(one.model_copy(update={"shots": 0}) for one in self.contexts(Context(), model))
        sampling = Sampling(max_tokens=self.max_tokens)
        try:
            bare = [FittedPrompt(self, task, model, one, sampling, (), None, {}, {}) for one in ways]
            taken = [way.crowded() for way in bare]
        except RungError:
            return None  # fitting tells what is wrong with the model
        if not taken or None in taken:
            return None
        least = min(count for count in taken if count is not None)
        what = "the instruction and the labels" if task.labels else "the instruction"
        reads = f"{model.info.name} reads {model.info.context_length:,}, the answer included"
        return f"{what} take {least:,} tokens; {reads}"

    @model_validator(mode="after")
    def _something_to_try(self) -> Self:
        for name in type(self).model_fields:
            if getattr(self, name) == ():
                raise ValueError(f"{name}: a list to be searched needs at least one value")
        if any(count < 0 for count in several(getattr(self, "shots", 0))):
            raise ValueError("shots: a number of examples, 0 or more")
        return self

    def contexts(self, context: Context, model: Generator) -> list[Context]:
        """Every way of asking that the knobs leave open, in order of cost."""
        found = []
        for instruction, form in itertools.product(several(self.instruction), self.forms(model)):
            update: dict[str, Any] = {"form": form, "shots": 0, **self.more()}
            if instruction is not None:
                update["instruction"] = instruction
            found.append(context.model_copy(update=update))
        return found

    def forms(self, model: Generator) -> tuple[Form, ...]:
        """The forms to try on this model."""
        return several(self.form) if model.chat else ("text",)

    def more(self) -> dict[str, Any]:
        """What else the context says."""
        return {}

    def fit(
        self,
        task: Task,
        train: Sequence[Example],
        validation: Sequence[Example],
        model: Model | None,
        context: Context,
        kit: Kit,
    ) -> Fitted:
        """Choose how to ask; nothing is learnt."""
        generator = language_model(model)
        # a file may be sorted, and where it is long its first rows judge
        validation = drawn(task, validation, len(validation), "random", kit.seed)
        ways = [self.way(task, train, generator, one, kit) for one in self.contexts(context, generator)]
        way, tried = best_way(ways, validation, kit.events)
        done = concluded(way, tried, validation)
        if done.embed is None or not validation or not kit.refit:
            return done
        # similar examples are looked for among all there are; what was chosen and its score stay
        whole = self.way(task, [*train, *validation], generator, done.context, kit)
        return replace(done, pool=whole.pool, arrays={**whole.arrays, "prior": done.arrays["prior"]})

    def way(self, task: Task, train: Sequence[Example], model: Generator, context: Context, kit: Kit) -> FittedPrompt:
        """One way of asking, ready to be asked."""
        sampling = self.sampling(kit)
        pool, embed, arrays = self.examples(task, train, context, kit)
        details: dict[str, Any] = {
            "context": context.model_dump(mode="json"),
            "sampling": sampling.model_dump(mode="json"),
            "constrained": self.constrained,
        }
        if embed is not None:
            details["encoder"] = {"name": embed.model.info.name, "revision": embed.model.info.revision}
        arrays = {"pool": packed(pool), "prior": np.zeros(0), **arrays}
        way = FittedPrompt(
            self, task, model, context, sampling, pool, embed, arrays, details, constrained=self.constrained
        )
        way = replace(way, events=kit.events)
        if not (self.calibrate and way.by_score):
            return way
        return replace(way, prior_K=way.prior(train[0].input if train else None))

    def sampling(self, kit: Kit) -> Sampling:
        """How answers are written."""
        return Sampling(max_tokens=self.max_tokens, temperature=self.temperature, seed=kit.seed)

    def examples(
        self, task: Task, train: Sequence[Example], context: Context, kit: Kit
    ) -> tuple[tuple[Shot, ...], Embedder | None, dict[str, np.ndarray]]:
        """What prompts show, or choose from: none."""
        return (), None, {}

    @classmethod
    def load(cls, folder: Path, task: Task, model: Model | None) -> Fitted:
        """Read what `save` wrote."""
        from rung.models import open_model

        return read_prompt(folder, cls, task, model, open_model)

    @classmethod
    def load_with(cls, folder: Path, task: Task, model: Model | None, open_model: Callable[[str], Model]) -> Fitted:
        """Read what `save` wrote; `open_model` gives the encoder that finds similar examples."""
        return read_prompt(folder, cls, task, model, open_model)


def several(value: Any) -> tuple[Any, ...]:
    """A knob that is a value, or a list of values to be searched."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)
