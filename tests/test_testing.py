"""The contract catches methods that break it: one broken promise each."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pairwise import covering, pairs_of
from rung.entities import Entity, dump, parse
from rung.methods.majority import FittedMajority, Majority
from rung.task import Input, Prediction, as_input
from rung.testing import (
    TOY_KINDS,
    ToyKind,
    assert_same,
    assert_sound,
    check_method,
    predict_in_fresh_process,
    toy,
)
from rung.testing.checks import MethodChecks
from rung.testing.fresh import Saved
from rung.testing.toy import filled

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


@pytest.mark.parametrize("kind", TOY_KINDS)
def test_the_toy_sets_are_split_without_overlap(kind: ToyKind) -> None:
    data = toy(kind)
    texts = [row.input.text for part in (data.train, data.validation, data.test) for row in part]
    assert (len(data.train), len(data.validation)) == (30, 9) and len(data.test) == (23 if kind == "scope" else 15)
    assert len(set(texts)) == len(texts) or kind == "extract", "the sentence without entities comes back"
    for row in (*data.train, *data.validation, *data.test):
        answer = Prediction(row.output[0] if kind == "generate" and isinstance(row.output, tuple) else row.output, None)
        assert_sound(answer, data.task, row.input)


def test_entities_of_the_toy_stand_where_they_are_said_to_stand() -> None:
    text, entities = filled("From {city} to {city2} 🍕 for {person}", 2)
    assert text == "From São Paulo to Madrid 🍕 for Ahmed"
    assert [text[e.start : e.end] for e in entities] == [e.text for e in entities] == ["São Paulo", "Madrid", "Ahmed"]
    words = {e.text for row in toy("extract").train for e in parse(str(row.output))}
    assert {e.text for row in toy("extract").test for e in parse(str(row.output))} <= words, "nothing unseen is asked"


CITY = Entity("city", "Rome", 3, 7)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("no JSON", "Expecting value"),
        (dump([CITY]).replace(" ", ""), "not the canonical"),
        (dump([CITY._replace(type="planet")]), "no type of the task"),
        (dump([CITY._replace(start=4, end=8)]), "does not stand at 4"),
        (("city",), "not the JSON text"),
    ],
)
def test_unsound_entities_are_caught(output: Any, message: str) -> None:
    assert_sound(Prediction(dump([CITY])), toy("extract").task, as_input("To Rome!"))
    with pytest.raises((AssertionError, ValueError), match=message):
        assert_sound(Prediction(output), toy("extract").task, as_input("To Rome!"))


def test_entities_may_differ_where_it_is_a_close_call_and_seldom() -> None:
    nothing, found = Prediction(dump([]), 0.4), Prediction(dump([CITY]), 0.41)
    same = [nothing] * 9
    assert_same([nothing, *same], [found, *same])
    with pytest.raises(AssertionError, match="row 0"):
        assert_same([replace(nothing, confidence=0.9)], [replace(found, confidence=0.9)])
    with pytest.raises(AssertionError, match="row 0"):
        assert_same([nothing, *same], [found, *same], bound=1e-6)
    with pytest.raises(AssertionError, match="10 of 10 outputs differ"):
        assert_same([nothing] * 10, [found] * 10)


class Choosy(Majority):
    """Skips all but one label a text."""

    reason: str = "no"

    def skip_reason(self, task: Any, model: Any, train: Any) -> str | None:
        simple = task.kind == "classify" and not task.multi_label and task.out_of_scope is None
        return None if simple else self.reason


def test_a_kind_that_is_skipped_needs_a_reason() -> None:
    passed = check_method(Choosy(), kinds=("classify", "extract"), beats_majority=False)
    assert passed[-1] == "says why not, extract"
    with pytest.raises(AssertionError, match=r"^gives a reason or none .*extract"):
        check_method(Choosy(reason=" "), kinds=("extract",))
    with pytest.raises(AssertionError, match=r"^can do something .*skips the toy task: no"):
        check_method(Choosy(), kinds=("extract", "several"))


def test_every_two_values_meet_in_fewer_combinations() -> None:
    cells = [(a, b, c) for a in "abcd" for b in "efgh" for c in "ijkl" if (a, c) != ("a", "i")]
    chosen = covering(cells)
    assert set().union(*map(pairs_of, chosen)) == set().union(*map(pairs_of, cells))
    assert 16 <= len(chosen) <= 24 and chosen == covering(cells) == sorted(chosen)
