"""Words and their places: nothing of the text is lost, whatever the tokenizer and however long the text."""

from __future__ import annotations

import numpy as np
import pytest

from rung.models.encoder import TransformerEncoder
from rung.models.words import WORD, windows, word_rows
from rung.task import as_input

LONG = "the quick, brown fox! " * 40


def spans_in(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in WORD.finditer(text)]


def test_words_are_runs_of_letters_or_single_signs() -> None:
    text = "@anna's 2nd_try: #NYC, naïve 天気!"
    words = [text[start:end] for start, end in spans_in(text)]
    assert words == ["@", "anna", "'", "s", "2nd", "_", "try", ":", "#", "NYC", ",", "naïve", "天気", "!"]


def test_each_token_belongs_to_the_word_it_ends_in(tiny_encoder: TransformerEncoder) -> None:
    (row,) = word_rows(tiny_encoder, [as_input("Late refund, ok?")])
    assert row.spans == ((0, 4), (5, 11), (11, 12), (13, 15), (15, 16))
    # [CLS] late refund , o ##k ? [SEP]
    assert row.word_of.tolist() == [-1, 0, 1, 2, 3, 3, 4, -1]
    assert len(row.row.ids) == len(row.word_of)


def test_a_long_text_is_read_whole_in_overlapping_windows(tiny_encoder: TransformerEncoder) -> None:
    rows = word_rows(tiny_encoder, [as_input("a fox"), as_input(LONG)])
    assert [row.owner for row in rows][:2] == [0, 1] and len(rows) > 4
    read: dict[int, tuple[int, int]] = {}
    for row in rows[1:]:
        assert len(row.row.ids) <= tiny_encoder.info.context_length
        for at, span in enumerate(row.spans):
            assert read.setdefault(row.first + at, span) == span, "windows agree on where a word stands"
        tokens_of = np.bincount(row.word_of[row.word_of >= 0], minlength=len(row.spans))
        assert (tokens_of > 0).all(), "every word has a state"
    assert [read[i] for i in sorted(read)] == spans_in(LONG)
    starts = [row.first for row in rows[1:]]
    ends = [row.first + len(row.spans) for row in rows[1:]]
    assert all(start < end for start, end in zip(starts[1:], ends, strict=False)), "neighbours overlap"


def test_reserved_tokens_make_windows_shorter(tiny_encoder: TransformerEncoder) -> None:
    longest = max(len(row.row.ids) for row in word_rows(tiny_encoder, [as_input(LONG)], reserved=20))
    assert longest <= tiny_encoder.info.context_length - 20


@pytest.mark.parametrize("text", ["", "   ", "\n", "🌧️", "x" * 500])
def test_odd_texts_have_a_window(text: str, tiny_encoder: TransformerEncoder) -> None:
    rows = word_rows(tiny_encoder, [as_input(text)])
    assert len(rows) == 1 and [text[s:e] for s, e in rows[0].spans] == WORD.findall(text)
    assert len(rows[0].row.ids) <= tiny_encoder.info.context_length


def test_windows_end_even_if_a_word_is_longer_than_one() -> None:
    assert windows(np.array([1, 9, 1]), 4) == [(0, 1), (1, 2), (2, 3)]
    assert windows(np.array([], np.int64), 4) == [(0, 0)]


def test_no_inputs(tiny_encoder: TransformerEncoder) -> None:
    assert word_rows(tiny_encoder, []) == []
