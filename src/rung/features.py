"""Texts encoded once per model and text, kept in memory and in the cache, shared by every rung that can use them.

Each vector keeps the seconds its encoding took, and whoever uses it is charged them (`ledger.charge`), so that an arm's cost is
what it would be on a cold machine, whatever ran before it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from rung.cache import Cache, key_of
from rung.events import Events
from rung.models.base import Encoded, Encoder
from rung.task import Input

Value = TypeVar("Value")
#: So many computed values are kept in memory, the oldest dropped first; a linear probe takes a few megabytes at most.
KEPT_VALUES = 64


class Charges(Protocol):
    """Whoever keeps an arm's account."""

    def charge(self, cold_s: float, spent_s: float = 0.0) -> None:
        """Charge work that takes `cold_s` seconds alone and took `spent_s` now."""


def text_key(item: Input) -> str:
    """Identity of an input's text for the cache."""
    return hashlib.sha256("\x1f".join((*item.segments, "pair" if item.pair else "")).encode()).hexdigest()


class Features:
    """The store of encoded texts. `Features()` keeps them in memory only.

    Disk entries are blocks: one file per call that had anything new, with the keys of its rows; all blocks of a model are read
    when it is first asked for.
    """

    def __init__(self, cache: Cache | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self.cache = cache or Cache(None)
        self.clock = clock
        self.ledger: Charges | None = None
        self._rows: dict[str, dict[str, tuple[np.ndarray, int, bool, float]]] = {}
        self._charged: set[tuple[str, str]] = set()
        self._values: dict[str, tuple[Any, float]] = {}
        self._locks: dict[str, threading.RLock] = {}

    def charging(self, ledger: Charges) -> Features:
        """The same store for one arm: charges `ledger`, also where `of` is given none (predicting has no kit, yet its price).

        A text is charged once, however often the arm asks for it: alone on a cold machine it would have been encoded once.
        """
        view = Features(self.cache, self.clock)
        view.ledger, view._rows = ledger, self._rows
        view._values, view._locks = self._values, self._locks
        return view

    def shared(self, key: str, compute: Callable[[], Value], ledger: Charges | None = None) -> Value:
        """What `compute` returns, computed once for all arms of a comparison and kept in memory.

        Every arm is charged the seconds that it took, as if it had computed the value itself; once, however often it asks.

        Args:
            key: stands for everything that the value follows from (`rung.cache.key_of`): revision of the model, rows, knobs.
            compute: no arguments. Vectors it needs are asked for before: what it charged inside, only the first arm would pay.
                Its value is shared, so nobody may change it.
        """
        start = self.clock()
        with self._locks.setdefault(key, threading.RLock()):  # arms in threads: the second waits for the first
            known = self._values.get(key)
            if known is None:
                began = self.clock()
                value = compute()
                known = self._values[key] = (value, self.clock() - began)
                if len(self._values) > KEPT_VALUES:
                    self._values.pop(next(iter(self._values)), None)
        account = self.ledger if ledger is None else ledger
        if account is not None:
            again = account is self.ledger and ("shared", key) in self._charged
            self._charged.add(("shared", key))
            account.charge(0.0 if again else known[1], self.clock() - start)
        shared: Value = known[0]
        return shared

    def of(
        self,
        model: Encoder,
        inputs: Sequence[Input],
        ledger: Charges | None = None,
        *,
        layers: str = "last",
        events: Events | None = None,
    ) -> Encoded:
        """Vectors of `inputs`, in order; what is not known yet is encoded, each distinct text once."""
        start = self.clock()
        space = key_of("features", model.info.revision, layers)
        keys = [text_key(item) for item in inputs]
        with self._locks.setdefault(
            space, threading.RLock()
        ):  # an arm that asks for the same texts waits for the first
            known = self._rows.get(space)
            if known is None:
                known = self._rows[space] = self._read(space)
            missing = {key: item for key, item in zip(keys, inputs, strict=True) if key not in known}
            if missing:
                self._encode(space, missing, model, layers, events)
        if not keys:
            return model.encode([], layers=layers)
        rows = [known[key] for key in keys]
        out = Encoded(
            np.stack([row[0] for row in rows]),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] for row in rows], np.bool_),
            np.array([row[3] for row in rows], np.float64),
        )
        account = self.ledger if ledger is None else ledger
        if account is not None:
            alone_s = self._alone_s(space, keys, out) if account is self.ledger else float(out.seconds_N.sum())
            account.charge(alone_s, self.clock() - start)
        return out

    def _encode(
        self, space: str, missing: dict[str, Input], model: Encoder, layers: str, events: Events | None
    ) -> None:
        """Encode inputs that are not known, and keep them."""
        fresh = model.encode(list(missing.values()), layers=layers, events=events)
        for i, key in enumerate(missing):
            self._rows[space][key] = (
                fresh.vectors_ND[i],
                int(fresh.tokens_N[i]),
                bool(fresh.truncated_N[i]),
                float(fresh.seconds_N[i]),
            )
        self._write(space, list(missing), fresh)

    def _alone_s(self, space: str, keys: Sequence[str], out: Encoded) -> float:
        """Seconds of the texts that this arm asks for the first time."""
        fresh = {}
        for key, seconds in zip(keys, out.seconds_N, strict=True):
            if (space, key) not in self._charged:
                fresh[key] = float(seconds)
        self._charged.update((space, key) for key in fresh)
        return sum(fresh.values())

    def _index(self, space: str) -> list[str]:
        folder = self.cache.folder
        if folder is None or not (folder / "features" / space[:16]).exists():
            return []
        return sorted(p.name for p in (folder / "features" / space[:16]).iterdir())

    def _read(self, space: str) -> dict[str, tuple[np.ndarray, int, bool, float]]:
        known: dict[str, tuple[np.ndarray, int, bool, float]] = {}
        for block in self._index(space):
            arrays = self.cache.get(block)
            if arrays is None:
                continue
            keys = arrays["keys"].tobytes().decode().split("\n")
            for i, key in enumerate(keys):
                known[key] = (
                    arrays["vectors"][i],
                    int(arrays["tokens"][i]),
                    bool(arrays["truncated"][i]),
                    float(arrays["seconds"][i]),
                )
        return known

    def _write(self, space: str, keys: list[str], fresh: Encoded) -> None:
        if self.cache.folder is None:
            return
        block = key_of(space, keys)
        self.cache.put(
            block,
            {
                "keys": np.frombuffer("\n".join(keys).encode(), np.uint8),
                "vectors": fresh.vectors_ND,
                "tokens": fresh.tokens_N,
                "truncated": fresh.truncated_N.astype(np.uint8),
                "seconds": fresh.seconds_N,
            },
        )
        marker = self.cache.folder / "features" / space[:16] / block
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()
