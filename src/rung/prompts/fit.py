"""Prompts that fit a model's context. Nothing is cut silently: what does not fit is dropped by a stated rule and counted.

The rule: examples go first, beginning with the one chosen last; if the input alone is too long, its end goes
(of several fields the end of each); of a conversation first the oldest turns, up to the user's last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from rung.models.base import Generator
from rung.prompts.render import Renderer, Shot
from rung.task import Input, Message, Prompt


class Asked(NamedTuple):
    """A prompt as it is asked.

    Attributes:
        dropped: examples that found no room. cut: whether the input's end was cut off.
    """

    prompt: Prompt
    dropped: int = 0
    cut: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, as `Prediction.notes` says it."""
        return (*(["shots_dropped"] if self.dropped else []), *(["input_cut"] if self.cut else []))


def fitted_prompts(
    renderer: Renderer, model: Generator, inputs: Sequence[Input], shots: Sequence[Sequence[Shot]], room: int
) -> list[Asked]:
    """The prompts of `inputs`, each with its examples, that leave `room` tokens for an answer.

    Args:
        shots: the examples of each input in order of choice, the first chosen first; `renderer.context.order` says how they stand.
    """
    asked = [Asked(renderer.prompt(item, placed(renderer, some))) for item, some in zip(inputs, shots, strict=True)]
    limit = model.info.context_length - room
    counts = model.count([one.prompt for one in asked]) if model.info.context_length else None
    if counts is None:
        return asked
    for i, count in enumerate(counts):
        if count > limit:
            asked[i] = _shortened(renderer, model, inputs[i], shots[i], limit)
    return asked


def placed(renderer: Renderer, chosen: Sequence[Shot]) -> list[Shot]:
    """Examples in the order in which they stand."""
    return list(chosen) if renderer.context.order == "first_chosen_first" else list(reversed(chosen))


def _shortened(renderer: Renderer, model: Generator, item: Input, shots: Sequence[Shot], limit: int) -> Asked:
    def fits(prompt: Prompt) -> bool:
        counted = model.count([prompt])
        return counted is not None and counted[0] <= limit

    low, high = 0, len(shots)  # so many fit; so many do not
    if not fits(renderer.prompt(item)):
        return Asked(_cut(renderer, item, fits), len(shots), cut=True)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(renderer.prompt(item, placed(renderer, shots[:middle]))):
            low = middle
        else:
            high = middle
    return Asked(renderer.prompt(item, placed(renderer, shots[:low])), len(shots) - low)


def _cut(renderer: Renderer, item: Input, fits: object) -> Prompt:
    """The prompt of as much of the input as fits; of none of it if even that is too much: the model then says so."""
    assert callable(fits)
    for later in _later(item):
        item = later
        if fits(renderer.prompt(item)):
            return renderer.prompt(item)
    low, high = 0, max((len(text) for text in _texts(item)), default=0)
    while high - low > 1:
        middle = (low + high) // 2
        if fits(renderer.prompt(_first(item, middle))):
            low = middle
        else:
            high = middle
    return renderer.prompt(_first(item, low))


def _later(item: Input) -> Iterator[Input]:
    """A conversation from its second turn of the user on, from the third, and so on; its own instructions stay."""
    told = [turn for turn in item.messages if turn.role == "system"]
    said = [turn for turn in item.messages if turn.role != "system"]
    for i, turn in enumerate(said):
        if i and turn.role == "user":
            yield replace(item, messages=(*told, *said[i:]))


def _texts(item: Input) -> list[str]:
    return [turn.content for turn in item.messages] or [value for _, value in item.fields]


def _first(item: Input, characters: int) -> Input:
    """The input with each text cut to so many characters."""
    if item.messages:
        return replace(item, messages=tuple(Message(m.role, m.content[:characters]) for m in item.messages))
    return replace(item, fields=tuple((name, value[:characters]) for name, value in item.fields))
