"""Figures as text."""

from __future__ import annotations

import doctest
import math

import pytest

from rung.evaluation.summary import MetricValue
from rung.report import formats


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(formats).failed == 0


@pytest.mark.parametrize(
    "show", [formats.percent, formats.points, formats.dollars, formats.milliseconds, formats.seconds, formats.sha]
)
def test_an_undefined_number_is_a_dash_and_never_zero(show) -> None:  # type: ignore[no-untyped-def]
    assert show(None) == "–"


def test_an_interval_without_both_ends_is_a_dash() -> None:
    assert formats.interval(None) == "–"
    assert formats.interval(MetricValue(value=0.5, low=0.4)) == "–"
    assert formats.interval(MetricValue(value=0.5, low=0.401, high=0.62)) == "40.1–62.0"


@pytest.mark.parametrize(("value", "text"), [(0.0, "$0"), (0.0009999, "$0.0010"), (12.34, "$12"), (1234.0, "$1,200")])
def test_dollars_have_two_significant_digits(value: float, text: str) -> None:
    assert formats.dollars(value) == text


def test_finite_replaces_only_what_json_cannot_say() -> None:
    value = {"a": math.nan, "b": [math.inf, 1.5], "c": ("x", None), 3: True}
    assert formats.finite(value) == {"a": None, "b": [None, 1.5], "c": ["x", None], "3": True}


def test_answers_as_words() -> None:
    assert formats.output_text(None) == "no answer"
    assert formats.output_text(()) == "no label"
    assert formats.output_text(("a", "b")) == "a + b"


def test_shortened_text_fits_and_says_that_it_was_cut() -> None:
    assert formats.shorten("abcdef", 6) == "abcdef"
    assert formats.shorten("abcdefg", 6) == "abcde…"
    assert formats.cells("ab漢字e\u0301") == 7
