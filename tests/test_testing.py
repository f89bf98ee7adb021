"""The contract catches methods that break it: one broken promise each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rung.methods.majority import FittedMajority, Majority
from rung.task import Input, Prediction, as_input
from rung.testing import assert_same, check_method, predict_in_fresh_process, toy
from rung.testing.checks import MethodChecks
from rung.testing.fresh import Saved

COUNTER = itertools.count()


class Sound(Majority):
    """Keyed by words; passes. The broken ones differ from it in one place."""

    knob: int = 1

    def fit(self, *args: Any, **kwargs: Any) -> FittedMajority:
        fitted = super().fit(*args, **kwargs)
        kept = vars(fitted) | {"method": self}
        kept.pop("details")
        return self.fitted_class()(**kept)

    @classmethod
    def fitted_class(cls) -> type[FittedMajority]:
        return FittedMajority


def _broken(name: str, **parts: Any) -> Majority:
    """A method whose fitted form has `parts` replaced."""
    fitted = type("Fitted" + name, (FittedMajority,), parts)
    return type(name, (Sound,), {"fitted_class": classmethod(lambda cls: fitted), "__annotations__": {}})()


def test_a_sound_method_passes_and_lists_its_checks() -> None:
    passed = check_method(Majority())
    assert {"knobs survive json", "empty in empty out", "same after loading in a fresh process"} <= set(passed)
    assert len(passed) == len(set(passed)) >= 14


def _one_too_many(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    return FittedMajority.predict(self, [*inputs, as_input("x")] if inputs else [])


def _forgets_empty(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    return FittedMajority.predict(self, inputs or [as_input("x")])


def _by_place(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    """The answer depends on the number of inputs."""
    share = 1 / (2 + len(inputs))
    return [
        replace(p, probabilities=(1 - 2 * share, share, share), confidence=1 - 2 * share) for p in _plain(self, inputs)
    ]


def _plain(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    return FittedMajority.predict(self, inputs)


def _chokes(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    if any("\x00" in item.text for item in inputs):
        raise ValueError("embedded null")
    return _plain(self, inputs)


def _unlisted(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    return [replace(p, output="sports") for p in _plain(self, inputs)]


def _overconfident(self: Any, inputs: Sequence[Input]) -> list[Prediction]:
    return [replace(p, confidence=1.5) for p in _plain(self, inputs)]


@pytest.mark.parametrize(
    ("predict", "check"),
    [
        (_one_too_many, "one prediction an input in order"),
        (_forgets_empty, "empty in empty out"),
        (_by_place, "no prediction depends on neighbours"),
        (_chokes, "odd texts survive"),
        (_unlisted, "one prediction an input in order"),
        (_overconfident, "one prediction an input in order"),
    ],
)
def test_broken_predictions_are_caught(predict: Any, check: str) -> None:
    with pytest.raises(AssertionError, match=f"^{check}"):
        check_method(_broken("Broken", predict=predict), beats_majority=False)


def test_weights_that_change_with_every_fit_are_caught() -> None:
    broken = _broken("Restless", weights_sha=property(lambda self: f"{next(COUNTER)}"))
    with pytest.raises(AssertionError, match=r"^same seed same answers"):
        check_method(broken, beats_majority=False)


def test_a_pickle_is_caught() -> None:
    def save(self: FittedMajority, folder: Path) -> None:
        FittedMajority.save(self, folder)
        (folder / "weights.pkl").write_bytes(b"")

    with pytest.raises(AssertionError, match=r"^saves safe files only.*weights\.pkl"):
        check_method(_broken("Pickler", save=save), beats_majority=False)


class SkipRaises(Majority):
    """Its reason to skip is an exception where there are no rows."""

    def skip_reason(self, task: Any, model: Any, train: Any) -> str | None:
        return None if train[0] else "no rows"


class ChangesData(Majority):
    """Sorts the rows it was given."""

    def fit(self, task: Any, train: Any, validation: Any, model: Any, context: Any, kit: Any) -> FittedMajority:
        object.__setattr__(train[0], "output", "food")
        return super().fit(task, train, validation, model, context, kit)


@pytest.mark.parametrize(
    ("cls", "check"), [(SkipRaises, "skip reasons never raise"), (ChangesData, "fit changes nothing")]
)
def test_broken_methods_are_caught(cls: type[Majority], check: str) -> None:
    with pytest.raises(AssertionError, match=f"^{check}"):
        check_method(cls(), beats_majority=False)


def test_a_method_that_learns_nothing_does_not_beat_majority() -> None:
    checks = MethodChecks(Majority(), None)
    with pytest.raises(AssertionError, match="5 of 15 right"):
        checks.beats_majority()


def test_a_method_that_loads_something_else_is_caught(tmp_path: Path) -> None:
    data = toy()
    checks = MethodChecks(Majority(), None)
    saved = Saved.write(checks.method, checks.fitted, None, tmp_path)
    assert_same(checks.fitted.predict(data.inputs), predict_in_fresh_process([saved], [data.inputs])[0])
    record = tmp_path / "fitted.json"
    record.write_text(record.read_text().replace('"output": "weather"', '"output": "food"'))
    changed = predict_in_fresh_process([saved], [data.inputs])[0]
    assert {p.output for p in changed} == {"food"}


def test_a_folder_that_cannot_be_loaded_says_what_the_process_said(tmp_path: Path) -> None:
    saved = Saved("rung.methods.majority:Majority", tmp_path, toy().task, None)
    with pytest.raises(AssertionError, match="no fitted method lies here"):
        predict_in_fresh_process([saved], [toy().inputs])


def test_rounding_may_only_change_close_calls() -> None:
    close, clear = Prediction("a", 0.505, (0.505, 0.495)), Prediction("a", 0.6, (0.6, 0.4))
    assert_same([close], [Prediction("b", 0.505, (0.495, 0.505))])
    with pytest.raises(AssertionError, match="row 0"):
        assert_same([clear], [Prediction("b", 0.6, (0.59, 0.41))])
    with pytest.raises(AssertionError, match=r"differ by 0\.1"):
        assert_same([clear], [Prediction("a", 0.7, (0.7, 0.3))])
    with pytest.raises(AssertionError, match="1 predictions against 0"):
        assert_same([clear], [])


def test_the_toy_set_is_split_without_overlap() -> None:
    data = toy()
    texts = [row.input.text for part in (data.train, data.validation, data.test) for row in part]
    assert (len(data.train), len(data.validation), len(data.test)) == (30, 9, 15)
    assert len(set(texts)) == len(texts)
