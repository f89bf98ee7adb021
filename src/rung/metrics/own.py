"""A user's own score of a text: a Python function from a file beside the task file. Runs it and checks what it returns.

The function takes the references (a list of texts), the answer and the input (texts), and returns a number in [0, 1]:

    def politeness(expected, output, input):
        return float("please" in output)

The file stands alone: it imports installed packages and nothing that lies beside it, so that the sha-256 of its text says wholly
what arms were judged by. A missing or blank answer scores 0 without being asked.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

from rung.errors import UsageError
from rung.metrics.generation import is_empty
from rung.metrics.ngrams import references_of
from rung.task import Output, OwnMetric

SHAPE = "def FUNCTION(expected, output, input), which returns a number in [0, 1]"


def own_score(metric: OwnMetric, expected: Output, output: str | None, text: str, row: str) -> float:
    """What the user's function says about one answer; `row` is how messages call it.

    Raises:
        UsageError: the file cannot be run, has no such function, or the function raises or returns no number in [0, 1].
    """
    function = _loaded(metric)
    if output is None or is_empty(output):
        return 0.0
    try:
        found = function(list(references_of(expected)), output, text)
    except Exception as error:
        raise _failed(
            metric, f"{metric.function} raised {_told(error)}{_line(metric, error)} on row {row}", output
        ) from None
    try:
        score = float(found)
    except (TypeError, ValueError):
        score = math.nan
    if isinstance(found, str) or not 0 <= score <= 1:
        message = f"{metric.function} returned no number in [0, 1] on row {row}"
        raise UsageError(message, where=metric.file, given=repr(found), allowed="a number from 0 (bad) to 1 (good)")
    return score


@lru_cache(maxsize=8)
def _loaded(metric: OwnMetric) -> Callable[..., Any]:
    module = ModuleType("own_metric")
    module.__file__ = metric.file
    try:
        # the user's own file, named in their own task file; nothing that came over a network is run here
        exec(compile(metric.source, metric.file, "exec"), module.__dict__)
    except Exception as error:
        raise _failed(metric, f"it cannot be run: {_told(error)}{_line(metric, error)}") from None
    function = getattr(module, metric.function, None)
    if not callable(function):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        near = difflib.get_close_matches(metric.function, names, n=1, cutoff=0.5)
        remedy = f"did you mean {near[0]!r}?" if near else f"write {SHAPE}"
        raise UsageError(f"there is no function {metric.function!r}", where=metric.file, allowed=names, remedy=remedy)
    return function


def _failed(metric: OwnMetric, message: str, given: str | None = None) -> UsageError:
    return UsageError(message, where=metric.file, given=given, remedy=f"mend it: {SHAPE}")


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _line(metric: OwnMetric, error: Exception) -> str:
    """The last line of the user's file that took part."""
    line, trace = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == metric.file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" (line {line})" if line else ""
