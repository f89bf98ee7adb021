"""What a model is, whatever its family: the only seam to weights and networks. Loads nothing heavy by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rung.events import Events
from rung.task import Frozen, Input, Prompt, Usage

if TYPE_CHECKING:
    import torch

ModelKind = Literal["encoder", "causal", "seq2seq", "hosted", "scripted"]
Floats = NDArray[np.float32]


class ModelInfo(Frozen):
    """A model as the catalogue, the record and the report name it.

    Attributes:
        name: what the user wrote: `minilm`, a hub id, or a folder.
        revision: sha-256 of the weights file(s); part of every cache key and record.
        parameters: number of parameters. hidden_size: width. layers: depth. context_length: tokens it can read.
        licence: SPDX-like name, or None where unknown.
        path: local folder the weights came from (not part of identity).
    """

    name: str
    kind: ModelKind
    revision: str
    parameters: int
    hidden_size: int = 0
    layers: int = 0
    context_length: int = 0
    vocabulary: int = 0
    family: str = ""
    licence: str | None = None
    languages: tuple[str, ...] = ()
    path: str | None = None


@dataclass(frozen=True)
class Encoded:
    """Texts as vectors.

    Attributes:
        vectors_ND: one row per input, float32, not normalised.
        tokens_N: real tokens per input, after truncation.
        truncated_N: whether the input was longer than the model reads.
        seconds_N: compute charged to each input, the batch's time shared by tokens.
    """

    vectors_ND: Floats
    tokens_N: NDArray[np.int64]
    truncated_N: NDArray[np.bool_]
    seconds_N: NDArray[np.float64]


class TokenRow(NamedTuple):
    """An input as tokens.

    Attributes:
        ids: token ids with special tokens. first: how many belong to the first segment (all, but for pairs).
        cut: whether the input was longer than the model reads.
    """

    ids: list[int]
    first: int
    cut: bool


class Model(ABC):
    """Weights that score, generate or encode."""

    kind: ClassVar[ModelKind]

    @property
    @abstractmethod
    def info(self) -> ModelInfo:
        """Name, revision, sizes and licence."""


class Encoder(Model):
    """A BERT-type model: texts in, vectors out; its trunk can be tuned."""

    kind = "encoder"

    @abstractmethod
    def encode(
        self,
        inputs: Sequence[Input],
        *,
        layers: str = "last",
        module: torch.nn.Module | None = None,
        events: Events | None = None,
    ) -> Encoded:
        """Mean-pooled hidden states, one vector per input (a pair is read as one sequence of two segments).

        Args:
            inputs: any number, also none. The answer does not depend on an input's neighbours beyond bf16 rounding.
            layers: which layers are pooled, see `rung.models.pooling`.
            module: a tuned trunk, ready for inference, in place of the model's own. Its attribute `reserved`, where it has
                one, is the number of tokens of the context that it takes for itself.
        """

    def tokens(self, *texts: Any, **how: Any) -> Any:
        """What the tokenizer makes of texts: its batch encoding. Safe to call from several threads, as a tokenizer is not."""
        return self.tokenizer(*texts, **how)

    @abstractmethod
    def token_rows(self, inputs: Sequence[Input], reserved: int = 0) -> list[TokenRow]:
        """Tokens of each input with special tokens, truncated to the context length less `reserved` tokens."""

    @abstractmethod
    def pooled(self, trunk: torch.nn.Module, rows: Sequence[TokenRow], layers: str = "last") -> torch.Tensor:
        """One batch through `trunk`: float32 (B, D). Gradients flow where the caller lets them; safe to call from threads."""

    @abstractmethod
    def hidden(self, trunk: torch.nn.Module, rows: Sequence[TokenRow], layers: str = "last") -> torch.Tensor:
        """States of all tokens of one batch, row after row, without padding: float32 (T, D), T the sum of the rows' lengths."""

    @abstractmethod
    def over(
        self, rows: Sequence[TokenRow], work: Callable[[list[int]], None], events: Events | None = None
    ) -> NDArray[np.float64]:
        """Call `work` with the numbers of the rows of each batch, batches of about equal length, on all workers, without gradient.

        Returns:
            Seconds charged to each row (N,), the whole time shared by tokens.
        """

    @abstractmethod
    def shared(self) -> torch.nn.Module:
        """The frozen trunk that `encode` uses, in the machine's fastest dtype. Not to be changed: everyone has the same one."""

    @abstractmethod
    def trunk(self, *, training: bool = False) -> torch.nn.Module:
        """A fresh float32 copy of the transformer trunk (transformers' base model).

        Args:
            training: it will be differentiated: attention is computed in the way whose gradient is fastest on this device.
        """

    @property
    @abstractmethod
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""


