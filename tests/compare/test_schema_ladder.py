"""A task with a JSON schema from the task file to the verdict, the report and an answer of the saved arm."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import rung
from rung.evaluation.records import Run
from rung.report import page, write
from rung.testing.sound import assert_sound

SCHEMA = {
    "type": "object",
    "properties": {
        "business": {"type": "string", "description": "what is sold"},
        "mood": {"type": "string", "enum": ["good", "bad"]},
        "stars": {"type": "integer"},
    },
    "required": ["business", "mood"],
}
KINDS = (("the quick brown fox came", "courier", "good", 5), ("awful broken parcel late", "courier", "bad", None))
KINDS = (*KINDS, ("a fine good refund word", "bank", "good", 4), ("bad bad awful refund", "bank", "bad", 1))
TAGGERS = ("head_only", "prompt_tuning", "p_tuning", "prefix_tuning", "lora", "full_finetune")
METHODS = ("majority", "nearest_example", "zero_shot", "frozen_features", *TAGGERS)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[rung.Comparison, Path]:
    folder = tmp_path_factory.mktemp("notes")
    for name, count in (("train", 24), ("test", 12)):
        lines = []
        for i in range(count):
            text, business, mood, stars = KINDS[i % 4]
            answer = {"mood": mood, "stars": stars, "business": business}
            lines.append(json.dumps({"text": f"{text} {i if name == 'train' else i + 50}", "answer": answer}))
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "answer.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    keys = {"kind": "extract", "output": "answer", "schema": "answer.json", "models": [str(tiny_folder)]}
    keys |= {"name": "notes", "train": "train.jsonl", "test": "test.jsonl", "methods": METHODS}
    (folder / "task.yaml").write_text(json.dumps(keys), encoding="utf-8")  # JSON is YAML
    return rung.compare(folder / "task.yaml", workspace=folder / "w"), folder


def runs(comparison: rung.Comparison) -> dict[str, Run]:
    return {run.arm.method: run for run in comparison.record.runs}


def test_the_nearest_answer_is_judged_by_fields(done: tuple[rung.Comparison, Path]) -> None:
    comparison, _ = done
    arms = {arm.arm.method: arm for arm in comparison.verdict.arms}
    nearest, majority = arms["nearest_example"].metrics, arms["majority"].metrics
    assert nearest["validity"].value == 1.0 and nearest["ece"].value is None
    assert (nearest["micro_f1"].value or 0) > (majority["micro_f1"].value or 0) + 0.2
    run = runs(comparison)["nearest_example"]
    assert {row.expected for row in run.rows} >= {'{"business": "courier", "mood": "bad"}'}
    assert run.validation_score is not None
    assert comparison.record.metric == "micro_f1" and comparison.verdict.best == arms["nearest_example"].arm.id
    # each field by itself: no training row has just these
    assert {row.output for row in runs(comparison)["majority"].rows} == {
        '{"business": "bank", "mood": "bad", "stars": 1}'
    }


def test_rungs_that_tag_words_say_why_they_do_not(done: tuple[rung.Comparison, Path]) -> None:
    found = runs(done[0])
    for name in TAGGERS:
        assert found[name].status == "skipped"
        assert (
            found[name].reason == f"{name} tags the words of a text; the fields of a JSON schema need not stand in it"
        )
    for name in ("zero_shot", "frozen_features"):
        assert found[name].status == "skipped" and "tasks of kind extract" in str(found[name].reason)


def test_the_saved_arm_answers_with_an_object(done: tuple[rung.Comparison, Path]) -> None:
    comparison, folder = done
    texts = list(comparison.record.inputs.values())
    for name in ("nearest_example", "majority"):
        answers = rung.predict("notes", texts, name, workspace=folder / "w")
        assert [a.output for a in answers] == [row.output for row in runs(comparison)[name].rows]
        for answer, text in zip(answers, texts, strict=True):
            assert_sound(answer, comparison.record.task, rung.as_input(text))


def test_the_report_shows_fields_and_json(done: tuple[rung.Comparison, Path], tmp_path: Path) -> None:
    comparison, _ = done
    text = page(comparison.record, comparison.verdict).partition("</style>")[2]
    assert "How well does it fill each field?" in text and "entit" not in text.lower().replace("identi", "")
    assert "Share of answers that can be read and keep the JSON schema." in text
    plain = text.replace("<wbr>", "").replace("&#34;", '"')
    assert '{"business": "courier", "mood": "bad"}' in plain
    write(comparison.record, comparison.verdict, tmp_path)
    assert (tmp_path / "verdict.json").is_file()


def test_an_audit_of_the_task_says_what_it_asks_for(done: tuple[rung.Comparison, Path]) -> None:
    from rich.console import Console

    from rung.cli.tables import show_audit

    console = Console(width=200, record=True, file=io.StringIO())
    show_audit(rung.check(done[1] / "task.yaml"), console)
    told = console.export_text()
    assert "notes: extract, JSON under a schema with the fields business, mood, stars" in told
    assert "3 fields" in told and "Train: 66 values in fields, 3 a row (at most 3)." in told
