"""Prompted tasks with short answers (P3/T0 rows): the last part of the training, zero-shot and with examples of the same task."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import words
from formats import Episode, Piece, chat, written
from overlap import TestText
from settings import Settings
from tokenizer import without_special

#: Rows longer than this (characters) fill a window alone and teach little.
LONGEST = 1500
#: A template with at most so many different answers is a classification.
FEW_ANSWERS = 12


class Prompted:
    """Rows by template."""

    def __init__(self, rows: dict[str, list[tuple[str, str]]]) -> None:
        self.rows = {name: found for name, found in rows.items() if len(found) >= 2}
        self.names = sorted(self.rows)
        self.labels = {name: sorted({answer for _, answer in found}) for name, found in self.rows.items()}

    @classmethod
    def read(cls, path: Path) -> Prompted:
        """What `prepare` wrote."""
        return cls(json.loads(path.read_text()))

    def pieces(self, draw: random.Random, settings: Settings) -> Iterator[list[Piece]]:
        """Endless episodes: half a single row as a turn, half some rows of a template, label words sometimes drawn anew."""
        while True:
            name = draw.choice(self.names)
            rows = self.rows[name]
            if draw.random() < 0.5:
                question, answer = draw.choice(rows)
                yield chat(Episode([(question, answer)], natural=True), settings.answer_weight, settings.prompt_weight)
                continue
            chosen = draw.sample(rows, min(len(rows), draw.randint(2, 5)))
            if len(self.labels[name]) <= FEW_ANSWERS and draw.random() < 0.5:
                table = dict(zip(self.labels[name], words.label_words(draw, len(self.labels[name])), strict=True))
                chosen = [(question, table[answer]) for question, answer in chosen]
            yield written(
                Episode(chosen, natural=True, lines=False), draw, settings.answer_weight, settings.prompt_weight
            )


def prepare(path: Path, out: Path, test: TestText, limit: int | None = None) -> dict[str, int]:
    """Clean the rows of a `train.jsonl.gz` and write those that quote no test set, by template; counts by what became of them."""
    rows: dict[str, list[tuple[str, str]]] = {}
    counts = {"kept": 0, "too long": 0, "empty": 0, "repeated": 0}
    seen: set[tuple[str, str]] = set()
    with gzip.open(path, "rt", encoding="utf-8") as handle:
        for number, line in enumerate(handle):
            if limit is not None and number >= limit:
                break
            row = json.loads(line)
            question, answer = _clean(row["prompt"]), _clean(row["completion"])
            owner = test.quoted_in(question)
            if owner is not None:
                counts[f"quotes {owner}"] = counts.get(f"quotes {owner}", 0) + 1
            elif not question or not answer:
                counts["empty"] += 1
            elif len(question) + len(answer) > LONGEST:
                counts["too long"] += 1
            elif (question, answer) in seen:
                counts["repeated"] += 1
            else:
                seen.add((question, answer))
                rows.setdefault(row["template"], []).append((question, answer))
                counts["kept"] += 1
    out.write_text(json.dumps(rows))
    return counts


def _clean(text: str) -> str:
    lines = [" ".join(line.split()) for line in without_special(text).strip().split("\n")]
    kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
    return "\n".join(kept).strip()
