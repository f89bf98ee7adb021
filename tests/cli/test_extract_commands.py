"""Extract tasks and inputs of no class on the command line: what `check` prints, and a comparison from file to answer."""

from __future__ import annotations

import json
from pathlib import Path

from toy_task import Run, write_task


def write_extract(folder: Path, model: Path, *more: dict[str, object]) -> Path:
    """A task of colours and animals; every third text has none. `more` are further training rows."""
    task = write_task(
        folder, model, kind="extract", output="found", methods=["majority", "nearest_example", "zero_shot"]
    )
    words = [("quick", "fox"), ("brown", "word"), ("", "")]
    for name, count in (("train", 24), ("test", 12)):
        rows = []
        for i in range(count):
            colour, animal = words[i % 3]
            found = {"colour": colour, "animal": animal} if colour else {}
            rows.append({"text": f"the {colour} {animal} {name} {i}", "found": found})
        text = "".join(json.dumps(row) + "\n" for row in [*rows, *(more if name == "train" else ())])
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return task


def test_check_of_an_extract_task(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_extract(tmp_path, tiny_folder, {"text": "a fox", "found": [{"type": "animal", "start": 2, "end": 9}]})
    done = run("check", task)
    assert done.code == 0
    assert "toy: extract, entities in a text" in done.out
    assert "2 entity types; in train the largest is" in done.out
    assert "Train: 32 entities; 8 of 24 rows have none." in done.out
    told = " ".join(done.out.split())
    assert "the entity of type 'animal' at 2 to 9 lies outside of the input, which has 5 characters" in told
    assert "train.jsonl, line 25 given: a fox → places count characters from 0" in told
    facts = json.loads(run("check", task, "--json").out)
    assert facts["kind"] == "extract"
    assert facts["entities"]["train"]["types"] == {"animal": 16, "colour": 16}
    assert facts["findings"][0]["given"] == "a fox"


def test_check_names_the_label_of_no_class(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_task(tmp_path, tiny_folder, out_of_scope="other")
    assert "one label a row, 'other' for inputs of no class" in run("check", task).out
    facts = json.loads(run("check", task, "--json").out)
    assert facts["out_of_scope"] == {"label": "other", "false_alarm_rate": 0.05}


def test_an_extract_task_from_compare_to_predict(run: Run, tmp_path: Path, tiny_folder: Path) -> None:
    task = write_extract(tmp_path, tiny_folder)
    done = run("compare", task, "--json")
    assert done.code == 0, done.err
    arms = {arm["method"]: arm for arm in json.loads(done.out)["arms"]}
    assert "extract" in json.dumps(arms["zero_shot"])
    shown = json.loads(run("predict", "toy", "nearest_example", "--input", "the quick fox", "--json").out)[0]
    assert {"type": "animal", "text": "fox", "start": 10, "end": 13} in shown["output"]
    assert shown["probabilities"] is None
    assert '"animal"' in run("predict", "toy", "nearest_example", "--input", "the quick fox").out
