"""How long a hosted model is waited for, how often it is asked again, and how many requests are on their way at once."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_FIRST_S, _LONGEST_S = 0.5, 30.0


@dataclass(frozen=True)
class Patience:
    """Bounds on waiting for one prompt's answer.

    Attributes:
        tries: requests for one prompt, at most. wait_s: waited between them in all, requests that timed out included.
        connect_s: until a connection stands. request_s: from sending a request to its whole answer.
        sleep: how time passes between tries; tests give their own.
    """

    tries: int = 8
    wait_s: float = 600.0
    connect_s: float = 10.0
    request_s: float = 180.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def delay_s(self, failed: int, told_s: float | None) -> float:
        """Seconds to wait after so many failed tries: never less than the endpoint `told_s`; else doubling, with jitter."""
        if told_s is not None:
            return told_s * random.uniform(1.0, 1.1)
        return min(_LONGEST_S, _FIRST_S * 2.0 ** (failed - 1)) * random.uniform(0.5, 1.0)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """What `Retry-After` says: seconds, or until a date; `retry-after-ms` goes before. None where it says nothing readable.

    >>> retry_after_s({"retry-after": "7"}), retry_after_s({"retry-after-ms": "250", "retry-after": "7"})
    (7.0, 0.25)
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "nan")) * unit_s
        except ValueError:
            continue
        if not math.isnan(seconds):
            return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(headers.get("retry-after", "")).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class Gate:
    """Lets so many through at a time, across all threads and their event loops (asyncio's own semaphore knows but one)."""

    def __init__(self, places: int) -> None:
        self._lock = threading.Lock()
        self._free = places
        self._queue: deque[Future[None]] = deque()

    async def __aenter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn: Future[None] = Future()
            self._queue.append(turn)
        try:
            await asyncio.wrap_future(turn)
        except BaseException:
            if not turn.cancel():  # the place was given already: on to the next
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            while self._queue:
                turn = self._queue.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)
                    return
            self._free += 1
