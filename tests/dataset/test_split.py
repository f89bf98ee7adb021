"""Splits: their shares, classes and groups, and that they are equal on every machine."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from rung.dataset.split import cut_validation, nested, split
from rung.task import Example, Task, as_input

TASK = Task(name="t")


def examples(*classes: int, group: int = 0) -> list[Example]:
    """Examples with `classes[i]` rows of class i; `group` rows in a row form a group."""
    labels = [f"c{label}" for label, n in enumerate(classes) for _ in range(n)]
    return [
        Example(f"train:{i}", as_input(f"text {i}"), label, f"g{i // group}" if group else None)
        for i, label in enumerate(labels)
    ]


def counts(rows: tuple[Example, ...]) -> dict[str, int]:
    return dict(Counter(str(e.output) for e in rows))


def test_each_class_gives_its_share() -> None:
    kept, held = split(examples(100, 50, 10), 0.2, 0)
    assert counts(held) == {"c0": 20, "c1": 10, "c2": 2}
    assert {e.id for e in kept} | {e.id for e in held} == {f"train:{i}" for i in range(160)}
    assert len(kept) + len(held) == 160
    ids = [int(e.id[6:]) for e in held]
    assert ids == sorted(ids)


def test_largest_remainders_fill_the_share() -> None:
    _, held = split(examples(*[3] * 50), 0.2, 0)
    assert len(held) == 30
    assert set(counts(held).values()) == {1}


def test_another_seed_another_split() -> None:
    rows = examples(100, 100)
    parts = {tuple(e.id for e in split(rows, 0.2, seed)[1]) for seed in range(5)}
    assert len(parts) == 5


def test_the_order_of_the_file_does_not_matter() -> None:
    rows = examples(30, 20)
    assert {e.id for e in split(rows, 0.3, 7)[1]} == {e.id for e in split(rows[::-1], 0.3, 7)[1]}


@pytest.mark.parametrize("size", [2, 5, 9])
def test_groups_stay_together(size: int) -> None:
    kept, held = split(examples(120, 60, group=size), 0.2, 0)
    assert not {e.group for e in kept} & {e.group for e in held}
    assert abs(len(held) - 36) <= size
    assert set(counts(kept)) == {"c0", "c1"}


def test_equal_inputs_stay_together() -> None:
    rows = [
        Example(f"train:{i}", as_input(f" Text {i // 3}" if i % 3 else f"text {i // 3}"), "ab"[i % 2])
        for i in range(90)
    ]
    kept, held = split(rows, 0.3, 0)
    assert held
    assert not {e.input.text.strip().lower() for e in kept} & {e.input.text.strip().lower() for e in held}


def test_chains_of_groups_and_equal_inputs_are_one_unit() -> None:
    rows = [Example(f"train:{i}", as_input(f"t{(i + 1) // 2}"), "a", f"g{i // 2}") for i in range(10)]
    rows += [Example(f"train:{i}", as_input(f"free {i}"), "a") for i in range(10, 40)]
    for seed in range(10):
        kept, _ = split(rows, 0.5, seed)
        assert sum(int(e.id[6:]) < 10 for e in kept) in (0, 10)


def test_groups_too_large_for_the_share_still_give_a_part() -> None:
    kept, held = split(examples(40, group=20), 0.2, 0)
    assert (len(kept), len(held)) == (20, 20)
    kept, held = split(examples(20, group=20), 0.2, 0)
    assert (len(kept), len(held)) == (20, 0)


@pytest.mark.parametrize(("n", "share"), [(100, 0.2), (999, 0.2), (1000, 0.1), (8000, 0.1), (20_000, 0.05)])
def test_validation_share(n: int, share: float) -> None:
    train, validation = cut_validation(examples(n // 2, n - n // 2), TASK, 0)
    assert len(validation) == int(n * share + 0.5)
    assert len(train) == n - len(validation)


def test_classes_of_one_example_stay_in_train() -> None:
    train, validation = cut_validation(examples(20, 1, 2, 1), TASK, 0)
    assert {"c0", "c1", "c2", "c3"} == set(counts(train))
    assert not {"c1", "c3"} & set(counts(validation))
    train, validation = cut_validation(examples(1, 1), TASK, 0)
    assert (len(train), len(validation)) == (2, 0)
    assert cut_validation([], TASK, 0) == ((), ())


def test_nested_subsets() -> None:
    rows = examples(60, 30, 8, 2)
    smaller: set[str] = set()
    for size in range(2, 101):
        subset = nested(rows, size, 3)
        assert len(subset) == size
        ids = {e.id for e in subset}
        assert smaller <= ids
        smaller = ids
        if size >= 4:
            assert len(counts(subset)) == 4
    assert nested(rows, 1_000, 3) == tuple(rows)
    assert counts(nested(rows, 50, 3)) == {"c0": 30, "c1": 15, "c2": 4, "c3": 1}
    assert {e.id for e in nested(rows, 20, 4)} != {e.id for e in nested(rows, 20, 3)}


def test_several_labels_are_stratified_on_the_first() -> None:
    rows = [Example(f"train:{i}", as_input(f"t {i}"), (("a", "z"), ("b",), ())[i % 3]) for i in range(60)]
    _, held = split(rows, 0.2, 0)
    assert Counter(e.output for e in held) == {("a", "z"): 4, ("b",): 4, (): 4}


def test_the_same_on_every_machine() -> None:
    rows = examples(12, 8)
    assert [int(e.id[6:]) for e in split(rows, 0.25, 0)[1]] == [1, 2, 4, 12, 14]
    assert [int(e.id[6:]) for e in nested(rows, 5, 0)] == [1, 6, 11, 18, 19]


def test_hash_randomisation_changes_nothing() -> None:
    code = (
        "from rung.task import Example, as_input; from rung.dataset.split import split, nested\n"
        "rows = [Example(f'train:{i}', as_input(f'text {i % 97}'), f'c{i % 7}', f'g{i % 31}') for i in range(300)]\n"
        "print([e.id for e in split(rows, 0.2, 5)[1]], [e.id for e in nested(rows, 40, 5)])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 100
