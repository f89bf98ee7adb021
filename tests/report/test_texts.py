"""Reports on texts: which rows are shown, what the figures are called, and what stands in the files."""

from __future__ import annotations

import functools
import io
import json
from pathlib import Path

import kinds
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from test_html import Page

from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import Verdict
from rung.metrics import ngrams
from rung.recommend import recommend
from rung.report import page, render, texts, write
from rung.report.row_charts import score_bars
from rung.report.view import caveats, first_run, metric_texts
from rung.report.words import words_for
from rung.task import OwnMetric

FEW = ("majority", "frozen_features", "prompt_tuning", "full_finetune")
Case = tuple[ComparisonRecord, Verdict]


@functools.cache
def case(metric: str | None = None) -> Case:
    comparison = kinds.generation(rows=90, methods=FEW, metric=metric)
    return comparison, recommend(comparison)


@functools.cache
def shown(metric: str | None = None) -> Page:
    return Page(page(*case(metric)))


@pytest.mark.parametrize(
    ("metric", "name"), [(None, "chrF"), ("bleu", "BLEU"), ("rouge_l", "ROUGE-L"), ("exact_match", "Exact match")]
)
def test_the_page_is_sound_and_speaks_of_the_compared_figure(metric: str | None, name: str) -> None:
    found = shown(metric)
    ids = found.values("id")
    assert len(ids) == len(set(ids)) and {link.removeprefix("#") for link in found.values("href")} <= set(ids)
    assert "None" not in found.text and "nan" not in found.text.split()
    assert f"{name}, as measured" in found.text and f"{name}, per cent" in found.text.replace("exact", "Exact")
    for word in ("ccuracy", "onfusion", "alibration", "Precision", "no class", "Log loss"):
        assert word not in found.text, word
    assert "How good are its answers?" in found.text and "Rows the arms differ on most" in found.text


def test_a_run_shows_the_mean_of_its_rows_which_corpus_bleu_is_not() -> None:
    runs = shown("bleu").text.split("What each run was made from")[1]
    assert "Sentence BLEU" in runs.split("Data")[0]
    assert "Every test row has a score of its own: its sentence BLEU." in shown("bleu").text


def test_the_signatures_stand_on_the_page_and_in_the_verdict(tmp_path: Path) -> None:
    comparison, verdict = case()
    own = ngrams.signatures([row.expected for row in comparison.runs[0].rows])
    assert own["bleu"] in shown().text and own["chrf"] in shown().text and "nrefs:var" in own["bleu"]
    paths = write(comparison, verdict, tmp_path)
    facts = json.loads(paths["verdict.json"].read_text(encoding="utf-8"))
    assert facts["judged_by"] == own
    assert (facts["kind"], facts["metric"], facts["by_label"]) == ("generate", "chrf", None)
    assert facts["arms"][1]["metrics"]["bleu"]["low"] is not None
    table = pq.read_table(paths["predictions.parquet"])
    first = comparison.runs[1].rows[1]
    row = next(r for r in table.to_pylist() if (r["arm"], r["row"]) == (FEW[1], first.row))
    assert row["expected"] == list(first.expected) and row["output"] == first.output and 0 < row["score"] < 1


def test_an_own_metric_is_shown_with_file_and_hash() -> None:
    own = OwnMetric(file="my.py", function="names_the_place", source="def names_the_place(*a):\n    return 1\n")
    comparison = case()[0]
    task = comparison.task.model_copy(update={"metric": own})
    changed = comparison.model_copy(update={"task": task, "metric": "own_metric"})
    text = Page(page(changed, recommend(changed))).text
    assert f"my.py:names_the_place, sha-256 {own.sha256}" in text and "Names the place, as measured" in text
    assert not any("in other words" in caveat for caveat in caveats(changed, recommend(changed)))


def test_the_weakest_answers_come_first_with_the_reference_they_are_nearest_to() -> None:
    comparison, verdict = case()
    run = first_run(comparison, verdict.recommended)
    assert run is not None
    weak = texts.weakest(run, comparison.inputs, 10)
    scores = [row.answers[0].score for row in weak]
    assert scores == sorted(row.score for row in run.rows)[:10]
    several = next(row for row in texts.typical(run, comparison.inputs, 30) if len(row.references) > 1)
    fits = [ngrams.sentence_chrf(text, several.answers[0].text) for text in several.references]
    assert fits == sorted(fits, reverse=True)
    assert sum(texts.histogram(run)) == 90 and texts.histogram(run)[-1] == sum(row.score >= 0.9 for row in run.rows)


