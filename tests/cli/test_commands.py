"""Every command: what it prints for people and machines, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_task import Run, write_task

import rung


def test_check_prints_a_summary_and_json(run: Run, task: Path) -> None:
    done = run("check", task)
    assert done.code == 0 and "ready to compare" in done.out and "64 tokens" in done.out
    facts = json.loads(run("check", task, "--json").out)
    assert facts["counts"]["train"]["used"] == 24 and facts["lengths"]["train"]["token_limit"] == 64
    assert facts["overlap"]["train_test"]["exact"] == 0


def test_check_counts_tokens_before_truncation(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_task(tmp_path, tiny_folder)
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as handle:
        handle.write(json.dumps({"text": "word " * 100, "label": "good"}) + "\n")
    facts = json.loads(run("check", task, "--json").out)
    assert facts["lengths"]["train"]["tokens"]["max"] == 102  # 100 words and the two special tokens
    assert facts["lengths"]["train"]["truncated"] == 1


def test_check_of_faulty_data_ends_with_1_and_says_where(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_task(tmp_path, tiny_folder)
    with (tmp_path / "train.jsonl").open("a", encoding="utf-8") as handle:
        handle.write("{not json\n")
    done = run("check", task)
    assert done.code == 1 and "train.jsonl, line 25" in done.out and "mend the errors first" in done.out


def test_a_comparison_from_compare_to_predict(run: Run, task: Path, tmp_path: Path) -> None:
    done = run("compare", task, "--out", "out", "--json")
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert {arm["method"] for arm in facts["arms"]} == {"majority", "frozen_features"}
    assert json.loads((tmp_path / "out" / "verdict.json").read_text(encoding="utf-8")) == facts
    assert "report: out/report.html" in done.err and "frozen_features" in done.err
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000

    assert [item["name"] for item in json.loads(run("list", "--json").out)] == ["toy"]
    assert "toy" in run("list").out
    assert json.loads(run("show", "--json").out)["arms"] == facts["arms"]
    shown = run("show", "toy", "--out", "again")
    assert "Verdict" in shown.out and (tmp_path / "again" / "report.html").exists()

    one = run("predict", "toy", "frozen_features", "--input", "good fox")
    assert one.code == 0 and one.out.split()[0] == "good"
    rows = json.loads(run("predict", "toy", "frozen_features", "--file", "test.jsonl", "--json").out)
    assert len(rows) == 12 and rows[0]["input"] == "fine parcel test 0"
    assert sum(rows[0]["probabilities"].values()) == pytest.approx(1)

    again = run("compare", task)
    assert "2 of 2 runs are done already" in again.err and "comparisons/" in again.err
    assert rung.show("toy", workspace=tmp_path / ".rung").record.id == facts["comparison"]


def test_chosen_methods_keep_their_knobs_from_the_task_file(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_task(tmp_path, tiny_folder, methods=["majority", {"nearest_example": {"k": 3}}])
    done = run("compare", task, "--methods", "nearest_example", "--sizes", "8,16", "--seeds", "1", "--json")
    arms = json.loads(done.out)["arms"]
    assert [(arm["knobs"], arm["n_train"], arm["seeds"]) for arm in arms] == [({"k": 3}, 8, [1]), ({"k": 3}, 16, [1])]


def test_when_no_arm_finishes_the_comparison_ends_with_1(run: Run, task: Path) -> None:
    done = run("compare", task, "--sizes", "1000")
    assert done.code == 1 and "there are only 24 training rows" in done.err


def test_predict_reads_stdin_and_pairs(
    run: Run, tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    rows = [{"a": f"good {i}", "b": "fox" if i % 2 else "word", "label": str(i % 2)} for i in range(30)]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    task = tmp_path / "task.yaml"
    task.write_text(
        f"name: pairs\ntrain: train.jsonl\ntest: 0.4\ninput: [a, b]\npair: true\nmodels: ['{tiny_folder}']\n"
        "methods: [majority, nearest_example]\n",
        encoding="utf-8",
    )
    assert run("compare", task).code == 0
    found = json.loads(run("predict", "pairs", "nearest_example", "--file", "train.jsonl", "--json").out)
    assert len(found) == 30 and found[0]["input"] == "text_a: good 0\ntext_b: word"
    monkeypatch.setattr("sys.stdin", io.StringIO("one\n\ntwo\n"))
    assert len(run("predict", "pairs", "majority").out.splitlines()) == 2


def test_predict_refuses_two_sources_and_a_file_without_the_column(run: Run, task: Path, tmp_path: Path) -> None:
    run("compare", task, "--methods", "majority")
    (tmp_path / "other.csv").write_text("note\nhello\n", encoding="utf-8")
    both = run("predict", "toy", "majority", "--input", "x", "--file", "other.csv")
    assert both.code == 2 and "--input and --file were both given" in both.err
    lacking = run("predict", "toy", "majority", "--file", "other.csv")
    assert lacking.code == 2 and "no column 'text'" in lacking.err and "other.csv, line 2" in lacking.err


def test_methods_and_models_tell_the_ladder_and_the_memory(run: Run, tiny_folder: Path) -> None:
    ladder = json.loads(run("methods", "--json").out)
    assert [m["rung"] for m in ladder] == sorted(m["rung"] for m in ladder)
    assert next(k for m in ladder if m["name"] == "lora" for k in m["knobs"] if k["name"] == "rank")["default"] == 16
    assert all(m["summary"] in " ".join(run("methods").out.split()) for m in ladder)
    found = json.loads(run("models", tiny_folder, "--json").out)
    assert found["models"][-1]["context_length"] == 64 and found["machine"]["memory"] > 0
    assert found["models"][-1]["memory"]["lora"]["fits"] is True
    assert "Parameters" in run("models").out or "not usable here" in run("models").out


def test_schema_is_a_json_schema_of_the_task_file(run: Run) -> None:
    schema = json.loads(run("schema").out)
    assert schema["required"] == ["name", "train"] and schema["properties"]["limits"]


def test_an_empty_workspace_lists_nothing_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    assert json.loads(run("list", "--json").out) == [] and "no comparisons here yet" in run("list").out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_task_is_sound(run: Run) -> None:
    from rung.api import DEMO

    facts = json.loads(run("check", DEMO, "--json").out)
    assert facts["findings"] == [] and facts["counts"]["train"]["used"] == 400


@pytest.mark.slow
def test_the_short_demo_recommends_an_arm(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--quick", "--json")
    facts = json.loads(done.out)
    assert done.code == 0 and facts["recommended"] and (tmp_path / "rung-demo" / "report.html").exists()
    best = max(arm["metrics"]["accuracy"]["value"] for arm in facts["arms"])
    assert best > 0.75
