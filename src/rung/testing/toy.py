"""Small tasks that every learner should manage, one of each kind, and inputs that none may choke on. Knows no method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from rung.entities import Entity, dump
from rung.task import Example, Input, Label, Message, OutOfScope, Output, Role, Task, TaskKind, as_input
from rung.testing.toy_texts import ADVICE, ELSEWHERE, FILLINGS, OPENINGS, SENTENCES, TOPICS

#: What a toy is about: one label a text, several, the label of a pair, texts of no class among the others, entities, an answer.
ToyKind = Literal["classify", "several", "pairs", "scope", "extract", "generate"]
TOY_KINDS: tuple[ToyKind, ...] = get_args(ToyKind)
TOY_LABELS = tuple(TOPICS)

_SCRIPTS = ("Ünïcödé, 天気はどうですか, هل تمطر؟", "🌧️🍕✈️", "a\x00b", "x" * 500)
ODD_TEXTS = ("", " \n\t", "word " * 20_000, *_SCRIPTS)
#: Beside them for pairs: one side empty, or too long for both to be read.
ODD_PAIRS = (("", ""), ("", "rain"), ("rain", " \n"), ("word " * 5000, "rain"), ("rain", "word " * 5000))
#: For entities: every word is answered, so the long one is shorter; and entities behind signs of several bytes, or at the far end.
ODD_SENTENCES = (
    "",
    " \n\t",
    *_SCRIPTS,
    "👩‍👩‍👧 à Lisbon 🍕 for Maria",
    "nothing here, " * 150 + "but a flight to Lisbon",
)


#: For texts: conversations, of which the last turn asks nothing, or the first says all that can be read.
ODD_TALKS = (("",), ("Hello", "Hi.", "\n"), ("word " * 20_000, "Well?", "So?"))


@dataclass(frozen=True)
class Toy:
    """A small task, with rows to learn from, to choose on and to judge by, and odd inputs to survive."""

    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    odd: tuple[Input, ...]

    @property
    def inputs(self) -> list[Input]:
        """What is asked at the end."""
        return [example.input for example in self.test]


def toy(kind: ToyKind = "classify") -> Toy:
    """Some 54 rows: 30 to train, 9 to validate, 15 to test. Any learner should tell the topics (or find the entities)."""
    return _MAKERS[kind]()


def _one() -> Toy:
    """Questions about weather, food and travel."""
    return _toy(_rows(lambda label, i, text: (as_input(text), label)))


def _several() -> Toy:
    """Two questions in one text every third time: both topics apply."""

    def row(label: str, i: int, text: str) -> tuple[Input, Output]:
        if i % 3:
            return as_input(text), (label,)
        other = TOY_LABELS[(TOY_LABELS.index(label) + 1) % len(TOY_LABELS)]
        return as_input(f"{text} {TOPICS[other][i]}"), tuple(sorted((label, other)))

    return _toy(_rows(row), multi_label=True)


def _pairs() -> Toy:
    """What the second text is about; the first is an opening that says nothing."""
    return _toy(
        _rows(lambda label, i, text: (as_input((OPENINGS[i % len(OPENINGS)], text)), label)),
        odd=[as_input(pair) for pair in ODD_PAIRS],
    )


def _scope() -> Toy:
    """Some rows to test on are about something else; the training rows have none of these."""
    scope = OutOfScope(label="none of these", false_alarm_rate=0.2)
    outside = [Example(f"elsewhere:{i}", as_input(text), scope.label) for i, text in enumerate(ELSEWHERE)]
    inside = _toy(_rows(lambda label, i, text: (as_input(text), label)), out_of_scope=scope)
    return replace(inside, test=(*inside.test, *outside))


def _entities() -> Toy:
    """Cities, people and dishes in sentences."""
    rows = []
    for i in range(54):
        text, entities = filled(SENTENCES[i % len(SENTENCES)], i)
        rows.append(Example(f"sentence:{i}", as_input(text), dump(entities)))
    return _toy(rows, kind="extract", labels=tuple(FILLINGS), odd=[as_input(text) for text in ODD_SENTENCES])


def _texts() -> Toy:
    """What to do about each topic, in a sentence or either of two; every third question ends a conversation."""

    def row(label: str, i: int, text: str) -> tuple[Input, Output]:
        said = (ADVICE[label], f"{ADVICE[label][:-1]}, please.")
        return _talk("Hello", "Hi, what is it?", text) if i % 3 == 0 else as_input(text), said if i % 2 else said[0]

    odd = [*map(as_input, ODD_TEXTS), *(_talk(*turns) for turns in ODD_TALKS)]
    return _toy(_rows(row), kind="generate", labels=(), odd=odd)


def _talk(*turns: str) -> Input:
    """A conversation, in which user and assistant take turns; the user begins."""
    roles: tuple[Role, Role] = ("user", "assistant")
    return Input((), messages=tuple(Message(roles[i % 2], text) for i, text in enumerate(turns)))


def filled(template: str, number: int) -> tuple[str, list[Entity]]:
    """The template with its places filled, and what stands in them."""
    text, entities = "", []
    for part in template.split("{"):
        slot, closed, rest = part.partition("}")
        if not closed:
            text += part
            continue
        kind = slot.rstrip("2")
        choices = FILLINGS[kind]
        words = choices[(number + len(slot) - len(kind)) % len(choices)]
        entities.append(Entity(kind, words, len(text), len(text) + len(words)))
        text += words + rest
    return text, entities


def _rows(make: Callable[[str, int, str], tuple[Input, Output]]) -> list[Example]:
    rows = []
    for label, texts in TOPICS.items():
        for i, text in enumerate(texts):
            rows.append(Example(f"{label}:{i}", *make(label, i, text)))
    return rows


def _toy(
    rows: Sequence[Example],
    *,
    kind: TaskKind = "classify",
    labels: Sequence[str] = TOY_LABELS,
    multi_label: bool = False,
    out_of_scope: OutOfScope | None = None,
    odd: Sequence[Input] = (),
) -> Toy:
    """Of every 18 rows the first ten train, the next three validate."""
    task = Task(
        name="toy",
        kind=kind,
        instruction="What should be done?" if kind == "generate" else "What is the question about?",
        labels=tuple(Label(name=name) for name in labels),
        multi_label=multi_label,
        out_of_scope=out_of_scope,
    )
    place = [int(row.id.split(":")[1]) % 18 for row in rows]

    def part(first: int, last: int) -> tuple[Example, ...]:
        return tuple(row for row, at in zip(rows, place, strict=True) if first <= at < last)

    return Toy(task, part(0, 10), part(10, 13), part(13, 18), tuple(odd or map(as_input, ODD_TEXTS)))


_MAKERS: dict[ToyKind, Callable[[], Toy]] = {
    "classify": _one,
    "several": _several,
    "pairs": _pairs,
    "scope": _scope,
    "extract": _entities,
    "generate": _texts,
}
