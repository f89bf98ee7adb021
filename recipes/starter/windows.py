"""The sequence of training windows: which step sees what, every window made from its own number, none ever repeated.

A step has one window length. Its first windows are plain text, dealt without repeats; in the last part some are prompted tasks; the
rest are episodes made on the fly. A window depends on (seed, step, place in the step) alone, so that any step can be made anew.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from corpus import Corpus
from episodes import make
from formats import Piece, written
from prompted import Prompted
from settings import Settings
from tokenizers import Tokenizer


class Step(NamedTuple):
    """What one optimizer step reads.

    Attributes:
        length: tokens a window. windows: their number, `text` of them plain text and `prompted` prompted tasks.
        text_from: tokens of plain text that earlier steps have read.
    """

    number: int
    length: int
    windows: int
    text: int
    prompted: int
    text_from: int


class Batch(NamedTuple):
    """Windows of one pass: token ids (B, L + 1), and the loss weight of predicting each next token (B, L)."""

    ids_BT: torch.Tensor
    weights_BL: torch.Tensor


def schedule(settings: Settings) -> list[Step]:
    """All steps of a training."""
    steps: list[Step] = []
    shares = {length: 0.0 for length, _ in settings.lengths}
    text_from = 0
    text_debt = prompted_debt = 0.0
    for number in range(settings.steps):
        for length, share in settings.lengths:
            shares[length] += share
        length = max(shares, key=lambda n: shares[n])
        shares[length] -= 1
        windows = max(1, settings.step_tokens // length)
        last = number >= settings.last_from
        text_debt += windows * (settings.last_text_share if last else settings.text_share)
        prompted_debt += windows * (settings.sft_share if last else 0.0)
        text, prompted = round(text_debt), round(prompted_debt)
        text_debt, prompted_debt = text_debt - text, prompted_debt - prompted
        steps.append(Step(number, length, windows, text, min(prompted, windows - text), text_from))
        text_from += text * length
    return steps


class Windows(torch.utils.data.Dataset[Batch]):
    """All passes of a training, in order; item `i` is pass `i`.

    Args:
        folder: a prepared corpus. prompted: rows of prompted tasks, or None to do without.
    """

    def __init__(self, folder: Path, tokenizer: Path, prompted: Path | None, settings: Settings) -> None:
        self.folder, self.tokenizer_path, self.prompted_path, self.settings = folder, tokenizer, prompted, settings
        self.steps = schedule(settings)
        self.places = [(step, first, last) for step in self.steps for first, last in _passes(step, settings)]
        self._open: tuple[Corpus, Tokenizer, Prompted | None] | None = None

    def __len__(self) -> int:
        return len(self.places)

    def first_pass(self, step: int) -> int:
        """The number of the first pass of a step."""
        return next((i for i, place in enumerate(self.places) if place[0].number >= step), len(self.places))

    def __getitem__(self, number: int) -> Batch:
        step, first, last = self.places[number]
        windows = [self._window(step, place) for place in range(first, last)]
        ids_BT = torch.from_numpy(np.stack([ids for ids, _ in windows]).astype(np.int64))
        return Batch(ids_BT, torch.from_numpy(np.stack([weights for _, weights in windows])))

    def _window(self, step: Step, place: int) -> tuple[np.ndarray, np.ndarray]:
        corpus, tokenizer, prompted = self._opened()
        if place < step.text:
            start = step.text_from + place * step.length
            ids = corpus.stream(start, step.length + 1)
            return ids, np.ones(step.length, np.float32)
        draw = random.Random(f"{self.settings.seed} {step.number} {place}")
        asked = prompted is not None and place < step.text + step.prompted
        source = prompted.pieces(draw, self.settings) if asked and prompted else self._episodes(draw, corpus)
        return packed(source, tokenizer, step.length)

    def _episodes(self, draw: random.Random, corpus: Corpus) -> Iterator[list[Piece]]:
        while True:
            yield written(make(draw, corpus), draw, self.settings.answer_weight, self.settings.prompt_weight)

    def _opened(self) -> tuple[Corpus, Tokenizer, Prompted | None]:
        if self._open is None:  # in the worker that reads
            prompted = Prompted.read(self.prompted_path) if self.prompted_path else None
            tokenizer = Tokenizer.from_file(str(self.tokenizer_path))
            self._open = (Corpus(self.folder, self.settings.seed), tokenizer, prompted)
        return self._open


def _passes(step: Step, settings: Settings) -> list[tuple[int, int]]:
    size = max(1, settings.micro_tokens // step.length)
    return [(first, min(step.windows, first + size)) for first in range(0, step.windows, size)]


def packed(source: Iterator[list[Piece]], tokenizer: Tokenizer, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Episodes one after another, the last one cut: ids (L + 1,), and the weight of predicting each next token (L,)."""
    ids: list[int] = []
    weights: list[float] = []
    while len(ids) <= length:
        pieces = next(source)
        encoded = tokenizer.encode_batch_fast([text for text, _ in pieces], add_special_tokens=False)
        for (_, weight), piece in zip(pieces, encoded, strict=True):
            ids += piece.ids
            weights += [weight] * len(piece.ids)
    return np.array(ids[: length + 1], np.uint16), np.array(weights[1 : length + 1], np.float32)
