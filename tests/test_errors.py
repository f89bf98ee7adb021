"""Errors say what, where, given, allowed and what to do; they cross process borders whole."""

from __future__ import annotations

import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from rung import errors
from rung.errors import DataError, MissingExtraError, RungError, UnknownNameError, UsageError

EVERY = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, RungError)]


def test_the_whole_message() -> None:
    error = DataError(
        "the column is missing",
        where="train.jsonl, line 3",
        given="labl",
        allowed=["label", "text"],
        remedy="rename it",
    )
    assert str(error).splitlines() == [
        "train.jsonl, line 3: the column is missing",
        "  given: labl",
        "  allowed: label, text",
        "  what to do: rename it",
    ]
    assert str(RungError("plain")) == "plain"


def test_what_was_given_is_shortened_and_shown_on_one_line() -> None:
    error = DataError("too long", given="a\n\x00" + "x" * 500)
    assert error.given is not None
    assert error.given.startswith("a\\n\\x00xxx")
    assert len(error.given) < 150
    assert str(DataError("too long", given="x" * 505)).endswith("x… (505 characters)")
    assert len(str(error).splitlines()) == 2
    assert DataError("x", given=0).given == "0"


@pytest.mark.parametrize("cls", EVERY)
def test_every_error_survives_pickling(cls: type[RungError]) -> None:
    error = cls("what", where="here", given=3, allowed=("a", "b"), remedy="this")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 our own bytes
    assert type(copy) is cls
    assert (str(copy), copy.args, copy.__dict__) == (str(error), error.args, error.__dict__)


def test_misuse_is_exit_2_and_failure_is_exit_1() -> None:
    for cls in EVERY:
        assert cls.exit_code == (2 if issubclass(cls, UsageError) else 1)


def test_the_tree_drawn_on_top_is_the_tree() -> None:
    drawn = {word for line in (errors.__doc__ or "").splitlines() for word in line.split() if word.endswith("Error")}
    assert {cls.__name__ for cls in EVERY} <= drawn


def test_nearest_names() -> None:
    near = UnknownNameError.nearest("method", "lorra", ["majority", "lora"], remedy="see the list")
    assert str(near).splitlines() == [
        "there is no method named 'lorra'",
        "  allowed: lora, majority",
        "  what to do: did you mean 'lora'?",
    ]
    assert UnknownNameError.nearest("method", "zzz", ["lora"], remedy="see the list").remedy == "see the list"


def test_missing_extra_names_its_command() -> None:
    error = MissingExtraError.of("datasets", "hub", "reading hub datasets")
    assert error.remedy == "pip install 'rung[hub]'"


def _raise(text: str) -> None:
    raise UnknownNameError.nearest("model", text, ["minilm"])


def test_errors_cross_process_borders() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
        pytest.raises(UnknownNameError, match="no model named 'minilmm'") as caught,
    ):
        pool.submit(_raise, "minilmm").result()
    assert caught.value.remedy == "did you mean 'minilm'?"
