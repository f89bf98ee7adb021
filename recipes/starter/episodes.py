"""Tasks made on the fly, never the same twice: what teaches a small model to learn from its prompt (Min et al. 2022, MetaICL).

Every maker takes a source of random numbers, and the corpus where it needs sentences, and gives an `Episode`. `make` picks one.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

import words
from corpus import Corpus
from formats import Episode
from labelled import labelled

NAME = re.compile(r"(?<![.!?] )(?<!^)\b(?:[A-Z][a-z]+(?: [A-Z][a-z]+)*|\d[\d,.]*\d|\d)\b")
NOT_THERE = ("not in the text", "not stated", "unknown", "The text does not say.", "none")


def recall(draw: random.Random, corpus: Corpus) -> Episode:
    """Pairs of keys and values, then values asked for by key."""
    count = draw.randint(2, 24)
    kinds: tuple[Callable[[], str], ...] = (
        lambda: words.person(draw),
        lambda: words.code(draw),
        lambda: words.any_word(draw),
        lambda: words.nonsense(draw),
        lambda: draw.choice(words.FIRST),
        lambda: draw.choice(words.GROUPS_OF["city"]),
    )
    key, value = draw.choice(kinds), draw.choice(kinds)
    table: dict[str, str] = {}
    while len(table) < count:
        table.setdefault(key() if draw.random() < 0.95 else words.code(draw), value())
    asked = [draw.choice(list(table)) for _ in range(draw.randint(1, 4))]
    form = draw.randrange(4)
    if form == 0:
        held = json.dumps(table)
    elif form == 1:
        held = "\n".join(f"{k}: {v}" for k, v in table.items())
    elif form == 2:
        held = " ".join(f"The code of {k} is {v}." for k, v in table.items())
    else:
        held = ", ".join(f"{k}={v}" for k, v in table.items())
    question = draw.choice(("{k}", "What belongs to {k}?", "{k}?", "the code of {k}", "Value of {k}"))
    missing = draw.choice(NOT_THERE[:4])
    pairs = [(question.format(k=k), table[k]) for k in asked]
    if draw.random() < 0.15:
        stranger = words.nonsense(draw) + words.nonsense(draw)
        pairs.append((question.format(k=stranger), missing))
        held += f"\nIf it is not listed, say: {missing}"
    return Episode(pairs, held, lines=True)


def in_context_map(draw: random.Random, corpus: Corpus) -> Episode:
    """The same inputs come again and again, each with its own answer: the plainest thing to learn from a prompt."""
    count = draw.randint(2, 8)
    makers = (words.any_word, words.nonsense, words.code, words.person)
    inputs = list(dict.fromkeys(draw.choice(makers)(draw) for _ in range(count)))
    answers = words.label_words(draw, len(inputs))
    table = dict(zip(inputs, answers, strict=True))
    order = [draw.choice(inputs) for _ in range(draw.randint(6, 24))]
    return Episode([(x, table[x]) for x in order])


def rewriting(draw: random.Random, corpus: Corpus) -> Episode:
    """One change made to every sentence: copied, in capitals, first or last words, a word replaced, reversed."""
    sentences = _some_sentences(draw, corpus, draw.randint(2, 6))
    old, new = draw.choice(("the", "a", "of", "and", "is", "in")), words.any_word(draw)
    count = draw.randint(1, 3)
    changes: dict[str, Callable[[str], str]] = {
        "Repeat the text.": lambda s: s,
        "Write in capitals.": str.upper,
        "Write in small letters.": str.lower,
        f"Give the first {count} words.": lambda s: " ".join(s.split()[:count]),
        f"Give the last {count} words.": lambda s: " ".join(s.split()[-count:]),
        f'Replace "{old}" by "{new}".': lambda s: " ".join(new if w == old else w for w in s.split()),
        "Write the words in reverse order.": lambda s: " ".join(reversed(s.split()[:8])),
        "Put the text in quotation marks.": lambda s: f'"{s}"',
        "Sort the words.": lambda s: " ".join(sorted(s.lower().rstrip(".!?").split()[:6])),
        "How many words?": lambda s: str(len(s.split())),
    }
    names = list(changes)
    name = names[0] if draw.random() < 0.3 else draw.choice(names)
    short = name.startswith(("Write the words", "Sort"))
    inputs = [" ".join(s.split()[:8]) if short else s for s in sentences]
    return Episode([(s, changes[name](s)) for s in inputs], name if draw.random() < 0.8 else "", natural=True)


def record(draw: random.Random) -> dict[str, str | int]:
    """Two to five fields with values."""
    fields: dict[str, Callable[[], str | int]] = {
        "name": lambda: words.person(draw),
        "age": lambda: draw.randint(18, 90),
        "city": lambda: draw.choice(words.GROUPS_OF["city"]),
        "country": lambda: draw.choice(words.GROUPS_OF["country"]),
        "job": lambda: draw.choice(words.GROUPS_OF["profession"]),
        "item": lambda: draw.choice(
            words.GROUPS_OF[draw.choice(("fruit", "tool", "furniture", "clothing", "instrument"))]
        ),
        "colour": lambda: draw.choice(words.GROUPS_OF["colour"]),
        "price": lambda: draw.randint(1, 999),
        "quantity": lambda: draw.randint(1, 40),
        "day": lambda: draw.choice(words.DAYS),
        "date": lambda: f"{draw.choice(words.MONTHS)} {draw.randint(1, 28)}",
        "code": lambda: words.code(draw),
        "street": lambda: f"{draw.choice(words.STREETS)} Street",
        "phone": lambda: f"{draw.randint(100, 999)}-{draw.randint(1000, 9999)}",
    }
    chosen = draw.sample(sorted(fields), draw.randint(2, 5))
    return {key: fields[key]() for key in chosen}


SAID = {
    "name": ("The name is {}.", "My name is {}.", "This is about {}.", "Signed, {}."),
    "age": ("Aged {}.", "I am {} years old.", "Age: {}."),
    "city": ("Lives in {}.", "From {}.", "The city is {}."),
    "country": ("The country is {}.", "Somewhere in {}."),
    "job": ("Works as a {}.", "A {} by profession.", "The job is {}."),
    "item": ("Wants a {}.", "One {} please.", "It is a {}."),
    "colour": ("In {}.", "The colour is {}.", "Painted {}."),
    "price": ("It costs {}.", "The price is {}.", "For {} dollars."),
    "quantity": ("{} of them.", "The quantity is {}.", "Order {}."),
    "day": ("On {}.", "Comes on {}.", "By {}, please."),
    "date": ("The date is {}.", "On {}.", "Due {}."),
    "code": ("The code is {}.", "Reference {}.", "Use {}."),
    "street": ("At {}.", "The address is {}."),
    "phone": ("Call {}.", "The phone number is {}."),
}


def records(draw: random.Random, corpus: Corpus) -> Episode:
    """Text to JSON, JSON to text, JSON copied, or some of its fields."""
    kind = draw.choice(("text to json", "text to json", "json to text", "copy", "copy", "fields", "value"))
    keys: list[str] | None = None
    pairs = []
    for _ in range(draw.randint(1, 5)):
        row = record(draw)
        if keys is None:
            keys = list(row)
        else:  # all records of an episode have the same fields
            values: dict[str, str | int] = {}
            while any(k not in values for k in keys):
                values.update(record(draw))
            row = {k: values[k] for k in keys}
        said = " ".join(draw.choice(SAID[k]).format(v) for k, v in draw.sample(sorted(row.items()), len(row)))
        body = json.dumps(row)
        if kind == "text to json":
            pairs.append((said, body))
        elif kind == "json to text":
            pairs.append((body, " ".join(SAID[k][0].format(v) for k, v in row.items())))
        elif kind == "copy":
            pairs.append((body, body))
        elif kind == "fields":
            part = keys[: max(1, len(keys) - 1)]
            pairs.append((body, json.dumps({k: row[k] for k in part})))
        else:
            pairs.append((f"{body} {keys[-1]}", str(row[keys[-1]])))
    assert keys is not None
    schema = json.dumps({k: "number" if k in ("age", "price", "quantity") else "string" for k in keys})
    told = {
        "text to json": draw.choice(
            (f"Answer in JSON with the fields {', '.join(keys)}.", f"Schema: {schema}", "Extract JSON.")
        ),
        "json to text": "Say it in words.",
        "copy": draw.choice(("Copy the JSON.", "Repeat the input.", f"Answer in JSON under the schema {schema}.")),
        "fields": f"Keep only the fields {', '.join(keys[: max(1, len(keys) - 1)])}.",
        "value": "Give the value of the field.",
    }[kind]
    return Episode(pairs, told if draw.random() < 0.85 else "")


def spans(draw: random.Random, corpus: Corpus) -> Episode:
    """Gaps to be filled from a text; some are from another text, and the answer is that it is not there."""
    text: list[str] = []
    while len(text) < 3:
        text = corpus.sentences(draw)[1]
    start = draw.randrange(max(1, len(text) - 5))
    shown = text[start : start + draw.randint(2, 6)]
    missing = draw.choice(NOT_THERE)
    pairs: list[tuple[str, str]] = []
    for sentence in draw.sample(shown, min(len(shown), 3)):
        names = NAME.findall(sentence)
        if names:
            answer = draw.choice(names)
            pairs.append((sentence.replace(answer, "____", 1), answer))
    if draw.random() < 0.4:
        for sentence in corpus.sentences(draw)[1][:6]:
            names = NAME.findall(sentence)
            if names and sentence not in shown:
                answer = draw.choice(names)
                if answer not in " ".join(shown):
                    pairs.append((sentence.replace(answer, "____", 1), missing))
                    break
    if not pairs:
        return rewriting(draw, corpus)
    draw.shuffle(pairs)
    told = draw.choice(("Fill the gap from the text.", "What stands in the gap?", "Answer from the text only."))
    return Episode(pairs, f'{told} If it is not there, say "{missing}".\n\nText: {" ".join(shown)}', natural=True)


def _some_sentences(draw: random.Random, corpus: Corpus, count: int) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        sentences = corpus.sentences(draw)[1]
        found += draw.sample(sentences, min(len(sentences), 3))
    return found[:count]


#: The makers, and how often each is asked.
MAKERS: tuple[tuple[Callable[[random.Random, Corpus], Episode], float], ...] = (
    (labelled, 0.55),
    (in_context_map, 0.07),
    (recall, 0.1),
    (records, 0.12),
    (rewriting, 0.08),
    (spans, 0.08),
)


def make(draw: random.Random, corpus: Corpus) -> Episode:
    """An episode of some kind."""
    makers, weights = zip(*MAKERS, strict=True)
    return draw.choices(makers, weights)[0](draw, corpus)
