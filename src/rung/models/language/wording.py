"""Prompts and answers as the tokens of one tokenizer. Knows no weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from rung.errors import ModelError
from rung.task import Message, Prompt

#: So many characters of a prompt's end are cut together with an answer, to see the tokens it has behind that end.
SEAM = 48


class Wording:
    """What a tokenizer makes of prompts and answers.

    Args:
        tokenizer: a fast transformers tokenizer. where: the model's folder, for messages.
    """

    def __init__(self, tokenizer: Any, where: str) -> None:
        self.tokenizer, self.where = tokenizer, where

    def text(self, prompt: Prompt) -> str:
        """The prompt as one text; turns by the tokenizer's chat template, up to where the answer begins.

        Raises:
            ModelError: the template refuses these turns.
        """
        if isinstance(prompt, str):
            return prompt
        turns = [turn._asdict() for turn in prompt]
        try:
            return str(self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False))
        except Exception as error:  # a template is a program of the model's authors and raises what it likes
            if prompt[0].role == "system":  # some know no system turn: it then opens the user's
                merged = Message("user", f"{prompt[0].content}\n\n{prompt[1].content}") if len(prompt) > 1 else None
                if merged is not None and prompt[1].role == "user":
                    return self.text((merged, *prompt[2:]))
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"the chat template does not take this conversation: {first}", where=self.where) from None

    def prompts(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """Token ids of each prompt. A chat template writes special tokens itself; before a text they are put."""
        found: list[list[int]] = [[] for _ in prompts]
        for chat in (False, True):
            mine = [i for i, prompt in enumerate(prompts) if isinstance(prompt, str) != chat]
            if not mine:
                continue
            texts = [self.text(prompts[i]) for i in mine]
            rows = self.tokenizer(texts, add_special_tokens=not chat, truncation=False, verbose=False)["input_ids"]
            for i, ids in zip(mine, rows, strict=True):
                if not ids:
                    raise ModelError("a prompt has no token", where=self.where, remedy="give it some text")
                found[i] = list(ids)
        return found

    def answers(self, prompts: Sequence[Prompt], answers: Sequence[str]) -> list[list[int]]:
        """Token ids of each answer behind prompts that all end alike; see `tree.with_ends` for what is added."""
        from rung.models.language.tree import with_ends

        if not prompts:
            return [self._plain(answer) for answer in answers]
        text = self.text(prompts[0])
        seam = text[-SEAM:]
        ids = [self._behind(seam, answer) for answer in answers]
        end = self._behind(seam + answers[0], "\n")[0] if isinstance(prompts[0], str) else self.turn_end
        return with_ends(ids, self.tokenizer.eos_token_id if end is None else end)

    def _behind(self, seam: str, answer: str) -> list[int]:
        """The tokens an answer has behind a text: those that the two together have and the text alone has not."""
        before, both = self._plain(seam), self._plain(seam + answer)
        return both[len(before) :] if both[: len(before)] == before else self._plain(answer)

    def _plain(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    @cached_property
    def turn_end(self) -> int | None:
        """The token that the chat template writes behind an answer; None where it has none of its own."""
        marked = "\u2020"
        turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": marked}]
        text = str(self.tokenizer.apply_chat_template(turns, tokenize=False))
        ids = self._plain(text.rpartition(marked)[2].strip()) if marked in text else []
        return ids[0] if ids else None
