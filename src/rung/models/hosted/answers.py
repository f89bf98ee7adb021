"""Answers of hosted models kept on disk, so that none is paid twice: one line of JSON each, only ever added to.

A line is on the disk (fsync) before the answer is used. A last line that was cut off is not read, and the next writer begins a
new one. Several threads share one object: of those that want the same answer one asks and the others wait for it. Several
processes may share one file; two that ask at the same moment may then both pay.
"""

from __future__ import annotations

import json
import os
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, get_args

from rung.cache import storage_error
from rung.models.base import Finish, Reply
from rung.task import Usage


class AnswerFile:
    """Replies by key.

    Args:
        path: where they are kept. None: nowhere; every question is then asked.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._replies: dict[str, Reply] = {}
        self._asked: dict[str, Future[None]] = {}
        self._read_to = 0

    def refresh(self) -> None:
        """Read what was added since the last time, by whomever.

        Raises:
            StorageError: the file cannot be read.
        """
        if self.path is None:
            return
        with self._lock:
            try:
                with self.path.open("rb") as handle:
                    handle.seek(self._read_to)
                    added = handle.read()
            except FileNotFoundError:
                return
            except OSError as error:
                raise storage_error(error, self.path) from error
            whole = added[: added.rfind(b"\n") + 1]
            self._read_to += len(whole)
            for line in whole.splitlines():
                found = _read(line)
                if found is not None:
                    self._replies.setdefault(*found)

    def get(self, key: str) -> Reply | None:
        """The reply kept under `key`."""
        with self._lock:
            return self._replies.get(key)

    def claim(self, key: str) -> Reply | Future[None] | None:
        """The reply to `key`, or leave to ask for it.

        Returns:
            A future while another thread asks: wait for it and claim again. None: ask, and then `release` in any case.
        """
        if self.path is None:
            return None
        with self._lock:
            if key in self._replies:
                return self._replies[key]
            if key in self._asked:
                return self._asked[key]
            self._asked[key] = Future()
            self._asked[key].set_running_or_notify_cancel()  # one who stops waiting must not cancel it for others
            return None

    def release(self, key: str) -> None:
        """Let those go on who wait for `key`."""
        with self._lock:
            waited_for = self._asked.pop(key, None)
        if waited_for is not None:
            waited_for.set_result(None)

    def keep(self, key: str, reply: Reply) -> None:
        """Put a reply on the disk.

        Raises:
            StorageError: the disk is full or the folder cannot be written.
        """
        if self.path is None:
            return
        line = json.dumps({"key": key, **_plain(reply)}).encode() + b"\n"
        with self._lock:
            self._append(self.path, line)
            self._replies.setdefault(key, reply)

    def _append(self, path: Path, line: bytes) -> None:
        from filelock import FileLock

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"), path.open("a+b") as handle:
                if handle.tell():
                    handle.seek(-1, os.SEEK_END)
                    if handle.read(1) != b"\n":
                        line = b"\n" + line  # the last writer was cut off
                handle.write(line)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            raise storage_error(error, path) from error


def _plain(reply: Reply) -> dict[str, Any]:
    usage = reply.usage
    counts = {"in": usage.tokens_in, "out": usage.tokens_out, "cached": usage.tokens_cached, "seconds": usage.seconds}
    told = {"reasoning": reply.reasoning, "reason": reply.reason}
    return {"text": reply.text, "finish": reply.finish, "usage": counts, **{k: v for k, v in told.items() if v}}


def _read(line: bytes) -> tuple[str, Reply] | None:
    try:
        row = json.loads(line)
        counts = row["usage"]
        usage = Usage(int(counts["in"]), int(counts["out"]), int(counts["cached"]), float(counts["seconds"]))
        told = (str(row.get("reasoning", "")), str(row.get("reason", "")))
        reply = Reply(str(row["text"]), row["finish"], usage, *told)
        return (str(row["key"]), reply) if reply.finish in get_args(Finish) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
