"""A small task that every learner should manage, and texts that none may choke on. Knows no method."""

from __future__ import annotations

from dataclasses import dataclass

from rung.task import Example, Input, Label, Task, as_input

ODD_TEXTS = ("", " \n\t", "word " * 20_000, "Ünïcödé, 天気はどうですか, هل تمطر؟", "🌧️🍕✈️", "a\x00b", "x" * 500)

TOY_LABELS = ("weather", "food", "travel")
_TOY = {
    "weather": (
        "Will it rain in the city tonight?",
        "Is it going to rain tomorrow morning?",
        "How much rain will fall this weekend?",
        "Will the storm bring heavy rain and wind?",
        "Is a storm coming tonight?",
        "How cold will the wind be tomorrow?",
        "Will it be cold and windy this weekend?",
        "Is the weather sunny or cold today?",
        "What is the weather like tomorrow?",
        "Tell me whether it will be sunny today",
        "Does the weather forecast promise snow?",
        "Will there be snow or rain tonight?",
        "How strong is the wind in this storm?",
        "Is snow in the forecast for tomorrow?",
        "What does the forecast say about cold weather?",
        "Will the rain stop before tomorrow?",
        "Is it sunny and warm this weekend?",
        "Will we see snow and a cold wind today?",
    ),
    "food": (
        "How long should I bake this bread?",
        "Which cheese goes well with fresh bread?",
        "How do I cook rice with garlic?",
        "Can I bake a cake without butter?",
        "What soup can I cook with garlic and onions?",
        "How much butter does this cake need?",
        "Which sauce tastes good with rice?",
        "Is this cheese sauce too salty to eat?",
        "How do I cook a tasty onion soup?",
        "What food can I cook for dinner?",
        "Does this soup taste better with butter?",
        "Which recipe uses rice and cheese?",
        "Can you suggest a recipe for garlic bread?",
        "How do I cook pasta with tomato sauce?",
        "Is there a recipe for bread with onions?",
        "What can I eat with tomato soup?",
        "Does the cake recipe need butter?",
        "Which food tastes good with garlic sauce?",
    ),
    "travel": (
        "Book a flight to Lisbon for two passengers",
        "Which train leaves the station for Madrid?",
        "Reserve a hotel room near the airport",
        "Is my flight from the airport delayed?",
        "Where can I buy a train ticket to Vienna?",
        "Cancel the hotel room that I booked",
        "How do I get from the station to the hotel?",
        "Change my ticket to a later flight",
        "Book two train tickets to Madrid",
        "Which airport does the flight to Vienna leave from?",
        "I want to travel to Lisbon by train",
        "Reserve a seat on the train to the airport",
        "Does the hotel send a bus to the station?",
        "Which bus goes from the airport to the hotel?",
        "Upgrade my flight ticket for two passengers",
        "Where do passengers board the bus to Madrid?",
        "Cancel my travel booking and refund the ticket",
        "Book a hotel room in Vienna for two",
    ),
}


@dataclass(frozen=True)
class Toy:
    """A small task whose labels differ in their words, with rows to learn from, to choose on and to judge by."""

    task: Task
    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]

    @property
    def inputs(self) -> list[Input]:
        """What is asked at the end."""
        return [example.input for example in self.test]


def toy(*, multi_label: bool = False) -> Toy:
    """54 questions about weather, food and travel: 30 to train, 9 to validate, 15 to test. Any learner should tell them apart."""
    rows: list[Example] = []
    for label in TOY_LABELS:
        for i, text in enumerate(_TOY[label]):
            output = (label,) if multi_label else label
            rows.append(Example(f"{label}:{i}", as_input(text), output))
    part = [int(row.id.split(":")[1]) for row in rows]
    task = Task(
        name="toy",
        instruction="What is the question about?",
        labels=tuple(Label(name=name) for name in TOY_LABELS),
        multi_label=multi_label,
    )
    return Toy(
        task,
        tuple(row for row, at in zip(rows, part, strict=True) if at < 10),
        tuple(row for row, at in zip(rows, part, strict=True) if 10 <= at < 13),
        tuple(row for row, at in zip(rows, part, strict=True) if at >= 13),
    )
