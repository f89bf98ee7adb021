"""The terminal's table, as text."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import Verdict
from rung.report.terminal import render


def shown(comparison: ComparisonRecord, verdict: Verdict, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    render(comparison, verdict, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [80, 140])
def test_it_fits_the_width_and_shows_every_arm_in_order(
    comparison: ComparisonRecord, verdict: Verdict, width: int
) -> None:
    lines = shown(comparison, verdict, width).splitlines()
    assert max(map(len, lines)) <= width
    table = lines[next(i for i, line in enumerate(lines) if "Behind" in line) :]
    marks = "×○○–○★○○●○●!"
    assert "".join(line[0] for line in table if line[:1] and line[0] in marks and line[1:2] == " ")[:12] == marks


def test_the_recommended_row_is_marked_without_colour(comparison: ComparisonRecord, verdict: Verdict) -> None:
    (row,) = [line for line in shown(comparison, verdict, 140).splitlines() if line.startswith("★")]
    assert "frozen_features" in row and "recommended" in row and "0.00014" in row and "5.2 ms" in row
    (row,) = [line for line in shown(comparison, verdict).splitlines() if line.startswith("★")]
    assert "use this" in row


def test_names_are_not_broken_within_words_at_80_columns(comparison: ComparisonRecord, verdict: Verdict) -> None:
    text = shown(comparison, verdict)
    for name in ("nearest_example", "frozen_features", "full_finetune"):
        assert name in text.split("Behind")[1].split("Accuracy in per cent")[0]


def test_reasons_for_what_is_missing_are_given(comparison: ComparisonRecord, verdict: Verdict) -> None:
    text = " ".join(shown(comparison, verdict).split())
    assert "skipped: limits.data_leaves_machine is false" in text
    assert "failed: out of memory" in text and "ruled out: quality" in text


def test_names_with_markup_are_printed_as_they_are(comparison: ComparisonRecord, verdict: Verdict) -> None:
    arm = verdict.arms[1].model_copy(update={"arm": verdict.arms[1].arm.model_copy(update={"name": "[red]x[/nope]"})})
    assert "[red]x[/nope]" in shown(comparison, verdict.model_copy(update={"arms": (arm,), "headline": "[b]h[/b]"}))


def test_escape_codes_in_users_texts_do_not_reach_the_terminal(comparison: ComparisonRecord, verdict: Verdict) -> None:
    text = shown(comparison, verdict.model_copy(update={"headline": "a\x1b]0;title\x07b", "reasons": ("\x9b31m",)}))
    assert not set("\x1b\x07\x9b") & set(text)
    assert "]0;title" in text


@pytest.mark.parametrize("case", ["nothing_done", "one_arm", "undecided", "hostile"])
def test_degenerate_comparisons_render(case: str, request: pytest.FixtureRequest) -> None:
    comparison, verdict = request.getfixturevalue(case)
    text = shown(comparison, verdict)
    assert ("not decided" in text) is (not verdict.decided)
    if case == "one_arm":
        (row,) = [line for line in text.splitlines() if line.startswith("★")]
        assert row.split()[2:6] == ["–", "–", "–", "<0.1"]
