"""Tags to entities: every scheme that is read, and each contradiction with the token it stands at."""

from __future__ import annotations

import pytest

from rung.dataset.rows import Unusable
from rung.dataset.tags import needs_beginnings, tagged, token_places

TEXT = "Ann Lee flew to New York today"


def read(tags: str, text: str = TEXT, *, strict: bool = True, tokens: list[str] | None = None) -> list[str]:
    """The entities as `type: text`, after checking that the text stands at their places."""
    found = tagged(tags.split(), tokens or text.split(), text, strict)
    assert all(text[e.start : e.end] == e.text for e in found)
    return [f"{e.type}: {e.text}" for e in found]


def refused(tags: str, text: str = TEXT, *, strict: bool = True, tokens: list[str] | None = None) -> Unusable:
    with pytest.raises(Unusable) as caught:
        read(tags, text, strict=strict, tokens=tokens)
    return caught.value


@pytest.mark.parametrize(
    ("tags", "strict"),
    [
        ("B-p I-p O O B-c I-c O", True),
        ("B-p E-p O O B-c E-c O", True),
        ("B-p L-p O O B-c L-c O", True),
        ("I-p I-p O O I-c I-c O", False),
    ],
)
def test_every_scheme(tags: str, strict: bool) -> None:
    assert read(tags, strict=strict) == ["p: Ann Lee", "c: New York"]


def test_neighbours_are_kept_apart() -> None:
    assert read("B-p B-p O O S-c U-c O") == ["p: Ann", "p: Lee", "c: New", "c: York"]
    assert read("I-p B-p O O I-c I-d O", strict=False) == ["p: Ann", "p: Lee", "c: New", "d: York"]
    assert read("B-p B-c I-c O O O O") == ["p: Ann", "c: Lee flew"]


def test_places_are_those_of_the_text() -> None:
    text = "Dr.Ann,  of\tBonn"
    assert read("O O B-p O O B-c", text, tokens=["Dr", ".", "Ann", ",", "of", "Bonn"]) == ["p: Ann", "c: Bonn"]
    assert token_places(["a", "a", ""], "a  a") == [(0, 1), (3, 4), (4, 4)]
    assert read("O B-m I-m O", "on 天気 です 。") == ["m: 天気 です"]


@pytest.mark.parametrize(
    ("tags", "told"),
    [
        ("O O O O O I-c O", "the tag 'I-c' of token 6 ('York') follows 'O'"),
        ("O O O O B-c I-p O", "the tag 'I-p' of token 6 ('York') follows 'B-c'"),
        ("I-p O O O O O O", "the tag 'I-p' of token 1 ('Ann') is the first"),
        ("S-p I-p O O O O O", "follows 'S-p'"),
        ("B-p E-p E-p O O O O", "of token 3 ('flew') follows 'E-p'"),
        ("O L-p O O O O O", "of token 2 ('Lee') follows 'O'"),
    ],
)
def test_tags_that_contradict_each_other(tags: str, told: str) -> None:
    error = refused(tags)
    assert (error.code, told in str(error)) == ("bad_tags", True), str(error)
    assert "begins with 'B-" in str(error.remedy)


@pytest.mark.parametrize("strict", [True, False])
def test_an_ending_never_begins_an_entity(strict: bool) -> None:
    assert "has not begun" in str(refused("O E-p O O O O O", strict=strict))


def test_unknown_tags_and_wrong_numbers() -> None:
    for tag in ("X-city", "city", "B-", "b-city", "O-city", "B"):
        error = refused(f"{tag} O O O O O O")
        assert f"{tag!r} of token 1 ('Ann') is unknown" in str(error)
        assert "B-..." in str(error.remedy)
    error = refused("O O")
    assert str(error) == "2 tags for 7 tokens"
    assert "`tokens:`" in str(error.remedy)
    error = refused("O O", tokens=["Ann", "Bo"])
    assert (error.code, str(error)) == (
        "bad_tokens",
        "token 2 ('Bo') does not stand in the input after the one before it",
    )
    assert "nothing but blanks" in str(refused("O B-x", "a", tokens=["a", ""]))


def test_data_show_whether_entities_need_a_beginning() -> None:
    assert not needs_beginnings([["I-p", "I-p", "B-p", "O"], ["O", "I-c", "I-d"], []])
    for row in (["O", "B-p"], ["B-p"], ["I-c", "B-p"], ["O", "S-c"], ["U-c"]):
        assert needs_beginnings([["I-p", "B-p"], row])
