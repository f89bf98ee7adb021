"""How long one request takes: a phase of its own, after all fitting, one arm at a time, with nothing remembered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rung.errors import DataError
from rung.evaluation.environment import threads
from rung.evaluation.records import Latency
from rung.methods.base import Fitted
from rung.task import Input

WARM_UP = 3
MOST_S = 20.0
FEWEST = 10


def measure_latency(
    fitted: Fitted,
    inputs: Sequence[Input],
    arm_id: str,
    clock: Callable[[], float] = time.perf_counter,
    requests: int = 50,
    batch: int = 32,
) -> Latency:
    """Time single requests, then batches, on inputs taken in turn.

    A slow arm is stopped after 20 s (but not before ten requests); `Latency.requests` says how many were made.

    Args:
        fitted: asked through `without_cache()`, so that every request computes all it needs.
        inputs: at least one. requests: single requests. batch: rows a batch.

    Raises:
        DataError: there are no inputs.
    """
    if not inputs:
        raise DataError("latency cannot be measured without inputs")
    others = OtherWork()
    fresh = fitted.without_cache()
    fresh.predict(_take(inputs, 0, batch))
    for i in range(WARM_UP):
        fresh.predict(_take(inputs, i, 1))
    seconds: list[float] = []
    while len(seconds) < requests and (len(seconds) < FEWEST or sum(seconds) < MOST_S):
        rows = _take(inputs, WARM_UP + len(seconds), 1)
        start = clock()
        fresh.predict(rows)
        seconds.append(clock() - start)
    rows_per_s = _throughput(fresh, inputs, batch, clock)
    return Latency(
        arm_id=arm_id,
        p50_ms=1000 * _quantile(seconds, 0.5),
        p95_ms=1000 * _quantile(seconds, 0.95),
        rows_per_s=rows_per_s,
        requests=len(seconds),
        load=others.cores(),
        threads=threads(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def latency_of_requests(arm_id: str, seconds: Sequence[float]) -> Latency:
    """Latency from requests that were made anyway, one after another or side by side: asking again would be paid again.

    Raises:
        DataError: there were none.
    """
    if not seconds:
        raise DataError("latency cannot be told without requests")
    return Latency(
        arm_id=arm_id,
        p50_ms=1000 * _quantile(seconds, 0.5),
        p95_ms=1000 * _quantile(seconds, 0.95),
        rows_per_s=len(seconds) / max(sum(seconds), 1e-9),
        requests=len(seconds),
        load=0.0,
        threads=threads(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


class OtherWork:
    """Cores that other processes keep busy from here on. The load average would count our own work of the minute before."""

    def __init__(self) -> None:
        self._began = self._now()

    def cores(self) -> float:
        """Mean since the beginning; at least 0."""
        wall, busy, own = (now - then for now, then in zip(self._now(), self._began, strict=True))
        return max(0.0, busy - own) / max(wall, 1e-3)

    def _now(self) -> tuple[float, float, float]:
        import psutil

        times = psutil.cpu_times()._asdict()
        idle = times.get("idle", 0.0) + times.get("iowait", 0.0)
        # a guest's time stands in `user` already
        total = sum(seconds for name, seconds in times.items() if not name.startswith("guest"))
        return time.monotonic(), total - idle, time.process_time()


def _throughput(fresh: Fitted, inputs: Sequence[Input], batch: int, clock: Callable[[], float]) -> float:
    rounds, spent = 0, 0.0
    while rounds < 5 and (rounds == 0 or spent < MOST_S / 4):
        rows = _take(inputs, rounds * batch, batch)
        start = clock()
        fresh.predict(rows)
        spent += clock() - start
        rounds += 1
    return rounds * batch / max(spent, 1e-9)  # a clock may be too coarse to see the fastest arms


def _take(inputs: Sequence[Input], start: int, number: int) -> list[Input]:
    return [inputs[(start + i) % len(inputs)] for i in range(number)]


def _quantile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between order statistics (Hyndman & Fan 1996, type 7)."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
