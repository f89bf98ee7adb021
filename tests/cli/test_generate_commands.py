"""Tasks of texts on the command line: what `check` prints, and a comparison from chat file to answer."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from toy_task import Run, write_task


def turns(i: int, answer: str | None = None) -> dict[str, Any]:
    asked = [
        {"role": "user", "content": f"what about the {('quick fox', 'late parcel', 'broken word')[i % 3]} number {i}"}
    ]
    return {"messages": asked + ([{"role": "assistant", "content": answer}] if answer else [])}


def write_chat(folder: Path, model: Path, **more: object) -> Path:
    """Conversations whose answers follow from three subjects."""
    methods = ["majority", "nearest_example", {"nearest_example": {"k": 3}}]
    task = write_task(folder, model, kind="generate", methods=methods, **more)
    answers = (
        "It is a good fox, and quick.",
        "The parcel is late; we are sorry for it.",
        "A broken word is a bad word.",
    )
    for name, count in (("train", 24), ("test", 12)):
        rows = [
            turns(i + (50 if name == "test" else 0), answers[(i + (50 if name == "test" else 0)) % 3])
            for i in range(count)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return task


def test_check_tells_of_references_and_turns(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_chat(tmp_path, tiny_folder)
    done = run("check", task)
    assert done.code == 0 and "toy: generate, a text, judged by chrF" in done.out
    told = " ".join(done.out.split())
    assert (
        "Train: one reference a row, of 7 words (at most 9); conversations, with up to 1 turn before the answer."
        in told
    )
    assert "Inputs with different texts: 0." in told and "label" not in told
    assert json.loads(run("check", task, "--json").out)["references"]["test"]["turns"]["max"] == 1


def test_a_chat_file_from_compare_to_predict(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_chat(tmp_path, tiny_folder)
    done = run("compare", task, "--json", "--out", tmp_path / "out")
    assert done.code == 0, done.err
    arms = {arm["arm"]: arm for arm in json.loads(done.out)["arms"]}
    assert "does not handle tasks of kind generate" in arms["majority"]["reason"]
    assert "no vote over texts" in arms["nearest_example (k=3)"]["reason"]
    found = arms["nearest_example"]
    assert 0 < found["metrics"]["chrf"]["value"] <= 1 and 0 <= found["validation_score"] <= 1
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "How good are its answers?" in page and "tok:13a" in page
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps(turns(i)) + "\n" for i in range(3)), encoding="utf-8")
    shown = json.loads(run("predict", "toy", "nearest_example", "--file", asked, "--json").out)
    assert len(shown) == 3 and shown[0]["input"] == "what about the quick fox number 0"
    assert all(isinstance(one["output"], str) and one["confidence"] is None for one in shown)
    asked.write_text(json.dumps({"messages": [{"role": "user", "content": ""}]}) + "\n", encoding="utf-8")
    refused = run("predict", "toy", "nearest_example", "--file", asked)
    assert refused.code == 2 and "turn 1 in 'messages' (user) is empty" in refused.err


def test_an_own_metric_that_fails_is_why_the_arm_failed(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_chat(tmp_path, tiny_folder, metric="my.py:score")
    (tmp_path / "my.py").write_text("def score(expected, output, input):\n    return 2\n", encoding="utf-8")
    arms = {arm["arm"]: arm for arm in json.loads(run("compare", task, "--json").out)["arms"]}
    assert arms["nearest_example"]["status"] == "failed"
    assert "score returned no number in [0, 1]" in arms["nearest_example"]["reason"]
    (tmp_path / "my.py").write_text(
        "def score(expected, output, input):\n    return 'sorry' in output\n", encoding="utf-8"
    )
    facts = json.loads(run("compare", task, "--json").out)
    arms = {arm["arm"]: arm for arm in facts["arms"]}
    assert arms["nearest_example"]["metrics"]["own_metric"]["value"] is not None
    (tmp_path / "my.py").unlink()
    assert "cannot be read" in run("compare", task).err


@pytest.mark.parametrize(
    ("name", "files", "keys"),
    [
        ("e2e_nlg", {"train": "dev", "test": "test"}, {"input": "mr", "output": "refs", "metric": "bleu"}),
        ("gsm8k", {"train": "train", "test": "test"}, {"input": "question", "output": "answer"}),
        ("instruct_rasbt", {"train": "all"}, {"test": 0.3, "metric": "rouge_l"}),
    ],
)
def test_public_data_end_to_end(
    run: Run,
    tmp_path: Path,
    tiny_folder: Path,
    shared_data: Path,
    name: str,
    files: dict[str, str],
    keys: dict[str, Any],
) -> None:
    task = write_task(tmp_path, tiny_folder, kind="generate", methods=["nearest_example"], **keys)
    for split, file in files.items():
        with gzip.open(shared_data / name / f"{file}.jsonl.gz", "rt", encoding="utf-8") as lines:
            kept = [line for line, _ in zip(lines, range(60), strict=False)]
        (tmp_path / f"{split}.jsonl").write_text("".join(kept), encoding="utf-8")
    assert run("check", task).code == 0
    done = run("compare", task, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    facts = json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8"))
    figures = facts["arms"][0]["metrics"]
    assert 0 < figures[facts["metric"]]["value"] < 0.9 and 0 < figures["chrf"]["value"] < 0.9
    assert facts["judged_by"]["bleu"].startswith("nrefs:var" if name == "e2e_nlg" else "nrefs:1")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The weakest answers" in page and "ccuracy" not in page and ">None<" not in page
