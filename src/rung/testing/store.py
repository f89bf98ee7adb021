"""The contract of a store of records: `check_store`. Knows `Store`'s methods, not where it keeps things, and no pytest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from rung.errors import RungError, UnknownNameError, UsageError
from rung.evaluation.records import Arm, ComparisonRecord, Latency, RowResult, Run
from rung.plan import Limits, Prices
from rung.store import Store
from rung.task import Label, Task

MakeStore = Callable[[], Store]


def a_record(comparison: str = "mail-1", name: str = "mail", **changes: Any) -> ComparisonRecord:
    """A comparison without runs; `changes` replace its fields."""
    values: dict[str, Any] = {
        "id": comparison,
        "task": Task(name=name, labels=(Label(name="a"), Label(name="b", description="the other"))),
        "limits": Limits(),
        "prices": Prices(),
        "task_path": "mail/task.yaml",
        "data_fingerprint": "f" * 64,
        "created_at": "2026-01-02T03:04:05.000006+00:00",
        "counts": {"train": 4, "test": 2},
        "warnings": ("one row is empty",),
        "inputs": {"test:0": "naïve — “text”\x00\n", "test:1": "😀"},
    }
    return ComparisonRecord(**{**values, **changes})


def a_run(arm: str = "lora", seed: int = 0, comparison: str = "mail-1", **changes: Any) -> Run:
    """A done run with two rows; `changes` replace its fields."""
    rows = tuple(
        RowResult(
            row=f"test:{i}", expected=("a", "b"), output="a" if i else None, score=float(i), probabilities=(0.1, 0.9)
        )
        for i in range(2)
    )
    values: dict[str, Any] = {
        "comparison": comparison,
        "arm": Arm(name=arm, method=arm, rung=3, knobs={"rank": 8, "nested": {"x": [1, None]}}),
        "seed": seed,
        "status": "done",
        "rows": rows,
        "train_seconds": 1.25,
        "details": {"curve": [0.1, 0.2]},
        "finished_at": f"2026-01-02T03:04:06.{seed:06}+00:00",
        "prediction_sha": "a" * 64,
    }
    return Run(**{**values, **changes})


def a_latency(run: Run, p50_ms: float = 1.5) -> Latency:
    """A latency of the run's arm."""
    return Latency(
        arm_id=run.arm.id,
        p50_ms=p50_ms,
        p95_ms=2,
        rows_per_s=9,
        requests=50,
        load=0.1,
        threads=1,
        measured_at="2026-01-02",
    )


def check_store(make_store: MakeStore) -> None:
    """Run every part of the contract, each on a store that `make_store` opens blank.

    Raises:
        AssertionError: a promise is broken; the message begins with the name of the part.
    """
    for part in (gives_back, keeps_the_first, retries, finds, orders, refuses_strangers, bears_threads):
        with make_store() as store:
            try:
                part(store)
            except AssertionError as error:
                raise AssertionError(f"{part.__name__}: {error}") from error


@contextmanager
def raises(kind: type[RungError], part: str = "") -> Iterator[list[str]]:
    """The block must raise `kind` with `part` in its message; yields a list that will hold the message."""
    told: list[str] = []
    try:
        yield told
    except kind as error:
        told.append(str(error))
        assert part in told[0], f"the message lacks {part!r}: {told[0]}"
    else:
        raise AssertionError(f"no {kind.__name__} came")


def gives_back(store: Store) -> None:
    """What was added comes back equal."""
    record, runs = a_record(), (a_run("full"), a_run("lora"), a_run("lora", 1))
    assert store.add_comparison(record)
    assert all(store.add_run(run) for run in runs)
    assert store.add_latency(record.id, a_latency(runs[0]))
    found = store.comparison(record.id)
    assert found == record.model_copy(update={"runs": runs, "latencies": (a_latency(runs[0]),)})
    assert store.statuses(record.id) == {run.key: ("done", run.arm.name) for run in runs}


