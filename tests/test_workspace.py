"""Folders of a workspace, the lock on a comparison, folders that appear whole, and full disks told from other errors."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rung.errors import StorageError
from rung.workspace import Workspace, atomic_folder, disk_is_full, remove_unfinished


def test_where_things_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNG_HOME", raising=False)
    assert Workspace.of() == Workspace(Path(".rung"))
    monkeypatch.setenv("RUNG_HOME", str(tmp_path))
    assert Workspace.of().store == tmp_path / "rung.db"
    assert Workspace.of("postgresql://host/name") == Workspace(tmp_path, "postgresql://host/name")
    assert Workspace.of("postgresql://host/name").store == "postgresql://host/name"
    given = Workspace.of(tmp_path / "here")
    assert Workspace.of(given) is given
    assert given.comparison("x-1") == tmp_path / "here" / "comparisons" / "x-1"
    assert given.cache == tmp_path / "here" / "cache"


HOLD = """
import sys, time
from pathlib import Path
from rung.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("x"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_lock_is_held_by_one_process_and_let_go_when_it_dies(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StorageError, match="being run by another process"), workspace.lock("x"):
            pass
        with workspace.lock("y"):
            pass
        other.kill()
    with workspace.lock("x"):
        pass


def test_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    with atomic_folder(target) as folder:
        (folder / "one").write_text("1")
        assert not target.exists()
    assert (target / "one").read_text() == "1"
    with pytest.raises(ValueError, match="no"), atomic_folder(target) as folder:
        (folder / "two").write_text("2")
        raise ValueError("no")
    assert [path.name for path in target.iterdir()] == ["one"]
    with atomic_folder(target) as folder:
        (folder / "three").write_text("3")
    assert [path.name for path in target.iterdir()] == ["three"]
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_full_disk_while_filling_a_folder(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the disk is full"), atomic_folder(tmp_path / "x") as folder:
        (folder / "half").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".arm-0.abc.tmp" / "sub").mkdir(parents=True)
    (tmp_path / "arm-0").mkdir()
    remove_unfinished(tmp_path)
    remove_unfinished(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["arm-0"]


def test_full_disks_are_known_by_number_cause_and_words() -> None:
    full = OSError(errno.ENOSPC, "x")
    wrapped = RuntimeError("cannot save")
    wrapped.__cause__ = full
    assert disk_is_full(full)
    assert disk_is_full(wrapped)
    assert disk_is_full(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not disk_is_full(OSError(errno.EACCES, "x"))
    assert not disk_is_full(ValueError("x"))
