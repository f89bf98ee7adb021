"""The page: parsed, searched, and checked for what must never be in it."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

import rung.report
from rung.evaluation.records import ComparisonRecord
from rung.evaluation.summary import MetricValue, Verdict
from rung.report.html import page

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr", "path", "circle", "rect", "line"}
CASES = ["plain", "nothing_done", "one_arm", "undecided", "hostile"]


class Page(HTMLParser):
    """Checks that elements nest, and keeps tags, ids, links and text."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[ComparisonRecord, Verdict]:
    if request.param == "plain":
        return request.getfixturevalue("comparison"), request.getfixturevalue("verdict")
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def test_the_page_nests_names_things_once_and_links_to_what_is_there(case: tuple[ComparisonRecord, Verdict]) -> None:
    found = Page(page(*case))
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    assert {link.removeprefix("#") for link in found.values("href")} <= set(ids)
    named = {part for value in found.values("aria-labelledby") for part in value.split()}
    assert named <= set(ids)


def test_the_page_asks_nobody_for_anything(case: tuple[ComparisonRecord, Verdict]) -> None:
    source = page(*case)
    found = Page(source)
    assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & {tag for tag, _ in found.tags}
    assert not found.values("src") + found.values("srcset") + found.values("xlink:href")
    assert all(link.startswith("#") for link in found.values("href"))
    assert not re.search(r"url\(|@import|@font-face", source)
    assert not [name for _, attrs in found.tags for name in attrs if name.startswith("on")]


def test_every_arm_is_named_with_its_reason(case: tuple[ComparisonRecord, Verdict]) -> None:
    comparison, verdict = case
    text = Page(page(comparison, verdict)).text
    for summary in verdict.arms:
        assert summary.arm.name in text
        assert (summary.reason or "") in text
    for reason in (*verdict.reasons, *verdict.would_change, verdict.headline):
        assert reason in text


def test_charts_are_well_formed(case: tuple[ComparisonRecord, Verdict]) -> None:
    drawings = re.findall(r"<svg .*?</svg>", page(*case), flags=re.DOTALL)
    assert drawings
    for drawing in drawings:
        root = ET.fromstring(drawing)
        assert root.get("aria-hidden") == "true" or (root.findtext("title") and root.findtext("desc"))


def test_users_texts_are_shown_as_text(hostile: tuple[ComparisonRecord, Verdict]) -> None:
    source = page(*hostile)
    for part in ("<script", "<img", "<i>", "<u>", "<b>&"):
        assert part not in source
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert "rung compare 'a b/$(evil)<u>.yaml'" in Page(source).text


def test_long_texts_are_cut_and_say_so(hostile: tuple[ComparisonRecord, Verdict]) -> None:
    text = Page(page(*hostile)).text
    assert "characters)" in text
    assert "W" * 301 not in text


def test_every_run_has_a_row_that_the_table_of_arms_leads_to(comparison: ComparisonRecord, verdict: Verdict) -> None:
    source = page(comparison, verdict)
    found = Page(source)
    for run in comparison.runs:
        anchor = f"run-{run.arm.id}-{run.seed}"
        assert anchor in found.values("id") and f"#{anchor}" in found.values("href")
        assert not run.prediction_sha or run.prediction_sha[:10] in found.text
    assert comparison.data_fingerprint in found.text
    assert "torch 2.13.0" in found.text and "threads 2" in found.text


def test_headings_descend_and_tables_are_labelled(comparison: ComparisonRecord, verdict: Verdict) -> None:
    found = Page(page(comparison, verdict))
    levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    tags = [tag for tag, _ in found.tags]
    assert tags.count("table") == tags.count("caption") >= 6
    assert all("scope" in attrs for tag, attrs in found.tags if tag == "th")


def test_the_verdict_comes_first_with_both_scores(comparison: ComparisonRecord, verdict: Verdict) -> None:
    text = Page(page(comparison, verdict)).text
    assert verdict.score is not None and verdict.score.value is not None and verdict.score_corrected is not None
    measured, corrected = f"{100 * verdict.score.value:.1f}", f"{100 * verdict.score_corrected:.1f}"
    order = [
        text.index(part) for part in (verdict.headline + "\n", measured, corrected, "Why", "Keep in mind", "The ladder")
    ]
    assert order == sorted(order)


