"""The contract of a method: `check_method`, `check_methods`, and `check_cells` for grids. Knows no particular method."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rung.methods.base import Method
from rung.models.base import Model
from rung.task import Prediction
from rung.testing.checks import MethodChecks, assert_reason
from rung.testing.fresh import OPENER, Saved, predict_in_fresh_process
from rung.testing.sound import assert_same, check
from rung.testing.toy import TOY_KINDS, Toy, ToyKind, toy

SAVES_SAFELY, SAME_AFTER_LOADING = "saves safe files only", "same after loading in a fresh process"


class Cell(NamedTuple):
    """One method on one kind of toy, with one model."""

    method: Method
    kind: ToyKind
    model: Model | None

    @property
    def reason(self) -> str | None:
        """Why the method skips it; None where it can."""
        data = toy(self.kind)
        return self.method.skip_reason(data.task, self.model if self.method.model_kinds else None, data.train)


class Passed(NamedTuple):
    """What became of a cell: the checks passed, or the reason it was skipped for."""

    checks: tuple[str, ...]
    skipped: str | None = None


def check_method(
    method: Method,
    model: Model | None = None,
    *,
    kinds: Sequence[ToyKind] = TOY_KINDS,
    beats_majority: bool = True,
    opener: str = OPENER,
) -> list[str]:
    """Run the contract of a method; see `check_methods`, which shares one fresh process between many."""
    return check_methods([method], model, kinds=kinds, beats_majority=beats_majority, opener=opener)[method.name]


def check_methods(
    methods: Sequence[Method],
    model: Model | None = None,
    *,
    kinds: Sequence[ToyKind] = TOY_KINDS,
    beats_majority: bool = True,
    opener: str = OPENER,
) -> dict[str, list[str]]:
    """Run the contract on `methods`, each of another name.

    Args:
        model: the base model, for those that need one.
        kinds: what they are tried on: one label, several, pairs of texts, inputs of no class, entities, texts. A method that
            cannot do one of them says so by its `skip_reason`; it can do one at least.
        beats_majority: whether a method has to be better than always answering one label. False for a model with random weights
            under a method that learns nothing.
        opener: `module:function` that opens the base model by its name in a fresh process.

    Returns:
        The names of the checks passed, by method; those of all kinds but `classify` end with the kind.

    Raises:
        AssertionError: a promise is broken; the message begins with the check's name.
    """
    cells = [Cell(method, kind, model) for method, kind in itertools.product(methods, kinds)]
    passed: dict[str, list[str]] = {method.name: [] for method in methods}
    done: dict[str, list[Passed]] = {method.name: [] for method in methods}
    for cell, result in zip(cells, check_cells(cells, beats_majority=beats_majority, opener=opener), strict=True):
        done[cell.method.name].append(result)
        names = result.checks if result.skipped is None else ("says why not",)
        passed[cell.method.name] += [name if cell.kind == "classify" else f"{name}, {cell.kind}" for name in names]
    for name, results in done.items():
        with check(f"can do something ({name})"):
            assert any(result.skipped is None for result in results), f"skips the toy task: {results[0].skipped}"
    return passed


def check_cells(cells: Sequence[Cell], *, beats_majority: bool = True, opener: str = OPENER) -> list[Passed]:
    """Run the contract on every cell that its method does not skip; all are then loaded in one fresh process.

    Raises:
        AssertionError: see `check_methods`.
    """
    results: list[Passed] = []
    kept: dict[int, _Kept] = {}
    with tempfile.TemporaryDirectory() as place:
        for number, cell in enumerate(cells):
            with check(f"gives a reason or none ({cell.method.name}, {cell.kind})"):
                reason = cell.reason
                assert_reason(reason)
            results.append(Passed((), reason))
            if reason is None:
                names, kept[number] = _checked(cell, beats_majority, Path(place) / str(number))
                results[number] = Passed((*names, SAVES_SAFELY, SAME_AFTER_LOADING))
        again = predict_in_fresh_process(
            [one.saved for one in kept.values()], [[*one.toy.inputs, *one.toy.odd] for one in kept.values()], opener
        )
    for one, predictions in zip(kept.values(), again, strict=True):
        with check(f"{SAME_AFTER_LOADING} ({one.told})"):
            assert_same(one.expected, predictions)
    return results


class _Kept(NamedTuple):
    """A fitted method on disk, what it was asked, and its answers here."""

    saved: Saved
    toy: Toy
    expected: list[Prediction]
    told: str


def _checked(cell: Cell, beats_majority: bool, folder: Path) -> tuple[list[str], _Kept]:
    checks = MethodChecks(cell.method, cell.model, cell.kind)
    names = checks.run(beats_majority)
    with check(f"{SAVES_SAFELY} ({checks.told})"):
        saved = Saved.write(cell.method, checks.fitted, checks.model, folder)
    expected = checks.fitted.predict([*checks.toy.inputs, *checks.toy.odd])
    return names, _Kept(saved, checks.toy, expected, checks.told)
