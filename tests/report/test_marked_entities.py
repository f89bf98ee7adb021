"""Entities marked in their text and counted by mistake, on cases small enough to do by hand."""

from __future__ import annotations

import kinds
import pytest

from rung.entities import Entity, dump, matches, parse
from rung.evaluation.records import RowResult
from rung.report.entities import Mistake, Piece, judged, mistakes, pieces

TEXT = "play westbam from 1979"
ARTIST, YEAR = Entity("artist", "westbam", 5, 12), Entity("year", "1979", 18, 22)


def test_expected_entities_are_marked_where_they_stand() -> None:
    assert pieces(TEXT, dump([YEAR, ARTIST])) == (
        Piece("play "),
        Piece("westbam", "artist", "expected"),
        Piece(" from "),
        Piece("1979", "year", "expected"),
    )
    assert pieces(TEXT, "[]") == (Piece(TEXT),)


def test_an_answer_shows_what_is_right_wrong_and_missed() -> None:
    given = dump([ARTIST._replace(text="west", end=9), Entity("year", "1979"), Entity("city", "Rome")])
    assert pieces(TEXT, given, dump([ARTIST, YEAR])) == (
        Piece("play "),
        Piece("west", "artist", "wrong"),
        Piece("bam from 1979"),
        Piece("westbam", "artist", "missed", inside=False),
        Piece("Rome", "city", "wrong", inside=False),
        Piece("1979", "year", "right", inside=False),
    )


def test_without_the_text_and_without_an_answer_entities_are_still_listed() -> None:
    assert pieces(None, dump([ARTIST])) == (Piece("westbam", "artist", "expected", inside=False),)
    assert pieces(TEXT, "no answer", dump([YEAR]))[-1] == Piece("1979", "year", "missed")
    outside = dump([Entity("artist", "x", 90, 91)])
    assert pieces(TEXT, outside) == (Piece(TEXT), Piece("x", "artist", "expected", inside=False))


def test_long_texts_are_shown_around_their_entities() -> None:
    text = "a" * 500 + "westbam" + "b" * 500
    shown = pieces(text, dump([ARTIST._replace(start=500, end=507)]))
    assert [piece.text for piece in shown] == ["…" + "a" * 60, "westbam", "b" * 60 + "…"]
    (cut,) = pieces("c" * 5000, "[]")
    assert cut.text == "c" * 240 + "…"
    many = [Entity("artist", "a", i, i + 1) for i in range(500)]
    assert len(pieces(text, dump(many))) < 90


@pytest.mark.parametrize("seed", range(20))
def test_what_is_judged_right_agrees_with_the_metric(seed: int) -> None:
    run = kinds.extraction(30, ("nearest_example",)).runs[0]
    row = run.rows[seed]
    wanted, given = parse(str(row.expected)), parse(str(row.output or "[]"))
    right, lacking = judged(wanted, given)
    assert sum(right) == matches(wanted, given) == len(wanted) - len(lacking)


def test_each_mistake_is_explained_once() -> None:
    expected = dump([ARTIST, YEAR])
    answers = [
        dump([ARTIST._replace(type="song"), YEAR]),
        dump([ARTIST._replace(text="westbam from", end=17), YEAR]),
        dump([ARTIST]),
        dump([ARTIST, YEAR, Entity("artist", "play", 0, 4)]),
        dump([Entity("song", "bam from", 9, 17), YEAR]),
        None,
        expected,
    ]
    rows = tuple(
        RowResult(row=f"test:{i}", expected=expected, output=a, score=float(a == expected))
        for i, a in enumerate(answers)
    )
    run = kinds.extraction(10, ("lora",)).runs[0].model_copy(update={"rows": rows})
    assert mistakes(run) == [
        Mistake("missed", "year", None, 2, "1979"),
        Mistake("missed", "artist", None, 1, "westbam"),
        Mistake("nothing there", None, "artist", 1, "play"),
        Mistake("wrong ends", "artist", "artist", 1, "westbam → westbam from"),
        Mistake("wrong type", "artist", "song", 1, "westbam"),
        Mistake("wrong type and ends", "artist", "song", 1, "westbam → bam from"),
    ]
    assert len(mistakes(run, limit=2)) == 2
