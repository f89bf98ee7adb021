"""The SQLite store keeps the contract, and says clearly what is wrong with a database."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rung.errors import MissingExtraError, StorageError, UsageError
from rung.store import Store
from rung.testing.store import a_record, a_run, check_store


def test_contract(tmp_path: Path) -> None:
    numbers = itertools.count()
    check_store(lambda: Store(tmp_path / f"{next(numbers)}.db"))


def test_contract_by_url(tmp_path: Path) -> None:
    numbers = itertools.count()
    check_store(lambda: Store(f"sqlite:///{tmp_path}/sub folder/{next(numbers)}.db"))


def test_records_outlive_the_store_and_readers_do_not_block(tmp_path: Path) -> None:
    with Store(tmp_path / "rung.db") as store:
        store.add_comparison(a_record())
    with contextlib.closing(sqlite3.connect(tmp_path / "rung.db", isolation_level=None)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.execute("BEGIN IMMEDIATE")
        with Store(tmp_path / "rung.db", busy_s=0.05) as store:
            assert store.comparison().id == "mail-1"


def test_database_in_use_gets_one_clear_message(tmp_path: Path) -> None:
    with Store(tmp_path / "rung.db", busy_s=0.05) as store:
        store.add_comparison(a_record())
        with contextlib.closing(sqlite3.connect(tmp_path / "rung.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="in use by another process") as error:
                store.add_run(a_run())
            other.execute("ROLLBACK")
        assert str(tmp_path / "rung.db") in str(error.value)
        assert "wait until" in str(error.value)
        assert store.add_run(a_run())


def test_opening_a_blank_database_from_many_threads(tmp_path: Path) -> None:
    def opened(i: int) -> bool:
        with Store(tmp_path / "rung.db") as store:
            return store.add_comparison(a_record(f"mail-{i}"))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened, range(4))) == [True] * 4
    with Store(tmp_path / "rung.db") as store:
        assert len(store.list_comparisons()) == 4


def test_opening_waits_while_another_process_switches_the_journal(tmp_path: Path) -> None:
    where = tmp_path / "rung.db"
    other = sqlite3.connect(where, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(lambda: Store(where))
        with pytest.raises(TimeoutError):
            opened.result(0.3)
        other.execute("COMMIT")
        with opened.result(20) as store:
            assert store.list_comparisons() == []
    other.close()


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "rung.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StorageError, match="no database"):
        Store(tmp_path / "rung.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        Store(tmp_path / "folder.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        Store(tmp_path / "file" / "rung.db")


def test_urls_that_cannot_be_used() -> None:
    with pytest.raises(UsageError, match="not a database URL"):
        Store("://nonsense")
    with pytest.raises((MissingExtraError, UsageError)) as error:
        Store("postgresql+nodriver://user:secret@host/name")
    assert "secret" not in str(error.value)


FILL = """
import resource, sys
from rung.testing.store import a_record, a_run
from rung.errors import StorageError
from rung.store import Store
import os
store = Store(sys.argv[1])
store.add_comparison(a_record())
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for seed in range(1000):
        store.add_run(a_run(seed=seed, details={"noise": os.urandom(20_000).hex()}))
except StorageError as error:
    print(seed, error, sep="|")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits on file size")
def test_full_disk_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FILL, str(tmp_path / "rung.db")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    number, message = done.stdout.split("|", 1)
    assert "the disk is full" in message
    assert "finished work is kept" in message
    with Store(tmp_path / "rung.db") as store:
        assert [run.seed for run in store.comparison().runs] == list(range(int(number)))
        assert int(number) > 3
        assert store.add_run(a_run(seed=int(number)))
