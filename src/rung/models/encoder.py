"""Encoders: BERT-type transformers as vectors of meaning, and as trunks to be tuned. The only code that loads their weights.

Encoding: texts sorted by length into batches of about equal token counts, so that almost no padding is computed, on one
worker a core; in bfloat16 where the machine multiplies it natively. Mean pooling over real tokens (Reimers and Gurevych 2019,
section 3), float32 out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rung.events import Events
from rung.models.base import Encoded, Encoder, ModelInfo, TokenRow
from rung.models.describe import describe
from rung.models.device import building, device, for_inference, parallel_map, workers
from rung.models.loading import loaded, tokenizer_of
from rung.models.pooling import layer_indices, pool
from rung.task import Input

if TYPE_CHECKING:
    import torch

#: Tokens a batch when encoding: large enough for full matrix speed, small enough that activations stay in cache.
BATCH_TOKENS = 1024
#: Longest text handed to the tokenizer, in characters per token of context; more cannot survive truncation.
CHARACTERS_PER_TOKEN = 64
#: Families whose forward breaks under autocast, so that they are trained in float32: DeBERTa masks narrow scores with float32's
#: smallest number, and adds to products in place.
WIDE_FAMILIES = frozenset({"deberta"})
#: Families that are made without a pooler when asked: what it gives is not used, and adapters would be put beside it.
POOLED_FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})


class TransformerEncoder(Encoder):
    """An encoder in a local folder of transformers files.

    Args:
        name: what the user called it. folder: where its files lie.

    Raises:
        ModelError: config, tokenizer or weights are missing, damaged or of another architecture.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self._folder = folder
        self._info = describe(name, folder)
        # a fast tokenizer keeps how it cuts as state: two threads would change it for each other
        self._reading = threading.Lock()
        self._model: Any = None
        self._tokenizer: Any = None

    @property
    def info(self) -> ModelInfo:
        """Name, revision, sizes and licence."""
        return self._info

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer (fast)."""
        if self._tokenizer is None:
            self._tokenizer = tokenizer_of(self._folder)
        return self._tokenizer

    def tokens(self, *texts: Any, **how: Any) -> Any:
        """What the tokenizer makes of texts, one thread at a time; see `Encoder.tokens`."""
        with self._reading:
            return self.tokenizer(*texts, **how)

    def token_rows(self, inputs: Sequence[Input], reserved: int = 0) -> list[TokenRow]:
        """Tokens of each input; see `Encoder.token_rows`."""
        limit = self._info.context_length - reserved
        clip = limit * CHARACTERS_PER_TOKEN
        rows: list[TokenRow] = [TokenRow([], 0, False)] * len(inputs)
        for pair in (False, True):
            chosen = [i for i, item in enumerate(inputs) if item.pair is pair]
            if not chosen:
                continue
            parts = [[part[:clip] for part in inputs[i].segments] for i in chosen]
            batch = self.tokens(*map(list, zip(*parts, strict=True)), truncation=False, verbose=False)
            for place, i in enumerate(chosen):
                cut = len(batch["input_ids"][place]) > limit
                one = self.tokens(*parts[place], truncation=True, max_length=limit) if cut else None
                ids = one["input_ids"] if one else batch["input_ids"][place]
                segments = (one or batch).sequence_ids(0 if one else place)
                first = segments.index(1) if pair and 1 in segments else len(ids)
                rows[i] = TokenRow(ids, first, cut or any(len(p) == clip for p in parts[place]))
        return rows

    def encode(
        self,
        inputs: Sequence[Input],
        *,
        layers: str = "last",
        module: torch.nn.Module | None = None,
        events: Events | None = None,
    ) -> Encoded:
        """Mean-pooled hidden states; see `Encoder.encode`."""
        rows = self.token_rows(inputs, getattr(module, "reserved", 0))
        trunk = self.shared() if module is None else module
        lengths = np.array([len(row.ids) for row in rows], np.int64)
        width = self._info.hidden_size * len(layer_indices(self._info.layers, layers))
        vectors_ND = np.zeros((len(inputs), width), np.float32)

        def work(batch: list[int]) -> None:
            vectors_ND[batch] = self.pooled(trunk, [rows[i] for i in batch], layers).cpu().numpy()

        seconds_N = self.over(rows, work, events)
        return Encoded(vectors_ND, lengths, np.array([row.cut for row in rows], np.bool_), seconds_N)

    def over(
        self, rows: Sequence[TokenRow], work: Callable[[list[int]], None], events: Events | None = None
    ) -> NDArray[np.float64]:
        """Rows in batches of about equal length, a worker a core; see `Encoder.over`."""
        import torch

        lengths = np.array([len(row.ids) for row in rows], np.int64)
        batches = by_length(lengths.tolist(), BATCH_TOKENS)
        done = [0]
        start = time.perf_counter()

        def step(batch: list[int]) -> None:
            with torch.inference_mode():
                work(batch)
            done[0] += len(batch)
            if events is not None:
                left = (time.perf_counter() - start) / done[0] * (len(rows) - done[0])
                events.progress(done[0], len(rows), "texts", seconds_left=left, text="encoding")

        parallel_map(step, batches, min(workers(), len(batches)))
        return np.asarray((time.perf_counter() - start) * lengths / max(1, lengths.sum()))

    def pooled(self, trunk: torch.nn.Module, rows: Sequence[TokenRow], layers: str = "last") -> torch.Tensor:
        """One batch through `trunk`: float32 (B, D). Gradients flow where the caller lets them."""
        if layers == "last" and getattr(trunk, "packed", False):
            from rung.models import packed

            return packed.pooled(trunk, rows)
        batch = {name: tensor.to(device()) for name, tensor in self.pad(rows, trunk).items()}
        mask_BL = batch["attention_mask"]
        if bool(mask_BL.all()):
            del batch["attention_mask"]
        with self._arithmetic():
            if layers == "last":
                states = (trunk(**batch).last_hidden_state,)
            else:
                states = trunk(**batch, output_hidden_states=True).hidden_states
        return pool(states, mask_BL, layers)

    def hidden(self, trunk: torch.nn.Module, rows: Sequence[TokenRow], layers: str = "last") -> torch.Tensor:
        """States of all tokens of a batch, row after row: float32 (T, D); see `Encoder.hidden`."""
        import torch

        if layers == "last" and getattr(trunk, "packed", False):
            from rung.models import packed

            return packed.last_hidden(trunk, rows, torch.tensor([len(row.ids) for row in rows])).float()
        batch = {name: tensor.to(device()) for name, tensor in self.pad(rows, trunk).items()}
        real_BL = batch["attention_mask"].bool()
        with self._arithmetic():
            if layers == "last":
                return trunk(**batch).last_hidden_state[real_BL].float()
            states = trunk(**batch, output_hidden_states=True).hidden_states
        chosen = layer_indices(self._info.layers, layers)
        return torch.cat([states[i][real_BL].float() for i in chosen], dim=1)

    def _arithmetic(self) -> AbstractContextManager[Any]:
        """Products in the dtype that the caller set, or in that of the weights where the family needs it."""
        import torch

        return torch.autocast(device(), enabled=False) if self._info.family in WIDE_FAMILIES else nullcontext()

    def pad(self, rows: Sequence[TokenRow], trunk: Any = None) -> dict[str, torch.Tensor]:
        """A batch as the trunk takes it, padded on the right: int64 (B, L) each.

        Args:
            trunk: what reads it. Where its table of words holds only those in use (`rung.methods.vocabulary`), padding that is
                not among them is written as the first word: it is masked either way.
        """
        import torch

        padding = self.tokenizer.pad_token_id or 0
        if trunk is not None and padding >= trunk.get_input_embeddings().num_embeddings:
            padding = 0

        width = max((len(row.ids) for row in rows), default=0)
        shape = (len(rows), width)
        ids = torch.full(shape, padding, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        types = torch.zeros(shape, dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row.ids)] = torch.tensor(row.ids, dtype=torch.long)
            mask[i, : len(row.ids)] = 1
            types[i, row.first : len(row.ids)] = 1
        batch = {"input_ids": ids, "attention_mask": mask}
        if "token_type_ids" in self.tokenizer.model_input_names and bool(types.any()):
            batch["token_type_ids"] = types
        return batch

    def shared(self) -> torch.nn.Module:
        """The one frozen trunk for inference, which all that is fitted on this model may share; see `Encoder.shared`."""
        with building():
            if self._model is None:
                self._model = for_inference(self.trunk())
            found: torch.nn.Module = self._model
            return found

    def trunk(self, *, training: bool = False) -> torch.nn.Module:
        """A fresh float32 copy of the transformer trunk, without pooler; see `Encoder.trunk`."""
        import torch
        import transformers

        extra: dict[str, Any] = {"add_pooling_layer": False} if self._info.family in POOLED_FAMILIES else {}
        if training and device() == "cpu":
            # the backward pass of fused attention in bfloat16 takes 38 % of a step on short texts on a CPU; plain products 4 %
            extra["attn_implementation"] = "eager"
        how = {"use_safetensors": True, "dtype": torch.float32, **extra}
        with building():  # it patches torch's initialisers and default dtype for the whole process meanwhile
            model = loaded("weights", transformers.AutoModel, self._folder, **how)
        if training and device() == "cpu":
            from rung.models import packed

            model.packed = packed.fits(model)
        return model


def by_length(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices sorted by length, longest first, in batches whose padded size is at most `budget` tokens (at least one row)."""
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    batches: list[list[int]] = []
    for i in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches
