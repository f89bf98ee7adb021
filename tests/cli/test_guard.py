"""How commands end: misuse, failure, bugs, Ctrl-C; and what `--help` loads."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from toy_task import Run

import rung.api
from rung.errors import StorageError


def _raise(error: BaseException) -> object:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["compare", "nowhere.yaml"], "nowhere.yaml"),
        (["show", "nothing"], "no comparison named 'nothing'"),
        (["compare", "task.yaml", "--methods", "lorra"], "did you mean 'lora'?"),
        (["compare", "task.yaml", "--models", "minilmm"], "did you mean 'minilm'?"),
        (["compare", "task.yaml", "--sizes", "ten"], "whole numbers"),
        (["compare", "task.yaml", "--methods", ","], "a list is empty"),
        (["models", "no/such model"], "no/such model"),
        (["predict", "nothing", "--input", "x"], "nothing"),
    ],
)
def test_misuse_ends_with_2_and_says_what_to_do(run: Run, task: Path, args: list[str], said: str) -> None:
    done = run(*args)
    assert done.code == 2 and done.out == ""
    assert said in " ".join(done.err.split()) and "what to do" in done.err and "Traceback" not in done.err


def test_failure_ends_with_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    error = StorageError("the disk is full", where="/data/rung.db", remedy="free some space")
    monkeypatch.setattr(rung.api, "list_comparisons", _raise(error))
    done = run("list", "--json")
    assert (done.code, done.out) == (1, "") and "free some space" in done.err and "/data/rung.db" in done.err


def test_a_bug_is_one_line_and_a_traceback_in_the_workspace(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rung.api, "list_comparisons", _raise(ZeroDivisionError("by zero")))
    done = run("list", "--workspace", "place")
    assert done.code == 1 and "ZeroDivisionError: by zero" in done.err and "Traceback" not in done.err
    log = (tmp_path / "place" / "rung.log").read_text(encoding="utf-8")
    assert "place/rung.log" in done.err and "Traceback" in log and "by zero" in log


def test_a_bug_where_the_workspace_cannot_be_written_is_logged_elsewhere(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr(rung.api, "list_comparisons", _raise(ZeroDivisionError("by zero")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = run("list", "--workspace", "file/below")
    assert done.code == 1 and "by zero" in next(tmp_path.glob("rung-*.log")).read_text(encoding="utf-8")


def test_ctrl_c_ends_with_130_and_says_how_to_go_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rung.api, "list_comparisons", _raise(KeyboardInterrupt()))
    done = run("list")
    assert done.code == 130 and "run the same command again" in done.err


def test_markup_in_an_error_is_shown_as_it_is(run: Run) -> None:
    done = run("show", "[bold]x[/nothing]")
    assert done.code == 2 and "[bold]x[/nothing]" in done.err


def test_help_and_import_load_nothing_heavy() -> None:
    code = """
import json, sys
import rung
light = sorted(sys.modules)
from rung.cli import main
sys.argv = ["rung", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code
print(json.dumps([light, sorted(sys.modules)]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, helped = json.loads(done.stdout.splitlines()[-1])
    heavy = {"torch", "transformers", "sqlalchemy", "numpy", "pydantic", "sklearn", "pandas", "pyarrow", "yaml", "peft"}
    assert not heavy & set(imported) and not heavy & set(helped)
    assert [name for name in imported if name.startswith("rung")] == ["rung"]
    assert "compare" in done.stdout and "rung.compare" not in helped


def test_version(run: Run) -> None:
    import importlib.metadata

    assert run("--version").out.strip() == f"rung {importlib.metadata.version('rung')}"
