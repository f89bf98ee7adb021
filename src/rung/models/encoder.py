"""Encoders: BERT-type transformers as vectors of meaning, and as trunks to be tuned. The only code that loads their weights.

Encoding: texts sorted by length into batches of about equal token counts, so that almost no padding is computed, on one
worker a core; in bfloat16 where the machine multiplies it natively. Mean pooling over real tokens (Reimers and Gurevych 2019,
section 3), float32 out.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rung.errors import ModelError
from rung.events import Events
from rung.models import files
from rung.models.base import Encoded, Encoder, ModelInfo
from rung.models.device import compute_dtype, device, parallel_map, workers
from rung.task import Input

if TYPE_CHECKING:
    import torch

#: Tokens a batch when encoding: large enough for full matrix speed, small enough that activations stay in cache.
BATCH_TOKENS = 2048
#: Longest text handed to the tokenizer, in characters per token of context; more cannot survive truncation.
CHARACTERS_PER_TOKEN = 64


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
        self._lock = threading.Lock()
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
            from transformers import AutoTokenizer

            try:
                self._tokenizer = AutoTokenizer.from_pretrained(self._folder, use_fast=True, local_files_only=True)
            except Exception as error:  # transformers raises many kinds here; all mean the same to the user
                raise ModelError(
                    f"the tokenizer cannot be loaded: {_first_line(error)}", where=str(self._folder)
                ) from None
        return self._tokenizer

    def token_ids(self, inputs: Sequence[Input]) -> list[list[int]]:
        """Token ids with special tokens, truncated to the context length."""
        return self._tokenize(inputs)[0]

    def _tokenize(self, inputs: Sequence[Input]) -> tuple[list[list[int]], list[bool]]:
        limit = self._info.context_length
        rows: list[list[int]] = []
        cut: list[bool] = []
        for pair in (False, True):
            chosen = [i for i, item in enumerate(inputs) if item.pair is pair]
            if not chosen:
                continue
            clip = limit * CHARACTERS_PER_TOKEN
            texts = [tuple(part[:clip] for part in inputs[i].segments) for i in chosen]
            batch = self.tokenizer(
                [t[0] for t in texts], [t[1] for t in texts] if pair else None, truncation=False, verbose=False
            )
            ids = dict(zip(chosen, batch["input_ids"], strict=True))
            long = [i for i in chosen if len(ids[i]) > limit]
            for i in long:
                parts = tuple(part[:clip] for part in inputs[i].segments)
                ids[i] = self.tokenizer(*parts, truncation=True, max_length=limit)["input_ids"]
            rows_at = dict.fromkeys(long, True)
            if not rows:
                rows, cut = [[] for _ in inputs], [False] * len(inputs)
            for i in chosen:
                rows[i], cut[i] = ids[i], rows_at.get(i, False)
        return rows, cut

    def encode(self, inputs: Sequence[Input], *, layers: str = "last", events: Events | None = None) -> Encoded:
        """Mean-pooled hidden states; see `Encoder.encode`."""
        rows, cut = self._tokenize(inputs)
        model = self._loaded()
        batches = by_length([len(row) for row in rows], BATCH_TOKENS)
        vectors = np.zeros((len(inputs), self._info.hidden_size), np.float32)
        seconds = np.zeros(len(inputs))
        done = [0]
        threads = min(workers(), max(1, len(batches)))
        start = time.perf_counter()

        def work(batch: list[int]) -> None:
            vectors[batch] = self._pooled(model, [rows[i] for i in batch])
            done[0] += len(batch)
            if events is not None:
                left = (time.perf_counter() - start) / done[0] * (len(inputs) - done[0])
                events.progress(done[0], len(inputs), "texts", seconds_left=left, text="encoding")

        parallel_map(work, batches, threads)
        tokens = np.array([len(row) for row in rows], np.int64)
        if len(inputs):
            seconds = (time.perf_counter() - start) * tokens / tokens.sum()
        return Encoded(vectors, tokens, np.array(cut, np.bool_), seconds)

    def _pooled(self, model: Any, rows: list[list[int]]) -> np.ndarray:
        import torch

        ids, mask = pad(rows, self.tokenizer.pad_token_id or 0)
        padded = not bool(mask.all())
        with torch.inference_mode():
            out = model(input_ids=ids.to(device()), attention_mask=mask.to(device()) if padded else None)
            hidden_BLD = out.last_hidden_state.float()
            weights_BL1 = mask.to(hidden_BLD.device).unsqueeze(-1).float()
            pooled_BD = (hidden_BLD * weights_BL1).sum(1) / weights_BL1.sum(1)
        return np.asarray(pooled_BD.cpu().numpy())

    def _loaded(self) -> Any:
        with self._lock:
            if self._model is None:
                self._model = self.trunk().to(device=device(), dtype=compute_dtype()).eval().requires_grad_(False)
            return self._model

    def trunk(self) -> torch.nn.Module:
        """A fresh, trainable float32 copy of the transformer trunk, without pooler."""
        import torch
        import transformers

        verbosity = transformers.logging.get_verbosity()
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        extra = {"add_pooling_layer": False} if self._info.family in {"bert", "roberta"} else {}
        try:
            model = transformers.AutoModel.from_pretrained(
                self._folder, use_safetensors=True, local_files_only=True, dtype=torch.float32, **extra
            )
        except Exception as error:  # transformers raises many kinds here; all mean the same to the user
            raise ModelError(f"the weights cannot be loaded: {_first_line(error)}", where=str(self._folder)) from None
        finally:
            transformers.logging.set_verbosity(verbosity)
        return model


def describe(name: str, folder: Path) -> ModelInfo:
    """What a model folder holds, from its configuration and the safetensors headers."""
    config = files.config_of(folder)
    width = int(config.get("hidden_size") or config.get("dim") or config.get("d_model") or 0)
    positions = int(config.get("max_position_embeddings") or 512)
    family = str(config.get("model_type", ""))
    sentence = folder / "sentence_bert_config.json"
    if family in {"roberta", "xlm-roberta", "camembert"}:
        positions -= 2  # positions start behind the padding index
    return ModelInfo(
        name=name,
        kind="encoder",
        revision=files.revision_of(folder),
        parameters=files.parameter_count(folder),
        hidden_size=width,
        layers=int(config.get("num_hidden_layers") or config.get("n_layers") or 0),
        context_length=positions,
        vocabulary=int(config.get("vocab_size") or 0),
        family=family,
        licence="Apache-2.0" if name == "minilm" else _licence(folder),
        languages=("en",) if name == "minilm" or not sentence.exists() else (),
        path=str(folder),
    )


def _licence(folder: Path) -> str | None:
    """The licence in the front matter of the folder's README, or None."""
    readme = folder / "README.md"
    if not readme.exists():
        return None
    lines = readme.read_text(encoding="utf-8", errors="replace").splitlines()[:60]
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("license:")), None)


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


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids (B, L) and mask (B, L) of int64, padded on the right."""
    import torch

    width = max((len(row) for row in rows), default=0)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[i, : len(row)] = 1
    return ids, mask


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
