"""How an episode is written down: plain lines, question and answer, arrows, chat turns, or all in one message.

An episode is a sequence of inputs with their answers; later ones can be answered from earlier ones. Written down it is a list of
pieces, each a text with the weight of its tokens in the loss.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from tokenizer import ASSISTANT, END, STOP, SYSTEM, USER

Piece = tuple[str, float]
NAMES = (
    ("Text", "Label"),
    ("Input", "Output"),
    ("Question", "Answer"),
    ("Message", "Intent"),
    ("Sentence", "Category"),
    ("Text", "Category"),
    ("Q", "A"),
    ("Review", "Class"),
    ("text", "label"),
    ("Example", "Result"),
    ("Request", "Topic"),
    ("Input", "Label"),
)
ARROWS = (" -> ", " => ", " = ", " | ", ": ", " # ", "\t")
STYLES = ("named", "chat", "message", "arrow")


class Episode(NamedTuple):
    """Inputs with answers, in order.

    Attributes:
        pairs: (input, answer). instruction: what is to be done, or nothing.
        natural: the inputs are language, and some loss on them does no harm; else they are drawn at random.
        lines: no input or answer holds a line break.
    """

    pairs: list[tuple[str, str]]
    instruction: str = ""
    natural: bool = False
    lines: bool = True


def written(episode: Episode, draw: random.Random, answer_weight: float, prompt_weight: float) -> list[Piece]:
    """The episode in a random style."""
    weight = prompt_weight if episode.natural else 0.0
    allowed = STYLES if episode.lines and all(len(x) < 300 for x, _ in episode.pairs) else STYLES[:3]
    style = draw.choice(allowed)
    if style == "chat":
        return chat(episode, answer_weight, weight)
    if style == "message":
        return message(episode, draw, answer_weight, weight)
    if style == "named":
        return [*named(episode, draw.choice(NAMES), draw.choice(("\n", "\n\n")), answer_weight, weight), (END, weight)]
    return [*arrow(episode, draw.choice(ARROWS), answer_weight, weight), (END, weight)]


def named(
    episode: Episode, names: tuple[str, str], between: str, answer_weight: float, prompt_weight: float
) -> list[Piece]:
    """`Input: ...` and `Output: ...` on lines of their own."""
    first, second = names
    pieces: list[Piece] = [(f"{episode.instruction}\n\n", 0.0)] if episode.instruction else []
    for question, answer in episode.pairs:
        pieces.append((f"{first}: {question}\n{second}:", prompt_weight))
        pieces.append((f" {answer}\n", answer_weight))
        if between != "\n":
            pieces.append((between[1:], 0.0))
    return pieces


def arrow(episode: Episode, sign: str, answer_weight: float, prompt_weight: float) -> list[Piece]:
    """A line a pair, a sign between input and answer."""
    pieces: list[Piece] = [(f"{episode.instruction}\n", 0.0)] if episode.instruction else []
    bare = sign.rstrip(" ")
    gap = " " if sign.endswith(" ") else ""
    for question, answer in episode.pairs:
        pieces.append((f"{question}{bare}", prompt_weight))
        pieces.append((f"{gap}{answer}\n", answer_weight))
    return pieces


def chat(episode: Episode, answer_weight: float, prompt_weight: float) -> list[Piece]:
    """Every pair is a turn of a conversation."""
    pieces: list[Piece] = [(f"{SYSTEM}{episode.instruction}{STOP}", 0.0)] if episode.instruction else []
    for question, answer in episode.pairs:
        pieces.append((f"{USER}{question}{STOP}{ASSISTANT}", prompt_weight))
        pieces.append((f"{answer}{STOP}", answer_weight))
    pieces.append((END, prompt_weight))
    return pieces


def message(episode: Episode, draw: random.Random, answer_weight: float, prompt_weight: float) -> list[Piece]:
    """All pairs but the last stand in one message as examples; the last one's input ends it."""
    names = draw.choice(NAMES)
    *shown, (question, answer) = episode.pairs
    pieces: list[Piece] = [(USER, 0.0)]
    inside = Episode(shown, episode.instruction, episode.natural, episode.lines)
    pieces += named(inside, names, draw.choice(("\n", "\n\n")), answer_weight, prompt_weight)
    opened = draw.random() < 0.5
    last = f"{names[0]}: {question}\n{names[1]}:" if opened else f"{names[0]}: {question}"
    return [*pieces, (f"{last}{STOP}{ASSISTANT}", prompt_weight), (f"{answer}{STOP}", answer_weight), (END, 0.0)]