def test_an_undecided_verdict_says_so_and_how_many_rows_would_decide(
    undecided: tuple[ComparisonRecord, Verdict],
) -> None:
    text = Page(page(*undecided)).text
    assert "Not decided by this test set" in text and "1,900" in text
    assert "Accuracy, as measured" not in text


def test_log_loss_is_no_share_and_an_undefined_figure_says_why(comparison: ComparisonRecord, verdict: Verdict) -> None:
    metrics = {
        "log_loss": MetricValue(value=0.25, low=0.2, high=0.3),
        "ece": MetricValue(value=None, reason="no confidences"),
    }
    arms = tuple(a.model_copy(update={"metrics": a.metrics | metrics}) if a.metrics else a for a in verdict.arms)
    text = Page(page(comparison, verdict.model_copy(update={"arms": arms}))).text
    assert "0.250" in text and "0.200–0.300" in text and "no confidences" in text
    assert "25.0\u202f%" not in text


def test_a_seed_that_failed_is_told_though_the_arm_finished(comparison: ComparisonRecord, verdict: Verdict) -> None:
    arms = (verdict.arms[0].model_copy(update={"reason": "seed 2 failed: NaN loss"}), *verdict.arms[1:])
    assert "seed 2 failed: NaN loss" in Page(page(comparison, verdict.model_copy(update={"arms": arms}))).text


def test_the_least_regret_choice_is_not_called_recommended(comparison: ComparisonRecord, verdict: Verdict) -> None:
    text = Page(page(comparison, verdict.model_copy(update={"decided": False}))).text
    assert "★ least risk" in text and "★ recommended" not in text


def test_more_labels_than_fit_a_picture_become_a_list(comparison: ComparisonRecord, verdict: Verdict) -> None:
    def renamed(i: int, label: str) -> str:
        return f"{label}_{i % 3}"

    runs = []
    for run in comparison.runs:
        rows = (
            r.model_copy(update={"expected": renamed(i, str(r.expected)), "output": renamed(i, str(r.output))})
            for i, r in enumerate(run.rows)
        )
        runs.append(run.model_copy(update={"rows": tuple(rows)}))
    labels = [f"{name}_{k}" for name in comparison.task.label_names for k in range(3)]
    task = comparison.task.model_validate({"name": "t", "labels": [{"name": name} for name in labels]})
    source = page(comparison.model_copy(update={"runs": tuple(runs), "task": task}), verdict)
    assert 'id="confusion-wide"' not in source
    assert "30 labels are too many for a picture" in source
    assert 'id="confusion-wide"' in page(comparison, verdict)


def test_several_labels_a_row(comparison: ComparisonRecord, verdict: Verdict) -> None:
    runs = tuple(
        run.model_copy(
            update={
                "rows": tuple(r.model_copy(update={"expected": (r.expected,), "output": (r.output,)}) for r in run.rows)
            }
        )
        for run in comparison.runs
    )
    task = comparison.task.model_copy(update={"multi_label": True})
    text = Page(page(comparison.model_copy(update={"runs": runs, "task": task}), verdict)).text
    assert "A row may have several labels" in text and "Precision" in text


def _contrast(first: str, second: str) -> float:
    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _mixed(over: str, under: str, opacity: float) -> str:
    pairs = [(int(over[i : i + 2], 16), int(under[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(o * opacity + u * (1 - opacity)):02x}" for o, u in pairs)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_contrast_is_wcag_aa_in_light_and_dark(mode: int) -> None:
    css = (Path(rung.report.__file__).parent / "page.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    colours = dict(re.findall(r"--rung-([\w-]+): (#[0-9a-f]{6})", blocks[mode]))
    for ground in ("paper", "sunk", "tint", "warn-tint"):
        for ink in ("ink", "muted", "accent", "warn"):
            assert _contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
    for fill in ("accent", "warn"):
        assert _contrast(colours["ink"], _mixed(colours[fill], colours["paper"], 0.45)) >= 4.5, fill
