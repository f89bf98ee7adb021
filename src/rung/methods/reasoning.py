"""Reasoning: a language model thinks step by step before it answers; its thoughts are charged like any other token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from rung.methods.base import Kit
from rung.methods.prompt_method import several
from rung.methods.with_shots import WithShots
from rung.models.base import Effort, Generator, Sampling
from rung.task import Example, Form, Order, Selection, Task


class Reasoning(WithShots):
    """Ask a language model to think before it answers."""

    name: ClassVar[str] = "reasoning"
    rung: ClassVar[int] = 4
    summary: ClassVar[str] = "Asks a language model to think step by step before it answers."
    reference: ClassVar[str] = "Wei et al. 2022, Chain-of-thought prompting; Kojima et al. 2022 for no examples"

    shots: int | tuple[int, ...] = Field(
        0, description="examples in the prompt, with their answers alone; a list is searched"
    )
    selection: Selection | tuple[Selection, ...] = Field("balanced", description="which examples, as with few_shot")
    order: Order | tuple[Order, ...] = Field("first_chosen_last", description="as with few_shot")
    max_tokens: int = Field(1024, ge=1, description="tokens of thoughts and answer together, at most")
    effort: Effort | None = Field(
        None, description="a hosted model thinks by itself, so hard, in place of thoughts that the prompt asks for"
    )

    def skip_reason(self, task: Task, model: Any, train: Sequence[Example]) -> str | None:
        """Needs a language model; and where it is to think by itself, a hosted one."""
        if reason := super().skip_reason(task, model, train):
            return reason
        if self.effort is not None and model is not None and model.info.kind not in ("hosted", "scripted"):
            return (
                f"effort={self.effort} is for hosted models; {model.info.name} thinks in words where effort is left out"
            )
        return None

    def forms(self, model: Generator) -> tuple[Form, ...]:
        """The forms to try: with `auto` the one the model reads."""
        return several(self.form) if model.chat else ("text",)

    def more(self) -> dict[str, Any]:
        """Thoughts are asked for, unless the model has its own."""
        return {"reasoning": self.effort is None}

    def sampling(self, kit: Kit) -> Sampling:
        """How answers are written."""
        return super().sampling(kit).model_copy(update={"effort": self.effort})
