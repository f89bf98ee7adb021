"""The plain text: read, compared with public test sets, split, tokenized once. What follows reads it as arrays on the disk.

A prepared folder holds for every source `NAME.tokens.npy` (uint16, documents one after another, each closed by the end-of-text
token), `NAME.txt` with `NAME.ends.npy` (the same documents as bytes, for episodes) and `NAME.held.txt` (documents that nothing
is trained on: they measure bits per byte).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from overlap import TestText
from settings import MODERN, NOVELS, Settings
from tokenizer import END, without_special
from tokenizers import Tokenizer

SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]?[A-Z0-9])|\n+")
#: Bytes of a document that episodes look at: a novel is longer than any window.
SLICE = 6000


def documents(path: Path, limit_mb: float = 1e9) -> Iterator[str]:
    """The documents of an xz-compressed file, in order, until `limit_mb` million bytes are read."""
    lines: list[str] = []
    size = 0
    with lzma.open(path, "rt", encoding="utf-8") as handle:
        for line in handle:
            size += len(line)
            if size > limit_mb * 1e6:
                break
            if line.strip() == END:
                yield without_special("".join(lines).strip())
                lines = []
            else:
                lines.append(line)
    if lines:
        yield without_special("".join(lines).strip())


def sources(folder: Path) -> dict[str, Path]:
    """The files of the corpus by name.

    Raises:
        SystemExit: one is missing.
    """
    found = {name: folder / f"{name}.txt.xz" for name in (*MODERN, *NOVELS)}
    missing = [str(path) for path in found.values() if not path.exists()]
    if missing:
        raise SystemExit(f"the corpus is not complete: {missing[0]} is missing; --corpus names the folder")
    return found


def sample(folder: Path, settings: Settings, megabytes: float = 40.0) -> Iterator[str]:
    """Text to train the tokenizer on: the same share of every source."""
    for path in sources(folder).values():
        share = min(1.0, megabytes / 230)
        for number, text in enumerate(documents(path, settings.text_limit_mb)):
            if len(text) > 200_000:
                yield from (text[i : i + 10_000] for i in range(0, len(text), round(10_000 / share)))
            elif settings.text_limit_mb < 10 or (number * 0.618034) % 1 < share:
                yield text


def prepare(folder: Path, out: Path, tokenizer: Tokenizer, test: TestText, settings: Settings) -> dict[str, Any]:
    """Write the arrays of all sources; what was counted goes to `corpus.json`, written last, and is returned."""
    record = out / "corpus.json"
    if record.exists():
        found: dict[str, Any] = json.loads(record.read_text())
        return found
    out.mkdir(parents=True, exist_ok=True)
    counts = {}
    for name, path in sources(folder).items():
        counts[name] = _prepare_source(name, path, out, tokenizer, test, settings)
        print(
            f"{name:15} {counts[name]['tokens'] / 1e6:7.2f} M tokens  left out {counts[name]['left_out']}", flush=True
        )
    record.write_text(json.dumps(counts, indent=1))
    return counts


def _prepare_source(
    name: str, path: Path, out: Path, tokenizer: Tokenizer, test: TestText, settings: Settings
) -> dict[str, Any]:
    end = tokenizer.token_to_id(END)
    tokens: list[np.ndarray] = []
    ends: list[int] = []
    size = left_out = held = 0
    touched: dict[str, int] = {}
    with (out / f"{name}.txt").open("wb") as texts, (out / f"{name}.held.txt").open("w", encoding="utf-8") as aside:
        for batch in _batches(documents(path, settings.text_limit_mb)):
            kept = []
            for text in batch:
                for found in test.found_in(text):
                    touched[found] = touched.get(found, 0) + 1
                clean = test.without(text)
                left_out += clean != text
                if is_held_out(text, settings.held_out) and held < 400_000:
                    aside.write(clean[:60_000] + f"\n{END}\n")
                    held += min(60_000, len(clean))
                elif clean:
                    kept.append(clean)
            for text, encoded in zip(kept, tokenizer.encode_batch_fast(kept, add_special_tokens=False), strict=True):
                tokens.append(np.array([*encoded.ids, end], np.uint16))
                size += texts.write(text.encode())
                ends.append(size)
    joined = np.concatenate(tokens) if tokens else np.zeros(0, np.uint16)
    np.save(out / f"{name}.tokens.npy", joined)
    np.save(out / f"{name}.ends.npy", np.array(ends, np.int64))
    return {"documents": len(ends), "bytes": size, "tokens": len(joined), "left_out": left_out, "touched": touched}


def _batches(texts: Iterator[str], size: int = 2_000_000) -> Iterator[list[str]]:
    batch: list[str] = []
    total = 0
    for text in texts:
        batch.append(text)
        total += len(text)
        if total > size:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch


def is_held_out(text: str, share: float) -> bool:
    """Whether a document is kept for measuring, decided by its first thousand characters alone."""
    return int(hashlib.sha256(text[:1000].encode()).hexdigest()[:8], 16) < share * 2**32


class Corpus:
    """A prepared folder, read where it lies: opening it takes no memory, so that every worker can have its own.

    Args:
        length: tokens of the pieces that text is dealt in.
    """

    def __init__(self, folder: Path, seed: int, length: int = 2048) -> None:
        self.folder, self.seed, self.length = folder, seed, length
        self.tokens = {n: np.load(folder / f"{n}.tokens.npy", mmap_mode="r") for n in (*MODERN, *NOVELS)}
        self.ends = {n: np.load(folder / f"{n}.ends.npy", mmap_mode="r") for n in (*MODERN, *NOVELS)}
        self.texts = {n: np.memmap(folder / f"{n}.txt", np.uint8, "r") for n in (*MODERN, *NOVELS)}
        self.documents = [(n, i) for n in (*MODERN, *NOVELS) if len(self.ends[n]) for i in range(len(self.ends[n]))]
        self.pieces = [(n, i) for n in MODERN for i in range(len(self.tokens[n]) // length)]
        novels = [(n, i) for n in NOVELS for i in range(len(self.tokens[n]) // length)]
        random.Random(seed).shuffle(novels)
        self.novels = novels
        self._decks: dict[int, list[tuple[str, int]]] = {}

    def deck(self, epoch: int) -> list[tuple[str, int]]:
        """The pieces of one pass in their order: all modern ones, and the next twentieth of the novels'."""
        if epoch not in self._decks:
            share = len(self.novels) // 20
            pieces = self.pieces + self.novels[epoch * share : (epoch + 1) * share]
            random.Random(f"{self.seed} {epoch}").shuffle(pieces)
            self._decks = {epoch: pieces}
        return self._decks[epoch]

    @property
    def epoch_tokens(self) -> int:
        """Tokens of one pass."""
        return (len(self.pieces) + len(self.novels) // 20) * self.length

    def stream(self, start: int, count: int) -> np.ndarray:
        """Tokens `start` to `start + count` of the endless sequence of passes (count,)."""
        parts = []
        while count > 0:
            epoch, within = divmod(start, self.epoch_tokens)
            name, piece = self.deck(epoch)[within // self.length]
            offset = within % self.length
            take = min(count, self.length - offset)
            at = piece * self.length + offset
            parts.append(np.asarray(self.tokens[name][at : at + take]))
            start, count = start + take, count - take
        return np.concatenate(parts)

    def passage(self, draw: random.Random, source: str | None = None) -> tuple[str, str]:
        """A random document's source and text, cut to a slice of some thousand bytes between words."""
        if source is None:
            source, number = self.documents[draw.randrange(len(self.documents))]
        else:
            number = draw.randrange(len(self.ends[source]))
        ends = self.ends[source]
        first, last = (int(ends[number - 1]) if number else 0), int(ends[number])
        if last - first > SLICE:
            first = draw.randrange(first, last - SLICE)
            last = first + SLICE
        text = bytes(self.texts[source][first:last]).decode("utf-8", "ignore")
        return source, text

    def sentences(self, draw: random.Random, source: str | None = None) -> tuple[str, list[str]]:
        """A random document's source and its sentences of 4 to 30 words."""
        source, text = self.passage(draw, source)
        found = [" ".join(part.split()) for part in SENTENCE.split(text) if part]
        whole = [s for s in found[1:] if 4 <= s.count(" ") + 1 <= 30 and s[-1] in ".!?\"'"]
        return source, whole
