"""Inputs as words with their places in the text: what a tagger reads. Knows an encoder's tokenizer, no task.

A word is a run of letters and digits, or one other sign; whatever the tokenizer makes of it, its state is the mean over its
pieces. A text longer than the model reads becomes several windows that overlap by a quarter, cut between words; each word is
answered by the window in which it stands furthest from an edge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rung.models.base import Encoder, TokenRow
from rung.task import Input

WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
#: Share of a window that the next one reads again.
OVERLAP = 0.25


class WordRow(NamedTuple):
    """One window of an input.

    Attributes:
        row: its tokens. owner: number of the input.
        spans: places (start, end) of its words in the input's text. first: number of its first word in the input.
        word_of: for each token the number of its word in this window, -1 for special tokens.
    """

    row: TokenRow
    owner: int
    spans: tuple[tuple[int, int], ...]
    first: int
    word_of: NDArray[np.int64]

    @property
    def centrality(self) -> NDArray[np.int64]:
        """How far each word stands from the nearer edge of the window (W,)."""
        places = np.arange(len(self.spans))
        return np.minimum(places, places[::-1])


def word_rows(model: Encoder, inputs: Sequence[Input], reserved: int = 0) -> list[WordRow]:
    """The windows of all inputs, in order; every input has at least one.

    Args:
        reserved: tokens of the model's context that are taken by something else.
    """
    if not inputs:
        return []
    limit = model.info.context_length - reserved
    texts = [item.text for item in inputs]
    batch = model.tokens(texts, truncation=False, return_offsets_mapping=True, verbose=False)
    rows: list[WordRow] = []
    for owner, text in enumerate(texts):
        spans = [match.span() for match in WORD.finditer(text)]
        ids, offsets = batch["input_ids"][owner], batch["offset_mapping"][owner]
        if len(ids) <= limit:
            rows.append(_row(owner, ids, offsets, spans, 0, 0))
            continue
        pieces_W = np.bincount(_word_of(offsets, spans) + 1, minlength=len(spans) + 1)[1:]
        special = model.tokenizer.num_special_tokens_to_add()
        for first, last in windows(pieces_W, limit - special):
            start, end = spans[first][0], spans[last - 1][1]
            part = model.tokens(text[start:end], truncation=True, max_length=limit, return_offsets_mapping=True)
            rows.append(_row(owner, part["input_ids"], part["offset_mapping"], spans[first:last], start, first))
    return rows


def windows(pieces_W: NDArray[Any], capacity: int) -> list[tuple[int, int]]:
    """First and last (exclusive) word of each window, every window of at most `capacity` pieces (or of one word).

    >>> windows(np.array([1, 1, 1, 1, 1, 1]), 4)
    [(0, 4), (3, 6)]
    """
    ends_W = np.cumsum(pieces_W)
    found: list[tuple[int, int]] = []
    first, count = 0, len(pieces_W)
    while True:
        before = int(ends_W[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends_W, before + capacity, side="right")))
        found.append((first, min(last, count)))
        if last >= count:
            return found
        again = int(np.searchsorted(ends_W, ends_W[last - 1] - OVERLAP * capacity, side="right"))
        first = max(first + 1, min(last, again))


def _row(
    owner: int,
    ids: list[int],
    offsets: Sequence[tuple[int, int]],
    spans: list[tuple[int, int]],
    shift: int,
    first: int,
) -> WordRow:
    moved = [(start + shift, end + shift) if end > start else (0, 0) for start, end in offsets]
    return WordRow(TokenRow(list(ids), len(ids), False), owner, tuple(spans), first, _word_of(moved, spans))


def _word_of(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The word in which each token ends; -1 where it stands for nothing in the text, or for a space."""
    starts = np.array([start for start, _ in spans], np.int64)
    ends = np.array([end for _, end in spans] or [0], np.int64)
    # by its last character: byte-level tokens may begin with the space before their word
    lasts = np.array([end - 1 if end > start else -1 for start, end in offsets], np.int64)
    found = np.searchsorted(starts, lasts, side="right") - 1
    outside = (lasts < 0) | (lasts >= ends[found])
    return np.where(outside, -1, found).astype(np.int64)
