"""A trunk with only the words in use reads as the whole one does, also where padding is a word at the end of the table."""

from __future__ import annotations

from pathlib import Path

import torch

from rung.methods.vocabulary import UsedVocabulary
from rung.models.encoder import TransformerEncoder
from rung.task import as_input


def test_padding_at_the_end_of_the_table(tiny_folder: Path) -> None:
    encoder = TransformerEncoder("tiny", tiny_folder)
    encoder.tokenizer.pad_token = "broken"
    last = encoder.tokenizer.pad_token_id
    assert last == len(encoder.tokenizer) - 1
    trunk = encoder.trunk()
    rows = encoder.token_rows([as_input("the quick brown fox"), as_input("a fox")])
    whole = encoder.hidden(trunk, rows)
    vocabulary = UsedVocabulary(trunk, rows)
    assert trunk.get_input_embeddings().num_embeddings < last
    torch.testing.assert_close(encoder.hidden(trunk, vocabulary.narrow(rows)), whole)
    vocabulary.restore(trunk)
    torch.testing.assert_close(encoder.hidden(trunk, rows), whole)
