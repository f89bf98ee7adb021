"""Which public test sets the training text touches: sentences of their test files, normalised, looked up in what is trained on.

A sentence is compared without case, punctuation and spacing. Sentences of fewer than `LEAST` words say nothing about
where they come from ("thank you very much") and are not compared.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LEAST = 6
WORDS = re.compile(r"[a-z0-9]+")
PARTS = re.compile(r"(?<=[.!?])\s+|\n+|(?<=[.!?])[\"')\]]+\s*")
TEST_FILES = ("test", "dev", "valid")


def normalised(text: str) -> str:
    """Lower-case words and numbers, one blank between them."""
    return " ".join(WORDS.findall(text.lower()))


class TestText:
    """The sentences of all test files in a folder of public data; empty where there is no folder."""

    def __init__(self, folder: Path | None) -> None:
        self.owner: dict[str, str] = {}
        for path in sorted(folder.glob("*/*.jsonl.gz")) if folder else ():
            if path.name.split(".")[0] in TEST_FILES:
                with gzip.open(path, "rt", encoding="utf-8") as handle:
                    for line in handle:
                        for text in _strings(json.loads(line)):
                            self._add(text, path.parent.name)
        self.starts = {" ".join(key.split()[:8]): owner for key, owner in self.owner.items() if key.count(" ") >= 7}

    def _add(self, text: str, owner: str) -> None:
        for part in (text, *PARTS.split(text)):
            key = normalised(part)
            if key.count(" ") + 1 >= LEAST:
                self.owner.setdefault(key, owner)

    def found_in(self, text: str) -> set[str]:
        """Test sets with a sentence that stands in `text` as a sentence."""
        return {self.owner[key] for part in PARTS.split(text) if (key := normalised(part)) in self.owner}

    def without(self, text: str) -> str:
        """`text` without its sentences that stand in a test set."""
        if not self.found_in(text):
            return text
        lines = []
        for line in text.split("\n"):
            parts = [part for part in re.split(r"(?<=[.!?])\s+", line) if normalised(part) not in self.owner]
            lines.append(" ".join(parts))
        return "\n".join(lines)

    def quoted_in(self, text: str) -> str | None:
        """A test set of which some sentence begins anywhere in `text`: the stricter look, for rows of other datasets."""
        words = WORDS.findall(text.lower())
        for i in range(len(words) - 7):
            found = self.starts.get(" ".join(words[i : i + 8]))
            if found is not None:
                return found
        return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list) and not all(isinstance(v, str) and " " not in v for v in value):
        for inner in value:
            yield from _strings(inner)
