"""What arms share: computed once, charged to everyone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rung.features import KEPT_VALUES, Features
from rung.methods.base import Ledger
from rung.models.base import Encoded
from rung.models.encoder import TransformerEncoder
from rung.task import as_input


class Clock:
    """Seconds that pass only when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def working(self, seconds: float, value: object = None) -> Callable[[], object]:
        """A computation that takes so long."""

        def compute() -> object:
            self.now += seconds
            return value

        return compute


def test_a_value_is_computed_once_and_every_arm_pays_for_it() -> None:
    clock, ledgers = Clock(), (Ledger(), Ledger())
    store = Features(clock=clock)
    arms = [store.charging(ledger) for ledger in ledgers]
    value = object()
    start = clock.now
    assert arms[0].shared("probe", clock.working(3.0, value), ledgers[0]) is value
    assert clock.now - start + ledgers[0].extra_s == pytest.approx(3.0)
    start = clock.now
    assert arms[1].shared("probe", clock.working(99.0), ledgers[1]) is value
    assert clock.now == start and ledgers[1].extra_s == pytest.approx(3.0)


def test_an_arm_pays_once_however_often_it_asks() -> None:
    clock, ledger = Clock(), Ledger()
    store = Features(clock=clock)
    store.shared("probe", clock.working(3.0, 1))
    arm = store.charging(ledger)
    assert [arm.shared("probe", clock.working(3.0, 2)) for _ in range(3)] == [1, 1, 1]
    assert ledger.extra_s == pytest.approx(3.0)
    assert arm.shared("another", clock.working(2.0, 2)) == 2
    assert ledger.extra_s == pytest.approx(3.0)


def test_memory_is_bounded() -> None:
    store, clock = Features(), Clock()
    for i in range(KEPT_VALUES + 1):
        store.shared(str(i), clock.working(0.0, i))
    assert store.shared("0", clock.working(0.0, "anew")) == "anew"
    assert store.shared(str(KEPT_VALUES), clock.working(0.0, "anew")) == KEPT_VALUES


def test_arms_in_threads_compute_once() -> None:
    store = Features()
    calls = []

    def compute() -> int:
        calls.append(1)
        time.sleep(0.05)
        return 7

    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(store.charging(Ledger()).shared("x", compute))) for _ in "abc"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [7, 7, 7] and len(calls) == 1


def test_a_computation_that_fails_leaves_nothing() -> None:
    store = Features()

    def fail() -> int:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.shared("x", fail)
    assert store.shared("x", lambda: 1) == 1


def test_arms_in_threads_encode_a_text_once_and_each_pays(tiny_encoder: TransformerEncoder) -> None:
    store, calls = Features(), []

    class Counting(TransformerEncoder):
        def encode(self, inputs: Any, **options: Any) -> Encoded:
            calls.append(len(inputs))
            time.sleep(0.05)
            return super().encode(inputs, **options)

    model = Counting("tiny", Path(tiny_encoder.info.path or ""))
    ledgers = [Ledger() for _ in range(4)]

    def ask(ledger: Ledger) -> None:
        store.charging(ledger).of(model, [as_input("a good fox"), as_input("a bad word")])

    threads = [threading.Thread(target=ask, args=(ledger,)) for ledger in ledgers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == [2]
    # seconds spent waiting for another arm are taken off again: with the wall's 0.05 they make the cold seconds
    assert all(-0.5 < ledger.extra_s < -0.04 for ledger in ledgers)
