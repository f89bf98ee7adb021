"""The base of rungs that show examples: how many, which and in what order, chosen on validation rows where knobs are lists."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from rung.errors import RungError
from rung.methods.base import Kit
from rung.methods.prompt_method import Prompted, several
from rung.methods.shots import drawn
from rung.methods.vectors import Embedder
from rung.models.base import Generator, Model
from rung.prompts import Shot
from rung.task import Context, Example, Form, Order, Selection, Task


class WithShots(Prompted):
    """Knobs of every rung that shows a language model examples before it asks."""

    shots: int | tuple[int, ...] = Field(16, description="examples in a prompt; 1 is one-shot; a list is searched")
    selection: Selection | tuple[Selection, ...] = Field(
        ("balanced", "similar"),
        description="which examples: random, balanced over labels, or most similar to the input",
    )
    order: Order | tuple[Order, ...] = Field(
        "first_chosen_last",
        description="the example chosen first (the most similar) stands last, beside the input, or first",
    )
    encoder: str = Field("minilm", description="the model that says which examples are similar")

    def skip_reason(self, task: Task, model: Model | None, train: Sequence[Example]) -> str | None:
        """Needs a language model and an example to show."""
        if reason := super().skip_reason(task, model, train):
            return reason
        return None if train or not max(several(self.shots)) else f"{self.name} needs at least one example to show"

    def contexts(self, context: Context, model: Generator) -> list[Context]:
        """Every way of asking that the knobs leave open; fewer examples first, those chosen once for all before similar ones."""
        found = []
        shots = sorted(set(several(self.shots)))
        selections = sorted(set(several(self.selection)), key=lambda name: name == "similar")
        ways = itertools.product(shots, selections, several(self.order), super().contexts(context, model))
        for count, selection, order, one in ways:
            found.append(one.model_copy(update={"shots": count, "selection": selection, "order": order}))
        return found

    def forms(self, model: Generator) -> tuple[Form, ...]:
        """The forms to try: with `auto`, both turns and a text where the model reads turns."""
        return ("turns", "text") if model.chat and self.form == "auto" else super().forms(model)

    def examples(
        self, task: Task, train: Sequence[Example], context: Context, kit: Kit
    ) -> tuple[tuple[Shot, ...], Embedder | None, dict[str, np.ndarray]]:
        """The examples that stand in every prompt, or with `similar` all there are, with their vectors."""
        if context.selection != "similar":
            rows = drawn(task, train, context.shots, context.selection, kit.seed)
            return tuple(Shot(row.input, row.output) for row in rows), None, {}
        try:
            embed = Embedder.of(kit.open_model(self.encoder), kit.features)
        except RungError as error:
            error.remedy = error.remedy or f"leave `similar` out of {self.name}'s `selection`"
            raise
        vectors_MD = embed.last(embed([row.input for row in train], kit.ledger, kit.events).vectors_ND)
        return tuple(Shot(row.input, row.output) for row in train), embed, {"vectors": vectors_MD}