def test_rows_are_ordered_by_how_far_the_arms_lie_apart() -> None:
    comparison, _ = case()
    found, differing, shared = texts.differences(comparison.runs, comparison.inputs, 20)
    assert shared == 90 >= differing >= len(found) == 20
    assert [row.apart for row in found] == sorted((row.apart for row in found), reverse=True)
    for row in found:
        assert [a.score for a in row.answers] == sorted((a.score for a in row.answers), reverse=True)
        counting = [a.score for a in row.answers if set(a.arms) != {"majority"}]
        assert row.apart == pytest.approx(max(counting) - min(counting))
    assert texts.differences([], {}) == ([], 0, 0)


def test_answers_that_are_missing_or_empty_are_said_to_be() -> None:
    text = shown().text
    assert "no answer" in text and "an empty answer" in text and "other reference" in text


def test_users_texts_are_escaped() -> None:
    comparison = kinds.generation(rows=30, methods=FEW)
    runs = []
    for run in comparison.runs:
        rows = (run.rows[0].model_copy(update={"output": "<script>x</script>", "score": 0.0}), *run.rows[1:])
        runs.append(run.model_copy(update={"rows": rows}))
    changed = comparison.model_copy(update={"runs": tuple(runs)})
    found = Page(page(changed, recommend(changed)))
    assert "script" not in {tag for tag, _ in found.tags} and "<script>x</script>" in found.text


def test_figures_that_are_no_shares_are_not_shown_as_per_cent() -> None:
    figures = case()[1].arms[1].metrics
    assert "%" not in "".join(metric_texts("length_ratio", figures["length_ratio"]))
    value, below = metric_texts("mean_words", figures["mean_words"])
    assert float(value) == pytest.approx(figures["mean_words"].value, abs=0.05) and "–" in below


def test_the_histogram_names_every_bar_for_those_who_cannot_see_it() -> None:
    drawn = score_bars([0, 3, 0, 0, 0, 0, 0, 0, 0, 1200], "chrF", width=340)
    assert "90\u202f% to 100\u202f%: 1200 rows" in drawn and ">1,200</text>" in drawn
    assert score_bars([0] * 10, "chrF")


def test_words_are_those_of_texts() -> None:
    words = words_for(case()[0].task)
    assert {"chrF", "BLEU", "ROUGE-L", "Reference", "Signature", "Tolerance"} <= words.keys()
    assert not {"Accuracy", "Calibration", "Confidence", "McNemar test", "Macro-F1"} & words.keys()


def test_the_terminal_names_the_figure() -> None:
    console = Console(file=io.StringIO(), width=90, force_terminal=False)
    render(*case(), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 90
    assert "chrF in per cent" in " ".join(text.split()) and "chrF: " in text and "(chrF " in text


def test_a_comparison_in_which_no_arm_ran_is_a_page_too() -> None:
    comparison = kinds.generation(rows=30, methods=FEW)
    lost = {"status": "failed", "reason": "my.py: score raised ValueError", "rows": ()}
    none = comparison.model_copy(update={"runs": tuple(run.model_copy(update=lost) for run in comparison.runs)})
    found = Page(page(none, recommend(none)))
    assert "score raised ValueError" in found.text and "How good are its answers?" not in found.text
    assert {link.removeprefix("#") for link in found.values("href")} <= set(found.values("id"))


def test_an_arm_without_any_answer_is_shown_as_that() -> None:
    comparison = kinds.generation(rows=30, methods=("frozen_features", "full_finetune"))
    runs = []
    for run in comparison.runs:
        rows = tuple(row.model_copy(update={"output": None, "score": 0.0}) for row in run.rows)
        runs.append(run.model_copy(update={"rows": rows}))
    silent = comparison.model_copy(update={"runs": tuple(runs)})
    found = Page(page(silent, recommend(silent)))
    assert "100.0\u202f%" in found.text.split("Why")[0].split("Empty answers")[1]
    assert "All arms scored the same on all 30 rows." in found.text
