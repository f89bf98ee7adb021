"""Tags, one a token, to entities with places. Knows one row's tags and tokens; neither columns nor tasks.

Read are BIO (IOB2: every entity begins with B-), BIOES and BILOU (its last token is E- or L-, a lone one S- or U-), and IOB1, where
I- may begin an entity and B- only parts two neighbours of one type (Ramshaw and Marcus 1995; Tjong Kim Sang and Veenstra 1999).
The data show which: one entity with B- where IOB1 needs none means that an I- without a beginning is a fault.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, TypeGuard

from rung.dataset.rows import Unusable
from rung.entities import Entity

BEGINS, INSIDE, ENDS = "BSU", "IEL", "ESLU"
KNOWN = "O, B-..., I-..., E-... or L-... (the last token), S-... or U-... (a lone token)"


def are_tags(value: Any) -> TypeGuard[list[str]]:
    """Whether a value is a list of texts, at least one."""
    return isinstance(value, list) and bool(value) and all(isinstance(tag, str) for tag in value)


def needs_beginnings(rows: Iterable[Sequence[str]]) -> bool:
    """Whether these tags are not IOB1: an entity begins with B- (or S-, U-) although none of its type stands before it."""
    for tags in rows:
        for before, tag in itertools.pairwise(["O", *tags]):
            if tag[:1] in BEGINS and tag[1:2] == "-" and before[1:] != tag[1:]:
                return True
    return False


def tagged(tags: Sequence[str], tokens: Sequence[str], text: str, strict: bool) -> list[Entity]:
    """The entities that `tags` mark in `text`, in order.

    Args:
        tokens: the words the tags belong to, in the order in which they stand in `text`.
        strict: an I- without a beginning is a fault (not IOB1).

    Raises:
        Unusable: not as many tags as tokens, a token that is not in the text, an unknown tag, or tags that contradict each other.
    """
    if len(tags) != len(tokens):
        raise Unusable(
            "bad_tags",
            f"{len(tags)} tags for {len(tokens)} tokens",
            f"{' '.join(tokens)} / {' '.join(tags)}",
            "give one tag for each token; `tokens:` names a column with the tokens, else the input is split at white space",
        )
    found: list[Entity] = []
    inside = ""  # type of the entity that the next tag may go on
    for i, (tag, (start, end)) in enumerate(zip(tags, token_places(tokens, text), strict=True)):
        prefix, kind = _parts(tag, i, tokens)
        if prefix in INSIDE and kind == inside:
            first = found.pop().start or 0
            found.append(Entity(kind, text[first:end], first, end))
        elif prefix in BEGINS or (prefix == "I" and not strict):
            found.append(Entity(kind, text[start:end], start, end))
        elif prefix != "O":
            raise _contradiction(tags, i, tokens)
        if prefix != "O" and not text[start:end].strip():
            raise Unusable("bad_tags", f"the tag {tag!r} of token {i + 1} marks nothing but blanks", remedy="tag it O")
        inside = "" if prefix == "O" or prefix in ENDS else kind
    return found


def token_places(tokens: Sequence[str], text: str) -> list[tuple[int, int]]:
    """Where each token stands in `text`, in order.

    Raises:
        Unusable: one does not stand there after the one before it.
    """
    places, at = [], 0
    for i, token in enumerate(tokens):
        start = text.find(token, at)
        if start < 0:
            raise Unusable(
                "bad_tokens",
                f"token {i + 1} ({token!r}) does not stand in the input" + (" after the one before it" if i else ""),
                text[at:],
                "the tokens are the words of the input as they stand there, in order",
            )
        at = start + len(token)
        places.append((start, at))
    return places


def _parts(tag: str, i: int, tokens: Sequence[str]) -> tuple[str, str]:
    """Prefix and type; `O` has no type."""
    prefix, dash, kind = tag.strip().partition("-")
    if prefix == "O" and not dash:
        return "O", ""
    if prefix in ("B", "I", "E", "L", "S", "U") and kind.strip():
        return prefix, kind.strip()
    raise Unusable("bad_tags", f"the tag {tag!r} of token {i + 1} ({tokens[i]!r}) is unknown", tag, f"allowed: {KNOWN}")


def _contradiction(tags: Sequence[str], i: int, tokens: Sequence[str]) -> Unusable:
    tag = tags[i].strip()
    before = f"follows {tags[i - 1]!r}" if i else "is the first"
    message = f"the tag {tag!r} of token {i + 1} ({tokens[i]!r}) {before}: it goes on an entity that has not begun"
    shown = " ".join(tags[max(0, i - 2) : i + 2])
    return Unusable("bad_tags", message, shown, f"an entity begins with 'B-{tag[2:]}' and goes on with the same type")
