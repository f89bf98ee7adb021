"""What a model is, whatever its family: the only seam to weights and networks. Loads nothing heavy by itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rung.events import Events
from rung.task import Frozen, Input

if TYPE_CHECKING:
    import torch

ModelKind = Literal["encoder", "causal", "hosted", "scripted"]
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
