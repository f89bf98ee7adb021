"""Answers held to a JSON schema while they are decoded, by llguidance. Knows tokenizers, no weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from rung.errors import ModelError


@dataclass(frozen=True)
class Grammar:
    """A schema compiled for one tokenizer."""

    text: str
    tokenizer: Any
    stop_ids: frozenset[int]

    @classmethod
    def of(cls, schema: Mapping[str, Any], tokenizer: Any, stop_ids: frozenset[int]) -> Grammar:
        """Compile a JSON schema.

        Raises:
            ModelError: the grammar cannot express it, or cannot read this tokenizer.
        """
        import llguidance
        from llguidance.hf import from_tokenizer

        options = {"x-guidance": {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}}
        text = str(llguidance.LLMatcher.grammar_from_json_schema(json.dumps({**options, **schema})))
        error = llguidance.LLMatcher.validate_grammar(text)
        if error:
            raise ModelError(
                "the JSON schema cannot be decoded under",
                given=str(error).strip().splitlines()[0][:200],
                remedy="simplify the schema, or set constrained: false and let answers be checked afterwards",
            )
        try:
            return cls(text, from_tokenizer(tokenizer), stop_ids)
        except (ValueError, TypeError, AttributeError) as error:  # its reading of some tokenizers
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(
                "answers of this model cannot be held to a schema: its tokenizer is of an unknown form",
                given=first[:200],
                remedy="set constrained: false and let answers be checked afterwards",
            ) from None

    def begin(self) -> Held:
        """The state of one answer."""
        import llguidance

        return Held(llguidance.LLMatcher(self.tokenizer, self.text), self.stop_ids)


class Held:
    """One answer under a grammar: which tokens may come next."""

    def __init__(self, matcher: Any, stop_ids: Iterable[int]) -> None:
        self.matcher, self.stop_ids = matcher, sorted(stop_ids)

    @property
    def ended(self) -> bool:
        """Whether nothing may follow."""
        return bool(self.matcher.is_stopped())

    def only(self, logits_V: torch.Tensor) -> None:
        """Rule out what may not come next, in place; where the answer may end, tokens that end one are allowed."""
        allowed = np.frombuffer(self.matcher.compute_bitmask(), np.uint8)
        bits_V = np.unpackbits(allowed, bitorder="little")[: len(logits_V)].astype(bool)
        bits_V = np.pad(bits_V, (0, len(logits_V) - len(bits_V)))
        bits_V[self.stop_ids] = bool(self.matcher.is_accepting())
        logits_V[torch.from_numpy(~bits_V).to(logits_V.device)] = float("-inf")

    def take(self, token: int) -> None:
        """Go on with a token."""
        self.matcher.consume_token(token)
