"""The model card, every figure in it taken from the result file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

HEAD = """---
language: en
license: apache-2.0
library_name: transformers
tags: [llama, small, in-context learning]
---
# starter

A small language model, {parameters:.1f} million parameters, that comes with Rung so that prompting works on a laptop with no model
hub and no API key. **It is small.** It reads a prompt, copies, looks things up in it, and goes by the examples it is shown; it
knows little of the world, and what it says as a fact is often wrong.
"""
NOT_FOR = """
## What it is not good for

Answering questions from its own knowledge, advice of any kind, long texts, arithmetic, any language but English, code. Its text is
plain and often wrong. It was not tuned to refuse anything, and takes over whatever its training text leans to. Use it to try out
a pipeline, to compare ways of adapting a model, and as the model of tests; for quality take a larger one.
"""


def card(found: dict[str, Any]) -> str:
    """The card's Markdown."""
    settings = found["settings"]
    parts = [
        HEAD.format(parameters=found["parameters"] / 1e6),
        _how(found, settings),
        _data(found),
        _figures(found),
        NOT_FOR,
    ]
    return "\n".join(parts)


def _how(found: dict[str, Any], settings: dict[str, Any]) -> str:
    last = found["curve"][-1] if found["curve"] else {"step": 0, "loss": float("nan")}
    start = "from the word pieces of `all-MiniLM-L6-v2` (Apache-2.0)" if found["from_encoder"] else "at random"
    lines = [
        "## How it was made",
        "",
        f"Llama architecture: {settings['layers']} layers, {settings['width']} wide, {settings['heads']} heads, inner width "
        f"{settings['inner']}, tied embeddings, RoPE, {settings['positions']:,} positions; byte-level BPE of "
        f"{settings['vocabulary']:,}. By `python recipes/starter --preset {settings['name']}`: "
        f"{found['tokens_seen'] / 1e6:.1f} million tokens in {last['step']:,} steps on {found['machine']}.",
        "",
        f"Token embeddings started {start}.",
        "",
        "| step | " + " | ".join(str(p["step"]) for p in _spread(found["curve"])) + " |",
        "|" + "---|" * (len(_spread(found["curve"])) + 1),
        "| loss | " + " | ".join(f"{p['loss']:.2f}" for p in _spread(found["curve"])) + " |",
        "",
        "The loss is the weighted mean over plain text, episodes and, in the last part, prompted tasks: its parts differ much.",
    ]
    return "\n".join(lines)


def _spread(curve: list[dict[str, float]], count: int = 8) -> list[dict[str, float]]:
    if len(curve) <= count:
        return curve
    return [curve[round(i * (len(curve) - 1) / (count - 1))] for i in range(count)]


DATA = """
Of all tokens read {read}. Episodes are made on the fly and never repeat: recall, copying and rewriting, JSON, gaps to be filled
from a text, and classification with label words drawn anew each time.

Prompted tasks are rows of the P3/T0 sample that the self-instruct repository carries (Apache-2.0 there; the datasets below P3 have
licences of their own). Rows by what became of them: {rows}."""
LEARNING = (
    "Learning from the prompt: accuracy (%) with **nonsense label words**, 16 examples in the prompt. No row of these tasks is in "
    "the training text. *Shuffled*: labels dealt anew over all rows. *Vote*: counting the labels of the same nearest examples."
)
LICENCES = {
    "openstax": "23 OpenStax textbooks, CC BY 4.0",
    "enwiki_sample": "English Wikipedia pages made in 2018, CC BY-SA 3.0",
    "wikinews": "English Wikinews, CC BY 2.5",
    "medquad_qa": "MedQuAD questions and answers, CC BY 4.0",
    "peps": "Python enhancement proposals, public domain or CC0",
    "storybooks_en": "African Storybook and Pratham Books, CC BY",
    "classics": "novels of 1850 to 1923, public domain",
}


def _data(found: dict[str, Any]) -> str:
    lines = [
        "",
        "## Data and licences",
        "",
        "| text | million tokens | documents with test sentences (left out) |",
        "|---|---|---|",
    ]
    for name, counts in found["corpus"].items():
        touched = ", ".join(f"{k} {v}" for k, v in sorted(counts["touched"].items())) or "none"
        lines.append(f"| {LICENCES[name]} | {counts['tokens'] / 1e6:.1f} | {touched} |")
    shares = found["tokens_by_kind"]
    total = sum(shares.values())
    read = ", ".join(f"{100 * value / total:.0f} % were {name}" for name, value in shares.items())
    rows = ", ".join(f"{name} {count:,}" for name, count in found["prompted"].items())
    return "\n".join([*lines, DATA.format(read=read, rows=rows)])


def _figures(found: dict[str, Any]) -> str:
    judged = found["judged"]
    bits = ", ".join(f"{k} {v:.2f}" for k, v in judged["bits_per_byte"].items())
    lines = ["", "## Figures", "", f"Bits per byte of held-out text: {bits}.", ""]
    if judged["in_context"]:
        lines += [LEARNING, ""]
        heads = (
            "task",
            "chance",
            "16 nearest",
            "16 at random",
            "nearest, shuffled",
            "vote",
            "zero-shot, real labels",
            "`majority`",
        )
        lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        for name, f in judged["in_context"].items():
            zero = judged["zero_shot"][name]
            figures = [f[k] for k in ("chance", "nearest", "random", "shuffled", "vote of the nearest")]
            row = " | ".join(f"{100 * v:.1f}" for v in (*figures, zero["zero_shot"], zero["majority"]))
            lines.append(f"| {name} ({f['labels']} labels, {f['rows']} rows) | {row} |")
        over = ", ".join(f"{way} {100 * points:+.1f}" for way, points in judged["over_chance"].items())
        lines += ["", f"Points over chance on average: {over}."]
    copied = ", ".join(f"{k} {100 * v:.0f} %" for k, v in judged["json"].items())
    lines += [
        "",
        f"JSON by greedy decoding without constraints: {copied}.",
        "",
        f"Greedy continuations, as they came; {sum(map(_loops, judged['samples'].values()))} of {len(judged['samples'])} say the "
        "same three words three times or more:",
        "",
    ]
    lines += [f"- *{prompt}* {' '.join(text.split())}" for prompt, text in judged["samples"].items()]
    return "\n".join(lines)


def _loops(text: str) -> bool:
    """Whether some three words in a row come three times or more."""
    words = text.lower().split()
    triples = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
    return any(triples.count(triple) >= 3 for triple in triples)


def write_card(found: dict[str, Any], folder: Path) -> None:
    """Write `README.md` beside the weights."""
    (folder / "README.md").write_text(card(found) + "\n", encoding="utf-8")
