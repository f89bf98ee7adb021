"""The words whose vectors lie nearest to given ones. Knows tokenizers and vectors, no method."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

#: Words told for each vector.
NEAREST = 3
#: Vocabulary entries whose vectors are made at once.
CHUNK = 8192
_WORD = re.compile(r"[^\W_]+")
#: How a vocabulary marks the beginning of a word (byte-level, SentencePiece), and the inside of one (word-piece).
_BEGINS, _INSIDE = ("\u0120", "\u2581"), "##"


def whole_words(tokenizer: Any) -> dict[int, str]:
    """The vocabulary's entries that are words of letters or digits, by their numbers; no special tokens.

    In a word-piece vocabulary these are the entries that do not go on with a word. In a byte-level or SentencePiece vocabulary
    those that begin one, which are words for the most part, and sometimes the beginnings of longer ones.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    special = set(tokenizer.all_special_ids)
    begin = next((sign for sign in _BEGINS if any(entry.startswith(sign) for entry in vocabulary)), "")
    found = {}
    for entry, number in vocabulary.items():
        if number in special or entry.startswith(_INSIDE) or not entry.startswith(begin):
            continue
        said = entry
        if begin == _BEGINS[0]:  # its letters stand for bytes
            said = tokenizer.convert_tokens_to_string([entry])
        said = said.removeprefix(begin).strip()
        if _WORD.fullmatch(said):
            found[number] = said
    return found


def nearest(
    vectors_PD: torch.Tensor, tokenizer: Any, vectors_of: Callable[[list[int]], torch.Tensor]
) -> list[list[dict[str, Any]]]:
    """For each vector the `NEAREST` words with their cosine distances (0 the same direction, 1 at right angles), nearest first.

    Args:
        vectors_of: vectors (n, D) of n vocabulary entries, by their numbers.
    """
    import torch

    said = whole_words(tokenizer)
    numbers = sorted(said)
    if not numbers:
        return [[] for _ in vectors_PD]
    wanted_PD = torch.nn.functional.normalize(vectors_PD.float(), dim=-1)
    parts = []
    for start in range(0, len(numbers), CHUNK):
        words_WD = torch.nn.functional.normalize(vectors_of(numbers[start : start + CHUNK]).float(), dim=-1)
        parts.append(1 - wanted_PD @ words_WD.T)
    best = torch.cat(parts, dim=1).topk(min(NEAREST, len(numbers)), dim=1, largest=False)
    return [
        [
            {"word": said[numbers[place]], "distance": round(max(0.0, distance), 4)}
            for place, distance in zip(places, distances, strict=True)
        ]
        for places, distances in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
