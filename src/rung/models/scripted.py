"""A language model that answers from a script: for tests, examples and docs. It needs no weights, no network and no time."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from rung.cache import key_of
from rung.events import Events
from rung.models.base import Finish, Generator, ModelInfo, ModelKind, Reply, Sampling
from rung.task import Prompt, Usage

Script = Mapping[str, str] | Callable[[Prompt], str | Reply]


class ScriptedModel(Generator):
    """Answers that the user wrote. Tokens are words between white space.

    Args:
        script: a mapping from a prompt to its answer, or a function of the prompt (a `Reply` is given out as it is). A mapping
            is asked for the text of the prompt, of a conversation for that of the last turn.
        name: what records and reports call it. chat: whether it reads turns.

    >>> model = ScriptedModel({"capital of France?": "Paris"})
    >>> model.generate(["capital of France?"])[0].text
    'Paris'
    """

    kind: ClassVar[ModelKind] = "scripted"

    def __init__(self, script: Script, name: str = "scripted", *, chat: bool = True) -> None:
        self._script = script
        self._chat = chat
        self._info = ModelInfo(name=name, kind="scripted", revision=key_of(name, _content(script)), parameters=0)

    @property
    def info(self) -> ModelInfo:
        """Name and revision, a sha-256 over the script (of a function, over its source where there is one)."""
        return self._info

    @property
    def chat(self) -> bool:
        """Whether it reads turns of a conversation."""
        return self._chat

    def count(self, prompts: Sequence[Prompt]) -> list[int]:
        """Words of each prompt."""
        return [sum(len(text.split()) for text in _texts(prompt)) for prompt in prompts]

    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
        events: Events | None = None,
    ) -> list[Reply]:
        """The script's answer to each prompt, cut at `sampling.stop` and `sampling.max_tokens` words.

        A prompt that is not in a mapping has finish `failed`. What a function raises comes through.

        Args:
            schema: not enforced: the script says what it says.
        """
        sampling, events = sampling or Sampling(), events or Events()
        replies = []
        for number, prompt in enumerate(prompts, 1):
            replies.append(self._reply(prompt, sampling))
            events.progress(number, len(prompts), "prompts", text=f"asking {self._info.name}")
        return replies

    def _reply(self, prompt: Prompt, sampling: Sampling) -> Reply:
        tokens_in = self.count([prompt])[0]
        if isinstance(self._script, Mapping):
            answer: str | Reply | None = self._script.get(_texts(prompt)[-1]) if prompt else None
        else:
            answer = self._script(prompt)
        if isinstance(answer, Reply):
            return answer
        if answer is None:
            return Reply("", "failed", Usage(tokens_in), reason="the script has no answer to this prompt")
        text, finish = _cut(answer, sampling)
        return Reply(text, finish, Usage(tokens_in, len(text.split())))


def _texts(prompt: Prompt) -> list[str]:
    return [prompt] if isinstance(prompt, str) else [turn.content for turn in prompt]


def _cut(text: str, sampling: Sampling) -> tuple[str, Finish]:
    ends = [at for mark in sampling.stop if mark and (at := text.find(mark)) >= 0]
    text = text[: min(ends)] if ends else text
    words = list(re.finditer(r"\S+", text))
    if len(words) > sampling.max_tokens:
        return text[: words[sampling.max_tokens - 1].end()], "length"
    return text, "stop"


def _content(script: Script) -> object:
    if isinstance(script, Mapping):
        return sorted(script.items())
    try:
        return inspect.getsource(script)
    except (OSError, TypeError):
        return getattr(script, "__qualname__", type(script).__qualname__)