def keeps_the_first(store: Store) -> None:
    """A second record under one key is kept out, and said; limits may be amended."""
    record, run = a_record(), a_run()
    store.add_comparison(record)
    assert not store.add_comparison(record.model_copy(update={"created_at": "2027"}))
    assert store.add_run(run)
    assert not store.add_run(run.model_copy(update={"train_seconds": 9.0}))
    assert not store.add_run(run.model_copy(update={"status": "failed"}))
    assert store.add_latency(record.id, a_latency(run))
    assert not store.add_latency(record.id, a_latency(run, 7))
    amended = record.model_copy(update={"limits": Limits(tolerance=0.2), "created_at": "2027"})
    assert store.add_comparison(amended)
    found = store.comparison(record.id)
    assert (found.limits.tolerance, found.created_at) == (0.2, record.created_at)
    assert (found.runs, found.latencies[0].p50_ms) == ((run,), 1.5)


def retries(store: Store) -> None:
    """A failed or skipped run gives way to the next attempt."""
    store.add_comparison(a_record())
    for status in ("failed", "skipped", "done"):
        assert store.add_run(a_run(status=status, reason=status))
        assert [run.reason for run in store.comparison("mail-1").runs] == [status]


def finds(store: Store) -> None:
    """By id, task name, beginning, `last`; unknown and ambiguous names are told."""
    with raises(UnknownNameError, "no comparison named 'last'") as told:
        store.comparison()
    assert "rung compare" in told[0]
    store.add_comparison(a_record("mail-1", created_at="2026-01-01"))
    store.add_comparison(a_record("mail-2", created_at="2026-01-03"))
    store.add_comparison(a_record("maps-1", "maps", created_at="2026-01-02"))
    names = ("mail-1", "mail-2", "mail", "mai", "maps-", "last")
    assert [store.comparison(name).id for name in names] == ["mail-1", "mail-2", "mail-2", "mail-2", "maps-1", "mail-2"]
    store.add_run(a_run(comparison="maps-1"))
    store.add_run(a_run("other", comparison="maps-1", status="failed"))
    assert store.comparison("last").id == "mail-2"  # begun later than the run was finished
    store.add_run(a_run("third", comparison="maps-1", finished_at="2026-01-04"))
    assert store.comparison("last").id == "maps-1"
    assert [(i.id, i.done, i.failed, i.skipped) for i in store.list_comparisons()] == [
        ("mail-2", 0, 0, 0),
        ("maps-1", 2, 1, 0),
        ("mail-1", 0, 0, 0),
    ]
    with raises(UsageError, "several tasks"):
        store.comparison("ma")
    with raises(UnknownNameError, "'male-1'") as told:
        store.comparison("male-1")
    assert "did you mean 'mail-1'?" in told[0]


def orders(store: Store) -> None:
    """By rung, size, model, seed: not by when a run happened to be recorded."""
    store.add_comparison(a_record())
    small, large, whole = (a_run(arm=f"n{n}", n_train=n or 0) for n in (10, 50, None))
    arms = [run.arm.model_copy(update={"n_train": n}) for run, n in ((small, 10), (large, 50), (whole, None))]
    low = a_run("majority").arm.model_copy(update={"rung": 0})
    wanted = [(low, 0), (arms[0], 0), (arms[0], 1), (arms[1], 0), (arms[2], 0)]
    for arm, seed in reversed(wanted):
        store.add_run(a_run(seed=seed).model_copy(update={"arm": arm}))
    assert [(run.arm, run.seed) for run in store.comparison("mail-1").runs] == wanted


def refuses_strangers(store: Store) -> None:
    """Nothing is added to a comparison nobody knows."""
    with raises(UnknownNameError):
        store.add_run(a_run())
    with raises(UnknownNameError):
        store.add_latency("mail-1", a_latency(a_run()))


def bears_threads(store: Store) -> None:
    """Many threads add at once; each key is kept once."""
    store.add_comparison(a_record())
    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(lambda i: store.add_run(a_run(seed=i % 20)), range(40)))
    assert sum(added) == 20
    assert [run.seed for run in store.comparison("mail-1").runs] == list(range(20))
