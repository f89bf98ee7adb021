"""How prompted arms asked, as the report tells it."""

from __future__ import annotations

from rung.report.asking import asking

TRIED = [
    {"form": "turns", "rows": 60, "validation_score": 0.8, "shots": 4, "selection": "similar", "chosen": True},
    {"form": "text", "rows": 30, "validation_score": 0.5, "calibrated": True, "instruction": "Do it.", "chosen": False},
    {"form": "text"},
]
JUDGE = {
    "model": "m",
    "win_rate": 0.25,
    "low": 0.1,
    "high": 0.5,
    "judged": 12,
    "swayed": 2,
    "unreadable": 1,
    "prompt": "Which?",
}


def test_ways_notes_prompt_and_judge_are_told() -> None:
    found = asking({"tried": TRIED, "notes": {"repaired": 3, "odd": 1}, "example_prompt": "Text: a", "judge": JUDGE})
    assert found is not None
    assert [(way.told, way.chosen) for way in found.ways] == [
        ("4 similar examples, as turns", True),
        ("no examples, as text, calibrated, “Do it.”", False),
    ]
    assert found.notes[0] == ("answers read after something was taken off or mended", 3) and found.notes[1] == (
        "odd",
        1,
    )
    assert "25.0\u202f%" in found.judge and "12 rows" in found.judge and "1 more left out" in found.judge
    assert found.judge_prompt == "Which?"
    assert found.parts == ["2 ways of asking tried", "the prompt", "4 notes on answers", "a judge's opinion"]


def test_a_judge_without_a_verdict_says_so() -> None:
    found = asking({"judge": {"model": "m", "win_rate": None, "judged": 0, "unreadable": 4}})
    assert found is not None and found.judge == "m gave no verdict that could be read (4 rows)"


def test_other_arms_and_odd_details_tell_nothing() -> None:
    assert asking({}) is None
    assert asking({"tried": "x", "notes": None, "judge": 3}) is None
