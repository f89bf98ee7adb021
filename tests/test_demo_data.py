"""The rows of the bundled tasks: sound, counted as their READMEs say, and nobody's telephone number among them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from rung.api import DEMOS
from rung.dataset.text import normal
from rung.fields import kept
from rung.plan import read_task_file

SPLITS = ("train", "test")
COUNTS = {"support": (400, 240), "extract": (180, 120), "generate": (160, 80)}
BUSINESSES = ("restaurant", "hotel", "hairdresser", "garage", "dentist", "shop")
#: Seven digits or more, with what people put between them; an address that is not under the domain kept for examples.
NUMBER = re.compile(r"(?:\d[ ()/.-]{0,2}){7,}")
EMAIL = re.compile(r"[\w.+-]+@(?!example\.com)[\w-]+\.\w+")


def rows(demo: str, split: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (DEMOS[demo].parent / f"{split}.jsonl").read_text("utf-8").splitlines()]


def key(row: dict[str, Any]) -> str:
    return normal("\n".join(str(value) for name, value in row.items() if name not in ("output", "label")))


def texts(row: dict[str, Any]) -> list[str]:
    output = row.get("output", [])
    return [output] if isinstance(output, str) else output if isinstance(output, list) else []


@pytest.mark.parametrize("demo", DEMOS)
def test_rows_are_counted_distinct_and_anonymous(demo: str) -> None:
    assert tuple(len(rows(demo, split)) for split in SPLITS) == COUNTS[demo]
    found = [row for split in SPLITS for row in rows(demo, split)]
    assert [text for text, n in Counter(map(key, found)).items() if n > 1] == []
    for row in found:
        for value in (str(value) for value in [*row.values(), *texts(row)]):
            assert value.strip() == value and value
        if demo != "support":  # its order numbers are long
            assert not NUMBER.search(json.dumps(row)), row
        assert not EMAIL.search(json.dumps(row)), row


@pytest.mark.parametrize("demo", DEMOS)
def test_the_readme_says_who_wrote_the_rows_and_what_they_are_not(demo: str) -> None:
    text = " ".join((DEMOS[demo].parent / "README.md").read_text("utf-8").split())
    assert "Apache-2.0" in text and "nothing was copied from another dataset" in text
    assert "a demo, not a benchmark" in text
    assert all(str(n) in text for n in (*COUNTS[demo], sum(COUNTS[demo])))


@pytest.mark.parametrize(("demo", "name"), [("extract", "reviews"), ("generate", "listings")])
def test_the_task_files_name_their_rungs(demo: str, name: str) -> None:
    file = read_task_file(DEMOS[demo])
    assert (file.name, file.kind, file.models) == (name, demo, ("minilm", "starter"))
    arms = [(spec.method, spec.name, spec.knobs) for spec in file.methods]
    assert arms[2:] == [("few_shot", "one_shot", {"shots": 1}), ("few_shot", None, {"shots": 8})]


def test_reviews_keep_their_schema_and_are_balanced() -> None:
    schema = read_task_file(DEMOS["extract"]).json_schema
    assert isinstance(schema, dict) and tuple(schema["properties"]["business"]["enum"]) == BUSINESSES
    for split, each in (("train", (10,)), ("test", (6, 7))):
        outputs = [row["output"] for row in rows("extract", split)]
        assert all(kept(output, schema) == output for output in outputs)
        pairs = Counter((output["business"], output["sentiment"]) for output in outputs)
        assert len(pairs) == 18 and set(pairs.values()) <= set(each)
        assert len(set(Counter(output["sentiment"] for output in outputs).values())) == 1


def test_reviews_do_not_name_their_business() -> None:
    found = [row for split in SPLITS for row in rows("extract", split)]
    assert [row for row in found if row["output"]["business"] in row["text"].lower()] == []
    sentences = [len(re.findall(r"[.!?]+(?:\"|\)|\s|$)", row["text"])) for row in found]
    assert max(sentences) <= 3 and len({row["text"].split()[0].lower() for row in found}) > 100


def test_listings_have_one_text_to_learn_from_and_several_to_be_judged_by() -> None:
    for split, references in (("train", {1}), ("test", {2, 3})):
        found = rows("generate", split)
        assert {tuple(row)[:-1] for row in found} == {read_task_file(DEMOS["generate"]).input_columns}
        assert {len(texts(row)) for row in found} == references
        by = Counter(row["category"] for row in found)
        assert set(by) == {"for sale", "room", "course"} and max(by.values()) - min(by.values()) <= 1
        for row in found:
            assert len({normal(text) for text in texts(row)}) == len(texts(row)), row["title"]


def test_listings_tell_the_place_and_the_price() -> None:
    for row in (row for split in SPLITS for row in rows("generate", split)):
        number = re.search(r"\d+", row["price"])
        for text in texts(row):
            assert row["place"].lower() in text.lower(), text
            assert number is None or number[0] in text, text


def test_the_rows_are_part_of_the_package() -> None:
    import rung

    package = Path(rung.__file__).parent
    assert all(package in path.parents and path.with_name("train.jsonl").is_file() for path in DEMOS.values())
