"""Hugging Face datasets: folders of files, folders saved by `datasets`, any split names, and a hub out of reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rung.dataset.read import read_rows
from rung.errors import DataError, MissingExtraError
from rung.plan import DataSource


def texts(folder: Path, path: str, split: str | None = None, config: str | None = None) -> list[str]:
    return [row.values["text"] for row in read_rows(DataSource(path=path, split=split, config=config), folder)]


def refused(folder: Path, path: str, split: str | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        texts(folder, path, split)
    return caught.value


def test_a_folder_of_files_in_any_layout(tmp_path: Path) -> None:
    data = tmp_path / "set" / "data"
    data.mkdir(parents=True)
    for i, text in enumerate(["one", "two"]):
        pq.write_table(pa.table({"text": [text], "label": ["a"]}), data / f"learn-0000{i}-of-00002.parquet")
    (data / "judge.jsonl").write_text('{"text": "three", "label": "b"}\n')
    (tmp_path / "set" / "numbered").mkdir()
    pq.write_table(pa.table({"text": ["four"]}), tmp_path / "set" / "numbered" / "0000.parquet")
    assert texts(tmp_path, "hf:set", "learn") == ["one", "two"]
    assert texts(tmp_path, "hf:set", "judge") == ["three"]
    assert texts(tmp_path, "hf:set", "numbered") == ["four"]
    assert [r.number for r in read_rows(DataSource(path="hf:set", split="learn"), tmp_path)] == [0, 1]
    error = refused(tmp_path, "hf:set")
    assert error.allowed == "judge, learn, numbered"
    error = refused(tmp_path, "hf:set", "jugde")
    assert "'judge'" in str(error.remedy)


def test_a_bad_line_in_a_folder_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.jsonl").write_text('{"text": "x"}\n{"text"\n')
    assert refused(tmp_path, "hf:set").where == f"{Path('set') / 'train.jsonl'}, line 2"


def test_one_split_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "whatever.csv").write_text("text,label\nx,a\n")
    assert texts(tmp_path, "hf:set") == ["x"]
    (tmp_path / "empty").mkdir()
    assert "no data files" in refused(tmp_path, "hf:empty").message
    assert "no such folder" in refused(tmp_path, "hf:./nowhere").message


def test_a_folder_saved_by_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])})
    part = datasets.Dataset.from_dict({"text": ["x", "y"], "label": [1, 0]}, features=features)
    part.save_to_disk(tmp_path / "one")
    rows = read_rows(DataSource(path="hf:one"), tmp_path)
    assert [(row.values["text"], row.values["label"]) for row in rows] == [("x", "yes"), ("y", "no")]
    assert rows[1].where == "hf:one, row 2"
    datasets.DatasetDict({"learn": part, "judge": part.select([0])}).save_to_disk(tmp_path / "both")
    assert texts(tmp_path, "hf:both", "judge") == ["x"]
    assert refused(tmp_path, "hf:both").allowed == "learn, judge"
    (tmp_path / "both" / "judge" / "state.json").write_text("{")
    assert "cannot be read" in refused(tmp_path, "hf:both", "learn").message


def test_without_the_package_the_pip_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match="datasets") as caught:
        texts(tmp_path, "hf:some/name")
    assert caught.value.remedy == "pip install 'rung[hub]'"


def test_a_hub_out_of_reach(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    code = (
        "from pathlib import Path; from rung.dataset.read import read_rows; from rung.plan import DataSource\n"
        "from rung.errors import DataError\n"
        "try: read_rows(DataSource(path='hf:nobody/nothing-here'), Path('.'))\n"
        "except DataError as error: print(error)"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert "hub cannot be reached" in done.stdout
    assert "hf:FOLDER" in done.stdout
    assert "hf:nobody/nothing-here" in done.stdout
