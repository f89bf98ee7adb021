"""Classification episodes: k examples and a query, label words drawn anew each time, examples at random or nearest to the query.

What the classes are differs: documents (which text is a sentence from?), kinds of text, groups of words, what a saying is for, and
plain marks of a sentence (a number in it, a question, its first letter). The label words mean nothing, so that only the examples
can tell; one episode in five keeps the classes' real names and tells them in the instruction.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence

import words
from corpus import Corpus
from formats import Episode

#: Classes by name, each with its texts.
Pool = dict[str, list[str]]
KINDS_OF_TEXT = {
    "openstax": "textbook",
    "enwiki_sample": "encyclopedia",
    "wikinews": "news",
    "medquad_qa": "medicine",
    "peps": "programming",
    "storybooks_en": "children's story",
    "classics": "novel",
}
STOPWORDS = frozenset(words.STOPWORDS)
WORD = re.compile(r"[a-z0-9]+")


def of_documents(draw: random.Random, corpus: Corpus) -> Pool:
    """Sentences of some documents, a class each."""
    count = draw.choice((2, 2, 3, 3, 4, 5, 6, 8, 10))
    source = draw.choice((None, "enwiki_sample", "wikinews", "medquad_qa", "openstax", "peps", "classics"))
    pool: Pool = {}
    for _ in range(4 * count):
        found = corpus.sentences(draw, source)[1]
        if len(found) >= 5:
            pool[found[0]] = found
        if len(pool) == count:
            break
    return pool


def of_kinds(draw: random.Random, corpus: Corpus) -> Pool:
    """Sentences of textbooks, novels, news, ..."""
    chosen = draw.sample(sorted(KINDS_OF_TEXT), draw.randint(2, 5))
    pool: Pool = {}
    for source in chosen:
        found: list[str] = []
        for _ in range(12):
            sentences = corpus.sentences(draw, source)[1]
            found += draw.sample(sentences, min(2, len(sentences)))
        if found:
            pool[KINDS_OF_TEXT[source]] = found
    return pool


def of_groups(draw: random.Random, corpus: Corpus) -> Pool:
    """Words, alone or in a short sentence, by the group they belong to."""
    chosen = draw.sample(sorted(words.GROUPS_OF), draw.choice((2, 2, 3, 4, 5, 6, 8)))
    frame = draw.choice(
        ("{}", "{}", "the {}", "I saw a {}.", "Tell me about the {}.", "We talked about {} all day.", "A new {}?")
    )
    return {name: [frame.format(word) for word in words.GROUPS_OF[name]] for name in chosen}


def of_sayings(draw: random.Random, corpus: Corpus) -> Pool:
    """What somebody wants with a thing: praise, complaint, question, order, ..."""
    chosen = draw.sample(sorted(words.SAYINGS), draw.choice((2, 2, 3, 4, 5, 6)))
    things = [
        word for name in ("furniture", "clothing", "tool", "instrument", "vehicle") for word in words.GROUPS_OF[name]
    ]
    return {name: [s.format(x=draw.choice(things)) for s in words.SAYINGS[name] for _ in range(3)] for name in chosen}


def of_marks(draw: random.Random, corpus: Corpus) -> Pool:
    """Something plain to see in a sentence."""
    sentences: list[str] = []
    while len(sentences) < 40:
        found = corpus.sentences(draw)[1]
        sentences += draw.sample(found, min(6, len(found)))
    letter = draw.choice("aeost")
    word = draw.choice(("the", "of", "and", "in", "was", "is"))
    marks: tuple[Callable[[str], str], ...] = (
        lambda s: "number" if any(c.isdigit() for c in s) else "no number",
        lambda s: "long" if len(s) > 90 else "short",
        lambda s: f"with {word}" if f" {word} " in s else f"without {word}",
        lambda s: f"starts with {letter}" if s[0].lower() == letter else "starts otherwise",
        lambda s: "comma" if "," in s else "no comma",
    )
    mark = draw.choice(marks)
    pool: Pool = {}
    for sentence in sentences:
        pool.setdefault(mark(sentence), []).append(sentence)
    return pool


POOLS: tuple[tuple[Callable[[random.Random, Corpus], Pool], float], ...] = (
    (of_documents, 0.4),
    (of_kinds, 0.12),
    (of_groups, 0.2),
    (of_sayings, 0.18),
    (of_marks, 0.1),
)


def labelled(draw: random.Random, corpus: Corpus) -> Episode:
    """An episode of classification; see the file's head."""
    makers, weights = zip(*POOLS, strict=True)
    pool: Pool = {}
    while len(pool) < 2:
        pool = {name: texts for name, texts in draw.choices(makers, weights)[0](draw, corpus).items() if len(texts) > 1}
    return episode_of(pool, draw, draw.randint(4, 24), describable=all(len(name) < 24 for name in pool))


def episode_of(pool: Pool, draw: random.Random, shots: int, describable: bool) -> Episode:
    """Examples and queries from a pool of classes."""
    real = describable and draw.random() < 0.2
    names = list(pool)
    draw.shuffle(names)
    label = dict(zip(names, names if real else words.label_words(draw, len(names)), strict=True))
    rows = list({text: (text, label[name]) for name in names for text in _spread(pool[name], draw)}.values())
    draw.shuffle(rows)
    query, rest = rows[0], rows[1:]
    style = draw.random()
    if style < 0.45:
        chosen = nearest(query[0], rest, shots)
        if draw.random() < 0.5:
            chosen.reverse()
        elif draw.random() < 0.5:
            draw.shuffle(chosen)
    else:
        chosen = rest[:shots]
    told = ""
    if real or draw.random() < 0.3:
        listed = ", ".join(draw.sample(sorted(label.values()), len(label)))
        told = draw.choice(
            ("Choose one of: {}.", "Which of these: {}?", "Classify. Labels: {}.", "Answer with {}.")
        ).format(listed)
    if real and draw.random() < 0.4:
        chosen = []
    return Episode([*chosen, query], told, natural=True)


def _spread(texts: Sequence[str], draw: random.Random) -> list[str]:
    return draw.sample(list(texts), min(len(texts), draw.randint(4, 16)))


def nearest(query: str, rows: Sequence[tuple[str, str]], count: int) -> list[tuple[str, str]]:
    """The rows that share the rarest words with the query, nearest first."""
    sets = [_content(text) for text, _ in rows]
    frequency = Counter(word for found in sets for word in found)
    wanted = _content(query)
    scores = [sum(sorted(1 / frequency[w] for w in found & wanted)) / (len(found) + 3) ** 0.5 for found in sets]
    order = sorted(range(len(rows)), key=lambda i: -scores[i])
    return [rows[i] for i in order[:count]]


def _content(text: str) -> set[str]:
    return {w[:6] for w in WORD.findall(text.lower()) if w not in STOPWORDS}
