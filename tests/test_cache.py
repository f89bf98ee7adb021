"""The cache keeps arrays whole or not at all, and never runs what it reads."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rung.cache import Cache, atomic_write, key_of, storage_error, write_json
from rung.errors import StorageError


def test_keys_depend_on_values_not_on_order_or_machine() -> None:
    assert key_of("a", {"x": 1, "y": [2, "é"]}) == key_of("a", {"y": [2, "é"], "x": 1})
    assert key_of("a", 1) != key_of("a", "1")
    assert key_of("ab") != key_of("a", "b")
    assert key_of("features", 1) == hashlib.sha256(b'["features", 1]').hexdigest()


def test_arrays_come_back_equal(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path), key_of("x")
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3).T, "empty": np.zeros((0, 4), np.int64)}
    assert cache.get(key) is None
    cache.put(key, arrays)
    found = cache.get(key)
    assert found is not None
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_array_equal(found[name], value)
    assert cache.path(key) == tmp_path / key[:2] / f"{key}.safetensors"


def test_an_entry_cut_off_counts_as_absent_and_is_made_anew(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path), key_of("x")
    cache.put(key, {"a": np.ones(100, np.float32)})
    whole = cache.path(key).read_bytes()
    for length in (0, 4, len(whole) // 2):
        cache.path(key).write_bytes(whole[:length])
        assert cache.get(key) is None
    cache.put(key, {"a": np.ones(100, np.float32)})
    assert cache.path(key).read_bytes() == whole


def test_a_cache_without_a_folder_keeps_nothing() -> None:
    cache = Cache(None)
    cache.put(key_of("x"), {"a": np.ones(1)})
    assert cache.get(key_of("x")) is None
    with pytest.raises(StorageError):
        cache.path(key_of("x"))


def test_writers_of_one_key_leave_one_whole_entry(tmp_path: Path) -> None:
    cache, key = Cache(tmp_path), key_of("x")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: cache.put(key, {"a": np.full(50_000, i)}), range(16)))
    found = cache.get(key)
    assert found is not None
    assert len(set(found["a"].tolist())) == 1
    assert [path.name for path in cache.path(key).parent.iterdir()] == [cache.path(key).name]


def test_nothing_is_left_behind_when_writing_fails(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "file"
    write_json(target, {"b": 1, "a": "é"})
    before = target.read_bytes()
    assert before == '{\n "a": "é",\n "b": 1\n}\n'.encode()
    for error, expected in ((ValueError("x"), ValueError), (OSError(errno.ENOSPC, "full"), StorageError)):
        with pytest.raises(expected), atomic_write(target) as handle:
            handle.write(b"half")
            raise error
    with pytest.raises(TypeError):
        write_json(target, {"x": object()})
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_messages_for_disks() -> None:
    full = storage_error(OSError(errno.ENOSPC, "No space left on device"), Path("x"))
    assert "the disk is full" in str(full)
    assert "free some space" in str(full)
    denied = storage_error(OSError(errno.EACCES, os.strerror(errno.EACCES)), Path("x"))
    assert "Permission denied" in str(denied)
    assert "RUNG_HOME" in str(denied)


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(json.dumps("in the way"))
    with pytest.raises(StorageError, match="cannot write"):
        Cache(tmp_path / "file").put(key_of("x"), {"a": np.ones(1)})
