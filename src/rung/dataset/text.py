"""When two inputs count as the same, and their words. Knows only `Input`."""

from __future__ import annotations

import re
import unicodedata

from rung.task import Input

# A word, or one character of a script that writes no spaces (kana, Han, Thai), where a "word" would be a whole sentence.
WORD = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]|[^\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]+")


def normal(text: str) -> str:
    """`text` stripped, in NFC and case-folded.

    >>> normal("  Where IS it? ")
    'where is it?'
    """
    return unicodedata.normalize("NFC", text.strip()).casefold()


def input_key(item: Input) -> tuple[str, ...]:
    """Identity of an input for duplicates and overlap: its fields, or the turns of a conversation, each normalised."""
    if item.messages:
        return tuple(part for turn in item.messages for part in (turn.role, normal(turn.content)))
    return tuple(normal(value) for _, value in item.fields)


def words(text: str) -> list[str]:
    """Case-folded words without punctuation, in order.

    >>> words("I can't pay, why?")
    ['i', 'can', 't', 'pay', 'why']
    """
    return WORD.findall(unicodedata.normalize("NFKC", text).casefold())