Effort = Literal["minimal", "low", "medium", "high"]


class Sampling(Frozen):
    """How text is drawn from a language model."""

    max_tokens: int = Field(256, ge=1, description="tokens of an answer, at most")
    temperature: float = Field(0.0, ge=0, le=2, description="0 takes the likeliest token each time")
    top_p: float = Field(
        1.0, gt=0, le=1, description="draw from the likeliest tokens that together have this probability"
    )
    top_k: int | None = Field(None, ge=1, description="draw from so many likeliest tokens")
    stop: tuple[str, ...] = Field((), description="texts that end an answer; they do not belong to it")
    seed: int = Field(0, ge=0, description="of what is drawn")
    effort: Effort | None = Field(None, description="how hard a hosted model that thinks first is to think")


Finish = Literal["stop", "length", "too_long", "refused", "failed"]


@dataclass(frozen=True)
class Reply:
    """A language model's answer to one prompt.

    Attributes:
        text: without the text that ended it. reasoning: what it thought before, where it tells.
        finish: `stop`: it ended; `length`: it was cut at `max_tokens`; `too_long`: the prompt leaves no room for an answer;
            `refused`: the provider will not answer this prompt; `failed`: no answer came, `reason` says why.
        usage: tokens as the model counted them, seconds.
    """

    text: str
    finish: Finish = "stop"
    usage: Usage = field(default_factory=Usage)
    reasoning: str = ""
    reason: str = ""


class Generator(Model):
    """A language model: prompts in, text out."""

    @property
    @abstractmethod
    def chat(self) -> bool:
        """Whether it reads turns of a conversation; if not it goes on from a text."""

    def count(self, prompts: Sequence[Prompt]) -> list[int] | None:
        """Tokens of each prompt; None where only the provider can tell."""
        return None

    @abstractmethod
    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling | None = None,
        *,
        schema: Mapping[str, Any] | None = None,
        events: Events | None = None,
    ) -> list[Reply]:
        """An answer to each prompt, in order; none depends on its neighbours.

        Args:
            prompts: turns where `chat`, else texts; any number, also none.
            schema: JSON schema that answers are held to while they are decoded; None: any text.

        Raises:
            ModelError: the schema cannot be expressed, or the model cannot be reached at all.
        """


@dataclass(frozen=True)
class Scored:
    """Answers scored after prompts; N prompts, K answers.

    Attributes:
        logs_NK: natural logarithm of the probability of each answer, whole, after each prompt; NaN where the prompt is too long.
        tokens_N: tokens of each prompt. cached_N: how many of them were not read anew for it.
        seconds_N: compute charged to each prompt.
    """

    logs_NK: NDArray[np.float64]
    tokens_N: NDArray[np.int64]
    cached_N: NDArray[np.int64]
    seconds_N: NDArray[np.float64]


class LanguageModel(Generator):
    """A language model whose weights are here: it can also say how probable an answer is."""

    @property
    @abstractmethod
    def tokenizer(self) -> Any:
        """The transformers tokenizer (fast), with its chat template where it has one."""

    @abstractmethod
    def score(
        self,
        prompts: Sequence[Prompt],
        answers: Sequence[str],
        *,
        beginning: Sequence[int] = (),
        events: Events | None = None,
    ) -> Scored:
        """The probability of every answer after every prompt.

        What all prompts begin with is read once, and so is what several answers begin with. Where one answer is the beginning of
        another, each is scored with the token that ends it.

        Args:
            answers: as they would follow a prompt: behind a text usually with a space in front, in a conversation without.
            beginning: token ids that prompts are known to begin with (see `beginning`); kept for the next call.

        Raises:
            ModelError: two answers are the same to the tokenizer, or one is empty.
        """

    @abstractmethod
    def beginning(self, prompts: Sequence[Prompt]) -> list[int]:
        """The token ids that all these prompts begin with, at least one token of each left over."""
