"""Judging a fitted arm: scores, hashes, costs, and what cannot be stored."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rung.errors import DataError, RungError
from rung.evaluation.environment import environment, threads
from rung.evaluation.evaluate import evaluate, plain, prediction_sha, score
from rung.evaluation.latency import OtherWork, measure_latency
from rung.evaluation.records import RowResult
from rung.methods.base import Fitted, Ledger
from rung.task import Example, Input, Output, Prediction, Task, Usage, as_input


@dataclass
class Echo(Fitted):
    """Answers with the text itself; a row takes a second, or nothing where it was seen before and `remembers`."""

    task: Task = field(default_factory=lambda: Task(name="t"))
    remembers: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    drop: int = 0
    now: list[float] = field(default_factory=lambda: [0.0])
    asked: list[int] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    details: dict[str, Any] = field(default_factory=dict)
    validation_score: float | None = None
    trainable_parameters: int = 0

    def predict(self, inputs: Sequence[Input]) -> list[Prediction]:
        self.asked.append(len(inputs))
        fresh = [item for item in inputs if not (self.remembers and item.text in self.seen)]
        self.now[0] += len(fresh)
        self.ledger.charge(len(inputs), len(fresh))
        self.seen |= {item.text for item in inputs}
        return [Prediction(item.text, math.nan, (0.5, math.inf), usage=Usage(2)) for item in inputs][self.drop :]

    def without_cache(self) -> Fitted:
        return Echo(now=self.now, asked=self.asked)

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @property
    def weights_sha(self) -> str:
        return ""


def rows(*outputs: Output) -> list[Example]:
    return [Example(f"test:{i}", as_input("a"), output, group="g") for i, output in enumerate(outputs)]


def test_rows_are_scored_in_order_and_shared_work_is_charged_in_full() -> None:
    fitted = Echo(remembers=True)
    fitted.predict([as_input("a")])
    judged = evaluate(fitted, rows("a", "b"), fitted.ledger, lambda: fitted.now[0])
    assert judged.rows == (
        RowResult(row="test:0", expected="a", output="a", score=1.0, group="g"),
        RowResult(row="test:1", expected="b", output="a", score=0.0, group="g"),
    )
    assert judged.predict_seconds == 2.0  # the clock showed none of them
    assert judged.tokens_in == 4
    assert judged.prediction_sha == prediction_sha(["a", "a"])


def test_no_rows() -> None:
    judged = evaluate(Echo(), [])
    assert (judged.rows, judged.tokens_in) == ((), 0)


def test_one_prediction_a_row() -> None:
    with pytest.raises(RungError, match="1 predictions came for 2 rows"):
        evaluate(Echo(drop=1), rows("a", "b"))


def test_scores_of_one_label_several_and_none() -> None:
    assert score("a", "a") == 1.0
    assert score("a", "A") == score("a", None) == score(("a",), "a") == 0.0
    assert score(("a", "b"), ("b", "a")) == score((), ()) == 1.0
    assert score(("a", "b"), ("a",)) == 0.0


def test_entities_are_right_whatever_their_spelling_as_json() -> None:
    expected, spaced = (
        '[{"type": "x", "text": "a", "start": 0, "end": 1}]',
        '[{"text":"a","start":0,"end":1,"type":"x"}]',
    )
    assert score(expected, spaced, "extract") == 1.0
    assert score(expected, "[]", "extract") == score("[]", None, "extract") == 0.0
    task = Task(name="t", kind="extract")
    judged = evaluate(Echo(task=task), [Example("test:0", as_input(spaced), expected)], clock=lambda: 0.0)
    assert [row.score for row in judged.rows] == [1.0]


def test_the_hash_tells_outputs_their_order_and_none_apart() -> None:
    outputs: list[list[Output | None]] = [["a", "b"], ["b", "a"], ["ab"], ["a", None], ["a", "null"], [("a", "b")]]
    assert len({prediction_sha(one) for one in outputs}) == len(outputs)
    assert prediction_sha([]) == prediction_sha(())


def test_details_become_json_values() -> None:
    given = {"c": np.float32(0.5), "curve": np.array([1, 2]), 3: (math.nan, None, True), "path": Path("x"), "s": {1}}
    assert plain(given) == {"c": 0.5, "curve": [1, 2], "3": [None, None, True], "path": "x", "s": [1]}


def test_latency_bypasses_the_cache_and_counts_what_it_asked() -> None:
    fitted = Echo(remembers=True)
    texts = [as_input(str(i)) for i in range(5)]
    fitted.predict(texts)
    fitted.asked.clear()
    found = measure_latency(fitted, texts, "arm", lambda: fitted.now[0], requests=20, batch=4)
    assert (found.p50_ms, found.p95_ms, found.rows_per_s) == (1000.0, 1000.0, 1.0)
    assert (found.arm_id, found.requests, found.threads) == ("arm", 20, threads())
    assert found.load >= 0
    assert fitted.asked == [4, 1, 1, 1] + [1] * 20 + [4, 4]  # 8 s for two batches: enough


def test_other_work_is_told_from_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(100.0, 50.0, 10.0), (110.0, 69.0, 25.0), (100.0, 50.0, 10.0), (110.0, 59.0, 20.0)])
    with monkeypatch.context() as patched:
        patched.setattr(OtherWork, "_now", lambda self: next(readings))
        assert OtherWork().cores() == pytest.approx(0.4)  # 19 s of all cores in 10 s, 15 of them ours
        assert OtherWork().cores() == 0.0  # ticks are coarse: never less than nothing
    others = OtherWork()
    busy = "import sys, time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass"
    subprocess.run([sys.executable, "-c", busy], check=True)
    assert others.cores() > 0.2


def test_slow_arms_are_stopped_after_ten_requests() -> None:
    fitted = Echo()
    now = [0.0]

    def clock() -> float:
        now[0] += 3.0
        return now[0]

    assert measure_latency(fitted, [as_input("a")], "arm", clock).requests == 10


def test_quantiles_are_interpolated() -> None:
    readings = iter([x for i in range(100) for x in (10.0 * i, 10.0 * i + (i + 1) / 1000)])
    found = measure_latency(Echo(), [as_input("a")], "arm", lambda: next(readings), requests=11)
    assert (round(found.p50_ms, 6), round(found.p95_ms, 6)) == (6.0, 10.5)


def test_latency_needs_inputs() -> None:
    with pytest.raises(DataError):
        measure_latency(Echo(), [], "arm")


def test_the_environment_says_what_is_needed_to_repeat() -> None:
    found = environment()
    assert {"python", "numpy", "torch", "transformers"} <= set(found["versions"])
    assert set(found) == {"versions", "threads", "dtype", "device", "platform", "processor", "cores"}
    assert found["threads"] >= 1
    assert plain(found) == found
