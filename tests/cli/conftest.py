"""Fixtures: a command run in this process, and a toy task."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_task import Done, Run, write_task

from rung.cli.app import app


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    """Runs `rung ARGS` in `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("RUNG_HOME", raising=False)
    log = logging.getLogger("rung")
    before = list(log.handlers), log.level, log.propagate

    def go(*args: object) -> Done:
        capsys.readouterr()
        code = 0
        try:
            app([str(arg) for arg in args], prog_name="rung")
        except SystemExit as end:
            code = int(end.code or 0)
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    yield go
    log.handlers[:], log.level, log.propagate = before


@pytest.fixture
def task(tmp_path: Path, tiny_folder: Path) -> Path:
    """The task file of the toy task."""
    return write_task(tmp_path, tiny_folder)
