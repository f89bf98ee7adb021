"""Reports on entities, several labels and inputs of no class: the words, tables and figures that each needs."""

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
from rung.metrics import entity_f1
from rung.recommend import recommend
from rung.report import page, render, verdict_json, write
from rung.report.words import words_for

FEW = ("majority", "frozen_features", "prompt_tuning", "full_finetune")
Case = tuple[ComparisonRecord, Verdict]


@functools.cache
def case(name: str) -> Case:
    comparison = getattr(kinds, name)(rows=120, methods=FEW)
    return comparison, recommend(comparison)


@functools.cache
def shown(name: str) -> Page:
    return Page(page(*case(name)))


@pytest.fixture(params=["extraction", "several_labels", "of_no_class"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_kind_is_a_sound_page(kind: str) -> None:
    found = shown(kind)
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in found.values("href")} <= set(ids)
    assert not {"script", "link", "img"} & {tag for tag, _ in found.tags}
    assert "None" not in found.text.replace("None of", "") and "nan" not in found.text.split()


def test_an_extract_report_speaks_of_f1_and_types() -> None:
    found, (comparison, verdict) = shown("extraction"), case("extraction")
    text = found.text
    assert "F1, as measured" in text and "F1, per cent" in text and "points of f1" in text.lower()
    assert "How well does it find each type?" in text and "What goes wrong" in text
    assert "Which labels does it mix up?" not in text and 'confusion-wide"' not in page(comparison, verdict)
    assert "accuracy" not in text.lower().replace("accuracy of", "")
    for name in ("Precision", "Recall", "Rows all right", "Valid answers"):
        assert name in text


def test_f1_stands_in_the_hero_and_each_types_figures_in_the_table() -> None:
    comparison, verdict = case("extraction")
    (run,) = [run for run in comparison.runs if run.arm.id == verdict.recommended]
    f1 = entity_f1([str(r.expected) for r in run.rows], [None if r.output is None else str(r.output) for r in run.rows])
    assert f"{100 * f1.value:.1f}\u202f%" in shown("extraction").text  # type: ignore[operator]
    labels = verdict_json(comparison, verdict)["by_label"]
    assert labels["run"] == f"{run.arm.id}/0"
    assert [entry["label"] for entry in labels["labels"]] == ["artist", "playlist", "year"]
    assert sum(entry["support"] for entry in labels["labels"]) == sum(str(r.expected).count("type") for r in run.rows)


def test_entities_are_marked_in_the_rows_and_never_shown_as_json() -> None:
    found = shown("extraction")
    classes = [attrs.get("class") or "" for tag, attrs in found.tags if tag == "span"]
    for state in ("expected", "right", "wrong", "missed"):
        assert f"entity {state}" in classes
    assert '"start"' not in found.text
    rows = found.text.split("Rows the arms disagree on")[1]
    assert "✗\u00a0" in rows and "◌\u00a0" in rows


def test_a_run_is_listed_with_the_mean_of_its_rows_under_its_own_name() -> None:
    comparison, verdict = case("extraction")
    runs = shown("extraction").text.split("What each run was made from")[1]
    assert "Rows all right" in runs.split("Data")[0]
    exact = verdict.summary(comparison.runs[1].arm.id).metrics["exact_match"].value
    assert exact is not None and f"{100 * exact:.1f}\u202f%" in runs


def test_soft_prompts_are_folded_under_the_sentence_that_nobody_can_read_them() -> None:
    found = shown("extraction")
    assert [tag for tag, _ in found.tags].count("details") == 1
    text = found.text.split("What the arms chose")[1]
    assert text.index("people cannot read it") < text.index("classify 0.31")
    assert "Khashabi et al. 2022" in text and "cosine distance between word embeddings" in text
    assert "<b>question" in text and "★ taken" in text
    assert "open" not in dict(next(attrs for tag, attrs in found.tags if tag == "details"))


def test_several_labels_have_thresholds_and_a_table_of_labels() -> None:
    text = shown("several_labels").text
    assert "Exact match, as measured" in text and "How well does it tell each label?" in text
    assert "A label is given where its probability is at least its threshold." in text and "0.325" in text
    assert "Calibration error: not defined where a row has several labels" in text
    assert text.count("not defined where a row has several labels") == 2


def test_recall_stands_beside_the_rate_of_false_alarms_and_the_one_asked_for() -> None:
    text = shown("of_no_class").text
    hero = text.split("Why")[0]
    assert "Out-of-scope recall" in hero and "False-alarm rate" in hero and "5.0\u202f% asked" in hero
    assert "of the rows of no class with “none of these”, at a false-alarm rate of" in text
    assert "Log loss: over the 20 rows whose label has a probability." in text
    assert "where the most probable class has less than 43.2\u202f%" in text
    assert "only 12 in-scope validation rows" in text.split("What to hold against this comparison")[1]


def test_the_label_of_no_class_is_counted_like_the_others() -> None:
    comparison, verdict = case("of_no_class")
    labels = {entry["label"]: entry for entry in verdict_json(comparison, verdict)["by_label"]["labels"]}
    assert labels[kinds.NONE]["support"] == 100
    assert labels[kinds.NONE]["recall"] > 0.5


def test_without_rows_of_no_class_a_caveat_says_what_is_not_known() -> None:
    comparison = kinds.of_no_class(rows=60, outside=0, methods=FEW)
    text = Page(page(comparison, recommend(comparison))).text
    assert "No test row is out of scope, so how many inputs of no class would be told is not known." in text
    assert "Out-of-scope recall: no test row is out of scope." in text


def test_words_are_those_of_the_task() -> None:
    entities, several, outside = (words_for(case(n)[0].task) for n in ("extraction", "several_labels", "of_no_class"))
    assert {"F1", "Entity", "Valid answers"} <= entities.keys()
    assert not {"Accuracy", "Confusion"} & entities.keys()
    assert "Threshold" in several and "Exact match" in several
    assert {"Accuracy", "Out-of-scope recall", "False-alarm rate", "Confusion"} <= outside.keys()


def test_the_terminal_names_the_figure(kind: str) -> None:
    console = Console(file=io.StringIO(), width=90, force_terminal=False)
    render(*case(kind), console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, text.splitlines())) <= 90
    name = {"extraction": "F1", "several_labels": "Exact match", "of_no_class": "Accuracy"}[kind]
    assert f"{name} in per cent" in " ".join(text.split()) and f"{name}: " in text
    assert ("false-alarm rate" in " ".join(text.split())) is (kind == "of_no_class")


def test_the_files_say_what_they_hold(kind: str, tmp_path: Path) -> None:
    comparison, verdict = case(kind)
    paths = write(comparison, verdict, tmp_path)
    facts = json.loads(paths["verdict.json"].read_text(encoding="utf-8"))
    assert facts["kind"] == comparison.task.kind
    assert facts["metric"] == comparison.metric in facts["arms"][0]["metrics"]
    assert (facts["out_of_scope"] is not None) is (kind == "of_no_class")
    table = pq.read_table(paths["predictions.parquet"])
    assert table.num_rows == len(FEW) * 120
    assert table.schema.metadata[b"kind"].decode() == comparison.task.kind
    first = comparison.runs[1].rows[0]
    row = next(r for r in table.to_pylist() if (r["arm"], r["row"]) == (FEW[1], first.row))
    assert row["expected"] == (list(first.expected) if isinstance(first.expected, tuple) else first.expected)


def test_twelve_arms_fit_the_page() -> None:
    comparison = kinds.extraction(rows=80)
    text = Page(page(comparison, recommend(comparison))).text
    assert all(run.arm.name in text for run in comparison.runs)
    assert "an arrow (↓) tells that a score lies below it" in text
